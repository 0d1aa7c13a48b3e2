package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"time"

	"footfall/event"
	"footfall/store"
)

var _ store.Remover = (*Store)(nil)

// removal is what was removed of a site. That of the site "" is of all sites,
// before the store was filled anew.
type removal struct {
	before int64 // milliseconds: no event of the site before this is kept
	events uint64
}

const removedSchema = `
CREATE TABLE IF NOT EXISTS removed (site VARCHAR NOT NULL, before_ms BIGINT NOT NULL, events UBIGINT NOT NULL);
`

// portion is how many events are removed at a time: the writer waits for it.
const portion = 100_000

// readRemoved reads what was removed, and how many events that were.
func (s *Store) readRemoved(ctx context.Context) (total uint64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT site, before_ms, events FROM removed")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	s.removed = map[string]removal{}
	for rows.Next() {
		var site string
		var r removal
		if err := rows.Scan(&site, &r.before, &r.events); err != nil {
			return 0, err
		}
		s.removed[site] = r
		total += r.events
	}
	return total, rows.Err()
}

// out reports whether an event is not kept.
func (s *Store) out(e *event.Event) bool {
	r, known := s.removed[e.Site]
	return known && e.Time.UnixMilli() < r.before || s.o.Gone != nil && s.o.Gone(e)
}

// kept leaves out the events that are too old to be kept, and deleted ones, and
// counts them by site.
func (s *Store) kept(events []event.Event) ([]event.Event, map[string]uint64) {
	gone := map[string]uint64{}
	for i := range events {
		if s.out(&events[i]) {
			gone[events[i].Site]++
		}
	}
	if len(gone) == 0 {
		return events, nil
	}
	var kept []event.Event
	for i := range events {
		if !s.out(&events[i]) {
			kept = append(kept, events[i])
		}
	}
	return kept, gone
}

// removedOf is what was removed of a site, which may be nothing.
func (s *Store) removedOf(site string) removal {
	if r, known := s.removed[site]; known {
		return r
	}
	return removal{before: math.MinInt64}
}

// putRemoved writes what is removed of a site now.
func (s *Store) putRemoved(ctx context.Context, site string, r removal) error {
	for _, query := range []string{"DELETE FROM removed WHERE site = ?", "INSERT INTO removed VALUES (?, ?, ?)"} {
		values := []driver.NamedValue{{Ordinal: 1, Value: site}, {Ordinal: 2, Value: r.before}, {Ordinal: 3, Value: r.events}}
		if _, err := s.conn.(driver.ExecerContext).ExecContext(ctx, query, values[:strings.Count(query, "?")]); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a site's events before a moment, for good. The room they had
// in the file is used again; the file does not become smaller.
func (s *Store) Remove(ctx context.Context, site string, before time.Time) (removed uint64, err error) {
	floor := ceilMillis(before)
	// First, so that none comes behind what is removed.
	if _, err := s.removeUpTo(ctx, site, math.MinInt64, floor); err != nil {
		return 0, fmt.Errorf("event store: removing: %w", err)
	}
	portions, err := s.portions(ctx, site, floor)
	for i := 0; err == nil && i < len(portions); i++ {
		if err = ctx.Err(); err != nil {
			break
		}
		var n uint64
		n, err = s.removeUpTo(ctx, site, portions[i], floor)
		removed += n
	}
	if err == nil && removed > 0 {
		err = s.checkpoint(ctx)
	}
	if err != nil {
		return removed, fmt.Errorf("event store: removing: %w", err)
	}
	return removed, nil
}

// portions cuts a site's events before a time into pieces: where each ends.
func (s *Store) portions(ctx context.Context, site string, before int64) (ends []int64, err error) {
	o, err := s.reading()
	if err != nil {
		return nil, err
	}
	defer func() { err = o.found(err) }()
	rows, err := o.db.QueryContext(ctx, fmt.Sprintf(`SELECT DISTINCT time_ms FROM
(SELECT time_ms, row_number() OVER (ORDER BY time_ms) AS n FROM events WHERE site = ? AND time_ms < %d) WHERE n %% %d = 0 ORDER BY time_ms`,
		before, s.portion), site)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var end int64
		if err := rows.Scan(&end); err != nil {
			return nil, err
		}
		ends = append(ends, end)
	}
	return append(ends, before), rows.Err()
}

// removeUpTo removes a site's events up to a time, of those before floor.
func (s *Store) removeUpTo(ctx context.Context, site string, end, floor int64) (n uint64, err error) {
	return s.lose(ctx, site, floor, func(_ context.Context, without func(condition string) error) error {
		return without(fmt.Sprintf("time_ms < %d", end))
	})
}

// lose loses events of a site in one transaction, in which body says which they are;
// from then on none before floor is kept.
func (s *Store) lose(ctx context.Context, site string, floor int64, body func(ctx context.Context, without func(condition string) error) error) (n uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return 0, err
	}
	defer func() { err = s.opened.found(err) }()
	if err := s.again(ctx); err != nil {
		return 0, err
	}
	next, state := s.removedOf(site), s.state
	next.before = max(next.before, floor)
	s.unsure = true
	err = s.transact(func(ctx context.Context) error {
		if err := body(ctx, func(condition string) (err error) {
			n, err = s.strike(ctx, site, condition)
			return err
		}); err != nil {
			return err
		}
		next.events += n
		state.Stored, state.Removed = state.Stored-n, state.Removed+n
		if err := s.putState(ctx, state); err != nil {
			return err
		}
		return s.putRemoved(ctx, site, next)
	})
	if err != nil {
		return 0, err
	}
	s.unsure = false
	s.removed[site] = next
	s.setState(state)
	return n, nil
}

