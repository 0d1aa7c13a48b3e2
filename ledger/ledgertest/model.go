package ledgertest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"footfall/ledger"
)

type memoryTraffic struct{ *memoryTx }

func ownTouch(t ledger.Touch) ledger.Touch {
	t.Keys, t.Time = own(t.Keys), ms(t.Time)
	return t
}

// some reports whether one of the keys is in a list.
func some(list, keys []ledger.Key) bool {
	return slices.ContainsFunc(keys, func(k ledger.Key) bool { return slices.Contains(list, k) })
}

func (x memoryTraffic) AddTouch(t ledger.Touch, uncounted ...string) (bool, error) {
	if err := x.writable(); err != nil {
		return false, err
	}
	if _, has := x.touches[t.ID]; has {
		return false, nil
	}
	x.touches[t.ID] = ownTouch(t)
	for _, id := range uncounted {
		if other, has := x.touches[id]; has {
			other.Counted = false
			x.touches[id] = other
		}
	}
	return true, nil
}

func (x memoryTraffic) Touches(program string, from, to time.Time, keys ...ledger.Key) (found []ledger.Touch, err error) {
	for _, t := range x.touches {
		if t.Program == program && !t.Time.Before(ms(from)) && !t.Time.After(ms(to)) && (len(keys) == 0 || some(t.Keys, keys)) {
			found = append(found, ownTouch(t))
		}
	}
	slices.SortFunc(found, func(a, b ledger.Touch) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

func (x memoryTraffic) Reading() ledger.Reading { return memoryReading(x) }

func (x memoryTraffic) Links() ledger.Links { return memoryLinks(x) }

type memoryLinks struct{ *memoryTx }

func (x memoryLinks) Add(l ledger.Link) (bool, error) {
	if err := x.writable(); err != nil {
		return false, err
	}
	since := ms(l.Since)
	l = ledger.Link{Program: l.Program, A: min(l.A, l.B), B: max(l.A, l.B)}
	before, has := x.links[l]
	if !has || since.Before(before) {
		x.links[l] = since
	}
	return !has, nil
}

func (x memoryLinks) Of(program string, keys ...ledger.Key) (found []ledger.Link, err error) {
	for l, since := range x.links {
		if l.Program == program && some([]ledger.Key{l.A, l.B}, keys) {
			l.Since = since
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b ledger.Link) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return found, nil
}

func (x memoryLinks) Forget(program string, instead map[ledger.Key]ledger.Key, keys ...ledger.Key) (removed int, err error) {
	if err := x.writable(); err != nil {
		return 0, err
	}
	for l := range x.links {
		if l.Program == program && some([]ledger.Key{l.A, l.B}, keys) {
			delete(x.links, l)
			removed++
		}
	}
	without := func(list []ledger.Key) []ledger.Key {
		left := slices.DeleteFunc(own(list), func(k ledger.Key) bool { return slices.Contains(keys, k) })
		removed += len(list) - len(left)
		return left
	}
	for id, t := range x.touches {
		if t.Program == program {
			for _, k := range keys { // in their order
				at := slices.Index(t.Keys, k)
				if other := instead[k]; at >= 0 && other != "" && !slices.Contains(t.Keys, other) {
					t.Keys = slices.Insert(own(t.Keys), at+1, other)
				}
			}
			t.Keys = without(t.Keys)
			x.touches[id] = t
		}
	}
	for id, o := range x.orders {
		if o.Program == program {
			o.Keys = without(o.Keys)
			x.orders[id] = o
		}
	}
	return removed, nil
}

type memoryOrders struct{ *memoryTx }

func ownOrder(o ledger.Order) ledger.Order {
	o.Keys, o.Coupons, o.Lines, o.Time = own(o.Keys), own(o.Coupons), own(o.Lines), ms(o.Time)
	return o
}

func (x memoryOrders) Put(o ledger.Order, names ...ledger.Name) error {
	if err := x.writable(); err != nil {
		return err
	}
	names = append(own(names), ledger.Name{Kind: "id", Value: o.ID}, ledger.Name{Store: o.Store, Kind: "order", Value: o.Number})
	names = slices.DeleteFunc(names, func(n ledger.Name) bool { return n.Value == "" })
	for _, n := range names {
		if other, has := x.names[n]; has && other != o.ID {
			return fmt.Errorf("%s %s of order %s %w by order %s", n.Kind, n.Value, o.ID, ledger.ErrTaken, other)
		}
	}
	for _, n := range names {
		x.names[n] = o.ID
	}
	x.orders[o.ID] = ownOrder(o)
	return nil
}

func (x memoryOrders) Order(n ledger.Name) (ledger.Order, error) {
	o, has := x.orders[x.names[n]]
	if !has {
		return ledger.Order{}, fmt.Errorf("order %s %s %w", n.Kind, n.Value, ledger.ErrNotFound)
	}
	return ownOrder(o), nil
}

func is[T comparable](want, value T) bool {
	var any T
	return want == any || want == value
}

// within reports whether a time is in a span whose end is out of it; no time is no bound.
func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(ms(from))) && (to.IsZero() || t.Before(ms(to)))
}

func (x memoryOrders) List(f ledger.OrderFilter) (found []ledger.Order, err error) {
	newest := func(a, b ledger.Order) int { return -cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) }
	before, has := x.orders[f.Before]
	if f.Before != "" && !has {
		return nil, fmt.Errorf("order %s %w", f.Before, ledger.ErrNotFound)
	}
	for _, o := range x.orders {
		if is(f.Program, o.Program) && is(f.Affiliate, o.Affiliate) && is(f.Site, o.Site) && is(f.Customer, o.Customer) &&
			(len(f.Keys) == 0 || some(o.Keys, f.Keys)) && within(o.Time, f.From, f.To) && !(f.Unattributed && o.Affiliate != "") &&
			(!has || newest(before, o) < 0) {
			found = append(found, ownOrder(o))
		}
	}
	slices.SortFunc(found, newest)
	return page(found, f.Limit), nil
}

