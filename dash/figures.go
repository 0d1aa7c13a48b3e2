package dash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// ask puts a question to the source and logs its error, unless the page has
// ended.
func (d *Door) ask(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	set, err := d.source.Answer(ctx, q)
	if failed(ctx, err) {
		d.Log.Error("dash: a query failed", "metric", q.Metric, "by", q.By, "error", err)
	}
	return set, err
}

// failed reports whether an error is for the log: not that a page has ended, nor that what it
// asks is still being counted.
func failed(ctx context.Context, err error) bool {
	return err != nil && !errors.Is(err, errLate) && ctx.Err() == nil
}

// answer likewise asks for several figures.
func (d *Door) answer(ctx context.Context, r metric.Report) (metric.Table, error) {
	t, err := d.Questions.Tabulate(ctx, r)
	if failed(ctx, err) {
		d.Log.Error("dash: a report failed", "metrics", r.Metrics, "by", r.By, "error", err)
	}
	return t, err
}

// troubles are what an engine says that can't answer.
var troubles = []key{metric.Damaged, metric.NoMemory, metric.Mending}

// problem is what a box shows instead of its figures; "" without an error.
func (l tongue) problem(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errLate):
		return l.stillCounted()
	case errors.Is(err, context.DeadlineExceeded):
		return l.Say("This took too long. Choose a shorter period.")
	}
	if q, ok := errors.AsType[*metric.QueryError](err); ok {
		if step, why, ok := ofStep(q.Why); ok {
			return l.Say("Step {n}: {why}", step, why)
		}
		return l.Say(key(q.Why))
	}
	if t, ok := errors.AsType[*metric.TroubleError](err); ok && slices.Contains(troubles, key(t.Why)) {
		return l.Say(key(t.Why))
	}
	return l.Say("This could not be counted. The reason is in the server’s log.")
}

// stillCounted is what a box shows whose figures take longer than its page waits.
func (l tongue) stillCounted() string { return l.Say("Still being counted…") }

// ofStep takes the field in front of what is wrong with a funnel's step: steps[1].goal: …
func ofStep(why string) (step int, rest string, ok bool) {
	field, rest, ok := strings.Cut(why, ": ")
	if _, err := fmt.Sscanf(field, "steps[%d]", &step); err != nil || !ok {
		return 0, "", false
	}
	return step + 1, rest, true
}

// problem is the same for who looks. What is wrong with the server, and what to type there,
// is nothing to guests.
func (s state) problem(err error) string {
	if _, ok := errors.AsType[*metric.TroubleError](err); ok && s.guest != nil {
		return s.Say("This could not be counted.")
	}
	return s.tongue.problem(err)
}

func (s state) query(m metric.Name, w period.Window, zone *time.Location) metric.Query {
	q := metric.Query{Site: s.site.ID, Metric: m, Window: w, Zone: zone}
	q.Filters, q.Where = s.conditions()
	q.Filters = append(q.Filters, s.only...)
	return q
}

// sumsOf is the question for several metrics of a window, as one total.
func (s state) sumsOf(w period.Window, zone *time.Location, metrics ...metric.Name) metric.Report {
	r := s.query(metrics[0], w, zone).Report()
	r.Metrics = metrics
	return r
}

// there spells how many visitors are there now, unfiltered, and tells how that is known; ""
// where it is not shown.
func (d *Door) there(ctx context.Context, s state) (string, *evidence) {
	if !s.guest.sees(cells[0]) {
		return "", nil
	}
	s = s.at(lately)
	s.filters = nil
	w, _, err := period.Named(lately, d.Now(), s.site.Location())
	if err != nil {
		return "–", nil
	}
	set, err := d.ask(ctx, s.query(metric.Visitors, w, s.site.Location()))
	if err != nil {
		return "–", nil
	}
	return whole(s.tongue, set.Sum()), s.knowPresent(span{window: w, zone: s.site.Location()}, set)
}

// ever reports whether the site has any event at all, bots' included.
func (d *Door) ever(ctx context.Context, s state) (bool, error) {
	s.filters = nil
	q := s.query(metric.Events, period.Window{From: time.Unix(0, 0), To: d.Now().AddDate(1, 0, 0)}, time.UTC)
	q.Bots = true
	set, err := d.ask(ctx, q)
	return set.Sum() > 0, err
}

