package dash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"footfall/account"
	"footfall/metric"
)

// look is how a frame looks.
type look struct {
	Theme string // light or dark; "" is as the browser asks for
	Clear bool   // the page around it shows through
	Brief bool   // numbers and chart alone
}

// lookOf is that of an address.
func lookOf(v url.Values) *look {
	l := &look{Clear: v.Get("background") == "transparent", Brief: v.Get("lists") == "off"}
	if theme := v.Get("theme"); theme == "light" || theme == "dark" {
		l.Theme = theme
	}
	return l
}

// values are the look in an address.
func (l *look) values() url.Values {
	v := url.Values{}
	if l.Theme != "" {
		v.Set("theme", l.Theme)
	}
	if l.Clear {
		v.Set("background", "transparent")
	}
	if l.Brief {
		v.Set("lists", "off")
	}
	return v
}

// Sheet is the style sheet of the theme.
func (l *look) Sheet() string {
	if l.Theme == "" {
		return "dash.css"
	}
	return l.Theme + ".css"
}

// painted is the answer to a frame: also a page that says why there is no board looks as the
// frame's address says.
type painted struct {
	http.ResponseWriter
	look *look
}

// Unwrap is for http.ResponseController.
func (p painted) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// inTheme is the style sheet for one theme, whatever the browser asks for.
func inTheme(sheet []byte, theme string) []byte {
	when := map[string]string{"dark": "all", "light": "not all"}[theme]
	return []byte(strings.NewReplacer("(prefers-color-scheme: dark)", when, "color-scheme: light dark", "color-scheme: "+theme).Replace(string(sheet)))
}

// framed draws a site's board for a page of somebody else's, by a share's link, by a
// token for embedding, or because the site shows it to anybody. It leads nowhere else.
func (d *Door) framed(w http.ResponseWriter, r *http.Request, in visit) {
	w.Header().Set("Content-Security-Policy", policy("*"))
	seen := lookOf(r.URL.Query())
	w = painted{w, seen}
	site, g, err := d.letIn(r)
	if err != nil {
		d.notShown(w, err)
		return
	}
	unlisted(w)
	g.look = seen
	if g.kept = g.look.values(); g.token != account.PublicToken {
		g.kept.Set("token", g.token)
	}
	s := d.guests(in.tongue, r, site, g, "/embed/"+site.Domain)
	if g.look.Brief {
		s.detail = ""
	}
	if g.token == account.PublicToken {
		d.onShelf(w, r, in, s)
		return
	}
	d.board(w, r, in, s, []account.Site{site})
}

// letIn is the site of a frame's path, and what its token lets see of it; without one
// what anybody may see. Anything else is account.ErrNotFound.
func (d *Door) letIn(r *http.Request) (account.Site, *guest, error) {
	token := r.URL.Query().Get("token")
	named := func(s account.Site) bool { return strings.EqualFold(s.Domain, r.PathValue("domain")) }
	switch {
	case token == "":
		site, err := d.shownSite(r)
		return site, &guest{token: account.PublicToken, parts: site.Public}, err
	case strings.HasPrefix(token, account.EmbedPrefix):
		return d.signedFor(r.Context(), token, named)
	}
	site, err := d.sharedBy(r.Context(), token, named)
	return site, &guest{token: token, parts: ofShare}, err
}

// signedFor is what a token for embedding shows of a board: its figures of those that a
// board has. An affiliate's are none of them: they are for the API.
func (d *Door) signedFor(ctx context.Context, token string, named func(account.Site) bool) (site account.Site, g *guest, err error) {
	secret, err := d.control.Secret(ctx, account.EmbedSecret)
	if err != nil {
		return site, nil, err
	}
	e, err := account.ReadEmbed(secret, token, d.Now())
	if errors.Is(err, account.ErrEmbed) || err == nil && e.Affiliate != "" {
		return site, nil, account.ErrNotFound
	}
	g = &guest{token: token, parts: []account.Part{account.TheBoard}, metrics: []metric.Name{}}
	for _, f := range cells {
		for _, name := range e.Metrics {
			if string(f.name) == name && f.from != ofGoals {
				g.metrics = append(g.metrics, f.name)
			}
		}
	}
	if len(g.metrics) == 0 {
		return site, nil, account.ErrNotFound
	}
	site, err = d.siteOf(ctx, func(s account.Site) bool { return named(s) && s.ID == e.Site })
	return site, g, err
}
