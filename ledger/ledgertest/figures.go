package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
)

// randomCut is a cut that is split by some of what it can be.
func randomCut(rng *rand.Rand, can ...ledger.By) ledger.Cut {
	by := slices.Clone(can)
	rng.Shuffle(len(by), func(i, j int) { by[i], by[j] = by[j], by[i] })
	c := ledger.Cut{Program: maybe(rng, "p"), Affiliate: maybe(rng, "a1"), Sites: maybe(rng, []string{"s1", "s0"}[:rng.IntN(3)]), From: maybe(rng, when(rng)), To: maybe(rng, when(rng)),
		By: by[:rng.IntN(min(len(by), 5))], Now: when(rng)}
	for at := at(0); rng.IntN(4) > 0; at = at.Add(time.Duration(1+rng.IntN(2)) * quarter) {
		c.Steps = append(c.Steps, at)
	}
	return c
}

// figures: rule 17, what is added up by the Book is what its rows add up to.
func figures(t *testing.T, b ledger.Book) {
	rng, model := rand.New(rand.NewPCG(17, 17)), NewMemory()
	var steps []step
	for range 200 {
		steps = append(steps, randomRow(rng), randomTraffic(rng), randomTraffic(rng), randomOrder(rng), randomOrder(rng), randomOrder(rng), randomMoney(rng), randomMoney(rng), randomMoney(rng))
	}
	same(t, "what is done", do(b, steps, false), do(model, steps, false))
	kinds := map[string]struct {
		of  func(f ledger.Figures) func(ledger.Cut) ([]ledger.Sum, error)
		can []ledger.By
	}{
		"clicks":      {func(f ledger.Figures) func(ledger.Cut) ([]ledger.Sum, error) { return f.Clicks }, []ledger.By{ledger.ByAffiliate, ledger.BySite, ledger.ByCode, ledger.BySub}},
		"orders":      {func(f ledger.Figures) func(ledger.Cut) ([]ledger.Sum, error) { return f.Orders }, ofOrders},
		"sales":       {func(f ledger.Figures) func(ledger.Cut) ([]ledger.Sum, error) { return f.Sales }, append(slices.Clone(ofOrders), ledger.ByCurrency)},
		"commissions": {func(f ledger.Figures) func(ledger.Cut) ([]ledger.Sum, error) { return f.Commissions }, ofEntries},
	}
	for name, kind := range kinds {
		found := 0
		for range 150 {
			c := randomCut(rng, kind.can...)
			if slices.Contains(kind.can, ledger.ByKind) {
				c.Kinds = maybe(rng, []ledger.EntryKind{ledger.Reverse, ledger.DisputeHold, ledger.PaidOut}[:rng.IntN(4)])
			}
			ask := func(b ledger.Book) (sums []ledger.Sum) {
				view(t, b, func(tx ledger.Tx) {
					var err error
					sums, err = kind.of(tx.Figures())(c)
					must(t, err)
				})
				return sums
			}
			got := ask(b)
			found += len(got)
			if same(t, fmt.Sprintf("%s of %+v", name, c), got, ask(model)); t.Failed() {
				return
			}
		}
		if found < 100 {
			t.Errorf("%d figures of %s are too few to tell anything", found, name)
		}
	}
}

// splits: what a figure can't be split by is an error, and so are kinds of what has none.
func splits(t *testing.T, b ledger.Book) {
	fill(t, b)
	every := append(slices.Clone(ofEntries), ledger.ByVerified, "shoe")
	view(t, b, func(tx ledger.Tx) {
		f := tx.Figures()
		kinds := ledger.Cut{Kinds: []ledger.EntryKind{ledger.Earn}}
		for name, err := range map[string]error{"clicks": last(f.Clicks(kinds)), "visitors": last(f.Visitors(kinds)), "orders": last(f.Orders(kinds)), "sales": last(f.Sales(kinds))} {
			if err == nil {
				t.Errorf("%s of some kinds of entries are no error", name)
			}
		}
		for _, by := range every {
			c := ledger.Cut{By: []ledger.By{by}}
			for name, err := range map[string]error{"clicks": last(f.Clicks(c)), "orders": last(f.Orders(c)), "sales": last(f.Sales(c)), "commissions": last(f.Commissions(c))} {
				can := map[string][]ledger.By{"clicks": {ledger.ByAffiliate, ledger.BySite, ledger.ByCode, ledger.BySub}, "orders": ofOrders,
					"sales": append(slices.Clone(ofOrders), ledger.ByCurrency), "commissions": ofEntries}[name]
				if (err == nil) != slices.Contains(can, by) {
					t.Errorf("%s by %s: %v", name, by, err)
				}
			}
		}
	})
}

func last[T any](_ T, err error) error { return err }

