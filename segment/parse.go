package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"footfall/history"
)

// DefinitionError says where a definition is wrong and what would be right.
type DefinitionError struct {
	Line  int    // from 1; 0 is unknown
	Field string // when.all[0].views.product; "" is the whole
	Why   string
}

func (e *DefinitionError) Error() string {
	s := e.Why
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Line > 0 {
		s = "line " + strconv.Itoa(e.Line) + ": " + s
	}
	return s
}

// Parse reads a file of segments, YAML or JSON. Errors are of type
// *DefinitionError.
func Parse(text []byte) ([]Definition, error) {
	root, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(root, "", []string{"segments"})
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, wrong(root, "", "there is no list of segments")
	}
	list := fields[0].value
	if list.Kind != yaml.SequenceNode {
		return nil, wrong(list, "segments", "must be a list: each segment begins with - name")
	}
	var all []Definition
	for i, n := range list.Content {
		at := fmt.Sprintf("segments[%d]", i)
		d, err := parseDefinition(n, at)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o Definition) bool { return o.Name == d.Name }) {
			return nil, wrong(n, at+".name", "%s is defined twice", d.Name)
		}
		all = append(all, d)
	}
	return all, nil
}

// ParseOne reads one definition, YAML or JSON. Errors are of type
// *DefinitionError.
func ParseOne(text []byte) (Definition, error) {
	root, err := parseTree(text)
	if err != nil {
		return Definition{}, err
	}
	return parseDefinition(root, "")
}

// UnmarshalJSON reads what MarshalJSON wrote, as ParseOne does.
func (d *Definition) UnmarshalJSON(text []byte) error {
	read, err := ParseOne(text)
	if err == nil {
		*d = read
	}
	return err
}

func wrong(n *yaml.Node, at, why string, args ...any) error {
	return &DefinitionError{Line: n.Line, Field: at, Why: fmt.Sprintf(why, args...)}
}

func parseDefinition(n *yaml.Node, at string) (d Definition, err error) {
	fields, err := fieldsOf(n, at, []string{"name", "version", "when"})
	if err != nil {
		return d, err
	}
	p := &parser{left: maxConditions}
	for _, f := range fields {
		switch f.name {
		case "name":
			d.Name, err = scalar(f.value, f.at)
		case "version":
			var version int64
			version, err = number(f.value, f.at, 0)
			d.Version = int(version)
			if err == nil && d.Version < 1 {
				err = wrong(f.value, f.at, "versions count from 1")
			}
		case "when":
			d.When, err = p.condition(f.value, f.at, 1)
		}
		if err != nil {
			return Definition{}, err
		}
	}
	if err := d.checkHead(); err != nil {
		return Definition{}, wrong(n, at, "%s", err)
	}
	if d.When == nil {
		return Definition{}, wrong(n, at, "segment %s has no when: nobody would be in it", d.Name)
	}
	return d, nil
}

// parser reads the conditions of one definition.
type parser struct{ left int } // how many more it may have

// condition reads one condition: a mapping with one field that says its sort.
func (p *parser) condition(n *yaml.Node, at string, depth int) (Condition, error) {
	if p.left--; p.left < 0 {
		return nil, wrong(n, at, "a segment has at most %d conditions", maxConditions)
	}
	if depth > maxDepth {
		return nil, wrong(n, at, "conditions are more than %d deep", maxDepth)
	}
	known := []string{"all", "any", "not"}
	for _, m := range history.Metrics {
		known = append(known, m.String())
	}
	fields, err := fieldsOf(n, at, append(known, "trait"))
	if err != nil {
		return nil, err
	}
	if len(fields) != 1 {
		return nil, wrong(n, at, "has %d conditions where one is meant: list several below all or any, each with a dash", len(fields))
	}
	f := fields[0]
	switch f.name {
	case "all", "any":
		of, err := p.conditions(f, depth)
		if f.name == "all" {
			return Every(of), err
		}
		return Any(of), err
	case "not":
		of, err := p.condition(f.value, f.at, depth+1)
		return Not{of}, err
	case "trait":
		return parseTrait(f)
	}
	return parseFigure(f, history.Metric(slices.Index(known, f.name)-3))
}

