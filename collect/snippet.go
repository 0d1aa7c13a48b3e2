package collect

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"

	"footfall/event"
)

// The scripts as served; the files beside them without .min are their source.
var (
	//go:embed footfall.min.js
	snippetText []byte
	//go:embed affiliate.min.js
	carriageText []byte
	//go:embed figures.min.js
	figuresText []byte
	//go:embed frame.min.js
	frameText []byte
)

// script is a script that pages load, zipped once.
type script struct {
	text, zipped []byte
	etag         string
}

var (
	snippet  = newScript(snippetText)
	carriage = newScript(carriageText)
	figures  = newScript(figuresText) // for pages that show figures
	frame    = newScript(frameText)
)

func newScript(text []byte) *script { return &script{text, zipped(text), etag(text)} }

// zips holds what zips scripts, which takes a megabyte of memory each.
var zips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // fails for other levels only
	return z
}}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := zips.Get().(*gzip.Writer)
	defer zips.Put(z)
	z.Reset(&out)
	_, err := z.Write(b)
	if err = errors.Join(err, z.Close()); err != nil {
		panic("collect: zipping a script in memory: " + err.Error()) // a buffer takes all
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

// Blockers know the usual paths. So a page may load the snippet by any other name,
// as /n/NAME.js: it sends to /n/NAME/ then.
const (
	renamedPrefix = "/n/"
	maxName       = 64 // bytes
)

// renamed finds what answers a path under renamedPrefix, and the methods it takes.
func renamed(path string) (h handler, kind event.Kind, methods string) {
	name, letter, sends := strings.Cut(path[len(renamedPrefix):], "/")
	script := false
	if !sends {
		name, script = strings.CutSuffix(name, ".js")
	}
	kind = kindOf(letter, "")
	switch {
	case name == "" || len(name) > maxName || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return nil, "", ""
	case script:
		return (*Collector).renamedSnippet, "", "GET, HEAD"
	case kind != "":
		return (*Collector).events, kind, "POST"
	}
	return nil, "", ""
}

// renamedSnippet answers the snippet by the name it is asked for.
func (c *Collector) renamedSnippet(w http.ResponseWriter, r *http.Request, kind event.Kind) *refusal {
	return renames.of(strings.TrimSuffix(strings.TrimSuffix(r.URL.Path, "/"), ".js")+"/").serve(c, w, r, kind)
}

// renames are the snippets that send to paths of their own. Sites have few, and whoever
// makes names up costs what they ask for, and no room.
var renames = renamedScripts{made: map[string]*script{}}

const maxRenamed = 256 // of a kilobyte or two

type renamedScripts struct {
	mu   sync.Mutex
	made map[string]*script
}

// of is the snippet that sends to a path.
func (s *renamedScripts) of(path string) *script {
	s.mu.Lock()
	made := s.made[path]
	s.mu.Unlock()
	if made != nil {
		return made
	}
	made = newScript(bytes.Replace(snippetText, []byte("/v1/"), []byte(path), 1)) // nobody waits meanwhile
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) >= maxRenamed {
		clear(s.made)
	}
	s.made[path] = made
	return made
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
