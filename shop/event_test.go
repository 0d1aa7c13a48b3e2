package shop

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

var noon = time.Date(2023, 5, 14, 12, 0, 0, 0, time.UTC)

func track(name, properties string) *event.Event {
	return &event.Event{ID: "m1", Site: "courses", Kind: event.Track, Name: name, Time: noon, Original: noon, Received: noon, Properties: properties,
		UserID: "u1", AnonymousID: "a1"}
}

func TestFromTrack(t *testing.T) {
	full := `{"order_id":"50314b8e","revenue":25,"coupon":"ANNA15","email":"kim@example.com","affiliate_cid":"c1","products":[{"product_id":"go","price":25}]}`
	for _, name := range []string{"Order Completed", "Order Updated", "Completed Order", "Updated Order"} {
		r, ok, err := FromTrack(track(name, full), EventOptions{Currency: "EUR"})
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		if r.Site != "courses" || r.Number != "50314b8e" || !r.Time.Equal(noon) || !r.Said.Equal(noon) || r.From != FromEvent || r.Verified || r.Test ||
			r.Email != "kim@example.com" || r.User != "u1" || r.Anonymous != "a1" || r.Click != "c1" {
			t.Errorf("%s: %+v", name, r)
		}
		if o := r.Order; o == nil || o.Currency != "EUR" || nets(o.Lines) != "go:2500" || o.Lines[0].Product != "go" || strings.Join(o.Coupons, " ") != "ANNA15" {
			t.Errorf("%s: %+v", name, r.Order)
		}
	}
	for _, name := range []string{"Order Refunded", "Refunded Order"} {
		r, ok, err := FromTrack(track(name, `{"order_id":7,"total":10,"refund_id":"r1"}`), EventOptions{Currency: "EUR"})
		if err != nil || !ok || r.Number != "7" || r.Refund == nil || r.Refund.Amount != 1000 || r.Refund.ID != "r1" {
			t.Errorf("%s: %+v, %v", name, r.Refund, err)
		}
	}
	// Rule 11: a cancelled order is a full refund, named after its event.
	for _, name := range []string{"Order Cancelled", "Cancelled Order"} {
		r, _, err := FromTrack(track(name, full), EventOptions{Currency: "EUR"})
		if err != nil || r.Refund == nil || !r.Refund.Full || r.Refund.ID != "m1" {
			t.Errorf("%s: %+v, %v", name, r.Refund, err)
		}
	}
}

func TestFromTrackOthers(t *testing.T) {
	for _, e := range []*event.Event{track("Product Viewed", "{}"), {Kind: event.Page, Name: "Order Completed"}, {Kind: event.Identify}} {
		if _, ok, err := FromTrack(e, EventOptions{}); ok || err != nil {
			t.Errorf("%s %s tells of an order: %v, %v", e.Kind, e.Name, ok, err)
		}
	}
	if Told("Product Viewed") || !Told("Order Completed") {
		t.Error("Told does not know which events tell of orders")
	}
}

// Rule 8: an order without an id is refused.
func TestFromTrackFaults(t *testing.T) {
	for _, c := range []struct{ name, properties, field string }{
		{"Order Completed", `{"revenue":1}`, "order_id"},
		{"Order Completed", ``, "order_id"},
		{"Order Cancelled", `{"orderId":""}`, "order_id"},
		{"Order Completed", `{"order_id":{"a":1},"revenue":1}`, "order_id"},
		{"Order Completed", `[]`, "properties"},
		{"Order Completed", `{"order_id":"1"}`, "products"},
		{"Order Completed", `{"order_id":"1","revenue":1,"currency":"EURO"}`, "currency"},
		{"Order Completed", `{"order_id":"` + strings.Repeat("9", maxText+1) + `","revenue":1}`, "order_id"},
		{"Order Completed", `{"order_id":"1\u0000","revenue":1}`, "order_id"},
		{"Order Completed", `{"order_id":"1","revenue":1,"coupon":"` + codes(maxCoupons+1) + `"}`, "coupon"},
		{"Order Completed", `{"order_id":"1","revenue":1,"coupon":"` + codes(100_000) + `"}`, "coupon"},
		{"Order Refunded", `{"order_id":"1","revenue":"much"}`, "revenue"},
	} {
		_, ok, err := FromTrack(track(c.name, c.properties), EventOptions{Currency: "EUR"})
		var bad *InvalidError
		if !ok || !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%s %.50s: %v; want a fault of %s", c.name, c.properties, err, c.field)
		}
	}
}

// codes are so many different codes.
func codes(n int) string {
	var all []string
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return strings.Join(all, ",")
}

func TestFromTrackAround(t *testing.T) {
	e := track("Completed Order", `{"orderId":"1","revenue":"9.99","currency":"usd","affiliate_cid":"of the properties"}`)
	e.Context, e.Traits = `{"affiliate":{"cid":"of the context"},"traits":{"email":"kim@example.com"}}`, `{"email":"lee@example.com"}`
	r, _, err := FromTrack(e, EventOptions{Currency: "EUR", Trusted: true})
	if err != nil || r.Click != "of the context" || r.Email != "kim@example.com" || r.Order.Currency != "USD" || !r.Verified {
		t.Errorf("%+v %+v, %v", r, r.Order, err)
	}
	e.Context = `{"affiliate":{"cid":"a\nb"},"traits":[]}`
	if r, _, err = FromTrack(e, EventOptions{}); err != nil || r.Click != "of the properties" || r.Email != "lee@example.com" {
		t.Errorf("%+v, %v", r, err)
	}
}
