// Package historytest is the law of those who keep histories, and a model of
// them in memory.
package historytest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/history"
	"footfall/period"
)

// Keeper keeps all there is to keep.
type Keeper interface {
	history.Store
	history.Bases
	history.Members
	history.Eraser
	history.Outbox
}

// Open opens a keeper in a directory; closed and opened again, it must hold
// what it held.
type Open func(t *testing.T, dir string) Keeper

// Law is what every keeper keeps to.
func Law(t *testing.T, open Open) {
	t.Run("Random", func(t *testing.T) { random(t, open) })
	t.Run("Replace", func(t *testing.T) { replaces(t, open) })
	t.Run("Failing", func(t *testing.T) { failing(t, open) })
	t.Run("Cancelled", func(t *testing.T) { cancelled(t, open) })
	t.Run("Committing", func(t *testing.T) { committing(t, open) })
	t.Run("Meanwhile", func(t *testing.T) { meanwhile(t, open) })
	t.Run("Items", func(t *testing.T) { items(t, open) })
	t.Run("OneMoment", func(t *testing.T) { oneMoment(t, open) })
	t.Run("AtOnce", func(t *testing.T) { atOnce(t, open) })
	t.Run("Forget", func(t *testing.T) { forgets(t, open) })
	t.Run("Members", func(t *testing.T) { members(t, open) })
	t.Run("Erase", func(t *testing.T) { erases(t, open) })
	t.Run("Drop", func(t *testing.T) { drops(t, open) })
	t.Run("Outbox", func(t *testing.T) { outbox(t, open) })
	t.Run("Claims", func(t *testing.T) { claims(t, open) })
}

var (
	sites    = []string{"shop", "b", "shop2"}
	visitors = []string{"a", "ab", "u1", "u10", "u2", "ä'\"\\", "x\x00y", "\xff", "日本"}
	things   = []history.Item{history.Whole, {Kind: history.Product, Value: "B4"}, {Kind: history.Product, Value: "b4"}, {Kind: history.Category, Value: "B4"},
		{Kind: history.Category, Value: "ä'\"\\"}, {Kind: history.Product, Value: "x\x00y"}, {Kind: history.Product, Value: "\xff"}}
	segments = []string{"fans", "vip", "lost"}
	dates    = []period.Date{date(2010, 12, 1), date(2010, 12, 31), date(2011, 1, 1), date(2011, 1, 2), date(2011, 1, 31), date(2011, 2, 1),
		date(2011, 2, 28), date(2012, 2, 29), date(2012, 3, 1), date(1969, 12, 31)}
	noon = time.Date(2011, 2, 28, 12, 0, 0, 0, time.UTC)
)

func date(y int, m time.Month, d int) period.Date {
	return period.DateOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), nil)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seq hands over days by visitor, and then an error if there is one.
func seq(err error, days ...history.Day) iter.Seq2[history.Day, error] {
	slices.SortStableFunc(days, func(a, b history.Day) int { return cmp.Compare(a.Visitor, b.Visitor) })
	return func(yield func(history.Day, error) bool) {
		for _, day := range days {
			if !yield(day, nil) {
				return
			}
		}
		if err != nil {
			yield(history.Day{}, err)
		}
	}
}

func replace(t testing.TB, k Keeper, site string, date period.Date, days ...history.Day) history.Report {
	t.Helper()
	report, err := k.Replace(context.Background(), site, date, seq(nil, days...), nil)
	must(t, err)
	return report
}

// views is a day with page views only.
func views(visitor string, n int64) history.Day {
	return history.Day{Visitor: visitor, Counts: map[history.Item]history.Counts{history.Whole: {history.Views: n}}}
}

// member is a membership since some milliseconds behind noon.
func member(segment string, version, since int) history.Member {
	return history.Member{Segment: segment, Version: version, Since: noon.Add(time.Duration(since) * time.Millisecond)}
}

// text spells what was read; nothing is nothing, whether it is nil or not.
func text(p history.Past) string {
	return fmt.Sprintf("%q rows %v traits %v in %v", p.Visitor, p.Rows, p.Traits, p.In)
}

// each reads all pasts of a site, by visitor.
func each(t testing.TB, k Keeper, site string, items ...history.Item) (all []string) {
	t.Helper()
	must(t, k.Each(context.Background(), site, func(p history.Past) error { all = append(all, text(p)); return nil }, items...))
	slices.Sort(all)
	return all
}

