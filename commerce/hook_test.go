package commerce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/shop"
)

func mac(message string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(message))
	return hex.EncodeToString(m.Sum(nil))
}

// message is what a shop sends, and how it signs it at a time.
type message struct {
	kind, header, body string
	sign               func(at time.Time, body string) string
}

var messages = []message{
	{"paddle", "Paddle-Signature", `{"event_type":"transaction.completed","occurred_at":"2023-05-14T12:00:00Z","data":{"id":"txn_1","currency_code":"EUR",
		"details":{"totals":{"total":"1785"},"line_items":[{"id":"txnitm_1","quantity":1,"totals":{"subtotal":"1500","discount":"0"},"product":{"id":"go"}}]}}}`,
		func(at time.Time, body string) string {
			return fmt.Sprintf("ts=%d;h1=%s", at.Unix(), mac(fmt.Sprintf("%d:%s", at.Unix(), body)))
		}},
	{"stripe", "Stripe-Signature", `{"type":"checkout.session.completed","created":1684065600,"livemode":true,"data":{"object":{"id":"cs_1","mode":"payment","payment_status":"paid",
		"currency":"eur","amount_total":1785,"payment_intent":"pi_1","total_details":{"amount_tax":285}}}}`,
		func(at time.Time, body string) string {
			return fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac(fmt.Sprintf("%d.%s", at.Unix(), body)))
		}},
	{"lemonsqueezy", "X-Signature", `{"meta":{"event_name":"order_created","test_mode":false},"data":{"id":"9","attributes":{"currency":"EUR","status":"paid","total":1785,"tax":285,
		"created_at":"2023-05-14T12:00:00Z"}}}`,
		func(_ time.Time, body string) string { return mac(body) }},
}

// Rule 18: a bad signature is 401 and stores nothing; a right one again is a
// duplicate.
func TestHooks(t *testing.T) {
	for _, m := range messages {
		d := newDoor()
		right, old := m.sign(noon, m.body), m.sign(noon.Add(-shop.Tolerance-time.Second), m.body)
		for _, c := range []struct{ name, signature, body string }{
			{"wrong", right[:len(right)-4] + "zzzz", m.body},
			{"none", "", m.body},
			{"of another message", m.sign(noon, m.body+" "), m.body},
			{"of a changed message", right, strings.Replace(m.body, "1785", "9785", 1)},
			{"of a truncated message", right, m.body[:len(m.body)-1]},
			{"of nothing", right, ""},
		} {
			if status, answer := d.send(t, "/hooks/courses/"+m.kind, c.body, m.header, c.signature); status != 401 {
				t.Errorf("%s, %s: %d %v", m.kind, c.name, status, answer)
			}
		}
		if m.kind != "lemonsqueezy" {
			if status, _ := d.send(t, "/hooks/courses/"+m.kind, m.body, m.header, old); status != 401 {
				t.Errorf("%s, old: %d", m.kind, status)
			}
		}
		if d.asked != 0 {
			t.Fatalf("%s: %d reports that are not proved reached the Taker", m.kind, d.asked)
		}
		for i, duplicate := range []float64{0, 1, 1} {
			status, answer := d.send(t, "/hooks/courses/"+m.kind, m.body, m.header, right)
			if status != 200 || answer["taken"] != 1.0 || answer["duplicate"] != duplicate {
				t.Errorf("%s, time %d: %d %v", m.kind, i+1, status, answer)
			}
		}
		if len(d.kept) != 1 || d.kept[0].Site != "courses" || d.kept[0].Store != m.kind || d.kept[0].Order.Lines[0].Net != 1500 {
			t.Errorf("%s: %+v", m.kind, d.kept)
		}
		if d.counts["order_taken "+m.kind] != 1 || d.counts["order_duplicate "+m.kind] != 2 || d.counts["order_refused signature"] < 6 {
			t.Errorf("%s: counts %v", m.kind, d.counts)
		}
	}
}

func TestHookAnswers(t *testing.T) {
	m := messages[1]
	change := func(old ...string) string { return strings.NewReplacer(old...).Replace(m.body) }
	for _, c := range []struct {
		name, body string
		status     int
		key        string
		want       any
	}{
		{"of no interest", change("checkout.session.completed", "customer.created"), 200, "taken", 0.0},
		{"of the test mode", change(`"livemode":true`, `"livemode":false`), 200, "test", 1.0},
		{"no JSON", m.body[1:], 400, "field", "body"},
		{"a bad amount", change("1785", `"x"`), 400, "field", "amount_total"},
		{"no order id", change(`"cs_1"`, `null`, `"pi_1"`, `null`), 422, "field", "order_id"},
	} {
		d := newDoor()
		status, answer := d.send(t, "/hooks/courses/stripe", c.body, m.header, m.sign(noon, c.body))
		if status != c.status || answer[c.key] != c.want || d.asked != 0 {
			t.Errorf("%s: %d %v, %d asked", c.name, status, answer, d.asked)
		}
	}
	d := newDoor()
	d.err = errors.New("the disk is full")
	if status, _ := d.send(t, "/hooks/courses/stripe", m.body, m.header, m.sign(noon, m.body)); status != 503 {
		t.Errorf("a message that can't be kept: %d", status)
	}
	d.err = shop.Invalid("site", "is in no programme")
	if status, answer := d.send(t, "/hooks/courses/stripe", m.body, m.header, m.sign(noon, m.body)); status != 400 || answer["field"] != "site" {
		t.Errorf("a message for nobody: %d %v", status, answer)
	}
}

