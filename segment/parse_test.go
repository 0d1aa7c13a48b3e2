package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"footfall/history"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"footfall/period"
)

const example = `
segments:
  - name: fans-of-b4
    version: 3
    when:
      all:
        - views: {product: B4, last: 3 months, at_least: 3}
        - not: {orders: {last: 30 days, at_least: 1}}
        - revenue: {at_least: 100.00}
        - trait: {plan: pro}
  - name: winter
    when:
      any:
        - orders: {category: "7", months: 2010-12..2011-02, more_than: 1}
        - refunded:
            months: 2010-12
            less_than: -0.005
        - trait: {interests: {contains: cats}}
        - trait: {mail: {exists: false}}
`

var exampleRead = []Definition{
	{"fans-of-b4", 3, Every{
		Figure{history.Views, history.Item{Kind: history.Product, Value: "B4"}, Window{Months: 3}, AtLeast, 3},
		Not{Figure{history.Orders, history.Whole, Window{Days: 30}, AtLeast, 1}},
		Figure{history.Revenue, history.Whole, Window{}, AtLeast, 100_000},
		Trait{"plan", Equals, "pro"}}},
	{"winter", 0, Any{
		Figure{history.Orders, history.Item{Kind: history.Category, Value: "7"}, Window{From: december, To: december + 90}, MoreThan, 1},
		Figure{history.Refunded, history.Whole, Window{From: december, To: december + 31}, LessThan, -5},
		Trait{"interests", Contains, "cats"},
		Trait{"mail", Missing, ""}}},
}

const december = period.Date(14944) // 2010-12-01

func TestParse(t *testing.T) {
	got, err := Parse([]byte(example))
	if err != nil || !reflect.DeepEqual(got, exampleRead) {
		t.Fatalf("got %v (%v)\nwant %v", got, err, exampleRead)
	}
	text, err := Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `segments:
  - name: fans-of-b4
    version: 3
    when:
      all:
        - views: {product: B4, last: 3 months, at_least: 3}
        - not:
            orders: {last: 30 days, at_least: 1}
        - revenue: {at_least: 100.00}
        - trait: {plan: pro}
  - name: winter
    when:
      any:
        - orders: {category: "7", months: 2010-12..2011-02, more_than: 1}
        - refunded: {months: 2010-12, less_than: -0.005}
        - trait: {interests: {contains: cats}}
        - trait: {mail: {exists: false}}
`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	one, err := json.Marshal(got[0])
	wantJSON := `{"name":"fans-of-b4","version":3,"when":{"all":[{"views":{"product":"B4","last":"3 months","at_least":3}},` +
		`{"not":{"orders":{"last":"30 days","at_least":1}}},{"revenue":{"at_least":100.00}},{"trait":{"plan":"pro"}}]}}`
	if err != nil || string(one) != wantJSON {
		t.Errorf("got %s (%v)\nwant %s", one, err, wantJSON)
	}
}

// TestRoundTrip: what is written reads as it was, as YAML, as JSON, and as JSON
// laid out and escaped by others.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 2000 {
		d := Definition{Name: fmt.Sprintf("s%d", i), Version: r.IntN(3), When: randomCondition(r, 4)}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		text, err := Marshal([]Definition{d})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(text); err != nil || len(back) != 1 || !reflect.DeepEqual(back[0], d) {
			t.Fatalf("%v (%v) from\n%s", back, err, text)
		}
		text, err = json.MarshalIndent(d, "\t", "\t")
		if err != nil {
			t.Fatal(err)
		}
		var back Definition
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, d) {
			t.Fatalf("%v (%v) from %s", back, err, text)
		}
		if same := d.After(back); same.Version != d.Version {
			t.Fatalf("the same definition has a new version: %v", same)
		}
	}
	d, err := ParseOne([]byte(`{"name":"x","when":{"trait":{"mood":"\ud83d\ude00\u00e4"}}}`))
	if err != nil || d.When != (Trait{"mood", Equals, "😀ä"}) {
		t.Errorf("escapes: %v (%v)", d, err)
	}
}

// TestTexts: every character that a text may have is kept, wherever it stands.
func TestTexts(t *testing.T) {
	runes := []rune{0xe000, 0xfffd, 0xfffe, 0xffff, 0x1f600, 0x10ffff}
	for r := ' '; r < 0x300; r++ {
		runes = append(runes, r, 0x2000+r-' ') // U+2000 has many a space
	}
	for _, r := range runes {
		s := string(r)
		if checkText(s) != nil {
			continue
		}
		d := Definition{Name: "x", When: Every{Trait{"a" + s, Equals, s + "b"}, Trait{s, Contains, s}, Trait{s + " # a: ", Equals, " [" + s + ", "}}}
		text, err := Marshal([]Definition{d})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(text); err != nil || !reflect.DeepEqual(back[0], d) {
			t.Errorf("%U: %v (%v) from\n%s", r, back, err, text)
		}
		if back, err := ParseOne([]byte("name: x\nwhen: {" + spell(d.When) + "}")); err != nil || !reflect.DeepEqual(back, d) {
			t.Errorf("%U: %v (%v) from %s", r, back, err, spell(d.When))
		}
	}
}

