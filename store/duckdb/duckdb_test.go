package duckdb_test

import (
	"fmt"
	"testing"
	"time"

	"footfall/event"
	"footfall/store"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

func open(t *testing.T, dir string, now func() time.Time) *duckdb.Store {
	t.Helper()
	s, err := duckdb.Open(duckdb.Options{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLaw(t *testing.T) {
	t.Parallel()
	storetest.Law(t, func(t *testing.T, dir string, now func() time.Time) store.Store {
		s := open(t, dir, now)
		s.SetPortion(7)
		return s
	})
}

// TestManyDays writes batches with a few events of each of many days, whose ids
// are not in memory: every duplicate is found all the same, also one within the
// batch, and days with many events are loaded.
func TestManyDays(t *testing.T) {
	dir := t.TempDir()
	var all, few []event.Event
	for day := range 40 {
		for i := range 150 {
			at := time.Date(2026, 1, 1+day, 1, 0, i, 0, time.UTC)
			e := event.Event{ID: fmt.Sprint(day, "-", i), Site: "s", Kind: event.Page, Time: at, Original: at, Received: at}
			all = append(all, e)
			if i < 2 {
				again := e
				e.ID += "-new"
				few = append(few, again, e, e)
			}
		}
	}
	for n, batch := range [][]event.Event{all, few, append(all[:1200:1200], few...), all} {
		s, err := duckdb.Open(duckdb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), batch, event.Position{Epoch: 1, Seq: uint64(n + 1)}); err != nil {
			t.Fatal(err)
		}
		want := uint64(len(all))
		if n > 0 {
			want += 80
		}
		if got := s.State().Stored; got != want {
			t.Errorf("after batch %d: %d stored, want %d", n+1, got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
