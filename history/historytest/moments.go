package historytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"footfall/history"
	"footfall/period"
)

// crowd is what many visitors did on a date: all the same, n times.
func crowd(visitors int, n int64) (days []history.Day) {
	for i := range visitors {
		day := views(fmt.Sprintf("v%03d", i), n)
		day.Counts[b4] = history.Counts{n}
		day.Traits = fmt.Sprintf(`{"n":%d}`, n)
		days = append(days, day)
	}
	return days
}

// of tells by which crowd a past was made; it is an error if parts of it are by
// different ones.
func of(p history.Past) (n int64, err error) {
	if len(p.Rows) != 2 || len(p.Traits) != 1 {
		return 0, fmt.Errorf("%q has %d rows and traits of %d dates", p.Visitor, len(p.Rows), len(p.Traits))
	}
	h := history.History{}
	for _, r := range p.Rows {
		if err := h.AddRow(r); err != nil {
			return 0, err
		}
	}
	n = h[history.Whole][0].Counts[history.Views]
	if h[b4][0].Counts[history.Views] != n || p.Traits[0].JSON != fmt.Sprintf(`{"n":%d}`, n) {
		return 0, fmt.Errorf("%q is of different moments: %v, %v", p.Visitor, h, p.Traits)
	}
	return n, nil
}

// oneMoment changes everything while Each is on its way, from within it.
func oneMoment(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	replace(t, k, "shop", dates[0], crowd(200, 1)...)
	replace(t, k, "b", dates[0], crowd(3, 5)...)
	var kept []history.Past
	must(t, k.Each(t.Context(), "shop", func(p history.Past) error {
		if len(kept) == 0 {
			replace(t, k, "shop", dates[0], crowd(300, 2)...)
		}
		if len(kept) < 3 {
			must(t, k.Move(t.Context(), "shop", history.Move{Visitor: p.Visitor, In: []history.Member{member("fans", 1, 0)}}))
			if now, err := k.Read(t.Context(), "shop", p.Visitor); err != nil || len(now.In) != 1 {
				t.Errorf("read within Each: %v, %v", now, err)
			}
		}
		kept = append(kept, p)
		return nil
	}))
	if len(kept) != 200 {
		t.Errorf("%d pasts, want 200", len(kept))
	}
	seen := map[string]bool{}
	for _, p := range kept { // what was handed over stays as it is
		if n, err := of(p); err != nil || n != 1 || len(p.In) != 0 || seen[p.Visitor] {
			t.Fatalf("%q of %d in %v, seen before: %v; %v", p.Visitor, n, p.In, seen[p.Visitor], err)
		}
		seen[p.Visitor] = true
	}
	in := 0
	for _, past := range each(t, k, "shop") {
		if strings.Contains(past, "fans") {
			in++
		}
	}
	if now := len(each(t, k, "shop")); now != 300 || in != 3 {
		t.Errorf("afterwards %d pasts with %d members, want 300 with 3", now, in)
	}
}

// atOnce reads while days are replaced: before or after, never half.
func atOnce(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	const visitors = 100
	replace(t, k, "shop", dates[0], crowd(visitors, 1)...)
	var done atomic.Bool
	var changes atomic.Int64
	var readers sync.WaitGroup
	for _, look := range []func() (int64, error){
		func() (int64, error) { return lookAtOne(k) },
		func() (int64, error) { return lookAtAll(k, visitors) },
	} {
		readers.Go(func() {
			for last := int64(1); !done.Load(); {
				n, err := look()
				if err != nil {
					t.Error(err)
					return
				}
				if n != last {
					changes.Add(1)
				}
				last = n
			}
		})
	}
	for n, deadline := int64(2), time.Now().Add(20*time.Second); (n < 30 || changes.Load() < 8) && !t.Failed() && time.Now().Before(deadline); n++ {
		replace(t, k, "shop", dates[0], crowd(visitors, n)...)
	}
	done.Store(true)
	readers.Wait()
	if changes.Load() < 8 {
		t.Errorf("readers saw only %d changes", changes.Load())
	}
}

