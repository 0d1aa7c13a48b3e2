-- control.sqlite as released versions wrote it: never to be changed.
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
INSERT INTO sites VALUES ('shop-example', 'shop.example', 'ffw_old', 'Europe/Berlin', 'EUR', '["www.shop.example"]', '[]', 1, 1700000000123, 24, 400, 'https://shop.example/hook', 'ffh_x');
INSERT INTO people (id, email, name, created) VALUES ('per_ada', 'ada@shop.example', 'Ada', 1700000000123);
INSERT INTO grants VALUES ('per_ada', 'shop-example', 'viewer');
INSERT INTO audit (at, who, what, target, old, new) VALUES (1700000000123, 'operator', 'user add', 'ada@shop.example', '', 'viewer of shop-example');
PRAGMA user_version = 3;
