package bins_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// touched is durable bins that know only which days are dirty.
type touched struct {
	bins.Durable
	dirty map[bins.Day]uint64
	fail  error
}

func (d *touched) State(context.Context) (bins.State, error) {
	return bins.State{Dirty: maps.Clone(d.dirty)}, nil
}

func (d *touched) Touch(_ context.Context, mark uint64, days ...bins.Day) error {
	if d.fail != nil {
		return d.fail
	}
	for _, day := range days {
		d.dirty[day] = mark
	}
	return nil
}

// roller makes one without hot buckets, which keeps a site's days in zone.
func roller(t testing.TB, d *touched, zone *time.Location) *bins.Roller {
	t.Helper()
	r := bins.NewRoller(d, nil, nil, func() []bins.Site { return []bins.Site{{ID: "s", Zone: zone, Currency: "EUR"}} }, bins.Options{})
	if err := r.Open(context.Background(), event.Position{}); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTouchFindsEveryDay adds events to random ones: a day whose bins they change
// must be dirty, the neighbour of midnight too, and, as nobody knows yet whose sessions
// went on over the midnight before, the day before: never a fourth.
func TestTouchFindsEveryDay(t *testing.T) {
	neighbours := 0
	for seed := range uint64(280) {
		r := rand.New(rand.NewPCG(seed, 5))
		at := zones[seed%uint64(len(zones))]
		zone, _ := time.LoadLocation(at.name)
		around, _ := time.Parse(time.RFC3339, at.around)
		events := crowd(r, around)
		of := choose(r, events...)
		for _, e := range events {
			if w := period.DateOf(e.Time, zone).Window(zone); e.View() && (e.Time.Sub(w.From) < time.Hour || w.To.Sub(e.Time) < time.Hour) && r.IntN(3) == 0 {
				of = e // near midnight
			}
		}
		// Beside an event, at the edges of a session and of the quarter of an hour it lies in.
		late := random(r, of.Visitor, of.Time.Add(choose(r, gaps[:7]...)*time.Duration(choose(r, -1, 1))))
		d := &touched{dirty: map[bins.Day]uint64{}}
		stored := false
		err := roller(t, d, zone).Write(context.Background(), []event.Event{late}, event.Position{}, func() ([]event.Event, error) {
			stored = len(d.dirty) > 0
			return nil, nil
		})
		if err != nil || !stored {
			t.Fatalf("seed %d: %v; dirty before it was stored: %v", seed, err, stored)
		}
		all := append(events, late)
		own := period.DateOf(late.Time, zone)
		days := 0
		for date := own - 3; date <= own+3; date++ {
			w := date.Window(zone)
			if _, dirty := d.dirty[bins.Day{Site: "s", Date: date}]; dirty && w.From.Before(w.To) { // not one that never was
				days++
			}
			changed := !maps.Equal(figures(t, count(t, w, events)), figures(t, count(t, w, all)))
			if _, dirty := d.dirty[bins.Day{Site: "s", Date: date}]; changed && !dirty {
				t.Fatalf("%s seed %d: an event at %s changes %s, which is not dirty", at.name, seed, late.Time.In(zone), date)
			}
			if changed && date != own {
				neighbours++
			}
		}
		if days < 1 || days > 3 {
			t.Fatalf("%s seed %d: an event makes %d days dirty", at.name, seed, days)
		}
	}
	if neighbours == 0 {
		t.Error("no event changed a neighbour day: the test tests nothing")
	}
}

// TestTouchFirst holds that nothing is stored when its day cannot be marked, and
// that the day is marked the next time.
func TestTouchFirst(t *testing.T) {
	d := &touched{dirty: map[bins.Day]uint64{}, fail: errors.New("disk full")}
	r := roller(t, d, time.UTC)
	batch := []event.Event{{Site: "s", Kind: event.Page, Time: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)}}
	stored := 0
	write := func() error {
		return r.Write(context.Background(), batch, event.Position{}, func() ([]event.Event, error) { stored++; return nil, nil })
	}
	if err := write(); !errors.Is(err, d.fail) || stored != 0 {
		t.Errorf("%v, stored %d times", err, stored)
	}
	d.fail = nil
	if err := write(); err != nil || stored != 1 || len(d.dirty) != 1 {
		t.Errorf("%v, stored %d times, dirty %v", err, stored, d.dirty)
	}
}

// TestTouchOfAny: of events of which only site and time are told, as of those that are
// deleted or labelled anew, the day before is dirty, too: they may be of a session that
// began there.
func TestTouchOfAny(t *testing.T) {
	at := time.Date(2024, 5, 2, 12, 0, 0, 0, time.UTC)
	own := bins.Day{Site: "s", Date: period.DateOf(at, nil)}
	before := bins.Day{Site: "s", Date: own.Date - 1}
	some := []event.Event{{Site: "s", Time: at}}
	for what, change := range map[string]func(r *bins.Roller) error{
		"altered": func(r *bins.Roller) error { return r.Alter(t.Context(), some, func() error { return nil }) },
		"written": func(r *bins.Roller) error {
			return r.Write(t.Context(), some, event.Position{}, func() ([]event.Event, error) { return nil, nil })
		},
	} {
		d := &touched{dirty: map[bins.Day]uint64{}}
		err := change(roller(t, d, time.UTC))
		if _, dirty := d.dirty[before]; err != nil || !dirty || len(d.dirty) != 2 {
			t.Errorf("%s: %v, %v; want %v, too", what, err, d.dirty, before)
		}
	}
}

// TestTouchAfterRestart holds that days an earlier process left dirty get a new
// mark when they get events, above all old marks.
func TestTouchAfterRestart(t *testing.T) {
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	day := bins.Day{Site: "s", Date: period.DateOf(at, nil)}
	d := &touched{dirty: map[bins.Day]uint64{day: 9, {Site: "gone", Date: 7}: 4}}
	err := roller(t, d, time.UTC).Write(context.Background(), []event.Event{{Site: "s", Kind: event.Page, Time: at}}, event.Position{},
		func() ([]event.Event, error) { return nil, nil })
	if err != nil || d.dirty[day] <= 9 || len(d.dirty) != 2 {
		t.Errorf("%v, %v", err, d.dirty)
	}
}