func lookAtOne(k Keeper) (int64, error) {
	p, err := k.Read(context.Background(), "shop", "v007")
	if err != nil {
		return 0, err
	}
	return of(p)
}

func lookAtAll(k Keeper, visitors int) (first int64, err error) {
	all := 0
	err = k.Each(context.Background(), "shop", func(p history.Past) error {
		n, err := of(p)
		if all++; all == 1 {
			first = n
		}
		if err == nil && n != first {
			err = fmt.Errorf("%q is of moment %d, others of %d", p.Visitor, n, first)
		}
		return err
	})
	if err == nil && all != visitors {
		err = errors.New("not all visitors at once")
	}
	return first, err
}

// forgets removes what is old, and then everything.
func forgets(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	fan := []history.Member{member("fans", 1, 0)}
	both := func(visitor string, n int64) history.Day {
		day := views(visitor, n)
		day.Traits = `{"plan":"pro"}`
		return day
	}
	for _, site := range []string{"shop", "b"} {
		replace(t, k, site, date(2010, 11, 30), both("member", 1), both("old", 1), both("u1", 1))
		replace(t, k, site, date(2010, 12, 1), both("u1", 2))
		replace(t, k, site, date(2011, 1, 5), both("u1", 3))
		must(t, k.Move(ctx, site, history.Move{Visitor: "member", In: fan, Bodies: [][]byte{[]byte(site)}}, history.Move{Visitor: "u1", In: fan}, history.Move{Visitor: "new", In: fan}))
		must(t, k.Count(ctx, site, dates[0], map[string]int{"fans": 3}))
		must(t, k.SetBasis(ctx, site, history.Basis{Zone: "UTC", Currency: "EUR", From: 5}))
	}
	other := each(t, k, "b")
	forget := func(before period.Date, want history.Removed, left int) {
		t.Helper()
		if got, err := k.Forget(ctx, "shop", before); err != nil || got != want {
			t.Errorf("before %s: %+v (%v), want %+v", before, got, err, want)
		}
		must(t, k.Close())
		k = open(t, dir)
		if now := each(t, k, "shop"); len(now) != left {
			t.Errorf("before %s: left %q, want %d", before, now, left)
		}
	}
	forget(date(2010, 11, 30), history.Removed{}, 4)
	forget(date(2010, 12, 31), history.Removed{Visitors: 1, Rows: 6}, 3) // not those of 1 December
	if p, err := k.Read(ctx, "shop", "old"); err != nil || len(p.Rows)+len(p.Traits)+len(p.In) > 0 {
		t.Errorf("old is still known: %v, %v", p, err)
	}
	if p, err := k.Read(ctx, "shop", "member"); err != nil || len(p.Rows)+len(p.Traits) > 0 || len(p.In) != 1 {
		t.Errorf("member is %v, %v", p, err)
	}
	must(t, k.Move(ctx, "shop", history.Move{Visitor: "member"}))
	forget(date(2010, 12, 31), history.Removed{}, 2)
	if p, err := k.Read(ctx, "shop", "u1"); err != nil || len(p.Rows) != 2 || len(p.Traits) != 2 || len(p.In) != 1 {
		t.Errorf("u1 is %v, %v", p, err)
	}
	forget(0, history.Removed{Visitors: 2, Rows: 4}, 0)
	forget(0, history.Removed{}, 0)
	counts, err := k.Counts(ctx, "shop", "fans", 0, dates[8])
	must(t, err)
	if _, has, err := k.Basis(ctx, "shop"); has || err != nil || len(counts) > 0 {
		t.Errorf("a basis is left: %v (%v), and counts %v", has, err, counts)
	}
	if left := due(t, k, noon, 10); len(left) != 1 || left[0].Site != "b" {
		t.Errorf("messages left: %v", left)
	}
	if now := each(t, k, "b"); strings.Join(now, "\n") != strings.Join(other, "\n") {
		t.Errorf("the other site has %q, want %q", now, other)
	}
}
