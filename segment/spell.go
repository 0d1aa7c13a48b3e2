package segment

import (
	"bytes"
	"encoding/json"
	"footfall/history"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"footfall/event"
	"footfall/period"
)

// Marshal spells definitions as YAML, as Parse reads it.
func Marshal(definitions []Definition) ([]byte, error) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, d := range definitions {
		if err := d.Check(); err != nil {
			return nil, err
		}
		list.Content = append(list.Content, d.node())
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(mapping("segments", list)); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// MarshalJSON spells the definition as JSON, with the same fields as in YAML.
// It is one line, the same for the same definition.
func (d Definition) MarshalJSON() ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return appendJSON(nil, d.node()), nil
}

// String is the definition's condition on one line of YAML.
func (d Definition) String() string { return spell(d.When) }

// After is the definition as it follows old of the same name: with old's
// version if it says the same, else with the next.
func (d Definition) After(old Definition) Definition {
	d.Version = old.Version
	if d.When == nil || old.When == nil || spell(d.When) != spell(old.When) {
		d.Version++
	}
	return d
}

func (d Definition) node() *yaml.Node {
	n := mapping("name", leaf(d.Name, 0))
	if d.Version > 0 {
		add(n, "version", leaf(json.Number(strconv.Itoa(d.Version)), 0))
	}
	return add(n, "when", d.When.node())
}

func mapping(name string, value *yaml.Node) *yaml.Node {
	return add(&yaml.Node{Kind: yaml.MappingNode}, name, value)
}

func add(n *yaml.Node, name string, value *yaml.Node) *yaml.Node {
	n.Content = append(n.Content, leaf(name, 0), value)
	return n
}

func nodes(of []Condition) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, c := range of {
		n.Content = append(n.Content, c.node())
	}
	return n
}

func (c Every) node() *yaml.Node { return mapping(word(c), nodes(c)) }
func (c Any) node() *yaml.Node   { return mapping(word(c), nodes(c)) }
func (c Not) node() *yaml.Node   { return mapping(word(c), c.Condition.node()) }

func (c Figure) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if c.Of != history.Whole {
		add(n, string(c.Of.Kind), leaf(c.Of.Value, 0))
	}
	if name, value := c.Within.field(); name != "" {
		add(n, name, leaf(value, 0))
	}
	add(n, string(c.Is), leaf(written(c.Metric, c.Value), 0))
	return mapping(c.Metric.String(), n)
}

// written spells a figure: a count, or money in units.
func written(m history.Metric, figure int64) json.Number {
	if m.Money() {
		return json.Number(event.Decimal(figure))
	}
	return json.Number(strconv.FormatInt(figure, 10))
}

func (c Trait) node() *yaml.Node {
	is := leaf(c.Value, 0)
	switch c.Is {
	case Contains:
		is = mapping("contains", is)
	case Exists, Missing:
		is = mapping("exists", leaf(c.Is == Exists, 0))
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{leaf(c.Name, 0), is}}
	return mapping("trait", n)
}

// spell writes a condition on one line.
func spell(c Condition) string {
	n := c.node()
	n.Content[1].Style = yaml.FlowStyle
	b, err := yaml.Marshal(n)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(string(b), "\n")
}

// appendJSON writes a tree as JSON.
func appendJSON(b []byte, n *yaml.Node) []byte {
	switch {
	case n.Kind == yaml.SequenceNode:
		b = append(b, '[')
		for i, of := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, of)
		}
		return append(b, ']')
	case n.Kind == yaml.MappingNode:
		b = append(b, '{')
		for i, of := range n.Content {
			if i > 0 {
				b = append(b, ",:"[i%2])
			}
			b = appendJSON(b, of)
		}
		return append(b, '}')
	case n.Tag == "!!str":
		s, _ := json.Marshal(n.Value) // a text always has JSON
		return append(b, s...)
	}
	return append(b, n.Value...)
}

// Explanation says whether a condition held for a visitor, and with which
// figure. Its String is for people, its JSON for programs.
type Explanation struct {
	Condition Condition
	Held      bool
	Figure    int64         // of a Figure
	From, To  period.Date   // of a Figure: its dates, To not included
	Trait     string        // of a Trait: the visitor's; "" if it is missing
	Of        []Explanation // of Every, Any and Not: their conditions
}

// word names the sort of a condition that has others inside.
func word(c Condition) string {
	switch c.(type) {
	case Every:
		return "all"
	case Any:
		return "any"
	}
	return "not"
}

// dates is the first and last date of a figure; "" for ever.
func (x Explanation) dates() (first, last string) {
	if f, ok := x.Condition.(Figure); ok && !f.Within.Ever() {
		return x.From.String(), (x.To - 1).String()
	}
	return "", ""
}

// String is a line for each condition, the inner ones further in.
func (x Explanation) String() string {
	var b strings.Builder
	x.write(&b, "")
	return b.String()
}

func (x Explanation) write(b *strings.Builder, indent string) {
	b.WriteString(indent + map[bool]string{true: "yes ", false: "no  "}[x.Held])
	switch c := x.Condition.(type) {
	case Figure:
		b.WriteString(spell(c) + ": " + written(c.Metric, x.Figure).String())
		if first, last := x.dates(); first != "" {
			b.WriteString(" from " + first + " to " + last)
		}
	case Trait:
		b.WriteString(spell(c) + ": " + strconv.Quote(x.Trait))
	default:
		b.WriteString(word(c))
	}
	b.WriteString("\n")
	for _, of := range x.Of {
		of.write(b, indent+"    ")
	}
}

// MarshalJSON spells the explanation with the fields held, condition, figure
// (money in units), from and to (both included), trait and of.
func (x Explanation) MarshalJSON() ([]byte, error) {
	form := struct {
		Held      bool          `json:"held"`
		Condition string        `json:"condition"`
		Figure    json.Number   `json:"figure,omitempty"`
		From      string        `json:"from,omitempty"`
		To        string        `json:"to,omitempty"`
		Trait     *string       `json:"trait,omitempty"`
		Of        []Explanation `json:"of,omitempty"`
	}{Held: x.Held, Of: x.Of}
	form.From, form.To = x.dates()
	switch c := x.Condition.(type) {
	case Figure:
		form.Condition, form.Figure = spell(c), written(c.Metric, x.Figure)
	case Trait:
		form.Condition, form.Trait = spell(c), &x.Trait
	default:
		form.Condition = word(c)
	}
	return json.Marshal(form)
}
