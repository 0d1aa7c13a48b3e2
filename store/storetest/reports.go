package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// reportMetrics are what reports ask a store for, and reportDimensions by what; goals
// have a law of their own.
var (
	reportMetrics    = slices.DeleteFunc(slices.Clone(metric.Names), func(m metric.Name) bool { return m.Earned() || slices.Contains(metric.OfGoals, m) })
	reportDimensions = append(slices.DeleteFunc(slices.Clone(metric.Dimensions), func(d metric.Dimension) bool {
		return slices.Contains(metric.Programs, d) || d == metric.OfGoal
	}),
		metric.Property("plan"), metric.Property("a/b~c"), metric.Property(`q"x`), metric.Property("product_id"), metric.Property("o"), metric.Property("missing' OR 1=1"))
)

// report makes a random report about the time around at.
func report(r *rand.Rand, at time.Time, zone *time.Location) metric.Report {
	q := question(r, at, zone)
	rep := metric.Report{Site: q.Site, Step: q.Step, Window: q.Window, Zone: zone, Bots: q.Bots, Currency: q.Currency, Affiliate: q.Affiliate, Members: members}
	metrics, dimensions := reportMetrics, reportDimensions
	if lined := r.IntN(4) == 0; lined {
		metrics, rep.Affiliate = metric.Traded, nil
	} else {
		dimensions = slices.DeleteFunc(slices.Clone(dimensions), func(d metric.Dimension) bool { return d == "product" || d == "category" })
		if rep.Affiliate != nil {
			metrics = slices.DeleteFunc(slices.Clone(metrics), func(m metric.Name) bool { return slices.Contains(metric.Traded, m) })
		}
	}
	for range 1 + r.IntN(5) {
		if m := metrics[r.IntN(len(metrics))]; !slices.Contains(rep.Metrics, m) {
			rep.Metrics = append(rep.Metrics, m)
		}
	}
	for range r.IntN(4) {
		if d := dimensions[r.IntN(len(dimensions))]; !slices.Contains(rep.By, d) {
			rep.By = append(rep.By, d)
		}
	}
	if r.IntN(2) == 0 {
		w := condition(r, dimensions, 2, true)
		rep.Where = &w
	}
	for range r.IntN(3) {
		o := metric.Order{Descending: r.IntN(2) == 0}
		switch {
		case r.IntN(2) == 0:
			o.Metric = rep.Metrics[r.IntN(len(rep.Metrics))]
		case len(rep.By) > 0:
			o.Dimension = rep.By[r.IntN(len(rep.By))]
		}
		rep.Order = append(rep.Order, o)
	}
	if r.IntN(2) == 0 {
		rep.Limit, rep.Offset = r.IntN(6), max(0, r.IntN(9)-5)
	}
	return rep
}

// condition makes a random condition, of others so deep.
func condition(r *rand.Rand, dimensions []metric.Dimension, depth int, done bool) metric.Where {
	some := func() (all []metric.Where) {
		for range 1 + r.IntN(3) {
			all = append(all, condition(r, dimensions, depth-1, done))
		}
		return all
	}
	if depth > 0 {
		switch r.IntN(6) {
		case 0:
			return metric.Where{All: some()}
		case 1:
			return metric.Where{Any: some()}
		case 2:
			inner := condition(r, dimensions, depth-1, done)
			return metric.Where{Not: &inner}
		case 3:
			if done {
				inner := condition(r, reportDimensions, depth-1, false)
				return metric.Where{Done: &inner}
			}
		}
	}
	d := dimensions[r.IntN(len(dimensions))]
	if r.IntN(2) == 0 {
		d = metric.Dimension(pick(r, "page", "country", "event", "entry_page", "hour_of_day", "segment"))
	}
	switch r.IntN(4) {
	case 0:
		return metric.Where{Dimension: d, Op: metric.Contains, Values: []string{pick(r, "", "O", "1", "ä", "/' OR 1=1", "%")}}
	case 1:
		return metric.Where{Dimension: d, Op: metric.Matches, Values: []string{pick(r, "^/[1-3]$", `(?P<x>\d)|DE`, `(?<x>^$)`, `(?i)Ä|e{2}`, `\pL.\x{72}`, "a|b$")}}
	}
	values := []string{"/1", "/2", "DE", "", "Signed Up", "12", "Order Completed", "Product Viewed", "a", "pro", "x", "fans", "buyers"}
	r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	return metric.Where{Dimension: d, Op: metric.Is, Values: values[:1+r.IntN(3)]}
}

