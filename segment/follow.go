package segment

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/history"
	"footfall/period"
)

var _ bins.Follower = (*Live)(nil)

// owed is a site of which a roll makes all days anew.
type owed struct {
	basis history.Basis // of the days
	first period.Date   // dates before stay as they are
	made  map[period.Date]bool
}

// load makes sure that it is known what a site's rows are made with.
func (l *Live) load(ctx context.Context, site string) (history.Basis, error) {
	l.mu.Lock()
	b := l.book(site)
	basis, read := b.basis, b.read
	l.mu.Unlock()
	if read {
		return basis, nil
	}
	basis, _, err := l.bases.Basis(ctx, site)
	if err != nil {
		return basis, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.book(site); !b.read {
		b.basis, b.read = basis, true
	}
	return l.book(site).basis, nil
}

// covers reports whether rows made with a basis are those that are wanted.
func covers(have, want history.Basis) bool {
	return have.Zone == want.Zone && have.Currency == want.Currency && have.From <= want.From
}

// setBasis keeps what a site's rows are made with. basing is held.
func (l *Live) setBasis(ctx context.Context, site string, basis history.Basis) error {
	err := l.bases.SetBasis(ctx, site, basis)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.book(site)
	b.basis, b.read = basis, err == nil
	return err
}

// Owed reports whether all days of a site are to be made: because it keeps
// histories since lately, or longer, or its zone or currency is another.
func (l *Live) Owed(ctx context.Context, site bins.Site, first period.Date) (all bool, from period.Date, err error) {
	l.mu.Lock()
	delete(l.due, site.ID)
	b := l.book(site.ID)
	b.first, b.failed = first, false
	owes := b.owed
	l.mu.Unlock()
	s, err := l.site(site.ID)
	if err != nil {
		return false, 0, nil
	}
	have, err := l.load(ctx, site.ID)
	if err != nil {
		return false, 0, l.fail(ctx, site.ID, err)
	}
	s.Zone, s.Currency = site.Zone, site.Currency // as they were at the cut
	want := l.basis(s)
	if covers(have, want) && !owes {
		return false, 0, nil
	}
	if err := l.unsettle(ctx, site.ID); err != nil { // from the first day on rows are made with both
		return false, 0, l.fail(ctx, site.ID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	want.Counted = first
	if have.Zone == want.Zone && have.Currency == want.Currency {
		want.Counted = min(first, have.Counted) // what is frozen stays as it was counted
	}
	want.Counted = max(want.From, want.Counted)
	l.due[site.ID] = &owed{want, first, map[period.Date]bool{}}
	return true, want.From, nil
}

// unsettle notes that a site's rows are not made with any one basis: all are owed.
func (l *Live) unsettle(ctx context.Context, site string) error {
	l.basing.Lock()
	defer l.basing.Unlock()
	have, err := l.load(ctx, site)
	if err == nil && have == (history.Basis{}) {
		return nil
	}
	return l.setBasis(ctx, site, history.Basis{})
}

// fail gives a site up until the next roll, which owes it all days: bins need not
// wait for them. It is an error if that can't be kept on disk either.
func (l *Live) fail(ctx context.Context, site string, why error) error {
	if ctx.Err() != nil {
		return why
	}
	l.mu.Lock()
	delete(l.due, site)
	b := l.book(site)
	told := b.trouble == why.Error()
	b.owed, b.failed, b.trouble = true, true, why.Error()
	l.mu.Unlock()
	if !told {
		l.o.Log.Error("a site's histories can't be made, and are not complete until a later roll can", "site", site, "error", why)
	}
	return l.unsettle(ctx, site)
}

// errStopped ends a walk of which nobody wants more.
var errStopped = errors.New("stopped")

// Replace makes the rows of a day. Of a site that keeps no histories it makes
// none, and all are owed when it keeps some again, as they are when it fails.
func (l *Live) Replace(ctx context.Context, s bins.Snapshot, day bins.FollowedDay) error {
	id := day.Site.ID
	l.mu.Lock()
	failed := l.book(id).failed
	l.mu.Unlock()
	if failed {
		return nil
	}
	site, err := l.site(id)
	if err != nil {
		return l.skip(ctx, id)
	}
	site.Zone, site.Currency = day.Site.Zone, day.Site.Currency
	if from := l.from(site); day.Date < from {
		return l.moveOn(ctx, id, from) // what is not made is owed if it is to be kept again
	}
	latest := int64(math.MinInt64)
	_, err = l.store.Replace(ctx, id, day.Date, days(ctx, s, day, &latest), func(commit func() error) error {
		l.made.Lock()
		defer l.made.Unlock()
		if _, err := l.site(id); err != nil {
			return err
		}
		if err := commit(); err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		b := l.book(id)
		b.made++
		b.said[day.Date] = latest
		l.bytes -= b.drop(day.Date, day.Mark)
		if o := l.due[id]; o != nil {
			o.made[day.Date] = true
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrOff):
		return l.skip(ctx, id)
	case err != nil:
		return l.fail(ctx, id, err)
	}
	return nil
}

// skip leaves a day of a site out.
func (l *Live) skip(ctx context.Context, site string) error {
	l.mu.Lock()
	delete(l.due, site)
	l.mu.Unlock()
	return l.unsettle(ctx, site)
}

// days is what visitors did on a day, by visitor. latest becomes the time of the
// last identify in it.
func days(ctx context.Context, s bins.Snapshot, day bins.FollowedDay, latest *int64) iter.Seq2[history.Day, error] {
	return func(yield func(history.Day, error) bool) {
		var visitor string
		h, traits := history.History{}, patch{}
		end := func() bool {
			of := history.Day{Visitor: visitor, Counts: make(map[history.Item]history.Counts, len(h)), Traits: traits.json()}
			for item, days := range h {
				of.Counts[item] = days[0].Counts
			}
			return len(h) == 0 && len(traits) == 0 || yield(of, nil)
		}
		err := s.Walk(ctx, day.Site.ID, day.Window.From, day.Window.To, true, func(e *event.Event) error {
			id, known := history.Known(e)
			if !known {
				return nil
			}
			if id != visitor {
				if !end() {
					return errStopped
				}
				visitor = id
				clear(h)
				clear(traits)
			}
			if e.Kind == event.Identify {
				traits.add(e.Traits)
				*latest = max(*latest, e.Time.UnixMilli())
			} else {
				Count(h, e, day.Site.Currency, day.Date)
			}
			return nil
		})
		if err == nil {
			end()
		} else if !errors.Is(err, errStopped) {
			yield(history.Day{}, err)
		}
	}
}

// Rolled forgets what is in rows, and notes what the rows of sites that were
// owed are made with. Of these, dates without events lose what they had.
func (l *Live) Rolled(ctx context.Context, mark uint64, at time.Time, sites []bins.Site) error {
	var errs []error
	for _, s := range sites {
		l.mu.RLock()
		o := l.due[s.ID]
		l.mu.RUnlock()
		if o == nil {
			continue
		}
		err := l.clear(ctx, s.ID, o)
		if err == nil {
			err = l.settle(ctx, s.ID)
		}
		if err != nil {
			errs = append(errs, l.fail(ctx, s.ID, err))
		}
		if ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asOf = at
	if l.lost <= mark {
		l.lost = 0
	}
	for _, b := range l.books {
		l.bytes -= b.dropAll(mark)
		b.found(mark)
	}
	return errors.Join(errs...)
}

// clear removes what there is of dates that have no events.
func (l *Live) clear(ctx context.Context, site string, o *owed) error {
	stale := map[period.Date]bool{}
	err := l.store.Each(ctx, site, func(past history.Past) error {
		h := history.History{}
		for _, row := range past.Rows {
			if err := h.AddRow(row); err != nil {
				return err
			}
		}
		for _, days := range h {
			for _, d := range days {
				stale[d.Date] = true
			}
		}
		for _, t := range past.Traits {
			stale[t.Date] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	nobody := func(func(history.Day, error) bool) {}
	for _, date := range slices.Sorted(maps.Keys(stale)) {
		if o.made[date] || date < o.first || date < o.basis.From {
			continue
		}
		_, err := l.store.Replace(ctx, site, date, nobody, func(commit func() error) error {
			l.made.Lock()
			defer l.made.Unlock()
			return commit()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle notes that a site is owed nothing any more, unless it was turned off
// meanwhile.
func (l *Live) settle(ctx context.Context, site string) error {
	l.basing.Lock()
	defer l.basing.Unlock()
	l.mu.Lock()
	o := l.due[site]
	delete(l.due, site)
	l.mu.Unlock()
	if _, err := l.site(site); err != nil || o == nil {
		return nil
	}
	err := l.setBasis(ctx, site, o.basis)
	if err == nil {
		if o.basis.Counted > o.basis.From {
			l.o.Log.Warn("histories are made as far back as there are events", "site", site, "kept from", o.basis.From, "counted from", o.basis.Counted)
		}
		l.mu.Lock()
		b := l.book(site)
		b.owed, b.trouble = false, ""
		l.mu.Unlock()
	}
	return err
}

// Renew lets the next roll make the histories of all sites anew, as when the
// event store was filled anew.
func (l *Live) Renew(ctx context.Context) error {
	l.basing.Lock()
	defer l.basing.Unlock()
	for _, s := range l.sites() {
		if s.Months == 0 {
			continue
		}
		if err := l.setBasis(ctx, s.ID, history.Basis{}); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes what a site does not keep any more: months that are over, or
// everything if it keeps no histories. To be called when that changes, and daily.
func (l *Live) Forget(ctx context.Context, site string) (history.Removed, error) {
	s, err := l.site(site)
	if err != nil {
		return l.forgetAll(ctx, site)
	}
	from := l.from(s)
	if err := l.moveOn(ctx, site, from); err != nil {
		return history.Removed{}, err
	}
	return l.store.Forget(ctx, site, from)
}

// moveOn notes that dates before one are not kept any more.
func (l *Live) moveOn(ctx context.Context, site string, from period.Date) error {
	l.basing.Lock()
	defer l.basing.Unlock()
	have, err := l.load(ctx, site)
	if err == nil && have.Zone != "" && have.From < from {
		have.From, have.Counted = from, max(from, have.Counted)
		err = l.setBasis(ctx, site, have)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.due[site]; o != nil {
		o.basis.From, o.basis.Counted = max(o.basis.From, from), max(o.basis.Counted, from)
	}
	maps.DeleteFunc(l.book(site).said, func(date period.Date, _ int64) bool { return date < from })
	return err
}

// forgetAll removes everything of a site, unless it was turned on again before it
// begins. A day that is being made is not put in place any more, and nobody is
// moved. If the site is turned on meanwhile, all days are owed.
func (l *Live) forgetAll(ctx context.Context, site string) (history.Removed, error) {
	l.moving.Lock()
	defer l.moving.Unlock()
	l.basing.Lock()
	defer l.basing.Unlock()
	if _, err := l.site(site); err == nil {
		return history.Removed{}, nil
	}
	l.forgetBook(site)
	removed, err := l.store.Forget(ctx, site, 0)
	l.forgetBook(site) // what was loaded or made meanwhile is not there
	return removed, err
}

// forgetBook drops what memory has of a site. All its days are owed.
func (l *Live) forgetBook(site string) {
	l.made.Lock()
	defer l.made.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= l.book(site).dropAll(math.MaxUint64)
	delete(l.books, site)
	delete(l.due, site)
	l.book(site).owed = true
}
