package duckdb

import (
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
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
		if err := s.Scan(t.Context(), site, w, func(e *event.Event) error { got = append(got, *e); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, w := range []period.Window{{}, {From: start.Add(90 * time.Minute), To: start.Add(9 * 24 * time.Hour)}} {
		for _, site := range []string{"", "a"} {
			whole := scan(1<<40, site, w)
			for _, part := range []int64{1, 13, 100} {
				if got := scan(part, site, w); !slices.Equal(got, whole) {
					t.Errorf("in parts of %d: %d events of site %q in %v, in one part %d", part, len(got), site, w, len(whole))
				}
			}
			if site == "" && w == (period.Window{}) && len(whole) != 900 {
				t.Errorf("%d of 900 events", len(whole))
			}
		}
	}
}
