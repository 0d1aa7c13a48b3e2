package bins_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/period"
)

// visitorsOf is a site with so many sessions in each of some days.
type visitorsOf struct {
	roller *bins.Roller
	mu     sync.Mutex
	stored []event.Event
	walks  int
	fails  error
	during func(ctx context.Context) error // while it is walked
}

type reader struct {
	shelf
	of *visitorsOf
}

func (s reader) Walk(ctx context.Context, _ string, from, to time.Time, _ bool, fn func(*event.Event) error) error {
	s.of.mu.Lock()
	s.of.walks++
	during := s.of.during
	s.of.mu.Unlock()
	if during != nil {
		if err := during(ctx); err != nil {
			return err
		}
	}
	return walk(s.events)(from, to, fn)
}

var mayFirst = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

func visits(t testing.TB, days, each int) *visitorsOf {
	v := &visitorsOf{}
	for day := range days {
		for n := range each {
			v.stored = append(v.stored, event.Event{Site: "s", Kind: event.Page, Visitor: uint64(n + 1), Time: mayFirst.AddDate(0, 0, day).Add(12 * time.Hour)})
		}
	}
	v.roller = bins.NewRoller(binstest.NewDurableModel(), nil, func(context.Context) (bins.Snapshot, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		return reader{shelf{v.stored[:len(v.stored):len(v.stored)]}, v}, v.fails
	}, func() []bins.Site { return []bins.Site{{ID: "s", Zone: time.UTC}} }, bins.Options{Now: func() time.Time { return mayFirst.AddDate(0, 1, 0) }})
	if err := v.roller.Open(t.Context(), event.Position{}); err != nil {
		t.Fatal(err)
	}
	return v
}

// sessions asks for those of a day.
func (v *visitorsOf) sessions(ctx context.Context, day int) (n int64, err error) {
	w := period.Window{From: mayFirst.AddDate(0, 0, day), To: mayFirst.AddDate(0, 0, day+1)}
	err = v.roller.Sessions().Read(ctx, bins.HotRange{Site: "s", Window: w}, func(_ string, _ time.Time, b *bins.Bin) error {
		n = b.Counts[1]
		return nil
	})
	return n, err
}

func TestSessionsRoom(t *testing.T) {
	for _, x := range []struct {
		each, room, walks int
		lost              bool
	}{
		{2000, 64 << 20, 3, false},
		{2000, 600_000, 4, false}, // for two: that of which nobody asked for longest goes
		{2000, 20_000, 3, true},   // for none: nobody tries again and again
		{500, 20_000, 3, true},
	} {
		v := visits(t, 3, x.each)
		v.roller.Sessions().Room(x.room)
		for _, day := range []int{0, 1, 0, 2, 0, 1} {
			if n, err := v.sessions(t.Context(), day); errors.Is(err, bins.ErrLost) != x.lost || !x.lost && (err != nil || int(n) != x.each) {
				t.Errorf("room %d: %d, %v", x.room, n, err)
			}
		}
		if v.walks != x.walks {
			t.Errorf("room %d: read %d times, want %d", x.room, v.walks, x.walks)
		}
	}
}

