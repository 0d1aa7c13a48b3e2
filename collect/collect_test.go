package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/enrich"
	"footfall/event"
)

const key = "exwritekey0000000000000001"

var testNow = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)

// oneSite is a Sites with a site that several keys and one host lead to.
type oneSite struct {
	site Site
	keys []string
}

func (s oneSite) ByKey(k string) (Site, bool) {
	for _, known := range append(s.keys, s.site.Key) {
		if k == known {
			found := s.site
			found.Key = known
			return found, true
		}
	}
	return Site{}, false
}

func (s oneSite) ByHost(host string) (Site, bool) { return s.site, host == s.site.Domain }

// world is a collector with everything it says and does written down.
type world struct {
	*Collector
	mu      sync.Mutex
	events  []event.Event
	senders []enrich.Sender
	refused []string // reason, raw
	counts  map[string]int
	fail    error
}

func (w *world) Enrich(e *event.Event, from enrich.Sender) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.senders = append(w.senders, from)
}

func newWorld(site Site, change func(*Options)) *world {
	w := &world{counts: map[string]int{}}
	if site.Key == "" {
		site.Key = key
	}
	site.ID, site.Domain = "s1", "shop.example"
	o := Options{
		Publish: func(_ context.Context, events ...event.Event) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.fail == nil {
				w.events = append(w.events, events...)
			}
			return w.fail
		},
		Refuse: func(_ context.Context, site, reason, raw string) { w.refused = append(w.refused, reason, raw) },
		Count: func(stage, reason string, n int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[stage+" "+reason] += n
		},
		Enricher: w,
		Now:      func() time.Time { return testNow },
	}
	if change != nil {
		change(&o)
	}
	w.Collector = New(oneSite{site: site, keys: []string{"h3writekey0000000000000001"}}, o)
	return w
}

// do sends one request; headers alternate names and values.
func (w *world) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// post sends JSON with a key in the query.
func (w *world) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	return w.do("POST", path+"?writeKey="+key, body, headers...)
}

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func TestWhoMaySend(t *testing.T) {
	page := `{"type":"page","properties":{"url":"https://shop.example/"}}`
	withKey := `{"writeKey":"` + key + `","type":"page"}`
	for _, x := range []struct {
		name, target, body, auth string
		status                   int
	}{
		{"basic with colon", "/v1/page", page, "Basic ZXh3cml0ZWtleTAwMDAwMDAwMDAwMDAwMDE6", 200},
		{"basic without colon", "/v1/page", page, "Basic ZXh3cml0ZWtleTAwMDAwMDAwMDAwMDAwMDE=", 200},
		{"query", "/v1/page?writeKey=" + key, page, "", 200},
		{"body", "/v1/page", withKey, "", 200},
		{"basic goes before body", "/v1/page", withKey, "Basic bm9ib2R5Og==", 401},
		{"query goes before body", "/v1/page?writeKey=nobody", withKey, "", 401},
		{"no key", "/v1/page", page, "", 401},
		{"broken basic falls through", "/v1/page", withKey, "Basic %%%", 200},
		{"key of the wrong type", "/v1/page", `{"writeKey":17}`, "", 401},
		{"beacon", "/beacon/v1/batch?writeKey=" + key, `{"batch":[]}`, "", 200},
	} {
		w := newWorld(Site{}, nil)
		headers := []string{}
		if x.auth != "" {
			headers = []string{"Authorization", x.auth}
		}
		rec := w.do("POST", x.target, x.body, headers...)
		if rec.Code != x.status {
			t.Errorf("%s: got %d %s, want %d", x.name, rec.Code, rec.Body, x.status)
		}
		if x.status == 401 && len(w.events) > 0 {
			t.Errorf("%s: stored", x.name)
		}
	}
}