// strike deletes a site's rows that meet a condition, and tells how many events
// that are.
func (s *Store) strike(ctx context.Context, site, condition string) (n uint64, err error) {
	for _, table := range []string{"lines", "events"} {
		r, err := s.conn.(driver.ExecerContext).ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE site = ? AND %s", table, condition),
			[]driver.NamedValue{{Ordinal: 1, Value: site}})
		if err != nil {
			return 0, err
		}
		if n, err = affected(r); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func affected(r driver.Result) (uint64, error) {
	n, err := r.RowsAffected()
	return uint64(n), err
}

// checkpoint gives the room of what was removed back, for what comes. While
// somebody reads a snapshot there can be none: a later one does it.
func (s *Store) checkpoint(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return err
	}
	err := s.opened.found(s.exec(ctx, "CHECKPOINT"))
	if err != nil && strings.Contains(err.Error(), "Cannot CHECKPOINT") {
		s.o.Log.Info("event store: there is no checkpoint, as it is being read; the room of removed events is given back by a later one")
		return nil
	}
	return err
}

// Room is what the store takes on disk, and how much of that is free for events
// to come, in bytes.
func (s *Store) Room(ctx context.Context) (size, free int64, err error) {
	o, err := s.reading()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = o.found(err) }()
	err = o.db.QueryRowContext(ctx, "SELECT block_size * free_blocks FROM pragma_database_size()").Scan(&free)
	if err != nil {
		return 0, 0, fmt.Errorf("event store: %w", err)
	}
	return s.Bytes(), free, nil
}

// Floors tells, by site, before which moment no event is kept.
func (s *Store) Floors() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	floors := map[string]time.Time{}
	for site, r := range s.removed {
		if site != "" && r.before != math.MinInt64 { // else single events were deleted
			floors[site] = time.UnixMilli(r.before).UTC()
		}
	}
	return floors
}

// Old counts what Remove would remove.
func (s *Store) Old(ctx context.Context, site string, before time.Time) (n uint64, err error) {
	query := fmt.Sprintf("SELECT count(*) FROM events WHERE site = ? AND time_ms < %d", ceilMillis(before))
	o, err := s.reading()
	if err != nil {
		return 0, err
	}
	defer func() { err = o.found(err) }()
	if err := o.db.QueryRowContext(ctx, query, site).Scan(&n); err != nil {
		return 0, fmt.Errorf("event store: counting old events: %w", err)
	}
	return n, nil
}
