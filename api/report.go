package api

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/sheet"
)

// Reports answers questions for tables.
type Reports interface {
	Tabulate(ctx context.Context, r metric.Report) (metric.Table, error)
}

// report is POST /v1/query.
func (d *door) report(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	format, err := tableFormat(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	out, err := AskReport(r.Context(), d.Reports, body, sites, d.Now())
	if err != nil || format == "json" {
		d.tell(w, out, err)
		return
	}
	w.Header().Set("Content-Type", sheet.Formats[format])
	_ = WriteTable(w, format, out) // else the client is gone
}

// tableFormat is what a table is asked for in: by the parameter format, else by the
// Accept header, else JSON.
func tableFormat(r *http.Request) (string, error) {
	switch format := r.URL.Query().Get("format"); {
	case format == "json" || sheet.Formats[format] != "":
		return format, nil
	case format != "":
		return "", wrong("format=%q is unknown: use %s or json", format, strings.Join(slices.Sorted(maps.Keys(sheet.Formats)), ", "))
	}
	return cmp.Or(sheet.Accepted(r.Header.Get("Accept")), "json"), nil
}

// WriteTable writes the rows of a table in one of sheet.Formats: dimensions, metrics
// and, if it is compared, for each metric NAME_before and NAME_change, in per cent.
func WriteTable(w io.Writer, format string, t Table) error {
	compared := t.Query.Include.Compare != nil // also where there is no row
	columns := t.columns(compared)
	out := sheet.Begin(w, format, columns...)
	for _, r := range t.Results {
		cells := make([]any, 0, len(columns))
		for _, d := range r.Dimensions {
			cells = append(cells, d)
		}
		for _, n := range r.Metrics {
			cells = append(cells, n)
		}
		for i := range t.Query.Metrics {
			switch {
			case !compared:
			case r.Comparison == nil:
				cells = append(cells, nil, nil)
			default:
				cells = append(cells, r.Comparison.Metrics[i], r.Comparison.Change[i])
			}
		}
		if err := out.Row(cells...); err != nil {
			return err
		}
	}
	return out.Close()
}

// columns are those of a table's rows. A step below a day is an instant, others are dates.
func (t *Table) columns(compared bool) (all []sheet.Column) {
	for _, d := range t.Query.Dimensions {
		one := sheet.Column{Name: d}
		switch step, isTime := timeOf(d); { // as question.label has it
		case isTime && slices.Contains([]period.Step{period.Minute, period.Quarter, period.Hour}, step):
			one.Type = "TIMESTAMP"
		case isTime:
			one.Type = "DATE"
		}
		all = append(all, one)
	}
	for _, m := range t.Query.Metrics {
		all = append(all, sheet.Column{Name: m, Type: metric.Name(m).Type()})
	}
	for _, m := range t.Query.Metrics {
		if compared {
			all = append(all, sheet.Column{Name: m + "_before", Type: metric.Name(m).Type()}, sheet.Column{Name: m + "_change", Type: "DOUBLE"})
		}
	}
	return all
}

// AskReport reads a question in the form of POST /v1/query, asks it and spells the
// answer. sites are those the asker may see. What is wrong with the question is a
// *metric.QueryError.
func AskReport(ctx context.Context, reports Reports, body []byte, sites []account.Site, now time.Time) (t Table, err error) {
	q, err := readQuestion(body, sites, now)
	if err != nil {
		return t, err
	}
	asked := q.report
	if q.all {
		asked.Step = period.Total // as there are too many of any other until it has a beginning
	}
	if err := asked.Check(); err != nil {
		return t, err
	}
	if q.all {
		if err := q.begin(ctx, reports, now); err != nil {
			return t, err
		}
		q.steps()
	}
	table, err := reports.Tabulate(ctx, q.report)
	if err != nil {
		return t, err
	}
	return q.spell(table), nil
}

// Table is how a metric.Table is spelled.
type Table struct {
	Results []TableRow `json:"results"`
	Meta    TableMeta  `json:"meta"`
	Query   Asked      `json:"query"`
}

// TableRow is the figures of one combination of dimensions.
type TableRow struct {
	Metrics    []*json.Number `json:"metrics"`    // exact, in the unit of TableMeta; null: there is none, as of a rate of nothing
	Dimensions []string       `json:"dimensions"` // as Asked lists them; a time is a date, or below a day RFC 3339 in the question's zone
	Partial    bool           `json:"partial,omitempty"`
	Comparison *Comparison    `json:"comparison,omitempty"`
}

// Comparison is the same row of the window that is compared with.
type Comparison struct {
	Metrics    []*json.Number `json:"metrics"`
	Dimensions []string       `json:"dimensions"`
	Change     []*json.Number `json:"change"` // in per cent, to a tenth; null where there is nothing to compare with
}

// TableMeta tells how the figures came about.
type TableMeta struct {
	Units      map[metric.Name]string `json:"units"` // of the metrics that have one: a currency, ISO 4217, or "%" or "s"
	Source     string                 `json:"source"`
	AsOf       string                 `json:"as_of"` // RFC 3339
	Sealed     string                 `json:"sealed,omitempty"`
	Estimate   bool                   `json:"estimate"`
	TimeLabels []string               `json:"time_labels,omitempty"`
	TotalRows  *int                   `json:"total_rows,omitempty"`
	Warnings   []string               `json:"warnings,omitempty"`

	Experiments []ExperimentTold `json:"experiments,omitempty"` // those whose arms were asked for
}

// spell spells a table.
func (q *question) spell(table metric.Table) Table {
	zone := q.report.Zone
	t := Table{Results: make([]TableRow, len(table.Rows)), Query: q.asked(), Meta: TableMeta{Units: map[metric.Name]string{}, Source: table.Source,
		AsOf: table.AsOf.In(zone).Format(time.RFC3339), Estimate: table.Estimate, Warnings: q.warnings, Experiments: tellExposed(table.Exposed)}}
	for _, e := range t.Meta.Experiments {
		if warning := e.Warning(); warning != "" {
			t.Meta.Warnings = append(t.Meta.Warnings, warning)
		}
	}
	if !table.Sealed.IsZero() {
		t.Meta.Sealed = table.Sealed.In(zone).Format(time.RFC3339)
	}
	for _, m := range q.report.Metrics {
		if unit := m.Unit(q.site.Currency); unit != "" {
			t.Meta.Units[m] = unit
		}
	}
	if q.totalRows {
		t.Meta.TotalRows = &table.Total
	}
	if q.timeLabels {
		t.Meta.TimeLabels = []string{}
		for _, at := range q.report.Step.Cut(q.report.Window, zone) {
			t.Meta.TimeLabels = append(t.Meta.TimeLabels, q.label(at))
		}
	}
	then := map[int64]time.Time{} // when the step is of the window that is compared with
	before := q.report.Step.Cut(q.report.Compare, zone)
	for i, at := range q.report.Step.Cut(q.report.Window, zone) {
		if i < len(before) {
			then[at.Unix()] = before[i]
		}
	}
	for i, row := range table.Rows {
		t.Results[i] = TableRow{q.numbers(row.Values), q.named(row), row.Partial, nil}
		at, ok := then[row.Time.Unix()]
		if row.Time = at; ok && row.Before != nil {
			t.Results[i].Comparison = &Comparison{q.numbers(row.Before), q.named(row), changes(row.Values, row.Before)}
		}
	}
	return t
}

// numbers spells a row's values.
func (q *question) numbers(values []metric.Value) []*json.Number {
	all := make([]*json.Number, len(values))
	for i, v := range values {
		all[i] = number(q.report.Metrics[i], metric.Point{Value: v.N, None: v.None})
	}
	return all
}

// named is a row's dimensions, in the order in which they were asked for.
func (q *question) named(row metric.Row) []string {
	names := append([]string{}, row.Keys...)
	for i, d := range q.report.By {
		if d == "website" && names[i] == q.site.ID {
			names[i] = q.site.Domain
		}
	}
	if q.timeAt >= 0 {
		names = slices.Insert(names, q.timeAt, q.label(row.Time))
	}
	return names
}

// label spells the beginning of a step: a date, or below a day an instant.
func (q *question) label(at time.Time) string {
	switch at = at.In(q.report.Zone); q.report.Step {
	case period.Minute, period.Quarter, period.Hour:
		return at.Format(time.RFC3339)
	}
	return at.Format(time.DateOnly)
}

// begin sets the window of all time: from the first day with a figure on. It is
// looked for by years, months and days; conditions don't matter.
func (q *question) begin(ctx context.Context, reports Reports, now time.Time) error {
	look := metric.Report{Site: q.report.Site, Zone: q.report.Zone, Currency: q.report.Currency, Bots: q.report.Bots, Metrics: q.report.Metrics, Window: q.report.Window}
	figure := func(r metric.Row) bool {
		for i, m := range look.Metrics {
			if _, divided := metric.Ratios[m]; r.Values[i].N != 0 || divided && !r.Values[i].None { // a rate may be none of many
				return true
			}
		}
		return false
	}
	for _, look.Step = range []period.Step{period.Year, period.Month, period.Day} {
		table, err := reports.Tabulate(ctx, look)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(table.Rows, figure)
		if i < 0 {
			q.report.Window, _, err = period.Named("Today", now, q.report.Zone)
			return err
		}
		from, to := table.Rows[i].Time, q.report.Window.To
		if i+1 < len(table.Rows) {
			to = table.Rows[i+1].Time
		}
		look.Window, q.report.Window.From = period.Window{From: from, To: to}, from
	}
	return nil
}

// changes are in per cent, to a tenth.
func changes(now, before []metric.Value) []*json.Number {
	all := make([]*json.Number, len(now))
	for i, v := range now {
		if was := before[i]; !v.None && !was.None && was.N != 0 {
			change := math.Round((float64(v.N)-float64(was.N))/math.Abs(float64(was.N))*1000) / 10
			text, err := json.Marshal(change + 0)
			if err == nil {
				n := json.Number(text)
				all[i] = &n
			}
		}
	}
	return all
}

// reportsOf is what somebody asks who may not see everything.
type reportsOf struct {
	Reports
	own   *metric.Affiliate // as of an asker
	shows *Shown
}

// Tabulate answers a question about the affiliate, for what is shown.
func (s reportsOf) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	r.Affiliate = s.own
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	if err := s.within(r); err != nil {
		return metric.Table{}, err
	}
	return s.Reports.Tabulate(ctx, r)
}

