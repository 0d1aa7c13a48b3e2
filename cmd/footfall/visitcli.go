package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"footfall/api"
	"footfall/metric"
	"footfall/sheet"
)

var visitCommands = []command{
	{"cohorts", "[--site S] [--step day|week|month] [--window W | --from D [--to D]] [--event E | --reached G] [--goal G] [--segment S] [--filters JSON] [--csv | --format F] | --report FILE|-", "tell how many of the new visitors of each week came back (retention)", runCohorts},
	{"journey", "(--page P | --event E) [--site S] [--direction next|previous] [--depth N] [--limit N] [--window W | --from D [--to D]] [--goal G] [--segment S] [--filters JSON] [--csv | --format F] | --report FILE|-", "tell which pages are next to a page or an event", runJourney},
}

var visitFlags = map[string][][3]string{
	"cohorts": slices.Concat(ofVisits, [][3]string{{"step", "", "day, week (as it is without) or month"}, {"event", "", "coming back is a track event of this name, instead of a page view"}, {"reached", "", "coming back is to reach this goal"}, {"report", "", "file with a question, as POST /v1/retention takes it, or - for what comes in"}}),
	"journey": slices.Concat(ofVisits, [][3]string{{"page", "", "path of the page to look from"}, {"event", "", "name of the track event to look from"}, {"direction", "", "next (as it is without) or previous"}, {"depth", "", "how many pages to look at, 1 to 3"}, {"limit", "", "most pages behind each; 10 without"}, {"report", "", "file with a question, as POST /v1/journey takes it, or - for what comes in"}}),
}

var ofVisits = slices.Concat([][3]string{{"site", "", "site"}, {"window", "", "such as 30d, 6mo, Last90Days or all"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"timezone", "", "instead of the site's"}, {"bots", "", "true counts bots too"}}, asTable, whoFlags)

// asTable say what the answer is printed as.
var asTable = [][3]string{{"csv", "false", "true: print CSV"}, {"format", "", "print the table as csv, ndjson, parquet or arrow"}}

// whoFlags say of whom the figures are.
var whoFlags = [][3]string{{"goal", "", "only visitors who reached this goal in the time"}, {"segment", "", "only visitors who are in this segment"}, {"filters", "", `other conditions, as POST /v1/query takes them: [["is", "country", ["DE"]]]`}}

func runCohorts(ctx context.Context, c *call) error {
	var out api.Retention
	return c.askVisits(ctx, "cohorts", &out, func(w io.Writer) { printCohorts(w, out) }, func() [][]string { return cohortLines(out) })
}

func runJourney(ctx context.Context, c *call) error {
	var out api.Journey
	return c.askVisits(ctx, "journey", &out, func(w io.Writer) { printJourney(w, out) }, func() [][]string { return journeyLines(out) })
}

// askVisits asks the question of the flags, or of the file that they name. A person
// gets a table, a program the answer in JSON or CSV.
func (c *call) askVisits(ctx context.Context, name string, out any, table func(io.Writer), lines func() [][]string) error {
	form := c.form(name)
	print, err := c.printing(form, table, lines)
	if err != nil {
		return err
	}
	file := form.Get("report")
	if file == "" {
		return c.once(ctx, "POST", "/"+name, form, out, print)
	}
	var others []string
	c.flags.Visit(func(f *flag.Flag) {
		own := slices.ContainsFunc(ownFlags[name], func(o [3]string) bool { return o[0] == f.Name })
		if own && !slices.Contains([]string{"report", "site", "csv", "format"}, f.Name) {
			others = append(others, "--"+f.Name)
		}
	})
	if len(others) > 0 {
		return misused("--report has the whole question: leave %s out, and write it into the file", strings.Join(others, ", "))
	}
	return c.sendNamed(ctx, file, "/"+name, url.Values{"site": {form.Get("site")}}, out, print)
}

// printing is how the answer is printed, as --csv and --format say, which are no part of the
// question.
func (c *call) printing(form url.Values, table func(io.Writer), lines func() [][]string) (func(io.Writer), error) {
	format := form.Get("format")
	if form.Get("csv") == "true" {
		format = cmp.Or(format, "csv")
	}
	form.Del("csv")
	form.Del("format")
	if format == "" {
		c.json = c.json || !isTerminal(c.stdout)
		return table, nil
	}
	if sheet.Formats[format] == "" {
		return nil, misused("--format %q is unknown: use %s", format, tableFormats())
	}
	c.json = false
	return func(w io.Writer) { _ = writeLines(w, format, lines()) }, binary(c, format) // else who reads is gone
}

// rates is the type of rates.
const rates = "DECIMAL(18,3)"

// writeLines writes a table whose head has the columns as sheet.Columns does.
func writeLines(w io.Writer, format string, lines [][]string) error {
	columns := sheet.Columns(lines[0]...)
	rows := sheet.Begin(w, format, columns...)
	for _, line := range lines[1:] {
		cells := make([]any, len(line))
		for i, text := range line {
			switch {
			case columns[i].Type == "" || columns[i].Type == "DATE":
				cells[i] = text
			case columns[i].Type == "BOOLEAN":
				cells[i] = text == "true"
			case text != "":
				cells[i] = json.Number(text)
			}
		}
		if err := rows.Row(cells...); err != nil {
			return err
		}
	}
	return rows.Close()
}

