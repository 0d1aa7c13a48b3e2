package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// columnOf maps a query's dimension to its column.
var columnOf = map[metric.Dimension]string{
	"page": "path", "host": "host", "source": "source", "class": "class", "referrer": "referrer", "country": "country",
	"device": "device", "browser": "browser", "os": "os", "utm_source": "utm_source", "utm_medium": "utm_medium",
	"utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content", "bot": "bot", "channel": "channel",
	"event": "name", "title": "title", "product": "product", "category": "category",
	"region": "region", "city": "city", "browser_version": "browser_version", "os_version": "os_version", "language": "language", "screen": "screen",
}

// sessionGap ends a session, in milliseconds.
const sessionGap = 30 * 60 * 1000

// question is a metric.Query on its way to SQL.
type question struct {
	metric.Query
	starts []time.Time
	args   []any
}

// Answer answers a query from the events.
func (s *Store) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	asOf := s.o.Now().UTC()
	if q.Metric.Earned() {
		return metric.Dataset{Points: []metric.Point{}, Source: "events", AsOf: asOf}, nil
	}
	if !quick(q) {
		return q.Tabulated(func(r metric.Report) (metric.Table, error) { return s.Tabulate(ctx, r) })
	}
	counts, err := s.count(ctx, q)
	if err == nil && q.By != "" && len(q.Step.Cut(q.Window, q.Zone)) > 1 {
		return s.largest(ctx, q, counts, asOf)
	}
	if err != nil {
		return metric.Dataset{}, fmt.Errorf("event store: %w", err)
	}
	totals := map[string]int64{}
	for _, c := range counts {
		totals[c.series] = c.n
	}
	return metric.Dataset{Points: points(q, counts, totals, asOf), Source: "events", AsOf: asOf}, nil
}

// quickMetrics are those of quick questions, beside the ones of tradeOf.
var quickMetrics = []metric.Name{metric.PageViews, metric.Visitors, metric.Sessions, metric.Bounces, metric.Downloads}

// quick reports whether the question has SQL of its own, which is leaner than a
// report's.
func quick(q metric.Query) bool {
	of := (&question{Query: q}).dimensions()
	return q.Where == nil && (tradeOf[q.Metric] != "" || slices.Contains(quickMetrics, q.Metric)) && !slices.ContainsFunc(of, func(d metric.Dimension) bool { return columnOf[d] == "" })
}

// largest keeps the steps of the series that are the largest over the whole
// window. That takes a second question: visitors of steps don't add up.
func (s *Store) largest(ctx context.Context, q metric.Query, counts []count, asOf time.Time) (metric.Dataset, error) {
	whole := q
	whole.Step = period.Total
	series, err := s.count(ctx, whole)
	if err != nil {
		return metric.Dataset{}, fmt.Errorf("event store: %w", err)
	}
	totals := make(map[string]int64, len(series))
	for _, c := range series {
		totals[c.series] = c.n
	}
	kept := counts[:0]
	for _, c := range counts {
		if _, ok := totals[c.series]; ok {
			kept = append(kept, c)
		}
	}
	return metric.Dataset{Points: points(q, kept, totals, asOf), Source: "events", AsOf: asOf}, nil
}

type count struct {
	step   int
	series string
	n      int64
}

