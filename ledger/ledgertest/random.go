package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// step is something that is done to a Book, and what comes of it, printed.
type step func(tx ledger.Tx) string

func said(what any, err error) string {
	switch {
	case errors.Is(err, ledger.ErrTaken):
		return "taken"
	case errors.Is(err, ledger.ErrNotFound):
		return "not found"
	case err != nil:
		return "failed: " + err.Error()
	}
	return fmt.Sprintf("%+v", what)
}

// random does the same to a Book and to the model, in changes of some steps, of
// which some end in an error.
func random(t *testing.T, open Open) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng, dir := rand.New(rand.NewPCG(seed, 2)), t.TempDir()
			b, model := open(t, dir), NewMemory()
			for n := range 120 {
				var steps []step
				for range 1 + rng.IntN(12) {
					steps = append(steps, randomStep(rng))
				}
				fails := rng.IntN(5) == 0
				got, want := do(b, steps, fails), do(model, steps, fails)
				if same(t, fmt.Sprintf("change %d", n), got, want); t.Failed() {
					return
				}
				if rng.IntN(30) == 0 {
					must(t, b.Close())
					b = open(t, dir)
				}
				if n%10 == 0 {
					same(t, fmt.Sprintf("after change %d", n), strings.Join(reads(t, b), "\n"), strings.Join(reads(t, model), "\n"))
				}
			}
			must(t, b.Close())
		})
	}
}