// steps: a time is in the last step that has begun, and before all of them in the first.
func steps(t *testing.T, b ledger.Book) {
	times := []time.Time{time.UnixMilli(-1), at(0), at(899_999), at(900_000), at(1_800_000)}
	change(t, b, func(tx ledger.Tx) {
		for i, at := range times {
			_, err := tx.Traffic().AddTouch(ledger.Touch{ID: fmt.Sprint(i), Time: at, Counted: true})
			must(t, err)
			must(t, tx.Orders().Put(ledger.Order{ID: fmt.Sprint(i), Affiliate: "a", Known: true, Time: at, Lines: []ledger.Line{{Net: 5}}}))
			must(t, tx.Money().Post(ledger.Entry{ID: fmt.Sprint(i), Occurred: at, Amount: 7, Kind: ledger.Earn, Cause: fmt.Sprint(i)}))
		}
	})
	sums := func(values ...int64) (all []ledger.Sum) {
		for i, value := range values {
			if value != 0 {
				all = append(all, ledger.Sum{Step: i, Value: value})
			}
		}
		return all
	}
	var many []time.Time
	for n := range 1200 {
		many = append(many, at((n-600)*900_000))
	}
	wants := func(first int64, place int, values ...int64) []int64 {
		return append(append(append([]int64{first}, make([]int64, place-1)...), values...), 0)
	}
	for _, x := range []struct {
		c    ledger.Cut
		want []int64
	}{
		{ledger.Cut{}, []int64{5}},
		{ledger.Cut{Steps: []time.Time{at(0)}}, []int64{5}},
		{ledger.Cut{Steps: []time.Time{at(0), at(900_000)}}, []int64{3, 2}},
		{ledger.Cut{Steps: []time.Time{at(-900_000), at(0), at(900_000), at(1_800_000), at(2_700_000)}}, []int64{1, 2, 1, 1, 0}},
		{ledger.Cut{Steps: []time.Time{at(-900_000), at(0), at(900_000)}, From: at(1), To: at(1_800_000)}, []int64{0, 1, 1}},
		{ledger.Cut{Steps: []time.Time{at(0), at(900_000)}, To: at(0)}, []int64{1}},
		{ledger.Cut{From: at(1_800_001)}, nil},
		{ledger.Cut{Steps: many}, wants(1, 600, 2, 1, 1)},
		{ledger.Cut{Steps: many, From: at(899_999), To: at(1_800_000)}, wants(0, 600, 1, 1, 0)},
	} {
		view(t, b, func(tx ledger.Tx) {
			for name, got := range map[string]struct {
				sums func(ledger.Cut) ([]ledger.Sum, error)
				each int64
			}{"clicks": {tx.Figures().Clicks, 1}, "orders": {tx.Figures().Orders, 1}, "sales": {tx.Figures().Sales, 5}, "commissions": {tx.Figures().Commissions, 7}} {
				want := slices.Clone(x.want)
				for i := range want {
					want[i] *= got.each
				}
				found, err := got.sums(x.c)
				must(t, err)
				same(t, fmt.Sprintf("%s of %d steps, %+v", name, len(x.c.Steps), x.c), found, sums(want...))
			}
		})
	}
}

// visitors: rule 17 counts whose clicks they are, and a forgotten key tells no more.
func visitors(t *testing.T, b ledger.Book) {
	count := func(c ledger.Cut) (n int64) {
		view(t, b, func(tx ledger.Tx) {
			var err error
			n, err = tx.Figures().Visitors(c)
			must(t, err)
		})
		return n
	}
	same(t, "visitors of nothing", count(ledger.Cut{}), 0)
	change(t, b, func(tx ledger.Tx) {
		for i, keys := range [][]ledger.Key{{"click:1", "anon:1", "user:1"}, {"anon:1"}, {"click:2", "anon:2", "user:1"}, {"click:1"}, nil, {"user:1"}} {
			for _, counts := range []bool{true, false} {
				touch := ledger.Touch{ID: fmt.Sprint(i, counts), Program: "p", Affiliate: "a", Time: at(i), Keys: keys, Counted: counts}
				if !counts {
					touch.Keys = []ledger.Key{ledger.Key("anon:of a machine " + touch.ID)}
				}
				_, err := tx.Traffic().AddTouch(touch)
				must(t, err)
			}
		}
	})
	same(t, "visitors", count(ledger.Cut{Affiliate: "a", Steps: []time.Time{at(0), at(900_000)}}), 5) // anon:1, anon:2, two that nobody knows, user:1
	same(t, "visitors of some", count(ledger.Cut{From: at(1), To: at(3)}), 2)
	same(t, "visitors of another", count(ledger.Cut{Affiliate: "b"}), 0)
	must(t, b.Change(context.Background(), func(tx ledger.Tx) error {
		_, err := tx.Traffic().Links().Forget("p", nil, "anon:1")
		return err
	}))
	same(t, "visitors with one forgotten", count(ledger.Cut{}), 5) // user:1 twice, one more that nobody knows, anon:2, two as before
}
