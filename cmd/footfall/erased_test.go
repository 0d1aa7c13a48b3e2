package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"footfall/erase"
	"footfall/event"
	"footfall/ledger"
	"footfall/queue"
)

// slowSink writes when it is let.
type slowSink struct {
	let   chan struct{}
	wrote []event.Event
}

func (s *slowSink) Write(_ context.Context, events []event.Event, _ event.Position) error {
	<-s.let
	s.wrote = append(s.wrote, events...)
	return nil
}

func (s *slowSink) put(_ context.Context, items ...queue.AsideItem) error {
	<-s.let
	for _, it := range items {
		s.wrote = append(s.wrote, *it.Event)
	}
	return nil
}

func newErasures(t *testing.T) *erasures {
	return &erasures{List: erase.NewList([]byte("0123456789abcdef"), func(k ledger.Key) ledger.Key { return k }), path: filepath.Join(t.TempDir(), "erased.json")}
}

var longAgo = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func hersAndHis() []event.Event {
	of := func(user string) event.Event {
		return event.Event{ID: user, Site: "one", Kind: event.Page, UserID: user, Time: longAgo, Original: longAgo, Received: longAgo}
	}
	return []event.Event{of(herUser), of("ben")}
}

// TestErasureWaits: what was cleaned before an erasure began is written, or set
// aside, before the erasure looks for what there is; what comes meanwhile is clean
// and waits for nobody.
func TestErasureWaits(t *testing.T) {
	for name, write := range map[string]func(s *slowSink, x *erasures) error{
		"a sink": func(s *slowSink, x *erasures) error {
			return forgetful{s, x}.Write(t.Context(), hersAndHis(), event.Position{})
		},
		"the set-aside": func(s *slowSink, x *erasures) error { return asideOf(s, x) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, early, late := newErasures(t), &slowSink{let: make(chan struct{})}, &slowSink{let: make(chan struct{})}
				go write(early, x)
				synctest.Wait()
				kept := make(chan error, 1)
				go func() { kept <- x.keep(t.Context(), x.Mark("one", "user:"+herUser, longAgo)) }()
				synctest.Wait()
				go write(late, x)
				close(late.let)
				synctest.Wait()
				if len(late.wrote) != 2 || late.wrote[0].UserID != "" || late.wrote[1].UserID != "ben" {
					t.Errorf("what came meanwhile is written as %+v", late.wrote)
				}
				if len(kept) > 0 {
					t.Error("the erasure goes on while what was cleaned before is not written")
				}
				close(early.let)
				synctest.Wait()
				if len(early.wrote) != 2 || len(kept) != 1 {
					t.Fatalf("written %d, the erasure goes on: %v", len(early.wrote), len(kept) == 1)
				}
				must(t, <-kept)
			})
		})
	}
}

func asideOf(s *slowSink, x *erasures) error {
	var items []queue.AsideItem
	for _, e := range hersAndHis() {
		items = append(items, queue.AsideItem{Reader: "store", Reason: "no", Site: e.Site, Event: &e})
	}
	return x.setAside(s.put)(context.Background(), items...)
}

// TestErasureCutShort: who does not want to wait any more is told so; the same
// again waits for the same.
func TestErasureCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := newErasures(t), &slowSink{let: make(chan struct{})}
		go forgetful{s, x}.Write(t.Context(), hersAndHis(), event.Position{})
		synctest.Wait()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := x.keep(ctx, x.Mark("one", "user:"+herUser, longAgo)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("kept: %v", err)
			}
			cancel()
		}
		close(s.let)
		must(t, x.keep(t.Context(), x.Mark("one", "user:"+herUser, longAgo)))
	})
}
