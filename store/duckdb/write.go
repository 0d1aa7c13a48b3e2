package duckdb

import (
	"context"
	"errors"
	"fmt"
	"math"

	"footfall/event"
	"footfall/pump"
	"footfall/store"
)

// Write keeps the events that are new, with the position, in one transaction.
func (s *Store) Write(ctx context.Context, events []event.Event, to event.Position) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return err
	}
	defer func() { err = s.opened.found(err) }()
	if err := s.again(ctx); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	if rejected := s.check(events); rejected != nil {
		return rejected
	}
	s.unsure = true // until it is known to be stored
	events, gone := s.kept(events)
	fresh, err := s.fresh(ctx, events)
	if err != nil {
		return fmt.Errorf("event store: looking for duplicates: %w", err)
	}
	next := s.state
	next.Stored += uint64(len(fresh))
	next.Duplicates += uint64(len(events) - len(fresh))
	for _, n := range gone {
		next.Removed += n
	}
	if to != (event.Position{}) {
		next.Position = to
	}
	if err := ctx.Err(); err != nil {
		return err // the last moment to give up: a transaction is not interrupted
	}
	if err := s.commit(events, fresh, gone, next); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	s.unsure = false
	for _, day := range s.days.Trim() {
		s.stored[day] = struct{}{}
	}
	s.tellDuplicates(events, fresh) // before: who waits for the position wants to know of them, too
	s.setState(next)
	if s.o.Fresh != nil && len(fresh) > 0 {
		s.o.Fresh(events, fresh)
	}
	return nil
}

