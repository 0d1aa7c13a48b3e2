package collect

import (
	"net/http"
	"strings"

	"footfall/event"
)

// sourceConfig answers RudderStack's browser SDK on its start: no destinations
// beside this server.
func (c *Collector) sourceConfig(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	site, ref := c.siteOf(headerKey(r))
	if ref != nil {
		return ref
	}
	w.Header()["Cache-Control"] = noStore
	b := appendText([]byte(`{"source":{"id":`), []byte(site.ID))
	c.succeed(w, append(b, `,"config":{},"destinations":[]}}`...))
	return nil
}

// settings answers Segment's browser SDK on its start. With empty integrations
// it would send everything to its vendor, and without a sample rate of 0 its own
// error metrics too.
func (c *Collector) settings(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	key := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/v1/projects/"), "/settings")
	site, ref := c.siteOf(key)
	if ref != nil {
		return ref
	}
	// A page served by https may call nothing else, whatever stands between.
	protocol := scheme(r)
	if strings.HasPrefix(r.Header.Get("Origin"), "https://") {
		protocol = "https"
	}
	w.Header()["Cache-Control"] = noStore // it depends on the request's host
	b := appendText([]byte(`{"integrations":{"Segment.io":{"apiKey":`), []byte(site.Key))
	b = appendText(append(b, `,"apiHost":`...), []byte(r.Host+"/v1"))
	b = appendText(append(b, `,"protocol":`...), []byte(protocol))
	c.succeed(w, append(b, `}},"metrics":{"sampleRate":0}}`...))
	return nil
}

// scheme is how the sender of a request called this server.
func scheme(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

// metrics takes what SDKs report of themselves, and drops it: it is no event.
func (c *Collector) metrics(w http.ResponseWriter, _ *http.Request, _ event.Kind) *refusal {
	c.succeed(w, done)
	return nil
}
