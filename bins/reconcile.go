package bins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Difference is a figure on which bins and a recount of the events don't agree.
type Difference struct {
	Site    string           `json:"site"`
	Period  string           `json:"period"` // key of a bin
	By      metric.Dimension `json:"by,omitempty"`
	Value   string           `json:"value,omitempty"`
	Metric  metric.Name      `json:"metric"`
	Bins    int64            `json:"bins"` // with hot buckets
	Recount int64            `json:"recount"`
}

// Reconciliation is what a recount of the events found.
type Reconciliation struct {
	Sites    int           `json:"sites"`
	Days     int           `json:"days"`
	Hot      int           `json:"hot_days"`    // of these, days with hot buckets in them
	Frozen   int           `json:"frozen_days"` // beside these, days whose events are removed: only their sum is compared
	Figures  int           `json:"figures"`     // compared
	Count    int           `json:"differences"`
	Examples []Difference  `json:"examples"`   // the first ones
	Unrolled []string      `json:"not_rolled"` // sites that have no bins yet
	Events   uint64        `json:"events"`     // recounted, from the event store
	Took     time.Duration `json:"took_ns"`
	At       time.Time     `json:"at"`
}

const maxExamples = 100

// differ notes a figure.
func (r *Reconciliation) differ(d Difference) {
	r.Figures++
	if d.Bins == d.Recount {
		return
	}
	r.Count++
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, d)
	}
}

// Reconcile recounts the days of a site from one date up to another ("" is
// every site, and two zeros are all dates) and compares them with bins and hot
// buckets, at one moment.
func (r *Roller) Reconcile(ctx context.Context, site string, from, to period.Date) (Reconciliation, error) {
	r.rolling.Lock()
	defer r.rolling.Unlock()
	began := r.o.Now()
	out := Reconciliation{Examples: []Difference{}, Unrolled: []string{}, At: began.UTC()}
	c, err := r.cut(ctx)
	if err != nil {
		return out, fmt.Errorf("reconcile: %w", err)
	}
	defer c.snapshot.Close()
	state, err := r.durable.State(ctx)
	if err != nil {
		return out, fmt.Errorf("reconcile: %w", err)
	}
	have, err := c.snapshot.Sites(ctx)
	if err != nil {
		return out, fmt.Errorf("reconcile: %w", err)
	}
	for id := range state.Frozen {
		if !slices.Contains(have, id) {
			have = append(have, id)
		}
	}
	for _, id := range have {
		s, known := c.sites[id]
		if site != "" && id != site || !known {
			continue
		}
		if state.Zones[s.ID] != Basis(s.Zone, s.Currency) {
			out.Unrolled = append(out.Unrolled, s.ID)
			continue
		}
		out.Sites++
		x := &comparison{r: r, c: c, site: s, state: &state, out: &out}
		if err := x.run(ctx, from, to); err != nil {
			return out, fmt.Errorf("reconcile site %s: %w", s.ID, err)
		}
	}
	out.Took = r.o.Now().Sub(began)
	return out, nil
}

// comparison is one site's part of a reconciliation.
type comparison struct {
	r     *Roller
	c     cut
	site  Site
	state *State
	out   *Reconciliation
	month Tally // sum of the recounted days of the running month
}

