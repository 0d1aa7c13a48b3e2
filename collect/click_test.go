package collect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/enrich"
	"footfall/event"
)

// linkBook is a Links in memory.
type linkBook map[string]Link

func (b linkBook) Link(code string) (Link, bool) {
	l, ok := b[strings.ToUpper(code)]
	return l, ok
}

const landing = "https://shop.example/course?plan=pro&utm_source=old&cid=theirs#buy"

var testLink = Link{Code: "ANNA", Site: Site{ID: "s1", HonourDNT: true}, Landing: landing,
	Hosts: []string{"shop.example", "pay.example:8443"}}

func clickWorld(link Link, change func(*Options)) *world {
	return newWorld(Site{}, func(o *Options) {
		o.Links = linkBook{"ANNA": link}
		if change != nil {
			change(o)
		}
	})
}

// told is what a click's event tells.
type told struct {
	Code    string `json:"affiliate_code"`
	Click   string `json:"click_id"`
	Landing string `json:"landing_url"`
	Sub     string `json:"sub_id"`
	Source  string `json:"source"`
	Machine string `json:"machine"`
}

func (w *world) told(t *testing.T, i int) (x told) {
	t.Helper()
	if err := json.Unmarshal([]byte(w.events[i].Properties), &x); err != nil {
		t.Fatalf("properties %s: %v", w.events[i].Properties, err)
	}
	return x
}

func TestRule5RedirectCarriesClick(t *testing.T) {
	w := clickWorld(testLink, nil)
	rec := w.do("GET", "/r/anna?utm_source=news&utm_campaign=a%20b&sub=blog&src=email&x=1", "", "Referer", "https://blog.example/post")
	if rec.Code != 302 || len(w.events) != 1 {
		t.Fatalf("%d, %d events", rec.Code, len(w.events))
	}
	e, x := w.events[0], w.told(t, 0)
	if len(x.Click) != 26 || e.ID != x.Click || e.Kind != event.Track || e.Name != LinkClicked || e.Channel != "redirect" || e.Site != "s1" {
		t.Errorf("event %+v", e)
	}
	if want := (told{"ANNA", x.Click, landing, "blog", "email", ""}); x != want {
		t.Errorf("told %+v, want %+v", x, want)
	}
	want := "https://shop.example/course?cid=" + x.Click + "&ref=ANNA&plan=pro&utm_source=news&utm_campaign=a+b#buy"
	if got := rec.Header().Get("Location"); got != want {
		t.Errorf("leads to %s, want %s", got, want)
	}
	if e.Host != "shop.example" || e.Path != "/course" || !strings.Contains(e.Search, "cid="+x.Click) || w.senders[0].Referrer != "https://blog.example/post" {
		t.Errorf("it happened on %s%s?%s, from %+v", e.Host, e.Path, e.Search, w.senders[0])
	}
	if e.Context != "" {
		t.Errorf("context %s", e.Context)
	}
	if w.counts["accepted "] != 1 || w.counts["request 302"] != 1 {
		t.Errorf("counted %v", w.counts)
	}
}

func TestRule5ParametersOfTheLink(t *testing.T) {
	long := strings.Repeat("é", 70)
	for _, x := range []struct{ name, query, source, sub, landing string }{
		{"nothing", "", "link", "", "plan=pro"},
		{"qr", "src=qr&s=poster", "qr", "poster", "plan=pro"},
		{"unknown source", "src=coupon", "link", "", "plan=pro"},
		{"sub goes before s", "s=a&sub=b", "link", "b", "plan=pro"},
		{"a long sub is cut", "sub=" + url.QueryEscape(long), "link", long[:128], "plan=pro"},
		{"a sub with what is no text", "sub=a%00b%ffc%0a", "link", "abc", "plan=pro"},
		{"a campaign takes the place of the landing page's", "utm_source=x&utm_source=y", "link", "", "plan=pro&utm_source=x"},
		{"an advertisement's", "gclid=Cj0%2B1&fbclid=2&msclkid=3&GCLID=4", "link", "", "plan=pro&gclid=Cj0%2B1&msclkid=3"},
		{"an advertisement's, behind many", "utm_a=&utm_b=&utm_c=&utm_d=&utm_e=&utm_f=&utm_g=&utm_h=&utm_i=&gclid=1", "link", "", "plan=pro&utm_a=&utm_b=&utm_c=&utm_d=&utm_e=&utm_f=&utm_g=&utm_h=&gclid=1"},
		{"an advertisement's, all", "wbraid=1&gbraid=2&wbraid=3", "link", "", "plan=pro&wbraid=1&gbraid=2"},
		{"what is no campaign stays behind", "utm_<b>=1&ref=evil&cid=evil&plan=free", "link", "", "plan=pro"},
		{"a line break is no header", "utm_term=a%0d%0aX:y", "link", "", "plan=pro&utm_term=a%0D%0AX%3Ay"},
	} {
		w := clickWorld(Link{Code: "ANNA", Site: Site{ID: "s1"}, Landing: "https://shop.example/?plan=pro", Hosts: testLink.Hosts}, nil)
		rec := w.do("GET", "/r/anna?"+x.query, "")
		at, query, _ := strings.Cut(rec.Header().Get("Location"), "?")
		got := w.told(t, 0)
		rest, marked := strings.CutPrefix(query, "cid="+got.Click+"&ref=ANNA&")
		if at != "https://shop.example/" || !marked || rest != x.landing || got.Source != x.source || got.Sub != x.sub {
			t.Errorf("%s: leads to %s, told %+v", x.name, rec.Header().Get("Location"), got)
		}
	}
}

