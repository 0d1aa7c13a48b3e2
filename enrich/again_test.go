package enrich

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// sent is traffic of a site as browsers, pixels and servers send it, by time.
func sent(seed uint64, n int) (events []event.Event, from []Sender) {
	r := rand.New(rand.NewPCG(seed, 44))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	clock := noon
	for i := range n {
		clock = clock.Add(time.Duration(r.IntN(600)) * time.Second)
		e := event.Event{ID: fmt.Sprint(i), Site: "shop", Kind: event.Page, Time: clock, Original: clock, Received: clock,
			Channel: pick("web", "web", "server", "pixel", "redirect", "import", "plain"), AnonymousID: pick("", "", "a1", "a2")}
		if r.IntN(6) == 0 {
			e.Kind, e.Name = event.Track, "Signed Up"
		}
		if r.IntN(8) == 0 {
			e.Campaign = event.Campaign{Source: pick("fb", "news"), Medium: pick("", "email", "cpc")}
		}
		s := Sender{IP: netip.AddrFrom4([4]byte{198, 51, 100, byte(r.IntN(9))}), URL: pick("", "https://shop.example/a?aff=ada", "https://Shop.example/b", "https://shop.example?utm_source=google&utm_medium=cpc", "/c?utm_source=chatgpt.com"),
			Referrer:  pick("", "-", "https://www.google.com/search?q=x", "https://bing.com/", "https://user@blog.example/p?x#y", "android-app://com.linkedin.android/", "about:blank", "https://www.shop.example/b", "http://semalt.com/"),
			UserAgent: pick("", "-", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.1", "thing (+https://thing.example)")}
		events, from = append(events, e), append(from, s)
	}
	return events, from
}

// ada is who every event with her code is owed to.
func ada(e *event.Event) string {
	if strings.Contains(e.Search, "aff=ada") {
		return "ada"
	}
	return ""
}

// What is done again with the same lists comes to what the door came to.
func TestAgainIsTheSame(t *testing.T) {
	for seed := range uint64(5) {
		x := New(Options{Affiliate: ada})
		events, from := sent(seed, 2000)
		classes, bots := map[string]int{}, map[string]int{}
		again := New(Options{Affiliate: ada}).Again()
		for i := range events {
			x.Enrich(&events[i], from[i])
			want := events[i]
			classes[want.Class]++
			bots[want.Bot]++
			if i < 1000 {
				again.Recall(&events[i])
				continue
			}
			if again.Enrich(&events[i]); events[i] != want {
				t.Fatalf("%+v\n%+v", events[i], want)
			}
		}
		if len(classes) < 9 || len(bots) < 5 {
			t.Errorf("classes %v and bots %v: the test tests little", classes, bots)
		}
	}
}

func TestAgain(t *testing.T) {
	page := func(change func(*event.Event)) event.Event {
		e := event.Event{Kind: event.Page, Host: "shop.example", Path: "/", Channel: "web", Class: "other", Source: "x"}
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		e    event.Event
		want Derived
	}{
		"a host that became known": {page(func(e *event.Event) { e.Referrer, e.Source = "https://www.bing.com/", "bing.com" }), Derived{Path: "/", Referrer: "https://www.bing.com/", Class: "search", Source: "Bing"}},
		"a host that is no spam":   {page(func(e *event.Event) { e.Referrer, e.Class = "https://blog.example/", "spam" }), Derived{Path: "/", Referrer: "https://blog.example/", Class: "other", Source: "blog.example"}},
		"a name that became known": {page(func(e *event.Event) { e.Campaign.Source = "fb" }), Derived{Path: "/", Class: "campaign", Source: "Facebook", Campaign: event.Campaign{Source: "fb"}}},
		"a campaign nobody read":   {page(func(e *event.Event) { e.Search = "utm_source=ig&utm_medium=social" }), Derived{Path: "/", Class: "social", Source: "Instagram", Campaign: event.Campaign{Source: "ig", Medium: "social"}}},
		"an invalid referrer":      {page(func(e *event.Event) { e.Class, e.Source = "invalid", "" }), Derived{Path: "/", Class: "invalid"}},
		"a host of the site":       {page(func(e *event.Event) { e.Referrer, e.Class = "https://pay.example/", "other" }), Derived{Path: "/", Referrer: "https://pay.example/", Class: "internal", Source: "pay.example"}},
		"a referrer kept too long": {page(func(e *event.Event) { e.Referrer = "https://a@blog.example/?mail=x" }), Derived{Path: "/", Referrer: "https://blog.example/", Class: "other", Source: "blog.example"}},
		"a code":                   {page(func(e *event.Event) { e.Search = "aff=ada" }), Derived{Path: "/", Class: "affiliate", Source: "ada"}},
		"a code that is none":      {page(func(e *event.Event) { e.Search, e.Class, e.Source = "aff=bob", "affiliate", "bob" }), Derived{Path: "/", Class: "direct"}},
		"a code of who is erased":  {page(func(e *event.Event) { e.Class, e.Source = "affiliate", "bob" }), Derived{Path: "/", Class: "affiliate", Source: "bob"}},
		"no path":                  {page(func(e *event.Event) { e.Path = "" }), Derived{Path: "/", Class: "direct"}},
		"a word that is no bot's":  {page(func(e *event.Event) { e.Bot = "ua: firefox" }), Derived{Path: "/", Class: "direct"}},
		"a word with another in it": {page(func(e *event.Event) { e.Bot = "ua: Superspider deluxe" }),
			Derived{Path: "/", Class: "direct", Bot: "ua: spider"}},
		"a link":                     {page(func(e *event.Event) { e.Bot = "ua: link" }), Derived{Path: "/", Class: "direct", Bot: "ua: link"}},
		"no agent, on a page":        {page(func(e *event.Event) { e.Bot = "no user agent" }), Derived{Path: "/", Class: "direct", Bot: "no user agent"}},
		"no agent, from a server":    {page(func(e *event.Event) { e.Bot, e.Channel = "no user agent", "server" }), Derived{Path: "/", Class: "direct"}},
		"a program by hand":          {page(func(e *event.Event) { e.Bot, e.Channel = "ua: curl", "plain" }), Derived{Path: "/", Class: "direct"}},
		"a label of somebody else's": {page(func(e *event.Event) { e.Bot = "the operator says so" }), Derived{Path: "/", Class: "direct", Bot: "the operator says so"}},
	} {
		x := New(Options{Affiliate: ada, Internal: func(_, host string) bool { return host == "pay.example" }})
		e := c.e
		if x.Again().Enrich(&e); DerivedOf(&e) != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", name, DerivedOf(&e), c.want)
		}
		once := e
		if x.Again().Enrich(&e); e != once {
			t.Errorf("%s: twice makes %+v", name, e)
		}
	}
	for _, word := range []string{"bot", "crawl", "spider", "slurp"} { // of an import with --bots words
		e := page(func(e *event.Event) { e.Bot = "ua: " + word })
		if New(Options{}).Again().Enrich(&e); e.Bot != "ua: "+word {
			t.Errorf("%s is %q", word, e.Bot)
		}
	}
}

// Sessions are those of a plain count: who comes after a gap begins another.
func TestAgainCutsSessions(t *testing.T) {
	var events []event.Event
	for i, minute := range []int{0, 29, 59, 90, 91, 150} { // 31 minutes lie between 59 and 90
		clock := noon.Add(time.Duration(minute) * time.Minute)
		events = append(events, event.Event{ID: fmt.Sprint(i), Kind: event.Page, Time: clock, Visitor: 7, Session: uint64(100 + i)},
			event.Event{ID: fmt.Sprint("n", i), Kind: event.Page, Time: clock, Session: 9})
	}
	a := New(Options{}).Again()
	a.Recall(&events[0])
	var got []int
	names := map[uint64]int{0: 0, 100: 1}
	for i := range events[2:] {
		e := &events[2+i]
		a.Enrich(e)
		if _, known := names[e.Session]; !known {
			names[e.Session] = len(names)
		}
		got = append(got, names[e.Session])
	}
	if want := []int{1, 0, 1, 0, 2, 0, 2, 0, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("sessions %v, want %v", got, want)
	}
}
