package postgres

// steps lead from nothing to today's tables, which are those of account/sqlite.
// Entries are never changed once they are released, only added. Times are Unix
// milliseconds, days are days since 1970-01-01, tokens are SHA-256 hashes. Texts
// are in the order of their bytes, as everywhere in Footfall.
var steps = []string{`
CREATE TABLE sites (
	id             TEXT COLLATE "C" PRIMARY KEY,
	domain         TEXT COLLATE "C" NOT NULL UNIQUE,
	write_key      TEXT NOT NULL UNIQUE,
	zone           TEXT NOT NULL,
	currency       TEXT NOT NULL,
	origins        TEXT NOT NULL, -- JSON array
	internal       TEXT NOT NULL, -- JSON array
	dnt            BIGINT NOT NULL,
	created        BIGINT NOT NULL,
	history        BIGINT NOT NULL, -- months
	keep           BIGINT NOT NULL, -- days
	webhook        TEXT NOT NULL,
	webhook_secret TEXT NOT NULL
);
CREATE TABLE people (
	id       TEXT COLLATE "C" PRIMARY KEY,
	email    TEXT COLLATE "C" NOT NULL UNIQUE, -- in lower case
	name     TEXT NOT NULL,
	created  BIGINT NOT NULL,
	disabled BIGINT NOT NULL DEFAULT 0,
	password TEXT NOT NULL DEFAULT '', -- PHC string, '' is none
	totp     BYTEA,                    -- secret, NULL is none
	step     BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE recovery (
	person TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	hash   BYTEA NOT NULL,
	PRIMARY KEY (person, hash)
);
CREATE TABLE grants (
	person TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	site   TEXT COLLATE "C" NOT NULL, -- '' is every site
	role   TEXT NOT NULL,
	PRIMARY KEY (person, site)
);
CREATE TABLE links (
	hash    BYTEA PRIMARY KEY,
	expires BIGINT NOT NULL,
	purpose TEXT NOT NULL,
	person  TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE -- NULL is nobody
);
CREATE TABLE sessions (
	hash    BYTEA PRIMARY KEY,
	id      TEXT COLLATE "C" NOT NULL UNIQUE,
	person  TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE, -- NULL is the operator
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL
);
CREATE TABLE keys (
	id      TEXT COLLATE "C" PRIMARY KEY,
	hash    BYTEA NOT NULL UNIQUE,
	site    TEXT COLLATE "C" REFERENCES sites (id), -- NULL is every site
	scopes  TEXT NOT NULL, -- in order, with spaces between
	created BIGINT NOT NULL,
	expires BIGINT -- NULL is never
);
CREATE TABLE shares (
	id      TEXT COLLATE "C" PRIMARY KEY,
	hash    BYTEA NOT NULL UNIQUE,
	site    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	name    TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT -- NULL is never
);
CREATE TABLE segments (
	site       TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	name       TEXT COLLATE "C" NOT NULL,
	version    BIGINT NOT NULL,
	definition TEXT NOT NULL,
	created    BIGINT NOT NULL,
	removed    BIGINT, -- of the newest version, if there is no such segment any more
	PRIMARY KEY (site, name, version)
);
CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BYTEA NOT NULL);
CREATE TABLE salts   (day BIGINT PRIMARY KEY, salt BYTEA NOT NULL);
CREATE TABLE audit (
	id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at     BIGINT NOT NULL,
	who    TEXT NOT NULL,
	what   TEXT NOT NULL,
	target TEXT NOT NULL,
	old    TEXT NOT NULL,
	new    TEXT NOT NULL
);
CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to();
`, `
CREATE TABLE goals (
	site       TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	name       TEXT COLLATE "C" NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    BIGINT NOT NULL,
	PRIMARY KEY (site, name)
);
`, `
CREATE TABLE subscriptions (
	id        TEXT COLLATE "C" PRIMARY KEY,
	site      TEXT COLLATE "C" NOT NULL, -- '' is an affiliate's
	affiliate TEXT COLLATE "C" NOT NULL, -- id in the ledger, '' is a site's
	person    TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE, -- NULL is an address or affiliate
	email     TEXT COLLATE "C" NOT NULL, -- '' is a person's or an affiliate's
	rhythm    TEXT NOT NULL,
	created   BIGINT NOT NULL,
	told      BIGINT NOT NULL, -- day: what is before it is told
	tries     BIGINT NOT NULL,
	due       BIGINT, -- of the next try, NULL is at once
	why       TEXT NOT NULL
);
CREATE TABLE alerts (
	id      TEXT COLLATE "C" PRIMARY KEY,
	site    TEXT COLLATE "C" NOT NULL, -- '' is the server
	rule    TEXT NOT NULL, -- JSON
	email   TEXT NOT NULL, -- '' is a webhook
	webhook TEXT NOT NULL,
	secret  TEXT NOT NULL,
	created BIGINT NOT NULL,
	state   TEXT NOT NULL -- JSON, '' at the beginning
);
`, `
CREATE TABLE funnels (
	site       TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	name       TEXT COLLATE "C" NOT NULL,
	definition TEXT NOT NULL, -- JSON object
	created    BIGINT NOT NULL,
	PRIMARY KEY (site, name)
);
`, `
CREATE TABLE notes (
	id      TEXT COLLATE "C" PRIMARY KEY,
	site    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	at      TEXT COLLATE "C" NOT NULL, -- 2026-05-01, a day at the site, or 2026-05-01T12:30:00Z
	text    TEXT NOT NULL,
	who     TEXT NOT NULL,
	created BIGINT NOT NULL
);
`, `
ALTER TABLE sites ADD COLUMN public TEXT NOT NULL DEFAULT 'off'; -- names of parts with commas between
`, `
ALTER TABLE people ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- BCP 47, '' is what the browser wants
`, `
CREATE TABLE filters (
	site    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
	person  TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE, -- NULL is everybody at the site
	name    TEXT COLLATE "C" NOT NULL,
	query   TEXT NOT NULL, -- as an address of the dashboard has it
	created BIGINT NOT NULL
);
CREATE UNIQUE INDEX filters_by_name ON filters (site, (coalesce(person, '')), name);
`}
