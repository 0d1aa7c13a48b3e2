package segment

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"footfall/history"
	"footfall/period"
)

// view is what memory has of a site at a moment.
type view struct {
	from     period.Date // dates before are not kept any more
	today    period.Date
	pieces   []piece
	whose    map[string][]int      // of pieces, by visitor
	said     map[period.Date]int64 // of the dates in pieces: when the last identify was that is in rows
	complete bool
	asOf     time.Time
}

// look makes a view of pieces, which must not change any more. mu is held.
func (l *Live) look(s Site, pieces []piece) *view {
	b := l.book(s.ID)
	want := l.basis(s)
	v := &view{from: want.From, today: l.today(s), said: map[period.Date]int64{}, pieces: pieces}
	for _, p := range v.pieces {
		if at, made := b.said[p.date]; made {
			v.said[p.date] = at
		} else {
			v.said[p.date] = math.MaxInt64
		}
	}
	whole := b.read && !b.owed && covers(b.basis, want)
	if whole {
		v.asOf = l.asOf
	}
	if v.complete = whole && l.lost == 0 && (b.lost == 0 || b.missed < want.From) && b.counted(want); v.complete {
		v.asOf = l.o.Now().UTC()
	}
	return v
}

// index finds out whose the pieces are.
func (v *view) index() {
	v.whose = map[string][]int{}
	for i, p := range v.pieces {
		for visitor := range p.visitors {
			v.whose[visitor] = append(v.whose[visitor], i)
		}
	}
}

// of is the pieces that a visitor is in.
func (v *view) of(visitor string) (days []piece) {
	for _, i := range v.whose[visitor] {
		days = append(days, v.pieces[i])
	}
	return days
}

// person puts together what rows and memory have of a visitor, up to the end of
// a date.
func (v *view) person(past history.Past, items []history.Item, until period.Date) (Person, error) {
	p := Person{History: history.History{}, Traits: map[string]string{}, In: past.In, Today: v.today, Complete: v.complete, AsOf: v.asOf}
	for _, row := range past.Rows {
		if row.Month < v.from || row.Month > until {
			continue
		}
		if err := p.History.AddRow(row); err != nil {
			return p, err
		}
	}
	days := v.of(past.Visitor)
	for _, day := range days {
		if d := day.visitors[past.Visitor]; day.date >= v.from {
			d.addTo(p.History, day.date, day.items, items)
		}
	}
	if until < math.MaxInt32 {
		p.History.Drop(until+1, math.MaxInt32)
	}
	if !v.traits(p.Traits, past, days, until) {
		p.Complete, p.AsOf = false, time.Time{}
	}
	return p, nil
}

// traits sets what was said, date by date. It is false if it can't be told
// what was said last: what came late contradicts what is in the row of its date,
// where only the sum of all that was said is kept.
func (v *view) traits(traits map[string]string, past history.Past, days []piece, until period.Date) bool {
	rows := map[period.Date]string{}
	late := map[period.Date][]said{}
	var dates []period.Date
	for _, t := range past.Traits {
		rows[t.Date] = t.JSON
		dates = append(dates, t.Date)
	}
	for _, day := range days {
		late[day.date] = append(late[day.date], day.visitors[past.Visitor].said...)
		dates = append(dates, day.date)
	}
	slices.Sort(dates)
	certain := true
	for _, date := range slices.Compact(dates) {
		if date < v.from || date > until {
			continue
		}
		identify(traits, rows[date])
		slices.SortStableFunc(late[date], func(a, b said) int { return int(min(1, max(-1, a.at-b.at))) })
		row := patch{}.add(rows[date])
		for _, s := range late[date] {
			identify(traits, s.json)
			if s.at < v.said[date] && (patch{}).add(s.json).contradicts(row) {
				certain = false
			}
		}
	}
	return certain
}

// Visitor is what is known of a visitor of a site; only these items of the
// history, if any are named. Of a visitor nobody knows, that is nothing. ErrOff
// if the site keeps no histories.
func (l *Live) Visitor(ctx context.Context, site, visitor string, items ...history.Item) (Person, error) {
	s, err := l.site(site)
	if err != nil {
		return Person{}, err
	}
	return l.visitor(ctx, s, visitor, items)
}

