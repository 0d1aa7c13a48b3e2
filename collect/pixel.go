package collect

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"footfall/event"
)

// gif is one transparent pixel.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

const (
	maxSteps    = 16  // of a pixel's key
	maxBranches = 512 // of all its keys together
	branchBytes = 128 // of memory
)

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
		h.Set("X-Footfall", "refused, "+strings.TrimSpace(ref.field+" "+ref.why))
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
	site, v, ref := c.readPixel(j, r)
	if ref != nil {
		return ref
	}
	if optedOut(&site, r) {
		h["X-Footfall"] = dropped
		c.Count("dropped", "dnt", 1)
		return nil
	}
	j.decoder.origin = c.origin(r, &site, "pixel")
	if err := c.add(j, v, kind); err != nil {
		ref := invalid(err)
		if ref.label != tooOld {
			c.Refuse(r.Context(), site.ID, err.Error(), j.decoder.scrubbed(v))
		}
		return ref
	}
	return c.publish(r.Context(), j, &site)
}

// readPixel finds the site of a pixel and its event: Base64 of its JSON in data,
// or keys that are dotted paths into it. Nothing is built of a query before its
// site is known, nor more than the budget has room for.
func (c *Collector) readPixel(j *job, r *http.Request) (site Site, v *fastjson.Value, ref *refusal) {
	query, key := r.URL.RawQuery, headerKey(r)
	var body []byte
	data := false
	for name, value := range pairs(query) {
		data = data || name == "data" && value != ""
	}
	if data {
		if body, ref = j.pixelData(query); ref != nil {
			return site, nil, ref
		}
		if key == "" {
			found, ref := scan(body)
			if ref != nil {
				return site, nil, ref
			}
			key = string(found.writeKey)
		}
	}
	if site, ref = c.siteOf(key); ref != nil {
		return site, nil, &refusal{status: ref.status, field: "writeKey", why: "is missing or unknown"}
	}
	if !j.claim.known(site.ID) {
		return site, nil, full
	}
	if !data {
		if body, ref = j.pixelPaths(query); ref != nil {
			return site, nil, ref
		}
	}
	v, ref = j.parse(body)
	return site, v, ref
}

// pixelData is the JSON in a pixel's data.
func (j *job) pixelData(query string) ([]byte, *refusal) {
	if !j.claim.take(4 * len(query)) { // unescaped, mended, decoded
		return nil, full
	}
	// A plus sign arrives as a space, and some encode for URLs, some don't pad.
	data := strings.TrimRight(queryText(query, "data"), "=")
	b, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(data))
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, field: "data", why: "is not Base64"}
	}
	return b, nil
}

// pixelPaths is the JSON that a pixel's keys and values spell.
func (j *job) pixelPaths(query string) ([]byte, *refusal) {
	if !j.claim.take(4 * len(query)) { // unescaped, quoted, and joined in a growing text
		return nil, full
	}
	root, steps := &branch{}, 0
	for name, value := range pairs(query) {
		name, err := url.QueryUnescape(name)
		if err != nil || name == "writeKey" {
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil {
			continue
		}
		n := strings.Count(name, ".") + 1
		steps += n
		switch {
		case n > maxSteps:
			return nil, &refusal{status: http.StatusBadRequest, field: "query", why: "has a key with more than 15 dots"}
		case steps > maxBranches:
			return nil, &refusal{status: http.StatusBadRequest, field: "query", why: "has keys of more than 512 steps together"}
		case !j.claim.take(n * branchBytes):
			return nil, full
		}
		if b := root.at(name); b.text == nil { // the first of several values counts
			b.text = pixelValue(value, n > 1)
		}
	}
	return root.appendTo(nil), nil
}

// branch is a JSON value in the making: an object of branches, or its own text if
// there are none. An object takes the place of a text in its way.
type branch struct {
	name  string
	text  []byte
	under []*branch
}

// at is the branch at the end of a path from b, made if it isn't there.
func (b *branch) at(path string) *branch {
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(b.under, func(x *branch) bool { return x.name == name })
		if i < 0 {
			i = len(b.under)
			b.under = append(b.under, &branch{name: name})
		}
		b = b.under[i]
	}
	return b
}

func (b *branch) appendTo(out []byte) []byte {
	if len(b.under) == 0 && b.text != nil {
		return append(out, b.text...)
	}
	out = append(out, '{')
	for i, x := range b.under {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, []byte(x.name)), ':')
		out = x.appendTo(out)
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
