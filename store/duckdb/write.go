package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/event"
	"footfall/pump"
	"footfall/store"
)

// Write keeps the events that are new, with the position, in one transaction.
func (s *Store) Write(ctx context.Context, events []event.Event, to event.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rejected := check(events); rejected != nil {
		return rejected
	}
	if err := s.again(ctx); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	fresh, err := s.fresh(ctx, events)
	if err != nil {
		return fmt.Errorf("event store: looking for duplicates: %w", err)
	}
	next := s.state
	next.Stored += uint64(len(fresh))
	next.Duplicates += uint64(len(events) - len(fresh))
	if to != (event.Position{}) {
		next.Position = to
	}
	if err := ctx.Err(); err != nil {
		return err // the last moment to give up: a transaction is not interrupted
	}
	if err := s.commit(events, fresh, next); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	for _, i := range fresh {
		s.days.add(&events[i])
	}
	s.tellDuplicates(events, fresh)
	s.setState(next)
	return nil
}

// check names the events that could never be stored.
func check(events []event.Event) error {
	var rejected *pump.RejectedError
	for i := range events {
		if err := events[i].Check(); err != nil {
			if rejected == nil {
				rejected = &pump.RejectedError{Err: err}
			}
			rejected.Index = append(rejected.Index, i)
		}
	}
	if rejected == nil {
		return nil
	}
	return rejected
}

// again reads anew what is stored if the last commit left it open whether it
// was done.
func (s *Store) again(ctx context.Context) error {
	if !s.unsure {
		return nil
	}
	state, err := s.readState(ctx)
	if err != nil {
		return err
	}
	s.setState(state)
	s.days, s.unsure = newDays(s), false
	return nil
}

// commit runs one transaction, whatever becomes of the caller's context: one
// that is interrupted could be found committed or still open.
func (s *Store) commit(events []event.Event, fresh []int, next store.State) (err error) {
	ctx := context.Background()
	if err := s.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.unsure = true
			_ = s.exec(ctx, "ROLLBACK") // fails where the transaction has ended already
		}
	}()
	if err := s.append(events, fresh); err != nil {
		return err
	}
	p := next.Position
	if err := s.exec(ctx, fmt.Sprintf("UPDATE state SET epoch=%d, seq=%d, total=%d, stored=%d, duplicates=%d",
		p.Epoch, p.Seq, p.Total, next.Stored, next.Duplicates)); err != nil {
		return err
	}
	return s.exec(ctx, "COMMIT")
}

func (s *Store) append(events []event.Event, fresh []int) error {
	if len(fresh) == 0 {
		return nil
	}
	a, err := duckdb.NewAppenderFromConn(s.conn, "", "events")
	if err != nil {
		return err
	}
	row := make([]driver.Value, columns)
	for _, i := range fresh {
		fill(row, &events[i])
		if err := a.AppendRow(row...); err != nil {
			_ = a.Close() // the append's error is the one that tells
			return err
		}
	}
	return a.Close()
}

const columns = 37

// fill sets a row's values in the order of the schema.
func fill(row []driver.Value, e *event.Event) {
	row[0], row[1], row[2], row[3] = e.Site, e.Time.UnixMilli(), int32(e.Day()), e.ID
	row[4], row[5] = string(e.Kind), text(e.Name)
	// Not Sub, which ends at 292 years.
	row[6], row[7] = e.Time.UnixMilli()-e.Original.UnixMilli(), e.Received.UnixMilli()-e.Time.UnixMilli()
	row[8] = nil
	if !e.Sent.IsZero() {
		row[8] = e.Received.UnixMilli() - e.Sent.UnixMilli()
	}
	row[9], row[10], row[11], row[12], row[13] = text(e.Flag), text(e.UserID), text(e.AnonymousID), text(e.GroupID), text(e.PreviousID)
	row[14], row[15] = e.Visitor, e.Session
	row[16], row[17], row[18], row[19], row[20] = text(e.Host), text(e.Path), text(e.Search), text(e.Title), text(e.Referrer)
	row[21], row[22] = text(e.Class), text(e.Source)
	c := &e.Campaign
	row[23], row[24], row[25], row[26], row[27] = text(c.Source), text(c.Medium), text(c.Name), text(c.Term), text(c.Content)
	row[28], row[29], row[30], row[31], row[32] = text(e.Country), text(e.Device), text(e.Browser), text(e.OS), e.Bot
	row[33], row[34], row[35], row[36] = text(e.Channel), text(e.Properties), text(e.Traits), text(e.Context)
}

// text stores an absent text as NULL, which takes no space.
func text(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}

// keptDays bounds how many days' id sets are in memory.
const keptDays = 40

// days holds, for recently written days, the set of the ids stored.
type days struct {
	s    *Store
	sets map[event.Day]*daySet
}

