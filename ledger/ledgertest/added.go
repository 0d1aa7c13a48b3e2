package ledgertest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
)

const quarter = 15 * time.Minute

// memoryFigures adds up row by row.
type memoryFigures struct{ *memoryTx }

// counted is a row with what it adds to a figure; its fields are what the figure
// can be split by.
type counted struct {
	ledger.Sum
	program string
	at      time.Time
	quarter bool // steps go by quarters
}

// add adds rows up, as a Book would.
func add(c ledger.Cut, rows []counted, can ...ledger.By) (sums []ledger.Sum, err error) {
	if len(c.Kinds) > 0 && !slices.Contains(can, ledger.ByKind) {
		return nil, errors.New("there are no kinds")
	}
	for _, by := range c.By {
		if !slices.Contains(can, by) {
			return nil, fmt.Errorf("no split by %s", by)
		}
	}
	at := map[ledger.Sum]int{}
	for _, row := range rows {
		if !picks(c, row) {
			continue
		}
		var of ledger.Sum
		for _, by := range c.By {
			reflect.ValueOf(of.Of(by)).Elem().Set(reflect.ValueOf(row.Of(by)).Elem())
		}
		since := row.at
		if row.quarter {
			since = since.Truncate(quarter)
		}
		for i, step := range c.Steps {
			if !since.Before(step) {
				of.Step = i
			}
		}
		i, has := at[of]
		if !has {
			i, at[of] = len(sums), len(sums)
			sums = append(sums, of)
		}
		sums[i].Value += row.Value
	}
	slices.SortFunc(sums, func(a, b ledger.Sum) int { return inOrder(c.By, a, b) })
	return sums, nil
}

func picks(c ledger.Cut, row counted) bool {
	return is(c.Program, row.program) && is(c.Affiliate, row.Affiliate) && (len(c.Sites) == 0 || slices.Contains(c.Sites, row.Site)) && within(row.at, c.From, c.To)
}

func inOrder(by []ledger.By, a, b ledger.Sum) int {
	order := cmp.Compare(a.Step, b.Step)
	for _, by := range by {
		text := func(s ledger.Sum) string { return fmt.Sprint(reflect.ValueOf(s.Of(by)).Elem()) } // false is before true
		order = cmp.Or(order, strings.Compare(text(a), text(b)))
	}
	return order
}

func (x memoryFigures) clicks(each func(t ledger.Touch, row counted)) {
	for _, t := range x.touches {
		if t.Counted {
			each(t, counted{ledger.Sum{Affiliate: t.Affiliate, Site: t.Site, Code: t.Code, Sub: t.Sub, Value: 1}, t.Program, t.Time, true})
		}
	}
}

func (x memoryFigures) Clicks(c ledger.Cut) ([]ledger.Sum, error) {
	var rows []counted
	x.clicks(func(_ ledger.Touch, row counted) { rows = append(rows, row) })
	return add(c, rows, ledger.ByAffiliate, ledger.BySite, ledger.ByCode, ledger.BySub)
}

func (x memoryFigures) Visitors(c ledger.Cut) (n int64, err error) {
	if len(c.Kinds) > 0 {
		return 0, errors.New("visitors have no kinds")
	}
	known := map[ledger.Key]bool{}
	x.clicks(func(t ledger.Touch, row counted) {
		i := slices.IndexFunc(t.Keys, func(k ledger.Key) bool { return !strings.HasPrefix(string(k), "click:") })
		switch {
		case !picks(c, row):
		case i < 0:
			n++
		case !known[t.Keys[i]]:
			known[t.Keys[i]] = true
			n++
		}
	})
	return n, nil
}

// ofOrders can split figures of orders.
var ofOrders = []ledger.By{ledger.ByAffiliate, ledger.BySite, ledger.ByRule, ledger.ByCode, ledger.BySub, ledger.ByCoupon, ledger.ByVerified, ledger.ByProduct}

func (x memoryFigures) orderRows(each func(o ledger.Order, row counted)) {
	for _, o := range x.orders {
		if o.Known && o.Affiliate != "" {
			each(o, counted{ledger.Sum{Affiliate: o.Affiliate, Site: o.Site, Rule: o.Rule, Code: o.Code, Sub: o.Sub, Coupon: o.Coupon, Verified: o.Verified, Currency: o.Currency, Value: 1}, o.Program, o.Time, false})
		}
	}
}

func (x memoryFigures) Orders(c ledger.Cut) ([]ledger.Sum, error) {
	var rows []counted
	x.orderRows(func(o ledger.Order, row counted) {
		if !slices.Contains(c.By, ledger.ByProduct) {
			rows = append(rows, row)
			return
		}
		seen := map[string]bool{}
		for _, l := range o.Lines {
			if row.Product = l.Product; !seen[l.Product] {
				seen[l.Product] = true
				rows = append(rows, row)
			}
		}
	})
	return add(c, rows, ofOrders...)
}

func (x memoryFigures) Sales(c ledger.Cut) ([]ledger.Sum, error) {
	var rows []counted
	x.orderRows(func(o ledger.Order, row counted) {
		for _, l := range o.Lines {
			row.Product, row.Value = l.Product, l.Net
			rows = append(rows, row)
		}
	})
	return add(c, rows, append(slices.Clone(ofOrders), ledger.ByCurrency)...)
}

// ofEntries can split figures of entries.
var ofEntries = []ledger.By{ledger.ByAffiliate, ledger.BySite, ledger.ByRule, ledger.ByCode, ledger.BySub, ledger.ByCoupon, ledger.ByProduct, ledger.ByCurrency,
	ledger.ByKind, ledger.ByPayout, ledger.ByDue, ledger.ByFlagged}

func (x memoryFigures) Commissions(c ledger.Cut) ([]ledger.Sum, error) {
	var rows []counted
	for _, e := range x.entries {
		if !e.Kind.Payable() || len(c.Kinds) > 0 && !slices.Contains(c.Kinds, e.Kind) {
			continue
		}
		s := ledger.Sum{Affiliate: e.Affiliate, Site: e.Site, Product: e.Product, Currency: e.Currency, Kind: e.Kind, Value: e.Amount, Due: !e.Available.After(ms(c.Now))}
		if o, has := x.orders[e.Order]; has && o.Affiliate == e.Affiliate {
			s.Rule, s.Code, s.Sub, s.Coupon = o.Rule, o.Code, o.Sub, o.Coupon
		}
		if e.Payout != "" {
			s.Payout = ledger.Draft
			if p, has := x.payouts[e.Payout]; has {
				s.Payout = p.State
			}
		}
		for _, f := range x.flags {
			s.Flagged = s.Flagged || f.Program == e.Program && f.Affiliate == e.Affiliate && f.State != ledger.Cleared && (f.Order == "" || f.Order == e.Order)
		}
		rows = append(rows, counted{s, e.Program, e.Occurred, true})
	}
	return add(c, rows, ofEntries...)
}
