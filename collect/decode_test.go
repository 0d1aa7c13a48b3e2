package collect

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

func TestMapping(t *testing.T) {
	w := newWorld(Site{}, nil)
	rec := w.post("/v1/page", `{
		"messageId":"m-1","userId":12345678901234567890,"anonymousId":"anon-1","name":"Home","category":"shop","unknown":{"a":[1]},
		"originalTimestamp":"2026-11-20T21:59:59.123456789Z","sentAt":"2026-11-20T22:00:00+00:00","integrations":{"All":true},
		"properties":{"url":"https://User@Shop.Example:8443/caf%C3%A9/A?utm_source=x&b=%20#top","path":"/caf%C3%A9/A","title":"Shop \"é\"\n","referrer":"https://blog.example/?q=1","search":"?utm_source=x&b=%20","name":"Home","n":1.50,"big":12345678901234567890,"nested":{"ip":"203.0.113.9","k":[true,null,{"user_agent":"UA"}]},"emoji":"\ud83d\ude00"},
		"context":{"ip":"198.51.100.7","userAgent":"UA/1.0","userAgentData":{"mobile":false},"locale":"de","page":{"url":"https://other.example/"},"campaign":{"source":"news","medium":"mail","name":2024,"term":"t","content":"c"},"library":{"name":"analytics.js"}}}`,
		"User-Agent", "Mozilla/5.0")
	if rec.Code != 200 {
		t.Fatal(rec.Body)
	}
	got, want := w.events[0], event.Event{
		ID: "m-1", Site: "s1", Kind: event.Page, Name: "Home", UserID: "12345678901234567890", AnonymousID: "anon-1",
		Time: parse("2026-11-20T21:59:59.123Z"), Original: parse("2026-11-20T21:59:59.123Z"), Sent: testNow, Received: testNow,
		Host: "shop.example", Path: "/caf%C3%A9/A", Search: "utm_source=x&b=%20", Title: "Shop \"é\"\n", Channel: "web",
		Campaign:   event.Campaign{Source: "news", Medium: "mail", Name: "2024", Term: "t", Content: "c"},
		Properties: `{"n":1.50,"big":12345678901234567890,"nested":{"k":[true,null,{}]},"emoji":"😀","category":"shop"}`,
		Context:    `{"locale":"de","library":{"name":"analytics.js"}}`,
	}
	if got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	from := w.senders[0]
	if from.IP.String() != "198.51.100.7" || from.UserAgent != "UA/1.0" || from.Server ||
		from.URL != "https://User@Shop.Example:8443/caf%C3%A9/A?utm_source=x&b=%20#top" || from.Referrer != "https://blog.example/?q=1" {
		t.Errorf("sender: %+v", from)
	}
}

