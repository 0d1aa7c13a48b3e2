package shop

import (
	"encoding/json"

	"footfall/ledger"
)

type lemonMessage struct {
	Meta struct {
		Event  word            `json:"event_name"`
		Test   bool            `json:"test_mode"`
		Custom json.RawMessage `json:"custom_data"`
	} `json:"meta"`
	Data struct {
		ID         word          `json:"id"`
		Attributes lemonPurchase `json:"attributes"`
	} `json:"data"`
}

// lemonPurchase is the attributes of an order or of a subscription's invoice.
type lemonPurchase struct {
	Email    word   `json:"user_email"`
	Currency word   `json:"currency"`
	Status   word   `json:"status"`
	Billing  word   `json:"billing_reason"`
	Tax      number `json:"tax"`
	Total    number `json:"total"`
	Refunded number `json:"refunded_amount"`
	Test     bool   `json:"test_mode"`
	Created  word   `json:"created_at"`
	Updated  word   `json:"updated_at"`
	Returned word   `json:"refunded_at"`
	Item     struct {
		ID       word   `json:"id"`
		Product  word   `json:"product_id"`
		Name     word   `json:"product_name"`
		Quantity number `json:"quantity"`
	} `json:"first_order_item"`
}

// ReadLemonSqueezy reads messages of Lemon Squeezy: orders and their refunds,
// and a subscription's renewals with theirs, numbered "subscription-invoice-"
// and the invoice's id. Amounts are minor units; what an order or invoice has
// refunded is always the sum of all. No code is in a message: it can be carried
// along as custom data.
//
// A signature has no time in it, so that somebody's copy of a message is as good
// as the message: it says again what is known.
func ReadLemonSqueezy(header func(name string) string, body []byte, o HookOptions) ([]Report, error) {
	if !o.signed([]string{header("X-Signature")}, body) {
		return nil, ErrSignature
	}
	var m lemonMessage
	if err := decode(body, &m); err != nil {
		return nil, err
	}
	a := &m.Data.Attributes
	number := string(m.Data.ID)
	switch m.Meta.Event {
	case "order_created", "order_refunded":
	case "subscription_payment_success", "subscription_payment_refunded":
		if a.Billing == "initial" {
			return nil, nil // the order tells of it
		}
		number = "subscription-invoice-" + number
	default:
		return nil, nil
	}
	p := open(string(a.Currency), "")
	r := o.report(FromLemonSqueezy, p.moment("created_at", a.Created))
	if r.Number = number; m.Data.ID == "" {
		return nil, errNumber
	}
	if a.Updated != "" {
		r.Said = p.moment("updated_at", a.Updated)
	}
	r.Test = m.Meta.Test || a.Test
	c := carry(m.Meta.Custom)
	c.put(&r, a.Email)
	switch m.Meta.Event {
	case "order_refunded", "subscription_payment_refunded":
		r.Refund = a.refund(p, &r)
	default:
		if !a.paid() {
			return nil, nil
		}
		r.Order = a.order(p, &c)
	}
	return checked(r, p)
}

// paid reports whether there is money: what was given back since is told by
// messages of its own.
func (a *lemonPurchase) paid() bool {
	return a.Status == "paid" || a.Status == "refunded" || a.Status == "partial_refund"
}

func (a *lemonPurchase) order(p *purse, c *carried) *Order {
	total := p.minor("total", a.Total)
	return &Order{Currency: p.currency, Total: total, Coupons: c.Coupon, Lines: []ledger.Line{{
		ID: first(a.Item.ID, "order"), Product: first(a.Item.Product, c.Product), Name: title(a.Item.Name),
		Quantity: p.quantity("quantity", a.Item.Quantity), Net: total - p.minor("tax", a.Tax)}}}
}

// refund is what was given back so far. Messages of before there were partial
// refunds say only that all was.
func (a *lemonPurchase) refund(p *purse, r *Report) *Refund {
	if at := first(a.Returned, a.Updated); at != "" {
		r.Time = p.moment("refunded_at", word(at))
	}
	amount := p.minor("refunded_amount", a.Refunded)
	if amount == 0 {
		return &Refund{ID: r.Number + "/full", Currency: p.currency, Full: true}
	}
	return &Refund{ID: r.Number, Currency: p.currency, Amount: amount, Gross: true, Cumulative: true}
}
