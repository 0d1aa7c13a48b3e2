package collect

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"

	"footfall/event"
)

// The scripts as served; footfall.js and affiliate.js beside them are their source.
var (
	//go:embed footfall.min.js
	snippetText []byte
	//go:embed affiliate.min.js
	carriageText []byte
)

// script is a script that pages load, zipped once, at the start.
type script struct {
	text, zipped []byte
	etag         string
}

var (
	snippet  = newScript(snippetText)
	carriage = newScript(carriageText)
)

func newScript(text []byte) *script { return &script{text, zipped(text), etag(text)} }

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(b)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic("collect: zipping a script in memory: " + err.Error()) // the level is a constant and a buffer takes all
	}
	return out.Bytes()
}

func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// serve answers the script.
func (s *script) serve(c *Collector, w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h["Vary"] = []string{"Origin, Accept-Encoding"}
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if c.cached(w, r, s.etag) {
		return nil
	}
	body := s.text
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = s.zipped
	}
	_, _ = w.Write(body) // a browser that has gone needs no script
	c.Count("request", "200", 1)
	return nil
}

// cached lets an answer be kept for a day, and answers the request if its
// browser has it already.
func (c *Collector) cached(w http.ResponseWriter, r *http.Request, etag string) bool {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", etag)
	if !strings.Contains(r.Header.Get("If-None-Match"), etag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	c.Count("request", "304", 1)
	return true
}
