-- Control data as version 9 of the file has it.
PRAGMA user_version = 9;
BEGIN TRANSACTION;
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
CREATE TABLE audit (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	at     INTEGER NOT NULL,
	who    TEXT NOT NULL,
	what   TEXT NOT NULL,
	target TEXT NOT NULL,
	old    TEXT NOT NULL,
	new    TEXT NOT NULL
) STRICT;
CREATE TABLE funnels (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    INTEGER NOT NULL,
	PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "funnels" VALUES('shop-example','Order','{"name":"Order","steps":[{"page":"/"},{"page":"/thanks"}]}',1700000000123);
CREATE TABLE goals (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    INTEGER NOT NULL,
	PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "goals" VALUES('shop-example','Sign up','{"name":"Sign up","event":"Signed Up"}',1700000000456);
CREATE TABLE grants (
	person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	site   TEXT NOT NULL, -- '' is every site
	role   TEXT NOT NULL,
	PRIMARY KEY (person, site)
) STRICT, WITHOUT ROWID;
INSERT INTO "grants" VALUES('per_old','shop-example','owner');
CREATE TABLE keys (
	id      TEXT PRIMARY KEY,
	hash    BLOB NOT NULL UNIQUE,
	site    TEXT REFERENCES sites (id), -- NULL is every site
	created INTEGER NOT NULL
, scopes TEXT NOT NULL DEFAULT '', expires INTEGER) STRICT;
CREATE TABLE links    (hash BLOB PRIMARY KEY, expires INTEGER NOT NULL, purpose TEXT NOT NULL DEFAULT 'login', person TEXT REFERENCES people (id) ON DELETE CASCADE) STRICT;
CREATE TABLE notes (
	id      TEXT PRIMARY KEY,
	site    TEXT NOT NULL REFERENCES sites (id),
	at      TEXT NOT NULL, -- 2026-05-01, a day at the site, or 2026-05-01T12:30:00Z
	text    TEXT NOT NULL,
	who     TEXT NOT NULL,
	created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "notes" VALUES('note_1','shop-example','2026-05-01','Launch','operator',1700000000789);
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
INSERT INTO "people" VALUES('per_old','ann@shop.example','Ann',1700000000123,0,'',NULL,0);
CREATE TABLE recovery (
	person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	hash   BLOB NOT NULL,
	PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE salts    (day INTEGER PRIMARY KEY, salt BLOB NOT NULL) STRICT;
CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
CREATE TABLE segments (
	site       TEXT NOT NULL REFERENCES sites (id),
	name       TEXT NOT NULL,
	version    INTEGER NOT NULL,
	definition TEXT NOT NULL,
	created    INTEGER NOT NULL,
	removed    INTEGER, -- of the newest version, if there is no such segment any more
	PRIMARY KEY (site, name, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "segments" VALUES('shop-example','fans',1,'{}',1700000000123,NULL);
CREATE TABLE sessions (
	hash    BLOB PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	person  TEXT REFERENCES people (id) ON DELETE CASCADE, -- NULL is the operator
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL
) STRICT;
CREATE TABLE shares (
	id      TEXT PRIMARY KEY,
	hash    BLOB NOT NULL UNIQUE,
	site    TEXT NOT NULL REFERENCES sites (id),
	name    TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER -- NULL is never
) STRICT;
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
, history        INTEGER NOT NULL DEFAULT 0, keep           INTEGER NOT NULL DEFAULT 0, webhook        TEXT NOT NULL DEFAULT '', webhook_secret TEXT NOT NULL DEFAULT '', public TEXT NOT NULL DEFAULT 'off') STRICT;
INSERT INTO "sites" VALUES('shop-example','shop.example','ffw_old','Europe/Berlin','EUR','["www.shop.example"]','[]',1,1700000000123,24,0,'','','off');
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
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
DELETE FROM "sqlite_sequence";
ALTER TABLE people ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- BCP 47, '' is what the browser wants
COMMIT;
