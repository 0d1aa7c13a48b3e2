// Package segment tells by rules over a visitor's past, and over what is known
// of the visitor, which segments the visitor is in. docs/segments.md is for users.
package segment

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// Definition is a segment: visitors for whom a condition holds.
type Definition struct {
	Name    string
	Version int // counts its changes from 1; 0 is not stored yet
	When    Condition
}

// Condition is one of Every, Any, Not, Figure and Trait.
type Condition interface {
	explain(v *visitor) Explanation
	// check reports what is wrong; depth is how deep the condition lies, and
	// left how many more a definition may have.
	check(depth int, left *int) error
	node() *yaml.Node
}

// Every holds if all of its conditions hold.
type Every []Condition

// Any holds if at least one of its conditions holds.
type Any []Condition

// Not holds if its condition does not.
type Not struct{ Condition Condition }

// Figure compares a figure of the visitor's past.
type Figure struct {
	Metric history.Metric
	Of     history.Item
	Within Window
	Is     Comparison
	Value  int64 // a count; for money, thousandths
}

// Trait tests what identify said of the visitor.
type Trait struct {
	Name  string
	Is    Test
	Value string // not of Exists and Missing
}

// Comparison is how a figure is compared.
type Comparison string

// The comparisons.
const (
	AtLeast  Comparison = "at_least"
	MoreThan Comparison = "more_than"
	Exactly  Comparison = "exactly"
	LessThan Comparison = "less_than"
	AtMost   Comparison = "at_most"
)

// Comparisons lists every comparison.
var Comparisons = []Comparison{AtLeast, MoreThan, Exactly, LessThan, AtMost}

func (c Comparison) holds(figure, value int64) bool {
	switch c {
	case AtLeast:
		return figure >= value
	case MoreThan:
		return figure > value
	case Exactly:
		return figure == value
	case LessThan:
		return figure < value
	case AtMost:
		return figure <= value
	}
	return false
}

// Test is how a trait is tested. Upper and lower case differ.
type Test string

// The tests. A trait that is missing neither equals nor contains anything.
const (
	Equals   Test = "equals"
	Contains Test = "contains"
	Exists   Test = "exists"
	Missing  Test = "missing" // spelled exists: false
)

func (t Trait) holds(traits map[string]string) bool {
	value, ok := traits[t.Name]
	switch t.Is {
	case Equals:
		return ok && value == t.Value
	case Contains:
		return ok && strings.Contains(value, t.Value)
	case Exists:
		return ok
	case Missing:
		return !ok
	}
	return false
}

// visitor is who conditions are tested on.
type visitor struct {
	history history.History
	traits  map[string]string
	today   period.Date
}

// Match reports whether a visitor is in the segment on a day of the site's
// zone, for a definition that Check finds nothing wrong with. History and
// traits may be nil.
func (d Definition) Match(h history.History, traits map[string]string, today period.Date) bool {
	return d.Explain(h, traits, today).Held
}

// Explain tests the segment on a visitor like Match and tells why.
func (d Definition) Explain(h history.History, traits map[string]string, today period.Date) Explanation {
	return d.When.explain(&visitor{h, traits, today})
}

func (c Every) explain(v *visitor) Explanation {
	x := Explanation{Condition: c, Held: true, Of: make([]Explanation, len(c))}
	for i := range c {
		x.Of[i] = c[i].explain(v)
		x.Held = x.Held && x.Of[i].Held
	}
	return x
}

func (c Any) explain(v *visitor) Explanation {
	x := Explanation{Condition: c, Of: make([]Explanation, len(c))}
	for i := range c {
		x.Of[i] = c[i].explain(v)
		x.Held = x.Held || x.Of[i].Held
	}
	return x
}

func (c Not) explain(v *visitor) Explanation {
	of := c.Condition.explain(v)
	return Explanation{Condition: c, Held: !of.Held, Of: []Explanation{of}}
}

func (c Figure) explain(v *visitor) Explanation {
	from, to := c.Within.Dates(v.today)
	figure := v.history.Sum(c.Of, from, to)[c.Metric]
	return Explanation{Condition: c, Held: c.Is.holds(figure, c.Value), Figure: figure, From: from, To: to}
}

func (c Trait) explain(v *visitor) Explanation {
	return Explanation{Condition: c, Held: c.holds(v.traits), Trait: v.traits[c.Name]}
}

