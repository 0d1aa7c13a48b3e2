package main

import (
	"fmt"
	"slices"

	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// report asks a question as a report, with another metric and compared with the time
// before, of the planner's sources and of the event store alone.
func (w *works) report(q metric.Query) {
	w.t.Helper()
	r := q.Report()
	if m := pickOf(w.r, append(slices.Clone(metric.Traded), metric.BounceRate, metric.PageViews, metric.SessionDuration)...); m != q.Metric {
		r.Metrics = append(r.Metrics, m)
	}
	if r.Limit, r.Offset = w.r.IntN(5), w.r.IntN(2); w.r.IntN(2) == 0 {
		r.Order = []metric.Order{{Metric: r.Metrics[len(r.Metrics)-1], Descending: w.r.IntN(2) == 0}}
	}
	if r.Check() != nil {
		return
	}
	want, err := w.store.Tabulate(w.t.Context(), r)
	must(w.t, err)
	earlier := r
	earlier.Window, earlier.Limit, earlier.Offset = r.PeriodBefore(), 0, 0
	before, err := w.store.Tabulate(w.t.Context(), earlier)
	must(w.t, err)
	r.Compare = earlier.Window
	got, err := query.Report(w.planner, w.store, w.planner).Tabulate(w.t.Context(), r)
	if err != nil {
		w.fail("%+v: %v", r, err)
	}
	w.sources["report from "+got.Source]++
	for i := range want.Rows {
		want.Rows[i].Before = then(r, want.Rows[i], before.Rows, earlier.Window)
	}
	if got.Estimate || got.Total != want.Total || fmt.Sprintf("%+v", got.Rows) != fmt.Sprintf("%+v", want.Rows) {
		w.fail("%+v\nfrom %s (estimate %v)\n%d %+v\nwant\n%d %+v", r, got.Source, got.Estimate, got.Total, got.Rows, want.Total, want.Rows)
	}
}

// then is what stood beside a row in an earlier window.
func then(r metric.Report, row metric.Row, before []metric.Row, window period.Window) []metric.Value {
	parts := r.Parts()
	none := r.Values(parts, make([]int64, len(parts)))
	n := slices.IndexFunc(r.Step.Cut(r.Window, r.Zone), row.Time.Equal)
	starts := r.Step.Cut(window, r.Zone)
	if n >= len(starts) {
		return slices.Repeat([]metric.Value{{None: true}}, len(r.Metrics))
	}
	for _, b := range before {
		if slices.Equal(b.Keys, row.Keys) && b.Time.Equal(starts[n]) {
			return b.Values
		}
	}
	return none
}