// tenths is a rate to a tenth; – if there is none.
func tenths(rate *json.Number) string {
	if rate == nil {
		return "–"
	}
	f, err := rate.Float64()
	if err != nil {
		return rate.String()
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

// printCohorts prints the triangle: a row for each cohort, a column for each step behind.
func printCohorts(w io.Writer, a api.Retention) {
	mark := map[bool]string{true: "*", false: " "}
	head := []string{string(a.Query.Step), "visitors "}
	average := []string{"all", " "}
	for _, step := range a.Average {
		head = append(head, fmt.Sprintf("+%d ", step.Step))
		average = append(average, tenths(step.Rate)+" ")
	}
	rows, begun := [][]string{head}, false
	for _, cohort := range a.Cohorts {
		row := []string{cohort.Start, strconv.FormatInt(cohort.Size, 10) + mark[cohort.Partial]}
		for _, back := range cohort.Returned {
			row = append(row, tenths(back.Rate)+mark[back.Partial])
		}
		begun = begun || cohort.Partial
		rows = append(rows, append(row, make([]string, len(head)-len(row))...))
	}
	printRows(w, append(rows, average), 1)
	fmt.Fprintf(w, "\nin %% of the visitors first seen in a %s who came back in the %[1]ss behind it, as of %s", a.Query.Step, clock(a.Meta.AsOf))
	if begun {
		fmt.Fprintf(w, "; * is not over, and not in the last line")
	}
	fmt.Fprintln(w)
	for _, warning := range a.Meta.Warnings {
		fmt.Fprintln(w, warning)
	}
}

// cohortLines are the answer as a table of one figure a line, of the own step, too.
func cohortLines(a api.Retention) [][]string {
	lines := [][]string{{"cohort DATE", "size BIGINT", "step BIGINT", "start DATE", "visitors BIGINT", "rate " + rates, "partial BOOLEAN"}}
	for _, cohort := range a.Cohorts {
		size := strconv.FormatInt(cohort.Size, 10)
		own := api.ReturnedRow{Start: cohort.Start, Visitors: cohort.Size, Partial: cohort.Partial}
		if cohort.Size > 0 {
			own.Rate = new(json.Number("100"))
		}
		for n, back := range append([]api.ReturnedRow{own}, cohort.Returned...) {
			lines = append(lines, []string{cohort.Start, size, strconv.Itoa(n), back.Start, strconv.FormatInt(back.Visitors, 10), orNothing(back.Rate), strconv.FormatBool(back.Partial)})
		}
	}
	return lines
}

func orNothing(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// ends are what ending is, by the way that a journey looks.
var ends = map[metric.Way]string{metric.Next: "(left)", metric.Previous: "(entered)"}

// printJourney prints pages below those that they are next to.
func printJourney(w io.Writer, a api.Journey) {
	row := func(depth int, label string, views int64, share *json.Number) []string {
		return []string{strings.Repeat("  ", depth) + label, strconv.FormatInt(views, 10), tenths(share)}
	}
	rows := [][]string{{string(a.Query.Way), "views", "%"}}
	var add func(p api.JourneyPlace, depth int)
	add = func(p api.JourneyPlace, depth int) {
		rows = append(rows, row(depth, readable(p.Page), p.Views, p.Share))
		if p.JourneyOn == nil {
			return
		}
		for _, next := range p.Pages {
			add(next, depth+1)
		}
		if p.Others > 0 {
			rows = append(rows, row(depth+1, fmt.Sprintf("(%d other pages)", p.TotalPages-int64(len(p.Pages))), p.Others, p.OthersShare))
		}
		if p.Ended > 0 {
			rows = append(rows, row(depth+1, ends[a.Query.Way], p.Ended, p.EndedShare))
		}
	}
	add(a.From, 0)
	if a.Apart > 0 {
		rows = append(rows, row(0, "(in no session)", a.Apart, a.ApartShare))
	}
	printRows(w, rows, 1)
	fmt.Fprintf(w, "\n%s to %s as of %s\n", a.Query.Range[0], a.Query.Range[1], clock(a.Meta.AsOf))
}

// journeyLines are the answer as a table: of each way how many there are, and what
// becomes of it.
func journeyLines(a api.Journey) [][]string {
	head := []string{"what", "views BIGINT", "share " + rates}
	for n := range a.Query.Depth {
		head = append(head, fmt.Sprint("page_", n+1))
	}
	lines := [][]string{head}
	line := func(what string, views int64, share *json.Number, way []string) {
		pages := append(slices.Clone(way), make([]string, a.Query.Depth-len(way))...)
		lines = append(lines, append([]string{what, strconv.FormatInt(views, 10), orNothing(share)}, pages...))
	}
	var add func(p api.JourneyPlace, way []string)
	add = func(p api.JourneyPlace, way []string) {
		what := "page"
		if len(way) == 0 {
			what = "from"
		}
		line(what, p.Views, p.Share, way)
		if p.JourneyOn == nil {
			return
		}
		for _, next := range p.Pages {
			add(next, append(slices.Clone(way), next.Page))
		}
		line("others", p.Others, p.OthersShare, way)
		line("ended", p.Ended, p.EndedShare, way)
	}
	add(a.From, nil)
	line("apart", a.Apart, a.ApartShare, nil)
	return lines
}
