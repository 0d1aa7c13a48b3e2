package collect

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"footfall/event"
)

// FuzzDecode: no body brings the collector down; what it calls readable is JSON
// by the standard library's measure too; and what it keeps is fit to be kept and
// holds no address.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"batch":[{"type":"page"},1,null]}`, `{"type":"track","event":"\u0000","properties":{"a":[1e9,-0.5]},"context":{"ip":"x"}}`,
		`{"batch":[{"type":"page","properties":{"url":"https://a.example/?b#c","IP":"1"}}],"context":{"page":{"url":"//"}},"sentAt":"2026-11-20T22:00:00Z"}`,
		"\x1f\x8b", zip(`{"batch":[]}`), `{"a":"\ud800\u0041"}`, `[[[[`, `{"userId":1e400}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
	}
	for _, file := range []string{"segment-go-v3.ok.json", "rudder-node.ok.json", "segment-next.ok.json"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "sdk-recordings", file))
		var run struct{ Requests []recorded }
		if err == nil && json.Unmarshal(b, &run) == nil {
			for _, r := range run.Requests {
				f.Add([]byte(r.Body), uint8(1))
			}
		}
	}
	paths := []string{"/v1/track", "/v1/batch", "/collect", "/v1/page"}
	f.Fuzz(func(t *testing.T, body []byte, path uint8) {
		w := newWorld(Site{}, nil)
		if _, ref := scan(body); (ref == nil) != json.Valid(body) && (ref == nil || ref.status != 413 && !strings.Contains(ref.why, "nested")) {
			t.Fatalf("scan says %v, encoding/json %v", ref, json.Valid(body))
		}
		rec := w.do("POST", paths[int(path)%len(paths)]+"?key="+key+"&writeKey="+key, string(body))
		if !json.Valid(rec.Body.Bytes()) {
			t.Fatalf("the answer is no JSON: %s", rec.Body)
		}
		for _, e := range w.events {
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{e.Properties, e.Traits, e.Context} {
				if s != "" && !json.Valid([]byte(s)) || strings.Contains(s, `\u0000`) && strings.Contains(string(body), `\u0000`) && !strings.Contains(string(body), `\\`) || strings.Contains(s, `"ip":`) {
					t.Fatalf("kept %s", s)
				}
			}
		}
		for _, raw := range w.refused {
			if !utf8.ValidString(raw) {
				t.Fatalf("set aside %q", raw)
			}
		}
	})
}

// FuzzTime: whatever the clocks say, the kept time is within the law.
func FuzzTime(f *testing.F) {
	f.Add(int64(-1000), int64(-500), int64(1000), "2026-11-20T21:16:51.073588971Z")
	f.Add(int64(-3_601_000), int64(-3_600_000), int64(33_000), "1970-01-01")
	f.Add(int64(1)<<50, int64(-1)<<50, int64(0), "9999-12-31T23:59:59Z")
	f.Fuzz(func(t *testing.T, original, sent, delay int64, text string) {
		received := testNow
		const years = 10_000 * 365 * 24 * 3600 * 1000
		at := func(ms int64) time.Time { return time.UnixMilli(testNow.UnixMilli() + ms%years) }
		o, s := at(original), at(sent)
		got, skew, flag := When(o, s, received)
		switch {
		case got.After(received.Add(ahead)), flag == "skew" && got.After(received), flag == "" && (!got.Equal(o) || skew != 0):
			t.Fatalf("When(%v, %v, %v) = %v, %v, %q", o, s, received, got, skew, flag)
		}
		if wait := time.Duration(delay%300_000) * time.Millisecond; wait > 0 && !o.After(received) {
			// A right clock: sent 0 to 5 minutes before it arrives, now or on a resend.
			for _, stale := range []time.Time{received.Add(-wait), received} {
				if again, _, flag := When(o, stale, received); flag != "" || !again.Equal(o) {
					t.Fatalf("resent after %v: %v %q, want %v", wait, again, flag, o)
				}
			}
		}
		if read, err := readTime("timestamp", text, received); err == nil && text != "" && event.Timely("timestamp", read, received) != nil {
			t.Fatalf("%q is read as %v", text, read)
		}
	})
}

var benchPage = `{"type":"page","messageId":"ajs-next-1795209954633-a590d302-e72e-404a-84a9-095b22c64537","anonymousId":"90d302e7-2eb0-4a84-a909-5b22c64537c3","name":"Home","originalTimestamp":"2026-11-20T21:59:59.123Z","sentAt":"2026-11-20T21:59:59.200Z","properties":{"path":"/index.html","referrer":"https://blog.example/post","search":"?utm_source=news&utm_campaign=c1","title":"Shop","url":"https://shop.example/index.html?utm_source=news&utm_campaign=c1","promo":"a","category":"shop"},"context":{"page":{"path":"/index.html","url":"https://shop.example/index.html?utm_source=news&utm_campaign=c1"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)","locale":"en-US","library":{"name":"analytics.js","version":"next-1.84.3"},"campaign":{"source":"news","name":"c1"}}}`

func bench(b *testing.B, path, body string) {
	w := New(oneSite{site: Site{ID: "s1", Key: key}}, Options{Publish: func(context.Context, ...event.Event) error { return nil }})
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header["Authorization"] = []string{"Basic ZXh3cml0ZWtleTAwMDAwMDAwMDAwMDAwMDE6"}
		rec := httptest.NewRecorder()
		if w.ServeHTTP(rec, r); rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}

func BenchmarkSingle(b *testing.B) { bench(b, "/v1/page", benchPage) }

func BenchmarkBatch100(b *testing.B) {
	bench(b, "/v1/batch", `{"batch":[`+strings.Repeat(benchPage+",", 99)+benchPage+`]}`)
}

func BenchmarkDecode(b *testing.B) {
	c := New(oneSite{}, Options{})
	j := newJob(c.bodies)
	body := []byte(benchPage)
	b.ReportAllocs()
	for b.Loop() {
		v, ref := j.parse(body)
		if ref != nil {
			b.Fatal(ref)
		}
		j.decoder.origin = origin{site: "s1", received: testNow, channel: "web"}
		if err := c.add(j, v, "page"); err != nil {
			b.Fatal(err)
		}
		j.events = j.events[:0]
		j.claim.giveBack()
	}
}
