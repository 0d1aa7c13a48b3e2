package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// Tabulate answers a report from the events. Metrics of affiliate programmes are
// zero, as no event tells of them.
func (s *Store) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	asOf := s.o.Now().UTC()
	x := &tabulation{Report: r, starts: r.Step.Cut(r.Window, r.Zone), parts: r.Parts()}
	x.paged = len(r.By) > 0
	rows, total, err := s.tabulate(ctx, x)
	if err == nil && x.paged && len(rows) == 0 && r.Offset > 0 { // behind the last row nothing tells how many there are
		y := *x
		y.args, y.Offset, y.Limit = nil, 0, 1
		_, total, err = s.tabulate(ctx, &y)
	}
	var exposed []metric.Exposed
	if err == nil {
		exposed, err = s.exposed(ctx, r)
	}
	if err != nil {
		return metric.Table{}, fmt.Errorf("event store: %w", err)
	}
	t := metric.Table{Rows: rows, Total: total, Source: "events", AsOf: asOf, Exposed: exposed}
	if !x.paged {
		t.Rows = r.Fill(t.Rows)
		t.Total = len(t.Rows)
		t.Rows = r.Page(t.Rows)
	}
	r.Finish(t.Rows, asOf)
	return t, nil
}

// tabulate asks for the rows, of all there are.
func (s *Store) tabulate(ctx context.Context, x *tabulation) (out []metric.Row, total int, err error) {
	o, err := s.reading()
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = o.found(err) }()
	rows, err := o.db.QueryContext(ctx, x.sql(), x.args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var step int
		row := metric.Row{Keys: make([]string, len(x.By))}
		counts := make([]int64, len(x.parts))
		into := []any{&total, &step}
		for i := range row.Keys {
			into = append(into, &row.Keys[i])
		}
		for i := range counts {
			into = append(into, &counts[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, 0, err
		}
		row.Time, row.Values = x.starts[step], x.Values(x.parts, counts)
		out = append(out, row)
	}
	return out, total, rows.Err()
}

// tabulation is a metric.Report on its way to SQL.
type tabulation struct {
	metric.Report
	starts []time.Time
	parts  []metric.Name // what is counted, in the order of the columns
	paged  bool          // DuckDB orders the rows and cuts the page out
	spread bool          // it is needed how far sessions go, whatever is counted
	whose  string        // a condition on visitors whose views alone are needed; "" is everybody's
	// lasting: a visitor is in a segment by whatever some event of the window says, not
	// each event by itself.
	lasting bool
	args    []any
}

// bind makes a value a parameter.
func (x *tabulation) bind(value any) string {
	x.args = append(x.args, value)
	return fmt.Sprintf("$%d", len(x.args))
}

// sql counts in buckets of 15 minutes first, of each source by itself, and finds
// the step of a bucket then.
func (x *tabulation) sql() string {
	counted := x.counted()
	with := x.cut()
	if len(x.starts) > 1 {
		starts := make([]string, len(x.starts))
		for i, t := range x.starts {
			starts[i] = fmt.Sprint(t.UnixMilli())
		}
		with = append(with, fmt.Sprintf("steps AS (SELECT unnest(range(%d)) AS i, unnest([%s]::BIGINT[]) AS b)", len(starts), strings.Join(starts, ",")))
	}
	with = append(with, "counted AS ("+counted+")", "grouped AS ("+x.grouped()+")")
	from := "grouped"
	if slices.Contains(x.parts, metric.GoalAudience) {
		with = append(with, x.audience()...)
		from = "joined"
	}
	var some []string
	for _, m := range x.parts {
		some = append(some, string(m)+" <> 0")
	}
	query := fmt.Sprintf("WITH %s SELECT count(*) OVER () AS total, %s FROM %s WHERE %s", strings.Join(with, ",\n"), x.row(x.parts), from, strings.Join(some, " OR "))
	if x.paged {
		query += "\nORDER BY " + x.order()
		if x.Limit > 0 {
			query += fmt.Sprintf(" LIMIT %d", x.Limit)
		}
		query += fmt.Sprintf(" OFFSET %d", x.Offset)
	}
	return query
}

// row is the columns of a row: step, keys, and some metrics.
func (x *tabulation) row(of []metric.Name) string {
	columns := "step"
	for i := range x.By {
		columns += fmt.Sprintf(", k%d", i)
	}
	for _, m := range of {
		columns += ", " + string(m)
	}
	return columns
}

// stepped is what a table of buckets is read from, each with its step, and how its
// distinct visitors are counted.
func (x *tabulation) stepped(table string) (from, step, visitors string) {
	if len(x.starts) > 1 {
		return fmt.Sprintf("%[1]s ASOF JOIN steps ON %[1]s.b >= steps.b", table), "i", "count(DISTINCT %s)"
	}
	return table, "0", "count(%s)" // a visitor is once in a group of a single step
}

// grouped is what is counted, by step and keys.
func (x *tabulation) grouped() string {
	from, step, visitors := x.stepped("counted")
	columns := []string{step + " AS step"}
	for i := range x.By {
		columns = append(columns, fmt.Sprintf("k%d", i))
	}
	for _, m := range x.parts {
		value := "coalesce(sum(" + string(m) + "), 0)"
		switch {
		case slices.Contains(visitorCounts, m):
			value = fmt.Sprintf(visitors, "who_"+string(m))
		case m == metric.GoalAudience:
			continue
		}
		columns = append(columns, fmt.Sprintf("(%s)::BIGINT AS %s", value, m))
	}
	return fmt.Sprintf("SELECT %s FROM %s GROUP BY ALL", strings.Join(columns, ", "), from)
}

// order is what rows go by.
func (x *tabulation) order() string {
	var by []string
	for _, o := range x.Ordered() {
		column := "step"
		switch ratio, divided := metric.Ratios[o.Metric]; {
		case divided: // as Ratio.Value, exactly
			column = fmt.Sprintf("CASE WHEN %[2]s <> 0 THEN (2 * %[1]s::HUGEINT * %[3]d + CASE WHEN %[1]s < 0 THEN -%[2]s ELSE %[2]s END) // (2 * %[2]s) END",
				ratio.Of, ratio.To, ratio.Times)
		case o.Metric != "":
			column = string(o.Metric)
		case o.Dimension != "":
			column = fmt.Sprintf("k%d", slices.Index(x.By, o.Dimension))
		}
		if o.Descending {
			column += " DESC"
		}
		by = append(by, column+" NULLS LAST")
	}
	return strings.Join(by, ", ")
}

// bucket is the expression for the bucket of a row.
func (x *tabulation) bucket() string {
	if len(x.starts) == 1 {
		return "0"
	}
	unit := (&question{starts: x.starts}).unit()
	return fmt.Sprintf("(time_ms - ((time_ms %% %d) + %d) %% %d)", unit, unit, unit)
}

// ofLines reports whether the lines of trade events are asked for.
func ofLines(dimensions []metric.Dimension) bool {
	return slices.Contains(dimensions, "product") || slices.Contains(dimensions, "category")
}

// window is a condition on the time.
func window(w period.Window, before, after time.Duration) string {
	return fmt.Sprintf("time_ms >= %d AND time_ms < %d", ceilMillis(w.From.Add(-before)), ceilMillis(w.To.Add(after)))
}
