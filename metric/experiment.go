package metric

import (
	"slices"
	"strings"
)

const armPrefix = "arm:"

// MaxExperiments is the most experiments whose arms a report may ask for.
const MaxExperiments = 6

// Arm is the dimension of an experiment's arms, by the experiment's id (or its name,
// if its exposures say no id). Each event is in the arm that its visitor saw, from the
// visitor's first exposure on; before it, of visitors who were never exposed, and of
// those who were exposed to more than one arm, the value is "". Exposures are of all
// time up to the end of the window.
func Arm(experiment string) Dimension { return Dimension(armPrefix + experiment) }

// Arm is the experiment that the dimension is the arms of; false if it is of none.
func (d Dimension) Arm() (experiment string, ok bool) {
	return strings.CutPrefix(string(d), armPrefix)
}

// OfName reports whether the dimension is one of what has a name of its own: of a
// property, or of an experiment's arms.
func (d Dimension) OfName() bool {
	for _, of := range []func(Dimension) (string, bool){Dimension.Property, Dimension.Arm} {
		if name, ok := of(d); ok {
			return name != ""
		}
	}
	return false
}

// Exposed tells of an experiment whose arms were asked for.
type Exposed struct {
	Experiment string
	Units      int64 // visitors who were exposed to it up to the end of the window
	Mixed      int64 // those of them who were exposed to more than one arm, and are in none
}

// Experiments lists the experiments whose arms the report asks for, each once.
func (r Report) Experiments() (all []string) {
	asked := r.Dimensions()
	for _, done := range r.Where.Visitors() {
		asked = append(asked, done.Dimensions()...)
	}
	for _, d := range asked {
		if name, ok := d.Arm(); ok && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// ByArm reports whether what is counted is told by arms: the report is split by them or
// filtered on them. Visitors are then those with any event, as the exposure is one and
// mostly comes behind the view of the page that it is of.
func (r Report) ByArm() bool {
	return slices.ContainsFunc(r.Dimensions(), func(d Dimension) bool { _, arm := d.Arm(); return arm })
}

// checkArms reports more experiments than may be asked for at once.
func (r Report) checkArms() error {
	if n := len(r.Experiments()); n > MaxExperiments {
		return wrong("dimensions: arms of %d experiments are more than %d: name fewer", n, MaxExperiments)
	}
	return nil
}
