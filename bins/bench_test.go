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
	at := time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC)
	events := make([]event.Event, 20_000)
	for i := range events {
		mixed := uint64(i) * 0x9e3779b97f4a7c15
		events[i] = event.Event{Site: "shop", Kind: event.Page, Time: at.Add(time.Duration(i) * 10 * time.Millisecond), Visitor: 1 + mixed>>40%5000,
			Path: fmt.Sprintf("/item-%d", mixed>>20%200), Source: "Google", Class: "search", Country: "DE",
			Device: []string{"desktop", "mobile"}[mixed>>50&1], Browser: "Firefox", OS: "Linux", Campaign: event.Campaign{Source: "news"}}
	}
	buckets := bins.Buckets{}
	for b.Loop() {
		buckets.Add(events, func(string) string { return "EUR" })
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(events)), "ns/event")
}
