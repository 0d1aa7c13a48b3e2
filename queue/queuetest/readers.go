package queuetest

import (
	"fmt"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
)

func orderedResumes(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 30)
	for i := 0; i < 30; i += 3 {
		publish(t, q, want[i:i+3]...)
	}
	r := reader(t, q, "r", beginning)
	first, d := take(t, r, 12, true)
	same(t, "first", first, want[:12])
	if d.To.Total != 12 || d.To.Epoch == 0 || d.Attempts != 1 {
		t.Errorf("after 12 events the position is %+v, attempt %d", d.To, d.Attempts)
	}
	rest, end := take(t, r, 18, false)
	same(t, "rest", rest, want[12:])
	if end.To.Total != 30 || !d.To.Less(end.To) {
		t.Errorf("after all 30 the position is %+v", end.To)
	}
	// The sink's position outranks what was acknowledged, both ways.
	got, _ := take(t, reader(t, q, "r", &d.To), 18, true)
	same(t, "from the sink's position", got, want[12:])
	got, _ = take(t, reader(t, q, "r", beginning), 30, true)
	same(t, "replayed", got, want)
	r = reader(t, q, "r", &end.To)
	none(t, r, 100*time.Millisecond)
	publish(t, q, Events("new", 1)...)
	got, _ = take(t, r, 1, true)
	same(t, "behind the end", got, Events("new", 1))
}

func orderedNack(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 6)
	publish(t, q, want[:3]...)
	publish(t, q, want[3:]...)
	r := reader(t, q, "r", beginning)
	take(t, r, 3, true)
	for attempt := 1; attempt <= 3; attempt++ {
		got, d := take(t, r, 3, false)
		same(t, fmt.Sprint("attempt ", attempt), got, want[3:])
		if d.Attempts != attempt {
			t.Errorf("attempt %d says it is %d", attempt, d.Attempts)
		}
		check(t, d.Hold(t.Context()))
		began := time.Now()
		check(t, d.Nack(t.Context(), 100*time.Millisecond))
		if attempt == 3 {
			got, _ := take(t, r, 3, true)
			same(t, "after nacks", got, want[3:])
		}
		if attempt == 3 && time.Since(began) < 100*time.Millisecond {
			t.Errorf("delivered again after %v", time.Since(began))
		}
	}
	// What failed comes alone, and what comes after it has not been tried.
	publish(t, q, want[0])
	publish(t, q, want[1])
	publish(t, q, want[2])
	_, d := take(t, r, 1, false)
	check(t, d.Nack(t.Context(), 0))
	first, err := r.Read(t.Context(), 100, soon)
	check(t, err)
	check(t, first.Begin(t.Context()))
	second, err := r.Read(t.Context(), 100, soon)
	check(t, err)
	if first.Attempts != 2 || len(first.Events) != 1 || second.Attempts != 1 || len(second.Events) == 0 {
		t.Errorf("after a nack: attempt %d of %d events, then attempt %d of %d", first.Attempts, len(first.Events), second.Attempts, len(second.Events))
	}
	check(t, second.Ack(t.Context()))
}

func independent(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 5)
	publish(t, q, want...)
	_, d := take(t, reader(t, q, "one", beginning), 5, false)
	take(t, reader(t, q, "two", nil), 5, true)
	got, _ := take(t, reader(t, q, "three", nil), 5, true)
	same(t, "three", got, want)
	check(t, d.Ack(t.Context()))
	got, _ = take(t, reader(t, q, "four", beginning), 5, true)
	same(t, "four", got, want)
}

func longPoll(t *testing.T, open func() queue.Queue) {
	q := open()
	for name, from := range map[string]*event.Position{"ordered": beginning, "shared": nil} {
		s, err := q.State(t.Context())
		check(t, err)
		if from != nil {
			from = &s.Last
		}
		r := reader(t, q, name, from)
		if from == nil && s.Accepted > 0 {
			take(t, r, int(s.Accepted), true)
		}
		began := time.Now()
		none(t, r, 150*time.Millisecond)
		if waited := time.Since(began); waited < 100*time.Millisecond || waited > soon/2 {
			t.Errorf("%s: waited %v for nothing, want 150ms", name, waited)
		}
		want, published := Events(name, 1), make(chan error, 1)
		time.AfterFunc(100*time.Millisecond, func() { published <- q.Publish(t.Context(), want...) })
		began = time.Now()
		d, err := r.Read(t.Context(), 10, soon)
		check(t, err)
		same(t, name, d.Events, want)
		if waited := time.Since(began); waited > soon/2 {
			t.Errorf("%s: what came after 100ms was delivered after %v", name, waited)
		}
		check(t, d.Ack(t.Context()))
		check(t, <-published) // a reader may be quicker than the publisher's answer
	}
}

