package enrich

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"footfall/event"
)

type onePlace struct{ ip netip.Addr }

func (c onePlace) Place(ip netip.Addr) event.Place {
	if ip == c.ip {
		return event.Place{Country: "NL", Region: "Utrecht (NL-UT)", City: "Zeist (NL-UT)"}
	}
	return event.Place{}
}

func TestEnrich(t *testing.T) {
	x := New(Options{Places: onePlace{alice.IP}})
	from := alice
	from.IP = netip.AddrFrom16(alice.IP.As16())
	from.URL, from.Referrer = "https://shop.example/sale?utm_source=news&utm_medium=email", ""
	from.Language, from.Screen = "nl-NL,nl;q=0.9", 1200
	e := at(x, noon, event.Event{ID: "1"}, from)
	if e.Country != "NL" || e.Device != "desktop" || e.Browser != "Firefox" || e.OS != "Linux" || e.Class != "email" || e.Source != "news" ||
		e.Host != "shop.example" || e.Path != "/sale" || e.Bot != "" || e.Visitor == 0 || e.Session == 0 {
		t.Errorf("%+v", e)
	}
	if want := (event.Labels{Region: "Utrecht (NL-UT)", City: "Zeist (NL-UT)", BrowserVersion: "Firefox 140", OSVersion: "Linux", Language: "nl-NL", Screen: "992 to 1439 px"}); e.Labels != want {
		t.Errorf("%+v", e.Labels)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	if again := at(x, noon, e, from); again != e {
		t.Errorf("enriched twice:\n%+v\n%+v", again, e)
	}
	if e = at(x, noon, event.Event{}, Sender{}); e.Country != "" || e.Device != "" || e.Labels != (event.Labels{}) {
		t.Errorf("country %q, device %q and %+v of nobody", e.Country, e.Device, e.Labels)
	}
}

// Steps rely on those before them; who moves one finds the reason in steps.go.
func TestOrder(t *testing.T) {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	if got := strings.Join(names, " "); got != "page bot visitor session place device language screen affiliate campaign referrer" {
		t.Errorf("the steps are %s", got)
	}
}

// No field holds the address or the user agent, nor a piece of the latter's
// memory: a label that points into it would keep all of it.
func TestSenderIsForgotten(t *testing.T) {
	x := New(Options{})
	agents := []string{"SecretBrowser", "Mozilla/5.0 (X11; Secret) SecretApp/1.2", "secretbot/1.0", "MyLongSecretAgentName https://secret.example",
		"Mozilla/5.0 (Windows NT 2030000; Secret) Chrome/20300.0 Firefox/2030000 Secret/203", "Mozilla/5.0 (Linux; Android 203001) Version/203203 Safari/203"}
	for i, ua := range agents {
		ua = strings.Clone(ua)
		from := Sender{IP: netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), UserAgent: ua, Host: "host203.example.net", URL: "https://shop.example/x",
			Language: strings.Clone("de-DE,secret;q=0.203"), Screen: 203}
		e := at(x, noon, event.Event{ID: "1"}, from)
		e.Visitor, e.Session = 0, 0 // random digits
		b, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.ToLower(string(b)); strings.Contains(s, "secret") || strings.Contains(s, "203") {
			t.Errorf("the sender is in the event: %s", b)
		}
		for _, label := range []string{e.Bot, e.Browser, e.OS, e.Device, e.BrowserVersion, e.OSVersion, e.Language} {
			if liesIn(label, ua) || liesIn(label, from.Language) {
				t.Errorf("label %q lies in the memory of what was sent", label)
			}
		}
	}
}

// liesIn reports whether a label is a part of a text's memory.
func liesIn(label, text string) bool {
	at, from := uintptr(unsafe.Pointer(unsafe.StringData(label))), uintptr(unsafe.Pointer(unsafe.StringData(text)))
	return label != "" && at >= from && at < from+uintptr(len(text))
}

func TestTablesAreBounded(t *testing.T) {
	const most = 1 << 10
	table := newTable[int](most)
	for i := range 50 * most {
		table.put(hashOf(fmt.Sprint(i)), i)
		table.get(hashOf("kept alive"))
		if i == 0 {
			table.put(hashOf("kept alive"), -1)
		}
	}
	n := 0
	for i := range table.shards {
		n += len(table.shards[i].young) + len(table.shards[i].old)
	}
	if n > most || n < most/2 {
		t.Errorf("%d entries, want at most %d", n, most)
	}
	if v, ok := table.get(hashOf("kept alive")); !ok || v != -1 {
		t.Error("an entry in use was dropped")
	}
	if _, ok := table.get(hashOf("1")); ok {
		t.Error("an entry long not used is still there")
	}
}

