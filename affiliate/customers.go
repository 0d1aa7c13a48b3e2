package affiliate

import (
	"slices"
	"time"

	"footfall/ledger"
)

// confirmed reports whether an order is one that the shop has told of: what only
// a browser says decides about no other order.
func confirmed(p ledger.Program, o ledger.Order) bool {
	return o.Known && (o.Verified || p.TrustEvents)
}

// recurring reports whether some rule is for a customer's first orders only.
func recurring(rules []ledger.Rule) bool {
	return slices.ContainsFunc(rules, func(r ledger.Rule) bool { return r.Recurring > 0 })
}

// ordinal is which of its customer's orders an order is, from 1: of those that
// cost something. Where all of them earn alike it is not asked.
func (d *Desk) ordinal(tx ledger.Tx, p ledger.Program, o ledger.Order, rules []ledger.Rule) (int, error) {
	if o.Customer == "" || !recurring(rules) {
		return 1, nil
	}
	orders, err := tx.Orders().List(ledger.OrderFilter{Program: o.Program, Customer: o.Customer, To: o.Time.Add(time.Millisecond)})
	n := 1
	for _, other := range orders {
		earlier := other.Time.Before(o.Time) || other.Time.Equal(o.Time) && other.ID < o.ID
		if other.ID != o.ID && earlier && confirmed(p, other) && costs(other) {
			n++
		}
	}
	return n, err
}

func costs(o ledger.Order) bool {
	net := int64(0)
	for _, l := range o.Lines {
		net += l.Net
	}
	return net > 0
}

// follow decides and settles a customer's other orders anew, from a time on, that
// an order may be about: those after it, where a customer is bound or only the
// first few orders earn.
func (d *Desk) follow(tx ledger.Tx, p ledger.Program, o ledger.Order, since time.Time) error {
	rules, err := tx.Set().Rules().Find("program", p.ID)
	if err != nil || o.Customer == "" || !recurring(rules) && p.Bind != ledger.BindCustomer {
		return err
	}
	later, err := tx.Orders().List(ledger.OrderFilter{Program: p.ID, Customer: o.Customer, From: since})
	if err != nil {
		return err
	}
	for _, other := range slices.Backward(later) { // the first one first: it may bind the next
		if other.ID == o.ID || !other.Known {
			continue
		}
		facts, err := tx.Orders().Facts().Of(other.ID)
		if err != nil {
			return err
		}
		if _, err = d.decide(tx, p, other, facts); err != nil {
			return err
		}
	}
	return nil
}
