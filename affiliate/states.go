package affiliate

import (
	"time"

	"footfall/ledger"
)

// State is what becomes of an entry. It is derived, never stored (rule 14).
type State string

// What can become of an entry.
const (
	StatePending   State = "pending"   // the order's hold runs
	StateHeld      State = "held"      // by a flag or a dispute
	StateAvailable State = "available" // for the next payout
	StateInPayout  State = "in_payout"
	StatePaid      State = "paid"
	StateReversed  State = "reversed" // it takes back what was earned, and is not paid yet
)

// StateOf is the state of a commission. Held tells whether a flag holds its
// order; payout is the one that it is in, nil if it is in none or that is not
// known.
func StateOf(e ledger.Entry, held bool, payout *ledger.Payout, now time.Time) State {
	return stateOf(e.Kind, place(e, held, payout, now))
}

// stateOf is the state of an entry of a kind whose money is at a place.
func stateOf(kind ledger.EntryKind, place State) State {
	switch {
	case place == StatePaid || place == StateInPayout:
		return place
	case kind == ledger.Reverse:
		return StateReversed
	case kind == ledger.DisputeHold:
		return StateHeld
	}
	return place
}

// place is where an entry's money is.
func place(e ledger.Entry, held bool, payout *ledger.Payout, now time.Time) State {
	in := ledger.PayoutState("")
	switch {
	case e.Payout != "" && payout != nil:
		in = payout.State
	case e.Payout != "":
		in = ledger.Draft
	}
	return placeOf(in, held, !now.Before(e.Available))
}

// placeOf is where money is that is in a payout of this state ("": in none), held
// by a flag, and due.
func placeOf(payout ledger.PayoutState, held, due bool) State {
	switch {
	case payout == ledger.Paid:
		return StatePaid
	case payout != "" && payout != ledger.Failed:
		return StateInPayout
	case held:
		return StateHeld
	case !due:
		return StatePending
	}
	return StateAvailable
}

// Balance is what an affiliate has of a currency, in minor units. Each
// commission is in one of the first five by where its money is. A dispute's
// entries move money: what it holds is taken from one of these and added to Held,
// until it is released. So always
//
//	Pending + Held + Available + InPayout + Paid = Earned + Disputed
//
// where Earned is the sum of all commissions and Disputed what disputes hold.
// Available is below 0 when more was taken back than there was; that is carried
// into the next payout (rule 12). Entries of kind payout and payout_failed are no
// commissions and in none of the figures.
type Balance struct {
	Pending   int64 `json:"pending"`
	Held      int64 `json:"held"` // with Disputed
	Available int64 `json:"available"`
	InPayout  int64 `json:"in_payout"`
	Paid      int64 `json:"paid"`

	Earned   int64 `json:"earned"`   // all entries but those of payouts
	Disputed int64 `json:"disputed"` // of Held: what disputes hold
	Reversed int64 `json:"reversed"` // of Earned: the entries of kind reverse, below 0 as a rule
}

// Balances adds entries up by currency. Held tells whether a flag holds an order
// ("": what is of no order); payouts are by id.
func Balances(entries []ledger.Entry, held func(order string) bool, payouts map[string]ledger.Payout, now time.Time) map[string]Balance {
	all := map[string]Balance{}
	for _, e := range entries {
		if !e.Kind.Payable() {
			continue
		}
		var payout *ledger.Payout
		if p, ok := payouts[e.Payout]; ok {
			payout = &p
		}
		b := all[e.Currency]
		b.add(e, place(e, held(e.Order), payout, now))
		all[e.Currency] = b
	}
	return all
}

func (b *Balance) add(e ledger.Entry, place State) {
	switch place {
	case StatePending:
		b.Pending += e.Amount
	case StateHeld:
		b.Held += e.Amount
	case StateAvailable:
		b.Available += e.Amount
	case StateInPayout:
		b.InPayout += e.Amount
	case StatePaid:
		b.Paid += e.Amount
	}
	b.Earned += e.Amount
	switch e.Kind {
	case ledger.Reverse:
		b.Reversed += e.Amount
	case ledger.DisputeHold, ledger.DisputeRelease:
		b.Disputed -= e.Amount
		b.Held -= e.Amount
	}
}
