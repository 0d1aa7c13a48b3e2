package commerce

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/shop"
)

var noon = time.Date(2023, 5, 14, 12, 0, 0, 0, time.UTC)

// book is a Taker that keeps reports in memory and knows them again, as rule 8
// wants it: the door keeps nothing.
type book struct {
	mu    sync.Mutex
	asked int // how often it was given a report, known or not
	kept  []shop.Report
	seen  map[string]bool
	times map[string]int // revisions by order
	err   error          // of every report whose order is bad
	bad   string
}

func (b *book) Take(_ context.Context, r shop.Report) (Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if b.err != nil && (b.bad == "" || b.bad == r.Number) {
		return Answer{}, b.err
	}
	text, err := json.Marshal([]any{r.Number, r.Names, r.Order, r.Refund, r.Dispute})
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Order: "01ORDER" + r.Number, Duplicate: b.seen[string(text)]}
	if !a.Duplicate {
		b.seen[string(text)] = true
		b.kept = append(b.kept, r)
		if r.Order != nil {
			b.times[r.Number]++
		}
	}
	a.Revision = b.times[r.Number]
	if r.Click == "" {
		a.Explain = []string{"no touch of this visitor is known"}
		return a, nil
	}
	a.Attributed, a.Affiliate, a.Commission = true, "anna", []Amount{{"EUR", "7.50"}}
	return a, nil
}

const key = "Bearer ffk_right"

// shopDoor is a door with a Taker that is not the real one.
type shopDoor struct {
	http.Handler
	*book
	counts map[string]int
	now    time.Time
	mu     sync.Mutex
}

var secret = []byte("whsec_test")

func newDoor(change ...func(*Options)) *shopDoor {
	d := &shopDoor{book: &book{seen: map[string]bool{}, times: map[string]int{}}, counts: map[string]int{}, now: noon}
	o := Options{
		Allow: func(r *http.Request, site string) (bool, error) {
			return r.Header.Get("Authorization") == key && site != "others", nil
		},
		Currency: func(site string) (string, bool) { return "EUR", site != "gone" },
		Hooks: func(site, kind string) (shop.HookOptions, bool) {
			return shop.HookOptions{Site: site, Store: kind, Secrets: [][]byte{secret}}, site == "courses"
		},
		Count: func(stage, reason string, n int) { d.mu.Lock(); d.counts[stage+" "+reason] += n; d.mu.Unlock() },
		Log:   slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now },
	}
	for _, fn := range change {
		fn(&o)
	}
	d.Handler = New(d.book, o)
	return d
}

// send posts a body and reads the answer, which is JSON whatever it is.
func (d *shopDoor) send(t *testing.T, address, body string, headers ...string) (status int, answer map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s answers %q: %v", address, w.Body, err)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s may be stored by others", address)
	}
	if again := w.Header().Get("Retry-After"); (w.Code == 503) != (again != "") {
		t.Errorf("%s: %d, Retry-After %q", address, w.Code, again)
	}
	return w.Code, answer
}

const order = `{"order_id":"1","time":"2023-05-14T12:00:00Z","revenue":15,"click_id":"c1"}`

