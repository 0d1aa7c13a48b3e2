package metric

import (
	"cmp"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"footfall/event"
	"footfall/period"
)

// The bounds of a report.
const (
	MaxMetrics    = 20
	MaxBy         = 6
	MaxOrder      = 8
	MaxRows       = 10_000 // of a Limit
	MaxOffset     = 10_000_000
	MaxDepth      = 8             // of conditions in conditions
	MaxConditions = 50            // of all depths
	MaxValues     = 500           // of all conditions
	MaxValue      = event.MaxText // bytes of one
	MaxPattern    = 500
	MaxProgram    = 2_000 // instructions of a compiled regular expression
	MaxProperty   = 200   // bytes of a property's name, and of an experiment's
	MaxMembers    = 200_000
	MaxClock      = 100 // years of a window in which weekdays and hours of the day are told
)

// Check reports what is wrong with the report as a QueryError, which names the
// field and what would be right, or nil.
func (r Report) Check() error {
	if r.Site == "" {
		return wrong("site: which one? name one")
	}
	if err := r.checkTime(); err != nil {
		return err
	}
	if err := r.checkNames(); err != nil {
		return err
	}
	if r.Where != nil {
		if err := r.Where.Check(); err != nil {
			return err
		}
	}
	if err := cmp.Or(r.checkClock(), r.checkMembers(), r.checkArms()); err != nil {
		return err
	}
	for _, m := range r.Metrics {
		if err := r.checkMetric(m); err != nil {
			return err
		}
	}
	return r.checkRows()
}

// checkClock bounds how often a clock is changed that must be read: every change in
// the window is looked at for every event.
func (r Report) checkClock() error {
	asked := r.Dimensions()
	for _, done := range r.Where.Visitors() {
		asked = append(asked, done.Dimensions()...)
	}
	for _, w := range []period.Window{r.Window, r.Compare} {
		if w.To.Sub(w.From) <= MaxClock*366*24*time.Hour {
			continue
		}
		for _, d := range []Dimension{Weekday, HourOfDay} {
			if slices.Contains(asked, d) {
				return wrong("window: %s is told of at most %d years: take a shorter window", d, MaxClock)
			}
		}
	}
	return nil
}