// page is the first so many; 0 is all.
func page[T any](list []T, limit int) []T {
	if limit > 0 && limit < len(list) {
		return list[:limit]
	}
	return list
}

func (x memoryOrders) Facts() ledger.Facts { return memoryFacts(x) }

func (x memoryOrders) Shops() ledger.Table[ledger.Shop] {
	return memoryTable[ledger.Shop]{x.memoryTx, x.shops, func(s ledger.Shop) (string, ledger.Shop) {
		s.Secrets, s.Created, s.Changed = own(s.Secrets), ms(s.Created), ms(s.Changed)
		return s.ID, s
	}, map[string]func(ledger.Shop) string{"site": func(s ledger.Shop) string { return s.Site }}, nil}
}

type memoryFacts struct{ *memoryTx }

func ownFact(f ledger.Fact) ledger.Fact {
	f.Body, f.Time = own(f.Body), ms(f.Time)
	return f
}

func (x memoryFacts) Add(f ledger.Fact) (bool, error) {
	if err := x.writable(); err != nil {
		return false, err
	}
	if slices.ContainsFunc(x.facts[f.Order], func(other ledger.Fact) bool { return other.ID == f.ID }) {
		return false, nil
	}
	x.facts[f.Order] = append(own(x.facts[f.Order]), ownFact(f))
	return true, nil
}