func TestEveryRoute(t *testing.T) {
	for path, want := range map[string]event.Kind{
		"/v1/page": "page", "/v1/p": "page", "/v1/track": "track", "/v1/t": "track", "/v1/identify": "identify", "/v1/i": "identify",
		"/v1/group": "group", "/v1/g": "group", "/v1/screen": "screen", "/v1/s": "screen", "/v1/alias": "alias", "/v1/a": "alias", "/v1/page/": "page",
	} {
		w := newWorld(Site{}, nil)
		rec := w.post(path, `{"event":"x","messageId":"m"}`, "Content-Type", "text/plain")
		if rec.Code != 200 || rec.Body.String() != `{"success":true}` || len(w.events) != 1 || w.events[0].Kind != want || w.events[0].Channel != "web" {
			t.Errorf("%s: %d %s %+v", path, rec.Code, rec.Body, w.events)
		}
	}
	for _, path := range []string{"/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"} {
		w := newWorld(Site{}, nil)
		rec := w.post(path, `{"batch":[{"type":"page"},{"type":"track","event":"x"}]}`)
		if rec.Code != 200 || rec.Body.String() != `{"success":true}` || len(w.events) != 2 || w.counts["accepted "] != 2 {
			t.Errorf("%s: %d %s %+v", path, rec.Code, rec.Body, w.events)
		}
	}
	w := newWorld(Site{}, nil)
	for _, x := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/sourceConfig?writeKey=" + key, 200, `{"source":{"id":"s1","config":{},"destinations":[]}}`},
		{"GET", "/sourceConfig/?p=npm&writeKey=" + key, 200, `{"source":{"id":"s1","config":{},"destinations":[]}}`},
		{"GET", "/sourceConfig", 401, `{"success":false,"error":"the write key is missing or unknown"}`},
		{"GET", "/v1/projects/" + key + "/settings", 200, `{"integrations":{"Segment.io":{"apiKey":"` + key + `","apiHost":"example.com/v1","protocol":"http"}},"metrics":{"sampleRate":0}}`},
		{"GET", "/v1/projects/nobody/settings", 401, ""},
		{"POST", "/v1/m", 200, `{"success":true}`},
		{"POST", "/rsaMetrics", 200, `{"success":true}`},
		{"GET", "/v1/page", 405, `{"success":false,"error":"this address takes POST"}`},
		{"POST", "/js/footfall.js", 405, ""},
		{"DELETE", "/collect", 405, ""},
		{"HEAD", "/collect?page=/", 405, ""},
		{"HEAD", "/pixel/v1/page?writeKey=k", 405, ""},
		{"HEAD", "/js/footfall.js", 200, ""},
		{"GET", "/elsewhere", 404, ""},
		{"OPTIONS", "/elsewhere", 404, ""},
	} {
		rec := w.do(x.method, x.target, "")
		if rec.Code != x.status || x.body != "" && rec.Body.String() != x.body {
			t.Errorf("%s %s: %d %s", x.method, x.target, rec.Code, rec.Body)
		}
	}
	if !Handles("/v1/p") || !Handles("/pixel/v1/page") || Handles("/graphql") {
		t.Error("Handles is wrong")
	}
}