func (l *Live) visitor(ctx context.Context, s Site, visitor string, items []history.Item) (Person, error) {
	if _, err := l.load(ctx, s.ID); err != nil {
		return Person{}, err
	}
	l.made.RLock()
	past, err := l.store.Read(ctx, s.ID, visitor, items...)
	l.mu.Lock()
	v := l.look(s, l.book(s.ID).of(visitor))
	l.mu.Unlock()
	l.made.RUnlock()
	v.index()
	if err != nil {
		return Person{}, err
	}
	past.Visitor = visitor
	return v.person(past, items, math.MaxInt32)
}

// needed is the items to read for definitions. None named would be all.
func needed(definitions []Definition) []history.Item {
	if items := Items(definitions...); len(items) > 0 {
		return items
	}
	return []history.Item{history.Whole}
}

// Memberships lists the segments that a visitor is in now, by name, and what is
// known of the visitor, as far as these definitions need it.
func (l *Live) Memberships(ctx context.Context, site, visitor string, definitions []Definition) ([]Membership, Person, error) {
	p, err := l.Visitor(ctx, site, visitor, needed(definitions)...)
	if err != nil {
		return nil, p, err
	}
	return Memberships(definitions, p.History, p.Traits, p.Today), p, nil
}

// Explain tells of each of these definitions, in their order, why the visitor is
// in the segment now or not.
func (l *Live) Explain(ctx context.Context, site, visitor string, definitions []Definition) ([]Explanation, Person, error) {
	p, err := l.Visitor(ctx, site, visitor, needed(definitions)...)
	if err != nil {
		return nil, p, err
	}
	why := make([]Explanation, len(definitions))
	for i, d := range definitions {
		why[i] = d.Explain(p.History, p.Traits, p.Today)
	}
	return why, p, nil
}

// Matches is how many visitors of a site are in segments.
type Matches struct {
	Visitors int            // known to the site
	In       map[string]int // by segment
	Complete bool           // as in Person
	AsOf     time.Time
}

// Matching counts the visitors of a site who are in segments now. It tells
// nobody and keeps nothing: a rule can be tried before it is a segment.
func (l *Live) Matching(ctx context.Context, site string, definitions []Definition) (Matches, error) {
	m := Matches{In: map[string]int{}}
	for _, d := range definitions {
		m.In[d.Name] = 0
	}
	s, err := l.site(site)
	if err != nil {
		return m, err
	}
	items := needed(definitions)
	v, err := l.each(ctx, s, items, func(v *view, past history.Past) error {
		p, err := v.person(past, items, math.MaxInt32)
		if err != nil {
			return err
		}
		m.Visitors++
		for _, in := range Memberships(definitions, p.History, p.Traits, p.Today) {
			m.In[in.Segment]++
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	m.Complete, m.AsOf = v.complete, v.asOf
	return m, nil
}

// each hands over all visitors of a site as they were at one moment, in no
// certain order.
func (l *Live) each(ctx context.Context, s Site, items []history.Item, fn func(*view, history.Past) error) (*view, error) {
	if _, err := l.load(ctx, s.ID); err != nil {
		return nil, err
	}
	for {
		l.mu.Lock()
		v, made := l.look(s, l.book(s.ID).seal()), l.book(s.ID).made
		l.mu.Unlock()
		v.index()
		kept := map[string]struct{}{} // of those who are in pieces
		// From the first visitor on the store stays at its moment: until there,
		// no day may have gone from memory into rows. If there is no visitor, none has.
		one := sync.OnceValue(func() bool { return l.stillMade(s.ID, made) })
		err := l.store.Each(ctx, s.ID, func(past history.Past) error {
			if !one() {
				return errStopped
			}
			if v.whose[past.Visitor] != nil {
				kept[past.Visitor] = struct{}{}
			}
			return fn(v, past)
		}, items...)
		if err == nil {
			return v, remaining(ctx, v, kept, fn)
		}
		if !errors.Is(err, errStopped) {
			return v, err
		}
	}
}

// remaining hands over visitors who have nothing in rows.
func remaining(ctx context.Context, v *view, kept map[string]struct{}, fn func(*view, history.Past) error) error {
	for visitor := range v.whose {
		if _, has := kept[visitor]; has {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(v, history.Past{Visitor: visitor}); err != nil {
			return err
		}
	}
	return nil
}

// stillMade reports whether no day of a site was made since so many were.
func (l *Live) stillMade(site string, made uint64) bool {
	l.made.RLock()
	defer l.made.RUnlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book(site).made == made
}
