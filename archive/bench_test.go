package archive_test

import (
	"io"
	"log/slog"
	"runtime"
	"testing"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/archive/disk"
	"footfall/event"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// BenchmarkWrite is one flush of 160,000 events, about FlushBytes of them, with
// its syncs, on one core. It reports rows/s and the size of a row on disk.
func BenchmarkWrite(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	events := archivetest.Traffic(1, "shop", 160_000)
	var stats archive.Stats
	for b.Loop() {
		b.StopTimer()
		objects, err := disk.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		a, err := archive.Open(b.Context(), objects, archive.Options{Log: quiet()})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := a.Write(b.Context(), events, event.Position{Epoch: 1, Seq: 1, Total: uint64(len(events))}); err != nil {
			b.Fatal(err)
		}
		stats = a.Stats()
	}
	b.ReportMetric(float64(len(events)*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(stats.Bytes)/float64(stats.Rows), "B/row")
}

// BenchmarkScan reads a flush of 160,000 events back.
func BenchmarkScan(b *testing.B) {
	events := archivetest.Traffic(1, "shop", 160_000)
	objects, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	a, err := archive.Open(b.Context(), objects, archive.Options{Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	if err := a.Write(b.Context(), events, event.Position{Epoch: 1, Seq: 1}); err != nil {
		b.Fatal(err)
	}
	rows := 0
	for b.Loop() {
		err := a.Scan(b.Context(), event.Position{}, func(events []event.Event, _ event.Position) error {
			rows += len(events)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkResent writes a flush again that is archived already, after a
// restart: its day's ids are read and every event is confirmed.
func BenchmarkResent(b *testing.B) {
	events := archivetest.Traffic(1, "shop", 160_000)
	objects, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	var at event.Position
	for b.Loop() {
		a, err := archive.Open(b.Context(), objects, archive.Options{Log: quiet()})
		if err != nil {
			b.Fatal(err)
		}
		at.Seq++
		if err := a.Write(b.Context(), events, at); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(events)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