func limits(t *testing.T, open func() queue.Queue) {
	q := open()
	for i := range 10 {
		publish(t, q, Events(fmt.Sprint(i), 4)...)
	}
	for name, from := range map[string]*event.Position{"ordered": beginning, "shared": nil} {
		r := reader(t, q, name, from)
		for n := 0; n < 40; {
			d, err := r.Read(t.Context(), 10, soon)
			check(t, err)
			if len(d.Events) == 0 || len(d.Events) > 12 || len(d.Events)%4 != 0 {
				t.Fatalf("%s: %d events for a limit of 10 in messages of 4", name, len(d.Events))
			}
			n += len(d.Events)
			check(t, d.Ack(t.Context()))
		}
		none(t, r, 0)
	}
	r := reader(t, q, "big", beginning)
	take(t, r, 40, true)
	big := Events("big", 50)
	publish(t, q, big...)
	got, _ := take(t, r, 1, true)
	same(t, "a message above the limit", got, big)
}

func sharedShares(t *testing.T, open func() queue.Queue) {
	q := open()
	for i := range 10 {
		publish(t, q, Events(fmt.Sprint(i), 1)...)
	}
	one, two := reader(t, q, "r", nil), reader(t, q, "r", nil)
	a, _ := take(t, one, 4, true)
	b, _ := take(t, two, 6, true)
	once(t, "two of one name", append(a, b...), 10)
	none(t, one, 50*time.Millisecond)
}

func sharedVisibility(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 4)
	publish(t, q, want[:2]...)
	publish(t, q, want[2:]...)
	r := reader(t, q, "r", nil)
	began := time.Now()
	first, err := r.Read(t.Context(), 2, soon)
	check(t, err)
	second, err := r.Read(t.Context(), 2, soon)
	check(t, err)
	if first.Attempts != 1 || second.Attempts != 1 {
		t.Errorf("attempts %d and %d, want 1", first.Attempts, second.Attempts)
	}
	// The second is held for twice the time-out, the first is not.
	held := make(chan struct{})
	go func() {
		defer close(held)
		for range 8 {
			time.Sleep(Visibility / 4)
			if err := second.Hold(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}()
	none(t, r, Visibility/3)
	got, d := take(t, r, 2, true)
	same(t, "timed out", got, want[:2])
	if waited := time.Since(began); d.Attempts != 2 || waited > 3*Visibility {
		t.Errorf("a delivery that timed out came after %v as attempt %d, want %v and 2", waited, d.Attempts, Visibility)
	}
	none(t, r, Visibility/2)
	<-held
	check(t, second.Ack(t.Context()))
	none(t, r, Visibility*3/2)
}

func sharedNack(t *testing.T, open func() queue.Queue) {
	q := open()
	want := Events("a", 2)
	publish(t, q, want...)
	r := reader(t, q, "r", nil)
	_, d := take(t, r, 2, false)
	began := time.Now()
	const delay = 3 * Visibility
	check(t, d.Nack(t.Context(), delay))
	none(t, r, Visibility*3/2)
	got, d := take(t, r, 2, false)
	same(t, "nacked", got, want)
	if waited := time.Since(began); waited < delay*9/10 || d.Attempts != 2 {
		t.Errorf("delivered again after %v as attempt %d, want %v and 2", waited, d.Attempts, delay)
	}
	check(t, d.Nack(t.Context(), 0))
	if got, d = take(t, r, 2, true); d.Attempts != 3 {
		t.Errorf("nacked twice it is attempt %d", d.Attempts)
	}
	same(t, "nacked twice", got, want)
	none(t, r, Visibility*3/2)
}
