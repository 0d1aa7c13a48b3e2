package affiliate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/shop"
)

// TestRule16BackSinceTheCutoff: what was given back or is disputed by the day of
// the payout is not paid, though it came back behind the cut-off, with a flag or
// without; the portal says the same of that cut-off, and what came back of an
// order lowers no other one's payout twice.
func TestRule16BackSinceTheCutoff(t *testing.T) {
	disputed := func(at time.Time) shop.Report {
		return shop.Report{Site: "two", Number: "1", Time: at, Verified: true, Dispute: &shop.Dispute{ID: "dp", State: shop.Disputed}}
	}
	for _, c := range []struct {
		name  string
		email string // of the customer: the affiliate's own is flagged
		back  func(at time.Time) shop.Report
		want  int64 // paid, beside an order that nothing is odd about
	}{
		{"refunded", "", func(at time.Time) shop.Report { return refund("1", "r", 10000, at) }, 0},
		{"refunded in part", "", func(at time.Time) shop.Report { return refund("1", "r", 4000, at) }, 3000},
		{"disputed", "", disputed, 0},
		{"flagged and refunded", "anna@example.com", func(at time.Time) shop.Report { return refund("1", "r", 10000, at) }, 0},
		{"flagged and refunded in part", "anna@example.com", func(at time.Time) shop.Report { return refund("1", "r", 4000, at) }, 0},
		{"flagged and disputed", "anna@example.com", disputed, 0},
	} {
		d := openDesk(t, nil)
		odd := order("1", "", 10000, noon, "anna15")
		odd.Email = c.email
		d.take(odd)
		d.take(order("2", "", 8000, noon, "anna15"))
		cutoff := noon.AddDate(0, 0, 40)
		d.now = noon.AddDate(0, 0, 42)
		d.take(c.back(d.now))
		d.now = d.now.Add(time.Hour)
		all, err := d.Propose(t.Context(), d.program.ID, cutoff)
		if err != nil || len(all) != 1 || all[0].Payout.Amount != 4000+c.want {
			t.Errorf("%s: %+v, %v, want %d", c.name, all, err, 4000+c.want)
			continue
		}
		before := d.balance(d.anna)
		if _, err := d.Approve(t.Context(), d.program.ID, cutoff, affiliate.Exactly(all[0].Payout)); err != nil {
			t.Fatal(err)
		}
		if b := d.balance(d.anna); b.Earned != before.Earned || b.InPayout != 4000+c.want || b.Available != 0 || b.Earned != b.InPayout+b.Held-b.Disputed {
			t.Errorf("%s: the balance is %+v, was %+v", c.name, b, before)
		}
		if p := d.home(d.anna, d.days(60)).Purses[0]; p.Next.Ready != 0 || p.Next.Amount != 0 {
			t.Errorf("%s: %+v is still to be paid", c.name, p.Next)
		}
	}
}

// TestRule16PickedOnce: one payout picked twice is a plain refusal, and pays nothing.
func TestRule16PickedOnce(t *testing.T) {
	d := openDesk(t, nil)
	d.take(order("1", "", 10000, noon, "anna15"))
	d.now = noon.AddDate(0, 0, 31)
	all, err := d.Propose(t.Context(), d.program.ID, d.now)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	made, err := d.Approve(t.Context(), d.program.ID, d.now, affiliate.Exactly(all[0].Payout, all[0].Payout))
	var invalid *shop.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "twice") || d.balance(d.anna).InPayout != 0 {
		t.Errorf("%v, %+v", err, made)
	}
}

// TestExactly: what was seen is picked by the hash or its beginning, and by nothing
// that is less, more or another's.
func TestExactly(t *testing.T) {
	proposal := func(who, currency, hash string) affiliate.Proposal {
		return affiliate.Proposal{Payout: ledger.Payout{Affiliate: who, Currency: currency, Hash: hash}}
	}
	all := []affiliate.Proposal{proposal("anna", "EUR", "aa11"), proposal("anna", "USD", "aa12"), proposal("bert", "EUR", "bb11")}
	for _, x := range []struct {
		seen ledger.Payout
		want string // hash, or what the refusal says
	}{
		{ledger.Payout{Affiliate: "anna", Currency: "EUR", Hash: "aa11"}, "aa11"}, {ledger.Payout{Hash: "bb"}, "bb11"}, {ledger.Payout{Currency: "USD", Hash: "aa"}, "aa12"},
		{ledger.Payout{Affiliate: "anna", Hash: "aa"}, "begins more than one"}, {ledger.Payout{Affiliate: "anna", Hash: "bb11"}, "look at the proposal again"},
		{ledger.Payout{Currency: "USD", Hash: "aa11"}, "look at the proposal again"}, {ledger.Payout{Affiliate: "bert", Currency: "EUR"}, "look at the proposal again"},
		{ledger.Payout{Hash: "bb11bb"}, "look at the proposal again"}, {ledger.Payout{Hash: "b11"}, "look at the proposal again"},
	} {
		picked, err := affiliate.Exactly(all[2].Payout, x.seen)(all)
		if err == nil && (len(picked) != 2 || picked[1].Payout.Hash != x.want) || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %+v %v, want %q", x.seen, picked, err, x.want)
		}
	}
}

// TestRule15HeldByCurrency: what comes back in one currency lets go none that a
// flag holds in another.
func TestRule15HeldByCurrency(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.MinPayout = nil })
	own := order("1", "", 10000, noon, "anna15")
	own.Email = "anna@example.com"
	d.take(own)
	d.judge(ledger.Cleared)
	d.now = noon.AddDate(0, 0, 31)
	d.payOut()
	d.judge(ledger.Confirmed)
	dollars := order("1", "", 2000, noon, "anna15")
	dollars.Order.Currency, dollars.Said = "USD", d.now
	d.take(dollars)
	d.now = d.now.Add(time.Hour)
	if made := d.payOut(); len(made) > 0 {
		t.Errorf("a held order is paid: %+v", made)
	}
}
