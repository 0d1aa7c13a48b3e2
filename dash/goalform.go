package dash

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
)

// The kinds of what visitors do, as forms name them.
const (
	kindPage  = "page"
	kindEvent = "event"
	kindGoal  = "goal"
)

// conditionRows is how many conditions a form has room for.
const conditionRows = 3

// goalForm is the form that defines a goal, as it is filled in.
type goalForm struct {
	Name, Kind, What      string
	Worth, Value, ValueOf string // Worth is "", "fixed" or "property"
	Conditions            []condition
	Ops                   []string
	Pages, Events         []string // to choose from
	Dimensions            []string
	Edits                 bool // a goal that is there
}

// condition is one on what an event has, as a form names it.
type condition struct {
	Of    string // a dimension, or property:NAME
	Op    string // one of conditionOps
	Value string
}

// conditionOps are the comparisons of forms.
var conditionOps = []string{"is", "is not", "contains", "does not contain"}

// words are the condition as people say it.
func (l tongue) conditionWords(c condition) string {
	of := strings.TrimPrefix(c.Of, "property:")
	return of + " " + l.Say(key(c.Op)) + " " + c.Value
}

// where is the condition as a question has it.
func (c condition) where() metric.Where {
	w := metric.Where{Dimension: metric.Dimension(c.Of), Op: metric.Is, Values: []string{c.Value}}
	if strings.Contains(c.Op, "contain") {
		w.Op = metric.Contains
	}
	if strings.Contains(c.Op, "not") {
		return metric.Where{Not: &w}
	}
	return w
}

// conditionsOf are the conditions of an act, as a form would have them; what no form
// can say is told in words.
func conditionsOf(w *metric.Where) (all []condition) {
	switch {
	case w == nil:
		return nil
	case len(w.All) > 0:
		for i := range w.All {
			all = append(all, conditionsOf(&w.All[i])...)
		}
		return all
	case w.Dimension != "":
		op := string(w.Op)
		return []condition{{string(w.Dimension), op, strings.Join(w.Values, " or ")}}
	case w.Not != nil && w.Not.Dimension != "":
		op := map[metric.Op]string{metric.Is: "is not", metric.Contains: "does not contain", metric.Matches: "does not match"}[w.Not.Op]
		return []condition{{string(w.Not.Dimension), op, strings.Join(w.Not.Values, " or ")}}
	}
	return []condition{{"further conditions", "", ""}}
}

// simple reports whether a form can hold the act's condition.
func simple(w *metric.Where) bool {
	switch {
	case w == nil:
		return true
	case len(w.All) > 0:
		return len(w.All) <= conditionRows && !slices.ContainsFunc(w.All, func(one metric.Where) bool { return len(one.All) > 0 || !simple(&one) })
	case w.Not != nil:
		return w.Not.Dimension != "" && simple(w.Not)
	}
	return len(w.Values) == 1 && (w.Op == metric.Is || w.Op == metric.Contains)
}

// formOf is the form of a goal that is there.
func formOf(g metric.Goal) goalForm {
	f := goalForm{Name: g.Name, Kind: kindPage, What: g.Page, Conditions: conditionsOf(g.Where), Edits: true}
	if g.Page == "" {
		f.Kind, f.What = kindEvent, g.Event
	}
	switch {
	case g.Value != 0:
		f.Worth, f.Value = "fixed", metric.GoalValue.Spell(g.Value)
	case g.ValueOf != "":
		f.Worth, f.ValueOf = "property", g.ValueOf
	}
	return f
}

// readGoalForm reads what was typed.
func readGoalForm(v url.Values) goalForm {
	f := goalForm{Name: strings.TrimSpace(v.Get("name")), Kind: v.Get("kind"), What: strings.TrimSpace(v.Get("what")),
		Worth: v.Get("worth"), Value: strings.TrimSpace(v.Get("value")), ValueOf: strings.TrimSpace(v.Get("value_property"))}
	f.Conditions = readConditions(v)
	return f
}

// Typed reports whether somebody has typed some of it: also a value of nothing, which is
// told, as without the condition it would be of more events.
func (c condition) Typed() bool { return c.Of+c.Value != "" }

// errUnnamed is what is wrong with a condition of a value alone.
var errUnnamed = event.Invalid("condition", "has a value, and no property: name the one that has this value, or leave both empty")

// checkNamed reports a condition of a value alone.
func checkNamed(all []condition) error {
	if slices.ContainsFunc(all, func(c condition) bool { return c.Of == "" }) {
		return errUnnamed
	}
	return nil
}

// readConditions reads those that were typed.
func readConditions(v url.Values) (all []condition) {
	for i, of := range v["of"] {
		if i < conditionRows && i < len(v["op"]) && i < len(v["is"]) {
			if c := (condition{strings.TrimSpace(of), v["op"][i], strings.TrimSpace(v["is"][i])}); c.Typed() {
				all = append(all, c)
			}
		}
	}
	return all
}

