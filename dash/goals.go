package dash

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/sheet"
)

// Goals keeps the goals of sites. An unknown name is account.ErrNotFound, and what is
// wrong with a goal a *metric.QueryError.
type Goals interface {
	Goals(ctx context.Context, site string) ([]metric.Goal, error) // by name
	PutGoal(ctx context.Context, site string, g metric.Goal) error
	RemoveGoal(ctx context.Context, site, name string) error
}

// goalMetrics are what is told of each goal, in the order of its columns.
var goalMetrics = []metric.Name{metric.Events, metric.Visitors, metric.GoalRate, metric.GoalValue}

type goalsView struct {
	frame
	freshness
	said
	Known   *evidence
	Goals   []goalRow
	Change  bool // one may define goals
	Form    goalForm
	Tested  *goalRow // what the goal of the form would have counted
	Self    string   // where the form is sent
	Trouble string   // why there are no figures
	CSV     string
}

// goalRow is a goal and its figures.
type goalRow struct {
	link
	What, Worth string
	Cells       []cell
	Remove      string // where that is asked for
}

// goals is the list of a site's goals.
func (d *Door) goals(w http.ResponseWriter, r *http.Request, in visit) {
	if s, sites, ok := d.stateOf(w, r, in); ok {
		d.showGoals(w, r, in, s, sites, goalsView{said: read(in.tongue, r)})
	}
}

// showGoals fills the view in.
func (d *Door) showGoals(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site, v goalsView) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	all, err := d.Goals.Goals(ctx, s.site.ID)
	if err != nil {
		d.noControl(w, err)
		return
	}
	x := d.honest(ctx, s, d.span(ctx, s))
	v.frame, v.Change, v.Self = d.frame(in, s, x, sites), in.who.May(account.ChangeSite, s.site.ID), s.href()
	if i := slices.IndexFunc(all, func(g metric.Goal) bool { return g.Name == r.URL.Query().Get("edit") }); i >= 0 && v.Form.Name == "" && simple(all[i].Where) {
		v.Form = formOf(all[i])
	}
	v.Form.offer(ctx, d, s, x)
	table, err := d.ofGoals(ctx, s, x, all)
	if r.URL.Query().Has("csv") && err == nil {
		goalFile(w, s, table)
		return
	}
	v.Trouble = d.fault(ctx, s, "goals", err)
	if err == nil && len(all) > 0 {
		v.freshness, v.Known = s.fresh(table.AsOf, table.Source, x), s.knownGoals(x, table)
		v.CSV = s.with("csv", "goals").href()
	}
	for _, g := range all {
		row := s.goalRow(g, table, err == nil)
		v.Goals = append(v.Goals, row)
	}
	d.show(w, v.said.status(), "goals.html", in, v)
}

// ofGoals asks for the figures of goals, each a row; none are asked for of no goals.
func (d *Door) ofGoals(ctx context.Context, s state, x span, all []metric.Goal) (metric.Table, error) {
	if len(all) == 0 {
		return metric.Table{}, nil
	}
	return d.Questions.Tabulate(ctx, metric.Report{Site: s.site.ID, Metrics: goalMetrics, By: []metric.Dimension{metric.OfGoal}, Window: x.window, Compare: x.passed(), Zone: x.zone, Where: s.where(), Goals: all})
}

// knownGoals is how the figures of goals are known; those of one, if the state is of it.
func (s state) knownGoals(x span, told metric.Table) *evidence {
	k := s.evidence("goals", s.Say("Goals"), x, told)
	k.rough(s, told, goalMetrics...)
	r := s.sumsOf(x.window, x.zone, goalMetrics...)
	r.By = []metric.Dimension{metric.OfGoal}
	k.post(s, "/v1/query", s.tabled(x, r))
	return k
}

