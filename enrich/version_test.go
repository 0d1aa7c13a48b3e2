package enrich

import (
	"fmt"
	"strings"
	"testing"

	"footfall/event"
)

// The reference's major version is the label's, for each browser whose name it
// has; where the agent tells none the label is the name alone.
func TestBrowserVersions(t *testing.T) {
	x := New(Options{})
	total, right, unknown := 0, 0, 0
	var wrong []string
	for _, k := range knownAgents(t, "browsers.jsonl.gz") {
		name := k.Family
		if u := usual[name]; u != "" {
			name = u
		}
		a := x.agent(k.UA)
		if a.browserVersion != a.browser && !strings.HasPrefix(a.browserVersion, a.browser+" ") {
			t.Errorf("%q is no version of %q", a.browserVersion, a.browser)
		}
		if browserPieces[name] == nil && name != "Internet Explorer" || a.browser != name || k.Major == "" {
			continue
		}
		total++
		if a.browserVersion == name+" "+k.Major {
			right++
		} else if a.browserVersion == name {
			unknown++
		} else {
			wrong = append(wrong, fmt.Sprintf("%s, not %s %s: %s", a.browserVersion, name, k.Major, k.UA))
		}
	}
	t.Logf("%d of %d versions agree, %d are not told", right, total, unknown)
	if total < 120 || len(wrong)*100 > total*5 || unknown*100 > total*10 {
		t.Errorf("%d of %d versions agree, %d are not told:\n%s", right, total, unknown, strings.Join(wrong, "\n"))
	}
}

func TestSystemVersions(t *testing.T) {
	names := map[string]string{"Mac OS X": "macOS", "WatchOS": "watchOS", "Windows": "Windows", "iOS": "iOS", "Android": "Android", "Windows Phone": "Windows Phone", "Tizen": "Tizen", "KaiOS": "KaiOS", "tvOS": "tvOS"}
	x := New(Options{})
	total, right, unknown := 0, 0, 0
	var wrong []string
	for _, k := range knownAgents(t, "systems.jsonl.gz") {
		a := x.agent(k.UA)
		if a.osVersion != a.os && !strings.HasPrefix(a.osVersion, a.os+" ") {
			t.Errorf("%q is no version of %q", a.osVersion, a.os)
		}
		if names[k.Family] != a.os || a.os == "" || k.Major == "" {
			continue
		}
		total++
		if a.osVersion == a.os {
			unknown++
		} else if v := strings.TrimPrefix(a.osVersion, a.os+" "); v == k.Major || v == k.Major+"."+k.Minor || strings.HasPrefix(v, k.Major+".") || strings.HasPrefix(v, k.Major+" or") {
			right++
		} else {
			wrong = append(wrong, fmt.Sprintf("%s, not %s.%s: %s", a.osVersion, k.Major, k.Minor, k.UA))
		}
	}
	t.Logf("%d of %d versions agree, %d are not told", right, total, unknown)
	if total < 60 || len(wrong)*100 > total*5 || unknown*100 > total*40 {
		t.Errorf("%d of %d versions agree, %d are not told:\n%s", right, total, unknown, strings.Join(wrong, "\n"))
	}
}

func TestUsualVersions(t *testing.T) {
	x := New(Options{})
	for ua, want := range map[string]string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1":       "Safari 26, iOS 26",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1":       "Safari 17, iOS 17",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/131.0 Mobile/15E148 Safari/605.1.15":     "Firefox 131, iOS 18",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0":                                                          "Firefox 140, macOS 10.15 or later",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Safari/605.1.15":                         "Safari 13, macOS 10.13",
		"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko":                                                                          "Internet Explorer 11, Windows 7",
		"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/4.0)":                                                                               "Internet Explorer 8, Windows 7",
		"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)":                                                                                            "Internet Explorer 6, Windows XP",
		"Mozilla/5.0 (Linux; Android 4.4.2; GT-I9505) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/30.0 Mobile Safari/537.36":              "Chrome 30, Android 4.4",
		"Mozilla/5.0 (Linux; Android 10; SM-A405FN) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36":                            "Chrome 99, Android 10",
		"Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18":                                                                              "Opera 12, Windows 7",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0":                 "Opera 122, Windows 10 or 11",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/123456789.0":                                                                  "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 11.7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/.5 Safari/537.36":                                                  "Chrome, Windows",
		"Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0 Mobile Safari/537.36 Instagram 390.0.0.1 (": "Instagram 390, Android 14",
		"App/1 CFNetwork/1568 Darwin/24.1.0":                 "Other, iOS 18",
		"App/1 CFNetwork/1600 Darwin/25.0.0":                 "Other, iOS 26",
		"App/1 CFNetwork/1200 (x86_64) Darwin/20.3.0 x86_64": "Other, macOS 11",
		"App/1 CFNetwork/976 (x86_64) Darwin/18.2.0 x86_64":  "Other, macOS 10.14",
	} {
		if a := x.agent(ua); a.browserVersion+", "+a.osVersion != want {
			t.Errorf("%s, %s, want %s: %s", a.browserVersion, a.osVersion, want, ua)
		}
	}
}

func TestLanguages(t *testing.T) {
	for said, want := range map[string]string{
		"de-AT": "de-AT", "de_at.UTF-8": "de-AT", "DE": "de", "de-AT,de;q=0.9,en;q=0.8": "de-AT", "en;q=0.5": "en", " en": "", "zh-Hant-TW": "zh-TW", "es-419": "es-419",
		"sr-Latn": "sr", "de-DE@euro": "de-DE", "en-US-u-hc-h12": "en-US", "en-x-US": "en", "fil-PH": "fil-PH", "*": "", "": "", "C": "", "POSIX": "", "-": "", "d3-AT": "", "de-4": "de",
		"de-AT-secret": "de-AT", "english (United States)": "", "ü": "", "de-ÄÖ": "de", strings.Repeat("x", 9999): "",
	} {
		if got := languageOf(said); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

func TestScreens(t *testing.T) {
	x := New(Options{})
	for width, want := range map[int]string{-1: "", 0: "", 1: "under 576 px", 575: "under 576 px", 576: "576 to 991 px", 991: "576 to 991 px", 992: "992 to 1439 px",
		1439: "992 to 1439 px", 1440: "1440 to 1919 px", 1920: "1920 px and more", 65535: "1920 px and more", 65536: ""} {
		e := at(x, noon, event.Event{Labels: event.Labels{Screen: "left from before"}}, Sender{Screen: width})
		if e.Screen != want {
			t.Errorf("%d pixels are %q, want %q", width, e.Screen, want)
		}
	}
}
