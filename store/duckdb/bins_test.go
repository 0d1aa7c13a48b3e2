package duckdb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

func take(t *testing.T, s *duckdb.Store) *duckdb.Snapshot {
	t.Helper()
	p, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

var _ bins.Snapshot = (*duckdb.Snapshot)(nil)

// TestBinsAreAnswers checks for each day that what a roll counts is what the
// store answers, for every figure and dimension that has bins.
func TestBinsAreAnswers(t *testing.T) {
	t.Parallel()
	for i, p := range storetest.Places {
		if i%2 == 1 {
			continue // it takes a while, and half of them have all sorts of zones
		}
		t.Run(fmt.Sprint(p.Zone, p.At.Format(" 2006-01-02")), func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(p.Zone)
			if err != nil {
				t.Fatal(err)
			}
			s := open(t, t.TempDir(), time.Now)
			defer s.Close()
			r := rand.New(rand.NewPCG(uint64(i), 9))
			seq := 0
			for batch := range slices.Chunk(storetest.Odd(r, p.At, 1200), 1+r.IntN(500)) {
				seq++
				if err := s.Write(context.Background(), batch, at(seq)); err != nil {
					t.Fatal(err)
				}
			}
			snapshot := take(t, s)
			first, last := period.DateOf(p.At.Add(-32*time.Hour), zone), period.DateOf(p.At.Add(32*time.Hour), zone)
			counted := int64(0)
			for date := first; date <= last; date++ {
				counted += sameDay(t, s, snapshot, date, zone)
			}
			if counted == 0 {
				t.Error("nothing was counted")
			}
			snapshot.Close()
		})
	}
}

// sameDay compares one day's bins with answers and returns the day's page views.
func sameDay(t *testing.T, s *duckdb.Store, snapshot *duckdb.Snapshot, date period.Date, zone *time.Location) int64 {
	t.Helper()
	w := date.Window(zone)
	if !w.From.Before(w.To) {
		return 0 // the zone skipped it
	}
	tally, err := bins.Count(w, "EUR", func(from, to time.Time, fn func(*event.Event) error) error {
		return snapshot.Walk(context.Background(), "a", from, to, false, fn)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range append([]metric.Dimension{""}, bins.Dimensions...) {
		for _, m := range append([]metric.Name{metric.Visitors}, bins.Counted[:]...) {
			q := metric.Query{Site: "a", Metric: m, Window: w, Zone: zone, By: by, Currency: "EUR"}
			if q.Check() != nil {
				continue // page views of products
			}
			want := answered(t, s, q)
			got := map[string]int64{}
			for subject, bin := range tally {
				n := bin.Visitors.Count()
				if place := bins.Place(m); place >= 0 {
					n = bin.Counts[place]
				}
				if subject.By == by && n != 0 {
					got[subject.Value] = n
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %s by %q: bins have %v, the answer is %v", date, m, by, got, want)
			}
		}
	}
	if site := tally[bins.Subject{}]; site != nil {
		return site.Counts[bins.Place(metric.PageViews)]
	}
	return 0
}

// answered is the store's figures by series; zeros are left out.
func answered(t *testing.T, s *duckdb.Store, q metric.Query) map[string]int64 {
	t.Helper()
	d, err := s.Answer(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	values := map[string]int64{}
	for _, p := range d.Points {
		if p.Value != 0 {
			values[p.Series] += p.Value
		}
	}
	return values
}
