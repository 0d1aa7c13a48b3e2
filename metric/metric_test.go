package metric_test

import (
	"errors"
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
		{"use one of PageViews, Visitors, Sessions, Bounces, Downloads, Commissions", func(q *metric.Query) { q.Metric = "Tears" }},
		{"use one of", func(q *metric.Query) { q.Metric = "pageviews" }}, // doors Parse
		{"ends before it begins", func(q *metric.Query) { q.Window.To = q.Window.From }},
		{"cannot split by", func(q *metric.Query) { q.By = "shoe size" }},
		{"cannot filter on", func(q *metric.Query) { q.Filters = []metric.Filter{{Dimension: "page'", Value: "/"}} }},
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
