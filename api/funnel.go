package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"footfall/account"
	"footfall/metric"
)

// Funnels answers funnels.
type Funnels interface {
	Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error)
}

// FunnelSource is what a funnel is made of: who counts, who knows when a site's figures
// begin, and its goals.
type FunnelSource struct {
	Funnels
	Reports Reports
	Goals   Goals
}

// funnel is POST /v1/funnel.
func (d *door) funnel(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	out, err := AskFunnel(r.Context(), FunnelSource{d.Funnels, d.Reports, d.Goals}, body, sites, d.Now())
	d.tell(w, out, err)
}

// FunnelTable is how the answer to a funnel is spelled. The names are those of
// Plausible's funnels.
type FunnelTable struct {
	Results []FunnelStep `json:"results"`
	Meta    FunnelMeta   `json:"meta"`
	Query   AskedFunnel  `json:"query"`
}

// FunnelStep is what became of visitors at a step. Rates are in per cent, to a
// thousandth; null is a rate of nobody.
type FunnelStep struct {
	Name     string       `json:"name"`
	Visitors int64        `json:"visitors"`             // who did it, after all before it
	Rate     *json.Number `json:"conversion_rate"`      // of the visitors of the first step
	StepRate *json.Number `json:"conversion_rate_step"` // of those of the step before; null at the first
	Dropoff  int64        `json:"dropoff"`              // who did the step before and not this one
	DropRate *json.Number `json:"dropoff_percentage"`   // of the visitors of the step before: what StepRate lacks of all
}

// FunnelMeta tells how the figures came about.
type FunnelMeta struct {
	Source string `json:"source"`
	AsOf   string `json:"as_of"` // RFC 3339
}

// AskedFunnel is a funnel as it was understood, in the form in which it is asked.
type AskedFunnel struct {
	Site    string      `json:"site_id"`
	Steps   []AskedStep `json:"steps"`
	Range   [2]string   `json:"date_range"`
	Within  string      `json:"within,omitempty"`
	Filters []any       `json:"filters"`
	Zone    string      `json:"timezone"`
	Bots    bool        `json:"bots"`
}

// AskedStep is a step, by its goal or by what is done.
type AskedStep struct {
	Name string `json:"name,omitempty"`
	Goal string `json:"goal,omitempty"`
	Act
}

// Fields of a funnel and of a step.
var (
	funnelFields = []string{"site_id", "steps", "date_range", "within", "filters", "timezone", "bots"}
	stepFields   = append([]string{"goal", "name"}, actFields...)
)

// funnelQuestion is one to POST /v1/funnel, understood.
type funnelQuestion struct {
	question
	funnel metric.Funnel
	steps  []AskedStep
	within string
}

// AskFunnel reads a funnel in the form of POST /v1/funnel, asks it and spells the
// answer, as AskReport does.
func AskFunnel(ctx context.Context, from FunnelSource, body []byte, sites []account.Site, now time.Time) (t FunnelTable, err error) {
	q, err := readFunnel(ctx, from.Goals, body, sites, now)
	if err != nil {
		return t, err
	}
	if q.all {
		if err := q.begin(ctx, from.Reports, now); err != nil {
			return t, err
		}
	}
	r, f := q.report, &q.funnel
	f.Site, f.Window, f.Zone, f.Where, f.Bots = r.Site, r.Window, r.Zone, r.Where, r.Bots
	if err := f.Check(); err != nil {
		return t, err
	}
	if _, err := f.Report().WithGoals(f.Goals); err != nil {
		return t, err
	}
	p, err := from.Funnel(ctx, q.funnel)
	if err != nil {
		return t, err
	}
	return q.spell(p), nil
}

