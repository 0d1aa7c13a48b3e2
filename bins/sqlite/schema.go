package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/mattn/go-sqlite3"
)

// format is the version of the file, kept as user_version; application tells
// the file from others of SQLite ("FFbn").
const (
	format      = 2 // 2 added frozen
	application = 0x4646626e
)

// Counts stand before days and sketches: to sum them up, the rest of a long row
// need not be read.
const schema = `
CREATE TABLE bins (
	site      TEXT NOT NULL,
	dimension TEXT NOT NULL, -- '' is the site as a whole
	period    TEXT NOT NULL, -- D2023-123, M2023-05, Y2023, TOTAL
	value     TEXT NOT NULL,
	counts    TEXT,          -- JSON array, in the order of bins.Counted; NULL for days
	days      TEXT,          -- of months: JSON object of counts by the day of the year
	visitors  BLOB,          -- sketch; NULL is empty
	PRIMARY KEY (site, dimension, period, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	epoch INTEGER NOT NULL,
	seq   INTEGER NOT NULL,
	total INTEGER NOT NULL,
	at    INTEGER NOT NULL -- Unix milliseconds
) STRICT;
CREATE TABLE dirty (
	site   TEXT NOT NULL,
	period TEXT NOT NULL,
	mark   INTEGER NOT NULL,
	PRIMARY KEY (site, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE rolled ( -- days whose bins are newer than the seal
	site   TEXT NOT NULL,
	period TEXT NOT NULL,
	epoch  INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	total  INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (site, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE zones (
	site  TEXT PRIMARY KEY,
	zone  TEXT NOT NULL,
	whole INTEGER NOT NULL -- 0 until the last part of the site's first roll
) STRICT, WITHOUT ROWID;
` + frozenSchema

const frozenSchema = `
CREATE TABLE frozen ( -- sites whose older dates can't be counted again
	site     TEXT PRIMARY KEY,
	before   TEXT NOT NULL,    -- the first date that is not frozen
	at       INTEGER NOT NULL, -- when it began, Unix milliseconds
	currency TEXT NOT NULL,    -- of frozen dates
	since    TEXT NOT NULL     -- from this date on
) STRICT, WITHOUT ROWID;
`

// ErrDamaged tells that a file is no longer what was written: without it, bins
// are made again from the event store.
var ErrDamaged = errors.New("damaged")

// unreadable says what to do with a file that can't be read. What SQLite does not
// complain of is found in it and can't be.
func unreadable(path string, err error) error {
	var said sqlite3.Error
	if !errors.As(err, &said) || said.Code == sqlite3.ErrCorrupt || said.Code == sqlite3.ErrNotADB {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("bins: %s cannot be read: %w; move it and its -wal and -shm away: bins are made again from the event store", path, err)
}

// small is up to what size, in bytes, a file is looked through in no time.
const small = 32 << 20

// worthLooking reports whether to look at every page of a file that is not open
// yet: a small one, and one that was not closed in order. It would take a second
// for each 200 MB at each start.
func worthLooking(path string) bool {
	info, err := os.Stat(path)
	log, open := os.Stat(path + "-wal")
	return err != nil || info.Size() <= small || open == nil && log.Size() > 0
}

// whole looks at every page of the file.
func whole(db *sql.DB, path string) error {
	var found string
	err := db.QueryRow("PRAGMA quick_check(1)").Scan(&found)
	if err == nil && found != "ok" {
		err = errors.New(found)
	}
	if err != nil {
		return unreadable(path, err)
	}
	return nil
}

// prepare makes the tables of an empty file and refuses one that it can't know.
func prepare(db *sql.DB, path string) error {
	look := worthLooking(path)
	var id, version, tables int
	for pragma, into := range map[string]*int{"application_id": &id, "user_version": &version} {
		if err := db.QueryRow("PRAGMA " + pragma).Scan(into); err != nil {
			return unreadable(path, err)
		}
	}
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return unreadable(path, err)
	}
	switch {
	case id == application && version > format:
		return fmt.Errorf("bins: %s has format %d, this footfall knows %d: install a newer footfall, or move the file away: bins are made again from the event store",
			path, version, format)
	case id == application && version == format && look:
		return whole(db, path)
	case id == application && version == format:
		return nil
	case id == application && version == 1:
		if err := whole(db, path); err != nil {
			return err
		}
		return change(db, path, frozenSchema+mark)
	case tables > 0 || id != 0 || version != 0:
		return fmt.Errorf("bins: %s is a file of something else: name another one", path)
	}
	return change(db, path, schema+mark)
}

// mark makes the file one of this format.
var mark = fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", application, format)

// change runs statements in one transaction.
func change(db *sql.DB, path, statements string) error {
	tx, err := db.Begin()
	if err == nil {
		defer tx.Rollback() // does nothing after Commit
		_, err = tx.Exec(statements)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("bins: %s: %w", path, err)
	}
	return nil
}
