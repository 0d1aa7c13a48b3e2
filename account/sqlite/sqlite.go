// Package sqlite keeps control data in one SQLite file, described in
// docs/format/control.md.
package sqlite

import (
	"context"
	"database/sql"

	"footfall/account/rows"
	engine "footfall/engine/sqlite"
	"footfall/event"
)

// Open opens or creates the file at path and destroys salts that are too old.
// Several processes may have it open. The caller must Close the Store.
func Open(path string) (*rows.Store, error) {
	f, err := engine.Open(path, kind)
	if err != nil {
		return nil, err
	}
	return rows.Open(context.Background(), tables{f})
}

// Copy writes what is in a file, which may be open, to another path, without salts.
func Copy(ctx context.Context, from, to string) error { return engine.Copy(ctx, from, to, kind) }

// tables are rows.Tables.
type tables struct{ *engine.File }

// Reader is the connection that writes, too: so no reader can keep a destroyed
// salt in the log.
func (t tables) Reader() *sql.DB { return t.Writer }

// Said says what to do with a damaged file.
func (t tables) Said(err error) error { return t.Judge(err) }

// Change holds the lock to write from its start.
func (t tables) Change(ctx context.Context, fn func(*sql.Tx) error) error {
	return t.On(ctx, t.Writer, func(_ *sql.Conn, tx *sql.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// Destroy overwrites the salts in the file and in its log.
func (t tables) Destroy(ctx context.Context, before event.Day) (all bool, err error) {
	err = t.Change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM salts WHERE day < ?", before)
		return err
	})
	if err != nil {
		return false, err
	}
	// Deleting overwrites the page in the log; the file has it only after a
	// checkpoint, and the log is clean only when cut to nothing.
	return t.EmptyLog()
}
