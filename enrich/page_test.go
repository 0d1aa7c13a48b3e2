package enrich

import (
	"strings"
	"testing"
	"unicode/utf8"

	"footfall/event"
)

func TestPage(t *testing.T) {
	x := New(Options{})
	for _, c := range []struct {
		url                string
		given              event.Event
		host, path, search string
	}{
		{"https://Shop.Example.com/a/B%20c?x=1&y=%41#frag", event.Event{}, "shop.example.com", "/a/B%20c", "x=1&y=%41"},
		{"https://alice:secret@www.example.com:8443/x", event.Event{}, "www.example.com", "/x", ""},
		{"https://example.com", event.Event{}, "example.com", "/", ""},
		{"https://example.com?q", event.Event{}, "example.com", "/", "q"},
		{"http://[2001:db8::1]:80/x", event.Event{}, "[2001:db8::1]", "/x", ""},
		{"//example.com/x", event.Event{}, "example.com", "/x", ""},
		{"/posts/a?b", event.Event{Host: "example.com"}, "example.com", "/posts/a", "b"},
		{"/go?to=https://other.example/", event.Event{}, "", "/go", "to=https://other.example/"},
		{"", event.Event{Host: "example.com", Path: "/x", Search: "y"}, "example.com", "/x", "y"},
		{"", event.Event{Kind: event.Page}, "", "/", ""},
		{"", event.Event{Kind: event.Track}, "", "", ""},
		{"https://example.com/page?a", event.Event{Path: "/file.zip"}, "example.com", "/file.zip", "a"},
		{"", event.Event{Host: "bob@Example.com"}, "example.com", "/", ""},
	} {
		e := c.given
		for range 2 { // again: the same
			x.Enrich(&e, Sender{URL: c.url})
			if e.Host != c.host || e.Path != c.path || e.Search != c.search {
				t.Errorf("%q on %+v: %q %q %q, want %q %q %q", c.url, c.given, e.Host, e.Path, e.Search, c.host, c.path, c.search)
			}
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"nul\x00l", "null"},
		{"bro\xffken", "broken"},
		{strings.Repeat("a", event.MaxText), strings.Repeat("a", event.MaxText)},
		{strings.Repeat("a", event.MaxText+1), strings.Repeat("a", event.MaxText)},
		{strings.Repeat("a", event.MaxText-1) + "é", strings.Repeat("a", event.MaxText-1)},
		{strings.Repeat("a", event.MaxText-3) + "😀", strings.Repeat("a", event.MaxText-3)},
	} {
		if got := fit(c.in); got != c.want {
			t.Errorf("fit(%.20q of %d bytes) has %d bytes, want %d", c.in, len(c.in), len(got), len(c.want))
		}
	}
}

// Whatever is sent, what comes out passes the event's own check.
func FuzzEnrich(f *testing.F) {
	f.Add("https://a@b.example:1/x?utm_source=%ff%00#", "android-app://x/", "Mozilla/5.0 (X11; Linux) bot", "title")
	f.Add("//", "http://@:/", "\x00", strings.Repeat("é", 2000))
	x := New(Options{})
	f.Fuzz(func(t *testing.T, url, referrer, ua, title string) {
		e := event.Event{ID: "1", Site: "s", Kind: event.Page, Channel: "web", Title: title, Time: noon, Original: noon, Received: noon}
		from := Sender{URL: url, Referrer: referrer, UserAgent: ua}
		x.Enrich(&e, from)
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		again := e
		x.Enrich(&again, from)
		if again != e {
			t.Fatalf("enriched again: %+v, want %+v", again, e)
		}
		if !utf8.ValidString(e.Source) || strings.ContainsAny(e.Referrer, "?#") {
			t.Fatalf("source %q, referrer %q", e.Source, e.Referrer)
		}
	})
}
