package shop

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"footfall/ledger"
	"footfall/money"
)

func formOf(t *testing.T, text string) *form {
	t.Helper()
	var f form
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// nets are an order's lines as "id:net", which is what rule 9 is about.
func nets(lines []ledger.Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.ID+":"+strconv.FormatInt(l.Net, 10))
	}
	return strings.Join(all, " ")
}

// Rule 9: the base is the line net of discounts, without tax and shipping.
func TestOrderBase(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"prices alone", `{"products":[{"product_id":"a","price":19.99,"quantity":2},{"sku":"b","price":"5"}]}`, "a:3998 b:500"},
		{"revenue alone", `{"revenue":12.5}`, "order:1250"},
		{"revenue beats subtotal and total", `{"revenue":10,"subtotal":11,"total":12}`, "order:1000"},
		{"subtotal alone", `{"subtotal":"11.00","total":12}`, "order:1100"},
		{"revenue is spread by gross", `{"revenue":10,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, "a:333 b:667"},
		{"the largest remainder, the earlier first", `{"revenue":0.01,"products":[{"id":"a","price":1},{"id":"b","price":1}]}`, "a:1 b:0"},
		{"revenue that adds up", `{"revenue":30,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, "a:1000 b:2000"},
		{"discount", `{"discount":3,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, "a:900 b:1800"},
		{"discount with a minus", `{"discount":-3,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, "a:900 b:1800"},
		{"discount beyond all", `{"discount":99,"products":[{"id":"a","price":10}]}`, "a:0"},
		{"nets are net of discounts", `{"discount":3,"products":[{"id":"a","net":10},{"id":"b","net":20,"price":50}]}`, "a:1000 b:2000"},
		{"prices with tax", `{"total":119,"tax":19,"products":[{"id":"a","price":119}]}`, "a:10000"},
		{"net is never more than the total", `{"total":50,"products":[{"id":"a","price":60}]}`, "a:5000"},
		{"the total has tax and shipping", `{"total":124,"tax":19,"shipping":5,"products":[{"id":"a","price":100}]}`, "a:10000"},
		{"total alone", `{"total":124,"tax":19,"shipping":5}`, "order:10000"},
		{"unpriced products share", `{"revenue":9,"products":[{"id":"a"},{"id":"b"}]}`, "a:450 b:450"},
		{"unpriced products and a total", `{"total":10,"tax":1,"products":[{"id":"a"}]}`, "a:900"},
		{"a discount that is a product", `{"revenue":90,"products":[{"id":"a","price":100},{"id":"voucher","price":-10}]}`, "a:9000 voucher:0"},
		{"credit note", `{"revenue":-12.5}`, "order:-1250"},
		{"credit note with products", `{"revenue":-30,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, "a:-1000 b:-2000"},
		{"credit note with negative products", `{"products":[{"id":"a","price":10,"quantity":-2}]}`, "a:-2000"},
		{"credit note by its total", `{"total":-60,"products":[{"id":"a","price":50}]}`, "a:-5000"},
		{"credit note less than its products", `{"total":-40,"products":[{"id":"a","price":50}]}`, "a:-4000"},
		{"free", `{"revenue":0,"products":[{"id":"a","price":100}]}`, "a:0"},
		{"one product without a list", `{"product_id":"a","price":3,"quantity":3}`, "a:900"},
		{"an id of something else", `{"id":"evt","name":"x","revenue":1}`, "order:100"},
		{"no id, and one twice", `{"products":[{"price":1},{"id":"a","price":2},{"id":"a","price":3},{"price":4}]}`, "1:100 a:200 a#2:300 4:400"},
		{"an id like a place", `{"products":[{"id":"2","price":1},{"price":2}]}`, "2:100 2#2:200"},
		{"line ids", `{"products":[{"line_id":"l1","id":"a","price":1}]}`, "l1:100"},
		{"what is no product", `{"products":[1,null,"x",{"id":"a","price":1}]}`, "a:100"},
		{"JPY", `{"currency":"jpy","revenue":1500}`, "order:1500"},
		{"KWD", `{"currency":"KWD","revenue":1.005}`, "order:1005"},
		{"more decimals than the currency", `{"revenue":1.005}`, "order:101"},
		{"rounded once, after the quantity", `{"products":[{"id":"a","price":0.005,"quantity":100}]}`, "a:50"},
		{"an exponent", `{"revenue":1.25e1}`, "order:1250"},
		{"what a float leaves of nothing", `{"revenue":5.684341886080802e-14}`, "order:0"},
		{"as much as is taken", `{"revenue":9999999999.99}`, "order:999999999999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := formOf(t, c.text).order("EUR")
			if err != nil {
				t.Fatal(err)
			}
			if got := nets(o.Lines); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		})
	}
}

func TestOrderFaults(t *testing.T) {
	many := `{"products":[` + strings.Repeat(`{"price":1},`, maxLines) + `{"price":1}]}`
	for _, c := range []struct{ text, field string }{
		{`{}`, "products"},
		{`{"products":[{"id":"a"}]}`, "revenue"},
		{`{"revenue":"12,50"}`, "revenue"},
		{`{"revenue":"1_000"}`, "revenue"},
		{`{"revenue":"0x10"}`, "revenue"},
		{`{"revenue":"1/3"}`, "revenue"},
		{`{"revenue":{"amount":1}}`, "revenue"},
		{`{"revenue":true}`, "revenue"},
		{`{"revenue":1e99}`, "revenue"},
		{`{"revenue":1e999}`, "revenue"},
		{`{"revenue":10000000000.01}`, "revenue"},
		{`{"products":[{"id":"a","price":1},{"id":"b","price":"x"}]}`, "products[1].price"},
		{`{"products":[{"id":"a","price":1,"quantity":"x"}]}`, "products[0].quantity"},
		{`{"products":[{"id":"a","net":"x"}]}`, "products[0].net"},
		{`{"products":[{"price":9999999999},{"price":9999999999}]}`, "revenue"},
		{`{"revenue":1,"currency":"euro"}`, "currency"},
		{`{"revenue":1,"products":[{"id":"a","quantity":1e12}]}`, "products[0].quantity"},
		{many, "products"},
	} {
		_, err := formOf(t, c.text).order("EUR")
		var bad *InvalidError
		if !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%.60s: %v; want a fault of %s", c.text, err, c.field)
		}
	}
	if _, err := formOf(t, `{"revenue":1}`).order(""); err == nil {
		t.Error("an order without a currency was taken")
	}
}

// Rule 11: amounts in total, revenue or products when given; without any it is
// a full refund.
func TestRefund(t *testing.T) {
	line := func(product string, amount, quantity int64) RefundLine {
		return RefundLine{Product: product, Amount: amount, Quantity: quantity}
	}
	for _, c := range []struct {
		name, text string
		want       Refund
	}{
		{"nothing is said", `{"refund_id":"r"}`, Refund{ID: "r", Full: true}},
		{"revenue", `{"revenue":5}`, Refund{Amount: 500}},
		{"with a minus", `{"revenue":-5}`, Refund{Amount: 500}},
		{"total alone is gross", `{"total":5.95}`, Refund{Amount: 595, Gross: true}},
		{"total with tax is net", `{"total":5.95,"tax":0.95}`, Refund{Amount: 500}},
		{"products", `{"products":[{"id":"a","price":5,"quantity":2}]}`, Refund{Lines: []RefundLine{line("a", 1000, 2)}}},
		{"products by number", `{"products":[{"id":"a","quantity":2},{"id":"b"}]}`, Refund{Lines: []RefundLine{line("a", 0, 2), line("b", 0, 1)}}},
		{"products of both sorts", `{"products":[{"id":"a","price":3},{"id":"b"}]}`, Refund{Lines: []RefundLine{line("a", 300, 0), line("b", 0, 1)}}},
		{"revenue of products", `{"revenue":9,"products":[{"id":"a","price":10},{"id":"b","price":20}]}`, Refund{Lines: []RefundLine{line("a", 300, 0), line("b", 600, 0)}}},
		{"not more than the total", `{"total":9,"products":[{"id":"a","price":10}]}`, Refund{Lines: []RefundLine{line("a", 900, 0)}}},
		{"nothing left for one", `{"revenue":0.01,"products":[{"id":"a","price":9},{"id":"b","price":1}]}`, Refund{Lines: []RefundLine{line("a", 1, 0)}}},
		{"total of unpriced products", `{"total":9,"products":[{"id":"a"}]}`, Refund{Amount: 900, Gross: true}},
		{"a net is not of a quantity", `{"products":[{"id":"a","net":10,"quantity":2}]}`, Refund{Lines: []RefundLine{line("a", 1000, 0)}}},
		{"by line", `{"products":[{"line_id":"l","price":1}]}`, Refund{Lines: []RefundLine{{Line: "l", Amount: 100}}}},
		{"negative products", `{"products":[{"id":"a","price":5,"quantity":-2}]}`, Refund{Lines: []RefundLine{line("a", 1000, 2)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := formOf(t, c.text).refund("EUR")
			if err != nil {
				t.Fatal(err)
			}
			c.want.Currency = "EUR"
			if !reflect.DeepEqual(*r, c.want) {
				t.Errorf("%+v; want %+v", *r, c.want)
			}
		})
	}
	if _, err := formOf(t, `{"revenue":0}`).refund("EUR"); err == nil {
		t.Error("a refund of nothing was taken for something")
	}
}

func TestCoupons(t *testing.T) {
	for text, want := range map[string][]string{
		`{"coupon":"ANNA15"}`:             {"ANNA15"},
		`{"coupon":"ANNA15, SPRING ,"}`:   {"ANNA15", "SPRING"},
		`{"coupon":["ANNA15","ANNA15"]}`:  {"ANNA15"},
		`{"coupon":["A","B, C"],"x":1}`:   {"A", "B", "C"},
		`{"coupon":15}`:                   {"15"},
		`{"coupon":{"code":"A"}}`:         nil,
		`{"coupon":null,"coupons":["Z"]}`: {"Z"},
		`{"coupon":"A","products":[{"coupon":"B"},{"coupon":["A","C"]}]}`: {"A", "B", "C"},
	} {
		if got := formOf(t, text).coupons(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q; want %q", text, got, want)
		}
	}
}

// Rule 9, whatever products and revenue are: lines add up to the revenue exactly,
// and no line is further than one minor unit from its exact share.
func TestSpreadIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 3000 {
		currency := []string{"EUR", "JPY", "KWD"}[r.IntN(3)]
		revenue := r.Int64N(1_000_000)
		if r.IntN(5) == 0 {
			revenue = -revenue
		}
		f := form{Currency: word(currency), Revenue: number(money.Format(revenue, currency))}
		var gross []int64
		sum := int64(0)
		for range 1 + r.IntN(12) {
			price, quantity := r.Int64N(50_000), r.Int64N(4)
			f.Products = append(f.Products, product{Price: number(money.Format(price, currency)), Quantity: number(strconv.FormatInt(quantity, 10))})
			gross = append(gross, price*quantity)
			sum += price * quantity
		}
		o, err := f.order("")
		if err != nil {
			t.Fatal(err)
		}
		got := int64(0)
		for i, l := range o.Lines {
			got += l.Net
			if sum == 0 {
				continue
			}
			share := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(revenue), big.NewInt(gross[i])), big.NewInt(sum))
			off := share.Sub(share, new(big.Rat).SetInt64(l.Net))
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("line %d of %v has %d of %d", i, gross, l.Net, revenue)
			}
		}
		if got != revenue {
			t.Fatalf("lines of %v add up to %d, not to %d", gross, got, revenue)
		}
	}
}