func TestRule6OnlyToAllowedHosts(t *testing.T) {
	const home = "https://shop.example/course"
	for to, want := range map[string]string{
		"https://shop.example/other?a=1":                    "https://shop.example/other",
		"http://SHOP.example:8080/":                         "http://shop.example:8080/",
		"https://pay.example:8443/x":                        "https://pay.example:8443/x",
		"https://pay.example/x":                             home,
		"https://evil.example/":                             home,
		"//evil.example/":                                   home,
		"//shop.example/":                                   home,
		"/other":                                            home,
		"javascript:alert(1)//shop.example":                 home,
		"javascript://shop.example/%0aalert(1)":             home,
		"data:text/html,shop.example":                       home,
		"ftp://shop.example/":                               home,
		"https://user@shop.example/":                        home,
		"https://shop.example@evil.example/":                home,
		"https://shop.example:pw@evil.example/":             home,
		`https://evil.example\@shop.example/`:               home,
		`https://shop.example\.evil.example/`:               home,
		`https://shop.example/\evil.example`:                home,
		`https:\\evil.example`:                              home,
		"https://shop.example%2eevil.example/":              home,
		"https://shop.example%5c.evil.example/":             home,
		"https://shop.example.evil.example/":                home,
		"https://evilshop.example/":                         home,
		"https://shop.example#@evil.example/":               "https://shop.example",
		"https://shop.example?@evil.example/":               "https://shop.example",
		"https:///evil.example":                             home,
		"https:evil.example":                                home,
		" https://evil.example/":                            home,
		"https://shop.example/\r\nSet-Cookie: a=b":          home,
		"https://shop.example/?q=\r\nSet-Cookie: a=b":       home,
		"https://shop.example/a b/é":                        "https://shop.example/a%20b/%C3%A9",
		"https://shop.example/" + strings.Repeat("x", 2048): home,
	} {
		w := clickWorld(testLink, nil)
		rec := w.do("GET", "/r/ANNA?to="+url.QueryEscape(to), "")
		got, err := url.Parse(rec.Header().Get("Location"))
		if err != nil || rec.Code != 302 {
			t.Fatalf("%q: %d %v", to, rec.Code, err)
		}
		if at, _, _ := strings.Cut(got.String(), "?"); at != want {
			t.Errorf("%q leads to %s, want %s", to, got, want)
		}
		if refused := rec.Header().Get("X-Footfall") != ""; refused != (want == home) {
			t.Errorf("%q: X-Footfall %q", to, rec.Header().Get("X-Footfall"))
		}
		if got.Query().Get("cid") != w.told(t, 0).Click || got.Query().Has("Set-Cookie") {
			t.Errorf("%q: query %v", to, got.Query())
		}
	}
	for _, astray := range []string{"https://evil.example/", "", "shop.example", "https://user:pw@shop.example/"} {
		w := clickWorld(Link{Code: "ANNA", Site: Site{ID: "s1"}, Landing: astray, Hosts: testLink.Hosts}, nil)
		if rec := w.do("GET", "/r/ANNA", ""); rec.Code != 404 || rec.Header().Get("Location") != "" || len(w.events) > 0 {
			t.Errorf("landing %q: %d to %q", astray, rec.Code, rec.Header().Get("Location"))
		}
	}
}

