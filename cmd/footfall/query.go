package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"footfall/api"
	"footfall/metric"
)

// several is a flag that may be given several times, also empty.
type several []string

func (s *several) String() string     { return strings.Join(*s, ", ") }
func (s *several) Set(v string) error { *s = append(*s, v); return nil }

// declareFilters gives every dimension a flag, as HTTP has a parameter.
func declareFilters(flags *flag.FlagSet) {
	for _, d := range metric.Dimensions {
		flags.Var(new(several), string(d), "only where the "+string(d)+" is this")
	}
	for _, of := range ofNames {
		flags.Var(new(several), of.flag, "only where "+of.what)
	}
}

// ofNames are the flags that filter on dimensions of a name, which no flag has.
var ofNames = []struct {
	flag, what string
	dimension  func(name string) metric.Dimension
}{
	{"property", "a property is this: NAME=VALUE", metric.Property},
	{"arm", "the visitor was exposed to this arm of an experiment before: EXPERIMENT=ARM", metric.Arm},
}

// ofName reports whether the flag is one of ofNames.
func ofName(flag string) bool {
	for _, of := range ofNames {
		if of.flag == flag {
			return true
		}
	}
	return false
}

func runQuery(ctx context.Context, c *call) error {
	form := c.form("query")
	if form.Get("report") != "" {
		return runReport(ctx, c, form)
	}
	for _, d := range metric.Dimensions {
		if values := *c.flags.Lookup(string(d)).Value.(*several); len(values) > 0 {
			form[string(d)] = values
		}
	}
	for _, of := range ofNames {
		for _, text := range *c.flags.Lookup(of.flag).Value.(*several) {
			name, value, ok := strings.Cut(text, "=")
			if !ok {
				return misused("--%s %q is no NAME=VALUE", of.flag, text)
			}
			form.Add(string(of.dimension(name)), value)
		}
	}
	if form.Get("window") == "" && form.Get("from") == "" && form.Get("to") == "" {
		form.Set("window", "Last7Days")
	}
	// Its JSON is the contract of scripts: only a person gets a table.
	c.json = c.json || !isTerminal(c.stdout)
	var out api.Answer
	return c.once(ctx, "GET", "/query", form, &out, func(w io.Writer) { printAnswer(w, form.Get("metric"), form.Get("by"), out) })
}

// noTime is the error for days between which there are none.
func noTime(from, to string) error {
	return fmt.Errorf("from %s to %s is no time: --to is the day after the last", from, to)
}

// maxColumns is how many series stand side by side; more stand below one another.
const maxColumns = 6

// printAnswer prints a table: the series as rows if there is one step, as
// columns if they are few, else each figure in a row of its own.
func printAnswer(w io.Writer, counted, by string, a api.Answer) {
	series := distinct(a.Dataset, func(p api.Point) string { return readable(p.Series) })
	times := distinct(a.Dataset, func(p api.Point) string { return p.Timestamp })
	by, counted = cmp.Or(by, "site"), strings.TrimSpace(counted+" "+a.Unit)
	labels, rows := 1, [][]string{{by, counted}}
	switch {
	case len(times) < 2:
		for _, p := range a.Dataset {
			rows = append(rows, []string{readable(p.Series), figure(p, a.Unit)})
		}
	case len(series) <= maxColumns:
		if rows[0] = append([]string{"time"}, series...); len(series) == 1 {
			rows[0][1] = counted
		}
		for i, at := range times { // each series has every time
			row := []string{clock(at)}
			for s := range series {
				row = append(row, figure(a.Dataset[s*len(times)+i], a.Unit))
			}
			rows = append(rows, row)
		}
	default:
		labels, rows[0] = 2, []string{by, "time", counted}
		for _, p := range a.Dataset {
			rows = append(rows, []string{readable(p.Series), clock(p.Timestamp), figure(p, a.Unit)})
		}
	}
	printRows(w, rows, labels)
	fmt.Fprintf(w, "\n%s as of %s", counted, clock(a.AsOf))
	if a.Estimate {
		fmt.Fprint(w, ", estimated to about 1 %")
	}
	fmt.Fprintln(w)
	warnOfArms(w, a.Experiments)
}

// printRows prints the first columns, labels, to the left and numbers to the right.
func printRows(w io.Writer, rows [][]string, labels int) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			if i < labels {
				fmt.Fprintf(w, "%-*s", width[i], cell)
			} else {
				fmt.Fprintf(w, "%*s", width[i], cell)
			}
			if i+1 < len(row) {
				fmt.Fprint(w, "  ")
			}
		}
		fmt.Fprintln(w)
	}
}

func distinct(points []api.Point, of func(api.Point) string) (all []string) {
	known := map[string]bool{}
	for _, p := range points {
		if key := of(p); !known[key] {
			known[key] = true
			all = append(all, key)
		}
	}
	return all
}

// figure is a value with at least two decimals if it is an amount or a rate; – if
// there is none.
func figure(p api.Point, unit string) string {
	if p.Value == nil {
		return "–"
	}
	whole, rest, _ := strings.Cut(p.Value.String(), ".")
	if unit == "" {
		return whole
	}
	return whole + "." + rest + strings.Repeat("0", max(0, 2-len(rest)))
}

// clock is the local time of an instant as RFC 3339, without a midnight.
func clock(at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return at
	}
	return strings.TrimSuffix(t.Format("2006-01-02 15:04"), " 00:00")
}

// readable is a text of a visitor's making without what would steer a terminal.
func readable(s string) string {
	return orDash(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s))
}

// warnOfArms tells who is left out of experiments.
func warnOfArms(w io.Writer, all []api.ExperimentTold) {
	for _, e := range all {
		if warning := e.Warning(); warning != "" {
			fmt.Fprintln(w, readable(warning))
		}
	}
}
