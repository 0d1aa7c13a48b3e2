package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/segment"
	"footfall/webhook"
)

// receiver is a webhook of the shop's. It checks every signature, and turns down
// the first try of each notice.
type receiver struct {
	t      *testing.T
	mu     sync.Mutex
	secret []byte
	tried  map[string]bool // by id
	taken  []string        // type segment version visitor
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = webhook.Verify(r.secret, body, q.Header.Get(webhook.Header), time.Now())
	}
	var notice segment.Notice
	if err == nil {
		err = json.Unmarshal(body, &notice)
	}
	if err != nil {
		r.t.Errorf("webhook got %q: %v", body, err)
	}
	if len(r.tried) == 0 { // once: it is tried again after ten seconds
		r.tried[notice.ID] = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.taken = append(r.taken, fmt.Sprintf("%s %s %d %s", strings.TrimPrefix(notice.Type, "segment."), notice.Segment, notice.Version, notice.Visitor))
}

// await waits until exactly these notices came.
func (r *receiver) await(when string, want ...string) {
	r.t.Helper()
	var taken []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline) && len(taken) < len(want); time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		taken = slices.Clone(r.taken)
		r.mu.Unlock()
	}
	if !slices.Equal(taken, want) {
		r.t.Fatalf("%s the webhook got\n%s\nwant\n%s", when, strings.Join(taken, "\n"), strings.Join(want, "\n"))
	}
}

// shop is a running server with a site that keeps histories, a shop's webhook
// and keys by role.
type shop struct {
	*server
	at   site
	hook *receiver
	keys map[string]string
	n    int // events sent
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{server: newServer(t), hook: &receiver{t: t, tried: map[string]bool{}}, keys: map[string]string{}}
	s.at = s.addSite("shop.example")
	hook := httptest.NewServer(s.hook)
	t.Cleanup(hook.Close)
	var set struct {
		Secret string `json:"webhook_secret"`
	}
	s.ask(&set, "site", "set", "shop.example", "--history", "24", "--webhook", hook.URL)
	s.hook.secret = []byte(set.Secret)
	for _, role := range []string{"owner", "viewer", "segments"} {
		var key struct{ Token string }
		s.ask(&key, "key", "add", "--site", s.at.ID, "--role", role)
		s.keys[role] = key.Token
	}
	s.start()
	return s
}

// did sends what a visitor did, as a browser does.
func (s *shop) did(visitor, event, properties string) {
	s.t.Helper()
	s.n++
	body := fmt.Sprintf(`{"userId":%q,"event":%q,"messageId":"m%d","properties":%s}`, visitor, event, s.n, properties)
	r, err := http.NewRequest("POST", s.url("/v1/track"), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth(s.at.WriteKey, "")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
		s.t.Fatalf("%s: %d %s %v", body, res.StatusCode, text, err)
	}
}

// call asks the API.
func (s *shop) call(role, method, path, body string) (status int, text string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url(path), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.keys[role])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// in waits until a page is told, by a complete answer, that a visitor is in
// exactly these segments; it returns how long that took.
func (s *shop) in(visitor string, want ...string) time.Duration {
	s.t.Helper()
	var status int
	var text string
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		status, text = s.call("segments", "GET", "/v1/visitors/"+visitor+"/segments", "")
		var a struct {
			Segments []struct{ Segment string }
			Complete bool
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			s.t.Fatalf("%d %s: %v", status, text, err)
		}
		var names []string
		for _, m := range a.Segments {
			names = append(names, m.Segment)
		}
		if status == 200 && a.Complete && slices.Equal(names, want) {
			return time.Since(began)
		}
	}
	s.t.Fatalf("%s is in %s (%d), want %q", visitor, text, status, want)
	return 0
}

const definitions = `
segments:
  - name: buyers
    when: {orders: {last: 30 days, at_least: 1}}
  - name: fans
    when: {views: {product: B4, last: 3 months, at_least: 3}}
  - name: pleased
    when:
      all:
        - revenue: {at_least: 19.90}
        - not: {refunds: {at_least: 1}}
`

