package shop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var secret = []byte("whsec_a")

func hexMAC(key []byte, message string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// sign makes the header by which each shop signs: name and value.
var sign = map[string]func(key []byte, at time.Time, body string) (name, value string){
	FromPaddle: func(key []byte, at time.Time, body string) (string, string) {
		return "Paddle-Signature", fmt.Sprintf("ts=%d;h1=%s", at.Unix(), hexMAC(key, fmt.Sprintf("%d:%s", at.Unix(), body)))
	},
	FromStripe: func(key []byte, at time.Time, body string) (string, string) {
		return "Stripe-Signature", fmt.Sprintf("t=%d,v1=%s,v0=00", at.Unix(), hexMAC(key, fmt.Sprintf("%d.%s", at.Unix(), body)))
	},
	FromLemonSqueezy: func(key []byte, _ time.Time, body string) (string, string) {
		return "X-Signature", hexMAC(key, body)
	},
}

func header(name, value string) func(string) string {
	return func(asked string) string {
		if asked == name {
			return value
		}
		return ""
	}
}

func options() HookOptions {
	return HookOptions{Site: "courses", Store: "eu", Secrets: [][]byte{secret}, Now: func() time.Time { return noon }}
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hear reads a message of a shop that is signed as it should be. The name of its
// file begins with the shop's.
func hear(t testing.TB, file string, changes ...string) ([]Report, error) {
	t.Helper()
	kind, _, _ := strings.Cut(file, "-")
	body := testdata(t, file)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(body, changes[i]) {
			t.Fatalf("%s has no %s", file, changes[i])
		}
		body = strings.ReplaceAll(body, changes[i], changes[i+1])
	}
	h, ok := HookOf(kind)
	if !ok {
		t.Fatalf("there is no hook %s", kind)
	}
	name, value := sign[kind](secret, noon, body)
	return h.Read(header(name, value), []byte(body), options())
}

// one is hear of a message with one report.
func one(t testing.TB, file string, changes ...string) Report {
	t.Helper()
	reports, err := hear(t, file, changes...)
	if err != nil || len(reports) != 1 {
		t.Fatalf("%s: %d reports, %v", file, len(reports), err)
	}
	r := reports[0]
	if r.Site != "courses" || r.Store != "eu" || !r.Verified {
		t.Errorf("%s: %+v", file, r)
	}
	return r
}

var messages = map[string]string{FromPaddle: "paddle-transaction", FromStripe: "stripe-session", FromLemonSqueezy: "lemonsqueezy-order"}

// Rule 18: of a message whose signature is bad nothing is used.
func TestSignatures(t *testing.T) {
	other := []byte("whsec_b")
	for _, h := range Hooks {
		body := testdata(t, messages[h.Name])
		name, right := sign[h.Name](secret, noon, body)
		_, wrong := sign[h.Name](other, noon, body)
		_, ofEmpty := sign[h.Name](nil, noon, body)
		timed := h.Name != FromLemonSqueezy
		at := func(d time.Duration) string { _, v := sign[h.Name](secret, noon.Add(d), body); return v }
		for _, c := range []struct {
			name, value, body string
			secrets           [][]byte
			taken             bool
		}{
			{"right", right, body, [][]byte{secret}, true},
			{"right by the second secret", right, body, [][]byte{other, secret}, true},
			{"right by the first secret", right, body, [][]byte{secret, other}, true},
			{"wrong", wrong, body, [][]byte{secret}, false},
			{"missing", "", body, [][]byte{secret}, false},
			{"cut", right[:len(right)-2], body, [][]byte{secret}, h.Name == FromStripe}, // of v0, which is not looked at
			{"no hexadecimal digits", strings.NewReplacer("b", "g", "c", "g", "d", "g", "e", "g").Replace(right), body, [][]byte{secret}, false},
			{"truncated body", right, body[:len(body)-2], [][]byte{secret}, false},
			{"changed body", right, strings.Replace(body, "click", "clack", 1), [][]byte{secret}, false},
			{"no secret", right, body, nil, false},
			{"an empty secret", ofEmpty, body, [][]byte{nil, {}}, false},
			{"five minutes old", at(-Tolerance), body, [][]byte{secret}, true},
			{"older", at(-Tolerance - time.Second), body, [][]byte{secret}, !timed},
			{"of the future", at(Tolerance + time.Second), body, [][]byte{secret}, !timed},
			{"a time of its own", strings.Replace(right, "=1", "=2", 1), body, [][]byte{secret}, !timed},
		} {
			o := options()
			o.Secrets = c.secrets
			reports, err := h.Read(header(name, c.value), []byte(c.body), o)
			if c.taken && (err != nil || len(reports) != 1) || !c.taken && (!errors.Is(err, ErrSignature) || reports != nil) {
				t.Errorf("%s, %s: %d reports, %v", h.Name, c.name, len(reports), err)
			}
		}
	}
}

// While a secret is changed a shop may sign with both.
func TestSeveralSignatures(t *testing.T) {
	for _, h := range []Hook{{FromPaddle, ReadPaddle}, {FromStripe, ReadStripe}} {
		body := testdata(t, messages[h.Name])
		name, right := sign[h.Name](secret, noon, body)
		key, separator := "h1", ";"
		if h.Name == FromStripe {
			key, separator = "v1", ","
		}
		bad := separator + key + "=" + strings.Repeat("0", 64)
		before, after, _ := strings.Cut(right, separator)
		if _, err := h.Read(header(name, before+bad+separator+after), []byte(body), options()); err != nil {
			t.Errorf("%s: behind a wrong one: %v", h.Name, err)
		}
		if _, err := h.Read(header(name, right+strings.Repeat(bad, maxSignatures)), []byte(body), options()); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: among too many: %v", h.Name, err)
		}
	}
}

