package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/mattn/go-sqlite3"

	"footfall/ledger/rows"
)

// format is the version of the file, kept as user_version; application tells
// the file from others of SQLite ("FFle").
const (
	format      = 1
	application = 0x46466c65
)

// usual tells SQLite how many rows have the same keys in a ledger of some size,
// so that it looks by affiliate, not by programme, where both are asked for. It
// would guess that they are ten of each.
const usual = `
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('orders', 'orders_program', '1000000 200000 2 1'),
	('orders', 'orders_affiliate', '1000000 1000 1 1'),
	('orders', 'orders_site', '1000000 100000 2 1'),
	('orders', 'orders_customer', '1000000 3 1 1'),
	('entries', 'entries_program_posted', '5000000 1000000 5 1'),
	('entries', 'entries_affiliate_posted', '5000000 5000 5 1'),
	('entries', 'entries_program', '5000000 1000000 5'),
	('entries', 'entries_site', '5000000 500000 5 5 2 2 1 1 1 1 noskipscan'),
	('entries', 'entries_affiliate', '5000000 5000 5 5 2 2 1 1 1 1 noskipscan'),
	('entries', 'entries_payout', '4000000 100'),
	('entries', 'entries_unpaid', '500000 100000 500 500'),
	('entries', 'sqlite_autoindex_entries_1', '5000000 1'),
	('entries', 'sqlite_autoindex_entries_2', '5000000 5 2 2 1 1'),
	('links', 'links', '1000000 200000 2 1'),
	('links', 'links_other', '1000000 200000 3'),
	('touches', 'touches_program', '10000000 2000000 1'),
	('touches', 'touches_affiliate', '5000000 10000 5 5 5 4 1 1 noskipscan'),
	('touches', 'touches_site', '5000000 1000000 50 5 5 4 1 1 noskipscan');
ANALYZE sqlite_schema;
`

// ErrDamaged tells that a file is no longer what was written.
var ErrDamaged = errors.New("damaged")

const restore = "put the newest backup of it in its place, with no -wal and -shm beside it, and keep the damaged file: " +
	"sqlite3's .recover reads what is left of it"

// prepare makes the tables of an empty file and refuses one that it can't know.
func prepare(db *sql.DB, path string) error {
	look := worthLooking(path)
	t, err := db.Begin() // which waits for another process that makes the tables
	if err != nil {
		return fmt.Errorf("ledger: %s cannot be read: %w", path, judged(err))
	}
	defer t.Rollback() // does nothing after Commit
	var id, version, tables int
	for query, into := range map[string]*int{"PRAGMA application_id": &id, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := t.QueryRow(query).Scan(into); err != nil {
			return fmt.Errorf("ledger: %s cannot be read: %w", path, judged(err))
		}
	}
	switch {
	case id == application && version > format:
		return fmt.Errorf("ledger: %s has format %d, this footfall knows %d: install a newer footfall", path, version, format)
	case id == application && version == format && look:
		return whole(t, path)
	case id == application && version == format:
		return nil
	case tables > 0 || id != 0 || version != 0:
		return fmt.Errorf("ledger: %s is a file of something else: move it away", path)
	}
	if _, err := t.Exec(rows.Tables + usual + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", application, format)); err != nil {
		return fmt.Errorf("ledger: %s: %w", path, err)
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("ledger: %s: %w", path, err)
	}
	return nil
}

// small is up to what size, in bytes, a file is looked through in no time.
const small = 32 << 20

// worthLooking reports whether to look at every page of a file that is not open
// yet: a small one, and one that was not closed in order.
func worthLooking(path string) bool {
	info, err := os.Stat(path)
	log, open := os.Stat(path + "-wal")
	return err != nil || info.Size() <= small || open == nil && log.Size() > 0
}

// whole looks at every page of the file.
func whole(t *sql.Tx, path string) error {
	var found string
	if err := t.QueryRow("PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("ledger: %s cannot be read: %w", path, judged(err))
	}
	if found != "ok" {
		return fmt.Errorf("ledger: %s cannot be read: %w: %s; %s", path, ErrDamaged, found, restore)
	}
	return nil
}

// judged says what to do if the file is damaged.
func judged(err error) error {
	var said sqlite3.Error
	if errors.As(err, &said) && (said.Code == sqlite3.ErrCorrupt || said.Code == sqlite3.ErrNotADB) {
		return fmt.Errorf("ledger: %w: %w; %s", ErrDamaged, err, restore)
	}
	return err
}
