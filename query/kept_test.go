package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// TestFrozen asks bins whose first dates are frozen.
func TestFrozen(t *testing.T) {
	frozen := bins.Frozen{Before: first + 10, At: (first + 10).Window(berlin).From, Currency: "EUR", Since: first + 5, Lacks: first + 3}
	for _, x := range []struct {
		name   string
		change func(q *metric.Query, s *bins.State)
		want   string // in the error; "" for none
	}{
		{"days from bins", func(*metric.Query, *bins.State) {}, ""},
		{"events", func(q *metric.Query, _ *bins.State) { q.Metric = metric.Events }, "2024-06-11"},
		{"events of days that have them", func(q *metric.Query, _ *bins.State) {
			q.Metric, q.Window.From = metric.Events, (first + 3).Window(berlin).From
		}, ""},
		{"hours", func(q *metric.Query, _ *bins.State) { q.Step = period.Hour }, "2024-06-11"},
		{"hours of what is there", func(q *metric.Query, _ *bins.State) { q.Step, q.Window.From = period.Hour, frozen.At }, ""},
		{"hours from a millisecond before", func(q *metric.Query, _ *bins.State) {
			q.Step, q.Window.From = period.Hour, frozen.At.Add(-time.Millisecond)
		}, "2024-06-11"},
		{"hours of another site", func(q *metric.Query, _ *bins.State) { q.Step, q.Site = period.Hour, "other" }, ""},
		{"another zone", func(q *metric.Query, _ *bins.State) { q.Zone = time.UTC }, "own time zone"},
		{"bins that are being made", func(_ *metric.Query, s *bins.State) { clear(s.Zones) }, "made anew"},
		{"what nobody counts", func(q *metric.Query, _ *bins.State) { q.Metric = metric.Commissions }, ""},
		{"money of two currencies", func(q *metric.Query, _ *bins.State) { q.Metric = metric.Revenue }, "2024-06-06"},
		{"money of one", func(q *metric.Query, _ *bins.State) {
			q.Metric, q.Window.From = metric.Revenue, (first + 5).Window(berlin).From
		}, ""},
		{"money of the currency before", func(q *metric.Query, s *bins.State) {
			q.Metric, q.Currency, q.Window.From = metric.Refunded, "USD", (first + 5).Window(berlin).From
			s.Zones["shop"] = bins.Basis(berlin, "USD")
		}, "2024-06-11"},
	} {
		s := bins.State{Zones: map[string]string{"shop": bins.Basis(berlin, "EUR")}, Frozen: map[string]bins.Frozen{"shop": frozen}}
		q := metric.Query{Site: "shop", Metric: metric.PageViews, Step: period.Day, Zone: berlin, Currency: "EUR",
			Window: period.Window{From: first.Window(berlin).From, To: (first + 20).Window(berlin).From}}
		x.change(&q, &s)
		_, err := Plan(&eventsOnly{}, &rolled{states: []bins.State{s}}, nil, nil, func() time.Time { return now }).Answer(t.Context(), q)
		var wrong *metric.QueryError
		if x.want == "" && err != nil || x.want != "" && (!errors.As(err, &wrong) || !strings.Contains(wrong.Why, x.want)) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
	}
}
