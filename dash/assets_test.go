package dash

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
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
		if len(plain) > 10_000 && 3*len(short) > len(plain) && !strings.HasSuffix(name, ".png") {
			t.Errorf("%s: %d bytes of %d", name, len(short), len(plain))
		}
	}
}
