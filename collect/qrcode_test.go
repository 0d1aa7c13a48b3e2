package collect

import (
	"bytes"
	"image/png"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestQRCode: both pictures have the same dark modules, with white around them,
// and none of them counts as a click.
func TestQRCode(t *testing.T) {
	w := clickWorld(testLink, nil)
	vector, dots := w.do("GET", "/r/anna/qr.svg", ""), w.do("GET", "/r/anna/qr.png", "")
	if vector.Code != 200 || dots.Code != 200 || vector.Header().Get("Content-Type") != "image/svg+xml" || dots.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("%d %v, %d %v", vector.Code, vector.Header(), dots.Code, dots.Header())
	}
	picture, err := png.Decode(bytes.NewReader(dots.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Dx() / moduleDot
	dark := map[[2]int]bool{}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(vector.Body.String(), -1) {
		x, _ := strconv.Atoi(run[1])
		y, _ := strconv.Atoi(run[2])
		n, _ := strconv.Atoi(run[3])
		for i := range n {
			dark[[2]int{x + i, y}] = true
		}
	}
	differ := 0
	for y := range size {
		for x := range size {
			r, _, _, _ := picture.At(x*moduleDot+moduleDot/2, y*moduleDot+moduleDot/2).RGBA()
			if (r == 0) != dark[[2]int{x, y}] {
				differ++
			}
			if edge := min(x, y, size-1-x, size-1-y) < quiet; edge && r == 0 {
				t.Fatalf("no white at the edge: %d,%d", x, y)
			}
		}
	}
	// The upper left corner is that of a finder pattern: seven dark modules, then a light one.
	if differ > 0 || size < 21+2*quiet || !dark[[2]int{quiet, quiet}] || !dark[[2]int{quiet + 6, quiet}] || dark[[2]int{quiet + 7, quiet}] {
		t.Errorf("%d of %d×%d modules differ", differ, size, size)
	}
	if len(w.events) > 0 {
		t.Errorf("a picture counts: %+v", w.events)
	}
}

func TestQRCodeAnswers(t *testing.T) {
	w := clickWorld(testLink, nil)
	first := w.do("GET", "/r/anna/qr.png", "")
	etag := first.Header().Get("ETag")
	if !strings.Contains(first.Header().Get("Cache-Control"), "max-age=") || etag == "" {
		t.Errorf("headers %v", first.Header())
	}
	if again := w.do("GET", "/r/anna/qr.png", "", "If-None-Match", etag); again.Code != 304 || again.Body.Len() > 0 {
		t.Errorf("with ETag: %d", again.Code)
	}
	secure := w.do("GET", "/r/anna/qr.png", "", "X-Forwarded-Proto", "https")
	if secure.Header().Get("ETag") == etag || bytes.Equal(secure.Body.Bytes(), first.Body.Bytes()) {
		t.Error("a link by https has the picture of one by http")
	}
	for path, want := range map[string]int{"/r/nobody/qr.svg": 404, "/r/anna/qr.gif": 404} {
		if rec := w.do("GET", path, ""); rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	long := testLink
	long.Code = strings.Repeat("Ä", 1000)
	if rec := clickWorld(long, nil).do("GET", "/r/anna/qr.svg", ""); rec.Code != 400 {
		t.Errorf("too long for a QR code: %d", rec.Code)
	}
}

// TestQRCodeHost: a picture leads to the server's own address, where that is
// known, whatever host its sender names; a name that is none is not drawn.
func TestQRCodeHost(t *testing.T) {
	ask := func(w *world, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/r/anna/qr.svg", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	long := strings.Repeat("a", 254)
	known := clickWorld(testLink, func(o *Options) { o.Public = "https://stats.example" })
	want := ask(known, "stats.example")
	for _, host := range []string{"evil.example", long} {
		if got := ask(known, host); got.Code != 200 || got.Body.String() != want.Body.String() {
			t.Errorf("%.20s: %d, another picture", host, got.Code)
		}
	}
	asked := clickWorld(testLink, nil)
	for host, status := range map[string]int{long: 400, long[1:]: 200, "stats.example": 200} {
		if got := ask(asked, host); got.Code != status {
			t.Errorf("a host of %d bytes: %d, want %d", len(host), got.Code, status)
		}
	}
	secure := httptest.NewRequest("GET", "https://stats.example/r/anna/qr.svg", nil)
	rec := httptest.NewRecorder()
	if asked.ServeHTTP(rec, secure); rec.Body.String() != want.Body.String() {
		t.Error("the public address has another picture than the host of the same name")
	}
	crowded := clickWorld(testLink, func(o *Options) { o.MaxWaiting = 1 })
	crowded.waiting.Add(1)
	if got := ask(crowded, "stats.example"); got.Code != 429 {
		t.Errorf("too many at a time: %d", got.Code)
	}
	crowded.waiting.Add(-1)
	if got := ask(crowded, "stats.example"); got.Code != 200 || crowded.waiting.Load() != 0 {
		t.Errorf("afterwards: %d, %d waiting", got.Code, crowded.waiting.Load())
	}
}
