// Package rows keeps a ledger in tables of an SQL database: what SQLite and
// PostgreSQL have in common, which is all but opening, beginning and ending. The
// tables are described in docs/format/ledger.md.
package rows

import (
	"context"
	"database/sql"
	"errors"

	"footfall/event"
	"footfall/ledger"
)

// Dialect is what tells engines apart. All take SQL with ? for values, and know
// savepoints, ON CONFLICT and comparisons of rows.
type Dialect struct {
	// Taken reports whether an error is the breach of a unique index.
	Taken func(error) bool
	// Ends tells that a statement is given its context and ends with it. Without
	// it, the context is asked between statements and rows.
	Ends bool
}

// View runs fn in a transaction, which it does not end.
func (d Dialect) View(ctx context.Context, t *sql.Tx, fn func(ledger.Tx) error) error {
	return fn(d.tx(ctx, t, true))
}

// Change runs fn in a transaction, which it does not end; forgot tells that keys
// were forgotten, of which no trace should stay.
func (d Dialect) Change(ctx context.Context, t *sql.Tx, fn func(ledger.Tx) error) (forgot bool, err error) {
	x := d.tx(ctx, t, false)
	err = fn(x)
	return x.forgot, err
}

func (d Dialect) tx(ctx context.Context, t *sql.Tx, viewing bool) *tx {
	x := &tx{ctx: ctx, asks: ctx, sql: t, dialect: d, viewing: viewing}
	if !d.Ends {
		x.asks = context.WithoutCancel(ctx)
	}
	return x
}

// tx is ledger.Tx.
type tx struct {
	ctx     context.Context
	asks    context.Context // of statements
	sql     *sql.Tx
	dialect Dialect
	viewing bool
	forgot  bool // something that must not stay in the log
}

func (x *tx) Set() ledger.Setup       { return setup{x} }
func (x *tx) Traffic() ledger.Traffic { return traffic{x} }
func (x *tx) Orders() ledger.Orders   { return orders{x} }
func (x *tx) Money() ledger.Money     { return money{x} }
func (x *tx) Figures() ledger.Figures { return figures{x} }

func (x traffic) Reading() ledger.Reading { return position(x) }

// exec runs a statement that writes, and counts the rows.
func (x *tx) exec(query string, values ...any) (int64, error) {
	if x.viewing {
		return 0, errors.New("a View does not write: use Change")
	}
	if err := x.ctx.Err(); err != nil {
		return 0, err
	}
	result, err := x.sql.ExecContext(x.asks, query, values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each reads rows.
func (x *tx) each(scan func(*sql.Rows) error, query string, values ...any) error {
	rows, err := x.sql.QueryContext(x.asks, query, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads one row; false if there is none.
func (x *tx) one(query string, values []any, into ...any) (found bool, err error) {
	if err := x.ctx.Err(); err != nil {
		return false, err
	}
	err = x.sql.QueryRowContext(x.asks, query, values...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// whole runs fn, of which nothing stays if it fails.
func (x *tx) whole(fn func() error) error {
	if _, err := x.exec("SAVEPOINT part"); err != nil {
		return err
	}
	err := fn()
	if err != nil {
		if _, failed := x.sql.ExecContext(x.asks, "ROLLBACK TO part"); failed != nil {
			return errors.Join(err, failed)
		}
	}
	_, failed := x.sql.ExecContext(x.asks, "RELEASE part")
	return errors.Join(err, failed)
}

// unique turns the breach of a unique index into ledger.ErrTaken.
func (x *tx) unique(err error) error {
	if err != nil && x.dialect.Taken(err) {
		return ledger.ErrTaken
	}
	return err
}

// position is ledger.Reading.
type position struct{ *tx }

func (x position) Position() (p event.Position, err error) {
	var epoch, seq, total int64 // keep their bits
	_, err = x.one("SELECT epoch, seq, total FROM position", nil, &epoch, &seq, &total)
	return event.Position{Epoch: uint64(epoch), Seq: uint64(seq), Total: uint64(total)}, err
}

func (x position) SetPosition(p event.Position) error {
	_, err := x.exec("INSERT INTO position (one, epoch, seq, total) VALUES (1,?,?,?) ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, total = excluded.total",
		int64(p.Epoch), int64(p.Seq), int64(p.Total))
	return err
}