func TestCrossOrigin(t *testing.T) {
	w := newWorld(Site{Origins: []string{"shop.example", "https://dev.example:8443"}}, nil)
	from := "https://shop.example"
	rec := w.do("OPTIONS", "/v1/page", "", "Origin", from, "Access-Control-Request-Headers", "authorization,anonymousid")
	h := rec.Header()
	if rec.Code != 204 || h.Get("Access-Control-Allow-Headers") != "authorization,anonymousid" || h.Get("Access-Control-Max-Age") != "86400" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", rec.Code, h)
	}
	for _, x := range []struct {
		method, target, body, from string
		status                     int
	}{
		{"POST", "/v1/page?writeKey=" + key, `{}`, from, 200},
		{"POST", "/v1/page?writeKey=" + key, `{}`, "https://dev.example:8443", 200},
		{"POST", "/v1/page?writeKey=" + key, `{}`, "https://evil.example", 403},
		{"POST", "/v1/page?writeKey=" + key, `{}`, "null", 403},
		{"POST", "/v1/page?writeKey=" + key, `{`, from, 400},
		{"POST", "/v1/page?writeKey=x", `{}`, from, 401},
		{"GET", "/nowhere", ``, from, 404},
		{"GET", "/v1/page", ``, from, 405},
		{"GET", "/sourceConfig/?writeKey=" + key, ``, from, 200},
		{"GET", "/js/footfall.js", ``, from, 200},
		{"GET", "/pixel/v1/page", ``, from, 200},
		{"OPTIONS", "/sourceConfig/", ``, from, 204},
	} {
		rec := w.do(x.method, x.target, x.body, "Origin", x.from)
		h := rec.Header()
		if rec.Code != x.status || h.Get("Access-Control-Allow-Origin") != x.from || !strings.HasPrefix(h.Get("Vary"), "Origin") ||
			!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") || h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s %s from %s: %d %v", x.method, x.target, x.from, rec.Code, h)
		}
	}
}

func TestDoNotTrack(t *testing.T) {
	for _, x := range []struct {
		honour bool
		header string
		kept   bool
	}{{true, "DNT", false}, {true, "Sec-GPC", false}, {false, "DNT", true}, {true, "X-Other", true}} {
		for _, target := range []string{"/v1/page", "/v1/batch", "/pixel/v1/page", "/collect"} {
			w := newWorld(Site{HonourDNT: x.honour}, nil)
			method, body := "POST", `{"batch":[{"type":"page"}]}`
			if target == "/pixel/v1/page" {
				method, body = "GET", ""
			}
			if target == "/collect" {
				body = `{"page":"/a"}`
			}
			rec := w.do(method, target+"?key="+key+"&writeKey="+key, body, x.header, "1")
			if kept := len(w.events) == 1; rec.Code != 200 || kept != x.kept ||
				x.kept == (rec.Header().Get("X-Footfall") == "dropped, do-not-track") || x.kept == (w.counts["dropped dnt"] == 1) {
				t.Errorf("%s honour=%v %s: %d kept=%v %v %v", target, x.honour, x.header, rec.Code, kept, rec.Header(), w.counts)
			}
		}
	}
}

func TestQueueDown(t *testing.T) {
	w := newWorld(Site{}, nil)
	w.fail = errors.New("disk full")
	for _, x := range []struct{ method, target, body string }{
		{"POST", "/v1/page", `{}`}, {"POST", "/v1/batch", `{"batch":[{"type":"page"},{"type":3}]}`}, {"GET", "/collect", ""}, {"GET", "/pixel/v1/page", ""},
	} {
		rec := w.do(x.method, x.target+"?page=/&key="+key+"&writeKey="+key, x.body, "Origin", "https://shop.example")
		if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || strings.Contains(rec.Body.String(), "disk full") {
			t.Errorf("%s: %d %v %s", x.target, rec.Code, rec.Header(), rec.Body)
		}
	}
	if len(w.refused) > 0 || w.counts["accepted "] > 0 {
		t.Errorf("set aside or counted although the client sends it again: %v %v", w.refused, w.counts)
	}
}

func TestTooManyWaiting(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	w := newWorld(Site{}, func(o *Options) {
		o.MaxWaiting = 1
		o.Publish = func(context.Context, ...event.Event) error { held <- struct{}{}; <-hold; return nil }
	})
	done := make(chan int)
	go func() { done <- w.post("/v1/page", `{}`).Code }()
	<-held
	if rec := w.post("/v1/page", `{}`); rec.Code != 429 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("second: %d %v", rec.Code, rec.Header())
	}
	close(hold)
	if code := <-done; code != 200 {
		t.Errorf("first: %d", code)
	}
}

