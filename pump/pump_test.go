package pump_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"footfall/event"
	"footfall/pump"
	"footfall/queue"
	"footfall/queue/queuetest"
)

// line is a reader that gives what was put into it and keeps what became of it.
type line struct {
	mu       sync.Mutex
	waiting  []queue.Delivery
	fail     []error // what Read answers first
	seq      uint64
	acked    []uint64
	held     map[uint64][]time.Time
	changed  chan struct{}
	mostRead int
}

func newLine() *line { return &line{held: map[uint64][]time.Time{}, changed: make(chan struct{}, 100)} }

func (l *line) put(attempts int, events ...event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	seq := l.seq
	note := func(do func()) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		do()
		return nil
	}
	l.waiting = append(l.waiting, queue.Delivery{
		Events: events, To: event.Position{Epoch: 1, Seq: seq}, Attempts: attempts,
		Ack:   func(context.Context) error { return note(func() { l.acked = append(l.acked, seq) }) },
		Nack:  func(context.Context, time.Duration) error { return nil },
		Begin: func(context.Context) error { return nil },
		Hold:  func(context.Context) error { return note(func() { l.held[seq] = append(l.held[seq], time.Now()) }) },
	})
	l.changed <- struct{}{}
}

func (l *line) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return queue.Delivery{}, err
		}
		l.mu.Lock()
		l.mostRead = max(l.mostRead, most)
		if len(l.fail) > 0 {
			err := l.fail[0]
			l.fail = l.fail[1:]
			l.mu.Unlock()
			return queue.Delivery{}, err
		}
		if len(l.waiting) > 0 {
			d := l.waiting[0]
			l.waiting = l.waiting[1:]
			l.mu.Unlock()
			return d, nil
		}
		l.mu.Unlock()
		select {
		case <-l.changed:
		case <-timer.C:
			return queue.Delivery{}, nil
		case <-ctx.Done():
		}
	}
}

type written struct {
	ids []string
	to  event.Position
	at  time.Duration // since the test began
}

// shelf is a sink that keeps what was written, and everything set aside.
type shelf struct {
	mu     sync.Mutex
	began  time.Time
	writes []written                                        // the successful ones
	tries  []time.Duration                                  // all
	judge  func(ctx context.Context, e []event.Event) error // nil: good
	aside  []queue.AsideItem
	refuse int // so many calls of setAside fail
}

func (s *shelf) Write(ctx context.Context, events []event.Event, to event.Position) error {
	s.mu.Lock()
	s.tries = append(s.tries, time.Since(s.began))
	s.mu.Unlock()
	if s.judge != nil {
		if err := s.judge(ctx, events); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, written{names(events), to, time.Since(s.began)})
	return nil
}

func (s *shelf) setAside(_ context.Context, items ...queue.AsideItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return errors.New("no room")
	}
	s.aside = append(s.aside, items...)
	return nil
}

func names(events []event.Event) []string {
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}

func (s *shelf) ids() (ids []string) {
	for _, w := range s.writes {
		ids = append(ids, w.ids...)
	}
	return ids
}

func (s *shelf) asideIDs() (ids []string) {
	for _, it := range s.aside {
		ids = append(ids, it.Event.ID)
	}
	return ids
}

// run pumps for a while of fake time, then stops and drains.
func run(t *testing.T, l *line, s *shelf, while time.Duration, o pump.Options) error {
	t.Helper()
	s.began = time.Now()
	o.Name, o.SetAside = "store", s.setAside
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	return pump.Run(ctx, l, s, o)
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestPassingFaultsAreRetriedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		l.put(1, queuetest.Events("a", 2)...)
		left, failed := 40, 0
		s.judge = func(context.Context, []event.Event) error {
			if left > 0 {
				left--
				return errors.New("disk full")
			}
			return nil
		}
		equal(t, "Run", run(t, l, s, time.Hour, pump.Options{Failed: func(error) { failed++ }}), nil)
		equal(t, "written", s.ids(), []string{"a-0", "a-1"})
		equal(t, "acknowledged", l.acked, []uint64{1})
		equal(t, "faults", failed, 40)
		var pauses []time.Duration
		for i := range s.tries[1:] {
			pauses = append(pauses, s.tries[i+1]-s.tries[i])
		}
		equal(t, "first pauses", pauses[:3], []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond})
		equal(t, "longest pause", slices.Max(pauses), 10*time.Second)
	})
}

func TestReaderFaultsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		l.fail = []error{errors.New("one"), errors.New("two")}
		l.put(1, queuetest.Events("a", 1)...)
		equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
		equal(t, "written", s.ids(), []string{"a-0"})
	})
}

func TestRejected(t *testing.T) {
	for _, c := range []struct {
		name   string
		index  []int // of six events
		aside  []string
		writes string
	}{
		{"one", []int{4}, []string{"a-4"}, "[[a-0 a-1 a-2 a-3 a-5]]"},
		{"unsorted and twice", []int{3, 1, 3, 1}, []string{"a-1", "a-3"}, "[[a-0 a-2 a-4 a-5]]"},
		{"all", []int{0, 1, 2, 3, 4, 5}, []string{"a-0", "a-1", "a-2", "a-3", "a-4", "a-5"}, "[[]]"},
		{"first and last", []int{0, 5}, []string{"a-0", "a-5"}, "[[a-1 a-2 a-3 a-4]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := newLine(), &shelf{refuse: 3}
				l.put(1, queuetest.Events("a", 2)...)
				l.waiting[0].Events = queuetest.Events("a", 6)
				s.judge = func(_ context.Context, e []event.Event) error {
					if len(e) == 6 {
						return fmt.Errorf("store: %w", &pump.RejectedError{Index: c.index, Err: errors.New("too odd")})
					}
					return nil
				}
				equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
				equal(t, "set aside", s.asideIDs(), c.aside)
				equal(t, "reason", s.aside[0].Reason+" for "+s.aside[0].Reader, "too odd for store")
				var writes [][]string
				for _, w := range s.writes {
					writes = append(writes, w.ids)
				}
				equal(t, "written", writes, c.writes)
				equal(t, "position", s.writes[len(s.writes)-1].to.Seq, 1)
				equal(t, "acknowledged", l.acked, []uint64{1})
			})
		})
	}
}

func TestRejectedWithoutIndexIsHalved(t *testing.T) {
	for _, wrong := range [][]int{nil, {99}, {-1}} { // an index outside the batch says no more than none
		for _, bad := range [][]string{{"a-3", "a-17"}, {"a-39"}, {"a-0"}, {"a-38", "a-39"}} {
			synctest.Test(t, func(t *testing.T) {
				l, s := newLine(), &shelf{}
				for i := range 4 {
					l.put(1, queuetest.Events("a", 40)[i*10:i*10+10]...)
				}
				s.judge = func(_ context.Context, events []event.Event) error {
					for _, e := range events {
						if slices.Contains(bad, e.ID) {
							return &pump.RejectedError{Index: wrong}
						}
					}
					return nil
				}
				equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
				equal(t, "set aside", s.asideIDs(), bad)
				want := slices.DeleteFunc(names(queuetest.Events("a", 40)), func(id string) bool { return slices.Contains(bad, id) })
				equal(t, "written", s.ids(), want)
				for i, w := range s.writes {
					if last := i == len(s.writes)-1; last != (w.to.Seq == 4) || !last && w.to != (event.Position{}) {
						t.Errorf("write %d of %d carries position %+v", i+1, len(s.writes), w.to)
					}
				}
				equal(t, "acknowledged", l.acked, []uint64{1, 2, 3, 4})
			})
		}
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		for i := range 50 {
			l.put(1, queuetest.Events(fmt.Sprint(i), 10)...)
		}
		s.judge = func(ctx context.Context, _ []event.Event) error {
			time.Sleep(100 * time.Millisecond)
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // already cancelled when it starts
		err := pump.Run(ctx, l, s, pump.Options{SetAside: s.setAside, Events: 30})
		equal(t, "Run", err, nil)
		equal(t, "events written", len(s.ids()), 500)
		equal(t, "acknowledged", len(l.acked), 50)
	})
}

func TestDrainCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		l.put(1, queuetest.Events("a", 1)...)
		s.judge = func(_ context.Context, e []event.Event) error {
			if e[0].ID == "a-0" {
				if len(s.tries) == 1 {
					l.put(1, queuetest.Events("b", 1)...)
				}
				return errors.New("down")
			}
			return nil
		}
		err := run(t, l, s, time.Minute, pump.Options{Drain: 5 * time.Second})
		if err == nil || time.Since(s.began) != 65*time.Second {
			t.Errorf("Run: %v after %v, want an error after 1m5s", err, time.Since(s.began))
		}
		// Nothing may be written past what could not be: the position would skip it.
		equal(t, "written", s.ids(), []string(nil))
		equal(t, "acknowledged", l.acked, []uint64(nil))
	})
}

func TestTooManyAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{refuse: 2}
		l.put(11, queuetest.Events("poison", 2)...)
		l.put(10, queuetest.Events("slow", 1)...)
		equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
		equal(t, "set aside", s.asideIDs(), []string{"poison-0", "poison-1"})
		equal(t, "reason", s.aside[0].Reason, "delivered 10 times without success")
		equal(t, "written", s.ids(), []string{"slow-0"})
		equal(t, "acknowledged", l.acked, []uint64{1, 2})
	})
}

// What is given up moves the sink's position: nobody waits for it for ever.
func TestGivenUpMovesThePosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		l.put(11, queuetest.Events("poison", 2)...)
		equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
		equal(t, "set aside", s.asideIDs(), []string{"poison-0", "poison-1"})
		equal(t, "writes", len(s.writes), 1)
		equal(t, "events written", len(s.writes[0].ids), 0)
		equal(t, "position", s.writes[0].to.Seq, uint64(1))
	})
}

func TestBatches(t *testing.T) {
	size := queuetest.Events("0", 1)[0].Size()
	for _, c := range []struct {
		name  string
		o     pump.Options
		every time.Duration // between deliveries of 5 events
		sizes []int
		first time.Duration // of the first write
	}{
		{"by events", pump.Options{Events: 20, Age: time.Hour}, 0, []int{20, 20, 10}, 0},
		{"by bytes", pump.Options{Bytes: 8 * size, Age: time.Hour}, 0, []int{10, 10, 10, 10, 10}, 0},
		{"by age", pump.Options{Age: 200 * time.Millisecond}, 90 * time.Millisecond, []int{15, 15, 15, 5}, 290 * time.Millisecond},
		{"by a long age", pump.Options{Age: 20 * time.Second}, time.Second, []int{50}, 21 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := newLine(), &shelf{}
				go func() {
					for i := range 10 {
						time.Sleep(c.every)
						l.put(1, queuetest.Events(fmt.Sprint(i), 5)...)
					}
				}()
				equal(t, "Run", run(t, l, s, time.Minute, c.o), nil)
				var sizes []int
				for _, w := range s.writes {
					sizes = append(sizes, len(w.ids))
				}
				equal(t, "sizes", sizes, c.sizes)
				equal(t, "first write", s.writes[0].at, c.first)
				if l.mostRead > 2000 {
					t.Errorf("asked for %d events at once", l.mostRead)
				}
			})
		})
	}
}

func TestHeldWhileGatheringAndWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		l.put(1, queuetest.Events("a", 1)...)
		s.judge = func(context.Context, []event.Event) error {
			time.Sleep(61 * time.Second)
			return nil
		}
		equal(t, "Run", run(t, l, s, 3*time.Minute, pump.Options{Age: time.Minute}), nil)
		equal(t, "acknowledged", l.acked, []uint64{1})
		before := s.began
		for _, at := range l.held[1] {
			if at.Sub(before) > 6*time.Second {
				t.Errorf("not held for %v", at.Sub(before))
			}
			before = at
		}
		if n := len(l.held[1]); n < 24 || n > 26 {
			t.Errorf("held %d times in two minutes", n)
		}
	})
}

// With a real log: everything arrives once and in order, around a restart.
func TestWithQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queuetest.OpenMemory(t.TempDir(), time.Minute)
		s := &shelf{}
		var at event.Position
		for part := range 3 {
			if err := q.Publish(t.Context(), queuetest.Events(fmt.Sprint(part), 7)...); err != nil {
				t.Fatal(err)
			}
			r, err := q.Reader(t.Context(), "store", &at)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			equal(t, "Run", pump.Run(ctx, r, s, pump.Options{SetAside: s.setAside}), nil)
			cancel()
			at = s.writes[len(s.writes)-1].to
		}
		equal(t, "events", len(s.ids()), 21)
		equal(t, "position", at, event.Position{Epoch: 1, Seq: 3, Total: 21})
	})
}

// A delivery that was tried before ends its batch, so that nothing behind it
// fails with it; one that came back too often takes nothing else with it.
func TestTriedBeforeEndsTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		for i, attempts := range []int{11, 1, 2, 1, 1} {
			l.put(attempts, queuetest.Events(fmt.Sprint(i), 1)...)
		}
		equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
		var batches [][]string
		for _, w := range s.writes {
			batches = append(batches, w.ids)
		}
		equal(t, "batches", batches, [][]string{{}, {"1-0", "2-0"}, {"3-0", "4-0"}})
		equal(t, "set aside", s.asideIDs(), []string{"0-0"})
	})
}

// What was tried together before and is divided is tried together again, part by part.
func TestPartIsOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLine(), &shelf{}
		for i, more := range []bool{true, true, false, true, false} {
			l.put(2, queuetest.Events(fmt.Sprint(i), 1)...)
			l.waiting[i].More = more
		}
		equal(t, "Run", run(t, l, s, time.Minute, pump.Options{}), nil)
		var batches [][]string
		for _, w := range s.writes {
			batches = append(batches, w.ids)
		}
		equal(t, "batches", batches, [][]string{{"0-0", "1-0", "2-0"}, {"3-0", "4-0"}})
	})
}

// shut is a reader that is turned off when it has read once: from then on it has nothing,
// and does not wait for more either, whatever its context says.
type shut struct {
	*line
	stop  func()
	reads int
}

func (r *shut) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	if r.reads++; r.reads > 1 {
		time.Sleep(time.Millisecond) // else fake time would not go on
		return queue.Delivery{}, nil
	}
	defer r.stop()
	return r.line.Read(ctx, most, wait)
}

// TestStoppedWhileReading: a pump that is stopped while it reads writes what it has got at
// once. It does not look for more until that is of age, which may take longer than it may
// drain; nor does it when it is draining.
func TestStoppedWhileReading(t *testing.T) {
	for _, draining := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, s := newLine(), &shelf{began: time.Now()}
			l.put(1, queuetest.Events("a", 2)...)
			ctx, stop := context.WithCancel(t.Context())
			if draining {
				stop()
			}
			r := &shut{line: l, stop: stop}
			equal(t, "Run", pump.Run(ctx, r, s, pump.Options{Age: 5 * time.Minute, SetAside: s.setAside}), nil)
			equal(t, "written", s.ids(), []string{"a-0", "a-1"})
			if r.reads > 3 {
				t.Errorf("draining %v: it read %d times in %v", draining, r.reads, time.Since(s.began))
			}
		})
	}
}
