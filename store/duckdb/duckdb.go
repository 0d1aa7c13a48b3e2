// Package duckdb keeps events in DuckDB. docs/format/events.md describes the
// file. It can be rebuilt: a write-ahead log that can't be replayed is moved
// aside, and the queue or the archive fills in what it held.
package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/event"
	"footfall/store"
)

// Options of a store. Only Dir is required.
type Options struct {
	Dir        string
	Memory     string             // DuckDB's memory limit, such as "512MB"; the default
	Checkpoint string             // write-ahead log size that starts a checkpoint; default "256MB"
	IDs        int                // ids to keep in memory beyond those of the running batch's days; default 4 million (5 bytes each)
	Duplicate  func(*event.Event) // called for every event that came again; nil for nobody
	// Fresh is called after a commit with the batch and the indexes, in order, of
	// the events in it that were new, if there are any; nil for nobody.
	Fresh func(events []event.Event, index []int)
	// Gone reports whether an event was deleted: one that comes (again) is not kept, and
	// counted as removed. Nil: none was.
	Gone func(*event.Event) bool
	Log  *slog.Logger
	Now  func() time.Time
}

// Store is an event store in one DuckDB file.
type Store struct {
	o         Options
	moved     []string
	mended    atomic.Uint64
	selecting chan struct{} // holds one for each selection under way

	mu        sync.Mutex  // the one writer
	conn      driver.Conn // nil while DuckDB refuses the file: see mend
	connector *connector
	db        *sql.DB   // that of opened
	closed    bool      // by Close
	tried     time.Time // when the last attempt to open the file anew failed
	chunk     *chunk    // of the events table; nil until the first event
	lines     *chunk    // of the lines table; nil until the first line
	days      *event.Days
	stored    map[event.Day]struct{} // days that have events, but for some in days; nil until somebody asks
	removed   map[string]removal     // by site
	portion   int                    // see removeUpTo
	part      int64                  // see scanRows
	torn      bool                   // a commit failed since the file was opened: see mend
	unsure    bool                   // the last write failed: state and days may not be what is stored
	look      sync.RWMutex           // of what others read without mu
	opened    *opening
	state     store.State
}

// formatVersion is of the file: docs/format/events.md. 2 added what trade
// events say of products and money, 3 the labels.
const formatVersion = 3

const stateSchema = `
CREATE TABLE IF NOT EXISTS state (version INTEGER NOT NULL, epoch UBIGINT NOT NULL, seq UBIGINT NOT NULL, total UBIGINT NOT NULL,
	stored UBIGINT NOT NULL, duplicates UBIGINT NOT NULL)`

const schema = `
CREATE TABLE IF NOT EXISTS events (
	site VARCHAR NOT NULL, time_ms BIGINT NOT NULL, day INTEGER NOT NULL, id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL, name VARCHAR, skew_ms BIGINT NOT NULL, received_lag_ms BIGINT NOT NULL, sent_lag_ms BIGINT, flag VARCHAR,
	user_id VARCHAR, anonymous_id VARCHAR, group_id VARCHAR, previous_id VARCHAR, visitor UBIGINT NOT NULL, session UBIGINT NOT NULL,
	host VARCHAR, path VARCHAR, search VARCHAR, title VARCHAR, referrer VARCHAR, class VARCHAR, source VARCHAR,
	utm_source VARCHAR, utm_medium VARCHAR, utm_campaign VARCHAR, utm_term VARCHAR, utm_content VARCHAR,
	country VARCHAR, device VARCHAR, browser VARCHAR, os VARCHAR, bot VARCHAR NOT NULL, channel VARCHAR,
	properties VARCHAR, traits VARCHAR, context VARCHAR, trade VARCHAR, amount BIGINT, currency VARCHAR,
	region VARCHAR, city VARCHAR, browser_version VARCHAR, os_version VARCHAR, language VARCHAR, screen VARCHAR);
CREATE TABLE IF NOT EXISTS lines (
	site VARCHAR NOT NULL, time_ms BIGINT NOT NULL, day INTEGER NOT NULL, id VARCHAR NOT NULL, bot VARCHAR NOT NULL,
	trade VARCHAR NOT NULL, currency VARCHAR, product VARCHAR, category VARCHAR, quantity BIGINT NOT NULL, amount BIGINT NOT NULL);
`

