package collect

import (
	"bytes"
	"compress/gzip"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"footfall/event"
)

// job is the memory one request works in. It is used again for later ones.
type job struct {
	wire, plain []byte // the body as sent and, if it was zipped, unzipped
	unzip       *gzip.Reader
	parser      fastjson.Parser
	decoder     *decoder
	events      []event.Event
	rejected    []rejection
	answer      []byte
	claim       claim
	heavy       bool // too much memory to keep it
}

func newJob(b *budget) *job { return &job{decoder: newDecoder(), claim: claim{of: b}} }

const (
	keepBody  = 256 << 10 // bytes of a body that a job keeps memory for
	keepCount = 256       // events, likewise
)

// bound is how large a body may be, as sent and also unzipped.
type bound struct {
	bytes int
	says  string // in words, with what a sender can do about it
}

// The bounds of bodies by what is known of their senders before they are read.
// The unknown sender's leaves room for what SDKs send from browsers without a
// header: a beacon ends at 64 KB, and Segment's batches at 500 KB.
var (
	ofKnown   = bound{maxBody, "4 MB"}
	ofUnknown = bound{maxUnknown, "512 KB: put the write key into the Authorization header or the query, then it may be 4 MB"}
	ofPlain   = bound{maxUnknown, "512 KB"}
)

// read reads the request's body into j and returns it unzipped.
func (c *Collector) read(w http.ResponseWriter, r *http.Request, j *job, limit bound) ([]byte, *refusal) {
	if r.ContentLength > int64(limit.bytes) {
		return nil, tooLarge("the body is larger than " + limit.says)
	}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip", "x-gzip":
	default:
		return nil, &refusal{status: http.StatusUnsupportedMediaType, why: "the content encoding must be gzip or none"}
	}
	if r.ContentLength != 0 {
		// net/http lifts it when the body has ended. A recorder in a test has no
		// deadline, and nothing to wait for either.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(c.BodyTimeout))
	}
	var err error
	j.wire, err = j.readAll(j.wire[:0], r.Body, limit.bytes, int(max(r.ContentLength, 0)))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{status: http.StatusRequestTimeout, why: "the body took too long to arrive"}
	case errors.Is(err, errTooLarge):
		return nil, tooLarge("the body is larger than " + limit.says)
	case errors.Is(err, errFull):
		return nil, full
	case err != nil:
		return nil, unreadable("the body broke off")
	}
	if len(j.wire) > 1 && j.wire[0] == 0x1f && j.wire[1] == 0x8b {
		return j.gunzip(limit)
	}
	return j.wire, nil
}

// swallow reads what is left of a body that is refused for good. Many senders
// write all of it before they read: they would find the connection broken instead
// of the answer, and send the same again.
func (c *Collector) swallow(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.ContentLength > maxSwallowed || r.Header.Get("Expect") != "" {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(c.BodyTimeout)) // as in read
	_, _ = io.CopyN(io.Discard, r.Body, maxSwallowed)                                // the answer is the same, whatever became of it
}

var (
	errTooLarge = errors.New("too large")
	errRatio    = errors.New("too dense")
	errFull     = errors.New("no room")
)

// readAll reads r to its end behind b, at most limit bytes and as long as the
// budget has room; size is what is expected, which a sender may lie about.
func (j *job) readAll(b []byte, r io.Reader, limit, size int) ([]byte, error) {
	if size = min(size, budgetStep-1) + 1; cap(b) < size {
		b = make([]byte, 0, max(size, 4096))
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > limit:
			return b, errTooLarge
		case !j.claim.take(n):
			return b, errFull
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}

// dense fails when what it has read is implausibly large for what was sent.
type dense struct {
	r     io.Reader
	wire  int
	total int
}

func (d *dense) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	if d.total += n; d.total > ratioFrom && d.total > maxRatio*d.wire {
		return n, errRatio
	}
	return n, err
}

