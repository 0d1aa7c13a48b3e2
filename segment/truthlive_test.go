package segment

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/history/sqlite"
	"footfall/period"
)

// on is an event of the shop at noon of a day.
func on(e *event.Event, day period.Date) event.Event {
	of := *e
	of.Site, of.Time = "shop", day.Window(time.UTC).From.Add(12*time.Hour)
	return of
}

// truthLive is live histories of real data, a part of it in rows and a part in
// memory, and what is expected of them.
type truthLive struct {
	*testing.T
	*Live
	now      time.Time
	expected map[period.Date]map[string]int // by day and condition
}

func throughLive(t *testing.T, events []event.Event) *truthLive {
	t.Helper()
	kept, err := sqlite.Open(filepath.Join(t.TempDir(), "history.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	l := &truthLive{T: t, now: slices.MinFunc(events, func(a, b event.Event) int { return a.Time.Compare(b.Time) }).Time, expected: map[period.Date]map[string]int{}}
	site := Site{ID: "shop", Zone: time.UTC, Months: 100}
	l.Live = NewLive(kept, kept, kept, func() []Site { return []Site{site} }, Options{Now: func() time.Time { return l.now }})
	log := stored{}
	roller := bins.NewRoller(binstest.NewDurableModel(), nil, func(context.Context) (bins.Snapshot, error) { return log, nil },
		func() []bins.Site { return []bins.Site{{ID: site.ID, Zone: site.Zone}} }, bins.Options{Follower: l.Live})
	if err := roller.Open(t.Context(), log.at); err != nil {
		t.Fatal(err)
	}
	for i, part := range [][]event.Event{events[:len(events)*2/3], events[len(events)*2/3:]} {
		log.at.Seq++
		if err := roller.Write(t.Context(), part, log.at, func() ([]event.Event, error) {
			log.events = append(log.events, part...)
			return part, nil
		}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := roller.Roll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return l
}

// expect expects so many of all visitors in a segment on a day: at once, and
// live when it is checked.
func (l *truthLive) expect(all visitors, when string, today period.Date, visitors int) {
	l.Helper()
	if got := all.in(l.T, when, today); got != visitors {
		l.Errorf("%s on %s: %d, want %d", when, today, got, visitors)
	}
	if l.expected[today] == nil {
		l.expected[today] = map[string]int{}
	}
	l.expected[today][when] = visitors
}

// check compares.
func (l *truthLive) check() {
	l.Helper()
	for today, wanted := range l.expected {
		l.now = today.Window(time.UTC).To.Add(-time.Second)
		var definitions []Definition
		want := map[string]int{}
		for when, n := range wanted {
			d, err := ParseOne(fmt.Appendf(nil, "name: truth-%d\nwhen: {%s}", len(want), when))
			if err != nil {
				l.Fatal(err)
			}
			definitions, want[d.Name] = append(definitions, d), n
		}
		m, err := l.Matching(l.Context(), "shop", definitions)
		if err != nil || !m.Complete {
			l.Fatalf("%+v, %v", m, err)
		}
		for _, d := range definitions {
			if m.In[d.Name] != want[d.Name] {
				l.Errorf("live on %s: %s: %d, want %d", today, d, m.In[d.Name], want[d.Name])
			}
		}
	}
}
