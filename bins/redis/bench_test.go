package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// busy makes the i-th batch of n page views on a thousand pages within one hour,
// in which a million visitors have two page views each.
func busy(i, n int) []event.Event {
	events := make([]event.Event, n)
	for j := range events {
		k := i*n + j
		events[j] = event.Event{Site: "shop", Kind: event.Page, Path: fmt.Sprintf("/posts/number-%d/", k*7919%1009),
			Visitor: 1 + uint64(k%1_000_000), Time: noon.Add(time.Duration(k) * time.Hour / 2_000_000), Source: "Google", Class: "search",
			Country: "DE", Device: "phone", Browser: "Safari", OS: "iOS"}
	}
	return events
}

// BenchmarkApply counts batches as the pump makes them at 2,000 events a second,
// and full ones.
func BenchmarkApply(b *testing.B) {
	s := serve(b)
	for _, n := range []int{500, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := s.open(b, fmt.Sprint("bench", n))
			if err := h.Reset(b.Context(), at(0)); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if err := h.Apply(b.Context(), busy(i, n), at(i), at(i+1)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkMillionVisitors says what a million visitors take in Redis, and what
// reading their day takes.
func BenchmarkMillionVisitors(b *testing.B) {
	s := serve(b)
	h := s.open(b, "million")
	used := func() (n int) {
		for line := range strings.Lines(s.do("INFO", "memory").(string)) {
			if _, err := fmt.Sscanf(line, "used_memory:%d", &n); err == nil {
				return n
			}
		}
		return 0
	}
	before := used()
	if err := h.Reset(b.Context(), at(0)); err != nil {
		b.Fatal(err)
	}
	for i := range 100 {
		if err := h.Apply(b.Context(), busy(i, 20_000), at(i), at(i+1)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("read", func(b *testing.B) {
		r := bins.HotRange{Site: "shop", Window: period.Window{From: noon.Add(-12 * time.Hour), To: noon.Add(12 * time.Hour)}, Since: at(0)}
		for b.Loop() {
			if err := h.Read(b.Context(), r, func(string, time.Time, *bins.Bin) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(used()-before), "bytes/million-visitors")
	})
}