type daySet struct {
	*event.Seen
	used time.Time
}

func newDays(s *Store) *days { return &days{s: s, sets: map[event.Day]*daySet{}} }

func (d *days) add(e *event.Event) {
	if set := d.sets[e.Day()]; set != nil {
		set.Add(event.Key(e.Site, e.ID))
	}
}

// of loads a day's ids unless they are in memory.
func (d *days) of(ctx context.Context, day event.Day) (*daySet, error) {
	set := d.sets[day]
	if set == nil {
		set = &daySet{Seen: event.NewSeen()}
		rows, err := d.s.db.QueryContext(ctx, "SELECT site, id FROM events WHERE day = ?", int32(day))
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var site, id string
			if err := rows.Scan(&site, &id); err != nil {
				return nil, err
			}
			set.Add(event.Key(site, id))
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		d.forgetOldest()
		d.sets[day] = set
	}
	set.used = d.s.o.Now()
	return set, nil
}

func (d *days) forgetOldest() {
	if len(d.sets) < keptDays {
		return
	}
	var oldest event.Day
	var when time.Time
	for day, set := range d.sets {
		if when.IsZero() || set.used.Before(when) {
			oldest, when = day, set.used
		}
	}
	delete(d.sets, oldest)
}

// ident is what counts once.
type ident struct {
	day      event.Day
	site, id string
}

func identOf(e *event.Event) ident { return ident{e.Day(), e.Site, e.ID} }

// fresh is the indexes of the events that are neither stored nor twice in the batch.
func (s *Store) fresh(ctx context.Context, events []event.Event) ([]int, error) {
	fresh := make([]int, 0, len(events))
	batch := make(map[ident]struct{}, len(events))
	var suspects []int
	var set *daySet
	var day event.Day
	for i := range events {
		e := &events[i]
		who := identOf(e)
		if _, twice := batch[who]; twice {
			continue
		}
		batch[who] = struct{}{}
		if set == nil || who.day != day {
			var err error
			if set, err = s.days.of(ctx, who.day); err != nil {
				return nil, err
			}
			day = who.day
		}
		fresh = append(fresh, i)
		if set.Has(event.Key(e.Site, e.ID)) {
			suspects = append(suspects, i)
		}
	}
	if len(suspects) == 0 {
		return fresh, nil
	}
	known, err := s.confirm(ctx, events, suspects)
	if err != nil {
		return nil, err
	}
	kept := fresh[:0]
	for _, i := range fresh {
		if !known[identOf(&events[i])] {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// confirm asks the table which suspects it holds: a set may mistake a new id for a known one.
func (s *Store) confirm(ctx context.Context, events []event.Event, suspects []int) (map[ident]bool, error) {
	if err := s.exec(ctx, "CREATE OR REPLACE TEMP TABLE suspects (day INTEGER, site VARCHAR, id VARCHAR)"); err != nil {
		return nil, err
	}
	defer s.exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS temp.suspects") // replaced next time anyway
	a, err := duckdb.NewAppender(s.conn, "temp", "main", "suspects")
	if err != nil {
		return nil, err
	}
	first, last := events[suspects[0]].Day(), events[suspects[0]].Day()
	for _, i := range suspects {
		who := identOf(&events[i])
		first, last = min(first, who.day), max(last, who.day)
		if err := a.AppendRow(int32(who.day), who.site, who.id); err != nil {
			_ = a.Close()
			return nil, err
		}
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	rows, err := s.conn.(driver.QueryerContext).QueryContext(ctx, fmt.Sprintf(
		"SELECT DISTINCT day, site, id FROM suspects SEMI JOIN (SELECT day, site, id FROM events WHERE day BETWEEN %d AND %d) e USING (day, site, id)", first, last), nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[ident]bool{}
	row := make([]driver.Value, 3)
	for {
		switch err := rows.Next(row); err {
		case nil:
			known[ident{event.Day(row[0].(int32)), row[1].(string), row[2].(string)}] = true
		case io.EOF:
			return known, nil
		default:
			return nil, err
		}
	}
}

// tellDuplicates reports the events that are not fresh.
func (s *Store) tellDuplicates(events []event.Event, fresh []int) {
	if s.o.Duplicate == nil || len(fresh) == len(events) {
		return
	}
	for i := range events {
		if len(fresh) > 0 && fresh[0] == i {
			fresh = fresh[1:]
			continue
		}
		s.o.Duplicate(&events[i])
	}
}

// Recount sets the count of duplicates after the store was filled from the
// archive, which brings none but has counted them.
func (s *Store) Recount(ctx context.Context, duplicates uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.again(ctx); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	next := s.state
	next.Duplicates = duplicates
	if err := s.commit(nil, nil, next); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	s.setState(next)
	return nil
}
