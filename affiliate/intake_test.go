package affiliate

import (
	"context"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"footfall/collect"
	"footfall/enrich"
	"footfall/event"
	"footfall/ledger"
)

const (
	cid1 = "01K0ABCDEFGHJKMNPQRSTVWXYZ" // of a redirect
	cid2 = "1795298400000k3j9x0q2m5b7w" // of the snippet
)

var intakeTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var intakeProgram = ledger.Program{ID: "p1", Params: []string{"ref", "via"}}

// knows finds the codes ANNA and BERT, in any case.
func knows(text string) (ledger.Code, bool) {
	id := Canonical(text)
	return ledger.Code{ID: id, Affiliate: "a-" + strings.ToLower(id), Program: "p1"}, id == "ANNA" || id == "BERT"
}

func pageView(search string) event.Event {
	return event.Event{ID: "m1", Site: "s1", Kind: event.Page, Time: intakeTime, Host: "shop.example", Path: "/course", Search: search, Visitor: 0xabc}
}

func TestRule2KeysOf(t *testing.T) {
	for _, x := range []struct {
		name string
		e    event.Event
		want []ledger.Key
	}{
		{"nothing", event.Event{}, nil},
		{"visitor of the day", event.Event{Visitor: 0xabc}, []ledger.Key{"visitor:0000000000000abc"}},
		{"an anonymous id goes before it", event.Event{Visitor: 1, AnonymousID: "a1"}, []ledger.Key{"anon:a1"}},
		{"user", event.Event{AnonymousID: "a1", UserID: "u1"}, []ledger.Key{"anon:a1", "user:u1"}},
		{"context", event.Event{Context: `{"locale":"de","affiliate":{"code":"ANNA","cid":"` + cid1 + `"}}`}, []ledger.Key{"click:" + cid1}},
		{"property", event.Event{Properties: `{"order_id":1,"affiliate_cid":"` + cid1 + `"}`}, []ledger.Key{"click:" + cid1}},
		{"address", event.Event{Search: "a=1&cid=" + cid1}, []ledger.Key{"click:" + cid1}},
		{"both are one", event.Event{Search: "cid=" + cid1, Context: `{"affiliate":{"cid":"` + cid1 + `"}}`}, []ledger.Key{"click:" + cid1}},
		{"two clicks", event.Event{Search: "cid=" + cid1, Context: `{"affiliate":{"cid":"` + cid2 + `"}}`}, []ledger.Key{"click:" + cid2, "click:" + cid1}},
		{"somebody else's cid", event.Event{Search: "cid=summer-campaign", Context: `{"affiliate":{"cid":"17"}}`}, nil},
		{"other types", event.Event{Context: `{"affiliate":"Anna"}`, Properties: `{"affiliate_cid":7}`}, nil},
		{"a wrong type beside it", event.Event{Context: `{"affiliate":{"code":7,"cid":"` + cid1 + `"}}`}, []ledger.Key{"click:" + cid1}},
		{"broken", event.Event{Context: `{"affiliate":{"cid":"` + cid1}, nil},
	} {
		if got := KeysOf(&x.e); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

func TestRule2LinksOf(t *testing.T) {
	withCID := `{"affiliate":{"cid":"` + cid1 + `"}}`
	for _, x := range []struct {
		name string
		e    event.Event
		want [][2]ledger.Key
	}{
		{"page view", event.Event{Kind: event.Page, AnonymousID: "a1", Search: "cid=" + cid1}, [][2]ledger.Key{{"click:" + cid1, "anon:a1"}}},
		{"by context", event.Event{Kind: event.Screen, AnonymousID: "a1", Context: withCID}, [][2]ledger.Key{{"click:" + cid1, "anon:a1"}}},
		{"a visitor of the day is no person", event.Event{Kind: event.Page, Visitor: 1, Context: withCID}, nil},
		{"without a click", event.Event{Kind: event.Page, AnonymousID: "a1"}, nil},
		{"identify", event.Event{Kind: event.Identify, AnonymousID: "a1", UserID: "u1"}, [][2]ledger.Key{{"anon:a1", "user:u1"}}},
		{"identify with a click", event.Event{Kind: event.Identify, AnonymousID: "a1", UserID: "u1", Context: withCID},
			[][2]ledger.Key{{"click:" + cid1, "anon:a1"}, {"click:" + cid1, "user:u1"}}},
		{"alias", event.Event{Kind: event.Alias, PreviousID: "x", UserID: "u1"}, [][2]ledger.Key{{"user:u1", "anon:x"}, {"user:u1", "user:x"}}},
		{"alias of itself", event.Event{Kind: event.Alias, PreviousID: "u1", UserID: "u1"}, nil},
		{"alias of its own anonymous id", event.Event{Kind: event.Alias, AnonymousID: "a1", PreviousID: "a1", UserID: "u1"},
			[][2]ledger.Key{{"anon:a1", "user:u1"}, {"anon:a1", "user:a1"}}},
		{"track", event.Event{Kind: event.Track, AnonymousID: "a1", UserID: "u1", Context: withCID}, nil},
		{"bot", event.Event{Kind: event.Page, AnonymousID: "a1", Search: "cid=" + cid1, Bot: "ua: bot"}, nil},
	} {
		var want []ledger.Link
		x.e.Time = intakeTime
		for _, pair := range x.want {
			want = append(want, ledger.Link{Program: "p1", A: pair[0], B: pair[1], Since: intakeTime})
		}
		if got := LinksOf(&x.e, "p1"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", x.name, got, want)
		}
	}
}

func TestRule5TouchOfLanding(t *testing.T) {
	for _, x := range []struct {
		name, search string
		code, sub    string
		source       ledger.Source
	}{
		{"code", "ref=anna", "ANNA", "", "link"},
		{"escaped", "x=1&ref=%41n-na.", "ANNA", "", "link"},
		{"second parameter", "via=Bert&sub=blog", "BERT", "blog", "link"},
		{"an unknown one does not hide a known one", "ref=nobody&via=bert", "BERT", "", "link"},
		{"the programme's order", "via=bert&ref=anna", "ANNA", "", "link"},
		{"an empty one does not hide a full one", "ref=&ref=anna", "ANNA", "", "link"},
		{"not the programme's parameter", "aff=anna", "", "", ""},
		{"part of a name", "xref=anna&ref2=anna", "", "", ""},
		{"unknown", "ref=nobody", "", "", ""},
		{"a click's, which may be lost", "ref=anna&cid=" + cid1, "ANNA", "", "link"},
		{"somebody else's cid does not", "ref=anna&cid=summer", "ANNA", "", "link"},
		{"subid", "ref=anna&s=c&subid=b", "ANNA", "b", "link"},
		{"s", "ref=anna&s=" + strings.Repeat("%C3%A9", 70), "ANNA", strings.Repeat("é", 64), "link"},
		{"sub without text", "ref=anna&sub=%00%0A", "ANNA", "", "link"},
		{"printed", "ref=anna&src=qr", "ANNA", "", "qr"},
		{"an escape that is none", "ref=anna&sub=50%", "ANNA", "50%", "link"},
	} {
		e := pageView(x.search)
		got, ok := TouchOf(&e, intakeProgram, knows)
		if ok != (x.code != "") || got.Code != x.code || got.Sub != x.sub || got.Source != x.source {
			t.Errorf("%s: %v %+v", x.name, ok, got)
		}
		if ok && !carries(&e, intakeProgram) {
			t.Errorf("%s: a touch is overlooked", x.name)
		}
	}
	e := pageView("ref=anna")
	e.Context, e.Bot = `{"affiliate":{"cid":"`+cid2+`","code":"anna"}}`, "ua: bot"
	got, _ := TouchOf(&e, intakeProgram, knows)
	want := ledger.Touch{ID: got.ID, Program: "p1", Affiliate: "a-anna", Code: "ANNA", Site: "s1", Time: intakeTime, Source: ledger.FromLink,
		Keys: []ledger.Key{ledger.Key("click:" + got.ID), "click:" + cid2, "visitor:0000000000000abc"}, Landing: "shop.example/course", Machine: "ua: bot"}
	if !reflect.DeepEqual(got, want) || !strings.HasPrefix(got.ID, "pv-") {
		t.Errorf("%+v, want %+v", got, want)
	}
	ids := map[string]bool{got.ID: true}
	for _, other := range []event.Event{{ID: "m2", Site: "s1"}, {ID: "m1", Site: "s2"}, {ID: "1m1", Site: "s"}} {
		e := pageView("ref=anna")
		e.ID, e.Site = other.ID, other.Site
		first, _ := TouchOf(&e, intakeProgram, knows)
		again, _ := TouchOf(&e, intakeProgram, knows)
		if first.ID != again.ID || ids[first.ID] {
			t.Errorf("event %s of %s: ids %s and %s", e.ID, e.Site, first.ID, again.ID)
		}
		ids[first.ID] = true
	}
	e.Kind = event.Track
	if _, ok := TouchOf(&e, intakeProgram, knows); ok {
		t.Error("any event of a page is a touch")
	}
}

func TestRule6TouchOfClick(t *testing.T) {
	good := `{"affiliate_code":"Anna","click_id":"` + cid1 + `","landing_url":"https://Shop.example/a%20b?x=1#y","sub_id":"blog","source":"qr"}`
	for _, x := range []struct{ name, properties, bot, machine, landing string }{
		{"person", good, "", "", "shop.example/a%20b"},
		{"bot", good, "ua: bot", "ua: bot", "shop.example/a%20b"},
		{"prefetch", strings.Replace(good, "{", `{"machine":"prefetch",`, 1), "", "prefetch", "shop.example/a%20b"},
		{"no landing", strings.Replace(good, "landing_url", "other", 1), "", "", "shop.example/course"},
	} {
		e := pageView("")
		e.Kind, e.Name, e.Properties, e.Bot = event.Track, "Affiliate Link Clicked", x.properties, x.bot
		got, ok := TouchOf(&e, intakeProgram, knows)
		want := ledger.Touch{ID: cid1, Program: "p1", Affiliate: "a-anna", Code: "ANNA", Site: "s1", Time: intakeTime, Source: ledger.FromQR, Sub: "blog",
			Keys: []ledger.Key{"click:" + cid1, "visitor:0000000000000abc"}, Landing: x.landing, Machine: x.machine}
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %+v, want %+v", x.name, ok, got, want)
		}
	}
	for _, bad := range []string{"", "{}", `{"click_id":"` + cid1 + `"}`, `{"affiliate_code":"anna"}`, `{"affiliate_code":"anna","click_id":"short"}`,
		`{"affiliate_code":"nobody","click_id":"` + cid1 + `"}`, `{"affiliate_code":["anna"],"click_id":"` + cid1 + `"}`} {
		e := event.Event{Kind: event.Track, Name: "Affiliate Link Clicked", Properties: bad}
		if got, ok := TouchOf(&e, intakeProgram, knows); ok || !reflect.DeepEqual(got, ledger.Touch{}) {
			t.Errorf("%s is a touch: %+v", bad, got)
		}
	}
}

// door is the real collector, with a link of ANNA's, and what it keeps.
type door struct {
	*collect.Collector
	kept []event.Event
}

func (d *door) ByKey(key string) (collect.Site, bool) {
	return collect.Site{ID: "s1", Key: "k1"}, key == "k1"
}
func (d *door) ByHost(string) (collect.Site, bool) { return collect.Site{}, false }
func (d *door) Link(code string) (collect.Link, bool) {
	return collect.Link{Code: "ANNA", Site: collect.Site{ID: "s1"}, Landing: "https://shop.example/course?plan=pro", Hosts: []string{"shop.example"}}, code == "ANNA"
}

func newDoor() *door {
	d := &door{}
	d.Collector = collect.New(d, collect.Options{Links: d, Enricher: enrich.New(enrich.Options{}), Now: func() time.Time { return intakeTime },
		Publish: func(_ context.Context, events ...event.Event) error { d.kept = append(d.kept, events...); return nil }})
	return d
}

func (d *door) do(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// TestRule5ThroughTheCollector: a click and a landing by code keep through
// decoding, privacy and enrichment what makes them touches, and a later order
// has a key of each.
func TestRule5ThroughTheCollector(t *testing.T) {
	d := newDoor()
	at, err := url.Parse(d.do("GET", "/r/ANNA?sub=blog&src=email", "").Header().Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	cid := at.Query().Get("cid")
	for _, body := range []string{
		`{"type":"page","writeKey":"k1","messageId":"m1","context":{"page":{"url":"` + at.String() + `"},"affiliate":{"cid":"` + cid + `"}}}`,
		`{"type":"track","event":"Order Completed","writeKey":"k1","messageId":"m2","properties":{"order_id":"1"},"context":{"page":{"url":"https://shop.example/thanks"},"affiliate":{"cid":"` + cid + `"}}}`,
		`{"type":"page","writeKey":"k1","messageId":"m3","anonymousId":"a1","context":{"page":{"url":"https://shop.example/course?ref=an%2Dna&sub=x"},"affiliate":{"code":"an-na","cid":"` + cid2 + `"}}}`,
	} {
		if w := d.do("POST", "/v1/batch", `{"writeKey":"k1","batch":[`+body+`]}`); w.Code != 200 || strings.Contains(w.Body.String(), "rejected") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(d.kept) != 4 {
		t.Fatalf("%d events kept", len(d.kept))
	}
	click, ok := TouchOf(&d.kept[0], intakeProgram, knows)
	if !ok || click.ID != cid || click.Sub != "blog" || click.Source != ledger.FromEmail || click.Landing != "shop.example/course" || click.Machine != "" || len(click.Keys) != 2 {
		t.Errorf("click: %v %+v", ok, click)
	}
	if same, ok := TouchOf(&d.kept[1], intakeProgram, knows); !ok || same.ID != click.ID || same.Code != click.Code {
		t.Errorf("the landing page of a click is another touch: %+v", same)
	}
	// One visitor, so that of clicks within the hour one is counted.
	if page := KeysOf(&d.kept[1]); !slices.Equal(page, click.Keys) {
		t.Errorf("the landing page is of %v, the click of %v", page, click.Keys)
	}
	if order := KeysOf(&d.kept[2]); !slices.Contains(order, ledger.Key("click:"+cid)) || !carries(&d.kept[2], intakeProgram) {
		t.Errorf("the order is of %v", order)
	}
	landing, ok := TouchOf(&d.kept[3], intakeProgram, knows)
	if want := []ledger.Key{ledger.Key("click:" + landing.ID), "click:" + cid2, "anon:a1"}; !ok || landing.Code != "ANNA" || landing.Sub != "x" || !slices.Equal(landing.Keys, want) {
		t.Errorf("landing: %v %+v", ok, landing)
	}
}

// FuzzParameter: whatever a query holds, reading it agrees with the standard
// library's where that can read it.
func FuzzParameter(f *testing.F) {
	for _, s := range []string{"", "ref=anna", "ref=&ref=b", "xref=1&ref=%zz", "ref=%ff", "ref=+a+&cid=" + cid1, "=&&ref", "ref=a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := parameter(query, "ref")
		if !utf8.ValidString(got) || got != strings.TrimSpace(got) {
			t.Fatalf("%q: %q", query, got)
		}
		if values, err := url.ParseQuery(query); err == nil && !strings.Contains(query, "%") {
			want := ""
			for _, v := range values["ref"] {
				if want == "" {
					want = strings.TrimSpace(strings.ToValidUTF8(v, ""))
				}
			}
			if got != want {
				t.Fatalf("%q: %q, want %q", query, got, want)
			}
		}
		e := pageView(query)
		touch, ok := TouchOf(&e, intakeProgram, knows)
		if again, _ := TouchOf(&e, intakeProgram, knows); !reflect.DeepEqual(touch, again) || ok && len([]rune(touch.Sub)) > maxSub {
			t.Fatalf("%q: %+v, then %+v", query, touch, again)
		}
	})
}
