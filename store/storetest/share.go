package storetest

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/store"
)

// Share hands stretches to one taker.
func (m *Model) Share(ctx context.Context, site string, w period.Window, rows int64, begin func() store.Taker) error {
	taker, n := begin(), int64(0)
	end := func() error {
		if n == 0 {
			return nil
		}
		n = 0
		if err := taker.Settle(); err != nil {
			return err
		}
		return taker.Put()
	}
	err := m.Scan(ctx, site, w, func(e *event.Event) error {
		err := taker.Add(e)
		if n++; err == nil && n == rows {
			err = end()
		}
		return err
	})
	if err != nil {
		return err
	}
	return end()
}

// gatherer is a taker that keeps events, for a list that several share.
type gatherer struct {
	t       *testing.T
	all     *[]event.Event
	putting *atomic.Int32 // by how many
	lent    []event.Event // their texts are the store's
	own     []event.Event
	taking  atomic.Bool
	fails   func(when string, n int) error
}

func (g *gatherer) Add(e *event.Event) error {
	if g.taking.Swap(true) {
		g.t.Error("a taker is handed two events at a time")
	}
	defer g.taking.Store(false)
	g.lent = append(g.lent, *e)
	return g.fail("add", len(g.own)+len(g.lent))
}

func (g *gatherer) Settle() error {
	for i := range g.lent {
		g.own = append(g.own, g.lent[i].Clone())
	}
	g.lent = nil
	return g.fail("settle", len(g.own))
}

func (g *gatherer) Put() error {
	if len(g.lent) > 0 || len(g.own) == 0 {
		g.t.Errorf("a stretch of %d events is put while %d are not settled", len(g.own), len(g.lent))
	}
	if g.putting.Add(1) != 1 {
		g.t.Error("two put at a time")
	}
	*g.all = append(*g.all, g.own...)
	g.own = nil
	g.putting.Add(-1)
	return g.fail("put", len(*g.all))
}

func (g *gatherer) fail(when string, n int) error {
	if g.fails == nil {
		return nil
	}
	return g.fails(when, n)
}

// Shared is what takers put of a site's events in a window.
func Shared(t *testing.T, s store.Sharer, site string, w period.Window, rows int64) []event.Event {
	t.Helper()
	all, err := shared(t.Context(), t, s, site, w, rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func shared(ctx context.Context, t *testing.T, s store.Sharer, site string, w period.Window, rows int64, fails func(when string, n int) error) (all []event.Event, err error) {
	var putting atomic.Int32
	err = s.Share(ctx, site, w, rows, func() store.Taker { return &gatherer{t: t, all: &all, putting: &putting, fails: fails} })
	return all, err
}

// share: what takers put is what Scan hands over, and the first error ends it.
func share(t *testing.T, open Open) {
	st := open(t, t.TempDir(), fixed)
	defer shut(t, st)
	s := st.(store.Sharer)
	var events []event.Event
	for i := range 500 {
		e := plain(event.FormatID(uint64(i+1)), start.Add(time.Duration(i%97)*7*time.Minute))
		e.Site = []string{"a", "b", "a"}[i%3]
		e.Title = e.ID + " is a text too long to lie within a vector"
		events = append(events, e)
	}
	write(t, st, pos(1), events...)
	for _, w := range []period.Window{{}, {From: start.Add(time.Hour), To: start.Add(5 * time.Hour)}, {From: start.Add(-2), To: start.Add(-1)}} {
		for _, site := range []string{"", "a", "c"} {
			for _, rows := range []int64{1, 10, 100, 1e6} {
				if got, want := Shared(t, s, site, w, rows), All(t, st, site, w); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
					t.Errorf("%q %v, %d at a time: %d events, want %d", site, w, rows, len(got), len(want))
				}
			}
		}
	}
	enough := errors.New("enough")
	whole := All(t, st, "", period.Window{})
	for _, when := range []string{"add", "settle", "put"} {
		got, err := shared(t.Context(), t, s, "", period.Window{}, 20, func(at string, n int) error {
			if at == when && n > 3 {
				return enough
			}
			return nil
		})
		if err != enough || len(got) > 100 || len(got) > 0 && !reflect.DeepEqual(got, whole[:len(got)]) {
			t.Errorf("an error of %s: %d events, %v", when, len(got), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := shared(ctx, t, s, "", period.Window{}, 20, func(at string, n int) error {
		if at == "put" {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := shared(ctx, t, s, "", period.Window{}, 20, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}
