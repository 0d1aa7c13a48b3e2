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
INSERT INTO sites VALUES ('shop-example', 'shop.example', 'ffw_old', 'Europe/Berlin', 'EUR', '["www.shop.example"]', '[]', 1, 1700000000123, 24, 400, 'https://shop.example/hook', 'ffh_x');
INSERT INTO segments VALUES ('shop-example', 'fans', 1, 'one', 1700000000123, NULL);
-- the hashes are SHA-256 of ffk_owner, ffk_viewer, ffk_pages, ffl_old, ffs_old
INSERT INTO keys VALUES ('key_a', x'1e4fa44ba6a1dfe64653b0fda9889fd61253386efc4f8a9e86029618b95b3bb0', 'shop-example', 'owner', 1700000000123);
INSERT INTO keys VALUES ('key_b', x'7d3f49ffc2f75c408239f0c609528a95a48752cfc497c268c0139d22b9654e6c', NULL, 'viewer', 1700000000124);
INSERT INTO keys VALUES ('key_c', x'8c949fd8daaa16f4eaa36ccae09c4e663aa711721c9080b067a4600f0e3a076e', 'shop-example', 'segments', 1700000000125);
-- both are over in the year 2100, so that the session began 30 days before
INSERT INTO links VALUES (x'e22fc2ab7123a4e71f2e786f0e12eb0daa4bf6e110bb53fe6edf3fb7ccdaa6d7', 4102444800000);
INSERT INTO sessions VALUES (x'e45e2b46b2f6aa5808a8cb2c70fca82973e94e6703c0a4c8ecd4c2615eab4863', 4102444800000);
PRAGMA user_version = 2;
