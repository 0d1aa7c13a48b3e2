package collect

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
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

// now is what is held at the moment.
func (b *budget) now() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
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
		eventually(t, "the first body is charged", func() bool { return w.bodies.now() >= 600<<10 })
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
		if held := w.bodies.now(); held != 0 {
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
		if held := w.bodies.now(); held != 0 {
			t.Errorf("%s: %d bytes are held by nobody", x.name, held)
		}
	}
}

// TestOneSiteLeavesRoom fills one site's part, and that of the senders who have
// not told their key yet, with bodies that don't end: neither keeps the other
// out, nor small events of its own.
func TestOneSiteLeavesRoom(t *testing.T) {
	w := newWorld(Site{}, func(o *Options) { o.MaxBodies = 4 << 20 })
	if w.bodies.part != 4<<20 || newBudget(1<<30).part != 256<<20 || newBudget(128<<20).part != worstBatch {
		t.Errorf("a site's part is %d of 4 MiB", w.bodies.part)
	}
	w.bodies.part = 1 << 20
	large := `{"writeKey":"` + key + `","batch":[{"type":"page"}],"x":"` + strings.Repeat("x", 200<<10) + `"}`
	known, unknown := "/v1/batch?writeKey="+key, "/v1/batch"
	for _, x := range []struct{ fills, full, free string }{{known, known, ""}, {unknown, unknown, known}} {
		var bodies []*io.PipeWriter
		var codes []chan int
		for range 3 {
			body, status := w.pipe(x.fills, -1)
			io.WriteString(body, large+strings.Repeat(" ", 100<<10))
			bodies, codes = append(bodies, body), append(codes, status)
		}
		eventually(t, "three bodies are charged", func() bool { return w.bodies.now() >= 900<<10 })
		if rec := w.do("POST", x.full, large); rec.Code != 429 {
			t.Errorf("a large one beside %s: %d %.200s, want 429", x.fills, rec.Code, rec.Body)
		}
		if rec := w.do("POST", x.full, `{"writeKey":"`+key+`","batch":[{"type":"page"}]}`); rec.Code != 200 {
			t.Errorf("a small one beside %s: %d %.200s", x.fills, rec.Code, rec.Body)
		}
		if x.free != "" {
			if rec := w.do("POST", x.free, large); rec.Code != 200 {
				t.Errorf("one of a site beside %s: %d %.200s", x.fills, rec.Code, rec.Body)
			}
		} else if other := (&claim{of: w.bodies, site: "s2"}); !other.take(900 << 10) {
			t.Error("another site has no room")
		} else {
			other.giveBack()
		}
		for i, body := range bodies {
			body.CloseWithError(io.ErrUnexpectedEOF)
			if code := <-codes[i]; code != 400 {
				t.Errorf("%s: %d", x.fills, code)
			}
		}
		if held := w.bodies.now(); held != 0 || len(w.bodies.sites) != 0 {
			t.Fatalf("%d bytes are held by nobody: %v", held, w.bodies.sites)
		}
	}
}

