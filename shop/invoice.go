package shop

import (
	"encoding/json"

	"footfall/ledger"
)

// stripeInvoice is an invoice in the forms that Stripe's API has had since 2022:
// newer versions name products, subscriptions and payments at other places.
type stripeInvoice struct {
	ID       word            `json:"id"`
	Currency word            `json:"currency"`
	Total    number          `json:"total"`
	Untaxed  number          `json:"total_excluding_tax"`
	Email    word            `json:"customer_email"`
	Intent   word            `json:"payment_intent"`
	Charge   word            `json:"charge"`
	Metadata json.RawMessage `json:"metadata"`
	Discount stripeDiscount  `json:"discount"`
	Details  stripeMetadata  `json:"subscription_details"`
	Parent   struct {
		Details stripeMetadata `json:"subscription_details"`
	} `json:"parent"`
	Shipping struct {
		Net number `json:"amount_subtotal"`
	} `json:"shipping_cost"`
	Discounts []stripeDiscount `json:"discounts"`
	Payments  struct {
		Data []struct {
			Payment struct {
				Intent word `json:"payment_intent"`
				Charge word `json:"charge"`
			} `json:"payment"`
		} `json:"data"`
	} `json:"payments"`
	Lines struct {
		More bool         `json:"has_more"`
		Data []stripeLine `json:"data"`
	} `json:"lines"`
}

type stripeMetadata struct {
	Metadata json.RawMessage `json:"metadata"`
}

type stripeLine struct {
	ID          word            `json:"id"`
	Amount      number          `json:"amount"`
	Quantity    number          `json:"quantity"`
	Description word            `json:"description"`
	Metadata    json.RawMessage `json:"metadata"`
	Price       struct {
		Product word `json:"product"`
	} `json:"price"`
	Pricing struct {
		Details struct {
			Product word `json:"product"`
		} `json:"price_details"`
	} `json:"pricing"`
	Discounts []struct {
		Amount number `json:"amount"`
	} `json:"discount_amounts"`
	TaxAmounts []struct {
		Amount    number `json:"amount"`
		Inclusive bool   `json:"inclusive"`
	} `json:"tax_amounts"`
	Taxes []struct {
		Amount   number `json:"amount"`
		Behavior word   `json:"tax_behavior"`
	} `json:"taxes"`
}

func (m *stripeMessage) invoice(o HookOptions) ([]Report, error) {
	var v stripeInvoice
	if err := decode(m.Data.Object, &v); err != nil {
		return nil, err
	}
	p := open(string(v.Currency), "")
	r := m.report(o, p)
	r.Number = string(v.ID)
	r.Names = names("invoice", v.ID, "payment_intent", v.Intent, "charge", v.Charge)
	for _, x := range v.Payments.Data {
		r.Names = append(r.Names, names("payment_intent", x.Payment.Intent, "charge", x.Payment.Charge)...)
	}
	metadata := []json.RawMessage{v.Metadata, v.Details.Metadata, v.Parent.Details.Metadata}
	for _, l := range v.Lines.Data {
		metadata = append(metadata, l.Metadata)
	}
	c := carry(metadata...)
	c.put(&r, v.Email)
	for _, d := range append(v.Discounts, v.Discount) {
		d.put(&c.Coupon)
	}
	r.Order = &Order{Currency: p.currency, Total: p.stripe("total", v.Total), Coupons: c.Coupon, Lines: v.lines(p)}
	return checked(r, p)
}

// lines are the invoice's lines, each net of its discounts and of tax that is
// part of its price. A message holds only the first ones of a long invoice: the
// others are one line.
func (v *stripeInvoice) lines(p *purse) (lines []ledger.Line) {
	rest := p.stripe("total_excluding_tax", v.Untaxed) - p.stripe("shipping_cost", v.Shipping.Net)
	for _, l := range v.Lines.Data {
		net := p.stripe("amount", l.Amount)
		for _, d := range l.Discounts {
			net -= p.stripe("discount_amounts", d.Amount)
		}
		for _, t := range l.TaxAmounts {
			if t.Inclusive {
				net -= p.stripe("tax_amounts", t.Amount)
			}
		}
		for _, t := range l.Taxes {
			if t.Behavior == "inclusive" {
				net -= p.stripe("taxes", t.Amount)
			}
		}
		rest -= net
		lines = append(lines, ledger.Line{ID: string(l.ID), Product: first(l.Price.Product, l.Pricing.Details.Product),
			Name: title(l.Description), Quantity: p.quantity("quantity", l.Quantity), Net: net})
	}
	if v.Lines.More && v.Untaxed != "" {
		lines = append(lines, ledger.Line{ID: "others", Quantity: 1, Net: rest})
	}
	return lines
}
