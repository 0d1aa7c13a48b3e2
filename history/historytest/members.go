package historytest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"footfall/history"
	"footfall/period"
)

func milli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Move moves visitors and keeps the messages.
func (m *Model) Move(ctx context.Context, name string, moves ...history.Move) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, move := range moves {
		in := slices.Clone(move.In)
		for i := range in {
			in[i].Since = milli(in[i].Since)
		}
		slices.SortFunc(in, func(a, b history.Member) int { return cmp.Compare(a.Segment, b.Segment) })
		m.site(name).in[move.Visitor] = in
		if len(in) == 0 {
			delete(m.site(name).in, move.Visitor)
		}
		for _, body := range move.Bodies {
			m.last++
			m.messages = append(m.messages, history.Message{ID: m.last, Site: name, Body: slices.Clone(body)})
		}
	}
	return nil
}

// In hands over who is in segments.
func (m *Model) In(ctx context.Context, name string, segments []string, fn func(visitor, segment string) error) error {
	m.mu.Lock()
	in := maps.Clone(m.site(name).in)
	m.mu.Unlock()
	for visitor, all := range in {
		for _, one := range all {
			if !slices.Contains(segments, one.Segment) {
				continue
			}
			if err := cmp.Or(ctx.Err(), fn(visitor, one.Segment)); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// Count keeps counts.
func (m *Model) Count(ctx context.Context, name string, date period.Date, members map[string]int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s := m.site(name)
	for segment, n := range members {
		if s.counts[segment] == nil {
			s.counts[segment] = map[period.Date]int{}
		}
		s.counts[segment][date] = n
	}
	return nil
}

// Counts lists counts.
func (m *Model) Counts(ctx context.Context, name, segment string, from, to period.Date) (counts []history.Count, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.site(name).counts[segment]
	for _, date := range slices.Sorted(maps.Keys(of)) {
		if date >= from && date < to {
			counts = append(counts, history.Count{Date: date, Members: of[date]})
		}
	}
	return counts, ctx.Err()
}

// Drop takes a segment away.
func (m *Model) Drop(ctx context.Context, name, segment string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s := m.site(name)
	delete(s.counts, segment)
	for visitor, in := range s.in {
		in = slices.DeleteFunc(in, func(m history.Member) bool { return m.Segment == segment })
		s.in[visitor] = in
		if len(in) == 0 {
			delete(s.in, visitor)
		}
	}
	return nil
}

// Due lists what is due.
func (m *Model) Due(ctx context.Context, now time.Time, limit int) (due []history.Message, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := map[string]int{} // of a site, below limit
	for _, one := range m.messages {
		n, begun := left[one.Site]
		if !begun {
			n = limit
		}
		if one.Due.After(now) {
			n = 0
		}
		if n > 0 {
			due = append(due, one)
			n--
		}
		left[one.Site] = n
	}
	return due, ctx.Err()
}

// Claim puts a message off.
func (m *Model) Claim(ctx context.Context, claimed history.Message, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.messages {
		if one := &m.messages[i]; ctx.Err() == nil && one.ID == claimed.ID && one.Due.Equal(milli(claimed.Due)) {
			one.Due = milli(until)
			return true, nil
		}
	}
	return false, ctx.Err()
}

// Sent removes a message.
func (m *Model) Sent(ctx context.Context, id uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	m.messages = slices.DeleteFunc(m.messages, func(one history.Message) bool { return one.ID == id })
	return nil
}

// Failed notes a try.
func (m *Model) Failed(ctx context.Context, id uint64, why string, again time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range m.messages {
		if one := &m.messages[i]; one.ID == id {
			one.Tries, one.Why, one.Due = one.Tries+1, why, milli(again)
		}
	}
	return nil
}

// Waiting counts messages.
func (m *Model) Waiting(ctx context.Context) (n int, oldest history.Message, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.messages) > 0 {
		oldest = m.messages[0]
	}
	return len(m.messages), oldest, ctx.Err()
}