func TestHookFaults(t *testing.T) {
	for _, c := range []struct{ file, from, to, field string }{
		{"paddle-transaction", `"data":{`, `"data":[],"x":{`, "body"},
		{"paddle-transaction", `"txn_1"`, `null`, "order_id"},
		{"paddle-transaction", `"subtotal":"10000"`, `"subtotal":"100.00"`, "subtotal"},
		{"paddle-transaction", `"EUR"`, `"?"`, "currency"},
		{"paddle-transaction", `2023-05-14T12:00:00.123456Z`, `yesterday`, "occurred_at"},
		{"paddle-transaction", `"txnitm_2"`, `"txnitm_1"`, "line"},
		{"paddle-transaction", `"line_items"`, `"lines"`, "products"},
		{"paddle-adjustment", `"txn_1"`, `""`, "order_id"},
		{"stripe-session", `"amount_total":10615`, `"amount_total":9223372036854775807`, "amount_total"},
		{"stripe-session", `"created":1684065600`, `"created":99999999999999`, "created"},
		{"stripe-session", `"created":1684065600`, `"created":null`, "time"},
		{"stripe-invoice", `"in_1"`, `null`, "order_id"},
		{"stripe-dispute", `"dp_1"`, `null`, "dispute"},
		{"stripe-refund", `"pi_1"`, `"` + strings.Repeat("x", maxText+1) + `"`, "payment_intent"},
		{"lemonsqueezy-order", `"id":"901"`, `"id":null`, "order_id"},
		{"lemonsqueezy-order", `"total":10098`, `"total":100.98`, "total"},
		{"lemonsqueezy-order", `"created_at":"2023-05-14T12:00:00.000000Z"`, `"created_at":""`, "time"},
	} {
		reports, err := hear(t, c.file, c.from, c.to)
		var bad *InvalidError
		if !errors.As(err, &bad) || bad.Field != c.field || reports != nil {
			t.Errorf("%s with %.40s: %v; want a fault of %s", c.file, c.to, err, c.field)
		}
	}
}

// What is of no interest has no reports, and is no error.
func TestHooksPassOver(t *testing.T) {
	for _, c := range []struct{ file, from, to string }{
		{"paddle-transaction", "transaction.completed", "transaction.updated"},
		{"paddle-transaction", `"origin":"web"`, `"origin":"subscription_payment_method_change"`},
		{"paddle-adjustment", `"approved"`, `"pending_approval"`},
		{"paddle-adjustment", `"approved"`, `"rejected"`},
		{"paddle-adjustment", `"action":"refund"`, `"action":"credit_reverse"`},
		{"paddle-adjustment", `"subtotal":"4250"`, `"subtotal":"0"`}, // tax only
		{"stripe-session", "checkout.session.completed", "customer.created"},
		{"stripe-session", `"paid"`, `"unpaid"`},
		{"stripe-session", `"payment"`, `"setup"`},
		{"lemonsqueezy-order", "order_created", "license_key_created"},
		{"lemonsqueezy-order", `"paid"`, `"failed"`},
	} {
		if reports, err := hear(t, c.file, c.from, c.to); err != nil || reports != nil {
			t.Errorf("%s with %s: %v, %v", c.file, c.to, reports, err)
		}
	}
}
