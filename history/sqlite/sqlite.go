// Package sqlite keeps histories in one SQLite file, described in
// docs/format/history.md: a row for each visitor, item and month, traits by
// date, memberships, and the outbox.
package sqlite

import (
	"context"
	"database/sql"
	"errors"

	engine "footfall/engine/sqlite"
	"footfall/history"
)

// Keeper keeps histories in an SQLite file. It is safe for concurrent use;
// who reads never waits for who writes.
type Keeper struct {
	file   *engine.File
	writer *sql.DB // one connection: who writes waits for it
	reader *sql.DB
	walker *sql.DB // for Each and Replace: who walks may read meanwhile, so it takes none of the reader's connections
	path   string

	replacing chan struct{} // full while a date is replaced
}

var (
	_ history.Store   = (*Keeper)(nil)
	_ history.Bases   = (*Keeper)(nil)
	_ history.Members = (*Keeper)(nil)
	_ history.Outbox  = (*Keeper)(nil)
)

const (
	readers = 4 // connections, each with up to 8 MB of pages
	reading = "_cache_size=-8000&_stmt_cache_size=16"
)

// While a date is replaced, the log stays: it is moved into the file behind the
// commit, for which others may have to wait. Then it is cut to a size in bytes.
const (
	logSize = "PRAGMA journal_size_limit = 67108864"
	logStay = "PRAGMA wal_autocheckpoint = 0"
	logMove = "PRAGMA wal_autocheckpoint = 1000; PRAGMA wal_checkpoint"
)

// Open opens or creates the file at path, whose directory must exist. The
// caller must Close the Keeper.
func Open(path string) (*Keeper, error) {
	f, err := engine.Open(path, kind)
	if err != nil {
		return nil, err
	}
	k := &Keeper{file: f, writer: f.Writer, reader: f.Reader(readers, reading), walker: f.Reader(1, reading), path: path, replacing: make(chan struct{}, 1)}
	k.walker.SetMaxOpenConns(0) // any number
	if _, err := k.writer.Exec(logSize); err != nil {
		k.Close()
		return nil, f.Unreadable(err)
	}
	f.Wipe() // what was removed before a crash may still be in the log
	return k, nil
}

// Copy writes what is in a file, which may be open, to another path.
func Copy(ctx context.Context, from, to string) error { return engine.Copy(ctx, from, to, kind) }

// Close closes the file.
func (k *Keeper) Close() error { return k.file.Close() }

// look runs fn in a transaction that sees one moment.
func (k *Keeper) look(ctx context.Context, db *sql.DB, fn func(tx *sql.Tx) error) error {
	return k.file.On(ctx, db, func(_ *sql.Conn, tx *sql.Tx) error { return fn(tx) })
}

// write runs change in a transaction that is on disk when it returns nil, and
// has changed nothing if it does not.
func (k *Keeper) write(ctx context.Context, change func(tx *sql.Tx) error) error {
	return k.file.On(ctx, k.writer, func(_ *sql.Conn, tx *sql.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return tx.Commit()
	})
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
