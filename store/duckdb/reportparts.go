package duckdb

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/metric"
)

// isView tells page views among events.
const isView = "kind IN ('page', 'screen')"

// eventCounts are the metrics counted from events one by one, each with the
// condition on what it counts.
var eventCounts = map[metric.Name]string{
	metric.Events: "true", metric.PageViews: isView, metric.Downloads: "kind = 'track' AND name = '" + event.Download + "'",
	metric.ProductViews: isTrade(event.Viewed), metric.CartAdds: isTrade(event.Added), metric.Orders: isTrade(event.Ordered), metric.Revenue: isTrade(event.Ordered),
	metric.Refunds: isTrade(event.Refunded), metric.Refunded: isTrade(event.Refunded),
}

func isTrade(kind event.TradeKind) string { return "trade = '" + string(kind) + "'" }

// What is told of sessions, of those that begin in the window; and of views, of
// those in it.
var (
	sessionCounts = map[metric.Name]string{
		metric.Sessions:       "count(*)",
		metric.Bounces:        fmt.Sprintf("count(*) FILTER (after IS NULL OR after - time_ms > %d)", sessionGap),
		metric.SessionViews:   "sum(of_views)",
		metric.SessionSeconds: "sum(last - time_ms)",
	}
	viewCounts = map[metric.Name]string{metric.TimedViews: "count(*)", metric.PageSeconds: "sum(after - time_ms)"}
)

// sessionDay is how much of a session is told, in milliseconds: so a window need
// not look at all that was before and behind it.
const sessionDay = 24 * 60 * 60 * 1000

// asks reports whether one of the metrics is counted.
func asks[V any](x *tabulation, of map[metric.Name]V) bool {
	return slices.ContainsFunc(x.parts, func(m metric.Name) bool { _, ok := of[m]; return ok })
}

// spans reports whether it is needed how far sessions go.
func (x *tabulation) spans() bool {
	return x.spread || slices.Contains(x.parts, metric.SessionViews) || slices.Contains(x.parts, metric.SessionSeconds) || ofSessions(x.all())
}

// paths reports whether it is needed which pages sessions go to.
func (x *tabulation) paths() bool { return x.spread || ofSessions(x.all()) }

// sessions reports whether page views have to be cut into sessions.
func (x *tabulation) sessions() bool {
	return asks(x, sessionCounts) || asks(x, viewCounts) || x.spans()
}

// all lists the dimensions that are asked for anywhere.
func (x *tabulation) all() []metric.Dimension {
	all := x.Dimensions()
	for _, done := range x.Where.Visitors() {
		all = append(all, done.Dimensions()...)
	}
	return all
}

func ofSessions(dimensions []metric.Dimension) bool {
	return slices.Contains(dimensions, metric.EntryPage) || slices.Contains(dimensions, metric.ExitPage)
}

// counted is what each source counts, by bucket and keys.
func (x *tabulation) counted() string {
	var sources []string
	if asks(x, eventCounts) || slices.Contains(x.parts, metric.Visitors) {
		sources = append(sources, x.countEvents(eventCounts, metric.Visitors, x.Dimensions()))
	}
	if asks(x, goalCounts) || slices.Contains(x.parts, metric.GoalVisitors) {
		sources = append(sources, x.countEvents(goalCounts, metric.GoalVisitors, append(x.Dimensions(), metric.OfGoal)))
	}
	if asks(x, sessionCounts) {
		begun := fmt.Sprintf("(before IS NULL OR time_ms - before > %d)", sessionGap)
		from := "views"
		if x.spans() { // a session's first view is where it starts
			pages := ""
			if x.paths() {
				pages = "s.entry, s.exit, "
			}
			from = "(SELECT v.*, " + pages + "s.last, s.of_views FROM (SELECT * FROM views WHERE " + begun + ") v JOIN spans s ON v.visitor = s.visitor AND v.time_ms = s.start)"
		}
		sources = append(sources, x.countViews(sessionCounts, from, begun))
	}
	if asks(x, viewCounts) {
		from := "views"
		if ofSessions(x.Dimensions()) {
			from = spanned("views")
		}
		sources = append(sources, x.countViews(viewCounts, from, fmt.Sprintf("after - time_ms <= %d", sessionGap)))
	}
	if len(sources) == 0 { // metrics of programmes alone
		return x.empty()
	}
	return strings.Join(sources, "\nUNION ALL BY NAME ")
}

// empty is no rows.
func (x *tabulation) empty() string {
	columns := "0 AS b"
	for _, m := range visitorCounts {
		columns += ", 0 AS who_" + string(m)
	}
	for i := range x.By {
		columns += fmt.Sprintf(", '' AS k%d", i)
	}
	for _, m := range x.parts {
		columns += ", 0 AS " + string(m)
	}
	return "SELECT " + columns + " WHERE false"
}

// keys are the columns of what rows are made of.
func (x *tabulation) keys() (columns string) {
	for i, d := range x.By {
		columns += fmt.Sprintf(", %s AS k%d", x.value(d), i)
	}
	return columns
}

