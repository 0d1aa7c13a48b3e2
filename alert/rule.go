// Package alert is what is unusual: rules over figures, and when somebody is told.
// It fetches nothing and sends nothing: a Reading goes in, and a State and perhaps a
// Change come out.
package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Kind is what a rule watches.
type Kind string

// The kinds of rules. The last two are about the server, the others about a site.
const (
	Spike   Kind = "spike"     // the last hour has much more than usual
	Drop    Kind = "drop"      // the last hour has much less than usual
	Silence Kind = "silence"   // no event came for a while
	Aside   Kind = "set-aside" // what is set aside grows
	Lag     Kind = "lag"       // events wait long for the store, the archive or the ledger
)

// Kinds lists every kind.
var Kinds = []Kind{Spike, Drop, Silence, Aside, Lag}

// OfServer reports whether a rule is about the server, not about a site.
func (k Kind) OfServer() bool { return k == Aside || k == Lag }

// Rule says when somebody is told.
type Rule struct {
	Kind   Kind        `json:"kind"`
	Metric metric.Name `json:"metric,omitempty"` // of a spike or drop: PageViews or Visitors
	Times  int64       `json:"times,omitempty"`  // of a spike or drop: how many times the usual, or the usual how many times it, in hundredths
	Least  int64       `json:"least,omitempty"`  // what a spike has, what usually is where something drops, what an hour sets aside: at least
	// Minutes without an event are a silence, and an event that waited for as many is a lag.
	Minutes int `json:"minutes,omitempty"`
	// Always tells of a silence also when there usually is one.
	Always bool `json:"always,omitempty"`
}

// usual are what a rule says that says no more than its kind.
var usual = map[Kind]Rule{
	Spike: {Metric: metric.PageViews, Times: 300, Least: 100}, Drop: {Metric: metric.PageViews, Times: 300, Least: 100},
	Silence: {Minutes: 60}, Aside: {Least: 100}, Lag: {Minutes: 10},
}

// Complete fills in what is usual and checks a rule as an event.InvalidError.
func (r Rule) Complete() (Rule, error) {
	u, known := usual[r.Kind]
	if !known {
		return r, event.Invalid("kind", "%q is unknown: use %s", r.Kind, kindNames())
	}
	if r.Metric == "" {
		r.Metric = u.Metric
	}
	for _, f := range []struct {
		name   string
		of     *int64
		usual  int64
		lo, hi int64
		shown  string
	}{{"times", &r.Times, u.Times, 110, 100_000, "a number from 1.1 to 1000"}, {"least", &r.Least, u.Least, 1, 1_000_000_000, "a whole number from 1"}} {
		if *f.of == 0 {
			*f.of = f.usual
		}
		if f.usual == 0 && *f.of != 0 {
			return r, event.Invalid(f.name, "is not for %s", r.Kind)
		}
		if f.usual != 0 && (*f.of < f.lo || *f.of > f.hi) {
			return r, event.Invalid(f.name, "is not %s", f.shown)
		}
	}
	if r.Minutes == 0 {
		r.Minutes = u.Minutes
	}
	switch {
	case r.Metric != u.Metric && (u.Metric == "" || r.Metric != metric.Visitors):
		return r, event.Invalid("metric", "is for spike and drop, and PageViews or Visitors")
	case u.Minutes == 0 && r.Minutes != 0:
		return r, event.Invalid("minutes", "are not for %s", r.Kind)
	case u.Minutes != 0 && (r.Minutes < 1 || r.Minutes > 7*24*60):
		return r, event.Invalid("minutes", "are not a whole number from 1 to %d", 7*24*60)
	case r.Always && r.Kind != Silence:
		return r, event.Invalid("always", "is for silence")
	}
	return r, nil
}

func kindNames() string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// ParseRule reads a rule as Spell spells it.
func ParseRule(text string) (r Rule, err error) {
	if err = json.Unmarshal([]byte(text), &r); err == nil {
		r, err = r.Complete()
	}
	return r, err
}

// Spell spells a rule to be kept.
func (r Rule) Spell() string {
	b, _ := json.Marshal(r) // numbers and names always marshal
	return string(b)
}

// String says a rule in words.
func (r Rule) String() string {
	times := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", r.Times/100, r.Times%100), "0"), ".")
	of := map[metric.Name]string{metric.PageViews: "page views", metric.Visitors: "visitors"}[r.Metric]
	switch r.Kind {
	case Spike:
		return fmt.Sprintf("%s of an hour are over %s times the usual, and at least %d", of, times, r.Least)
	case Drop:
		return fmt.Sprintf("%s of an hour are less than the usual divided by %s, which is at least %d", of, times, r.Least)
	case Silence:
		if r.Always {
			return "no event for " + several(r.Minutes, "minute")
		}
		return "no event for " + several(r.Minutes, "minute") + ", at a time when there usually are some"
	case Aside:
		are := "are"
		if r.Least == 1 {
			are = "is"
		}
		return fmt.Sprintf("%s or more %s set aside within an hour", several(r.Least, "event"), are)
	}
	return "events wait for " + several(r.Minutes, "minute") + " or longer"
}

// several is a number of what is called so.
func several[N int | int64](n N, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Weeks is of how many weeks before the usual is made, and Enough how many of them
// there must have been: a new site has no usual.
const (
	Weeks  = 4
	Enough = 2
)

// Usual is what is usual: the median of the same stretch of earlier weeks, in
// hundredths; false if too few are known.
func Usual(weeks []int64) (hundredths int64, ok bool) {
	if len(weeks) < Enough {
		return 0, false
	}
	weeks = slices.Sorted(slices.Values(weeks))
	low, high := weeks[(len(weeks)-1)/2], weeks[len(weeks)/2]
	return 50 * (low + high), true
}

// Back is a stretch of time by the clock of a zone, some weeks before: of the hour
// from 14:00 the hour from 14:00, also where the clock was changed between.
func Back(t time.Time, weeks int, zone *time.Location) time.Time {
	return t.In(zone).AddDate(0, 0, -7*weeks)
}

// Earlier is Back of a window, which is as long: an hour that the clock shows twice, or
// not at all, would be one of two hours, or of none.
func Earlier(w period.Window, weeks int, zone *time.Location) period.Window {
	from := Back(w.From, weeks, zone)
	return period.Window{From: from, To: from.Add(w.To.Sub(w.From))}
}
