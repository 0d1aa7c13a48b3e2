package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
	"footfall/query"
	"footfall/sheet"
)

// inTurn answers reports that wait for their turn with all other questions.
type inTurn struct {
	api.Reports
	turns query.Turns
}

// Tabulate waits for a turn and answers.
func (t inTurn) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	leave, err := t.turns.Take(ctx)
	if err != nil {
		return metric.Table{}, err
	}
	defer leave()
	return t.Reports.Tabulate(ctx, r)
}

// report answers a question in the form of POST /v1/query.
func (k *control) report(w http.ResponseWriter, r *http.Request) error {
	sites, body, err := k.question(r)
	if err != nil {
		return err
	}
	t, err := api.AskReport(r.Context(), k.h, body, sites, time.Now())
	if err != nil {
		return err
	}
	return answer(w, t)
}

// question is one that is sent, and the sites it may be about: the one that is
// named, or all.
func (k *control) question(r *http.Request) (sites []account.Site, body []byte, err error) {
	sites, err = k.h.sites.Sites(r.Context())
	if name := r.URL.Query().Get("site"); err == nil && name != "" {
		var one account.Site
		one, err = k.h.sites.find(name)
		sites = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != one.ID })
	}
	if err != nil {
		return nil, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(r.Body, api.MaxBody))
	return sites, body, err
}

// runReport sends the question of --report. All but the site stands in it.
func runReport(ctx context.Context, c *call, form url.Values) error {
	var others []string
	c.flags.Visit(func(f *flag.Flag) {
		own := slices.ContainsFunc(ownFlags["query"], func(o [3]string) bool { return o[0] == f.Name })
		if (own || ofName(f.Name) || slices.Contains(metric.Dimensions, metric.Dimension(f.Name))) && !slices.Contains([]string{"report", "site", "format"}, f.Name) {
			others = append(others, "--"+f.Name)
		}
	})
	if len(others) > 0 {
		return misused("--report has the whole question: leave %s out, and write it into the file", strings.Join(others, ", "))
	}
	format := form.Get("format")
	if format != "" && sheet.Formats[format] == "" {
		return misused("--format %q is unknown: csv or ndjson; without it JSON, or a table on a terminal", format)
	}
	c.json = c.json || format == "" && !isTerminal(c.stdout)
	var out api.Table
	var failed error
	err := c.sendNamed(ctx, form.Get("report"), "/query", url.Values{"site": {form.Get("site")}}, &out, func(w io.Writer) {
		if format != "" {
			failed = api.WriteTable(w, format, out)
			return
		}
		printTable(w, out)
	})
	return errors.Join(err, failed)
}

// printTable prints a table: dimensions to the left, metrics with their units.
func printTable(w io.Writer, t api.Table) {
	labels := len(t.Query.Dimensions)
	head := slices.Clone(t.Query.Dimensions)
	for _, m := range t.Query.Metrics {
		head = append(head, strings.TrimSpace(m+" "+t.Meta.Units[metric.Name(m)]))
	}
	rows := [][]string{head}
	for _, r := range t.Results {
		var row []string
		for _, d := range r.Dimensions {
			row = append(row, readable(d))
		}
		for i, n := range r.Metrics {
			unit := t.Meta.Units[metric.Name(t.Query.Metrics[i])]
			if n != nil && unit == "" {
				row = append(row, n.String())
				continue
			}
			row = append(row, figure(api.Point{Value: n}, unit))
		}
		rows = append(rows, row)
	}
	printRows(w, rows, labels)
	fmt.Fprintf(w, "\n%s to %s as of %s", t.Query.Range[0], t.Query.Range[1], clock(t.Meta.AsOf))
	if t.Meta.Estimate {
		fmt.Fprint(w, ", visitors estimated to about 1 %")
	}
	fmt.Fprintln(w)
	for _, warning := range t.Meta.Warnings {
		fmt.Fprintln(w, warning)
	}
}