func (x *comparison) run(ctx context.Context, from, to period.Date) error {
	utc, err := x.c.snapshot.Days(ctx, x.site.ID)
	if err != nil {
		return err
	}
	dates := map[period.Date]bool{}
	for _, d := range datesOf(utc, x.site.Zone) {
		dates[d] = true
	}
	if f, ok := x.state.Frozen[x.site.ID]; ok {
		dates[f.Before] = true // after a change of the zone it may have events of the date before
	}
	// What bins have and events have not must show, too.
	all := Range{Site: x.site.ID, From: -1 << 30, To: 1 << 30}
	if err := x.r.durable.Read(ctx, all, func(_ string, span Span, _ *Bin) error {
		dates[span.From] = true
		return nil
	}); err != nil {
		return err
	}
	var list []period.Date
	for d := range dates {
		if from == 0 && to == 0 || d >= from && d < to {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	for i, d := range list {
		if i == 0 || d.Month() != list[i-1].Month() {
			x.month = Tally{}
		}
		if err := x.day(ctx, d); err != nil {
			return err
		}
		last := i+1 == len(list) || list[i+1].Month() != d.Month()
		if last && x.whole(d, from, to) {
			if err := x.compareMonth(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole reports whether all of the date's month was asked for, and none of it
// is in hot buckets.
func (x *comparison) whole(d, from, to period.Date) bool {
	if (from != 0 || to != 0) && (from > d.MonthStart() || to < d.NextMonth()) {
		return false
	}
	for m := d.MonthStart(); m < d.NextMonth(); m++ {
		if _, dirty := x.state.Dirty[Day{x.site.ID, m}]; dirty {
			return false
		}
	}
	return true
}

// frozen takes a date that can't be recounted into the month's sum as it is.
func (x *comparison) frozen(ctx context.Context, d period.Date) error {
	stored, err := x.read(ctx, d, d+1, false)
	if len(stored) > 0 {
		x.out.Frozen++
	}
	for s, b := range stored {
		x.month.bin(s.By, s.Value).Merge(b)
	}
	return err
}

func (x *comparison) day(ctx context.Context, d period.Date) error {
	if x.state.IsFrozen(Day{x.site.ID, d}) {
		return x.frozen(ctx, d)
	}
	recount, err := Count(x.state.Window(Day{x.site.ID, d}, x.site.Zone), x.site.Currency, func(from, to time.Time, fn func(*event.Event) error) error {
		return x.c.snapshot.Walk(ctx, x.site.ID, from, to, false, func(e *event.Event) error {
			x.out.Events++
			return fn(e)
		})
	})
	if err != nil {
		return err
	}
	x.out.Days++
	_, dirty := x.state.Dirty[Day{x.site.ID, d}]
	if dirty && (x.r.hot == nil || !x.c.hot) {
		return nil // its figures come from the events themselves
	}
	stored, err := x.read(ctx, d, d+1, false)
	if err != nil {
		return err
	}
	if dirty {
		x.out.Hot++
		if err := x.addHot(ctx, d, stored); errors.Is(err, ErrLost) {
			return nil
		} else if err != nil {
			return err
		}
	}
	x.compare(d.Day(), stored, recount, dirty)
	for s, b := range recount {
		x.month.bin(s.By, s.Value).Merge(b)
	}
	return nil
}

func (x *comparison) read(ctx context.Context, from, to period.Date, months bool) (Tally, error) {
	stored := Tally{}
	for _, by := range append([]metric.Dimension{""}, Dimensions...) {
		r := Range{Site: x.site.ID, By: by, Each: by != "", From: from, To: to, Months: months, Visitors: true}
		err := x.r.durable.Read(ctx, r, func(value string, _ Span, b *Bin) error {
			stored.bin(by, value).Merge(b)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// addHot adds what hot buckets have of a date up to the cut.
func (x *comparison) addHot(ctx context.Context, d period.Date, into Tally) error {
	since := x.state.Since(Day{x.site.ID, d})
	if since == x.c.snapshot.Position() {
		return nil
	}
	for _, by := range append([]metric.Dimension{""}, Dimensions...) {
		r := HotRange{Site: x.site.ID, By: by, Each: by != "", Window: x.state.Window(Day{x.site.ID, d}, x.site.Zone), Since: since, Until: x.c.snapshot.Position()}
		err := x.r.hot.Read(ctx, r, func(value string, _ time.Time, b *Bin) error {
			into.bin(by, value).Merge(b)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *comparison) compareMonth(ctx context.Context, d period.Date) error {
	stored, err := x.read(ctx, d.MonthStart(), d.NextMonth(), true)
	if err == nil {
		x.compare(d.Month(), stored, x.month, false)
	}
	return err
}

// compare compares two tallies of a period. With hot buckets in it, sessions are left
// out: what is told of them is counted from the events.
func (x *comparison) compare(key string, stored, recount Tally, hot bool) {
	subjects := map[Subject]bool{}
	for s := range stored {
		subjects[s] = true
	}
	for s := range recount {
		subjects[s] = true
	}
	list := make([]Subject, 0, len(subjects))
	for s := range subjects {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Value, b.Value))
	})
	for _, s := range list {
		a, b := stored.bin(s.By, s.Value), recount.bin(s.By, s.Value)
		at := Difference{Site: x.site.ID, Period: key, By: s.By, Value: s.Value}
		for i, m := range Counted {
			if hot && OfSessions(m) {
				continue
			}
			at.Metric, at.Bins, at.Recount = m, a.Counts[i], b.Counts[i]
			x.out.differ(at)
		}
		at.Metric, at.Bins, at.Recount = metric.Visitors, a.Visitors.Count(), b.Visitors.Count()
		x.out.differ(at)
	}
}
