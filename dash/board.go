package dash

import (
	"cmp"
	"context"
	"sync"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// view is everything page.html shows; its zero value is "there is no site".
type view struct {
	frame
	Cells        []cell
	Chart        chart
	Lists        []list
	AsOf, Source string
	Status       *Status
	Empty        bool   // the site never had a page view
	Quiet        bool   // it has none in this period
	Elsewhere    *link  // when it has some, if Quiet without a filter
	Snippet      string // to install, if Empty
	LiveAt       string // where the page hears of changes
	Asking       *filterForm
	Details      *details // instead of all other figures
}

type link struct {
	Label, Href string
	Title       string
	Current     bool
}

// cell is one of the big numbers.
type cell struct {
	link
	Value, Exact  string
	Change, Sense string // Sense is good, bad or flat
	Problem       string
}

// cells of the strip, the first one is the default of the chart.
var cells = []struct{ name, label, unit string }{
	{string(metric.PageViews), "Page views", "page views"}, {string(metric.Visitors), "Visitors", "visitors"},
	{string(metric.Sessions), "Sessions", "sessions"}, {bounceRate, "Bounce rate", "bounce rate"},
	{string(metric.Downloads), "Downloads", "downloads"},
}

// draw asks everything the page needs and puts it together. A figure that
// fails says so in its own box.
func (d *Door) draw(ctx context.Context, in visit, s state, sites []account.Site) view {
	x := spanOf(s, d.Now())
	v := view{frame: d.frame(in, s, x, sites)}
	v.Live = "–"
	if details, ok := d.detailed(ctx, s, x); ok {
		return d.drawDetails(ctx, s, v, details)
	}
	totals := map[metric.Name]*pair{metric.PageViews: {}, metric.Visitors: {}, metric.Sessions: {}, metric.Bounces: {}, metric.Downloads: {}}
	var wait sync.WaitGroup
	for m, p := range totals {
		wait.Go(func() { *p = d.compare(ctx, s, x, m, period.Total) })
	}
	wait.Go(func() { v.Chart = d.chart(ctx, s, x) })
	wait.Go(func() { v.Lists = d.lists(ctx, s, x) })
	wait.Go(func() {
		if n, err := d.visitors(ctx, s); err == nil {
			v.Live = whole(n)
		}
	})
	wait.Wait()
	v.Cells = strip(s, totals)
	d.finish(ctx, s, x, totals, &v)
	v.LiveAt = s.live(v.Empty)
	return v
}

// finish adds what depends on the figures: how fresh they are, and whether
// there are any.
func (d *Door) finish(ctx context.Context, s state, x span, totals map[metric.Name]*pair, v *view) {
	var oldest time.Time
	for _, p := range totals {
		if p.err == nil && (oldest.IsZero() || p.now.AsOf.Before(oldest)) {
			oldest, v.Source = p.now.AsOf, p.now.Source
		}
	}
	if !oldest.IsZero() {
		v.AsOf = oldest.In(x.zone).Format("15:04:05")
	}
	if d.Status != nil && s.sums {
		if st, err := d.Status(ctx); err == nil {
			v.Status = &st
		}
	}
	if p := totals[metric.PageViews]; p.err == nil && p.now.Sum() == 0 && totals[metric.Downloads].now.Sum() == 0 {
		if any, err := d.ever(ctx, s); err == nil {
			v.Empty, v.Quiet = !any, any
			if any && len(s.filters) == 0 {
				v.Elsewhere = d.elsewhere(ctx, s)
			}
		}
	}
}

// strip makes the big numbers.
func strip(s state, totals map[metric.Name]*pair) []cell {
	made := make([]cell, len(cells))
	for i, c := range cells {
		to := s
		to.metric = c.name
		made[i].link = link{c.label, to.href(), "", s.metric == c.name}
		if c.name == bounceRate {
			made[i].rate(totals[metric.Bounces], totals[metric.Sessions])
		} else {
			made[i].count(totals[metric.Name(c.name)])
		}
	}
	return made
}

func (c *cell) count(p *pair) {
	if c.Problem = problem(p.err); c.Problem != "" {
		return
	}
	n, before := p.now.Sum(), p.before.Sum()
	c.Value, c.Exact = short(n, 1_000_000), whole(n)+", before "+whole(before)
	text, sense := change(float64(n), float64(before), false)
	c.Change, c.Sense = text, map[string]string{"up": "good", "down": "bad", "flat": "flat"}[sense]
}

// rate shows bounces as a share of sessions: fewer is better.
func (c *cell) rate(bounces, sessions *pair) {
	if c.Problem = problem(cmp.Or(bounces.err, sessions.err)); c.Problem != "" {
		return
	}
	c.Value = "–"
	if sessions.now.Sum() == 0 {
		return
	}
	now := share(bounces.now.Sum(), sessions.now.Sum())
	c.Value, c.Exact = percent(now), whole(bounces.now.Sum())+" of "+whole(sessions.now.Sum())+" sessions had one page view"
	if sessions.before.Sum() == 0 {
		return
	}
	text, sense := change(now, share(bounces.before.Sum(), sessions.before.Sum()), true)
	c.Change, c.Sense = text, map[string]string{"up": "bad", "down": "good", "flat": "flat"}[sense]
}

// share is 100 n / of, and 0 of nothing.
func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}
