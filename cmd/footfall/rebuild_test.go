package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"footfall/event"
	"footfall/period"
	"footfall/queue"
)

// filled is a home whose archive has several flushes.
func filled(t *testing.T) *home {
	h := newHome(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.publish(events(name, 3, true)...)
	}
	return h
}

// whole checks that the old store is in use and takes more.
func (h *home) whole(stored uint64) {
	h.t.Helper()
	h.adds("after a rebuild that was stopped", counts{stored, 0, 0, 0})
	h.publish(events("more", 2, true)...)
	h.adds("and more", counts{stored + 2, 0, 0, 0})
	if left, _ := filepath.Glob(filepath.Join(h.dir, "store.before-*")); len(left) > 0 {
		h.t.Errorf("left behind: %v", left)
	}
}

func TestRebuildStops(t *testing.T) {
	t.Parallel()
	t.Run("its caller goes", func(t *testing.T) {
		h := filled(t)
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		err := h.rebuild(ctx, func(rebuildProgress) { steps++; cancel() })
		if !errors.Is(err, context.Canceled) || steps != 1 {
			t.Errorf("a cancelled rebuild: %v after %d steps", err, steps)
		}
		h.whole(12)
	})
	t.Run("the command's client goes", func(t *testing.T) {
		h := filled(t)
		c := &call{config: h.c, stderr: os.Stderr}
		k, err := c.dial(t.Context())
		must(t, err)
		defer k.close()
		h.exports.enter() // holds the rebuild where it can be left
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := k.do(ctx, http.MethodPost, "/rebuild", nil, nil)
		must(t, err)
		defer res.Body.Close()
		cancel()
		eventually(t, "the rebuild ends", func() bool {
			return len(h.care) == 0
		})
		h.exports.leave()
		h.whole(12)
	})
	t.Run("the server stops", func(t *testing.T) {
		h := filled(t)
		closed := make(chan struct{})
		steps := 0
		err := h.rebuild(t.Context(), func(rebuildProgress) {
			if steps++; steps == 1 {
				go func() { defer close(closed); h.shut() }()
				<-h.ending.Done()
			}
		})
		if !errors.Is(err, errStopping) || steps > 2 { // the end is told by a goroutine of its own
			t.Errorf("a rebuild when the house closes: %v after %d steps", err, steps)
		}
		<-closed
		if err := h.rebuild(t.Context(), func(rebuildProgress) {}); !errors.Is(err, errStopping) {
			t.Errorf("a rebuild after the house was closed: %v", err)
		}
		h.open()
		h.whole(12)
	})
}

// TestRebuildAndExport: an export that is under way is finished first, and the
// rebuild says so; one that comes later is told to wait.
func TestRebuildAndExport(t *testing.T) {
	t.Parallel()
	h := filled(t)
	reading, goOn, exported := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	n := 0
	go func() {
		exported <- h.export(t.Context(), "shop-example", period.Window{}, func(*event.Event) error {
			if n++; n == 1 {
				close(reading)
				<-goOn
			}
			return nil
		})
	}()
	<-reading
	waits, rebuilt := make(chan string, 1), make(chan error, 1)
	go func() {
		rebuilt <- h.rebuild(t.Context(), func(p rebuildProgress) {
			if p.Waiting != "" {
				waits <- p.Waiting
			}
		})
	}()
	if says := <-waits; !strings.Contains(says, "export") {
		t.Errorf("the rebuild waits and says %q", says)
	}
	if _, err := h.status(t.Context()); err != nil {
		t.Errorf("figures while the rebuild waits: %v", err)
	}
	if err := h.export(t.Context(), "shop-example", period.Window{}, func(*event.Event) error { return nil }); !errors.Is(err, errRebuilding) {
		t.Errorf("an export beside a rebuild: %v", err)
	}
	if err := h.rebuild(t.Context(), func(rebuildProgress) {}); err == nil {
		t.Error("a second rebuild was begun")
	}
	close(goOn)
	must(t, <-exported)
	must(t, <-rebuilt)
	if n != 12 {
		t.Errorf("%d events exported, want 12", n)
	}
	h.whole(12)
}