// signs are the figures of which a site has some as soon as it is in use, of those that
// bins know: orders may be from before its pages were counted, or have none.
var signs = []metric.Name{metric.PageViews, metric.Downloads, metric.Orders}

// life is the first and the last month in which people left signs on the site; ok is
// false if there is none.
func (d *Door) life(ctx context.Context, s state) (first, last period.Date, ok bool) {
	zone, shown := s.site.Location(), s.guest.signs()
	if len(shown) == 0 {
		return 0, 0, false
	}
	s.filters = nil
	r := s.sumsOf(period.Window{From: period.Date(0).Window(zone).From, To: (period.DateOf(d.Now(), zone) + 1).Window(zone).From}, zone, shown...)
	r.Step = period.Month
	t, err := d.answer(ctx, r)
	for _, row := range t.Rows {
		if slices.ContainsFunc(row.Values, func(v metric.Value) bool { return v.N > 0 }) {
			if last = period.DateOf(row.Time, zone); !ok {
				first, ok = last, true
			}
		}
	}
	return first, last, ok && err == nil
}

// elsewhere is when a site that is quiet in a period has figures: in words,
// and the newest month as a link. It is nil if only bots came.
func (d *Door) elsewhere(ctx context.Context, s state) *link {
	first, last, ok := d.life(ctx, s)
	if !ok {
		return nil
	}
	name := func(d period.Date) string { return s.Date(d.Window(nil).From, "January 2006") }
	l := &link{Label: name(last), Href: s.days(last, last.NextMonth()).href(), Title: s.Say("in {month}", name(last))}
	if first != last {
		l.Title = s.Say("from {first} to {last}", name(first), name(last))
	}
	return l
}

// total is a figure of the period, and what it is compared with.
type total struct {
	metric.Value              // of the whole period
	over, before metric.Value // of what is compared of it, and of the same before
	told         metric.Table // how the figure is known: without rows
	err          error
}

// totals asks for the figures of some metrics in as few questions as it takes, and
// for what they are compared with.
func (d *Door) totals(ctx context.Context, s state, x span, metrics []metric.Name) map[metric.Name]*total {
	now, before := x.fair()
	all, over, early := d.sums(ctx, s, x.window, x.zone, metrics), sums{}, sums{}
	if before != (period.Window{}) && all.err == nil {
		if over = all; now != x.window {
			over = d.sums(ctx, s, now, x.zone, metrics)
		}
		early = d.sums(ctx, s, before, x.zone, metrics)
	}
	found := map[metric.Name]*total{}
	if len(metrics) > 1 && (refused(all.err) || refused(over.err) || refused(early.err)) {
		for _, m := range metrics { // what can't be told of one can be of another
			maps.Copy(found, d.totals(ctx, s, x, []metric.Name{m}))
		}
		return found
	}
	for i, m := range metrics {
		t := &total{told: all.told, err: all.err}
		t.Value, t.over, t.before = all.at(i), over.at(i), early.at(i)
		found[m] = t
	}
	return found
}

// refused reports whether the question can't be answered as it is.
func refused(err error) bool {
	_, is := errors.AsType[*metric.QueryError](err)
	return is
}

// sums is the figures of one window.
type sums struct {
	values []metric.Value
	told   metric.Table
	err    error
}

// at is a figure; there is none with an error, or if nothing was asked.
func (r sums) at(i int) metric.Value {
	if i >= len(r.values) {
		return metric.Value{None: true}
	}
	return r.values[i]
}

func (d *Door) sums(ctx context.Context, s state, w period.Window, zone *time.Location, metrics []metric.Name) (r sums) {
	if !w.From.Before(w.To) {
		return r
	}
	if r.told, r.err = d.answer(ctx, s.sumsOf(w, zone, metrics...)); r.err == nil && len(r.told.Rows) == 1 {
		r.values = r.told.Rows[0].Values
	}
	r.told.Rows = nil
	return r
}

// reaches reports whether the site has goals.
func (d *Door) reaches(ctx context.Context, s state) bool {
	if d.Goals == nil || !s.guest.has(account.Doings) {
		return false
	}
	all, err := d.Goals.Goals(ctx, s.site.ID)
	return err == nil && len(all) > 0
}
