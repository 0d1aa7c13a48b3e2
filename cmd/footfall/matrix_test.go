package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
	"footfall/sqlapi"
)

// TestEveryFigureAtEveryDoor, law 8: every metric by every dimension of the catalogue,
// of the real data, is a recount's at each door. What is new in the catalogue fails
// until recount knows it (figure) and SQL has it or a reason not to.
func TestEveryFigureAtEveryDoor(t *testing.T) {
	h := newHome(t)
	log := h.accessLog()
	_, err := h.roller.Roll(t.Context()) // so that its figures come from bins; the others, of more days, from events
	must(t, err)
	all := invoices(t, zoneNamed(t, "Europe/London"))
	orders := h.shopOrders(all)
	overlay := h.overlay(all)
	clicks := h.clickStream()
	must(t, h.settled(t.Context()))
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read, account.SQL}})
	must(t, err)
	x := &matrix{h: h, key: key, ask: h.asking()}
	for _, s := range []*site{log, clicks, orders} {
		x.ofEvents(s)
	}
	x.ofLedger(overlay)
	x.truths(log, clicks, orders, overlay)
}

// matrix asks every door.
type matrix struct {
	h    *home
	key  string
	ask  func(token, method, path, body string) string
	asks int
}

// cell is what is asked of a site by a dimension.
type cell struct {
	*site
	metrics []metric.Name
	by      metric.Dimension
}

// matrixDoors are the doors; each tells of each metric, or nothing of one that it
// can't tell. POST tells every figure of every site; GET, GraphQL and the command, which
// ask for one metric at a time, some of them by each dimension, in turns, as all would
// take minutes.
var matrixDoors = []struct {
	name string
	ask  func(*matrix, cell) map[metric.Name]toldFigures
}{
	{"POST", (*matrix).post}, {"GET", (*matrix).get}, {"GraphQL", (*matrix).graphql}, {"SQL", (*matrix).sql}, {"the command", (*matrix).command},
}

// ofEvents asks for what is counted from events.
func (x *matrix) ofEvents(s *site) {
	counted := newRecount(s.things, s.zone, s.segments, s.goals)
	for _, d := range append([]metric.Dimension{"", s.property}, metric.Dimensions...) {
		a := cell{site: s, by: d}
		for _, m := range metric.OfEvents {
			if x.askable(s, m, d) && (d != metric.Segment || s.segments != nil) {
				a.metrics = append(a.metrics, m)
			}
		}
		if len(a.metrics) > 0 {
			want := counted.by(d)
			x.compare(a, want.want)
		}
	}
}

// ofLedger asks for what is earned.
func (x *matrix) ofLedger(s *site) {
	for m, dimensions := range metric.Earned {
		for _, d := range append([]metric.Dimension{""}, dimensions...) {
			x.compare(cell{site: s, by: d, metrics: []metric.Name{m}}, s.ledger[d].want)
		}
	}
}

// askable reports whether the metric has the dimension.
func (x *matrix) askable(s *site, m metric.Name, d metric.Dimension) bool {
	return metric.Query{Site: s.ID, Metric: m, By: d, Window: fromTo(s.zone, s.from, s.to)}.Check() == nil
}

// compare asks each door.
func (x *matrix) compare(a cell, want func(metric.Name) toldFigures) {
	for _, door := range matrixDoors {
		name, got := door.name, door.ask(x, a)
		for _, m := range a.metrics {
			if got[m] == nil && name != "POST" {
				continue
			}
			if why := got[m].differ(want(m)); why != "" || got[m] == nil {
				x.h.t.Errorf("%s of %s by %q, %s:%s", m, a.Domain, a.by, name, why)
			}
		}
	}
}