func do(b ledger.Book, steps []step, fails bool) string {
	var all strings.Builder
	err := b.Change(context.Background(), func(tx ledger.Tx) error {
		all.Reset()
		for i, s := range steps {
			fmt.Fprintf(&all, "%d: %s\n", i, s(tx))
		}
		if fails {
			return errors.New("mine")
		}
		return nil
	})
	return fmt.Sprint(all.String(), err)
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// word is one of n words.
func word(rng *rand.Rand, of string, n int) string { return fmt.Sprint(of, rng.IntN(n)) }

// maybe is the value, or more often none.
func maybe[T any](rng *rand.Rand, value T) (none T) {
	if rng.IntN(3) == 0 {
		return value
	}
	return none
}

func when(rng *rand.Rand) time.Time { return at(rng.IntN(12) * 300_000) }

func someKeys(rng *rand.Rand) (list []ledger.Key) {
	for range rng.IntN(4) {
		list = append(list, pick(rng, keys...))
	}
	return list
}

func randomStep(rng *rand.Rand) step {
	return pick(rng, randomRow, randomRow, randomTraffic, randomTraffic, randomLink, randomOrder, randomOrder, randomFact, randomMoney, randomMoney, randomNotice, randomNotice, randomLook, randomLook)(rng)
}

// randomRow adds, replaces or reads a row of a table that has more than an id.
func randomRow(rng *rand.Rand) step {
	kind, id, of := rng.IntN(3), word(rng, "w", 5), pick(rng, "p", "q")
	switch rng.IntN(6) {
	case 0:
		p := ledger.Program{ID: pick(rng, "p", "q", "r"), Name: word(rng, "n", 9), Sites: []string{word(rng, "site", 6), word(rng, "other", 6)}, Created: when(rng)}
		return on(kind, p.ID, p, func(tx ledger.Tx) ledger.Table[ledger.Program] { return tx.Set().Programs() })
	case 1:
		a := ledger.Affiliate{ID: id, Program: of, Email: maybe(rng, word(rng, "Ann", 4)+"@example.org"), Login: maybe(rng, "me"), Created: when(rng)}
		return on(kind, id, a, func(tx ledger.Tx) ledger.Table[ledger.Affiliate] { return tx.Set().Affiliates() })
	case 2:
		m := ledger.Miss{ID: id, Affiliate: of, Count: rng.IntN(100), Last: maybe(rng, when(rng))}
		return on(kind, id, m, func(tx ledger.Tx) ledger.Table[ledger.Miss] { return tx.Set().Misses() })
	case 3:
		p := ledger.Payout{ID: id, Program: of, Amount: rng.Int64() - rng.Int64(), Cutoff: maybe(rng, when(rng)), State: pick(rng, ledger.Approved, ledger.Sent, ledger.Paid, ledger.Failed)}
		return on(kind, id, p, func(tx ledger.Tx) ledger.Table[ledger.Payout] { return tx.Money().Tables().Payouts() })
	case 4:
		h := ledger.Hook{ID: id, Program: of, URL: word(rng, "u", 3), Kinds: maybe(rng, []string{"k"}), State: ledger.HookActive, Failing: maybe(rng, when(rng))}
		return on(kind, id, h, func(tx ledger.Tx) ledger.Table[ledger.Hook] { return tx.Money().Tables().Hooks() })
	}
	f := ledger.Flag{ID: id, Program: of, Affiliate: word(rng, "a", 3), Order: word(rng, "o", 20), State: pick(rng, ledger.Open, ledger.Cleared, ledger.Confirmed)}
	if rng.IntN(5) == 0 {
		f.Order = ""
	}
	return on(kind, id, f, func(tx ledger.Tx) ledger.Table[ledger.Flag] { return tx.Money().Tables().Flags() })
}

func on[T any](kind int, id string, row T, of func(tx ledger.Tx) ledger.Table[T]) step {
	return func(tx ledger.Tx) string {
		switch kind {
		case 0:
			return said("added", of(tx).Add(row))
		case 1:
			return said("put", of(tx).Put(row))
		}
		return said(of(tx).Get(id))
	}
}

func randomTraffic(rng *rand.Rand) step {
	t := ledger.Touch{ID: word(rng, "t", 40), Program: pick(rng, "p", "q"), Affiliate: word(rng, "a", 3), Code: word(rng, "c", 3), Site: word(rng, "s", 2), Keys: someKeys(rng),
		Time: when(rng), Sub: maybe(rng, "sub"), Counted: rng.IntN(2) == 0}
	c := randomCut(rng, ledger.ByAffiliate, ledger.BySite, ledger.ByCode, ledger.BySub)
	from, to, keys := when(rng), when(rng), someKeys(rng)
	switch rng.IntN(4) {
	case 0:
		return func(tx ledger.Tx) string { return said(tx.Traffic().Touches(t.Program, from, to, keys...)) }
	case 1:
		return func(tx ledger.Tx) string { return said(tx.Figures().Clicks(c)) + said(tx.Figures().Visitors(c)) }
	}
	uncounted := []string{word(rng, "t", 40)}[:rng.IntN(2)]
	return func(tx ledger.Tx) string { return said(tx.Traffic().AddTouch(t, uncounted...)) }
}

func randomLink(rng *rand.Rand) step {
	l := ledger.Link{Program: pick(rng, "p", "q"), A: pick(rng, keys...), B: pick(rng, keys...), Since: when(rng)}
	of, instead := someKeys(rng), map[ledger.Key]ledger.Key{}
	if rng.IntN(2) == 0 {
		instead[l.A] = "visitor:instead"
	}
	switch rng.IntN(6) {
	case 0:
		return func(tx ledger.Tx) string { return said(tx.Traffic().Links().Forget(l.Program, instead, l.A)) }
	case 1, 2:
		return func(tx ledger.Tx) string { return said(tx.Traffic().Links().Of(l.Program, of...)) }
	}
	return func(tx ledger.Tx) string { return said(tx.Traffic().Links().Add(l)) }
}

func randomOrder(rng *rand.Rand) step {
	o := ledger.Order{ID: word(rng, "o", 20), Program: pick(rng, "p", "q"), Site: word(rng, "s", 2), Store: word(rng, "shop", 2), Number: maybe(rng, word(rng, "", 30)), Time: when(rng),
		Customer: maybe(rng, pick(rng, keys...)), Keys: someKeys(rng), Affiliate: maybe(rng, word(rng, "a", 3)), Revision: rng.IntN(5),
		Known: rng.IntN(4) > 0, Verified: rng.IntN(2) == 0, Currency: pick(rng, "EUR", "JPY"), Rule: pick(rng, "last", "coupon", ""), Code: maybe(rng, word(rng, "c", 3)), Sub: maybe(rng, "sub"), Coupon: maybe(rng, "x15")}
	for i := range rng.IntN(3) {
		o.Lines = append(o.Lines, ledger.Line{ID: fmt.Sprint(i), Product: word(rng, "x", 2), Quantity: rng.Int64N(5), Net: rng.Int64N(1e6)})
	}
	c := randomCut(rng, append(slices.Clone(ofOrders), ledger.ByCurrency)...)
	n := ledger.Name{Store: o.Store, Kind: pick(rng, "invoice", "order", "charge"), Value: word(rng, "", 30)}
	f := ledger.OrderFilter{Program: maybe(rng, "p"), Affiliate: maybe(rng, "a1"), Site: maybe(rng, "s1"), Customer: maybe(rng, pick(rng, keys...)), Keys: maybe(rng, someKeys(rng)),
		From: maybe(rng, when(rng)), To: maybe(rng, when(rng)), Unattributed: rng.IntN(5) == 0, Before: maybe(rng, word(rng, "o", 20)), Limit: maybe(rng, rng.IntN(5))}
	switch rng.IntN(6) {
	case 5:
		return func(tx ledger.Tx) string { return said(tx.Figures().Sales(c)) }
	case 0:
		return func(tx ledger.Tx) string { return said(tx.Orders().Order(n)) }
	case 1, 2:
		return func(tx ledger.Tx) string { return said(tx.Orders().List(f)) }
	}
	return func(tx ledger.Tx) string { return said("put", tx.Orders().Put(o, n)) }
}

func randomFact(rng *rand.Rand) step {
	f := ledger.Fact{ID: word(rng, "f", 9), Order: word(rng, "o", 20), Kind: ledger.Content, Time: when(rng), Body: []byte(word(rng, "{}", 9))}
	d := ledger.Decision{ID: word(rng, "d", 9), Order: f.Order, Affiliate: maybe(rng, "a1"), Time: when(rng)}
	into := word(rng, "o", 20)
	switch rng.IntN(6) {
	case 0:
		return func(tx ledger.Tx) string {
			err := tx.Orders().Facts().Merge(f.Order, into)
			if err != nil && !errors.Is(err, ledger.ErrNotFound) {
				return "refused"
			}
			return said("merged", err)
		}
	case 1:
		return func(tx ledger.Tx) string { return said("decided", tx.Orders().Facts().Decide(d)) }
	case 2:
		return func(tx ledger.Tx) string {
			return said(tx.Orders().Facts().Of(f.Order)) + said(tx.Orders().Facts().Decisions(f.Order))
		}
	}
	return func(tx ledger.Tx) string { return said(tx.Orders().Facts().Add(f)) }
}

// randomEntry has no id.
func randomEntry(rng *rand.Rand) ledger.Entry {
	kind := pick(rng, ledger.Earn, ledger.Earn, ledger.Reverse, ledger.DisputeHold, ledger.DisputeRelease, ledger.Manual, ledger.PaidOut, ledger.PayoutFailed)
	return ledger.Entry{Program: pick(rng, "p", "q"), Affiliate: word(rng, "a", 3), Site: maybe(rng, word(rng, "s", 2)), Order: maybe(rng, word(rng, "o", 20)), Line: word(rng, "", 2),
		Product: maybe(rng, word(rng, "x", 2)), Kind: kind, Amount: rng.Int64N(2e12) - 1e12, Currency: pick(rng, "EUR", "JPY"), Occurred: when(rng), Available: when(rng),
		Posted: when(rng), Cause: word(rng, "f", 9), Payout: maybe(rng, maybe(rng, word(rng, "w", 3)))}
}

func randomEntries(rng *rand.Rand) ledger.EntryFilter {
	return ledger.EntryFilter{Program: maybe(rng, "p"), Affiliate: maybe(rng, "a1"), Site: maybe(rng, "s1"), Order: maybe(rng, maybe(rng, "o1")), Payout: maybe(rng, maybe(rng, "w1")),
		Currency: maybe(rng, "EUR"), Kinds: maybe(rng, []ledger.EntryKind{ledger.Earn, ledger.PaidOut, ledger.Manual}[:rng.IntN(4)]),
		From: maybe(rng, when(rng)), To: maybe(rng, when(rng)), RipeFrom: maybe(rng, maybe(rng, when(rng))), RipeTo: maybe(rng, maybe(rng, when(rng))), Unpaid: rng.IntN(3) == 0, Before: maybe(rng, word(rng, "e", 60)), Limit: maybe(rng, rng.IntN(6))}
}

func randomMoney(rng *rand.Rand) step {
	var entries []ledger.Entry
	for range 1 + rng.IntN(3) {
		e := randomEntry(rng)
		e.ID = word(rng, "e", 400)
		entries = append(entries, e)
	}
	payout, taken := maybe(rng, word(rng, "w", 3)), []string{word(rng, "e", 400), word(rng, "e", 400)}[:1+rng.IntN(2)]
	f, c := randomEntries(rng), randomCut(rng, ofEntries...)
	switch rng.IntN(6) {
	case 0:
		return func(tx ledger.Tx) string { return said("taken over", tx.Money().Take(payout, taken...)) }
	case 1:
		return func(tx ledger.Tx) string { return said(tx.Money().Entries(f)) }
	case 2:
		return func(tx ledger.Tx) string { return said(tx.Figures().Commissions(c)) }
	}
	return func(tx ledger.Tx) string { return said("posted", tx.Money().Post(entries...)) }
}

// randomLook finds rows by their keys, and moves the position.
func randomLook(rng *rand.Rand) step {
	p, of, id := event.Position{Epoch: rng.Uint64(), Seq: rng.Uint64()}, pick(rng, "p", "q", ""), word(rng, "", 4)
	switch rng.IntN(4) {
	case 0:
		return func(tx ledger.Tx) string {
			return said("moved", tx.Traffic().Reading().SetPosition(p)) + said(tx.Traffic().Reading().Position())
		}
	case 1:
		return func(tx ledger.Tx) string {
			return said(tx.Set().Affiliates().Find("program", of)) + said(tx.Set().Affiliates().Find("email", "ANN"+id+"@Example.org")) + said(tx.Set().Affiliates().Find("login", "me"))
		}
	case 2:
		return func(tx ledger.Tx) string {
			return said(tx.Set().Misses().Find("affiliate", of)) + said(tx.Money().Tables().Payouts().Find("program", of))
		}
	}
	return func(tx ledger.Tx) string {
		return said(tx.Money().Tables().Flags().Find("order", "o1")) + said(tx.Money().Tables().Flags().Find("", ""))
	}
}
