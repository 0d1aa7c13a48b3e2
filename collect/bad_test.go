package collect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// TestBadInput sends what no client should: each gets a clear answer, nothing
// of it is stored, and the next good request is taken.
func TestBadInput(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	for range 64 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	small := zip(`{"a":"` + strings.Repeat(" ", 3<<20) + `"}`)
	w := newWorld(Site{}, nil)
	for _, x := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"empty", "/v1/page", "", 400, "unreadable JSON at byte 0: it ends too early"},
		{"cut off", "/v1/page", `{"a":`, 400, "ends too early"},
		{"two", "/v1/page", `{} {}`, 400, "byte 3: something follows"},
		{"not a number", "/v1/page", `{"a":NaN}`, 400, "a value is expected"},
		{"leading zero", "/v1/page", `{"a":01}`, 400, "starts with 0"},
		{"single quotes", "/v1/page", `{'a':1}`, 400, "a key in quotes"},
		{"trailing comma", "/v1/page", `{"a":1,}`, 400, "a key in quotes"},
		{"escape", "/v1/page", `{"a":"\x41"}`, 400, "unknown escape"},
		{"short escape", "/v1/page", `{"a":"\u00g1"}`, 400, "hexadecimal"},
		{"raw NUL", "/v1/page", "{\"event\":\"a\x00b\"}", 400, "control character"},
		{"NUL", "/v1/track", `{"event":"a\u0000b"}`, 400, "event: holds a NUL byte"},
		{"NUL in a key nobody reads", "/v1/page", `{"x":{"a\u0000":1}}`, 400, "NUL"},
		{"broken UTF-8", "/v1/track", "{\"event\":\"a\xffb\"}", 400, "not valid UTF-8"},
		{"an array", "/v1/page", `[]`, 401, "write key"}, // without a key in the query below
		{"an array with key", "/v1/page", `[1]`, 400, "event: must be an object"},
		{"text for an object", "/v1/page", `{"properties":"x"}`, 400, `"field":"properties"`},
		{"number for a text", "/v1/track", `{"event":12}`, 400, `"field":"event"`},
		{"object for an id", "/v1/track", `{"event":"x","userId":{}}`, 400, `"field":"userId"`},
		{"number for a time", "/v1/page", `{"timestamp":1605912345678}`, 400, `"field":"timestamp"`},
		{"text number for a time", "/v1/page", `{"timestamp":"1605912345678"}`, 400, "is a number"},
		{"no time at all", "/v1/page", `{"originalTimestamp":"soon"}`, 400, `"field":"originalTimestamp"`},
		{"1970", "/v1/page", `{"timestamp":"1970-01-01T00:00:01.605Z"}`, 400, "timestamp: lies before 1971"},
		{"sent in 1970", "/v1/page", `{"timestamp":"2026-11-20T22:00:00Z","sentAt":"1970-01-01T00:00:00Z"}`, 400, `"field":"sentAt"`},
		{"2099", "/v1/page", `{"timestamp":"2099-01-01T00:00:00Z"}`, 400, "timestamp: lies more than 400 days ahead of the server's clock"},
		{"sent in 2099", "/v1/page", `{"timestamp":"2026-11-20T22:00:00Z","sentAt":"2099-01-01T00:00:00Z"}`, 400, `"field":"sentAt"`},
		{"track without a name", "/v1/track", `{"event":""}`, 400, `"field":"event"`},
		{"long id", "/v1/page", `{"messageId":"` + strings.Repeat("m", 257) + `"}`, 400, `"field":"messageId"`},
		{"no batch", "/v1/batch", `{"type":"page"}`, 400, `"field":"batch"`},
		{"batch of the wrong type", "/v1/batch", `{"batch":{}}`, 400, `"field":"batch"`},
		{"too many events", "/v1/batch", `{"batch":[` + strings.Repeat("1,", 2500) + `1]}`, 413, "2501 events"},
		{"too many values", "/v1/batch", `{"batch":[` + strings.Repeat("1,", 1<<19) + `1]}`, 413, "values"},
		{"33 KB event", "/v1/page", `{"properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}}`, 413, "32 KB"},
		{"5 MB", "/v1/batch", `{"batch":["` + strings.Repeat("x", 5<<20) + `"]}`, 413, "4 MB"},
		{"10,000 deep", "/v1/page", deep, 400, "nested deeper than 64"},
		{"10,000 deep array", "/v1/batch", strings.Repeat("[", 10_000), 400, "nested deeper than 64"},
		{"zip bomb", "/v1/batch", bomb.String(), 413, "unzipped body is larger"},
		{"dense zip", "/v1/batch", small, 413, "200 times"},
		{"broken zip", "/v1/batch", zip(`{"batch":[]}`)[:20], 400, "gzip"},
		{"zip of junk", "/v1/batch", zip("junk"), 400, "unreadable JSON"},
		{"huge context", "/v1/batch", `{"context":{"a":"` + strings.Repeat("x", 30<<10) + `"},"batch":[` + strings.Repeat("{},", 2000) + `{}]}`, 413, "context"},
	} {
		path := x.path + "?writeKey=" + key
		if x.status == 401 {
			path = x.path
		}
		rec := w.do("POST", path, x.body)
		if rec.Code != x.status || !strings.Contains(rec.Body.String(), x.says) || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %.300s, want %d %s", x.name, rec.Code, rec.Body, x.status, x.says)
		}
		if len(w.events) > 0 {
			t.Fatalf("%s: stored %+v", x.name, w.events)
		}
	}
	if rec := w.do("POST", "/v1/page?writeKey="+key, "{}", "Content-Encoding", "br"); rec.Code != 415 {
		t.Errorf("brotli: %d", rec.Code)
	}
	if rec := w.post("/v1/page", `{"nobody":"knows","this":[1,{}]}`); rec.Code != 200 || len(w.events) != 1 {
		t.Errorf("unknown keys after all that: %d %s", rec.Code, rec.Body)
	}
}

