package event_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"footfall/event"
)

func traded(name, properties string) (event.Trade, bool) {
	e := event.Event{Kind: event.Track, Name: name, Properties: properties}
	return e.Trade()
}

// TestTrade has an event of each kind with the properties that Segment's
// e-commerce specification gives it.
func TestTrade(t *testing.T) {
	for _, c := range []struct {
		name, properties string
		want             event.Trade
	}{
		{"Product Viewed", `{"product_id":"p-17","sku":"G-32","category":"Games","name":"Chess","brand":"Knight","variant":"wood","price":18.99,
			"quantity":1,"coupon":"MAY","currency":"usd","position":3,"value":18.99,"url":"https://shop.example/p-17","image_url":"https://shop.example/i.jpg"}`,
			event.Trade{Kind: event.Viewed, Currency: "USD", Lines: []event.Line{{"p-17", "Games", 1, 18_990}}}},
		{"Product Added", `{"cart_id":"c-1","sku":"G-32","category":"Games","price":3,"quantity":2,"currency":"EUR"}`,
			event.Trade{Kind: event.Added, Currency: "EUR", Lines: []event.Line{{"G-32", "Games", 2, 6_000}}}},
		{"Order Completed", `{"checkout_id":"ch-1","order_id":"o-1","affiliation":"Shop","total":27.50,"subtotal":22.50,"revenue":25.00,"shipping":3,
			"tax":2,"discount":2.5,"coupon":"MAY","currency":"USD","products":[
			{"product_id":"p-17","sku":"G-32","name":"Chess","price":19,"quantity":1,"category":"Games"},
			{"product_id":"p-18","sku":"G-33","name":"Cards","price":3,"quantity":2,"category":"Games"}]}`,
			event.Trade{Kind: event.Ordered, Order: "o-1", Currency: "USD", Amount: 25_000,
				Lines: []event.Line{{"p-17", "Games", 1, 19_000}, {"p-18", "Games", 2, 6_000}}}},
		{"Order Refunded", `{"order_id":"o-1","total":30,"currency":"USD","products":[{"product_id":"p-18","price":3,"quantity":1}]}`,
			event.Trade{Kind: event.Refunded, Order: "o-1", Currency: "USD", Amount: 30_000, Lines: []event.Line{{"p-18", "", 1, 3_000}}}},
		{"Order Refunded", `{"order_id":"o-1"}`, event.Trade{Kind: event.Refunded, Order: "o-1"}},
		{"Order Completed", "", event.Trade{Kind: event.Ordered}},
	} {
		got, ok := traded(c.name, c.properties)
		if !ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", c.name, got, ok, c.want)
		}
	}
	for _, e := range []event.Event{{Kind: event.Page, Name: "Order Completed"}, {Kind: event.Track, Name: "order completed"},
		{Kind: event.Track, Name: "Order Cancelled"}, {Kind: event.Track}} {
		if got, ok := e.Trade(); ok {
			t.Errorf("%s %q is %+v", e.Kind, e.Name, got)
		}
	}
}

const million = 1_000_000 * event.Thousandths

