package sqlite

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"footfall/history"
	"footfall/period"
)

// The benchmarks have a million visitors with about five rows each.
const crowd = 1_000_000

var today = period.DateOf(time.Date(2011, 6, 15, 0, 0, 0, 0, time.UTC), nil)

// name is the n-th visitor's id, as an SDK makes them; they ascend with n.
func name(n int) string { return fmt.Sprintf("%08x-4c1d-4a5e-9b7f-3f2a9d1c8e60", n*4099) }

func product(n uint64) history.Item {
	return history.Item{Kind: history.Product, Value: fmt.Sprintf("SKU-%05d", n%2000)}
}

// did is what the n-th visitor did on a date: views, and perhaps a product.
func did(rng *rand.Rand, n int) history.Day {
	day := history.Day{Visitor: name(n), Counts: map[history.Item]history.Counts{history.Whole: {history.Views: 1 + rng.Int64N(9)}}}
	day.Counts[product(rng.Uint64())] = history.Counts{history.Views: 1}
	if rng.IntN(4) == 0 {
		day.Counts[history.Whole] = history.Counts{history.Views: 3, history.Orders: 1, history.Revenue: 49_900}
		day.Counts[history.Item{Kind: history.Category, Value: "garden"}] = history.Counts{history.Orders: 1, history.Revenue: 49_900}
	}
	return day
}

// some hands over what every step-th visitor did.
func some(rng *rand.Rand, step int) iter.Seq2[history.Day, error] {
	return func(yield func(history.Day, error) bool) {
		for n := rng.IntN(step); n < crowd; n += step {
			if !yield(did(rng, n), nil) {
				return
			}
		}
	}
}

// fillCrowd makes the crowd: each visitor was there on two or three dates of four months.
func fillCrowd(b *testing.B, k *Keeper) {
	rng := rand.New(rand.NewPCG(1, 1))
	visitors, memory, slowest := 0, uint64(0), time.Duration(0)
	for i, step := range []int{1, 2, 2, 10} {
		report, err := k.Replace(context.Background(), "shop", today-period.Date(33*i), some(rng, step), func(commit func() error) error {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			memory = max(memory, m.HeapAlloc)
			began := time.Now()
			defer func() { slowest = max(slowest, time.Since(began)) }()
			return commit()
		})
		if err != nil {
			b.Fatal(err)
		}
		visitors += report.Visitors
	}
	var pages, size, rows float64
	for query, into := range map[string]*float64{"PRAGMA page_count": &pages, "PRAGMA page_size": &size, "SELECT count(*) FROM rows": &rows} {
		if err := k.writer.QueryRow(query).Scan(into); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(visitors)/b.Elapsed().Seconds(), "visitors/s")
	b.ReportMetric(float64(memory)/1024, "kB-of-memory")
	b.ReportMetric(slowest.Seconds()*1000, "ms/slowest-commit")
	b.ReportMetric(rows/crowd, "rows/visitor")
	b.ReportMetric(pages*size/crowd, "bytes/visitor")
}

// BenchmarkHistories takes some minutes; ask for -benchtime=1x.
func BenchmarkHistories(b *testing.B) {
	k := opened(b, filepath.Join(b.TempDir(), "history.sqlite"))
	defer k.Close()
	b.Run("Fill", func(b *testing.B) { fillCrowd(b, k) })
	b.Run("Read", func(b *testing.B) { readSome(b, k, func(n int) bool { return n < 20_000 }) })
	b.Run("ReadWhileReplaced", func(b *testing.B) {
		var done atomic.Bool
		go func() {
			defer done.Store(true)
			if _, err := k.Replace(context.Background(), "shop", today-100, some(rand.New(rand.NewPCG(2, 2)), 5), nil); err != nil {
				b.Error(err)
			}
		}()
		readSome(b, k, func(int) bool { return !done.Load() })
	})
	b.Run("Each", func(b *testing.B) {
		for b.Loop() {
			n := 0
			if err := k.Each(context.Background(), "shop", func(history.Past) error { n++; return nil }); err != nil || n != crowd {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(crowd*float64(b.N)/b.Elapsed().Seconds(), "visitors/s")
	})
	b.Run("EachOfItems", func(b *testing.B) {
		for b.Loop() {
			if err := k.Each(context.Background(), "shop", func(history.Past) error { return nil }, history.Whole, product(1)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(crowd*float64(b.N)/b.Elapsed().Seconds(), "visitors/s")
	})
	b.Run("Replace", func(b *testing.B) { replaceTenth(b, k) })
	b.Run("ReplaceSame", func(b *testing.B) { replaceTenth(b, k) })
}

// readSome reads visitors' pasts, of a dozen items.
func readSome(b *testing.B, k *Keeper, more func(n int) bool) {
	items := []history.Item{history.Whole, {Kind: history.Category, Value: "garden"}}
	for n := range uint64(10) {
		items = append(items, product(n*7))
	}
	var took []time.Duration
	for b.Loop() {
		for n := 0; more(n); n++ {
			began := time.Now()
			p, err := k.Read(context.Background(), "shop", name(rand.IntN(crowd)), items...)
			if took = append(took, time.Since(began)); err != nil || len(p.Rows) == 0 {
				b.Fatal(p, err)
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(len(took)), "reads")
}

// replaceTenth replaces a date of every tenth visitor; always with the same days.
func replaceTenth(b *testing.B, k *Keeper) {
	var commit time.Duration
	visitors, rows := 0, 0
	for b.Loop() {
		report, err := k.Replace(context.Background(), "shop", today-200, some(rand.New(rand.NewPCG(3, 3)), 10), func(do func() error) error {
			began := time.Now()
			defer func() { commit += time.Since(began) }()
			return do()
		})
		if err != nil {
			b.Fatal(err)
		}
		visitors, rows = visitors+report.Visitors, rows+report.Rows
	}
	b.ReportMetric(float64(visitors)/b.Elapsed().Seconds(), "visitors/s")
	b.ReportMetric(float64(rows)/float64(b.N), "rows")
	b.ReportMetric(commit.Seconds()*1000/float64(b.N), "ms/commit")
}
