package collect

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// pipe begins a request whose body stays open; length is what it says of it.
func (w *world) pipe(target string, length int64) (body *io.PipeWriter, status chan int) {
	r, body := io.Pipe()
	req := httptest.NewRequest("POST", target, r)
	req.ContentLength = length
	status = make(chan int, 1)
	go func() {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, req)
		r.Close()
		status <- rec.Code
	}()
	return body, status
}

// eventually waits for something that other goroutines do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 30 s: ", what)
		}
	}
}

// TestBudgetOfBodies holds most of the budget with one body and sends others
// beside it, whatever the lengths that they claim.
func TestBudgetOfBodies(t *testing.T) {
	const limit = 1 << 20
	page := func(size int) string {
		return `{"batch":[{"type":"page"}],"x":"` + strings.Repeat("x", size) + `"}`
	}
	w := newWorld(Site{}, func(o *Options) { o.MaxBodies = limit })
	for name, length := range map[string]int64{"chunked": -1, "honest": 700 << 10, "lying": 4 << 20} {
		body, status := w.pipe("/v1/batch?writeKey="+key, length)
		io.WriteString(body, page(600 << 10)[:600<<10])
		eventually(t, "the first body is charged", func() bool { return w.bodies.held.Load() >= 600<<10 })
		for what, sent := range map[string]string{"large": page(500 << 10), "zipped": zip(page(500<<10) + random(8<<10))} {
			rec := w.post("/v1/batch", sent)
			if rec.Code != 429 || rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "send it again") {
				t.Errorf("%s beside %s: %d %.200s, want 429", what, name, rec.Code, rec.Body)
			}
		}
		for range 200 {
			if rec := w.post("/v1/page", `{}`); rec.Code != 200 {
				t.Fatalf("small beside %s: %d %s", name, rec.Code, rec.Body)
			}
		}
		body.CloseWithError(io.ErrUnexpectedEOF)
		if code := <-status; code != 400 {
			t.Errorf("%s: broken off: %d", name, code)
		}
		if held := w.bodies.held.Load(); held != 0 {
			t.Fatalf("%s: %d bytes are held by nobody", name, held)
		}
	}
}

// TestBudgetOfParsed sends little text that takes much memory once it is parsed
// or merged.
func TestBudgetOfParsed(t *testing.T) {
	w := newWorld(Site{}, func(o *Options) { o.MaxBodies = 4 << 20 })
	usual := `{"batch":[` + strings.Repeat(benchPage+",", 99) + benchPage + `]}`
	for _, x := range []struct {
		name, body string
		status     int
	}{
		{"usual", usual, 200},
		{"dense", `{"batch":[{"type":"page"}],"x":[` + strings.Repeat("1,", 100_000) + `1]}`, 429},
		{"many events", `{"batch":[` + strings.Repeat("{},", 2400) + `{}],"context":{"x":"` + strings.Repeat("x", 5000) + `"}}`, 429},
		{"usual again", usual, 200},
	} {
		if rec := w.post("/v1/batch", x.body); rec.Code != x.status {
			t.Errorf("%s: %d %.200s, want %d", x.name, rec.Code, rec.Body, x.status)
		}
		if held := w.bodies.held.Load(); held != 0 {
			t.Errorf("%s: %d bytes are held by nobody", x.name, held)
		}
	}
}

// TestTricklesAreNotRefused opens far more bodies than the budget has steps, each
// of which claims to be large and sends a few bytes: none is refused, nor is an
// honest one beside them.
func TestTricklesAreNotRefused(t *testing.T) {
	const many = 64
	w := newWorld(Site{}, func(o *Options) { o.MaxWaiting, o.MaxBodies = many+1, 4*budgetStep })
	var bodies []*io.PipeWriter
	var codes []chan int
	for range many {
		body, status := w.pipe("/v1/page?writeKey="+key, 4<<20)
		io.WriteString(body, `{"name":`)
		bodies, codes = append(bodies, body), append(codes, status)
	}
	eventually(t, "all have begun", func() bool { return w.bodies.held.Load() == many*budgetStep })
	if rec := w.post("/v1/page", `{"name":"`+strings.Repeat("x", 2000)+`"}`); rec.Code != 200 {
		t.Errorf("an honest one: %d %s", rec.Code, rec.Body)
	}
	for i, body := range bodies {
		io.WriteString(body, `"slow"}`)
		body.Close()
		if code := <-codes[i]; code != 200 {
			t.Errorf("trickle %d: %d", i, code)
		}
	}
	if w.bodies.held.Load() != 0 || w.waiting.Load() != 0 {
		t.Errorf("held by nobody: %d bytes, %d places", w.bodies.held.Load(), w.waiting.Load())
	}
}

