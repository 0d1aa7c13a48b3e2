package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/mattn/go-sqlite3"
)

// format is the version of the file, kept as user_version; application tells
// the file from others of SQLite ("FFhi").
const (
	format      = 1
	application = 0x46466869
)

// Sites and visitors have numbers, so that rows are small; site and visitor
// come first everywhere, so that what is kept of a visitor lies together.
// Dates are days since 1970-01-01, times Unix milliseconds.
const schema = `
CREATE TABLE sites (
	number   INTEGER PRIMARY KEY,
	site     TEXT NOT NULL UNIQUE,
	zone     TEXT,    -- of the basis, as are the following; NULL: never made as a whole
	currency TEXT,
	first    INTEGER, -- dates before are not kept
	counted  INTEGER  -- dates before were not counted
) STRICT;
CREATE TABLE visitors (
	site    INTEGER NOT NULL,
	id      INTEGER NOT NULL, -- from 1 up in each site
	visitor TEXT NOT NULL,
	PRIMARY KEY (site, id),
	UNIQUE (site, visitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	value   TEXT NOT NULL,
	month   INTEGER NOT NULL, -- its first date
	days    BLOB NOT NULL,
	PRIMARY KEY (site, visitor, kind, value, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE traits (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	date    INTEGER NOT NULL,
	patch   TEXT NOT NULL, -- JSON object
	PRIMARY KEY (site, visitor, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE active ( -- who has something of a date
	site    INTEGER NOT NULL,
	date    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	PRIMARY KEY (site, date, visitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	segment TEXT NOT NULL,
	version INTEGER NOT NULL,
	since   INTEGER NOT NULL,
	PRIMARY KEY (site, visitor, segment)
) STRICT, WITHOUT ROWID;
CREATE TABLE counts (
	site    INTEGER NOT NULL,
	segment TEXT NOT NULL,
	date    INTEGER NOT NULL,
	members INTEGER NOT NULL,
	PRIMARY KEY (site, segment, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT, -- none is given twice
	site  INTEGER NOT NULL,
	body  BLOB NOT NULL,
	tries INTEGER NOT NULL DEFAULT 0,
	due   INTEGER NOT NULL DEFAULT 0, -- 0 is at once
	why   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_of ON outbox (site); -- and id
`

// ErrDamaged tells that a file is no longer what was written.
var ErrDamaged = errors.New("damaged")

const moveAway = "move the file of histories and its -wal and -shm away: histories are made again from the event store; " +
	"who was in which segment is lost with it, and notices that were not delivered"

// prepare makes the tables of an empty file and refuses one that it can't know.
func prepare(db *sql.DB, path string) error {
	look := worthLooking(path)
	var id, version, tables int
	for query, into := range map[string]*int{"PRAGMA application_id": &id, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := db.QueryRow(query).Scan(into); err != nil {
			return fmt.Errorf("history: %s cannot be read: %w", path, judged(err))
		}
	}
	switch {
	case id == application && version > format:
		return fmt.Errorf("history: %s has format %d, this footfall knows %d: install a newer footfall", path, version, format)
	case id == application && version == format && look:
		return whole(db, path)
	case id == application && version == format:
		return nil
	case tables > 0 || id != 0 || version != 0:
		return fmt.Errorf("history: %s is a file of something else: name another one", path)
	}
	tx, err := db.Begin()
	if err != nil {
		return fmt.Errorf("history: %s: %w", path, err)
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.Exec(schema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", application, format)); err != nil {
		return fmt.Errorf("history: %s: %w", path, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("history: %s: %w", path, err)
	}
	return nil
}

// small is up to what size, in bytes, a file is looked through in no time.
const small = 32 << 20

// worthLooking reports whether to look at every page of a file that is not open
// yet: a small one, and one that was not closed in order. A million visitors
// would take a second at each start.
func worthLooking(path string) bool {
	info, err := os.Stat(path)
	log, open := os.Stat(path + "-wal")
	return err != nil || info.Size() <= small || open == nil && log.Size() > 0
}

// whole looks at every page of the file.
func whole(db *sql.DB, path string) error {
	var found string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("history: %s cannot be read: %w", path, judged(err))
	}
	if found != "ok" {
		return fmt.Errorf("history: %s cannot be read: %w: %s; %s", path, ErrDamaged, found, moveAway)
	}
	return nil
}

// judged says what to do if the file is damaged.
func judged(err error) error {
	var said sqlite3.Error
	if errors.As(err, &said) && (said.Code == sqlite3.ErrCorrupt || said.Code == sqlite3.ErrNotADB) {
		return fmt.Errorf("%w: %w; %s", ErrDamaged, err, moveAway)
	}
	return err
}