// Items lists what the figures of definitions are of, in the order of kind and
// value: a history of these items, all dates of them, is enough to test them.
func Items(definitions ...Definition) []history.Item {
	used := history.History{}
	var walk func(cs ...Condition)
	walk = func(cs ...Condition) {
		for _, c := range cs {
			switch c := c.(type) {
			case Every:
				walk(c...)
			case Any:
				walk(c...)
			case Not:
				walk(c.Condition)
			case Figure:
				used[c.Of] = nil
			}
		}
	}
	for _, d := range definitions {
		walk(d.When)
	}
	return used.Items()
}

// Limits of a definition.
const (
	maxDepth      = 16
	maxConditions = 200
	maxValue      = 1_000_000_000_000 * event.Thousandths // as of an amount in an event
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Check reports what is wrong with the definition, or nil. What Parse returns
// is checked.
func (d Definition) Check() error {
	if err := d.checkHead(); err != nil {
		return err
	}
	left := maxConditions
	if err := checkOne(d.When, 1, &left); err != nil {
		return fmt.Errorf("segment %s: %w", d.Name, err)
	}
	return nil
}

func (d Definition) checkHead() error {
	if !nameForm.MatchString(d.Name) {
		return fmt.Errorf("%q is no name of a segment: use a-z, 0-9, _ and -, at most 64", d.Name)
	}
	if d.Version < 0 || d.Version > math.MaxInt32 {
		return fmt.Errorf("segment %s: version %d: versions count from 1", d.Name, d.Version)
	}
	return nil
}

func checkOne(c Condition, depth int, left *int) error {
	switch *left--; {
	case c == nil:
		return fmt.Errorf("a condition is missing")
	case depth > maxDepth:
		return fmt.Errorf("conditions are more than %d deep", maxDepth)
	case *left < 0:
		return fmt.Errorf("more than %d conditions", maxConditions)
	}
	return c.check(depth, left)
}

func checkEach(cs []Condition, word string, depth int, left *int) error {
	if len(cs) == 0 {
		return fmt.Errorf("%s needs at least one condition", word)
	}
	for _, c := range cs {
		if err := checkOne(c, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

func (c Every) check(depth int, left *int) error { return checkEach(c, "all", depth, left) }
func (c Any) check(depth int, left *int) error   { return checkEach(c, "any", depth, left) }
func (c Not) check(depth int, left *int) error   { return checkOne(c.Condition, depth+1, left) }

func (c Figure) check(int, *int) error {
	switch {
	case c.Metric < 0 || int(c.Metric) >= len(history.Metrics):
		return fmt.Errorf("there is no metric %d", int(c.Metric))
	case !slices.Contains(Comparisons, c.Is):
		return fmt.Errorf("%s: there is no comparison %q", c.Metric, c.Is)
	case c.Value > maxValue || c.Value < -maxValue:
		return fmt.Errorf("%s: %s is beyond what is counted", c.Metric, c.Is)
	case c.Of.Kind == history.All && c.Of.Value == "":
	case c.Of.Kind != history.Product && c.Of.Kind != history.Category:
		return fmt.Errorf("%s: there are no figures of %s %q", c.Metric, c.Of.Kind, c.Of.Value)
	default:
		if err := checkText(c.Of.Value); err != nil {
			return fmt.Errorf("%s: %s %w", c.Metric, c.Of.Kind, err)
		}
	}
	if err := c.Within.check(); err != nil {
		return fmt.Errorf("%s: %w", c.Metric, err)
	}
	return nil
}

func (c Trait) check(int, *int) error {
	if err := checkText(c.Name); err != nil {
		return fmt.Errorf("trait: the name %w", err)
	}
	switch c.Is {
	case Exists, Missing:
		if c.Value != "" {
			return fmt.Errorf("trait %s: %s takes no value", c.Name, c.Is)
		}
		return nil
	case Equals:
		if c.Value == "" {
			return nil
		}
	case Contains:
	default:
		return fmt.Errorf("trait %s: there is no test %q", c.Name, c.Is)
	}
	if err := checkText(c.Value); err != nil {
		return fmt.Errorf("trait %s: %s %w", c.Name, c.Is, err)
	}
	return nil
}

// checkText reports what makes a text of a definition unfit.
func checkText(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case len(s) > event.MaxText:
		return fmt.Errorf("is longer than %d bytes", event.MaxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("is not valid UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfeff }):
		return fmt.Errorf("holds a control character")
	}
	return nil
}