// ofPart are the dimensions by which a part may be told: what a session or an event
// has besides may lead beyond it.
var ofPart = slices.DeleteFunc(slices.Clone(metric.Dimensions), func(d metric.Dimension) bool {
	return d == metric.EntryPage || d == metric.ExitPage || d == metric.Segment || d == metric.OfGoal
})

// within refuses what would tell more than an asker may see: metrics and dimensions
// that aren't shown, and what the same visitors did elsewhere, by which anything
// could be found out in small steps.
func (s reportsOf) within(r metric.Report) error {
	for _, m := range r.Metrics {
		if s.own != nil && (m == metric.Events || slices.Contains(metric.OfGoals, m)) {
			return wrong("metrics: %s is not told of one affiliate: orders are Conversions", m)
		}
	}
	if done(r.Where) {
		return wrong("filters: who may see a part only can't ask what its visitors did besides: leave has_done and has_not_done out")
	}
	dimensions := ofPart
	if s.shows != nil {
		dimensions = s.shows.By
		for _, m := range r.Metrics {
			if !slices.Contains(s.shows.Metrics, m) {
				return wrong("metrics: this token shows %s, not %s", listed(s.shows.Metrics), m)
			}
		}
	}
	for _, d := range r.Dimensions() {
		if !slices.Contains(dimensions, d) {
			return wrong("what this key or token may see is told by %s, not by %s", listed(dimensions), d)
		}
	}
	return nil
}

// done reports whether a condition is on what visitors have done.
func done(w *metric.Where) bool {
	if w == nil {
		return false
	}
	in := func(w metric.Where) bool { return done(&w) }
	return w.Done != nil || done(w.Not) || slices.ContainsFunc(w.All, in) || slices.ContainsFunc(w.Any, in)
}
