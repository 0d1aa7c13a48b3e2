// Package sqlite opens SQLite files, for every seam that keeps rows in one. A
// seam says what its file is, and has its own tables and statements.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"
)

// Kind is what a seam's file is.
type Kind struct {
	Name        string // of what it keeps: errors begin with it
	Application int    // application_id, which tells the file from others of SQLite; 0 is none
	// Steps lead from an empty file to today's tables; user_version says how many
	// have run, and is the version of the format. One that was released is never
	// changed: what comes next is added behind it.
	Steps []string
	// Pragmas are of the connection that writes, beside those of every file, as
	// the driver takes them: _secure_delete=on&_cache_size=-32000.
	Pragmas string
	// Copied takes out of a copy, such as the one that is made before more steps run
	// (FILE.vN.bak), what must not outlive the file in it; nil takes nothing out.
	Copied func(copied *sql.DB) error
	Repair string // what to do with a damaged file
	Newer  string // what else to do with a file of a newer footfall than to install that; "" is nothing
}

// File is an open SQLite file. Several processes may have the same one open.
type File struct {
	Writer *sql.DB // one connection: who writes waits for it

	kind    Kind
	path    string
	readers []*sql.DB

	closing chan struct{}  // closed by Close
	wiping  sync.WaitGroup // see Wipe
}

// What was committed is on disk (synchronous=FULL), and a transaction holds the
// lock to write from its start.
const (
	writing  = "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=" + patience + "&_txlock=immediate"
	reading  = "_query_only=on&_busy_timeout=" + patience
	patience = "10000" // ms, for another process that writes
)

// Open opens or creates the file at a path, whose folder must exist, and brings
// its tables up to date. One that is small, or was not closed in order, is looked
// through. The caller must Close the File.
func Open(path string, k Kind) (*File, error) {
	// The driver would make the file readable for everybody.
	made, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name, err)
	}
	made.Close()
	f := &File{Writer: connect(path, writing+"&"+k.Pragmas), kind: k, path: path, closing: make(chan struct{})}
	f.Writer.SetMaxOpenConns(1)
	if err := f.prepare(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Reader is more connections, at most and usually so many, which only read, with
// pragmas as in Kind. They are closed with the File.
func (f *File) Reader(connections int, pragmas string) *sql.DB {
	db := connect(f.path, reading+"&"+pragmas)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	f.readers = append(f.readers, db)
	return db
}

// Close closes the file.
func (f *File) Close() error {
	close(f.closing)
	f.wiping.Wait()
	var errs []error
	for _, db := range f.readers {
		errs = append(errs, db.Close())
	}
	// The writer last: it moves what stands in the write-ahead log into the file.
	return errors.Join(append(errs, f.Writer.Close())...)
}

// On begins a transaction on a connection of the Writer or a Reader, which is
// rolled back unless fn commits it. The driver would start a goroutine for each
// statement under a context that can end; this transaction's does not, so fn asks
// ctx where it takes long. An error is judged.
func (f *File) On(ctx context.Context, db *sql.DB, fn func(*sql.Conn, *sql.Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return f.Judge(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return f.Judge(err)
	}
	defer tx.Rollback() // does nothing after Commit
	return f.Judge(fn(conn, tx))
}

// wipeEvery is how often Wipe tries.
const wipeEvery = 100 * time.Millisecond

// Wipe empties the write-ahead log, which still has what was removed from the
// file. While somebody reads what was there before, it goes on trying behind its
// return.
func (f *File) Wipe() {
	if empty, err := f.EmptyLog(); empty && err == nil {
		return
	}
	f.wiping.Go(func() {
		for {
			select {
			case <-f.closing: // which empties it
				return
			case <-time.After(wipeEvery):
			}
			if empty, err := f.EmptyLog(); empty && err == nil {
				return
			}
		}
	})
}

// EmptyLog moves the write-ahead log into the file and cuts it to nothing. It is
// false if somebody else has the file in use: it waits for nobody, as others wait
// to write.
func (f *File) EmptyLog() (empty bool, err error) {
	ctx := context.Background()
	conn, err := f.Writer.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return false, err
	}
	defer conn.ExecContext(ctx, "PRAGMA busy_timeout = "+patience)
	var busy, pages, moved int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	return err == nil && busy == 0, err
}

// Taken reports whether a unique index refused a row.
func Taken(err error) bool {
	var said sqlite3.Error
	return errors.As(err, &said) && said.ExtendedCode == sqlite3.ErrConstraintUnique
}

// connector opens connections by a name as the driver takes it.
type connector string

func connect(path, pragmas string) *sql.DB {
	return sql.OpenDB(connector((&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas}).String()))
}

// Connect is driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(string(c)) }

// Driver is driver.Connector.
func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }
