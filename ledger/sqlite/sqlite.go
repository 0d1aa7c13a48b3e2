// Package sqlite keeps a ledger in one SQLite file, described in
// docs/format/ledger.md.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	engine "footfall/engine/sqlite"
	"footfall/ledger"
	"footfall/ledger/rows"
)

// File is the name of the file in its directory.
const File = "ledger.sqlite"

// Options says where the ledger is.
type Options struct {
	Dir string // that holds the file, and must exist
}

// Book keeps a ledger in an SQLite file. It is safe for concurrent use, and
// several processes may have the same file open: who changes waits for who
// changes, who looks waits for nobody.
type Book struct {
	file   *engine.File
	writer *sql.DB // one connection
	reader *sql.DB
}

var _ ledger.Book = (*Book)(nil)

const (
	readers = 4 // connections, each with up to 16 MB of pages
	reading = "_cache_size=-16000&_stmt_cache_size=100"
)

// Open opens or creates the ledger in a directory. The caller must Close the
// Book.
func Open(o Options) (*Book, error) {
	f, err := engine.Open(filepath.Join(o.Dir, File), kind)
	if err != nil {
		return nil, err
	}
	f.Wipe() // what was forgotten before a crash may still be in the log
	return &Book{f, f.Writer, f.Reader(readers, reading)}, nil
}

// Copy writes what is in a ledger's file, which may be open, to another path.
func Copy(ctx context.Context, from, to string) error { return engine.Copy(ctx, from, to, kind) }

// Close closes the file.
func (b *Book) Close() error { return b.file.Close() }

// View is ledger.Book.
func (b *Book) View(ctx context.Context, fn func(ledger.Tx) error) error {
	return b.on(ctx, b.reader, func(t *sql.Tx) error { return dialect.View(ctx, t, fn) })
}

// Change is ledger.Book.
func (b *Book) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	forgot := false
	err := b.on(ctx, b.writer, func(t *sql.Tx) (err error) {
		if forgot, err = dialect.Change(ctx, t, fn); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return t.Commit()
	})
	if err == nil && forgot {
		b.file.Wipe()
	}
	return err
}

// on begins a transaction, and tells whose file is damaged.
func (b *Book) on(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	err := b.file.On(ctx, db, func(_ *sql.Conn, t *sql.Tx) error { return fn(t) })
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("ledger: %w", err)
	}
	return err
}

// dialect is what the rows must know of SQLite.
var dialect = rows.Dialect{Taken: engine.Taken}