// in lists who is in some segments.
func in(t testing.TB, k Keeper, site string, segments ...string) (all []string) {
	t.Helper()
	must(t, k.In(context.Background(), site, segments, func(visitor, segment string) error {
		all = append(all, fmt.Sprintf("%q in %s", visitor, segment))
		return nil
	}))
	slices.Sort(all)
	return all
}

// agree compares everything two keepers answer.
func agree(t testing.TB, rng *rand.Rand, got, want Keeper) {
	t.Helper()
	ctx := context.Background()
	asked := things[:rng.IntN(len(things)+1)]
	for _, site := range append(sites, "unknown") {
		if g, w := each(t, got, site, asked...), each(t, want, site, asked...); !slices.Equal(g, w) {
			t.Fatalf("%s: each %v hands over\n%q, want\n%q", site, asked, g, w)
		}
		for _, visitor := range append(visitors, "unknown", "") {
			g, err := got.Read(ctx, site, visitor, asked...)
			must(t, err)
			w, err := want.Read(ctx, site, visitor, asked...)
			must(t, err)
			if text(g) != text(w) {
				t.Fatalf("%s: %v of %q are\n%s, want\n%s", site, asked, visitor, text(g), text(w))
			}
		}
		gb, gok, err := got.Basis(ctx, site)
		must(t, err)
		wb, wok, err := want.Basis(ctx, site)
		must(t, err)
		if gb != wb || gok != wok {
			t.Fatalf("%s: basis is %v (%v), want %v (%v)", site, gb, gok, wb, wok)
		}
		if g, w := in(t, got, site, segments[1:]...), in(t, want, site, segments[1:]...); !slices.Equal(g, w) {
			t.Fatalf("%s: in %v are %q, want %q", site, segments[1:], g, w)
		}
		for _, segment := range segments {
			from, to := dates[rng.IntN(len(dates))], dates[rng.IntN(len(dates))]+period.Date(rng.IntN(2))
			g, err := got.Counts(ctx, site, segment, from, to)
			must(t, err)
			w, err := want.Counts(ctx, site, segment, from, to)
			must(t, err)
			if fmt.Sprint(g) != fmt.Sprint(w) {
				t.Fatalf("%s: counts of %s from %s to %s are %v, want %v", site, segment, from, to, g, w)
			}
		}
	}
	agreeOutbox(t, rng, got, want)
}

func agreeOutbox(t testing.TB, rng *rand.Rand, got, want Keeper) {
	t.Helper()
	for _, limit := range []int{1 + rng.IntN(5), 1 << 20} {
		now := noon.Add(time.Duration(rng.IntN(10)) * time.Second)
		if g, w := due(t, got, now, limit), due(t, want, now, limit); !reflect.DeepEqual(told(g), told(w)) {
			t.Fatalf("%d due at %s are\n%v, want\n%v", limit, now, told(g), told(w))
		}
	}
	gn, g, err := got.Waiting(context.Background())
	must(t, err)
	wn, w, err := want.Waiting(context.Background())
	must(t, err)
	if gn != wn || !reflect.DeepEqual(told([]history.Message{g}), told([]history.Message{w})) {
		t.Fatalf("%d messages wait, the oldest %v, want %d, %v", gn, g, wn, w)
	}
}

// due lists what is due, in order.
func due(t testing.TB, k Keeper, now time.Time, limit int) []history.Message {
	t.Helper()
	messages, err := k.Due(context.Background(), now, limit)
	must(t, err)
	for i := 1; i < len(messages); i++ {
		if messages[i].ID <= messages[i-1].ID {
			t.Errorf("message %d comes behind %d", messages[i].ID, messages[i-1].ID)
		}
	}
	return messages
}

// told is messages without their IDs, which each keeper may give as it likes.
func told(messages []history.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, fmt.Sprintf("%s %q %d %s %v %q", m.Site, m.Body, m.Tries, m.Due, m.Due.IsZero(), m.Why))
	}
	return all
}

