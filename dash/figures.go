package dash

import (
	"context"
	"errors"
	"time"

	"footfall/metric"
	"footfall/period"
)

// span is the window of a state, and the stretch before it.
type span struct {
	window period.Window
	step   period.Step
	zone   *time.Location
	now    time.Time
	days   int // 0: 24 hours
}

func spanOf(s state, now time.Time) span {
	x := span{zone: s.site.Location(), now: now}
	if s.own() {
		return s.ownSpan(x)
	}
	x.window, x.step, _ = period.Named(s.period, now, x.zone) // choices holds only known names
	if x.step != period.Hour {
		x.days = len(period.Day.Cut(x.window, x.zone))
	}
	return x
}

// back is the same moment one span earlier, by the local clock.
func (x span) back(t time.Time) time.Time {
	if x.days == 0 {
		return t.Add(-24 * time.Hour)
	}
	t = t.In(x.zone)
	y, m, d := t.Date()
	if t.Equal(period.Day.Start(t, x.zone)) { // a day's first instant, which need not be midnight
		return period.Day.Start(time.Date(y, m, d-x.days, 12, 0, 0, 0, x.zone), x.zone)
	}
	return time.Date(y, m, d-x.days, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), x.zone)
}

// before is the window before, whole (for the chart) or only as much of it as
// has passed of this one (for a fair comparison).
func (x span) before(whole bool) period.Window {
	to := x.window.To
	if !whole && x.now.Before(to) {
		to = x.now
	}
	return period.Window{From: x.back(x.window.From), To: x.back(to)}
}

// ask puts a question to the source and logs its error, unless the page has
// ended.
func (d *Door) ask(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	set, err := d.source.Answer(ctx, q)
	if err != nil && ctx.Err() == nil {
		d.Log.Error("dash: a query failed", "metric", q.Metric, "by", q.By, "error", err)
	}
	return set, err
}

// problem is what a box shows instead of its figures; "" without an error.
func problem(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "This took too long. Choose a shorter period."
	}
	if q, ok := errors.AsType[*metric.QueryError](err); ok {
		return q.Why
	}
	return "This could not be counted. The reason is in the server’s log."
}

func (s state) query(m metric.Name, w period.Window, zone *time.Location) metric.Query {
	q := metric.Query{Site: s.site.ID, Metric: m, Window: w, Zone: zone}
	q.Filters, q.Where = s.conditions()
	q.Filters = append(q.Filters, s.only...)
	return q
}

// lately is the window in which visitors are there now, and current how /v1/live
// names them.
const (
	lately  = "Last5Minutes"
	current = string(metric.Visitors) + "@" + lately
)

// visitors is the number of current visitors, unfiltered.
func (d *Door) visitors(ctx context.Context, s state) (int64, error) {
	s.filters = nil
	w, _, err := period.Named(lately, d.Now(), s.site.Location())
	if err != nil {
		return 0, err
	}
	set, err := d.ask(ctx, s.query(metric.Visitors, w, s.site.Location()))
	return set.Sum(), err
}

// ever reports whether the site has any page view at all, bots' included.
func (d *Door) ever(ctx context.Context, s state) (bool, error) {
	s.filters = nil
	q := s.query(metric.PageViews, period.Window{From: time.Unix(0, 0), To: d.Now().AddDate(1, 0, 0)}, time.UTC)
	q.Bots = true
	set, err := d.ask(ctx, q)
	return set.Sum() > 0, err
}

// pair is a figure and the one before it.
type pair struct {
	now, before metric.Dataset
	err         error
}

// compare asks for a metric now and before; step period.Total compares totals.
func (d *Door) compare(ctx context.Context, s state, x span, m metric.Name, step period.Step) (p pair) {
	q := s.query(m, x.window, x.zone)
	q.Step = step
	if p.now, p.err = d.ask(ctx, q); p.err != nil {
		return p
	}
	q.Window = x.before(step != period.Total)
	p.before, p.err = d.ask(ctx, q)
	return p
}
