package dash

import (
	"context"
	"errors"
	"slices"
	"strings"

	"footfall/account"
	"footfall/metric"
)

// rowsPage is how many rows of a table stand on a page.
const rowsPage = 100

// order is what the rows of a table are ordered by: one of its columns.
type order struct {
	by      string // a metric, or the dimension
	falling bool   // the largest first
}

// readOrder reads an order such as "Visitors desc"; what it can't is the usual one.
func readOrder(text string) order {
	by, way, ok := strings.Cut(text, " ")
	if !ok || way != "desc" && way != "asc" {
		return order{}
	}
	return order{by, way == "desc"}
}

func (o order) String() string {
	if o.falling {
		return o.by + " desc"
	}
	return o.by + " asc"
}

// table is a list with all its columns.
type table struct {
	Heads   []head
	Rows    []row
	Note    string // what is to be known of it
	Problem string
	Known   *evidence

	total   int
	columns []metric.Name
	told    metric.Table // how the figures are known: without rows
}

// head is the head of a column; following it orders by the column.
type head struct {
	link
	Sort string // as of aria-sort; "" is none
}

// columnTitles are those of the figures, for people.
var columnTitles = map[metric.Name]key{metric.PageViews: "Page views", metric.BounceRate: "Bounce rate", metric.ViewsPerSession: "Views per session",
	metric.SessionDuration: "Duration", metric.TimeOnPage: "Time on page", metric.GoalVisitors: "Visitors", metric.GoalCompletions: "Completions",
	metric.GoalRate: "Rate", metric.GoalValue: "Value", metric.ProductViews: "Views", metric.CartAdds: "Added to cart", metric.AverageOrder: "Average order", metric.Refunded: "Given back"}

// wholeTitles are those that stand alone, where a column's title leans on its table.
var wholeTitles = map[metric.Name]key{metric.SessionDuration: "Session duration", metric.GoalVisitors: "Visitors who reached a goal", metric.GoalCompletions: "Goal completions", metric.GoalRate: "Conversion rate",
	metric.GoalValue: "Value of goals", metric.GoalAudience: "Visitors that goals are compared with", metric.ProductViews: "Product views", metric.SessionViews: "Page views of sessions", metric.SessionSeconds: "Seconds of sessions",
	metric.TimedViews: "Page views with a time", metric.PageSeconds: "Seconds on pages", metric.EPC: "Earnings per click", metric.ConversionRate: "Conversion rate of clicks", metric.CommissionsPending: "Commissions: pending",
	metric.CommissionsHeld: "Commissions: held", metric.CommissionsAvailable: "Commissions: available", metric.CommissionsInPayout: "Commissions: in a payout", metric.CommissionsPaid: "Commissions: paid", metric.CommissionsReversed: "Commissions: reversed"}

// metricTitle is what people call a figure, wherever it stands.
func (l tongue) metricTitle(m metric.Name) string {
	if t, ok := wholeTitles[m]; ok {
		return l.Say(t)
	}
	return l.titleOf(m)
}

func (l tongue) titleOf(m metric.Name) string {
	if t, ok := columnTitles[m]; ok {
		return l.Say(t)
	}
	return l.Say(key(m))
}

// rowsOf is the question for the rows of a list's table.
func (s state) rowsOf(x span, li listing, columns []metric.Name) metric.Report {
	r := s.query(li.figures[0], x.window, x.zone).Report()
	r.Metrics, r.By, r.Offset = columns, []metric.Dimension{li.by}, s.offset
	var all []metric.Where
	for _, w := range []*metric.Where{r.Where, li.only(s), s.searched(li)} {
		if w != nil {
			all = append(all, *w)
		}
	}
	if len(all) > 0 {
		r.Where = &metric.Where{All: all}
	}
	for _, m := range columns {
		if s.order.by == string(m) {
			r.Order = []metric.Order{{Metric: m, Descending: s.order.falling}}
		}
	}
	if s.order.by == string(li.by) {
		r.Order = append(r.Order, metric.Order{Dimension: li.by, Descending: s.order.falling})
	}
	for _, m := range li.figures {
		r.Order = append(r.Order, metric.Order{Metric: m, Descending: true})
	}
	return r
}

