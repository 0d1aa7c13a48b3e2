package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// Funnel answers a funnel, by trying everything: from each event that may be the first
// step of a visitor it goes on as far as the later ones lead.
func (m *Model) Funnel(_ context.Context, f metric.Funnel) (metric.Passage, error) {
	if err := f.Check(); err != nil {
		return metric.Passage{}, err
	}
	x := m.tabling(f.Report())
	byVisitor := map[uint64][]event.Event{}
	for _, e := range x.events {
		if e.Visitor != 0 && within(e.Time, f.Window) && x.holds(f.Where, &e, nil) {
			byVisitor[e.Visitor] = append(byVisitor[e.Visitor], e)
		}
	}
	p := metric.Passage{Visitors: make([]int64, len(f.Steps)), Source: "events", AsOf: m.now().UTC()}
	for _, events := range byVisitor {
		farthest := 0
		for i, first := range events {
			if x.does(f.Steps[0], &first) {
				farthest = max(farthest, x.from(f, first.Time, events[i+1:], 1))
			}
		}
		for step := range farthest {
			p.Visitors[step]++
		}
	}
	return p, nil
}

// from is how many steps are done by somebody who has done some and goes on: the next
// one as soon as possible, as any that is later leaves less time.
func (x *tabling) from(f metric.Funnel, begun time.Time, events []event.Event, done int) int {
	if done == len(f.Steps) {
		return done
	}
	next := slices.IndexFunc(events, func(e event.Event) bool {
		return x.does(f.Steps[done], &e) && (f.Within == 0 || e.Time.Sub(begun) <= f.Within)
	})
	if next < 0 {
		return done
	}
	return x.from(f, begun, events[next+1:], done+1)
}

func pass(t *testing.T, s store.Store, f metric.Funnel) []int64 {
	t.Helper()
	p, err := s.(store.Funneler).Funnel(t.Context(), f)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	if p.Source == "" || p.AsOf.IsZero() {
		t.Errorf("%+v: %+v", f, p)
	}
	return p.Visitors
}

// funnels asks the store and the model the same random funnels.
func funnels(t *testing.T, open Open) {
	at, farthest := Places[1].At, 0
	now := func() time.Time { return at.Add(time.Hour) }
	s, m := open(t, t.TempDir(), now), NewModel(now)
	defer shut(t, s)
	r := rand.New(rand.NewPCG(7, 12))
	events := Odd(r, at, 900)
	for i := range events {
		events[i].Visitor = uint64(r.IntN(60)) // else everybody does everything
		if r.IntN(3) == 0 {                    // several at once
			events[i].Time = events[i].Time.Truncate(time.Hour)
		}
	}
	write(t, s, pos(1), events[:400]...)
	write(t, s, pos(2), events[400:]...)
	write(t, m, pos(1), events...)
	for range 60 {
		rep := report(r, at, time.UTC)
		f := metric.Funnel{Site: "a", Window: rep.Window, Where: rep.Where, Bots: rep.Bots, Goals: someGoals,
			Within: []time.Duration{0, 0, time.Millisecond, 31 * time.Minute, 2 * time.Hour, 20 * time.Hour}[r.IntN(6)]}
		if r.IntN(3) > 0 {
			f.Where = nil
		}
		for range 2 + r.IntN(7) {
			f.Steps = append(f.Steps, []metric.Act{{Page: "/1"}, {Page: "/*"}, {Page: "/2", Where: on("device", "desktop", "phone")}, someGoals[3].Act, someGoals[4].Act, {Page: "/5"}, {Event: "Order Completed"}, {Page: "/nowhere"}}[r.IntN(8)])
		}
		if f.Check() != nil {
			continue // of products
		}
		want := pass(t, m, f)
		if got := pass(t, s, f); !slices.Equal(got, want) {
			t.Fatalf("%+v where %s:\n got %v\nwant %v", f, spellWhere(f.Where), got, want)
		}
		farthest = max(farthest, slices.Index(append(want, 0), 0))
	}
	if farthest < 4 {
		t.Errorf("nobody has come farther than step %d", farthest)
	}
}

// funnelTable holds funnels worked out by hand.
func funnelTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	var events []event.Event
	walk := func(visitor uint64, steps ...string) { // one letter a page, a minute each; + is the same moment
		minute := 0
		for _, path := range steps {
			if path == "+" {
				minute--
				continue
			}
			e := plain(fmt.Sprint(len(events)), start.Add(time.Duration(minute)*time.Minute))
			e.Visitor, e.Path, e.Country = visitor, "/"+path, "AT"
			if minute++; visitor == 6 {
				e.Bot = "GPTBot"
			}
			events = append(events, e)
		}
	}
	walk(1, "a", "b", "c")
	walk(2, "a", "x", "x", "b")
	walk(3, "b", "a", "c") // never b behind a
	walk(4, "a", "x", "a", "b", "c")
	walk(5, "a", "+", "b", "+", "c") // stored in this order
	walk(6, "a", "b", "c")
	walk(0, "a", "b", "c")
	walk(7, "b", "+", "a", "c")
	write(t, s, pos(1), events...)
	page := func(paths ...string) (steps []metric.Act) {
		for _, p := range paths {
			steps = append(steps, metric.Act{Page: "/" + p})
		}
		return steps
	}
	hour := period.Window{From: start, To: start.Add(time.Hour)}
	for _, c := range []struct {
		f    metric.Funnel
		want string
	}{
		{metric.Funnel{Steps: page("a", "b", "c")}, "[6 4 3]"},
		{metric.Funnel{Steps: page("a", "b", "c"), Within: 2 * time.Minute}, "[6 3 3]"}, // 4 begins again
		{metric.Funnel{Steps: page("a", "b", "c"), Within: 2*time.Minute - time.Millisecond}, "[6 3 1]"},
		{metric.Funnel{Steps: page("a", "b", "c"), Bots: true}, "[7 5 4]"},
		{metric.Funnel{Steps: page("a", "a")}, "[6 1]"}, // one view is not two steps
		{metric.Funnel{Steps: page("*", "*", "*", "*")}, "[6 6 6 2]"},
		{metric.Funnel{Steps: page("a", "b"), Window: period.Window{From: start.Add(time.Minute), To: start.Add(4 * time.Minute)}}, "[2 1]"},
		{metric.Funnel{Steps: page("a", "b"), Where: on("country", "DE")}, "[0 0]"},
		{metric.Funnel{Steps: page("a", "b"), Where: &metric.Where{Not: &metric.Where{Done: on("page", "/x")}}}, "[4 2]"},
		{metric.Funnel{Steps: page("b", "a", "c", "c", "c", "c", "c", "c")}, "[6 2 2 0 0 0 0 0]"},
	} {
		if c.f.Site = "a"; c.f.Window == (period.Window{}) {
			c.f.Window = hour
		}
		if got := fmt.Sprint(pass(t, s, c.f)); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.f, got, c.want)
		}
	}
}
