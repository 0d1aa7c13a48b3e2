package dash

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// The plot is drawn in a box of plotWidth × plotHeight that the browser
// stretches to the page's width, so lines are in these units. Text, marks and
// hover areas must not be stretched: they are placed in percent of the width.
const (
	plotWidth  = 1000
	plotHeight = 240
	plotTop    = 16 // room above the highest line, in pixels
)

// chart is one metric over the steps of the window, beside the window before.
type chart struct {
	Metric, Summary    string
	Area, Line, Before string // SVG paths
	Unfinished         string // path of what is not over yet, dashed
	Ticks              []tick
	Labels             []label
	Steps              []step
	Marks              []marked // notes
	Unmarked           link     // to those that there are besides; "" where there are none
	By                 []link   // steps to choose from
	Now, Was           string   // the windows in words; Was is "" without a comparison
	Bars               bool     // drawn as bars, which move
	Known              *evidence
	Problem            string
}

// marked is what happened in a step.
type marked struct {
	X     string // percent
	Texts []string
	step  int
}

type tick struct {
	Y     float64 // pixels from the top
	Label string
}

type label struct {
	X     string // percent
	Label string
	Odd   bool // left out where there is little room
}

type step struct {
	Left, Width, X     string // percent
	Y, BeforeY, Height float64
	None, NoBefore     bool // there is no such figure
	When, Value        string
	Was, Change        string // "" without a comparison
	WasWhen            string
	Unfinished         bool
	Href               string // of the step as a period, "" if it is not to be opened
	Notes              string // what happened in it, a line each
}

// point is a step's figure, with that of the same step before.
type point struct {
	at          time.Time
	now, before metric.Value
	was         time.Time // zero: there is no such step before
	partial     bool
}

// chart asks for the chart's metric by step, now and before.
func (d *Door) chart(ctx context.Context, s state, x span) chart {
	f := figureOf(s.metric)
	c := chart{Metric: s.Say(f.label), Bars: x.step == period.Minute, Now: s.words(x.window, x.zone)}
	for _, by := range x.steps {
		to := s
		if to.step = by; by == x.steps[0] {
			to.step = ""
		}
		c.By = append(c.By, link{Label: s.Say(titled[by]), Href: to.href(), Current: by == x.step})
	}
	if x.before != (period.Window{}) {
		c.Was = s.words(x.before, x.zone)
	}
	points, told, err := d.points(ctx, s, x, f.name)
	if err != nil || len(points) == 0 {
		c.Problem = cmp.Or(s.problem(err), s.Say("There is nothing to draw."))
		return c
	}
	c.Known = s.evidence("chart", s.Say(bySteps[x.step], c.Metric), x, told)
	c.Known.BeforeWindow, c.Known.Meaning, c.Known.Window = c.Was, s.Say(key(f.name.Meaning())), c.Now
	if told.Estimate {
		c.Known.Precision = s.Say("some of the steps are estimates, less than 1 % off in 98 of 100 cases")
	}
	c.Known.ask(s, x, f.name, x.step)
	top, ticks := s.scale(f.name, points)
	c.Ticks = ticks
	c.draw(f.name, points, top)
	c.tell(f.name, points, s, x)
	c.Marks, c.Unmarked = d.marked(ctx, s, x, points)
	for _, m := range c.Marks {
		c.Steps[m.step].Notes = strings.Join(m.Texts, "\n")
	}
	return c
}

// points asks for the steps that have begun, and for those before, which there may be
// more of.
func (d *Door) points(ctx context.Context, s state, x span, m metric.Name) (points []point, told metric.Table, err error) {
	r := s.sumsOf(x.window, x.zone, m)
	r.Step = x.step
	if told, err = d.answer(ctx, r); err != nil {
		return nil, told, err
	}
	for _, row := range told.Rows {
		points = append(points, point{at: row.Time, now: row.Values[0], before: metric.Value{None: true}, partial: row.Partial})
		if row.Time.After(x.now) {
			points[len(points)-1].now.None = true
		}
	}
	if x.before == (period.Window{}) {
		return points, told, nil
	}
	r.Window = x.before
	before, err := d.answer(ctx, r)
	if err != nil {
		return nil, told, err
	}
	x.align(points, before.Rows)
	told.Estimate = told.Estimate || before.Estimate
	return points, told, nil
}

