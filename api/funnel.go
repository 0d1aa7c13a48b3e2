package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"footfall/account"
	"footfall/metric"
)

// Funnels answers funnels.
type Funnels interface {
	Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error)
}

// FunnelSource is what a funnel is made of: who counts, who knows when a site's figures
// begin, its goals, and the funnels that it keeps under a name (nil: none).
type FunnelSource struct {
	Funnels
	Reports Reports
	Goals   Goals
	Saved   FunnelBook
}

// funnel is POST /v1/funnel.
func (d *door) funnel(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	out, err := AskFunnel(r.Context(), d.funnels(), body, sites, d.Now())
	d.tell(w, out, err)
}

func (d *door) funnels() FunnelSource {
	return FunnelSource{d.Funnels, d.Reports, d.Goals, d.Saved}
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
	AsOf   string `json:"as_of"`            // RFC 3339
	Funnel string `json:"funnel,omitempty"` // the name by which it was asked

	Experiments []ExperimentTold `json:"experiments,omitempty"` // those by whose arms it is filtered
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
	funnelFields = []string{"site_id", "funnel", "steps", "date_range", "within", "filters", "timezone", "bots"}
	stepFields   = append([]string{"goal", "name"}, actFields...)
)

// funnelQuestion is one to POST /v1/funnel, understood.
type funnelQuestion struct {
	question
	asked metric.SavedFunnel // its name is the one by which it was asked; "" is none
	goals []metric.Goal
}

// AskFunnel reads a funnel in the form of POST /v1/funnel, asks it and spells the
// answer, as AskReport does.
func AskFunnel(ctx context.Context, from FunnelSource, body []byte, sites []account.Site, now time.Time) (t FunnelTable, err error) {
	q, err := readFunnel(ctx, from, body, sites, now)
	if err != nil {
		return t, err
	}
	if q.all {
		if err := q.begin(ctx, from.Reports, now); err != nil {
			return t, err
		}
	}
	f, err := q.asked.Funnel(q.goals)
	if err != nil {
		return t, q.named(err)
	}
	r := q.report
	f.Site, f.Window, f.Zone, f.Where, f.Bots = r.Site, r.Window, r.Zone, r.Where, r.Bots
	if err := f.Check(); err != nil {
		return t, err
	}
	if _, err := f.Report().WithGoals(f.Goals); err != nil {
		return t, err
	}
	p, err := from.Funnel(ctx, f)
	if err != nil {
		return t, err
	}
	return q.spell(p), nil
}

// readFunnel reads a funnel; its errors name the field by its path.
func readFunnel(ctx context.Context, from FunnelSource, body []byte, sites []account.Site, now time.Time) (q *funnelQuestion, err error) {
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
	if q.goals, err = from.Goals.Goals(ctx, r.Site); err != nil {
		return nil, err
	}
	r.Bots = in["bots"].flag()
	if in["funnel"].there() {
		if err := q.saved(ctx, from.Saved, in); err != nil {
			return nil, err
		}
	} else {
		q.asked.Steps, q.asked.Within = readSteps(in["steps"]), readWithin(in["within"])
	}
	q.readRange(in["date_range"], now)
	if in["filters"].there() {
		r.Where = q.together(in["filters"], 1)
	}
	return q, err
}

// saved finds the funnel that is asked for by its name.
func (q *funnelQuestion) saved(ctx context.Context, book FunnelBook, in map[string]node) error {
	n := in["funnel"]
	if name := n.text(); in["steps"].there() || in["within"].there() {
		n.fail("%q has its steps and its time: leave out steps and within", name)
	} else if name == "" {
		n.fail("has no name")
	}
	if *n.first != nil || book == nil {
		return *n.first
	}
	all, err := book.Funnels(ctx, q.report.Site)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, f := range all {
		if f.Name == n.value {
			q.asked = f
			return nil
		}
		names[i] = f.Name
	}
	n.fail("there is no funnel %q: use one of %s, or save it (footfall funnel save)", n.value, cmp.Or(listed(names), "none"))
	return *n.first
}

// named tells in what is wrong with a funnel whose it is, if it was asked by its name:
// goals may have been removed since it was saved.
func (q *funnelQuestion) named(err error) error {
	if q.asked.Name == "" {
		return err
	}
	return wrong("funnel: %q can't be asked any more: %v", q.asked.Name, err)
}

// readSteps reads what is done, each by itself or as a goal.
func readSteps(n node) (steps []metric.Step) {
	if !n.there() {
		n.fail(`which steps? name %d to %d, such as [{"page": "/pricing"}, {"goal": "Sign up"}]`, metric.MinSteps, metric.MaxSteps)
		return nil
	}
	for _, one := range n.list(metric.MaxSteps) {
		in := one.object(stepFields...)
		if *n.first != nil {
			return nil
		}
		steps = append(steps, metric.Step{Name: textOr(in["name"], ""), Goal: textOr(in["goal"], ""), Act: readAct(in)})
	}
	return steps
}

// readWithin reads how long all steps may take; 0 is the window.
func readWithin(n node) time.Duration {
	if !n.there() {
		return 0
	}
	d, ok := metric.ParseWithin(n.text())
	if !ok {
		n.fail("needs a number of minutes, hours or days: 30m, 24h, 7d")
	}
	return d
}

// spellSteps spells steps as readSteps reads them.
func spellSteps(steps []metric.Step) (all []AskedStep) {
	for _, s := range steps {
		all = append(all, AskedStep{Name: s.Name, Goal: s.Goal, Act: spellAct(s.Act)})
	}
	return all
}

// spell spells the answer.
func (q *funnelQuestion) spell(p metric.Passage) FunnelTable {
	zone := q.report.Zone
	t := FunnelTable{Meta: FunnelMeta{p.Source, p.AsOf.In(zone).Format(time.RFC3339), q.asked.Name, tellExposed(p.Exposed)},
		Query: AskedFunnel{Site: q.report.Site, Steps: spellSteps(q.asked.Steps), Range: metric.SpellRange(q.report.Window, zone), Within: metric.SpellWithin(q.asked.Within), Filters: []any{}, Zone: zone.String(), Bots: q.report.Bots}}
	if q.report.Where != nil {
		t.Query.Filters = append(t.Query.Filters, q.report.Where.Spell())
	}
	rate := func(n int64, ok bool) *json.Number {
		return number(metric.GoalRate, metric.Point{Value: n, None: !ok})
	}
	for i, visitors := range p.Visitors {
		step := FunnelStep{Name: q.asked.Steps[i].Title(), Visitors: visitors, Rate: rate(p.Share(0, i))}
		if i > 0 {
			share, ok := p.Share(i-1, i)
			step.StepRate, step.DropRate = rate(share, ok), rate(metric.Whole-share, ok)
			step.Dropoff = p.Visitors[i-1] - visitors
		}
		t.Results = append(t.Results, step)
	}
	return t
}
