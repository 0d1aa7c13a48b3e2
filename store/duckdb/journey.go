package duckdb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"

	"footfall/metric"
	"footfall/store"
)

var _ store.Follower = (*Store)(nil)

// Follow answers a question for the pages next to one from the events.
func (s *Store) Follow(ctx context.Context, j metric.Journey) (metric.Paths, error) {
	if err := j.Check(); err != nil {
		return metric.Paths{}, err
	}
	out := metric.Paths{From: metric.Place{Page: cmp.Or(j.Event, j.Page)}, Source: "events", AsOf: s.o.Now().UTC()}
	if err := s.follow(ctx, j, &out); err != nil {
		return metric.Paths{}, fmt.Errorf("event store: %w", err)
	}
	return out, nil
}

func (s *Store) follow(ctx context.Context, j metric.Journey, out *metric.Paths) (err error) {
	o, err := s.reading()
	if err != nil {
		return err
	}
	defer func() { err = o.found(err) }()
	x := &journey{tabulation{Report: j.Report(), spread: true}, j}
	rows, err := o.db.QueryContext(ctx, x.sql(), x.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var depth int
		var of metric.Place
		way := make([]sql.NullString, j.Steps)
		into := []any{&depth, &out.Views, &of.Views, &of.Ended, &of.Pages}
		for i := range way {
			into = append(into, &way[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		put(&out.From, way[:depth], of)
	}
	out.Apart = out.Views - out.From.Views
	rest(&out.From)
	return rows.Err()
}

// put puts a place into those that lead to it, which all came before.
func put(in *metric.Place, way []sql.NullString, of metric.Place) {
	switch len(way) {
	case 0: // the first one
		of.Page = in.Page
		*in = of
	case 1:
		of.Page = way[0].String
		in.Places = append(in.Places, of)
	default:
		for i := range in.Places {
			if in.Places[i].Page == way[0].String {
				put(&in.Places[i], way[1:], of)
			}
		}
	}
}

// rest sets what of each place went to pages that are left out.
func rest(p *metric.Place) {
	if p.Pages == 0 {
		return // all ended, or nobody looked further
	}
	p.Others = p.Views - p.Ended
	for i := range p.Places {
		p.Others -= p.Places[i].Views
		rest(&p.Places[i])
	}
}

// journey is a metric.Journey on its way to SQL: a tabulation of the condition on what
// it is from.
type journey struct {
	tabulation
	of metric.Journey
}

// sql tells of the ways that begin at each place how many there are, how many end there
// and how many pages they go on to: the first place first, then by depth. Of each place
// only the most frequent pages behind it are told.
func (x *journey) sql() string {
	j := x.of
	from, on := "kind = 'track' AND name = "+x.bind(cmp.Or(j.Event, j.Page)), x.Dimensions()
	if j.Event == "" {
		from, on = isView+" AND "+x.value("page")+" = $1", append(on, "page")
	}
	x.whose = fmt.Sprintf("visitor IN (SELECT visitor FROM events WHERE %s AND %s)", x.base(0, 0), from)
	with := x.cut()
	names := []string{}
	for i := range j.Steps {
		names = append(names, fmt.Sprintf("p%d", i+1))
	}
	all := strings.Join(names, ", ")
	with = append(with, x.told(),
		fmt.Sprintf("ways AS MATERIALIZED (SELECT %s, count(*) AS n FROM (%s) GROUP BY ALL)", all, x.begun(from, all)),
		fmt.Sprintf("whole AS (SELECT count(*) AS views FROM %s WHERE %s)", x.source(on), and(x.base(0, 0), from, x.condition())))
	selects := []string{fmt.Sprintf("SELECT 0 AS depth, (SELECT views FROM whole) AS views, coalesce(sum(n), 0)::BIGINT AS n, %s%s FROM ways", x.behind(0), strings.Repeat(", NULL::VARCHAR", j.Steps))}
	for depth := 1; depth <= j.Steps; depth++ {
		with = append(with, x.places(depth))
		padded := strings.Join(names[:depth], ", ") + strings.Repeat(", NULL", j.Steps-depth)
		selects = append(selects, fmt.Sprintf("SELECT %d, (SELECT views FROM whole), n, ended, pages, %s FROM places%d", depth, padded, depth))
	}
	order := "1, 3 DESC"
	for i := range names {
		order += fmt.Sprintf(", %d", 6+i)
	}
	return "WITH " + strings.Join(with, ",\n") + "\n" + strings.Join(selects, "\nUNION ALL ") + "\nORDER BY " + order
}

// behind are the columns of what ended at a depth, and of how many pages are behind it.
func (x *journey) behind(depth int) string {
	if depth == x.of.Steps {
		return "0::BIGINT AS ended, 0::BIGINT AS pages"
	}
	next := fmt.Sprintf("p%d", depth+1)
	return fmt.Sprintf("coalesce(sum(n) FILTER (%[1]s IS NULL), 0)::BIGINT AS ended, count(DISTINCT %[1]s) AS pages", next)
}

// places are the most frequent pages at a depth, of each of those before.
func (x *journey) places(depth int) string {
	own, before, from := fmt.Sprintf("p%d", depth), "", "ways"
	for i := 1; i < depth; i++ {
		before += fmt.Sprintf("p%d, ", i)
	}
	partition := ""
	if depth > 1 {
		keys := strings.TrimSuffix(before, ", ")
		from += fmt.Sprintf(" SEMI JOIN places%d USING (%s)", depth-1, keys)
		partition = "PARTITION BY " + keys + " "
	}
	return fmt.Sprintf(`places%[1]d AS (SELECT * FROM (SELECT %[2]s%[3]s, sum(n)::BIGINT AS n, %[4]s FROM %[5]s WHERE %[3]s IS NOT NULL GROUP BY ALL)
QUALIFY row_number() OVER (%[6]sORDER BY n DESC, %[3]s) <= %[7]d)`, depth, before, own, x.behind(depth), from, partition, x.of.Limit)
}

// told are the page views of sessions, of their first sessionDay, each with the pages
// next to it; NULL is none. An event comes behind the view that it is matched to, which
// is the first of the pages before it.
func (x *journey) told() string {
	const path = "coalesce(path, '')"
	columns := ""
	for i := range x.of.Steps {
		fn, by := "lead", i+1
		if x.of.Way == metric.Previous {
			fn = "lag"
			if x.of.Event != "" {
				by = i
			}
		}
		columns += fmt.Sprintf(", %s(%s, %d) OVER w AS p%d", fn, path, by, i+1)
	}
	return fmt.Sprintf("told AS (SELECT visitor, time_ms, start, n%s FROM opened WHERE time_ms - start <= %d WINDOW w AS (PARTITION BY visitor, start ORDER BY n))", columns, sessionDay)
}

// begun are the ways from all views or events that the journey is from.
func (x *journey) begun(from, columns string) string {
	if x.of.Event == "" {
		views := "views"
		if ofSessions(x.Dimensions()) {
			views = spanned(views)
		}
		return fmt.Sprintf("SELECT %s FROM told SEMI JOIN (SELECT visitor, n FROM %s WHERE %s) USING (visitor, n)",
			columns, views, and(window(x.Window, 0, 0), strings.TrimPrefix(from, isView+" AND "), x.condition()))
	}
	// Of views in one millisecond an event is matched to the last.
	return fmt.Sprintf(`SELECT %s FROM (SELECT visitor, time_ms AS at FROM %s WHERE %s) e
ASOF JOIN (SELECT * FROM told QUALIFY row_number() OVER (PARTITION BY visitor, time_ms ORDER BY n DESC) = 1) t ON e.visitor = t.visitor AND e.at >= t.time_ms
WHERE e.at - t.time_ms <= %d AND e.at - t.start <= %d`, columns, x.source(x.Dimensions()), and(x.base(0, 0), from, x.condition()), sessionGap, sessionDay)
}