// readFunnel reads a funnel; its errors name the field by its path.
func readFunnel(ctx context.Context, goals Goals, body []byte, sites []account.Site, now time.Time) (q *funnelQuestion, err error) {
	in := readStrictly(body, &err, funnelFields...)
	if err != nil {
		return nil, err
	}
	q = &funnelQuestion{question: question{timeAt: -1}}
	if q.site, err = siteOf(in["site_id"], sites); err != nil {
		return nil, err
	}
	r := &q.report
	// What a site's first day is, is told by its page views, if the window is all time.
	r.Site, r.Currency, r.Metrics = q.site.ID, q.site.Currency, []metric.Name{metric.PageViews}
	zone, fault := zoneOf(textOr(in["timezone"], ""), q.site)
	in["timezone"].refuse(fault)
	if r.Zone = zone; err != nil {
		return nil, err
	}
	known, fault := goals.Goals(ctx, r.Site)
	if fault != nil {
		return nil, fault
	}
	q.funnel.Goals, r.Bots = known, in["bots"].flag()
	q.readSteps(in["steps"])
	q.readRange(in["date_range"], now)
	q.readWithin(in["within"])
	if in["filters"].there() {
		r.Where = q.together(in["filters"], 1)
	}
	return q, err
}

// readSteps reads what is done, each by itself or as a goal.
func (q *funnelQuestion) readSteps(n node) {
	if !n.there() {
		n.fail(`which steps? name %d to %d, such as [{"page": "/pricing"}, {"goal": "Sign up"}]`, metric.MinSteps, metric.MaxSteps)
		return
	}
	for _, one := range n.list(metric.MaxSteps) {
		in := one.object(stepFields...)
		if *n.first != nil {
			return
		}
		step, act := AskedStep{Name: textOr(in["name"], ""), Goal: textOr(in["goal"], "")}, readAct(in)
		if step.Goal != "" {
			if act != (metric.Act{}) {
				one.fail("is a goal or what is done: leave goal out, or page, event and filters")
			}
			act = q.goal(step.Goal, in["goal"])
		} else {
			step.Act = spellAct(act)
		}
		q.steps, q.funnel.Steps = append(q.steps, step), append(q.funnel.Steps, act)
	}
}

// goal is what a goal of the site is.
func (q *funnelQuestion) goal(name string, n node) metric.Act {
	var names []string
	for _, g := range q.funnel.Goals {
		if g.Name == name {
			return g.Act
		}
		names = append(names, g.Name)
	}
	n.fail("there is no goal %q: use one of %s, or add it (footfall goal add)", name, listed(names))
	return metric.Act{}
}

// someTime is a stretch of time: 30m, 24h, 7d.
var someTime = regexp.MustCompile(`^([1-9][0-9]{0,5})([mhd])$`)

// readWithin reads how long all steps may take.
func (q *funnelQuestion) readWithin(n node) {
	if !n.there() {
		return
	}
	q.within = n.text()
	some := someTime.FindStringSubmatch(q.within)
	if some == nil {
		n.fail("needs a number of minutes, hours or days: 30m, 24h, 7d")
		return
	}
	count, _ := strconv.Atoi(some[1]) // six digits
	q.funnel.Within = time.Duration(count) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[some[2]]
}

// name is what a step is called.
func (s AskedStep) name() string {
	for _, name := range []string{s.Name, s.Goal, s.Page} {
		if name != "" {
			return name
		}
	}
	return s.Event
}

// spell spells the answer.
func (q *funnelQuestion) spell(p metric.Passage) FunnelTable {
	zone := q.report.Zone
	t := FunnelTable{Meta: FunnelMeta{p.Source, p.AsOf.In(zone).Format(time.RFC3339)},
		Query: AskedFunnel{Site: q.report.Site, Steps: q.steps, Range: between(q.report.Window, zone), Within: q.within, Filters: []any{}, Zone: zone.String(), Bots: q.report.Bots}}
	if q.report.Where != nil {
		t.Query.Filters = append(t.Query.Filters, filterOf(*q.report.Where))
	}
	rate := func(n int64, ok bool) *json.Number {
		return number(metric.GoalRate, metric.Point{Value: n, None: !ok})
	}
	for i, visitors := range p.Visitors {
		step := FunnelStep{Name: q.steps[i].name(), Visitors: visitors, Rate: rate(p.Share(0, i))}
		if i > 0 {
			share, ok := p.Share(i-1, i)
			step.StepRate, step.DropRate = rate(share, ok), rate(metric.Whole-share, ok)
			step.Dropoff = p.Visitors[i-1] - visitors
		}
		t.Results = append(t.Results, step)
	}
	return t
}
