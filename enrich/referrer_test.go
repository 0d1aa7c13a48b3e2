package enrich

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"footfall/event"
)

func referred(x *Enricher, e event.Event, referrer string) event.Event {
	if e.Kind == "" {
		e.Kind = event.Page
	}
	x.Enrich(&e, Sender{Referrer: referrer})
	return e
}

// The rules of a human page view are those of the data set's truth.py.
var (
	logLine  = regexp.MustCompile(`^\S+ \S+ \S+ \[[^\]]*\] "((?:[^"\\]|\\.)*)" (\d{3}) (?:\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" *$`)
	protocol = regexp.MustCompile(` HTTP/\d\.\d$`)
	botWords = regexp.MustCompile(`(?i)bot|crawl|spider|slurp`)
	pageExt  = regexp.MustCompile(`(?i)^[^.]*$|\.(|html?|shtml|php|aspx?|jsp|cgi|pl)$`)
)

// humanReferrer is the referrer of a line that is a human page view.
func humanReferrer(line string) (string, bool) {
	m := logLine.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	target, get := strings.CutPrefix(protocol.ReplaceAllString(m[1], ""), "GET ")
	l := parseURL(target)
	file := l.path[strings.LastIndexByte(l.path, '/')+1:]
	good := m[2][0] == '2' || m[2] == "304"
	return m[3], get && good && pageExt.MatchString(file) && !botWords.MatchString(m[4])
}

// Every figure of truth.json about classes, hosts and names of the 559 real
// external referrals. (Search terms are not kept by design.)
func TestReferrerTruth(t *testing.T) {
	var truth struct {
		External int                 `json:"external_referrals"`
		Classes  map[string]int      `json:"classes"`
		Hosts    map[string][][2]any `json:"hosts_by_class"`
		Search   [][2]any            `json:"search_engines"`
		Social   [][2]any            `json:"social_networks"`
	}
	b, err := os.ReadFile(filepath.Join(reference(t, "referrer-reference"), "truth.json"))
	if err == nil {
		err = json.Unmarshal(b, &truth)
	}
	if err != nil {
		t.Fatal(err)
	}
	x := New(Options{})
	external, classes := 0, map[string]int{}
	hosts, names := map[string]map[string]int{}, map[string]map[string]int{}
	add := func(to map[string]map[string]int, class, key string) {
		if to[class] == nil {
			to[class] = map[string]int{}
		}
		to[class][key]++
	}
	unzip(t, filepath.Join(reference(t, "accesslog-combined"), "access.log.gz"), func(line []byte) {
		sent, ok := humanReferrer(string(line))
		if !ok {
			return
		}
		e := referred(x, event.Event{Host: "www.semicomplete.com"}, sent)
		switch e.Class {
		case classInternal, classDirect, classInvalid:
			return
		}
		external++
		classes[e.Class]++
		add(hosts, e.Class, strings.TrimPrefix(parseURL(sent).host, "www."))
		add(names, e.Class, e.Source)
	})
	counts := func(list [][2]any) map[string]int {
		m := map[string]int{}
		for _, p := range list {
			m[p[0].(string)] = int(p[1].(float64))
		}
		return m
	}
	if external != 559 || external != truth.External || !reflect.DeepEqual(classes, truth.Classes) {
		t.Errorf("%d external: %v, want %d: %v", external, classes, truth.External, truth.Classes)
	}
	for class, list := range truth.Hosts {
		if want := counts(list); !reflect.DeepEqual(hosts[class], want) {
			t.Errorf("hosts of class %s:\n%v, want\n%v", class, hosts[class], want)
		}
	}
	if want := counts(truth.Search); !reflect.DeepEqual(names[classSearch], want) {
		t.Errorf("search engines %v, want %v", names[classSearch], want)
	}
	if want := counts(truth.Social); !reflect.DeepEqual(names[classSocial], want) {
		t.Errorf("social networks %v, want %v", names[classSocial], want)
	}
}

