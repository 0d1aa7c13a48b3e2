package enrich

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"footfall/event"
)

// reference is a folder of the reference data, beside the repository.
func reference(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the reference data is missing: %v", err)
		}
		t.Skipf("NOT TESTED: the reference data is missing: %v", err)
	}
	return dir
}

// unzip reads a gzipped file line by line.
func unzip(t testing.TB, path string, line func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	for s.Scan() {
		line(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

type known struct{ UA, Family, Brand, Name, Major, Minor string }

func knownAgents(t testing.TB, file string) []known {
	t.Helper()
	var all []known
	unzip(t, filepath.Join(reference(t, "useragent-reference"), file), func(b []byte) {
		var k known
		if err := json.Unmarshal(b, &k); err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	})
	return all
}

func botOf(x *Enricher, channel, ua string) string {
	e := event.Event{Channel: channel}
	x.botStep(&e, Sender{UserAgent: ua})
	return e.Bot
}

func TestBotsAreFound(t *testing.T) {
	x := New(Options{})
	all, missed := knownAgents(t, "bots.jsonl.gz"), 0
	for _, k := range all {
		if botOf(x, "web", k.UA) == "" {
			missed++
			t.Logf("taken for a person: %s", k.UA)
		}
	}
	t.Logf("%d of %d crawlers found", len(all)-missed, len(all))
	if len(all) != 2116 || missed > len(all)/100 {
		t.Errorf("%d of %d crawlers missed", missed, len(all))
	}
	for _, k := range knownAgents(t, "ai-crawlers.jsonl.gz") {
		for _, ua := range []string{k.Name, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; " + k.Name + "/1.0)"} {
			if botOf(x, "web", ua) == "" {
				t.Errorf("AI crawler taken for a person: %s", ua)
			}
		}
	}
}

// machine matches families of the reference that are no browser a person uses.
var machine = regexp.MustCompile(`(?i)bot|crawl|spider|slurp|scrap|proxy|headless|phantom|synthetic|seeker|fetch|curl|wget|http|python|okhttp|nutch|archiv|heritrix|zyborg|webzip|httrack|monitis|openvas|whatweb|goodzer|qwantify|ichiro|google-|appengine|link|ask jeeves|hatena|^got$|recipe|nextcloud|davdroid|wordpress|ghost|bloglovin|s3 browser`)

func TestPeopleAreNoBots(t *testing.T) {
	x := New(Options{})
	browsers, taken := 0, 0
	for _, file := range []string{"browsers.jsonl.gz", "devices.jsonl.gz"} {
		for _, k := range knownAgents(t, file) {
			if machine.MatchString(k.Family) || !strings.HasPrefix(k.UA, "Mozilla/5.0 (") || !strings.Contains(k.UA, "like Gecko") {
				continue
			}
			browsers++
			if why := botOf(x, "web", k.UA); why != "" {
				taken++
				t.Logf("%s (%s): %s", k.Family, why, k.UA)
			}
		}
	}
	t.Logf("%d of %d browsers taken for bots", taken, browsers)
	if browsers < 4000 || taken > browsers/1000 {
		t.Errorf("%d of %d browsers taken for bots", taken, browsers)
	}
}

func TestBotReasons(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	plain, own := New(Options{}), New(Options{BotWords: []string{"bot", "crawl", "spider", "slurp"}})
	for _, c := range []struct {
		x                 *Enricher
		channel, ua, want string
	}{
		{plain, "web", firefox, ""},
		{plain, "web", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "ua: googlebot/"},
		{plain, "web", "Mozilla/5.0 (compatible; Unheard; +https://unheard.example/)", "ua: link"},
		{plain, "web", "UnheardBot/1", "ua: bot"},
		{plain, "web", "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36", ""},
		{plain, "web", "Mozilla/5.0 (iPhone; CPU iPhone OS 11_4 like Mac OS X) Mobile/15G77 [FBAN/FBIOS;FBCR/OrangeBotswana]", ""},
		{plain, "web", "", "no user agent"},
		{plain, "pixel", "", "no user agent"},
		{plain, "import", "", ""},
		{plain, "server", "", ""},
		{plain, "plain", "", ""},
		{plain, "plain", "curl/8.5.0", ""},
		{plain, "web", "curl/8.5.0", "ua: curl"},
		{plain, "web", "my-shop/1.0", ""}, // a shop's own program, as README advises
		{plain, "plain", "Googlebot/2.1", "ua: googlebot/"},
		{own, "import", "CUBOT", "ua: bot"},
		{own, "import", "Yahoo! Slurp", "ua: slurp"},
		{own, "import", "curl/8.5.0", ""},
		{own, "web", "", ""},
		{New(Options{BotWords: []string{}}), "web", "Googlebot/2.1", ""},
	} {
		if got := botOf(c.x, c.channel, c.ua); got != c.want {
			t.Errorf("%s %q: bot %q, want %q", c.channel, c.ua, got, c.want)
		}
	}
}

// usual maps the reference's families to the names used here.
var usual = map[string]string{
	"Chrome Mobile": "Chrome", "Chrome Mobile WebView": "Chrome", "Chrome Mobile iOS": "Chrome", "Chromium": "Chrome", "Chrome Frame": "Internet Explorer",
	"Mobile Safari": "Safari", "Mobile Safari UI/WKWebView": "Safari", "WebKit Nightly": "Safari",
	"IE": "Internet Explorer", "IE Mobile": "Internet Explorer", "Edge Mobile": "Edge",
	"Firefox Mobile": "Firefox", "Firefox iOS": "Firefox", "Firefox Beta": "Firefox",
	"Opera Mobile": "Opera", "Opera GX": "Opera", "Opera Touch": "Opera", "Opera Coast": "Opera",
	"Android": "Android Browser", "QQ Browser Mobile": "QQ Browser", "WeChat Browser": "WeChat", "NetFront NX": "NetFront", "Seznam prohlížeč": "Seznam",
	"Nokia OSS Browser": "Nokia Browser", "Ovi Browser": "Nokia Browser", "BlackBerry WebKit": "BlackBerry", "Baidu Browser": "Baidu",
}

func TestBrowsers(t *testing.T) {
	names := map[string]bool{"Chrome": true, "Safari": true, "Edge": true, "Android Browser": true}
	for _, s := range browserSigns {
		names[s.name] = true
	}
	x := New(Options{})
	total, right := 0, 0
	var wrong []string
	for _, k := range knownAgents(t, "browsers.jsonl.gz") {
		want := k.Family
		if u := usual[want]; u != "" {
			want = u
		}
		if !names[want] {
			continue
		}
		total++
		if got := x.agent(k.UA).browser; got == want {
			right++
		} else {
			wrong = append(wrong, fmt.Sprintf("%s, not %s: %s", got, want, k.UA))
		}
	}
	t.Logf("%d of %d browsers agree", right, total)
	if total < 180 || right*100 < total*94 {
		t.Errorf("%d of %d browsers agree:\n%s", right, total, strings.Join(wrong, "\n"))
	}
}

func TestSystems(t *testing.T) {
	usual := map[string]string{
		"Mac OS X": "macOS", "Chrome OS": "ChromeOS", "WatchOS": "watchOS", "Symbian OS": "Symbian", "Symbian^3": "Symbian", "Nokia Series 40": "Series 40",
		"Ubuntu": "Linux", "Debian": "Linux", "Gentoo": "Linux", "CentOS": "Linux", "Linux Mint": "Linux", "Mandriva": "Linux", "Maemo": "Linux", "WeTab": "Linux", "GoogleTV": "Android", "Web0S": "webOS", "LG": "webOS",
		"Kindle": "Linux", "Roku": "Roku OS", "Chromecast Linux": "Linux", "Chromecast Fuchsia": "Other", "Chromecast SmartSpeaker": "Linux",
	}
	x := New(Options{})
	total, right := 0, 0
	var wrong []string
	for _, k := range knownAgents(t, "systems.jsonl.gz") {
		want := k.Family
		if u := usual[want]; u != "" {
			want = u
		}
		total++
		if got := x.agent(k.UA).os; got == want {
			right++
		} else {
			wrong = append(wrong, fmt.Sprintf("%s, not %s: %s", got, want, k.UA))
		}
	}
	t.Logf("%d of %d systems agree", right, total)
	if total != 234 || right*100 < total*92 {
		t.Errorf("%d of %d systems agree:\n%s", right, total, strings.Join(wrong, "\n"))
	}
}

// The reference names models, not classes; these families have but one class.
func TestDevices(t *testing.T) {
	class := map[string]string{"iPad": "tablet", "iPhone": "phone", "iPod": "phone", "HbbTV": "tv", "NetCast.TV": "tv", "Inettv": "tv", "NetCast.Media": "tv", "Chromecast": "tv",
		"Apple Watch": "other", "Quest": "other", "Kindle": "tablet", "Kindle Fire": "tablet", "XiaoMi MI PAD": "tablet", "Asus Transformer Pad TF300T": "tablet", "Samsung SM-P605": "tablet",
		"Generic Feature Phone": "phone", "Generic Smartphone": "phone", "Lumia 920": "phone"}
	phones := regexp.MustCompile(`^(HTC (Desire|Wildfire|One|Sensation|Butterfly|Touch)|Nokia|Sony ?Ericsson|Sony (LT|ST|C)\d|Siemens|Samsung GT-[ISN]|DoCoMo|LG-?[A-Z]{0,2}\d{3})`)
	x := New(Options{})
	total, right := 0, 0
	var wrong []string
	for _, k := range knownAgents(t, "devices.jsonl.gz") {
		want := class[k.Family]
		if want == "" && phones.MatchString(k.Family) && !strings.Contains(k.Family, "Tab") {
			want = "phone"
		}
		if want == "" {
			continue
		}
		total++
		if got := x.agent(k.UA).device; got == want {
			right++
		} else {
			wrong = append(wrong, fmt.Sprintf("%s, not %s: %s: %s", got, want, k.Family, k.UA))
		}
	}
	t.Logf("%d of %d devices agree", right, total)
	if total < 1000 || right*100 < total*95 {
		t.Errorf("%d of %d devices agree:\n%s", right, total, strings.Join(wrong, "\n"))
	}
}

func TestUsualAgents(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct {
		ua   string
		want agent
	}{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", agent{"", "desktop", "Chrome", "Windows", "Chrome 142", "Windows 10 or 11"}},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", agent{"", "desktop", "Edge", "Windows", "Edge 142", "Windows 10 or 11"}},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", agent{"", "desktop", "Safari", "macOS", "Safari 18", "macOS 10.15 or later"}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", agent{"", "phone", "Safari", "iOS", "Safari 18", "iOS 18"}},
		{"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/92.0 Mobile/15E148 Safari/604.1", agent{"", "tablet", "Chrome", "iOS", "Chrome 92", "iOS 12"}},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", agent{"", "phone", "Chrome", "Android", "Chrome 142", "Android 10 or later"}},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", agent{"", "tablet", "Chrome", "Android", "Chrome 142", "Android 10 or later"}},
		{"Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36", agent{"", "phone", "Samsung Internet", "Android", "Samsung Internet 25", "Android 14"}},
		{"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0 Safari/537.36 WebAppManager", agent{"", "tv", "webOS Browser", "webOS", "webOS Browser", "webOS"}},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", agent{"", "desktop", "Chrome", "ChromeOS", "Chrome 142", "ChromeOS"}},
		{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", agent{"", "desktop", "Firefox", "Linux", "Firefox 140", "Linux"}},
		{"Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", agent{"", "phone", "Firefox", "Android", "Firefox 140", "Android 14"}},
		{"Mozilla/5.0 (Android 14; Tablet; rv:140.0) Gecko/140.0 Firefox/140.0", agent{"", "tablet", "Firefox", "Android", "Firefox 140", "Android 14"}},
		{"something nobody has heard of", agent{"", "other", "Other", "Other", "Other", "Other"}},
		{"", agent{}},
		{"-", agent{}},
	} {
		if got := x.agent(c.ua); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.ua, got, c.want)
		}
	}
}
