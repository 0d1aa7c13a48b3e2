package affiliate

import (
	"fmt"
	"testing"

	"footfall/ledger"
	"footfall/shop"
)

func of(lines ...shop.RefundLine) shop.Refund { return shop.Refund{Lines: lines} }

var (
	three = []ledger.Line{line("a", 3, 100), line("b", 1, 50), line("c", 1, 50)}
	twins = []ledger.Line{{ID: "1", Product: "x", Quantity: 2, Net: 60}, {ID: "2", Product: "x", Quantity: 1, Net: 20}, line("y", 1, 20)}
)

// leftOver is what refunds leave of each line, and how many of them can't be counted.
var leftOver = []struct {
	name    string
	lines   []ledger.Line
	total   int64
	refunds []shop.Refund
	want    string
	odd     int
}{
	{"nothing is told: all that remains", three, 0, []shop.Refund{{}}, "[0 0 0]", 0},
	{"full, whatever the amounts", three, 0, []shop.Refund{{Full: true, Amount: 1, Currency: "USD"}}, "[0 0 0]", 0},
	{"of a line", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Amount: 30})}, "[70 50 50]", 0},
	{"of a line, more than it is", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Amount: 130})}, "[0 50 50]", 0},
	{"of a product", three, 0, []shop.Refund{of(shop.RefundLine{Line: "z", Product: "a", Amount: 30})}, "[70 50 50]", 0},
	{"of a product's lines", twins, 0, []shop.Refund{of(shop.RefundLine{Product: "x", Amount: 20})}, "[45 15 20]", 0},
	{"of a product and one of its lines", twins, 0, []shop.Refund{of(shop.RefundLine{Product: "x", Amount: 10}, shop.RefundLine{Line: "1", Amount: 40})}, "[15 15 20]", 0},
	{"a quantity of a product", twins, 0, []shop.Refund{of(shop.RefundLine{Product: "x", Quantity: 2}), of(shop.RefundLine{Product: "x", Quantity: 1})}, "[0 0 20]", 0},
	{"a quantity of a product, in part", twins, 0, []shop.Refund{of(shop.RefundLine{Product: "x", Quantity: 1})}, "[30 20 20]", 0},
	{"a quantity", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1})}, "[67 50 50]", 0},
	{"a quantity of several", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 2})}, "[33 50 50]", 0},
	{"all of a quantity, one by one", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1}), of(shop.RefundLine{Line: "a", Quantity: 1}), of(shop.RefundLine{Line: "a", Quantity: 1})}, "[0 50 50]", 0},
	{"a line without a figure", three, 0, []shop.Refund{of(shop.RefundLine{Line: "b"})}, "[100 0 50]", 0},
	{"a line without a figure, and an amount", three, 0, []shop.Refund{{Amount: 20, Lines: []shop.RefundLine{{Line: "b"}}}}, "[90 45 45]", 0},
	{"lines beat the amount", three, 0, []shop.Refund{{Amount: 20, Lines: []shop.RefundLine{{Line: "b", Amount: 5}}}}, "[100 45 50]", 0},
	{"an unknown line's amount", three, 0, []shop.Refund{of(shop.RefundLine{Line: "z", Amount: 20})}, "[90 45 45]", 0},
	{"an unknown line's quantity", three, 0, []shop.Refund{of(shop.RefundLine{Line: "z", Quantity: 1}, shop.RefundLine{Line: "b", Amount: 5})}, "[100 45 50]", 1},
	{"an unknown line's quantity, and an amount", three, 0, []shop.Refund{{Amount: 20, Lines: []shop.RefundLine{{Line: "z", Quantity: 1}}}}, "[90 45 45]", 0},
	{"of the order", three, 0, []shop.Refund{{Amount: 20}}, "[90 45 45]", 0},
	{"of the order, more than it is", three, 0, []shop.Refund{{Amount: 150}, {Amount: 150}}, "[0 0 0]", 0},
	{"of what remains of the order", three, 0, []shop.Refund{{Amount: 30}, of(shop.RefundLine{Line: "a", Amount: 50})}, "[40 40 40]", 0},
	{"with tax", three, 238, []shop.Refund{{Amount: 119, Gross: true}}, "[50 25 25]", 0},
	{"with tax, in odd parts", three, 238, []shop.Refund{{Amount: 79, Gross: true}, {Amount: 79, Gross: true}, {Amount: 80, Gross: true}}, "[0 0 0]", 0},
	{"with tax of a total that nobody told", three, 0, []shop.Refund{{Amount: 20, Gross: true}}, "[90 45 45]", 0},
	{"all so far", three, 0, []shop.Refund{{Amount: 20, Cumulative: true}, {Amount: 40, Cumulative: true}, {Amount: 30, Cumulative: true}}, "[80 40 40]", 0},
	{"all so far, with what is told by itself too", three, 0, []shop.Refund{of(shop.RefundLine{Line: "b", Amount: 30}), {Amount: 50, Cumulative: true, Lines: []shop.RefundLine{{Line: "b", Amount: 30}}}}, "[88 18 44]", 0},
	{"all so far, with tax", three, 238, []shop.Refund{{Amount: 119, Cumulative: true, Gross: true}, {Amount: 20}}, "[50 25 25]", 0},
	{"all so far of two charges", []ledger.Line{line("a", 1, 100)}, 0, []shop.Refund{{ID: "ch_0", Amount: 30, Cumulative: true}, {ID: "ch_1", Amount: 20, Cumulative: true}, {ID: "ch_1", Amount: 50, Cumulative: true}}, "[20]", 0},
	{"all so far of two charges, one with tax", []ledger.Line{line("a", 1, 100)}, 200, []shop.Refund{{ID: "ch_0", Amount: 30, Cumulative: true}, {ID: "ch_1", Amount: 100, Gross: true, Cumulative: true}}, "[20]", 0},
	{"all so far of two charges, with tax, in odd parts", three, 238, []shop.Refund{{ID: "ch_0", Amount: 79, Gross: true, Cumulative: true}, {ID: "ch_1", Amount: 79, Gross: true, Cumulative: true}, {ID: "ch_2", Amount: 80, Gross: true, Cumulative: true}}, "[0 0 0]", 0},
	{"a quantity at its price before a discount", []ledger.Line{line("a", 2, 170)}, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 100})}, "[85]", 0},
	{"a quantity at less than it is worth", []ledger.Line{line("a", 2, 170)}, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 80})}, "[90]", 0},
	{"all of a quantity, one by one, at a price", three, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 33}), of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 33}), of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 33})}, "[0 50 50]", 0},
	{"a quantity of a product at its price before a discount", twins, 0, []shop.Refund{of(shop.RefundLine{Product: "x", Quantity: 1, Amount: 40})}, "[37 13 20]", 0},
	{"a quantity of a credit note at its price", []ledger.Line{line("a", 2, -170)}, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Quantity: 1, Amount: 100})}, "[-85]", 0},
	{"another currency", three, 0, []shop.Refund{{Amount: 20, Currency: "USD"}, {Amount: 20, Currency: "EUR"}}, "[90 45 45]", 1},
	{"a discount's line goes with the rest", []ledger.Line{line("a", 1, 100), line("off", 1, -10)}, 0, []shop.Refund{of(shop.RefundLine{Line: "a", Amount: 90})}, "[0 0]", 0},
	{"a discount's line stays with a part", []ledger.Line{line("a", 1, 100), line("off", 1, -10)}, 0, []shop.Refund{{Amount: 40}}, "[60 -10]", 0},
	{"all of an order with a discount's line", []ledger.Line{line("a", 1, 100), line("off", 1, -10)}, 0, []shop.Refund{{Amount: 90}}, "[0 0]", 0},
	{"credit note", []ledger.Line{line("a", 1, -100), line("b", 1, -50)}, 0, []shop.Refund{{Amount: 30}, of(shop.RefundLine{Line: "b", Amount: 5})}, "[-79 -36]", 0},
	{"more than a credit note", []ledger.Line{line("a", 1, -100)}, 0, []shop.Refund{{Amount: 130}}, "[0]", 0},
	{"nothing of nothing", []ledger.Line{line("a", 1, 0)}, 0, []shop.Refund{{Amount: -1}}, "[0]", 0},
}

