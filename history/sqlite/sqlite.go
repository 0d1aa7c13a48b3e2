// Package sqlite keeps histories in one SQLite file, described in
// docs/format/history.md: a row for each visitor, item and month, traits by
// date, memberships, and the outbox.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	_ "github.com/mattn/go-sqlite3" // the driver

	"footfall/history"
)

// Keeper keeps histories in an SQLite file. It is safe for concurrent use;
// who reads never waits for who writes.
type Keeper struct {
	writer *sql.DB // one connection: who writes waits for it
	reader *sql.DB
	walker *sql.DB // for Each and Replace: who walks may read meanwhile, so it takes none of the reader's connections
	path   string

	replacing chan struct{}  // full while a date is replaced
	closing   chan struct{}  // closed by Close
	wiping    sync.WaitGroup // see wipe
}

var (
	_ history.Store   = (*Keeper)(nil)
	_ history.Bases   = (*Keeper)(nil)
	_ history.Members = (*Keeper)(nil)
	_ history.Outbox  = (*Keeper)(nil)
)

// A write is on disk when it returns (synchronous=FULL): a notice goes out once
// it is told who moved, and a day that was replaced is no longer dirty in the
// bins, so that it would not be made again. What is removed is personal data
// and overwritten (secure_delete).
const (
	writing = "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=" + patience + "&_txlock=immediate&_cache_size=-32000&_stmt_cache_size=32&_secure_delete=on"
	reading = "_query_only=on&_busy_timeout=" + patience + "&_cache_size=-8000&_stmt_cache_size=16"
	readers = 4 // connections, each with up to 8 MB of pages

	patience = "10000" // ms, for another program that writes
)

// While a date is replaced, the log stays: it is moved into the file behind the
// commit, for which others may have to wait. Then it is cut to a size in bytes.
const (
	logSize  = "PRAGMA journal_size_limit = 67108864"
	logStay  = "PRAGMA wal_autocheckpoint = 0"
	logMove  = "PRAGMA wal_autocheckpoint = 1000; PRAGMA wal_checkpoint"
	logEmpty = "PRAGMA wal_checkpoint(TRUNCATE)"
)

// Open opens or creates the file at path, whose directory must exist. The
// caller must Close the Keeper.
func Open(path string) (*Keeper, error) {
	// The driver would make the file readable for everybody.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	f.Close()
	var dbs [3]*sql.DB
	for i, options := range []string{writing, reading, reading} {
		dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options}).String()
		if dbs[i], err = sql.Open("sqlite3", dsn); err != nil {
			return nil, fmt.Errorf("history: %w", err) // no connection is open yet
		}
	}
	k := &Keeper{writer: dbs[0], reader: dbs[1], walker: dbs[2], path: path, replacing: make(chan struct{}, 1), closing: make(chan struct{})}
	k.writer.SetMaxOpenConns(1)
	k.reader.SetMaxOpenConns(readers)
	k.reader.SetMaxIdleConns(readers)
	k.walker.SetMaxIdleConns(1)
	if err = prepare(k.writer, path); err == nil {
		_, err = k.writer.Exec(logSize + "; " + logEmpty) // what was removed before a crash may still be in it
	}
	if err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// Close closes the file.
func (k *Keeper) Close() error {
	close(k.closing)
	k.wiping.Wait()
	// The writer last: it moves what stands in the write-ahead log into the file.
	return errors.Join(k.reader.Close(), k.walker.Close(), k.writer.Close())
}

// look runs fn in a transaction that sees one moment.
func look(ctx context.Context, db *sql.DB, fn func(tx *sql.Tx) error) error {
	return on(ctx, db, func(_ *sql.Conn, tx *sql.Tx) error { return fn(tx) })
}

// write runs change in a transaction that is on disk when it returns nil, and
// has changed nothing if it does not.
func (k *Keeper) write(ctx context.Context, change func(tx *sql.Tx) error) error {
	return on(ctx, k.writer, func(_ *sql.Conn, tx *sql.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// on waits for a connection and begins a transaction on it, which is rolled
// back unless fn commits. The driver would start a goroutine for each statement
// under a context that can end; so fn asks the context where it takes long.
func on(ctx context.Context, db *sql.DB, fn func(conn *sql.Conn, tx *sql.Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return judged(err)
	}
	defer tx.Rollback() // does nothing after Commit
	return judged(fn(conn, tx))
}

const (
	findSite    = "SELECT number FROM sites WHERE site = ?"
	addSite     = "INSERT INTO sites (site) VALUES (?) RETURNING number"
	findVisitor = "SELECT id FROM visitors WHERE site = ? AND visitor = ?"
	addVisitor  = "INSERT INTO visitors SELECT ?1, coalesce(max(id), 0) + 1, ?2 FROM visitors WHERE site = ?1 RETURNING id"
	// bury removes a visitor of whom nothing is kept any more.
	bury = `DELETE FROM visitors WHERE site = ?1 AND id = ?2 AND NOT EXISTS (SELECT 1 FROM rows WHERE site = ?1 AND visitor = ?2)
		AND NOT EXISTS (SELECT 1 FROM traits WHERE site = ?1 AND visitor = ?2) AND NOT EXISTS (SELECT 1 FROM members WHERE site = ?1 AND visitor = ?2)`
)

// asker is a transaction or a connection.
type asker interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryRowContext(ctx context.Context, query string, values ...any) *sql.Row
}

// number is the number of a site or visitor; 0 if there is none.
func number(db asker, query string, values ...any) (n int64, err error) {
	err = db.QueryRowContext(context.Background(), query, values...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// siteNumber is the number of a site, which is given one if it has none.
func siteNumber(tx *sql.Tx, site string) (int64, error) {
	n, err := number(tx, findSite, site)
	if n == 0 && err == nil {
		n, err = number(tx, addSite, site)
	}
	return n, err
}
