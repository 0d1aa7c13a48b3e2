// Package postgres keeps tables in a PostgreSQL (14 or newer) for several seams:
// it opens connections by URL, makes the tables, runs transactions and says what
// to do about the server's errors. Which tables there are is the adapters' part.
//
// SQL is written as for SQLite: parameters are ? (or ?1, ?2), truth is kept as
// 0 and 1 in a BIGINT. Text that PostgreSQL refuses (zero bytes, broken UTF-8)
// gets U+FFFD in its place, when it is kept and when it is asked for.
package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Tables are the tables of one seam. They stand in a PostgreSQL schema of their
// own: the name of the URL's ?schema= ("footfall" if there is none), an underscore
// and the room, as in footfall_ledger.
type Tables struct {
	Room string // ledger, account
	// Steps are SQL statements: the first one makes format 1 of nothing, the next
	// one format 2 of format 1. One that was released is never changed.
	Steps []string
	// Owner is a text that only one Footfall has: tables that another owner made
	// are refused, as they belong to another data directory. "" is not asked.
	Owner string
}

// DB is tables in a PostgreSQL. It is safe for concurrent use, and any number of
// processes may have the same tables open: who changes waits for who changes, who
// looks waits for nobody. A connection that is lost is an error of the
// transaction it was lost in; the next call gets a new one.
type DB struct {
	writer *sql.DB // one connection
	reader *sql.DB
	where  string // host, port and database, for errors
	lock   string // statement that takes the lock which a Change holds
}

const (
	readers  = 8                // connections that look
	lifetime = 30 * time.Minute // of a connection: what it holds in memory grows
	spare    = 5 * time.Minute  // that a connection stays open unused
)

// Open connects to the PostgreSQL at a URL, postgres://user:password@host:port/database,
// and makes the tables, or brings them to the newest format. Processes that do
// this at once wait for one another. The URL may have what libpq knows
// (?sslmode=verify-full, ?connect_timeout=5, …), and ?schema=. No error holds the
// password. The caller must Close the DB.
func Open(ctx context.Context, address string, tables Tables) (*DB, error) {
	config, schema, err := parse(address, tables.Room)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte("footfall " + schema))
	d := &DB{where: place(config), lock: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d);", int64(h.Sum64())), writer: pool(config, schema, changing), reader: pool(config, schema, looking)}
	d.writer.SetMaxOpenConns(1)
	d.reader.SetMaxOpenConns(readers)
	d.reader.SetMaxIdleConns(readers)
	err = d.check(ctx)
	if err == nil {
		err = d.migrate(ctx, schema, tables)
	}
	if err != nil {
		d.Close()
		if said := d.Said(err); said != err {
			return nil, said
		}
		return nil, fmt.Errorf("%s: %w", d.where, err)
	}
	return d, nil
}

// Close ends the connections.
func (d *DB) Close() error { return errors.Join(d.reader.Close(), d.writer.Close()) }

// What a connection is told at its beginning. A commit is on the server's disk
// when it answers. A client that is gone without a word, or has stopped in the
// middle of a Change, does not hold up the others for long.
const (
	both = `SET search_path = %s; SET jit = off; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
		SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';`
	changing = both + "SET default_transaction_read_only = off; SET idle_in_transaction_session_timeout = '5min'"
	looking  = both + "SET default_transaction_read_only = on"
)

func pool(config *pgx.ConnConfig, schema, settings string) *sql.DB {
	begin := fmt.Sprintf(settings, pgx.Identifier{schema}.Sanitize())
	db := sql.OpenDB(connector{stdlib.GetConnector(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		return c.PgConn().Exec(ctx, begin).Close()
	}))})
	db.SetConnMaxLifetime(lifetime)
	db.SetConnMaxIdleTime(spare)
	return db
}

// check refuses a server that can't keep what it is given.
func (d *DB) check(ctx context.Context) error {
	var version int
	var fsync, encoding string
	var standby bool
	err := d.reader.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('server_encoding'), pg_is_in_recovery()").
		Scan(&version, &fsync, &encoding, &standby)
	switch {
	case err != nil:
		return err
	case version < 140000:
		return fmt.Errorf("its version is %d, and Footfall needs PostgreSQL 14 or newer", version/10000)
	case fsync != "on":
		return errors.New("its fsync is off, so what it has committed may not be on disk: set fsync = on in postgresql.conf and reload it")
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s: create one for Footfall with ENCODING 'UTF8' TEMPLATE template0", encoding)
	case standby:
		return errors.New("it is a standby, which changes nothing: give the URL of the primary")
	}
	return nil
}

// migrate makes the tables, or brings them to the newest format, in one transaction.
func (d *DB) migrate(ctx context.Context, schema string, tables Tables) error {
	conn, t, err := d.begin(ctx, d.lock)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer t.Rollback() // does nothing after Commit
	name, steps := pgx.Identifier{schema}.Sanitize(), tables.Steps
	version, first, err := found(ctx, t, schema)
	switch {
	case err != nil:
		return err
	case version > len(steps):
		return fmt.Errorf("the schema %s has format %d, this footfall knows %d: install a newer footfall", name, version, len(steps))
	case version < len(steps):
		for _, statements := range append(append(first, steps[version:]...), fmt.Sprintf("UPDATE footfall_format SET version = %d", len(steps))) {
			if _, err := t.ExecContext(ctx, statements); err != nil {
				return err
			}
		}
	}
	if err := own(ctx, t, name, tables.Owner); err != nil {
		return err
	}
	return t.Commit()
}