// Rule 8: what the first write, the same again, another content, no order id and
// an order of nobody are answered.
func TestOrders(t *testing.T) {
	d := newDoor()
	for _, c := range []struct {
		name, body string
		status     int
		want       map[string]any
	}{
		{"first", order, 201, map[string]any{"id": "01ORDER1", "order_id": "1", "duplicate": false, "attributed": true, "affiliate": "anna", "revision": 1.0}},
		{"same again", order, 200, map[string]any{"id": "01ORDER1", "duplicate": true, "attributed": true, "revision": 1.0}},
		{"other content", strings.Replace(order, "15", "20", 1), 200, map[string]any{"duplicate": false, "revision": 2.0}},
		{"no order id", strings.Replace(order, `"1"`, `""`, 1), 422, map[string]any{"field": "order_id"}},
		{"of nobody", strings.NewReplacer(`"1"`, `"2"`, "c1", "").Replace(order), 200, map[string]any{"duplicate": false, "revision": 1.0, "attributed": false, "commission": []any{}, "explain": []any{"no touch of this visitor is known"}}},
		{"a bad field", strings.Replace(order, "15", `"much"`, 1), 400, map[string]any{"field": "revenue"}},
		{"no JSON", "{", 400, map[string]any{"field": "body"}},
	} {
		status, answer := d.send(t, "/v1/orders?site=courses", c.body, "Authorization", key)
		if status != c.status {
			t.Errorf("%s: %d %v; want %d", c.name, status, answer, c.status)
		}
		for k, want := range c.want {
			if got, _ := json.Marshal(answer[k]); string(got) != text(want) {
				t.Errorf("%s: %s is %s; want %s", c.name, k, got, text(want))
			}
		}
	}
	if len(d.kept) != 3 || d.kept[0].Site != "courses" || !d.kept[0].Verified || d.kept[0].Order.Currency != "EUR" {
		t.Errorf("taken: %+v", d.kept)
	}
	if d.counts["order_taken api"] != 3 || d.counts["order_duplicate api"] != 1 || d.counts["order_refused order_id"] != 1 || d.counts["order_refused revenue"] != 1 {
		t.Errorf("counts %v", d.counts)
	}
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) }

func TestRefunds(t *testing.T) {
	d := newDoor()
	body := `[{"order_id":"1","refund_id":"r1","time":"2023-05-15T12:00:00Z","revenue":5,"click_id":"c1"},{"order_id":"2","time":"2023-05-15T12:00:00Z"}]`
	status, answer := d.send(t, "/v1/refunds?site=courses", body, "Authorization", key)
	if status != 200 || answer["taken"] != 2.0 || answer["attributed"] != 1.0 || len(answer["answers"].([]any)) != 2 {
		t.Fatalf("%d %v", status, answer)
	}
	if d.kept[0].Refund.Amount != 500 || !d.kept[1].Refund.Full {
		t.Errorf("%+v %+v", d.kept[0].Refund, d.kept[1].Refund)
	}
	if _, answer = d.send(t, "/v1/refunds?site=courses", body, "Authorization", key); answer["duplicate"] != 2.0 {
		t.Errorf("again: %v", answer)
	}
	if status, answer = d.send(t, "/v1/refunds?site=courses", `{"order_id":"3","time":"2023-05-15T12:00:00Z"}`, "Authorization", key); status != 200 || answer["order_id"] != "3" {
		t.Errorf("one: %d %v", status, answer)
	}
	if status, answer = d.send(t, "/v1/orders?site=courses", `[]`, "Authorization", key); status != 200 || answer["taken"] != 0.0 {
		t.Errorf("none: %d %v", status, answer)
	}
}

func TestFile(t *testing.T) {
	d := newDoor()
	const rows = "order_id,time,product_id,net,click_id,refund_of,refund_amount\n1,2023-05-14,go,15,c1,,\n1,2023-05-14,sql,5,,,\n,2023-05-15,,,,1,2.50\n"
	status, answer := d.send(t, "/v1/orders.csv?site=courses", rows, "Authorization", key)
	if status != 200 || answer["taken"] != 2.0 || answer["duplicate"] != 0.0 || answer["attributed"] != 1.0 {
		t.Errorf("%d %v", status, answer)
	}
	if status, answer = d.send(t, "/v1/orders.csv?site=courses", rows, "Authorization", key); status != 200 || answer["duplicate"] != 2.0 {
		t.Errorf("again: %d %v", status, answer)
	}
	status, answer = d.send(t, "/v1/orders.csv?site=courses", rows+"2,2023-05-14,go,x,,,\n,,go,1,,,\n", "Authorization", key)
	if status != 400 || answer["field"] != "line 5, net" || len(answer["errors"].([]any)) != 2 || len(d.kept) != 2 {
		t.Errorf("%d %v", status, answer)
	}
}