func (p *parser) conditions(f field, depth int) ([]Condition, error) {
	if f.value.Kind != yaml.SequenceNode || len(f.value.Content) == 0 {
		return nil, wrong(f.value, f.at, "must be a list of conditions, each with a dash")
	}
	var of []Condition
	for i, n := range f.value.Content {
		c, err := p.condition(n, fmt.Sprintf("%s[%d]", f.at, i), depth+1)
		if err != nil {
			return nil, err
		}
		of = append(of, c)
	}
	return of, nil
}

// parseFigure reads {product: B4, last: 3 months, at_least: 3}.
func parseFigure(f field, m history.Metric) (Condition, error) {
	known := []string{"product", "category", "last", "months"}
	for _, c := range Comparisons {
		known = append(known, string(c))
	}
	fields, err := fieldsOf(f.value, f.at, known)
	if err != nil {
		return nil, err
	}
	c := Figure{Metric: m, Of: history.Whole}
	for _, f := range fields {
		if err := c.set(f); err != nil {
			return nil, err
		}
	}
	if c.Is == "" {
		return nil, wrong(f.value, f.at, "compares with nothing: add one of %s", strings.Join(known[4:], ", "))
	}
	if err := c.check(0, nil); err != nil {
		return nil, wrong(f.value, f.at, "%s", err)
	}
	return c, nil
}

// set takes in one field of a figure.
func (c *Figure) set(f field) error {
	if f.name == "last" || f.name == "months" {
		return c.setWindow(f)
	}
	if f.name == "product" || f.name == "category" {
		if c.Of != history.Whole {
			return wrong(f.value, f.at, "figures are kept by product and by category, not by both: take one")
		}
		value, err := scalar(f.value, f.at)
		c.Of = history.Item{Kind: history.Kind(f.name), Value: value}
		return err
	}
	if c.Is != "" {
		return wrong(f.value, f.at, "there is already %s: compare once, or list two conditions below all", c.Is)
	}
	decimals := 0
	if c.Metric.Money() {
		decimals = 3
	}
	var err error
	c.Is = Comparison(f.name)
	c.Value, err = number(f.value, f.at, decimals)
	return err
}

func (c *Figure) setWindow(f field) error {
	if !c.Within.Ever() {
		return wrong(f.value, f.at, "last and months exclude each other")
	}
	s, err := scalar(f.value, f.at)
	if err != nil {
		return err
	}
	parse := parseLast
	if f.name == "months" {
		parse = parseMonths
	}
	if c.Within, err = parse(s); err == nil {
		err = c.Within.check()
	}
	if err != nil {
		return wrong(f.value, f.at, "%s", err)
	}
	return nil
}

// parseTrait reads {plan: pro}, {plan: {contains: pr}} or {plan: {exists: false}}.
func parseTrait(f field) (Condition, error) {
	fields, err := fieldsOf(f.value, f.at, nil)
	if err != nil {
		return nil, err
	}
	if len(fields) != 1 {
		return nil, wrong(f.value, f.at, "must name one trait, as in trait: {plan: pro}")
	}
	f = fields[0]
	c := Trait{Name: f.name, Is: Equals}
	if f.value.Kind == yaml.MappingNode {
		tests, err := fieldsOf(f.value, f.at, []string{string(Equals), string(Contains), string(Exists)})
		if err != nil {
			return nil, err
		}
		if len(tests) != 1 {
			return nil, wrong(f.value, f.at, "must have one of equals, contains, exists")
		}
		f = tests[0]
		c.Is = Test(f.name)
	}
	if c.Value, err = scalar(f.value, f.at); err != nil {
		return nil, err
	}
	if c.Is == Exists {
		switch c.Value {
		case "true":
		case "false":
			c.Is = Missing
		default:
			return nil, wrong(f.value, f.at, "is true or false, not %q", c.Value)
		}
		c.Value = ""
	}
	if err := c.check(0, nil); err != nil {
		return nil, wrong(f.value, f.at, "%s", err)
	}
	return c, nil
}

// field is one entry of a mapping.
type field struct {
	name  string
	at    string // its path
	value *yaml.Node
}

