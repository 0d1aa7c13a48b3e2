package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/queue/nats"
)

// home is a house in a directory of its own, with the commands' door.
type home struct {
	*house
	t     *testing.T
	dir   string
	leave func()
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "ff-") // short: the socket's path in it must be
	must(t, err)
	h := &home{t: t, dir: dir}
	t.Cleanup(func() {
		h.shut()
		os.RemoveAll(dir)
	})
	h.open()
	return h
}

func (h *home) open() {
	h.t.Helper()
	var c config
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	c.declare(flags)
	must(h.t, flags.Parse([]string{"--data", h.dir, "--archive-age", "50ms"}))
	must(h.t, c.load(flags))
	opened, err := openHouse(h.t.Context(), c, slog.New(slog.DiscardHandler), nil)
	must(h.t, err)
	stop, err := opened.openControl(nil)
	must(h.t, err)
	h.house = opened
	h.leave = func() {
		stop()
		must(h.t, opened.close())
	}
}

func (h *home) shut() {
	if h.leave != nil {
		h.leave()
	}
	h.leave = nil
}

func (h *home) reopen() {
	h.shut()
	h.open()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what must come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s in vain: %s", what)
		}
	}
}

// typed types a command on the home's directory and decodes its JSON.
func (h *home) typed(into any, args ...string) (stderr string, code int) {
	h.t.Helper()
	var out, fault bytes.Buffer
	code = run(h.t.Context(), append(args, "--data", h.dir, "--json"), &out, &fault)
	if code == 0 && into != nil {
		if err := json.Unmarshal(out.Bytes(), into); err != nil {
			h.t.Fatalf("footfall %v: %v in %q", args, err, out.String())
		}
	}
	return fault.String(), code
}

// events makes events that the store takes, or refuses.
func events(name string, n int, good bool) []event.Event {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	all := make([]event.Event, n)
	for i := range all {
		all[i] = event.Event{ID: fmt.Sprint(name, "-", i), Site: "shop-example", Kind: event.Page, Host: "shop.example", Path: "/" + name,
			Time: at, Original: at, Received: at, Channel: "web", Visitor: 7}
		if !good {
			all[i].Kind = "dance"
		}
	}
	return all
}

// publish publishes and waits until store and archive are through with it.
func (h *home) publish(events ...event.Event) {
	h.t.Helper()
	must(h.t, h.queue.Publish(h.t.Context(), events...))
	h.settle()
}

func (h *home) settle() {
	h.t.Helper()
	must(h.t, h.settled(h.t.Context()))
	eventually(h.t, "the archive has everything", func() bool { return h.house.archive.Position().Total == h.queue.Last().Total })
}

// counts is the account: stored, duplicates, set aside, dropped.
type counts [4]uint64

// adds checks the account at a quiet moment.
func (h *home) adds(when string, want counts) {
	h.t.Helper()
	h.settle()
	s, err := h.status(h.t.Context())
	must(h.t, err)
	got := counts{s.Stored, s.Duplicates, s.SetAside, s.Dropped}
	if !s.AddsUp || s.Waiting != 0 || got != want {
		h.t.Errorf("%s: %d accepted, stored, duplicates, set aside and dropped %v, want %v", when, s.Accepted, got, want)
	}
}

func (h *home) rebuilt() {
	h.t.Helper()
	must(h.t, h.rebuild(h.t.Context(), func(rebuildProgress) {}))
}

// giveUp accepts events whose processing ended the process too often: the
// store's pump sets them aside although the store would take them.
func (h *home) giveUp(all ...event.Event) {
	h.t.Helper()
	at := h.queue.Last()
	position := h.store.Load().State().Position
	h.shut()
	q, err := nats.Open(nats.Options{Dir: filepath.Join(h.dir, "queue"), Known: []event.Position{at}})
	must(h.t, err)
	must(h.t, q.Publish(h.t.Context(), all...))
	must(h.t, q.Close())
	mark, err := json.Marshal(map[string]any{"position": position, "attempts": 10})
	must(h.t, err)
	must(h.t, os.WriteFile(filepath.Join(h.dir, "queue", "readers", "store.json"), mark, 0o600))
	h.open()
	h.settle()
}

