package affiliate_test

import (
	"strings"
	"testing"

	"footfall/ledger"
)

func TestRule17Terms(t *testing.T) {
	for _, x := range []struct {
		want    string
		program func(p *ledger.Program)
		rules   []ledger.Rule
	}{
		{"You earn 50 % of every order within 30 days of a click on your link or with your coupon; it is paid 30 days later, from 10.00 EUR on.", nil, nil},
		{"You earn 50 % of every order within 1 day of a click on your link or with your coupon, and of later ones of the same customer; it can be paid at once.",
			func(p *ledger.Program) { p.Window, p.Hold, p.Bind, p.MinPayout = 1, 0, ledger.BindCustomer, nil }, nil},
		{"You earn 2.95 % of every order of a customer's first 3, at most 100 JPY an order, within 30 days of a click on your link or with your coupon; it is paid 30 days later, from 10.00 EUR on.", nil,
			[]ledger.Rule{{Affiliate: "anna", Kind: ledger.Percent, Rate: 29500, Recurring: 3, Cap: 100, Currency: "JPY"}}},
		{"You earn 12.50 EUR for every order that is a customer's first (course: 1.250 KWD) within 30 days of a click on your link or with your coupon; it is paid 30 days later, from 5.00 EUR or 6.00 USD on.",
			func(p *ledger.Program) { p.MinPayout = map[string]int64{"USD": 600, "EUR": 500, "JPY": 0} },
			[]ledger.Rule{{Kind: ledger.PerOrder, Amount: 1250, Currency: "EUR", Recurring: 1, Affiliate: "anna"}, {Affiliate: "anna", Product: "course", Kind: ledger.PerUnit, Amount: 1250, Currency: "KWD"}}},
		{"You earn 50 % of every order (other rates for 4 products) within 30 days of a click on your link or with your coupon; it is paid 30 days later, from 10.00 EUR on.", nil,
			[]ledger.Rule{{Product: "a", Kind: ledger.Percent, Rate: 1}, {Product: "b", Kind: ledger.Percent, Rate: 1}, {Product: "c", Kind: ledger.Percent, Rate: 1}, {Product: "d", Kind: ledger.Percent, Rate: 1}}},
	} {
		d := openDesk(t, x.program)
		for _, r := range x.rules {
			if r.Program = d.program.ID; r.Affiliate != "" {
				r.Affiliate = d.anna.ID
			}
			if _, err := d.AddRule(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.home(d.anna, d.days(1)).Terms; got != x.want {
			t.Errorf("\n%s\nwant\n%s", got, x.want)
		}
	}
	d := openDesk(t, nil)
	p, err := d.PutProgram(t.Context(), ledger.Program{Name: "New", Sites: []string{"three"}, Window: 30, Model: ledger.LastTouch, Bind: ledger.BindNone})
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Join(t.Context(), ledger.Affiliate{Program: p.ID, Email: "new@example.com", Name: "new", Status: ledger.Active})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.home(a, d.days(1)).Terms; !strings.HasPrefix(got, "No commission is set") {
		t.Error(got)
	}
}