// checkTime reports what is wrong with windows and steps.
func (r Report) checkTime() error {
	if !r.Step.Valid() {
		return wrong("step: unknown step %q: use one of %s", r.Step, joined(period.Steps))
	}
	for i, w := range []period.Window{r.Window, r.Compare} {
		field := []string{"window", "compare"}[i]
		if i > 0 && w == (period.Window{}) {
			continue
		}
		if !w.From.Before(w.To) {
			return wrong("%s: it ends before it begins: from %s to %s", field, w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
		}
		if n := r.Step.Count(w, r.Zone); n > MaxPoints {
			return wrong("step: %d steps in the %s are more than %d: take a longer step or a shorter window", n, field, MaxPoints)
		}
	}
	return nil
}

// checkMembers bounds what stores are told of segments.
func (r Report) checkMembers() error {
	if n := len(r.Members); n > MaxMembers {
		return wrong("segment: the segments have more than %d memberships, which can't be told apart at once: name some of them in a filter (is)", MaxMembers)
	}
	return nil
}

// checkNames reports unknown metrics and dimensions, ones named twice, and too many.
func (r Report) checkNames() error {
	if len(r.Metrics) == 0 || len(r.Metrics) > MaxMetrics {
		return wrong("metrics: name between one and %d, not %d, of %s", MaxMetrics, len(r.Metrics), joined(Names))
	}
	for i, m := range r.Metrics {
		if !slices.Contains(Names, m) {
			return wrong("metrics: unknown metric %q: use some of %s", m, joined(Names))
		}
		if slices.Contains(r.Metrics[:i], m) {
			return wrong("metrics: %s is named twice: name it once", m)
		}
		if r.Step == period.Minute && m.byQuarter() {
			return wrong("step: %s is kept by quarters of an hour: take the step %s or a longer one", m, period.Quarter)
		}
	}
	if len(r.By) > MaxBy {
		return wrong("dimensions: %d are more than %d: name fewer", len(r.By), MaxBy)
	}
	for i, d := range r.By {
		if err := d.check("dimensions"); err != nil {
			return err
		}
		if slices.Contains(r.By[:i], d) {
			return wrong("dimensions: %q is named twice: name it once", d)
		}
	}
	return nil
}

// check reports an unknown dimension in a field.
func (d Dimension) check(field string) error {
	name, ok := d.Property()
	arms, arm := d.Arm()
	switch {
	case arm && (arms == "" || len(arms) > MaxProperty || !plain(arms)):
		return wrong("%s: the id or name of an experiment is a text of 1 to %d bytes", field, MaxProperty)
	case !ok && !arm && !slices.Contains(Dimensions, d):
		return wrong("%s: unknown dimension %q: use one of %s, %sNAME, %sEXPERIMENT", field, d, joined(Dimensions), propertyPrefix, armPrefix)
	case ok && (name == "" || len(name) > MaxProperty || !plain(name)):
		return wrong("%s: the name of a property is a text of 1 to %d bytes", field, MaxProperty)
	}
	return nil
}

// plain reports whether a store can be asked for the text.
func plain(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// checkRows reports what is wrong with the order and the page.
func (r Report) checkRows() error {
	if r.Limit < 0 || r.Limit > MaxRows {
		return wrong("limit: %d rows: ask for 1 to %d", r.Limit, MaxRows)
	}
	if r.Offset < 0 || r.Offset > MaxOffset {
		return wrong("offset: %d rows: leave out 0 to %d", r.Offset, MaxOffset)
	}
	if len(r.Order) > MaxOrder {
		return wrong("order: %d are more than %d: name fewer", len(r.Order), MaxOrder)
	}
	for _, o := range r.Order {
		switch {
		case o.Metric != "" && o.Dimension != "":
			return wrong("order: by %s or by %q? name each by itself", o.Metric, o.Dimension)
		case o.Metric != "" && !slices.Contains(r.Metrics, o.Metric):
			return wrong("order: %q is no metric of this report: order by one of %s", o.Metric, joined(r.Metrics))
		case o.Dimension != "" && !slices.Contains(r.By, o.Dimension):
			return wrong("order: %q is no dimension of this report: order by one of its metrics, %s, its dimensions, %s, or the time", o.Dimension, joined(r.Metrics), joined(r.By))
		}
	}
	return nil
}

// Dimensions lists what the report is split by and filtered on, each once. What a
// visitor must have done is told apart, as it is no condition on what is counted.
func (r Report) Dimensions() []Dimension {
	all := slices.Clone(r.By)
	r.Where.each(func(w *Where) {
		if w.Dimension != "" && !slices.Contains(all, w.Dimension) {
			all = append(all, w.Dimension)
		}
	})
	return all
}

// Dimensions lists what the condition is on, each once.
func (w *Where) Dimensions() []Dimension { return Report{Where: w}.Dimensions() }

// Visitors lists what visitors must have done or not.
func (w *Where) Visitors() (done []*Where) {
	w.each(func(w *Where) {
		if w.Done != nil {
			done = append(done, w.Done)
		}
	})
	return done
}

// each hands over the condition and all in it, without what is in Done.
func (w *Where) each(fn func(*Where)) {
	if w == nil {
		return
	}
	fn(w)
	for _, of := range [][]Where{w.All, w.Any} {
		for i := range of {
			of[i].each(fn)
		}
	}
	w.Not.each(fn)
}

// checkMetric reports a dimension that the metric does not have.
func (r Report) checkMetric(m Name) error {
	asked := r.Dimensions()
	if m.Earned() {
		filters, ok := r.Where.Filters()
		if !ok || len(r.By) > 1 {
			return wrong("metrics: %s is told by at most one dimension and filtered on single values that all hold, none of them negated: ask for it apart", m)
		}
		q := Query{Metric: m, Filters: filters}
		if len(r.By) == 1 {
			q.By = r.By[0]
		}
		return q.checkDimensions()
	}
	if r.Affiliate != nil && slices.Contains(Traded, m) {
		return wrong("metrics: %s is not told of one affiliate: ask for Conversions, Sales or Commissions", m)
	}
	if err := r.checkGoals(m); err != nil {
		return err
	}
	for _, done := range r.Where.Visitors() {
		asked = append(asked, done.Dimensions()...)
	}
	for i, d := range asked {
		switch {
		case slices.Contains(Programs, d):
			return wrong("metrics: %s can't be told by %q: ask for one of %s", m, d, joined(Names[len(OfEvents):]))
		case i < len(r.Dimensions()) && (d == "product" || d == "category") && !slices.Contains(Traded, m):
			return wrong("metrics: %s has no product or category: ask for one of %s", m, joined(Traded))
		}
	}
	return nil
}

// Filters is the condition as filters of a Query, which all hold; false if it is
// more than that.
func (w *Where) Filters() (filters []Filter, ok bool) {
	switch {
	case w == nil:
		return nil, true
	case w.Dimension != "" && w.Op == Is && len(w.Values) == 1:
		return []Filter{{w.Dimension, w.Values[0]}}, true
	case len(w.All) == 0:
		return nil, false
	}
	for i := range w.All {
		more, ok := w.All[i].Filters()
		if !ok {
			return nil, false
		}
		filters = append(filters, more...)
	}
	return filters, true
}

// Check reports what is wrong with the condition as a QueryError, or nil.
func (w *Where) Check() error {
	c := &conditions{}
	return c.check(w, "filters", 1, false)
}

// conditions counts what a condition is made of.
type conditions struct{ conditions, values int }

// check checks the condition that stands in a field.
func (c *conditions) check(w *Where, field string, depth int, done bool) error {
	if c.conditions++; c.conditions > MaxConditions || depth > MaxDepth {
		return wrong("%s: conditions are at most %d, and %d deep", field, MaxConditions, MaxDepth)
	}
	set := 0
	for _, is := range []bool{len(w.All) > 0, len(w.Any) > 0, w.Not != nil, w.Done != nil, w.Dimension != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return wrong("%s: a condition is one of: a dimension, all of some, any of some, not one, what the visitor has done", field)
	}
	for name, of := range map[string][]Where{"all": w.All, "any": w.Any} {
		for i := range of {
			if err := c.check(&of[i], fmt.Sprintf("%s.%s[%d]", field, name, i), depth+1, done); err != nil {
				return err
			}
		}
	}
	switch {
	case w.Not != nil:
		return c.check(w.Not, field+".not", depth+1, done)
	case w.Done != nil && done:
		return wrong("%s: what a visitor has done holds no other such condition: join them by all or any", field)
	case w.Done != nil:
		return c.check(w.Done, field+".done", depth+1, true)
	case w.Dimension != "":
		return c.compares(w, field)
	}
	return nil
}

// compares checks a condition on a dimension.
func (c *conditions) compares(w *Where, field string) error {
	if err := w.Dimension.check(field); err != nil {
		return err
	}
	if !slices.Contains(Ops, w.Op) {
		return wrong("%s: unknown comparison %q: use one of %s", field, w.Op, joined(Ops))
	}
	if c.values += len(w.Values); len(w.Values) == 0 || c.values > MaxValues {
		return wrong("%s: name between one and %d values, of all conditions together", field, MaxValues)
	}
	for _, value := range w.Values {
		if len(value) > MaxValue || !plain(value) {
			return wrong("%s: a value is a text of at most %d bytes", field, MaxValue)
		}
		if w.Op == Matches {
			if err := readable(value, field); err != nil {
				return err
			}
		}
	}
	return nil
}

// readable reports what is wrong with a regular expression.
func readable(pattern, field string) error {
	if len(pattern) > MaxPattern {
		return wrong("%s: a regular expression has at most %d bytes", field, MaxPattern)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return wrong("%s: the regular expression can't be read (RE2 syntax): %v", field, err)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return wrong("%s: the regular expression can't be read (RE2 syntax): %v", field, err)
	}
	if program, err := syntax.Compile(tree.Simplify()); err != nil || len(program.Inst) > MaxProgram {
		return wrong("%s: the regular expression repeats too much: make it simpler", field)
	}
	return nil
}

// PeriodBefore is the window just before the report's: as many whole days of the
// zone if it has whole days, else as long.
func (r Report) PeriodBefore() period.Window {
	from, to, whole := r.Window.Dates(orUTC(r.Zone))
	if !whole {
		return period.Window{From: r.Window.From.Add(-r.Window.To.Sub(r.Window.From)), To: r.Window.From}
	}
	before := from - (to - from)
	w := period.Window{From: before.Window(orUTC(r.Zone)).From, To: r.Window.From}
	if !w.From.Before(w.To) { // a date that the zone left out, as Samoa did 30 December 2011
		w.From = (before - 1).Window(orUTC(r.Zone)).From
	}
	return w
}

// YearBefore is the report's window a year earlier by the zone's calendar; 29 February
// stands beside the 28th.
func (r Report) YearBefore() period.Window {
	zone := orUTC(r.Zone)
	_, _, whole := r.Window.Dates(zone)
	earlier := func(t time.Time, end bool) time.Time {
		was := t.In(zone).AddDate(-1, 0, 0)
		if was.Day() != t.In(zone).Day() && !end {
			was = was.AddDate(0, 0, -1)
		}
		return was
	}
	return period.Window{From: earlier(r.Window.From, false), To: earlier(r.Window.To, whole)}
}

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}
