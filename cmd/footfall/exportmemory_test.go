package main

import (
	"runtime"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/store/storetest"
)

// weighing is a writer that looks how much memory the process has while it is written to.
type weighing struct {
	before, most int64
	bytes, every int64 // written, and between two looks
	looked       int64
}

func (w *weighing) Write(b []byte) (int, error) {
	if w.bytes += int64(len(b)); w.bytes-w.looked >= w.every {
		w.looked = w.bytes
		w.most = max(w.most, used()-w.before)
	}
	return len(b), nil
}

// used is the memory that Go has in use, without garbage. What DuckDB takes has a bound
// of its own, and grows with its file up to there.
func used() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestExportMemory: what writes exports for all doors needs no more memory for ten times
// as many events, in no format.
func TestExportMemory(t *testing.T) {
	h := newHome(t)
	busy := storetest.NewBusy(1, time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC))
	st, total := h.store.Load(), 0
	grown := func(n int) map[string]int64 {
		for ; total < n; total += 20_000 {
			must(t, st.Write(t.Context(), busy.Next(20_000), event.Position{}))
		}
		most := map[string]int64{}
		for format := range exportFormats {
			w := &weighing{before: used(), every: int64(n) * 30}
			if format == "parquet" {
				w.every /= 20 // which has that less
			}
			must(t, h.writeExport(t.Context(), w, api.ExportQuery{Site: account.Site{ID: "shop"}, Format: format}))
			if w.bytes < int64(n)*20 {
				t.Fatalf("%d events as %s are %d bytes", n, format, w.bytes)
			}
			most[format] = w.most
		}
		return most
	}
	// Two parts of 30,000 events and what is made of them.
	const parts = 80 << 20
	few := grown(40_000)
	for format, most := range grown(400_000) {
		if limit := max(few[format], parts) * 3 / 2; most > limit {
			t.Errorf("%s: an export of 40,000 events takes %d MB, one of 400,000 %d MB", format, few[format]>>20, most>>20)
		}
	}
}
