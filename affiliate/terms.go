package affiliate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"footfall/ledger"
	"footfall/money"
)

// noTerms is what an affiliate is told whom no rule gives anything.
const noTerms = "No commission is set for you yet: ask who runs the programme."

// terms says in a sentence what the rules in force give the affiliate.
func (v *viewing) terms() (string, error) {
	rules, err := v.tx.Set().Rules().Find("program", v.program.ID)
	if err != nil {
		return "", err
	}
	codes, err := v.tx.Set().Codes().Find("affiliate", v.affiliate.ID)
	if err != nil {
		return "", err
	}
	coupon := slices.ContainsFunc(codes, func(c ledger.Code) bool { return c.Kind == ledger.CouponCode && ValidAt(c, v.now) })
	products := map[string]string{}
	for _, r := range rules {
		if own, ok := RuleOf(rules, v.affiliate.ID, r.Product, r.Currency, v.now); ok && own.Product != "" {
			products[own.Product] = own.Product + ": " + portion(own)
		}
	}
	general, ok := RuleOf(rules, v.affiliate.ID, "", "", v.now)
	if !ok && len(products) == 0 {
		return noTerms, nil
	}
	earn := "what is set for a product"
	if ok {
		earn = Rate(general)
	}
	return "You earn " + earn + exceptions(products) + reach(v.program, coupon) + paid(v.program) + ".", nil
}

// Rate says what a rule gives: "50 % of every order".
func Rate(r ledger.Rule) string {
	s := map[ledger.Commission]string{ledger.Percent: " of every order", ledger.PerOrder: " for every order", ledger.PerUnit: " for every item sold"}[r.Kind]
	switch {
	case r.Recurring == 1:
		s += " that is a customer's first"
	case r.Recurring > 1:
		s += fmt.Sprintf(" of a customer's first %d", r.Recurring)
	}
	if r.Cap > 0 {
		s += ", at most " + amount(r.Cap, r.Currency) + " an order,"
	}
	return portion(r) + s
}

// portion is a rule's rate or amount.
func portion(r ledger.Rule) string {
	if r.Kind == ledger.Percent {
		return Percent(r.Rate)
	}
	return amount(r.Amount, r.Currency)
}

// Percent spells parts per million as per cent, exactly: "2.9 %".
func Percent(ppm int32) string {
	s := strconv.Itoa(int(ppm / 10_000))
	if rest := ppm % 10_000; rest != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%04d", rest), "0")
	}
	return s + " %"
}

func amount(minor int64, currency string) string {
	return money.Format(minor, currency) + " " + currency
}

// exceptions lists products that have rules of their own, or counts them if they
// are many.
func exceptions(products map[string]string) string {
	switch n := len(products); {
	case n == 0:
		return ""
	case n > 3:
		return fmt.Sprintf(" (other rates for %d products)", n)
	}
	var list []string
	for _, product := range slices.Sorted(maps.Keys(products)) {
		list = append(list, products[product])
	}
	return " (" + strings.Join(list, ", ") + ")"
}

// reach says which orders are the affiliate's.
func reach(p ledger.Program, coupon bool) string {
	s := " within " + days(p.Window) + " of a click on your link"
	if coupon {
		s += " or with your coupon"
	}
	if p.Bind == ledger.BindCustomer {
		s += ", and of later ones of the same customer"
	}
	return s
}

// paid says when commissions are paid.
func paid(p ledger.Program) string {
	s := "; it is paid " + days(p.Hold) + " later"
	if p.Hold == 0 {
		s = "; it can be paid at once"
	}
	var least []string
	for _, currency := range slices.Sorted(maps.Keys(p.MinPayout)) {
		if p.MinPayout[currency] > 0 {
			least = append(least, amount(p.MinPayout[currency], currency))
		}
	}
	if len(least) > 0 {
		s += ", from " + strings.Join(least, " or ") + " on"
	}
	return s
}