// TestUnknownSender: until a body has told its key, it may not be large.
func TestUnknownSender(t *testing.T) {
	body := func(size int) string {
		return `{"writeKey":"` + key + `","batch":[{"type":"page"}],"x":"` + strings.Repeat("x", size) + `"}`
	}
	const basic = "Basic ZXh3cml0ZWtleTAwMDAwMDAwMDAwMDAwMDE6"
	const advice = "put the write key into the Authorization header"
	for _, x := range []struct {
		name, target, body, auth string
		chunked                  bool
		status                   int
		says                     string
	}{
		{"a beacon", "/beacon/v1/batch", body(64 << 10), "", false, 200, ""},
		{"large, no key before it", "/v1/batch", body(600 << 10), "", false, 413, advice},
		{"the same, chunked", "/v1/batch", body(600 << 10), "", true, 413, advice},
		{"the same, zipped", "/v1/batch", zip(body(600<<10) + random(8<<10)), "", false, 413, "unzipped body is larger than 512 KB: " + advice},
		{"key in the header", "/v1/batch", body(600 << 10), basic, false, 200, ""},
		{"key in the query", "/v1/batch?writeKey=" + key, body(600 << 10), "", true, 200, ""},
		{"plain", "/collect?page=/&key=" + key, `{"x":"` + strings.Repeat("x", 600<<10) + `"}`, "", false, 413, "512 KB"},
	} {
		w := newWorld(Site{}, nil)
		r := httptest.NewRequest("POST", x.target, strings.NewReader(x.body))
		if x.chunked {
			r.ContentLength = -1
		}
		if x.auth != "" {
			r.Header.Set("Authorization", x.auth)
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code != x.status || !strings.Contains(rec.Body.String(), x.says) || (x.status == 200) != (len(w.events) == 1) {
			t.Errorf("%s: %d %.300s, want %d %s", x.name, rec.Code, rec.Body, x.status, x.says)
		}
	}
}

// random is text that does not zip well.
func random(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(newID())
	}
	return b.String()
}

// TestPixelTakesAPlace: pixels are among the requests in memory, and one without
// a place is told so by an image that nobody takes for accepted.
func TestPixelTakesAPlace(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	w := newWorld(Site{}, func(o *Options) {
		o.MaxWaiting = 1
		o.Publish = func(context.Context, ...event.Event) error { held <- struct{}{}; <-hold; return nil }
	})
	first := make(chan int)
	go func() { first <- w.do("GET", "/pixel/v1/page?writeKey="+key, "").Code }()
	<-held
	if n := w.waiting.Load(); n != 1 {
		t.Errorf("%d places taken, want 1", n)
	}
	second := make(chan *httptest.ResponseRecorder)
	go func() { second <- w.do("GET", "/pixel/v1/page?writeKey="+key, "") }()
	select {
	case rec := <-second:
		if h := rec.Header(); rec.Code != http.StatusTooManyRequests || h.Get("Retry-After") == "" || h.Get("Content-Type") != "image/gif" ||
			!strings.Contains(h.Get("X-Footfall"), "too many") {
			t.Errorf("second: %d %v", rec.Code, h)
		}
	case <-held:
		t.Error("the second pixel took no place")
	}
	close(hold)
	if code := <-first; code != 200 {
		t.Errorf("first: %d", code)
	}
	if w.waiting.Load() != 0 || w.bodies.held.Load() != 0 {
		t.Errorf("held by nobody: %d bytes, %d places", w.bodies.held.Load(), w.waiting.Load())
	}
}
