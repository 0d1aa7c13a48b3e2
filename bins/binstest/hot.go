// Package binstest holds the laws of bins: what every adapter must pass.
package binstest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// Hot is the law of hot buckets. Open makes empty ones, which stand nowhere, for
// sites with the currencies that Currency names.
func Hot(t *testing.T, open func(t *testing.T) bins.Hot) {
	t.Run("nowhere", func(t *testing.T) { wantLost(t, open(t), event.Position{}) })
	t.Run("walk", func(t *testing.T) {
		for seed := range uint64(20) {
			Walk(t, open(t), seed, 120, nil)
		}
	})
	t.Run("once", func(t *testing.T) { hotOnce(t, open(t)) })
	t.Run("cut of nothing", func(t *testing.T) { hotNothing(t, open(t)) })
	t.Run("lost", func(t *testing.T) { hotLost(t, open(t)) })
	t.Run("splits", func(t *testing.T) { hotSplits(t, open) })
	t.Run("many visitors", func(t *testing.T) { hotMany(t, open(t)) })
	t.Run("cancelled", func(t *testing.T) { hotCancelled(t, open(t)) })
	t.Run("stop", func(t *testing.T) { hotStop(t, open(t)) })
	t.Run("whole batches", func(t *testing.T) { hotWhole(t, open(t)) })
}

func place(seq uint64) event.Position { return event.Position{Epoch: 7, Seq: seq, Total: 10 * seq} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// everything of a site is what a page by page reading finds.
func everything(since event.Position) bins.HotRange {
	return bins.HotRange{Site: "shop", By: "page", Each: true, Since: since,
		Window: period.Window{From: noon.Add(-time.Hour), To: noon.Add(6 * time.Hour)}}
}

// wantLost expects hot to know nothing.
func wantLost(t *testing.T, hot bins.Hot, at event.Position) {
	t.Helper()
	if _, err := readRows(t.Context(), hot, everything(at)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Read: %v, want ErrLost", err)
	}
	if _, err := hot.Cut(t.Context()); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Cut: %v, want ErrLost", err)
	}
	if err := hot.Apply(t.Context(), nil, at, place(1<<40)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Apply: %v, want ErrLost", err)
	}
}

// wantRows expects what the model has.
func wantRows(t *testing.T, hot bins.Hot, m *hotModel, r bins.HotRange) {
	t.Helper()
	want, _ := m.read(r)
	got, err := readRows(t.Context(), hot, r)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read(%+v) = %+v, %v\nwant %+v", r, got, err, want)
	}
}

func hotOnce(t *testing.T, hot bins.Hot) {
	events := hotEvents(rand.New(rand.NewPCG(1, 1)), 200)
	var m hotModel
	m.reset(place(5))
	must(t, hot.Reset(t.Context(), place(5)))
	for _, step := range []struct{ from, to uint64 }{{5, 6}, {5, 6}, {6, 6}, {6, 6}, {6, 9}, {6, 9}, {6, 9}, {8, 9}} {
		from, to := place(step.from), place(step.to)
		if got, want := hot.Apply(t.Context(), events, from, to), m.apply(events, from, to); got != want {
			t.Errorf("Apply from %d to %d: %v, want %v", step.from, step.to, got, want)
		}
		wantRows(t, hot, &m, everything(place(5)))
	}
}

// hotNothing cuts behind events that are in no figure: a cut is a cut.
func hotNothing(t *testing.T, hot bins.Hot) {
	must(t, hot.Reset(t.Context(), place(1)))
	bot := []event.Event{{Site: "shop", Kind: event.Page, Bot: "agent", Time: noon}}
	for seq := uint64(1); seq < 4; seq++ {
		must(t, hot.Apply(t.Context(), bot[:seq%2], place(seq), place(seq+1)))
		for range 2 {
			if at, err := hot.Cut(t.Context()); err != nil || at != place(seq+1) {
				t.Errorf("Cut = %v, %v", at, err)
			}
		}
		for since := uint64(1); since <= seq+1; since++ {
			if rows, err := readRows(t.Context(), hot, everything(place(since))); err != nil || len(rows) > 0 {
				t.Errorf("since %d: %v, %v", since, rows, err)
			}
		}
	}
}

func hotLost(t *testing.T, hot bins.Hot) {
	events := hotEvents(rand.New(rand.NewPCG(2, 1)), 50)
	other := place(2)
	other.Total++
	for _, from := range []event.Position{place(1), place(3), other, {}, {Epoch: 8, Seq: 2, Total: 20}} {
		must(t, hot.Reset(t.Context(), place(1)))
		must(t, hot.Apply(t.Context(), events, place(1), place(2)))
		if err := hot.Apply(t.Context(), events, from, place(9)); !errors.Is(err, bins.ErrLost) {
			t.Errorf("Apply from %v: %v, want ErrLost", from, err)
		}
		// It lacks events now, so it must not answer any more.
		wantLost(t, hot, place(1))
		wantLost(t, hot, place(2))
		must(t, hot.Forget(t.Context(), place(2)))
		must(t, hot.Reset(t.Context(), place(9)))
		if rows, err := readRows(t.Context(), hot, everything(place(9))); err != nil || len(rows) > 0 {
			t.Errorf("after Reset: %v, %v", rows, err)
		}
	}
}