func TestAfter(t *testing.T) {
	old := Definition{"x", 4, Trait{"plan", Equals, "pro"}}
	if d := (Definition{Name: "x", When: Trait{"plan", Equals, "free"}}).After(old); d.Version != 5 {
		t.Errorf("changed: version %d", d.Version)
	}
	if d := (Definition{Name: "x", When: Trait{"plan", Equals, "pro"}}).After(old); d.Version != 4 {
		t.Errorf("unchanged: version %d", d.Version)
	}
	if d := (Definition{Name: "x", When: old.When}).After(Definition{}); d.Version != 1 {
		t.Errorf("the first has version %d", d.Version)
	}
}

// wrongOne are definitions with what is said of them.
var wrongOne = []struct{ text, want string }{
	{head + "all:\n    - views: {prodct: B4, at_least: 3}", `line 4: when.all[0].views: unknown field "prodct": use one of product, category, last, months, at_least, more_than, exactly, less_than, at_most`},
	{head + "all:\n    - visits: {at_least: 3}", `line 4: when.all[0]: unknown field "visits": use one of all, any, not, views, adds, orders, revenue, refunds, refunded, trait`},
	{head + "views: {product: B4}", `line 3: when.views: compares with nothing: add one of at_least,`},
	{head + "views: {at_least: 3, at_most: 4}", `line 3: when.views.at_most: there is already at_least`},
	{head + "views: {at_least: 3.5}", `line 3: when.views.at_least: "3.5" must be a whole number`},
	{head + "views: {at_least: many}", `line 3: when.views.at_least: "many" is no number`},
	{head + "views: {at_least: }", `line 3: when.views.at_least: must be a text or number`},
	{head + "views: {at_least: 1e3}", `"1e3" is no number`},
	{head + "views: {at_least: 0x10}", `"0x10" is no number`},
	{head + "revenue: {at_least: 1.2345}", `line 3: when.revenue.at_least: "1.2345" has more than 3 decimals`},
	{head + "revenue: {at_least: 1.}", `"1." is no number`},
	{head + "revenue: {at_least: 1000000000000.01}", `1000000000000.01 is beyond what is counted`},
	{head + "revenue: {at_least: 99999999999999999999}", `is beyond what is counted`},
	{head + "views: {product: a, category: b, at_least: 3}", `line 3: when.views.category: figures are kept by product and by category, not by both`},
	{head + "views: {product: '', at_least: 3}", `line 3: when.views: views: product is empty`},
	{head + "views: {product: [a], at_least: 3}", `line 3: when.views.product: must be a text or number`},
	{head + "views: {last: 3 weeks, at_least: 3}", `line 3: when.views.last: "3 weeks" is no time to look back: write 30 days or 3 months`},
	{head + "views: {last: 10001 days, at_least: 3}", `last is from 1 to 10000 days or months`},
	{head + "views: {last: 0 days, at_least: 3}", `"0 days" is no time to look back`},
	{head + "views: {last: 3 days, months: 2010-12, at_least: 3}", `line 3: when.views.months: last and months exclude each other`},
	{head + "views: {months: 2010-13, at_least: 3}", `"2010-13" are no months: write 2010-12 or 2010-12..2011-02`},
	{head + "views: {months: 2010-12..2010-11, at_least: 3}", `line 3: when.views.months: months end before they begin`},
	{head + "all: []", `line 3: when.all: must be a list of conditions`},
	{head + "all: {views: {at_least: 1}}", `line 3: when.all: must be a list of conditions`},
	{head + "not: {}", `line 3: when.not: has 0 conditions where one is meant`},
	{head + "any:\n    - views: {at_least: 1}\n      adds: {at_least: 1}", `line 4: when.any[0]: has 2 conditions where one is meant`},
	{head + "- views: {at_least: 1}", `line 3: when: must have fields: all, any, not, views`},
	{head + "trait: plan", `line 3: when.trait: must have a field`},
	{head + "trait: {a: b, c: d}", `line 3: when.trait: must name one trait`},
	{head + "trait: {a: {is: b}}", `line 3: when.trait.a: unknown field "is": use one of equals, contains, exists`},
	{head + "trait: {a: {exists: maybe}}", `line 3: when.trait.a.exists: is true or false, not "maybe"`},
	{head + "trait: {a: {contains: ''}}", `line 3: when.trait.a.contains: trait a: contains is empty`},
	{head + `trait: {a: "b\nc"}`, `holds a control character`},
	{head + "trait: {a: &b c}", `anchors and aliases are not understood`},
	{head + "trait: {a: !!binary YQ==}", `tags (!!binary) are not understood`},
	{"name: x", `line 1: segment x has no when: nobody would be in it`},
	{"name: X\nwhen: {trait: {a: b}}", `line 1: "X" is no name of a segment: use a-z, 0-9, _ and -`},
	{"name: x\nname: y", `line 2: name stands there twice`},
	{"name: x\nversion: 0", `line 2: version: versions count from 1`},
	{"name: x\nif: y", `line 2: unknown field "if": use one of name, version, when`},
	{"name: [x", `line 1: is not YAML: `},
	{"name: x\n\tversion: 3", `line 2: is not YAML: `},
	{"", "is empty"},
	{strings.Repeat("#", maxBytes+1), "is 1048577 bytes, the limit is 1048576"},
	{"name: x\nwhen: {trait: {a: b}}\n---\nname: y", `line 3: a second document begins here`},
	{"{\"name\": \"x\",\n\t\"when\": {\"views\": {\n\t\t\"prodct\": 3}}}", `line 3: when.views: unknown field "prodct"`},
	{"{\"name\": \"x\",\n\"when\": null}", `line 2: when: must have fields`},
	{head + strings.Repeat("not: {", 20) + "trait: {a: b}" + strings.Repeat("}", 20), `conditions are more than 16 deep`},
	{head + "any: [" + strings.Repeat("trait: {a: b}, ", 200) + "]", `when.any[199]: a segment has at most 200 conditions`},
	{`{"name":"x","when":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "is nested too deeply"},
}

// head begins a definition; its condition stands on line 3.
const head = "name: x\nwhen:\n  "

func TestErrors(t *testing.T) {
	for _, c := range wrongOne {
		_, err := ParseOne([]byte(c.text))
		var wrong *DefinitionError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"segments: x", `line 1: segments: must be a list`},
		{"segment: []", `line 1: unknown field "segment": use one of segments`},
		{"{}", `line 1: there is no list of segments`},
		{"segments:\n- name: x\n  when: {trait: {a: b}}\n- name: x\n  when: {trait: {a: c}}", `line 4: segments[1].name: x is defined twice`},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestCheck is of definitions that were made in code.
func TestCheck(t *testing.T) {
	good := Figure{history.Views, history.Whole, Window{}, AtLeast, 1}
	deep := Condition(good)
	for range maxDepth {
		deep = Not{deep}
	}
	figure := func(change func(*Figure)) Condition {
		c := good
		change(&c)
		return c
	}
	for want, c := range map[string]Condition{
		"":                              good,
		"a condition is missing":        nil,
		"all needs at least one":        Every{},
		"any needs at least one":        Not{Any{}},
		"conditions are more than 16":   deep,
		"more than 200 conditions":      Any(make([]Condition, 0, 300)),
		"there is no metric 6":          figure(func(c *Figure) { c.Metric = 6 }),
		"there is no comparison":        figure(func(c *Figure) { c.Is = "==" }),
		"there are no figures of":       figure(func(c *Figure) { c.Of = history.Item{} }),
		"is longer than 2048":           figure(func(c *Figure) { c.Of = history.Item{Kind: history.Product, Value: strings.Repeat("x", 2049)} }),
		"is not valid UTF-8":            figure(func(c *Figure) { c.Of = history.Item{Kind: history.Product, Value: "\xff"} }),
		"last and months exclude":       figure(func(c *Figure) { c.Within = Window{Days: 1, Months: 1} }),
		"last is from 1":                figure(func(c *Figure) { c.Within = Window{Days: -1} }),
		"months are whole months":       figure(func(c *Figure) { c.Within = Window{From: december + 1, To: december + 31} }),
		"trait a: there is no test":     Trait{"a", "", "b"},
		"trait a: exists takes no":      Trait{"a", Exists, "b"},
		"trait: the name is empty":      Trait{"", Equals, "b"},
		"trait a: contains is empty":    Trait{"a", Contains, ""},
		"holds a control character":     Trait{"a", Equals, "\x00"},
		"is beyond what is counted":     figure(func(c *Figure) { c.Value = maxValue + 1 }),
		"months end before they begin":  figure(func(c *Figure) { c.Within = Window{From: december, To: december} }),
		"refunds: there are no figures": Figure{history.Refunds, history.Item{Kind: history.All, Value: "x"}, Window{}, Exactly, 0},
	} {
		if any, ok := c.(Any); ok {
			for range 300 {
				any = append(any, good)
			}
			c = any
		}
		d := Definition{"x", 1, c}
		err := d.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := json.Marshal(d); (err == nil) != (want == "") {
			t.Errorf("%q: as JSON: %v", want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add(`{"segments":[{"name":"x","when":{"trait":{"a":"\ud83d\ude00"}}}]}`)
	f.Add("segments: [{name: x, when: {not: {revenue: {months: 2010-12, exactly: -0.5}}}}]")
	f.Add("segments:\n- name: x\n  when: {trait: {? a\n: b}}")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse([]byte(text))
		if err != nil {
			if wrong := new(DefinitionError); !errors.As(err, &wrong) || wrong.Why == "" {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		written, err := Marshal(all)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if back, err := Parse(written); err != nil || !reflect.DeepEqual(back, all) {
			t.Fatalf("read %v, written\n%s\nread again %v (%v)", all, written, back, err)
		}
		for _, d := range all {
			one, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := ParseOne(one); err != nil || !reflect.DeepEqual(back, d) {
				t.Fatalf("read %v, written %s, read again %v (%v)", d, one, back, err)
			}
			d.Match(nil, nil, 14000)
		}
	})
}
