package dash

import (
	"cmp"
	"context"
	"fmt"
	"math"
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
	Problem            string
}

// marked is what happened in a step.
type marked struct {
	X     string // percent
	Texts []string
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
	Left, Width, X           string // percent
	Y, BeforeY               float64
	When, Value, Was, Change string
	Unfinished               bool
}

// chart asks for the chart's metric by step, now and before.
func (d *Door) chart(ctx context.Context, s state, x span) chart {
	c := chart{Metric: s.metric}
	var unit string
	for _, known := range cells {
		if known.name == s.metric {
			c.Metric, unit = known.label, known.unit
		}
	}
	rate := s.metric == bounceRate
	name := metric.Name(s.metric)
	if rate {
		name = metric.Bounces
	}
	p := d.compare(ctx, s, x, name, x.step)
	var of pair
	if rate && p.err == nil {
		of = d.compare(ctx, s, x, metric.Sessions, x.step)
	}
	if err := cmp.Or(p.err, of.err); err != nil || len(p.now.Points) == 0 {
		c.Problem = cmp.Or(problem(err), "There is nothing to draw.")
		return c
	}
	now, before := values(p.now, of.now, rate), align(values(p.before, of.before, rate), len(p.now.Points))
	top, ticks := scale(append(now[:len(now):len(now)], before...), rate)
	c.Ticks = ticks
	c.draw(p.now.Points, now, before, top)
	c.tell(p.now.Points, now, before, rate, unit, x)
	c.Marks = d.marked(ctx, s, x, p.now.Points)
	return c
}

// values of the steps: counts, or percents of another dataset's.
func values(d, of metric.Dataset, rate bool) []float64 {
	v := make([]float64, len(d.Points))
	for i, p := range d.Points {
		v[i] = float64(p.Value)
		if rate {
			v[i] = 0
			if i < len(of.Points) {
				v[i] = share(p.Value, of.Points[i].Value)
			}
		}
	}
	return v
}

// align gives the steps before as many steps as now: months and clock changes
// can make one more or less. The last ones stay beside each other.
func align(v []float64, n int) []float64 {
	if len(v) >= n {
		return v[len(v)-n:]
	}
	return append(make([]float64, n-len(v)), v...)
}

// scale is the value at the top of the axis, which begins at zero, and its
// lines at round values.
func scale(v []float64, rate bool) (top float64, ticks []tick) {
	for _, x := range v {
		top = max(top, x)
	}
	by := 25.0
	if !rate || top <= 50 {
		by = max(1, nice(top/4))
	}
	top = max(by*math.Ceil(top/by), 4)
	for x := 0.0; x <= top+by/2; x += by {
		text := short(int64(x), 100_000)
		if rate {
			text += "%"
		}
		ticks = append(ticks, tick{height(x, top), text})
	}
	return top, ticks
}

// nice is the smallest of 1, 2, 2.5, 5 × 10ⁿ that is at least x.
func nice(x float64) float64 {
	if x <= 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= x && f*power == math.Trunc(f*power) {
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
func (c *chart) draw(points []metric.Point, now, before []float64, top float64) {
	n := len(now)
	at := func(i int, v float64) string {
		return fmt.Sprintf("%.1f %.1f", (float64(i)+0.5)*plotWidth/float64(n), height(v, top))
	}
	var line, dashed, was []string
	for i := range now {
		was = append(was, at(i, before[i]))
		if !points[i].Partial {
			line = append(line, at(i, now[i]))
		} else if len(dashed) == 0 && i > 0 {
			dashed = append(dashed, at(i-1, now[i-1]), at(i, now[i]))
		}
		c.Steps = append(c.Steps, step{Left: part(float64(i), n), Width: part(1, n), X: part(float64(i)+0.5, n),
			Y: height(now[i], top), BeforeY: height(before[i], top), Unfinished: points[i].Partial})
	}
	c.Before, c.Line, c.Unfinished = path(was), path(line), path(dashed)
	if len(line) > 1 {
		foot := fmt.Sprintf("L%.1f %d L%.1f %d Z", (float64(len(line))-0.5)*plotWidth/float64(n), plotHeight, 0.5*plotWidth/float64(n), plotHeight)
		c.Area = c.Line + " " + foot
	}
}

func part(i float64, n int) string { return fmt.Sprintf("%.3f%%", 100*i/float64(n)) }

func path(points []string) string {
	if len(points) == 0 {
		return ""
	}
	return "M" + strings.Join(points, " L")
}

// tell writes the words of the chart: axis, steps and summary.
func (c *chart) tell(points []metric.Point, now, before []float64, rate bool, unit string, x span) {
	spell := func(v float64) string {
		if rate {
			return percent(v)
		}
		return whole(int64(v))
	}
	every := (len(points) + 7) / 8
	highest := 0
	for i, p := range points {
		t := p.Time.In(x.zone)
		s := &c.Steps[i]
		s.When, s.Value, s.Was = when(t, x.step), spell(now[i]), spell(before[i])
		s.Change, _ = change(now[i], before[i], rate)
		if i%every == every/2 {
			c.Labels = append(c.Labels, label{s.X, axis(t, x.step, len(points)), len(c.Labels)%2 == 1})
		}
		if now[i] > now[highest] {
			highest = i
		}
	}
	c.Summary = fmt.Sprintf("%s by %s; the highest is %s on %s", c.Metric, x.step, spell(now[highest])+" "+unit, c.Steps[highest].When)
	if rate {
		c.Summary = fmt.Sprintf("%s by %s; the highest is %s on %s", c.Metric, x.step, spell(now[highest]), c.Steps[highest].When)
	}
}

func when(t time.Time, by period.Step) string {
	switch by {
	case period.Hour:
		return t.Format("Mon 2 January, 15:04")
	case period.Month:
		return t.Format("January 2006")
	case period.Year:
		return t.Format("2006")
	}
	return t.Format("Monday 2 January")
}

func axis(t time.Time, by period.Step, n int) string {
	switch {
	case by == period.Hour:
		return t.Format("15:04")
	case by == period.Year:
		return t.Format("2006")
	case by == period.Month && n > 12:
		return t.Format("Jan 2006")
	case by == period.Month:
		return t.Format("Jan")
	case n <= 7:
		return t.Format("Mon 2")
	}
	return t.Format("2 Jan")
}
