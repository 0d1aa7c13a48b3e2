package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// subject is the n-th of those the benchmarks count for; the first is the site.
func subject(n int) bins.Subject {
	if n == 0 {
		return bins.Subject{}
	}
	return bins.Subject{By: "page", Value: fmt.Sprintf("/articles/%05d", n)}
}

// BenchmarkRows counts the rows that four hours over a midnight write, at 1,000
// events a second over 50 subjects and a roll every 15 minutes, with the rows of
// days that become dirty. An event that is written as it comes, into day, month
// and total, would write 3,000 rows for 1,000 events.
func BenchmarkRows(b *testing.B) {
	const subjects, events, rolls = 50, 900_000, 16
	rows, rolled, took := 0, 0, time.Duration(0)
	for b.Loop() {
		d := open(b, filepath.Join(b.TempDir(), "bins.sqlite"))
		rng := rand.New(rand.NewPCG(1, 1))
		tallies := map[period.Date]bins.Tally{}
		start := time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC)
		for n := range rolls {
			now := start.Add(time.Duration(n) * period.Bucket)
			today := period.DateOf(now, nil)
			tally := tallies[today]
			if tally == nil {
				tally = bins.Tally{}
				tallies[today] = tally
				for s := range subjects {
					tally[subject(s)] = &bins.Bin{}
				}
			}
			for s := range subjects {
				bin := tally[subject(s)]
				bin.Counts[0] += events / subjects
				for range 2_000 {
					bin.Visitors.Add(rng.Uint64N(1_000_000))
				}
			}
			r := bins.Rolled{Seal: bins.Seal{Position: event.Position{Seq: uint64(n + 1)}, At: now}, Last: true, Mark: uint64(n)}
			// As bins.Roller does: an event near midnight touches the neighbour, too.
			for date := period.DateOf(now.Add(-bins.SessionGap), nil); date <= period.DateOf(now.Add(period.Bucket+bins.SessionGap), nil); date++ {
				day := bins.Day{Site: "shop", Date: date}
				r.Days = append(r.Days, bins.DayTally{Day: day, Zone: "UTC", Tally: tallies[date]})
				if err := d.Touch(context.Background(), uint64(n), day); err != nil {
					b.Fatal(err)
				}
				rows++
			}
			began := time.Now()
			written, err := d.Replace(context.Background(), r)
			if err != nil {
				b.Fatal(err)
			}
			took += time.Since(began)
			rows, rolled = rows+written, rolled+1
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/float64(rolled)/(events/1000), "rows/1000events")
	b.ReportMetric(took.Seconds()*1000/float64(rolled), "ms/roll")
}

// fillYear rolls a year with three visitors a day for each subject.
func fillYear(b *testing.B, d *Durable, first period.Date, subjects int) {
	b.Helper()
	rng := rand.New(rand.NewPCG(2, 2))
	var r bins.Rolled
	for date := first; date < first+365; date++ {
		tally := bins.Tally{}
		for s := range subjects {
			bin := &bins.Bin{}
			for i := range bin.Counts {
				bin.Counts[i] = rng.Int64N(100_000)
			}
			for range 3 {
				bin.Visitors.Add(rng.Uint64())
			}
			tally[subject(s)] = bin
		}
		r.Days = append(r.Days, bins.DayTally{Day: bins.Day{Site: "shop", Date: date}, Zone: "UTC", Tally: tally})
		if date+1 == date.NextMonth() || date == first+364 {
			r.Last = date == first+364
			if _, err := d.Replace(context.Background(), r); err != nil {
				b.Fatal(err)
			}
			r.Days = nil
		}
	}
}

// BenchmarkRead30Days reads 30 days of one subject out of a year's bins.
func BenchmarkRead30Days(b *testing.B) {
	first := period.DateOf(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), nil)
	for _, subjects := range []int{50, 5000} {
		b.Run(fmt.Sprint(subjects), func(b *testing.B) {
			d := open(b, filepath.Join(b.TempDir(), "bins.sqlite"))
			defer d.Close()
			fillYear(b, d, first, subjects)
			b.Run("counts", func(b *testing.B) { read30Days(b, d, first, subjects, false) })
			b.Run("visitors", func(b *testing.B) { read30Days(b, d, first, subjects, true) })
		})
	}
}

func read30Days(b *testing.B, d *Durable, first period.Date, subjects int, visitors bool) {
	var took []time.Duration
	for b.Loop() {
		s, from := subject(rand.IntN(subjects)), first+period.Date(rand.IntN(335))
		began := time.Now()
		days := 0
		r := bins.Range{Site: "shop", By: s.By, Value: s.Value, From: from, To: from + 30, Visitors: visitors}
		err := d.Read(context.Background(), r, func(string, bins.Span, *bins.Bin) error { days++; return nil })
		if took = append(took, time.Since(began)); err != nil || days != 30 {
			b.Fatalf("%d days, %v", days, err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