// TestClientAddress: the address is what the trusted proxy's own header says;
// headers that the sender may have written count for nothing.
func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	const direct, proxied, xff, real = "203.0.113.9:1", "10.0.0.1:1", "X-Forwarded-For", "X-Real-IP"
	for _, x := range []struct {
		name, remote, set string // set is the header that the proxy sets
		headers           []string
		want, says        string
	}{
		{"direct", direct, "", nil, "203.0.113.9", "connection itself"},
		{"untrusted header", direct, "", []string{xff, "198.51.100.1"}, "203.0.113.9", "not among the trusted proxies"},
		{"rightmost untrusted", proxied, "", []string{xff, "6.6.6.6, 198.51.100.7, 10.2.2.2"}, "198.51.100.7", "because of header X-Forwarded-For"},
		{"all trusted", proxied, "", []string{xff, "10.3.3.3, 10.2.2.2"}, "10.3.3.3", "X-Forwarded-For"},
		{"garbage ends the walk", proxied, "", []string{xff, "6.6.6.6, unknown, 10.2.2.2"}, "10.2.2.2", "X-Forwarded-For"},
		{"garbage only", proxied, "", []string{xff, "unknown"}, "10.0.0.1", "it holds no address"},
		{"real ip", proxied, real, []string{real, "198.51.100.8"}, "198.51.100.8", "because of header X-Real-Ip"},
		{"real ip, and the sender's own list", proxied, real, []string{xff, "6.6.6.6", real, "198.51.100.8", "Forwarded", "for=6.6.6.6"}, "198.51.100.8", "Header X-Forwarded-For is not used: anybody may have written it"},
		{"real ip of the sender before the proxy's", proxied, real, []string{real, "6.6.6.6", real, "10.2.2.2"}, "10.2.2.2", "X-Real-Ip"},
		{"real ip missing", proxied, real, []string{xff, "6.6.6.6"}, "10.0.0.1", "connection itself"},
		{"a list, and the sender's own real ip", proxied, "", []string{real, "6.6.6.6", "Forwarded", "for=6.6.6.6"}, "10.0.0.1", "--proxy-header X-Real-Ip"},
		{"a header of a name of its own", proxied, "cf-connecting-ip", []string{xff, "6.6.6.6", "CF-Connecting-IP", "198.51.100.8"}, "198.51.100.8", "because of header Cf-Connecting-Ip"},
		{"forwarded", proxied, "forwarded", []string{"Forwarded", `for=6.6.6.6, for="[2001:db8::7]:4711";proto=https, for=10.1.1.1`}, "2001:db8::7", "Forwarded"},
		{"mapped", "[::ffff:203.0.113.9]:1", "", nil, "203.0.113.9", "connection"},
	} {
		w := newWorld(Site{}, func(o *Options) { o.TrustedProxies, o.ProxyHeader = trusted, x.set })
		r := httptest.NewRequest("POST", "/v1/page?writeKey="+key, strings.NewReader(`{}`))
		me := httptest.NewRequest("GET", "/debug/me", nil)
		for _, q := range []*http.Request{r, me} {
			q.RemoteAddr = x.remote
			for i := 0; i < len(x.headers); i += 2 {
				q.Header.Add(x.headers[i], x.headers[i+1])
			}
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(httptest.NewRecorder(), r)
		w.ServeHTTP(rec, me)
		if got := w.senders[0].IP.String(); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
		if s := rec.Body.String(); !strings.Contains(s, "I see you as "+x.want) || !strings.Contains(s, x.says) {
			t.Errorf("%s: /debug/me says %q", x.name, s)
		}
	}
}

