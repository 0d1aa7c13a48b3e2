package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/mattn/go-sqlite3"
)

// format is the version of the file, kept as user_version; application tells
// the file from others of SQLite ("FFle").
const (
	format      = 1
	application = 0x46466c65
)

// Times are Unix milliseconds; NULL is none. Lists are JSON arrays.
const schema = `
CREATE TABLE programs (
	id              TEXT PRIMARY KEY,
	name            TEXT NOT NULL,
	sites           TEXT NOT NULL, -- list
	window_days     INTEGER NOT NULL,
	model           TEXT NOT NULL,
	coupon_priority INTEGER NOT NULL,
	bind            TEXT NOT NULL,
	hold_days       INTEGER NOT NULL,
	min_payout      TEXT NOT NULL, -- JSON object, by currency
	hosts           TEXT NOT NULL, -- list
	banned          TEXT NOT NULL, -- list
	parameters      TEXT NOT NULL, -- list
	trust_events    INTEGER NOT NULL,
	created         INTEGER
) STRICT;
CREATE TABLE program_sites ( -- a site is in one programme at most
	site    TEXT PRIMARY KEY,
	program TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX program_sites_program ON program_sites (program);
CREATE TABLE affiliates (
	id      TEXT PRIMARY KEY,
	program TEXT NOT NULL,
	email   TEXT NOT NULL,
	name    TEXT NOT NULL,
	status  TEXT NOT NULL,
	payout  TEXT NOT NULL,
	login   TEXT NOT NULL,
	user_id TEXT NOT NULL,
	note    TEXT NOT NULL,
	created INTEGER,
	mailbox TEXT NOT NULL -- email, folded
) STRICT;
CREATE INDEX affiliates_program ON affiliates (program);
CREATE INDEX affiliates_login ON affiliates (login);
CREATE INDEX affiliates_email ON affiliates (mailbox);
CREATE UNIQUE INDEX affiliates_once ON affiliates (program, mailbox) WHERE mailbox <> '';
CREATE TABLE codes (
	id         TEXT PRIMARY KEY,
	text       TEXT NOT NULL,
	program    TEXT NOT NULL,
	affiliate  TEXT NOT NULL,
	kind       TEXT NOT NULL,
	landing    TEXT NOT NULL,
	valid_from INTEGER,
	valid_to   INTEGER,
	created    INTEGER
) STRICT;
CREATE INDEX codes_program ON codes (program);
CREATE INDEX codes_affiliate ON codes (affiliate);
CREATE TABLE rules (
	id         TEXT PRIMARY KEY,
	program    TEXT NOT NULL,
	affiliate  TEXT NOT NULL,
	product    TEXT NOT NULL,
	kind       TEXT NOT NULL,
	rate       INTEGER NOT NULL, -- parts per million
	amount     INTEGER NOT NULL,
	currency   TEXT NOT NULL,
	recurring  INTEGER NOT NULL,
	cap        INTEGER NOT NULL,
	valid_from INTEGER,
	valid_to   INTEGER,
	created    INTEGER
) STRICT;
CREATE INDEX rules_program ON rules (program);
CREATE TABLE misses (
	id        TEXT PRIMARY KEY,
	code      TEXT NOT NULL,
	affiliate TEXT NOT NULL,
	count     INTEGER NOT NULL,
	last      INTEGER
) STRICT;
CREATE INDEX misses_affiliate ON misses (affiliate);
CREATE TABLE shops (
	id      TEXT PRIMARY KEY,
	site    TEXT NOT NULL,
	kind    TEXT NOT NULL,
	store   TEXT NOT NULL,
	secrets TEXT NOT NULL, -- list
	created INTEGER,
	changed INTEGER
) STRICT;
CREATE INDEX shops_site ON shops (site);
CREATE TABLE touches (
	number    INTEGER PRIMARY KEY, -- so that keys are small
	id        TEXT NOT NULL UNIQUE,
	program   TEXT NOT NULL,
	affiliate TEXT NOT NULL,
	code      TEXT NOT NULL,
	site      TEXT NOT NULL,
	keys      TEXT NOT NULL, -- list
	time      INTEGER NOT NULL,
	quarter   INTEGER NOT NULL, -- of an hour, its beginning
	source    TEXT NOT NULL,
	sub       TEXT NOT NULL,
	landing   TEXT NOT NULL,
	referrer  TEXT NOT NULL,
	paid      TEXT NOT NULL,
	machine   TEXT NOT NULL,
	counted   INTEGER NOT NULL
) STRICT;
CREATE INDEX touches_program ON touches (program, time);
CREATE INDEX touches_affiliate ON touches (affiliate, quarter, site, code, sub, time, program) WHERE counted = 1; -- clicks, in the order of sums
CREATE INDEX touches_site ON touches (site, quarter, affiliate, code, sub, time, program) WHERE counted = 1;
CREATE TABLE touch_keys (
	program TEXT NOT NULL,
	key     TEXT NOT NULL,
	time    INTEGER NOT NULL,
	touch   INTEGER NOT NULL,
	PRIMARY KEY (program, key, time, touch)
) STRICT, WITHOUT ROWID;
CREATE TABLE links (
	program TEXT NOT NULL,
	a       TEXT NOT NULL, -- the smaller key
	b       TEXT NOT NULL,
	since   INTEGER NOT NULL,
	PRIMARY KEY (program, a, b)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_other ON links (program, b);
CREATE TABLE orders (
	id        TEXT PRIMARY KEY,
	program   TEXT NOT NULL,
	site      TEXT NOT NULL,
	store     TEXT NOT NULL,
	number    TEXT NOT NULL,
	time      INTEGER NOT NULL,
	currency  TEXT NOT NULL,
	customer  TEXT NOT NULL,
	keys      TEXT NOT NULL, -- list
	coupons   TEXT NOT NULL, -- list
	verified  INTEGER NOT NULL,
	sure      INTEGER NOT NULL, -- keys are what the shop's server said
	revision  INTEGER NOT NULL,
	affiliate TEXT NOT NULL,
	decision  TEXT NOT NULL,
	known     INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_program ON orders (program, time, id);
CREATE INDEX orders_affiliate ON orders (affiliate, time, id);
CREATE INDEX orders_site ON orders (site, time, id);
CREATE INDEX orders_customer ON orders (customer, time, id);
CREATE TABLE order_lines (
	order_id TEXT NOT NULL,
	place    INTEGER NOT NULL, -- from 0
	line     TEXT NOT NULL,
	product  TEXT NOT NULL,
	name     TEXT NOT NULL,
	quantity INTEGER NOT NULL,
	net      INTEGER NOT NULL,
	PRIMARY KEY (order_id, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE order_keys (
	key      TEXT NOT NULL,
	order_id TEXT NOT NULL,
	PRIMARY KEY (key, order_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE order_names (
	store    TEXT NOT NULL,
	kind     TEXT NOT NULL,
	value    TEXT NOT NULL,
	order_id TEXT NOT NULL,
	PRIMARY KEY (store, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_names_order ON order_names (order_id);
CREATE TABLE facts (
	order_id TEXT NOT NULL,
	id       TEXT NOT NULL,
	kind     TEXT NOT NULL,
	time     INTEGER NOT NULL,
	door     TEXT NOT NULL,
	body     BLOB NOT NULL,
	UNIQUE (order_id, id)
) STRICT;
CREATE TABLE decisions (
	number     INTEGER PRIMARY KEY, -- ascending: the last one of an order is in force
	id         TEXT NOT NULL,
	order_id   TEXT NOT NULL,
	affiliate  TEXT NOT NULL,
	rule       TEXT NOT NULL,
	touch      TEXT NOT NULL,
	time       INTEGER NOT NULL,
	decided_by TEXT NOT NULL,
	explain    TEXT NOT NULL -- list of objects
) STRICT;
CREATE INDEX decisions_order ON decisions (order_id);
CREATE TABLE entries (
	id        TEXT NOT NULL UNIQUE,
	program   TEXT NOT NULL,
	affiliate TEXT NOT NULL,
	site      TEXT NOT NULL,
	order_id  TEXT NOT NULL,
	line      TEXT NOT NULL,
	product   TEXT NOT NULL,
	kind      TEXT NOT NULL,
	amount    INTEGER NOT NULL,
	currency  TEXT NOT NULL,
	occurred  INTEGER NOT NULL,
	quarter   INTEGER NOT NULL, -- of an hour, its beginning
	available INTEGER NOT NULL,
	posted    INTEGER NOT NULL,
	rule      TEXT NOT NULL,
	cause     TEXT NOT NULL,
	payout    TEXT NOT NULL, -- '' is none
	UNIQUE (order_id, line, affiliate, kind, cause)
) STRICT;
CREATE INDEX entries_program_posted ON entries (program, posted, id);
CREATE INDEX entries_affiliate_posted ON entries (affiliate, posted, id);
CREATE INDEX entries_program ON entries (program, quarter);
CREATE INDEX entries_affiliate ON entries (affiliate, quarter, site, product, currency, kind, occurred, program, payout, amount); -- what is added up, in the order of sums
CREATE INDEX entries_site ON entries (site, quarter, affiliate, product, currency, kind, occurred, program, payout, amount);
CREATE INDEX entries_payout ON entries (payout) WHERE payout <> '';
CREATE INDEX entries_unpaid ON entries (program, affiliate, currency) WHERE payout = '';
CREATE TABLE payouts (
	id        TEXT PRIMARY KEY,
	program   TEXT NOT NULL,
	affiliate TEXT NOT NULL,
	currency  TEXT NOT NULL,
	cutoff    INTEGER,
	hash      TEXT NOT NULL,
	entries   INTEGER NOT NULL,
	amount    INTEGER NOT NULL,
	state     TEXT NOT NULL,
	external  TEXT NOT NULL,
	why       TEXT NOT NULL,
	name      TEXT NOT NULL, -- who gets it, and where, when it was approved
	email     TEXT NOT NULL,
	account   TEXT NOT NULL,
	created   INTEGER,
	changed   INTEGER
) STRICT;
CREATE INDEX payouts_program ON payouts (program);
CREATE INDEX payouts_affiliate ON payouts (affiliate);
CREATE TABLE flags (
	id         TEXT PRIMARY KEY,
	program    TEXT NOT NULL,
	affiliate  TEXT NOT NULL,
	order_id   TEXT NOT NULL,
	type       TEXT NOT NULL,
	evidence   TEXT NOT NULL,
	state      TEXT NOT NULL,
	decided_by TEXT NOT NULL,
	created    INTEGER,
	changed    INTEGER
) STRICT;
CREATE INDEX flags_program ON flags (program);
CREATE INDEX flags_order ON flags (order_id);
CREATE INDEX flags_affiliate ON flags (affiliate);
CREATE TABLE position ( -- in the queue, keeping the bits
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	epoch INTEGER NOT NULL,
	seq   INTEGER NOT NULL,
	total INTEGER NOT NULL
) STRICT;
`

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
	if _, err := t.Exec(schema + usual + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", application, format)); err != nil {
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