func TestAccount(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.publish(events("good", 5, true)...)
	h.publish(events("good", 2, true)...)
	h.adds("duplicates", counts{5, 2, 0, 0})
	bad := events("bad", 3, false)
	h.publish(bad...)
	again := bad[0]
	again.Received = again.Received.Add(time.Second)
	h.publish(again)
	h.adds("refused, one of them twice", counts{5, 2, 4, 0})
	h.reconciles("refused", 3, 0, 0)
	h.rebuilt()
	h.adds("a rebuild keeps one item of an event", counts{5, 3, 3, 0})
	h.reconciles("refused, after a rebuild", 3, 0, 0)
	items := h.items("store")
	var moved map[string]int
	if fault, code := h.typed(&moved, "aside", "drop", fmt.Sprint(items[0].ID)); code != 0 || moved["moved"] != 1 {
		t.Fatalf("drop: %d %s %v", code, fault, moved)
	}
	h.adds("dropped by hand", counts{5, 3, 2, 1})
	h.reconciles("dropped by hand", 2, 1, 0)
	h.reopen()
	h.adds("dropped, after a restart", counts{5, 3, 2, 1})
	h.rebuilt()
	h.adds("dropped, after a rebuild", counts{5, 3, 2, 1})
	if fault, code := h.typed(&moved, "aside", "redrive", "--all"); code != 0 || moved["moved"] != 2 {
		t.Fatalf("redrive: %d %s %v", code, fault, moved)
	}
	h.adds("redriven and refused again", counts{5, 3, 2, 1})
	must(t, h.leaveAnd(func() { must(t, os.RemoveAll(filepath.Join(h.dir, "store"))) }))
	h.adds("the store lost and filled again", counts{5, 3, 2, 1})
	h.reconciles("the store lost and filled again", 2, 1, 0)
	// What the store lacks besides is a difference.
	_, err := h.store.Load().Delete(t.Context(), "shop-example", func() (all []event.Ident) {
		for _, e := range events("good", 2, true) {
			all = append(all, e.Ident())
		}
		return all
	}()...)
	must(t, err)
	h.reconciles("the store has lost two", 2, 0, 1)
}

// reconciles checks how the archive compares with the event store.
func (h *home) reconciles(when string, aside, dropped uint64, differences int) {
	h.t.Helper()
	h.settle()
	got, err := h.checkArchive(h.t.Context(), "", 0, 0)
	must(h.t, err)
	if got.Aside != aside || got.Dropped != dropped || got.Differences != differences {
		h.t.Errorf("%s: reconcile finds %+v, want %d set aside, %d dropped, %d differences", when, got, aside, dropped, differences)
	}
}

// TestAccountOfGivenUp: what was given up can be redriven, dropped or come
// back with a rebuild, in any order, and counts once.
func TestAccountOfGivenUp(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.publish(events("good", 5, true)...)
	h.giveUp(events("odd", 3, true)...)
	h.adds("given up", counts{5, 0, 3, 0})
	h.redrive(h.items("store")[0].ID)
	h.adds("one redriven", counts{6, 0, 2, 0})
	h.rebuilt()
	h.adds("one redriven, then a rebuild brings all", counts{8, 0, 0, 0})
	h.giveUp(events("odder", 2, true)...)
	h.redrive(h.items("store")[0].ID)
	h.typed(nil, "aside", "drop", fmt.Sprint(h.items("store")[0].ID))
	h.adds("one redriven, one dropped", counts{9, 0, 0, 1})
	h.reopen()
	h.rebuilt()
	h.adds("the archive has what was dropped", counts{10, 0, 0, 0})
	h.publish(events("good", 1, true)...)
	h.adds("and goes on", counts{10, 1, 0, 0})
}