// hotSplits has the same events give the same buckets, whatever the batches.
func hotSplits(t *testing.T, open func(t *testing.T) bins.Hot) {
	r := rand.New(rand.NewPCG(3, 1))
	events := hotEvents(r, 600)
	var m hotModel
	m.reset(place(1))
	must(t, m.apply(events, place(1), place(2)))
	for range 5 {
		hot := open(t)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		must(t, hot.Reset(t.Context(), place(1)))
		rest, seq := events, uint64(1)
		for len(rest) > 0 {
			n := 1 + r.IntN(min(len(rest), 1+r.IntN(300)))
			must(t, hot.Apply(t.Context(), rest[:n], place(seq), place(seq+uint64(n))))
			rest, seq = rest[n:], seq+uint64(n)
			if r.IntN(3) == 0 {
				at, err := hot.Cut(t.Context())
				if err != nil || at != place(seq) {
					t.Fatalf("Cut = %v, %v; want %v", at, err, place(seq))
				}
			}
		}
		for by := range 14 {
			range_ := hotRange(rand.New(rand.NewPCG(uint64(by), 2)), place(1))
			wantRows(t, hot, &m, range_)
		}
	}
}

// hotMany has more visitors than are counted exactly, over several generations.
func hotMany(t *testing.T, hot bins.Hot) {
	var m hotModel
	m.reset(place(1))
	must(t, hot.Reset(t.Context(), place(1)))
	for batch := range uint64(12) {
		events := make([]event.Event, 700)
		for i := range events {
			events[i] = event.Event{Site: "shop", Kind: event.Page, Time: noon, Path: "/", Visitor: 1 + batch*400 + uint64(i)}
		}
		from, to := place(1+batch), place(2+batch)
		must(t, hot.Apply(t.Context(), events, from, to))
		must(t, m.apply(events, from, to))
		wantRows(t, hot, &m, everything(place(1)))
		if batch == 3 || batch == 8 {
			if _, err := hot.Cut(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, _ = m.cut()
			wantRows(t, hot, &m, everything(to))
		}
	}
	if rows, _ := m.read(everything(place(1))); len(rows) != 1 || rows[0].Exact {
		t.Errorf("these visitors make no estimate: %+v", rows)
	}
}

func hotCancelled(t *testing.T, hot bins.Hot) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	events := hotEvents(rand.New(rand.NewPCG(4, 1)), 50)
	var m hotModel
	m.reset(place(1))
	must(t, m.apply(events, place(1), place(2)))
	must(t, hot.Reset(t.Context(), place(1)))
	must(t, hot.Apply(t.Context(), events, place(1), place(2)))
	if hot.Reset(ctx, place(3)) == nil {
		t.Error("Reset with a cancelled context")
	}
	// Nobody knows how far it came: it may have lost everything, but a figure is right.
	if rows, err := readRows(t.Context(), hot, everything(place(1))); err == nil {
		if want, _ := m.read(everything(place(1))); !reflect.DeepEqual(rows, want) {
			t.Errorf("after a cancelled Reset: %v", rows)
		}
	}
	must(t, hot.Reset(t.Context(), place(1)))
	must(t, hot.Apply(t.Context(), events, place(1), place(2)))
	if _, err := hot.Cut(ctx); err == nil {
		t.Error("Cut with a cancelled context")
	}
	if hot.Forget(ctx, place(2)) == nil {
		t.Error("Forget with a cancelled context")
	}
	if _, err := readRows(ctx, hot, everything(place(1))); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with a cancelled context: %v", err)
	}
	wantRows(t, hot, &m, everything(place(1)))
	if hot.Apply(ctx, events, place(2), place(3)) == nil {
		t.Error("Apply with a cancelled context")
	}
	wantLost(t, hot, place(1)) // it may lack these events
	wantLost(t, hot, place(2))
}

func hotStop(t *testing.T, hot bins.Hot) {
	must(t, hot.Reset(t.Context(), place(1)))
	must(t, hot.Apply(t.Context(), hotEvents(rand.New(rand.NewPCG(5, 1)), 50), place(1), place(2)))
	calls, stop := 0, errors.New("stop")
	err := hot.Read(t.Context(), everything(place(1)), func(string, time.Time, *bins.Bin) error {
		calls++
		return stop
	})
	if calls != 1 || !errors.Is(err, stop) {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// hotWhole reads while batches are applied: each shows as a whole or not at all.
func hotWhole(t *testing.T, hot bins.Hot) {
	must(t, hot.Reset(t.Context(), place(1)))
	var batch []event.Event
	for _, path := range []string{"/", "/a", "/b"} {
		for i := range 8 {
			batch = append(batch, event.Event{Site: "shop", Kind: event.Page, Path: path, Visitor: uint64(1 + i), Time: noon.Add(time.Duration(i) * period.Bucket)})
		}
	}
	var done sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		done.Go(func() {
			for seen := int64(0); ; {
				rows, err := readRows(t.Context(), hot, everything(place(1)))
				for _, row := range rows {
					if row.Counts[0] != rows[0].Counts[0] || row.Counts[0] < seen {
						t.Errorf("a part of a batch shows: %d, %d, before %d", row.Counts[0], rows[0].Counts[0], seen)
						return
					}
				}
				if err != nil || len(rows) != 0 && len(rows) != 24 {
					t.Errorf("%d rows, %v", len(rows), err)
					return
				}
				if len(rows) > 0 {
					seen = rows[0].Counts[0]
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for seq := range uint64(150) {
		must(t, hot.Apply(t.Context(), batch, place(1+seq), place(2+seq)))
		if seq%50 == 20 {
			_, err := hot.Cut(t.Context())
			must(t, err)
		}
	}
	close(stop)
	done.Wait()
}
