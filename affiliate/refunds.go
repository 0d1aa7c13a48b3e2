package affiliate

import (
	"maps"
	"slices"

	"footfall/money"
	"footfall/shop"
)

// tally adds up what refunds of an order say. It is sums and maxima only, so
// that what it comes to depends neither on the order nor on the number of the
// refunds (rule 11): parts are converted and rounded after they are added up.
type tally struct {
	order    *shop.Order
	full     bool            // all of it was given back
	lines    []back          // of each line
	products map[string]back // of products that have several lines
	net      int64           // of the order as a whole
	gross    int64           // the same, with tax and shipping
	sofar    map[string]most // what was told to be all so far, by the refund's id
}

// most is the largest amounts that were told to be all that was given back so
// far, by one id: an order that was paid by several charges has one of each.
type most struct {
	net   int64
	gross int64 // with tax and shipping
}

// back is what was given back of a line or product.
type back struct {
	amount int64
	units  int64
	gone   bool // all
}

func (b *back) add(l shop.RefundLine) {
	switch {
	case l.Amount > 0:
		b.amount += l.Amount
	case l.Quantity > 0:
		b.units += l.Quantity
	default:
		b.gone = true
	}
}

// remaining is an order's lines with what refunds leave of them; odd are those
// of the refunds that can't be counted, see tally.add.
//
// Where a shop's own door tells of refunds, events that name none tell of the same
// ones: not both count, but what comes to more, so that nothing is taken twice
// and what one of them has missed is not forgotten. Which door that is says
// nothing: a refund that two doors tell of is kept as the first one told it. Nor
// does it give anything back that one more refund is told.
func remaining(order *shop.Order, refunds []statement) (parts []part, odd []string) {
	unnamed := slices.DeleteFunc(slices.Clone(refunds), func(r statement) bool { return !r.said.Refund.Unnamed })
	if len(unnamed) == 0 || len(unnamed) == len(refunds) {
		return left(order, refunds)
	}
	parts, odd = left(order, slices.DeleteFunc(slices.Clone(refunds), func(r statement) bool { return r.said.Refund.Unnamed }))
	told, more := left(order, unnamed)
	if worth(told) < worth(parts) {
		parts = told
	}
	return parts, append(odd, more...)
}

// worth is what parts are worth together, whatever their sign.
func worth(parts []part) (sum int64) {
	for _, p := range parts {
		sum += p.remains
	}
	return abs(sum)
}

// left is what refunds leave that all count.
func left(order *shop.Order, refunds []statement) (parts []part, odd []string) {
	t := tally{order: order, lines: make([]back, len(order.Lines)), products: map[string]back{}, sofar: map[string]most{}}
	for _, r := range refunds {
		if !t.add(r.said.Refund) {
			odd = append(odd, r.ID)
		}
	}
	return t.parts(), odd
}

// find is the places of the lines with an id or else with a product.
func (t *tally) find(line, product string) (found []int) {
	for i, l := range t.order.Lines {
		if line != "" && l.ID == line {
			return []int{i}
		}
		if product != "" && l.Product == product {
			found = append(found, i)
		}
	}
	return found
}

// add adds a refund. One that tells no amount and no line is of all that remains.
// False: it is in another currency, or of lines that the order doesn't have, so
// that nobody knows what it is worth.
func (t *tally) add(r *shop.Refund) (counted bool) {
	if r.Full || r.Amount <= 0 && len(r.Lines) == 0 {
		t.full = true
		return true
	}
	if r.Currency != "" && r.Currency != t.order.Currency {
		return false
	}
	tells := slices.ContainsFunc(r.Lines, func(l shop.RefundLine) bool {
		return l.Amount > 0 || l.Quantity > 0 && len(t.find(l.Line, l.Product)) > 0
	})
	switch {
	case r.Amount <= 0 || tells && !r.Cumulative:
		counted = true
		for _, l := range r.Lines {
			counted = t.line(l) && counted
		}
		return counted
	case r.Cumulative:
		m := t.sofar[r.ID]
		if r.Gross {
			m.gross = max(m.gross, r.Amount)
		} else {
			m.net = max(m.net, r.Amount)
		}
		t.sofar[r.ID] = m
	case r.Gross:
		t.gross += r.Amount
	default:
		t.net += r.Amount
	}
	return true
}

