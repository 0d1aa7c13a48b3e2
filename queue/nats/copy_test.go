package nats

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"footfall/event"
	"footfall/queue"
	"footfall/queue/queuetest"
)

// copied restores a copy of a queue behind a position, and opens it.
func copied(t *testing.T, q *Queue, after event.Position, anew ...string) (*Queue, *journal, Copied) {
	t.Helper()
	var text bytes.Buffer
	c, err := q.Copy(t.Context(), &text, after, anew...)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "queue")
	must(t, Restore(t.Context(), dir, &text))
	to, log := openAt(t, Options{Dir: dir, Known: []event.Position{after}})
	return to, log, c
}

// TestCopy: a copy has what lies behind a position, and everything set aside, with
// the numbers that they had; nothing is missing and nothing is there twice.
func TestCopy(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	bad := queuetest.Events("bad", 5)
	readerAt(t, q, "store", &event.Position{})
	for i := range bad {
		publish(t, q, queuetest.Events(fmt.Sprint("early", i), 2)...)
		put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &bad[i]}, queue.AsideItem{Reader: "collect", Reason: "no", Raw: fmt.Sprint(i)})
	}
	_, after := readAll(t, readerAt(t, q, "store", &event.Position{}))
	aside := listed(t, q, "")
	kept := append(slices.Clone(aside[:2]), aside[6:8]...) // neither the first gap nor the last item
	for _, id := range aside {
		if !slices.Contains(kept, id) {
			_, err := q.Aside().Drop(t.Context(), id)
			must(t, err)
		}
	}
	publish(t, q, queuetest.Events("late", 3)...)
	publish(t, q, queuetest.Events("later", 3)...)
	before, err := q.State(t.Context())
	must(t, err)

	to, log, c := copied(t, q, after)
	now, err := to.State(t.Context())
	must(t, err)
	if now.Accepted != before.Accepted || now.Last != before.Last || c.Last != before.Last || c.Messages != 3 {
		t.Errorf("restored: %d accepted up to %v, %d messages; want %d up to %v, 3", now.Accepted, now.Last, c.Messages, before.Accepted, before.Last)
	}
	if fmt.Sprint(now.Aside, now.Dropped, now.Discarded) != fmt.Sprint(before.Aside, before.Dropped, before.Discarded) {
		t.Errorf("set aside, dropped, discarded: %v %v %d, want %v %v %d", now.Aside, now.Dropped, now.Discarded, before.Aside, before.Dropped, before.Discarded)
	}
	if got, want := listed(t, to, ""), listed(t, q, ""); !slices.Equal(got, want) || len(got) != 4 {
		t.Errorf("set aside are %v, want %v", got, want)
	}
	if got, end := readAll(t, readerAt(t, to, "store", &after)); len(got) != 6 || end != before.Last {
		t.Errorf("behind %v are %v up to %v, want 6 events up to %v", after, got, end, before.Last)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log says %s", log)
	}
	publish(t, to, queuetest.Events("next", 1)...)
	if end := to.Last(); end.Seq != before.Last.Seq+1 || end.Total != before.Last.Total+1 || end.Epoch != before.Last.Epoch {
		t.Errorf("the next message is at %v, behind %v", end, before.Last)
	}
}

// TestCopySetAsideAgain: what a sink set aside behind its position is there once
// when it refuses it again.
func TestCopySetAsideAgain(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	bad := queuetest.Events("bad", 1)
	publish(t, q, bad...)
	put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &bad[0]})
	to, _, _ := copied(t, q, event.Position{})
	put(t, to, queue.AsideItem{Reader: "store", Reason: "no", Event: &bad[0]})
	if s, err := to.State(t.Context()); err != nil || s.Aside["store"] != 1 {
		t.Errorf("set aside: %v, %v", s.Aside, err)
	}
}

// TestRestoreOfOneID: what was set aside by the same id more than an hour apart is
// there twice in a queue, and in what is restored of it.
func TestRestoreOfOneID(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	bad := queuetest.Events("bad", 1)
	publish(t, q, bad...)
	put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &bad[0]})
	var text bytes.Buffer
	_, err := q.Copy(t.Context(), &text, event.Position{})
	must(t, err)
	lines := strings.SplitAfter(text.String(), "\n")
	again := strings.Replace(lines[2], `"seq":1`, `"seq":2`, 1)
	lines[0] = strings.Replace(lines[0], `{"name":"ASIDE","first":1,"last":1}`, `{"name":"ASIDE","first":1,"last":2}`, 1)
	dir := filepath.Join(t.TempDir(), "queue")
	must(t, Restore(t.Context(), dir, strings.NewReader(strings.Join(slices.Insert(lines, 3, again), ""))))
	to, _ := openAt(t, Options{Dir: dir})
	if s, err := to.State(t.Context()); err != nil || s.Aside["store"] != 2 {
		t.Errorf("set aside: %v, %v", s.Aside, err)
	}
}

// TestCopyOfLittle: of a queue that has nothing, and of one whose readers have all.
func TestCopyOfLittle(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	if to, _, _ := copied(t, q, event.Position{}); to.Last().Total != 0 {
		t.Errorf("a copy of nothing ends at %v", to.Last())
	}
	publish(t, q, queuetest.Events("a", 4)...)
	publish(t, q, queuetest.Events("b", 4)...)
	to, _, c := copied(t, q, q.Last())
	if to.Last() != q.Last() || c.Messages != 1 {
		t.Errorf("a copy of what is read ends at %v with %d messages, want %v", to.Last(), c.Messages, q.Last())
	}
}

// TestCopyOfRedriven: what was redriven to a sink that is made anew is left out,
// also at the end of the log, and the numbers stay.
func TestCopyOfRedriven(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	bad := queuetest.Events("bad", 2)
	publish(t, q, bad...)
	after := q.Last()
	for i, reader := range []string{"store", "archive"} {
		readerAt(t, q, reader, &after)
		put(t, q, queue.AsideItem{Reader: reader, Reason: "no", Event: &bad[i]})
	}
	for _, id := range listed(t, q, "") {
		_, err := q.Aside().Redrive(t.Context(), id)
		must(t, err)
	}
	for _, anew := range []string{"store", "archive"} {
		to, _, _ := copied(t, q, after, anew)
		if end := to.Last(); end != q.Last() {
			t.Errorf("without what %s got the copy ends at %v, want %v", anew, end, q.Last())
		}
		for _, reader := range []string{"store", "archive"} {
			want := 1
			if reader == anew {
				want = 0
			}
			publish(t, to, queuetest.Events(reader, 1)...)
			got, _ := readAll(t, readerAt(t, to, reader, &after))
			if n := len(got) - int(to.Last().Total-after.Total); n != want {
				t.Errorf("without what %s got, %s gets %v", anew, reader, got)
			}
		}
	}
}