// searched is the condition that values contain what is searched for.
func (s state) searched(li listing) *metric.Where {
	if s.search == "" {
		return nil
	}
	values, op := s.contained(li.by, []string{s.search})
	w := &metric.Where{Dimension: li.by, Op: op, Values: values}
	if li.by == "source" && strings.Contains(direct, strings.ToLower(s.search)) {
		w = &metric.Where{Any: []metric.Where{*w, {Dimension: "class", Op: metric.Is, Values: []string{direct}}}}
	}
	return w
}

// columns asks for a table, without the columns that only events tell where these are
// not kept.
func (d *Door) columns(ctx context.Context, s state, x span, li listing, most int) (metric.Report, metric.Table, string, error) {
	all := li.figures
	if most > rowsShort {
		all = slices.Concat(all, li.more)
	}
	r := s.rowsOf(x, li, all)
	r.Limit = most
	t, err := d.Questions.Tabulate(ctx, r)
	if _, refused := errors.AsType[*metric.QueryError](err); !refused || len(all) == len(li.figures) {
		return r, t, "", err
	}
	few := s.rowsOf(x, li, li.figures)
	few.Limit = most
	if t, fewErr := d.Questions.Tabulate(ctx, few); fewErr == nil {
		return few, t, s.Say("Not all columns can be told: {why}", s.problem(err)), nil
	}
	return r, t, "", err
}

// table asks for so many rows of a list with all its columns.
func (d *Door) table(ctx context.Context, s state, x span, li listing, most int) (t table, err error) {
	r, found, note, err := d.columns(ctx, s, x, li, most)
	t.Note, t.total, t.columns = note, found.Total, r.Metrics
	if err != nil {
		return t, err
	}
	t.told = metric.Table{Source: found.Source, AsOf: found.AsOf, Estimate: found.Estimate}
	t.Known = li.evidenceOf(s, x, r, t.told)
	if _, arms := li.by.Arm(); arms && note == "" {
		t.Note = s.leftOut(found.Exposed)
	}
	by := s.orderedBy(r, found.Rows)
	t.Heads = append(t.Heads, s.head(string(li.by), s.nameOf(li.by), by, metric.Order{Dimension: li.by}))
	told := tellingOf(r.Metrics, found.Rows, most == rowsShort)
	for i, m := range r.Metrics {
		if !told[i] {
			continue
		}
		label := li.titleOf(s.tongue, m)
		if m.Money() {
			label += " (" + s.site.Currency + ")"
		}
		t.Heads = append(t.Heads, s.head(string(m), label, by, metric.Order{Metric: m}))
	}
	for _, found := range found.Rows {
		line := li.row(s, found.Keys[0])
		for i, v := range found.Values {
			if !told[i] {
				continue
			}
			line.Cells = append(line.Cells, s.spellCell(r.Metrics[i], v, s.site.Currency))
		}
		t.Rows = append(t.Rows, line)
	}
	return t, nil
}

// tellingOf says which columns have a place: among others, where a phone has room for two,
// those of nothing have none, unless all are.
func tellingOf(columns []metric.Name, rows []metric.Row, short bool) []bool {
	told, some := make([]bool, len(columns)), false
	for i := range columns {
		told[i] = slices.ContainsFunc(rows, func(row metric.Row) bool { return row.Values[i].N != 0 })
		some = some || told[i]
	}
	for i := range told {
		told[i] = told[i] || !short || !some
	}
	return told
}

