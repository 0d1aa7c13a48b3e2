package collect

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"footfall/event"
)

var errNoQueue = errors.New("collect: there is no queue to publish to")

// refusal is an answer other than success. why is for the sender and says
// nothing of others.
type refusal struct {
	status int
	field  string // of the event that is wrong; "" if it is not about one
	why    string
	label  string // it is counted by; "" for field or status
}

// oldError is about an event of a time whose events the site does not keep any
// more. It is not set aside, either.
type oldError struct{ *event.InvalidError }

func (e oldError) Unwrap() error { return e.InvalidError }

const tooOld = "too_old"

// checkAge refuses an event that is older than those that are kept.
func (o *origin) checkAge(e *event.Event) error {
	if o.keep == 0 || !e.Time.Before(o.oldest) {
		return nil
	}
	return oldError{&event.InvalidError{Field: "timestamp", Why: "is older than the " + strconv.Itoa(o.keep) + " days this site keeps events"}}
}

func unreadable(why string) *refusal { return &refusal{status: http.StatusBadRequest, why: why} }

func tooLarge(why string) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, why: why}
}

// invalid makes the answer to an event that can't be kept.
func invalid(err error) *refusal {
	if bad, ok := errors.AsType[*event.InvalidError](err); ok {
		ref := &refusal{status: http.StatusBadRequest, field: bad.Field, why: bad.Why}
		if errors.As(err, &oldError{}) {
			ref.label = tooOld
		}
		return ref
	}
	return unreadable(err.Error())
}

// reason is the label an event's refusal is counted by.
func (f *refusal) reason() string {
	switch {
	case f.label != "":
		return f.label
	case f.field != "":
		return f.field
	}
	return statusText(f.status)
}

// again reports whether the sender should send the same again, later.
func (f *refusal) again() bool {
	return f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests
}

// Header values that are set on every answer are made once.
var (
	jsonType  = []string{"application/json"}
	gifType   = []string{"image/gif"}
	noStore   = []string{"no-store"}
	vary      = []string{"Origin"}
	yes       = []string{"true"}
	exposed   = []string{"Retry-After, X-Footfall"}
	methodSet = []string{"GET, POST, OPTIONS"}
	dropped   = []string{"dropped, do-not-track"}
	done      = []byte(`{"success":true}`)
)

// allowCrossOrigin sets the headers without which a browser hides the answer
// from its page, and its SDK sends the event again. Credentials are allowed
// because sendBeacon always asks for them; nothing here looks at a cookie.
func allowCrossOrigin(h http.Header, r *http.Request) {
	h["Vary"] = vary
	if origin := r.Header["Origin"]; len(origin) == 1 {
		h["Access-Control-Allow-Origin"] = origin
		h["Access-Control-Allow-Credentials"] = yes
		h["Access-Control-Expose-Headers"] = exposed
	}
}

func (c *Collector) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Access-Control-Allow-Methods"] = methodSet
	if asked := r.Header["Access-Control-Request-Headers"]; len(asked) > 0 {
		h["Access-Control-Allow-Headers"] = asked
	}
	h.Set("Access-Control-Max-Age", maxAge)
	w.WriteHeader(http.StatusNoContent)
	c.Count("request", "204", 1)
}

// refuse answers with a refusal as JSON.
func (c *Collector) refuse(w http.ResponseWriter, f *refusal) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	switch {
	case f.again():
		h.Set("Retry-After", retryAfter)
	case f.status == http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	b := append(make([]byte, 0, 128), `{"success":false,"error":`...)
	if f.field != "" {
		b = appendText(b, []byte(f.field+": "+f.why))
		b = append(b, `,"field":`...)
		b = appendText(b, []byte(f.field))
	} else {
		b = appendText(b, []byte(f.why))
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(append(b, '}')) // a sender that has gone needs no answer
	c.Count("request", statusText(f.status), 1)
}

// succeed answers 200 with body, which is JSON.
func (c *Collector) succeed(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(body) // a sender that has gone needs no answer
	c.Count("request", "200", 1)
}

func statusText(status int) string {
	if status == http.StatusOK {
		return "200"
	}
	return strconv.Itoa(status)
}

// rejection is one event of a batch that can't be kept.
type rejection struct {
	index  int
	reason string // for the sender
	label  string // for the counter
	raw    string // for the set-aside, scrubbed
}

// report is the answer to a batch: success, and what of it was not kept.
func report(b []byte, accepted int, rejected []rejection) []byte {
	b = append(b, `{"success":true,"accepted":`...)
	b = strconv.AppendInt(b, int64(accepted), 10)
	b = append(b, `,"rejected":[`...)
	for i, x := range rejected {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(x.index), 10)
		b = append(b, `,"reason":`...)
		b = appendText(b, []byte(x.reason))
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// originAllowed refuses a browser that sends from a host the site doesn't list.
func originAllowed(site *Site, r *http.Request) *refusal {
	origin := r.Header["Origin"]
	if len(site.Origins) == 0 || len(origin) == 0 {
		return nil
	}
	full, host := originHost(origin[0])
	for _, allowed := range site.Origins {
		if strings.EqualFold(allowed, origin[0]) || strings.EqualFold(allowed, full) || strings.EqualFold(allowed, host) {
			return nil
		}
	}
	return &refusal{status: http.StatusForbidden, why: "this origin is not among the site's allowed origins"}
}

// originHost is the host of an origin or URL, with and without its port.
func originHost(origin string) (full, host string) {
	u, err := url.Parse(origin)
	if err != nil {
		return "", ""
	}
	return strings.ToLower(u.Host), strings.ToLower(u.Hostname())
}

// optedOut reports whether the request asks not to be tracked and the site
// honours that.
func optedOut(site *Site, r *http.Request) bool {
	if !site.HonourDNT {
		return false
	}
	dnt, gpc := r.Header["Dnt"], r.Header["Sec-Gpc"]
	return len(dnt) > 0 && dnt[0] == "1" || len(gpc) > 0 && gpc[0] == "1"
}