// TestSegments is a shop's day: its page asks which segments a visitor is in,
// its server is told who enters and leaves, once each, also over a kill.
func TestSegments(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if status, text := s.call("viewer", "PUT", "/v1/segments", definitions); status != 403 || !strings.Contains(text, "--scope define") {
		t.Errorf("a viewer defines segments: %d %s", status, text)
	}
	if status, text := s.call("owner", "PUT", "/v1/segments", definitions); status != 200 || strings.Count(text, `"version":1`) != 3 {
		t.Fatalf("PUT: %d %s", status, text)
	}
	const view, order = `{"product_id":"B4","category":"garden"}`, `{"order_id":"o1","revenue":"19.90","products":[{"product_id":"B4","price":"19.90"}]}`
	s.did("ada", "Product Viewed", view)
	s.did("ada", "Product Viewed", view)
	s.in("ada")
	s.did("ada", "Product Viewed", view)
	t.Logf("the page knows after %v", s.in("ada", "fans"))
	want := []string{"entered fans 1 ada"}
	s.hook.await("after three views", want...)
	s.did("ada", "Order Completed", order)
	t.Logf("the page knows after %v", s.in("ada", "buyers", "fans", "pleased"))
	want = append(want, "entered buyers 1 ada", "entered pleased 1 ada")
	s.hook.await("after the order", want...)
	s.checkShop()
	s.kill()
	s.start()
	s.in("ada", "buyers", "fans", "pleased")
	s.did("ada", "Order Refunded", order)
	s.in("ada", "buyers", "fans")
	want = append(want, "left pleased 1 ada")
	s.hook.await("after the refund", want...) // and nothing again after the kill
	s.did("bob%20&co", "Order Completed", order)
	want = append(want, "entered buyers 1 bob%20&co", "entered pleased 1 bob%20&co")
	s.hook.await("after another's order", want...)
	s.in("bob%2520&co", "buyers", "pleased")
	s.turnOff()
}

// checkShop looks at the other doors.
func (s *shop) checkShop() {
	t := s.t
	t.Helper()
	for _, x := range []struct {
		role, method, path, body string
		status                   int
		says                     string
	}{
		{"segments", "GET", "/v1/visitors/ada/history", "", 403, "--scope read"},
		{"segments", "GET", "/v1/query?metric=PageViews&window=Today", "", 403, "--scope read"},
		{"viewer", "GET", "/v1/visitors/ada/history?product=B4", "", 200, `"views":3,"orders":1,"revenue":19.90,"days":[{`},
		{"viewer", "GET", "/v1/visitors/nobody/history", "", 200, `"items":[],`},
		{"viewer", "GET", "/v1/visitors/ada/segments?explain=true", "", 200, `"figure":3`},
		{"viewer", "POST", "/v1/segments/dry-run", `{"name":"two","when":{"orders":{"at_least":2}}}`, 200, `"visitors":1,"segments":[{"segment":"two","members":0}]`},
		{"owner", "PUT", "/v1/segments", "name: two\nwhen: {order: {at_least: 2}}", 400, "line 2"},
		{"owner", "DELETE", "/v1/segments/two", "", 404, "no such segment"},
		{"viewer", "GET", "/v1/segments/fans/members", "", 200, `"segment":"fans"`},
	} {
		if status, text := s.call(x.role, x.method, x.path, x.body); status != x.status || !strings.Contains(text, x.says) {
			t.Errorf("%s %s %s: %d %s, want %d and %s", x.role, x.method, x.path, status, text, x.status, x.says)
		}
	}
	file := filepath.Join(filepath.Dir(s.data), "segments.yaml")
	if err := os.WriteFile(file, []byte(definitions), 0o600); err != nil {
		t.Fatal(err)
	}
	var run struct{ Visitors int }
	if s.ask(&run, "segment", "test", file); run.Visitors != 1 {
		t.Errorf("segment test counts %d visitors", run.Visitors)
	}
	if f := s.doctor()["webhooks"]; !f.OK {
		t.Errorf("doctor: %+v", f)
	}
	res, err := http.Get(s.url("/privacy/shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if page, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(page, []byte("up to 25 months")) {
		t.Errorf("the privacy page does not tell of histories: %v", err)
	}
}

// turnOff turns histories off: nothing of the visitors is left in their file.
func (s *shop) turnOff() {
	t := s.t
	t.Helper()
	var off struct{ Removed struct{ Visitors int } }
	if s.ask(&off, "site", "set", "shop.example", "--history", "off"); off.Removed.Visitors != 2 {
		t.Errorf("%d visitors were removed, want 2", off.Removed.Visitors)
	}
	if status, text := s.call("viewer", "GET", "/v1/visitors/ada/history", ""); status != 409 || !strings.Contains(text, "--history 24") {
		t.Errorf("histories are off: %d %s", status, text)
	}
	// While the server runs: a log that is emptied only when it stops is no excuse.
	left := s.remembered("ada", "bob%20&co", "garden")
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = s.remembered("ada", "bob%20&co", "garden") {
		time.Sleep(50 * time.Millisecond) // somebody may read what was there before
	}
	if len(left) > 0 {
		t.Errorf("left are %q", left)
	}
	s.stop()
}

// remembered lists which texts stand in which files of histories.
func (s *shop) remembered(texts ...string) (found []string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data, "history.sqlite*"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("no file of histories: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				found = append(found, filepath.Base(name)+": "+text)
			}
		}
	}
	return found
}
