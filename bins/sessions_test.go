package bins_test

import (
	"context"
	"errors"
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

// onlooker asks for the sessions of dates while anything happens to their events.
type onlooker struct {
	*testing.T
	seed    uint64
	r       *rand.Rand
	zone    *time.Location
	now     time.Time
	ahead   time.Duration // of who sends: their clocks
	coming  []event.Event
	stored  []event.Event
	walks   int
	durable *binstest.DurableModel
	roller  *bins.Roller
	known   map[string]int // how often sessions were told, out of how much
}

var errBroken = errors.New("broken")

// sessionsOf is what is told of sessions in a tally.
func sessionsOf(tally bins.Tally) map[bins.Subject]string {
	all := map[bins.Subject]string{}
	for s, b := range tally {
		var told []int64
		for i, m := range bins.Counted {
			if bins.OfSessions(m) {
				told = append(told, b.Counts[i])
			}
		}
		if slices.Max(told) > 0 {
			all[s] = fmt.Sprint(told)
		}
	}
	return all
}

// look compares the sessions of a date with those of its events.
func (o *onlooker) look(date period.Date) {
	o.Helper()
	w, tally, walks := date.Window(o.zone), bins.Tally{}, o.walks
	if !w.From.Before(w.To) {
		return
	}
	for _, by := range append([]bins.Subject{{}}, subjectsOf()...) {
		err := o.roller.Sessions().Read(o.Context(), bins.HotRange{Site: "s", By: by.By, Each: true, Window: w}, func(value string, _ time.Time, b *bins.Bin) error {
			tally[bins.Subject{By: by.By, Value: value}] = &bins.Bin{Counts: b.Counts}
			return nil
		})
		if errors.Is(err, bins.ErrLost) { // something came between
			o.known["lost"]++
			return
		}
		if err != nil {
			o.Fatal(err)
		}
	}
	o.known[map[bool]string{true: "kept", false: "read"}[o.walks == walks]]++
	want := sessionsOf(count(o, w, o.stored))
	if got := sessionsOf(tally); !maps.Equal(got, want) {
		o.Fatalf("seed %d: sessions of %s, now %s:\n got %v\nwant %v", o.seed, date, o.now.In(o.zone), got, want)
	}
	for s := range want {
		err := o.roller.Sessions().Read(o.Context(), bins.HotRange{Site: "s", By: s.By, Value: s.Value, Window: w}, func(value string, _ time.Time, b *bins.Bin) error {
			if tally[s].Counts != b.Counts || value != s.Value {
				o.Errorf("%v: %v, want %v", s, b.Counts, tally[s].Counts)
			}
			return nil
		})
		if err != nil && !errors.Is(err, bins.ErrLost) {
			o.Fatal(err)
		}
	}
}

// write stores what comes next, some of it again and in parts.
func (o *onlooker) write() {
	batch := o.coming[:min(len(o.coming), 1+o.r.IntN(12))]
	o.coming = o.coming[len(batch):]
	for i := range batch {
		if at := batch[i].Time.Add(-o.ahead); at.After(o.now) {
			o.now = at
		}
	}
	at := event.Position{Epoch: 1, Seq: uint64(len(o.stored) + 1)}
	if o.r.IntN(60) == 0 {
		at = event.Position{}
	}
	fails := map[int]error{0: errBroken}[o.r.IntN(60)]
	err := o.roller.Write(context.Background(), batch, at, func() ([]event.Event, error) {
		fresh := slices.Clone(batch)
		if o.stored = append(o.stored, fresh...); fails != nil {
			fresh = nil
		}
		return fresh, fails
	})
	if !errors.Is(err, fails) {
		o.Fatal(err)
	}
}

// alter deletes some events, or labels them anew.
func (o *onlooker) alter() {
	if len(o.stored) == 0 {
		return
	}
	at := o.r.IntN(len(o.stored))
	changed := slices.Clone(o.stored[at:min(len(o.stored), at+1+o.r.IntN(5))])
	var err error
	if o.r.IntN(2) == 0 {
		err = o.roller.Alter(context.Background(), changed, func() error {
			o.stored = slices.Delete(slices.Clone(o.stored), at, at+len(changed))
			return nil
		})
	} else { // as reprocessing does
		err = o.roller.Write(context.Background(), changed, event.Position{}, func() ([]event.Event, error) {
			o.stored = slices.Clone(o.stored)
			for i := range changed {
				o.stored[at+i].Source, o.stored[at+i].Bot = "Another", choose(o.r, "", "crawler")
			}
			return nil, nil
		})
	}
	if err != nil {
		o.Fatal(err)
	}
}

func (o *onlooker) snapshot(context.Context) (bins.Snapshot, error) {
	stored := o.stored[:len(o.stored):len(o.stored)]
	return stall{shelf{stored}, func() {
		switch o.walks++; o.r.IntN(6) {
		case 0, 1:
			if len(o.coming) > 0 {
				o.write()
			}
		case 2:
			if o.r.IntN(4) == 0 {
				o.alter()
			}
		}
	}}, nil
}

func watching(t *testing.T, seed uint64) *onlooker {
	r := rand.New(rand.NewPCG(seed, 11))
	at := zones[seed%uint64(len(zones))]
	zone, _ := time.LoadLocation(at.name)
	around, _ := time.Parse(time.RFC3339, at.around)
	o := &onlooker{T: t, seed: seed, r: r, zone: zone, now: around.Add(-40 * time.Hour), durable: binstest.NewDurableModel(), known: map[string]int{}}
	o.coming = crowd(r, around)
	switch seed % 4 {
	case 0: // everything is in the past, and in any order
		o.now = around.AddDate(0, 0, 5)
		if seed%8 == 0 { // what lasts for more than a day
			o.coming = slices.DeleteFunc(o.coming, func(e event.Event) bool { return e.Visitor < 10 })
		}
	case 1:
		o.ahead = time.Duration(r.Int64N(int64(23 * time.Hour)))
		fallthrough
	default:
		o.coming = nearly(r, o.coming, choose(r, 4, 20, 100))
	}
	o.roller = bins.NewRoller(o.durable, nil, o.snapshot, func() []bins.Site { return []bins.Site{{ID: "s", Zone: zone, Currency: "EUR"}} },
		bins.Options{Now: func() time.Time { return o.now }})
	if err := o.roller.Open(t.Context(), event.Position{}); err != nil {
		t.Fatal(err)
	}
	first := period.DateOf(around, zone) - 2
	for len(o.coming) > 0 {
		switch n := r.IntN(200); {
		case n < 100:
			o.write()
		case n < 102:
			o.alter()
		case n < 106:
			if _, err := o.roller.Roll(t.Context()); err != nil {
				t.Fatal(err)
			}
		case n < 107:
			if err := o.roller.Open(t.Context(), event.Position{}); err != nil {
				t.Fatal(err)
			}
		default:
			o.look(min(first+period.Date(r.IntN(4)), period.DateOf(o.now.Add(o.ahead), zone)+1))
		}
	}
	for date := range period.Date(5) {
		o.look(first + date)
	}
	return o
}

// TestSessions: what is told of sessions is what the events say, whatever comes late, again,
// in any order, or is deleted or labelled anew, while it is read or later; and it is seldom
// read again.
func TestSessions(t *testing.T) {
	known := map[string]int{}
	for seed := range uint64(84) {
		for how, n := range watching(t, seed).known {
			known[how] += n
		}
	}
	if t.Logf("%v", known); known["kept"] < 2*known["read"] || known["lost"] > known["read"] {
		t.Error("they are not kept")
	}
}

// TestSessionsReadAgain: where a late view lets less be told of a session than before, or joins
// it to views of which nothing was kept, the date is read again.
func TestSessionsReadAgain(t *testing.T) {
	day := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	view := func(after time.Duration) event.Event {
		return event.Event{Site: "s", Kind: event.Page, Time: day.Add(after), Visitor: 1}
	}
	var long []event.Event
	for after := 30 * time.Minute; after < 26*time.Hour; after += 25 * time.Minute {
		long = append(long, view(after))
	}
	gone := view(24*time.Hour + 50*time.Minute)
	for name, x := range map[string]struct {
		now    time.Time
		stored []event.Event
		late   time.Duration
	}{
		"more than a day":          {day.Add(12 * time.Hour), long, 10 * time.Minute},
		"by a clock that is ahead": {day.Add(12 * time.Hour), []event.Event{view(23*time.Hour + 50*time.Minute), gone}, 24*time.Hour + 20*time.Minute},
		"days ago":                 {day.Add(99 * time.Hour), []event.Event{view(23*time.Hour + 50*time.Minute), gone}, 24*time.Hour + 20*time.Minute},
	} {
		o := &onlooker{T: t, r: rand.New(rand.NewPCG(0, 0)), zone: time.UTC, now: x.now, stored: x.stored, known: map[string]int{}}
		o.roller = bins.NewRoller(binstest.NewDurableModel(), nil, o.snapshot, func() []bins.Site { return []bins.Site{{ID: "s", Zone: time.UTC}} },
			bins.Options{Now: func() time.Time { return o.now }})
		if err := o.roller.Open(t.Context(), event.Position{}); err != nil {
			t.Fatal(err)
		}
		date := period.DateOf(day, time.UTC)
		o.look(date)
		late := view(x.late)
		err := o.roller.Write(t.Context(), []event.Event{late}, event.Position{Epoch: 1, Seq: 1}, func() ([]event.Event, error) {
			o.stored = append(slices.Clone(o.stored), late)
			return []event.Event{late}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if o.look(date); o.known["read"] != 2 {
			t.Errorf("%s: %v", name, o.known)
		}
	}
}
