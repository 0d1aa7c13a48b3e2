package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
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

// Events is the event store, which answers anything.
type Events interface {
	Source
	Tabulator
}

// Planner answers from bins and hot buckets where they know, else from the
// event store: the figure is the same either way, but for estimates of distinct
// visitors, which say so.
type Planner struct {
	events   Events
	durable  Durable
	hot      Hot // nil for none
	sessions Hot // nil for none
	now      func() time.Time
	memo     *memo
}

// Plan makes a Planner. What came since days were rolled tells hot, but of sessions:
// of these sessions does, as bins.Sessions. Both may be nil.
func Plan(events Events, durable Durable, hot, sessions Hot, now func() time.Time) *Planner {
	return &Planner{events, durable, hot, sessions, now, newMemo(memoRoom)}
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
	all, err := p.answers(ctx, q, []metric.Name{q.Metric})
	if err != nil {
		return metric.Dataset{}, err
	}
	return all[0], nil
}

// answers are those to a question, which has been checked, for each of some metrics:
// as few readings as it takes.
func (p *Planner) answers(ctx context.Context, q metric.Query, metrics []metric.Name) ([]metric.Dataset, error) {
	all := make([]metric.Dataset, len(metrics))
	for _, alike := range p.alike(metrics) {
		found, err := p.together(ctx, q, alike)
		if err != nil {
			return nil, err
		}
		for i, m := range alike {
			all[slices.Index(metrics, m)] = found[i]
		}
	}
	return all, nil
}

// Renew reads what was asked for lately and a roll has changed: so nobody waits for it
// who asks the same again. What bins don't tell any more, as of a site that was removed
// or has another currency, is forgotten.
func (p *Planner) Renew(ctx context.Context) error {
	state, err := p.durable.State(ctx)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	var done []*sum
	defer func() { p.memo.again(done) }()
	for _, old := range p.memo.stale(state.Versions) {
		if state.Zones[old.Site] == old.basis { // else events would be counted, which nobody asked for
			_, failed := p.together(ctx, old.question, []metric.Name{old.metric})
			if ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("query: asking %s of site %s again: %w", old.metric, old.Site, failed))
			}
		}
		p.memo.renewed(old)
		done = append(done, old)
	}
	return err
}

// alike parts metrics into those that come from the same sources: what hot buckets
// have, and what is counted from the events of days that are not rolled; without hot
// buckets visitors are told apart, as theirs of several days don't add up.
func (p *Planner) alike(metrics []metric.Name) (parts [][]metric.Name) {
	at := map[[2]bool]int{}
	for _, m := range metrics {
		kind := [2]bool{bins.OfSessions(m), p.hot == nil && m == metric.Visitors}
		i, ok := at[kind]
		if !ok {
			i = len(parts)
			at[kind], parts = i, append(parts, nil)
		}
		parts[i] = append(parts[i], m)
	}
	return parts
}