// fieldsOf reads a mapping whose fields are known; nil knows all.
func fieldsOf(n *yaml.Node, at string, known []string) ([]field, error) {
	if n.Kind != yaml.MappingNode {
		if known == nil {
			return nil, wrong(n, at, "must have a field")
		}
		return nil, wrong(n, at, "must have fields: %s", strings.Join(known, ", "))
	}
	var fields []field
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := scalar(n.Content[i], at)
		if err != nil {
			return nil, err
		}
		if known != nil && !slices.Contains(known, key) {
			return nil, wrong(n.Content[i], at, "unknown field %q: use one of %s", key, strings.Join(known, ", "))
		}
		if slices.ContainsFunc(fields, func(f field) bool { return f.name == key }) {
			return nil, wrong(n.Content[i], at, "%s stands there twice", key)
		}
		path := key
		if at != "" {
			path = at + "." + key
		}
		fields = append(fields, field{key, path, n.Content[i+1]})
	}
	return fields, nil
}

// scalar reads a text, or a number or truth value as it is written.
func scalar(n *yaml.Node, at string) (string, error) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "", wrong(n, at, "anchors and aliases are not understood")
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		return "", wrong(n, at, "must be a text or number")
	case n.Style&yaml.TaggedStyle != 0:
		return "", wrong(n, at, "tags (%s) are not understood", n.Tag)
	}
	return n.Value, nil
}

// number reads a decimal number exactly; with 3 decimals as thousandths.
func number(n *yaml.Node, at string, decimals int) (int64, error) {
	s, err := scalar(n, at)
	if err != nil {
		return 0, err
	}
	whole, fraction, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !digits(strings.TrimPrefix(whole, "-")) || point && !digits(fraction) {
		return 0, wrong(n, at, "%q is no number", s)
	}
	if len(fraction) > decimals {
		if decimals == 0 {
			return 0, wrong(n, at, "%q must be a whole number", s)
		}
		return 0, wrong(n, at, "%q has more than %d decimals", s, decimals)
	}
	value, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil || value > maxValue || value < -maxValue {
		return 0, wrong(n, at, "%s is beyond what is counted", s)
	}
	return value, nil
}

// maxBytes bounds a file of definitions: some thousand segments.
const maxBytes = 1 << 20

// parseTree reads YAML or JSON as a tree that knows its lines.
func parseTree(text []byte) (*yaml.Node, error) {
	if len(text) > maxBytes {
		return nil, &DefinitionError{Why: fmt.Sprintf("is %d bytes, the limit is %d", len(text), maxBytes)}
	}
	if json.Valid(text) { // JSON may have escapes and tabs that YAML does not know
		return jsonTree(text)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	if err := d.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &DefinitionError{Why: "is empty"}
		}
		why := strings.TrimPrefix(err.Error(), "yaml: ")
		var line int
		if _, err := fmt.Sscanf(why, "line %d: ", &line); err == nil {
			_, why, _ = strings.Cut(why, ": ")
		}
		return nil, &DefinitionError{Line: line, Why: "is not YAML: " + why}
	}
	if d.Decode(&more) == nil {
		return nil, wrong(&more, "", "a second document begins here: write one")
	}
	return document.Content[0], nil
}

// jsonTree reads valid JSON.
func jsonTree(text []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	line, counted := 1, int64(0)
	var read func(depth int) (*yaml.Node, error)
	read = func(depth int) (*yaml.Node, error) {
		token, err := d.Token()
		if err != nil {
			return nil, &DefinitionError{Line: line, Why: err.Error()}
		}
		line += bytes.Count(text[counted:d.InputOffset()], []byte("\n"))
		counted = d.InputOffset()
		delim, nested := token.(json.Delim)
		if !nested {
			return leaf(token, line), nil
		}
		if depth > 4*maxDepth {
			return nil, &DefinitionError{Line: line, Why: "is nested too deeply"}
		}
		n := &yaml.Node{Kind: yaml.MappingNode, Line: line}
		if delim == '[' {
			n.Kind = yaml.SequenceNode
		}
		for d.More() {
			of, err := read(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, of)
		}
		_, err = d.Token() // the closing bracket
		return n, err
	}
	return read(0)
}

// leaf makes a scalar out of a value of JSON or of a definition.
func leaf(value any, line int) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: line, Tag: "!!null", Value: "null"}
	switch v := value.(type) {
	case string:
		n.Tag, n.Value = "!!str", v
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
		if strings.Contains(n.Value, ".") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	}
	return n
}