// align puts the steps before beside those now: hours by what the clock shows, which
// may be changed in one of the two, anything else in turn from the first one on.
func (x span) align(points []point, before []metric.Row) {
	shown := func(t time.Time, from time.Time) string {
		return fmt.Sprint(period.DateOf(t, x.zone)-period.DateOf(from, x.zone), t.In(x.zone).Format(" 15:04"))
	}
	byClock := map[string]metric.Row{}
	for _, row := range before {
		if key := shown(row.Time, x.before.From); byClock[key].Time.IsZero() {
			byClock[key] = row
		}
	}
	for i := range points {
		row, ok := metric.Row{}, i < len(before)
		if ok {
			row = before[i]
		}
		if x.step == period.Hour {
			key := shown(points[i].at, x.window.From)
			row, ok = byClock[key]
			delete(byClock, key) // an hour that comes twice has one before it
		}
		if ok {
			points[i].was, points[i].before = row.Time, row.Values[0]
		}
	}
}

// scale is the value at the top of the axis, which begins at zero, and its
// lines at round values.
func (l tongue) scale(m metric.Name, points []point) (top float64, ticks []tick) {
	for _, p := range points {
		for _, v := range []metric.Value{p.now, p.before} {
			if !v.None {
				top = max(top, scaled(m, v.N))
			}
		}
	}
	unit := m.Unit("")
	by := nice(top / 4)
	switch {
	case unit == "s" && top > 0:
		by = niceTime(top / 4)
	case unit == "%" && top > 50 && top <= 100:
		by = 25
	case m.Whole():
		by = max(1, by)
	}
	if top = by * math.Ceil(top/by-1e-9); top == 0 || m.Whole() {
		top = max(top, 4)
	}
	for i := 0.0; i*by <= top+by/2; i++ {
		ticks = append(ticks, tick{height(i*by, top), l.tickLabel(m, math.Round(i*by*1e6)/1e6, by)})
	}
	return top, ticks
}

func (l tongue) tickLabel(m metric.Name, x, by float64) string {
	decimal := func(x float64) string { return l.Number(strconv.FormatFloat(x, 'f', -1, 64)) }
	switch u := m.Unit(""); {
	case u == "s" && by >= 3600:
		return l.Say("{n} h", decimal(x/3600))
	case u == "s" && by >= 60:
		return l.Say("{n} m", decimal(x/60))
	case u == "s":
		return l.Say("{n} s", decimal(x))
	case u == "%":
		return l.Percent(strconv.FormatFloat(x, 'f', -1, 64))
	case !m.Whole() && x < 1000:
		return decimal(x)
	}
	return l.short(int64(x), 100_000)
}

// niceTime is the smallest round number of seconds, minutes or hours that is at least x
// seconds.
func niceTime(x float64) float64 {
	for _, n := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600} {
		if n >= x {
			return n
		}
	}
	return 3600 * nice(x/3600)
}

// nice is the smallest of 1, 2, 2.5, 5 × 10ⁿ that is at least x; of what is at least 1
// a whole one.
func nice(x float64) float64 {
	if x <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= x && (power < 1 || f*power == math.Trunc(f*power)) {
			return f * power
		}
	}
	return 10 * power
}

// height is a value's distance from the top in pixels.
func height(v, top float64) float64 {
	return math.Round(10*(plotTop+(plotHeight-plotTop)*(1-v/top))) / 10
}

// draw makes the paths, and a mark for every step.
func (c *chart) draw(m metric.Name, points []point, top float64) {
	n := len(points)
	x := func(i int) float64 { return (float64(i) + 0.5) * plotWidth / float64(n) }
	y := func(v metric.Value) float64 { return height(scaled(m, v.N), top) }
	at := func(i int, v metric.Value) string { return fmt.Sprintf("%.1f %.1f", x(i), y(v)) }
	var line, area, was pen
	for i, p := range points {
		s := step{Left: part(float64(i), n), Width: part(1, n), X: part(float64(i)+0.5, n), None: p.now.None, NoBefore: p.before.None, Unfinished: p.partial}
		if !p.before.None {
			s.BeforeY = y(p.before)
			was.to(i, at(i, p.before))
		}
		switch {
		case p.now.None:
		case !p.partial:
			s.Y = y(p.now)
			line.to(i, at(i, p.now))
			area.to(i, at(i, p.now))
		default:
			s.Y = y(p.now)
			if c.Unfinished = "M" + at(i, p.now) + " h0"; i > 0 && !points[i-1].now.None {
				c.Unfinished = "M" + at(i-1, points[i-1].now) + " L" + at(i, p.now)
			}
		}
		if c.Bars {
			s.Left, s.Width, s.Height = part(float64(i)+0.12, n), part(0.76, n), max(plotHeight-s.Y, 0)
		}
		c.Steps = append(c.Steps, s)
	}
	if c.Before, c.Line = was.path(), line.path(); !c.Bars {
		c.Area = area.filled(x)
	}
}