// post asks for a table of all metrics.
func (x *matrix) post(a cell) map[metric.Name]toldFigures {
	all := map[metric.Name]toldFigures{}
	for some := range slices.Chunk(a.metrics, metric.MaxMetrics) {
		by := []metric.Dimension{}
		if a.by != "" {
			by = append(by, a.by)
		}
		for offset := 0; ; offset += metric.MaxRows {
			body, err := json.Marshal(map[string]any{"site_id": a.ID, "metrics": some, "dimensions": by, "date_range": []string{a.from, a.to}, "pagination": map[string]int{"limit": metric.MaxRows, "offset": offset}})
			must(x.h.t, err)
			var table api.Table
			must(x.h.t, json.Unmarshal([]byte(x.ask(x.key, "POST", "/v1/query", string(body))), &table))
			for i, m := range some {
				if all[m] == nil {
					all[m] = toldFigures{}
				}
				for _, row := range table.Results {
					all[m][strings.Join(row.Dimensions, "")] = spellNumber(row.Metrics[i])
				}
			}
			if len(table.Results) < metric.MaxRows {
				break
			}
		}
	}
	return all
}

func spellNumber(n *json.Number) string {
	if n == nil {
		return "–"
	}
	return n.String()
}

// toldBy is what a list of points tells.
func toldBy(a cell, points []api.Point) toldFigures {
	all := toldFigures{}
	for _, p := range points {
		if a.by == "" {
			p.Series = ""
		}
		all[p.Series] = spellNumber(p.Value)
	}
	return all
}

func (a cell) parameters(m metric.Name) url.Values {
	to := fromTo(a.zone, a.from, a.to).To.Format(time.DateOnly)
	return url.Values{"site": {a.ID}, "metric": {string(m)}, "by": {string(a.by)}, "from": {a.from}, "to": {to}, "step": {"total"}}
}

// some are the metrics that are asked for one by one: other ones each time, of a large
// file a single one.
func (x *matrix) some(a cell) (some []metric.Name) {
	x.asks++
	for i, m := range a.metrics {
		if a.small && i%4 == x.asks%4 || i == x.asks%len(a.metrics) {
			some = append(some, m)
		}
	}
	return some
}

func (x *matrix) get(a cell) map[metric.Name]toldFigures {
	all := map[metric.Name]toldFigures{}
	for _, m := range x.some(a) {
		var answer api.Answer
		must(x.h.t, json.Unmarshal([]byte(x.ask(x.key, "GET", "/v1/query?"+a.parameters(m).Encode(), "")), &answer))
		all[m] = toldBy(a, answer.Dataset)
	}
	return all
}

// graphql asks for all metrics in one request.
func (x *matrix) graphql(a cell) map[metric.Name]toldFigures {
	by, query := "", ""
	if name, property := a.by.Property(); property {
		by = fmt.Sprintf(", byProperty: %q", name)
	} else if experiment, arm := a.by.Arm(); arm {
		by = fmt.Sprintf(", byExperiment: %q", experiment)
	} else if a.by != "" {
		by = ", by: " + string(a.by)
	}
	for _, m := range x.some(a) {
		v := a.parameters(m)
		query += fmt.Sprintf(" %s: getAnalyticsData(metricType: %[1]s, from: %q, to: %q, granularity: Total, site: %q%s) { dataset { series value } }", m, v.Get("from"), v.Get("to"), a.ID, by)
	}
	if query == "" {
		return nil
	}
	body, err := json.Marshal(map[string]string{"query": "{" + query + " }"})
	must(x.h.t, err)
	var answer struct {
		Data   map[metric.Name]api.Answer
		Errors []any
	}
	must(x.h.t, json.Unmarshal([]byte(x.ask(x.key, "POST", "/graphql", string(body))), &answer))
	if len(answer.Errors) > 0 {
		x.h.t.Errorf("%s: %v", query, answer.Errors)
	}
	all := map[metric.Name]toldFigures{}
	for m, of := range answer.Data {
		all[m] = toldBy(a, of.Dataset)
	}
	return all
}

