package affiliate

import (
	"cmp"
	"errors"
	"slices"

	"footfall/ledger"
	"footfall/shop"
)

// find finds the order that a report is of, by any of its names, or begins it.
// Names that lead to several orders show that they are one.
func (d *Desk) find(tx ledger.Tx, p ledger.Program, r *shop.Report) (o ledger.Order, merged bool, err error) {
	var all []ledger.Order
	for _, n := range names(ledger.Order{}, r) {
		o, err := tx.Orders().Order(n)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			continue
		case err != nil:
			return o, false, err
		case o.Program != p.ID:
			return o, false, shop.Invalid("order_id", "is of an order of another programme")
		}
		if !slices.ContainsFunc(all, func(other ledger.Order) bool { return other.ID == o.ID }) {
			all = append(all, o)
		}
	}
	switch len(all) {
	case 0:
		return ledger.Order{ID: d.id(), Program: p.ID, Site: r.Site, Store: r.Store, Number: r.Number, Time: r.Time.UTC()}, false, nil
	case 1:
		o = all[0]
	default:
		if o, err = merge(tx, all); err != nil {
			return o, false, err
		}
	}
	o.Number = cmp.Or(o.Number, r.Number)
	return o, len(all) > 1, nil
}

// merge makes orders one: that of which more is known than refunds and disputes,
// else the one with the smallest id.
func merge(tx ledger.Tx, all []ledger.Order) (ledger.Order, error) {
	slices.SortFunc(all, func(a, b ledger.Order) int {
		switch {
		case a.Known && !b.Known:
			return -1
		case b.Known && !a.Known:
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	o := all[0]
	if all[1].Known {
		return o, shop.Invalid("order_id", "names two orders that both have contents, %s and %s: name the one that it is about alone", o.ID, all[1].ID)
	}
	for _, other := range all[1:] {
		if err := tx.Orders().Facts().Merge(other.ID, o.ID); err != nil {
			return o, err
		}
		o.Number = cmp.Or(o.Number, other.Number)
		if other.Erased() && !o.Erased() { // then the customer of both is
			o.Customer = other.Customer
		}
		o.Customer = cmp.Or(o.Customer, other.Customer)
		o.Keys = append(o.Keys, other.Keys...)
	}
	if o.Erased() {
		o.Keys = nil
	}
	slices.Sort(o.Keys)
	o.Keys = slices.Compact(o.Keys)
	return o, nil
}

// names lists what a report calls its order, and the order itself: a number that
// a later report gives is a further name of it.
func names(o ledger.Order, r *shop.Report) []ledger.Name {
	var all []ledger.Name
	if o.Number != "" {
		all = append(all, ledger.Name{Store: o.Store, Kind: "order", Value: o.Number})
	}
	for _, n := range append([]ledger.Name{{Store: r.Store, Kind: "order", Value: r.Number}}, r.Names...) {
		if n.Value != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// identify adds to an order whose it is. Addresses end here: keyed hashes stay.
// What the shop's server says of it goes before what browsers say, which anybody
// can: its keys take their place, if it has any, and its customer.
func (d *Desk) identify(o *ledger.Order, r *shop.Report) {
	if o.Erased() {
		return
	}
	var said []ledger.Key
	for _, k := range []struct{ kind, value string }{{"click:", r.Click}, {"anon:", r.Anonymous}, {"user:", r.User}} {
		if k.value != "" {
			said = append(said, d.private(ledger.Key(k.kind+k.value)))
		}
	}
	customer := d.customer(r.Email)
	if customer == "" && r.Verified && r.User != "" { // a shop that tells no address knows its customers by id
		customer = d.customerOf(r.Site, r.User)
	}
	// What is told late of a person who was erased leads nobody there again.
	erased := func(k ledger.Key) bool { return k != "" && d.o.Erased(r.Site, k, r.Time) }
	if said = slices.DeleteFunc(said, erased); erased(customer) {
		customer = ""
	}
	switch {
	case r.Verified && len(said) > 0 && !o.Sure:
		o.Keys, o.Sure = said, true
	case r.Verified || !o.Sure:
		o.Keys = append(slices.Clone(o.Keys), said...)
	}
	if customer != "" && (o.Customer == "" || r.Verified) {
		o.Customer = customer
	}
	if o.Customer != "" {
		o.Keys = append(o.Keys, o.Customer)
	}
	slices.Sort(o.Keys)
	o.Keys = slices.Compact(o.Keys)
}
