package bins_test

import (
	"fmt"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
)

// BenchmarkBuckets counts batches of page views as a busy shop has them.
func BenchmarkBuckets(b *testing.B) {
	events := shopping(20_000)
	buckets := bins.Buckets{}
	for b.Loop() {
		buckets.Add(events, func(string) string { return "EUR" })
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(events)), "ns/event")
}

// BenchmarkSessions counts the same as a date that somebody looks at.
func BenchmarkSessions(b *testing.B) {
	events := shopping(20_000)
	for i := range events {
		events[i].Site, events[i].Time = "s", events[i].Time.AddDate(2024-2026, 5-11, 0)
	}
	v := visits(b, 1, 1)
	for b.Loop() {
		b.StopTimer()
		if err := v.roller.Open(b.Context(), event.Position{}); err != nil {
			b.Fatal(err)
		}
		if _, err := v.sessions(b.Context(), 0); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := v.roller.Write(b.Context(), events, event.Position{Epoch: 1, Seq: 1}, func() ([]event.Event, error) { return events, nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(events)), "ns/event")
	if n, err := v.sessions(b.Context(), 0); err != nil || n < 4000 {
		b.Fatal(n, err)
	}
}

// shopping is page views, in the order of their times.
func shopping(n int) []event.Event {
	at := time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC)
	events := make([]event.Event, n)
	for i := range events {
		mixed := uint64(i) * 0x9e3779b97f4a7c15
		events[i] = event.Event{Site: "shop", Kind: event.Page, Time: at.Add(time.Duration(i) * 10 * time.Millisecond), Visitor: 1 + mixed>>40%5000,
			Path: fmt.Sprintf("/item-%d", mixed>>20%200), Source: "Google", Class: "search", Country: "DE",
			Device: []string{"desktop", "mobile"}[mixed>>50&1], Browser: "Firefox", OS: "Linux", Campaign: event.Campaign{Source: "news"}}
	}
	return events
}
