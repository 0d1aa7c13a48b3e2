package collect

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"footfall/event"
)

// LinkClicked is the name of the track event that a click on an affiliate's link is.
const LinkClicked = "Affiliate Link Clicked"

// Link is an affiliate's link: whose it is and where it leads.
type Link struct {
	Code    string   // as it stands in addresses
	Site    Site     // whose event a click is
	Landing string   // URL it leads to
	Hosts   []string // that it may lead to, in lower case; one without a port stands for all its ports
}

// Links finds links. Like Sites it is asked on every click: it answers from
// memory and is safe for concurrent use.
type Links interface {
	// Link finds the link of a code, as somebody wrote it.
	Link(code string) (Link, bool)
}

// Bounds of a click.
const (
	maxCodeText  = 256                    // bytes of a code that are looked up
	maxSub       = 64                     // characters of a sub id
	maxCarried   = 8                      // parameters that are passed on, with utm_ names
	maxCarriedAs = 256                    // bytes of one of them
	patience     = 250 * time.Millisecond // that a visitor waits for a click to be put on disk
	longest      = 30 * time.Second       // that it is tried for
)

// click is one request for a link.
type click struct {
	link    Link
	to      *url.URL // where it leads
	id      string
	source  string // link, qr, email
	sub     string // the affiliate's own word for it
	machine string // why it is no person's; "": for want of another reason it is
	carried string // parameters for the landing page, each with & before it
	names   []string
}

// follow sends a visitor on to where an affiliate's link leads, with the click's
// id, whatever becomes of the click itself.
func (c *Collector) follow(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	link, ok := c.linkOf(r.URL.Path)
	if !ok {
		c.noLink(w, "There is no such link. Please look whether its address is complete, or ask whoever gave it to you.")
		return nil
	}
	query := r.URL.RawQuery
	k := click{link: link}
	if to := queryText(query, "to"); to != "" {
		if k.to = link.allowed(to); k.to == nil {
			w.Header().Set("X-Footfall", "refused, to is no address this link may lead to")
		}
	}
	if k.to == nil {
		k.to = link.allowed(link.Landing)
	}
	if k.to == nil {
		c.noLink(w, "This link leads nowhere: its address is not on a host that its programme allows.")
		return nil
	}
	k.carry(query)
	mark := ""
	switch {
	case r.Method == http.MethodHead: // nobody saw a page
	case optedOut(&link.Site, r):
		c.Count("dropped", "dnt", 1)
	default:
		k.read(r, query)
		k.id = event.NewID(c.Now())
		// The code makes the affiliate the source of the visit. A page that is
		// fetched ahead may be shown later, or never: without a click's id it is the
		// page that tells; and so where a click is lost.
		mark = "ref=" + url.QueryEscape(link.Code)
		if c.keepClick(r, &k) && k.machine == "" {
			mark = "cid=" + k.id + "&" + mark
		}
	}
	h := w.Header()
	h["Location"] = []string{k.location(mark)}
	h["Cache-Control"] = noStore
	h["Referrer-Policy"] = referrerPolicy
	w.WriteHeader(http.StatusFound)
	c.Count("request", "302", 1)
	return nil
}

// referrerPolicy lets the landing page know on which host the link stood, as
// browsers do by default, and no more.
var referrerPolicy = []string{"strict-origin-when-cross-origin"}

// noLink answers a person whose link leads nowhere.
func (c *Collector) noLink(w http.ResponseWriter, why string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h["Cache-Control"] = noStore
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(why + "\n")) // a visitor who has gone needs no answer
	c.Count("request", "404", 1)
}

// splitLink takes the path of a link apart: /r/CODE or /r/CODE/WHAT.
func splitLink(path string) (code, what string) {
	path, _ = strings.CutPrefix(path, "/r/")
	code, what, _ = strings.Cut(strings.TrimSuffix(path, "/"), "/")
	return code, what
}

// linkOf finds the link that a path names.
func (c *Collector) linkOf(path string) (Link, bool) {
	code, _ := splitLink(path)
	if c.Links == nil || len(code) > maxCodeText {
		return Link{}, false
	}
	return c.Links.Link(code)
}