// command types one metric after another, so that each dimension and each metric is
// typed; it is read where GET is.
func (x *matrix) command(a cell) map[metric.Name]toldFigures {
	x.asks++
	m := a.metrics[x.asks%len(a.metrics)]
	args := []string{"query"}
	for name, value := range a.parameters(m) {
		args = append(args, "--"+name, value[0])
	}
	var answer api.Answer
	if fault, code := x.h.typed(&answer, args...); code != 0 {
		x.h.t.Errorf("%v: %s", args, fault)
	}
	return map[metric.Name]toldFigures{m: toldBy(a, answer.Dataset)}
}

// sqlColumns are dimensions as SQL has them, where it is not by their own name, and
// sqlLacks those that it can't tell by, with the reason.
var (
	sqlColumns = map[metric.Dimension]string{"": "''", "page": "path", "event": "name", "affiliate": "affiliate_id", "website": "website"}
	sqlLacks   = map[metric.Dimension]string{metric.EntryPage: "sessions are cut when asked", metric.ExitPage: "likewise", metric.Weekday: "times are UTC, and no zone is known", metric.HourOfDay: "likewise",
		metric.Segment: "memberships are no table", metric.OfGoal: "goals are no table", "product": "lines are no table", "category": "likewise"}
	sqlMetrics = map[metric.Name]string{
		metric.PageViews: "count(CASE WHEN type IN ('page', 'screen') THEN 1 END)", metric.Visitors: "count(DISTINCT CASE WHEN type IN ('page', 'screen') THEN visitor_id END)",
		metric.Downloads: "count(CASE WHEN name = 'File Downloaded' THEN 1 END)", metric.Events: "count(*)", metric.ProductViews: "count(CASE WHEN name = 'Product Viewed' THEN 1 END)", metric.CartAdds: "count(CASE WHEN name = 'Product Added' THEN 1 END)",
		metric.Orders: "count(CASE WHEN name = 'Order Completed' THEN 1 END)", metric.Refunds: "count(CASE WHEN name = 'Order Refunded' THEN 1 END)",
		metric.Revenue: "sum(CASE WHEN name = 'Order Completed' THEN amount ELSE 0 END)", metric.Refunded: "sum(CASE WHEN name = 'Order Refunded' THEN amount ELSE 0 END)",
		metric.Conversions: "count(*)", metric.Sales: "sum(net)", metric.Commissions: "sum(amount)",
	}
	sqlFrom  = map[metric.Name]string{metric.Conversions: "OrdersTable", metric.Sales: "OrdersTable", metric.Commissions: "CommissionsTable"}
	sqlSkips = map[metric.Name]string{metric.Sessions: "sessions are cut when asked", metric.Bounces: "likewise", metric.SessionViews: "likewise", metric.SessionSeconds: "likewise", metric.TimedViews: "likewise", metric.PageSeconds: "likewise",
		metric.AverageOrder: "a quotient of two that are told", metric.GoalCompletions: "goals are no table", metric.GoalVisitors: "likewise", metric.GoalRate: "likewise", metric.GoalValue: "likewise", metric.GoalAudience: "likewise", metric.BounceRate: "of sessions", metric.ViewsPerSession: "likewise", metric.SessionDuration: "likewise", metric.TimeOnPage: "likewise",
		metric.Clicks: "touches are no table", metric.EPC: "of clicks", metric.ConversionRate: "likewise",
		metric.CommissionsPending: "Commissions where state = 'pending'", metric.CommissionsHeld: "likewise", metric.CommissionsAvailable: "likewise", metric.CommissionsInPayout: "likewise", metric.CommissionsPaid: "likewise", metric.CommissionsReversed: "likewise"}
)