// countEvents counts some metrics, one of which may be of distinct visitors, of what
// the source for some dimensions has: events, their lines, or the goals they reach.
func (x *tabulation) countEvents(counts map[metric.Name]string, visitors metric.Name, dimensions []metric.Dimension) string {
	var columns, kinds []string
	for _, m := range x.parts {
		condition, ok := counts[m]
		switch {
		case m == visitors: // unknown is nobody in particular
			condition = isView
			if slices.Contains(dimensions, metric.OfGoal) || x.ByArm() {
				condition = "true"
			}
			columns, kinds = append(columns, fmt.Sprintf("CASE WHEN visitor <> 0 AND bool_or(%s) THEN visitor END AS who_%s", condition, m)), append(kinds, condition)
		case ok && m == metric.GoalValue:
			columns, kinds = append(columns, fmt.Sprintf("sum(%s) AS %s", x.worth(), m)), append(kinds, condition)
		case ok && m.Money():
			columns = append(columns, fmt.Sprintf("sum(amount) FILTER (%s AND coalesce(currency, '') IN ('', %s)) AS %s", condition, x.bind(x.Currency), m))
			kinds = append(kinds, condition)
		case ok:
			columns, kinds = append(columns, fmt.Sprintf("count(*) FILTER (%s) AS %s", condition, m)), append(kinds, condition)
		case m.Earned():
			columns = append(columns, "0 AS "+string(m))
		}
	}
	kind := "(" + strings.Join(kinds, " OR ") + ")"
	by := ""
	if slices.Contains(x.parts, visitors) {
		by = ", visitor"
	}
	if ofLines(dimensions) {
		return x.countLines(strings.Join(columns, ", "), kind)
	}
	query := fmt.Sprintf("SELECT %s AS b%s, %s FROM %s WHERE %s AND %s GROUP BY b%s", x.bucket(), x.keys(), strings.Join(columns, ", "),
		x.split(x.source(dimensions)), x.base(0, 0), and(kind, x.condition()), by)
	for i := range x.By {
		query += fmt.Sprintf(", k%d", i)
	}
	return query
}

// countLines counts the lines' events: an order with two lines of a product is one
// order of it, of both amounts.
func (x *tabulation) countLines(columns, kind string) string {
	return fmt.Sprintf("SELECT %s AS b, * EXCLUDE (time_ms, day, id, trade, currency, amount), %s FROM (SELECT time_ms, day, id, trade, currency%s, sum(line) AS amount FROM %s WHERE %s GROUP BY ALL) GROUP BY ALL",
		x.bucket(), columns, x.keys(), x.split(x.source(x.Dimensions())), and(kind, x.condition()))
}

// countViews counts what the page views say that a condition holds for.
func (x *tabulation) countViews(counts map[metric.Name]string, from, condition string) string {
	query := fmt.Sprintf("SELECT %s AS b%s", x.bucket(), x.keys())
	for _, m := range x.parts {
		if value, ok := counts[m]; ok {
			query += fmt.Sprintf(", %s AS %s", value, m)
		}
	}
	return query + fmt.Sprintf(" FROM %s WHERE %s GROUP BY ALL", x.split(from), and(window(x.Window, 0, 0), condition, x.condition()))
}

// people is a condition on the site, and on who is no bot.
func (x *tabulation) people() string {
	w := "site = " + x.bind(x.Site)
	if !x.Bots {
		w += " AND bot = ''"
	}
	return w
}

// base is a condition on site, time and people; some time before and behind the window too.
func (x *tabulation) base(before, after time.Duration) string {
	return and(x.people(), window(x.Window, before, after))
}

// source is the rows in the window that conditions on these dimensions are on:
// events or, if products are among them, the lines of them, or the goals they reach.
func (x *tabulation) source(dimensions []metric.Dimension) string {
	from := "events"
	if slices.Contains(dimensions, metric.OfGoal) {
		dimensions = append(slices.Clone(dimensions), x.ofGoals()...)
	}
	if ofSessions(dimensions) {
		from = spanned("(SELECT " + columns(dimensions, eventColumns...) + " FROM events WHERE " + x.base(0, 0) + ")")
	}
	if slices.Contains(dimensions, metric.OfGoal) {
		return x.reached(from, dimensions)
	}
	if !ofLines(dimensions) {
		return from
	}
	var named []string // a line that does not say it is in no figure
	for _, d := range []metric.Dimension{"product", "category"} {
		if slices.Contains(dimensions, d) {
			named = append(named, columnOf[d]+" IS NOT NULL")
		}
	}
	if from == "events" {
		from = "(SELECT " + columns(dimensions, eventColumns...) + " FROM events WHERE " + x.base(0, 0) + ")"
	}
	return fmt.Sprintf("(SELECT e.*, l.product, l.category, l.amount AS line FROM (SELECT day, id, product, category, amount FROM lines WHERE %s AND %s) l JOIN %s e USING (day, id))",
		x.base(0, 0), strings.Join(named, " AND "), from)
}

