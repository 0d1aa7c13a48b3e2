// Package collect is the door events come in by: the Segment and RudderStack
// HTTP API, the plain POST, pixels, affiliates' links, and the snippet that
// browsers load. It reads, checks and decodes; what it answers 2xx is on disk, and every event it
// does not keep has a counted reason that the sender is told.
package collect

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"footfall/enrich"
	"footfall/event"
)

// Limits of a request. The limits of one event are the event package's.
const (
	maxBody      = 4 << 20   // bytes, as sent and also unzipped
	maxSwallowed = 16 << 20  // bytes, likewise, of one that is refused
	maxUnknown   = 512 << 10 // bytes, likewise, of one that must be read to know its sender
	maxBatch     = 2500      // events
	maxQuery     = 64 << 10  // bytes of a query string that is an event
	maxMerged    = 16 << 20  // bytes that a batch's context may grow to when merged into its events
	maxShared    = 256       // keys of a batch's context
	ratioFrom    = 512 << 10 // bytes unzipped from which the ratio is looked at
	maxRatio     = 200       // unzipped bytes per zipped byte
	retryAfter   = "1"       // seconds; some clients give up after 1.6 s
	maxAge       = "86400"   // seconds a preflight's answer may be kept
	warnInterval = 10 * time.Second
)

// Site is what the collector needs to know of a web property.
type Site struct {
	ID, Key, Domain string
	Origins         []string // hosts a browser may send from; empty allows all
	HonourDNT       bool     // drop what is sent with Do Not Track or Global Privacy Control
	Keep            int      // days that events are kept; 0 is for ever
	// Oldest is from when on events are taken; asked if Keep is not 0.
	Oldest func(now time.Time) time.Time
}

// Sites finds sites. It is asked on every request: it answers from memory and
// is safe for concurrent use.
type Sites interface {
	ByKey(key string) (Site, bool)
	ByHost(host string) (Site, bool) // host in lower case, without a port
}

// Enricher derives what is kept of a sender, who is forgotten afterwards.
type Enricher interface {
	Enrich(e *event.Event, from enrich.Sender)
}

// Options configures a Collector.
type Options struct {
	// Publish keeps events; nil means they are on disk. Without it every event
	// is answered 503.
	Publish func(ctx context.Context, events ...event.Event) error
	// Refuse sets aside what a batch or pixel held that can't be kept: raw is
	// its JSON without any address or user agent.
	Refuse   func(ctx context.Context, site, reason, raw string)
	Enricher Enricher
	Links    Links  // of affiliates; nil knows none
	Public   string // the origin people reach this server by, which QR codes lead to; "" is the Host header's
	// Count counts n of a stage: "accepted", "refused" (reason: the field, or "too_old"),
	// "dropped" (reason), "late" (a click that its visitor did not wait for), "request" (reason: the status).
	Count          func(stage, reason string, n int)
	TrustedProxies []netip.Prefix // whose word on the client's address is taken
	ProxyHeader    string         // the one header in which they give it; "" is X-Forwarded-For
	Log            *slog.Logger
	Now            func() time.Time
	MaxWaiting     int           // requests in memory at a time, 429 beyond; default 1,024
	MaxBodies      int64         // bytes they may hold together, 429 beyond; default 128 MiB; of one site: a quarter, at least 48 MiB
	BodyTimeout    time.Duration // for reading one body, 408 beyond; default 10 s
}

// Collector answers every route of specs/collect.md. It is an http.Handler.
type Collector struct {
	sites Sites
	Options
	waiting atomic.Int64 // requests in memory
	bodies  *budget      // what they hold
	warned  atomic.Int64 // when a failed Publish was last logged, Unix nanoseconds
	jobs    sync.Pool
}