func TestWhoMaySend(t *testing.T) {
	d := newDoor()
	for _, c := range []struct {
		address, key string
		status       int
	}{
		{"/v1/orders?site=courses", "", 401}, {"/v1/orders?site=courses", "Bearer wrong", 401}, {"/v1/orders?site=others", key, 401},
		{"/v1/orders", key, 400}, {"/v1/refunds", key, 400}, {"/v1/orders.csv", key, 400},
		{"/v1/refunds?site=courses", "", 401}, {"/v1/orders.csv?site=courses", "", 401},
		{"/v1/orders?site=gone", key, 404}, {"/v1/orders/1?site=courses", key, 404},
		{"/hooks/courses/shopify", "", 404}, {"/hooks/others/paddle", "", 404}, {"/hooks/courses", "", 404},
	} {
		r := httptest.NewRequest(http.MethodPost, c.address, strings.NewReader(order))
		r.Header.Set("Authorization", c.key)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.status || (w.Header().Get("WWW-Authenticate") != "") != (c.status == 401) {
			t.Errorf("%s: %d; want %d", c.address, w.Code, c.status)
		}
	}
	for _, address := range []string{"/v1/orders?site=courses", "/v1/refunds", "/v1/orders.csv", "/hooks/courses/paddle"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		if w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("GET %s: %d", address, w.Code)
		}
	}
	if d.asked != 0 {
		t.Errorf("%d reports reached the Taker", d.asked)
	}
	w := httptest.NewRecorder()
	New(d.book, Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/orders?site=courses", strings.NewReader(order)))
	if w.Code != 401 {
		t.Errorf("a door without options answers %d", w.Code)
	}
	for path, want := range map[string]bool{"/v1/orders": true, "/v1/orders.csv": true, "/v1/refunds": true, "/hooks/a/b": true, "/v1/order": false, "/v1/track": false} {
		if Handles(path) != want {
			t.Errorf("Handles(%s) is %v", path, !want)
		}
	}
}

func TestSizes(t *testing.T) {
	d := newDoor()
	for _, c := range []struct {
		address string
		bytes   int
	}{{"/v1/orders?site=courses", MaxBody}, {"/hooks/courses/stripe", MaxBody}, {"/v1/orders.csv?site=courses", shop.MaxFile}} {
		if status, _ := d.send(t, c.address, strings.Repeat(" ", c.bytes+1), "Authorization", key); status != 413 {
			t.Errorf("%s with %d bytes: %d", c.address, c.bytes+1, status)
		}
		if status, _ := d.send(t, c.address, strings.Repeat(" ", c.bytes), "Authorization", key); status == 413 {
			t.Errorf("%s does not take %d bytes", c.address, c.bytes)
		}
	}
	many := "[" + strings.Repeat(order+",", shop.MaxReports) + order + "]"
	if status, answer := d.send(t, "/v1/orders?site=courses", many, "Authorization", key); status != 400 || answer["field"] != "body" {
		t.Errorf("%d %v", status, answer)
	}
}

// What can't be kept is to be sent again: 503, and what was taken before is a
// duplicate then.
func TestTakerFails(t *testing.T) {
	d := newDoor()
	list := "[" + order + "," + strings.Replace(order, `"1"`, `"2"`, 1) + "]"
	d.err, d.bad = errors.New("the disk is full"), "2"
	status, answer := d.send(t, "/v1/orders?site=courses", list, "Authorization", key)
	if status != 503 || answer["taken"] != 1.0 || strings.Contains(text(answer), "disk") {
		t.Errorf("%d %v", status, answer)
	}
	d.err = shop.Invalid("currency", "is not the order's")
	if status, answer = d.send(t, "/v1/orders?site=courses", list, "Authorization", key); status != 400 || answer["field"] != "[1].currency" {
		t.Errorf("%d %v", status, answer)
	}
	d.err = nil
	if status, answer = d.send(t, "/v1/orders?site=courses", list, "Authorization", key); status != 200 || answer["taken"] != 2.0 || answer["duplicate"] != 1.0 {
		t.Errorf("%d %v", status, answer)
	}
	if d.counts["order_refused failed"] != 1 || d.counts["order_refused currency"] != 1 {
		t.Errorf("counts %v", d.counts)
	}
}

