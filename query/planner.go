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
}

// Plan makes a Planner; hot may be nil.
func Plan(events Source, durable Durable, hot Hot, now func() time.Time) *Planner {
	return &Planner{events, durable, hot, now}
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
	case q.Bots || q.Affiliate != nil || len(q.Filters) > 1 || len(q.Filters) == 1 && q.By != "":
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
	values    map[string][]int64
	sketches  map[string][]bins.Sketch // for visitors: one a step
	usedHot   bool
	usedStore bool
}

func (x *plan) answer(ctx context.Context) (metric.Dataset, error) {
	x.values, x.sketches, x.usedHot, x.usedStore = map[string][]int64{}, map[string][]bins.Sketch{}, false, false
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
	if err := x.readBins(ctx, dirty, fromStore); err != nil {
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
	if a.Seal.Position != b.Seal.Position || a.Zones[x.q.Site] != b.Zones[x.q.Site] {
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

func (x *plan) add(value string, at time.Time, b *bins.Bin) {
	if x.q.By == "" {
		value = "" // a filter's value is no series
	}
	i := max(0, x.step(at))
	if x.q.Metric == metric.Visitors {
		if x.sketches[value] == nil {
			x.sketches[value] = make([]bins.Sketch, len(x.starts))
		}
		x.sketches[value][i].Merge(&b.Visitors)
		return
	}
	if n := b.Counts[bins.Place(x.q.Metric)]; n != 0 {
		x.count(value, i, n)
	}
}

func (x *plan) count(value string, step int, n int64) {
	if x.values[value] == nil {
		x.values[value] = make([]int64, len(x.starts))
	}
	x.values[value][step] += n
}

func (x *plan) readBins(ctx context.Context, dirty []period.Date, without bool) error {
	r := bins.Range{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", From: x.from, To: x.to,
		Months: x.months && !without, Visitors: x.q.Metric == metric.Visitors}
	return x.p.durable.Read(ctx, r, func(value string, span bins.Span, b *bins.Bin) error {
		if without && slices.Contains(dirty, span.From) {
			return nil
		}
		x.add(value, span.From.Window(x.zone).From, b)
		return nil
	})
}

func (x *plan) readHot(ctx context.Context, date period.Date, w period.Window, since event.Position) error {
	r := bins.HotRange{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", Window: w, Since: since}
	x.usedHot = true
	begin := date.Window(x.zone).From
	return x.p.hot.Read(ctx, r, func(value string, _ time.Time, b *bins.Bin) error {
		x.add(value, begin, b)
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
			x.count(point.Series, max(0, x.step(date.Window(x.zone).From)), point.Value)
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
	totals := map[string]int64{}
	for value, steps := range x.values {
		for _, n := range steps {
			totals[value] += n
		}
	}
	for value, steps := range x.sketches {
		var whole bins.Sketch
		x.values[value] = make([]int64, len(steps))
		for i := range steps {
			x.values[value][i] = steps[i].Count()
			d.Estimate = d.Estimate || !steps[i].Exact()
			whole.Merge(&steps[i])
		}
		totals[value] = whole.Count()
		d.Estimate = d.Estimate || x.q.By != "" && !whole.Exact() // it decides about the order
		if totals[value] == 0 {
			delete(x.values, value)
		}
	}
	d.Points = x.q.Answer(x.values, totals, asOf)
	return d
}
