package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/metric"
	"footfall/store"
)

// A fault in DuckDB itself, even in one reader's query, makes it refuse whatever
// it is asked from then on, until the file is closed and opened anew. So does a commit
// that failed, as on a full disk: DuckDB takes back its rows, but not their texts, and the
// next row that is written gets all of them in front of its own. Who asks next does that:
// docs/format/events.md, "Damage".

// opening is the file as it was opened once.
type opening struct {
	db      *sql.DB      // readers
	held    atomic.Int64 // connections of snapshots and selections
	failed  atomic.Pointer[error]
	damaged atomic.Bool // something in the file could not be read
}

// held is a connection of somebody's own, beside those of readers.
type held struct {
	opened *opening
	conn   driver.Conn // nil once it is closed
}

// hold opens a connection of somebody's own, which must be closed.
func (s *Store) hold(ctx context.Context) (held, error) {
	s.mu.Lock() // Close would take the connector away
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return held{}, err
	}
	conn, err := s.connector.Connect(ctx)
	if err != nil {
		return held{}, err
	}
	s.opened.held.Add(1)
	return held{s.opened, conn}, nil
}

// Close ends the connection, with its transaction and all that is temporary.
func (h *held) Close() error {
	if h.conn == nil {
		return nil
	}
	err := h.conn.Close()
	h.conn = nil
	h.opened.held.Add(-1)
	return err
}

// found takes every error that DuckDB answers, and is where those are told apart
// after which it may refuse everything. To who only met the fault of another it
// gives store.ErrMending.
func (o *opening) found(err error) error {
	switch {
	case err == nil:
		return nil
	case fatal(err):
		o.failed.CompareAndSwap(nil, &err)
		if strings.Contains(err.Error(), invalidated) {
			return store.ErrMending
		}
	case o.failed.Load() != nil && strings.Contains(err.Error(), "database is closed"): // closed before it was asked
		return store.ErrMending
	}
	return o.trouble(err)
}

// trouble tells people of what is no fault of a question, and whether the file is damaged.
// Only what DuckDB says first counts: a query's own texts, which may say anything, come
// behind.
func (o *opening) trouble(err error) error {
	said := err
	for errors.Unwrap(said) != nil {
		said = errors.Unwrap(said)
	}
	if of, is := errors.AsType[*duckdb.Error](err); is {
		said = of
	}
	begins := func(text string) bool { return strings.HasPrefix(said.Error(), text) }
	switch {
	case begins("IO Error: Corrupt database file"):
		o.damaged.Store(true)
		return &metric.TroubleError{Why: metric.Damaged, Err: err}
	case begins("Out of Memory Error"), begins("TransactionContext Error: Failed to commit: could not allocate block"):
		return &metric.TroubleError{Why: metric.NoMemory, Err: err}
	}
	return err
}

// Damaged reports whether something in the file could not be read since it was opened.
func (s *Store) Damaged() bool {
	s.look.RLock()
	defer s.look.RUnlock()
	return s.opened.damaged.Load()
}

const invalidated = "database has been invalidated"

// fatal reports whether DuckDB may refuse everything after an error. A text in a
// query may look like one: see refuses.
func fatal(err error) bool {
	text := err.Error()
	return strings.Contains(text, "INTERNAL Error") || strings.Contains(text, "FATAL Error")
}

// refuses asks DuckDB whether it refuses everything.
func (s *Store) refuses() bool {
	err := s.exec(context.Background(), "SELECT 1")
	return err != nil && strings.Contains(err.Error(), invalidated)
}

// connections counts the readers' that are still open. DuckDB keeps one instance
// of a file: as long as one of them lives, an attempt to open it gets the old
// instance, or waits in DuckDB for ever.
func (o *opening) connections() int64 { return int64(o.db.Stats().OpenConnections) + o.held.Load() }

// reading hands out what readers ask, opened anew if it has to be. Its errors go
// through found.
func (s *Store) reading() (*opening, error) {
	s.look.RLock()
	o := s.opened
	s.look.RUnlock()
	if o.failed.Load() == nil {
		return o, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return nil, err
	}
	return s.opened, nil
}

// mendPause is between two attempts to open the file anew.
const mendPause = time.Second

// mend opens the file anew if DuckDB refuses it. It is store.ErrMending as long as
// that is not done, and errClosed after Close. s.mu is held.
func (s *Store) mend() error {
	if s.closed {
		return errClosed
	}
	why := s.opened.failed.Load()
	switch {
	case s.conn != nil && why == nil:
		return nil
	case s.conn != nil && !s.torn && !s.refuses():
		s.opened.failed.Store(nil)
		return nil
	case s.conn != nil:
		s.o.Log.Error("the event store is closed and opened anew, after a commit that failed or an error of DuckDB in itself", "error", brief(*why))
		_ = s.closeAll() // nothing is in it that is not on disk
	}
	if s.opened.connections() > 0 { // whoever has them meets errors, and ends
		return store.ErrMending
	}
	if time.Since(s.tried) < mendPause {
		return store.ErrMending
	}
	if err := s.reopen(); err != nil {
		s.tried = time.Now()
		s.o.Log.Error("event store can't be opened anew: trying again; if it stays so, restart footfall", "error", brief(err))
		return fmt.Errorf("%w: %w", store.ErrMending, err)
	}
	s.mended.Add(1)
	s.o.Log.Info("event store is opened anew", "position", s.state.Position)
	return nil
}

// reopen opens the file again after closeAll. What can't be opened is not moved
// aside here, but by the next start: only then the readers of the queue go back
// to where the new file is.
func (s *Store) reopen() error {
	before := s.opened
	err := s.open()
	if err == nil {
		return nil
	}
	_ = s.closeAll()
	s.look.Lock()
	defer s.look.Unlock()
	s.opened.failed.Store(before.failed.Load()) // so that readers ask for it again
	return err
}

// Mended counts how often the file was opened anew as DuckDB refused it.
func (s *Store) Mended() uint64 { return s.mended.Load() }

// brief is an error without DuckDB's stack trace.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n\nStack Trace")
	return text
}

// connector lets nobody connect to what is being closed.
type connector struct {
	*duckdb.Connector
	mu     sync.RWMutex
	closed bool
}

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return nil, errors.New("event store: database is closed")
	}
	return c.Connector.Connect(ctx)
}

// Close closes the file as soon as its connections are.
func (c *connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.Connector.Close()
}
