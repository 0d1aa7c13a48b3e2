package enrich

import (
	"strings"

	"footfall/event"
)

// location is the parts of a URL as browsers and logs spell them, with no
// judgement of what is allowed in them: real ones hold anything.
type location struct {
	scheme string // lower case; "" if relative
	user   bool   // there was user info; it is in no other field
	host   string // lower case, without port and user info; "" if relative
	port   string // ":8080" or ""
	path   string // as written; "" or begins with "/" unless relative
	search string // without "?"
}

func parseURL(s string) (l location) {
	s, _, _ = strings.Cut(s, "#")
	s, l.search, _ = strings.Cut(s, "?")
	rest, ok := strings.CutPrefix(s, "//")
	if !ok {
		i := strings.Index(s, "://")
		if i <= 0 || strings.IndexByte(s[:i], '/') >= 0 {
			l.path = s
			return l
		}
		l.scheme, rest = strings.ToLower(s[:i]), s[i+3:]
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, l.path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		l.user, rest = true, rest[i+1:]
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && strings.Trim(rest[i+1:], "0123456789") == "" {
		rest, l.port = rest[:i], rest[i:]
	}
	l.host = strings.ToLower(rest)
	return l
}

// pageStep fills host, path and query string from the URL as sent where the
// collector has not, and makes every text fit to be kept.
func (x *Enricher) pageStep(e *event.Event, from Sender) {
	if from.URL != "" {
		l := parseURL(from.URL)
		if e.Host == "" {
			e.Host = l.host
		}
		if e.Path == "" {
			e.Path = l.path
		}
		if e.Search == "" {
			e.Search = l.search
		}
	}
	e.Host = strings.ToLower(e.Host)
	if i := strings.LastIndexByte(e.Host, '@'); i >= 0 {
		e.Host = e.Host[i+1:]
	}
	if e.Path == "" && (e.Host != "" || e.Kind == event.Page) {
		e.Path = "/"
	}
	e.Host, e.Path, e.Search = fit(e.Host), fit(e.Path), fit(e.Search)
	e.Title = fit(e.Title)
}

// fit makes a text fit to be kept: cut rather than refused if it is longer than
// event.MaxText, without NUL bytes, and valid UTF-8, which also drops what the
// cut has left of a character.
func fit(s string) string {
	s = s[:min(len(s), event.MaxText)]
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "")
}
