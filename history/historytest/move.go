package historytest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/history"
	"footfall/period"
)

// members moves visitors in and out, and counts them.
func members(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	of := func(visitor string) []history.Member {
		t.Helper()
		p, err := k.Read(ctx, "shop", visitor)
		must(t, err)
		return p.In
	}
	counts := func(segment string, want ...history.Count) {
		t.Helper()
		must(t, k.Close())
		k = open(t, dir)
		got, err := k.Counts(ctx, "shop", segment, dates[0], dates[3])
		must(t, err)
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("counts of %s are %v, want %v", segment, got, want)
		}
	}
	since := time.Date(2011, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("", 3600))
	must(t, k.Move(ctx, "shop",
		history.Move{Visitor: "u1", In: []history.Member{{Segment: "vip", Version: 2, Since: since}, member("fans", 1, 0)}},
		history.Move{Visitor: "u2", In: []history.Member{member("fans", 1, 1)}}))
	must(t, k.Move(ctx, "b", history.Move{Visitor: "u1", In: []history.Member{member("fans", 1, 0)}}))
	want := []history.Member{member("fans", 1, 0), {Segment: "vip", Version: 2, Since: time.Date(2011, 1, 2, 2, 4, 5, 678_000_000, time.UTC)}}
	if got := of("u1"); !reflect.DeepEqual(got, want) {
		t.Errorf("u1 is in %v, want %v", got, want)
	}
	if all := in(t, k, "shop", "fans", "vip", "other"); !slices.Equal(all, []string{`"u1" in fans`, `"u1" in vip`, `"u2" in fans`}) || len(in(t, k, "shop")) > 0 {
		t.Errorf("in fans and vip are %q; in nothing %q", all, in(t, k, "shop"))
	}
	replace(t, k, "shop", dates[0], views("u1", 1))
	replace(t, k, "shop", dates[0])
	if all := each(t, k, "shop"); len(of("u1")) != 2 || len(all) != 2 {
		t.Errorf("without a day, u1 is in %v; all are %q", of("u1"), all)
	}
	must(t, k.Count(ctx, "shop", dates[0], map[string]int{"fans": 2, "vip": 1, "lost": 0}))
	counts("fans", history.Count{Date: dates[0], Members: 2})
	counts("lost", history.Count{Date: dates[0]})
	must(t, k.Move(ctx, "shop", history.Move{Visitor: "u2"}, history.Move{Visitor: "nobody"}))
	if all := each(t, k, "shop"); len(all) != 1 {
		t.Errorf("who left the last segment and did nothing is still known: %q", all)
	}
	for _, date := range []period.Date{dates[0], dates[1], dates[3]} {
		must(t, k.Count(ctx, "shop", date, map[string]int{"fans": 1}))
	}
	counts("fans", history.Count{Date: dates[0], Members: 1}, history.Count{Date: dates[1], Members: 1})
	counts("vip", history.Count{Date: dates[0], Members: 1})
}

// drops takes segments away.
func drops(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	fan, vip := member("fans", 1, 0), member("vip", 2, 0)
	for _, site := range []string{"shop", "b"} {
		must(t, k.Move(ctx, site, history.Move{Visitor: "u1", In: []history.Member{vip, fan}}, history.Move{Visitor: "u2", In: []history.Member{fan}}))
		must(t, k.Count(ctx, site, dates[0], map[string]int{"fans": 2, "vip": 1}))
	}
	replace(t, k, "shop", dates[0], views("u3", 1))
	drop := func(segment string, left int, in ...history.Member) {
		t.Helper()
		must(t, k.Drop(ctx, "shop", segment))
		must(t, k.Close())
		k = open(t, dir)
		dropped, err := k.Counts(ctx, "shop", segment, dates[0], dates[3])
		must(t, err)
		u1, err := k.Read(ctx, "shop", "u1")
		must(t, err)
		if all := each(t, k, "shop"); len(all) != left || len(dropped) != 0 || !slices.Equal(u1.In, in) {
			t.Errorf("%s dropped: left %q and counts %v; u1 is in %v, want %v", segment, all, dropped, u1.In, in)
		}
		for _, one := range in {
			if counts, err := k.Counts(ctx, "shop", one.Segment, dates[0], dates[3]); err != nil || len(counts) != 1 {
				t.Errorf("%s dropped: counts of %s are %v, %v", segment, one.Segment, counts, err)
			}
		}
	}
	drop("unknown", 3, fan, vip)
	drop("fans", 2, vip) // u2 was in nothing else
	drop("vip", 1)
	if all := each(t, k, "b"); len(all) != 2 {
		t.Errorf("elsewhere are %q", all)
	}
	if n, _, err := k.Waiting(ctx); n != 0 || err != nil {
		t.Errorf("%d messages (%v) without a body", n, err)
	}
}

