package affiliate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"footfall/ledger"
	"footfall/period"
)

// Home is what an affiliate sees of its own (rule 17), all of one moment of the
// ledger. Clicks, orders and what they made are of the window, a commission by
// when it occurred; balances, next payouts and recent lines are of now.
type Home struct {
	AsOf        time.Time
	Window      period.Window
	Affiliate   ledger.Affiliate
	Program     ledger.Program
	Terms       string // what is earned, in a sentence
	Clicks      int64  // those that count, see ledger.Touch
	Visitors    int64  // whose touches they are
	Orders      int64  // attributed
	Unconfirmed int64  // of Orders: the shop has not confirmed them, so that they earn nothing yet
	Purses      []Purse
	Today       Today
	Days        []Part // every day of the window
	Ways        []Part // what brought the orders: each is in one part; commissions of orders that are another's now are in the one of no kind
	Subs        []Part // by sub id of the click, "" has none; orders that no click brought are in none
	Products    []Part // an order is in the parts of all its products
	Sites       []Part // of a programme with several: clicks are of where they were made, orders of the shop's; "" what is of no order
	Recent      []Commission
	Misses      []ledger.Miss // what people wrote who meant a code, most often first
}

// Today is what came since midnight, whatever the window is.
type Today struct {
	Clicks, Orders int64
	Made           map[string]Made // by currency, of all that the affiliate has something of
}

// Made is what orders brought, in minor units of a currency.
type Made struct{ Revenue, Commission int64 }

// Purse is an affiliate's money in a currency: what the window made, what there
// is now, and what comes next.
type Purse struct {
	Currency string
	Made
	Balance Balance
	Next    Next
}

// Next is the next payout, if nothing changes until its cut-off.
type Next struct {
	Cutoff time.Time // beginning of the next month: what is available before it
	Amount int64     // that will be paid; 0 is nothing
	Ready  int64     // that could be, below 0 where more was taken back than earned
	Least  int64     // that the programme pays
	Held   bool      // nothing is paid: the affiliate is being looked at
}

// Part is a share of what a window made.
type Part struct {
	Time   time.Time // beginning of the day, of Days
	Kind   string    // of Ways: KindTouch, KindCoupon, KindCustomer, KindManual, or "" what is of no order that the affiliate has
	Name   string    // code, sub id, product, site
	Clicks int64
	Orders int64
	Made   map[string]Made // by currency
}

// recent is how many lines Home shows.
const recent = 12

// Home tells an affiliate's own figures; days are those of a time zone.
func (d *Desk) Home(ctx context.Context, affiliate string, window period.Window, zone *time.Location) (h Home, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		h = Home{AsOf: d.now(), Window: window}
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		h.Affiliate, h.Program = v.affiliate, v.program
		if h.Terms, err = v.terms(); err != nil {
			return err
		}
		total, err := v.made(&h, zone)
		if err != nil {
			return err
		}
		if h.Today, err = v.today(zone); err != nil {
			return err
		}
		if err := v.purses(&h, total, nextCutoff(h.AsOf, zone)); err != nil {
			return err
		}
		entries, err := tx.Money().Entries(ledger.EntryFilter{Program: h.Program.ID, Affiliate: affiliate, Kinds: earnings, Limit: recent})
		if err != nil {
			return err
		}
		if h.Recent, err = v.commissions(entries); err != nil {
			return err
		}
		h.Misses, err = tx.Set().Misses().Find("affiliate", affiliate)
		slices.SortStableFunc(h.Misses, func(a, b ledger.Miss) int { return cmp.Compare(b.Count, a.Count) })
		return err
	})
	return h, err
}

// Made tells what an affiliate's orders of a window brought, by currency, as Home does.
func (d *Desk) Made(ctx context.Context, affiliate string, window period.Window) (made map[string]Made, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		made, err = v.made(&Home{Window: window}, time.UTC)
		return err
	})
	return made, err
}

// nextCutoff is the beginning of the next month.
func nextCutoff(now time.Time, zone *time.Location) time.Time {
	start := period.Month.Start(now, zone)
	return period.Month.Start(start.AddDate(0, 0, 35), zone)
}