// found is the format of a schema, 0 if there is nothing yet, and what is to be
// made before the first step.
func found(ctx context.Context, t *sql.Tx, schema string) (version int, first []string, err error) {
	var there, ours bool
	var tables int
	err = t.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ?1),
		EXISTS (SELECT FROM pg_tables WHERE schemaname = ?1 AND tablename = 'footfall_format'), (SELECT count(*) FROM pg_tables WHERE schemaname = ?1)`, schema).
		Scan(&there, &ours, &tables)
	name := pgx.Identifier{schema}.Sanitize()
	switch {
	case err != nil:
		return 0, nil, err
	case ours:
		err = t.QueryRowContext(ctx, "SELECT version FROM footfall_format").Scan(&version)
		return version, nil, err
	case tables > 0:
		return 0, nil, fmt.Errorf("the schema %s is of something else: choose another with ?schema=NAME behind the URL", name)
	case !there:
		first = append(first, "CREATE SCHEMA "+name)
	}
	return 0, append(first, marks+"CREATE TABLE footfall_format (one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL, owner TEXT NOT NULL); INSERT INTO footfall_format VALUES (1, 0, '')"), nil
}

// own refuses the tables of another owner, and takes those of none.
func own(ctx context.Context, t *sql.Tx, name, owner string) error {
	if owner == "" {
		return nil
	}
	var is string
	if err := t.QueryRowContext(ctx, "SELECT owner FROM footfall_format").Scan(&is); err != nil || is == owner {
		return err
	}
	if is != "" {
		return fmt.Errorf("the schema %s belongs to a Footfall with another data directory: choose another with ?schema=NAME behind the URL; "+
			"or, if that directory is gone for good, say once: UPDATE %s.footfall_format SET owner = ''", name, name)
	}
	_, err := t.ExecContext(ctx, "UPDATE footfall_format SET owner = ?", owner)
	return err
}

// Reader asks single questions, each of what is committed when it is asked. It
// can't write. Its errors are for Said; one of a connection that was lost a moment
// ago is not tried again, as View does.
func (d *DB) Reader() *sql.DB { return d.reader }

// View runs fn on one state of all that was committed before its first question.
// fn asks with its own context.
func (d *DB) View(ctx context.Context, fn func(*sql.Tx) error) error {
	conn, t, err := begin(ctx, d.reader, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, "")
	if err != nil {
		return d.Said(err)
	}
	defer conn.Close()
	defer t.Rollback()
	return d.Said(fn(t))
}

// Change runs fn in a transaction, once no other Change of these tables runs, in
// this process or another. When it returns nil all of it is on the server's disk;
// after an error, fn's own and the end of ctx too, nothing has changed. fn runs
// once, and asks with its own context.
func (d *DB) Change(ctx context.Context, fn func(*sql.Tx) error) error {
	return d.Said(d.change(ctx, fn))
}

func (d *DB) change(ctx context.Context, fn func(*sql.Tx) error) error {
	mark := rand.Text()
	conn, t, err := d.begin(ctx, d.lock+fmt.Sprintf(leave, mark, remembered))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer t.Rollback() // does nothing after Commit
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err = t.Commit(); unanswered(err) {
		conn.Close() // it is the only one
		return d.outcome(mark, err)
	}
	return err
}

// Each Change leaves a mark, which is there later if and only if the Change is. (A
// transaction's number would not tell: after a crash it may be another's.)
const (
	marks      = "CREATE TABLE footfall_changes (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mark TEXT NOT NULL);"
	leave      = "INSERT INTO footfall_changes (mark) VALUES ('%s'); DELETE FROM footfall_changes WHERE number <= lastval() - %d"
	find       = "SELECT EXISTS (SELECT FROM footfall_changes WHERE mark = ?)"
	remembered = 10_000 // changes

	unknown = 10 * time.Second // is how long outcome asks
)

// outcome finds out what became of a transaction whose Commit got no answer, once
// that transaction is over: it has the lock until then.
func (d *DB) outcome(mark string, err error) error {
	ctx, end := context.WithTimeout(context.Background(), unknown)
	defer end()
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		kept, asked := false, error(nil)
		conn, t, wait := d.begin(ctx, d.lock)
		if wait != nil {
			continue
		}
		asked = t.QueryRowContext(ctx, find, mark).Scan(&kept)
		t.Rollback()
		conn.Close()
		switch {
		case asked == nil && kept:
			return nil
		case asked == nil:
			return err
		}
	}
	return fmt.Errorf("the connection was lost while the transaction was committed, and the server has not said since whether it was: look before you do it again: %w", err)
}

// begin begins what changes: first has the lock.
func (d *DB) begin(ctx context.Context, first string) (*sql.Conn, *sql.Tx, error) {
	return begin(ctx, d.writer, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, first)
}

// begin waits for a connection and begins a transaction on it with first. Until
// then nothing is done, so a connection that was lost while nobody used it is not
// the caller's trouble: it tries another. Only waiting ends with ctx: a Commit
// that is under way is waited for.
func begin(ctx context.Context, db *sql.DB, o *sql.TxOptions, first string) (*sql.Conn, *sql.Tx, error) {
	for try := 0; ; try++ {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		t, err := conn.BeginTx(context.WithoutCancel(ctx), o)
		if err == nil && first != "" {
			if _, err = t.ExecContext(ctx, first); err != nil {
				t.Rollback()
			}
		}
		if err == nil {
			return conn, t, nil
		}
		conn.Close()
		if try == readers || ctx.Err() != nil || !lost(err) {
			return nil, nil, err
		}
	}
}