func TestRule6Answers(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		rec := clickWorld(testLink, nil).do(method, "/r/ANNA/", "")
		if h := rec.Header(); rec.Code != 302 || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "strict-origin-when-cross-origin" || len(h["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %v", method, rec.Code, h)
		}
	}
	for path, want := range map[string]int{"/r/NOBODY": 404, "/r/": 404, "/r/ANNA/more": 404, "/r/" + strings.Repeat("A", 300): 404, "/r/%2F%2Fevil.example": 404} {
		rec := clickWorld(testLink, nil).do("GET", path, "")
		if rec.Code != want || rec.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %q", path, rec.Code, rec.Header().Get("Location"))
		}
	}
	rec := clickWorld(testLink, nil).do("GET", "/r/NOBODY", "")
	if !strings.HasPrefix(rec.Body.String(), "There is no such link.") || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("an unknown code: %s", rec.Body)
	}
	if rec := newWorld(Site{}, nil).do("GET", "/r/ANNA", ""); rec.Code != 404 {
		t.Errorf("without links: %d", rec.Code)
	}
	if rec := clickWorld(testLink, nil).do("POST", "/r/ANNA", ""); rec.Code != 405 {
		t.Errorf("POST: %d", rec.Code)
	}
	if !Handles("/r/x") || !Handles("/r/x/qr.svg") || Handles("/r/") || Handles("/r/x/y") {
		t.Error("Handles is wrong")
	}
}

// TestRule6MachinesNeverCount: they are sent on, without a click id, and what is
// kept of them says why.
func TestRule6MachinesNeverCount(t *testing.T) {
	for _, x := range []struct {
		name, method, header, value string
		events                      int
		machine, mark               string
	}{
		{"person", "GET", "X-Other", "prefetch", 1, "", "cid"},
		{"head", "HEAD", "X-Other", "", 0, "", ""},
		{"Chrome", "GET", "Sec-Purpose", "prefetch;prerender", 1, "prefetch", "ref"},
		{"old Chrome", "GET", "Purpose", "prefetch", 1, "prefetch", "ref"},
		{"Safari", "GET", "X-Purpose", "preview", 1, "prefetch", "ref"},
		{"Firefox", "GET", "X-Moz", "Prefetch", 1, "prefetch", "ref"},
		{"Do Not Track", "GET", "DNT", "1", 0, "", ""},
		{"Global Privacy Control", "GET", "Sec-GPC", "1", 0, "", ""},
	} {
		w := clickWorld(testLink, nil)
		rec := w.do(x.method, "/r/ANNA", "", x.header, x.value)
		if rec.Code != 302 || len(w.events) != x.events {
			t.Fatalf("%s: %d, %d events", x.name, rec.Code, len(w.events))
		}
		query, machine := rec.Header().Get("Location"), ""
		if x.events > 0 {
			machine = w.told(t, 0).Machine
		}
		want := map[string]string{"": "?plan=pro&utm_source=old&cid=theirs#", "ref": "?ref=ANNA&plan=pro&utm_source=old&cid=theirs#", "cid": "?cid="}[x.mark]
		if machine != x.machine || !strings.Contains(query, want) || x.mark == "cid" && strings.Contains(query, "theirs") {
			t.Errorf("%s: machine %q, leads to %s", x.name, machine, query)
		}
	}
	w := clickWorld(Link{Code: "ANNA", Site: Site{ID: "s1"}, Landing: landing, Hosts: testLink.Hosts}, nil)
	if w.do("GET", "/r/ANNA", "", "DNT", "1"); len(w.events) != 1 {
		t.Error("a site that does not honour Do Not Track has no event")
	}
	real := enrich.New(enrich.Options{})
	for agent, bot := range map[string]string{"Mozilla/5.0 (compatible; Googlebot/2.1)": "ua: ", "": "no user agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": ""} {
		w := clickWorld(testLink, func(o *Options) { o.Enricher = real })
		w.do("GET", "/r/ANNA", "", "User-Agent", agent)
		if got := w.events[0].Bot; !strings.HasPrefix(got, bot) || bot == "" && got != "" {
			t.Errorf("%q is labelled %q", agent, got)
		}
	}
}

