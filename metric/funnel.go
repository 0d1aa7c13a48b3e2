package metric

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"footfall/period"
)

// The bounds of a funnel.
const (
	MinSteps   = 2
	MaxSteps   = 8
	MaxWithin  = 366 * 24 * time.Hour
	MaxFunnels = 100 // that a site keeps under a name
)

// Step is a step of a funnel as a person names it: a goal of the site, or what is done.
type Step struct {
	Name string // what it is called; "" is by what it is
	Goal string // name of the goal; "" is none
	Act         // if there is none
}

// Title is what the step is called.
func (s Step) Title() string { return cmp.Or(s.Name, s.Goal, s.Page, s.Event) }

// SavedFunnel is a funnel that a site keeps under a name. Who asks for it says the
// window, and what else holds.
type SavedFunnel struct {
	Name   string
	Steps  []Step
	Within time.Duration // as of a Funnel
}

// WithinForm is how the time that all steps may take is written: 30m, 24h, 7d.
const WithinForm = `^([1-9][0-9]{0,5})([mhd])$`

var (
	withinForm  = regexp.MustCompile(WithinForm)
	withinUnits = map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// ParseWithin reads a time as WithinForm has it; false is none.
func ParseWithin(text string) (time.Duration, bool) {
	some := withinForm.FindStringSubmatch(text)
	if some == nil {
		return 0, false
	}
	count, _ := strconv.Atoi(some[1]) // six digits
	return time.Duration(count) * withinUnits[some[2]], true
}

// SpellWithin spells it as ParseWithin reads it, in whole minutes: one day is 24h, and no
// time "".
func SpellWithin(d time.Duration) string {
	if d == 0 {
		return ""
	}
	unit := "m"
	switch {
	case d%withinUnits["d"] == 0 && d > withinUnits["d"]:
		unit = "d"
	case d%withinUnits["h"] == 0:
		unit = "h"
	}
	return strconv.FormatInt(int64(d/withinUnits[unit]), 10) + unit
}

// Funnel is the question, of a site with these goals. What is wrong with it is a
// QueryError, which names the field.
func (s SavedFunnel) Funnel(goals []Goal) (f Funnel, err error) {
	f = Funnel{Within: s.Within, Goals: goals}
	for i, step := range s.Steps {
		field := fmt.Sprintf("steps[%d]", i)
		if len(step.Name) > MaxValue || !plain(step.Name) {
			return f, wrong("%s.name: it is a text of at most %d bytes", field, MaxValue)
		}
		act := step.Act
		if step.Goal != "" {
			if act != (Act{}) {
				return f, wrong("%s: is a goal or what is done: leave goal out, or page, event and filters", field)
			}
			if act, err = actOf(step.Goal, goals, field+".goal"); err != nil {
				return f, err
			}
		}
		f.Steps = append(f.Steps, act)
	}
	return f, f.checkSteps()
}

// actOf is what a goal is.
func actOf(name string, goals []Goal, field string) (Act, error) {
	names := make([]string, len(goals))
	for i, g := range goals {
		if g.Name == name {
			return g.Act, nil
		}
		names[i] = g.Name
	}
	return Act{}, wrong("%s: there is no goal %q: use one of %s, or add it (footfall goal add)", field, name, cmp.Or(joined(names), "none"))
}

// Check reports what is wrong with the funnel, of a site with these goals, as a
// QueryError, which names the field, or nil.
func (s SavedFunnel) Check(goals []Goal) error {
	if err := checkName("funnel", s.Name); err != nil {
		return err
	}
	_, err := s.Funnel(goals)
	return err
}

// Funnel is a question for how many visitors did some things one after another. Each
// step is done by an event of the visitor's that is later than the one before it: of
// events in one millisecond the one stored first is the first. What lies between
// does not matter. Unknown visitors (0) do nothing.
type Funnel struct {
	Site   string
	Steps  []Act
	Window period.Window // in which all of it happens
	// Within is the most time from a visitor's first step to the last; 0 is the window.
	// A visitor who begins again has tried again: the farthest of all tries counts.
	Within time.Duration
	Where  *Where         // what holds of each step's event, beside the step's own; nil is nothing. Done is on the visitor
	Zone   *time.Location // of weekdays and hours in Where; nil is UTC
	Bots   bool           // count bots too
	Goals  []Goal         // of the site, as of a Report

	Members []Member // as of a Report
}

// Passage answers a Funnel.
type Passage struct {
	Visitors []int64 // who did this step, after all before it: one figure for each step, none larger than the one before
	Source   string
	AsOf     time.Time // everything received before this is counted
	Exposed  []Exposed // of each experiment by whose arms it is filtered
}

// Report is the funnel's condition and window as a report's, which has the same
// meaning there.
func (f Funnel) Report() Report {
	return Report{Site: f.Site, Metrics: []Name{Events}, Window: f.Window, Zone: f.Zone, Where: f.Where, Bots: f.Bots, Goals: f.Goals, Members: f.Members}
}

// Check reports what is wrong with the funnel as a QueryError, which names the field,
// or nil.
func (f Funnel) Check() error {
	if err := f.checkSteps(); err != nil {
		return err
	}
	if f.Report().ByGoal() {
		return wrong("filters: a step names its goal itself; a condition on goals is one on visitors: has_done")
	}
	return f.Report().Check()
}

// checkSteps reports what is wrong with what is done, and in which time.
func (f Funnel) checkSteps() error {
	if len(f.Steps) < MinSteps || len(f.Steps) > MaxSteps {
		return wrong("steps: a funnel has %d to %d steps, not %d", MinSteps, MaxSteps, len(f.Steps))
	}
	for i, step := range f.Steps {
		if err := step.Check(fmt.Sprintf("steps[%d]", i)); err != nil {
			return err
		}
	}
	if f.Within < 0 || f.Within > MaxWithin || f.Within%time.Millisecond != 0 {
		return wrong("within: %s is no time up to %s, in whole milliseconds", f.Within, MaxWithin)
	}
	return nil
}

// Whole is all of them, in thousandths of a per cent.
const Whole = 100 * 1000

// Share is how many of one step's visitors did another, in thousandths of a per cent,
// half away from zero; false if there are none of them.
func (p Passage) Share(of, step int) (int64, bool) {
	return Ratio{Times: Whole}.Value(p.Visitors[step], p.Visitors[of])
}
