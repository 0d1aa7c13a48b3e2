package segment

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"footfall/event"
	"footfall/history"
	"footfall/history/sqlite"
	"footfall/period"
)

const benchDay = period.Date(14000)

// benchLive is live histories of a shop without a roller.
func benchLive(b *testing.B) (*Live, *sqlite.Keeper) {
	b.Helper()
	kept, err := sqlite.Open(filepath.Join(b.TempDir(), "history.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { kept.Close() })
	now := benchDay.Window(time.UTC).From.Add(12 * time.Hour)
	return NewLive(kept, kept, kept, func() []Site { return []Site{{"shop", time.UTC, "EUR", 24}} },
		Options{Bytes: 1 << 40, Now: func() time.Time { return now }}), kept
}

// shopping is what a visitor of a shop does: of four events one is a page and
// three look at two products of a category.
func shopping(i int) event.Event {
	e := event.Event{Site: "shop", Kind: event.Page, AnonymousID: fmt.Sprintf("%08x-0000-4000-8000-%012x", i/4, i/4), Time: benchDay.Window(time.UTC).From}
	if n := i % 4; n > 0 {
		e.Kind, e.Name = event.Track, "Product Viewed"
		e.Properties = fmt.Sprintf(`{"product_id":"sku-%d","category":"category-%d","price":19.99}`, (i/4+n/2)%5000, i/4%50)
	}
	return e
}

// BenchmarkLiveMemory measures what a million visitors take who each viewed two
// products of one category.
func BenchmarkLiveMemory(b *testing.B) {
	const visitors = 1_000_000
	for b.Loop() {
		l, _ := benchLive(b)
		before := heap()
		for first := 0; first < 4*visitors; first += 20_000 {
			batch := make([]event.Event, 20_000)
			for i := range batch {
				batch[i] = shopping(first + i)
			}
			l.Apply(batch, 1)
		}
		b.ReportMetric(float64(heap()-before)/visitors, "bytes/visitor")
		b.ReportMetric(float64(l.bytes)/visitors, "counted/visitor")
		runtime.KeepAlive(l)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkApply(b *testing.B) {
	l, _ := benchLive(b)
	batch := make([]event.Event, 20_000)
	for i := range batch {
		batch[i] = shopping(i)
	}
	for b.Loop() {
		l.Apply(batch, 1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(batch)), "ns/event")
}

// BenchmarkLiveMemberships asks for the segments of a visitor with a year of
// 200 items, of whom something came since the last roll.
func BenchmarkLiveMemberships(b *testing.B) {
	l, kept := benchLive(b)
	h := buyer(benchDay)
	for date := benchDay - 366; date <= benchDay; date++ {
		day := history.Day{Visitor: "u", Counts: map[history.Item]history.Counts{}}
		for item := range h {
			day.Counts[item] = h.Sum(item, date, date+1)
		}
		days := func(yield func(history.Day, error) bool) { yield(day, nil) }
		if _, err := kept.Replace(b.Context(), "shop", date, days, nil); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 20 {
		e := shopping(i)
		e.UserID = "u"
		l.Apply([]event.Event{e}, 1)
	}
	definitions := twenty()
	for b.Loop() {
		if _, p, err := l.Memberships(b.Context(), "shop", "u", definitions); err != nil || len(p.History) == 0 {
			b.Fatal(p, err)
		}
	}
}