func (s *Store) count(ctx context.Context, q metric.Query) (counts []count, err error) {
	o, err := s.reading()
	if err != nil {
		return nil, err
	}
	defer func() { err = o.found(err) }()
	x := &question{Query: q, starts: q.Step.Cut(q.Window, q.Zone)}
	query := x.sql()
	rows, err := o.db.QueryContext(ctx, query, x.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c count
		if err := rows.Scan(&c.step, &c.series, &c.n); err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	return counts, rows.Err()
}

// series is the expression rows are split by.
func (x *question) series() string {
	if x.By == "" {
		return "''"
	}
	return "coalesce(" + columnOf[x.By] + ", '')"
}

// where filters by site, window, people and the query's filters.
func (x *question) where(from, to time.Time, filters bool) string {
	x.args = append(x.args, x.Site)
	w := []string{"site = ?", fmt.Sprintf("time_ms >= %d AND time_ms < %d", ceilMillis(from), ceilMillis(to))}
	if !x.Bots {
		w = append(w, "bot = ''")
	}
	if filters {
		w = append(w, x.filters()...)
	}
	switch trade := tradeOf[x.Metric]; {
	case trade != "":
		w = append(w, "trade = '"+string(trade)+"'")
	case x.Metric == metric.Downloads:
		w = append(w, "kind = 'track' AND name = '"+event.Download+"'")
	case x.Metric == metric.PageViews:
		w = append(w, "kind IN ('page', 'screen')")
	default: // unknown is nobody in particular, and has no sessions
		w = append(w, "kind IN ('page', 'screen') AND visitor <> 0")
	}
	return strings.Join(w, " AND ")
}

func (x *question) filters() []string {
	var w []string
	for _, f := range x.Filters {
		w = append(w, "coalesce("+columnOf[f.Dimension]+", '') = ?")
		x.args = append(x.args, f.Value)
	}
	if a := x.Affiliate; a != nil {
		w = append(w, "class = '"+metric.ClassAffiliate+"'", "list_contains(?, source)")
		x.args = append(x.args, a.Codes)
	}
	return w
}

func ceilMillis(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

// sql counts in buckets of 15 minutes first and finds the step of a bucket
// then: steps begin at bucket borders, and there are few buckets.
func (x *question) sql() string {
	unit := x.unit()
	bucket := fmt.Sprintf("(time_ms - ((time_ms %% %d) + %d) %% %d)", unit, unit, unit)
	if len(x.starts) == 1 {
		bucket = "0"
	}
	var inner, value string
	switch x.Metric {
	case metric.Visitors:
		inner = fmt.Sprintf("SELECT %s AS b, %s AS k, visitor FROM events WHERE %s GROUP BY ALL", bucket, x.series(), x.where(x.Window.From, x.Window.To, true))
		value = "count(DISTINCT visitor)"
	case metric.Sessions, metric.Bounces:
		inner, value = x.sessions(bucket), "sum(n)"
	case metric.ProductViews, metric.CartAdds, metric.Orders, metric.Revenue, metric.Refunds, metric.Refunded:
		inner, value = x.trades(bucket), "sum(n)"
	default:
		inner = fmt.Sprintf("SELECT %s AS b, %s AS k, count(*) AS n FROM events WHERE %s GROUP BY ALL", bucket, x.series(), x.where(x.Window.From, x.Window.To, true))
		value = "sum(n)"
	}
	if len(x.starts) == 1 {
		query := fmt.Sprintf("SELECT 0, k, (%s)::BIGINT AS v FROM (%s) GROUP BY k ORDER BY v DESC, k", value, inner)
		if x.Limit > 0 && !x.Metric.Money() { // amounts can be zero or less, and a series of zeros is none
			query += fmt.Sprintf(" LIMIT %d", x.Limit)
		}
		return query
	}
	starts := make([]string, len(x.starts))
	for i, t := range x.starts {
		starts[i] = fmt.Sprint(t.UnixMilli())
	}
	return fmt.Sprintf(`WITH steps AS (SELECT unnest(range(%d)) AS i, unnest([%s]::BIGINT[]) AS b), counted AS (%s)
SELECT i, k, (%s)::BIGINT FROM counted ASOF JOIN steps ON counted.b >= steps.b GROUP BY ALL`, len(starts), strings.Join(starts, ","), inner, value)
}

// unit is the bucket in milliseconds: 15 minutes, or a second where steps are
// minutes or a zone's historic offset is no multiple of 15 minutes.
func (x *question) unit() int64 {
	for _, t := range x.starts {
		if t.UnixMilli()%period.Bucket.Milliseconds() != 0 {
			return 1000
		}
	}
	return period.Bucket.Milliseconds()
}

// sessions cuts each visitor's page views at gaps. It looks one gap beyond the
// window on both sides, so that a window's edge neither starts nor ends a session.
// Sorting is what takes time and memory: so only visitors who have a page view that
// is asked for are sorted, and of the views no more than is needed.
func (x *question) sessions(bucket string) string {
	gap := sessionGap * time.Millisecond
	filters := x.filters()
	views := "SELECT time_ms, visitor, rowid AS stored, " + x.series() + " AS k"
	if len(filters) > 0 {
		views += ", " + strings.Join(filters, " AND ") + " AS asked"
	}
	views += " FROM events WHERE " + x.where(x.Window.From.Add(-gap-time.Millisecond), x.Window.To.Add(gap+time.Millisecond), false)
	if len(filters) > 0 {
		views += " AND visitor IN (SELECT visitor FROM events WHERE " + x.where(x.Window.From, x.Window.To, true) + ")"
	}
	cut := fmt.Sprintf("time_ms >= %d AND time_ms < %d AND (before IS NULL OR time_ms - before > %d)",
		ceilMillis(x.Window.From), ceilMillis(x.Window.To), sessionGap)
	if x.Metric == metric.Bounces {
		cut += fmt.Sprintf(" AND (after IS NULL OR after - time_ms > %d)", sessionGap)
	}
	columns, order := "time_ms, k", "time_ms"
	if len(filters) > 0 {
		columns += ", asked"
		cut += " AND asked"
	}
	if x.By != "" || len(filters) > 0 {
		order += ", stored" // of views in one millisecond the one stored first is the first
	}
	return fmt.Sprintf(`SELECT %s AS b, k, count(*) AS n FROM
(SELECT %s, lag(time_ms) OVER w AS before, lead(time_ms) OVER w AS after FROM (%s) WINDOW w AS (PARTITION BY visitor ORDER BY %s))
WHERE %s GROUP BY ALL`, bucket, columns, views, order, cut)
}

// points puts the counts into their series and steps.
func points(q metric.Query, counts []count, totals map[string]int64, now time.Time) []metric.Point {
	steps := len(q.Step.Cut(q.Window, q.Zone))
	values := map[string][]int64{}
	for _, c := range counts {
		if values[c.series] == nil {
			values[c.series] = make([]int64, steps)
		}
		values[c.series][c.step] += c.n
	}
	return q.Answer(values, totals, now)
}
