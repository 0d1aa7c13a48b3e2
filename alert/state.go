package alert

import (
	"encoding/json"
	"time"
)

// Reading is what is looked at.
type Reading struct {
	At   time.Time
	From time.Time // since when this server has run: what it slept through is nothing unusual
	Now  int64     // the figure: of an hour, events since Minutes, the number set aside ever, minutes waited
	// Weeks are the same figure of earlier weeks, those that are known; of a silence
	// they are needed only if Now is 0.
	Weeks []int64
}

// State is how an alert stands.
type State struct {
	Firing bool      `json:"firing"`
	Since  time.Time `json:"since"` // of the change to it; zero: there was none
	Calm   int       `json:"calm,omitempty"`
	// Counts are of the last hour, oldest first: what was set aside ever.
	Counts []Count `json:"counts,omitempty"`
	// The last change, and what became of telling it.
	Last  *Change   `json:"last,omitempty"`
	Told  bool      `json:"told,omitempty"`
	Tries int       `json:"tries,omitempty"`
	Due   time.Time `json:"due,omitzero"`
	Why   string    `json:"why,omitempty"` // the last try failed, or it was given up
}

// Count is a number at a moment.
type Count struct {
	At time.Time `json:"at"`
	N  int64     `json:"n"`
}

// Change is that something began, or is over.
type Change struct {
	Number int       `json:"number"` // counts an alert's changes from 1
	Over   bool      `json:"over"`
	Began  time.Time `json:"began"`
	At     time.Time `json:"at"`
	Now    int64     `json:"now"`   // the figure
	Usual  int64     `json:"usual"` // in hundredths; -1 is not asked for or not known
}

// ParseState reads a state as Spell spells it; "" is the beginning.
func ParseState(text string) (s State, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// Spell spells a state to be kept.
func (s State) Spell() string {
	b, _ := json.Marshal(s) // numbers and times always marshal
	return string(b)
}

// judgement is what a reading says.
type judgement int

const (
	unknown judgement = iota
	good
	between // neither: what is, stays
	bad
)

// calm is how many good readings in a row end what began: one may be chance.
const calm = 2

// Step takes a reading: something begins with the first bad reading, and is over
// after two good ones in a row. Between the two limits nothing changes, so that a
// figure that wavers about one of them tells nobody twice.
func (r Rule) Step(s State, x Reading) State {
	figure, verdict, usual := x.Now, unknown, int64(-1)
	switch r.Kind {
	case Aside:
		figure = s.grown(x)
		verdict = limits(figure >= r.Least, 2*figure < r.Least)
	case Lag:
		verdict = limits(figure >= int64(r.Minutes), 2*figure < int64(r.Minutes))
	default:
		verdict, usual = r.ofSite(x)
	}
	switch {
	case verdict == bad && !s.Firing:
		s.begin(Change{Began: x.At, At: x.At, Now: figure, Usual: usual})
	case verdict == good && s.Firing:
		if s.Calm++; s.Calm >= calm {
			s.begin(Change{Over: true, Began: s.Since, At: x.At, Now: figure, Usual: usual})
		}
	case verdict == bad, verdict == between:
		s.Calm = 0
	}
	return s
}

// limits is a judgement by two limits.
func limits(isBad, isGood bool) judgement {
	switch {
	case isBad:
		return bad
	case isGood:
		return good
	}
	return between
}

// begin is the state after a change. One that was not told yet is not told any more:
// what is over tells since when it was.
func (s *State) begin(c Change) {
	if s.Last != nil {
		c.Number = s.Last.Number
	}
	c.Number++
	*s = State{Firing: !c.Over, Since: c.At, Counts: s.Counts, Last: &c}
}

// grown adds a count and tells by how much it grew within the last hour.
func (s *State) grown(x Reading) int64 {
	var kept []Count
	for _, c := range s.Counts {
		if x.At.Sub(c.At) <= time.Hour && c.N <= x.Now { // a number that shrank was begun anew
			kept = append(kept, c)
		}
	}
	const apart = 5 * time.Minute // a count of each minute says little more
	if n := len(kept); n == 0 || x.At.Sub(kept[n-1].At) >= apart {
		kept = append(kept, Count{x.At, x.Now})
	}
	s.Counts = kept
	return x.Now - kept[0].N
}

// enough is how many events a silence usually has in its place: where there are
// fewer, none at all may be chance (with ten that is less than once in 20,000).
const enough = 10

// hour is what spikes and drops are of.
const hour = time.Hour

// ofSite judges a figure of a site by what is usual.
func (r Rule) ofSite(x Reading) (verdict judgement, usual int64) {
	usual, known := Usual(x.Weeks)
	slept := func(d time.Duration) bool { return x.At.Sub(x.From) < d }
	if !known {
		usual = -1
	}
	now := 100 * x.Now
	switch {
	case r.Kind == Silence && x.Now > 0:
		return good, usual
	case r.Kind == Silence && slept(time.Duration(r.Minutes)*time.Minute):
		return unknown, usual
	case r.Kind == Silence && r.Always:
		return bad, usual
	case r.Kind == Drop && slept(hour), !known:
		return unknown, usual
	case r.Kind == Silence:
		return limits(usual >= 100*enough, false), usual
	case r.Kind == Spike:
		isOver := 100*now <= 75*r.Times*usual/100 || 4*x.Now < 3*r.Least
		return limits(100*now > r.Times*usual && x.Now >= r.Least, isOver && !slept(hour)), usual
	case usual < 100*r.Least: // there usually is too little to drop; what dropped before is not over for that
		return between, usual
	}
	return limits(r.Times*now < 100*usual, 75*r.Times*now >= 100*100*usual || now >= usual), usual
}
