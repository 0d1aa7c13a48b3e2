package collect

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/event"
)

// plain answers /collect, the pipeline for those who build their own: page (a
// path or URL) and, if wanted, time, referrer, title and messageId, in the query
// string or, of a POST, in a form or JSON object. The site is found by key or by
// the host the request comes from.
func (c *Collector) plain(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	j, ref := c.enter()
	if ref != nil {
		return ref
	}
	defer c.leave(j)
	if len(r.URL.RawQuery) > maxQuery {
		return tooLarge("the query is larger than 64 KB")
	}
	form, ref := j.readForm(r.URL.RawQuery)
	if ref != nil {
		return ref
	}
	if r.Method == http.MethodPost {
		body, ref := c.read(w, r, j, ofPlain)
		if ref != nil {
			return ref
		}
		if ref = j.fillForm(form, body); ref != nil {
			return ref
		}
	}
	site, base, ref := c.plainSite(r, form["key"])
	if ref != nil {
		return ref
	}
	if !j.claim.known(site.ID) {
		return full
	}
	if ref = originAllowed(&site, r); ref != nil {
		return ref
	}
	page := form["page"]
	switch {
	case strings.HasPrefix(page, "/"):
		page = base + page
	case !strings.Contains(page, "://"):
		c.Count("refused", "page", 1)
		return &refusal{status: http.StatusBadRequest, field: "page", why: "must be a path that begins with / or a URL"}
	}
	described := plainEvent(form, page)
	v, ref := j.parse(described)
	if ref != nil {
		return ref
	}
	j.decoder.origin = c.origin(r, &site, "plain")
	if ref = c.takeOne(j, v, event.Page, len(described)); ref != nil {
		if ref.field == "timestamp" {
			ref.field = "time" // what it is called here
		}
		return ref
	}
	return c.keep(w, r, j, &site, false)
}

// plainForm is what a plain request said, by plainFields.
type plainForm map[string]string

var plainFields = []string{"page", "time", "referrer", "title", "messageId", "key"}

// readForm reads the known fields of a query string or form: the first of
// several values, as long as the budget has room.
func (j *job) readForm(query string) (plainForm, *refusal) {
	if !j.claim.take(3 * len(query)) { // itself, unescaped, described as an event
		return nil, full
	}
	form := plainForm{}
	for name, value := range pairs(query) {
		if !slices.Contains(plainFields, name) || form[name] != "" {
			continue
		}
		s, err := url.QueryUnescape(value)
		if err != nil {
			return nil, unreadable("unreadable form")
		}
		form[name] = s
	}
	return form, nil
}

// fillForm adds a body's fields to form: those of a JSON object that are texts,
// or those of a form.
func (j *job) fillForm(form plainForm, body []byte) *refusal {
	if len(body) == 0 {
		return nil
	}
	if body[0] != '{' {
		if !j.claim.take(len(body)) {
			return full
		}
		sent, ref := j.readForm(string(body))
		maps.Copy(form, sent)
		return ref
	}
	v, ref := j.parse(body)
	if ref != nil {
		return ref
	}
	for _, field := range plainFields {
		s, err := text(field, member(v, field))
		if err != nil {
			return invalid(err)
		}
		if s != "" {
			form[field] = s
		}
	}
	return nil
}

// plainSite finds the site of a plain request by its key or by the host of the
// page that sent it, and the scheme and host that its paths belong to.
func (c *Collector) plainSite(r *http.Request, key string) (site Site, base string, ref *refusal) {
	if key == "" {
		key = headerKey(r)
	}
	sender := r.Header.Get("Origin")
	if sender == "" || sender == "null" {
		sender = r.Header.Get("Referer")
	}
	full, host := originHost(sender)
	if key != "" {
		if site, ref = c.siteOf(key); ref != nil {
			return site, "", ref
		}
	} else {
		var ok bool
		if site, ok = c.sites.ByHost(host); host == "" || !ok {
			return site, "", &refusal{status: http.StatusUnauthorized, why: "send key=, or send from a host that belongs to a site"}
		}
	}
	if full == "" {
		full = site.Domain
	}
	return site, "https://" + full, nil
}

// plainEvent is the page view that a form describes, in the words of the API.
func plainEvent(form plainForm, page string) []byte {
	b := appendText([]byte(`{"properties":{"url":`), []byte(page))
	for _, field := range []string{"referrer", "title"} {
		if s := form[field]; s != "" {
			b = append(b, `,"`+field+`":`...)
			b = appendText(b, []byte(s))
		}
	}
	b = append(b, '}')
	for _, field := range [...][2]string{{"time", "timestamp"}, {"messageId", "messageId"}} {
		if s := form[field[0]]; s != "" {
			b = append(b, `,"`+field[1]+`":`...)
			b = appendText(b, []byte(s))
		}
	}
	return append(b, '}')
}
