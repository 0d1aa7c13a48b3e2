package segment

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/history"
)

// TestReadersMeanwhile reads while days are made and events come: a visitor sees
// each event once, all the time.
func TestReadersMeanwhile(t *testing.T) {
	const rounds = 60
	w := calmWorks(t)
	var mu sync.Mutex // of the log, which is rolled while it is written
	w.roller = bins.NewRoller(w.durable, nil, func(context.Context) (bins.Snapshot, error) {
		mu.Lock()
		defer mu.Unlock()
		return stored{events: slices.Clone(w.log.events), at: w.log.at}, nil
	}, func() []bins.Site { return []bins.Site{{ID: "shop", Zone: time.UTC, Currency: "EUR"}} }, bins.Options{Follower: w.live, Together: 1})
	w.must(w.roller.Open(t.Context(), w.log.at))
	w.roll()
	var wait sync.WaitGroup
	done, stop := context.WithCancel(t.Context())
	wait.Go(func() {
		for done.Err() == nil {
			if _, err := w.roller.Roll(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for _, read := range []func() (int64, bool){w.viewsOfOne, w.viewsOfAll} {
		wait.Go(func() {
			for last := int64(0); done.Err() == nil; {
				n, complete := read()
				if !complete || n < last || n > 3*rounds {
					t.Errorf("%d views after %d, complete: %v", n, last, complete)
					return
				}
				last = n
			}
		})
	}
	for i := range rounds {
		var batch []event.Event
		for j := range 3 {
			at := w.now.AddDate(0, 0, -j)
			batch = append(batch, event.Event{ID: fmt.Sprint(i, j), Site: "shop", Kind: event.Page, UserID: "u", Time: at, Original: at})
		}
		to := event.Position{Epoch: 1, Seq: uint64(i + 1)}
		w.must(w.roller.Write(t.Context(), batch, to, func() ([]event.Event, error) {
			mu.Lock()
			defer mu.Unlock()
			w.log.events, w.log.at = append(w.log.events, batch...), to
			return batch, nil
		}))
		time.Sleep(time.Millisecond)
	}
	stop()
	wait.Wait()
	if n, _ := w.viewsOfOne(); n != 3*rounds {
		t.Errorf("%d views at last", n)
	}
}

func views(p Person) int64 { return p.History.Sum(history.Whole, 0, 1<<20)[history.Views] }

// viewsOfOne is the views of the visitor, and whether that is complete.
func (w *works) viewsOfOne() (int64, bool) {
	p, err := w.live.Visitor(w.t.Context(), "shop", "u")
	return views(p), p.Complete && err == nil
}

// viewsOfAll is the views of all visitors.
func (w *works) viewsOfAll() (n int64, complete bool) {
	v, err := w.live.each(w.t.Context(), Site{"shop", time.UTC, "EUR", 2}, nil, func(v *view, past history.Past) error {
		p, err := v.person(past, nil, 1<<30)
		n += views(p)
		return err
	})
	return n, err == nil && v.complete
}
