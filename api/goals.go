package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"footfall/account"
	"footfall/metric"
)

// Goals keeps the goals of sites. An unknown name is account.ErrNotFound, and what is
// wrong with a goal a *metric.QueryError.
type Goals interface {
	Goals(ctx context.Context, site string) ([]metric.Goal, error) // by name
	PutGoal(ctx context.Context, site string, g metric.Goal) error
	RemoveGoal(ctx context.Context, site, name string) error
}

// Goal is how JSON spells a goal.
type Goal struct {
	Name string `json:"name"`
	Act
	Value         *json.Number `json:"value,omitempty"`          // of each completion; exact, in the site's currency
	ValueProperty string       `json:"value_property,omitempty"` // or the property that has the amount
}

// Act is how JSON spells what a visitor does.
type Act struct {
	Page    string `json:"page,omitempty"`    // path; * is any characters
	Event   string `json:"event,omitempty"`   // name of a track event
	Filters []any  `json:"filters,omitempty"` // what else holds of it, as a question's filters
}

// GoalList is the answer to GET /v1/goals.
type GoalList struct {
	Site     string `json:"site"`
	Currency string `json:"currency"`
	Goals    []Goal `json:"goals"`
}

// noneCalled tells that there is no goal, funnel or note of a name.
type noneCalled struct{ what, name string }

func (e *noneCalled) Error() string {
	return "there is no " + e.what + " " + strconv.Quote(e.name) + "; GET /v1/" + e.what + "s lists them"
}

// Fields of an act and of a goal.
var (
	actFields  = []string{"page", "event", "filters"}
	goalFields = append([]string{"name", "value", "value_property"}, actFields...)
)

// ReadGoal reads a goal as Goal spells it. A name that is given need not stand in it.
func ReadGoal(text []byte, name string) (g metric.Goal, err error) {
	in := readStrictly(text, &err, goalFields...)
	if err != nil {
		return g, err
	}
	g.Name = readName(in["name"], name)
	g.Act, g.ValueOf = readAct(in), textOr(in["value_property"], "")
	if in["value"].there() {
		g.Value = in["value"].amount()
	}
	if err == nil {
		err = g.Check()
	}
	return g, err
}

// readAct reads what visitors do out of the fields of an object.
func readAct(in map[string]node) (a metric.Act) {
	a.Page, a.Event = textOr(in["page"], ""), textOr(in["event"], "")
	if in["filters"].there() {
		a.Where = (&question{}).together(in["filters"], 1)
	}
	return a
}

var decimal = regexp.MustCompile(`^(\d{1,10})(?:\.(\d{1,3}))?$`)

// amount is an amount in thousandths, exactly: a number, or a text that is one.
func (n node) amount() int64 {
	text, ok := n.value.(string)
	if number, is := n.value.(json.Number); is {
		text, ok = number.String(), true
	}
	digits := decimal.FindStringSubmatch(text)
	if !ok || digits == nil {
		n.fail("needs an amount in digits, such as 19.9: up to a billion, of at most three decimals, without an exponent")
		return 0
	}
	all, _ := strconv.ParseInt(digits[1]+(digits[2] + "000")[:3], 10, 64) // at most 13 digits
	return all
}

// SpellGoal spells a goal as ReadGoal reads it.
func SpellGoal(g metric.Goal) Goal {
	out := Goal{Name: g.Name, Act: spellAct(g.Act), ValueProperty: g.ValueOf}
	if g.Value != 0 {
		value := json.Number(metric.GoalValue.Spell(g.Value))
		out.Value = &value
	}
	return out
}

func spellAct(a metric.Act) Act {
	out := Act{Page: a.Page, Event: a.Event}
	if a.Where != nil {
		out.Filters = []any{a.Where.Spell()}
	}
	return out
}

// SpellGoals spells the goals of a site.
func SpellGoals(site account.Site, all []metric.Goal) GoalList {
	list := GoalList{Site: site.ID, Currency: site.Currency, Goals: []Goal{}}
	for _, g := range all {
		list.Goals = append(list.Goals, SpellGoal(g))
	}
	return list
}

// listGoals is GET /v1/goals.
func (d *door) listGoals(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	var all []metric.Goal
	if err == nil {
		all, err = d.Goals.Goals(r.Context(), site.ID)
	}
	d.tell(w, SpellGoals(site, all), err)
}

// putGoal is PUT /v1/goals/{name}.
func (d *door) putGoal(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	site, err := pickSite(r.URL.Query(), sites)
	var g metric.Goal
	if err == nil {
		g, err = ReadGoal(body, r.PathValue("name"))
	}
	var before string
	if err == nil {
		before, err = d.keptGoal(ctx, site.ID, g.Name)
	}
	if err == nil {
		err = d.Goals.PutGoal(ctx, site.ID, g)
	}
	if err == nil {
		d.note(ctx, account.Change{What: "goal set", Target: site.ID + " " + g.Name, Old: before, New: spelledAs(SpellGoal(g))})
	}
	d.tell(w, SpellGoals(site, []metric.Goal{g}), err)
}

// removeGoal is DELETE /v1/goals/{name}.
func (d *door) removeGoal(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	d.remove(w, r, sites, "goal", r.PathValue("name"), d.keptGoal, d.Goals.RemoveGoal)
}

// remove removes what a site keeps under a name or an id; kept spells it for the audit log.
func (d *door) remove(w http.ResponseWriter, r *http.Request, sites []account.Site, what, name string, kept func(ctx context.Context, site, name string) (string, error), remove func(ctx context.Context, site, name string) error) {
	ctx := r.Context()
	site, err := pickSite(r.URL.Query(), sites)
	var before string
	if err == nil {
		before, err = kept(ctx, site.ID, name)
	}
	if err == nil {
		err = remove(ctx, site.ID, name)
	}
	if errors.Is(err, account.ErrNotFound) {
		err = &noneCalled{what, name}
	}
	if err == nil {
		d.note(ctx, account.Change{What: what + " remove", Target: site.ID + " " + name, Old: before})
	}
	d.tell(w, map[string]string{"site": site.ID, "removed": name}, err)
}

// keptGoal spells what is kept under a name, for the audit log; "" is nothing.
func (d *door) keptGoal(ctx context.Context, site, name string) (string, error) {
	all, err := d.Goals.Goals(ctx, site)
	for _, g := range all {
		if g.Name == name {
			return spelledAs(SpellGoal(g)), nil
		}
	}
	return "", err
}

// conversionRate is a name that means two things: in a question about goals theirs, as
// in Plausible's Stats API, else that of affiliates.
const conversionRate = "conversion_rate"

// meant is the metric of a name, in this question.
func (q *question) meant(name string) (metric.Name, error) {
	if name == conversionRate && !q.report.ByGoal() {
		return metric.ConversionRate, nil
	}
	return metricOf(name)
}

// settle says which rates are meant, once it is known what the question is about.
func (q *question) settle(metrics node) {
	if *metrics.first != nil {
		return
	}
	others := slices.ContainsFunc(q.report.By, func(d metric.Dimension) bool { return d != metric.OfGoal })
	for i, one := range metrics.list(metric.MaxMetrics) {
		q.report.Metrics[i], _ = q.meant(one.text()) // which was found before
		if one.value == conversionRate && q.report.ByGoal() && others {
			q.warnings = append(q.warnings, "conversion_rate is told of the visitors of each row, as group_conversion_rate is")
		}
	}
}