func TestConcurrentUse(t *testing.T) {
	x := New(Options{Places: onePlace{alice.IP}})
	want := at(x, noon, event.Event{}, alice)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				from := alice
				from.Referrer = fmt.Sprintf("https://host%d.example/", (g*i)%500)
				e := at(x, noon, event.Event{Host: "shop.example"}, from)
				if e.Visitor != want.Visitor || e.Session != want.Session || e.Class != "other" {
					t.Errorf("%+v", e)
					return
				}
				from.UserAgent = fmt.Sprintf("agent %d", i%100)
				at(x, noon, event.Event{}, from)
			}
		})
	}
	wg.Wait()
}

func TestWords(t *testing.T) {
	w := newWords(readWords("*bot$\ngooglebot/\n^curl\nsilk\n*://\n-cubot\nhe\nshe\nhers\n*ab\n*abcd\n"))
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"nothing", ""},
		{"my Bot", "bot"}, {"bottle", ""}, {"mybot2", "bot"}, {"CUBOT x", ""}, {"cubot bot", "bot"},
		{"x GoogleBot/2", "googlebot/"}, {"xgooglebot/2", "bot"},
		{"curl/8", "curl"}, {"x curl/8", ""}, {"a silk", "silk"}, {"asilk", ""}, {"+http://", "://"},
		{"ushers", ""}, {"shers", "she"}, {"u hers", "hers"}, {"xabc", "ab"}, {"xabcd", "abcd"}, {"héabé", "ab"},
	} {
		if got := w.find(c.text); got != c.want {
			t.Errorf("%q: found %q, want %q", c.text, got, c.want)
		}
	}
	if got := newWords(readWords("abcd\nbcx\n*c")).find("abc"); got != "c" {
		t.Errorf("abc: found %q, want c, by way of bc that is no word", got)
	}
	if got := newWords(nil).find("anything"); got != "" {
		t.Errorf("no words, found %q", got)
	}
}

// 1,000 people with 50 browsers, all met before.
func BenchmarkEnrichWarm(b *testing.B) {
	x := New(Options{Places: onePlace{}})
	senders := make([]Sender, 1000)
	for i := range senders {
		senders[i] = Sender{
			IP: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), UserAgent: fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", 90+i%50),
			Language: "de-AT,de;q=0.9,en;q=0.8", Screen: 390 + i%3*600,
			URL: "https://shop.example/products/shoes?utm_source=news&utm_medium=email&utm_campaign=may&color=red", Referrer: fmt.Sprintf("https://host%d.example/path/of/page?q=1", i%200),
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			e := event.Event{Site: "s1", Kind: event.Page, Channel: "web", Title: "Shoes", Time: noon, Original: noon, Received: noon}
			x.Enrich(&e, senders[i%len(senders)])
		}
	})
}

// Every user agent and every host is new.
func BenchmarkEnrichCold(b *testing.B) {
	x := New(Options{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := event.Event{Site: "s1", Kind: event.Page, Channel: "web", Time: noon, Original: noon, Received: noon}
		x.Enrich(&e, Sender{IP: alice.IP, UserAgent: fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", i),
			Referrer: fmt.Sprintf("https://host%d.example/", i)})
	}
}

func BenchmarkFindWord(b *testing.B) {
	w := knownBots()
	for b.Loop() {
		w.find(alice.UserAgent)
	}
}

func BenchmarkNewWords(b *testing.B) {
	for b.Loop() {
		newWords(readWords(botList))
	}
}

// TestAffiliate: whose link led to a page is its source, whatever else the page's
// address says; without one nothing changes.
func TestAffiliate(t *testing.T) {
	x := New(Options{Affiliate: func(e *event.Event) string { return map[string]string{"ref=anna&utm_source=news": "ANNA"}[e.Search] }})
	for search, want := range map[string]string{"ref=anna&utm_source=news": "affiliate ANNA news", "ref=ben&utm_source=news": "campaign news news"} {
		e := event.Event{Kind: event.Page, ID: "m"}
		x.Enrich(&e, Sender{URL: "https://one.example/?" + search, Referrer: "https://www.google.com/"})
		if got := e.Class + " " + e.Source + " " + e.Campaign.Source; !strings.EqualFold(got, want) {
			t.Errorf("%s: %s, want %s", search, got, want)
		}
	}
}
