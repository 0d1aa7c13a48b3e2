package dash

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"footfall/metric"
	"footfall/period"
)

// typedPath is how a path that somebody typed is meant: what the site has, or ever had,
// pages of it is as it stands, as senders may name pages as they like, and anything else
// as pathOf says. It is also as it stands if that can't be told soon.
func (d *Door) typedPath(ctx context.Context, s state) func(string) string {
	return func(text string) string {
		path := pathOf(text, s.site.Domain)
		if path == text || strings.Contains(text, "://") {
			return path
		}
		if called, err := d.called(ctx, s, text); called || err != nil {
			return text
		}
		return path
	}
}

// called reports whether the site ever had a page that a path, or a pattern up to its
// first *, begins to name.
func (d *Door) called(ctx context.Context, s state, text string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	is := metric.Where{Dimension: "page", Op: metric.Is, Values: []string{text}}
	begin, _, pattern := strings.Cut(text, "*")
	if pattern {
		is.Op, is.Values = metric.Contains, []string{begin}
	}
	s.filters = nil
	zone := s.site.Location()
	q := s.query(metric.PageViews, period.Window{From: period.Date(0).Window(zone).From, To: d.Now()}, zone)
	q.By, q.Step, q.Limit, q.Where = "page", period.Total, 1000, &is
	set, err := d.ask(ctx, q)
	return slices.ContainsFunc(set.Points, func(p metric.Point) bool {
		return p.Value > 0 && (p.Series == text || pattern && strings.HasPrefix(p.Series, begin))
	}), err
}

// pathOf is the path that a text plainly means, where pages have no other: that of a URL
// which was pasted, and one whose first slash was left out. A pattern may begin with
// anything: *.
func pathOf(text, domain string) string {
	text = strings.TrimSpace(text)
	if host, _, _ := strings.Cut(text, "/"); strings.EqualFold(strings.TrimPrefix(strings.ToLower(host), "www."), strings.TrimPrefix(domain, "www.")) {
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