// pen draws lines that have gaps: each stroke is what comes in a row.
type pen struct {
	strokes     []string
	first, last []int
}

func (p *pen) to(i int, at string) {
	if n := len(p.last); n > 0 && p.last[n-1] == i-1 {
		p.strokes[n-1] += " L" + at
		p.last[n-1] = i
		return
	}
	p.strokes, p.first, p.last = append(p.strokes, "M"+at), append(p.first, i), append(p.last, i)
}

// path is the lines; what stands alone is a dot.
func (p *pen) path() string {
	for i := range p.strokes {
		if p.first[i] == p.last[i] {
			p.strokes[i] += " h0"
		}
	}
	return strings.Join(p.strokes, " ")
}

// filled is the area below the lines.
func (p *pen) filled(x func(int) float64) string {
	var all []string
	for i, stroke := range p.strokes {
		if p.last[i] > p.first[i] {
			all = append(all, fmt.Sprintf("%s L%.1f %d L%.1f %d Z", stroke, x(p.last[i]), plotHeight, x(p.first[i]), plotHeight))
		}
	}
	return strings.Join(all, " ")
}

func part(i float64, n int) string { return fmt.Sprintf("%.3f%%", 100*i/float64(n)) }

// tell writes the words of the chart: axis, steps and summary.
func (c *chart) tell(m metric.Name, points []point, s state, x span) {
	spell := func(v metric.Value) string {
		text, unit := s.inBrief(m, v, s.site.Currency)
		if m.Unit("") == "" && m.Whole() && !v.None {
			text = whole(s.tongue, v.N)
		}
		return strings.TrimSpace(text + " " + unit)
	}
	every := (len(points) + 7) / 8
	highest := 0
	for i, p := range points {
		to := &c.Steps[i]
		to.When, to.Value = s.when(p.at.In(x.zone), x.step), spell(p.now)
		if !p.was.IsZero() {
			to.Was, to.WasWhen = spell(p.before), s.when(p.was.In(x.zone), x.step)
		}
		if !p.partial {
			to.Change, _ = s.changeOf(m, p.now, p.before)
		}
		if in, ok := x.within(s, p.at); ok && !p.at.After(x.now) {
			to.Href = in.href()
		}
		if i%every == every/2 {
			c.Labels = append(c.Labels, label{to.X, s.axis(p.at.In(x.zone), x.step, len(points)), len(c.Labels)%2 == 1})
		}
		if !p.now.None && (points[highest].now.None || p.now.N > points[highest].now.N) {
			highest = i
		}
	}
	c.Summary = s.Say("{figure}; the highest is {value}, {when}", s.Say(bySteps[x.step], c.Metric), c.Steps[highest].Value, c.Steps[highest].When)
}

// titled are the steps as a choice, and bySteps a figure by them.
var (
	titled  = map[period.Step]key{period.Minute: "Minute", period.Hour: "Hour", period.Day: "Day", period.Week: "Week", period.Month: "Month", period.Year: "Year"}
	bySteps = map[period.Step]key{period.Minute: "{figure} by minute", period.Hour: "{figure} by hour", period.Day: "{figure} by day", period.Week: "{figure} by week", period.Month: "{figure} by month", period.Year: "{figure} by year"}
)

func (l tongue) when(t time.Time, by period.Step) string {
	switch by {
	case period.Minute:
		return l.Date(t, "15:04")
	case period.Hour:
		return l.Date(t, "Mon 2 January, 15:04")
	case period.Week:
		return l.Date(t, "Week of 2 January 2006")
	case period.Month:
		return l.Date(t, "January 2006")
	case period.Year:
		return l.Date(t, "2006")
	}
	return l.Date(t, "Monday 2 January")
}

func (l tongue) axis(t time.Time, by period.Step, n int) string {
	switch {
	case by == period.Minute, by == period.Hour && n <= 50:
		return l.Date(t, "15:04")
	case by == period.Hour:
		return l.Date(t, "Mon 15:04")
	case by == period.Year:
		return l.Date(t, "2006")
	case by == period.Month && n > 12:
		return l.Date(t, "Jan 2006")
	case by == period.Month:
		return l.Date(t, "Jan")
	case n <= 7:
		return l.Date(t, "Mon 2")
	}
	return l.Date(t, "2 Jan")
}
