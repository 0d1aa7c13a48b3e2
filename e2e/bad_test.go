package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func gzipped(text string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = io.WriteString(z, text) // into memory
	z.Close()
	return b.String()
}

// TestBadInput sends what no client should: the answer is clear, nothing of it
// is stored, and the server stays up.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.addSite("bad.example")
	s.start()
	page := func(more string) string {
		return `{"anonymousId":"a","properties":{"url":"https://bad.example/"}` + more + `}`
	}
	for _, x := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"no JSON", "/v1/page", "hello", 400, "JSON"},
		{"nothing", "/v1/page", "", 400, "JSON"},
		{"cut off", "/v1/batch", `{"batch":[{"type":"page"`, 400, "JSON"},
		{"a list", "/v1/page", "[]", 400, "object"},
		{"batch of the wrong type", "/v1/batch", `{"batch":"x"}`, 400, "batch"},
		{"text for an object", "/v1/page", `{"properties":"x"}`, 400, "properties"},
		{"number for a text", "/v1/track", `{"event":12}`, 400, "event"},
		{"5 MB", "/v1/page", page(`,"x":"` + strings.Repeat("x", 5<<20) + `"`), 413, "4 MB"},
		{"zip bomb", "/v1/batch", gzipped(`{"batch":["` + strings.Repeat("x", 64<<20) + `"]}`), 413, "larger"},
		{"10,000 deep", "/v1/page", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), 400, "deeper"},
		{"NUL byte", "/v1/page", page(",\"name\":\"a\x00b\""), 400, "control"},
		{"NUL escape", "/v1/page", page(`,"name":"a\u0000b"`), 400, "NUL"},
		{"broken UTF-8", "/v1/page", page(",\"name\":\"a\xff\xfe\""), 400, "UTF-8"},
		{"1970", "/v1/page", page(`,"timestamp":"1970-01-01T00:00:00Z"`), 400, "timestamp"},
		{"2099", "/v1/page", page(`,"timestamp":"2099-01-01T00:00:00Z"`), 400, "timestamp"},
		{"a day that does not exist", "/v1/page", page(`,"timestamp":"2026-02-31T00:00:00Z"`), 400, "timestamp"},
		{"2,501 events", "/v1/batch", `{"batch":[` + strings.Repeat("{},", 2500) + `{}]}`, 413, "2501"},
		{"33 KB event", "/v1/page", page(`,"x":"` + strings.Repeat("x", 33<<10) + `"`), 413, "32 KB"},
	} {
		res, text := s.post(t, at.WriteKey, x.path, []byte(x.body))
		if res.StatusCode != x.status || !strings.Contains(text, x.says) {
			t.Errorf("%s: %d %.300s, want %d and %q", x.name, res.StatusCode, text, x.status, x.says)
		}
	}
	for name, key := range map[string]string{"unknown key": "ffw_nosuchkey", "no key": ""} {
		if res, text := s.post(t, key, "/v1/page", []byte(page(""))); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s, want 401", name, res.StatusCode, text)
		}
	}
	slowBodies(t, s, at)
	if all := s.export(at.ID); len(all) != 0 {
		t.Errorf("stored from bad input: %+v", all)
	}
	if a := s.quiet(); a.Accepted != 0 {
		t.Errorf("accepted bad input: %+v", a)
	}
	// A clock that is wrong by some days is no bad event: it is kept at its arrival.
	soon := time.Now().Add(5 * 24 * time.Hour).UTC().Format(time.RFC3339)
	for name, extra := range map[string]string{"good": "", "soon": `,"timestamp":"` + soon + `"`, "unknown members": `,"nobody":{"knows":[1]}`} {
		if res, text := s.post(t, at.WriteKey, "/v1/page", []byte(page(extra+`,"messageId":"`+name+`"`))); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s, want 200", name, res.StatusCode, text)
		}
	}
	all := s.export(at.ID)
	if len(all) != 3 {
		t.Errorf("stored %+v, want 3 events", all)
	}
	for _, e := range all {
		if strings.HasPrefix(e.Time, soon[:10]) || e.ID == "soon" && e.Flag != "future" {
			t.Errorf("an event from the future was kept as %+v", e)
		}
	}
	s.stop()
}

// slowBodies opens connections that never finish what they send.
func slowBodies(t *testing.T, s *server, at site) {
	t.Helper()
	var conns []net.Conn
	for range 50 {
		c, err := net.Dial("tcp", s.listen)
		must(t, err)
		defer c.Close()
		fmt.Fprintf(c, "POST /v1/page?writeKey=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"anonymousId\":", at.WriteKey)
		conns = append(conns, c)
	}
	began := time.Now()
	for _, c := range conns {
		must(t, c.SetReadDeadline(began.Add(30*time.Second)))
		text, _ := io.ReadAll(c)
		if !strings.HasPrefix(string(text), "HTTP/1.1 408 ") {
			t.Errorf("a slow body was answered %.100q after %v, want 408", text, time.Since(began).Round(time.Second))
			return
		}
	}
}
