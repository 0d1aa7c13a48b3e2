package shop

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
)

// Rule 18: Paddle's messages, and rule 9: lines without tax and discount.
func TestPaddle(t *testing.T) {
	r := one(t, "paddle-transaction")
	want := &Order{Currency: "EUR", Total: 15173, Coupons: []string{"ANNA15", "dsc_1"}, Lines: []ledger.Line{
		{ID: "txnitm_1", Product: "pro_1", Name: "Go course", Quantity: 2, Net: 8500}, {ID: "txnitm_2", Product: "pro_2", Name: "SQL course", Quantity: 1, Net: 4250}}}
	if !reflect.DeepEqual(r.Order, want) {
		t.Errorf("%+v; want %+v", r.Order, want)
	}
	if r.Number != "txn_1" || r.From != FromPaddle || r.Click != "click-1" || r.Anonymous != "anon-1" || r.User != "ctm_1" || r.Test ||
		!r.Time.Equal(noon.Add(123456*time.Microsecond)) || !r.Said.Equal(r.Time) {
		t.Errorf("%+v", r)
	}
	if names := []ledger.Name{{Kind: "transaction", Value: "txn_1"}, {Kind: "invoice", Value: "inv_1"}}; !reflect.DeepEqual(r.Names, names) {
		t.Errorf("names %v", r.Names)
	}
	if r = one(t, "paddle-transaction", `"EUR"`, `"JPY"`); r.Order.Lines[0].Net != 8500 {
		t.Errorf("JPY: %+v", r.Order)
	}
}

