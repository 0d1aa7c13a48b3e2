package historytest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/history"
)

var b4 = history.Item{Kind: history.Product, Value: "B4"}

// replaces puts one day after another in the same place, and counts the rows.
func replaces(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	first, second := date(2011, 1, 30), date(2011, 1, 31)
	full := history.Day{Visitor: "u1", Counts: map[history.Item]history.Counts{history.Whole: {5, 1}, b4: {1}}, Traits: `{"plan":"pro"}`}
	past := func(counts history.Counts, item history.Counts, traits ...history.Traits) history.Past {
		h := history.History{}
		h.AddDay(history.Whole, history.DayCounts{Date: first, Counts: counts})
		h.AddDay(history.Whole, history.DayCounts{Date: second, Counts: history.Counts{2}})
		h.AddDay(b4, history.DayCounts{Date: first, Counts: item})
		return history.Past{Visitor: "u1", Rows: h.Rows(), Traits: traits}
	}
	pro, free := history.Traits{Date: first, JSON: `{"plan":"pro"}`}, history.Traits{Date: first, JSON: `{"plan":"free"}`}
	replace(t, k, "shop", second, views("u1", 2))
	for _, c := range []struct {
		name string
		days []history.Day
		want history.Report
		past history.Past // of u1
	}{
		{"new", []history.Day{full, views("u2", 3)}, history.Report{Visitors: 2, Rows: 4}, past(history.Counts{5, 1}, history.Counts{1}, pro)},
		{"the same", []history.Day{full, views("u2", 3)}, history.Report{Visitors: 2}, past(history.Counts{5, 1}, history.Counts{1}, pro)},
		{"fewer", []history.Day{views("u1", 1), views("u2", 3)}, history.Report{Visitors: 2, Rows: 3}, past(history.Counts{1}, history.Counts{})},
		{"without one", []history.Day{views("u2", 3)}, history.Report{Visitors: 1, Rows: 1}, past(history.Counts{}, history.Counts{})},
		{"traits only", []history.Day{{Visitor: "u1", Traits: free.JSON}}, history.Report{Visitors: 1, Rows: 2}, past(history.Counts{}, history.Counts{}, free)},
		{"other traits", []history.Day{{Visitor: "u1", Traits: pro.JSON}}, history.Report{Visitors: 1, Rows: 1}, past(history.Counts{}, history.Counts{}, pro)},
		{"nothing of somebody", []history.Day{{Visitor: "u1", Counts: map[history.Item]history.Counts{b4: {}}}}, history.Report{Rows: 1}, past(history.Counts{}, history.Counts{})},
		{"all again", []history.Day{full}, history.Report{Visitors: 1, Rows: 3}, past(history.Counts{5, 1}, history.Counts{1}, pro)},
		{"nobody", nil, history.Report{Rows: 3}, past(history.Counts{}, history.Counts{})},
	} {
		if got := replace(t, k, "shop", first, c.days...); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		must(t, k.Close())
		k = open(t, dir)
		if got, err := k.Read(t.Context(), "shop", "u1"); err != nil || text(got) != text(c.past) {
			t.Errorf("%s: read\n%s (%v), want\n%s", c.name, text(got), err, text(c.past))
		}
	}
	replace(t, k, "shop", first, crowd(2500, 1)...)
	if got, want := replace(t, k, "shop", first, crowd(2500, 1)[2400:]...), (history.Report{Visitors: 100, Rows: 3 * 2400}); got != want {
		t.Errorf("many gone: %+v, want %+v", got, want)
	}
	replace(t, k, "shop", first)
	replace(t, k, "shop", second)
	if left := each(t, k, "shop"); len(left) > 0 {
		t.Errorf("nobody did anything, and there is %q", left)
	}
}

// filled is a keeper with something of everything, and the model of it.
func filled(t *testing.T, open Open, rng *rand.Rand) (k, want Keeper) {
	k, want = open(t, t.TempDir()), NewModel()
	for range 30 {
		step(t, rng, k, want)
	}
	return k, want
}

