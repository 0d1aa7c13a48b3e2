package affiliate

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/money"
	"footfall/shop"
)

// earnedBy is what an order's lines earn by rules, in a currency.
func earnedBy(t *testing.T, currency string, lines []ledger.Line, rules ...ledger.Rule) (amounts []int64) {
	t.Helper()
	parts := make([]part, len(lines))
	for i, l := range lines {
		parts[i] = part{Line: l, remains: l.Net}
	}
	shares, err := terms{rules, "A", currency, ordered, 2}.shares(parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shares {
		amounts = append(amounts, s.amount)
	}
	return amounts
}

func TestRule10Rounding(t *testing.T) {
	for _, c := range []struct {
		currency, net string
		ppm           int32
		want          string
	}{
		{"EUR", "10.00", 200_000, "2.00"}, {"EUR", "0.07", 200_000, "0.01"}, {"EUR", "0.02", 200_000, "0.00"}, {"EUR", "0.15", 100_000, "0.02"},
		{"EUR", "5.00", 29_000, "0.15"}, // a float gives 0.14
		{"JPY", "1000", 200_000, "200"}, {"JPY", "15", 100_000, "2"}, {"JPY", "1980", 333_333, "660"}, {"JPY", "1", 500_000, "1"},
		{"KWD", "1.000", 200_000, "0.200"}, {"KWD", "0.015", 100_000, "0.002"}, {"KWD", "12.345", 500_000, "6.173"},
		{"EUR", "-0.15", 100_000, "-0.02"}, {"EUR", "10000000000.00", money.PPM, "10000000000.00"},
	} {
		net, err := money.Parse(c.net, c.currency)
		if err != nil {
			t.Fatal(err)
		}
		got := earnedBy(t, c.currency, []ledger.Line{line("a", 1, net)}, ledger.Rule{ID: "r", Kind: ledger.Percent, Rate: c.ppm})
		if text := money.Format(got[0], c.currency); text != c.want {
			t.Errorf("%d ppm of %s %s is %s, want %s", c.ppm, c.net, c.currency, text, c.want)
		}
	}
}

// The order's commission is the sum of its lines, each rounded by itself.
func TestRule10Kinds(t *testing.T) {
	percent := ledger.Rule{ID: "p", Kind: ledger.Percent, Rate: 100_000}
	order := ledger.Rule{ID: "o", Kind: ledger.PerOrder, Amount: 100, Currency: "EUR"}
	unit := ledger.Rule{ID: "u", Kind: ledger.PerUnit, Amount: 30, Currency: "EUR"}
	cap50 := ledger.Rule{ID: "c", Kind: ledger.Percent, Rate: 500_000, Cap: 50, Currency: "EUR"}
	with := func(r ledger.Rule, change func(*ledger.Rule)) ledger.Rule { change(&r); return r }
	three := []ledger.Line{line("a", 1, 15), line("b", 2, 15), line("c", 3, 30)}
	for _, c := range []struct {
		name  string
		lines []ledger.Line
		rules []ledger.Rule
		want  []int64
	}{
		{"per cent", three, []ledger.Rule{percent}, []int64{2, 2, 3}},
		{"per order, by the nets", three, []ledger.Rule{order}, []int64{25, 25, 50}},
		{"per order, of a free one", []ledger.Line{line("a", 1, 0), line("b", 1, 0)}, []ledger.Rule{order}, []int64{50, 50}},
		{"per unit", three, []ledger.Rule{unit}, []int64{30, 60, 90}},
		{"per unit, of a free one", []ledger.Line{line("a", 2, 0)}, []ledger.Rule{unit}, []int64{60}},
		{"credit note, per cent", []ledger.Line{line("a", 1, -15)}, []ledger.Rule{percent}, []int64{-2}},
		{"credit note, per order", []ledger.Line{line("a", 1, -15), line("b", 1, -45), line("c", 1, 10)}, []ledger.Rule{order}, []int64{-25, -75, 0}},
		{"credit note, per unit", []ledger.Line{line("a", -2, -15), line("b", 2, -15)}, []ledger.Rule{unit}, []int64{-60, -60}},
		{"cap", []ledger.Line{line("a", 1, 300), line("b", 1, 100)}, []ledger.Rule{cap50}, []int64{38, 12}},
		{"cap that is not reached", []ledger.Line{line("a", 1, 70), line("b", 1, 30)}, []ledger.Rule{cap50}, []int64{35, 15}},
		{"cap with a discount's line", []ledger.Line{line("a", 1, 300), line("b", 1, -20)}, []ledger.Rule{cap50}, []int64{60, -10}},
		{"cap of a credit note", []ledger.Line{line("a", 1, -300), line("b", 1, -100)}, []ledger.Rule{cap50}, []int64{-38, -12}},
		{"another currency", three, []ledger.Rule{with(unit, func(r *ledger.Rule) { r.Currency = "USD" })}, []int64{0, 0, 0}},
		{"cap in another currency", three, []ledger.Rule{with(cap50, func(r *ledger.Rule) { r.Currency = "USD" })}, []int64{0, 0, 0}},
		{"first order only, and this is the second", three, []ledger.Rule{with(percent, func(r *ledger.Rule) { r.Recurring = 1 })}, []int64{0, 0, 0}},
		{"first two", three, []ledger.Rule{with(percent, func(r *ledger.Rule) { r.Recurring = 2 })}, []int64{2, 2, 3}},
		{"a product's own", three, []ledger.Rule{percent, with(order, func(r *ledger.Rule) { r.Product = "c" })}, []int64{2, 2, 100}},
		{"no rule", three, nil, []int64{0, 0, 0}},
	} {
		if got := earnedBy(t, "EUR", c.lines, c.rules...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestRuleOf(t *testing.T) {
	rule := func(id, affiliate, product string, from time.Duration) ledger.Rule {
		return ledger.Rule{ID: id, Affiliate: affiliate, Product: product, Kind: ledger.Percent, From: ordered.Add(from)}
	}
	ended, ends := rule("ended", "A", "x", -5*day), rule("ends", "A", "x", -5*day)
	ended.To, ends.To = ordered, ordered.Add(time.Millisecond)
	euros, dollars := rule("1euros", "", "", -day), rule("2dollars", "", "", -day)
	euros.Kind, euros.Currency, dollars.Kind, dollars.Currency = ledger.PerOrder, "EUR", ledger.PerOrder, "USD"
	newer := rule("0newer", "", "", -day)
	newer.Created = ordered
	all := []ledger.Rule{
		rule("old", "", "", -9*day), rule("programme", "", "", -2*day), rule("product", "", "x", -8*day),
		rule("own", "A", "", -7*day), rule("own product", "A", "x", -6*day),
	}
	for _, c := range []struct {
		affiliate, product, want string
		rules                    []ledger.Rule
	}{
		{"B", "y", "programme", all}, {"B", "x", "product", all}, {"A", "y", "own", all}, {"A", "x", "own product", all},
		{"B", "y", "at once", append(all, rule("at once", "", "", 0))}, {"B", "y", "programme", append(all, rule("not yet", "", "", time.Millisecond))},
		{"A", "x", "own product", append(all, ended)}, {"A", "x", "ends", append(all, ends)},
		{"B", "y", "1euros", []ledger.Rule{dollars, euros}}, {"B", "y", "2dollars", []ledger.Rule{dollars}},
		{"B", "y", "0newer", []ledger.Rule{rule("b", "", "", -day), newer, rule("a", "", "", -day)}},
		{"B", "y", "b", []ledger.Rule{rule("b", "", "", -day), rule("a", "", "", -day)}},
	} {
		for range 2 { // the order in which rules are listed says nothing
			got, ok := RuleOf(c.rules, c.affiliate, c.product, "EUR", ordered)
			if !ok || got.ID != c.want {
				t.Errorf("%s with %s earns by %q, want %q", c.affiliate, c.product, got.ID, c.want)
			}
			c.rules = slices.Clone(c.rules)
			slices.Reverse(c.rules)
		}
	}
	if got, ok := RuleOf([]ledger.Rule{rule("r", "B", "", -day), rule("s", "", "x", -day)}, "A", "y", "EUR", ordered); ok {
		t.Errorf("A earns by %q, want none", got.ID)
	}
}

// What a refund takes of a line's net it takes of fixed amounts too.
func TestRule11FixedAmounts(t *testing.T) {
	unit := ledger.Rule{ID: "u", Kind: ledger.PerUnit, Amount: 30, Currency: "EUR"}
	l := opened(t, unit).keep(sold(line("a", 2, 100), line("free", 2, 0))).want("A a earn 60 +0d order", "A free earn 60 +0d order")
	l.keep(refunded(1, shop.Refund{ID: "1", Lines: []shop.RefundLine{{Line: "a", Quantity: 1}, {Line: "free", Quantity: 1}}})).want("A a reverse -30 +1d refund")
	l.keep(refunded(2, shop.Refund{ID: "2", Lines: []shop.RefundLine{{Line: "free", Quantity: 1}}})).want("A free reverse -60 +2d refund")
	l.keep(refunded(3, shop.Refund{ID: "3", Full: true})).want("A a reverse -30 +3d refund")

	order := ledger.Rule{ID: "o", Kind: ledger.PerOrder, Amount: 100, Currency: "EUR"}
	l = opened(t, order).keep(sold(line("a", 1, 100), line("b", 1, 300))).want("A a earn 25 +0d order", "A b earn 75 +0d order")
	l.keep(refunded(1, shop.Refund{ID: "1", Amount: 40})).want("A a reverse -2 +1d refund", "A b reverse -7 +1d refund")
}

func TestCommissionTooLarge(t *testing.T) {
	l := opened(t, ledger.Rule{ID: "u", Kind: ledger.PerUnit, Amount: money.Max, Currency: "EUR"}).keep(sold(line("a", math.MaxInt64, 100)))
	if _, err := Settle(l.Case); !errors.Is(err, money.ErrTooLarge) || !strings.Contains(err.Error(), "rule u for product a") {
		t.Errorf("the error is %v", err)
	}
}

func TestProportion(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		amount, whole := r.Int64N(2*money.Max)-money.Max, 1+r.Int64N(1000*money.Max)
		some := r.Int64N(whole + 1)
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(amount), big.NewInt(some)), big.NewInt(whole))
		if got, want := proportion(amount, some, whole), exact.FloatString(0); big.NewInt(got).String() != want && want != "-0" {
			t.Fatalf("%d·%d/%d = %d, want %s", amount, some, whole, got, want)
		}
	}
}