func TestReferrer(t *testing.T) {
	x := New(Options{Internal: func(site, host string) bool { return site == "s1" && host == "pay.example.net" }})
	for _, c := range []struct{ sent, class, source, kept string }{
		{"", "direct", "", ""},
		{"-", "direct", "", ""},
		{"https://www.google.com/", "search", "Google", "https://www.google.com/"},
		{"https://www.google.co.uk/search?q=secret#top", "search", "Google", "https://www.google.co.uk/search"},
		{"https://google.comm/", "other", "google.comm", "https://google.comm/"},
		{"https://images.google.de/imgres?x", "search", "Google Images", "https://images.google.de/imgres"},
		{"https://duckduckgo.com/", "search", "DuckDuckGo", "https://duckduckgo.com/"},
		{"https://fr.search.yahoo.com/x", "search", "Yahoo!", "https://fr.search.yahoo.com/x"},
		{"HTTPS://Alice:pw@WWW.Example.COM:8443/A/b?c", "internal", "example.com", "https://www.example.com:8443/A/b"},
		{"https://blog.example.com/x", "internal", "blog.example.com", "https://blog.example.com/x"},
		{"https://pay.example.net/done", "internal", "pay.example.net", "https://pay.example.net/done"},
		{"https://example.org/x", "other", "example.org", "https://example.org/x"},
		{"https://www.example.co.uk", "other", "example.co.uk", "https://www.example.co.uk"},
		{"https://t.co/abc", "social", "Twitter", "https://t.co/abc"},
		{"android-app://com.reddit.frontpage/", "social", "reddit", "android-app://com.reddit.frontpage"},
		{"https://out.reddit.com/r?u=1", "social", "reddit", "https://out.reddit.com/r"},
		{"https://mastodon.social/@a/1", "social", "Mastodon", "https://mastodon.social/@a/1"},
		{"https://chatgpt.com/", "ai", "ChatGPT", "https://chatgpt.com/"},
		{"https://www.perplexity.ai/search/x", "ai", "Perplexity", "https://www.perplexity.ai/search/x"},
		{"https://mail.google.com/mail/u/0/", "email", "Gmail", "https://mail.google.com/mail/u/0/"},
		{"android-app://com.google.android.gm/", "email", "Gmail", "android-app://com.google.android.gm"},
		{"android-app://com.google.android.googlequicksearchbox/https/www.google.com", "search", "Google", "android-app://com.google.android.googlequicksearchbox"},
		{"android-app://org.example.reader", "other", "org.example.reader", "android-app://org.example.reader"},
		{"http://www.semalt.com/x", "spam", "semalt.com", "http://www.semalt.com/x"},
		{"http://a.b.semalt.com/", "spam", "a.b.semalt.com", "http://a.b.semalt.com/"},
		{"http://[2001:db8::1]:80/x", "other", "[2001:db8::1]", "http://[2001:db8::1]:80/x"},
		{"mailto:alice@example.org", "invalid", "", ""},
		{"ftp://example.org/", "invalid", "", ""},
		{"http:///x", "invalid", "", ""},
		{"nonsense", "invalid", "", ""},
	} {
		for range 2 { // the second time from what is remembered
			e := referred(x, event.Event{Site: "s1", Host: "example.com"}, c.sent)
			if e.Class != c.class || e.Source != c.source || e.Referrer != c.kept {
				t.Errorf("%q: %s %q kept %q, want %s %q kept %q", c.sent, e.Class, e.Source, e.Referrer, c.class, c.source, c.kept)
			}
		}
	}
}

