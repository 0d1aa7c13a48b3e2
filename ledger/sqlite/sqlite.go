// Package sqlite keeps a ledger in one SQLite file, described in
// docs/format/ledger.md.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"

	"footfall/event"
	"footfall/ledger"
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
	writer *sql.DB // one connection
	reader *sql.DB

	closing chan struct{}  // closed by Close
	wiping  sync.WaitGroup // see wipe
}

var _ ledger.Book = (*Book)(nil)

// What Change returned nil for is on disk (synchronous=FULL). Forgotten keys and
// old secrets are overwritten (secure_delete). Each connection prepares a
// statement once, and keeps it.
const (
	writing = "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=" + patience + "&_txlock=immediate&_cache_size=-32000&_stmt_cache_size=100&_secure_delete=on"
	reading = "_query_only=on&_busy_timeout=" + patience + "&_cache_size=-16000&_stmt_cache_size=100"
	readers = 4 // connections, each with up to 16 MB of pages

	patience = "10000" // ms, for another program that writes
	logEmpty = "PRAGMA wal_checkpoint(TRUNCATE)"
)

// Open opens or creates the ledger in a directory. The caller must Close the
// Book.
func Open(o Options) (*Book, error) {
	path := filepath.Join(o.Dir, File)
	// The driver would make the file readable for everybody.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f.Close()
	var dbs [2]*sql.DB
	for i, options := range []string{writing, reading} {
		dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options}).String()
		if dbs[i], err = sql.Open("sqlite3", dsn); err != nil {
			return nil, fmt.Errorf("ledger: %w", err) // no connection is open yet
		}
	}
	b := &Book{writer: dbs[0], reader: dbs[1], closing: make(chan struct{})}
	b.writer.SetMaxOpenConns(1)
	b.reader.SetMaxOpenConns(readers)
	b.reader.SetMaxIdleConns(readers)
	if err := prepare(b.writer, path); err != nil {
		b.Close()
		return nil, err
	}
	b.wipe() // what was forgotten before a crash may still be in the log
	return b, nil
}

// Close closes the file.
func (b *Book) Close() error {
	close(b.closing)
	b.wiping.Wait()
	// The writer last: it moves what stands in the write-ahead log into the file.
	return errors.Join(b.reader.Close(), b.writer.Close())
}

// View is ledger.Book.
func (b *Book) View(ctx context.Context, fn func(ledger.Tx) error) error {
	return on(ctx, b.reader, func(t *sql.Tx) error { return fn(&tx{ctx: ctx, sql: t, viewing: true}) })
}

// Change is ledger.Book.
func (b *Book) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	forgot := false
	err := on(ctx, b.writer, func(t *sql.Tx) error {
		x := &tx{ctx: ctx, sql: t}
		if err := fn(x); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		forgot = x.forgot
		return t.Commit()
	})
	if err == nil && forgot {
		b.wipe()
	}
	return err
}

// on waits for a connection and begins a transaction on it, which is rolled back
// unless fn commits. The driver would start a goroutine for each statement under
// a context that can end; so tx asks the context itself.
func on(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return judged(err)
	}
	defer conn.Close()
	t, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return judged(err)
	}
	defer t.Rollback() // does nothing after Commit
	return judged(fn(t))
}

// wipeEvery is how often wipe tries.
const wipeEvery = 100 * time.Millisecond

// wipe empties the log, which still has what was removed from the file. While
// somebody reads what was there before, it goes on trying behind its return.
func (b *Book) wipe() {
	if b.wiped() {
		return
	}
	b.wiping.Go(func() {
		for !b.wiped() {
			select {
			case <-b.closing: // which empties it
				return
			case <-time.After(wipeEvery):
			}
		}
	})
}

// wiped tries to empty the log, waiting for nobody who reads: others wait to write.
func (b *Book) wiped() bool {
	ctx := context.Background()
	conn, err := b.writer.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return false
	}
	defer conn.ExecContext(ctx, "PRAGMA busy_timeout = "+patience)
	var busy, pages, moved int
	err = conn.QueryRowContext(ctx, logEmpty).Scan(&busy, &pages, &moved)
	return err == nil && busy == 0
}

// tx is ledger.Tx.
type tx struct {
	ctx     context.Context
	sql     *sql.Tx
	viewing bool
	forgot  bool // something that must not stay in the log
}

func (x *tx) Set() ledger.Setup       { return setup{x} }
func (x *tx) Traffic() ledger.Traffic { return traffic{x} }
func (x *tx) Orders() ledger.Orders   { return orders{x} }
func (x *tx) Money() ledger.Money     { return money{x} }
func (x *tx) Figures() ledger.Figures { return figures{x} }

// exec runs a statement that writes, and counts the rows.
func (x *tx) exec(query string, values ...any) (int64, error) {
	if x.viewing {
		return 0, errors.New("a View does not write: use Change")
	}
	if err := x.ctx.Err(); err != nil {
		return 0, err
	}
	result, err := x.sql.Exec(query, values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each reads rows.
func (x *tx) each(scan func(*sql.Rows) error, query string, values ...any) error {
	rows, err := x.sql.Query(query, values...)
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
	err = x.sql.QueryRow(query, values...).Scan(into...)
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
		if _, failed := x.sql.Exec("ROLLBACK TO part"); failed != nil {
			return errors.Join(err, failed)
		}
	}
	_, failed := x.sql.Exec("RELEASE part")
	return errors.Join(err, failed)
}

// unique turns the breach of a unique index into ledger.ErrTaken.
func unique(err error) error {
	var said sqlite3.Error
	if errors.As(err, &said) && said.ExtendedCode == sqlite3.ErrConstraintUnique {
		return ledger.ErrTaken
	}
	return err
}

func (x traffic) Reading() ledger.Reading { return position(x) }

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