// TestKinds checks what each kind of event fills, one case a line.
func TestKinds(t *testing.T) {
	for _, x := range []struct {
		name, path, body string
		ok               func(e event.Event) bool
	}{
		{"empty user is absent", "/v1/track", `{"event":"x","userId":"","anonymousId":null}`, func(e event.Event) bool { return e.UserID == "" && e.AnonymousID == "h-1" }},
		{"own anonymous id goes first", "/v1/track", `{"event":"x","anonymousId":"a"}`, func(e event.Event) bool { return e.AnonymousID == "a" }},
		{"random id", "/v1/page", `{}`, func(e event.Event) bool { return len(e.ID) == 36 && e.ID[14] == '4' }},
		{"no time is now", "/v1/page", `{"sentAt":"2020-01-01T00:00:00Z"}`, func(e event.Event) bool {
			return e.Time.Equal(testNow) && e.Original.Equal(testNow) && e.Flag == "" && e.Sent.IsZero()
		}},
		{"page name in properties", "/v1/page", `{"properties":{"name":"P","category":"c"},"category":"d"}`, func(e event.Event) bool { return e.Name == "P" && e.Properties == `{"category":"c"}` }},
		{"track keeps a link's url", "/v1/track", `{"event":"Outbound Link Clicked","properties":{"url":"https://o.example/x"},"context":{"page":{"url":"https://shop.example/a?b","title":"T","referrer":"r"}}}`,
			func(e event.Event) bool {
				return e.Path == "/a" && e.Search == "b" && e.Title == "T" && e.Properties == `{"url":"https://o.example/x"}` && e.Context == ""
			}},
		{"track keeps a product's title", "/v1/track", `{"event":"x","properties":{"title":"T","name":"N","path":"/p"}}`, func(e event.Event) bool {
			return e.Title == "" && e.Properties == `{"title":"T","name":"N","path":"/p"}`
		}},
		{"download is of the file", "/v1/track", `{"event":"File Downloaded","properties":{"url":"https://cdn.example/f/a.pdf?x=1","file":"a.pdf"},"context":{"page":{"url":"https://shop.example/p"}}}`,
			func(e event.Event) bool { return e.Path == "/f/a.pdf" && e.Host == "cdn.example" && e.Search == "" }},
		{"path without url", "/v1/page", `{"properties":{"path":"/x?y=1"}}`, func(e event.Event) bool { return e.Path == "/x" && e.Search == "y=1" }},
		{"bare host", "/v1/page", `{"properties":{"url":"https://[2001:DB8::1]:80"}}`, func(e event.Event) bool { return e.Path == "/" && e.Host == "2001:db8::1" }},
		{"traits", "/v1/identify", `{"userId":7,"traits":{"plan":"pro","IP":"1.2.3.4"},"context":{"traits":{"x":1}}}`, func(e event.Event) bool {
			return e.UserID == "7" && e.Traits == `{"plan":"pro"}` && e.Context == `{"traits":{"x":1}}`
		}},
		{"traits in the context", "/v1/identify", `{"userId":"u","context":{"traits":{"plan":"pro"}}}`, func(e event.Event) bool { return e.Traits == `{"plan":"pro"}` && e.Context == "" }},
		{"group", "/v1/group", `{"groupId":"g","traits":{}}`, func(e event.Event) bool { return e.GroupID == "g" && e.Traits == "" }},
		{"alias", "/v1/alias", `{"previousId":"a","userId":"u"}`, func(e event.Event) bool { return e.PreviousID == "a" }},
		{"path beats type", "/v1/page", `{"type":"track"}`, func(e event.Event) bool { return e.Kind == event.Page }},
		{"server library", "/v1/page", `{"context":{"library":{"name":"@segment/analytics-node"}}}`, func(e event.Event) bool { return e.Channel == "server" }},
		{"server channel", "/v1/page", `{"channel":"server"}`, func(e event.Event) bool { return e.Channel == "server" }},
		{"years old", "/v1/page", `{"timestamp":"1995-08-01T00:00:00Z"}`, func(e event.Event) bool { return e.Time.Year() == 1995 && e.Flag == "" }},
		{"a year ahead", "/v1/page", `{"timestamp":"2027-12-01T00:00:00Z"}`, func(e event.Event) bool {
			return e.Time.Equal(testNow) && e.Flag == "future" && e.Original.Year() == 2027
		}},
		{"a clock an hour slow", "/v1/page", `{"timestamp":"2026-11-20T20:59:58Z","sentAt":"2026-11-20T21:00:00Z"}`, func(e event.Event) bool {
			return e.Time.Equal(testNow.Add(-2*time.Second)) && e.Flag == "skew" && e.Skew == time.Hour
		}},
		{"half an emoji", "/v1/track", `{"event":"x","properties":{"a":"\ud83d"}}`, func(e event.Event) bool { return json.Valid([]byte(e.Properties)) }},
		{"duplicate keys", "/v1/track", `{"event":"x","event":"y"}`, func(e event.Event) bool { return e.Name == "y" }},
	} {
		w := newWorld(Site{}, nil)
		rec := w.post(x.path, x.body, "AnonymousId", base64.StdEncoding.EncodeToString([]byte("h-1")))
		if rec.Code != 200 || len(w.events) != 1 || !x.ok(w.events[0]) {
			t.Errorf("%s: %d %s %+v", x.name, rec.Code, rec.Body, w.events)
		}
	}
}

