package duckdb

import (
	"context"
	"fmt"
	"strings"

	"footfall/metric"
	"footfall/store"
)

var _ store.Funneler = (*Store)(nil)

// Funnel answers a funnel from the events, in one statement.
func (s *Store) Funnel(ctx context.Context, f metric.Funnel) (p metric.Passage, err error) {
	if err := f.Check(); err != nil {
		return metric.Passage{}, err
	}
	p = metric.Passage{Source: "events", AsOf: s.o.Now().UTC(), Visitors: make([]int64, len(f.Steps))}
	o, err := s.reading()
	if err != nil {
		return metric.Passage{}, err
	}
	defer func() { err = o.found(err) }()
	x := &tabulation{Report: f.Report()}
	into := make([]any, len(p.Visitors))
	for i := range into {
		into[i] = &p.Visitors[i]
	}
	if err := o.db.QueryRowContext(ctx, x.funnel(f), x.args...).Scan(into...); err != nil {
		return metric.Passage{}, fmt.Errorf("event store: %w", err)
	}
	if p.Exposed, err = s.exposed(ctx, x.Report); err != nil {
		return metric.Passage{}, fmt.Errorf("event store: %w", err)
	}
	return p, nil
}

// funnel finds for each event of a step when the latest try began that has come to it:
// of those that the visitor's events before it had brought to the step before. The
// latest has the most time left, so no other need be known.
func (x *tabulation) funnel(f metric.Funnel) string {
	dimensions := x.Dimensions()
	for _, step := range f.Steps {
		dimensions = append(dimensions, step.Where.Dimensions()...)
	}
	dimensions = append(dimensions, "page", "event")
	from := "events"
	if ofSessions(dimensions) {
		from = x.source(dimensions)
	}
	columns, steps := "", make([]string, len(f.Steps))
	for i, step := range f.Steps {
		columns += fmt.Sprintf(", %s AS s%d", x.act(step), i)
		steps[i] = fmt.Sprintf("s%d", i)
	}
	table := fmt.Sprintf("SELECT *, CASE WHEN s0 THEN time_ms END AS r0 FROM (SELECT visitor, time_ms, rowid AS place%s FROM %s WHERE %s) WHERE %s",
		columns, from, and(x.base(0, 0), "visitor <> 0", x.condition()), strings.Join(steps, " OR "))
	within := ""
	if f.Within > 0 {
		within = fmt.Sprintf(" AND time_ms - begun <= %d", f.Within.Milliseconds())
	}
	last := len(f.Steps) - 1
	reached, counts := []string{"bool_or(r0 IS NOT NULL) AS r0"}, []string{"count(*) FILTER (r0)"}
	for i := 1; i <= last; i++ {
		table = fmt.Sprintf(`SELECT * EXCLUDE (begun), CASE WHEN s%d%s THEN begun END AS r%[1]d FROM
(SELECT *, max(r%[3]d) OVER (PARTITION BY visitor ORDER BY time_ms, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS begun FROM (%[4]s))`, i, within, i-1, table)
		reached = append(reached, fmt.Sprintf("bool_or(r%[1]d IS NOT NULL) AS r%[1]d", i))
		counts = append(counts, fmt.Sprintf("count(*) FILTER (r%d)", i))
	}
	query := fmt.Sprintf("SELECT %s FROM (SELECT visitor, %s FROM (%s) GROUP BY visitor)", strings.Join(counts, ", "), strings.Join(reached, ", "), table)
	if with := x.cut(); len(with) > 0 {
		query = "WITH " + strings.Join(with, ",\n") + " " + query
	}
	return query
}