// failing hands over what can't be taken: nothing changes.
func failing(t *testing.T, open Open) {
	rng := rand.New(rand.NewPCG(2, 2))
	k, want := filled(t, open, rng)
	defer func() { must(t, k.Close()) }()
	trouble := errors.New("trouble")
	unordered := func(days ...history.Day) func(func(history.Day, error) bool) {
		return func(yield func(history.Day, error) bool) {
			for _, day := range days {
				if !yield(day, nil) {
					return
				}
			}
		}
	}
	commits := 0
	never := func(func() error) error { commits++; return nil }
	for name, replace := range map[string]func() error{
		"an error at once": func() error { _, err := k.Replace(t.Context(), "shop", dates[2], seq(trouble), never); return err },
		"an error behind days": func() error {
			_, err := k.Replace(t.Context(), "shop", dates[2], seq(trouble, randomDays(rng)...), never)
			return err
		},
		"out of order": func() error {
			_, err := k.Replace(t.Context(), "shop", dates[2], unordered(views("u2", 1), views("u1", 1)), never)
			return err
		},
		"somebody twice": func() error {
			_, err := k.Replace(t.Context(), "shop", dates[2], unordered(views("u1", 1), views("u1", 2)), never)
			return err
		},
		"nobody's day": func() error {
			_, err := k.Replace(t.Context(), "shop", dates[2], unordered(views("", 1)), never)
			return err
		},
	} {
		if err := replace(); err == nil || commits > 0 {
			t.Errorf("%s: error %v, %d commits", name, err, commits)
		}
		agree(t, rng, k, want)
	}
	if _, err := k.Replace(t.Context(), "shop", dates[2], seq(nil, views("u1", 1)), never); err == nil || commits != 1 {
		t.Errorf("nobody committed: error %v, asked %d times", err, commits)
	}
	agree(t, rng, k, want)
	if _, err := k.Replace(t.Context(), "shop", dates[2], seq(nil, views("u1", 1)), func(func() error) error { return trouble }); !errors.Is(err, trouble) {
		t.Errorf("committing failed: %v", err)
	}
	agree(t, rng, k, want)
	n := 0
	if err := k.Each(t.Context(), "shop", func(history.Past) error { n++; return trouble }); !errors.Is(err, trouble) || n != 1 {
		t.Errorf("after %d pasts the error is %v", n, err)
	}
	for range 20 { // it goes on
		step(t, rng, k, want)
		agree(t, rng, k, want)
	}
}

// cancelled calls with an ended context, and ends it between days.
func cancelled(t *testing.T, open Open) {
	rng := rand.New(rand.NewPCG(3, 3))
	k, want := filled(t, open, rng)
	defer func() { must(t, k.Close()) }()
	ctx, end := context.WithCancel(context.Background())
	_, err := k.Replace(ctx, "shop", dates[3], func(yield func(history.Day, error) bool) {
		if yield(views("u1", 7), nil) {
			end()
			yield(views("u2", 7), nil)
		}
	}, nil)
	errs := map[string]error{"Replace that is ended": err}
	_, errs["Replace"] = k.Replace(ctx, "shop", dates[3], seq(nil), nil)
	_, errs["Read"] = k.Read(ctx, "shop", "u1")
	errs["Each"] = k.Each(ctx, "shop", func(history.Past) error { return nil })
	_, errs["Forget"] = k.Forget(ctx, "shop", 0)
	_, errs["Erase"] = k.Erase(ctx, "shop", "a")
	_, _, errs["Basis"] = k.Basis(ctx, "shop")
	errs["SetBasis"] = k.SetBasis(ctx, "shop", history.Basis{Zone: "UTC"})
	errs["Move"] = k.Move(ctx, "shop", history.Move{Visitor: "u1", Bodies: [][]byte{{1}}})
	errs["Count"] = k.Count(ctx, "shop", dates[3], map[string]int{"fans": 77})
	_, errs["Counts"] = k.Counts(ctx, "shop", "fans", dates[3], dates[4])
	errs["In"] = k.In(ctx, "shop", segments, func(_, _ string) error { return nil })
	errs["Drop"] = k.Drop(ctx, "shop", "fans")
	_, errs["Due"] = k.Due(ctx, noon, 1)
	_, errs["Claim"] = k.Claim(ctx, history.Message{ID: 1}, noon)
	errs["Sent"] = k.Sent(ctx, 1)
	errs["Failed"] = k.Failed(ctx, 1, "no", noon)
	_, _, errs["Waiting"] = k.Waiting(ctx)
	for name, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context is %v", name, err)
		}
	}
	agree(t, rng, k, want)
	for range 10 {
		step(t, rng, k, want)
		agree(t, rng, k, want)
	}
}

