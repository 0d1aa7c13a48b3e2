package dash

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"time"
)

// squeezed are the assets as browsers take them: compressed once. Pages are not: they
// hold the secret word of forms beside what an address says, and from the length of both
// together compressed the word could be guessed.
var squeezed = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	for name, b := range assets() {
		var to bytes.Buffer
		z, _ := gzip.NewWriterLevel(&to, gzip.BestCompression) // the level is one, and a buffer takes all
		_, _ = z.Write(b)
		_ = z.Close()
		all[name] = to.Bytes()
	}
	return all
})

func asset(w http.ResponseWriter, r *http.Request, _ visit) {
	name := r.PathValue("name")
	b, known := assets()[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		b = squeezed()[name]
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}