func TestPaddleAdjustments(t *testing.T) {
	// What was given back of the tax alone is no line: an amount of 0 would mean all of it.
	want := &Refund{ID: "adj_1", Currency: "EUR", Lines: []RefundLine{{Line: "txnitm_1", Amount: 4250}}}
	for _, changes := range [][]string{{}, {"adjustment.updated", "adjustment.created"}, {`"action":"refund"`, `"action":"credit"`}} {
		if r := one(t, "paddle-adjustment", changes...); !reflect.DeepEqual(r.Refund, want) || r.Number != "txn_1" {
			t.Errorf("%v: %+v %+v", changes, r, r.Refund)
		}
	}
	if r := one(t, "paddle-adjustment", `"items"`, `"no_items"`); r.Refund.Amount != 4250 || r.Refund.Gross || r.Refund.Full {
		t.Errorf("without items: %+v", r.Refund)
	}
	if r := one(t, "paddle-adjustment", `"items"`, `"no_items"`, `"type":"partial","status"`, `"type":"full","status"`); !r.Refund.Full {
		t.Errorf("full: %+v", r.Refund)
	}
	// Rule 13: a chargeback and its reversal are one dispute, a warning another.
	// Paddle makes a chargeback when the money has gone, so it is lost until it is reversed.
	for action, want := range map[string][]Dispute{
		"chargeback": {{"txn_1/chargeback", Lost}, {"txn_1/warning", Won}}, "chargeback_reverse": {{"txn_1/chargeback", Won}},
		"chargeback_warning": {{"txn_1/warning", Disputed}}, "chargeback_warning_reverse": {{"txn_1/warning", Won}},
	} {
		all, err := hear(t, "paddle-adjustment", `"action":"refund"`, `"action":"`+action+`"`)
		var got []Dispute
		for _, r := range all {
			if got = append(got, *r.Dispute); r.Refund != nil || r.Number != "txn_1" || r.Check() != nil {
				t.Errorf("%s: %+v", action, r)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", action, got, err)
		}
	}
}

func TestStripeSession(t *testing.T) {
	r := one(t, "stripe-session")
	want := &Order{Currency: "EUR", Total: 10615, Coupons: []string{"promo_1"}, Lines: []ledger.Line{{ID: "order", Product: "go", Quantity: 1, Net: 8500}}}
	if !reflect.DeepEqual(r.Order, want) {
		t.Errorf("%+v; want %+v", r.Order, want)
	}
	if r.Number != "pi_1" || r.Click != "click-1" || r.User != "u-7" || r.Email != "kim@example.com" || !r.Time.Equal(time.Unix(1684065600, 0)) || r.Test {
		t.Errorf("%+v", r)
	}
	if names := []ledger.Name{{Kind: "checkout", Value: "cs_1"}, {Kind: "payment_intent", Value: "pi_1"}}; !reflect.DeepEqual(r.Names, names) {
		t.Errorf("names %v", r.Names)
	}
	if r := one(t, "stripe-session", `"livemode":true`, `"livemode":false`); !r.Test {
		t.Error("a message of the test mode counts")
	}
	if r := one(t, "stripe-session", "session.completed", "session.async_payment_succeeded"); r.Order == nil {
		t.Error("a payment that came later does not count")
	}
	if r := one(t, "stripe-session", `"payment_intent":"pi_1"`, `"payment_intent":null`); r.Number != "cs_1" {
		t.Errorf("nothing to pay: %s", r.Number)
	}
	const click = "01H0K7M3Q4R5S6T7V8W9XYZABC"
	if r := one(t, "stripe-session", `"u-7"`, `"`+click+`"`, `"affiliate_cid":"click-1",`, ``); r.Click != click || r.User != "" {
		t.Errorf("a payment link's click: %+v", r)
	}
	if r := one(t, "stripe-session", `"promotion_code":"promo_1"`, `"promotion_code":{"id":"promo_1","code":"ANNA15"}`, `"coupon":null`, `"coupon":"cpn_1"`); strings.Join(r.Order.Coupons, " ") != "ANNA15 promo_1 cpn_1" {
		t.Errorf("coupons %q", r.Order.Coupons)
	}
}

// Stripe's amounts are minor units, but of some currencies not those of ISO 4217.
func TestStripeCurrencies(t *testing.T) {
	for currency, want := range map[string]int64{"eur": 8500, "jpy": 8500, "kwd": 8500, "isk": 85, "ugx": 85, "mga": 850000} {
		if r := one(t, "stripe-session", `"currency":"eur"`, `"currency":"`+currency+`"`); r.Order.Lines[0].Net != want {
			t.Errorf("%s: %d; want %d", currency, r.Order.Lines[0].Net, want)
		}
	}
}

func TestStripeInvoice(t *testing.T) {
	r := one(t, "stripe-invoice")
	want := &Order{Currency: "EUR", Total: 11900, Coupons: []string{"promo_1", "ANNA15", "cpn_1"}, Lines: []ledger.Line{
		{ID: "il_1", Product: "prod_1", Name: "Go course, monthly", Quantity: 1, Net: 8500}, {ID: "il_2", Product: "prod_2", Quantity: 3, Net: 1500}}}
	if !reflect.DeepEqual(r.Order, want) {
		t.Errorf("%+v; want %+v", r.Order, want)
	}
	if r.Number != "in_1" || r.Click != "click-2" || r.Email != "kim@example.com" {
		t.Errorf("%+v", r)
	}
	if names := []ledger.Name{{Kind: "invoice", Value: "in_1"}, {Kind: "payment_intent", Value: "pi_2"}, {Kind: "charge", Value: "ch_2"}}; !reflect.DeepEqual(r.Names, names) {
		t.Errorf("names %v", r.Names)
	}
	r = one(t, "stripe-invoice", `"has_more":false`, `"has_more":true`, `"total_excluding_tax":10000`, `"total_excluding_tax":12500,"shipping_cost":{"amount_subtotal":500}`)
	if nets(r.Order.Lines) != "il_1:8500 il_2:1500 others:2000" {
		t.Errorf("a long invoice: %s", nets(r.Order.Lines))
	}
	r = one(t, "stripe-invoice", `"payment_intent":"pi_2","charge":"ch_2"`, `"payments":{"data":[{"payment":{"type":"payment_intent","payment_intent":"pi_3"}}]}`)
	if len(r.Names) != 2 || r.Names[1].Value != "pi_3" {
		t.Errorf("names of a newer version: %v", r.Names)
	}
	r = one(t, "stripe-invoice", `"subscription_details":{`, `"parent":{"subscription_details":{`, `"click-2"}}`, `"click-3"}}}`)
	if r.Click != "click-3" {
		t.Errorf("metadata of a newer version: %q", r.Click)
	}
}

// A session and its invoice tell of one order, and the invoice, which knows the
// lines, was said later.
func TestStripeSessionOfInvoice(t *testing.T) {
	session := one(t, "stripe-session", `"invoice":null`, `"invoice":"in_1"`, `"mode":"payment"`, `"mode":"subscription"`, `"created":1684065600`, `"created":1684065700`)
	invoice := one(t, "stripe-invoice")
	if session.Number != invoice.Number || !session.Said.Before(invoice.Said) || session.Time.Before(invoice.Time) {
		t.Errorf("session %s said %v, invoice %s said %v", session.Number, session.Said, invoice.Number, invoice.Said)
	}
}

// Rules 11 and 13: refunds are cumulative and gross, disputes are won or lost.
func TestStripeMoneyBack(t *testing.T) {
	r := one(t, "stripe-refund")
	if want := (&Refund{ID: "ch_1", Currency: "EUR", Amount: 5308, Gross: true, Cumulative: true}); !reflect.DeepEqual(r.Refund, want) {
		t.Errorf("%+v", r.Refund)
	}
	if names := []ledger.Name{{Kind: "payment_intent", Value: "pi_1"}, {Kind: "charge", Value: "ch_1"}}; r.Number != "" || !reflect.DeepEqual(r.Names, names) {
		t.Errorf("%q %v", r.Number, r.Names)
	}
	if later := one(t, "stripe-refund", "5308", "10615"); later.Refund.ID != r.Refund.ID || later.Refund.Amount != 10615 {
		t.Errorf("a charge's next refund: %+v", later.Refund)
	}
	for _, c := range []struct {
		event, status string
		want          DisputeState
	}{{"created", "needs_response", Disputed}, {"created", "warning_needs_response", Disputed}, {"closed", "lost", Lost}, {"closed", "won", Won}, {"closed", "warning_closed", Won}} {
		r := one(t, "stripe-dispute", "dispute.closed", "dispute."+c.event, `"lost"`, `"`+c.status+`"`)
		if *r.Dispute != (Dispute{"dp_1", c.want}) || len(r.Names) != 2 {
			t.Errorf("%s %s: %+v %v", c.event, c.status, r.Dispute, r.Names)
		}
	}
}

func TestLemonSqueezy(t *testing.T) {
	r := one(t, "lemonsqueezy-order")
	want := &Order{Currency: "USD", Total: 10098, Coupons: []string{"ANNA15"}, Lines: []ledger.Line{{ID: "902", Product: "33", Name: "Go course", Quantity: 1, Net: 8415}}}
	if !reflect.DeepEqual(r.Order, want) {
		t.Errorf("%+v; want %+v", r.Order, want)
	}
	if r.Number != "901" || r.Click != "click-3" || r.User != "u-3" || r.Email != "kim@example.com" || !r.Time.Equal(noon) || !r.Said.Equal(noon.Add(time.Second)) || r.Test {
		t.Errorf("%+v", r)
	}
	if r := one(t, "lemonsqueezy-order", `"test_mode":false,"webhook_id"`, `"test_mode":true,"webhook_id"`); !r.Test {
		t.Error("a message of the test mode counts")
	}
	r = one(t, "lemonsqueezy-refund")
	if want := (&Refund{ID: "901", Currency: "USD", Amount: 2000, Gross: true, Cumulative: true}); !reflect.DeepEqual(r.Refund, want) || r.Number != "901" || r.Time.Day() != 15 {
		t.Errorf("%+v %+v", r, r.Refund)
	}
	if r = one(t, "lemonsqueezy-refund", `"refunded_amount":2000,`, ``); !r.Refund.Full || r.Refund.ID != "901/full" {
		t.Errorf("%+v", r.Refund)
	}
}

// What a visitor's browser carried may be anything, and a name may be long: the
// order counts all the same.
func TestHooksTakeOddTexts(t *testing.T) {
	long := strings.Repeat("é", maxText)
	r := one(t, "paddle-transaction", `"click-1"`, `"`+long+`"`, `"anon-1"`, `"a\u0000"`, `"ANNA15"`, `["a\nb","ANNA15"]`, `"Go course"`, `" Go\n course `+long+`"`)
	if r.Click != "" || r.Anonymous != "" || strings.Join(r.Order.Coupons, " ") != "ANNA15 dsc_1" {
		t.Errorf("%+v %q", r, r.Order.Coupons)
	}
	if name := r.Order.Lines[0].Name; !strings.HasPrefix(name, "Go course é") || len(name) > maxText {
		t.Errorf("%q", name)
	}
	if r := one(t, "stripe-session", `"u-7"`, `"`+long+`"`); r.User != "" {
		t.Errorf("%+v", r)
	}
}

func TestLemonSqueezyRenewal(t *testing.T) {
	renewal := []string{`"order_created"`, `"subscription_payment_success"`, `"tax_inclusive"`, `"billing_reason":"renewal","x"`, `"first_order_item"`, `"y"`}
	r := one(t, "lemonsqueezy-order", renewal...)
	if r.Number != "subscription-invoice-901" || nets(r.Order.Lines) != "order:8415" || r.Click != "click-3" {
		t.Errorf("%+v %+v", r, r.Order)
	}
	r = one(t, "lemonsqueezy-refund", `"order_refunded"`, `"subscription_payment_refunded"`)
	if r.Number != "subscription-invoice-901" || r.Refund.Amount != 2000 {
		t.Errorf("%+v %+v", r, r.Refund)
	}
	renewal[3] = `"billing_reason":"initial","x"`
	if reports, err := hear(t, "lemonsqueezy-order", renewal...); err != nil || reports != nil {
		t.Errorf("the first invoice counts beside its order: %v, %v", reports, err)
	}
}