// gunzip unzips the body. What a body says of its own encoding is not asked:
// some clients send gzip as a form, and some proxies unzip but keep the header.
func (j *job) gunzip(limit bound) ([]byte, *refusal) {
	var err error
	if j.unzip == nil {
		j.unzip, err = gzip.NewReader(bytes.NewReader(j.wire))
	} else {
		err = j.unzip.Reset(bytes.NewReader(j.wire))
	}
	if err == nil {
		j.plain, err = j.readAll(j.plain[:0], &dense{r: j.unzip, wire: len(j.wire)}, limit.bytes, 4*len(j.wire))
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge("the unzipped body is larger than " + limit.says)
	case errors.Is(err, errFull):
		return nil, full
	case errors.Is(err, errRatio):
		return nil, tooLarge("the body unzips to more than 200 times its size")
	case err != nil:
		j.unzip = nil // what a failed reader holds is not trusted again
		return nil, unreadable("unreadable gzip")
	}
	return j.plain, nil
}

// parse checks and parses a body.
func (j *job) parse(body []byte) (*fastjson.Value, *refusal) {
	found, ref := scan(body)
	if ref != nil {
		return nil, ref
	}
	return j.build(body, found)
}

// build parses a body in which scan found no fault.
func (j *job) build(body []byte, found shape) (*fastjson.Value, *refusal) {
	// The parser copies the text. What it makes of it counts where it is out of
	// proportion: half a megabyte of "1,1,1" takes fifty times its size.
	if !j.claim.take(len(body) + max(0, found.values*valueBytes-len(body)*usualBytes)) {
		return nil, full
	}
	j.heavy = found.values > 32<<10
	j.decoder.out.odd = found.odd
	v, err := j.parser.ParseBytes(body)
	if err != nil {
		return nil, unreadable("unreadable JSON")
	}
	return v, nil
}

// headerKey is the write key of a request's Authorization or query; "" if it
// has none there.
func headerKey(r *http.Request) string {
	if a := r.Header["Authorization"]; len(a) > 0 && len(a[0]) > 6 && strings.EqualFold(a[0][:6], "Basic ") {
		encoded := strings.TrimRight(a[0][6:], "= ")
		if b, err := base64.RawStdEncoding.DecodeString(encoded); err == nil {
			if key, _, _ := strings.Cut(string(b), ":"); key != "" {
				return key
			}
		}
	}
	return queryText(r.URL.RawQuery, "writeKey")
}

// pairs are the names and values of a query string, as sent. A query may be long
// and its sender nobody: nothing is built of it.
func pairs(query string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if pair != "" && !yield(name, value) {
				return
			}
		}
	}
}

// queryText is the first value of a name in a query string; "" if it has none.
func queryText(query, name string) string {
	for n, value := range pairs(query) {
		if n == name {
			if s, err := url.QueryUnescape(value); err == nil {
				return s
			}
		}
	}
	return ""
}

var unknownKey = &refusal{status: http.StatusUnauthorized, why: "the write key is missing or unknown"}

// siteOf finds the site of a key. The look-up may leave early on a wrong key;
// whether the found one is right is compared in constant time.
func (c *Collector) siteOf(key string) (Site, *refusal) {
	if key == "" {
		return Site{}, unknownKey
	}
	site, ok := c.sites.ByKey(key)
	if !ok || subtle.ConstantTimeCompare([]byte(site.Key), []byte(key)) != 1 {
		return Site{}, unknownKey
	}
	return site, nil
}

// origin is what r says of all its events.
func (c *Collector) origin(r *http.Request, site *Site, channel string) origin {
	o := origin{site: site.ID, received: c.Now().UTC(), channel: channel, userAgent: r.Header.Get("User-Agent"), language: r.Header.Get("Accept-Language")}
	o.ip, _ = c.clientAddr(r)
	if site.Keep > 0 {
		o.keep, o.oldest = site.Keep, site.Oldest(o.received)
	}
	if channel == "pixel" {
		o.referer = r.Header.Get("Referer")
	}
	if a := r.Header["Anonymousid"]; len(a) > 0 {
		if b, err := base64.StdEncoding.DecodeString(a[0]); err == nil {
			o.anonymousID = string(b)
		}
	}
	return o
}

// add decodes and enriches one event into j.events.
func (c *Collector) add(j *job, v *fastjson.Value, kind event.Kind) error {
	j.events = append(j.events, event.Event{})
	e := &j.events[len(j.events)-1]
	err := j.decoder.decode(v, kind, e)
	if err == nil {
		c.Enricher.Enrich(e, j.decoder.from)
		err = e.Check()
	}
	if err == nil {
		err = j.decoder.checkAge(e)
	}
	if err != nil {
		j.events = j.events[:len(j.events)-1]
	}
	return err
}
