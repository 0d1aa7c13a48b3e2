package dash

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/sheet"
)

// Funnels keeps the funnels that sites have under a name. An unknown name is
// account.ErrNotFound, and what is wrong with a funnel a *metric.QueryError.
type Funnels interface {
	Funnels(ctx context.Context, site string) ([]metric.SavedFunnel, error) // by name
	PutFunnel(ctx context.Context, site string, f metric.SavedFunnel) error
	RemoveFunnel(ctx context.Context, site, name string) error
}

// withins are the times that all steps may take, as forms offer them; "" is the period.
var withins = []struct {
	value string
	label key
}{{"", "in the whole period"}, {"30m", "within 30 minutes"}, {"1h", "within an hour"}, {"24h", "within a day"}, {"7d", "within 7 days"}, {"30d", "within 30 days"}}

type funnelsView struct {
	frame
	freshness
	said
	Known         *evidence
	Saved         []link
	Name          string // of the saved one that is shown
	Steps         []stepRow
	Rows          []stepInput
	Kinds         []string
	Goals         []string
	Paths, Events []string // to choose from
	Withins       []link
	Within        string
	Keep, Fields  []link // the rest of the state, and the funnel that is shown
	Change        bool   // one may keep it
	Elaborate     bool   // the form has no room for all of it
	Self, Remove  string
	Trouble, CSV  string
}

// stepInput is a step as the form has it.
type stepInput struct{ Kind, What string }

// stepRow is what became of visitors at a step.
type stepRow struct {
	Number                   int
	Label, What, Value, Rate string
	Bar                      string // in per cent of the first
	StepRate, Dropped, Drop  string // against the step before; "" at the first
}

// funnels is the page of funnels.
func (d *Door) funnels(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.stateOf(w, r, in)
	if !ok {
		return
	}
	s = s.asked(r, "funnel", "kind", "what", "within")
	d.showFunnels(w, r, in, s, sites, read(in.tongue, r))
}

// showFunnels fills the view in.
func (d *Door) showFunnels(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site, told said) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	goals, err := d.Goals.Goals(ctx, s.site.ID)
	var saved []metric.SavedFunnel
	if err == nil {
		saved, err = d.Funnels.Funnels(ctx, s.site.ID)
	}
	if err != nil {
		d.noControl(w, err)
		return
	}
	x := d.span(ctx, s)
	v := funnelsView{frame: d.frame(in, s, x, sites), said: told, Change: in.who.May(account.ChangeSite, s.site.ID), Keep: s.keep("funnel", "kind", "what", "within")}
	v.Tools.Compare = nil // with nothing
	f, err := s.funnel(saved, d.typedPath(ctx, s))
	if err == nil && f.Steps != nil {
		if passage, failed := d.pass(ctx, s, x, f, goals); failed == nil && r.URL.Query().Has("csv") {
			funnelFile(w, s, f, passage)
			return
		} else if err = failed; err == nil {
			v.freshness, v.CSV = s.fresh(passage.AsOf, passage.Source, x), s.with("csv", "funnel").href()
			v.Steps, v.Known = s.stepRows(f, passage), s.knownFunnel(x, f, passage)
		}
	}
	v.Trouble = d.fault(ctx, s, "funnel", err)
	v.fill(s, f, saved, goals)
	v.Paths, _ = d.suggest(ctx, s, x, "page") // nothing is offered then
	v.Events, _ = d.suggest(ctx, s, x, "event")
	d.show(w, told.status(), "funnels.html", in, v)
}

// funnel is the funnel that the state is of: a saved one by its name, what the form
// says, or the first saved one. Without any it has no steps.
func (s state) funnel(saved []metric.SavedFunnel, path func(string) string) (f metric.SavedFunnel, err error) {
	if name := s.more.Get("funnel"); name != "" {
		i := slices.IndexFunc(saved, func(f metric.SavedFunnel) bool { return f.Name == name })
		if i < 0 {
			return f, &metric.QueryError{Why: s.Say("There is no funnel “{name}” any more.", name)}
		}
		return saved[i], nil
	}
	if len(s.more["what"]) == 0 && len(saved) > 0 {
		return saved[0], nil
	}
	return readFunnel(s.more, path)
}