// A request beyond those that may wait is to be sent again.
func TestTooMany(t *testing.T) {
	d := newDoor(func(o *Options) { o.MaxWaiting = 1 })
	body, end := io.Pipe()
	done := make(chan int)
	go func() {
		r := httptest.NewRequest(http.MethodPost, "/v1/orders?site=courses", body)
		r.Header.Set("Authorization", key)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		done <- w.Code
	}()
	if _, err := end.Write([]byte(order[:10])); err != nil { // it is being read
		t.Fatal(err)
	}
	if status, _ := d.send(t, "/v1/orders?site=courses", order, "Authorization", key); status != 503 {
		t.Errorf("the second of one request: %d", status)
	}
	_, _ = end.Write([]byte(order[10:]))
	_ = end.Close()
	if status := <-done; status != 201 {
		t.Errorf("the first request: %d", status)
	}
	if status, _ := d.send(t, "/v1/orders?site=courses", order, "Authorization", key); status != 200 {
		t.Errorf("after it: %d", status)
	}
}

// Who has no key can't keep those who have one from sending: slow messages take
// the places of webhooks alone, and slow requests without a key take none.
func TestSlowSendersWithoutKey(t *testing.T) {
	d := newDoor(func(o *Options) { o.MaxWaiting = 2 })
	var slow sync.WaitGroup
	var ends []*io.PipeWriter
	hold := func(address, key string) {
		body, end := io.Pipe()
		ends = append(ends, end)
		slow.Go(func() {
			r := httptest.NewRequest(http.MethodPost, address, body)
			r.Header.Set("Authorization", key)
			d.ServeHTTP(httptest.NewRecorder(), r)
			_ = body.Close()
		})
		if _, err := end.Write([]byte("{")); err != nil && key != "" { // it is being read
			t.Fatal(err)
		}
	}
	hold("/hooks/courses/stripe", "none") // half of the places
	for range 8 {
		hold("/v1/orders?site=courses", "")
	}
	if status, _ := d.send(t, "/hooks/courses/stripe", "{}"); status != 503 {
		t.Errorf("a second message: %d", status)
	}
	if status, answer := d.send(t, "/v1/orders?site=courses", order, "Authorization", key); status != 201 {
		t.Errorf("an order beside slow messages: %d %v", status, answer)
	}
	for range 2 {
		hold("/v1/orders?site=courses", key)
	}
	for _, address := range []string{"/v1/orders?site=courses", "/v1/refunds?site=courses", "/v1/orders.csv?site=courses"} {
		if status, _ := d.send(t, address, order); status != 401 {
			t.Errorf("%s without a key, all places taken: %d", address, status)
		}
		if status, _ := d.send(t, address, order, "Authorization", key); status != 503 {
			t.Errorf("%s, all places taken: %d", address, status)
		}
	}
	for _, end := range ends {
		_ = end.Close()
	}
	slow.Wait()
	m := messages[1]
	if status, _ := d.send(t, "/hooks/courses/stripe", m.body, m.header, m.sign(noon, m.body)); status != 200 {
		t.Errorf("a message afterwards: %d", status)
	}
}

// TestNobodyCanTell: where keys can't be looked up, a sender is not told that its
// key is wrong, which would end its tries.
func TestNobodyCanTell(t *testing.T) {
	d := newDoor(func(o *Options) {
		o.Allow = func(*http.Request, string) (bool, error) { return false, errors.New("connection refused") }
	})
	for _, address := range []string{"/v1/orders?site=courses", "/v1/refunds?site=courses", "/v1/orders.csv?site=courses"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", address, strings.NewReader("{}"))
		r.Header.Set("Authorization", key)
		d.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "refused") {
			t.Errorf("%s: %d %v %s", address, w.Code, w.Header(), w.Body)
		}
	}
}