// eventColumns are what conditions on events need beside the dimensions.
var eventColumns = []string{"site", "bot", "day", "id", "time_ms", "visitor", "kind", "name", "class", "source", "trade", "amount", "currency", "rowid"}

// columns lists columns of the events table: some, and those that dimensions are made
// of. A star in a table that is used twice has made DuckDB 1.4 mix columns up.
func columns(dimensions []metric.Dimension, some ...string) string {
	all := slices.Clone(some)
	for _, d := range dimensions {
		column := columnOf[d]
		if _, ok := d.Property(); ok {
			column = "properties"
		}
		if experiment, ok := d.Arm(); ok {
			column = armColumn(experiment)
		}
		if d == metric.Segment {
			all = append(all, slices.DeleteFunc([]string{"user_id", "anonymous_id", "bot"}, func(c string) bool { return slices.Contains(all, c) })...)
		}
		if column != "" && d != "product" && d != "category" && !slices.Contains(all, column) {
			all = append(all, column)
		}
	}
	return strings.Join(all, ", ")
}

// cut is the tables of arms, segments and sessions, if they are needed.
func (x *tabulation) cut() (with []string) {
	with = x.arms()
	if slices.Contains(x.all(), metric.Segment) {
		with = append(with, x.members())
	}
	if x.sessions() {
		with = append(with, "views AS MATERIALIZED ("+x.views()+")")
	}
	if x.spans() {
		with = append(with, x.opened(), x.spanned())
	}
	return with
}

// views are the page views in which sessions are found, each with the visitor's
// one before and after it. They are looked for beyond the window, so that its edge
// neither starts nor ends a session.
func (x *tabulation) views() string {
	around := sessionGap*time.Millisecond + time.Millisecond
	if x.spans() {
		around += sessionDay * time.Millisecond
	}
	order, carried := "time_ms", []string{"time_ms", "visitor"} // all that is carried is sorted
	if len(x.all()) > 0 || x.Affiliate != nil || x.spread {
		order += ", rowid" // of views in one millisecond the one stored first is the first
		carried = append(carried, "path", "class", "source")
	}
	return fmt.Sprintf("SELECT %s, lag(time_ms) OVER w AS before, lead(time_ms) OVER w AS after, row_number() OVER w AS n FROM events WHERE %s AND visitor <> 0 WINDOW w AS (PARTITION BY visitor ORDER BY %s)",
		columns(x.Dimensions(), carried...), and(x.base(around, around), x.concerned(), isView, x.whose), order)
}

// concerned is a condition that only holds for visitors who have done what is asked
// for, whose page views alone need be sorted; "" is everybody. An event alone does
// not tell of its session, its lines or its goals: then they are all who were there in
// the window, which are few of those of a day before and behind it.
func (x *tabulation) concerned() string {
	own := (&tabulation{Report: metric.Report{Where: x.Where}}).all()
	tells := (x.Where != nil || x.Affiliate != nil) && !ofSessions(own) && !ofLines(own) && !slices.Contains(own, metric.OfGoal)
	if !tells && !x.spans() {
		return ""
	}
	who := "visitor IN (SELECT visitor FROM events WHERE " + x.base(0, 0)
	if tells {
		who = and(who, x.condition())
	}
	return who + ")"
}

// opened tells of each page view when its session began.
func (x *tabulation) opened() string {
	path := ""
	if x.paths() {
		path = ", path"
	}
	return fmt.Sprintf("opened AS (SELECT visitor, time_ms, n%s, max(CASE WHEN before IS NULL OR time_ms - before > %d THEN time_ms END) OVER (PARTITION BY visitor ORDER BY n ROWS UNBOUNDED PRECEDING) AS start FROM views)", path, sessionGap)
}

// spanned tells of each session what it was up to sessionDay behind its beginning.
func (x *tabulation) spanned() string {
	pages := ""
	if x.paths() {
		pages = fmt.Sprintf(", arg_min(coalesce(path, ''), n) AS entry, arg_max(coalesce(path, ''), n) FILTER (time_ms - start <= %d) AS exit", sessionDay)
	}
	return fmt.Sprintf("spans AS (SELECT visitor, start, max(time_ms) AS finish, max(time_ms) FILTER (time_ms - start <= %[1]d) AS last, count(*) FILTER (time_ms - start <= %[1]d) AS of_views%[2]s FROM opened GROUP BY visitor, start)", sessionDay, pages)
}

// spanned is events with what is told of the session they are in, if any.
func spanned(from string) string {
	in := fmt.Sprintf("CASE WHEN e.time_ms - s.finish <= %d AND e.time_ms - s.start <= %d THEN", sessionGap, sessionDay)
	return fmt.Sprintf("(SELECT e.*, %[1]s s.entry END AS entry, %[1]s s.exit END AS exit, s.last, s.of_views FROM %[2]s e ASOF LEFT JOIN spans s ON e.visitor = s.visitor AND e.time_ms >= s.start)",
		in, from)
}

func and(conditions ...string) string {
	return strings.Join(slices.DeleteFunc(conditions, func(c string) bool { return c == "" }), " AND ")
}
