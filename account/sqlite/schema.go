package sqlite

import (
	"database/sql"

	engine "footfall/engine/sqlite"
)

// kind is what the file is. Secrets are overwritten when deleted
// (secure_delete), and a copy has no salts: it would outlive them.
var kind = engine.Kind{Name: "control data", Steps: migrations, Pragmas: "_secure_delete=on&_foreign_keys=on",
	Copied: func(copied *sql.DB) error { _, err := copied.Exec("DELETE FROM salts"); return err },
	Repair: "put the newest backup of it in its place, with no -wal and -shm beside it, and keep the damaged file: " +
		"sqlite3's .recover reads what is left of it"}

// migrations lead from an empty file to today's schema. Entries are never
// changed, only added. Times are Unix milliseconds, days are days since
// 1970-01-01, tokens are SHA-256 hashes.
var migrations = []string{`
CREATE TABLE sites (
	id        TEXT PRIMARY KEY,
	domain    TEXT NOT NULL UNIQUE,
	write_key TEXT NOT NULL UNIQUE,
	zone      TEXT NOT NULL,
	currency  TEXT NOT NULL,
	origins   TEXT NOT NULL, -- JSON array
	internal  TEXT NOT NULL, -- JSON array
	dnt       INTEGER NOT NULL,
	created   INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
	id      TEXT PRIMARY KEY,
	hash    BLOB NOT NULL UNIQUE,
	site    TEXT REFERENCES sites (id), -- NULL is every site
	role    TEXT NOT NULL,
	created INTEGER NOT NULL
) STRICT;
CREATE TABLE links    (hash BLOB PRIMARY KEY, expires INTEGER NOT NULL) STRICT;
CREATE TABLE sessions (hash BLOB PRIMARY KEY, expires INTEGER NOT NULL) STRICT;
CREATE TABLE salts    (day INTEGER PRIMARY KEY, salt BLOB NOT NULL) STRICT;
`, `
ALTER TABLE sites ADD COLUMN history        INTEGER NOT NULL DEFAULT 0; -- months
ALTER TABLE sites ADD COLUMN keep           INTEGER NOT NULL DEFAULT 0; -- days
ALTER TABLE sites ADD COLUMN webhook        TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN webhook_secret TEXT NOT NULL DEFAULT '';
CREATE TABLE segments (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	version    INTEGER NOT NULL,
	definition TEXT NOT NULL,
	created    INTEGER NOT NULL,
	removed    INTEGER, -- of the newest version, if there is no such segment any more
	PRIMARY KEY (site, name, version)
) STRICT, WITHOUT ROWID;
`, people, goals, subscriptions, funnels, notes, public, languages, filters}

// people is the migration that brings people, their roles and sessions, scopes
// of keys, shares, secrets and the audit log.
const people = `
CREATE TABLE people (
	id       TEXT PRIMARY KEY,
	email    TEXT NOT NULL UNIQUE, -- in lower case
	name     TEXT NOT NULL,
	created  INTEGER NOT NULL,
	disabled INTEGER NOT NULL DEFAULT 0,
	password TEXT NOT NULL DEFAULT '', -- PHC string, '' is none
	totp     BLOB,                     -- secret, NULL is none
	step     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE recovery (
	person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	hash   BLOB NOT NULL,
	PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE grants (
	person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	site   TEXT NOT NULL, -- '' is every site
	role   TEXT NOT NULL,
	PRIMARY KEY (person, site)
) STRICT, WITHOUT ROWID;

ALTER TABLE links ADD COLUMN purpose TEXT NOT NULL DEFAULT 'login';
ALTER TABLE links ADD COLUMN person TEXT REFERENCES people (id) ON DELETE CASCADE; -- NULL is nobody
ALTER TABLE sessions RENAME TO sessions_before;
CREATE TABLE sessions (
	hash    BLOB PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	person  TEXT REFERENCES people (id) ON DELETE CASCADE, -- NULL is the operator
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL
) STRICT;
INSERT INTO sessions SELECT hash, 'ses_' || lower(hex(randomblob(5))), NULL, expires - 2592000000, unixepoch() * 1000 FROM sessions_before;
DROP TABLE sessions_before;

ALTER TABLE keys ADD COLUMN scopes TEXT NOT NULL DEFAULT ''; -- in order, with spaces between
ALTER TABLE keys ADD COLUMN expires INTEGER; -- NULL is never
UPDATE keys SET scopes = CASE role WHEN 'owner' THEN 'define read' WHEN 'viewer' THEN 'read' ELSE role END;
ALTER TABLE keys DROP COLUMN role;

CREATE TABLE shares (
	id      TEXT PRIMARY KEY,
	hash    BLOB NOT NULL UNIQUE,
	site    TEXT NOT NULL REFERENCES sites (id),
	name    TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER -- NULL is never
) STRICT;
CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
CREATE TABLE audit (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	at     INTEGER NOT NULL,
	who    TEXT NOT NULL,
	what   TEXT NOT NULL,
	target TEXT NOT NULL,
	old    TEXT NOT NULL,
	new    TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
`

