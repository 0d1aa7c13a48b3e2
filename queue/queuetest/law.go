// Package queuetest is the law of queues: what every adapter must do, and a
// queue in memory as the model it is held against.
package queuetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
)

// Visibility is the time-out the law expects of shared readers.
const Visibility = 600 * time.Millisecond

// soon is how long the law waits for what must come.
const soon = 10 * time.Second

// Law runs the whole law. Open opens the queue in dir, with Visibility as its
// visibility time-out; it is called again on the same dir as after a restart.
func Law(t *testing.T, open func(t *testing.T, dir string) queue.Queue) {
	for _, law := range []struct {
		name string
		keep func(*testing.T, func() queue.Queue)
	}{
		{"ordered readers resume behind a position", orderedResumes},
		{"ordered readers get a nacked delivery again", orderedNack},
		{"readers do not disturb each other", independent},
		{"reading long-polls", longPoll},
		{"a delivery ends at a message near the limit", limits},
		{"shared readers share", sharedShares},
		{"shared deliveries time out and can be held", sharedVisibility},
		{"shared deliveries can be nacked", sharedNack},
		{"a cancelled context", cancelled},
		{"a restart keeps everything", restart},
		{"set aside", aside},
		{"set aside once", asideOnce},
		{"redriven to its reader only", redrive},
		{"state adds up", state},
		{"64 publishers", publishers},
		{"closed", closed},
	} {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			law.keep(t, func() queue.Queue {
				q := open(t, dir)
				t.Cleanup(func() { q.Close() })
				return q
			})
		})
	}
}

// Events makes n events with the ids from-0, from-1, …
func Events(from string, n int) []event.Event {
	at := time.Date(2026, 3, 29, 0, 59, 59, 999e6, time.UTC)
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{ID: fmt.Sprintf("%s-%d", from, i), Site: "shop", Kind: event.Page, Time: at, Original: at, Received: at,
			Host: "shop.example", Path: "/ü/" + from, Title: "Überall", Visitor: 1<<63 + uint64(i), Properties: `{"n":1}`}
	}
	return events
}

func ids(events []event.Event) []string {
	out := make([]string, len(events))
	for i := range events {
		out[i] = events[i].ID
	}
	return out
}

func publish(t *testing.T, q queue.Queue, events ...event.Event) {
	t.Helper()
	if err := q.Publish(t.Context(), events...); err != nil {
		t.Fatalf("Publish: %v", err)
	}
}

func reader(t *testing.T, q queue.Queue, name string, from *event.Position) queue.Reader {
	t.Helper()
	r, err := q.Reader(t.Context(), name, from)
	if err != nil {
		t.Fatalf("Reader %s: %v", name, err)
	}
	return r
}

// take reads until it has n events, acknowledging if told to.
func take(t *testing.T, r queue.Reader, n int, ack bool) (events []event.Event, last queue.Delivery) {
	t.Helper()
	for deadline := time.Now().Add(soon); len(events) < n; {
		d, err := r.Read(t.Context(), n-len(events), 200*time.Millisecond)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if d.To == (event.Position{}) {
			if time.Now().After(deadline) {
				t.Fatalf("only %d of %d events came within %v", len(events), n, soon)
			}
			continue
		}
		if ack {
			check(t, d.Ack(t.Context()))
		}
		events, last = append(events, d.Events...), d
	}
	return events, last
}

// none asserts that nothing comes within wait.
func none(t *testing.T, r queue.Reader, wait time.Duration) {
	t.Helper()
	d, err := r.Read(t.Context(), 100, wait)
	if err != nil || d.To != (event.Position{}) || len(d.Events) > 0 {
		t.Fatalf("Read: %v to %v, %v; want nothing", ids(d.Events), d.To, err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want []event.Event) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, ids(got), ids(want))
	}
}

var beginning = &event.Position{}

func cancelled(t *testing.T, open func() queue.Queue) {
	q := open()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	lost := Events("cancelled", 1)
	if err := q.Publish(gone, lost...); err == nil {
		t.Error("Publish under a cancelled context returned nil")
	}
	if err := q.Aside().Put(gone, queue.AsideItem{Reader: "collect", Reason: "x"}); err == nil {
		t.Error("Put under a cancelled context returned nil")
	}
	want := Events("kept", 3)
	publish(t, q, want...)
	for name, from := range map[string]*event.Position{"ordered": beginning, "shared": nil} {
		r := reader(t, q, name, from)
		if _, err := r.Read(gone, 10, soon); err == nil {
			t.Errorf("%s: Read under a cancelled context returned no error", name)
		}
		got, _ := take(t, r, len(want), true)
		same(t, name+" after a cancelled Read", got, want)
		short, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		began := time.Now()
		if _, err := r.Read(short, 10, soon); err == nil || time.Since(began) > soon/2 {
			t.Errorf("%s: Read cancelled while waiting: %v after %v; want an error at once", name, err, time.Since(began))
		}
		publish(t, q, want[0])
		got, _ = take(t, r, 1, true)
		same(t, name+" after a Read cancelled while waiting", got, want[:1])
		publish(t, q) // nothing is nothing
		none(t, r, 50*time.Millisecond)
		want = append(want, want[0])
	}
}

