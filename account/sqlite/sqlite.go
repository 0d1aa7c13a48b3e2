// Package sqlite keeps control data in one SQLite file: sites, people, keys,
// shares, links, sessions, segments, the audit log and the daily salts.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"footfall/account"
	engine "footfall/engine/sqlite"
	"footfall/event"
)

// Store keeps control data in an SQLite file. Several processes may have the
// same file open.
type Store struct {
	file *engine.File
	db   *sql.DB
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.RWMutex
	salts map[event.Day][]byte
	swept event.Day // every salt older than the day before this one is destroyed
}

// Open opens or creates the file at path, brings its schema up to date and
// destroys salts that are too old. The caller must Close the Store.
func Open(path string) (*Store, error) {
	f, err := engine.Open(path, kind)
	if err != nil {
		return nil, err
	}
	// One connection: no reader can keep a destroyed salt in the log.
	s := &Store{file: f, db: f.Writer, stop: make(chan struct{}), salts: map[event.Day][]byte{}}
	if err := s.sweep(event.DayOf(time.Now())); err != nil {
		f.Close()
		return nil, err
	}
	s.done.Go(s.sweepDaily)
	return s, nil
}

// Close ends the Store's own work and closes the file.
func (s *Store) Close() error {
	close(s.stop)
	s.done.Wait()
	return s.file.Close()
}

// within runs f in a transaction that holds the write lock from its start.
func (s *Store) within(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// exists is account.ErrNotFound if there is no such site.
func exists(ctx context.Context, tx *sql.Tx, site string) error {
	return none(tx.QueryRowContext(ctx, "SELECT id FROM sites WHERE id = ?", site).Scan(new(string)))
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

// list reads the rows of a query.
func list[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

type scanner interface{ Scan(...any) error }

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