// TestAccountAfterACrash ends the process in the middle of a redrive: noted and
// not published, or published and not removed.
func TestAccountAfterACrash(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name      string
		published bool
		want      counts
	}{{"before it was published", false, counts{0, 0, 2, 0}}, {"before it was removed", true, counts{1, 0, 1, 0}}} {
		t.Run(x.name, func(t *testing.T) {
			h := newHome(t)
			h.giveUp(events("odd", 2, true)...)
			one, err := h.queue.Aside().Show(t.Context(), h.items("store")[0].ID)
			must(t, err)
			must(t, h.leaveAnd(func() {
				q, err := nats.Open(nats.Options{Dir: filepath.Join(h.dir, "queue")})
				must(t, err)
				after := q.Last().Seq
				if x.published {
					_, err = q.Aside().Redrive(t.Context(), one.ID)
					must(t, err)
					must(t, q.Aside().Put(t.Context(), one)) // as if it had not been removed
				}
				left, err := q.Aside().List(t.Context(), "store", 0)
				must(t, err)
				at := 0
				for i := range left {
					if left[i].Event.ID == one.Event.ID {
						at = i
					}
				}
				must(t, q.Close())
				books := fmt.Sprintf(`{"dropped":{},"moving":{"ids":[%d],"redrive":"store","after":%d}}`, left[at].ID, after)
				must(t, os.WriteFile(filepath.Join(h.dir, "queue", "aside.json"), []byte(books), 0o600))
			}))
			must(t, h.redriven(t.Context()))
			h.adds("after the crash", x.want)
			h.typed(nil, "aside", "redrive", "--all")
			h.adds("all redriven", counts{2, 0, 0, 0})
			h.rebuilt()
			h.adds("and rebuilt", counts{2, 0, 0, 0})
		})
	}
}

type item struct {
	ID                        uint64
	Reader, Reason, Site, Raw string
	At                        time.Time
	Event                     *struct{ MessageID string }
}

// items are what footfall aside list prints of a reader.
func (h *home) items(reader string) (all []item) {
	h.t.Helper()
	if fault, code := h.typed(&all, "aside", "list", "--reader", reader); code != 0 {
		h.t.Fatalf("aside list: %s", fault)
	}
	return all
}

func (h *home) redrive(ids ...uint64) {
	h.t.Helper()
	var moved struct{ Moved int }
	args := []string{"aside", "redrive"}
	for _, id := range ids {
		args = append(args, fmt.Sprint(id))
	}
	if fault, code := h.typed(&moved, args...); code != 0 || moved.Moved != len(ids) {
		h.t.Fatalf("aside redrive: %d %s %+v", code, fault, moved)
	}
}

// leaveAnd does something while the house is closed.
func (h *home) leaveAnd(do func()) error {
	h.shut()
	do()
	h.open()
	return nil
}

// TestAsideCommands lists, shows, redrives and drops what a sink refused and
// what it gave up.
func TestAsideCommands(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.publish(events("bad", 2, false)...)
	h.giveUp(events("odd", 2, true)...)
	all := h.items("store")
	if len(all) != 4 || !strings.Contains(all[0].Reason, "type") || !strings.Contains(all[2].Reason, "delivered 10 times") ||
		all[0].Site != "shop-example" || all[0].Event == nil || all[0].Event.MessageID != "bad-0" {
		t.Fatalf("aside list printed %+v", all)
	}
	if some := h.items("archive"); len(some) != 0 {
		t.Errorf("aside list of the archive printed %+v", some)
	}
	var one item
	if fault, code := h.typed(&one, "aside", "show", fmt.Sprint(all[2].ID)); code != 0 || one.Event == nil || one.Event.MessageID != "odd-0" {
		t.Errorf("aside show: %d %s %+v", code, fault, one)
	}
	h.redrive(all[0].ID, all[2].ID)
	left := h.items("store")
	if len(left) != 3 || left[0].ID != all[1].ID || left[2].Event.MessageID != "bad-0" || left[2].ID == all[0].ID {
		t.Errorf("redriven, one is stored and one refused again; aside list printed %+v", left)
	}
	var stored []string
	must(t, h.export(t.Context(), "shop-example", period.Window{}, func(e *event.Event) error {
		stored = append(stored, strings.Clone(e.ID))
		return nil
	}))
	if len(stored) != 1 || stored[0] != "odd-0" {
		t.Errorf("stored %v", stored)
	}
	for _, x := range []struct {
		args []string
		says string
	}{
		{[]string{"aside", "drop", fmt.Sprint(all[0].ID)}, "aside list"},
		{[]string{"aside", "redrive", "4711"}, "aside list"},
		{[]string{"aside", "show", "one"}, "which one"},
	} {
		if fault, code := h.typed(nil, x.args...); code != 1 || !strings.Contains(fault, x.says) {
			t.Errorf("footfall %v: %d %q, want 1 and %q", x.args, code, fault, x.says)
		}
	}
	if fault, code := h.typed(nil, "aside", "drop", "--all", "--reader", "store"); code != 0 || len(h.items("")) != 0 {
		t.Errorf("drop all: %d %s, left %+v", code, fault, h.items(""))
	}
	h.adds("all dropped", counts{1, 0, 0, 3})
}