// TestClaimMoves: what a sender took before it was known is its site's then, if
// that has room.
func TestClaimMoves(t *testing.T) {
	b := newBudget(1 << 20)
	b.part = 4 * budgetStep
	one, two := &claim{of: b}, &claim{of: b}
	if !one.take(3*budgetStep) || !one.known("s1") || b.sites["s1"] != 3*budgetStep || b.sites[""] != 0 || b.held != 3*budgetStep {
		t.Errorf("moved: %d, %v", b.held, b.sites)
	}
	if !two.take(3*budgetStep) || two.known("s1") || b.held != 3*budgetStep {
		t.Errorf("moved to a site without room: %d, %v", b.held, b.sites)
	}
	if !two.known("s2") || !two.take(1) {
		t.Errorf("the small one has no room: %d, %v", b.held, b.sites)
	}
	one.giveBack()
	two.giveBack()
	if b.held != 0 || len(b.sites) != 0 {
		t.Errorf("held by nobody: %d, %v", b.held, b.sites)
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
	eventually(t, "all have begun", func() bool { return w.bodies.now() == many*budgetStep })
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
	if w.bodies.now() != 0 || w.waiting.Load() != 0 {
		t.Errorf("held by nobody: %d bytes, %d places", w.bodies.now(), w.waiting.Load())
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
	if w.waiting.Load() != 0 || w.bodies.now() != 0 {
		t.Errorf("held by nobody: %d bytes, %d places", w.bodies.now(), w.waiting.Load())
	}
}

// TestPixelsBuildLittle sends queries of 64 KB that would be large trees: without
// a site nothing is built of them, with one little, and what is built is claimed.
func TestPixelsBuildLittle(t *testing.T) {
	var paths, names strings.Builder
	for i := 0; paths.Len() < maxQuery-100; i++ {
		fmt.Fprintf(&paths, "%x.a.b.c.d.e.f.g.h.i.j.k.l.m.n&", i)
		fmt.Fprintf(&names, "%x=&", i)
	}
	data := "data=" + base64.RawURLEncoding.EncodeToString([]byte(`{"x":[`+strings.Repeat("1,", 20_000)+`1],"event":"x"}`))
	w := newWorld(Site{}, nil)
	for _, x := range []struct {
		name, query, says string
		kib               uint64
	}{
		{"paths of nobody", paths.String(), "refused, writeKey", 32},
		{"names of nobody", names.String(), "refused, writeKey", 32},
		{"data of nobody", data, "refused, writeKey", 300},
		{"paths", paths.String() + "writeKey=" + key, "512 steps", 300},
		{"names", names.String() + "writeKey=" + key, "512 steps", 300},
	} {
		r := httptest.NewRequest("GET", "/pixel/v1/page?"+x.query, nil)
		rec := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.ServeHTTP(rec, r)
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) >> 10; n > x.kib {
			t.Errorf("%s: %d KiB, want at most %d", x.name, n, x.kib)
		}
		if says := rec.Header().Get("X-Footfall"); !strings.Contains(says, x.says) {
			t.Errorf("%s: %q, want %s", x.name, says, x.says)
		}
	}
	w.bodies.part = 2 * budgetStep
	for target, sent := range map[string]string{
		"/pixel/v1/page?writeKey=" + key + "&properties.a=" + strings.Repeat("x", 20_000):                   "a pixel",
		"/pixel/v1/page?writeKey=" + key + "&" + strings.Join(strings.Split(paths.String(), "&")[:30], "&"): "a pixel of many steps",
		"/v1/pixel/track?" + data: "a pixel of data",
		"/collect?key=" + key + "&page=/" + strings.Repeat("x", 20_000): "a plain one",
	} {
		if rec := w.do("GET", target, ""); rec.Code != http.StatusTooManyRequests || w.bodies.now() != 0 {
			t.Errorf("%s without room: %d %v, %d bytes held", sent, rec.Code, rec.Header(), w.bodies.now())
		}
	}
	if rec := w.do("GET", "/collect?page=/&x="+strings.Repeat("x", maxQuery), ""); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a plain one with a query of 64 KB: %d", rec.Code)
	}
}

// TestKeyBeforeBuilding: a body is parsed only for those who have a key, which
// is found wherever the parser would find it.
func TestKeyBeforeBuilding(t *testing.T) {
	dense := `"x":[` + strings.Repeat("1,", 100_000) + `1]`
	for _, x := range []struct {
		body   string
		status int
	}{
		{`{` + dense + `,"writeKey":"nobody"}`, 401},
		{`{` + dense + `}`, 401},
		{`{` + dense + `,"writeKey":"` + key + `"}`, 429},
		{`{"a":{"writeKey":"` + key + `"}}`, 401},
		{`[{"writeKey":"` + key + `"}]`, 401},
		{`{"writeKey" : 7 ,"batch":[]}`, 401},
		{`{"writeKey":null,"batch":[]}`, 401},
		{`{"writeKey":"` + key + `"`, 400},
		{`{"writeKey":`, 400},
		{`{"writeKey":"` + key, 400},
		{` { "a" : "writeKey" , "writeKey" : "` + key + `" , "batch" : [ ] } `, 200},
		{`{"writeKey":"` + key + `","writeKey":"nobody","batch":[]}`, 200},
	} {
		w := newWorld(Site{}, func(o *Options) { o.MaxBodies = 4 << 20 })
		if rec := w.do("POST", "/v1/batch", x.body); rec.Code != x.status || w.bodies.now() != 0 {
			t.Errorf("%.40s … %s: %d %.200s, want %d", x.body, x.body[max(0, len(x.body)-40):], rec.Code, rec.Body, x.status)
		}
	}
}
