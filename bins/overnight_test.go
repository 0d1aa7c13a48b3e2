package bins_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/period"
)

// stall is an event store of one moment, and what happens while it is walked.
type stall struct {
	shelf
	meanwhile func()
}

func (s stall) Sites(context.Context) ([]string, error) { return []string{"s"}, nil }

func (s stall) Walk(_ context.Context, _ string, from, to time.Time, _ bool, fn func(*event.Event) error) error {
	s.meanwhile()
	return walk(s.events)(from, to, fn)
}

// night is a site whose events arrive in any order, some of them while it is rolled.
type night struct {
	*testing.T
	r       *rand.Rand
	zone    *time.Location
	coming  []event.Event
	stored  []event.Event
	durable *binstest.DurableModel
	roller  *bins.Roller

	longer, idle int // events that made the session of a day before longer, and that touched this in vain
}

func (n *night) dirty() map[bins.Day]uint64 {
	state, err := n.durable.State(context.Background())
	if err != nil {
		n.Fatal(err)
	}
	return state.Dirty
}

func (n *night) write() {
	if len(n.coming) == 0 {
		return
	}
	e := n.coming[0]
	n.coming = n.coming[1:]
	own := period.DateOf(e.Time, n.zone)
	before := bins.Day{Site: "s", Date: own - 1}
	was := n.dirty()
	err := n.roller.Write(context.Background(), []event.Event{e}, event.Position{}, func() ([]event.Event, error) {
		n.stored = append(n.stored, e)
		return nil, nil
	})
	if err != nil {
		n.Fatal(err)
	}
	w := own.Window(n.zone)
	if e.Time.Sub(w.From) < time.Hour || w.To.Sub(e.Time) < time.Hour {
		return
	}
	day := before.Date.Window(n.zone)
	changed := !maps.Equal(figures(n, count(n, day, n.stored)), figures(n, count(n, day, n.stored[:len(n.stored)-1])))
	_, already := was[before]
	if _, now := n.dirty()[before]; changed {
		n.longer++
	} else if now && !already && e.Visitor < 10 { // of others it may be: they were there
		n.idle++
	}
}

func (n *night) roll() {
	if _, err := n.roller.Roll(context.Background()); err != nil {
		n.Fatal(err)
	}
}

// check compares the bins of days that are not dirty.
func (n *night) check(first, last period.Date) {
	dirty := n.dirty()
	for date := first; date <= last; date++ {
		if _, is := dirty[bins.Day{Site: "s", Date: date}]; is {
			continue
		}
		stored := bins.Tally{}
		for _, by := range append([]bins.Subject{{}}, subjectsOf()...) {
			err := n.durable.Read(context.Background(), bins.Range{Site: "s", By: by.By, Each: by.By != "", From: date, To: date + 1, Visitors: true},
				func(value string, _ bins.Span, b *bins.Bin) error {
					stored[bins.Subject{By: by.By, Value: value}] = b
					return nil
				})
			if err != nil {
				n.Fatal(err)
			}
		}
		differ(n.T, fmt.Sprint(date), stored, count(n, date.Window(n.zone), n.stored))
	}
}

func subjectsOf() (all []bins.Subject) {
	for _, by := range bins.Dimensions {
		all = append(all, bins.Subject{By: by})
	}
	return all
}

// nearly puts events into the order of their times, one of so many late.
func nearly(r *rand.Rand, events []event.Event, one int) []event.Event {
	at := map[string]time.Time{}
	for i := range events {
		events[i].ID = fmt.Sprint(i)
		if at[events[i].ID] = events[i].Time; r.IntN(one) == 0 {
			at[events[i].ID] = events[i].Time.Add(time.Duration(r.IntN(240)) * time.Minute)
		}
	}
	slices.SortFunc(events, func(a, b event.Event) int { return at[a.ID].Compare(at[b.ID]) })
	return events
}

// TestOvernight: what lasts over a midnight belongs to the day before, whose bins an
// event of hours later changes: then it makes that day dirty, and seldom otherwise.
func TestOvernight(t *testing.T) {
	longer, idle, events := 0, 0, 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 8))
		at := zones[seed%uint64(len(zones))]
		zone, _ := time.LoadLocation(at.name)
		around, _ := time.Parse(time.RFC3339, at.around)
		n := &night{T: t, r: r, zone: zone, coming: nearly(r, crowd(r, around), 100), durable: binstest.NewDurableModel()}
		events += len(n.coming)
		n.roller = bins.NewRoller(n.durable, nil, func(context.Context) (bins.Snapshot, error) {
			return stall{shelf{n.stored[:len(n.stored):len(n.stored)]}, func() {
				if r.IntN(4) == 0 {
					n.write()
				}
			}}, nil
		}, func() []bins.Site { return []bins.Site{{ID: "s", Zone: zone, Currency: "EUR"}} }, bins.Options{Together: 2})
		if err := n.roller.Open(t.Context(), event.Position{}); err != nil {
			t.Fatal(err)
		}
		first := period.DateOf(around, zone)
		for len(n.coming) > 0 {
			if n.write(); r.IntN(3) == 0 {
				n.roll()
			}
			if r.IntN(10) == 0 {
				n.check(first-3, first+3)
			}
		}
		n.roll()
		n.check(first-3, first+3)
		longer, idle = longer+n.longer, idle+n.idle
	}
	if t.Logf("%d of %d events made a session of the day before longer, %d touched it in vain", longer, events, idle); longer < 20 || idle > events/40 {
		t.Errorf("%d made one longer, %d touched it in vain", longer, idle)
	}
}
