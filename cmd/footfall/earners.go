package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/ledger"
	"footfall/period"
)

// earners tells the API of affiliates what the portal shows them.
type earners struct{ h *house }

// inAPI says in the API's words that there is no such row.
func inAPI(err error) error {
	if errors.Is(err, affiliate.ErrNotFound) {
		return fmt.Errorf("%w: %w", account.ErrNotFound, err)
	}
	return err
}

// Affiliate tells of an affiliate, with the clicks, orders and commissions of a window.
func (e earners) Affiliate(ctx context.Context, id string, w period.Window) (a api.Affiliate, err error) {
	home, err := e.h.desk.Home(ctx, id, w, time.UTC)
	if err != nil {
		return a, inAPI(err)
	}
	a = api.Affiliate{AsOf: home.AsOf, ID: id, Name: home.Affiliate.Name, Status: string(home.Affiliate.Status), Programme: home.Program.Name, Terms: home.Terms, Clicks: home.Clicks, Orders: home.Orders}
	for _, p := range home.Purses {
		b := p.Balance
		a.Made = append(a.Made, api.Amount{Currency: p.Currency, Minor: p.Commission})
		a.Balances = append(a.Balances, api.Balance{Currency: p.Currency, Pending: b.Pending, Held: b.Held, Available: b.Available, InPayout: b.InPayout, Paid: b.Paid, Earned: b.Earned, Reversed: b.Reversed})
	}
	counts := map[string]int64{}
	for _, way := range home.Ways {
		if way.Kind == affiliate.KindTouch {
			counts[way.Name] = way.Clicks
		}
	}
	codes, err := e.h.desk.Codes(ctx, id)
	slices.SortStableFunc(codes, func(a, b ledger.Code) int { return b.Created.Compare(a.Created) })
	for _, c := range codes {
		a.Links = append(a.Links, api.Link{Code: c.Text, Kind: string(c.Kind), URL: e.h.link(c), Landing: c.Landing, Clicks: counts[c.ID]})
	}
	return a, inAPI(err)
}

// Orders lists an affiliate's orders.
func (e earners) Orders(ctx context.Context, id, after string, limit int) (all []api.Order, err error) {
	orders, err := e.h.desk.OrdersOf(ctx, id, after, limit)
	for _, o := range orders {
		order := api.Order{ID: o.ID, Number: o.Number, Site: o.Site, Currency: o.Currency, Time: o.Time, Confirmed: o.Verified, Net: o.Net, Commission: o.Commission}
		for _, l := range o.Lines {
			order.Lines = append(order.Lines, api.Line{Product: l.Product, Name: l.Name, Quantity: l.Quantity, Net: l.Net})
		}
		for _, s := range o.States {
			order.States = append(order.States, string(s))
		}
		all = append(all, order)
	}
	return all, inAPI(err)
}

// Decision tells why an order is an affiliate's.
func (e earners) Decision(ctx context.Context, id, order string) (d api.Decision, err error) {
	seen, err := e.h.desk.OrderOf(ctx, id, order)
	d = api.Decision{Rule: seen.Decision.Rule, Time: seen.Decision.Time}
	for _, c := range seen.Decision.Explain {
		d.Explain = append(d.Explain, api.Candidate{Kind: c.Kind, ID: c.ID, Reason: c.Reason, Own: c.Affiliate == id, Kept: c.Kept, Time: c.Time})
	}
	return d, inAPI(err)
}

// Ledger lists an affiliate's commissions.
func (e earners) Ledger(ctx context.Context, id, after string, limit int) (all []api.Entry, err error) {
	entries, err := e.h.desk.EntriesOf(ctx, id, after, limit)
	for _, c := range entries {
		entry := api.Entry{ID: c.ID, Kind: string(c.Kind), State: string(c.State), Reason: c.Reason, Order: c.Order, Number: c.Number, Product: c.Product, Payout: c.Payout,
			Amount: c.Amount, Currency: c.Currency, Occurred: c.Occurred, Available: c.Available}
		if c.Number == "" {
			entry.Order = ""
		}
		all = append(all, entry)
	}
	return all, inAPI(err)
}

// Payouts lists an affiliate's payouts.
func (e earners) Payouts(ctx context.Context, id string) (all []api.Payout, err error) {
	a, err := e.h.desk.Affiliate(ctx, id)
	if err != nil {
		return nil, err
	}
	payouts, err := e.h.desk.Payouts(ctx, a.Program, id)
	for _, p := range slices.Backward(payouts) {
		all = append(all, api.Payout{ID: p.ID, State: string(p.State), Currency: p.Currency, Reference: p.External, Why: p.Why, Amount: p.Amount, Entries: p.Entries, Created: p.Created, Changed: p.Changed})
	}
	return all, err
}
