// Package postgres keeps control data in a PostgreSQL, described in
// docs/format/control.md.
package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"footfall/account/rows"
	engine "footfall/engine/postgres"
	"footfall/event"
)

// Open connects to the PostgreSQL at a URL, makes the tables or brings them to
// the newest format, and destroys salts that are too old. Several processes may
// have them open. No error holds the password. The caller must Close the Store.
func Open(ctx context.Context, url string) (*rows.Store, error) {
	db, err := engine.Open(ctx, url, engine.Tables{Room: "account", Steps: steps})
	if err != nil {
		return nil, fmt.Errorf("control data: %w", err)
	}
	return rows.Open(ctx, tables{db})
}

// tables are rows.Tables.
type tables struct{ *engine.DB }

// Destroy removes old salts with the file of the table they were in: a row that
// is only deleted stays in it until PostgreSQL needs the room. What of it is in
// PostgreSQL's log, in standbys and in backups, it can't reach.
func (t tables) Destroy(ctx context.Context, before event.Day) (all bool, err error) {
	if err := t.Change(ctx, func(tx *sql.Tx) error { return rewrite(ctx, tx, before) }); err == nil {
		return true, nil
	}
	// Somebody reads the table for long, as a backup does: the rows go at once,
	// and the file when it is done.
	err = t.Change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM salts WHERE day < ?", before)
		return err
	})
	return false, err
}

// rewrite puts the salts from a day on into a new file of the table. It does not
// wait long for who reads it, as others wait for this.
func rewrite(ctx context.Context, tx *sql.Tx, from event.Day) error {
	if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '200ms'"); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT day, salt FROM salts WHERE day >= ?", from)
	if err != nil {
		return err
	}
	defer rows.Close()
	kept := map[event.Day][]byte{}
	for rows.Next() {
		var day event.Day
		var salt []byte
		if err := rows.Scan(&day, &salt); err != nil {
			return err
		}
		kept[day] = salt
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "TRUNCATE salts"); err != nil {
		return err
	}
	for day, salt := range kept {
		if _, err := tx.ExecContext(ctx, "INSERT INTO salts (day, salt) VALUES (?,?)", day, salt); err != nil {
			return err
		}
	}
	return nil
}
