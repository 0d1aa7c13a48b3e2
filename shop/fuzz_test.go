package shop

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"footfall/money"
)

// sound checks what holds for all that a reader makes of anything: a report is
// fit to be taken and its amounts are bounded, or the error is the sender's.
func sound(t *testing.T, reports []Report, err error) {
	t.Helper()
	var bad *InvalidError
	if err != nil && (!errors.As(err, &bad) || bad.Field == "" || bad.Why == "" || len(reports) > 0) {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	for _, r := range reports {
		if err := r.Check(); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		if r.Order == nil {
			continue
		}
		for _, l := range r.Order.Lines {
			if !within(l.Net, 1000*money.Max) {
				t.Fatalf("a line has %d", l.Net)
			}
		}
	}
}

func FuzzFromTrack(f *testing.F) {
	for _, text := range []string{
		`{"order_id":"1","revenue":10,"products":[{"product_id":"a","price":1.5,"quantity":2,"coupon":"X"}],"coupon":["A"]}`,
		`{"orderId":1,"total":"-5e1","tax":1,"products":[{"id":1,"price":-1},{"price":2}],"currency":"jpy"}`, `{"order_id":"1","products":[{"net":1}],"discount":"3"}`,
	} {
		for name := range tellings {
			f.Add(name, text, `{"affiliate":{"cid":"c"},"traits":{"email":"e"}}`)
		}
	}
	f.Fuzz(func(t *testing.T, name, properties, context string) {
		e := track(name, properties)
		e.Context, e.Traits = context, context
		r, ok, err := FromTrack(e, EventOptions{Currency: "EUR"})
		if ok != Told(name) {
			t.Fatalf("%q: %v", name, ok)
		}
		if ok && err == nil {
			sound(t, []Report{r}, nil)
		}
		sound(t, nil, err)
	})
}

func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"order_id":"1","time":"2023-05-14T12:00:00Z","revenue":1,"products":[{"net":1}]}`))
	f.Add([]byte(`[{"order_id":"1","time":"2023-05-14T12:00:00Z","total":1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := ReadOrders(body, asked)
		if err == nil {
			sound(t, q.Reports, nil)
		}
		sound(t, nil, err)
		q, err = ReadRefunds(body, asked)
		if err == nil {
			sound(t, q.Reports, nil)
		}
		sound(t, nil, err)
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("\xef\xbb\xbforder_id;time;revenue\n1;2023-05-14;1,5\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		reports, err := ReadCSV(text, asked)
		sound(t, reports, err)
	})
}

// FuzzHooks signs what it makes up, so that the readers behind the signature are
// reached; then it is unsigned, and nothing may come of it.
func FuzzHooks(f *testing.F) {
	for _, name := range []string{"paddle-transaction", "paddle-adjustment", "stripe-session", "stripe-invoice", "stripe-refund", "stripe-dispute", "lemonsqueezy-order", "lemonsqueezy-refund"} {
		f.Add(testdata(f, name), "t=1,v1=00")
	}
	kinds := slices.Sorted(maps.Keys(sign))
	f.Fuzz(func(t *testing.T, body, made string) {
		for _, kind := range kinds {
			h, _ := HookOf(kind)
			name, value := sign[kind](secret, noon, body)
			reports, err := h.Read(header(name, value), []byte(body), options())
			sound(t, reports, err)
			if reports, err = h.Read(header(name, made), []byte(body), options()); !errors.Is(err, ErrSignature) || reports != nil {
				t.Fatalf("%s took a message with the signature %q", kind, made)
			}
		}
	})
}
