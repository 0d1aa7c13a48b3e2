package duckdb

import (
	"context"
	"fmt"
	"strings"

	"footfall/metric"
	"footfall/store"
)

var _ store.Retainer = (*Store)(nil)

// isKnown tells events whose visitor has an id that lasts, as history.Known does.
const isKnown = "(coalesce(user_id, '') <> '' OR coalesce(anonymous_id, '') <> '')"

// Retain answers a question for cohorts from the events.
func (s *Store) Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error) {
	if err := r.Check(); err != nil {
		return metric.Cohorts{}, err
	}
	asOf := s.o.Now().UTC()
	out := metric.Cohorts{Rows: r.Rows(asOf), Source: "events", AsOf: asOf}
	if err := s.retain(ctx, r, &out); err != nil {
		return metric.Cohorts{}, fmt.Errorf("event store: %w", err)
	}
	return out, nil
}

func (s *Store) retain(ctx context.Context, r metric.Retention, out *metric.Cohorts) (err error) {
	o, err := s.reading()
	if err != nil {
		return err
	}
	defer func() { err = o.found(err) }()
	x := &retention{tabulation: tabulation{Report: r.Report(), lasting: true}, returning: r.Return}
	x.Where = r.Where
	x.starts = r.Step.Cut(r.Window, r.Zone)
	rows, err := o.db.QueryContext(ctx, x.sql(), x.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var cohort, step int
		var n int64
		if err := rows.Scan(&cohort, &step, &n); err != nil {
			return err
		}
		switch {
		case cohort < 0 && step > 0:
			out.Known = n
		case cohort < 0:
			out.LeftOut = n
		case step >= len(out.Rows): // it has not begun
		case step == cohort:
			out.Rows[cohort].Size = n
		default:
			out.Rows[cohort].Returned[step-cohort-1].Visitors = n
		}
	}
	return rows.Err()
}

// retention is a metric.Retention on its way to SQL: a tabulation of the window,
// widened to whole steps, of the condition on first events.
type retention struct {
	tabulation
	returning *metric.Where
}

// sql tells how many of each cohort there are in its own step, and in each step
// behind it how many came back; and, as cohort -1, how many visitors the window has,
// with a lasting id (step 1) and without (0).
func (x *retention) sql() string {
	returned, on := isView, []metric.Dimension(nil)
	if x.returning != nil {
		returned, on = x.where(x.returning), x.returning.Dimensions()
	}
	x.spread = ofSessions(on)
	with := x.cut()
	starts := make([]string, len(x.starts))
	for i, t := range x.starts {
		starts[i] = fmt.Sprint(t.UnixMilli())
	}
	unit := (&question{starts: x.starts}).unit()
	with = append(with,
		fmt.Sprintf("steps AS (SELECT unnest(range(%d)) AS i, unnest([%s]::BIGINT[]) AS b)", len(starts), strings.Join(starts, ",")),
		fmt.Sprintf("firsts AS (SELECT visitor, min(time_ms) AS first FROM events WHERE %s AND time_ms < %d AND visitor <> 0 AND %s GROUP BY visitor HAVING min(time_ms) >= %d)",
			x.people(), ceilMillis(x.Window.To), isKnown, ceilMillis(x.Window.From)),
		"cohorts AS MATERIALIZED (SELECT visitor, i AS cohort FROM ("+x.newcomers()+") f ASOF JOIN steps ON f.first >= steps.b)",
		fmt.Sprintf("seen AS (SELECT DISTINCT visitor, (time_ms - ((time_ms %% %[1]d) + %[1]d) %% %[1]d) AS b FROM %[2]s WHERE %[3]s AND visitor IN (SELECT visitor FROM cohorts) AND %[4]s)",
			unit, x.source(on), x.base(0, 0), returned),
		"came AS (SELECT DISTINCT visitor, i FROM seen ASOF JOIN steps ON seen.b >= steps.b)")
	return fmt.Sprintf(`WITH %s
SELECT cohort, cohort AS step, count(*) FROM cohorts GROUP BY ALL
UNION ALL SELECT cohort, i AS step, count(*) FROM cohorts JOIN came USING (visitor) WHERE i > cohort GROUP BY ALL
UNION ALL SELECT -1, known, count(*) FROM (SELECT bool_or(%s)::INTEGER AS known FROM events WHERE %s AND %s AND visitor <> 0 GROUP BY visitor) GROUP BY ALL`,
		strings.Join(with, ",\n"), isKnown, x.base(0, 0), isView)
}

// newcomers are the visitors of whom the store's first event is in the window and
// meets the condition.
func (x *retention) newcomers() string {
	if x.Where == nil {
		return "SELECT * FROM firsts"
	}
	return fmt.Sprintf("SELECT DISTINCT visitor, time_ms AS first FROM %s WHERE %s AND (visitor, time_ms) IN (SELECT visitor, first FROM firsts) AND %s",
		x.source(x.Dimensions()), x.base(0, 0), x.where(x.Where))
}
