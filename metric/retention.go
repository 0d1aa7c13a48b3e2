package metric

import (
	"slices"
	"sort"
	"time"

	"footfall/period"
)

// RetentionSteps are what cohorts may be made by.
var RetentionSteps = []period.Step{period.Day, period.Week, period.Month}

// MaxCohorts is the most steps that a Retention may have.
const MaxCohorts = 120

// Retention is the question how many of those who were first seen in a step came
// back in each of the steps behind it: of visitors with a lasting id, as the daily id
// of an anonymous visitor can't come back. Its zero values mean: every visitor,
// anything seen, in UTC, people only.
type Retention struct {
	Site string // id of the site
	// Window is widened to whole steps, so that the figures of a cohort do not
	// depend on it.
	Window period.Window
	Step   period.Step // one of RetentionSteps
	Zone   *time.Location
	// Where is who is in a cohort: a condition on the visitor's first event; of
	// several in its millisecond, one is enough. A segment is the visitor's, by
	// whatever id some event of the window has.
	Where *Where
	// Return is what coming back is: some event of the visitor in the step that
	// meets it; nil is a page view. It holds no Done and no segment.
	Return *Where
	Bots   bool // count bots too

	Goals   []Goal   // of the site, as of a Report
	Members []Member // as of a Report
}

// Report is the question's conditions, over its whole steps, as a report's: whoever
// looks up goals and segments for one does so for the other.
func (r Retention) Report() Report {
	var all Where
	for _, w := range []*Where{r.Where, r.Return} {
		if w != nil {
			all.All = append(all.All, *w)
		}
	}
	of := Report{Site: r.Site, Metrics: []Name{Events}, Window: r.Whole(), Zone: r.Zone, Bots: r.Bots, Goals: r.Goals, Members: r.Members}
	if len(all.All) > 0 {
		of.Where = &all
	}
	return of
}

// Cohorts answers a Retention.
type Cohorts struct {
	Rows []Cohort // of each step that has begun, by time; a door gets them from the first that has somebody
	// Known and LeftOut are the visitors of the (widened) window, whatever Where:
	// those with a lasting id, and those without, of whom nothing else here tells.
	// Together they are Visitors.
	Known, LeftOut int64
	// Since is from when on events are kept, if not for ever: who was last seen
	// before is new again.
	Since  time.Time
	Source string
	AsOf   time.Time // everything received before this is counted
}

// Cohort is the visitors who were first seen in a step: of all events that the store
// has, within the window or not.
type Cohort struct {
	Start    time.Time
	Partial  bool // the step is not over yet
	Size     int64
	Returned []Comeback // the steps behind it that have begun, up to the end of the window
}

// Comeback is who of a cohort came back in a step.
type Comeback struct {
	Start    time.Time
	Partial  bool // the step is not over yet
	Visitors int64
}

// Share is how much of a number another is, in thousandths of a per cent: of a cohort
// who came back, of views what went on to a page.
var Share = Ratio{Times: 100 * 1000}

// Check reports what is wrong with the question as a QueryError, which names the
// field and what would be right, or nil.
func (r Retention) Check() error {
	if !slices.Contains(RetentionSteps, r.Step) {
		return wrong("step: unknown step %q: use one of %s", r.Step, joined(RetentionSteps))
	}
	if err := checkVisits(r.Site, r.Window, r.Zone, r.Where); err != nil {
		return err
	}
	// Counting is cheap, and cutting all time is not.
	if r.Step.Count(r.Window, r.Zone) > 2*MaxCohorts || len(r.Step.Cut(r.Window, r.Zone)) > MaxCohorts {
		return wrong("step: the window has more than %d: take a longer step or a shorter window", MaxCohorts)
	}
	if r.Return == nil {
		return nil
	}
	if len(r.Return.Visitors()) > 0 || slices.Contains(r.Return.Dimensions(), Segment) {
		return wrong("returning: coming back is something that happens, so it can't be what a visitor has or has not done, or is in: leave that out, or put it into filters")
	}
	return checkAsked("returning", r.Window, r.Return)
}

// checkVisits reports what is wrong with what questions about single visits have in
// common.
func checkVisits(site string, w period.Window, zone *time.Location, where *Where) error {
	if site == "" {
		return wrong("site: which one? name one")
	}
	if !w.From.Before(w.To) {
		return wrong("window: it ends before it begins: from %s to %s", w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
	}
	if where == nil {
		return nil
	}
	if slices.Contains(where.Dimensions(), OfGoal) {
		return wrong("filters: a condition on goals is one on visitors here: put it into has_done or has_not_done")
	}
	return checkAsked("filters", w, where)
}

// ofEvent are the dimensions that events, and the site's goals and segments, tell.
var ofEvent = slices.DeleteFunc(slices.Clone(Dimensions), func(d Dimension) bool { return slices.Contains(Programs, d) })

// checkAsked reports what is wrong with a condition on events that stands in a field.
func checkAsked(field string, w period.Window, where *Where) error {
	if err := new(conditions).check(where, field, 1, false); err != nil {
		return err
	}
	of := Report{Window: w, Where: where}
	if err := of.checkClock(); err != nil {
		return err
	}
	all := of.Dimensions()
	for _, done := range append(where.Visitors(), where) {
		asked := done.Dimensions()
		if slices.Contains(asked, OfGoal) && (slices.Contains(asked, "product") || slices.Contains(asked, "category")) {
			return wrong("%s: a condition is on goals or on products, not on both: an event reaches a goal, a line of it has a product", field)
		}
		all = append(all, asked...)
	}
	for _, d := range all {
		if _, ok := d.Property(); !ok && !slices.Contains(ofEvent, d) {
			return wrong("%s: events don't tell %q: use one of %s, %sNAME", field, d, joined(ofEvent), propertyPrefix)
		}
	}
	return nil
}

// Whole is the window, widened to whole steps.
func (r Retention) Whole() period.Window { return r.Step.Whole(r.Window, r.Zone) }

// Rows are the cohorts of the window that have begun, without anybody in them: a store
// fills in the sizes, and who came back in which step behind the cohort's.
func (r Retention) Rows(now time.Time) []Cohort {
	starts := r.Step.Cut(r.Window, r.Zone)
	starts = starts[:sort.Search(len(starts), func(i int) bool { return starts[i].After(now) })]
	end := r.Whole().To
	partial := func(i int) bool { return i == len(starts)-1 && r.next(starts[i], end).After(now) }
	rows := make([]Cohort, len(starts))
	for i, at := range starts {
		rows[i] = Cohort{Start: at, Partial: partial(i), Returned: []Comeback{}}
		for n := i + 1; n < len(starts); n++ {
			rows[i].Returned = append(rows[i].Returned, Comeback{Start: starts[n], Partial: partial(n)})
		}
	}
	return rows
}

// next is the start of the step behind the one that starts at t; end is that of all.
func (r Retention) next(t, end time.Time) time.Time {
	if starts := r.Step.Cut(period.Window{From: t, To: end}, r.Zone); len(starts) > 1 {
		return starts[1]
	}
	return end
}

// Average is who came back in the n-th step (from 1) behind the own one, of the
// cohorts for which it is over: of how many, and how many. Rates of cohorts are never
// averaged themselves, as one of three would weigh as much as one of thousands.
func (c Cohorts) Average(n int) (visitors, of int64) {
	for _, row := range c.Rows {
		if n <= len(row.Returned) && !row.Returned[n-1].Partial {
			visitors, of = visitors+row.Returned[n-1].Visitors, of+row.Size
		}
	}
	return visitors, of
}
