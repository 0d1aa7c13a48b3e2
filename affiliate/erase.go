package affiliate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// Who names a person by one or more things; what is empty is not said.
type Who struct {
	User, Anonymous string // ids as the site has them
	Email           string
	Order, Store    string // a shop's own number; Store as in shop.Report
}

// Private is a key as the ledger keeps it: an id that is an address becomes a hash.
func (d *Desk) Private(k ledger.Key) ledger.Key { return d.private(k) }

// Name is the keys that a person is named by, at a site: those of ids as they are
// said. ErrNotFound if there is no such order.
func (d *Desk) Name(ctx context.Context, site string, w Who) (keys []ledger.Key, err error) {
	for kind, id := range map[string]string{"user:": w.User, "anon:": w.Anonymous, "user:@": w.Email} {
		if id = strings.TrimSpace(id); id != "" {
			keys = append(keys, ledger.Key(strings.TrimSuffix(kind, "@")+id))
		}
	}
	if w.Email != "" {
		customer := d.customer(w.Email)
		if customer == "" {
			return nil, shop.Invalid("email", "%q is no e-mail address", w.Email)
		}
		keys = append(keys, customer)
	}
	for _, id := range []string{w.User, w.Email} {
		if id != "" {
			keys = append(keys, d.customerOf(site, id))
		}
	}
	if w.Order != "" {
		o, err := d.numbered(ctx, site, w)
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Keys...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// customerOf is the customer that a user is for a shop that tells no address.
func (d *Desk) customerOf(site, user string) ledger.Key {
	return d.hashed("customer:", "user:"+site+"/"+user)
}

func (d *Desk) numbered(ctx context.Context, site string, w Who) (o ledger.Order, err error) {
	store := d.complete(shop.Report{Site: site, Store: w.Store}).Store
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		o, err = tx.Orders().Order(ledger.Name{Store: store, Kind: "order", Value: w.Order})
		return err
	})
	if err == nil && o.Erased() {
		err = fmt.Errorf("order %s: whose it is was erased already, nothing leads from it to a person: %w", w.Order, ledger.ErrNotFound)
	}
	return o, err
}

// Beside adds to keys of a programme those of orders that have one of them and,
// with links, those that links lead to, as often as that finds more. A click's id
// is added, but leads to nobody: it stands in an address that may be passed on.
func (d *Desk) Beside(ctx context.Context, program string, links bool, keys ...ledger.Key) (all []ledger.Key, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		all = slices.Clone(keys)
		for edge := all; len(edge) > 0; {
			found, err := d.next(tx, program, links, edge)
			if err != nil {
				return err
			}
			edge = nil
			for _, k := range found {
				if !slices.Contains(all, k) && !slices.Contains(edge, k) {
					edge = append(edge, k)
				}
			}
			all = append(all, edge...)
		}
		return nil
	})
	return all, err
}

// next is the keys one step from some.
func (d *Desk) next(tx ledger.Tx, program string, links bool, from []ledger.Key) (found []ledger.Key, err error) {
	var keys []ledger.Key
	for _, k := range from {
		if !isClickKey(k) {
			keys = append(keys, d.private(k))
		}
	}
	orders, err := ordersOf(tx, program, keys)
	for _, o := range orders {
		found = append(found, o.Keys...)
		if o.Customer != "" {
			found = append(found, o.Customer)
		}
	}
	if err != nil || !links || len(keys) == 0 {
		return found, err
	}
	beside, err := tx.Traffic().Links().Of(program, keys...)
	for _, l := range beside {
		found = append(found, l.A, l.B)
	}
	return found, err
}

func isClickKey(k ledger.Key) bool { return strings.HasPrefix(string(k), "click:") }

// ordersOf lists the orders that have one of some keys, or their customer.
func ordersOf(tx ledger.Tx, program string, keys []ledger.Key) (all []ledger.Order, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if all, err = tx.Orders().List(ledger.OrderFilter{Program: program, Keys: keys}); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !strings.HasPrefix(string(k), "customer:") {
			continue
		}
		more, err := tx.Orders().List(ledger.OrderFilter{Program: program, Customer: k})
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	slices.SortFunc(all, func(a, b ledger.Order) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b ledger.Order) bool { return a.ID == b.ID }), nil
}

