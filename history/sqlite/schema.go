package sqlite

import engine "footfall/engine/sqlite"

// kind is what the file is ("FFhi"). That a write is on disk when it returns is
// needed: a notice goes out once it is told who moved, and a day that was
// replaced is no longer dirty in the bins, so that it would not be made again.
// What is removed is personal data and overwritten (secure_delete).
var kind = engine.Kind{Name: "history", Application: 0x46466869, Steps: []string{schema},
	Pragmas: "_cache_size=-32000&_stmt_cache_size=32&_secure_delete=on", Repair: moveAway}

// Sites and visitors have numbers, so that rows are small; site and visitor
// come first everywhere, so that what is kept of a visitor lies together.
// Dates are days since 1970-01-01, times Unix milliseconds.
const schema = `
CREATE TABLE sites (
	number   INTEGER PRIMARY KEY,
	site     TEXT NOT NULL UNIQUE,
	zone     TEXT,    -- of the basis, as are the following; NULL: never made as a whole
	currency TEXT,
	first    INTEGER, -- dates before are not kept
	counted  INTEGER  -- dates before were not counted
) STRICT;
CREATE TABLE visitors (
	site    INTEGER NOT NULL,
	id      INTEGER NOT NULL, -- from 1 up in each site
	visitor TEXT NOT NULL,
	PRIMARY KEY (site, id),
	UNIQUE (site, visitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	value   TEXT NOT NULL,
	month   INTEGER NOT NULL, -- its first date
	days    BLOB NOT NULL,
	PRIMARY KEY (site, visitor, kind, value, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE traits (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	date    INTEGER NOT NULL,
	patch   TEXT NOT NULL, -- JSON object
	PRIMARY KEY (site, visitor, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE active ( -- who has something of a date
	site    INTEGER NOT NULL,
	date    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	PRIMARY KEY (site, date, visitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
	site    INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	segment TEXT NOT NULL,
	version INTEGER NOT NULL,
	since   INTEGER NOT NULL,
	PRIMARY KEY (site, visitor, segment)
) STRICT, WITHOUT ROWID;
CREATE TABLE counts (
	site    INTEGER NOT NULL,
	segment TEXT NOT NULL,
	date    INTEGER NOT NULL,
	members INTEGER NOT NULL,
	PRIMARY KEY (site, segment, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT, -- none is given twice
	site  INTEGER NOT NULL,
	body  BLOB NOT NULL,
	tries INTEGER NOT NULL DEFAULT 0,
	due   INTEGER NOT NULL DEFAULT 0, -- 0 is at once
	why   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_of ON outbox (site); -- and id
`

// ErrDamaged tells that a file is no longer what was written.
var ErrDamaged = engine.ErrDamaged

const moveAway = "move the file of histories and its -wal and -shm away: histories are made again from the event store; " +
	"who was in which segment is lost with it, and notices that were not delivered"
