package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// TradeKind says what happened to products or an order.
type TradeKind string

// The kinds of trade events, each with the name that Segment's e-commerce
// specification gives the track event.
const (
	Viewed   TradeKind = "viewed"   // Product Viewed
	Added    TradeKind = "added"    // Product Added
	Ordered  TradeKind = "ordered"  // Order Completed
	Refunded TradeKind = "refunded" // Order Refunded
)

var tradeNames = map[string]TradeKind{
	"Product Viewed": Viewed, "Product Added": Added, "Order Completed": Ordered, "Order Refunded": Refunded,
}

// Thousandths of a currency's unit: money is exact, and no currency has more
// than three decimals.
const Thousandths = 1000

// Decimal spells thousandths as units with two decimals, or three if need be.
func Decimal(thousandths int64) string {
	sign, n := "", thousandths
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%03d", sign, n/Thousandths, n%Thousandths)
	if strings.HasSuffix(s, "0") {
		return s[:len(s)-1]
	}
	return s
}

// Trade is what a track event says of products and money. Amounts are in
// thousandths of the currency's unit.
type Trade struct {
	Kind     TradeKind
	Order    string // its id
	Currency string // ISO 4217, upper case; "" is the site's
	Amount   int64  // of the order or refund: revenue, else total, else value, else the sum of its lines
	Lines    []Line
}

// Line is one product of a trade.
type Line struct {
	Product  string // product_id, else sku
	Category string
	Quantity int64 // whole ones; 1 if it is not said
	Amount   int64 // price times quantity, of which no part is cut off
}

type lineForm struct {
	Product  json.RawMessage `json:"product_id"`
	SKU      json.RawMessage `json:"sku"`
	Category json.RawMessage `json:"category"`
	Price    json.RawMessage `json:"price"`
	Quantity json.RawMessage `json:"quantity"`
}

type tradeForm struct {
	lineForm
	Order    json.RawMessage `json:"order_id"`
	Currency json.RawMessage `json:"currency"`
	Revenue  json.RawMessage `json:"revenue"`
	Total    json.RawMessage `json:"total"`
	Value    json.RawMessage `json:"value"`
	Products json.RawMessage `json:"products"`
}

// Trade reads what the event says of products and money; false if it is no
// event of that kind. What a property says in a type it should not have is
// taken as not said.
func (e *Event) Trade() (Trade, bool) {
	kind := tradeNames[e.Name]
	if e.Kind != Track || kind == "" {
		return Trade{}, false
	}
	t := Trade{Kind: kind}
	var f tradeForm
	if e.Properties == "" || json.Unmarshal([]byte(e.Properties), &f) != nil {
		return t, true
	}
	t.Order, t.Currency = loose(f.Order), strings.ToUpper(loose(f.Currency))
	sum := int64(0)
	for _, p := range f.products() {
		l := p.line()
		sum += l.Amount // at most MaxBytes of lines: far from overflow
		t.Lines = append(t.Lines, l)
	}
	if kind == Ordered || kind == Refunded {
		if abs(sum) <= maxAmount {
			t.Amount = sum
		}
		for _, said := range []json.RawMessage{f.Revenue, f.Total, f.Value} {
			if amount, ok := thousandths(said); ok {
				t.Amount = amount
				break
			}
		}
	}
	return t, true
}

// products is the order's lines, or the one product the event is about.
func (f *tradeForm) products() (lines []lineForm) {
	var listed []json.RawMessage
	if len(f.Products) > 0 && json.Unmarshal(f.Products, &listed) != nil {
		listed = nil
	}
	for _, raw := range listed {
		var l lineForm
		if raw[0] == '{' && json.Unmarshal(raw, &l) == nil {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 && (f.Product != nil || f.SKU != nil) {
		lines = append(lines, f.lineForm)
	}
	return lines
}

func (f *lineForm) line() Line {
	l := Line{Product: loose(f.Product), Category: loose(f.Category), Quantity: 1}
	if l.Product == "" {
		l.Product = loose(f.SKU)
	}
	quantity := int64(Thousandths)
	if q, ok := thousandths(f.Quantity); ok {
		quantity, l.Quantity = q, q/Thousandths
	}
	// An implausible product of the two would overflow: it counts as not said.
	if price, ok := thousandths(f.Price); ok && (quantity == 0 || abs(price) <= maxAmount*Thousandths/abs(quantity)) {
		l.Amount = round(price*quantity, Thousandths)
	}
	return l
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// round divides, half away from zero.
func round(x, by int64) int64 {
	if x < 0 {
		return -round(-x, by)
	}
	return x/by + (x%by*2)/by
}

// loose is a JSON text or number as text; "" if it would not do as a field of
// an event.
func loose(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil || textFault(s, MaxText) != "" {
			return ""
		}
		return s
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		if len(raw) <= MaxText {
			return string(raw)
		}
	}
	return ""
}

// maxAmount keeps sums of amounts far from overflow: a billion units.
const maxAmount = 1_000_000_000 * Thousandths

// thousandths reads a JSON number, or a text that is one, exactly, rounding
// half away from zero beyond three decimals. Exponents are not said: a short one
// can ask for a number of any length.
func thousandths(raw json.RawMessage) (int64, bool) {
	s := loose(raw)
	if s == "" || len(s) > 40 || strings.Trim(s, "+-.0123456789") != "" {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, false
	}
	r.Mul(r, big.NewRat(2*Thousandths, 1))
	n := new(big.Int).Quo(r.Num(), r.Denom()) // twice the amount, cut towards zero
	if !n.IsInt64() || n.Int64() > 2*maxAmount || n.Int64() < -2*maxAmount {
		return 0, false
	}
	return round(n.Int64(), 2), true
}