// viewing is one affiliate's part of the ledger while it is looked at.
type viewing struct {
	tx        ledger.Tx
	now       time.Time
	affiliate ledger.Affiliate
	program   ledger.Program
	held      held
	flags     map[string][]ledger.Flag // of the affiliate, not cleared, by order; "": of all of it
	payouts   map[string]ledger.Payout // its own
}

func (d *Desk) viewing(tx ledger.Tx, affiliate string) (v viewing, err error) {
	v = viewing{tx: tx, now: d.now(), flags: map[string][]ledger.Flag{}, payouts: map[string]ledger.Payout{}}
	if v.affiliate, err = tx.Set().Affiliates().Get(affiliate); err != nil {
		return v, absent(err, "affiliate", affiliate)
	}
	if v.program, err = tx.Set().Programs().Get(v.affiliate.Program); err != nil {
		return v, err
	}
	if v.held, err = holds(tx, v.program.ID); err != nil {
		return v, err
	}
	flags, err := tx.Money().Tables().Flags().Find("affiliate", affiliate)
	if err != nil {
		return v, err
	}
	for _, f := range flags {
		if f.State != ledger.Cleared {
			v.flags[f.Order] = append(v.flags[f.Order], f)
		}
	}
	payouts, err := tx.Money().Tables().Payouts().Find("affiliate", affiliate)
	for _, p := range payouts {
		v.payouts[p.ID] = p
	}
	return v, err
}

// purses adds up what there is of each currency. It is Balances of all entries,
// but reads only those that no payout has: what one has is its amount.
func (v *viewing) purses(h *Home, total map[string]Made, cutoff time.Time) error {
	unpaid, err := v.tx.Money().Entries(ledger.EntryFilter{Program: v.program.ID, Affiliate: v.affiliate.ID, Unpaid: true})
	if err != nil {
		return err
	}
	balances := Balances(unpaid, v.held.of(v.affiliate.ID), v.payouts, v.now)
	for _, p := range v.payouts {
		b := balances[p.Currency]
		switch p.State {
		case ledger.Failed:
			continue // its entries are of no payout again
		case ledger.Paid:
			b.Paid += p.Amount
		default:
			b.InPayout += p.Amount
		}
		b.Earned += p.Amount
		balances[p.Currency] = b
	}
	odd, err := v.tx.Figures().Commissions(ledger.Cut{Program: v.program.ID, Affiliate: v.affiliate.ID, Kinds: []ledger.EntryKind{ledger.Reverse, ledger.DisputeHold, ledger.DisputeRelease},
		By: []ledger.By{ledger.ByCurrency, ledger.ByKind, ledger.ByPayout}})
	if err != nil {
		return err
	}
	for _, s := range odd {
		if s.Payout == "" {
			continue
		}
		b := balances[s.Currency]
		if s.Kind == ledger.Reverse {
			b.Reversed += s.Value
		} else {
			b.Disputed -= s.Value
			b.Held -= s.Value
		}
		balances[s.Currency] = b
	}
	currencies := maps.Clone(total)
	for currency := range balances {
		currencies[currency] = total[currency]
		if _, made := h.Today.Made[currency]; !made {
			h.Today.Made[currency] = Made{} // nothing today is a figure, too
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		h.Purses = append(h.Purses, Purse{currency, total[currency], balances[currency], v.next(currency, unpaid, cutoff)})
	}
	return nil
}

// today counts what came since midnight.
func (v *viewing) today(zone *time.Location) (Today, error) {
	window, _, err := period.Named("Today", v.now, zone)
	if err != nil {
		return Today{}, err
	}
	h := Home{Window: window}
	made, err := v.made(&h, zone)
	return Today{h.Clicks, h.Orders, made}, err
}

// next is what a payout would take at a cut-off.
func (v *viewing) next(currency string, unpaid []ledger.Entry, cutoff time.Time) Next {
	n := Next{Cutoff: cutoff, Least: v.program.MinPayout[currency], Held: v.held.affiliates[v.affiliate.ID]}
	held := v.held.below(v.affiliate.ID, unpaid)
	n.Ready = amountOf(ready(unpaid, held, cutoff)[currency])
	if !n.Held {
		n.Amount = amountOf(Select(v.program, unpaid, held, cutoff)[currency])
	}
	return n
}