// outbox keeps messages in order until they are sent, by whatever tries.
func outbox(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	must(t, k.Move(ctx, "shop", history.Move{Visitor: "u1", Bodies: [][]byte{[]byte("1"), []byte("2")}}, history.Move{Visitor: "u2", Bodies: [][]byte{[]byte("3")}}))
	must(t, k.Move(ctx, "b", history.Move{Visitor: "u1", Bodies: [][]byte{{4, 0, 0xff}}}))
	shows := func(when string, now time.Time, limit int, bodies ...string) []history.Message {
		t.Helper()
		must(t, k.Close())
		k = open(t, dir)
		messages := due(t, k, now, limit)
		var got []string
		for _, m := range messages {
			got = append(got, string(m.Body))
		}
		if len(got)+len(bodies) > 0 && !reflect.DeepEqual(got, bodies) {
			t.Errorf("%s: due are %q, want %q", when, got, bodies)
		}
		return messages
	}
	all := shows("at first", time.Unix(0, 0), 10, "1", "2", "3", "\x04\x00\xff")
	if last := all[3]; last.Site != "b" || last.Tries != 0 || last.Why != "" || !last.Due.IsZero() {
		t.Errorf("a new message is %+v", last)
	}
	shows("at most two of a site", noon, 2, "1", "2", "\x04\x00\xff")
	shows("none asked for", noon, 0)
	again := noon.Add(time.Minute + 999*time.Microsecond)
	must(t, k.Failed(ctx, all[0].ID, "answered 500", again))
	must(t, k.Failed(ctx, all[0].ID, "answered 502", again))
	shows("the first failed", again.Truncate(time.Millisecond).Add(-1), 2, "\x04\x00\xff")
	shows("its time has come", again, 2, "1", "2", "\x04\x00\xff")
	want := history.Message{ID: all[0].ID, Site: "shop", Body: []byte("1"), Tries: 2, Due: noon.Add(time.Minute), Why: "answered 502"}
	if n, oldest, err := k.Waiting(ctx); n != 4 || !reflect.DeepEqual(oldest, want) || err != nil {
		t.Errorf("%d wait, the oldest %+v (%v), want 4 and %+v", n, oldest, err, want)
	}
	for _, m := range all {
		must(t, k.Sent(ctx, m.ID))
	}
	must(t, k.Sent(ctx, all[1].ID))
	must(t, k.Failed(ctx, all[1].ID, "too late", noon))
	shows("all sent", again, 10)
	if n, oldest, err := k.Waiting(ctx); n != 0 || !reflect.DeepEqual(oldest, history.Message{}) || err != nil {
		t.Errorf("%d wait, the oldest %+v (%v), want none", n, oldest, err)
	}
	must(t, k.Move(ctx, "shop", history.Move{Visitor: "u1", Bodies: [][]byte{[]byte("5")}}))
	if next := shows("one more", noon, 1, "5"); next[0].ID <= all[3].ID {
		t.Errorf("it has the ID %d, which was given before", next[0].ID)
	}
}

// claims: who lists a message and claims it is the only one to try it.
func claims(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	must(t, k.Move(ctx, "shop", history.Move{Visitor: "u1", Bodies: [][]byte{[]byte("1"), []byte("2")}}))
	claim := func(m history.Message, until time.Time, want bool) {
		t.Helper()
		if got, err := k.Claim(ctx, m, until); got != want || err != nil {
			t.Errorf("claimed %t (%v), want %t", got, err, want)
		}
	}
	first := due(t, k, noon, 1)[0]
	until := noon.Add(time.Minute + 999*time.Microsecond)
	claim(first, until, true)
	claim(first, until.Add(time.Hour), false) // somebody else was faster
	if all := due(t, k, until.Truncate(time.Millisecond).Add(-1), 2); len(all) > 0 {
		t.Errorf("while the first is claimed %q are due", told(all))
	}
	want := first
	want.Due = milli(until)
	if n, oldest, err := k.Waiting(ctx); n != 2 || !reflect.DeepEqual(oldest, want) || err != nil {
		t.Errorf("%d wait, the claimed one is %+v (%v), want %+v", n, oldest, err, want)
	}
	again := due(t, k, until, 2) // its try was cut off
	if len(again) != 2 || !reflect.DeepEqual(again[0], want) {
		t.Fatalf("after the claim %q are due", told(again))
	}
	must(t, k.Failed(ctx, first.ID, "answered 500", until.Add(time.Second)))
	claim(again[0], until.Add(time.Hour), false) // it was tried since it was listed
	must(t, k.Sent(ctx, first.ID))
	claim(due(t, k, noon, 1)[0], until, true)
	claim(first, until, false)
}