// readFunnel reads what the form says, with paths as they are meant; empty lines are left
// out.
func readFunnel(v url.Values, path func(string) string) (f metric.SavedFunnel, err error) {
	for i, what := range v["what"] {
		what = strings.TrimSpace(what)
		if what == "" || i >= len(v["kind"]) {
			continue
		}
		switch v["kind"][i] {
		case kindGoal:
			f.Steps = append(f.Steps, metric.Step{Goal: what})
		case kindEvent:
			f.Steps = append(f.Steps, metric.Step{Act: metric.Act{Event: what}})
		default:
			f.Steps = append(f.Steps, metric.Step{Act: metric.Act{Page: path(what)}})
		}
	}
	f.Within, err = readWithin(v.Get("within"))
	return f, err
}

// readWithin reads how long all steps may take; 0 is the period.
func readWithin(text string) (time.Duration, error) {
	d, ok := metric.ParseWithin(text)
	if !ok && text != "" {
		return 0, &metric.QueryError{Why: "within: needs a number of minutes, hours or days: 30m, 24h, 7d"}
	}
	return d, nil
}

// pass asks for a funnel.
func (d *Door) pass(ctx context.Context, s state, x span, f metric.SavedFunnel, goals []metric.Goal) (metric.Passage, error) {
	q, err := f.Funnel(goals)
	if err != nil {
		return metric.Passage{}, err
	}
	q.Site, q.Window, q.Zone, q.Where = s.site.ID, x.window, x.zone, s.where()
	if err = q.Check(); err != nil {
		return metric.Passage{}, err
	}
	return d.Questions.Funnel(ctx, q)
}

