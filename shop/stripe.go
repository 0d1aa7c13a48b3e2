package shop

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"footfall/ledger"
)

type stripeMessage struct {
	Type    word   `json:"type"`
	Created number `json:"created"`
	Live    *bool  `json:"livemode"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

type stripeSession struct {
	ID        word            `json:"id"`
	Created   number          `json:"created"`
	Mode      word            `json:"mode"`
	Payment   word            `json:"payment_status"`
	Currency  word            `json:"currency"`
	Total     number          `json:"amount_total"`
	Intent    word            `json:"payment_intent"`
	Invoice   word            `json:"invoice"`
	Reference word            `json:"client_reference_id"`
	Metadata  json.RawMessage `json:"metadata"`
	Customer  struct {
		Email word `json:"email"`
	} `json:"customer_details"`
	Email  word `json:"customer_email"`
	Totals struct {
		Tax      number `json:"amount_tax"`
		Shipping number `json:"amount_shipping"`
	} `json:"total_details"`
	Discounts []stripeDiscount `json:"discounts"`
}

type stripeCharge struct {
	ID       word   `json:"id"`
	Currency word   `json:"currency"`
	Intent   word   `json:"payment_intent"`
	Invoice  word   `json:"invoice"`
	Refunded number `json:"amount_refunded"`
}

type stripeDispute struct {
	ID     word `json:"id"`
	Charge word `json:"charge"`
	Intent word `json:"payment_intent"`
	Status word `json:"status"`
}

// stripeDiscount names a discount's coupon and promotion code by their ids, or
// holds them.
type stripeDiscount struct{ Coupon, Promotion stripeCode }

type stripeCode struct{ ID, Code, Name word }

func (c *stripeCode) UnmarshalJSON(raw []byte) error {
	var held struct {
		ID   word `json:"id"`
		Code word `json:"code"`
		Name word `json:"name"`
	}
	if json.Unmarshal(raw, &held) == nil {
		*c = stripeCode{held.ID, held.Code, held.Name}
		return nil
	}
	return c.ID.UnmarshalJSON(raw)
}

func (d *stripeDiscount) UnmarshalJSON(raw []byte) error {
	var x struct {
		Coupon    stripeCode `json:"coupon"`
		Promotion stripeCode `json:"promotion_code"`
		Source    struct {   // where newer versions of the API have the coupon
			Coupon stripeCode `json:"coupon"`
		} `json:"source"`
	}
	if json.Unmarshal(raw, &x) != nil {
		return nil // the id of a discount, which tells nothing
	}
	if d.Coupon, d.Promotion = x.Coupon, x.Promotion; d.Coupon == (stripeCode{}) {
		d.Coupon = x.Source.Coupon
	}
	return nil
}

// put adds all names that an affiliate's coupon may be registered by.
func (d *stripeDiscount) put(c *coupons) {
	for _, w := range []word{d.Promotion.Code, d.Promotion.ID, d.Coupon.Name, d.Coupon.ID} {
		c.add(string(w))
	}
}

// ReadStripe reads messages of Stripe: a paid checkout session or invoice is an
// order; what a charge has refunded, always the sum of all, is a refund; and a
// charge's dispute is one. An order is numbered as its invoice, else its payment
// intent, else its session: so a session and its invoice tell of one order.
func ReadStripe(header func(name string) string, body []byte, o HookOptions) ([]Report, error) {
	at, signatures, fresh := o.stamped(header("Stripe-Signature"), ",", "t", "v1")
	if !o.signed(signatures, []byte(at+"."), body) || !fresh {
		return nil, ErrSignature
	}
	var m stripeMessage
	if err := decode(body, &m); err != nil {
		return nil, err
	}
	switch m.Type {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded":
		return m.session(o)
	case "invoice.paid":
		return m.invoice(o)
	case "charge.refunded":
		return m.refund(o)
	case "charge.dispute.created", "charge.dispute.closed":
		return m.dispute(o)
	}
	return nil, nil
}

// report begins a report of a message.
func (m *stripeMessage) report(o HookOptions, p *purse) Report {
	r := o.report(FromStripe, p.seconds("created", m.Created))
	r.Test = m.Live != nil && !*m.Live
	return r
}

func (p *purse) seconds(field string, n number) time.Time {
	s := p.whole(field, n)
	if !within(s, 1<<36) {
		p.blame(field, "is no time")
	}
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func (m *stripeMessage) session(o HookOptions) ([]Report, error) {
	var s stripeSession
	if err := decode(m.Data.Object, &s); err != nil {
		return nil, err
	}
	if s.Mode == "setup" || s.Payment == "unpaid" {
		return nil, nil // nothing is paid, or not yet
	}
	p := open(string(s.Currency), "")
	r := m.report(o, p)
	r.Number = first(s.Invoice, s.Intent, s.ID)
	r.Names = names("checkout", s.ID, "payment_intent", s.Intent, "invoice", s.Invoice)
	if s.Invoice != "" { // the invoice knows the lines: what it says holds, whichever comes first
		r.Said = p.seconds("created", s.Created)
	}
	c := carry(s.Metadata)
	c.refer(s.Reference)
	c.put(&r, word(first(s.Customer.Email, s.Email)))
	for _, d := range s.Discounts {
		d.put(&c.Coupon)
	}
	total := p.stripe("amount_total", s.Total)
	net := total - p.stripe("amount_tax", s.Totals.Tax) - p.stripe("amount_shipping", s.Totals.Shipping)
	r.Order = &Order{Currency: p.currency, Total: total, Coupons: c.Coupon,
		Lines: []ledger.Line{{ID: "order", Product: string(c.Product), Quantity: 1, Net: net}}}
	return checked(r, p)
}

// refer takes what a payment link's address carried as client_reference_id: a
// click id, if it looks like one, else the user's id.
func (c *carried) refer(reference word) {
	switch reference = carriable(reference); {
	case isID(string(reference)) && c.Click == "":
		c.Click = reference
	case c.User == "":
		c.User = reference
	}
}

func (m *stripeMessage) refund(o HookOptions) ([]Report, error) {
	var c stripeCharge
	if err := decode(m.Data.Object, &c); err != nil {
		return nil, err
	}
	p := open(string(c.Currency), "")
	r := m.report(o, p)
	r.Names = names("payment_intent", c.Intent, "charge", c.ID, "invoice", c.Invoice)
	r.Refund = &Refund{ID: string(c.ID), Currency: p.currency, Amount: p.stripe("amount_refunded", c.Refunded), Gross: true, Cumulative: true}
	return checked(r, p)
}

func (m *stripeMessage) dispute(o HookOptions) ([]Report, error) {
	var d stripeDispute
	if err := decode(m.Data.Object, &d); err != nil {
		return nil, err
	}
	p := &purse{}
	r := m.report(o, p)
	r.Names = names("payment_intent", d.Intent, "charge", d.Charge)
	r.Dispute = &Dispute{string(d.ID), Disputed}
	if m.Type == "charge.dispute.closed" {
		r.Dispute.State = Won // also of an inquiry that was closed
		if d.Status == "lost" {
			r.Dispute.State = Lost
		}
	}
	return checked(r, p)
}

// stripeDecimals lists the currencies that Stripe writes with other decimals
// than ISO 4217 gives them (docs.stripe.com/currencies, special cases).
var stripeDecimals = map[string]int{"ISK": 2, "UGX": 2, "MGA": 0}

// stripe is an amount as Stripe writes it as minor units.
func (p *purse) stripe(field string, n number) int64 {
	amount := p.minor(field, n)
	decimals, differs := stripeDecimals[p.currency]
	if !differs {
		return amount
	}
	power, _ := new(big.Int).SetString("1"+strings.Repeat("0", decimals), 10)
	return p.round(field, new(big.Rat).SetFrac(big.NewInt(amount), power))
}
