package dash

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// typedPath is how a path that somebody typed is meant: what the site has pages of it is
// as it stands, as senders may name pages as they like, and anything else as pathOf says.
func (d *Door) typedPath(ctx context.Context, s state, x span) func(string) string {
	return func(text string) string {
		path := pathOf(text, s.site.Domain)
		if path == text {
			return text
		}
		if there, _ := d.suggest(ctx, s, x, "page"); slices.Contains(there, text) {
			return text
		}
		return path
	}
}

// pathOf is the path that a text plainly means, where pages have no other: that of a URL
// which was pasted, and one whose first slash was left out. A pattern may begin with
// anything: *.
func pathOf(text, domain string) string {
	text = strings.TrimSpace(text)
	if rest, own := strings.CutPrefix(text, domain); own && (rest == "" || rest[0] == '/') {
		text = "https://" + text // as an address bar shows it
	}
	switch {
	case text == "" || text[0] == '/' || text[0] == '*':
		return text
	case !strings.Contains(text, "://"):
		return "/" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	if u.Path == "" {
		return "/"
	}
	return u.EscapedPath() // as browsers send it
}
