package affiliate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"footfall/ledger"
)

func TestRule14States(t *testing.T) {
	in := func(state ledger.PayoutState) *ledger.Payout { return &ledger.Payout{ID: "p", State: state} }
	for _, c := range []struct {
		kind      ledger.EntryKind
		available time.Duration // from now
		held      bool
		payout    *ledger.Payout
		want      State
	}{
		{ledger.Earn, time.Millisecond, false, nil, StatePending}, {ledger.Earn, 0, false, nil, StateAvailable}, {ledger.Manual, -day, false, nil, StateAvailable},
		{ledger.Earn, time.Hour, true, nil, StateHeld}, {ledger.Earn, 0, true, nil, StateHeld}, {ledger.DisputeHold, 0, false, nil, StateHeld},
		{ledger.DisputeRelease, 0, false, nil, StateAvailable}, {ledger.DisputeHold, 0, false, in(ledger.Sent), StateInPayout},
		{ledger.Earn, 0, true, in(ledger.Draft), StateInPayout}, {ledger.Earn, 0, false, in(ledger.Approved), StateInPayout}, {ledger.Earn, 0, false, in(ledger.Sent), StateInPayout},
		{ledger.Earn, 0, true, in(ledger.Paid), StatePaid}, {ledger.Reverse, 0, false, in(ledger.Paid), StatePaid}, {ledger.Earn, 0, false, in(ledger.Failed), StateAvailable},
		{ledger.Reverse, 0, false, nil, StateReversed}, {ledger.Reverse, time.Hour, true, nil, StateReversed},
	} {
		e := ledger.Entry{Kind: c.kind, Amount: 5, Available: ordered.Add(c.available)}
		if c.payout != nil {
			e.Payout = c.payout.ID
		}
		if got := StateOf(e, c.held, c.payout, ordered); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if got := StateOf(ledger.Entry{Kind: ledger.Earn, Payout: "p"}, false, nil, ordered); got != StateInPayout {
		t.Errorf("in a payout that nobody knows: %s", got)
	}
}

func TestRule14Balances(t *testing.T) {
	n := 0
	entry := func(kind ledger.EntryKind, amount int64, order, payout string, available time.Duration) ledger.Entry {
		n++
		return ledger.Entry{ID: fmt.Sprint(n), Kind: kind, Amount: amount, Currency: "EUR", Order: order, Payout: payout, Available: ordered.Add(available)}
	}
	entries := []ledger.Entry{
		entry(ledger.Earn, 100, "o1", "", -day), entry(ledger.Reverse, -30, "o1", "", -day),
		entry(ledger.Earn, 50, "o2", "", day), entry(ledger.Reverse, -50, "o2", "", day), entry(ledger.Earn, 7, "o3", "", day),
		entry(ledger.Earn, 11, "flagged", "", -day), entry(ledger.Earn, 200, "o4", "p1", -day), entry(ledger.Reverse, -200, "o4", "", -day),
		entry(ledger.Earn, 40, "o5", "p2", -day), entry(ledger.PaidOut, -200, "", "p1", -day), entry(ledger.PayoutFailed, 1, "", "p3", -day),
		entry(ledger.Earn, 60, "o6", "", -day), entry(ledger.DisputeHold, -60, "o6", "", -day), entry(ledger.Manual, 5, "", "", -day),
		entry(ledger.Earn, 80, "o7", "p1", -day), entry(ledger.DisputeHold, -80, "o7", "", -day), entry(ledger.DisputeRelease, 20, "o7", "", -day), entry(ledger.Reverse, -20, "o7", "", -day),
	}
	entries[2].Currency, entries[3].Currency = "JPY", "JPY"
	payouts := map[string]ledger.Payout{"p1": {ID: "p1", State: ledger.Paid}, "p2": {ID: "p2", State: ledger.Sent}}
	got := Balances(entries, func(order string) bool { return order == "flagged" }, payouts, ordered)
	want := map[string]Balance{
		"EUR": {Pending: 7, Held: 11 + 60 + 60, Available: 70 - 200 + 5 - 80, InPayout: 40, Paid: 280, Earned: 70 + 7 + 11 + 0 + 40 + 0 + 5 + 0, Disputed: 120, Reversed: -250},
		"JPY": {Reversed: -50},
	}
	if !maps.Equal(got, want) {
		t.Errorf("the balances are\n%+v\nwant\n%+v", got, want)
	}
}

// The figures add up, whatever the entries are.
func TestRule17SumsAgree(t *testing.T) {
	kinds := []ledger.EntryKind{ledger.Earn, ledger.Reverse, ledger.DisputeHold, ledger.DisputeRelease, ledger.Manual, ledger.PaidOut, ledger.PayoutFailed}
	states := []ledger.PayoutState{ledger.Draft, ledger.Approved, ledger.Sent, ledger.Paid, ledger.Failed}
	r := rand.New(rand.NewPCG(1, 16))
	for range 300 {
		payouts := map[string]ledger.Payout{}
		for i, state := range states {
			payouts[fmt.Sprint("p", i)] = ledger.Payout{ID: fmt.Sprint("p", i), State: state}
		}
		var entries []ledger.Entry
		sums, disputed := map[string]int64{}, map[string]int64{}
		for range r.IntN(20) {
			e := ledger.Entry{Kind: kinds[r.IntN(len(kinds))], Amount: r.Int64N(2000) - 1000, Currency: []string{"EUR", "KWD"}[r.IntN(2)],
				Order: fmt.Sprint("o", r.IntN(5)), Payout: []string{"", "", "p0", "p1", "p2", "p3", "p4", "unknown"}[r.IntN(8)], Available: ordered.Add(time.Duration(r.IntN(5)-2) * day)}
			entries = append(entries, e)
			switch e.Kind {
			case ledger.PaidOut, ledger.PayoutFailed:
				continue
			case ledger.DisputeHold, ledger.DisputeRelease:
				disputed[e.Currency] -= e.Amount
			}
			sums[e.Currency] += e.Amount
		}
		balances := Balances(entries, func(order string) bool { return order == "o1" }, payouts, ordered)
		if len(balances) != len(sums) {
			t.Fatalf("%d currencies, want %d", len(balances), len(sums))
		}
		for currency, b := range balances {
			if b.Earned != sums[currency] || b.Disputed != disputed[currency] || b.Pending+b.Held+b.Available+b.InPayout+b.Paid != b.Earned+b.Disputed {
				t.Fatalf("%s: %+v of %d, disputed %d", currency, b, sums[currency], disputed[currency])
			}
		}
	}
}
