package shop

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var asked = RequestOptions{Site: "courses", Currency: "EUR", Now: noon.Add(time.Hour)}

func TestReadOrders(t *testing.T) {
	body := `{"order_id":"1","store":"eu","time":"2023-05-14T14:00:00+02:00","email":"kim@example.com","user_id":"u1","anonymous_id":"a1","click_id":"c1",
		"coupon":"ANNA15","total":20,"products":[{"product_id":"go","name":"Go","quantity":2,"net":"15.00"}]}`
	q, err := ReadOrders([]byte(body), asked)
	if err != nil || q.List || len(q.Reports) != 1 {
		t.Fatalf("%+v, %v", q, err)
	}
	r := q.Reports[0]
	if r.Site != "courses" || r.Store != "eu" || r.Number != "1" || !r.Time.Equal(noon) || !r.Said.Equal(asked.Now) || r.From != FromAPI || !r.Verified ||
		r.Email != "kim@example.com" || r.User != "u1" || r.Anonymous != "a1" || r.Click != "c1" {
		t.Errorf("%+v", r)
	}
	if o := r.Order; nets(o.Lines) != "go:1500" || o.Lines[0].Quantity != 2 || o.Lines[0].Name != "Go" || o.Total != 2000 || o.Coupons[0] != "ANNA15" {
		t.Errorf("%+v", o)
	}
	list := `[{"order_id":1,"time":"2023-05-14T12:00:00Z","revenue":1},{"order_id":2,"time":"2023-05-14T12:00:00Z","updated_at":"2023-05-14T13:30:00Z","revenue":2}]`
	q, err = ReadOrders([]byte(list), asked)
	if err != nil || !q.List || len(q.Reports) != 2 || q.Reports[1].Number != "2" || !q.Reports[1].Said.Equal(noon.Add(90*time.Minute)) {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestReadRefunds(t *testing.T) {
	q, err := ReadRefunds([]byte(`[{"order_id":"1","refund_id":"r1","time":"2023-05-14T12:00:00Z","revenue":5},{"order_id":"1","time":"2023-05-14T12:00:00Z"}]`), asked)
	if err != nil || len(q.Reports) != 2 {
		t.Fatalf("%+v, %v", q, err)
	}
	if f := q.Reports[0].Refund; f.ID != "r1" || f.Amount != 500 || f.Full || f.Currency != "" {
		t.Errorf("%+v", f)
	}
	if !q.Reports[1].Refund.Full { // rule 11
		t.Errorf("%+v", q.Reports[1].Refund)
	}
}

func TestRequestFaults(t *testing.T) {
	for _, c := range []struct{ body, field string }{
		{``, "body"}, {`null`, "order_id"}, {`"x"`, "body"}, {`{`, "body"}, {`[1]`, "body"}, {`{}`, "order_id"},
		{`{"order_id":"1","revenue":1}`, "time"},
		{`{"order_id":"1","revenue":1,"time":"yesterday"}`, "time"},
		{`{"order_id":"1","revenue":1,"time":"2023-05-14T12:00:00Z","updated_at":"2023"}`, "updated_at"},
		{`{"order_id":"1","time":"2023-05-14T12:00:00Z"}`, "products"},
		{`[{"order_id":"1","revenue":1,"time":"2023-05-14T12:00:00Z"},{"revenue":1}]`, "[1].order_id"},
		{`[` + strings.Repeat(`{},`, MaxReports) + `{}]`, "body"},
		{`{"order_id":"1","revenue":1,"time":"2023-05-14T12:00:00Z","coupon":"` + strings.Repeat("c", maxText+1) + `"}`, "coupon"},
		{`{"order_id":"1","revenue":1,"time":"2023-05-14T12:00:00Z","click_id":"a\nb"}`, "click_id"},
	} {
		_, err := ReadOrders([]byte(c.body), asked)
		var bad *InvalidError
		if !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%.60s: %v; want a fault of %s", c.body, err, c.field)
		}
	}
}

// TestRule11UnknownField: an amount by a name that is not known must not become
// a full refund.
func TestRule11UnknownField(t *testing.T) {
	for body, field := range map[string]string{
		`{"order_id":"1","time":"2026-01-02T03:04:05Z","refund_id":"r","amount":"5.00"}`:   "amount",
		`[{"order_id":"1","time":"2026-01-02T03:04:05Z","refund_id":"r","amonut":"5.00"}]`: "amonut",
		`{"order_id":"1","time":"2026-01-02T03:04:05Z","refund_id":"r","revenue":"5.00"}`:  "",
		`{"order_id":"1"} x`: "body",
	} {
		_, err := ReadRefunds([]byte(body), RequestOptions{Site: "s", Currency: "EUR"})
		var invalid *InvalidError
		if got := errors.As(err, &invalid); got != (field != "") || got && invalid.Field != field {
			t.Errorf("%s: %v", body, err)
		}
	}
}
