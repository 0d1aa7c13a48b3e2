package dash

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// TestAssetsAreSqueezed: who takes gzip gets it, a third as long, and who does not gets
// the same file.
func TestAssetsAreSqueezed(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	get := func(name, takes string) (body []byte, encoding, kind string) {
		r := httptest.NewRequest("GET", Assets()+"/"+name, nil)
		r.Header.Set("Accept-Encoding", takes)
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code != 200 || rec.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %d, Vary %q", name, rec.Code, rec.Header().Get("Vary"))
		}
		return rec.Body.Bytes(), rec.Header().Get("Content-Encoding"), rec.Header().Get("Content-Type")
	}
	for name := range assets() {
		plain, none, kind := get(name, "identity")
		short, encoding, same := get(name, "br, gzip")
		z, err := gzip.NewReader(bytes.NewReader(short))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(whole, plain) || none != "" || encoding != "gzip" || kind != same || kind == "" {
			t.Errorf("%s: %v, %d bytes of %d, %q and %q, %q and %q", name, err, len(whole), len(plain), none, encoding, kind, same)
		}
		if len(plain) > 10_000 && 2*len(short) > len(plain) && !strings.HasSuffix(name, ".png") {
			t.Errorf("%s: %d bytes of %d", name, len(short), len(plain))
		}
	}
}

// TestPagesAreSqueezed: pages of figures go compressed to who takes them so, and no page
// that shows a secret does. The word of their forms is spelled differently in each.
func TestPagesAreSqueezed(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	session := w.login(t)
	get := func(path, takes string) (*httptest.ResponseRecorder, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", takes)
		r.AddCookie(&http.Cookie{Name: cookie, Value: session})
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code != 200 || len(rec.Header()[gzhttp.HeaderNoCompression]) > 0 {
			t.Fatalf("%s: %d %v", path, rec.Code, rec.Header())
		}
		if rec.Header().Get("Content-Encoding") != "gzip" {
			return rec, rec.Body.String()
		}
		z, err := gzip.NewReader(bytes.NewReader(rec.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return rec, string(whole)
	}
	spelled := func(page string) string {
		_, page, _ = strings.Cut(page, `name="form" value="`)
		word, _, _ := strings.Cut(page, `"`)
		return word
	}
	short, page := get("/", "gzip, deflate, br, zstd")
	if short.Header().Get("Content-Encoding") != "gzip" || 4*short.Body.Len() > len(page) || !strings.Contains(short.Header().Get("Vary"), "Accept-Encoding") {
		t.Errorf("%d bytes of %d, %v", short.Body.Len(), len(page), short.Header())
	}
	plain, same := get("/", "identity")
	if plain.Header().Get("Content-Encoding") != "" || strings.ReplaceAll(page, spelled(page), "") != strings.ReplaceAll(same, spelled(same), "") {
		t.Errorf("the page differs, or is %v", plain.Header())
	}
	for _, path := range []string{"/shares", "/keys", "/account", "/people"} {
		if rec, _ := get(path, "gzip"); rec.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s goes compressed", path)
		}
	}
	if spelled(page) == spelled(same) || len(spelled(page)) != 64 {
		t.Errorf("the word is %q in one page and %q in the next", spelled(page), spelled(same))
	}
	for _, of := range []string{spelled(page), spelled(same)} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("form="+of))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if own := (visit{token: session}).form(); !wrote(r, "form", own) || wrote(r, "form", visit{token: "another"}.form()) || wrote(r, "form", "") {
			t.Errorf("%s is not the session's, or everybody's", of)
		}
	}
	none := httptest.NewRequest("POST", "/", nil)
	if wrote(none, "form", "") || wrote(none, "form", spelled(page)) {
		t.Error("no word is one")
	}
}

// BenchmarkSqueeze compresses the board at each level.
func BenchmarkSqueeze(b *testing.B) {
	w := newWorld(b, now, "atelier.example")
	r := httptest.NewRequest("GET", "/", nil)
	session, err := w.control.AddSession(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookie, Value: session})
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	page := rec.Body.Bytes()
	for level := 1; level <= 6; level++ {
		wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(level), gzhttp.EnableZstd(false))
		if err != nil {
			b.Fatal(err)
		}
		h := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(page)
		}))
		b.Run(fmt.Sprint("level=", level), func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", "gzip")
			n := 0
			for b.Loop() {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				n = rec.Body.Len()
			}
			b.ReportMetric(float64(n)/float64(len(page)), "of-plain")
		})
	}
}
