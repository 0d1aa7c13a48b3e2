package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// relabeler is a store in which what was derived can be replaced.
type relabeler interface {
	store.Store
	store.Relabeler
}

// relabeled replaces labels beside the model: of events that are stored, of some
// that are not or lie beside the window, across a restart. Sessions by source ask
// for the order in which events of a millisecond came.
func relabeled(t *testing.T, open Open) {
	rng, dir := rand.New(rand.NewPCG(5, 13)), t.TempDir()
	got, want := open(t, dir, fixed).(relabeler), NewModel(fixed)
	defer func() { shut(t, got) }()
	var sent []event.Event
	changed := uint64(0)
	for seq := range uint64(12) {
		batch := oldAndNew(rng, &sent)
		for i := range batch {
			batch[i].Time = batch[i].Time.Truncate(10 * time.Minute)
		}
		write(t, got, pos(seq+1), batch...)
		write(t, want, pos(seq+1), batch...)
		from := start.Add(-time.Duration(rng.IntN(60*24)) * time.Hour)
		w := period.Window{From: from, To: from.Add(time.Duration(1+rng.IntN(30*24)) * time.Hour)}
		anew := derivedAnew(rng, All(t, want, "a", w))
		each := func(yield func(*event.Event) error) error {
			for i := range anew {
				if err := yield(&anew[i]); err != nil {
					return err
				}
			}
			return nil
		}
		n, err := got.Relabel(t.Context(), "a", w, each)
		m, _ := want.Relabel(t.Context(), "a", w, each)
		if err != nil || n != m {
			t.Fatalf("%d events changed, want %d: %v", n, m, err)
		}
		if n, err := got.Relabel(t.Context(), "a", w, each); n != 0 || err != nil {
			t.Fatalf("again, %d events changed: %v", n, err)
		}
		changed += m
		if rng.IntN(3) == 0 {
			shut(t, got)
			got = open(t, dir, fixed).(relabeler)
		}
		alike(t, got, want)
		for _, m := range []metric.Name{metric.Sessions, metric.PageViews, metric.Visitors} {
			q := metric.Query{Site: "a", Metric: m, By: "source", Window: period.Window{From: start.Add(-90 * 24 * time.Hour), To: start.Add(24 * time.Hour)}, Step: period.Total}
			same(t, got, want, q)
		}
	}
	if changed < 50 {
		t.Errorf("%d events changed: the test tests little", changed)
	}
	before := got.State()
	if _, err := got.Relabel(t.Context(), "a", period.Window{From: start, To: start.Add(time.Hour)}, func(func(*event.Event) error) error { return context.Canceled }); !errors.Is(err, context.Canceled) {
		t.Errorf("an error of who hands over is %v", err)
	}
	if got.State() != before {
		t.Errorf("the state is %+v, was %+v", got.State(), before)
	}
	alike(t, got, want)
}

// derivedAnew are other labels for half of the events, and some that nobody has.
func derivedAnew(rng *rand.Rand, events []event.Event) (anew []event.Event) {
	for _, e := range events {
		if rng.IntN(2) == 0 {
			continue
		}
		n := event.Event{ID: e.ID, Site: e.Site, Time: e.Time, Original: e.Original, Path: pick(rng, "", "/", "/new"), Referrer: pick(rng, "", "https://x.example/"),
			Class: pick(rng, "", "search", "direct"), Source: pick(rng, "", "Bing", "News"), Bot: pick(rng, "", "", "agent"), Session: rng.Uint64()}
		n.Campaign = event.Campaign{Source: pick(rng, "", "s"), Medium: pick(rng, "", "m"), Name: pick(rng, "", "n"), Term: pick(rng, "", "t"), Content: pick(rng, "", "c")}
		anew = append(anew, n)
	}
	for i := range 5 {
		n := plain(fmt.Sprint("nobody", i), start)
		anew = append(anew, n)
	}
	for _, e := range events { // the same id of another day is another event
		e.Original = e.Original.Add(-400 * 24 * time.Hour)
		anew = append(anew, e)
		break
	}
	return anew
}
