package main

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"footfall/account"
)

// TestBenchBoard: a board of the benchmark hears of what comes, and draws itself, as the
// page does.
func TestBenchBoard(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.site()
	server := httptest.NewServer(h.server().Handler)
	t.Cleanup(server.Close)
	now := time.Now()
	come := func(name string) {
		all := events(name, 3, true)
		for i := range all {
			all[i].Time, all[i].Received = now, now
		}
		h.publish(all...)
	}
	come("before")
	b := &board{http: server.Client(), address: server.URL, path: "/?site=shop-example", session: "footfall_session=" + h.looks(account.Viewer, "").session}
	must(t, b.load(t.Context()))
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() { b.listen(ctx); close(left) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			b.mu.Lock()
			there := ok()
			b.mu.Unlock()
			if there {
				return
			}
			if time.Now().After(end) {
				t.Fatal("nothing was ", what)
			}
		}
	}
	until("told at first", func() bool { return b.last != "" })
	b.begin()
	b.mu.Lock()
	b.next = time.Now()
	b.mu.Unlock()
	come("then")
	until("told", func() bool { return len(b.told) > 0 })
	until("drawn", func() bool { return len(b.took) > 0 && b.bytes > 10_000 })
	leave()
	<-left
	w := watch{}
	if w.count([]*board{b}, [][]time.Time{{now}}, time.Second); w.Draws < 1 || w.Told < 1 || w.WholeP50 <= 0 || w.Lost > 0 {
		t.Errorf("%+v", w)
	}
}

// TestSince: how long figures were behind a moment is told of the first that have it.
func TestSince(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	there := []figuresAt{{at(10), at(9)}, {at(12), at(11)}, {at(20), at(19)}}
	got := []time.Duration{}
	for _, moment := range []int{8, 9, 10, 15, 30} {
		got = since(got, at(moment), there)
	}
	if want := []time.Duration{2 * time.Second, time.Second, 2 * time.Second, 5 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
