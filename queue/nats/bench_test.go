package nats

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue/queuetest"
)

// typical makes n events about as large as a page view of a shop.
func typical(n int) []event.Event {
	events := queuetest.Events("0b6f1f0e-7a5c-4b1e-9c57", n)
	for i := range events {
		e := &events[i]
		e.AnonymousID, e.UserID = fmt.Sprintf("anonymous-%016x", i*7919), fmt.Sprint("user-", i%1000)
		e.Path, e.Title, e.Referrer = fmt.Sprintf("/catalogue/shoes/%d", i%500), "Shoes for every day", "https://search.example/find"
		e.Class, e.Source, e.Country, e.Device, e.Browser, e.OS, e.Channel = "search", "Example", "DE", "phone", "Firefox", "Android", "web"
		e.Properties = fmt.Sprintf(`{"sku":"A-%d","price":%d,"currency":"EUR","list":"spring"}`, i%3000, i%9000)
		e.Context = `{"library":{"name":"analytics.js","version":"3.11.4"},"screen":{"width":412,"height":915},"locale":"de-DE"}`
	}
	return events
}

func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct{ callers, batch int }{{1, 1}, {16, 1}, {64, 1}, {256, 1}, {1, 100}, {16, 100}, {64, 100}} {
		b.Run(fmt.Sprintf("callers=%d/batch=%d", c.callers, c.batch), func(b *testing.B) {
			q, err := Open(Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close()
			events := typical(10_000)
			took := make([][]time.Duration, c.callers)
			var all sync.WaitGroup
			b.ResetTimer()
			for caller := range c.callers {
				all.Go(func() {
					for i := caller; i < b.N; i += c.callers {
						at := (i * c.batch) % (len(events) - c.batch)
						began := time.Now()
						if err := q.Publish(b.Context(), events[at:at+c.batch]...); err != nil {
							b.Error(err)
							return
						}
						took[caller] = append(took[caller], time.Since(began))
					}
				})
			}
			all.Wait()
			b.StopTimer()
			flat := slices.Concat(took...)
			slices.Sort(flat)
			b.ReportMetric(float64(b.N*c.batch)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(flat[len(flat)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(flat[len(flat)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, batch := range []int{1, 20, 100, 1000} {
		b.Run(fmt.Sprintf("message=%d", batch), func(b *testing.B) {
			q, err := Open(Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close()
			events := typical(10_000)
			stored := 0
			for stored < 200_000 && stored < batch*2000 {
				at := stored % (len(events) - batch)
				if err := q.Publish(b.Context(), events[at:at+batch]...); err != nil {
					b.Fatal(err)
				}
				stored += batch
			}
			b.ResetTimer()
			for range b.N {
				r, err := q.Reader(b.Context(), "r", &event.Position{})
				if err != nil {
					b.Fatal(err)
				}
				for n := 0; n < stored; {
					d, err := r.Read(b.Context(), 20_000, 10*time.Second)
					if err != nil || len(d.Events) == 0 {
						b.Fatal(n, err)
					}
					n += len(d.Events)
				}
			}
			b.ReportMetric(float64(b.N*stored)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
