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

const maxSteps = 16 // of a pixel's key

// pixel answers an image whatever happens, since a broken one would be seen in
// the e-mail; what is refused is counted, set aside and told in a header. Only
// an event that is to be sent again, because there is no room for it or it could
// not be put on disk, is not a 200: nobody may take it for accepted.
func (c *Collector) pixel(w http.ResponseWriter, r *http.Request, kind event.Kind) *refusal {
	h := w.Header()
	h["Content-Type"] = gifType
	h["Cache-Control"] = noStore
	status := http.StatusOK
	if ref := c.takePixel(r, kind, h); ref != nil {
		h.Set("X-Footfall", "refused, "+ref.field+" "+ref.why)
		if ref.again() {
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

func (c *Collector) takePixel(r *http.Request, kind event.Kind, h http.Header) *refusal {
	if kind == "" {
		return &refusal{status: http.StatusNotFound, field: "type", why: "is not in the address"}
	}
	if len(r.URL.RawQuery) > maxQuery {
		return tooLarge("the query is larger than 64 KB")
	}
	j, ref := c.enter()
	if ref != nil {
		return ref
	}
	defer c.leave(j)
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
	root := &branch{}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		steps := strings.Split(key, ".")
		if len(steps) > maxSteps {
			return nil, &refusal{status: http.StatusBadRequest, field: "query", why: "has a key with more than 15 dots"}
		}
		if key != "writeKey" {
			root.set(steps, pixelValue(query.Get(key), len(steps) > 1))
		}
	}
	return j.parse(root.appendTo(nil))
}

// branch is a JSON value in the making: an object of names, or its own text if
// there are none.
type branch struct {
	text     []byte
	names    []string
	branches map[string]*branch
}

// set puts the JSON text at the end of a path. An object takes the place of a
// text in its way.
func (b *branch) set(path []string, text []byte) {
	for _, name := range path {
		next := b.branches[name]
		if next == nil {
			next = &branch{}
			if b.branches == nil {
				b.branches = map[string]*branch{}
			}
			b.branches[name] = next
			b.names = append(b.names, name)
		}
		b = next
	}
	b.text = text
}

func (b *branch) appendTo(out []byte) []byte {
	if len(b.names) == 0 && b.text != nil {
		return append(out, b.text...)
	}
	out = append(out, '{')
	for i, name := range b.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, []byte(name)), ':')
		out = b.branches[name].appendTo(out)
	}
	return append(out, '}')
}

// pixelValue is the JSON that a pixel's value means: itself if it is JSON, else
// a text. At the top, where all are texts, only quotes are taken off.
func pixelValue(s string, nested bool) []byte {
	if s != "" && (nested || s[0] == '"') {
		if _, ref := scan([]byte(s)); ref == nil {
			return []byte(s)
		}
	}
	return appendText(nil, []byte(s))
}
