package duckdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"footfall/event"
	"footfall/metric"
)

// armColumn is the column that armed events have of an experiment: its name is as long
// and as odd as people like, and DuckDB's names of columns have no case.
func armColumn(experiment string) string { return "arm_" + hex.EncodeToString([]byte(experiment)) }

// arms is the tables of who is in which arm since when, and of events with the arm of
// each experiment that is asked for. That table stands in the place of the events', so
// that whatever is asked of events can be asked of their arms.
func (x *tabulation) arms() (with []string) {
	experiments := x.Experiments()
	if len(experiments) == 0 {
		return nil
	}
	of, from := "", "main.events e"
	for i, experiment := range experiments {
		column := armColumn(experiment)
		with = append(with, fmt.Sprintf("of_%s AS MATERIALIZED (SELECT visitor, first, arm FROM (%s) WHERE arms = 1)", column, x.exposures(experiment)))
		of += fmt.Sprintf(", a%d.arm AS %s", i, column)
		from += fmt.Sprintf(" LEFT JOIN of_%s a%d ON a%[2]d.visitor = e.visitor AND e.time_ms >= a%[2]d.first", column, i)
	}
	return append(with, fmt.Sprintf("events AS NOT MATERIALIZED (SELECT e.%s%s FROM %s)", strings.Join(armable, ", e."), of, from))
}

// armable are the columns of events that questions are about.
var armable = func() []string {
	all := append(slices.Clone(eventColumns), "user_id", "anonymous_id", "properties")
	for d, column := range columnOf {
		if d != "product" && d != "category" && !slices.Contains(all, column) {
			all = append(all, column)
		}
	}
	slices.Sort(all)
	return all
}()

// exposures are the visitors who were exposed to an experiment up to the end of the
// window: when first, to how many arms, and to one of these. What doesn't say which arm
// is no exposure.
func (x *tabulation) exposures(experiment string) string {
	or := func(id, name string) string {
		return fmt.Sprintf("coalesce(nullif(%s, ''), %s)", x.value(metric.Property(id)), x.value(metric.Property(name)))
	}
	return fmt.Sprintf("SELECT visitor, min(time_ms) AS first, count(DISTINCT arm) AS arms, min(arm) AS arm FROM (SELECT visitor, time_ms, %s AS arm FROM main.events WHERE %s AND kind = 'track' AND name = %s AND visitor <> 0 AND time_ms < %d AND %s = %s) WHERE arm <> '' GROUP BY visitor",
		or("variation_id", "variation_name"), x.people(), x.bind(event.Exposure), ceilMillis(x.Window.To), or("experiment_id", "experiment_name"), x.bind(experiment))
}

// exposed tells how many were exposed to each experiment that a report asks for, and
// how many of them to several arms.
func (s *Store) exposed(ctx context.Context, r metric.Report) (all []metric.Exposed, err error) {
	experiments := r.Experiments()
	if len(experiments) == 0 {
		return nil, nil
	}
	o, err := s.reading()
	if err != nil {
		return nil, err
	}
	defer func() { err = o.found(err) }()
	for _, experiment := range experiments {
		x, of := &tabulation{Report: r}, metric.Exposed{Experiment: experiment}
		query := "SELECT count(*), count(*) FILTER (arms > 1) FROM (" + x.exposures(experiment) + ")"
		if err := o.db.QueryRowContext(ctx, query, x.args...).Scan(&of.Units, &of.Mixed); err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}