func TestRule11Refunds(t *testing.T) {
	for _, c := range leftOver {
		// The order of refunds says nothing.
		for range 2 {
			statements := make([]statement, len(c.refunds))
			for i := range c.refunds {
				statements[len(c.refunds)-1-i] = statement{ledger.Fact{ID: fmt.Sprint(i)}, body{Refund: &c.refunds[i]}}
			}
			parts, odd := remaining(&shop.Order{Currency: "EUR", Lines: c.lines, Total: c.total}, statements)
			left := make([]int64, len(parts))
			for i, p := range parts {
				if left[i] = p.remains; p.gone != (p.remains == 0) {
					t.Errorf("%s: %+v", c.name, p)
				}
			}
			if got := fmt.Sprint(left); got != c.want || len(odd) != c.odd {
				t.Errorf("%s: %s remain and %v are not counted, want %s", c.name, got, odd, c.want)
			}
			for i, j := 0, len(c.refunds)-1; i < j; i, j = i+1, j-1 {
				c.refunds[i], c.refunds[j] = c.refunds[j], c.refunds[i]
			}
		}
	}
}

// What was given back stays so when the order's content is told anew.
func TestRule11NewContent(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(1, shop.Refund{ID: "r", Lines: []shop.RefundLine{{Line: "a", Amount: 40}}}))
	l.want("A a earn 50 +0d order", "A a reverse -20 +1d refund")
	renamed := ledger.Line{ID: "1", Product: "course", Quantity: 1, Net: 100}
	l.keep(saidAt(2, sold(renamed))).want("A 1 earn 30 +2d content", "A a reverse -30 +2d content")
	l.keep(refunded(3, shop.Refund{ID: "all"})).want("A 1 reverse -30 +3d refund")
	l.keep(saidAt(4, sold(line("a", 1, 120)))).want()
}