func TestSender(t *testing.T) {
	for _, x := range []struct {
		body, ip, ua string
		server       bool
	}{
		{`{}`, "192.0.2.1", "UA", false},
		{`{"context":{"ip":"0.0.0.0"}}`, "invalid IP", "UA", false},
		{`{"context":{"ip":7,"userAgent":["x"]}}`, "192.0.2.1", "UA", false},
		{`{"channel":"server"}`, "invalid IP", "", true},
		{`{"context":{"library":{"name":"analytics-go"},"ip":"203.0.113.9","userAgent":"Own"}}`, "203.0.113.9", "Own", true},
	} {
		w := newWorld(Site{}, nil)
		w.post("/v1/page", x.body, "User-Agent", "UA")
		if got := w.senders[0]; got.IP.String() != x.ip || got.UserAgent != x.ua || got.Server != x.server {
			t.Errorf("%s: %+v", x.body, got)
		}
	}
}

// TestTold checks where language and screen come from: the event, its batch, then
// the request, which says nothing of whom a server library speaks for.
func TestTold(t *testing.T) {
	for _, x := range []struct {
		path, body, language string
		screen               int
		context              string
	}{
		{"/v1/page", `{}`, "fr-FR,fr;q=0.9", 0, ""},
		{"/v1/page", `{"context":{"locale":"de-AT","screen":{"width":390,"height":844,"density":3}}}`, "de-AT", 390, `{"locale":"de-AT","screen":{"width":390,"height":844,"density":3}}`},
		{"/v1/page", `{"context":{"screen":{"width":1512},"library":{"name":"footfall.js"}}}`, "fr-FR,fr;q=0.9", 1512, `{"library":{"name":"footfall.js"}}`},
		{"/v1/page", `{"context":{"locale":7,"screen":{"width":"wide"}}}`, "fr-FR,fr;q=0.9", 0, `{"locale":7}`},
		{"/v1/page", `{"context":{"screen":[390]}}`, "fr-FR,fr;q=0.9", 0, `{"screen":[390]}`},
		{"/v1/page", `{"context":{"screen":{"width":1e300,"height":-1}}}`, "fr-FR,fr;q=0.9", 1 << 16, `{"screen":{"width":1e300,"height":-1}}`},
		{"/v1/page", `{"context":{"screen":{"width":-5}}}`, "fr-FR,fr;q=0.9", 0, ""},
		{"/v1/screen", `{"context":{"screen":{"width":1080,"height":2340,"density":2.75},"library":{"name":"analytics-android"}}}`, "fr-FR,fr;q=0.9", 392, `{"screen":{"width":1080,"height":2340,"density":2.75},"library":{"name":"analytics-android"}}`},
		{"/v1/page", `{"channel":"server"}`, "", 0, ""},
		{"/v1/page", `{"context":{"library":{"name":"analytics-go"},"locale":"nl"}}`, "nl", 0, `{"library":{"name":"analytics-go"},"locale":"nl"}`},
		{"/v1/batch", `{"batch":[{"type":"page","context":{"locale":"it"}}],"context":{"locale":"es","screen":{"width":800}}}`, "it", 800, `{"locale":"it"}`},
	} {
		w := newWorld(Site{}, nil)
		if rec := w.post(x.path, x.body, "Accept-Language", "fr-FR,fr;q=0.9"); rec.Code != 200 {
			t.Fatalf("%s: %s", x.body, rec.Body)
		}
		if got := w.senders[0]; got.Language != x.language || got.Screen != x.screen || w.events[0].Context != x.context {
			t.Errorf("%s: language %q, screen %d, context %s", x.body, got.Language, got.Screen, w.events[0].Context)
		}
	}
}