func (x memoryFacts) Of(order string) (found []ledger.Fact, err error) {
	for _, f := range x.facts[order] {
		found = append(found, ownFact(f))
	}
	slices.SortFunc(found, func(a, b ledger.Fact) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

func ownDecision(d ledger.Decision) ledger.Decision {
	d.Time, d.Explain = ms(d.Time), own(d.Explain)
	for i := range d.Explain {
		d.Explain[i].Time = ms(d.Explain[i].Time)
	}
	return d
}

func (x memoryFacts) Decide(d ledger.Decision) error {
	if err := x.writable(); err != nil {
		return err
	}
	x.decisions[d.Order] = append(own(x.decisions[d.Order]), ownDecision(d))
	return nil
}

func (x memoryFacts) Decisions(order string) (found []ledger.Decision, err error) {
	for _, d := range x.decisions[order] {
		found = append(found, ownDecision(d))
	}
	return found, nil
}

func (x memoryFacts) Merge(from, to string) error {
	if err := x.writable(); err != nil {
		return err
	}
	gone, has := x.orders[from]
	into, hasInto := x.orders[to]
	switch {
	case !has || !hasInto:
		return fmt.Errorf("orders %s, %s: one %w", from, to, ledger.ErrNotFound)
	case from == to || len(x.ofOrder[from]) > 0:
		return fmt.Errorf("order %s can't become order %s", from, to)
	}
	for _, f := range x.facts[from] {
		f.Order = to
		if _, err := x.Add(f); err != nil {
			return err
		}
	}
	for _, d := range x.decisions[from] {
		d.Order = to
		x.decisions[to] = append(own(x.decisions[to]), d)
	}
	delete(x.decisions, from)
	for n, order := range x.names {
		if order == from {
			x.names[n] = to
		}
	}
	for _, k := range gone.Keys {
		if !slices.Contains(into.Keys, k) {
			into.Keys = append(own(into.Keys), k)
		}
	}
	x.orders[to] = into
	delete(x.orders, from)
	delete(x.facts, from)
	return nil
}

type memoryMoney struct{ *memoryTx }

func (x memoryMoney) Tables() ledger.Tables { return memoryTables(x) }

// cause is what of an entry is unique, beside its id.
func cause(e ledger.Entry) ledger.Entry {
	return ledger.Entry{Affiliate: e.Affiliate, Order: e.Order, Line: e.Line, Kind: e.Kind, Cause: e.Cause}
}

func (x memoryMoney) Post(entries ...ledger.Entry) error {
	if err := x.writable(); err != nil {
		return err
	}
	for i, e := range entries {
		_, has := x.entries[e.ID]
		if has || x.causes[cause(e)] || slices.ContainsFunc(entries[:i], func(o ledger.Entry) bool { return o.ID == e.ID || cause(o) == cause(e) }) {
			return fmt.Errorf("entry %s %w", e.ID, ledger.ErrTaken)
		}
	}
	for _, e := range entries {
		e.Occurred, e.Available, e.Posted = ms(e.Occurred), ms(e.Available), ms(e.Posted)
		x.entries[e.ID], x.causes[cause(e)] = e, true
		x.ofOrder[e.Order] = append(own(x.ofOrder[e.Order]), e.ID)
	}
	return nil
}

func (x memoryMoney) Entries(f ledger.EntryFilter) (found []ledger.Entry, err error) {
	newest := func(a, b ledger.Entry) int { return -cmp.Or(a.Posted.Compare(b.Posted), cmp.Compare(a.ID, b.ID)) }
	before, has := x.entries[f.Before]
	if f.Before != "" && !has {
		return nil, fmt.Errorf("entry %s %w", f.Before, ledger.ErrNotFound)
	}
	among := maps.Keys(x.entries)
	if f.Order != "" {
		among = slices.Values(x.ofOrder[f.Order])
	}
	for id := range among {
		e := x.entries[id]
		if is(f.ID, e.ID) && is(f.Program, e.Program) && is(f.Affiliate, e.Affiliate) && is(f.Site, e.Site) && is(f.Order, e.Order) && is(f.Payout, e.Payout) &&
			is(f.Currency, e.Currency) && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind)) && within(e.Occurred, f.From, f.To) && within(e.Available, f.RipeFrom, f.RipeTo) &&
			!(f.Unpaid && (e.Payout != "" || !e.Kind.Payable())) && (!has || newest(before, e) < 0) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, newest)
	return page(found, f.Limit), nil
}

func (x memoryMoney) Take(payout string, entries ...string) error {
	if err := x.writable(); err != nil {
		return err
	}
	for i, id := range entries {
		e, has := x.entries[id]
		switch {
		case !has:
			return fmt.Errorf("entry %s %w", id, ledger.ErrNotFound)
		case payout != "" && (e.Payout != "" || slices.Contains(entries[:i], id)):
			return fmt.Errorf("entry %s %w by payout %s", id, ledger.ErrTaken, e.Payout)
		}
	}
	for _, id := range entries {
		e := x.entries[id]
		e.Payout = payout
		x.entries[id] = e
	}
	return nil
}