// together answers for metrics that are alike.
func (p *Planner) together(ctx context.Context, q metric.Query, metrics []metric.Name) ([]metric.Dataset, error) {
	x, ok := p.plan(q, metrics)
	for try := 0; ok && try < retries; try++ {
		all, err := x.answer(ctx)
		switch {
		case errors.Is(err, errEvents):
			ok = false
		case errors.Is(err, errRolled) || errors.Is(err, bins.ErrLost):
		default:
			return all, err
		}
	}
	state, err := p.durable.State(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]metric.Dataset, len(metrics))
	for i, m := range metrics {
		if q.Metric = m; i == 0 {
			err = Kept(&state, q)
		}
		if err == nil {
			all[i], err = p.events.Answer(ctx, q)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// errEvents tells that the event store must answer.
var errEvents = errors.New("bins can't answer")

// plan tells whether bins have what q asks for, of each of the metrics.
func (p *Planner) plan(q metric.Query, metrics []metric.Name) (*plan, bool) {
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
	if by != "" && !slices.Contains(bins.Dimensions, by) || slices.ContainsFunc(metrics, func(m metric.Name) bool { return m != metric.Visitors && bins.Place(m) < 0 }) {
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
	return &plan{p: p, q: q, metrics: metrics, zone: zone, by: by, value: value, months: months, from: from, to: to,
		starts: q.Step.Cut(q.Window, zone)}, whole
}

// plan is one question on its way.
type plan struct {
	p         *Planner
	q         metric.Query
	metrics   []metric.Name // that are alike
	zone      *time.Location
	by        metric.Dimension
	value     string
	months    bool
	from, to  period.Date
	starts    []time.Time
	bins      []*sum // what bins have of each metric
	late      []*sum // what came since
	usedHot   bool
	usedStore bool
}

// asks reports whether one of the metrics is asked for.
func (x *plan) asks(some ...metric.Name) bool {
	return slices.ContainsFunc(some, func(m metric.Name) bool { return slices.Contains(x.metrics, m) })
}

func (x *plan) answer(ctx context.Context) ([]metric.Dataset, error) {
	x.late, x.usedHot, x.usedStore = x.sums(), false, false
	state, err := x.p.durable.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	has := func(m metric.Name) bool { return state.Has(m, x.q.Site, x.from) }
	if state.Zones[x.q.Site] != bins.Basis(x.zone, x.q.Currency) || !all(x.metrics, has) {
		return nil, errEvents
	}
	if err := x.money(&state); err != nil {
		return nil, err
	}
	asOf := x.p.now().UTC()
	dirty := x.dirty(&state)
	whole := len(dirty) > 0 && (x.p.hot == nil || bins.OfSessions(x.metrics[0])) // of a dirty day all is counted, not what came since
	if whole && (x.asks(metric.Visitors) || len(dirty) > mostDirty) {
		return nil, errEvents
	}
	fresh, err := x.readBins(ctx, &state, dirty, whole)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for _, date := range dirty {
		day := bins.Day{Site: x.q.Site, Date: date}
		w := state.Window(day, x.zone)
		if whole {
			err = x.readWhole(ctx, date, w)
		} else {
			err = x.readHot(ctx, x.p.hot, date, w, state.Since(day))
		}
		if err != nil {
			return nil, err
		}
	}
	after, err := x.p.durable.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if !x.same(&state, &after, dirty) {
		return nil, errRolled
	}
	for _, s := range fresh {
		x.p.memo.put(s)
	}
	return x.datasets(state.Seal.At, asOf), nil
}

func all[T any](of []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(of, func(x T) bool { return !holds(x) })
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
// what of it was not known before and may be kept.
func (x *plan) readBins(ctx context.Context, s *bins.State, dirty []period.Date, without bool) (fresh []*sum, err error) {
	r := bins.Range{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", From: x.from, To: x.to, Months: x.months && !without}
	x.bins = x.sums()
	var missing []*sum
	for i, m := range x.metrics {
		own := x.bins[i]
		own.version = s.Versions[x.q.Site]
		if own.part = (part{Range: r, metric: m, step: x.q.Step, basis: s.Zones[x.q.Site]}); without {
			own.without = fmt.Sprint(dirty)
		}
		if known := x.p.memo.get(own.part, own.version); known != nil {
			x.bins[i] = known
			continue
		}
		missing = append(missing, own)
		r.Visitors = r.Visitors || m == metric.Visitors
	}
	if len(missing) == 0 {
		return nil, nil
	}
	err = x.p.durable.Read(ctx, r, func(value string, span bins.Span, b *bins.Bin) error {
		if without && slices.Contains(dirty, span.From) {
			return nil
		}
		value, step := x.place(value, span.From.Window(x.zone).From)
		for _, own := range missing {
			own.add(value, step, b)
		}
		return nil
	})
	for _, own := range missing {
		if own.finish(); err == nil && own.version != 0 {
			fresh = append(fresh, own)
		}
	}
	return fresh, err
}

func (x *plan) readHot(ctx context.Context, hot Hot, date period.Date, w period.Window, since event.Position) error {
	r := bins.HotRange{Site: x.q.Site, By: x.by, Value: x.value, Each: x.q.By != "", Window: w, Since: since}
	x.usedHot = true
	begin := date.Window(x.zone).From
	return hot.Read(ctx, r, func(value string, _ time.Time, b *bins.Bin) error {
		value, step := x.place(value, begin)
		for _, own := range x.late {
			own.add(value, step, b)
		}
		return nil
	})
}

// readWhole counts a date, whatever bins have of it.
func (x *plan) readWhole(ctx context.Context, date period.Date, w period.Window) error {
	if x.p.sessions != nil && bins.OfSessions(x.metrics[0]) {
		hot := x.usedHot
		err := x.readHot(ctx, x.p.sessions, date, w, event.Position{})
		if !errors.Is(err, bins.ErrLost) {
			return err
		}
		x.usedHot = hot
	}
	return x.readEvents(ctx, date, w)
}

// readEvents counts a date from the events: sessions are cut once for all that is told
// of them.
func (x *plan) readEvents(ctx context.Context, date period.Date, w period.Window) error {
	q := x.q
	q.Window, q.Step, q.Limit, q.Metric = w, period.Total, 0, x.metrics[0]
	x.usedStore = true
	step := max(0, x.step(date.Window(x.zone).From))
	if len(x.metrics) == 1 {
		d, err := x.p.events.Answer(ctx, q)
		for _, point := range d.Points {
			if point.Value != 0 {
				x.late[0].count(point.Series, step, point.Value)
			}
		}
		return err
	}
	r := q.Report()
	r.Metrics = x.metrics
	t, err := x.p.events.Tabulate(ctx, r)
	for _, row := range t.Rows {
		for i, value := range row.Values {
			if value.N != 0 {
				x.late[i].count(strings.Join(row.Keys, ""), step, value.N)
			}
		}
	}
	return err
}

// datasets are the answers, one for each metric.
func (x *plan) datasets(sealed, asOf time.Time) []metric.Dataset {
	source := "bins"
	if x.usedHot {
		source += "+hot"
	}
	if x.usedStore {
		source += "+events"
	}
	found := make([]metric.Dataset, len(x.metrics))
	for i := range found {
		sum := x.bins[i].with(x.late[i])
		found[i] = metric.Dataset{Points: x.q.Answer(sum.values, sum.totals, asOf), Source: source, AsOf: asOf, Sealed: sealed, Estimate: sum.estimate}
	}
	return found
}