// TestClickForgetsAddress: a sub id, target or referrer that tells the visitor's
// address is not kept.
func TestClickForgetsAddress(t *testing.T) {
	const address = "192.0.2.1" // of httptest's requests
	w := clickWorld(testLink, func(o *Options) { o.Enricher = enrich.New(enrich.Options{}) })
	to := url.QueryEscape("https://shop.example/?visitor=" + address)
	w.do("GET", "/r/ANNA?sub="+address+"&utm_term="+address+"&to="+to, "", "Referer", "https://blog.example/?"+address, "User-Agent", "Mozilla/5.0 Firefox/140.0")
	if len(w.events) != 1 {
		t.Fatalf("%d events: %v", len(w.events), w.counts)
	}
	text, err := json.Marshal(w.events[0])
	if err != nil || strings.Contains(string(text), address) || strings.Contains(string(text), "Mozilla") {
		t.Errorf("kept %s %v", text, err)
	}
	if w.told(t, 0).Click == "" {
		t.Error("the click has lost its id")
	}
}

// TestSlowQueue: a visitor waits for a quarter of a second, no longer, and the
// click is finished afterwards.
func TestSlowQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var finished atomic.Int64
		w := clickWorld(testLink, func(o *Options) {
			o.Publish = func(ctx context.Context, _ ...event.Event) error {
				select {
				case <-time.After(2 * time.Second):
					finished.Add(1)
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "/r/ANNA", nil))
		cancel() // as net/http does when the answer is written
		if took := time.Since(began); took != 250*time.Millisecond || rec.Code != 302 || !strings.Contains(rec.Header().Get("Location"), "?cid=") {
			t.Errorf("%d after %v to %s", rec.Code, took, rec.Header().Get("Location"))
		}
		time.Sleep(3 * time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.counts["late click"] != 1 || w.counts["accepted "] != 1 || finished.Load() != 1 || w.waiting.Load() != 0 {
			t.Errorf("counted %v, %d finished, %d waiting", w.counts, finished.Load(), w.waiting.Load())
		}
	})
}

// TestLostClick: where the queue takes nothing, the visitor goes on, and the
// landing page's view tells of the code.
func TestLostClick(t *testing.T) {
	broken := clickWorld(testLink, nil)
	broken.fail = errors.New("disk full")
	crowded := clickWorld(testLink, func(o *Options) { o.MaxWaiting = 1 })
	crowded.waiting.Add(1)
	for reason, w := range map[string]*world{"queue": broken, "busy": crowded} {
		rec := w.do("GET", "/r/ANNA", "")
		if rec.Code != 302 || !strings.Contains(rec.Header().Get("Location"), "?ref=ANNA&") || w.counts["dropped "+reason] != 1 || w.counts["accepted "] != 0 {
			t.Errorf("%s: %d to %s, counted %v", reason, rec.Code, rec.Header().Get("Location"), w.counts)
		}
	}
}

// FuzzFollow: no query leads elsewhere, breaks a header or makes an event unfit
// to be kept.
func FuzzFollow(f *testing.F) {
	for _, s := range []string{"", "to=https://shop.example/", "to=https%3A%2F%2Fshop.example%5C@evil.example", "utm_source=a&utm_=%zz", "sub=%00&s=%ff", "src=qr&&=&cid", "to=https://shop.example/%3Fq=%C3%A9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		w := clickWorld(testLink, nil)
		r := httptest.NewRequest("GET", "/r/ANNA", nil)
		r.URL.RawQuery = query
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		at := rec.Header().Get("Location")
		u, err := url.Parse(at)
		if rec.Code != http.StatusFound || err != nil || u.Hostname() != "shop.example" && u.Host != "pay.example:8443" || u.User != nil || strings.ContainsFunc(at, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Fatalf("%q: %d to %q", query, rec.Code, at)
		}
		if len(w.events) != 1 || w.events[0].Check() != nil || len([]rune(w.told(t, 0).Sub)) > maxSub {
			t.Fatalf("%q: %+v", query, w.events)
		}
	})
}

// BenchmarkRedirect is a click with a queue that takes it at once.
func BenchmarkRedirect(b *testing.B) {
	c := New(oneSite{}, Options{Links: linkBook{"ANNA": testLink}, Enricher: enrich.New(enrich.Options{}),
		Publish: func(context.Context, ...event.Event) error { return nil }})
	r := httptest.NewRequest("GET", "/r/ANNA?sub=blog", nil)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	r.Header.Set("Referer", "https://blog.example/post")
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		if c.ServeHTTP(rec, r); rec.Code != 302 {
			b.Fatal(rec.Code)
		}
	}
}