// Every host of the list, with several countries for "{}", has the name of the
// first line that fits: found again here with one regular expression a line.
func TestEnginesInOrder(t *testing.T) {
	type line struct {
		name string
		fits *regexp.Regexp
	}
	var lines []line
	var hosts []string
	for l := range strings.Lines(referrerList) {
		f := strings.Split(strings.TrimSpace(l), "\t")
		if f[0] != classSearch || len(f) < 3 {
			continue
		}
		for _, h := range strings.Fields(f[2]) {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(h), `\{\}`, `([a-z]{2,3}|co\.[a-z]{2}|com\.[a-z]{2})`)
			lines = append(lines, line{f[1], regexp.MustCompile("^" + pattern + "$")})
			for _, country := range []string{"de", "com", "co.uk", "com.br", "info", "c0", "co.ukx"} {
				hosts = append(hosts, strings.ReplaceAll(h, "{}", country))
			}
		}
	}
	both := 0
	for _, h := range hosts {
		want, n := "", 0
		for _, l := range lines {
			if !l.fits.MatchString(h) {
				continue
			}
			if n++; want == "" {
				want = l.name
			}
		}
		if n > 1 {
			both++
		}
		got := knownHosts().classify(h)
		if want == "" && got.class == classSearch || want != "" && got.class == classSearch && got.source != want || want != "" && got.class == classOther {
			t.Errorf("%s: %s %q, want %q", h, got.class, got.source, want)
		}
	}
	if len(hosts) < 1000 || both == 0 {
		t.Errorf("%d hosts, %d of them in several lines: the check is too weak", len(hosts), both)
	}
}

// Two people's pages on one host for everybody are two sites.
func TestInternalStopsAtPublicSuffix(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct{ page, referrer, class string }{
		{"alice.github.io", "https://bob.github.io/", "other"},
		{"alice.github.io", "https://alice.github.io/", "internal"},
		{"a.co.uk", "https://b.co.uk/", "other"},
		{"192.0.2.1", "http://192.0.2.1/", "internal"},
		{"192.0.2.1", "http://198.51.2.1/", "other"},
		{"[2001:db8::1]", "http://[2001:db8::2]/", "other"},
		{"[2001:db8::1]", "http://[2001:db8::1]:80/", "internal"},
		{"localhost", "http://localhost:8080/", "internal"},
		{"", "https://example.com/", "other"},
	} {
		if e := referred(x, event.Event{Host: c.page}, c.referrer); e.Class != c.class {
			t.Errorf("on %q from %s: %s, want %s", c.page, c.referrer, e.Class, c.class)
		}
	}
}

func TestNoReferrerOfServerEvents(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct {
		e    event.Event
		want string
	}{
		{event.Event{Kind: event.Track, Name: "Order Completed"}, ""},
		{event.Event{Kind: event.Track, Name: "Signed Up", Host: "example.com", Path: "/"}, "direct"},
		{event.Event{Kind: event.Screen}, "direct"},
		{event.Event{Kind: event.Page}, "direct"},
	} {
		if e := referred(x, c.e, ""); e.Class != c.want {
			t.Errorf("%+v: class %q, want %q", c.e, e.Class, c.want)
		}
	}
}

func TestCampaign(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct {
		search, referrer string
		given            event.Campaign
		class, source    string
		want             event.Campaign
	}{
		{"utm_source=news&utm_medium=email&utm_campaign=May%20%26%20June", "", event.Campaign{}, "email", "news", event.Campaign{Source: "news", Medium: "email", Name: "May & June"}},
		{"utm_source=google&utm_medium=cpc&utm_term=red+shoes&utm_content=a", "https://www.google.com/", event.Campaign{}, "campaign", "Google", event.Campaign{Source: "google", Medium: "cpc", Term: "red shoes", Content: "a"}},
		{"a=1&UTM_SOURCE=mastodon&utm_medium=Social", "", event.Campaign{}, "social", "Mastodon", event.Campaign{Source: "mastodon", Medium: "Social"}},
		{"utm_source=bing&utm_medium=organic", "", event.Campaign{}, "search", "Bing", event.Campaign{Source: "bing", Medium: "organic"}},
		{"utm_source=chatgpt.com", "", event.Campaign{}, "ai", "ChatGPT", event.Campaign{Source: "chatgpt.com"}},
		{"utm_source=partner", "https://example.org/x", event.Campaign{}, "campaign", "partner", event.Campaign{Source: "partner"}},
		{"utm_source=&utm_source=second", "", event.Campaign{}, "campaign", "second", event.Campaign{Source: "second"}},
		{"utm_medium=email", "https://t.co/x", event.Campaign{}, "social", "Twitter", event.Campaign{Medium: "email"}},
		{"utm_source=url", "", event.Campaign{Source: "client", Medium: "banner"}, "campaign", "client", event.Campaign{Source: "client", Medium: "banner"}},
		{"gclid=x", "https://www.google.com/", event.Campaign{}, "search", "Google", event.Campaign{}},
		{"utm_source=%zz%0&utm_medium=%", "", event.Campaign{}, "campaign", "%zz%0", event.Campaign{Source: "%zz%0", Medium: "%"}},
		{"utm_source=a%00b%ffc", "", event.Campaign{}, "campaign", "abc", event.Campaign{Source: "abc"}},
	} {
		e := referred(x, event.Event{Host: "example.com", Search: c.search, Campaign: c.given}, c.referrer)
		if e.Class != c.class || e.Source != c.source || e.Campaign != c.want {
			t.Errorf("%s from %q: %s %q %+v, want %s %q %+v", c.search, c.referrer, e.Class, e.Source, e.Campaign, c.class, c.source, c.want)
		}
	}
}