// goalRow is a goal with its figures in a table; there may be none.
func (s state) goalRow(g metric.Goal, t metric.Table, told bool) goalRow {
	self := s
	self.base, self.more = "/goals/"+url.PathEscape(g.Name), nil
	row := goalRow{link: link{Label: g.Name, Href: self.href()}, What: s.whatIs(g.Act), Worth: s.worth(g, s.site.Currency)}
	self.base += "/remove"
	if row.Remove = self.href(); !told {
		return row
	}
	figures := metric.Row{Values: make([]metric.Value, len(goalMetrics)), Before: make([]metric.Value, len(goalMetrics))}
	if i := slices.IndexFunc(t.Rows, func(r metric.Row) bool { return r.Keys[0] == g.Name }); i >= 0 {
		figures = t.Rows[i]
	}
	row.Cells = s.goalCells(figures, s.site.Currency)
	return row
}

// goalCells are the figures of a goal, with how they moved.
func (l tongue) goalCells(row metric.Row, currency string) []cell {
	labels := [...]key{"Completions", "Visitors", "Rate", "Value"}
	cells := make([]cell, len(goalMetrics))
	for i, m := range goalMetrics {
		c := &cells[i]
		c.Label = l.Say(labels[i])
		now, before := row.Values[i], metric.Value{None: true}
		if i < len(row.Before) {
			before = row.Before[i]
		}
		c.Value = l.spellFigure(m, now, currency)
		c.Title = l.Say("{figure}, before {before}", c.Value, l.spellFigure(m, before, currency))
		c.moved(l, m, now, before, false)
	}
	return cells
}

// spellFigure spells a figure of a goal; money exactly.
func (l tongue) spellFigure(m metric.Name, v metric.Value, currency string) string {
	switch {
	case v.None:
		return "–"
	case m == metric.GoalRate:
		return l.percent(float64(v.N) / 1000)
	case m == metric.GoalValue && v.N == 0:
		return "–"
	case m == metric.GoalValue:
		return l.amount(m, v.N, currency) + " " + currency
	}
	return whole(l, v.N)
}

// whatIs says what visitors do, in words.
func (l tongue) whatIs(a metric.Act) string {
	what := l.Say("page {name}", a.Page)
	if a.Page == "" {
		what = l.Say("event {name}", a.Event)
	}
	for _, c := range conditionsOf(a.Where) {
		what += ", " + l.conditionWords(c)
	}
	return what
}

// worth says what a goal's completions are worth; "" is nothing.
func (l tongue) worth(g metric.Goal, currency string) string {
	switch {
	case g.Value != 0:
		return l.Say("{amount} {currency} each", l.amount(metric.GoalValue, g.Value, currency), currency)
	case g.ValueOf != "":
		return l.Say("property {name}", g.ValueOf)
	}
	return ""
}

// goalFile writes the goals' figures.
func goalFile(w http.ResponseWriter, s state, t metric.Table) {
	out := s.file(w, "goals", sheet.Columns("goal", "completions BIGINT", "visitors BIGINT", "rate DECIMAL(18,3)", "value DECIMAL(18,3)"))
	for _, row := range t.Rows {
		cells := []any{row.Keys[0]}
		for i, m := range goalMetrics {
			if row.Values[i].None {
				cells = append(cells, nil)
			} else {
				cells = append(cells, json.Number(m.Spell(row.Values[i].N)))
			}
		}
		if out.Row(cells...) != nil {
			return // the client is gone
		}
	}
	_ = out.Close()
}

type goalView struct {
	frame
	freshness
	said
	Known        *evidence
	Goal         goalRow
	Back         string
	Chart        chart
	Lists        []list
	Change       bool
	Trouble, CSV string
	EditHref     string
}

// goalLists are by what a goal's completions are told.
var goalLists = []listing{
	{title: "Sources", by: "source", unknown: "Direct"}, {title: "Pages", by: "page", unknown: "(no path)"}, {title: "Countries", by: "country", unknown: "Unknown"},
}

