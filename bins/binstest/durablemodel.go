package binstest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/bins"
	"footfall/period"
)

// DurableModel is durable bins in memory, as simple as can be: it keeps the
// tallies of days and sums them up when asked.
type DurableModel struct {
	mu     sync.Mutex
	seal   bins.Seal
	dirty  map[bins.Day]uint64
	rolled map[bins.Day]bins.Seal
	zones  map[string]string
	coming map[string]string // zones of sites whose first roll has not ended
	days   map[bins.Day]bins.Tally
	frozen map[string]bins.Frozen

	versions map[string]uint64
	changes  uint64
}

var _ interface {
	bins.Durable
	bins.Freezer
} = (*DurableModel)(nil)

// NewDurableModel makes an empty one.
func NewDurableModel() *DurableModel {
	return &DurableModel{dirty: map[bins.Day]uint64{}, rolled: map[bins.Day]bins.Seal{},
		zones: map[string]string{}, coming: map[string]string{}, days: map[bins.Day]bins.Tally{}, frozen: map[string]bins.Frozen{}, versions: map[string]uint64{}}
}

// State is a copy.
func (m *DurableModel) State(ctx context.Context) (bins.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bins.State{Seal: m.seal, Dirty: maps.Clone(m.dirty), Days: maps.Clone(m.rolled), Zones: maps.Clone(m.zones), Frozen: maps.Clone(m.frozen), Versions: maps.Clone(m.versions)}, ctx.Err()
}

// Touch makes days dirty.
func (m *DurableModel) Touch(ctx context.Context, mark uint64, days ...bins.Day) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, day := range days {
		if !m.isFrozen(day) {
			m.dirty[day] = max(m.dirty[day], mark)
		}
	}
	return nil
}

// Replace puts days into place. It returns how many bins and days changed.
func (m *DurableModel) Replace(ctx context.Context, r bins.Rolled) (rows int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	seal := bins.Seal{Position: r.Seal.Position, At: r.Seal.At.UTC().Truncate(time.Millisecond)}
	for _, t := range r.Days {
		if m.isFrozen(t.Day) {
			continue
		}
		rows += m.put(t.Day, t.Tally)
		m.change(t.Day.Site)
		if mark, dirty := m.dirty[t.Day]; dirty && mark <= r.Mark {
			delete(m.dirty, t.Day)
			rows++
		}
		m.rolled[t.Day] = seal
		if m.zones[t.Day.Site] != "" {
			m.zones[t.Day.Site] = t.Zone
		} else {
			m.coming[t.Day.Site] = t.Zone
		}
	}
	if r.Last {
		if m.seal != seal {
			m.seal, rows = seal, rows+1
		}
		maps.Copy(m.zones, m.coming)
		clear(m.coming)
	}
	maps.DeleteFunc(m.rolled, func(_ bins.Day, own bins.Seal) bool { return !m.seal.Position.Less(own.Position) })
	return rows, nil
}

// put replaces a day's bins and counts those that change.
func (m *DurableModel) put(day bins.Day, t bins.Tally) (changed int) {
	next := bins.Tally{}
	for s, b := range t {
		var own bins.Bin
		own.Counts = b.Counts
		own.Visitors.Merge(&b.Visitors)
		if own.Counts == (bins.Counts{}) && own.Visitors.Count() == 0 {
			continue
		}
		next[s] = &own
		if old := m.days[day][s]; old == nil || old.Counts != own.Counts || !sameSketch(&old.Visitors, &own.Visitors) {
			changed++
		}
	}
	for s := range m.days[day] {
		if next[s] == nil {
			changed++
		}
	}
	m.days[day] = next
	return changed
}

func sameSketch(a, b *bins.Sketch) bool {
	x, err := a.MarshalBinary()
	if err != nil {
		return false
	}
	y, err := b.MarshalBinary()
	return err == nil && slices.Equal(x, y)
}

// Read sums up.
func (m *DurableModel) Read(ctx context.Context, r bins.Range, fn func(value string, span bins.Span, b *bins.Bin) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	type place struct {
		value string
		span  bins.Span
	}
	sums := map[place]*bins.Bin{}
	m.mu.Lock()
	for day, tally := range m.days {
		if day.Site != r.Site || day.Date < r.From || day.Date >= r.To {
			continue
		}
		span := bins.Span{From: day.Date, To: day.Date + 1}
		if month := (bins.Span{From: day.Date.MonthStart(), To: day.Date.NextMonth()}); r.Months && month.From >= r.From && month.To <= r.To {
			span = month
		}
		for s, b := range tally {
			if s.By != r.By || !r.Each && s.Value != r.Value {
				continue
			}
			sum := sums[place{s.Value, span}]
			if sum == nil {
				sum = &bins.Bin{}
				sums[place{s.Value, span}] = sum
			}
			sum.Counts.Add(&b.Counts)
			if r.Visitors {
				sum.Visitors.Merge(&b.Visitors)
			}
		}
	}
	m.mu.Unlock()
	for _, p := range slices.SortedFunc(maps.Keys(sums), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.span.From, b.span.From))
	}) {
		if err := fn(p.value, p.span, sums[p]); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes a site's bins, or all and the seal.
func (m *DurableModel) Forget(ctx context.Context, site string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for day := range m.days {
		if (site == "" || day.Site == site) && !m.isFrozen(day) {
			delete(m.days, day)
			m.change(day.Site)
		}
	}
	for day := range m.rolled {
		if site == "" || day.Site == site {
			delete(m.rolled, day)
		}
	}
	if site == "" {
		m.seal = bins.Seal{}
		clear(m.zones)
		clear(m.coming)
	}
	delete(m.zones, site)
	delete(m.coming, site)
	return nil
}

func (m *DurableModel) change(site string) {
	m.changes++
	m.versions[site] = m.changes
}

func (m *DurableModel) isFrozen(day bins.Day) bool { return day.Date < m.frozenBefore(day.Site) }

func (m *DurableModel) frozenBefore(site string) period.Date {
	if f, ok := m.frozen[site]; ok {
		return f.Before
	}
	return bins.FirstDate
}

// Freeze freezes a site's dates before one.
func (m *DurableModel) Freeze(ctx context.Context, site string, before period.Date, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, whole := m.zones[site]
	if !whole {
		return bins.ErrDirty
	}
	for day := range m.dirty {
		if day.Site == site && day.Date < before {
			return bins.ErrDirty
		}
	}
	_, currency, _ := strings.Cut(zone, " ")
	f, again := m.frozen[site]
	switch at := at.UTC().Truncate(time.Millisecond); {
	case !again:
		m.frozen[site] = bins.Frozen{Before: before, At: at, Currency: currency, Since: bins.FirstDate, Lacks: bins.FirstDate}
	case before > f.Before && currency != f.Currency:
		m.frozen[site] = bins.Frozen{Before: before, At: at, Currency: currency, Since: f.Before, Lacks: f.Lacks}
	case before > f.Before:
		m.frozen[site] = bins.Frozen{Before: before, At: at, Currency: currency, Since: f.Since, Lacks: f.Lacks}
	}
	return ctx.Err()
}

// dates are days at the ends of months and years, and some between.
var dates = []period.Date{
	date(2022, 12, 30), date(2022, 12, 31), date(2023, 1, 1), date(2023, 1, 2), date(2023, 1, 31), date(2023, 2, 1),
	date(2023, 2, 28), date(2023, 3, 1), date(2023, 5, 17), date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 28),
	date(2024, 2, 29), date(2024, 3, 1), date(2024, 12, 31), date(2025, 1, 1),
}

func date(y int, m time.Month, d int) period.Date {
	return period.DateOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), nil)
}