// A source has one name, whether a campaign link or a referrer tells it; what
// the link says stays in the campaign's own field.
func TestCampaignSourceNames(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct{ sent, name string }{
		{"google", "Google"}, {"Google", "Google"}, {"GOOGLE", "Google"}, {"google.com", "Google"}, {"www.google.co.uk", "Google"},
		{"bing", "Bing"}, {"ddg", "DuckDuckGo"}, {"duckduckgo", "DuckDuckGo"}, {"yahoo", "Yahoo!"}, {"Yahoo!", "Yahoo!"},
		{"fb", "Facebook"}, {"facebook", "Facebook"}, {"FaceBook", "Facebook"}, {"m.facebook.com", "Facebook"}, {"Facebook.com", "Facebook"},
		{"ig", "Instagram"}, {"IG", "Instagram"}, {"instagram", "Instagram"}, {"l.instagram.com", "Instagram"},
		{"twitter", "Twitter"}, {"x", "Twitter"}, {"X", "Twitter"}, {"t.co", "Twitter"}, {"x.com", "Twitter"},
		{"linkedin", "LinkedIn"}, {"LinkedIn", "LinkedIn"}, {"lnkd.in", "LinkedIn"}, {"youtube", "YouTube"}, {"tiktok", "TikTok"},
		{"Reddit", "reddit"}, {"myspace", "Myspace"}, {"chatgpt", "ChatGPT"}, {"perplexity.ai", "Perplexity"}, {"gmail", "Gmail"},
		{"newsletter", "newsletter"}, {"Newsletter", "newsletter"}, {" newsletter ", "newsletter"},
		{"May Newsletter", "May Newsletter"}, {"Partner-7", "Partner-7"}, {"Blog.Example", "Blog.Example"}, {"semalt.com", "semalt.com"},
		{"v1.2", "v1.2"}, {".", "."}, {"Straße", "Straße"}, {"google ads", "google ads"}, {"facebook_mobile", "facebook_mobile"},
	} {
		for _, medium := range []string{"", "cpc"} {
			given := event.Campaign{Source: strings.TrimSpace(c.sent), Medium: medium}
			for _, e := range []event.Event{{Search: "utm_medium=" + medium + "&utm_source=" + strings.ReplaceAll(c.sent, " ", "+")}, {Campaign: given}} {
				e = referred(x, e, "https://example.org/")
				if e.Source != c.name || e.Campaign != given || medium != "" && e.Class != classCampaign {
					t.Errorf("%q by %q: %s %q of %+v, want %q", c.sent, medium, e.Class, e.Source, e.Campaign, c.name)
				}
			}
		}
	}
	// The names are those of referrers: no alias leads to a name of its own.
	for short, name := range ownNames {
		if low := strings.ToLower(name); knownHosts().names[low] != name {
			t.Errorf("%s is an alias of %s, which has the name %q", short, name, knownHosts().names[low])
		}
	}
}