// sql asks for CSV of what SQL has.
func (x *matrix) sql(a cell) map[metric.Name]toldFigures {
	if a.by.OfName() || sqlLacks[a.by] != "" {
		return nil
	}
	column, ok := sqlColumns[a.by]
	if !ok {
		column = string(a.by)
	}
	var some []metric.Name
	var figures []string
	from := "EventsTable"
	for _, m := range a.metrics {
		if sqlMetrics[m] == "" && sqlSkips[m] == "" {
			x.h.t.Fatalf("%s is new: say in sqlMetrics what it is in SQL, or in sqlSkips why it is not", m)
		}
		if sqlMetrics[m] == "" || sqlFrom[m] == "CommissionsTable" && (a.by == "code" || a.by == "sub" || a.by == "coupon") {
			continue
		}
		some, figures = append(some, m), append(figures, sqlMetrics[m])
		if sqlFrom[m] != "" {
			from = sqlFrom[m]
		}
	}
	if len(some) == 0 {
		return nil
	}
	where := " WHERE site = '" + a.ID + "'"
	if from == "EventsTable" {
		where += " AND bot = ''"
	}
	query, err := json.Marshal(sqlapi.Request{Format: "csv", Query: "SELECT coalesce(" + column + ", '') AS k, " + strings.Join(figures, ", ") + " FROM " + from + where + " GROUP BY 1"})
	must(x.h.t, err)
	rows, err := csv.NewReader(strings.NewReader(x.ask(x.key, "POST", "/v1/sql", string(query)))).ReadAll()
	must(x.h.t, err)
	all := map[metric.Name]toldFigures{}
	for i, m := range some {
		all[m] = toldFigures{}
		for _, row := range rows[1:] {
			n := row[i+1]
			if strings.Contains(n, ".") {
				n = strings.TrimSuffix(strings.TrimRight(n, "0"), ".")
			}
			all[m][row[0]] = n
		}
	}
	return all
}

// truths holds the recount to the files' own truth.
func (x *matrix) truths(log, clicks, orders, overlay *site) {
	var ofLog struct {
		Views    int64 `json:"human_page_views"`
		Sessions int64 `json:"sessions"`
		Bounces  int64 `json:"bounces"`
	}
	var ofClicks struct {
		Rows       int64
		Categories map[string]int64 `json:"views_per_category"`
	}
	var ofOrders struct {
		Orders, Refunds int64
		Sales           int64 `json:"sales_m"`
		Back            int64 `json:"refunds_m"`
		Notes           int64 `json:"refund_notes"`
		Overlay         struct {
			Pence map[string]int64 `json:"commission_pence_total"`
		} `json:"affiliate_overlay"`
	}
	t := x.h.t
	truthOf(t, "accesslog-combined", &ofLog)
	truthOf(t, "shop-clickstream", &ofClicks)
	truthOf(t, "shop-orders", &ofOrders)
	whole := func(s *site, m metric.Name) int64 { return newRecount(s.things, s.zone, nil, nil).by("")[""][m] }
	got := []int64{whole(log, metric.PageViews), whole(log, metric.Sessions), whole(log, metric.Bounces), whole(clicks, metric.ProductViews), whole(orders, metric.Orders), whole(orders, metric.Revenue), whole(orders, metric.Refunds), whole(orders, metric.Refunded)}
	want := []int64{ofLog.Views, ofLog.Sessions, ofLog.Bounces, ofClicks.Rows, ofOrders.Orders, ofOrders.Sales, ofOrders.Notes, -ofOrders.Back}
	if !slices.Equal(got, want) || len(ofClicks.Categories) == 0 {
		t.Errorf("the recount is %v, the truth %v", got, want)
	}
	categories, pence := map[string]int64{}, map[string]int64{}
	for value, n := range newRecount(clicks.things, clicks.zone, nil, nil).by("category") {
		categories[value] = n[metric.ProductViews]
	}
	for coupon, n := range overlay.ledger["coupon"] {
		pence[coupon] = n[metric.Commissions] / 10
	}
	if !maps.Equal(categories, ofClicks.Categories) || !maps.Equal(pence, ofOrders.Overlay.Pence) {
		t.Errorf("categories %v, want %v; pence %v, want %v", categories, ofClicks.Categories, pence, ofOrders.Overlay.Pence)
	}
}

func zoneNamed(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	must(t, err)
	return zone
}