// orderedBy is the column that the rows are seen to be ordered by: where nobody has chosen
// one, the first of which there is something. Of products that nobody buys it is not revenue.
func (s state) orderedBy(r metric.Report, rows []metric.Row) metric.Order {
	if s.order != (order{}) || s.offset > 0 || len(rows) == 0 {
		return r.Order[0]
	}
	for _, by := range r.Order {
		if i := slices.Index(r.Metrics, by.Metric); i >= 0 && rows[0].Values[i].N != 0 { // the largest is the first
			return by
		}
	}
	return r.Order[0]
}

// head is the head of the column by which rows would be ordered: the largest first, or
// of names the first of the alphabet; the other way round if they are so already.
func (s state) head(by, label string, now, column metric.Order) head {
	to, sort := s, ""
	falling := column.Metric != ""
	if now.Metric == column.Metric && now.Dimension == column.Dimension {
		sort = "ascending"
		if now.Descending {
			sort = "descending"
		}
		falling = !now.Descending
	}
	to.order, to.offset = order{by, falling}, 0
	return head{link{Label: label, Href: to.href(), Current: sort != ""}, sort}
}

// details is the page of one list.
type details struct {
	Title   string
	Tabs    []link // the other lists of its box
	Table   table
	Search  string
	Keep    []link // the rest of the state, for the form
	Count   string // which rows these are
	Earlier string // URLs of the pages before and behind; "" is none
	Later   string
	CSV     string
	Back    string
	Nothing string
}

// detailed draws the page of the list that the state names; false: there is none.
func (d *Door) detailed(ctx context.Context, s state, x span) (v details, ok bool) {
	b, li, ok := s.find(s.detail)
	if !ok {
		return v, false
	}
	if experiment, arms := li.by.Arm(); arms {
		_, names, _ := d.exposedTo(ctx, s, x) // without them it is called by its id
		li.title = names[experiment]
		b.lists = []listing{li}
	}
	back := s
	back.detail, back.search, back.order, back.offset = "", "", order{}, 0
	v = details{Title: li.called(s.tongue), Search: s.search, Back: back.href()}
	for _, other := range b.lists {
		v.Tabs = append(v.Tabs, link{Label: other.called(s.tongue), Href: s.tab(b, other).details(other).href(), Current: other.key() == li.key()})
	}
	var err error
	if v.Table, err = d.table(ctx, s, x, li, rowsPage); err != nil {
		v.Table.Problem = d.fault(ctx, s, "list "+s.detail, err)
	}
	form := s
	form.search, form.offset = "", 0
	v.Keep = hidden(form.values())
	if v.Nothing = s.nothing(li); s.search != "" {
		v.Nothing = s.Say("Nothing contains “{text}”.", cut(s.search))
	}
	if n := len(v.Table.Rows); n > 0 {
		if s.guest.has(account.Files) {
			v.CSV = s.fileHref()
		}
		if v.Count = s.Say("{n} rows", v.Table.total); n < v.Table.total {
			v.Count = s.Say("{first} to {last} of {rows}", whole(s.tongue, s.offset+1), whole(s.tongue, s.offset+n), v.Count)
		}
	}
	if to := s; s.offset > 0 {
		to.offset = max(0, s.offset-rowsPage)
		v.Earlier = to.href()
	}
	if to := s; s.offset+len(v.Table.Rows) < v.Table.total {
		to.offset += len(v.Table.Rows)
		v.Later = to.href()
	}
	return v, true
}

// drawDetails is the page with one list alone.
func (d *Door) drawDetails(ctx context.Context, s state, x span, v view, of details) view {
	v.Live, _ = d.there(ctx, s)
	v.Details, v.LiveAt = &of, s.live(x, false)
	if !of.Table.told.AsOf.IsZero() {
		v.Asked = asked{Zone: s.site.Zone, Source: s.counted(of.Table.told.Source)}
		v.Asked.since(s.tongue, of.Table.told.AsOf, d.Now(), x.zone)
	}
	v.Title = of.Title + " · " + v.Title
	return v
}