func tabulate(t *testing.T, s store.Store, r metric.Report) metric.Table {
	t.Helper()
	table, err := s.(store.Tabulator).Tabulate(context.Background(), r)
	if err != nil {
		t.Fatalf("%s: %v", spellReport(r), err)
	}
	return table
}

func spellReport(r metric.Report) string {
	return fmt.Sprintf("%+v\nof %v by %v every %q where %s", r, r.Metrics, r.By, r.Step, spellWhere(r.Where))
}

func spellWhere(w *metric.Where) string {
	var of []string
	switch {
	case w == nil:
		return "anything"
	case w.Not != nil:
		return "not " + spellWhere(w.Not)
	case w.Done != nil:
		return "done " + spellWhere(w.Done)
	case w.Dimension != "":
		return fmt.Sprintf("%s %s %q", w.Dimension, w.Op, w.Values)
	}
	for _, w := range append(w.All, w.Any...) {
		of = append(of, spellWhere(&w))
	}
	return fmt.Sprintf("%v(%s)", len(w.All) > 0, strings.Join(of, ", "))
}

// sameTable compares two tables row by row.
func sameTable(t *testing.T, r metric.Report, got, want metric.Table) {
	t.Helper()
	if got.Total != want.Total || len(got.Rows) != len(want.Rows) || got.Source == "" || !got.AsOf.Equal(want.AsOf) {
		t.Fatalf("%s:\n got %d of %d rows: %+v\nwant %d of %d: %+v", spellReport(r), len(got.Rows), got.Total, got.Rows, len(want.Rows), want.Total, want.Rows)
	}
	for i, w := range want.Rows {
		g := got.Rows[i]
		if !slices.Equal(g.Keys, w.Keys) || !g.Time.Equal(w.Time) || g.Partial != w.Partial || !slices.Equal(g.Values, w.Values) {
			t.Fatalf("%s: row %d of %d:\n got %+v\nwant %+v", spellReport(r), i, len(want.Rows), g, w)
		}
	}
}

// beside opens the store beside the model, both with the same events, some hours behind
// a place's moment.
func beside(t *testing.T, open Open, p Place, events []event.Event) (s store.Store, m *Model, zone *time.Location) {
	t.Helper()
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return p.At.Add(3*time.Hour + 10*time.Minute) }
	s, m = open(t, t.TempDir(), now), NewModel(now)
	write(t, s, pos(1), events...)
	write(t, m, pos(1), events...)
	return s, m, zone
}

// tables asks the store and the model the same random reports, and the store itself
// the same questions in both ways.
func tables(t *testing.T, open Open) {
	for i, p := range Places {
		t.Run(fmt.Sprint(p.Zone, p.At.Format(" 2006-01-02")), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			s, m, zone := beside(t, open, p, Odd(r, p.At, 600))
			defer shut(t, s)
			some := 0
			for range 40 {
				rep := report(r, p.At, zone)
				want := tabulate(t, m, rep)
				sameTable(t, rep, tabulate(t, s, rep), want)
				if len(want.Rows) > 0 {
					some++
				}
			}
			if some < 12 {
				t.Errorf("only %d reports had rows", some)
			}
			for range 25 {
				q := question(r, p.At, zone)
				if r.IntN(2) == 0 {
					w := condition(r, []metric.Dimension{"page", "country", metric.ExitPage, metric.Property("plan")}, 2, true)
					q.Where = &w
				}
				sameEitherWay(t, s, q)
			}
		})
	}
}

