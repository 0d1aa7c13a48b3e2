package duckdb_test

import (
	"context"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

var benchStart = time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC)

func openBench(b *testing.B, dir string) *duckdb.Store {
	b.Helper()
	s, err := duckdb.Open(duckdb.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func fill(b *testing.B, s *duckdb.Store, n int) {
	b.Helper()
	busy := storetest.NewBusy(1, benchStart)
	for seq := 0; seq < n; seq += 20_000 {
		if err := s.Write(context.Background(), busy.Next(20_000), event.Position{Epoch: 1, Seq: uint64(seq + 1)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite writes new events in batches of 20,000.
func BenchmarkWrite(b *testing.B) {
	s := openBench(b, b.TempDir())
	busy := storetest.NewBusy(1, benchStart)
	n := 0
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		events := busy.Next(20_000)
		b.StartTimer()
		n += len(events)
		if err := s.Write(context.Background(), events, event.Position{Epoch: 1, Seq: uint64(n)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.StopTimer()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBytes tells what an event of a million takes on disk.
func BenchmarkBytes(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		s := openBench(b, b.TempDir())
		fill(b, s, n)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(s.Bytes())/n, "B/event")
	}
}

// BenchmarkDuplicates writes batches whose every event is stored already.
func BenchmarkDuplicates(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer s.Close()
	fill(b, s, 500_000)
	again := storetest.NewBusy(1, benchStart).Next(20_000)
	n := 0
	b.ResetTimer()
	for b.Loop() {
		n += len(again)
		if err := s.Write(context.Background(), again, event.Position{Epoch: 2, Seq: uint64(n)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAnswer asks for one total, days and the largest pages.
func BenchmarkAnswer(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1M", 1_000_000}, {"5M", 5_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			s := openBench(b, b.TempDir())
			defer s.Close()
			fill(b, s, size.n)
			w := period.Window{From: benchStart.Add(-time.Hour), To: benchStart.Add(72 * time.Hour)}
			for _, m := range []metric.Name{metric.PageViews, metric.Visitors, metric.Sessions, metric.Bounces} {
				for name, q := range map[string]metric.Query{
					"total": {}, "hours": {Step: period.Hour}, "pages": {By: "page", Limit: 10},
				} {
					q.Site, q.Metric, q.Window = "shop", m, w
					b.Run(string(m)+"/"+name, func(b *testing.B) {
						for b.Loop() {
							if _, err := s.Answer(context.Background(), q); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		})
	}
}

// BenchmarkWalk walks over two million events of a day, and counts them as a
// roll does.
func BenchmarkWalk(b *testing.B) {
	const n = 2_000_000
	s := openBench(b, b.TempDir())
	defer s.Close()
	fill(b, s, n)
	p, err := s.Snapshot(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	w := period.Window{From: benchStart.Add(-time.Hour), To: benchStart.Add(24 * time.Hour)}
	walk := func(from, to time.Time, fn func(*event.Event) error) error {
		return p.Walk(context.Background(), "shop", from, to, false, fn)
	}
	for name, do := range map[string]func() error{
		"events": func() error { return walk(w.From, w.To, func(*event.Event) error { return nil }) },
		"count":  func() error { _, err := bins.Count(w, "EUR", walk); return err },
		"known": func() error {
			return p.Walk(context.Background(), "shop", w.From, w.To, true, func(*event.Event) error { return nil })
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkTabulate asks reports of two million events.
func BenchmarkTabulate(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer s.Close()
	fill(b, s, 2_000_000)
	w := period.Window{From: benchStart.Add(-time.Hour), To: benchStart.Add(72 * time.Hour)}
	board := []metric.Name{metric.PageViews, metric.Visitors, metric.Sessions, metric.BounceRate}
	for _, c := range []struct {
		name string
		r    metric.Report
	}{
		{"board", metric.Report{Metrics: board}},
		{"hours", metric.Report{Metrics: board, Step: period.Hour}},
		{"pages", metric.Report{Metrics: board, By: []metric.Dimension{"page"}, Limit: 10}},
		{"three", metric.Report{Metrics: []metric.Name{metric.PageViews, metric.Visitors}, By: []metric.Dimension{"page", "country", "browser"}, Limit: 10}},
		{"durations", metric.Report{Metrics: []metric.Name{metric.SessionDuration, metric.ViewsPerSession}, By: []metric.Dimension{"source"}}},
		{"time on page", metric.Report{Metrics: []metric.Name{metric.TimeOnPage}, By: []metric.Dimension{"page"}, Limit: 10}},
		{"entry pages", metric.Report{Metrics: []metric.Name{metric.Sessions}, By: []metric.Dimension{metric.EntryPage}, Limit: 10}},
		{"views by entry page", metric.Report{Metrics: []metric.Name{metric.PageViews}, By: []metric.Dimension{metric.EntryPage}, Limit: 10}},
		{"property", metric.Report{Metrics: []metric.Name{metric.Events}, By: []metric.Dimension{metric.Property("product_id")}, Limit: 10}},
		{"weekdays", metric.Report{Metrics: []metric.Name{metric.PageViews}, By: []metric.Dimension{metric.Weekday, metric.HourOfDay}}},
		{"done", metric.Report{Metrics: board, Where: &metric.Where{Done: &metric.Where{Dimension: "event", Op: metric.Is, Values: []string{"Product Added"}}}}},
	} {
		c.r.Site, c.r.Window = "shop", w
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Tabulate(context.Background(), c.r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
