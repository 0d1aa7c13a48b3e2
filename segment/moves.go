package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"footfall/history"
	"footfall/period"
)

// ErrIncomplete tells that histories lack something until the next roll, so that
// nobody can be said to have entered or left a segment.
var ErrIncomplete = errors.New("the histories are not complete before the next roll")

// together is how many visitors are moved in one transaction.
const together = 500

// Tick tests the visitors of all sites who did something since the last Tick, and
// keeps and tells which segments they entered or left. Sites whose histories are
// not complete wait for another Tick. Where it is not known who did something,
// as after a start, all visitors are tested.
func (l *Live) Tick(ctx context.Context, definitions func(site string) []Definition) error {
	l.moving.Lock()
	defer l.moving.Unlock()
	var errs []error
	for _, s := range l.sites() {
		if s.Months == 0 {
			continue
		}
		all := definitions(s.ID)
		if len(all) == 0 {
			l.giveBack(s.ID, nil, true) // nobody moves and is listed: all are tested once there are some
			continue
		}
		if err := l.tick(ctx, s, all); err != nil && !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrOff) {
			errs = append(errs, fmt.Errorf("segments of site %s: %w", s.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (l *Live) tick(ctx context.Context, s Site, definitions []Definition) error {
	complete, err := l.complete(ctx, s)
	if err != nil {
		return err
	}
	if !complete {
		return ErrIncomplete
	}
	changed, all := l.takeChanged(s.ID)
	m := l.mover(s, definitions)
	if all {
		err = m.everybody(ctx, nil)
	} else {
		err = m.each(ctx, changed)
	}
	if err != nil || ctx.Err() != nil {
		l.giveBack(s.ID, changed, all)
	}
	return err
}

// complete reports whether nothing is missing in a site's histories.
func (l *Live) complete(ctx context.Context, s Site) (bool, error) {
	if _, err := l.load(ctx, s.ID); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.look(s, nil).complete, nil
}

// takeChanged takes the list of visitors who did something; all if it lacks some.
func (l *Live) takeChanged(site string) (changed map[string]struct{}, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.book(site)
	changed, all = b.changed, b.unsure
	b.changed, b.unsure = nil, false
	return changed, all
}

func (l *Live) giveBack(site string, changed map[string]struct{}, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.book(site)
	if all {
		b.changed, b.unsure = nil, true
	}
	for visitor := range changed {
		b.change(visitor)
	}
}

// Pass tests all visitors of a site, as time moves windows, and keeps and tells
// which segments they are in now. Then it keeps how many visitors each segment
// had at the end of a date, or has now if the date is today. ErrIncomplete if the
// site's histories are not complete.
func (l *Live) Pass(ctx context.Context, site string, definitions []Definition, date period.Date) error {
	l.moving.Lock()
	defer l.moving.Unlock()
	s, err := l.site(site)
	if err != nil {
		return err
	}
	if date > l.today(s) {
		return fmt.Errorf("%s has not begun", date)
	}
	complete, err := l.complete(ctx, s)
	if err != nil {
		return err
	}
	if !complete {
		return ErrIncomplete
	}
	members := map[string]int{}
	for _, d := range definitions {
		members[d.Name] = 0
	}
	m := l.mover(s, definitions)
	if err := m.everybody(ctx, func(v *view, past history.Past, in []Membership) error {
		if date < v.today {
			then, err := v.person(past, m.items, date)
			if err != nil {
				return err
			}
			in = Memberships(definitions, then.History, then.Traits, date)
		}
		for _, one := range in {
			members[one.Segment]++
		}
		return nil
	}); err != nil {
		return err
	}
	return l.members.Count(ctx, site, date, members)
}

// mover finds who entered and left which segments of a site.
type mover struct {
	l           *Live
	site        Site
	definitions []Definition
	items       []history.Item
	tell        bool
	moves       []history.Move // not kept yet
}

func (l *Live) mover(s Site, definitions []Definition) *mover {
	return &mover{l: l, site: s, definitions: definitions, items: needed(definitions), tell: l.o.Told(s.ID)}
}

// each moves these visitors.
func (m *mover) each(ctx context.Context, visitors map[string]struct{}) error {
	for visitor := range visitors {
		p, err := m.l.visitor(ctx, m.site, visitor, m.items)
		if err != nil {
			return err
		}
		if _, err := m.move(ctx, visitor, p); err != nil {
			return err
		}
	}
	return m.keep(ctx)
}

// everybody moves all visitors and hands over in which segments they are; fn may
// be nil.
func (m *mover) everybody(ctx context.Context, fn func(*view, history.Past, []Membership) error) error {
	_, err := m.l.each(ctx, m.site, m.items, func(v *view, past history.Past) error {
		if !v.complete {
			return ErrIncomplete
		}
		p, err := v.person(past, m.items, math.MaxInt32)
		if err != nil {
			return err
		}
		in, err := m.move(ctx, past.Visitor, p)
		if err != nil || fn == nil || in == nil {
			return err
		}
		return fn(v, past, in)
	})
	if err != nil {
		return err
	}
	return m.keep(ctx)
}

// unknown reports whether nothing is kept of a visitor, with what was read for
// the definitions.
func (m *mover) unknown(ctx context.Context, visitor string, p Person) (bool, error) {
	if len(p.History)+len(p.Traits) > 0 {
		return false, nil
	}
	p, err := m.l.visitor(ctx, m.site, visitor, nil)
	return len(p.History)+len(p.Traits) == 0, err
}

// move moves a visitor if that changes anything, and returns the segments: nil
// of whom nothing is kept any more, who leaves all of them. Of whom something is
// uncertain waits.
func (m *mover) move(ctx context.Context, visitor string, p Person) ([]Membership, error) {
	if _, err := m.l.site(m.site.ID); err != nil {
		return nil, err // it was turned off
	}
	in := Memberships(m.definitions, p.History, p.Traits, p.Today)
	if !p.Complete {
		m.l.giveBack(m.site.ID, map[string]struct{}{visitor: {}}, false)
		return in, nil
	}
	if len(in) > 0 {
		if unknown, err := m.unknown(ctx, visitor, p); err != nil {
			return in, err
		} else if unknown {
			in = nil
		}
	}
	at := m.l.o.Now().UTC().Truncate(time.Millisecond)
	move := history.Move{Visitor: visitor}
	var before []Membership
	same := len(p.In) == len(in)
	for _, was := range p.In {
		if slices.ContainsFunc(m.definitions, func(d Definition) bool { return d.Name == was.Segment }) {
			before = append(before, Membership{was.Segment, was.Version}) // what is no segment any more is not told
		}
	}
	for _, now := range in {
		member := history.Member{Segment: now.Segment, Version: now.Version, Since: at}
		i := slices.IndexFunc(p.In, func(was history.Member) bool { return was.Segment == now.Segment })
		if i >= 0 {
			member.Since = p.In[i].Since
		}
		same = same && i >= 0 && p.In[i].Version == now.Version
		move.In = append(move.In, member)
	}
	if same {
		return in, nil
	}
	for _, change := range Changes(before, in) {
		if m.tell {
			body, err := json.Marshal(change.Notice(m.site.ID, visitor, at))
			if err != nil {
				return in, err
			}
			move.Bodies = append(move.Bodies, body)
		}
	}
	m.moves = append(m.moves, move)
	if len(m.moves) < together {
		return in, nil
	}
	return in, m.keep(ctx)
}

// keep keeps the moves found.
func (m *mover) keep(ctx context.Context) error {
	if len(m.moves) == 0 {
		return nil
	}
	err := m.l.members.Move(ctx, m.site.ID, m.moves...)
	m.moves = m.moves[:0]
	return err
}