// line adds what was given back of a line. An amount of one that the order
// doesn't have is of the order as a whole.
func (t *tally) line(l shop.RefundLine) (counted bool) {
	found := t.find(l.Line, l.Product)
	switch l = t.bounded(found, l); {
	case len(found) == 1:
		t.lines[found[0]].add(l)
	case len(found) > 1:
		b := t.products[l.Product]
		b.add(l)
		t.products[l.Product] = b
	case l.Amount > 0:
		t.net += l.Amount
	default:
		return false
	}
	return true
}

// bounded is what was given back of lines, at most what its units are worth:
// prices are those before a discount of the order, the lines' nets those after.
// Of one line that is its units themselves, so that all of them are all of it.
func (t *tally) bounded(found []int, l shop.RefundLine) shop.RefundLine {
	worth := int64(0)
	for _, i := range found {
		all := max(1, abs(t.order.Lines[i].Quantity))
		worth = max(worth, proportion(abs(t.order.Lines[i].Net), min(l.Quantity, all), all))
	}
	switch {
	case l.Quantity <= 0 || l.Amount < worth || worth == 0:
	case len(found) == 1:
		l.Amount = 0
	default:
		l.Amount = worth
	}
	return l
}

// parts is the lines with what remains of them: what was told of a line is taken
// off first, then what was told of its product, then of the order as a whole.
func (t *tally) parts() []part {
	parts := make([]part, len(t.order.Lines))
	all := make([]int, len(parts))
	var net, left int64
	for i, l := range t.order.Lines {
		parts[i], all[i] = part{Line: l, remains: l.Net}, i
		t.take(parts, []int{i}, t.lines[i])
		net += l.Net
	}
	for _, product := range slices.Sorted(maps.Keys(t.products)) {
		t.take(parts, t.find("", product), t.products[product])
	}
	for _, p := range parts {
		left += p.remains
	}
	give(parts, all, max(t.net+t.without(t.gross, net), t.soFar(net)-(abs(net)-abs(left))))
	left = 0
	for _, p := range parts {
		left += p.remains
	}
	// A discount that is a line of its own must not outlive what it was of.
	if t.full || net > 0 && left <= 0 || net < 0 && left >= 0 {
		for i := range parts {
			parts[i].remains, parts[i].gone = 0, true
		}
	}
	return parts
}

// take takes off lines what was given back of them together: units of the first
// ones first, then the amount.
func (t *tally) take(parts []part, lines []int, b back) {
	for _, i := range lines {
		p := &parts[i]
		all := max(1, abs(p.Quantity))
		n := min(b.units, all)
		b.units -= n
		if p.gone = p.gone || b.gone || n == all; p.gone {
			p.remains = 0
		} else if n > 0 {
			give(parts, []int{i}, proportion(abs(p.Net), n, all))
		}
	}
	give(parts, lines, b.amount)
}

// give takes an amount off lines, in proportion to what remains of each and
// never more than that.
func give(parts []part, lines []int, amount int64) {
	total := int64(0)
	for _, i := range lines {
		total += parts[i].remains
	}
	if amount <= 0 {
		return
	}
	if amount >= abs(total) {
		for _, i := range lines {
			parts[i].remains, parts[i].gone = 0, true
		}
		return
	}
	sign := int64(1)
	if total < 0 {
		sign = -1
	}
	weights := make([]int64, len(lines))
	for k, i := range lines {
		weights[k] = max(0, sign*parts[i].remains)
	}
	for k, off := range money.Spread(amount, weights) {
		parts[lines[k]].remains -= sign * off
	}
}

// without is what a part of the order's Total is without tax and shipping, of an
// order with that net. If the Total is not known it is the same.
func (t *tally) without(gross, net int64) int64 {
	if t.order.Total <= 0 {
		return gross
	}
	return proportion(abs(net), min(gross, t.order.Total), t.order.Total)
}

// soFar is the sum of all that was given back so far, by all ids, without tax
// and shipping, of an order with that net.
func (t *tally) soFar(net int64) (sum int64) {
	gross := int64(0)
	for _, m := range t.sofar {
		if m.net >= t.without(m.gross, net) {
			sum += m.net
		} else {
			gross += m.gross
		}
	}
	return sum + t.without(gross, net)
}
