package nats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
)

// part is what a pump would write together: a delivery, and those that belong to it.
func part(t *testing.T, r queue.Reader, most int) (ids []string, last queue.Delivery) {
	t.Helper()
	for more := true; more; more = last.More {
		d, err := r.Read(t.Context(), most, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
		last = d
	}
	return ids, last
}

// begun is a queue of n messages that was killed while work on all of them had begun.
func begun(t *testing.T, n int) (*Queue, string, []string) {
	t.Helper()
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	want := fill(t, q, "a", n)
	r := readerAt(t, q, "archive", &event.Position{})
	var last queue.Delivery
	for read := 0; read < len(want); read += len(last.Events) {
		var err error
		if last, err = r.Read(t.Context(), len(want), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := last.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return startAgain(t, q, dir), dir, want
}

// startAgain starts a queue whose reader did not end what it began.
func startAgain(t *testing.T, q *Queue, dir string) *Queue {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q, _ = openAt(t, Options{Dir: dir})
	return q
}

// TestBegunComesInHalves: where a kill had nothing to do with what was being written, all
// of it is written in two parts, however little is read at a time, and then as ever.
func TestBegunComesInHalves(t *testing.T) {
	const n = 40
	for _, most := range []int{1, 7, 1000} {
		q, _, want := begun(t, n)
		want = append(want, fill(t, q, "new", 3)...)
		r := readerAt(t, q, "archive", &event.Position{})
		var got []string
		var sizes, attempts []int
		for len(got) < len(want) {
			ids, d := part(t, r, most)
			if len(ids) == 0 {
				continue
			}
			got, sizes, attempts = append(got, ids...), append(sizes, len(ids)), append(attempts, d.Attempts)
			if d.Attempts == 1 {
				continue
			}
			if err := d.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := d.Ack(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("at most %d: read %v, want %v", most, got, want)
		}
		if len(sizes) < 3 || sizes[0]+sizes[1] != 3*n || fmt.Sprint(attempts[:3]) != "[2 2 1]" {
			t.Errorf("at most %d: parts of %v events, attempts %v", most, sizes, attempts)
		}
	}
}

// TestCulpritIsFound: what ends the process each time it is written is alone soon, counted
// from then on, and given up with nothing else.
func TestCulpritIsFound(t *testing.T) {
	const n = 40
	for _, culprit := range []int{0, 13, n - 1} {
		q, dir, want := begun(t, n)
		bad, at, starts := want[3*culprit], event.Position{}, 0
		var done []string
		for r := readerAt(t, q, "archive", &at); len(done) < len(want); {
			ids, d := part(t, r, 1000)
			if d.Attempts > 2 && len(ids) != 3 {
				t.Fatalf("culprit %d, start %d: attempt %d at %d events", culprit, starts, d.Attempts, len(ids))
			}
			if slices.Contains(ids, bad) && d.Attempts <= 10 {
				if err := d.Begin(t.Context()); err != nil {
					t.Fatal(err)
				}
				q = startAgain(t, q, dir)
				if r, starts = readerAt(t, q, "archive", &at), starts+1; starts > 30 {
					t.Fatalf("culprit %d is not found by %d starts", culprit, starts)
				}
				continue
			}
			if err := d.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := d.Ack(t.Context()); err != nil {
				t.Fatal(err)
			}
			done, at = append(done, ids...), d.To
		}
		if !slices.Equal(done, want) {
			t.Errorf("culprit %d: %v, want %v", culprit, done, want)
		}
		if starts > 16 {
			t.Errorf("culprit %d: it took %d starts", culprit, starts)
		}
		q.Close()
	}
}
