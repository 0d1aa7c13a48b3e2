package nats

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// TestRefusingFindsOut: while nothing can be stored nobody waits to be told so, and the
// queue finds out by itself when it can again, though nobody sends anything. What it
// tried with is no event: not counted, not read, and not in a copy that is restored.
func TestRefusingFindsOut(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	want := fill(t, q, "a", 2)
	broken := func(is bool) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.damaged = is // nothing can be stored
	}
	broken(true)
	first := q.Publish(t.Context(), event.Event{ID: "first"})
	if first == nil || q.Refusing().IsZero() {
		t.Fatalf("what can't be stored: %v, refusing since %v", first, q.Refusing())
	}
	if err := q.Publish(t.Context(), event.Event{ID: "second"}); err == nil || !strings.Contains(err.Error(), "before") {
		t.Errorf("while the queue refuses: %v", err)
	}
	broken(false)
	for deadline := time.Now().Add(time.Minute); !q.Refusing().IsZero(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it still refuses")
		}
	}
	if last := q.Last(); last.Seq != 3 || last.Total != 6 {
		t.Errorf("the log ends at %+v", last)
	}
	if tried, err := q.stream.GetMsg(t.Context(), 3); err != nil || tried.Subject != redriveTo+nobody {
		t.Errorf("it tried with %+v, %v", tried, err)
	}
	want = append(want, fill(t, q, "b", 2)...)
	check := func(q *Queue, name string) {
		t.Helper()
		ids, to := readAll(t, readerAt(t, q, name, &event.Position{}))
		s, err := q.State(t.Context())
		if err != nil || !slices.Equal(ids, want) || s.Accepted != 12 || to.Total != 12 {
			t.Errorf("%s: %v up to %+v of %d accepted, %v; want %v", name, ids, to, s.Accepted, err, want)
		}
	}
	check(q, "r")
	var copied strings.Builder
	if _, err := q.Copy(t.Context(), &copied, event.Position{}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for i, from := range []string{dir, t.TempDir()} {
		if i == 1 {
			if err := Restore(t.Context(), from, strings.NewReader(copied.String())); err != nil {
				t.Fatal(err)
			}
		}
		again, _ := openAt(t, Options{Dir: from})
		check(again, fmt.Sprint("again", i))
		again.Close()
	}
}
