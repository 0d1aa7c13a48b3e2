package clienttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"footfall/affiliate"
	"footfall/collect"
	"footfall/enrich"
	"footfall/event"
	"footfall/ledger"
)

// linked is the collector with one affiliate's link, and what it keeps.
type linked struct {
	landing string
	mu      sync.Mutex
	kept    []event.Event
}

func (l *linked) ByKey(key string) (collect.Site, bool) {
	return collect.Site{ID: "s1", Key: "k1", HonourDNT: true}, key == "k1"
}

func (l *linked) ByHost(string) (collect.Site, bool) { return collect.Site{}, false }

func (l *linked) Link(code string) (collect.Link, bool) {
	return collect.Link{Code: "ANNA", Site: collect.Site{ID: "s1", HonourDNT: true}, Landing: l.landing, Hosts: []string{"localhost"}}, code == "ANNA"
}

func (l *linked) publish(_ context.Context, events ...event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, events...)
	return nil
}

// pages serves pages that load both scripts, under a policy that allows these
// and nothing inline.
func pages(t *testing.T, collector, hosts string, bodies map[string]string) (port string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; img-src data:; script-src %[1]s; connect-src %[1]s", collector))
		fmt.Fprintf(w, `<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<script defer data-site="k1" src="%[1]s/js/footfall.js"></script>
<script defer data-hosts="%[2]s" src="%[1]s/js/affiliate.js"></script>%[3]s`, collector, hosts, bodies[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// seenPage is what a page had.
type seenPage struct {
	URL, Field, Late, Same, Link string
	Told                         struct{ CID, Code string }
	Storage                      int
}

// TestRule5Carriage: a click goes from the redirect to the order on another host
// without a cookie, and so does a landing by code alone; who objects leaves
// nothing.
func TestRule5Carriage(t *testing.T) {
	needChromium(t)
	t.Parallel()
	l := &linked{}
	server := httptest.NewServer(collect.New(l, collect.Options{Links: l, Publish: l.publish, Enricher: enrich.New(enrich.Options{})}))
	t.Cleanup(server.Close)
	const field = `<form><input type="hidden" name="affiliate_cid"></form>`
	checkout := "http://127.0.0.1:" + pages(t, server.URL, "", map[string]string{"/checkout": field + `<a id="next" href="/thanks">pay</a>`})
	shop := "http://localhost:" + pages(t, server.URL, "pay.example, 127.0.0.1", map[string]string{
		"/course": field + `<a id="other" href="` + checkout + `/checkout?item=1#pay">buy</a><a id="same" href="/about">about</a>`})
	l.landing = shop + "/course?plan=pro"

	var ran struct {
		Landing, Checkout, Thanks, ByCode, Objecting seenPage
		Cookies, Console, External                   []json.RawMessage
		Local                                        int
	}
	launch(t, "affiliate.mjs", server.URL, shop, checkout).finish(t, &ran)
	if len(ran.Cookies)+len(ran.Console)+len(ran.External)+ran.Local > 0 {
		t.Errorf("cookies %s, console %s, other hosts %s, %d in local storage", ran.Cookies, ran.Console, ran.External, ran.Local)
	}
	u, err := url.Parse(ran.Landing.URL)
	if err != nil {
		t.Fatal(err)
	}
	cid := u.Query().Get("cid")
	if want := shop + "/course?cid=" + cid + "&ref=ANNA&plan=pro"; ran.Landing.URL != want || len(cid) != 26 {
		t.Errorf("the link leads to %s, want %s", ran.Landing.URL, want)
	}
	checkCarried(t, "by link", ran.Landing, cid, checkout, shop)
	made := ran.ByCode.Told.CID
	if len(made) != 26 || made == cid || ran.ByCode.Told.Code != "anna" {
		t.Errorf("by code: %+v", ran.ByCode)
	}
	checkCarried(t, "by code", ran.ByCode, made, checkout, shop)
	for name, p := range map[string]seenPage{"checkout": ran.Checkout, "thanks": ran.Thanks} {
		if p.Told.CID != cid || name == "checkout" && p.Field != cid {
			t.Errorf("the %s page has %+v, want click %s", name, p, cid)
		}
	}
	if strings.Contains(ran.Thanks.URL, "cid") {
		t.Errorf("the order was made on %s: only storage should know the click there", ran.Thanks.URL)
	}
	if ran.Objecting.Storage > 0 || ran.Objecting.Told.CID != "" {
		t.Errorf("a visitor who objects has %+v", ran.Objecting)
	}
	l.checkEvents(t, cid, made)
}

// checkCarried: the landing page hands a click on.
func checkCarried(t *testing.T, name string, p seenPage, cid, checkout, shop string) {
	t.Helper()
	if want := checkout + "/checkout?item=1&cid=" + cid + "#pay"; p.Link != want {
		t.Errorf("%s: the link is %s, want %s", name, p.Link, want)
	}
	if p.Same != shop+"/about" || p.Field != cid || p.Late != cid {
		t.Errorf("%s: other link %s, field %s, field added later %s", name, p.Same, p.Field, p.Late)
	}
}

// checkEvents: what was kept leads from the order to the touch.
func (l *linked) checkEvents(t *testing.T, cid, made string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	program := ledger.Program{ID: "p1", Params: []string{"ref"}}
	var touches, ordered []string
	seen := map[string]bool{} // the click and the page that it led to tell of one touch
	for i := range l.kept {
		e := &l.kept[i]
		touch, ok := affiliate.TouchOf(e, program, func(text string) (ledger.Code, bool) {
			return ledger.Code{ID: affiliate.Canonical(text), Affiliate: "a1"}, affiliate.Canonical(text) == "ANNA"
		})
		if ok && !seen[touch.ID] {
			seen[touch.ID] = true
			for _, click := range []string{cid, made} {
				if slices.Contains(touch.Keys, ledger.Key("click:"+click)) && touch.Machine == "" && touch.Landing != "" {
					touches = append(touches, click)
				}
			}
		}
		if e.Name == "Order Completed" && slices.Contains(affiliate.KeysOf(e), ledger.Key("click:"+cid)) {
			ordered = append(ordered, e.ID)
		}
	}
	if want := []string{cid, made}; !slices.Equal(touches, want) || len(ordered) != 1 {
		t.Errorf("touches of %v, want %v; orders with the click %v", touches, want, ordered)
	}
}
