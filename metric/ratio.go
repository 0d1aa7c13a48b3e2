package metric

import (
	"cmp"
	"slices"
	"time"
)

// Ratio is a metric that is one metric's sum divided by another's. It is divided
// once, at the end: ratios of steps or series are never added or averaged.
type Ratio struct {
	Of, To Name
	Times  int64 // what the quotient is multiplied by, to be in the unit's thousandths
}

// Ratios are the metrics that are divided.
var Ratios = map[Name]Ratio{
	EPC:             {Commissions, Clicks, 1}, // commissions are in thousandths, as all that is multiplied by one
	ConversionRate:  {Conversions, Clicks, 100 * 1000},
	GoalRate:        {GoalVisitors, GoalAudience, 100 * 1000},
	AverageOrder:    {Revenue, Orders, 1},
	BounceRate:      {Bounces, Sessions, 100 * 1000},
	ViewsPerSession: {SessionViews, Sessions, 1000},
	SessionDuration: {SessionSeconds, Sessions, 1},
	TimeOnPage:      {PageSeconds, TimedViews, 1},
}

// Value divides, half away from zero; false if there is nothing to divide by.
func (r Ratio) Value(of, to int64) (value int64, ok bool) {
	if to == 0 {
		return 0, false
	}
	of *= r.Times
	half := to
	if of < 0 {
		half = -half
	}
	return (2*of + half) / (2 * to), true
}

// Divide is Answer of a Ratio: out of the values of what is divided and of what
// it is divided by. Series without any of both are left out; those with nothing to
// divide by in the whole window come last.
func (q Query) Divide(of, to map[string][]int64, now time.Time) []Point {
	r := Ratios[q.Metric]
	type total struct {
		value int64
		none  bool
	}
	totals := map[string]total{}
	for _, values := range []map[string][]int64{of, to, {"": nil}} {
		for name, steps := range values {
			if q.By == "" || something(steps) {
				n, ok := r.Value(sum(of[name]), sum(to[name]))
				totals[name] = total{n, !ok}
			}
		}
	}
	names := make([]string, 0, len(totals))
	for name := range totals {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := totals[a], totals[b]
		if x.none != y.none {
			if x.none {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(y.value, x.value), cmp.Compare(a, b))
	})
	return q.points(names, now, func(name string, step int) (int64, bool) { return r.Value(at(of[name], step), at(to[name], step)) })
}

func sum(steps []int64) (n int64) {
	for _, step := range steps {
		n += step
	}
	return n
}

func at(steps []int64, i int) int64 {
	if i >= len(steps) {
		return 0
	}
	return steps[i]
}