// A body that does not arrive is not waited for, and one that breaks off is not used.
func TestSlowBody(t *testing.T) {
	d := newDoor(func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	s := httptest.NewServer(d)
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "POST /hooks/courses/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	answer := make([]byte, 64)
	if n, err := c.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 408") {
		t.Errorf("%q, %v", answer, err)
	}
	r, err := http.NewRequest(http.MethodPost, s.URL+"/hooks/courses/stripe", strings.NewReader(messages[1].body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(messages[1].header, messages[1].sign(noon, messages[1].body))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || d.asked != 1 {
		t.Errorf("the next message: %d, %d reports", resp.StatusCode, d.asked)
	}
}

// Bodies may take as long as the door says, also where the server is less patient.
func TestBodyTimeoutIsTheDoors(t *testing.T) {
	d := newDoor()
	s := httptest.NewUnstartedServer(d)
	s.Config.ReadTimeout = 50 * time.Millisecond
	s.Start()
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	const file = "order_id,time,revenue\n1,2023-05-14,5\n"
	fmt.Fprintf(c, "POST /v1/orders.csv?site=courses HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", key, len(file), file[:9])
	time.Sleep(3 * s.Config.ReadTimeout)
	fmt.Fprint(c, file[9:])
	answer := make([]byte, 64)
	if n, err := c.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200") {
		t.Errorf("%q, %v", answer, err)
	}
}

// crowd is senders of messages that never end.
type crowd struct {
	*shopDoor
	slow sync.WaitGroup
	ends []*io.PipeWriter
	held int // places that they have
}

func from(address, body, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/courses/stripe", strings.NewReader(body))
	r.RemoteAddr = address
	r.Header.Set(messages[1].header, signature)
	return r
}

// hold begins a message without a signature.
func (c *crowd) hold(address string) {
	body, end := io.Pipe()
	c.ends = append(c.ends, end)
	r := from(address, "", "none")
	r.Body = body
	c.slow.Go(func() {
		c.ServeHTTP(httptest.NewRecorder(), r)
		_ = body.Close()
	})
	if _, err := end.Write([]byte("{")); err == nil { // it is being read
		c.held++
	}
}

func (c *crowd) leave() {
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.slow.Wait()
}

// TestSignedGetThrough: senders who sign nothing can fill their part of the
// places, from as many networks as they like, and a shop whose signed messages
// are known still gets through; one network can't even fill that part.
func TestSignedGetThrough(t *testing.T) {
	now, n := noon, 0
	c := &crowd{shopDoor: newDoor(func(o *Options) { o.MaxWaiting, o.Now = 32, func() time.Time { return now } })}
	signed := func(what, address string, want int) {
		t.Helper()
		n++
		body := strings.ReplaceAll(messages[1].body, "_1", fmt.Sprint("_", n)) // another order
		w := httptest.NewRecorder()
		if c.ServeHTTP(w, from(address, body, messages[1].sign(now, body))); w.Code != want {
			t.Errorf("%s: %d, want %d", what, w.Code, want)
		}
	}
	const shop, another = "198.51.100.7:1", "198.51.101.7:1"
	signed("the first signed message", shop, 200)
	for range 64 {
		c.hold("203.0.113.9:1")
	}
	if c.held != 2 {
		t.Errorf("one network holds %d of 32 places, want 2", c.held)
	}
	signed("a network not known, beside one that fills its part", another, 200)
	for i := range 64 {
		c.hold(fmt.Sprintf("203.0.%d.9:1", i))
	}
	if c.held != 8 {
		t.Errorf("networks of one site hold %d of 32 places, want 8", c.held)
	}
	signed("a stranger beside strangers without end", "192.0.2.9:1", 503)
	for _, address := range []string{shop, another, "198.51.100.99:1"} {
		signed(address+" beside strangers without end", address, 200)
	}
	now = now.Add(knownFor + time.Second)
	signed("a shop that was silent for long", shop, 503)
	c.leave()
	signed("afterwards", shop, 200)
}

// TestPlacesAreForgotten: what is remembered is bounded, and nothing stays of
// who has gone.
func TestPlacesAreForgotten(t *testing.T) {
	p := newPlaces(16, time.Now)
	for i := range maxKnown + 100 {
		if f := p.within("courses", fmt.Sprint(i), func() (bool, *refusal) { return true, nil }); f != nil {
			t.Fatal(f)
		}
	}
	if len(p.known) != maxKnown || len(p.taken) != 0 {
		t.Errorf("%d are known, %d places are taken", len(p.known), len(p.taken))
	}
}
