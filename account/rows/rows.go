// Package rows keeps control data in tables: sites, people, keys, shares, links,
// sessions, segments, the audit log and the daily salts. What account/sqlite and
// account/postgres have in common is here; they open the tables.
package rows

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"footfall/account"
	"footfall/event"
)

// Tables are where control data is. SQL is written as for SQLite, with
// parameters ? and ?1.
type Tables interface {
	// Change runs fn in a transaction once no other Change of these tables runs, in
	// this process or another. Nil: it is on disk; else nothing has changed.
	Change(ctx context.Context, fn func(*sql.Tx) error) error
	// Reader asks single questions of what is committed. Its errors are for Said.
	Reader() *sql.DB
	// Said adds to an error what to do about it, if it is the database's.
	Said(err error) error
	// Destroy removes the salts of the days before one. It is false if somebody
	// who reads the tables keeps it from destroying all that can be.
	Destroy(ctx context.Context, before event.Day) (all bool, err error)
	Close() error
}

// Store keeps control data in tables. It is safe for concurrent use, and several
// processes may have the same tables open.
type Store struct {
	tables Tables
	stop   context.CancelFunc
	done   sync.WaitGroup

	asking sync.Mutex // one at a time makes or destroys salts
	mu     sync.RWMutex
	salts  map[event.Day][]byte
	swept  event.Day // every salt older than the day before this one is destroyed
}

// Open destroys salts that are too old, and goes on doing so. The caller must
// Close the Store, which closes the tables; Open closes them if it fails.
func Open(ctx context.Context, tables Tables) (*Store, error) {
	s := &Store{tables: tables, salts: map[event.Day][]byte{}}
	if err := s.sweep(ctx, event.DayOf(time.Now())); err != nil {
		tables.Close()
		return nil, err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() { s.sweepDaily(ctx) })
	return s, nil
}

// Close ends the Store's own work and closes the tables.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return s.tables.Close()
}

// exec runs one statement that writes.
func (s *Store) exec(ctx context.Context, query string, values ...any) (r sql.Result, err error) {
	err = s.tables.Change(ctx, func(tx *sql.Tx) error {
		r, err = tx.ExecContext(ctx, query, values...)
		return err
	})
	return r, err
}

// one asks for one row.
func (s *Store) one(ctx context.Context, query string, values ...any) scanner {
	return row{s.tables.Reader().QueryRowContext(ctx, query, values...), s.tables}
}

// row is a row that is account.ErrNotFound if there is none.
type row struct {
	*sql.Row
	tables Tables
}

// Scan is sql.Row's.
func (r row) Scan(into ...any) error { return r.tables.Said(none(r.Row.Scan(into...))) }

// list reads the rows of a query.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, values ...any) (all []T, err error) {
	rows, err := s.tables.Reader().QueryContext(ctx, query, values...)
	if err != nil {
		return nil, s.tables.Said(err)
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, s.tables.Said(err)
		}
		all = append(all, one)
	}
	return all, s.tables.Said(rows.Err())
}

type scanner interface{ Scan(...any) error }

// known is account.ErrNotFound if there is no such site or person.
func known(ctx context.Context, tx *sql.Tx, table, id string) error {
	return none(tx.QueryRowContext(ctx, "SELECT id FROM "+table+" WHERE id = ?", id).Scan(new(string)))
}

// hit is account.ErrNotFound if a statement changed nothing.
func hit(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return account.ErrNotFound
}

// milli and instant are times as they are kept; zero is NULL.
func milli(t time.Time) sql.NullInt64 { return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()} }

func instant(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}

// none turns "no such row" into account.ErrNotFound.
func none(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return account.ErrNotFound
	}
	return err
}
