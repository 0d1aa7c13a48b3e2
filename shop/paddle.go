package shop

import (
	"encoding/json"

	"footfall/ledger"
)

type paddleMessage struct {
	Type word            `json:"event_type"`
	At   word            `json:"occurred_at"`
	Data json.RawMessage `json:"data"`
}

type paddleTransaction struct {
	ID       word            `json:"id"`
	Origin   word            `json:"origin"`
	Customer word            `json:"customer_id"`
	Invoice  word            `json:"invoice_id"`
	Discount word            `json:"discount_id"`
	Currency word            `json:"currency_code"`
	Custom   json.RawMessage `json:"custom_data"`
	Details  struct {
		Totals struct {
			Total number `json:"total"`
		} `json:"totals"`
		Lines []struct {
			ID       word   `json:"id"`
			Quantity number `json:"quantity"`
			Totals   struct {
				Subtotal number `json:"subtotal"`
				Discount number `json:"discount"`
			} `json:"totals"`
			Product struct {
				ID   word `json:"id"`
				Name word `json:"name"`
			} `json:"product"`
		} `json:"line_items"`
	} `json:"details"`
}

type paddleAdjustment struct {
	ID          word   `json:"id"`
	Action      word   `json:"action"`
	Kind        word   `json:"type"`
	Status      word   `json:"status"`
	Transaction word   `json:"transaction_id"`
	Currency    word   `json:"currency_code"`
	Totals      totals `json:"totals"`
	Items       []struct {
		Item   word   `json:"item_id"`
		Totals totals `json:"totals"`
	} `json:"items"`
}

type totals struct {
	Subtotal number `json:"subtotal"`
}

// ReadPaddle reads messages of Paddle Billing: a completed transaction is an
// order, numbered as the transaction; an approved adjustment is a refund (of
// action refund or credit) or a dispute. Amounts are minor units as text.
//
// Paddle names no address and no code: orders have the customer's id for a user
// id if none was carried along, and the discount's id for a coupon.
// A message of the sandbox does not say so: give it a site of its own.
func ReadPaddle(header func(name string) string, body []byte, o HookOptions) ([]Report, error) {
	at, signatures, fresh := o.stamped(header("Paddle-Signature"), ";", "ts", "h1")
	if !o.signed(signatures, []byte(at+":"), body) || !fresh {
		return nil, ErrSignature
	}
	var m paddleMessage
	if err := decode(body, &m); err != nil {
		return nil, err
	}
	switch m.Type {
	case "transaction.completed":
		return m.transaction(o)
	case "adjustment.created", "adjustment.updated":
		return m.adjustment(o)
	}
	return nil, nil
}

func (m *paddleMessage) transaction(o HookOptions) ([]Report, error) {
	var t paddleTransaction
	if err := decode(m.Data, &t); err != nil {
		return nil, err
	}
	if t.Origin == "subscription_payment_method_change" {
		return nil, nil // nothing was bought
	}
	p := open(string(t.Currency), "")
	r := o.report(FromPaddle, p.moment("occurred_at", m.At))
	r.Number, r.Names = string(t.ID), names("transaction", t.ID, "invoice", t.Invoice)
	c := carry(t.Custom)
	c.put(&r, "")
	if r.User == "" {
		r.User = string(t.Customer)
	}
	if t.Discount != "" {
		c.Coupon.add(string(t.Discount))
	}
	r.Order = &Order{Currency: p.currency, Total: p.minor("details.totals.total", t.Details.Totals.Total), Coupons: c.Coupon}
	for _, l := range t.Details.Lines {
		r.Order.Lines = append(r.Order.Lines, ledger.Line{ID: string(l.ID), Product: string(l.Product.ID), Name: title(l.Product.Name),
			Quantity: p.quantity("quantity", l.Quantity),
			Net:      p.minor("subtotal", l.Totals.Subtotal) - p.minor("discount", l.Totals.Discount)})
	}
	return checked(r, p)
}

// adjustment reads what changes a transaction afterwards. A chargeback and the
// one that reverses it are two adjustments that do not name each other: the
// dispute is named after the transaction. Paddle makes the chargeback when it has
// given the money back, and reverses it if it gets it again: nothing tells of a
// loss besides. A warning is over with the chargeback that it warned of.
// https://developer.paddle.com/webhooks/adjustments/adjustment-created
func (m *paddleMessage) adjustment(o HookOptions) ([]Report, error) {
	var a paddleAdjustment
	if err := decode(m.Data, &a); err != nil {
		return nil, err
	}
	if a.Status != "approved" {
		return nil, nil // it waits for Paddle's approval, or did not get it
	}
	p := open(string(a.Currency), "")
	r := o.report(FromPaddle, p.moment("occurred_at", m.At))
	r.Number, r.Names = string(a.Transaction), names("transaction", a.Transaction)
	dispute := func(kind string, state DisputeState) *Dispute {
		return &Dispute{string(a.Transaction) + "/" + kind, state}
	}
	warned := r
	warned.Dispute = dispute("warning", Won)
	switch a.Action {
	case "refund", "credit":
		if r.Refund = a.refund(p); r.Refund == nil && p.fault == nil {
			return nil, nil
		}
	case "chargeback":
		r.Dispute = dispute("chargeback", Lost)
	case "chargeback_reverse":
		r.Dispute = dispute("chargeback", Won)
	case "chargeback_warning":
		r.Dispute = dispute("warning", Disputed)
	case "chargeback_warning_reverse":
		r = warned
	default:
		return nil, nil
	}
	all, err := checked(r, p)
	if err == nil && a.Action == "chargeback" {
		all = append(all, warned)
	}
	return all, err
}

// refund is what was given back without tax; nil if it was tax only.
func (a *paddleAdjustment) refund(p *purse) *Refund {
	f := &Refund{ID: string(a.ID), Currency: p.currency}
	if len(a.Items) == 0 {
		f.Full, f.Amount = a.Kind == "full", p.minor("subtotal", a.Totals.Subtotal)
	}
	for _, item := range a.Items {
		if net := p.minor("subtotal", item.Totals.Subtotal); net > 0 {
			f.Lines = append(f.Lines, RefundLine{Line: string(item.Item), Amount: net})
		}
	}
	if !f.Full && f.Amount <= 0 && len(f.Lines) == 0 {
		return nil
	}
	return f
}
