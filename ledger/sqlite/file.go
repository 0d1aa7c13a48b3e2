package sqlite

import (
	engine "footfall/engine/sqlite"
	"footfall/ledger/rows"
)

// kind is what the file is ("FFle"). Forgotten keys and old secrets are
// overwritten (secure_delete). The connection prepares a statement once, and
// keeps it.
var kind = engine.Kind{Name: "ledger", Application: 0x46466c65, Steps: []string{rows.Tables + usual},
	Pragmas: "_cache_size=-32000&_stmt_cache_size=100&_secure_delete=on", Repair: restore}

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
	('entries', 'entries_ripe', '5000000 1000000 5'),
	('entries', 'entries_site', '5000000 500000 5 5 2 2 1 1 1 1 1 1 noskipscan'),
	('entries', 'entries_affiliate', '5000000 5000 5 5 2 2 1 1 1 1 1 1 noskipscan'),
	('entries', 'entries_payout', '4000000 100'),
	('entries', 'entries_unpaid', '500000 100000 500 500'),
	('entries', 'sqlite_autoindex_entries_1', '5000000 1'),
	('entries', 'sqlite_autoindex_entries_2', '5000000 5 2 2 1 1'),
	('flags', 'flags_program', '10000 2000'),
	('flags', 'flags_order', '10000 2'),
	('flags', 'flags_affiliate', '10000 50 2'),
	('links', 'links', '1000000 200000 2 1'),
	('links', 'links_other', '1000000 200000 3'),
	('touches', 'touches_program', '10000000 2000000 1'),
	('touches', 'touches_affiliate', '5000000 10000 5 5 5 4 1 1 1 noskipscan'),
	('touches', 'touches_site', '5000000 1000000 50 5 5 4 1 1 noskipscan');
ANALYZE sqlite_schema;
`

// ErrDamaged tells that a file is no longer what was written.
var ErrDamaged = engine.ErrDamaged

const restore = "put the newest backup of it in its place, with no -wal and -shm beside it, and keep the damaged file: " +
	"sqlite3's .recover reads what is left of it"
