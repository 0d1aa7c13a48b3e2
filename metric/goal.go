package metric

import (
	"cmp"
	"slices"
	"strings"

	"footfall/event"
)

// OfGoal is the dimension of the goals that an event reaches, by their names. An
// event counts for every goal that it reaches, and one that reaches none is in no
// figure by goals.
const OfGoal Dimension = "goal"

// The bounds of goals.
const (
	MaxGoals     = 100 // of a site
	MaxGoalName  = 100 // bytes; also of a funnel's
	MaxActFilter = 10  // conditions of an Act
	MaxGoalValue = 1_000_000_000 * event.Thousandths
)

// Act is something that a visitor does: to view a page, or to send an event. One of
// Page and Event is set.
type Act struct {
	Page  string // path of a page or screen view; * in it stands for any characters, also none
	Event string // name of a track event
	// Where is what else holds of it; nil is nothing else. It is on what an event has
	// by itself (ActDimensions and properties), so that it holds whatever the question.
	Where *Where
}

// Goal is something that visitors of a site should do. Each time one does is a
// completion.
type Goal struct {
	Name string
	Act
	Value   int64  // of each completion, in thousandths of the site's currency
	ValueOf string // or the name of the event's property that is the amount; "" is none
}

// ActDimensions lists what an Act's condition may be on, beside properties.
var ActDimensions = slices.DeleteFunc(slices.Clone(Dimensions), func(d Dimension) bool {
	return d == "product" || d == "category" || slices.Contains(Programs, d) || slices.Contains(workedOut, d)
})

// Check reports what is wrong with the goal as a QueryError, which names the field, or
// nil.
func (g Goal) Check() error {
	if err := checkName("goal", g.Name); err != nil {
		return err
	}
	if err := g.Act.Check(""); err != nil {
		return err
	}
	switch {
	case g.Value != 0 && g.ValueOf != "":
		return wrong("value: a goal has a value of its own or that of a property, not both")
	case g.Value < 0 || g.Value > MaxGoalValue:
		return wrong("value: %s is no amount from 0 to a billion", GoalValue.Spell(g.Value))
	case g.ValueOf != "":
		return Property(g.ValueOf).check("value")
	}
	return nil
}

// checkName reports what is wrong with the name of a goal or funnel, which is a part of
// addresses: dots alone are a way up to a browser, and a slash alone is no part to
// http.ServeMux, also where they are escaped.
func checkName(what, name string) error {
	if name == "." || name == ".." || name == "/" {
		return wrong("name: a %s has a name that can stand in an address, not %q", what, name)
	}
	if len(name) == 0 || len(name) > MaxGoalName || !plain(name) || strings.TrimSpace(name) != name {
		return wrong("name: a %s has a name of 1 to %d bytes, without spaces around it", what, MaxGoalName)
	}
	return nil
}

// Check reports what is wrong with the act that stands in a field (steps[1]; "" is the
// whole) as a QueryError.
func (a Act) Check(field string) error {
	if field != "" {
		field += "."
	}
	name, text := field+"page", a.Page
	if a.Page == "" {
		name, text = field+"event", a.Event
	}
	switch {
	case (a.Page == "") == (a.Event == ""):
		return wrong("%s: name one, the path of a page (/thanks, /blog/*) or the name of an event", field+"page")
	case len(text) > MaxValue || !plain(text):
		return wrong("%s: it is a text of at most %d bytes", name, MaxValue)
	case a.Where == nil:
		return nil
	}
	field += "filters"
	c := &conditions{}
	if err := c.check(a.Where, field, 1, false); err != nil {
		return err
	}
	if c.conditions > MaxActFilter || len(a.Where.Visitors()) > 0 {
		return wrong("%s: at most %d conditions, on the event itself: none of them on what the visitor has done", field, MaxActFilter)
	}
	for _, d := range a.Where.Dimensions() {
		if _, ok := d.Property(); !ok && !slices.Contains(ActDimensions, d) {
			return wrong("%s: a goal or step can't depend on %q: use one of %s, %sNAME", field, d, joined(ActDimensions), propertyPrefix)
		}
	}
	return nil
}

