package nats

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
	"footfall/queue/queuetest"
)

func TestLaw(t *testing.T) {
	queuetest.Law(t, func(t *testing.T, dir string) queue.Queue {
		q, err := Open(Options{Dir: dir, Visibility: queuetest.Visibility})
		if err != nil {
			t.Fatal(err)
		}
		return q
	})
}

func TestCallersShareMessages(t *testing.T) {
	const callers, each = 64, 50
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for _, e := range queuetest.Events(fmt.Sprint(c), each) {
				if err := q.Publish(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s, err := q.State(t.Context())
	if err != nil || s.Accepted != callers*each || s.Last.Seq > callers*each/4 {
		t.Errorf("%d events took %d messages, %v", s.Accepted, s.Last.Seq, err)
	}
}

// A start that only reads is no attempt; work that began and did not end is.
func TestAttemptsAcrossStarts(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	fill(t, q, "a", 1)
	for start, want := range []int{1, 1, 1, 2, 3} {
		d, err := readerAt(t, q, "store", &event.Position{}).Read(t.Context(), 10, 5*time.Second)
		if err != nil || d.Attempts != want {
			t.Errorf("start %d: attempt %d, %v; want %d", start, d.Attempts, err, want)
		}
		if start >= 2 {
			if err := d.Begin(t.Context()); err != nil {
				t.Error(err)
			}
		}
		to := t.TempDir()
		copyTree(t, dir, to) // a kill
		q.Close()
		q, _ = openAt(t, Options{Dir: to})
		dir = to
	}
}

// A message larger than one publication or group arrives whole.
func TestLargePublish(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	var events []event.Event
	for i := range 500 { // 15 MB
		events = append(events, big(fmt.Sprint("big", i)))
	}
	publish(t, q, events...)
	got, to := readAll(t, readerAt(t, q, "r", &event.Position{}))
	if len(got) != 500 || to.Total != 500 || got[499] != "big499-0" {
		t.Errorf("%d events to %+v", len(got), to)
	}
}

func TestDamagedBookmark(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	readerAt(t, q, "store", &event.Position{})
	q.Close()
	file := filepath.Join(dir, "readers", "store.json")
	if err := os.WriteFile(file, []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if q, err := Open(Options{Dir: dir}); err == nil {
		q.Close()
		t.Error("opened with a damaged bookmark")
	} else if !strings.Contains(err.Error(), file) {
		t.Errorf("the error does not name the file: %v", err)
	}
}

func TestNames(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	for _, name := range []string{"", "a.b", "../x", "*", ">", "a b"} {
		if _, err := q.Reader(t.Context(), name, nil); err == nil {
			t.Errorf("%q became a reader", name)
		}
		if err := q.Aside().Put(t.Context(), queue.AsideItem{Reader: name, Reason: "x"}); err == nil {
			t.Errorf("set aside for %q", name)
		}
	}
}

func TestUnreadableMessageIsPassedOver(t *testing.T) {
	q, said := openAt(t, Options{Dir: t.TempDir()})
	first := fill(t, q, "a", 1)
	if _, err := q.js.Publish(t.Context(), subject, []byte{99, 1, 2}); err != nil {
		t.Fatal(err)
	}
	second := fill(t, q, "b", 1) // the end moved behind the queue's back: found out by the expected sequence
	for name, from := range map[string]*event.Position{"ordered": {}, "shared": nil} {
		got, to := readAll(t, readerAt(t, q, name, from))
		if fmt.Sprint(got) != fmt.Sprint(append(first[:3:3], second...)) || to.Seq != 3 || to.Epoch != 1 || to.Total != 6 {
			t.Errorf("%s: %v to %+v", name, got, to)
		}
		if !strings.Contains(said.String(), "can't be read and is passed over") || !strings.Contains(said.String(), "reader="+name) {
			t.Errorf("not reported:\n%s", said)
		}
	}
}

// What is redriven never shares a message with what is for everybody.
func TestRedriveUnderLoad(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	store, archive := readerAt(t, q, "store", &event.Position{}), readerAt(t, q, "archive", &event.Position{})
	bad := queuetest.Events("bad", 100)
	var items []queue.AsideItem
	for i := range bad {
		items = append(items, queue.AsideItem{Reader: "store", Reason: "x", Event: &bad[i]})
	}
	if err := q.Aside().Put(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	listed, err := q.Aside().List(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for c := range 32 {
		all.Go(func() {
			for _, e := range queuetest.Events(fmt.Sprint(c), 30) {
				if err := q.Publish(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, it := range listed[:50] {
		if _, err := q.Aside().Redrive(t.Context(), it.ID); err != nil {
			t.Fatal(err)
		}
	}
	var rest []uint64
	for _, it := range listed[50:] {
		rest = append(rest, it.ID)
	}
	if n, err := q.Aside().Redrive(t.Context(), rest...); n != 50 || err != nil {
		t.Fatal(n, err)
	}
	all.Wait()
	if got, to := readAll(t, store); len(got) != 32*30+100 || to.Total != 32*30 {
		t.Errorf("store: %d events to %+v", len(got), to)
	}
	if got, _ := readAll(t, archive); len(got) != 32*30 {
		t.Errorf("archive: %d events, want %d and nothing that was redriven", len(got), 32*30)
	}
}

// TestAgeIsKept: who opens the log without a maximum age keeps the one it had, so
// that nothing expires which its server would have kept.
func TestAgeIsKept(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []struct{ given, want time.Duration }{{0, 7 * 24 * time.Hour}, {400 * time.Hour, 400 * time.Hour}, {0, 400 * time.Hour}} {
		q, err := Open(Options{Dir: dir, MaxAge: o.given})
		if err != nil {
			t.Fatal(err)
		}
		s, err := q.State(t.Context())
		if err != nil || s.MaxAge != o.want || q.stream.CachedInfo().Config.MaxAge != o.want {
			t.Errorf("opened with %v: %v, the stream has %v, want %v: %v", o.given, s.MaxAge, q.stream.CachedInfo().Config.MaxAge, o.want, err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
