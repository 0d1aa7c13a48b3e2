package dash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/metric"
)

// guest is who sees the figures of one site without an account: by a share's link, by
// a token for embedding, or because the site shows them to anybody.
type guest struct {
	token   string         // by which /v1/live tells the same
	parts   []account.Part // what is shown
	metrics []metric.Name  // the only ones, of a token for embedding; nil: those of parts
	kept    url.Values     // what every address of the page has: a frame's token and look
	look    *look          // of a frame; nil: it is a page of its own
}

// ofShare is what a share's link shows. Who has it is no partner of the affiliates, whose
// codes often are their names: it does not name them.
var ofShare = []account.Part{account.TheBoard, account.Files}

// sees reports whether a figure is shown; who is no guest sees all.
func (g *guest) sees(f number) bool {
	switch {
	case g == nil:
		return true
	case g.metrics != nil:
		return slices.Contains(g.metrics, f.name)
	}
	return slices.Contains(g.parts, f.part())
}

// has reports whether a part is shown; who is no guest has all.
func (g *guest) has(p account.Part) bool { return g == nil || slices.Contains(g.parts, p) }

// template is the page that is drawn.
func (g *guest) template() string {
	if g != nil && g.look != nil {
		return "framed.html"
	}
	return "page.html"
}

// first is the figure of the chart where the address names none, or one that is not
// shown.
func (g *guest) first() number {
	return cells[max(0, slices.IndexFunc(cells, g.sees))]
}

// heard are the figures, or windows of some, by which a page hears of news, of those
// that are shown; the first figure of the board where none of them is.
func (g *guest) heard(all ...string) string {
	shown := slices.DeleteFunc(all, func(name string) bool {
		name, _, _ = strings.Cut(name, "@")
		return !g.sees(figureOf(name))
	})
	if len(shown) == 0 {
		return string(g.first().name)
	}
	return strings.Join(shown, ",")
}

// of is a list as a guest sees it; false: not at all. A token's figures are split by
// what has no others in it, as at the API.
func (g *guest) of(li listing) (listing, bool) {
	shown := g.has(li.part())
	if g == nil || g.metrics == nil {
		return li, shown
	}
	hidden := func(m metric.Name) bool { return !slices.Contains(g.metrics, m) }
	li.figures = slices.DeleteFunc(slices.Clone(li.figures), hidden)
	li.more = slices.DeleteFunc(slices.Clone(li.more), hidden)
	if hidden(li.of) {
		li.of = ""
	}
	return li, shown && li.by != metric.EntryPage && li.by != metric.ExitPage && len(li.figures) > 0
}

// unnamed leaves affiliates out of what is told by source: of what their links led to,
// their codes are the sources. It is nil for who may see them.
func (g *guest) unnamed() *metric.Where {
	if g.has(account.Earners) {
		return nil
	}
	return &metric.Where{Not: &metric.Where{Dimension: "class", Op: metric.Is, Values: []string{"affiliate"}}}
}

// signs are those that tell whether the site is in use, of those that are shown.
func (g *guest) signs() []metric.Name {
	return slices.DeleteFunc(slices.Clone(signs), func(m metric.Name) bool { return !g.sees(figureOf(string(m))) })
}

// Shows is what the dashboard of a share shows: metrics, and what they are split by; by
// source the page alone, as it leaves out affiliates' codes.
func Shows() (metrics []metric.Name, by []metric.Dimension) {
	s := state{guest: &guest{parts: ofShare}}
	for _, c := range cells {
		if s.guest.sees(c) {
			metrics = append(metrics, c.name)
			if r, divided := metric.Ratios[c.name]; divided && !slices.Contains(metrics, r.Of) {
				metrics = append(metrics, r.Of) // Sessions are there
			}
		}
	}
	return metrics, slices.DeleteFunc(s.splits(), func(by metric.Dimension) bool { return by == "source" })
}

// splits are the dimensions of the lists that a state has.
func (s state) splits() (by []metric.Dimension) {
	for _, b := range s.shown() {
		for _, li := range b.lists {
			if !slices.Contains(by, li.by) {
				by = append(by, li.by)
			}
		}
	}
	return by
}

// guests is the state of an address as a guest sees it, at a path. Whatever it names,
// the site is the one that is shown.
func (d *Door) guests(l tongue, r *http.Request, site account.Site, g *guest, base string) state {
	v := r.URL.Query()
	s := readState(l, v, []account.Site{site}, d.Now())
	s.guest, s.origin, s.base = g, d.origin(r), base
	s.readFilters(v) // by what is shown alone
	s.amiss = append(s.amiss, s.unknown(v)...)
	if f := figureOf(s.metric); v.Get("metric") == "" || !g.sees(f) {
		s.metric = string(g.first().name)
	}
	return s
}

// share draws the dashboard of one site for whoever has its link.
func (d *Door) share(w http.ResponseWriter, r *http.Request, in visit) {
	token := r.PathValue("token")
	site, err := d.sharedBy(r.Context(), token, func(account.Site) bool { return true })
	switch {
	case errors.Is(err, account.ErrNotFound):
		d.refuse(w, http.StatusNotFound, "There is no such link, or it was taken back.")
	case err != nil:
		d.noControl(w, err)
	default:
		unlisted(w)
		s := d.guests(in.tongue, r, site, &guest{token: token, parts: ofShare}, "/share/"+token)
		d.board(w, r, in, s, []account.Site{site})
	}
}

// sharedBy is the site that a share shows, if it is the one that is asked for; else
// account.ErrNotFound.
func (d *Door) sharedBy(ctx context.Context, token string, asked func(account.Site) bool) (account.Site, error) {
	share, err := d.control.Share(ctx, token)
	if err != nil {
		return account.Site{}, err
	}
	return d.siteOf(ctx, func(s account.Site) bool { return asked(s) && share.Who().May(account.ReadFigures, s.ID) })
}

// siteOf is the first site of which something holds, or account.ErrNotFound.
func (d *Door) siteOf(ctx context.Context, holds func(account.Site) bool) (account.Site, error) {
	sites, err := d.sites.Sites(ctx)
	if err != nil {
		return account.Site{}, err
	}
	at := slices.IndexFunc(sites, holds)
	if at < 0 {
		return account.Site{}, account.ErrNotFound
	}
	return sites[at], nil
}

// unlisted keeps search engines from listing a page.
func unlisted(w http.ResponseWriter) { w.Header().Set("X-Robots-Tag", "noindex, nofollow") }
