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
INSERT INTO sites VALUES ('shop-example', 'shop.example', 'ffw_old', 'Europe/Berlin', 'EUR', '["www.shop.example"]', '[]', 1, 1700000000123);
-- the hash is SHA-256 of ffk_old
INSERT INTO keys VALUES ('key_old', x'f51c68b286ed6f7db52d7616f95c67e548881658f0b76f905fa988a0e6a01424', 'shop-example', 'viewer', 1700000000123);
PRAGMA user_version = 1;