func restart(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 20)
	publish(t, q, want[:10]...)
	ordered, shared := reader(t, q, "ordered", beginning), reader(t, q, "shared", nil)
	_, d := take(t, ordered, 10, true)
	take(t, shared, 10, true)
	check(t, q.Aside().Put(t.Context(), queue.AsideItem{Reader: "ordered", Reason: "no", Event: &want[0]}))
	publish(t, q, want[10:]...)
	before, err := q.State(t.Context())
	check(t, err)
	check(t, q.Close())

	q = open()
	after, err := q.State(t.Context())
	check(t, err)
	if after.Accepted != 20 || after.Last != before.Last || after.Aside["ordered"] != 1 || after.Readers["ordered"].Waiting != 10 {
		t.Errorf("state after a restart: %+v, before: %+v", after, before)
	}
	got, _ := take(t, reader(t, q, "ordered", &d.To), 10, true)
	same(t, "ordered reader after a restart", got, want[10:])
	got, _ = take(t, reader(t, q, "shared", nil), 10, true)
	same(t, "shared reader after a restart", got, want[10:])
	got, _ = take(t, reader(t, q, "late", beginning), 20, true)
	same(t, "a new reader after a restart", got, want)
	publish(t, q, Events("b", 1)...)
	if s, err := q.State(t.Context()); err != nil || s.Accepted != 21 || !before.Last.Less(s.Last) {
		t.Errorf("state after a restart and one more: %+v, %v", s, err)
	}
}

func state(t *testing.T, open func() queue.Queue) {
	q := open()
	began := time.Now()
	if s, err := q.State(t.Context()); err != nil || s.Accepted != 0 || !s.Oldest.IsZero() || s.Last.Total != 0 {
		t.Fatalf("state of an empty queue: %+v, %v", s, err)
	}
	ordered, shared := reader(t, q, "ordered", beginning), reader(t, q, "shared", nil)
	for i := range 10 {
		publish(t, q, Events(fmt.Sprint(i), 7)...)
	}
	reader(t, q, "idle", beginning)
	take(t, ordered, 70, true)
	_, d := take(t, shared, 21, true)
	take(t, shared, 7, false)
	s, err := q.State(t.Context())
	check(t, err)
	if s.Accepted != 70 || s.Last.Total != 70 || s.Oldest.Before(began.Add(-time.Second)) || s.Oldest.After(time.Now()) {
		t.Errorf("state: %+v", s)
	}
	for name, waiting := range map[string]uint64{"ordered": 0, "shared": 49, "idle": 70} {
		l := s.Readers[name]
		if l.Waiting != waiting || l.At.Total != 70-waiting || l.Since.IsZero() != (waiting == 0) || l.Since.After(time.Now()) {
			t.Errorf("state of reader %s: %+v, want %d waiting", name, l, waiting)
		}
	}
	if s.Readers["shared"].At != d.To || s.Readers["ordered"].At != s.Last {
		t.Errorf("positions: %+v; shared acknowledged to %v", s, d.To)
	}
}

func publishers(t *testing.T, open func() queue.Queue) {
	const callers, each = 64, 40
	q := open()
	shared := reader(t, q, "shared", nil)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for _, e := range Events(fmt.Sprint(c), each) {
				if err := q.Publish(t.Context(), e); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	ordered, _ := take(t, reader(t, q, "ordered", beginning), callers*each, true)
	all.Wait()
	once(t, "ordered", ordered, callers*each)
	next := make([]int, callers) // one caller's events come in its order
	for _, e := range ordered {
		var c, i int
		fmt.Sscanf(e.ID, "%d-%d", &c, &i)
		if i != next[c] {
			t.Fatalf("caller %d: event %d came when %d was due", c, i, next[c])
		}
		next[c]++
	}
	got, _ := take(t, shared, callers*each, true)
	once(t, "shared", got, callers*each)
	s, err := q.State(t.Context())
	check(t, err)
	if s.Accepted != callers*each || s.Last.Seq > callers*each {
		t.Errorf("state: %+v", s)
	}
}

func once(t *testing.T, what string, events []event.Event, n int) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range events {
		if seen[e.ID]++; seen[e.ID] > 1 {
			t.Errorf("%s: %s came %d times", what, e.ID, seen[e.ID])
		}
	}
	if len(seen) != n {
		t.Errorf("%s: %d different events, want %d", what, len(seen), n)
	}
}

func closed(t *testing.T, open func() queue.Queue) {
	q := open()
	check(t, q.Close())
	check(t, q.Close())
	if err := q.Publish(t.Context(), Events("late", 1)...); err == nil {
		t.Error("Publish on a closed queue returned nil")
	}
}
