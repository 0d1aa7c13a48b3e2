package segment

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/history"
)

// TestZoneAndBack: a roll that fails after some days were made in another zone
// leaves rows of both. When the zone is what it was, all are made again.
func TestZoneAndBack(t *testing.T) {
	for name, stop := range map[string]bool{"fails": false, "is stopped": true} {
		t.Run(name, func(t *testing.T) {
			w := calmWorks(t)
			for _, at := range []time.Time{time.Date(2024, 5, 3, 22, 40, 0, 0, time.UTC), time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)} {
				w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: at})
			}
			w.roll()
			w.sites[0].Zone = w.zone("Europe/Berlin")
			ctx, end := context.WithCancel(t.Context())
			defer end()
			made := 0
			w.kept.replacing = func() error { // three times for each of four dates
				if made++; made < 12 {
					return nil
				}
				if stop {
					end()
				}
				return errShaken
			}
			if _, err := w.roller.Roll(ctx); (err != nil) != stop {
				t.Fatal(err)
			}
			w.kept.replacing = nil
			w.sites[0].Zone, w.calm = time.UTC, false
			w.check()
			w.roll()
			if p := w.person("u"); !p.Complete || views(p) != 2 {
				t.Errorf("%+v", p)
			}
			w.check()
			w.open()
			w.roll()
			w.check()
		})
	}
}

// TestOnMeanwhile: a site that is turned on while it is being forgotten is owed
// all of its days, whoever looked meanwhile; one that is on again before is not
// forgotten.
func TestOnMeanwhile(t *testing.T) {
	w := calmWorks(t)
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	w.roll()
	w.sites[0].Months = 0
	w.kept.forgetting = func() {
		w.sites[0].Months = 2
		if p := w.person("u"); p.Complete {
			t.Errorf("complete while it is forgotten: %+v", p)
		}
	}
	_, err := w.live.Forget(t.Context(), "shop")
	w.must(err)
	w.kept.forgetting = nil
	w.now = w.now.AddDate(0, 1, 0)
	_, err = w.live.Forget(t.Context(), "shop") // notes from when on histories are kept, of those that are
	w.must(err)
	if b, _, err := w.kept.Basis(t.Context(), "shop"); err != nil || b != (history.Basis{}) {
		t.Errorf("nothing is made, with %+v, %v", b, err)
	}
	if p := w.person("u"); p.Complete {
		t.Errorf("complete without a day: %+v", p)
	}
	w.roll()
	if p := w.person("u"); !p.Complete || views(p) != 1 {
		t.Errorf("after a roll: %+v", p)
	}
	w.sites[0].Months = 0
	w.live.moving.Lock()
	forgot := make(chan history.Removed)
	go func() {
		removed, err := w.live.forgetAll(t.Context(), "shop") // it was off when it was decided
		if err != nil {
			t.Error(err)
		}
		forgot <- removed
	}()
	w.sites[0].Months = 2
	w.live.moving.Unlock()
	if removed := <-forgot; removed != (history.Removed{}) || !w.person("u").Complete {
		t.Errorf("removed %+v of a site that is on again", removed)
	}
}

// TestFollowerFails: histories that can't be made stop neither bins nor other
// sites, are told once and made as soon as they can be, also by another process.
func TestFollowerFails(t *testing.T) {
	for _, again := range []string{"", "opened"} {
		w := calmWorks(t)
		var log bytes.Buffer
		w.live.o.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
		w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now.AddDate(0, 0, -1)})
		w.kept.replacing = func() error { return errShaken }
		for range 3 {
			w.roll()
			state, err := w.durable.State(t.Context())
			if err != nil || len(state.Dirty) > 0 {
				t.Errorf("dirty are %v, %v", state.Dirty, err)
			}
			if p := w.person("u"); p.Complete || !p.AsOf.IsZero() {
				t.Errorf("%+v", p)
			}
		}
		if n := strings.Count(log.String(), "can't be made"); n != 1 {
			t.Errorf("told %d times:\n%s", n, log.String())
		}
		w.kept.replacing = nil
		if again != "" {
			w.open()
		}
		w.roll()
		if p := w.person("u"); !p.Complete || views(p) != 2 {
			t.Errorf("at last: %+v", p)
		}
	}
}

// TestFollowerCantSay: where it can't even be kept that all days are owed, the
// days stay dirty.
func TestFollowerCantSay(t *testing.T) {
	w := calmWorks(t)
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	w.kept.replacing = func() error { return errShaken }
	w.kept.basing = w.kept.replacing
	w.roll()
	state, err := w.durable.State(t.Context())
	if err != nil || len(state.Dirty) != 1 || w.person("u").Complete {
		t.Errorf("dirty are %v, %v; %+v", state.Dirty, err, w.person("u"))
	}
	w.kept.replacing, w.kept.basing = nil, nil
	w.open()
	w.roll()
	if p := w.person("u"); !p.Complete || views(p) != 1 {
		t.Errorf("at last: %+v", p)
	}
}
