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

var window = period.Window{From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}

// Each case spoils one thing of a good query; why must be part of the answer.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		why   string
		spoil func(*metric.Query)
	}{
		{"", func(*metric.Query) {}},
		{"", func(q *metric.Query) { q.Step, q.By = "total", "page" }},
		{"", func(q *metric.Query) { q.Step = period.Quarter }},
		{"", func(q *metric.Query) { q.Filters = []metric.Filter{{Dimension: "utm_content", Value: ""}} }},
		{"which site", func(q *metric.Query) { q.Site = "" }},
		{"use one of PageViews, Visitors, Sessions, Bounces, Downloads, ProductViews", func(q *metric.Query) { q.Metric = "Tears" }},
		{"use one of", func(q *metric.Query) { q.Metric = "pageviews" }}, // doors Parse
		{"ends before it begins", func(q *metric.Query) { q.Window.To = q.Window.From }},
		{`by: unknown dimension "shoe size": use one of`, func(q *metric.Query) { q.By = "shoe size" }},
		{`filters: unknown dimension`, func(q *metric.Query) { q.Filters = []metric.Filter{{Dimension: "page'", Value: "/"}} }},
		{"unknown step", func(q *metric.Query) { q.Step = "fortnight" }},
		{"longer step", func(q *metric.Query) { q.Step, q.Window.To = period.Quarter, q.Window.From.AddDate(1, 0, 0) }},
	} {
		q := metric.Query{Site: "a", Metric: metric.PageViews, Window: window}
		c.spoil(&q)
		err := q.Check()
		var fault *metric.QueryError
		if c.why == "" && err != nil || c.why != "" && (!errors.As(err, &fault) || !strings.Contains(fault.Why, c.why)) {
			t.Errorf("want %q, got %v", c.why, err)
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]metric.Name{"PageViews": metric.PageViews, "pageviews": metric.PageViews, "page_views": metric.PageViews,
		"PAGE_VIEWS": metric.PageViews, "bounces": metric.Bounces, "": "", "page views": "", "view": ""} {
		got, err := metric.Parse(s)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", s, got, err)
		}
	}
}

func TestSum(t *testing.T) {
	if n := (metric.Dataset{Points: []metric.Point{{Value: 2}, {Value: 0}, {Value: 5}}}).Sum(); n != 7 {
		t.Errorf("got %d", n)
	}
}

// TestAnswer spells points as series=value/value…, an unfinished step with a star.
func TestAnswer(t *testing.T) {
	week := period.Window{From: window.From, To: window.From.AddDate(0, 0, 3)}
	long := window.To.AddDate(1, 0, 0)
	values := map[string][]int64{"b": {1, 2, 3}, "a": {3, 3, 0}, "c": {0, 0, 9}, "none": {0, 0, 0}, "back": {5, -5, 0}, "é": {0, 1, 0}}
	totals := map[string]int64{"b": 6, "a": 6, "c": 9, "é": 1}
	for _, c := range []struct {
		name   string
		q      metric.Query
		values map[string][]int64
		totals map[string]int64
		now    time.Time
		want   string
	}{
		{"largest first, then by name", metric.Query{By: "page"}, values, totals, long, "c=0/0/9 a=3/3/0 b=1/2/3 é=0/1/0 back=5/-5/0"},
		{"by the totals, not by the steps' sum", metric.Query{By: "page"}, values, map[string]int64{"b": 3, "a": 2, "c": 1}, long,
			"b=1/2/3 a=3/3/0 c=0/0/9 back=5/-5/0 é=0/1/0"},
		{"at most two", metric.Query{By: "page", Limit: 2}, values, totals, long, "c=0/0/9 a=3/3/0"},
		{"more than there are", metric.Query{By: "page", Limit: 99}, map[string][]int64{"b": {1, 2, 3}}, totals, long, "b=1/2/3"},
		{"nothing split", metric.Query{By: "page"}, map[string][]int64{"x": {0, 0, 0}}, nil, long, ""},
		{"nothing at all", metric.Query{}, nil, nil, long, "=0/0/0"},
		{"zeros without a split", metric.Query{Limit: 1}, map[string][]int64{"": {0, 0, 0}}, nil, long, "=0/0/0"},
		{"the last step runs", metric.Query{}, map[string][]int64{"": {1, 2, 3}}, nil, week.To.Add(-time.Hour), "=1/2/3*"},
		{"a step runs, one is to come", metric.Query{}, map[string][]int64{"": {1, 2, 0}}, nil, week.From.AddDate(0, 0, 1), "=1/2*/0"},
		{"all is over", metric.Query{}, map[string][]int64{"": {1, 2, 3}}, nil, week.To, "=1/2/3"},
		{"all is to come", metric.Query{}, nil, nil, week.From.Add(-1), "=0/0/0"},
	} {
		c.q.Window, c.q.Step = week, period.Day
		var got strings.Builder
		for i, p := range c.q.Answer(c.values, c.totals, c.now) {
			switch {
			case i%3 > 0:
				got.WriteString("/")
			case i > 0:
				got.WriteString(" ")
			}
			if i%3 == 0 {
				got.WriteString(p.Series + "=")
			}
			fmt.Fprint(&got, p.Value)
			if p.Partial {
				got.WriteString("*")
			}
			if want := week.From.AddDate(0, 0, i%3); !p.Time.Equal(want) {
				t.Errorf("%s: a point at %s, want %s", c.name, p.Time, want)
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got.String(), c.want)
		}
	}
}