func TestSnippet(t *testing.T) {
	for path, never := range map[string][]string{
		"/js/footfall.js":  {"document.cookie", "localStorage", ".cookie"},
		"/js/affiliate.js": {"cookie", "Storage", "eval", "innerHTML", "createElement"},
	} {
		w := newWorld(Site{}, nil)
		rec := w.do("GET", path, "", "Accept-Encoding", "gzip, br")
		z, err := gzip.NewReader(bytes.NewReader(rec.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if n := rec.Body.Len(); n > 1024 {
			t.Errorf("%s is %d bytes gzipped, the limit is 1,024", path, n)
		}
		plain, err := io.ReadAll(z)
		rec2 := w.do("GET", path, "")
		if err != nil || rec2.Body.String() != string(plain) || rec2.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: zipped and plain differ", path)
		}
		etag := rec.Header().Get("ETag")
		if rec := w.do("GET", path, "", "If-None-Match", etag); rec.Code != 304 || rec.Body.Len() > 0 {
			t.Errorf("%s with ETag: %d", path, rec.Code)
		}
		if !strings.Contains(rec.Header().Get("Cache-Control"), "max-age=") || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("%s: headers %v", path, rec.Header())
		}
		for _, word := range never {
			if strings.Contains(string(plain), word) {
				t.Errorf("%s uses %s", path, word)
			}
		}
	}
}

// TestRenamedSnippet: by a name of the site's own the snippet is the same but for
// where it sends to, which is answered as the usual routes are.
func TestRenamedSnippet(t *testing.T) {
	w := newWorld(Site{}, nil)
	usual := w.do("GET", "/js/footfall.js", "").Body.String()
	rec := w.do("GET", "/n/menu-2.js", "", "Accept-Encoding", "gzip")
	if n := rec.Body.Len(); n > 1050 {
		t.Errorf("it is %d bytes gzipped", n)
	}
	z, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := io.ReadAll(z); err != nil || strings.Count(string(own), "/n/menu-2/") != 1 || strings.Replace(string(own), "/n/menu-2/", "/v1/", 1) != usual {
		t.Errorf("%v, it is %s", err, own)
	}
	if first := renames.of("/n/menu-2/"); first != renames.of("/n/menu-2/") || first == renames.of("/n/menu-3/") {
		t.Error("the script is made anew for each that asks for it, or is that of another name")
	}
	for i := range 3 * maxRenamed {
		if renames.of(fmt.Sprintf("/n/x%d/", i)); len(renames.made) > maxRenamed {
			t.Fatalf("%d scripts are kept for names that somebody made up", len(renames.made))
		}
	}
	if again := w.do("GET", "/n/menu-2.js", "", "If-None-Match", rec.Header().Get("ETag")); again.Code != 304 {
		t.Errorf("with its ETag: %d", again.Code)
	}
	for path, kind := range map[string]event.Kind{"/n/menu-2/p": event.Page, "/n/menu-2/t": event.Track} {
		w.events = nil
		rec := w.do("POST", path, `{"writeKey":"`+key+`","event":"x"}`, "Origin", "https://shop.example")
		if rec.Code != 200 || len(w.events) != 1 || w.events[0].Kind != kind || rec.Header().Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: %d %s %+v", path, rec.Code, rec.Body, w.events)
		}
	}
	for _, path := range []string{"/n/", "/n/.js", "/n/menu", "/n/me'nu.js", "/n/menu/", "/n/menu/x", "/n/menu/p/p", "/n//p", "/n/" + strings.Repeat("a", 65) + ".js"} {
		if Handles(path) {
			t.Errorf("%s is answered", path)
		}
	}
}

// TestSnippetIsItsSource finds every text and pattern of the readable scripts in
// those that are served.
func TestSnippetIsItsSource(t *testing.T) {
	for file, x := range map[string]struct {
		served *script
		least  int
	}{"footfall.js": {snippet, 20}, "affiliate.js": {carriage, 10}} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(source), "*/")
		code = regexp.MustCompile(`//.*`).ReplaceAllString(strings.ReplaceAll(code, "'//", ""), "")
		literals := regexp.MustCompile(`'[^'\n]+'|/\\.\(.*?\)\$/i|/[[^][^/]+/`).FindAllString(code, -1)
		for _, literal := range literals {
			if !strings.Contains(string(x.served.text), literal) {
				t.Errorf("what is served of %s lacks %s", file, literal)
			}
		}
		if len(literals) < x.least {
			t.Errorf("only %d literals found in %s", len(literals), file)
		}
	}
}