// Erasure counts what a ledger has of a person, or had.
type Erasure struct {
	Keys    int `json:"keys"`    // links, and keys of touches and orders
	Touches int `json:"touches"` // which stay, of a visitor that nothing leads to
	Orders  int `json:"orders"`  // which stay, with their entries, of a customer that nothing leads to
}

// Erase takes a person out of a programme's ledger (rule 19): keys with their
// links go, touches and orders stay without them. What is decided stays decided
// and what is posted stays posted: such an order is nobody's but its affiliate's.
// Orders of one customer go on being one customer's, and touches of one visitor one
// visitor's, by a random name that nothing leads to.
func (d *Desk) Erase(ctx context.Context, program string, keys ...ledger.Key) (done Erasure, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) error {
		own, touches, err := d.person(tx, program, keys)
		if err != nil {
			return err
		}
		done = Erasure{Touches: len(touches)}
		instead := map[ledger.Key]ledger.Key{}
		for _, k := range own {
			instead[k] = ledger.Key(erasedVisitor + d.id())
		}
		orders, err := ordersOf(tx, program, own)
		if err != nil {
			return err
		}
		for _, o := range orders {
			done.Keys += len(o.Keys)
		}
		if done.Orders = len(orders); done.Orders > 0 {
			if err := d.unname(tx, orders); err != nil {
				return err
			}
		}
		removed, err := tx.Traffic().Links().Forget(program, instead, own...)
		done.Keys += removed
		return err
	})
	return done, err
}

// erasedVisitor begins what is in a touch instead of its visitor's keys.
const erasedVisitor = "visitor:erased-"

// person is all that the ledger knows of one by some keys: keys as it keeps them,
// and the touches that have one. A click that was redirected knows its visitor of
// the day only, which is among the keys then.
func (d *Desk) person(tx ledger.Tx, program string, keys []ledger.Key) (own []ledger.Key, touches []ledger.Touch, err error) {
	var clicks []ledger.Key
	for _, k := range keys {
		if isClickKey(k) {
			clicks = append(clicks, k)
		} else {
			own = append(own, d.private(k))
		}
	}
	if touches, err = touchesOf(tx, program, slices.Concat(own, clicks)); err != nil {
		return nil, nil, err
	}
	for _, t := range touches {
		for _, k := range t.Keys {
			if strings.HasPrefix(string(k), "visitor:") && !strings.HasPrefix(string(k), erasedVisitor) && !slices.Contains(own, k) {
				own = append(own, k)
			}
		}
	}
	touches, err = touchesOf(tx, program, slices.Concat(own, clicks))
	return own, touches, err
}

// touchesOf lists the touches that have one of some keys.
func touchesOf(tx ledger.Tx, program string, keys []ledger.Key) ([]ledger.Touch, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return tx.Traffic().Touches(program, time.UnixMilli(0), time.UnixMilli(1<<52), keys...)
}

// unname gives orders customers that lead to nobody.
func (d *Desk) unname(tx ledger.Tx, orders []ledger.Order) error {
	customers := map[ledger.Key]ledger.Key{}
	for _, o := range orders {
		customer := customers[o.Customer]
		if customer == "" || o.Customer == "" {
			customer = ledger.ErasedCustomer(d.id())
			customers[o.Customer] = customer
		}
		o.Customer, o.Keys, o.Sure = customer, nil, true
		if err := tx.Orders().Put(o); err != nil {
			return err
		}
	}
	return nil
}

// Named counts what Erase would find.
func (d *Desk) Named(ctx context.Context, program string, keys ...ledger.Key) (found Erasure, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		own, touches, err := d.person(tx, program, keys)
		if err != nil {
			return err
		}
		orders, err := ordersOf(tx, program, own)
		if err != nil {
			return err
		}
		links, err := tx.Traffic().Links().Of(program, own...)
		found = Erasure{Keys: len(links), Touches: len(touches), Orders: len(orders)}
		for _, t := range touches {
			found.Keys += len(slices.DeleteFunc(t.Keys, func(k ledger.Key) bool { return !slices.Contains(own, k) }))
		}
		for _, o := range orders {
			found.Keys += len(o.Keys)
		}
		return err
	})
	return found, err
}
