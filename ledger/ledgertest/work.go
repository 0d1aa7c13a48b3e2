package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// Start is when the work below begins.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ID is the n-th of a sort; ids ascend with n, as ULIDs do.
func ID(sort string, n int) string { return fmt.Sprintf("01J%s%022d", sort, n) }

// Visitor is the anonymous id of the n-th visitor, as an SDK makes them: without order.
func Visitor(n int) ledger.Key {
	return ledger.Key(fmt.Sprintf("anon:%08x-4c1d-4a5e-9b7f-3f2a9d1c8e60", n*2654435761%(1<<32)))
}

// entry is one of an affiliate's, in a year.
func entry(n int, affiliate, order string) ledger.Entry {
	at := Start.Add(time.Duration(n%100_000) * (365 * 24 * time.Hour / 100_000))
	return ledger.Entry{ID: ID("E", n), Program: ID("P", 1), Affiliate: affiliate, Site: "shop-example", Order: order, Line: fmt.Sprint(n % 5), Product: fmt.Sprint("course-", n%5), Kind: ledger.Earn,
		Amount: int64(n%9999) + 1, Currency: "EUR", Occurred: at, Available: at.Add(30 * 24 * time.Hour), Posted: at, Rule: ID("R", 1), Cause: ID("D", n)}
}

// Sell is what becomes of the n-th order.
func Sell(tx ledger.Tx, n int) error {
	at := Start.Add(time.Duration(n) * time.Second)
	o := ledger.Order{ID: ID("O", n), Program: ID("P", 1), Site: "shop-example", Store: "courses", Number: fmt.Sprint(n), Time: at, Currency: "EUR", Customer: ledger.Key(ID("customer:", n)),
		Keys: []ledger.Key{Visitor(n), ledger.Key("click:" + ID("C", n))}, Coupons: []string{"ANN15"}, Verified: true, Revision: 1, Affiliate: ID("A", 1), Decision: ID("D", n), Known: true}
	var posted []ledger.Entry
	for i := range 5 {
		o.Lines = append(o.Lines, ledger.Line{ID: fmt.Sprint(i), Product: fmt.Sprint("course-", i), Quantity: 1, Net: 9900})
		posted = append(posted, entry(5*n+i, ID("A", n%50), o.ID))
	}
	f := tx.Orders().Facts()
	for _, kind := range []ledger.FactKind{ledger.Content, ledger.Refund} {
		if _, err := f.Add(ledger.Fact{ID: string(kind), Order: o.ID, Kind: kind, Time: at, From: "api", Body: make([]byte, 600)}); err != nil {
			return err
		}
	}
	if err := f.Decide(ledger.Decision{ID: o.Decision, Order: o.ID, Affiliate: o.Affiliate, Rule: "last", Time: at, Explain: make([]ledger.Candidate, 3)}); err != nil {
		return err
	}
	if err := tx.Orders().Put(o, ledger.Name{Store: o.Store, Kind: "transaction", Value: fmt.Sprint("txn_", n)}); err != nil {
		return err
	}
	return tx.Money().Post(posted...)
}

// Earn is the next thing that a process does which may be killed: it sells, posts five entries, and
// each third time takes all that is unpaid into a payout. The position counts.
func Earn(tx ledger.Tx) error {
	p, err := tx.Traffic().Reading().Position()
	if err != nil {
		return err
	}
	p.Seq++
	n := int(p.Seq)
	if err := Sell(tx, n); err != nil {
		return err
	}
	if n%3 == 0 {
		if err := Pay(tx, n); err != nil {
			return err
		}
	}
	return tx.Traffic().Reading().SetPosition(event.Position{Seq: p.Seq})
}

// Pay takes all that is unpaid into the n-th payout.
func Pay(tx ledger.Tx, n int) error {
	unpaid, err := tx.Money().Entries(ledger.EntryFilter{Program: ID("P", 1), Unpaid: true})
	if err != nil {
		return err
	}
	w := ledger.Payout{ID: ID("W", n), Program: ID("P", 1), Currency: "EUR", State: ledger.Paid, Entries: len(unpaid)}
	var taken []string
	for _, e := range unpaid {
		w.Amount += e.Amount
		taken = append(taken, e.ID)
	}
	if err := tx.Money().Tables().Payouts().Add(w); err != nil {
		return err
	}
	if err := tx.Money().Take(w.ID, taken...); err != nil {
		return err
	}
	return tx.Money().Post(ledger.Entry{ID: "X" + w.ID, Program: ID("P", 1), Kind: ledger.PaidOut, Amount: -w.Amount, Currency: "EUR", Cause: w.ID, Occurred: Start, Posted: Start})
}

// Recount checks that the first so many changes are there, and at most one more,
// each as a whole.
func Recount(t testing.TB, tx ledger.Tx, told int) error {
	p, err := tx.Traffic().Reading().Position()
	if err != nil {
		return err
	}
	n := int(p.Seq)
	if n != told && n != told+1 {
		t.Errorf("%d changes are there, %d were told", n, told)
	}
	entries, err := tx.Money().Entries(ledger.EntryFilter{})
	if err != nil {
		return err
	}
	orders, err := tx.Orders().List(ledger.OrderFilter{})
	if err != nil {
		return err
	}
	payouts, err := tx.Money().Tables().Payouts().Find("", "")
	if err != nil {
		return err
	}
	if len(orders) != n || len(payouts) != n/3 || len(entries) != 5*n+n/3 {
		t.Errorf("%d orders, %d payouts and %d entries after %d changes", len(orders), len(payouts), len(entries), n)
	}
	sums, left := map[string]int64{}, int64(0)
	for _, e := range entries {
		sums[e.Payout] += e.Amount
		left += e.Amount
	}
	for _, w := range payouts {
		if w.Entries != 15 || sums[w.ID] != w.Amount {
			t.Errorf("payout %s of %d has entries of %d", w.ID, w.Amount, sums[w.ID])
		}
	}
	unpaid := int64(0)
	open, err := tx.Money().Entries(ledger.EntryFilter{Unpaid: true})
	for _, e := range open {
		unpaid += e.Amount
	}
	if len(open) != n%3*5 || unpaid != left {
		t.Errorf("%d entries of %d are unpaid, all add up to %d", len(open), unpaid, left)
	}
	return err
}
