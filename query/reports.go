package query

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// Tabulator answers reports. It is safe for concurrent use.
type Tabulator interface {
	Tabulate(ctx context.Context, r metric.Report) (metric.Table, error)
}

// Reports answers reports: from bins where they know every figure of one, from the
// event store otherwise, and metrics of affiliate programmes from the ledger. The
// figures are the same either way, as a Planner's are.
type Reports struct {
	planner *Planner
	events  Tabulator // what is counted from events
	ledger  Source    // what is earned
}

// Report makes Reports.
func Report(planner *Planner, events Tabulator, ledger Source) *Reports {
	return &Reports{planner, events, ledger}
}

var (
	_ Tabulator = (*Reports)(nil)
	_ Source    = (*Reports)(nil)
)

// Answer answers a query. What is divided comes out of one table, so that both of its
// parts are of the same events.
func (x *Reports) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if _, divided := metric.Ratios[q.Metric]; !divided {
		return x.planner.Answer(ctx, q)
	}
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	return q.Tabulated(func(r metric.Report) (metric.Table, error) { return x.Tabulate(ctx, r) })
}

// Tabulate answers a report.
func (x *Reports) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	t, err := x.table(ctx, r)
	if err == nil && r.Compare != (period.Window{}) {
		err = x.compare(ctx, r, &t)
	}
	if err != nil {
		return metric.Table{}, err
	}
	return t, nil
}

// table answers the report without what it is compared with.
func (x *Reports) table(ctx context.Context, r metric.Report) (metric.Table, error) {
	r.Compare = period.Window{}
	var events, earned []metric.Name
	for _, m := range r.Parts() {
		if m.Earned() {
			earned = append(earned, m)
		} else {
			events = append(events, m)
		}
	}
	ready := x.ready(r, events)
	if !ready && len(earned) == 0 {
		return x.fromEvents(ctx, r)
	}
	j := &joined{Report: r, parts: r.Parts(), starts: r.Step.Cut(r.Window, r.Zone), counts: map[string][]int64{}}
	for _, m := range earned {
		if err := j.ask(ctx, x.ledger, m); err != nil {
			return metric.Table{}, err
		}
	}
	if ready && len(events) > 0 {
		all, err := x.planner.answers(ctx, query(r, events[0]), events)
		if err != nil {
			return metric.Table{}, err
		}
		for i, m := range events {
			j.put(m, all[i])
		}
	}
	if ready {
		return j.answer(x.planner.now().UTC()), nil
	}
	if len(events) > 0 {
		all := r
		all.Metrics, all.Order, all.Limit, all.Offset = events, nil, 0, 0
		t, err := x.fromEvents(ctx, all)
		if err != nil {
			return metric.Table{}, err
		}
		j.take(t, events)
	}
	return j.answer(x.planner.now().UTC()), nil
}

// Kept reports, as Kept does of a query, if events of a site are removed in a window.
func (x *Reports) Kept(ctx context.Context, site string, w period.Window) error {
	state, err := x.planner.durable.State(ctx)
	if err != nil {
		return err
	}
	return Kept(&state, metric.Query{Site: site, Metric: metric.PageViews, Window: w})
}

// fromEvents asks the event store, if it has the events.
func (x *Reports) fromEvents(ctx context.Context, r metric.Report) (metric.Table, error) {
	if err := x.Kept(ctx, r.Site, r.Window); err != nil {
		return metric.Table{}, err
	}
	return x.events.Tabulate(ctx, r)
}

// ready reports whether bins have all that is counted from events.
func (x *Reports) ready(r metric.Report, events []metric.Name) bool {
	if _, ok := r.Where.Filters(); !ok || len(r.By) > 1 {
		return false
	}
	if len(events) == 0 {
		return true
	}
	_, ok := x.planner.plan(query(r, events[0]), events)
	return ok
}

// query is the question for one metric of a report that has at most one dimension and
// filters on single values.
func query(r metric.Report, m metric.Name) metric.Query {
	filters, single := r.Where.Filters()
	q := metric.Query{Site: r.Site, Metric: m, Window: r.Window, Zone: r.Zone, Step: r.Step, Filters: filters, Affiliate: r.Affiliate, Bots: r.Bots, Currency: r.Currency, Members: r.Members, Goals: r.Goals}
	if len(r.By) == 1 {
		q.By = r.By[0]
	}
	if !single {
		q.Filters, q.Where = nil, r.Where
	}
	return q
}

// joined is a report's rows, made of the answers to several questions.
type joined struct {
	metric.Report
	parts   []metric.Name
	starts  []time.Time
	counts  map[string][]int64 // by place
	sources []string
	table   metric.Table // what is told of the answers
}

// rowPlace is where a row is.
type rowPlace struct {
	Keys []string
	Time int64
}

// row is the counts of a row.
func (j *joined) row(keys []string, at time.Time) []int64 {
	name := spellPlace(keys, at.UnixMilli())
	if j.counts[name] == nil {
		j.counts[name] = make([]int64, len(j.parts))
	}
	return j.counts[name]
}

func spellPlace(keys []string, at int64) string {
	spelled, _ := json.Marshal(rowPlace{append([]string{}, keys...), at}) // texts and a number are always spelled
	return string(spelled)
}

// ask asks a source for one metric.
func (j *joined) ask(ctx context.Context, source Source, m metric.Name) error {
	d, err := source.Answer(ctx, query(j.Report, m))
	if err == nil {
		j.put(m, d)
	}
	return err
}