// whereAll is some conditions as a question has them, which all hold: on some
// dimensions, else on a property of that name; nil of none.
func whereAll(conditions []condition, dimensions []metric.Dimension) *metric.Where {
	var all []metric.Where
	for _, c := range conditions {
		if !slices.Contains(dimensions, metric.Dimension(c.Of)) && !strings.HasPrefix(c.Of, "property:") {
			c.Of = "property:" + c.Of
		}
		all = append(all, c.where())
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return &all[0]
	}
	return &metric.Where{All: all}
}

// goal is what was typed, as a goal of a site with a currency.
func (f goalForm) goal(currency string) (g metric.Goal, err error) {
	g = metric.Goal{Name: f.Name, Act: f.act()}
	switch f.Worth {
	case "fixed":
		minor, err := money.Parse(dotted(f.Value), currency)
		if err != nil || minor < 0 {
			return g, event.Invalid("value", "is an amount such as 2.50")
		}
		g.Value = money.Thousandths(minor, currency)
	case "property":
		if g.ValueOf = f.ValueOf; g.ValueOf == "" {
			return g, event.Invalid("property", "has a name, such as revenue")
		}
	}
	if err = checkNamed(f.Conditions); err == nil {
		err = g.Check()
	}
	return g, err
}

// dotted is an amount with the decimal comma of many languages, such as 2,50, as money
// reads it. Before three digits a comma may also part thousands: that is left to be told.
func dotted(amount string) string {
	units, decimals, ok := strings.Cut(amount, ",")
	if !ok || len(decimals) > 2 || strings.Contains(units, ".") {
		return amount
	}
	return units + "." + decimals
}

// act is what visitors do.
func (f goalForm) act() metric.Act {
	a := metric.Act{Page: f.What}
	if f.Kind == kindEvent {
		a = metric.Act{Event: f.What}
	}
	a.Where = whereAll(f.Conditions, metric.ActDimensions)
	return a
}

// offer gives the form what to choose from, and room.
func (f *goalForm) offer(ctx context.Context, d *Door, s state, x span) {
	f.Ops = conditionOps
	f.Pages, _ = d.suggest(ctx, s, x, "page") // nothing is offered then
	f.Events, _ = d.suggest(ctx, s, x, "event")
	for len(f.Conditions) < conditionRows {
		f.Conditions = append(f.Conditions, condition{Op: conditionOps[0]})
	}
	for _, by := range metric.ActDimensions {
		f.Dimensions = append(f.Dimensions, string(by))
	}
}

// putGoal defines a goal, or tells what it would have counted.
func (d *Door) putGoal(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/goals")
	if !ok {
		return
	}
	f := readGoalForm(r.PostForm)
	if f.Kind != kindEvent {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		f.What = d.typedPath(ctx, s)(f.What)
	}
	g, err := f.goal(s.site.Currency)
	if err == nil && r.PostForm.Get("do") == "test" {
		d.testGoal(w, r, in, s, sites, f, g)
		return
	}
	if err == nil {
		err = d.Goals.PutGoal(r.Context(), s.site.ID, g)
	}
	note := account.Change{What: "goal set", Target: s.site.ID + " " + g.Name, New: strings.TrimSuffix(tongue{}.whatIs(g.Act)+", "+tongue{}.worth(g, s.site.Currency), ", ")}
	d.went(w, r, in, s, "goal", note, err, func(s2 said) {
		d.showGoals(w, r, in, s, sites, goalsView{said: s2, Form: f})
	})
}

// testGoal tells what a goal would have counted.
func (d *Door) testGoal(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site, f goalForm, g metric.Goal) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	x := d.span(ctx, s)
	v := goalsView{Form: f}
	table, err := d.ofGoals(ctx, s, x, []metric.Goal{g})
	if v.said.Problem = d.fault(ctx, s, "test of a goal", err); err == nil {
		row := s.goalRow(g, table, true)
		v.Tested = &row
	}
	d.showGoals(w, r, in, s, sites, v)
}

// removeGoal removes one.
func (d *Door) removeGoal(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/goals")
	if !ok {
		return
	}
	name := r.PathValue("name")
	d.went(w, r, in, s, "goal-removed", account.Change{What: "goal remove", Target: s.site.ID + " " + name}, d.Goals.RemoveGoal(r.Context(), s.site.ID, name), func(s2 said) {
		d.showGoals(w, r, in, s, sites, goalsView{said: s2})
	})
}

// suggest lists the pages, or names of events, that there were most of in the period,
// the first one first.
func (d *Door) suggest(ctx context.Context, s state, x span, by metric.Dimension) (most []string, err error) {
	s.filters = nil
	counts := metric.PageViews
	if by == "event" {
		counts = metric.Events
	}
	q := s.query(counts, x.window, x.zone)
	q.By, q.Step, q.Limit = by, period.Total, 50
	set, err := d.ask(ctx, q)
	for _, p := range set.Points {
		if p.Series != "" && p.Value > 0 {
			most = append(most, p.Series)
		}
	}
	return most, err
}