// TestAnswerCutSteps: a window that ends in a step ends the step.
func TestAnswerCutSteps(t *testing.T) {
	q := metric.Query{Step: period.Month, Window: period.Window{From: window.From.AddDate(0, 0, 9), To: window.From.AddDate(0, 0, 11)}}
	for now, partial := range map[time.Time]bool{q.Window.To: false, q.Window.To.Add(-1): true} {
		points := q.Answer(map[string][]int64{"": {4}}, nil, now)
		if len(points) != 1 || !points[0].Time.Equal(window.From) || points[0].Value != 4 || points[0].Partial != partial {
			t.Errorf("at %s: %+v", now, points)
		}
	}
}

func TestCheckEarned(t *testing.T) {
	for _, m := range metric.Names {
		for _, d := range metric.Dimensions {
			q := metric.Query{Site: "a", Metric: m, Window: window, By: d}
			filtered := metric.Query{Site: "a", Metric: m, Window: window, Filters: []metric.Filter{{Dimension: d, Value: "x"}}}
			own := slices.Contains(metric.Earned[m], d)
			if m.Earned() && ((q.Check() == nil) != own || (filtered.Check() == nil) != own) || !m.Earned() && d == "affiliate" && q.Check() == nil {
				t.Errorf("%s by %s: %v, %v", m, d, q.Check(), filtered.Check())
			}
		}
	}
	if slices.ContainsFunc(metric.OfEvents, metric.Name.Earned) || len(metric.OfEvents)+len(metric.Earned) != len(metric.Names) {
		t.Errorf("%v are not all that is counted from events", metric.OfEvents)
	}
}

func TestCheckProducts(t *testing.T) {
	for _, m := range metric.OfEvents {
		for _, q := range []metric.Query{{By: "product"}, {Filters: []metric.Filter{{Dimension: "category", Value: "x"}}}} {
			q.Site, q.Metric, q.Window = "a", m, window
			if err := q.Check(); (err == nil) != slices.Contains(metric.Traded, m) {
				t.Errorf("%s of products: %v", m, err)
			}
		}
	}
}

// TestCheckMinutes: by minute is asked what is kept by minute, and nothing else.
func TestCheckMinutes(t *testing.T) {
	kept := append(slices.Clone(metric.OfEvents), metric.Conversions, metric.Sales)
	for _, m := range metric.Names {
		q := metric.Query{Site: "s", Metric: m, Step: period.Minute, Window: period.Window{From: window.From, To: window.From.Add(time.Hour)}}
		if err := q.Check(); (err == nil) != slices.Contains(kept, m) {
			t.Errorf("%s by minute: %v", m, err)
		}
		if q.Step = period.Quarter; q.Check() != nil {
			t.Errorf("%s by quarters: %v", m, q.Check())
		}
	}
}

// TestMeanings: every metric of the catalogue says what it counts, and nothing else does.
func TestMeanings(t *testing.T) {
	seen := map[string]metric.Name{}
	for _, n := range metric.Names {
		m := n.Meaning()
		if other := seen[m]; len(m) < 10 || !strings.HasSuffix(m, ".") || other != "" {
			t.Errorf("%s means %q, as %q does", n, m, other)
		}
		seen[m] = n
	}
	if m := metric.Name("Nothing").Meaning(); m != "" {
		t.Errorf("an unknown metric means %q", m)
	}
}
