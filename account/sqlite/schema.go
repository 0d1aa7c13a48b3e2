package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// migrations lead from an empty file to today's schema; user_version says how
// many have run. Entries are never changed, only added. Times are Unix
// milliseconds, days are days since 1970-01-01, tokens are SHA-256 hashes.
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
`, people}

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

// migrate brings the file to the schema after all steps. A file that holds
// data is copied to path.vN.bak first.
func migrate(db *sql.DB, path string, steps []string) error {
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("control data: %s cannot be read: %w", path, err)
	}
	if version > len(steps) {
		return fmt.Errorf("control data: %s has schema %d, this footfall knows %d: install a newer footfall", path, version, len(steps))
	}
	if version > 0 && version < len(steps) {
		if err := backup(db, fmt.Sprintf("%s.v%d.bak", path, version)); err != nil {
			return fmt.Errorf("control data: backup before migration: %w", err)
		}
	}
	for ; version < len(steps); version++ {
		if err := step(db, version, steps[version]); err != nil {
			return fmt.Errorf("control data: migration %d of %s: %w", version+1, path, err)
		}
	}
	return nil
}

// step runs one migration unless another process has just done it.
func step(db *sql.DB, version int, statements string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	var now int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&now); err != nil || now > version {
		return err
	}
	if _, err := tx.Exec(statements); err != nil {
		return err
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
		return err
	}
	return tx.Commit()
}

// backup copies the file, without the salts: a copy would outlive them.
func backup(db *sql.DB, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL, 0o600) // empty: VACUUM INTO takes it, and its mode
	if err != nil {
		return err
	}
	f.Close()
	if _, err := db.Exec("VACUUM INTO ?", to); err != nil {
		return err
	}
	bak, err := sql.Open("sqlite3", dsn(to))
	if err != nil {
		return err
	}
	_, err = bak.Exec("DELETE FROM salts; PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, bak.Close())
}