// WithGoals gives the report the site's goals, if it asks for any: a goal that it names
// and that is not there is a QueryError.
func (r Report) WithGoals(all []Goal) (Report, error) {
	r.Goals = nil
	if !r.AsksGoals() {
		return r, nil
	}
	r.Goals = all
	return r, r.Where.knows(all)
}

// knows reports a goal that a condition names and that is not there.
func (w *Where) knows(all []Goal) error {
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.Name
	}
	var unknown error
	named := func(w *Where) {
		if w.Dimension != OfGoal || w.Op != Is {
			return
		}
		for _, value := range w.Values {
			if !slices.Contains(names, value) && unknown == nil {
				unknown = gone("filters: there is no goal %q: add it (footfall goal add), or use one of those there are: %s", value, cmp.Or(joined(names), "none"))
			}
		}
	}
	w.each(named)
	for _, done := range w.Visitors() {
		done.each(named)
	}
	return unknown
}

// AsksGoals reports whether the report is about goals, in any way.
func (r Report) AsksGoals() bool {
	asked := r.Dimensions()
	for _, done := range r.Where.Visitors() {
		asked = append(asked, done.Dimensions()...)
	}
	return slices.Contains(asked, OfGoal) || slices.ContainsFunc(r.Parts(), func(m Name) bool { return slices.Contains(OfGoals, m) })
}

// ByGoal reports whether what is counted are completions: the report is split by goals
// or filtered on them. Visitors are then those who reached them, by whatever event.
func (r Report) ByGoal() bool { return slices.Contains(r.Dimensions(), OfGoal) }

// toldByGoal are the metrics that can be split by goals and filtered on them: those
// counted of events one by one.
var toldByGoal = slices.Concat([]Name{Events, PageViews, Visitors, Downloads}, Traded, OfGoals)

// checkGoals reports a metric or dimension that does not go with goals.
func (r Report) checkGoals(m Name) error {
	asked := r.Dimensions()
	ofLines := func(all []Dimension) bool { return slices.Contains(all, "product") || slices.Contains(all, "category") }
	for _, done := range r.Where.Visitors() {
		if with := done.Dimensions(); slices.Contains(with, OfGoal) && ofLines(with) {
			return wrong("filters: a condition is on goals or on products, not on both: an event reaches a goal, a line of it has a product")
		}
	}
	if slices.Contains(asked, OfGoal) {
		if !slices.Contains(toldByGoal, m) {
			return wrong(`metrics: %s can't be told by goal, as no single event reaches one by it: ask for one of %s, or filter on visitors who reached it (has_done)`, m, joined(toldByGoal))
		}
		if ofLines(asked) {
			return wrong("dimensions: figures are told by goals or by products, not by both")
		}
	}
	if m == GoalAudience || m == GoalRate {
		if _, _, ok := r.Where.apart(OfGoal); !ok {
			return wrong("filters: %s needs conditions on goals to stand by themselves, among those that all hold", m)
		}
	}
	return nil
}

// Apart is the report's condition in two: of those that all hold the ones on the
// dimension, and the others; nil is none. Check has said whether it can be.
func (r Report) Apart(d Dimension) (on, others *Where) {
	on, others, _ = r.Where.apart(d)
	return on, others
}

func (w *Where) apart(d Dimension) (on, others *Where, ok bool) {
	of := w.Dimensions()
	switch {
	case !slices.Contains(of, d):
		return nil, w, true
	case len(of) == 1 && len(w.Visitors()) == 0:
		return w, nil, true
	case len(w.All) == 0:
		return nil, nil, false
	}
	a, b := &Where{}, &Where{}
	for i := range w.All {
		x, y, ok := w.All[i].apart(d)
		if !ok {
			return nil, nil, false
		}
		if x != nil {
			a.All = append(a.All, *x)
		}
		if y != nil {
			b.All = append(b.All, *y)
		}
	}
	if len(b.All) == 0 {
		b = nil
	}
	return a, b, true
}
