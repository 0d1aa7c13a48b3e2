package duckdb

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/store/storetest"
)

// TestScanInParts: cut as finely as can be, a scan is what it is in one part:
// events before 1970, many in one millisecond, and hours without any among them.
func TestScanInParts(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := time.Date(1969, 12, 31, 22, 0, 0, 0, time.UTC)
	var all []event.Event
	for i := range 900 {
		at := start.Add(time.Duration(i/30*i) * time.Minute).Add(time.Duration(i%7) * time.Millisecond)
		all = append(all, event.Event{ID: event.FormatID(uint64(i + 1)), Site: []string{"a", "b"}[i%2], Kind: event.Page, Path: "/" + event.FormatID(uint64(i%5+1)), Time: at, Original: at, Received: at, Visitor: 7})
	}
	if err := s.Write(t.Context(), all, event.Position{Epoch: 1, Seq: 1, Total: 900}); err != nil {
		t.Fatal(err)
	}
	scan := func(part int64, site string, w period.Window) (got []event.Event) {
		s.part = part
		if err := s.Scan(t.Context(), site, w, func(e *event.Event) error { got = append(got, e.Clone()); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, w := range []period.Window{{}, {From: start.Add(90 * time.Minute), To: start.Add(9 * 24 * time.Hour)}} {
		for _, site := range []string{"", "a"} {
			whole := scan(1<<40, site, w)
			if !slices.IsSortedFunc(whole, func(a, b event.Event) int {
				return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Site, b.Site), strings.Compare(a.ID, b.ID))
			}) {
				t.Errorf("events of site %q in %v are not in order", site, w)
			}
			for _, part := range []int64{1, 13, 100} {
				if got := scan(part, site, w); !slices.Equal(got, whole) {
					t.Errorf("in parts of %d: %d events of site %q in %v, in one part %d", part, len(got), site, w, len(whole))
				}
				for _, rows := range []int64{part, 40} {
					if got := storetest.Shared(t, s, site, w, rows); !slices.Equal(got, whole) {
						t.Errorf("shared in stretches of %d in parts of %d: %d events of site %q in %v, in one part %d", rows, part, len(got), site, w, len(whole))
					}
				}
			}
			if site == "" && w == (period.Window{}) && len(whole) != 900 {
				t.Errorf("%d of 900 events", len(whole))
			}
		}
	}
}

// TestScanMemory: a scan of four times as many events takes no more memory, and
// neither does one that stands still.
func TestScanMemory(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.part = 2000
	busy := storetest.NewBusy(1, time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC))
	var seq uint64
	grown := func(n int) (most int64) {
		for range n / 10_000 {
			seq++
			if err := s.Write(t.Context(), busy.Next(10_000), event.Position{Epoch: 1, Seq: seq, Total: seq * 10_000}); err != nil {
				t.Fatal(err)
			}
		}
		debug.FreeOSMemory()
		before, rows := resident(), 0
		err := s.Scan(t.Context(), "shop", period.Window{}, func(*event.Event) error {
			if rows++; rows%5000 == 0 {
				debug.FreeOSMemory()
				most = max(most, resident()-before)
			}
			return nil
		})
		if err != nil || rows != int(seq)*10_000 {
			t.Fatalf("%d of %d events: %v", rows, seq*10_000, err)
		}
		return most
	}
	if resident() == 0 {
		t.Skip("what memory a process has can't be told here")
	}
	const row = 42 * 16 // bytes of a row's columns, without their texts
	few := grown(20_000)
	if many := grown(60_000); many > few+20_000*row {
		t.Errorf("a scan of 20,000 events grew by %d kB, one of 80,000 by %d kB", few>>10, many>>10)
	}
}
