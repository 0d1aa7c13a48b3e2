package metric_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/metric"
	"footfall/period"
)

func is(d metric.Dimension, values ...string) metric.Where {
	return metric.Where{Dimension: d, Op: metric.Is, Values: values}
}

// deep is a condition in n-1 others.
func deep(n int) metric.Where {
	w := is("page", "/")
	for range n - 1 {
		inner := w
		w = metric.Where{Not: &inner}
	}
	return w
}

func long(n int) string { return strings.Repeat("x", n) }

func where(w metric.Where) func(*metric.Report) { return func(r *metric.Report) { r.Where = &w } }

func matches(pattern string) func(*metric.Report) {
	return where(metric.Where{Dimension: "page", Op: metric.Matches, Values: []string{pattern}})
}

var (
	done  = is("event", "Signed Up")
	twice = metric.Where{Any: []metric.Where{{Done: &done}}}
)

// reports each spoil one thing of a good report; why must be part of the answer.
var reports = []struct {
	why   string
	spoil func(*metric.Report)
}{
	{"", func(*metric.Report) {}},
	{"", func(r *metric.Report) {
		r.Where, r.By = &metric.Where{All: []metric.Where{done, {Done: &done}}}, []metric.Dimension{metric.Property("a.b"), metric.Weekday}
	}},
	{"", func(r *metric.Report) {
		r.Metrics, r.By = []metric.Name{metric.Orders, metric.AverageOrder, metric.Sales}, []metric.Dimension{"product"}
	}},
	{"", func(r *metric.Report) {
		r.Metrics, r.By = []metric.Name{metric.Sales, metric.EPC}, []metric.Dimension{"affiliate"}
	}},
	{"", func(r *metric.Report) { r.Order = []metric.Order{{Metric: "PageViews"}, {Dimension: "page"}, {}} }},
	{"", func(r *metric.Report) { product := is("product", "cup"); r.Where = &metric.Where{Done: &product} }},
	{"", where(deep(metric.MaxDepth))}, {"", matches(`^/(de|fr)/\d{1,20}$`)}, {"", where(is("page", long(metric.MaxValue)))},
	{"", func(r *metric.Report) { r.Limit, r.Offset = metric.MaxRows, metric.MaxOffset }},
	{"site:", func(r *metric.Report) { r.Site = "" }},
	{"window: it ends before", func(r *metric.Report) { r.Window.To = r.Window.From }},
	{"compare: it ends before", func(r *metric.Report) { r.Compare.From = r.Window.From }},
	{"window: weekday is told of at most 100 years", func(r *metric.Report) {
		weekday := is(metric.Weekday, "1")
		r.Window.From, r.Where = r.Window.To.AddDate(-9000, 0, 0), &metric.Where{Done: &weekday}
	}},
	{"", func(r *metric.Report) {
		r.Window.From, r.By = r.Window.To.AddDate(-100, 0, 0), []metric.Dimension{metric.HourOfDay}
	}},
	{"step: unknown step", func(r *metric.Report) { r.Step = "fortnight" }},
	{"step: 10003 steps in the window", func(r *metric.Report) { r.Step, r.Window.To = period.Minute, r.Window.From.Add(10_000*time.Minute) }},
	{"steps in the compare", func(r *metric.Report) {
		r.Step, r.Compare = period.Quarter, period.Window{From: window.From.AddDate(-1, 0, 0), To: window.From}
	}},
	{"metrics: name between one and", func(r *metric.Report) { r.Metrics = nil }},
	{"metrics: name between one and", func(r *metric.Report) { r.Metrics = metric.Names[:metric.MaxMetrics+1] }},
	{"use some of PageViews, Visitors", func(r *metric.Report) { r.Metrics = []metric.Name{"Tears"} }},
	{"metrics: PageViews is named twice", func(r *metric.Report) { r.Metrics = append(r.Metrics, r.Metrics[0]) }},
	{"step: Clicks is kept by quarters", func(r *metric.Report) {
		r.Step, r.Metrics, r.By, r.Window.To = period.Minute, []metric.Name{metric.Clicks}, nil, r.Window.From.Add(time.Hour)
	}},
	{"dimensions: 7 are more than 6", func(r *metric.Report) { r.By = metric.Dimensions[:7] }},
	{"dimensions: unknown dimension \"page'\": use one of page, host", func(r *metric.Report) { r.By = []metric.Dimension{"page'"} }},
	{"dimensions: the name of a property", func(r *metric.Report) { r.By = []metric.Dimension{"property:"} }},
	{"dimensions: the name of a property", func(r *metric.Report) { r.By = []metric.Dimension{metric.Property(long(metric.MaxProperty + 1))} }},
	{"dimensions: the name of a property", func(r *metric.Report) { r.By = []metric.Dimension{metric.Property("a\x00")} }},
	{`dimensions: "page" is named twice`, func(r *metric.Report) { r.By = []metric.Dimension{"page", "os", "page"} }},
	{"filters: a condition is one of", where(metric.Where{})},
	{"filters: a condition is one of", where(metric.Where{Dimension: "page", Op: metric.Is, Values: []string{"/"}, Not: &done})},
	{"filters.any[0].not: unknown dimension \"shoe\"", where(metric.Where{Any: []metric.Where{{Not: &metric.Where{Dimension: "shoe", Op: metric.Is, Values: []string{"42"}}}}})},
	{"filters: unknown comparison \"like\": use one of is, contains, matches", where(metric.Where{Dimension: "page", Op: "like", Values: []string{"/"}})},
	{"filters: name between one and 500 values", where(is("page"))},
	{"filters: name between one and 500 values", where(is("page", slices.Repeat([]string{"/"}, metric.MaxValues+1)...))},
	{"filters.all[1]: name between one and 500 values", where(metric.Where{All: []metric.Where{is("page", slices.Repeat([]string{"/"}, metric.MaxValues)...), is("page", "/")}})},
	{"filters: a value is a text", where(is("page", long(metric.MaxValue+1)))}, {"filters: a value is a text", where(is("page", "\xff"))},
	{"filters.done.any[0]: what a visitor has done holds no other", where(metric.Where{Done: &twice})},
	{"50, and 8 deep", where(deep(metric.MaxDepth + 1))},
	{"50, and 8 deep", where(metric.Where{Any: slices.Repeat([]metric.Where{is("page", "/")}, metric.MaxConditions)})},
	{"can't be read (RE2 syntax)", matches("(")}, {"can't be read (RE2 syntax)", matches("(?=a)")}, {"can't be read (RE2 syntax)", matches("a{1001}")},
	{"at most 500 bytes", matches(long(metric.MaxPattern + 1))}, {"repeats too much", matches(`((abcdefghij){30}){30}`)},
	{"limit: -1 rows", func(r *metric.Report) { r.Limit = -1 }}, {"limit: 10001 rows", func(r *metric.Report) { r.Limit = metric.MaxRows + 1 }},
	{"offset: -1 rows", func(r *metric.Report) { r.Offset = -1 }}, {"offset:", func(r *metric.Report) { r.Offset = metric.MaxOffset + 1 }},
	{"order: 9 are more than 8", func(r *metric.Report) { r.Order = make([]metric.Order, 9) }},
	{"name each by itself", func(r *metric.Report) { r.Order = []metric.Order{{Metric: "PageViews", Dimension: "page"}} }},
	{`order: "Visitors" is no metric of this report: order by one of PageViews`, func(r *metric.Report) { r.Order = []metric.Order{{Metric: "Visitors"}} }},
	{`order: "os" is no dimension of this report`, func(r *metric.Report) { r.Order = []metric.Order{{Dimension: "os"}} }},
	{"metrics: PageViews has no product", func(r *metric.Report) { r.By = []metric.Dimension{"product"} }},
	{"metrics: PageViews has no product", where(is("category", "x"))},
	{`metrics: PageViews can't be told by "affiliate"`, where(is("affiliate", "x"))},
	{`metrics: PageViews can't be told by "coupon"`, func(r *metric.Report) { coupon := is("coupon", "x"); r.Where = &metric.Where{Done: &coupon} }},
	{"at most one dimension and filtered on single values", func(r *metric.Report) {
		r.Metrics, r.By, r.Where = []metric.Name{metric.Sales}, nil, &metric.Where{Done: &done}
	}},
	{"at most one dimension", func(r *metric.Report) {
		r.Metrics, r.By = []metric.Name{metric.Sales}, []metric.Dimension{"affiliate", "code"}
	}},
	{`Sales can't be told by "page": use one of affiliate`, func(r *metric.Report) { r.Metrics = []metric.Name{metric.Sales} }},
	{"Orders is not told of one affiliate", func(r *metric.Report) { r.Metrics, r.Affiliate = []metric.Name{metric.Orders}, &metric.Affiliate{} }},
}

