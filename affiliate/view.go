package affiliate

import (
	"context"
	"slices"

	"footfall/ledger"
	"footfall/metric"
)

// Balances are what a programme's affiliates have, by affiliate and currency.
func (d *Desk) Balances(ctx context.Context, program string) (all map[string]map[string]Balance, err error) {
	all = map[string]map[string]Balance{}
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		entries, err := tx.Money().Entries(ledger.EntryFilter{Program: program})
		if err != nil {
			return err
		}
		held, payouts, err := d.standing(tx, program)
		if err != nil {
			return err
		}
		of := map[string][]ledger.Entry{}
		for _, e := range entries {
			of[e.Affiliate] = append(of[e.Affiliate], e)
		}
		for affiliate, entries := range of {
			all[affiliate] = Balances(entries, held.of(affiliate), payouts, d.now())
		}
		return nil
	})
	return all, err
}

// standing reads what the states of entries are made of.
func (d *Desk) standing(tx ledger.Tx, program string) (held, map[string]ledger.Payout, error) {
	h, err := holds(tx, program)
	if err != nil {
		return h, nil, err
	}
	all, err := tx.Money().Tables().Payouts().Find("program", program)
	payouts := make(map[string]ledger.Payout, len(all))
	for _, p := range all {
		payouts[p.ID] = p
	}
	return h, payouts, err
}

// Orders lists orders, newest first.
func (d *Desk) Orders(ctx context.Context, f ledger.OrderFilter) (all []ledger.Order, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Orders().List(f)
		return err
	})
	return all, err
}

// Stated is an entry with the state it is in.
type Stated struct {
	ledger.Entry
	State State `json:"state"`
}

// Told is all that is known of an order.
type Told struct {
	Order     ledger.Order
	Facts     []ledger.Fact
	Decisions []ledger.Decision // the last one is in force
	Entries   []Stated          // oldest first
	Flags     []ledger.Flag
}

// Tell tells all of an order.
func (d *Desk) Tell(ctx context.Context, id string) (t Told, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		if t.Order, err = tx.Orders().Order(ledger.Name{Kind: "id", Value: id}); err != nil {
			return absent(err, "order", id)
		}
		if t.Facts, err = tx.Orders().Facts().Of(id); err != nil {
			return err
		}
		if t.Decisions, err = tx.Orders().Facts().Decisions(id); err != nil {
			return err
		}
		if t.Flags, err = tx.Money().Tables().Flags().Find("order", id); err != nil {
			return err
		}
		entries, err := tx.Money().Entries(ledger.EntryFilter{Order: id})
		if err != nil {
			return err
		}
		slices.Reverse(entries)
		t.Entries, err = d.state(tx, t.Order.Program, entries)
		return err
	})
	return t, err
}

// state tells which state entries are in.
func (d *Desk) state(tx ledger.Tx, program string, entries []ledger.Entry) ([]Stated, error) {
	held, payouts, err := d.standing(tx, program)
	if err != nil {
		return nil, err
	}
	out := make([]Stated, len(entries))
	for i, e := range entries {
		var payout *ledger.Payout
		if p, ok := payouts[e.Payout]; ok {
			payout = &p
		}
		out[i] = Stated{e, StateOf(e, held.of(e.Affiliate)(e.Order), payout, d.now())}
	}
	return out, nil
}

// Entries lists entries with their states, newest first.
func (d *Desk) Entries(ctx context.Context, f ledger.EntryFilter) (all []Stated, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		entries, err := tx.Money().Entries(f)
		if err != nil {
			return err
		}
		all, err = d.state(tx, f.Program, entries)
		return err
	})
	return all, err
}

// Misses lists what people wrote who meant one of an affiliate's codes.
func (d *Desk) Misses(ctx context.Context, affiliate string) (all []ledger.Miss, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Set().Misses().Find("affiliate", affiliate)
		return err
	})
	return all, err
}

// Figures is who questions about an affiliate are of, and the sites of its
// programme; false if there is none, or who is banned.
func (d *Desk) Figures(id string) (a metric.Affiliate, sites []string, ok bool) {
	set := d.set.Load()
	p, ok := set.programs[set.of[id]]
	for _, c := range set.codes {
		if c.Affiliate == id {
			a.Codes = append(a.Codes, c.Text)
		}
	}
	a.ID = id
	slices.Sort(a.Codes)
	return a, p.Sites, ok
}

// Owners tells whose the codes are of programmes that cover one of the sites, by
// the text that stands in events as their source.
func (d *Desk) Owners(sites []string) map[string]string {
	set, owners := d.set.Load(), map[string]string{}
	for _, c := range set.codes {
		if slices.ContainsFunc(set.programs[c.Program].Sites, func(site string) bool { return slices.Contains(sites, site) }) {
			owners[c.Text] = c.Affiliate
		}
	}
	return owners
}

// LoginOf is the id of the affiliate that a person is; "" if the person is none.
// Of several, in several programmes, it is the first that is not banned.
func (d *Desk) LoginOf(ctx context.Context, person string) (id string, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		all, err := tx.Set().Affiliates().Find("login", person)
		for _, a := range all {
			if id == "" && a.Status != ledger.Banned {
				id = a.ID
			}
		}
		return err
	})
	return id, err
}
