package duckdb_test

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/period"
	"footfall/store/duckdb"
)

// exporter writes events in a format.
type exporter interface {
	Add(e *event.Event) error
	Close() error
}

// nothing is the scan alone.
type nothing struct{}

func (nothing) Add(*event.Event) error { return nil }
func (nothing) Close() error           { return nil }

var exporters = []struct {
	name string
	to   func(w io.Writer) exporter
}{
	{"scan", func(io.Writer) exporter { return nothing{} }},
	{"ndjson", func(w io.Writer) exporter { return event.NewLines(w) }},
	{"csv", func(w io.Writer) exporter { return event.NewCSV(w) }},
	{"parquet", func(w io.Writer) exporter { return archive.NewWriter(w) }},
}

func export(s *duckdb.Store, x exporter) error {
	if err := s.Scan(context.Background(), "shop", period.Window{}, x.Add); err != nil {
		return err
	}
	return x.Close()
}

// processor is the time that the process had of all processors.
func processor(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkExport writes 400,000 events in each format, and tells what one takes
// of the processors: on a machine with other work that says more than rows/s.
func BenchmarkExport(b *testing.B) {
	const n = 400_000
	s := openBench(b, b.TempDir())
	defer s.Close()
	fill(b, s, n)
	for _, x := range exporters {
		b.Run(x.name, func(b *testing.B) {
			before := processor(b)
			for b.Loop() {
				if err := export(s, x.to(io.Discard)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64((processor(b)-before).Nanoseconds())/1e3/float64(n*b.N), "cpu-µs/row")
		})
	}
}
