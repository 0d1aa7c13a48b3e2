package reprocess

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"footfall/enrich"
	"footfall/event"
	"footfall/metric"
)

// Bots is the figure of page views by bots, which no metric has.
const Bots = "Bots"

// Difference is a figure of a date that changes.
type Difference struct {
	Metric string           `json:"metric"` // PageViews, Visitors, Sessions, or Bots: page views by them
	By     metric.Dimension `json:"by,omitempty"`
	Series string           `json:"series,omitempty"` // "" with By is none
	Was    int64            `json:"was"`
	Now    int64            `json:"now"`
}

// series is what a figure is of.
type series struct {
	metric string
	by     metric.Dimension
	name   string
}

// tally counts a date as figures do: people's page views, their visitors, and their
// sessions, which are of the date that they begin on.
type tally struct {
	figures  map[series]int64
	visitors map[uint64]struct{}
	last     map[uint64]int64 // by visitor: the last page view, in Unix milliseconds
}

func newTally() *tally {
	return &tally{map[series]int64{}, map[uint64]struct{}{}, map[uint64]int64{}}
}

// lead takes an event from before: its session may go on.
func (t *tally) lead(e *event.Event) {
	if e.View() && e.Bot == "" && e.Visitor != 0 {
		t.last[e.Visitor] = e.Time.UnixMilli()
	}
}

func (t *tally) add(e *event.Event) {
	if !e.View() {
		return
	}
	if e.Bot != "" {
		t.figures[series{metric: Bots}]++
		return
	}
	t.figures[series{metric: string(metric.PageViews)}]++
	t.figures[series{string(metric.PageViews), "class", e.Class}]++
	t.figures[series{string(metric.PageViews), "source", e.Source}]++
	if e.Visitor == 0 {
		return
	}
	t.visitors[e.Visitor] = struct{}{}
	at := e.Time.UnixMilli()
	if last, ok := t.last[e.Visitor]; !ok || at-last > enrich.Gap.Milliseconds() {
		t.figures[series{metric: string(metric.Sessions)}]++
	}
	t.last[e.Visitor] = at
}

// next begins the date that begins at a time.
func (t *tally) next(at time.Time) {
	clear(t.figures)
	clear(t.visitors)
	over := at.UnixMilli() - enrich.Gap.Milliseconds()
	maps.DeleteFunc(t.last, func(_ uint64, last int64) bool { return last < over })
}

// differences lists the figures in which two counts of a date differ: whole ones
// first, then those of series, where the largest change is the first.
func differences(was, now *tally) (all []Difference) {
	for _, t := range []*tally{was, now} {
		t.figures[series{metric: string(metric.Visitors)}] = int64(len(t.visitors))
	}
	known := maps.Clone(was.figures)
	maps.Copy(known, now.figures)
	for s := range known {
		if d := (Difference{s.metric, s.by, s.name, was.figures[s], now.figures[s]}); d.Was != d.Now {
			all = append(all, d)
		}
	}
	order := []string{string(metric.PageViews), string(metric.Visitors), string(metric.Sessions), Bots}
	size := func(d Difference) int64 { return max(d.Was-d.Now, d.Now-d.Was) }
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(slices.Index(order, a.Metric), slices.Index(order, b.Metric)),
			cmp.Compare(size(b), size(a)), cmp.Compare(a.Series, b.Series))
	})
	return all
}
