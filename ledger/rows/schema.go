package rows

// Tables makes the tables of format 1, in SQLite's words: adapters of other engines
// translate those of types. Times are Unix milliseconds; NULL is none. Lists are
// JSON arrays.
const Tables = `
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
	quiet_payouts   INTEGER NOT NULL,
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
	counted   INTEGER NOT NULL,
	visitor   INTEGER NOT NULL -- hash of the first key that is no click's
) STRICT;
CREATE INDEX touches_program ON touches (program, time);
CREATE INDEX touches_affiliate ON touches (affiliate, quarter, site, code, sub, time, program, visitor) WHERE counted = 1; -- all that figures need
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
	known     INTEGER NOT NULL,
	rule      TEXT NOT NULL, -- these four as the decision has them
	code      TEXT NOT NULL,
	sub       TEXT NOT NULL,
	coupon    TEXT NOT NULL
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
CREATE INDEX entries_affiliate ON entries (affiliate, quarter, site, product, currency, kind, occurred, program, payout, amount, available, order_id); -- all that figures need
CREATE INDEX entries_site ON entries (site, quarter, affiliate, product, currency, kind, occurred, program, payout, amount, available, order_id);
CREATE INDEX entries_ripe ON entries (program, available);
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
CREATE INDEX flags_affiliate ON flags (affiliate, order_id);
CREATE TABLE hooks (
	id           TEXT PRIMARY KEY,
	program      TEXT NOT NULL,
	url          TEXT NOT NULL,
	inside       INTEGER NOT NULL, -- may be on a private network
	note         TEXT NOT NULL,
	kinds        TEXT NOT NULL, -- list
	secrets      TEXT NOT NULL, -- list
	secret_until INTEGER,
	state        TEXT NOT NULL,
	why          TEXT NOT NULL,
	failing      INTEGER,
	created      INTEGER,
	changed      INTEGER
) STRICT;
CREATE INDEX hooks_program ON hooks (program);
CREATE TABLE notices (
	id        TEXT PRIMARY KEY,
	event     TEXT NOT NULL,
	program   TEXT NOT NULL,
	recipient TEXT NOT NULL,
	sort      TEXT NOT NULL, -- of the recipient
	kind      TEXT NOT NULL,
	body      BLOB NOT NULL,
	created   INTEGER,
	state     TEXT NOT NULL,
	due       INTEGER NOT NULL,
	tries     INTEGER NOT NULL,
	why       TEXT NOT NULL,
	answers   TEXT NOT NULL, -- list of objects
	settled   INTEGER,
	UNIQUE (event, recipient)
) STRICT;
CREATE INDEX notices_due ON notices (sort, recipient, due, id) WHERE state = 'waiting';
CREATE INDEX notices_program ON notices (program, id);
CREATE INDEX notices_log ON notices (recipient, id);
CREATE INDEX notices_recipient ON notices (recipient, state, id);
CREATE INDEX notices_settled ON notices (state, settled);
CREATE TABLE told (
	program TEXT PRIMARY KEY,
	time    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE position ( -- in the queue, keeping the bits
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	epoch INTEGER NOT NULL,
	seq   INTEGER NOT NULL,
	total INTEGER NOT NULL
) STRICT;
`