// committing reads before and behind the commit.
func committing(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	replace(t, k, "shop", dates[0], views("u1", 1))
	seen := func() (views int64) {
		t.Helper()
		p, err := k.Read(t.Context(), "shop", "u1")
		must(t, err)
		h := history.History{}
		for _, r := range p.Rows {
			must(t, h.AddRow(r))
		}
		return h.Sum(history.Whole, dates[0], dates[0]+1)[history.Views]
	}
	trouble := errors.New("trouble behind the commit")
	report, err := k.Replace(t.Context(), "shop", dates[0], seq(nil, views("u1", 2)), func(commit func() error) error {
		if n := seen(); n != 1 {
			t.Errorf("%d views before the commit", n)
		}
		must(t, commit())
		if n := seen(); n != 2 {
			t.Errorf("%d views behind the commit", n)
		}
		return trouble
	})
	if !errors.Is(err, trouble) || seen() != 2 {
		t.Errorf("%+v, %v; %d views", report, err, seen())
	}
}

// meanwhile does anything else while the days of a date come: it waits for
// nothing, and is as if done before or behind.
func meanwhile(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	replace(t, k, "shop", dates[0], views("a", 1), views("gone", 1))
	replace(t, k, "shop", dates[3], views("a", 1), views("u1", 1), views("u2", 1), views("u3", 1))
	fan := []history.Member{member("fans", 1, 0)}
	must(t, k.Move(t.Context(), "shop", history.Move{Visitor: "u2", In: fan, Bodies: [][]byte{{1}}}))
	_, err := k.Replace(t.Context(), "shop", dates[3], func(yield func(history.Day, error) bool) {
		if !yield(views("a", 1), nil) || !yield(views("new", 1), nil) || !yield(views("u1", 2), nil) {
			return
		}
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		must(t, k.Sent(ctx, due(t, k, noon, 1)[0].ID))
		must(t, k.Move(ctx, "shop", history.Move{Visitor: "new", In: fan}, history.Move{Visitor: "u2"}, history.Move{Visitor: "u1", In: fan}))
		must(t, k.Count(ctx, "shop", dates[3], map[string]int{"fans": 1}))
		must(t, k.SetBasis(ctx, "shop", history.Basis{Zone: "UTC"}))
		must(t, k.Drop(ctx, "shop", "vip"))
		_, err := k.Forget(ctx, "shop", dates[3])
		must(t, err)
		yield(views("u2", 1), nil)
	}, nil)
	must(t, err)
	want := NewModel()
	replace(t, want, "shop", dates[3], views("a", 1), views("new", 1), views("u1", 2), views("u2", 1))
	must(t, want.Move(t.Context(), "shop", history.Move{Visitor: "new", In: fan}, history.Move{Visitor: "u1", In: fan}))
	if g, w := each(t, k, "shop"), each(t, want, "shop"); !slices.Equal(g, w) {
		t.Errorf("kept is\n%q, want\n%q", g, w)
	}
	if n, _, err := k.Waiting(t.Context()); n != 0 || err != nil {
		t.Errorf("%d messages wait, %v", n, err)
	}
}

// items reads some items of many.
func items(t *testing.T, open Open) {
	k := open(t, t.TempDir())
	defer func() { must(t, k.Close()) }()
	h := history.History{}
	for _, date := range dates {
		day := history.Day{Visitor: "u1", Counts: map[history.Item]history.Counts{}, Traits: `{"a":1}`}
		for i, item := range things {
			day.Counts[item] = history.Counts{int64(date), int64(i)}
			h.AddDay(item, history.DayCounts{Date: date, Counts: day.Counts[item]})
		}
		replace(t, k, "shop", date, day)
	}
	must(t, k.Move(t.Context(), "shop", history.Move{Visitor: "u1", In: []history.Member{member("fans", 1, 0)}}))
	many := make([]history.Item, 40_000) // as many as segments may ask for
	for i := range many {
		many[i] = history.Item{Kind: history.Product, Value: string(rune('一' + i%20_000))}
	}
	for _, asked := range [][]history.Item{nil, {history.Whole}, {{Kind: history.Product, Value: "no"}}, things[1:3], append(many, things[3:]...)} {
		part := history.History{}
		for _, item := range asked {
			if days := h[item]; len(days) > 0 {
				part[item] = days
			}
		}
		if asked == nil {
			part = h
		}
		got, err := k.Read(t.Context(), "shop", "u1", asked...)
		must(t, err)
		if want := part.Rows(); len(got.Rows) != len(want) || len(want) > 0 && !reflect.DeepEqual(got.Rows, want) {
			t.Errorf("%d items have %d rows, want %d", len(asked), len(got.Rows), len(want))
		}
		if len(got.Traits) != len(dates) || len(got.In) != 1 {
			t.Errorf("%d items: traits of %d dates and %d segments", len(asked), len(got.Traits), len(got.In))
		}
		if all := each(t, k, "shop", asked...); len(all) != 1 || all[0] != text(got) {
			t.Errorf("%d items: each hands over %d, not what Read does", len(asked), len(all))
		}
	}
}
