package collect

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"footfall/event"
)

// gif is one transparent pixel.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

const maxDots = 16 // in a pixel's key

// pixel answers an image whatever happens, since a broken one would be seen in
// the e-mail; what is refused is counted, set aside and told in a header. Only
// an event that could not be put on disk is not a 200: nobody may take it for
// accepted.
func (c *Collector) pixel(w http.ResponseWriter, r *http.Request, kind event.Kind) *refusal {
	j := c.jobs.Get().(*job)
	defer c.release(j)
	h := w.Header()
	h["Content-Type"] = gifType
	h["Cache-Control"] = noStore
	status := http.StatusOK
	if ref := c.takePixel(r, j, kind, h); ref != nil {
		h.Set("X-Footfall", "refused, "+ref.field+" "+ref.why)
		if ref.status == http.StatusServiceUnavailable {
			h.Set("Retry-After", retryAfter)
			status = ref.status
		} else {
			c.Count("refused", ref.reason(), 1)
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(gif) // a sender that has gone needs no answer
	c.Count("request", statusText(status), 1)
	return nil
}

func (c *Collector) takePixel(r *http.Request, j *job, kind event.Kind, h http.Header) *refusal {
	if kind == "" {
		return &refusal{status: http.StatusNotFound, field: "type", why: "is not in the address"}
	}
	if len(r.URL.RawQuery) > maxQuery {
		return tooLarge("the query is larger than 64 KB")
	}
	query := r.URL.Query()
	v, ref := pixelEvent(j, query)
	if ref != nil {
		return ref
	}
	key := headerKey(r)
	if key == "" {
		key = loose(member(v, "writeKey"))
	}
	site, ref := c.siteOf(key)
	if ref != nil {
		return &refusal{status: ref.status, field: "writeKey", why: "is missing or unknown"}
	}
	if optedOut(&site, r) {
		h["X-Footfall"] = dropped
		c.Count("dropped", "dnt", 1)
		return nil
	}
	j.decoder.origin = c.origin(r, &site, "pixel")
	j.decoder.odd, j.decoder.out.odd = true, true
	if err := c.add(j, v, kind); err != nil {
		c.Refuse(r.Context(), site.ID, err.Error(), scrubbed(v))
		return invalid(err)
	}
	return c.publish(r.Context(), j, &site)
}

// pixelEvent is the event of a pixel's query: Base64 of its JSON in data, or
// keys that are dotted paths into it.
func pixelEvent(j *job, query url.Values) (*fastjson.Value, *refusal) {
	if data := query.Get("data"); data != "" {
		// A plus sign arrives as a space, and some encode for URLs, some don't pad.
		data = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(data, "="))
		b, err := base64.RawStdEncoding.DecodeString(data)
		if err != nil {
			return nil, &refusal{status: http.StatusBadRequest, field: "data", why: "is not Base64"}
		}
		return j.parse(b)
	}
	var a fastjson.Arena
	root := a.NewObject()
	for _, key := range slices.Sorted(maps.Keys(query)) {
		steps := strings.Split(key, ".")
		if key == "writeKey" || len(steps) > maxDots {
			continue
		}
		at := root
		for _, step := range steps[:len(steps)-1] {
			next := at.Get(step)
			if next == nil || next.Type() != fastjson.TypeObject {
				next = a.NewObject()
				at.Set(step, next)
			}
			at = next
		}
		at.Set(steps[len(steps)-1], pixelValue(&a, query.Get(key), len(steps) > 1))
	}
	return root, nil
}

// pixelValue is what a pixel's value means: JSON if it is that, else a text. At
// the top, where all are texts, only quotes are taken off.
func pixelValue(a *fastjson.Arena, s string, nested bool) *fastjson.Value {
	if s == "" || !nested && s[0] != '"' {
		return a.NewString(s)
	}
	if _, ref := scan([]byte(s)); ref != nil {
		return a.NewString(s)
	}
	v, err := fastjson.Parse(s)
	if err != nil {
		return a.NewString(s)
	}
	return v
}