// randomDay is what a visitor did, which may be nothing.
func randomDay(rng *rand.Rand, visitor string) history.Day {
	day := history.Day{Visitor: visitor, Counts: map[history.Item]history.Counts{}}
	for range rng.IntN(5) {
		c := history.Counts{}
		for range rng.IntN(3) {
			c[rng.IntN(len(c))] = rng.Int64N(5) * (rng.Int64N(200_000) - 1000)
		}
		day.Counts[things[rng.IntN(len(things))]] = c
	}
	if rng.IntN(3) == 0 {
		day.Traits = fmt.Sprintf(`{"plan":"p%d"}`, rng.IntN(3))
	}
	return day
}

func randomDays(rng *rand.Rand) (days []history.Day) {
	for _, visitor := range visitors {
		if rng.IntN(3) > 0 {
			days = append(days, randomDay(rng, visitor))
		}
	}
	return days
}

// step does something to both keepers.
func step(t *testing.T, rng *rand.Rand, got, want Keeper) {
	ctx := context.Background()
	site, day := sites[rng.IntN(len(sites))], dates[rng.IntN(len(dates))]
	both := func(do func(k Keeper) (any, error)) {
		t.Helper()
		g, err := do(got)
		must(t, err)
		w, err := do(want)
		must(t, err)
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("said %+v, want %+v", g, w)
		}
	}
	switch rng.IntN(13) {
	default:
		days := randomDays(rng)
		both(func(k Keeper) (any, error) { return k.Replace(ctx, site, day, seq(nil, days...), nil) })
	case 0:
		if rng.IntN(3) == 0 {
			day = 0
		}
		both(func(k Keeper) (any, error) { return k.Forget(ctx, site, day) })
	case 1, 2, 3:
		moves := randomMoves(rng)
		both(func(k Keeper) (any, error) { return nil, k.Move(ctx, site, moves...) })
	case 4:
		counts := map[string]int{}
		for range rng.IntN(3) {
			counts[segments[rng.IntN(len(segments))]] = rng.IntN(3)
		}
		both(func(k Keeper) (any, error) { return nil, k.Count(ctx, site, day, counts) })
	case 5:
		segment := segments[rng.IntN(len(segments))]
		both(func(k Keeper) (any, error) { return nil, k.Drop(ctx, site, segment) })
	case 12:
		visitor := visitors[rng.IntN(len(visitors))]
		both(func(k Keeper) (any, error) { return k.Erase(ctx, site, visitor) })
	case 6:
		b := history.Basis{Zone: "Europe/Berlin", Currency: "EUR", From: day, Counted: day + 3}
		both(func(k Keeper) (any, error) { return nil, k.SetBasis(ctx, site, b) })
	case 7, 8:
		nth, again := rng.IntN(4), noon.Add(time.Duration(rng.IntN(10_000_000))*time.Microsecond)
		outcome := rng.IntN(3)
		both(func(k Keeper) (any, error) { return try(t, k, nth, outcome, again) })
	}
}

// try delivers the n-th message, or fails to, or only claims it.
func try(t *testing.T, k Keeper, nth, outcome int, again time.Time) (claimed bool, err error) {
	messages := due(t, k, noon.Add(time.Hour), nth+1)
	if nth >= len(messages) {
		return false, nil
	}
	switch m := messages[nth]; outcome {
	case 0:
		return k.Claim(context.Background(), m, again)
	case 1:
		return false, k.Sent(context.Background(), m.ID)
	default:
		return false, k.Failed(context.Background(), m.ID, "answered 500", again)
	}
}

func randomMoves(rng *rand.Rand) []history.Move {
	moves := make([]history.Move, rng.IntN(4))
	for i := range moves {
		moves[i].Visitor = visitors[rng.IntN(len(visitors))]
		for _, s := range rng.Perm(len(segments))[:rng.IntN(len(segments)+1)] {
			moves[i].In = append(moves[i].In, member(segments[s], 1+rng.IntN(3), rng.IntN(5000)))
		}
		for range rng.IntN(3) {
			moves[i].Bodies = append(moves[i].Bodies, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(9)+1))
		}
	}
	return moves
}

// random does at random what can be done, beside the model.
func random(t *testing.T, open Open) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			dir := t.TempDir()
			got, want := open(t, dir), Keeper(NewModel())
			defer func() { must(t, got.Close()) }()
			for range 60 {
				step(t, rng, got, want)
				if rng.IntN(6) == 0 {
					must(t, got.Close())
					got = open(t, dir)
				}
				agree(t, rng, got, want)
			}
		})
	}
}