// Open opens or makes the store in the directory. What can't be opened, or is
// of an older format, is moved aside, never deleted; Moved tells.
func Open(o Options) (*Store, error) {
	if o.Memory == "" {
		o.Memory = "512MB"
	}
	if o.Checkpoint == "" {
		o.Checkpoint = "256MB"
	}
	if o.IDs <= 0 {
		o.IDs = 4_000_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{o: o, portion: portion, part: scanRows, selecting: make(chan struct{}, selects)}
	err := s.open()
	// First the log goes aside: the file holds everything up to the last
	// checkpoint. If that does not help, the file goes too.
	for _, damaged := range []string{s.file() + ".wal", s.file()} {
		if err == nil || !isDamage(err) {
			break
		}
		err = s.without(slog.LevelError, "event store can't be opened; moving aside what is damaged, its events come again from the queue or the archive",
			"damaged", err, damaged)
	}
	var older *olderError
	if errors.As(err, &older) {
		err = s.without(slog.LevelWarn, "event store is of an older format; moving it aside, its events come again from the queue and the archive",
			fmt.Sprintf("v%d", older.version), err, s.file()+".wal", s.file())
	}
	if err != nil {
		s.closeAll()
		return nil, fmt.Errorf("event store %s: %w", s.file(), err)
	}
	return s, nil
}

// without opens again after moving files aside because of why, which it returns
// if there are none.
func (s *Store) without(level slog.Level, message, suffix string, why error, files ...string) error {
	s.closeAll()
	at, moved := s.o.Now().UTC().Format("20060102T150405.000"), false
	for _, file := range files {
		if _, missing := os.Stat(file); missing != nil {
			continue
		}
		aside := fmt.Sprintf("%s.%s-%s", file, suffix, at)
		s.o.Log.Log(context.Background(), level, message, "file", file, "to", aside, "error", why)
		if err := os.Rename(file, aside); err != nil {
			return errors.Join(why, err)
		}
		s.moved, moved = append(s.moved, aside), true
	}
	if !moved {
		return why
	}
	return s.open()
}

// Moved lists the files, damaged or of an older format, that Open moved aside.
func (s *Store) Moved() []string { return s.moved }

func (s *Store) file() string { return filepath.Join(s.o.Dir, "events.duckdb") }

func (s *Store) open() (err error) {
	// preserve_insertion_order stays on: without it, DuckDB gathers what is
	// appended in a table of the thread's own before it copies it to the
	// transaction's. Queries say themselves which order they want.
	settings := url.Values{
		"memory_limit": {s.o.Memory}, "threads": {fmt.Sprint(runtime.NumCPU())},
		"storage_compatibility_version": {"v1.4.0"}, "checkpoint_threshold": {s.o.Checkpoint},
		"autoinstall_known_extensions": {"false"}, "autoload_known_extensions": {"false"}, "allow_community_extensions": {"false"},
		"temp_directory": {filepath.Join(s.o.Dir, "spill")}, "max_temp_directory_size": {"4GB"},
	}
	c, err := duckdb.NewConnector(s.file()+"?"+settings.Encode(), nil)
	if err != nil {
		return err
	}
	s.connector = &connector{Connector: c}
	s.db = sql.OpenDB(s.connector)
	s.db.SetMaxOpenConns(4)
	s.look.Lock()
	s.opened = &opening{db: s.db}
	s.look.Unlock()
	if s.conn, err = s.connector.Connect(context.Background()); err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.exec(ctx, stateSchema); err != nil {
		return err
	}
	// Nothing but the file, its log and the spill may be opened from here on, and
	// nobody can change that: others may ask in SQL (select.go).
	if err := s.exec(ctx, "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL enable_external_access = false; SET GLOBAL lock_configuration = true"); err != nil {
		return err
	}
	s.days, s.stored = event.NewDays(s.o.IDs), nil
	state, err := s.readState(ctx) // before anything is added to a file of another version
	if err != nil {
		return err
	}
	if err := s.exec(ctx, schema+removedSchema); err != nil {
		return err
	}
	if err := s.upgrade(ctx); err != nil {
		return err
	}
	if state.Removed, err = s.readRemoved(ctx); err != nil {
		return err
	}
	s.setState(state)
	s.unsure, s.torn = false, false
	return nil
}

// olderError tells that the file is of a format before the oldest.
type olderError struct{ version int }

func (e *olderError) Error() string {
	return fmt.Sprintf("its format is %d, older than %d", e.version, oldest)
}

var errClosed = errors.New("event store: it is closed")

var errNewer = fmt.Errorf("its format is newer than %d, which this footfall knows: use a newer footfall", formatVersion)

// isDamage tells damaged files from whole ones that can't be opened now.
func isDamage(err error) bool {
	var older *olderError
	if errors.Is(err, errNewer) || errors.As(err, &older) {
		return false
	}
	for _, why := range []string{"lock on file", "Permission denied", "No space left", "Read-only file system", "Too many open files", "Out of Memory"} {
		if strings.Contains(err.Error(), why) {
			return false
		}
	}
	return true
}

func (s *Store) readState(ctx context.Context) (store.State, error) {
	var version int
	var state store.State
	p := &state.Position
	err := s.db.QueryRowContext(ctx, "SELECT version, epoch, seq, total, stored, duplicates FROM state").
		Scan(&version, &p.Epoch, &p.Seq, &p.Total, &state.Stored, &state.Duplicates)
	if errors.Is(err, sql.ErrNoRows) {
		return state, s.exec(ctx, fmt.Sprintf("INSERT INTO state VALUES (%d, 0, 0, 0, 0, 0)", formatVersion))
	}
	switch {
	case err != nil:
		return state, err
	case version > formatVersion:
		return state, errNewer
	case version < oldest:
		return state, &olderError{version}
	}
	return state, nil
}

func (s *Store) setState(state store.State) {
	s.look.Lock()
	s.state = state
	s.look.Unlock()
}

func (s *Store) exec(ctx context.Context, query string) error {
	_, err := s.conn.(driver.ExecerContext).ExecContext(ctx, query, nil)
	return err
}

// State tells what is stored.
func (s *Store) State() store.State {
	s.look.RLock()
	defer s.look.RUnlock()
	return s.state
}

// Bytes is the size of the store on disk.
func (s *Store) Bytes() int64 {
	var n int64
	for _, f := range []string{s.file(), s.file() + ".wal"} {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Close checkpoints and closes the file. While somebody reads a snapshot there
// can be no checkpoint: what is in the log is taken up later.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn == nil {
		return nil
	}
	err := s.exec(context.Background(), "CHECKPOINT")
	if err != nil && strings.Contains(err.Error(), invalidated) {
		s.o.Log.Error("event store is closed without a checkpoint, as DuckDB refuses it after an error in itself", "error", brief(err))
		err = nil
	}
	if err != nil && strings.Contains(err.Error(), "Cannot CHECKPOINT") {
		s.o.Log.Info("event store is closed without a checkpoint, as it is being read")
		err = nil
	}
	return errors.Join(err, s.closeAll())
}

func (s *Store) closeAll() error {
	var errs []error
	for _, c := range []*chunk{s.chunk, s.lines} {
		if c != nil {
			c.close()
		}
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.connector != nil {
		errs = append(errs, s.connector.Close())
	}
	s.chunk, s.lines, s.conn, s.connector = nil, nil, nil, nil // a query that comes late finds db closed, not gone
	return errors.Join(errs...)
}
