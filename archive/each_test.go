package archive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/event"
)

// Events of objects that have many hours come by time all the same: those that wait
// and those that come are cut hour by hour and nothing is lost.
func TestOfHour(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var all, got, waiting []event.Event
	for hour := range 50 {
		var come []event.Event
		for i := range r.IntN(6) {
			at := begin.Add(time.Duration(hour)*time.Hour + time.Duration(r.IntN(8*3600))*time.Second)
			come = append(come, event.Event{ID: fmt.Sprint(hour, i), Time: at})
		}
		all = append(all, come...)
		end := begin.Add(time.Duration(hour+1) * time.Hour)
		var due []event.Event
		due, waiting = ofHour(waiting, come, end)
		for _, e := range due {
			if !e.Time.Before(end) {
				t.Fatalf("%v is not before %v", e.Time, end)
			}
		}
		got = append(got, due...)
	}
	due, waiting := ofHour(waiting, nil, begin.Add(1000*time.Hour))
	got = append(got, due...)
	if byTime := func(a, b event.Event) int { return a.Time.Compare(b.Time) }; len(waiting) > 0 || len(got) != len(all) || !slices.IsSortedFunc(got, byTime) {
		t.Errorf("%d of %d events, by time: %v", len(got), len(all), slices.IsSortedFunc(got, byTime))
	}
}