// put takes the answer for one metric.
func (j *joined) put(m metric.Name, d metric.Dataset) {
	i := slices.Index(j.parts, m)
	for _, p := range d.Points {
		if p.Value == 0 {
			continue
		}
		keys := []string{}
		if len(j.By) == 1 {
			keys = append(keys, p.Series)
		}
		j.row(keys, p.Time)[i] = p.Value
	}
	j.tell(metric.Table{Source: d.Source, AsOf: d.AsOf, Sealed: d.Sealed, Estimate: d.Estimate, Exposed: d.Exposed})
}

// take takes the counts of some metrics out of a table.
func (j *joined) take(t metric.Table, of []metric.Name) {
	for _, row := range t.Rows {
		counts := j.row(row.Keys, row.Time)
		for i, m := range of {
			counts[slices.Index(j.parts, m)] = row.Values[i].N
		}
	}
	j.tell(t)
}

// tell joins what is told of an answer to what is told of those before it: of the
// oldest.
func (j *joined) tell(t metric.Table) {
	for _, source := range strings.Split(t.Source, "+") {
		if !slices.Contains(j.sources, source) {
			j.sources = append(j.sources, source)
		}
	}
	if j.table.AsOf.IsZero() || t.AsOf.Before(j.table.AsOf) {
		j.table.AsOf = t.AsOf
	}
	if j.table.Sealed.IsZero() || !t.Sealed.IsZero() && t.Sealed.Before(j.table.Sealed) {
		j.table.Sealed = t.Sealed
	}
	j.table.Estimate = j.table.Estimate || t.Estimate
	if len(t.Exposed) > 0 {
		j.table.Exposed = t.Exposed
	}
}

// answer is the table of all rows, ordered and cut.
func (j *joined) answer(now time.Time) metric.Table {
	var rows []metric.Row
	for name, counts := range j.counts {
		var at rowPlace
		if err := json.Unmarshal([]byte(name), &at); err != nil {
			panic(err) // spellPlace spelled it
		}
		start := slices.IndexFunc(j.starts, func(t time.Time) bool { return t.UnixMilli() == at.Time })
		rows = append(rows, metric.Row{Keys: at.Keys, Time: j.starts[start], Values: j.Values(j.parts, counts)})
	}
	rows = j.Fill(rows)
	t := j.table
	t.Source, t.Total = strings.Join(j.sources, "+"), len(rows)
	t.Rows = j.Page(rows)
	j.Finish(t.Rows, now)
	return t
}

// compare gives each row of a table the figures of the earlier window.
func (x *Reports) compare(ctx context.Context, r metric.Report, t *metric.Table) error {
	earlier := r
	earlier.Window, earlier.Compare, earlier.Order, earlier.Limit, earlier.Offset = r.Compare, period.Window{}, nil, 0, 0
	if !x.ready(earlier, earlier.Parts()) {
		earlier = narrowed(earlier, t.Rows)
	}
	then, err := x.table(ctx, earlier)
	if err != nil {
		return err
	}
	starts, earlierStarts := r.Step.Cut(r.Window, r.Zone), earlier.Step.Cut(earlier.Window, earlier.Zone)
	found := map[string][]metric.Value{}
	for _, row := range then.Rows {
		found[spellPlace(row.Keys, row.Time.UnixMilli())] = row.Values
	}
	parts := r.Parts()
	for i := range t.Rows {
		row := &t.Rows[i]
		step := slices.IndexFunc(starts, row.Time.Equal)
		if step >= len(earlierStarts) { // a longer month than the one before
			row.Before = slices.Repeat([]metric.Value{{None: true}}, len(r.Metrics))
			continue
		}
		if row.Before = found[spellPlace(row.Keys, earlierStarts[step].UnixMilli())]; row.Before == nil {
			row.Before = r.Values(parts, make([]int64, len(parts)))
		}
	}
	t.Estimate = t.Estimate || then.Estimate
	return nil
}

// narrowed is the report of no other keys than some rows have, if they can be named.
func narrowed(r metric.Report, rows []metric.Row) metric.Report {
	where := metric.Where{}
	if r.Where != nil {
		where.All = append(where.All, *r.Where)
	}
	for i, d := range r.By {
		values := map[string]bool{}
		is := metric.Where{Dimension: d, Op: metric.Is}
		for _, row := range rows {
			if !values[row.Keys[i]] {
				values[row.Keys[i]] = true
				is.Values = append(is.Values, row.Keys[i])
			}
		}
		where.All = append(where.All, is)
	}
	narrow := r
	if narrow.Where = &where; len(r.By) == 0 || narrow.Check() != nil {
		return r
	}
	return narrow
}

// Tabulated is a Tabulator that asks a source for each metric of a report by itself: of
// reports with at most one dimension and no comparison.
func Tabulated(source Source, now func() time.Time) Tabulator { return apart{source, now} }

type apart struct {
	Source
	now func() time.Time
}

// Tabulate answers a report.
func (a apart) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if len(r.By) > 1 || r.Compare != (period.Window{}) {
		return metric.Table{}, &metric.QueryError{Why: "a source alone answers no report of several dimensions or windows"}
	}
	j := &joined{Report: r, parts: r.Parts(), starts: r.Step.Cut(r.Window, r.Zone), counts: map[string][]int64{}}
	for _, m := range j.parts {
		if err := j.ask(ctx, a.Source, m); err != nil {
			return metric.Table{}, err
		}
	}
	return j.answer(a.now().UTC()), nil
}