// amounts are properties of an order and its amount in thousandths: what is
// wrong is not said, and then the next that is said counts.
var amounts = map[string]int64{
	`"revenue":12.3`:                    12_300,
	`"revenue":"12.30"`:                 12_300,
	`"revenue":"+12"`:                   12_000,
	`"revenue":-12.5`:                   -12_500,
	`"revenue":0,"total":9`:             0,
	`"revenue":1.2344`:                  1_234,
	`"revenue":1.2345`:                  1_235,
	`"revenue":-1.2345`:                 -1_235,
	`"revenue":1.234499999999999999`:    1_234,
	`"revenue":"-0.0005"`:               -1,
	`"revenue":0.0004`:                  0,
	`"revenue":0.1,"total":0.3`:         100,
	`"revenue":1000000000`:              1_000 * million,
	`"revenue":1000000000.0004`:         1_000 * million,
	`"revenue":1000000000.001`:          0,
	`"revenue":-1000000000.001`:         0,
	`"revenue":-4611686018427387.904`:   0, // its double is the least int64
	`"revenue":-9223372036854775.808`:   0,
	`"revenue":99999999999999999999`:    0,
	`"revenue":1e3,"total":7`:           7_000, // exponents are not read
	`"revenue":"1e999999999","total":7`: 7_000,
	`"revenue":"1/3","total":7`:         7_000,
	`"revenue":"0x10","total":7`:        7_000,
	`"revenue":"0b11","total":7`:        7_000,
	`"revenue":"010","total":7`:         10_000,
	`"revenue":"1_000","total":7`:       7_000,
	`"revenue":"1,000.00","total":7`:    7_000,
	`"revenue":"12 EUR","total":7`:      7_000,
	`"revenue":"","total":7`:            7_000,
	`"revenue":"--1","total":7`:         7_000,
	`"revenue":"NaN","total":7`:         7_000,
	`"revenue":null,"total":7`:          7_000,
	`"revenue":true,"total":7`:          7_000,
	`"revenue":[5],"total":7`:           7_000,
	`"revenue":{"amount":5},"total":7`:  7_000,
	`"total":8,"value":7`:               8_000,
	`"value":7`:                         7_000,
	`"value":"x","products":[{"price":2,"quantity":3},{"price":"0.5"}]`:  6_500,
	`"products":[{"price":1.5,"quantity":1.5}]`:                          2_250,
	`"products":[{"price":0.333,"quantity":0.5}]`:                        167,
	`"products":[{"price":-0.333,"quantity":0.5}]`:                       -167,
	`"products":[{"price":5,"quantity":0},{"price":5,"quantity":-1}]`:    -5_000,
	`"products":[{"price":1000000000,"quantity":2},{"price":2}]`:         2_000,
	`"products":[{"price":1000000000},{"price":1}]`:                      0,
	`"products":[{"price":"free"},7,"x",null,[{"price":9}],{"price":4}]`: 4_000,
	`"products":{"price":9}`:                                             0,
	`"products":"[{\"price\":9}]"`:                                       0,
	`"product_id":"p","price":3,"quantity":2`:                            6_000,
	`"price":3`: 0,
	`"revenue":` + strings.Repeat("9", 41) + `,"total":7`:                                                          7_000,
	`"products":[` + strings.TrimSuffix(strings.Repeat(`{"price":999999999999},`, 1400), ",") + `],"order_id":"o"`: 0,
}

func TestTradeAmount(t *testing.T) {
	for properties, want := range amounts {
		if got, ok := traded("Order Completed", "{"+properties+"}"); !ok || got.Amount != want {
			t.Errorf("%.80s: %d, want %d", properties, got.Amount, want)
		}
		if got, _ := traded("Product Viewed", "{"+properties+"}"); got.Amount != 0 {
			t.Errorf("%.80s: a view brings %d", properties, got.Amount)
		}
	}
}

// TestTradeTexts reads ids and categories in types they should not have.
func TestTradeTexts(t *testing.T) {
	long := strings.Repeat("x", event.MaxText)
	for properties, want := range map[string][]event.Line{
		`{"product_id":17}`:                               {{"17", "", 1, 0}},
		`{"product_id":"","sku":"s"}`:                     {{"s", "", 1, 0}},
		`{"product_id":null,"sku":"s"}`:                   {{"s", "", 1, 0}},
		`{"product_id":["p"],"sku":{"a":1}}`:              {{"", "", 1, 0}},
		`{"product_id":"a\u0000b","sku":"s"}`:             {{"s", "", 1, 0}},
		`{"product_id":"` + long + `"}`:                   {{long, "", 1, 0}},
		`{"product_id":"` + long + `x","sku":"s"}`:        {{"s", "", 1, 0}},
		`{"product_id":"p","category":["a","b"]}`:         {{"p", "", 1, 0}},
		`{"product_id":"p","category":"Ä/ö"}`:             {{"p", "Ä/ö", 1, 0}},
		`{"product_id":"p","quantity":"3","price":"2.5"}`: {{"p", "", 3, 7_500}},
		`{"product_id":"p","quantity":"many","price":2}`:  {{"p", "", 1, 2_000}},
		`{"product_id":"p","products":[]}`:                {{"p", "", 1, 0}},
		`{"product_id":"p","products":[{"sku":"s"}]}`:     {{"s", "", 1, 0}},
		`{"products":[{"product":{"product_id":"p"}}]}`:   {{"", "", 1, 0}},
		`{"name":"Chess"}`:                                nil,
		`{"products":[null,{"sku":"s"},[]]}`:              {{"s", "", 1, 0}},
		`{"products":null}`:                               nil,
		`{}`:                                              nil,
		`[]`:                                              nil,
		`{"product_id":"p"`:                               nil,
		`"product_id"`:                                    nil,
	} {
		got, ok := traded("Product Viewed", properties)
		if !ok || !reflect.DeepEqual(got.Lines, want) {
			t.Errorf("%.60s: %.200s, want %.200s", properties, fmt.Sprint(got.Lines), fmt.Sprint(want))
		}
	}
	got, _ := traded("Order Completed", `{"order_id":17,"currency":"eur"}`)
	if got.Order != "17" || got.Currency != "EUR" {
		t.Errorf("got %+v", got)
	}
}