// goals is the migration that brings goals.
const goals = `
CREATE TABLE goals (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    INTEGER NOT NULL,
	PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;
`

// subscriptions is the migration that brings who is sent reports and alerts.
const subscriptions = `
CREATE TABLE subscriptions (
	id        TEXT PRIMARY KEY,
	site      TEXT NOT NULL, -- '' is an affiliate's
	affiliate TEXT NOT NULL, -- id in the ledger, '' is a site's
	person    TEXT REFERENCES people (id) ON DELETE CASCADE, -- NULL is an address or affiliate
	email     TEXT NOT NULL, -- '' is a person's or an affiliate's
	rhythm    TEXT NOT NULL,
	created   INTEGER NOT NULL,
	told      INTEGER NOT NULL, -- day: what is before it is told
	tries     INTEGER NOT NULL,
	due       INTEGER, -- of the next try, NULL is at once
	why       TEXT NOT NULL
) STRICT;
CREATE TABLE alerts (
	id      TEXT PRIMARY KEY,
	site    TEXT NOT NULL, -- '' is the server
	rule    TEXT NOT NULL, -- JSON
	email   TEXT NOT NULL, -- '' is a webhook
	webhook TEXT NOT NULL,
	secret  TEXT NOT NULL,
	created INTEGER NOT NULL,
	state   TEXT NOT NULL -- JSON, '' at the beginning
) STRICT;
`

// funnels is the migration that brings funnels.
const funnels = `
CREATE TABLE funnels (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    INTEGER NOT NULL,
	PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;
`

// notes is the migration that brings notes.
const notes = `
CREATE TABLE notes (
	id      TEXT PRIMARY KEY,
	site    TEXT NOT NULL REFERENCES sites (id),
	at      TEXT NOT NULL, -- 2026-05-01, a day at the site, or 2026-05-01T12:30:00Z
	text    TEXT NOT NULL,
	who     TEXT NOT NULL,
	created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

// public is the migration that brings what of a site anybody may see.
const public = `
ALTER TABLE sites ADD COLUMN public TEXT NOT NULL DEFAULT 'off'; -- names of parts with commas between
`

// languages is the migration that brings the language of a person's pages.
const languages = `
ALTER TABLE people ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- BCP 47, '' is what the browser wants
`

// filters is the migration that brings saved filters.
const filters = `
CREATE TABLE filters (
	site    TEXT NOT NULL REFERENCES sites (id),
	person  TEXT REFERENCES people (id) ON DELETE CASCADE, -- NULL is everybody at the site
	name    TEXT NOT NULL,
	query   TEXT NOT NULL, -- as an address of the dashboard has it
	created INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX filters_by_name ON filters (site, coalesce(person, ''), name);
`