func TestDoctorNamesLeftovers(t *testing.T) {
	h := newHome(t)
	old, damaged := filepath.Join(h.dir, "store.before-rebuild-20260101T000000"), filepath.Join(h.dir, "store", "events.duckdb.damaged-20260101T000000.000")
	must(t, os.Mkdir(old, 0o700))
	for _, path := range []string{filepath.Join(old, "events.duckdb"), damaged} {
		must(t, os.WriteFile(path, make([]byte, 3<<20), 0o600))
	}
	c := &call{config: h.c}
	found := c.leftovers()
	for i, path := range []string{old, damaged} {
		if len(found) != 2 || found[i].OK || !strings.Contains(found[i].Says, path) || !strings.Contains(found[i].Says, "3.0 MiB") || !strings.Contains(found[i].Says, "remove") {
			t.Fatalf("found %+v", found)
		}
	}
	var all []finding
	if _, code := h.typed(&all, "doctor"); code != 1 {
		t.Errorf("the doctor exits with %d", code)
	}
}

// stopped begins a rebuild and ends it while it waits for a question.
func (h *home) stopped() error {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	h.questions.enter()
	defer h.questions.leave()
	return h.rebuild(ctx, func(rebuildProgress) { cancel() })
}

// TestRebuildWithoutStore: when the old store could not be opened again, the
// next rebuild that is stopped opens it, and none is made of the queue alone.
func TestRebuildWithoutStore(t *testing.T) {
	t.Parallel()
	h := filled(t)
	dir, hidden := h.storeDir(), h.storeDir()+".hidden"
	ctx, cancel := context.WithCancel(t.Context())
	err := h.rebuild(ctx, func(rebuildProgress) {
		kept, err := filepath.Glob(dir + ".before-*")
		if must(t, err); len(kept) == 1 { // a file in its place can't be opened
			must(t, os.Rename(kept[0], hidden))
			must(t, os.WriteFile(kept[0], nil, 0o600))
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || h.store.Load() != nil {
		t.Fatalf("the store was opened all the same: %v", err)
	}
	must(t, os.Remove(dir))
	if err := h.stopped(); !errors.Is(err, context.Canceled) || !errors.Is(err, os.ErrNotExist) || h.store.Load() != nil {
		t.Errorf("stopped without a store: %v", err)
	}
	must(t, os.Rename(hidden, dir))
	if err := h.stopped(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	h.whole(12)
	h.stopPump("store", event.Position{})
	must(t, h.store.Swap(nil).Close())
	must(t, os.RemoveAll(dir))
	h.rebuilt()
	h.adds("made without an old one", counts{14, 0, 0, 0})
}

// TestRebuildThatCannotSettle: the old store does not come back once items may
// have been erased that only the new one has.
func TestRebuildThatCannotSettle(t *testing.T) {
	t.Parallel()
	h := filled(t)
	h.giveUp(events("odd", 3, true)...)
	h.adds("given up", counts{12, 0, 3, 0})
	books := filepath.Join(h.dir, "queue", "aside.json")
	err := h.rebuild(t.Context(), func(rebuildProgress) {
		os.Remove(books)
		must(t, os.MkdirAll(books, 0o700)) // nothing can be written there
	})
	if err == nil || !strings.Contains(err.Error(), "rebuild again") {
		t.Errorf("rebuilt: %v", err)
	}
	if st := h.store.Load(); st == nil || st.State().Stored != 15 {
		t.Error("the new store is not in use")
	}
	must(t, os.Remove(books))
	h.rebuilt()
	h.adds("rebuilt again", counts{15, 0, 0, 0})
}

// TestRebuildTakesFromTheAside: what the archive could not keep is in a new store.
func TestRebuildTakesFromTheAside(t *testing.T) {
	t.Parallel()
	h := filled(t)
	lost := events("lost", 2, true)
	for i := range lost {
		must(t, h.queue.Aside().Put(t.Context(), queue.AsideItem{Reader: "archive", Reason: "no", Event: &lost[i]}))
	}
	h.rebuilt()
	if n := h.store.Load().State().Stored; n != 14 {
		t.Errorf("%d events stored, want 12 and 2", n)
	}
}

// TestNothingKeepsMessagesAlive: an event's texts lie in its whole message.
func TestNothingKeepsMessagesAlive(t *testing.T) {
	e := event.Event{ID: "one", Site: "shop-example", Channel: "import"}
	k := keyOf(&e)
	h := &house{}
	h.cameAgain(&e)
	h.cameAgain(&e)
	kept := []string{k.site, k.id}
	h.again.Range(func(site, _ any) bool {
		kept = append(kept, site.(string))
		return true
	})
	if len(kept) != 3 || kept[2] != e.Site {
		t.Errorf("kept %q", kept)
	}
	for _, s := range kept {
		if p := unsafe.StringData(s); p == unsafe.StringData(e.Site) || p == unsafe.StringData(e.ID) {
			t.Errorf("%q is part of the event", s)
		}
	}
}