// stepRows are the steps with their figures.
func (l tongue) stepRows(f metric.SavedFunnel, p metric.Passage) (rows []stepRow) {
	rate := func(of, step int) (float64, string) {
		n, ok := p.Share(of, step)
		if !ok {
			return 0, "–"
		}
		return float64(n) / 1000, l.percent(float64(n) / 1000)
	}
	for i, step := range f.Steps {
		row := stepRow{Number: i + 1, Label: step.Title(), Value: whole(l, p.Visitors[i])}
		switch {
		case step.Goal != "" && step.Name == "":
			row.What = l.Say(kindGoal)
		case step.Goal != "":
			row.What = l.Say("goal {name}", step.Goal)
		default:
			row.What = strings.Replace(l.whatIs(step.Act), " "+row.Label, "", 1)
		}
		of, text := rate(0, i)
		row.Rate, row.Bar = text, strconv.FormatFloat(math.Round(1000*of)/1000, 'f', -1, 64)+"%"
		if i > 0 {
			on, text := rate(i-1, i)
			row.StepRate, row.Dropped, row.Drop = text, whole(l, p.Visitors[i-1]-p.Visitors[i]), "–"
			if text != "–" {
				row.Drop = l.percent(100 - on)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// knownFunnel is how a funnel's figures are known.
func (s state) knownFunnel(x span, f metric.SavedFunnel, p metric.Passage) *evidence {
	k := s.evidence("funnel", cmp.Or(f.Name, s.Say("Funnel")), x, metric.Table{Source: p.Source, AsOf: p.AsOf})
	q := s.putting(x, s.where())
	if q.Funnel = f.Name; f.Name == "" {
		for _, step := range f.Steps {
			q.Steps = append(q.Steps, putStep{step.Goal, step.Page, step.Event})
		}
		q.Within = metric.SpellWithin(f.Within)
	}
	k.post(s, "/v1/funnel", q)
	return k
}

// fill fills in the form, and what can be chosen.
func (v *funnelsView) fill(s state, f metric.SavedFunnel, saved []metric.SavedFunnel, goals []metric.Goal) {
	v.Name, v.Kinds = f.Name, []string{kindPage, kindEvent, kindGoal}
	clear := s.with("kind").with("what").with("within").with("csv")
	for _, one := range saved {
		if len(saved) == 1 && one.Name == f.Name {
			break // it is shown, and there is nothing to choose
		}
		v.Saved = append(v.Saved, link{Label: one.Name, Href: clear.with("funnel", one.Name).href(), Current: one.Name == f.Name})
	}
	for _, g := range goals {
		v.Goals = append(v.Goals, g.Name)
	}
	fields := url.Values{}
	for _, step := range f.Steps {
		row := stepInput{kindPage, step.Page}
		switch {
		case step.Goal != "":
			row = stepInput{kindGoal, step.Goal}
		case step.Event != "":
			row = stepInput{kindEvent, step.Event}
		}
		v.Elaborate = v.Elaborate || step.Where != nil || step.Name != ""
		v.Rows = append(v.Rows, row)
		fields.Add("kind", row.Kind)
		fields.Add("what", row.What)
	}
	for len(v.Rows) < min(max(3, len(f.Steps)+1), metric.MaxSteps) {
		v.Rows = append(v.Rows, stepInput{Kind: kindPage})
	}
	v.Within = metric.SpellWithin(f.Within)
	fields.Set("within", v.Within)
	v.Fields = hidden(fields)
	known := false
	for _, one := range withins {
		current := one.value == v.Within
		known = known || current
		v.Withins = append(v.Withins, link{Label: s.Say(one.label), Href: one.value, Current: current})
	}
	if !known {
		v.Withins = append(v.Withins, link{Label: s.Say("within {time}", v.Within), Href: v.Within, Current: true})
	}
	bare := s
	bare.more = nil
	v.Self = bare.href()
	bare.base = "/funnels/" + url.PathEscape(cmp.Or(v.Name, "-")) + "/remove"
	v.Remove = bare.href()
}

// putFunnel keeps a funnel under a name.
func (d *Door) putFunnel(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/funnels")
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	f, err := readFunnel(r.PostForm, d.typedPath(ctx, s))
	f.Name = strings.TrimSpace(r.PostForm.Get("name"))
	var goals []metric.Goal
	if err == nil {
		goals, err = d.Goals.Goals(r.Context(), s.site.ID)
	}
	if err == nil {
		err = f.Check(goals)
	}
	if err == nil {
		err = d.Funnels.PutFunnel(r.Context(), s.site.ID, f)
	}
	var steps []string
	for _, step := range f.Steps {
		steps = append(steps, step.Title())
	}
	note := account.Change{What: "funnel set", Target: s.site.ID + " " + f.Name, New: strings.Join(steps, " → ")}
	d.went(w, r, in, s.with("funnel", f.Name), "funnel", note, err, func(told said) {
		for _, name := range []string{"kind", "what", "within"} {
			s = s.with(name, r.PostForm[name]...)
		}
		d.showFunnels(w, r, in, s, sites, told)
	})
}

// removeFunnel removes one.
func (d *Door) removeFunnel(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/funnels")
	if !ok {
		return
	}
	name := r.PathValue("name")
	d.went(w, r, in, s, "funnel-removed", account.Change{What: "funnel remove", Target: s.site.ID + " " + name}, d.Funnels.RemoveFunnel(r.Context(), s.site.ID, name), func(told said) {
		d.showFunnels(w, r, in, s, sites, told)
	})
}

// funnelFile writes a line for each step.
func funnelFile(w http.ResponseWriter, s state, f metric.SavedFunnel, p metric.Passage) {
	out := s.file(w, "funnel", sheet.Columns("step BIGINT", "name", "visitors BIGINT", "conversion_rate DECIMAL(18,3)", "conversion_rate_step DECIMAL(18,3)", "dropoff BIGINT", "dropoff_percentage DECIMAL(18,3)"))
	rate := func(n int64, ok bool) any {
		if !ok {
			return nil
		}
		return metric.GoalRate.Spell(n)
	}
	for i, step := range f.Steps {
		cells := []any{i + 1, step.Title(), p.Visitors[i], rate(p.Share(0, i)), nil, 0, nil}
		if i > 0 {
			n, ok := p.Share(i-1, i)
			cells[4], cells[5], cells[6] = rate(n, ok), p.Visitors[i-1]-p.Visitors[i], rate(metric.Whole-n, ok)
		}
		if out.Row(cells...) != nil {
			return // the client is gone
		}
	}
	_ = out.Close()
}