func TestCheckReport(t *testing.T) {
	for i, c := range reports {
		r := metric.Report{Site: "a", Metrics: []metric.Name{metric.PageViews}, By: []metric.Dimension{"page"}, Window: window}
		c.spoil(&r)
		err := r.Check()
		var fault *metric.QueryError
		if c.why == "" && err != nil || c.why != "" && (!errors.As(err, &fault) || !strings.Contains(fault.Why, c.why)) {
			t.Errorf("case %d: want %q, got %v", i, c.why, err)
		}
	}
}

func TestWhereFilters(t *testing.T) {
	a, b := is("page", "/"), is("os", "x")
	for _, c := range []struct {
		w    *metric.Where
		want string
		ok   bool
	}{
		{nil, "[]", true}, {&a, "[{page /}]", true}, {&metric.Where{All: []metric.Where{a, {All: []metric.Where{b}}}}, "[{page /} {os x}]", true},
		{&metric.Where{Not: &a}, "[]", false}, {&metric.Where{Any: []metric.Where{a}}, "[]", false}, {&metric.Where{Done: &a}, "[]", false},
		{&metric.Where{Dimension: "page", Op: metric.Contains, Values: []string{"/"}}, "[]", false},
		{&metric.Where{Dimension: "page", Op: metric.Is, Values: []string{"/", "/a"}}, "[]", false},
	} {
		if got, ok := c.w.Filters(); ok != c.ok || ok && fmt.Sprint(got) != c.want {
			t.Errorf("%+v: got %v, %v", c.w, got, ok)
		}
	}
}

