package dash

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"footfall/metric"
	"footfall/period"
	"footfall/sheet"
)

// mostCohorts is the most steps that the page offers a period by: more columns than
// that nobody can read.
const mostCohorts = 53

type retentionView struct {
	frame
	freshness
	Known         *evidence
	Unit          string // a step, in words
	Steps, Shows  []link // by what, and what is told
	Scale         []int  // of the legend
	Keep          []link // the rest of the state, for the form
	Event         string // that is coming back; "" is a page view
	Goal          string // or the goal that is to be reached for it
	Goals         []option
	Heads         []string
	Average       cohortRow
	Rows          []cohortRow
	Palest        string
	Darkest       string
	LeftOut       string
	Since         string
	Trouble, CSV  string
	Empty, Counts bool
}

// cohortRow is a line of the table.
type cohortRow struct {
	Name, Size string
	Partial    bool // people may still join
	Cells      []cohortCell
}

// cohortCell is who of a cohort came back in a step.
type cohortCell struct {
	Text, Title string
	Heat        int // 0 to 10, of the rate that is darkest
	Partial     bool
	None        bool // the step has not begun
	rate        float64
}

// retention is the page that tells who came back.
func (d *Door) retention(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.stateOf(w, r, in)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	s = s.asked(r, "cohorts", "show", "returning", "reached")
	x := d.span(ctx, s)
	v := retentionView{frame: d.frame(in, s, x, sites), Event: s.more.Get("returning"), Counts: s.more.Get("show") == "visitors", Goal: s.more.Get("reached"), Keep: s.keep("returning", "reached")}
	v.Tools.Compare = nil // with nothing
	q := metric.Retention{Site: s.site.ID, Window: x.window, Zone: x.zone, Step: v.steps(s, x), Where: s.where()}
	if err := v.offerGoals(ctx, d, s); err != nil {
		d.noControl(w, err)
		return
	}
	switch {
	case v.Goal != "":
		q.Return, v.Event = &metric.Where{Dimension: metric.OfGoal, Op: metric.Is, Values: []string{v.Goal}}, ""
	case v.Event != "":
		q.Return = &metric.Where{Dimension: "event", Op: metric.Is, Values: []string{v.Event}}
	}
	c, err := d.Questions.Retain(ctx, q)
	if r.URL.Query().Has("csv") && err == nil {
		cohortFile(w, s, q, c)
		return
	}
	if v.Trouble = d.fault(ctx, s, "retention", err); err == nil {
		v.freshness = s.fresh(c.AsOf, c.Source, x)
		v.tell(s.tongue, q, c)
		v.Known = s.evidence("retention", s.Say("Who came back"), x, metric.Table{Source: c.Source, AsOf: c.AsOf})
		v.Known.Window = s.words(q.Whole(), x.zone)
		same := s.putting(x, q.Where)
		same.Step, same.Returning = q.Step, spelledWhere(q.Return)
		v.Known.post(s, "/v1/retention", same)
	}
	v.Shows = []link{{Label: s.Say("Share"), Href: s.with("show").href(), Current: !v.Counts}, {Label: s.Say("Visitors"), Href: s.with("show", "visitors").href(), Current: v.Counts}}
	v.CSV = s.with("csv", "cohorts").href()
	d.show(w, http.StatusOK, "retention.html", in, v)
}

// offerGoals offers the site's goals as what coming back is.
func (v *retentionView) offerGoals(ctx context.Context, d *Door, s state) error {
	if d.Goals == nil {
		return nil
	}
	all, err := d.Goals.Goals(ctx, s.site.ID)
	for _, g := range all {
		v.Goals = append(v.Goals, option{Label: g.Name, Value: g.Name, On: g.Name == v.Goal})
	}
	return err
}

// steps offers the steps that leave the table readable, and is the chosen one.
func (v *retentionView) steps(s state, x span) period.Step {
	chosen, asked := period.Month, period.Step(s.more.Get("cohorts"))
	usual := map[period.Step]int{period.Day: 14, period.Week: 26} // up to so many of them
	for i := len(metric.RetentionSteps) - 1; i >= 0; i-- {
		step := metric.RetentionSteps[i]
		n := step.Count(x.window, x.zone)
		if n <= usual[step] {
			chosen = step
		}
	}
	var offered []period.Step
	for _, step := range metric.RetentionSteps {
		if step == period.Month || step.Count(x.window, x.zone) <= mostCohorts {
			offered = append(offered, step)
			if step == asked {
				chosen = asked
			}
		}
	}
	for _, step := range offered {
		v.Steps = append(v.Steps, link{Label: s.Say(titled[step]), Href: s.with("cohorts", string(step)).href(), Current: step == chosen})
	}
	v.Unit = s.Say(titled[chosen])
	return chosen
}