// TestTradeRecorded reads the trade events that real clients sent; they lie
// in ../shared/data beside the checkout.
func TestTradeRecorded(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "data", "sdk-recordings", "*.*.json"))
	if len(files) == 0 && os.Getenv("CI") == "true" {
		t.Fatal("REAL DATA IS MISSING: recordings of real clients")
	}
	if len(files) == 0 {
		t.Skip("NOT CHECKED AGAINST REAL DATA: recordings of real clients")
	}
	kinds := map[event.TradeKind]int{}
	var walk func(x any)
	walk = func(x any) {
		switch x := x.(type) {
		case []any:
			for _, y := range x {
				walk(y)
			}
		case map[string]any:
			if name, ok := x["event"].(string); ok {
				properties, _ := json.Marshal(x["properties"])
				got, ok := traded(name, string(properties))
				if ok {
					kinds[got.Kind]++
				}
				if said, _ := x["properties"].(map[string]any); ok && said["revenue"] != nil {
					if want := fmt.Sprint(said["revenue"]); fmt.Sprint(float64(got.Amount)/event.Thousandths) != want {
						t.Errorf("revenue of %s read as %d", want, got.Amount)
					}
				}
			}
			for _, y := range x {
				walk(y)
			}
		}
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var x any
		if err := json.Unmarshal(text, &x); err != nil {
			t.Fatal(name, err)
		}
		walk(x)
	}
	if kinds[event.Ordered] == 0 {
		t.Errorf("no order among the recorded events: %v", kinds)
	}
}

// FuzzTrade holds that no properties break it and that amounts stay within
// bounds, so that sums of very many do not overflow.
func FuzzTrade(f *testing.F) {
	for _, s := range []string{`{}`, `{"product_id":1,"price":"2.5","quantity":-3}`, `{"revenue":"9223372036854775807"}`,
		`{"order_id":"o","currency":"usd","products":[{"sku":"s","price":0.0005,"quantity":1000000000000},null,7]}`, `{"products":[[]],"value":"-0.5"}`} {
		f.Add(s)
	}
	const most = 1_000_000_000 * event.Thousandths
	within := func(x int64) bool { return x <= most && x >= -most }
	f.Fuzz(func(t *testing.T, properties string) {
		for _, name := range []string{"Product Viewed", "Product Added", "Order Completed", "Order Refunded"} {
			got, ok := traded(name, properties)
			if !ok || !within(got.Amount) || (got.Kind == event.Viewed || got.Kind == event.Added) && got.Amount != 0 {
				t.Fatalf("%s: %+v", name, got)
			}
			for _, l := range got.Lines {
				if !within(l.Amount) || !within(l.Quantity) || strings.ContainsRune(l.Product+l.Category, 0) {
					t.Fatalf("%s: %+v", name, l)
				}
			}
		}
	})
}

func TestDecimal(t *testing.T) {
	for n, want := range map[int64]string{0: "0.00", 1: "0.001", 10: "0.01", -25500: "-25.50", 19950: "19.95", 1_000_000: "1000.00", -5: "-0.005"} {
		if got := event.Decimal(n); got != want {
			t.Errorf("Decimal(%d) = %s, want %s", n, got, want)
		}
	}
}
