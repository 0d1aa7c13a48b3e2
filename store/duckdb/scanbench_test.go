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
	"footfall/store"
)

// nothing is the scan alone.
type nothing struct{}

func (nothing) Add(*event.Event) error { return nil }
func (nothing) Settle() error          { return nil }
func (nothing) Put() error             { return nil }
func (nothing) Close() error           { return nil }

// exporters write events in a format, as cmd/footfall does.
var exporters = []struct {
	name string
	rows int64
	to   func(w io.Writer) (begin func() store.Taker, end io.Closer)
}{
	{"scan", 30_000, func(io.Writer) (func() store.Taker, io.Closer) {
		return func() store.Taker { return nothing{} }, nothing{}
	}},
	{"ndjson", 30_000, func(w io.Writer) (func() store.Taker, io.Closer) {
		l := event.NewLines(w)
		return func() store.Taker { return l.Stretch() }, l
	}},
	{"csv", 30_000, func(w io.Writer) (func() store.Taker, io.Closer) {
		l := event.NewCSV(w)
		return func() store.Taker { return l.Stretch() }, l
	}},
	{"parquet", archive.GroupRows, func(w io.Writer) (func() store.Taker, io.Closer) {
		f := archive.NewWriter(w)
		return func() store.Taker { return f.Group() }, f
	}},
}

// processor is the time that the process had of all processors.
func processor(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkExport writes 1,600,000 events in each format, and tells what one takes
// of the processors: on a machine with other work that says more than rows/s.
func BenchmarkExport(b *testing.B) {
	const n = 1_600_000
	s := openBench(b, b.TempDir())
	defer s.Close()
	fill(b, s, n)
	for _, x := range exporters {
		b.Run(x.name, func(b *testing.B) {
			before := processor(b)
			for b.Loop() {
				begin, end := x.to(io.Discard)
				if err := s.Share(context.Background(), "shop", period.Window{}, x.rows, begin); err != nil {
					b.Fatal(err)
				}
				if err := end.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64((processor(b)-before).Nanoseconds())/1e3/float64(n*b.N), "cpu-µs/row")
		})
	}
}
