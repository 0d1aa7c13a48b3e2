package affiliate

import (
	"cmp"
	"fmt"
	"math/bits"
	"time"

	"footfall/ledger"
	"footfall/money"
)

// RuleOf is the rule of a programme that an affiliate earns by with a product,
// in an order of that time and currency; false if there is none. The affiliate's
// own beat the programme's, then the product's own the general ones, then the
// version that holds since later; of several since the same moment one in the
// order's currency, then the one made last.
func RuleOf(rules []ledger.Rule, affiliate, product, currency string, at time.Time) (best ledger.Rule, ok bool) {
	for _, r := range rules {
		if r.Affiliate != "" && r.Affiliate != affiliate || r.Product != "" && r.Product != product ||
			at.Before(r.From) || !r.To.IsZero() && !at.Before(r.To) {
			continue
		}
		if !ok || cmp.Or(
			cmp.Compare(len(r.Affiliate), len(best.Affiliate)), // one of the two is "" or they are the same
			cmp.Compare(len(r.Product), len(best.Product)),
			r.From.Compare(best.From),
			compareBool(pays(r, currency), pays(best, currency)),
			r.Created.Compare(best.Created),
			cmp.Compare(r.ID, best.ID)) > 0 {
			best, ok = r, true
		}
	}
	return best, ok
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// pays reports whether a rule's fixed amounts, if it has any, are of a currency.
func pays(r ledger.Rule, currency string) bool {
	return r.Currency == currency || r.Kind == ledger.Percent && r.Cap == 0
}

// part is a line of an order and what is left of it.
type part struct {
	ledger.Line
	remains int64 // of Net, after refunds
	gone    bool  // all of it was given back, also where Net is 0
}

// share is what a line earns, and by which version of a rule.
type share struct {
	amount int64
	rule   string
}

// terms is what commissions depend on beside the lines.
type terms struct {
	rules     []ledger.Rule
	affiliate string
	currency  string
	at        time.Time // of the order
	ordinal   int       // which of the customer's orders it is, from 1
}

// shares is what each line earns (rule 10). A percentage is of what remains. A
// fixed amount of a unit is times the quantity, one of an order is spread over
// the lines that earn by it in proportion to their nets; of either a line loses
// the part that it lost of its net. The result of a line with a negative net is
// the mirror of the positive one's. A cap is of what a rule gives the order as a
// whole.
func (t terms) shares(parts []part) ([]share, error) {
	all := make([]share, len(parts))
	by := map[string][]int{} // lines of a rule
	rules := map[string]ledger.Rule{}
	var ids []string
	for i, p := range parts {
		r, ok := RuleOf(t.rules, t.affiliate, p.Product, t.currency, t.at)
		if !ok || !pays(r, t.currency) || r.Recurring > 0 && t.ordinal > r.Recurring {
			continue
		}
		if all[i].rule = r.ID; by[r.ID] == nil {
			rules[r.ID], ids = r, append(ids, r.ID)
		}
		by[r.ID] = append(by[r.ID], i)
	}
	for _, id := range ids {
		mine := make([]part, len(by[id]))
		for k, i := range by[id] {
			mine[k] = parts[i]
		}
		amounts, err := earned(rules[id], mine)
		if err != nil {
			return nil, err
		}
		for k, i := range by[id] {
			all[i].amount = amounts[k]
		}
	}
	return all, nil
}

// earned is what one rule gives each of the lines it is for.
func earned(r ledger.Rule, parts []part) ([]int64, error) {
	amounts := make([]int64, len(parts))
	switch r.Kind {
	case ledger.Percent:
		for i, p := range parts {
			amounts[i] = money.Share(p.remains, r.Rate)
		}
	case ledger.PerUnit:
		for i, p := range parts {
			all, err := times(r.Amount, p.Quantity)
			if err != nil {
				return nil, fmt.Errorf("rule %s for product %s: %w: make a version of the rule with a smaller amount", r.ID, p.Product, err)
			}
			if p.Net < 0 {
				all = -all
			}
			amounts[i] = p.left(all)
		}
	case ledger.PerOrder:
		for i, all := range spread(r.Amount, parts) {
			amounts[i] = parts[i].left(all)
		}
	}
	return capped(amounts, r.Cap), nil
}

// left is what a line keeps of an amount after its refunds.
func (p part) left(amount int64) int64 {
	switch {
	case p.gone:
		return 0
	case p.Net == 0:
		return amount
	}
	return proportion(amount, abs(p.remains), abs(p.Net))
}

// spread divides an order's amount among its lines; that of a credit note,
// which is negative as a whole, among the negative ones.
func spread(amount int64, parts []part) []int64 {
	sum := int64(0)
	for _, p := range parts {
		sum += p.Net
	}
	sign := int64(1)
	if sum < 0 {
		sign = -1
	}
	weights := make([]int64, len(parts))
	for i, p := range parts {
		weights[i] = max(0, sign*p.Net)
	}
	return money.Spread(sign*amount, weights)
}

// capped scales amounts so that they add up to the cap if they are more, or to
// its negative if they are less than that. Those of the other sign stay.
func capped(amounts []int64, most int64) []int64 {
	sum := int64(0)
	for _, a := range amounts {
		sum += a
	}
	if most == 0 || abs(sum) <= most {
		return amounts
	}
	sign := int64(1)
	if sum < 0 {
		sign = -1
	}
	room, weights := sign*most, make([]int64, len(amounts))
	for i, a := range amounts {
		if sign*a > 0 {
			weights[i] = sign * a
		} else {
			room -= a
		}
	}
	scaled := money.Spread(room, weights)
	for i, a := range amounts {
		if weights[i] == 0 {
			scaled[i] = a
		}
	}
	return scaled
}

// proportion is amount·part/whole, half away from zero, of 0 ≤ part ≤ whole and
// whole > 0. The product is taken in 128 bits.
func proportion(amount, part, whole int64) int64 {
	hi, lo := bits.Mul64(2*uint64(abs(amount)), uint64(part))
	lo, carry := bits.Add64(lo, uint64(whole), 0)
	q, _ := bits.Div64(hi+carry, lo, 2*uint64(whole))
	if amount < 0 {
		return -int64(q)
	}
	return int64(q)
}

// times multiplies an amount of a unit; a quantity's sign says nothing here.
func times(amount, quantity int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(abs(amount)), uint64(abs(quantity)))
	if hi > 0 || lo > money.Max {
		return 0, fmt.Errorf("%d times %d %w", quantity, amount, money.ErrTooLarge)
	}
	if amount < 0 {
		return -int64(lo), nil
	}
	return int64(lo), nil
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