func TestGzipWhateverItIsCalled(t *testing.T) {
	for _, headers := range [][]string{
		{"Content-Encoding", "gzip", "Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", "text/plain"}, {},
	} {
		w := newWorld(Site{}, nil)
		for range 3 { // the reader is used again
			if rec := w.post("/v1/batch", zip(`{"batch":[{"type":"page"}]}`), headers...); rec.Code != 200 {
				t.Errorf("%v: %d %s", headers, rec.Code, rec.Body)
			}
		}
		if rec := w.post("/v1/batch", `{"batch":[{"type":"page"}]}`, headers...); rec.Code != 200 || len(w.events) != 4 {
			t.Errorf("unzipped with %v: %d, %d events", headers, rec.Code, len(w.events))
		}
	}
}

// TestSlowBody talks to a real server over a real connection.
func TestSlowBody(t *testing.T) {
	w := newWorld(Site{}, func(o *Options) { o.BodyTimeout = 150 * time.Millisecond })
	server := httptest.NewServer(w)
	defer server.Close()
	for name, head := range map[string]string{"length": "Content-Length: 100\r\n\r\n{\"a\"", "chunked": "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /v1/page?writeKey=%s HTTP/1.1\r\nHost: x\r\n%s", key, head)
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		answer, _ := io.ReadAll(conn)
		if s := string(answer); !strings.HasPrefix(s, "HTTP/1.1 408 ") || !strings.Contains(s, "took too long") {
			t.Errorf("%s: %q", name, s)
		}
		conn.Close()
	}
	if len(w.events) > 0 || w.waiting.Load() != 0 {
		t.Errorf("stored %d, still waiting %d", len(w.events), w.waiting.Load())
	}
	// A connection is as good as new after a body: its deadline is gone.
	for range 2 {
		resp, err := http.Post(server.URL+"/v1/page?writeKey="+key, "text/plain", strings.NewReader(`{}`))
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		time.Sleep(200 * time.Millisecond)
	}
	if len(w.events) != 2 {
		t.Errorf("stored %d of 2", len(w.events))
	}
}

// TestAnswerToLargeBodies: a sender that writes all of a body before it reads gets
// the answer too, and the connection stays good.
func TestAnswerToLargeBodies(t *testing.T) {
	w := newWorld(Site{}, nil)
	server := httptest.NewServer(w)
	defer server.Close()
	body := `{"batch":["` + strings.Repeat("x", 5<<20) + `"]}`
	chunked := fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	for _, x := range []struct{ name, path, rest, status string }{
		{"too large", "/v1/batch?writeKey=" + key, length, "413"}, {"too large, in chunks", "/v1/batch?writeKey=" + key, chunked, "413"},
		{"of nobody", "/v1/batch?writeKey=nobody", length, "401"}, {"to nowhere", "/v1/elsewhere", length, "404"},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		answers := bufio.NewReader(conn)
		for range 2 {
			if _, err := io.WriteString(conn, "POST "+x.path+" HTTP/1.1\r\nHost: x\r\n"+x.rest); err != nil {
				t.Errorf("%s: %v", x.name, err)
				break
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil || !strings.HasPrefix(resp.Status, x.status) {
				t.Errorf("%s: %v %v, want %s", x.name, resp, err, x.status)
				break
			}
			io.Copy(io.Discard, resp.Body)
		}
	}
}

// TestSlowDisk holds an event longer than its body may take: the body's
// deadline must not end the request.
func TestSlowDisk(t *testing.T) {
	w := newWorld(Site{}, func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	kept := w.Publish
	w.Publish = func(ctx context.Context, events ...event.Event) error {
		time.Sleep(200 * time.Millisecond)
		if err := ctx.Err(); err != nil {
			return err
		}
		return kept(ctx, events...)
	}
	server := httptest.NewServer(w)
	defer server.Close()
	resp, err := http.Post(server.URL+"/v1/page?writeKey="+key, "text/plain", strings.NewReader(`{}`))
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
}
