package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// Open opens a Book in a directory; closed and opened again, it must hold what
// it held. Who opens closes; closing twice is not asked for.
type Open func(t *testing.T, dir string) ledger.Book

// Law is what every Book keeps to.
func Law(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		law  func(t *testing.T, b ledger.Book)
	}{
		{"Programs", programs}, {"Affiliates", affiliates}, {"Codes", codes}, {"Rules", rules}, {"Misses", misses},
		{"Payouts", payouts}, {"Flags", flags}, {"Shops", shops}, {"Hooks", hooks}, {"Notices", notices}, {"Told", toldUpTo}, {"OwnRows", ownRows},
		{"Touches", touches}, {"Links", links}, {"Forget", forget},
		{"Names", names}, {"OrderPages", orderPages}, {"OrderFilters", orderFilters}, {"Facts", facts}, {"Decisions", decisions}, {"Merge", merge},
		{"Unique", unique}, {"EntryPages", entryPages}, {"EntryFilters", entryFilters}, {"Take", take},
		{"Figures", figures}, {"Steps", steps}, {"Splits", splits}, {"Visitors", visitors},
		{"Position", position}, {"ViewWritesNothing", viewWritesNothing}, {"Errors", errorsChangeNothing}, {"Panics", panics}, {"Cancelled", cancelled},
		{"OneMoment", oneMoment}, {"OneAfterTheOther", oneAfterTheOther},
	} {
		t.Run(part.name, func(t *testing.T) {
			b := open(t, t.TempDir())
			part.law(t, b)
			must(t, b.Close())
		})
	}
	t.Run("Reopened", func(t *testing.T) { reopened(t, open) })
	t.Run("Random", func(t *testing.T) { random(t, open) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// same compares what is printed: no list and an empty one are the same.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func change(t testing.TB, b ledger.Book, fn func(tx ledger.Tx)) {
	t.Helper()
	must(t, b.Change(context.Background(), func(tx ledger.Tx) error { fn(tx); return nil }))
}

func view(t testing.TB, b ledger.Book, fn func(tx ledger.Tx)) {
	t.Helper()
	must(t, b.View(context.Background(), func(tx ledger.Tx) error { fn(tx); return nil }))
}

// at is a moment, in milliseconds from noon on.
func at(ms int) time.Time {
	return time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func position(t *testing.T, b ledger.Book) {
	want := event.Position{Epoch: 1<<64 - 1, Seq: 1 << 63, Total: 7}
	view(t, b, func(tx ledger.Tx) {
		p, err := tx.Traffic().Reading().Position()
		must(t, err)
		same(t, "the first position", p, event.Position{})
	})
	for _, p := range []event.Position{{Epoch: 1, Seq: 2, Total: 3}, want} {
		change(t, b, func(tx ledger.Tx) { must(t, tx.Traffic().Reading().SetPosition(p)) })
	}
	view(t, b, func(tx ledger.Tx) {
		p, err := tx.Traffic().Reading().Position()
		must(t, err)
		same(t, "the position", p, want)
	})
}

// writes is every way to write.
var writes = map[string]func(tx ledger.Tx) error{
	"Programs.Add":   func(tx ledger.Tx) error { return tx.Set().Programs().Add(ledger.Program{ID: "w"}) },
	"Affiliates.Add": func(tx ledger.Tx) error { return tx.Set().Affiliates().Add(ledger.Affiliate{ID: "w"}) },
	"Affiliates.Put": func(tx ledger.Tx) error { return tx.Set().Affiliates().Put(ledger.Affiliate{ID: "a1", Name: "w"}) },
	"Codes.Add":      func(tx ledger.Tx) error { return tx.Set().Codes().Add(ledger.Code{ID: "w"}) },
	"Rules.Add":      func(tx ledger.Tx) error { return tx.Set().Rules().Add(ledger.Rule{ID: "w"}) },
	"Misses.Add":     func(tx ledger.Tx) error { return tx.Set().Misses().Add(ledger.Miss{ID: "w"}) },
	"Payouts.Add":    func(tx ledger.Tx) error { return tx.Money().Tables().Payouts().Add(ledger.Payout{ID: "w"}) },
	"Flags.Add":      func(tx ledger.Tx) error { return tx.Money().Tables().Flags().Add(ledger.Flag{ID: "w"}) },
	"Shops.Add":      func(tx ledger.Tx) error { return tx.Orders().Shops().Add(ledger.Shop{ID: "w"}) },
	"AddTouch":       func(tx ledger.Tx) error { _, err := tx.Traffic().AddTouch(ledger.Touch{ID: "w"}); return err },
	"Links.Add": func(tx ledger.Tx) error {
		_, err := tx.Traffic().Links().Add(ledger.Link{A: "anon:w", B: "user:w"})
		return err
	},
	"Links.Forget": func(tx ledger.Tx) error { _, err := tx.Traffic().Links().Forget("p", nil, "anon:1"); return err },
	"Orders.Put":   func(tx ledger.Tx) error { return tx.Orders().Put(ledger.Order{ID: "w"}) },
	"Facts.Add": func(tx ledger.Tx) error {
		_, err := tx.Orders().Facts().Add(ledger.Fact{ID: "w", Order: "o1"})
		return err
	},
	"Merge":     func(tx ledger.Tx) error { return tx.Orders().Facts().Merge("o0", "o1") },
	"Decide":    func(tx ledger.Tx) error { return tx.Orders().Facts().Decide(ledger.Decision{ID: "w", Order: "o1"}) },
	"Post":      func(tx ledger.Tx) error { return tx.Money().Post(ledger.Entry{ID: "w", Order: "o1"}) },
	"Take":      func(tx ledger.Tx) error { return tx.Money().Take("w", "e1") },
	"Hooks.Add": func(tx ledger.Tx) error { return tx.Money().Tables().Hooks().Add(ledger.Hook{ID: "w"}) },
	"Outbox.Add": func(tx ledger.Tx) error {
		return tx.Money().Tables().Outbox().Add(ledger.Notice{ID: "w", Event: "w", To: "hook:w"})
	},
	"Outbox.Put": func(tx ledger.Tx) error {
		return tx.Money().Tables().Outbox().Put(ledger.Notice{ID: "n1", State: ledger.Dead, Settled: at(9)})
	},
	"Outbox.Forget": func(tx ledger.Tx) error {
		_, err := tx.Money().Tables().Outbox().Forget(ledger.Delivered, at(9))
		return err
	},
	"SetTold":     func(tx ledger.Tx) error { return tx.Traffic().Reading().SetTold("p", at(7)) },
	"SetPosition": func(tx ledger.Tx) error { return tx.Traffic().Reading().SetPosition(event.Position{Seq: 99}) },
}

// fill puts something into everything.
func fill(t testing.TB, b ledger.Book) {
	t.Helper()
	change(t, b, func(tx ledger.Tx) {
		must(t, tx.Set().Programs().Add(ledger.Program{ID: "p", Sites: []string{"shop"}}))
		must(t, tx.Set().Affiliates().Add(ledger.Affiliate{ID: "a1", Program: "p", Email: "a1@example.org"}))
		_, err := tx.Traffic().AddTouch(ledger.Touch{ID: "t1", Program: "p", Affiliate: "a1", Keys: []ledger.Key{"anon:1"}, Time: at(0), Counted: true})
		must(t, err)
		_, err = tx.Traffic().Links().Add(ledger.Link{Program: "p", A: "anon:1", B: "user:1", Since: at(0)})
		must(t, err)
		must(t, tx.Orders().Put(ledger.Order{ID: "o1", Program: "p", Store: "shop", Number: "1", Time: at(1), Keys: []ledger.Key{"anon:1"}, Lines: []ledger.Line{{ID: "1"}}}))
		must(t, tx.Orders().Put(ledger.Order{ID: "o0", Program: "p", Time: at(0), Keys: []ledger.Key{"anon:2"}}, ledger.Name{Store: "shop", Kind: "charge", Value: "1"}))
		must(t, tx.Money().Post(ledger.Entry{ID: "e1", Program: "p", Affiliate: "a1", Order: "o1", Kind: ledger.Earn, Amount: 100, Currency: "EUR", Occurred: at(1), Posted: at(2)}))
		must(t, tx.Money().Tables().Hooks().Add(ledger.Hook{ID: "h1", Program: "p", State: ledger.HookActive}))
		must(t, tx.Money().Tables().Outbox().Add(ledger.Notice{ID: "n1", Event: "e1", Program: "p", To: "hook:h1", State: ledger.Waiting, Due: at(1)},
			ledger.Notice{ID: "n2", Event: "e2", Program: "p", To: "hook:h1", State: ledger.Delivered, Settled: at(1)}))
		must(t, tx.Traffic().Reading().SetPosition(event.Position{Seq: 1}))
	})
}

// reads is everything that can be read, printed.
func reads(t testing.TB, b ledger.Book) (all []string) {
	t.Helper()
	view(t, b, func(tx ledger.Tx) { all = readAll(t, tx) })
	return all
}

func readAll(t testing.TB, tx ledger.Tx) (all []string) {
	t.Helper()
	keep := func(what any, err error) {
		t.Helper()
		must(t, err)
		all = append(all, fmt.Sprintf("%+v", what))
	}
	keep(tx.Traffic().Reading().Position())
	ps, err := tx.Set().Programs().Find("", "")
	keep(ps, err)
	keep(tx.Set().Affiliates().Find("", ""))
	keep(tx.Set().Codes().Find("", ""))
	keep(tx.Set().Rules().Find("", ""))
	keep(tx.Set().Misses().Find("", ""))
	keep(tx.Money().Tables().Payouts().Find("", ""))
	keep(tx.Money().Tables().Flags().Find("", ""))
	keep(tx.Orders().Shops().Find("", ""))
	keep(tx.Money().Tables().Hooks().Find("", ""))
	keep(tx.Money().Tables().Outbox().List(ledger.NoticeFilter{}))
	keep(tx.Traffic().Reading().Told("p"))
	for _, p := range ps {
		keep(tx.Traffic().Touches(p.ID, time.Time{}, at(1e9)))
		keep(tx.Traffic().Links().Of(p.ID, keys...))
	}
	keep(tx.Figures().Clicks(ledger.Cut{By: []ledger.By{ledger.ByAffiliate, ledger.BySite, ledger.ByCode, ledger.BySub}}))
	keep(tx.Figures().Visitors(ledger.Cut{}))
	orders, err := tx.Orders().List(ledger.OrderFilter{})
	keep(orders, err)
	for _, o := range orders {
		keep(tx.Orders().Facts().Of(o.ID))
		keep(tx.Orders().Facts().Decisions(o.ID))
	}
	keep(tx.Money().Entries(ledger.EntryFilter{}))
	keep(tx.Figures().Orders(ledger.Cut{By: ofOrders}))
	keep(tx.Figures().Sales(ledger.Cut{By: ofOrders}))
	keep(tx.Figures().Commissions(ledger.Cut{By: ofEntries}))
	return all
}