// check names the events that could never be stored, but for those that are not kept
// anyway.
func (s *Store) check(events []event.Event) error {
	var rejected *pump.RejectedError
	for i := range events {
		if err := events[i].Check(); err != nil && !s.out(&events[i]) {
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

// again reads anew what is stored if the last write failed: then it is open
// whether it was committed, and days holds ids that may not be stored.
func (s *Store) again(ctx context.Context) error {
	if !s.unsure {
		return nil
	}
	state, err := s.readState(ctx)
	if err == nil {
		state.Removed, err = s.readRemoved(ctx)
	}
	if err != nil {
		return err
	}
	s.setState(state)
	s.days, s.stored, s.unsure = event.NewDays(s.o.IDs), nil, false
	return nil
}

// commit stores the fresh events and the state, and counts those that are gone.
func (s *Store) commit(events []event.Event, fresh []int, gone map[string]uint64, next store.State) error {
	return s.transact(func(ctx context.Context) error {
		if err := s.append(events, fresh); err != nil {
			return err
		}
		for site, n := range gone {
			r := s.removedOf(site)
			r.events += n
			if err := s.putRemoved(ctx, site, r); err != nil {
				return err
			}
			s.removed[site] = r // read again after an error
		}
		return s.putState(ctx, next)
	})
}

// transact runs one transaction, whatever becomes of the caller's context: one
// that is interrupted could be found committed or still open.
func (s *Store) transact(change func(ctx context.Context) error) (err error) {
	if err := s.run("BEGIN"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.run("ROLLBACK") // fails where the transaction has ended already
		}
	}()
	if err := change(context.Background()); err != nil {
		return err
	}
	if err := s.run("COMMIT"); err != nil {
		s.torn = true
		s.opened.failed.CompareAndSwap(nil, &err)
		return err
	}
	return nil
}

func (s *Store) putState(ctx context.Context, next store.State) error {
	p := next.Position
	return s.exec(ctx, fmt.Sprintf("UPDATE state SET epoch=%d, seq=%d, total=%d, stored=%d, duplicates=%d",
		p.Epoch, p.Seq, p.Total, next.Stored, next.Duplicates))
}

func (s *Store) append(events []event.Event, fresh []int) error {
	if len(fresh) == 0 {
		return nil
	}
	a, err := s.appendTo("events", &s.chunk)
	if err != nil {
		return err
	}
	var trades []traded
	for _, i := range fresh {
		e := &events[i]
		if err := a.room(e.Size()); err != nil {
			return errors.Join(err, a.close())
		}
		trade, ok := e.Trade()
		if ok && len(trade.Lines) > 0 {
			trades = append(trades, traded{e, trade})
		}
		a.c.fill(e, &trade)
	}
	if err := a.finish(); err != nil {
		return err
	}
	return s.appendLines(trades)
}

// traded is an event with what it says of products.
type traded struct {
	*event.Event
	event.Trade
}

func (s *Store) appendLines(trades []traded) error {
	if len(trades) == 0 {
		return nil
	}
	a, err := s.appendTo("lines", &s.lines)
	if err != nil {
		return err
	}
	for i := range trades {
		t := &trades[i]
		for j := range t.Lines {
			l := &t.Lines[j]
			if err := a.room(t.Size() + len(l.Product) + len(l.Category)); err != nil {
				return errors.Join(err, a.close())
			}
			a.c.fillLine(t, l)
		}
	}
	return a.finish()
}

// fillLine sets a row's values in the order of the schema.
func (c *chunk) fillLine(t *traded, l *event.Line) {
	c.text(0, t.Site)
	c.int64(1, t.Time.UnixMilli())
	c.int32(2, int32(t.Day()))
	c.text(3, t.ID)
	c.text(4, t.Bot)
	c.text(5, string(t.Trade.Kind))
	for i, s := range [...]string{t.Currency, l.Product, l.Category} {
		c.optional(6+i, s)
	}
	c.int64(9, l.Quantity)
	c.int64(10, l.Amount)
	c.row++
}

// fill sets a row's values in the order of the schema; trade is the zero value
// if the event is none.
func (c *chunk) fill(e *event.Event, trade *event.Trade) {
	at := e.Time.UnixMilli()
	c.text(0, e.Site)
	c.int64(1, at)
	c.int32(2, int32(e.Day()))
	c.text(3, e.ID)
	c.text(4, string(e.Kind))
	c.optional(5, e.Name)
	// Not Sub, which ends at 292 years.
	c.int64(6, at-e.Original.UnixMilli())
	c.int64(7, e.Received.UnixMilli()-at)
	if e.Sent.IsZero() {
		c.null(8)
	} else {
		c.int64(8, e.Received.UnixMilli()-e.Sent.UnixMilli())
	}
	for i, s := range [...]string{e.Flag, e.UserID, e.AnonymousID, e.GroupID, e.PreviousID} {
		c.optional(9+i, s)
	}
	c.int64(14, int64(e.Visitor))
	c.int64(15, int64(e.Session))
	u := &e.Campaign
	for i, s := range [...]string{e.Host, e.Path, e.Search, e.Title, e.Referrer, e.Class, e.Source,
		u.Source, u.Medium, u.Name, u.Term, u.Content, e.Country, e.Device, e.Browser, e.OS} {
		c.optional(16+i, s)
	}
	c.text(32, e.Bot)
	for i, s := range [...]string{e.Channel, e.Properties, e.Traits, e.Context} {
		c.optional(33+i, s)
	}
	c.optional(37, string(trade.Kind))
	if trade.Kind == "" {
		c.null(38)
	} else {
		c.int64(38, trade.Amount)
	}
	c.optional(39, trade.Currency)
	for i, s := range [...]string{e.Region, e.City, e.BrowserVersion, e.OSVersion, e.Language, e.Screen} {
		c.optional(40+i, s)
	}
	c.row++
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

// Recount sets the counts of duplicates and of removed events after the store
// was filled from the archive, which brings none but has counted them.
func (s *Store) Recount(ctx context.Context, duplicates, removed uint64) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return err
	}
	defer func() { err = s.opened.found(err) }()
	if err := s.again(ctx); err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	next := s.state
	next.Duplicates, next.Removed = duplicates, removed
	s.unsure = true
	err = s.transact(func(ctx context.Context) error {
		if err := s.exec(ctx, "UPDATE removed SET events = 0"); err != nil {
			return err
		}
		if err := s.putRemoved(ctx, "", removal{math.MinInt64, removed}); err != nil {
			return err
		}
		return s.putState(ctx, next)
	})
	if err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	return s.again(ctx)
}