// allowed is the URL that a text spells, nil if the link may not lead there. It
// is spelled anew when it is used, so that a browser reads what was judged here.
func (l *Link) allowed(raw string) *url.URL {
	if len(raw) > event.MaxText || strings.Contains(raw, `\`) {
		return nil // browsers take a backslash for a slash
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Host == "" {
		return nil
	}
	u.Host = strings.ToLower(u.Host)
	if !slices.Contains(l.Hosts, u.Host) && !slices.Contains(l.Hosts, u.Hostname()) {
		return nil
	}
	return u
}

// carry takes the campaign's parameters off a link's query, for the landing page,
// and an advertisement's, however many others there are.
func (k *click) carry(query string) {
	for name, value := range pairs(query) {
		campaign := strings.HasPrefix(name, "utm_") && len(name) <= 32 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" && len(k.names) < maxCarried
		if !campaign && !slices.Contains(event.AdParams[:], name) || slices.Contains(k.names, name) {
			continue
		}
		if text, err := url.QueryUnescape(value); err == nil && len(text) <= maxCarriedAs {
			k.names = append(k.names, name)
			k.carried += "&" + name + "=" + url.QueryEscape(text)
		}
	}
}

// read reads what a request says of its click.
func (k *click) read(r *http.Request, query string) {
	k.source = "link"
	if src := queryText(query, "src"); src == "qr" || src == "email" {
		k.source = src
	}
	if k.sub = queryText(query, "sub"); k.sub == "" {
		k.sub = queryText(query, "s")
	}
	k.sub = cleanSub(k.sub)
	if prefetches(r.Header) {
		k.machine = "prefetch"
	}
}

// cleanSub makes a sub id fit to be kept.
func cleanSub(s string) string {
	n := 0
	return strings.Map(func(c rune) rune {
		if n++; n > maxSub || c == unicode.ReplacementChar || unicode.IsControl(c) {
			return -1
		}
		return c
	}, s)
}

// prefetches reports whether a browser fetches a page before anybody asks for it.
// The header has had a name for each maker of browsers.
func prefetches(h http.Header) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, value := range h[name] {
			value = strings.ToLower(value)
			if strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
				return true
			}
		}
	}
	return false
}

// location is the address a visitor is sent to: the landing page's own
// parameters, but for those that are replaced, behind the click's mark.
func (k *click) location(mark string) string {
	replaced := k.names
	for pair := range strings.SplitSeq(mark, "&") {
		name, _, _ := strings.Cut(pair, "=")
		replaced = append(replaced, name)
	}
	var b strings.Builder
	b.Grow(len(mark) + len(k.to.RawQuery) + len(k.carried))
	b.WriteString(mark)
	for pair := range strings.SplitSeq(k.to.RawQuery, "&") {
		own, _, _ := strings.Cut(pair, "=")
		if pair != "" && !slices.Contains(replaced, own) {
			b.WriteByte('&')
			b.WriteString(pair)
		}
	}
	b.WriteString(k.carried)
	to := *k.to
	to.RawQuery, to.ForceQuery = strings.TrimPrefix(b.String(), "&"), false
	return printable(to.String())
}

// printable escapes what may not stand in a header.
func printable(s string) string {
	odd := func(c byte) bool { return c <= ' ' || c > '~' }
	clean := true
	for i := range len(s) {
		clean = clean && !odd(s[i])
	}
	if clean {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; odd(c) {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

const upperHex = "0123456789ABCDEF"

// keepClick publishes a click and reports whether it is kept, or on its way to
// be: a visitor does not wait for a slow queue.
func (c *Collector) keepClick(r *http.Request, k *click) bool {
	j, ref := c.enter()
	if ref != nil {
		c.Count("dropped", "busy", 1)
		return false
	}
	if ref = c.takeClick(j, r, k); ref != nil {
		c.Count("dropped", ref.reason(), 1)
		c.leave(j)
		return false
	}
	kept := make(chan bool, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), longest)
	go func() {
		defer cancel()
		ref := c.publish(ctx, j, &k.link.Site)
		if ref != nil {
			c.Count("dropped", "queue", 1)
		}
		c.leave(j)
		kept <- ref == nil
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case ok := <-kept:
		return ok
	case <-timer.C:
		c.Count("late", "click", 1)
		return true
	}
}

// takeClick makes the event of a click, in the way of all others: what tells an
// address of the visitor is left out.
func (c *Collector) takeClick(j *job, r *http.Request, k *click) *refusal {
	if !j.claim.known(k.link.Site.ID) {
		return full
	}
	v, ref := j.parse(k.describe(r.Header.Get("Referer")))
	if ref != nil {
		return ref
	}
	j.decoder.origin = c.origin(r, &k.link.Site, "redirect")
	if err := c.add(j, v, event.Track); err != nil {
		return invalid(err)
	}
	return nil
}

// describe is a click in the words of the API. It happens on the landing page:
// so its campaign and referrer are those of the page view that follows.
func (k *click) describe(referrer string) []byte {
	const required = 8
	referrer = strings.ToValidUTF8(referrer[:min(len(referrer), event.MaxText)], "")
	b := make([]byte, 0, 1024)
	for i, m := range [...]struct{ before, text string }{
		{`{"event":`, LinkClicked}, {`,"messageId":`, k.id},
		{`,"context":{"page":{"url":`, k.location("cid=" + k.id)}, {`,"referrer":`, referrer},
		{`}},"properties":{"affiliate_code":`, k.link.Code}, {`,"click_id":`, k.id}, {`,"landing_url":`, printable(k.to.String())},
		{`,"source":`, k.source}, {`,"sub_id":`, k.sub}, {`,"machine":`, k.machine},
	} {
		if i < required || m.text != "" {
			b = append(b, m.before...)
			b = appendText(b, []byte(m.text))
		}
	}
	return append(b, "}}"...)
}
