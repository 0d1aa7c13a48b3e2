package client_test

import (
	"flag"
	"fmt"
	"go/format"
	"os"
	"strings"
	"testing"
	"unicode"

	"footfall/api"
	"footfall/metric"
)

var write = flag.Bool("write", false, "write the generated files anew")

// TestNamesAreCurrent: names.go and footfall.d.ts have the names of the catalogue.
// Written anew by: go test ./client -run Names -write
func TestNamesAreCurrent(t *testing.T) {
	template, err := os.ReadFile("types.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"names.go": goNames(t), "footfall.d.ts": scriptNames() + string(template)} {
		if *write {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || string(have) != want {
			t.Errorf("%s is old (%v): go test ./client -run Names -write", name, err)
		}
	}
}

const made = "Code generated from the catalogue by names_test.go; DO NOT EDIT."

func goNames(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("// " + made + "\n\npackage client\n\n// Metric is what can be counted; docs/words.md tells what each is.\ntype Metric string\n\n// The metrics.\nconst (\n")
	for _, m := range metric.Names {
		fmt.Fprintf(&b, "\t%s Metric = %q\n", m, m)
	}
	b.WriteString(")\n\n// Dimension is what figures are told and filtered by.\ntype Dimension string\n\n// The dimensions.\nconst (\n")
	for _, d := range metric.Dimensions {
		fmt.Fprintf(&b, "\tBy%s Dimension = %q\n", camel(string(d)), d)
	}
	b.WriteString(")\n\n// The time as a dimension: by the usual step of the range, or by one that is named.\nconst (\n")
	for _, name := range api.TimeNames() {
		fmt.Fprintf(&b, "\tBy%s Dimension = %q\n", camel(name), name)
	}
	b.WriteString(")\n\n// Property is the dimension of an event's property.\nfunc Property(name string) Dimension { return Dimension(\"property:\" + name) }\n\n// Arm is the dimension of an experiment's arms, by its id or, of one without, its name.\nfunc Arm(experiment string) Dimension { return Dimension(\"arm:\" + experiment) }\n")
	text, err := format.Source([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// camel is a name without what stands between its words: utm_source is UtmSource.
func camel(name string) string {
	var out strings.Builder
	for _, word := range strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == ':' }) {
		out.WriteString(string(unicode.ToUpper(rune(word[0]))) + word[1:])
	}
	return out.String()
}

func scriptNames() string {
	one := func(of []string) string { return "'" + strings.Join(of, "' | '") + "'" }
	own, other := api.MetricNames()
	dimensions, more := api.DimensionNames()
	return "// " + made + "\n\nexport type Metric = " + one(append(own, other...)) + "\nexport type Dimension = " + one(append(dimensions, more...)) + " | `property:${string}` | `event:props:${string}` | `arm:${string}`" +
		"\nexport type TimeDimension = " + one(api.TimeNames()) + "\nexport type RangeName = " + one(api.RangeNames()) + " | `${number}d` | `${number}mo`\n\n"
}
