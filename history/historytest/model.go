package historytest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"footfall/history"
	"footfall/period"
)

// Model keeps histories in memory, as simply as can be: the days as they were
// handed over, from which it makes rows when asked.
type Model struct {
	mu       sync.Mutex
	sites    map[string]*site
	messages []history.Message
	last     uint64 // message
}

type site struct {
	basis  *history.Basis
	days   map[string]map[period.Date]history.Day // by visitor; no day is empty, no visitor without a day
	in     map[string][]history.Member            // by visitor, none without
	counts map[string]map[period.Date]int         // by segment
}

var _ Keeper = (*Model)(nil)

// NewModel makes an empty one.
func NewModel() *Model { return &Model{sites: map[string]*site{}} }

// site is a site as it is kept.
func (m *Model) site(name string) *site {
	if m.sites[name] == nil {
		m.sites[name] = &site{days: map[string]map[period.Date]history.Day{}, in: map[string][]history.Member{}, counts: map[string]map[period.Date]int{}}
	}
	return m.sites[name]
}

// clean is a copy of a day without figures that are zero, and whether anything is in it.
func clean(day history.Day) (history.Day, bool) {
	day.Counts = maps.Clone(day.Counts)
	maps.DeleteFunc(day.Counts, func(_ history.Item, c history.Counts) bool { return c == history.Counts{} })
	return day, len(day.Counts) > 0 || day.Traits != ""
}

// Replace takes all days before it changes anything.
func (m *Model) Replace(ctx context.Context, name string, date period.Date, days iter.Seq2[history.Day, error], committing func(commit func() error) error) (history.Report, error) {
	next := map[string]history.Day{}
	last := ""
	for day, err := range days {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return history.Report{}, err
		}
		if day.Visitor <= last {
			return history.Report{}, errors.New("days out of order")
		}
		last = day.Visitor
		if day, any := clean(day); any {
			next[day.Visitor] = day
		}
	}
	var report *history.Report
	commit := func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		report = &history.Report{Visitors: len(next), Rows: m.site(name).replace(date, next)}
		return nil
	}
	if committing == nil {
		committing = func(commit func() error) error { return commit() }
	}
	err := committing(commit)
	if err == nil && report == nil {
		err = errors.New("committing did not commit")
	}
	if err != nil {
		return history.Report{}, err
	}
	return *report, nil
}

// replace counts the rows that differ.
func (s *site) replace(date period.Date, next map[string]history.Day) (rows int) {
	for visitor := range s.days {
		if _, stays := next[visitor]; !stays {
			rows += s.put(visitor, date, history.Day{})
		}
	}
	for visitor, day := range next {
		rows += s.put(visitor, date, day)
	}
	return rows
}

// put puts a visitor's day in its place.
func (s *site) put(visitor string, date period.Date, day history.Day) (rows int) {
	before, traits := s.rows(visitor), s.days[visitor][date].Traits
	if s.days[visitor] == nil {
		s.days[visitor] = map[period.Date]history.Day{}
	}
	s.days[visitor][date] = day
	if _, any := clean(day); !any {
		delete(s.days[visitor], date)
	}
	after := s.rows(visitor)
	if len(s.days[visitor]) == 0 {
		delete(s.days, visitor)
	}
	if day.Traits != traits {
		rows++
	}
	return rows + changes(before, after)
}

// changes counts the rows that are in only one of a and b, or differ.
func changes(a, b []history.Row) (n int) {
	type key struct {
		item  history.Item
		month period.Date
	}
	days := map[key][]byte{}
	for _, r := range a {
		days[key{r.Item, r.Month}] = r.Days
	}
	for _, r := range b {
		k := key{r.Item, r.Month}
		if !bytes.Equal(days[k], r.Days) {
			n++
		}
		delete(days, k)
	}
	return n + len(days)
}

func (s *site) rows(visitor string) []history.Row {
	h := history.History{}
	for date, day := range s.days[visitor] {
		for item, c := range day.Counts {
			h.AddDay(item, history.DayCounts{Date: date, Counts: c})
		}
	}
	return h.Rows()
}

// past is a copy of what is kept of a visitor.
func (s *site) past(visitor string, items []history.Item) history.Past {
	p := history.Past{Visitor: visitor, In: slices.Clone(s.in[visitor])}
	for _, r := range s.rows(visitor) {
		if len(items) == 0 || slices.Contains(items, r.Item) {
			p.Rows = append(p.Rows, r)
		}
	}
	for _, date := range slices.Sorted(maps.Keys(s.days[visitor])) {
		if traits := s.days[visitor][date].Traits; traits != "" {
			p.Traits = append(p.Traits, history.Traits{Date: date, JSON: traits})
		}
	}
	return p
}

// Read reads a visitor's past.
func (m *Model) Read(ctx context.Context, name, visitor string, items ...history.Item) (history.Past, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return history.Past{}, err
	}
	return m.site(name).past(visitor, items), nil
}

// Each copies all pasts, and then hands them over.
func (m *Model) Each(ctx context.Context, name string, fn func(history.Past) error, items ...history.Item) error {
	m.mu.Lock()
	s := m.site(name)
	var pasts []history.Past
	for visitor := range s.known() {
		pasts = append(pasts, s.past(visitor, items))
	}
	m.mu.Unlock()
	for _, p := range pasts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Forget removes old days, or everything.
func (m *Model) Forget(ctx context.Context, name string, before period.Date) (removed history.Removed, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return removed, err
	}
	s := m.site(name)
	known := len(s.known())
	for _, visitor := range slices.Collect(maps.Keys(s.days)) {
		rows := s.rows(visitor)
		for date, day := range s.days[visitor] {
			if before != 0 && date >= before.MonthStart() {
				continue
			}
			if day.Traits != "" {
				removed.Rows++
			}
			delete(s.days[visitor], date)
		}
		if removed.Rows += len(rows) - len(s.rows(visitor)); len(s.days[visitor]) == 0 {
			delete(s.days, visitor)
		}
	}
	if before == 0 {
		delete(m.sites, name)
		m.messages = slices.DeleteFunc(m.messages, func(one history.Message) bool { return one.Site == name })
	}
	removed.Visitors = known - len(m.site(name).known())
	return removed, nil
}

// known is everybody of whom something is kept.
func (s *site) known() map[string]bool {
	known := map[string]bool{}
	for visitor := range s.days {
		known[visitor] = true
	}
	for visitor := range s.in {
		known[visitor] = true
	}
	return known
}

// Close does nothing.
func (m *Model) Close() error { return nil }

// Basis is what the histories of a site were made with.
func (m *Model) Basis(ctx context.Context, name string) (history.Basis, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.site(name).basis; b != nil && ctx.Err() == nil {
		return *b, true, nil
	}
	return history.Basis{}, false, ctx.Err()
}

// SetBasis keeps it.
func (m *Model) SetBasis(ctx context.Context, name string, b history.Basis) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	m.site(name).basis = &b
	return nil
}
