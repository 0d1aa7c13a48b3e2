package memory

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
)

func TestLaw(t *testing.T) {
	binstest.Hot(t, func(*testing.T) bins.Hot { return New(binstest.Currency) })
}

// TestMost has the buckets give up before memory does, and be whole again after
// a reset.
func TestMost(t *testing.T) {
	h := New(binstest.Currency)
	h.most = 100
	at := func(seq int) event.Position { return event.Position{Seq: uint64(seq)} }
	if err := h.Reset(t.Context(), at(0)); err != nil {
		t.Fatal(err)
	}
	var err error
	seq := 0
	for ; err == nil && seq < 100; seq++ {
		e := event.Event{Site: "shop", Kind: event.Page, Path: fmt.Sprint(seq), Time: time.Unix(0, 0)}
		err = h.Apply(t.Context(), []event.Event{e}, at(seq), at(seq+1))
	}
	// The site, eleven dimensions with one value each, and a page more for each event.
	if !errors.Is(err, bins.ErrLost) || seq != 90 {
		t.Errorf("event %d: %v", seq, err)
	}
	if h.generations != nil {
		t.Error("nothing is freed")
	}
	if err := h.Reset(t.Context(), at(0)); err != nil || h.Apply(t.Context(), nil, at(0), at(1)) != nil {
		t.Error("not whole after a reset", err)
	}
}

// BenchmarkMillionVisitors says what a million visitors take, each with two page
// views on some of a thousand pages within one hour.
func BenchmarkMillionVisitors(b *testing.B) {
	start := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		h := New(binstest.Currency)
		_ = h.Reset(b.Context(), event.Position{})
		batch := make([]event.Event, 0, 20_000)
		for i := range 2_000_000 {
			batch = append(batch, event.Event{Site: "shop", Kind: event.Page, Path: fmt.Sprintf("/posts/number-%d/", i*7919%1009),
				Visitor: 1 + uint64(i%1_000_000), Time: start.Add(time.Duration(i) * time.Hour / 2_000_000), Source: "Google", Class: "search",
				Country: "DE", Device: "phone", Browser: "Safari", OS: "iOS"})
			if len(batch) == cap(batch) {
				if err := h.Apply(b.Context(), batch, event.Position{}, event.Position{}); err != nil {
					b.Fatal(err)
				}
				batch = batch[:0]
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc), "bytes/million-visitors")
		runtime.KeepAlive(h)
	}
}
