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

// The snippet as served; footfall.js beside it is its source.
//
//go:embed footfall.min.js
var snippetText []byte

// The snippet is zipped once, at the start.
var (
	snippetZipped = zipped(snippetText)
	snippetETag   = etag(snippetText)
)

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
		panic("collect: zipping the snippet in memory: " + err.Error()) // the level is a constant and a buffer takes all
	}
	return out.Bytes()
}

func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// snippet answers the script that pages load.
func (c *Collector) snippet(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", snippetETag)
	h["Vary"] = []string{"Origin, Accept-Encoding"}
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if strings.Contains(r.Header.Get("If-None-Match"), snippetETag) {
		w.WriteHeader(http.StatusNotModified)
		c.Count("request", "304", 1)
		return nil
	}
	body := snippetText
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = snippetZipped
	}
	_, _ = w.Write(body) // a browser that has gone needs no script
	c.Count("request", "200", 1)
	return nil
}