// goal is the page of one goal.
func (d *Door) goal(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.stateOf(w, r, in)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	all, err := d.Goals.Goals(ctx, s.site.ID)
	if err != nil {
		d.noControl(w, err)
		return
	}
	at := slices.IndexFunc(all, func(g metric.Goal) bool { return g.Name == r.PathValue("name") })
	if at < 0 {
		d.refuse(w, http.StatusNotFound, "This site has no goal of this name.")
		return
	}
	x := d.honest(ctx, s, d.span(ctx, s))
	of := s // the same, of this goal alone
	of.metric = string(metric.GoalCompletions)
	of.only = []metric.Filter{{Dimension: metric.OfGoal, Value: all[at].Name}}
	if by := r.URL.Query().Get("csv"); by != "" {
		d.goalDownload(ctx, w, of, x, metric.Dimension(by))
		return
	}
	v := goalView{frame: d.frame(in, s, x, sites), Change: in.who.May(account.ChangeSite, s.site.ID)}
	back := s
	back.base = "/goals"
	v.Back = back.href()
	if simple(all[at].Where) {
		v.EditHref = back.with("edit", all[at].Name).href() + "#define"
	}
	table, err := d.ofGoals(ctx, s, x, all[at:at+1])
	v.Goal = s.goalRow(all[at], table, err == nil)
	if v.Trouble = d.fault(ctx, s, "goal", err); err == nil {
		v.freshness, v.Known = s.fresh(table.AsOf, table.Source, x), of.knownGoals(x, table)
	}
	v.Chart = d.chart(ctx, of, x)
	v.Chart.Metric = s.Say("Completions")
	for _, li := range goalLists {
		l := list{Title: s.Say(li.title), Unit: s.titleOf(metric.GoalCompletions), CSV: s.with("csv", string(li.by)).href(), Nothing: s.Say("Nothing yet")}
		rows, told, err := d.completions(ctx, s, of, x, li, rowsShort)
		l.Rows, l.Problem = rows, s.problem(err)
		if li.figures = []metric.Name{metric.GoalCompletions}; err == nil {
			l.Known = li.evidence(of, x, told)
		}
		v.Lists = append(v.Lists, l)
	}
	d.show(w, http.StatusOK, "goal.html", in, v)
}

// completions are the completions of a goal by a dimension, the most first; following
// one filters the page, of the state s. Sources are those of the board: the site's own
// pages, by which most get to a goal, are none.
func (d *Door) completions(ctx context.Context, s, of state, x span, li listing, most int) (rows []row, told metric.Table, err error) {
	var own []string
	if li.by == "source" {
		own = s.ownSources()
	}
	q := of.query(metric.GoalCompletions, x.window, x.zone)
	all := q
	if q.By, q.Step = li.by, period.Total; most > 0 {
		q.Limit = most + len(own)
	}
	set, err := d.ask(ctx, q)
	told = toldOf(set)
	for _, p := range set.Points {
		if p.Value > 0 && !slices.Contains(own, p.Series) {
			rows = append(rows, li.line(s, p.Series, p.Value))
		}
	}
	if own != nil && err == nil {
		rows, told, err = d.direct(ctx, s, all, li, rows, told)
	}
	if most > 0 {
		rows = rows[:min(len(rows), most)]
	}
	bars(rows)
	return rows, told, err
}

// goalDownload writes the completions by a dimension.
func (d *Door) goalDownload(ctx context.Context, w http.ResponseWriter, of state, x span, by metric.Dimension) {
	at := slices.IndexFunc(goalLists, func(li listing) bool { return li.by == by })
	if at < 0 {
		d.refuse(w, http.StatusNotFound, "There is no such list.")
		return
	}
	rows, _, err := d.completions(ctx, of, of, x, goalLists[at], 0)
	if err != nil {
		d.refuse(w, http.StatusServiceUnavailable, key(cmp.Or(d.fault(ctx, of, "goal as a file", err), of.Say("This could not be counted."))))
		return
	}
	out := of.file(w, "goal-by-"+string(by), []sheet.Column{{Name: string(by)}, {Name: "completions", Type: "BIGINT"}})
	for _, r := range rows {
		_ = out.Row(r.Title, r.n)
	}
	_ = out.Close() // fails only if the client is gone
}
