package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Durable is the part of bins.Durable that questions need.
type Durable interface {
	State(ctx context.Context) (bins.State, error)
	Read(ctx context.Context, r bins.Range, fn func(value string, span bins.Span, b *bins.Bin) error) error
}

// Hot is the part of bins.Hot that questions need.
type Hot interface {
	Read(ctx context.Context, r bins.HotRange, fn func(value string, bucket time.Time, b *bins.Bin) error) error
}

// Planner answers from bins and hot buckets where they know, else from the
// event store: the figure is the same either way, but for estimates of distinct
// visitors, which say so.
type Planner struct {
	events  Source
	durable Durable
	hot     Hot // nil for none
	now     func() time.Time
	memo    *memo
}

// Plan makes a Planner; hot may be nil.
func Plan(events Source, durable Durable, hot Hot, now func() time.Time) *Planner {
	return &Planner{events, durable, hot, now, newMemo(memoRoom)}
}

const (
	mostDirty = 7 // days that are counted from the events beside bins; with more, everything is
	retries   = 3 // when a roll comes between
)

// errRolled tells that a roll came between two readings.
var errRolled = errors.New("rolled meanwhile")

// Answer answers from the cheapest source that knows.
func (p *Planner) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	x, ok := p.plan(q)
	for try := 0; ok && try < retries; try++ {
		d, err := x.answer(ctx)
		switch {
		case errors.Is(err, errEvents):
			ok = false
		case errors.Is(err, errRolled) || errors.Is(err, bins.ErrLost):
		default:
			return d, err
		}
	}
	state, err := p.durable.State(ctx)
	if err == nil {
		err = Kept(&state, q)
	}
	if err != nil {
		return metric.Dataset{}, err
	}
	return p.events.Answer(ctx, q)
}

// errEvents tells that the event store must answer.
var errEvents = errors.New("bins can't answer")

// plan tells whether bins have what q asks for.
func (p *Planner) plan(q metric.Query) (*plan, bool) {
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	by, value := q.By, ""
	switch {
	case q.Bots || q.Affiliate != nil || q.Where != nil || len(q.Filters) > 1 || len(q.Filters) == 1 && q.By != "":
		return nil, false
	case len(q.Filters) == 1:
		by, value = q.Filters[0].Dimension, q.Filters[0].Value
	}
	if by != "" && !slices.Contains(bins.Dimensions, by) || q.Metric != metric.Visitors && bins.Place(q.Metric) < 0 {
		return nil, false
	}
	months := false
	switch q.Step {
	case period.Day, period.Week:
	case period.Month, period.Year, period.Total, "total":
		months = true
	default:
		return nil, false
	}
	from, to, whole := q.Window.Dates(zone)
	return &plan{p: p, q: q, zone: zone, by: by, value: value, months: months, from: from, to: to,
		starts: q.Step.Cut(q.Window, zone)}, whole
}

// plan is one question on its way.
type plan struct {
	p         *Planner
	q         metric.Query
	zone      *time.Location
	by        metric.Dimension
	value     string
	months    bool
	from, to  period.Date
	starts    []time.Time
	bins      *sum // what bins have
	late      *sum // what came since
	usedHot   bool
	usedStore bool
}

func (x *plan) answer(ctx context.Context) (metric.Dataset, error) {
	x.late, x.usedHot, x.usedStore = x.sum(), false, false
	state, err := x.p.durable.State(ctx)
	if err != nil {
		return metric.Dataset{}, fmt.Errorf("query: %w", err)
	}
	if state.Zones[x.q.Site] != bins.Basis(x.zone, x.q.Currency) {
		return metric.Dataset{}, errEvents
	}
	if err := x.money(&state); err != nil {
		return metric.Dataset{}, err
	}
	asOf := x.p.now().UTC()
	dirty := x.dirty(&state)
	fromStore := len(dirty) > 0 && (x.p.hot == nil || x.q.Metric == metric.Sessions || x.q.Metric == metric.Bounces)
	if fromStore && (x.q.Metric == metric.Visitors || len(dirty) > mostDirty) {
		return metric.Dataset{}, errEvents
	}
	fresh, err := x.readBins(ctx, &state, dirty, fromStore)
	if err != nil {
		return metric.Dataset{}, fmt.Errorf("query: %w", err)
	}
	for _, date := range dirty {
		day := bins.Day{Site: x.q.Site, Date: date}
		if fromStore {
			err = x.readEvents(ctx, date, state.Window(day, x.zone))
		} else {
			err = x.readHot(ctx, date, state.Window(day, x.zone), state.Since(day))
		}
		if err != nil {
			return metric.Dataset{}, err
		}
	}
	after, err := x.p.durable.State(ctx)
	if err != nil {
		return metric.Dataset{}, fmt.Errorf("query: %w", err)
	}
	if !x.same(&state, &after, dirty) {
		return metric.Dataset{}, errRolled
	}
	if fresh {
		x.p.memo.put(x.bins)
	}
	return x.dataset(state.Seal.At, asOf), nil
}