// TestSessionsRest: what nobody asks for is forgotten, some rolls later.
func TestSessionsRest(t *testing.T) {
	v := visits(t, 1, 3)
	for rolls, want := range []int{1, 0, 0, 0, 0, 1} { // read so often behind so many rolls
		for range rolls {
			if _, err := v.roller.Roll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before := v.walks
		for range 2 {
			if n, err := v.sessions(t.Context(), 0); err != nil || n != 3 {
				t.Fatal(n, err)
			}
		}
		if v.walks-before != want {
			t.Errorf("behind %d rolls they are read %d times, want %d", rolls, v.walks-before, want)
		}
	}
}

// TestSessionsFail: what can't be read is to be counted from the events, and is tried again.
func TestSessionsFail(t *testing.T) {
	v := visits(t, 1, 3)
	v.fails = errBroken
	if _, err := v.sessions(t.Context(), 0); !errors.Is(err, bins.ErrLost) {
		t.Errorf("no snapshot: %v", err)
	}
	v.fails, v.during = nil, func(context.Context) error { return errBroken }
	if _, err := v.sessions(t.Context(), 0); !errors.Is(err, bins.ErrLost) {
		t.Errorf("a walk that fails: %v", err)
	}
	v.during = nil
	if n, err := v.sessions(t.Context(), 0); err != nil || n != 3 {
		t.Errorf("then: %d, %v", n, err)
	}
	w := period.Window{From: mayFirst, To: mayFirst.AddDate(0, 1, 0)}
	if err := v.roller.Sessions().Read(t.Context(), bins.HotRange{Site: "s", Window: w}, nil); !errors.Is(err, bins.ErrLost) {
		t.Errorf("of a month: %v", err)
	}
}

// TestSessionsLong: the text of values takes room, too.
func TestSessionsLong(t *testing.T) {
	v := visits(t, 1, 20)
	for i := range v.stored {
		v.stored[i].Path = "/" + strings.Repeat(fmt.Sprint(i%10), 2000)
	}
	v.roller.Sessions().Room(30_000) // the most one may take is the half of it
	if n, err := v.sessions(t.Context(), 0); !errors.Is(err, bins.ErrLost) {
		t.Errorf("20,000 bytes of paths are kept where there is room for 15,000: %d, %v", n, err)
	}
}

// TestSessionsPanic: who waits for sessions goes on if who reads them for all panics.
func TestSessionsPanic(t *testing.T) {
	v := visits(t, 1, 3)
	began, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	v.during = func(context.Context) error {
		first.Do(func() {
			close(began)
			<-goOn
			panic("as a fault would")
		})
		return nil
	}
	var asking sync.WaitGroup
	asking.Go(func() {
		defer func() {
			if recover() == nil {
				t.Error("nobody is told of the panic")
			}
		}()
		_, _ = v.sessions(t.Context(), 0)
	})
	<-began
	asking.Go(func() {
		if n, err := v.sessions(t.Context(), 0); !errors.Is(err, bins.ErrLost) && (err != nil || n != 3) {
			t.Errorf("who waited: %d, %v", n, err)
		}
	})
	close(goOn)
	asking.Wait()
	if n, err := v.sessions(t.Context(), 0); err != nil || n != 3 {
		t.Errorf("then: %d, %v", n, err)
	}
}

// TestSessionsAtOnce: many ask while events come: they are read once. Who makes them for all
// may leave; another does it then.
func TestSessionsAtOnce(t *testing.T) {
	v := visits(t, 1, 3)
	began := make(chan struct{})
	var first sync.Once
	v.during = func(ctx context.Context) (err error) {
		first.Do(func() {
			close(began)
			<-ctx.Done()
			err = ctx.Err()
		})
		return err
	}
	leaves, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	ask := func(ctx context.Context, wanted error) {
		asking.Go(func() {
			if n, err := v.sessions(ctx, 0); !errors.Is(err, wanted) || wanted == nil && n < 3 {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	ask(leaves, context.Canceled)
	<-began
	for range 8 {
		ask(t.Context(), nil)
	}
	leave()
	for n := range 200 {
		e := event.Event{ID: fmt.Sprint(n), Site: "s", Kind: event.Page, Visitor: uint64(100 + n), Time: mayFirst.Add(time.Duration(n) * time.Minute)}
		err := v.roller.Write(t.Context(), []event.Event{e}, event.Position{Epoch: 1, Seq: uint64(n + 1)}, func() ([]event.Event, error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.stored = append(v.stored, e)
			return []event.Event{e}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ask(t.Context(), nil)
	}
	asking.Wait()
	if n, err := v.sessions(t.Context(), 0); err != nil || n != 203 || v.walks != 2 {
		t.Errorf("%d sessions, %v, read %d times", n, err, v.walks)
	}
}

// TestSessionsWaiting: what comes while a date is read takes as much room as it may, and
// then the date is counted from its events; the next roll makes it try again.
func TestSessionsWaiting(t *testing.T) {
	for come, lost := range map[int]bool{100: false, 1500: true} {
		v := visits(t, 1, 3)
		v.roller.Sessions().Room(1 << 20) // of which half is for some 1000 views
		var once sync.Once
		v.during = func(ctx context.Context) (err error) {
			once.Do(func() {
				for n := range come {
					e := event.Event{Site: "s", Kind: event.Page, Visitor: uint64(100 + n), Time: mayFirst.Add(13 * time.Hour)}
					err = errors.Join(err, v.roller.Write(ctx, []event.Event{e}, event.Position{Epoch: 1, Seq: uint64(n + 1)}, func() ([]event.Event, error) {
						v.mu.Lock()
						defer v.mu.Unlock()
						v.stored = append(v.stored, e)
						return []event.Event{e}, nil
					}))
				}
			})
			return err
		}
		n, err := v.sessions(t.Context(), 0)
		if errors.Is(err, bins.ErrLost) != lost || !lost && (err != nil || int(n) != 3+come) {
			t.Errorf("%d events: %d, %v", come, n, err)
		}
		if left := v.roller.Sessions().Waiting(); left != 0 {
			t.Errorf("%d events: %d bytes still wait", come, left)
		}
		walks := v.walks
		if _, err := v.sessions(t.Context(), 0); errors.Is(err, bins.ErrLost) != lost || v.walks != walks {
			t.Errorf("%d events: they are read again, or %v", come, err)
		}
		if _, err := v.roller.Roll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := v.sessions(t.Context(), 0); err != nil || int(n) != 3+come {
			t.Errorf("%d events, behind a roll: %d, %v", come, n, err)
		}
	}
}