// tell writes the table.
func (v *retentionView) tell(l tongue, q metric.Retention, c metric.Cohorts) {
	highest := 0.0
	for _, row := range c.Rows {
		v.Empty = v.Empty || row.Size > 0
		for _, back := range row.Returned {
			highest = max(highest, share(back.Visitors, row.Size))
		}
	}
	v.Empty, v.Scale = !v.Empty, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	darkest := darkestOf(highest)
	if highest > 0 {
		v.Palest, v.Darkest = l.percent(0), l.percent(darkest)
	}
	if c.LeftOut > 0 {
		v.LeftOut = l.Say("{n} of {all}", c.LeftOut, c.Known+c.LeftOut)
	}
	if !c.Since.IsZero() {
		v.Since = l.Date(c.Since.In(q.Zone), "2 January 2006")
	}
	v.Average = cohortRow{Name: l.Say("All")}
	var all int64
	for n, row := range c.Rows {
		all += row.Size
		line := cohortRow{Name: l.since(row.Start.In(q.Zone), q.Step), Size: whole(l, row.Size), Partial: row.Partial}
		if n > 0 {
			v.Heads = append(v.Heads, strconv.Itoa(n))
			visitors, of := c.Average(n)
			v.Average.Cells = append(v.Average.Cells, v.cell(l, visitors, of, darkest, l.Say(titled[q.Step])+" "+strconv.Itoa(n)))
		}
		for _, back := range row.Returned {
			cell := v.cell(l, back.Visitors, row.Size, darkest, l.since(back.Start.In(q.Zone), q.Step))
			cell.Partial = back.Partial
			line.Cells = append(line.Cells, cell)
		}
		for len(line.Cells) < len(c.Rows)-1 {
			line.Cells = append(line.Cells, cohortCell{None: true})
		}
		v.Rows = append(v.Rows, line)
	}
	v.Average.Size = whole(l, all)
}

// darkestOf is the rate in per cent that is shown darkest: a round one that no rate of the
// table is above, and never a small one, so that 0.1 % does not look like many.
func darkestOf(highest float64) float64 {
	for _, rate := range []float64{10, 25, 50} {
		if highest <= rate {
			return rate
		}
	}
	return 100
}

// cell spells how many of a cohort came back.
func (v *retentionView) cell(l tongue, visitors, of int64, darkest float64, when string) cohortCell {
	c := cohortCell{rate: share(visitors, of), Text: "–", Title: l.Say("{when}: nobody to come back", when)}
	if of == 0 {
		return c
	}
	c.Text, c.Title = l.percent(c.rate), l.Say("{when}: {n} of {all}, {share}", when, visitors, of, l.percent(c.rate))
	if v.Counts {
		c.Text = whole(l, visitors)
	}
	c.Heat = int(math.Ceil(10 * c.rate / darkest))
	return c
}

// since names a step by its first day.
func (l tongue) since(t time.Time, step period.Step) string {
	if step == period.Month {
		return l.Date(t, "January 2006")
	}
	return l.Date(t, "2 Jan 2006")
}

// cohortFile writes a line for each cohort's own step, which is 0, and each behind it, as
// the command does: the last cohort has none behind it, and is of the table.
func cohortFile(w http.ResponseWriter, s state, q metric.Retention, c metric.Cohorts) {
	out := s.file(w, "retention-by-"+string(q.Step), sheet.Columns("cohort DATE", "size BIGINT", "step BIGINT", "start DATE", "visitors BIGINT", "rate DECIMAL(18,3)", "partial BOOLEAN"))
	date := func(t time.Time) string { return t.In(q.Zone).Format(time.DateOnly) }
	for _, row := range c.Rows {
		own := metric.Comeback{Start: row.Start, Visitors: row.Size, Partial: row.Partial}
		for i, back := range append([]metric.Comeback{own}, row.Returned...) {
			var rate any
			if n, ok := metric.Share.Value(back.Visitors, row.Size); ok {
				rate = metric.BounceRate.Spell(n) // as every rate
			}
			if out.Row(date(row.Start), row.Size, i, date(back.Start), back.Visitors, rate, back.Partial) != nil {
				return // the client is gone
			}
		}
	}
	_ = out.Close()
}
