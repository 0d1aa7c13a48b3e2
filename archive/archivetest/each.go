package archivetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/period"
)

// hours is traffic of two sites: of one in twenty hours, of the other in one.
func hours() []event.Event {
	r := rand.New(rand.NewPCG(4, 4))
	events := append(Traffic(1, "a", 300), Traffic(2, "b", 30)...)
	for i := range events[:300] {
		at := Start.Add(time.Duration(r.IntN(20*3600)) * time.Second)
		events[i].Time, events[i].Original = at, at
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// eachByTime hands over a site's events of a window, each once and by time, those
// of an hour together.
func eachByTime(t *testing.T, place Place) {
	events := hours()
	a := openArchive(t, place(t)())
	if err := resume(a, t.Context(), events, 180); err != nil {
		t.Fatal(err)
	}
	for _, w := range []period.Window{{}, {From: Start.Add(90 * time.Minute), To: Start.Add(9*time.Hour + time.Second)}, {From: Start.Add(-time.Hour), To: Start}} {
		want := map[string]event.Event{}
		for _, e := range events {
			if e.Site == "a" && (w == period.Window{} || !e.Time.Before(w.From) && e.Time.Before(w.To)) {
				want[e.ID] = e
			}
		}
		all := len(want)
		rows, times, err := a.Held(t.Context(), "a", w)
		var last time.Time
		if err = errors.Join(err, a.Each(t.Context(), "a", w, func(part []event.Event) error {
			if !part[0].Time.Truncate(time.Hour).After(last) {
				t.Errorf("an hour comes twice: %v after %v", part[0].Time, last)
			}
			for _, e := range part {
				if e.Time.Before(last) || e.Time.Before(times.From) || !e.Time.Before(times.To) || e.Time.Sub(part[0].Time.Truncate(time.Hour)) >= time.Hour || e != want[e.ID] {
					t.Fatalf("%+v after %v, in %v; want %+v", e, last, times, want[e.ID])
				}
				delete(want, e.ID)
				last = e.Time
			}
			return nil
		})); err != nil || len(want) > 0 || rows < int64(all) {
			t.Errorf("%v: %d of %d events are missing, %d seemed to be there: %v", w, len(want), all, rows, err)
		}
	}
	stop := errors.New("enough")
	if err := a.Each(t.Context(), "a", period.Window{}, func([]event.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of who reads is %v", err)
	}
}

// changedWithin changes events of a window and leaves objects beside it alone.
func changedWithin(t *testing.T, place Place) {
	events, o := hours(), place(t)()
	a := openArchive(t, o)
	if err := resume(a, t.Context(), events, 180); err != nil {
		t.Fatal(err)
	}
	w := period.Window{From: Start.Add(10 * time.Hour), To: Start.Add(12 * time.Hour)}
	rename := func(events []event.Event) (changed int) {
		for i := range events {
			if e := &events[i]; !e.Time.Before(w.From) && e.Time.Before(w.To) && e.Source != "renamed" {
				e.Source = "renamed"
				changed++
			}
		}
		return changed
	}
	want := slices.Clone(events)
	n := 0
	for i := range want {
		if want[i].Site == "a" {
			n += rename(want[i : i+1])
		}
	}
	if did, err := a.ChangeWithin(t.Context(), "a", w, rename); err != nil || int(did.Events) != n || n == 0 || did.Rewritten == 0 || did.Rewritten > 6 {
		t.Errorf("%+v was changed, want %d events: %v", did, n, err)
	}
	whole(t, a, o, events, want)
	if did, err := a.ChangeWithin(t.Context(), "a", w, rename); err != nil || did != (archive.Removed{}) {
		t.Errorf("changed again: %+v: %v", did, err)
	}
}
