package shop

import (
	"encoding/json"

	"footfall/event"
)

// what an order event tells.
type telling int

const (
	ordered telling = iota + 1
	refunded
	cancelled // a full refund
)

// tellings lists the order events by name: those of the e-commerce events'
// second version, then those of the first.
var tellings = map[string]telling{
	"Order Completed": ordered, "Order Updated": ordered, "Order Refunded": refunded, "Order Cancelled": cancelled,
	"Completed Order": ordered, "Updated Order": ordered, "Refunded Order": refunded, "Cancelled Order": cancelled,
}

// Told reports whether a track event of that name tells of an order.
func Told(name string) bool { return tellings[name] != 0 }

// EventOptions is what an event does not say itself.
type EventOptions struct {
	Currency string // of the site, for orders that name none
	Trusted  bool   // events verify themselves: only the shop's server has the write key
}

// FromTrack reads a track event that tells of an order; false if it is no such
// event. An event that is one but can't be read is an InvalidError.
func FromTrack(e *event.Event, o EventOptions) (Report, bool, error) {
	what := tellings[e.Name]
	if e.Kind != event.Track || what == 0 {
		return Report{}, false, nil
	}
	var f form
	if e.Properties != "" && json.Unmarshal([]byte(e.Properties), &f) != nil {
		return Report{}, true, Invalid("properties", "are no JSON object")
	}
	around := aroundOf(e)
	r := Report{Site: e.Site, Store: string(f.Store), Number: first(f.Number, f.Number1), Time: e.Time, Said: e.Time, From: FromEvent, Verified: o.Trusted,
		Email: first(f.Email, f.Customer, around.email), User: e.UserID, Anonymous: e.AnonymousID, Click: first(carriable(around.click), carriable(f.Click), carriable(f.ClickID))}
	if r.Number == "" {
		return r, true, errNumber
	}
	var err error
	switch what {
	case ordered:
		r.Order, err = f.order(o.Currency)
	case refunded:
		r.Refund, err = f.refund(o.Currency)
	case cancelled:
		r.Refund = &Refund{ID: string(f.Refund), Full: true}
	}
	if r.Refund != nil && r.Refund.ID == "" {
		r.Refund.ID, r.Refund.Unnamed = e.ID, true // the same event again has the same id
	}
	if err == nil {
		err = r.Check()
	}
	return r, true, err
}

// around is what an event says beside its properties.
type around struct{ click, email word }

func aroundOf(e *event.Event) around {
	type traits struct {
		Email word `json:"email"`
	}
	var context struct {
		Affiliate json.RawMessage `json:"affiliate"`
		Traits    json.RawMessage `json:"traits"`
	}
	var affiliate struct {
		Click word `json:"cid"`
	}
	var inContext, own traits
	// What is not there, or of another form, is not said.
	_ = json.Unmarshal([]byte(e.Context), &context)
	_ = json.Unmarshal(context.Affiliate, &affiliate)
	_ = json.Unmarshal(context.Traits, &inContext)
	_ = json.Unmarshal([]byte(e.Traits), &own)
	return around{affiliate.Click, word(first(inContext.Email, own.Email))}
}