func TestBatchMerges(t *testing.T) {
	w := newWorld(Site{}, nil)
	rec := w.post("/v1/batch", `{"sentAt":"2026-11-20T21:59:59Z","timestamp":"2001-01-01T00:00:00Z","messageId":"batch","context":{"library":{"name":"analytics-go"},"locale":"de","page":{"url":"https://shop.example/shared"}},"batch":[
		{"type":"page","messageId":"1","timestamp":"2026-11-20T21:59:58Z"},
		{"type":"page","messageId":"2","timestamp":"2026-11-20T21:59:58Z","sentAt":"2026-11-20T21:59:58.5Z","context":{"locale":"fr","x":1,"page":{"url":"https://shop.example/own"}}}]}`)
	if rec.Code != 200 || len(w.events) != 2 {
		t.Fatal(rec.Body)
	}
	a, b := w.events[0], w.events[1]
	if a.Path != "/shared" || a.Context != `{"library":{"name":"analytics-go"},"locale":"de"}` || !a.Sent.Equal(testNow.Add(-time.Second)) || a.Channel != "server" || a.ID != "1" {
		t.Errorf("inherits: %+v", a)
	}
	if b.Path != "/own" || b.Context != `{"locale":"fr","x":1,"library":{"name":"analytics-go"}}` || !b.Sent.Equal(testNow.Add(-1500*time.Millisecond)) {
		t.Errorf("overrides: %+v", b)
	}
}

