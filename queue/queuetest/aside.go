package queuetest

import (
	"errors"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
)

func aside(t *testing.T, open func() queue.Queue) {
	q := open()
	a := q.Aside()
	e := Events("bad", 2)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	check(t, a.Put(t.Context(),
		queue.AsideItem{Reader: "store", Reason: "not this", At: at, Event: &e[0]},
		queue.AsideItem{Reader: "collect", Reason: "broken", Site: "shop", Raw: "{\"ü\x00\xff"},
		queue.AsideItem{Reader: "store", Reason: "nor this", Event: &e[1]}))
	all, err := a.List(t.Context(), "", 0)
	check(t, err)
	if len(all) != 3 || all[0].Reason != "not this" || all[1].Reason != "broken" || all[2].Reason != "nor this" {
		t.Fatalf("list: %+v", all)
	}
	if !all[0].At.Equal(at) || all[0].Event == nil || *all[0].Event != e[0] || all[0].Site != "shop" || all[0].Reader != "store" {
		t.Errorf("first item: %+v", all[0])
	}
	if all[1].Event != nil || all[1].Raw == "" || all[1].Site != "shop" || time.Since(all[1].At) > time.Minute {
		t.Errorf("second item: %+v", all[1])
	}
	if some, err := a.List(t.Context(), "store", 0); err != nil || len(some) != 2 || some[1].ID != all[2].ID {
		t.Errorf("list of store: %+v, %v", some, err)
	}
	if some, err := a.List(t.Context(), "", 2); err != nil || len(some) != 2 {
		t.Errorf("list of two: %+v, %v", some, err)
	}
	if it, err := a.Show(t.Context(), all[2].ID); err != nil || it.Event == nil || *it.Event != e[1] {
		t.Errorf("show: %+v, %v", it, err)
	}
	if s, err := q.State(t.Context()); err != nil || s.Aside["store"] != 2 || s.Aside["collect"] != 1 || s.Accepted != 0 {
		t.Errorf("state: %+v, %v", s, err)
	}
	if n, err := a.Drop(t.Context(), all[1].ID); n != 1 || err != nil {
		t.Errorf("drop: %d, %v", n, err)
	}
	if n, err := a.Drop(t.Context(), all[0].ID, all[1].ID, all[2].ID); n != 1 || err == nil {
		t.Errorf("dropping what is gone: %d, %v; want 1 and an error", n, err)
	}
	if _, err := a.Show(t.Context(), all[1].ID); !errors.Is(err, queue.ErrNoItem) {
		t.Error("a dropped item can still be shown")
	}
	if some, err := a.List(t.Context(), "", 0); err != nil || len(some) != 1 || some[0].ID != all[2].ID {
		t.Errorf("what is left: %+v, %v", some, err)
	}
	check(t, q.Close())
	if s, err := open().State(t.Context()); err != nil || s.Dropped["store"] != 1 || s.Dropped["collect"] != 1 || s.Aside["store"] != 1 || s.Aside["collect"] != 0 {
		t.Errorf("state after a restart: %+v, %v; want 1 dropped of each", s, err)
	}
}

// asideOnce: what is set aside again because its sink did not come further is
// there once, what came twice is there twice, and what was redriven can come back.
func asideOnce(t *testing.T, open func() queue.Queue) {
	q := open()
	e := Events("bad", 2)
	put := func(events ...event.Event) {
		t.Helper()
		var items []queue.AsideItem
		for i := range events {
			items = append(items, queue.AsideItem{Reader: "store", Reason: "no", Event: &events[i]})
		}
		check(t, q.Aside().Put(t.Context(), items...))
	}
	want := func(what string, n uint64) {
		t.Helper()
		if s, err := q.State(t.Context()); err != nil || s.Aside["store"] != n {
			t.Errorf("%s: %d set aside, %v; want %d", what, s.Aside["store"], err, n)
		}
	}
	put(e[0])
	put(e[0], e[1])
	want("again", 2)
	check(t, q.Close())
	q = open()
	put(e[1], e[0])
	want("again after a restart", 2)
	store := reader(t, q, "store", beginning)
	check(t, q.Aside().Put(t.Context(), queue.AsideItem{Reader: "archive", Reason: "no", Event: &e[0]}))
	want("by another reader", 2)
	all, err := q.Aside().List(t.Context(), "store", 0)
	check(t, err)
	if n, err := q.Aside().Redrive(t.Context(), all[0].ID); n != 1 || err != nil {
		t.Fatalf("redrive: %d, %v", n, err)
	}
	take(t, store, 1, true)
	want("redriven", 1)
	put(*all[0].Event)
	want("redriven and refused again", 2)
	twice := Events("twice", 1)[0]
	put(twice, twice)
	put(twice, twice)
	want("came twice", 4)
}

func redrive(t *testing.T, open func() queue.Queue) {
	q := open()
	a := q.Aside()
	e := Events("bad", 3)
	publish(t, q, e...)
	store, archive, shared := reader(t, q, "store", beginning), reader(t, q, "archive", beginning), reader(t, q, "shared", nil)
	_, end := take(t, store, 3, true)
	take(t, archive, 3, true)
	take(t, shared, 3, true)
	check(t, a.Put(t.Context(),
		queue.AsideItem{Reader: "store", Reason: "x", Event: &e[0]},
		queue.AsideItem{Reader: "shared", Reason: "x", Event: &e[1]},
		queue.AsideItem{Reader: "collect", Reason: "x", Raw: "{"},
		queue.AsideItem{Reader: "nobody", Reason: "x", Event: &e[2]}))
	all, err := a.List(t.Context(), "", 0)
	check(t, err)
	if n, err := a.Redrive(t.Context(), all[0].ID, all[1].ID); n != 2 || err != nil {
		t.Fatalf("redrive: %d, %v", n, err)
	}
	if n, err := a.Redrive(t.Context(), all[2].ID); n != 0 || err == nil {
		t.Errorf("redriving what holds no event: %d, %v", n, err)
	}
	if n, err := a.Redrive(t.Context(), all[3].ID); n != 0 || err == nil {
		t.Errorf("redriving to a reader that does not exist: %d, %v", n, err)
	}
	got, d := take(t, store, 1, true)
	same(t, "redriven to store", got, e[:1])
	if d.To.Total != 3 || !end.To.Less(d.To) {
		t.Errorf("the position behind a redriven event is %+v, it was %+v", d.To, end.To)
	}
	got, _ = take(t, shared, 1, true)
	same(t, "redriven to shared", got, e[1:2])
	none(t, archive, 100*time.Millisecond)
	none(t, store, 0)
	none(t, shared, 0)
	if s, err := q.State(t.Context()); err != nil || s.Accepted != 3 || s.Aside["store"] != 0 || s.Aside["collect"] != 1 || s.Aside["nobody"] != 1 ||
		s.Readers["store"].Waiting != 0 || s.Readers["shared"].Waiting != 0 {
		t.Errorf("state: %+v, %v", s, err)
	}
	if left, err := a.List(t.Context(), "", 0); err != nil || len(left) != 2 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