// dirty lists the dates in the window that got events since they were rolled,
// without those that the zone skipped.
func (x *plan) dirty(s *bins.State) []period.Date {
	var dates []period.Date
	for day := range s.Dirty {
		if day.Site != x.q.Site || day.Date < x.from || day.Date >= x.to {
			continue
		}
		if w := day.Date.Window(x.zone); w.From.Before(w.To) {
			dates = append(dates, day.Date)
		}
	}
	slices.Sort(dates)
	return dates
}

// same reports whether no roll came between two looks.
func (x *plan) same(a, b *bins.State, dirty []period.Date) bool {
	if a.Seal.Position != b.Seal.Position || a.Zones[x.q.Site] != b.Zones[x.q.Site] || a.Versions[x.q.Site] != b.Versions[x.q.Site] {
		return false
	}
	for _, date := range dirty {
		day := bins.Day{Site: x.q.Site, Date: date}
		if a.Since(day) != b.Since(day) {
			return false
		}
	}
	return true
}

// step is the step a date lies in.
func (x *plan) step(t time.Time) int {
	return sort.Search(len(x.starts), func(i int) bool { return x.starts[i].After(t) }) - 1
}

// place is where what a bin of this time counts belongs.
func (x *plan) place(value string, at time.Time) (string, int) {
	if x.q.By == "" {
		value = "" // a filter's value is no series
	}
	return value, max(0, x.step(at))
}

// readBins reads what bins have, but for dates without which it is asked, and tells
// whether it was not known before and may be kept.
func (x *plan) readBins(ctx context.Context, s *bins.State, dirty []period.Date, without bool) (fresh bool, err error) {
	r := bins.Range{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", From: x.from, To: x.to,
		Months: x.months && !without, Visitors: x.q.Metric == metric.Visitors}
	x.bins = x.sum()
	if !without {
		x.bins.part = part{r, x.q.Metric, x.q.Step, s.Zones[x.q.Site]}
		x.bins.version = s.Versions[x.q.Site]
		if known := x.p.memo.get(x.bins.part, x.bins.version); known != nil {
			x.bins = known
			return false, nil
		}
	}
	err = x.p.durable.Read(ctx, r, func(value string, span bins.Span, b *bins.Bin) error {
		if without && slices.Contains(dirty, span.From) {
			return nil
		}
		value, step := x.place(value, span.From.Window(x.zone).From)
		x.bins.add(value, step, b)
		return nil
	})
	x.bins.finish()
	return err == nil && x.bins.version != 0, err
}

func (x *plan) readHot(ctx context.Context, date period.Date, w period.Window, since event.Position) error {
	r := bins.HotRange{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", Window: w, Since: since}
	x.usedHot = true
	begin := date.Window(x.zone).From
	return x.p.hot.Read(ctx, r, func(value string, _ time.Time, b *bins.Bin) error {
		value, step := x.place(value, begin)
		x.late.add(value, step, b)
		return nil
	})
}

// readEvents counts a date from the events.
func (x *plan) readEvents(ctx context.Context, date period.Date, w period.Window) error {
	q := x.q
	q.Window, q.Step, q.Limit = w, period.Total, 0
	d, err := x.p.events.Answer(ctx, q)
	if err != nil {
		return err
	}
	x.usedStore = true
	for _, point := range d.Points {
		if point.Value != 0 {
			x.late.count(point.Series, max(0, x.step(date.Window(x.zone).From)), point.Value)
		}
	}
	return nil
}

func (x *plan) dataset(sealed, asOf time.Time) metric.Dataset {
	d := metric.Dataset{Source: "bins", AsOf: asOf, Sealed: sealed}
	if x.usedHot {
		d.Source += "+hot"
	}
	if x.usedStore {
		d.Source += "+events"
	}
	all := x.bins.with(x.late)
	d.Estimate = all.estimate
	d.Points = x.q.Answer(all.values, all.totals, asOf)
	return d
}