func TestEarlierWindows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	apia, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, before, year string }{
		{"2011-12-31", "2012-01-01", "2011-12-29T10:00:00Z 2011-12-30T10:00:00Z", "2010-12-31T10:00:00Z 2011-01-01T10:00:00Z"}, // behind a date that never was
		{"2026-03-30", "2026-04-02", "2026-03-26T23:00:00Z 2026-03-29T22:00:00Z", "2025-03-29T23:00:00Z 2025-04-01T22:00:00Z"},
		{"2026-03-29T10:00:00Z", "2026-03-29T11:30:00Z", "2026-03-29T08:30:00Z 2026-03-29T10:00:00Z", "2025-03-29T11:00:00Z 2025-03-29T12:30:00Z"},
		{"2024-02-29", "2024-03-01", "2024-02-27T23:00:00Z 2024-02-28T23:00:00Z", "2023-02-27T23:00:00Z 2023-02-28T23:00:00Z"},
		{"2024-02-28", "2024-02-29", "2024-02-26T23:00:00Z 2024-02-27T23:00:00Z", "2023-02-27T23:00:00Z 2023-02-28T23:00:00Z"},
		{"2024-02-29T10:00:00Z", "2024-02-29T12:00:00Z", "2024-02-29T08:00:00Z 2024-02-29T10:00:00Z", "2023-02-28T10:00:00Z 2023-02-28T12:00:00Z"},
	} {
		zone := berlin
		if c.from == "2011-12-31" {
			zone = apia
		}
		w, err := period.Between(c.from, c.to, zone)
		if err != nil {
			t.Fatal(err)
		}
		r := metric.Report{Window: w, Zone: zone}
		for got, want := range map[period.Window]string{r.PeriodBefore(): c.before, r.YearBefore(): c.year} {
			if s := got.From.UTC().Format(time.RFC3339) + " " + got.To.UTC().Format(time.RFC3339); s != want {
				t.Errorf("%s to %s: got %s, want %s", c.from, c.to, s, want)
			}
		}
	}
}

// TestUnits: what is divided or lasts is spelled in its unit, what is counted is whole.
func TestUnits(t *testing.T) {
	for m, want := range map[metric.Name]string{metric.Events: "12500", metric.SessionViews: "12500", metric.TimedViews: "12500", metric.Visitors: "12500",
		metric.BounceRate: "12.5%", metric.ConversionRate: "12.5%", metric.ViewsPerSession: "12.5", metric.SessionDuration: "12.5s", metric.SessionSeconds: "12.5s",
		metric.TimeOnPage: "12.5s", metric.PageSeconds: "12.5s", metric.AverageOrder: "12.5EUR", metric.EPC: "12.5EUR"} {
		if got := m.Spell(12_500) + m.Unit("EUR"); got != want {
			t.Errorf("%s is spelled %s, want %s", m, got, want)
		}
	}
}
