package sqlite

import engine "footfall/engine/sqlite"

// kind is what the file is ("FFbn").
var kind = engine.Kind{Name: "bins", Application: 0x4646626e, Steps: []string{schema, frozenSchema, moreFigures},
	Repair: "move it and its -wal and -shm away: " + again, Newer: "move the file away: " + again}

const again = "bins are made again from the event store"

// Counts stand before days and sketches: to sum them up, the rest of a long row
// need not be read.
const schema = `
CREATE TABLE bins (
	site      TEXT NOT NULL,
	dimension TEXT NOT NULL, -- '' is the site as a whole
	period    TEXT NOT NULL, -- D2023-123, M2023-05, Y2023, TOTAL
	value     TEXT NOT NULL,
	counts    TEXT,          -- JSON array, in the order of bins.Counted; NULL for days
	days      TEXT,          -- of months: JSON object of counts by the day of the year
	visitors  BLOB,          -- sketch; NULL is empty
	PRIMARY KEY (site, dimension, period, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	epoch INTEGER NOT NULL,
	seq   INTEGER NOT NULL,
	total INTEGER NOT NULL,
	at    INTEGER NOT NULL -- Unix milliseconds
) STRICT;
CREATE TABLE dirty (
	site   TEXT NOT NULL,
	period TEXT NOT NULL,
	mark   INTEGER NOT NULL,
	PRIMARY KEY (site, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE rolled ( -- days whose bins are newer than the seal
	site   TEXT NOT NULL,
	period TEXT NOT NULL,
	epoch  INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	total  INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (site, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE zones (
	site  TEXT PRIMARY KEY,
	zone  TEXT NOT NULL,
	whole INTEGER NOT NULL -- 0 until the last part of the site's first roll
) STRICT, WITHOUT ROWID;
`

const frozenSchema = `
CREATE TABLE frozen ( -- sites whose older dates can't be counted again
	site     TEXT PRIMARY KEY,
	before   TEXT NOT NULL,    -- the first date that is not frozen
	at       INTEGER NOT NULL, -- when it began, Unix milliseconds
	currency TEXT NOT NULL,    -- of frozen dates
	since    TEXT NOT NULL     -- from this date on
) STRICT, WITHOUT ROWID;
`

// moreFigures takes from all sites that their bins are whole: the next roll makes them
// anew, with the figures that were added to bins.Counted. What is frozen has none of these.
const moreFigures = `
DELETE FROM zones;
ALTER TABLE frozen ADD COLUMN lacks TEXT NOT NULL DEFAULT 'D0001-001'; -- dates before have no figures from events on
UPDATE frozen SET lacks = before;
`

// ErrDamaged tells that a file is no longer what was written: without it, bins
// are made again from the event store.
var ErrDamaged = engine.ErrDamaged