// New makes a Collector.
func New(sites Sites, o Options) *Collector {
	if o.Publish == nil {
		o.Publish = func(context.Context, ...event.Event) error { return errNoQueue }
	}
	if o.Refuse == nil {
		o.Refuse = func(context.Context, string, string, string) {}
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Enricher == nil {
		o.Enricher = plainEnricher{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 1024
	}
	if o.MaxBodies <= 0 {
		o.MaxBodies = 128 << 20
	}
	if o.BodyTimeout <= 0 {
		o.BodyTimeout = 10 * time.Second
	}
	o.ProxyHeader = http.CanonicalHeaderKey(cmp.Or(o.ProxyHeader, listHeader))
	c := &Collector{sites: sites, Options: o, bodies: newBudget(o.MaxBodies)}
	c.jobs.New = func() any { return newJob(c.bodies) }
	return c
}

// plainEnricher forgets the sender and derives nothing.
type plainEnricher struct{}

func (plainEnricher) Enrich(*event.Event, enrich.Sender) {}

// handler answers a request itself or says how it is refused. kind is what the
// path names; "" leaves it to each event.
type handler func(c *Collector, w http.ResponseWriter, r *http.Request, kind event.Kind) *refusal

// route finds what answers a path, and the methods it takes; nil if nothing does.
func route(path string) (h handler, kind event.Kind, methods string) {
	if len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1] // SDKs differ, and a redirect loses the body
	}
	if kind = kindOf(path, "/v1/"); kind != "" {
		return (*Collector).events, kind, "POST"
	}
	switch path {
	case "/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch":
		return (*Collector).events, "", "POST"
	case "/collect":
		return (*Collector).plain, "", "GET, POST"
	case "/sourceConfig":
		return (*Collector).sourceConfig, "", "GET, HEAD"
	case "/v1/m", "/rsaMetrics":
		return (*Collector).metrics, "", "POST"
	case "/js/footfall.js":
		return snippet.serve, "", "GET, HEAD"
	case "/js/affiliate.js":
		return carriage.serve, "", "GET, HEAD"
	case "/js/figures.js":
		return figures.serve, "", "GET, HEAD"
	case "/js/frame.js":
		return frame.serve, "", "GET, HEAD"
	case "/debug/me":
		return (*Collector).debugMe, "", "GET, HEAD"
	}
	switch {
	case strings.HasPrefix(path, renamedPrefix):
		return renamed(path)
	case strings.HasPrefix(path, "/r/"):
		return linkRoute(path), "", "GET, HEAD"
	case strings.HasPrefix(path, "/pixel/v1/"):
		return (*Collector).pixel, kindOf(path, "/pixel/v1/"), "GET"
	case strings.HasPrefix(path, "/v1/pixel/"):
		return (*Collector).pixel, kindOf(path, "/v1/pixel/"), "GET"
	case strings.HasPrefix(path, "/v1/projects/") && strings.HasSuffix(path, "/settings"):
		return (*Collector).settings, "", "GET, HEAD"
	}
	return nil, "", ""
}

// kindOf is the kind that a path names after prefix, in a word or by its letter.
func kindOf(path, prefix string) event.Kind {
	if !strings.HasPrefix(path, prefix) {
		return ""
	}
	switch path[len(prefix):] {
	case "page", "p":
		return event.Page
	case "track", "t":
		return event.Track
	case "identify", "i":
		return event.Identify
	case "group", "g":
		return event.Group
	case "screen", "s":
		return event.Screen
	case "alias", "a":
		return event.Alias
	}
	return ""
}

// Handles reports whether path is one of the collector's.
func Handles(path string) bool {
	h, _, _ := route(path)
	return h != nil
}

// ServeHTTP answers one request.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowCrossOrigin(w.Header(), r)
	h, kind, methods := route(r.URL.Path)
	var ref *refusal
	switch {
	case h == nil:
		ref = &refusal{status: http.StatusNotFound, why: "there is no such address"}
	case r.Method == http.MethodOptions:
		c.preflight(w, r)
		return
	case !allows(methods, r.Method):
		w.Header().Set("Allow", methods+", OPTIONS")
		ref = &refusal{status: http.StatusMethodNotAllowed, why: "this address takes " + methods}
	default:
		ref = h(c, w, r, kind)
	}
	if ref != nil {
		if !ref.again() && ref.status != http.StatusRequestTimeout {
			c.swallow(w, r)
		}
		c.refuse(w, ref)
	}
}

func allows(methods, method string) bool {
	switch method {
	case http.MethodPost:
		return strings.HasSuffix(methods, "POST")
	case http.MethodGet:
		return strings.HasPrefix(methods, "GET")
	case http.MethodHead: // not where a GET is an event: nobody saw a page
		return strings.HasSuffix(methods, "HEAD")
	}
	return false
}