// sameEitherWay asks the question as a report, too.
func sameEitherWay(t *testing.T, s store.Store, q metric.Query) {
	t.Helper()
	q.Limit = 0
	d, err := s.Answer(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	want := map[string]int64{}
	for _, p := range d.Points {
		if p.Value != 0 && !p.None {
			want[p.Series+p.Time.String()] = p.Value
		}
	}
	table := tabulate(t, s, q.Report())
	for _, row := range table.Rows {
		at := strings.Join(row.Keys, "") + row.Time.String()
		if row.Values[0].N != want[at] {
			t.Fatalf("%+v: at %s %d in the table, %d answered", q, at, row.Values[0].N, want[at])
		}
		delete(want, at)
	}
	if len(want) > 0 {
		t.Fatalf("%+v: the table lacks %v", q, want)
	}
}

// sessionTable holds figures of sessions worked out by hand.
func sessionTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	view := func(id string, visitor uint64, minute int, path string) event.Event {
		e := plain(id, start.Add(time.Duration(minute)*time.Minute))
		e.Visitor, e.Path = visitor, path
		return e
	}
	events := []event.Event{view("a", 1, 0, "/"), view("b", 1, 10, "/a"), view("c", 1, 12, "/b"), view("d", 1, 60, "/a"), view("u", 0, 11, "/")}
	for i := range 61 { // a session of thirty hours
		events = append(events, view(fmt.Sprint("long", i), 2, 30*i, fmt.Sprint("/", i)))
	}
	bought := view("e", 1, 42, "/b")
	bought.Kind, bought.Name = event.Track, "Order Completed"
	late := view("f", 1, 43, "/b")
	late.Kind, late.Name = event.Track, "Order Completed"
	write(t, s, pos(1), append(events, bought, late)...)
	page := func(path string) *metric.Where {
		return &metric.Where{Dimension: "page", Op: metric.Is, Values: []string{path}}
	}
	for _, c := range []struct {
		r    metric.Report
		want string
	}{
		// 12 minutes, none and a day, which is all that is told of thirty hours.
		{metric.Report{Metrics: []metric.Name{metric.Sessions, metric.SessionViews, metric.SessionSeconds, metric.SessionDuration, metric.ViewsPerSession, metric.BounceRate}},
			"[] 3 53 87120 29040 17.667 33.333"},
		{metric.Report{Metrics: []metric.Name{metric.TimedViews, metric.PageSeconds, metric.TimeOnPage}, Where: &metric.Where{Not: &metric.Where{Dimension: "page", Op: metric.Matches, Values: []string{`\d`}}}},
			"[] 2 720 360"},
		{metric.Report{Metrics: []metric.Name{metric.TimeOnPage}, By: []metric.Dimension{"page"}, Where: &metric.Where{Dimension: "page", Op: metric.Matches, Values: []string{`^/\D*$`}},
			Order: []metric.Order{{Metric: metric.TimeOnPage}}}, "[/a] 120, [/] 600"},
		{metric.Report{Metrics: []metric.Name{metric.Sessions}, By: []metric.Dimension{metric.EntryPage, metric.ExitPage}}, "[/ /b] 1, [/0 /48] 1, [/a /a] 1"},
		{metric.Report{Metrics: []metric.Name{metric.PageViews}, By: []metric.Dimension{metric.ExitPage}}, "[/48] 49, [] 13, [/b] 3, [/a] 1"},
		{metric.Report{Metrics: []metric.Name{metric.Orders}, By: []metric.Dimension{metric.EntryPage}}, "[] 1, [/] 1"}, // more than half an hour behind the last view
		{metric.Report{Metrics: []metric.Name{metric.Events, metric.Visitors}, Where: &metric.Where{Done: page("/a")}}, "[] 6 1"},
		{metric.Report{Metrics: []metric.Name{metric.Events, metric.Visitors}, Where: &metric.Where{Not: &metric.Where{Done: page("/a")}}}, "[] 62 1"},
		{metric.Report{Metrics: []metric.Name{metric.AverageOrder, metric.TimeOnPage}, Where: page("/nowhere")}, "[] – –"},
	} {
		c.r.Site, c.r.Window = "a", period.Window{From: start, To: start.Add(40 * time.Hour)}
		if got := rowsOf(t, s, c.r); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", spellReport(c.r), got, c.want)
		}
	}
}

// rowsOf is a report's table as one text: of each row its keys and figures.
func rowsOf(t *testing.T, s store.Store, r metric.Report) string {
	t.Helper()
	var rows []string
	for _, row := range tabulate(t, s, r).Rows {
		spelled := fmt.Sprint(row.Keys)
		for i, v := range row.Values {
			if spelled += " " + r.Metrics[i].Spell(v.N); v.None {
				spelled = strings.TrimSuffix(spelled, "0") + "–"
			}
		}
		rows = append(rows, spelled)
	}
	return strings.Join(rows, ", ")
}