func TestBatchKeepsNeighbours(t *testing.T) {
	w := newWorld(Site{}, nil)
	big := strings.Repeat("x", event.MaxBytes)
	rec := w.post("/v1/batch", `{"batch":[
		{"type":"page","messageId":"good-1"},
		{"type":"track","event":7,"context":{"ip":"203.0.113.9","Deep":[{"User-Agent":"UA/1.0","remote_addr":"203.0.113.9"}]},"x-forwarded-for":"203.0.113.9","k":"\u0001"},
		{"type":"nonsense"}, 17, {"type":"page","timestamp":"1970-01-01T00:00:01Z"}, {"type":"page","properties":[1]},
		{"type":"page","originalTimestamp":"2099-01-01T00:00:00Z","sentAt":"2099-01-01T00:00:00Z","timestamp":"2026-11-20T22:00:00Z"},
		{"type":"page","timestamp":"1971-01-01T00:00:00Z","sentAt":"2027-12-19T22:00:00Z"},
		{"type":"page","junk":"\u0000"}, {"type":"page","title`+"\xff"+`":"x"}, {"type":"page","properties":{"a":1e999}},
		{"type":"page","properties":{"big":"`+big+`"}}, {"type":"track"}, {"type":"page","context":{"page":"/x"}},
		{"type":"page","messageId":"good-2"}]}`)
	var got struct {
		Success  bool
		Accepted int
		Rejected []struct {
			Index  int
			Reason string
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != 200 || !got.Success || got.Accepted != 2 || len(got.Rejected) != 13 {
		t.Fatalf("%d %s %v", rec.Code, rec.Body, err)
	}
	if len(w.events) != 2 || w.events[0].ID != "good-1" || w.events[1].ID != "good-2" {
		t.Errorf("neighbours: %+v", w.events)
	}
	for i, want := range []string{"event: must be a text", "type: must be one of", "event: must be an object", "timestamp: lies before 1971",
		"properties: must be an object", "originalTimestamp: lies more than 400 days ahead", "sentAt: moves the event to before 1971", "event: holds a NUL byte", "event: is not valid UTF-8", "event: holds a number out of range", "event: is 3",
		"event: a track event needs a name", "context.page: must be an object"} {
		if got.Rejected[i].Index != i+1 || !strings.HasPrefix(got.Rejected[i].Reason, want) {
			t.Errorf("rejected %d: %+v, want %s", i, got.Rejected[i], want)
		}
		raw := w.refused[2*i+1]
		if w.refused[2*i] != got.Rejected[i].Reason || !json.Valid([]byte(raw)) || strings.Contains(raw, "203.0.113.9") || strings.Contains(raw, "UA/1.0") {
			t.Errorf("set aside %d: %q %q", i, w.refused[2*i], raw)
		}
	}
	if w.counts["accepted "] != 2 || w.counts["refused timestamp"] != 1 || w.counts["request 200"] != 1 {
		t.Errorf("counts: %v", w.counts)
	}
}

func TestPixels(t *testing.T) {
	data := `{"writeKey":"` + key + `","event":"Opened","anonymousId":"a","properties":{"n":1}}`
	for _, x := range []struct {
		name, target string
		ok           func(e event.Event) bool
	}{
		{"dotted", "/pixel/v1/page?writeKey=" + key + "&anonymousId=%22anon-1%22&name=Newsletter%20Open&properties.campaign=c1&properties.list_size=100&properties.zip=00123&context.page.url=https%3A%2F%2Fshop.example%2Fx&userId=42",
			func(e event.Event) bool {
				return e.AnonymousID == "anon-1" && e.Name == "Newsletter Open" && e.Properties == `{"campaign":"c1","list_size":100,"zip":"00123"}` && e.Path == "/x" && e.UserID == "42"
			}},
		{"referer is the page", "/pixel/v1/page?writeKey=" + key, func(e event.Event) bool { return e.Host == "shop.example" && e.Path == "/from" }},
		{"base64", "/v1/pixel/track?data=" + base64.StdEncoding.EncodeToString([]byte(data)), func(e event.Event) bool { return e.Name == "Opened" && e.Properties == `{"n":1}` }},
		{"base64 for URLs", "/v1/pixel/track?data=" + base64.RawURLEncoding.EncodeToString([]byte(data)), func(e event.Event) bool { return e.Name == "Opened" }},
		{"letter", "/v1/pixel/t?data=" + base64.StdEncoding.EncodeToString([]byte(data)), func(e event.Event) bool { return e.Kind == event.Track }},
	} {
		w := newWorld(Site{}, nil)
		rec := w.do("GET", x.target, "", "Referer", "https://shop.example/from")
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "image/gif" || len(w.events) != 1 || !x.ok(w.events[0]) || w.events[0].Channel != "pixel" {
			t.Errorf("%s: %d %v %+v", x.name, rec.Code, rec.Header(), w.events)
		}
	}
	for target, count := range map[string]string{
		"/pixel/v1/page?writeKey=nobody":                                          "refused writeKey",
		"/pixel/v1/page":                                                          "refused writeKey",
		"/pixel/v1/other?writeKey=" + key:                                         "refused type",
		"/pixel/v1/track?writeKey=" + key:                                         "refused event",
		"/v1/pixel/track?data=%21%21":                                             "refused data",
		"/v1/pixel/track?data=" + "eyI":                                           "refused 400",
		"/pixel/v1/page?writeKey=" + key + "&timestamp=x":                         "refused timestamp",
		"/pixel/v1/page?writeKey=" + key + "&timestamp=2099-01-01":                "refused timestamp",
		"/pixel/v1/page?writeKey=" + key + "&a" + strings.Repeat(".a", 16) + "=1": "refused query",
		"/pixel/v1/page?writeKey=" + key + "&name=%00":                            "refused event",
		"/pixel/v1/page?writeKey=" + key + "&properties.x=%FF":                    "refused event",
		"/pixel/v1/page?writeKey=" + key + "&properties=x&a.b=":                   "refused properties",
	} {
		w := newWorld(Site{}, nil)
		rec := w.do("GET", target, "")
		why, refused := strings.CutPrefix(rec.Header().Get("X-Footfall"), "refused, ")
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "image/gif" || !refused || why != strings.TrimSpace(why) || w.counts[count] != 1 || len(w.events) > 0 {
			t.Errorf("%s: %d %v %v", target, rec.Code, rec.Header(), w.counts)
		}
	}
}

func TestPlain(t *testing.T) {
	at := parse("2021-03-13T12:34:56Z")
	for _, x := range []struct {
		name, method, target, body, origin string
		status                             int
		host, path                         string
		time                               time.Time
	}{
		{"by origin", "POST", "/collect?page=/posts/some-post&time=2021-03-13T12:34:56Z", "", "https://shop.example", 200, "shop.example", "/posts/some-post", at},
		{"by key", "GET", "/collect?key=" + key + "&page=/posts/some-post%3Fa=b", "", "", 200, "shop.example", "/posts/some-post", testNow},
		{"whole URL", "GET", "/collect?key=" + key + "&page=https://blog.example/x", "", "", 200, "blog.example", "/x", testNow},
		{"form", "POST", "/collect", "page=/f&time=2021-03-13T12:34:56Z&key=" + key, "", 200, "shop.example", "/f", at},
		{"JSON", "POST", "/collect", `{"page":"/j","time":"2021-03-13T13:34:56+01:00","key":"` + key + `"}`, "", 200, "shop.example", "/j", at},
		{"strange origin", "POST", "/collect?page=/x", "", "https://evil.example", 401, "", "", at},
		{"nobody", "GET", "/collect?page=/x", "", "", 401, "", "", at},
		{"no page", "GET", "/collect?key=" + key, "", "", 400, "", "page", at},
		{"bad time", "GET", "/collect?page=/x&time=yesterday&key=" + key, "", "", 400, "", "time", at},
		{"1970", "GET", "/collect?page=/x&time=1970-01-01T00:00:00Z&key=" + key, "", "", 400, "", "time", at},
		{"2099", "GET", "/collect?page=/x&time=2099-01-01T00:00:00Z&key=" + key, "", "", 400, "", "time", at},
	} {
		w := newWorld(Site{}, nil)
		headers := []string{}
		if x.origin != "" {
			headers = append(headers, "Origin", x.origin)
		}
		rec := w.do(x.method, x.target, x.body, headers...)
		if rec.Code != x.status {
			t.Errorf("%s: %d %s", x.name, rec.Code, rec.Body)
			continue
		}
		if x.status != 200 {
			if len(w.events) > 0 || x.path != "" && !strings.Contains(rec.Body.String(), `"field":"`+x.path+`"`) {
				t.Errorf("%s: %s %+v", x.name, rec.Body, w.events)
			}
			continue
		}
		if e := w.events[0]; e.Host != x.host || e.Path != x.path || !e.Time.Equal(x.time) || e.Channel != "plain" || e.Kind != event.Page {
			t.Errorf("%s: %+v", x.name, e)
		}
	}
	w := newWorld(Site{}, nil)
	if rec := w.do("GET", "/collect?page=/r", "", "Referer", "https://shop.example/"); rec.Code != 200 || len(w.events) != 1 {
		t.Errorf("by Referer: %d", rec.Code)
	}
}

// Events of a batch that tell the same times, in turn with others.
func TestRepeatedTimes(t *testing.T) {
	w := newWorld(Site{}, nil)
	at := []string{"2026-11-20T21:59:58Z", "2026-11-20T21:59:58Z", "2026-11-20T21:59:57.5Z", "2026-11-20T21:59:58Z", "", "never", "2026-11-20T21:59:58Z"}
	var events []string
	for _, s := range at {
		events = append(events, `{"type":"page","timestamp":"`+s+`","sentAt":"2026-11-20T21:59:58Z"}`)
	}
	w.post("/v1/batch", `{"batch":[`+strings.Join(events, ",")+`]}`)
	for i, want := range []string{at[0], at[1], at[2], at[3], testNow.Format(time.RFC3339), at[6]} {
		if got := w.events[i].Original.Format(time.RFC3339Nano); got != want {
			t.Errorf("event %d happened at %s, want %s", i, got, want)
		}
	}
	if len(w.events) != 6 {
		t.Errorf("%d events are kept", len(w.events))
	}
}
