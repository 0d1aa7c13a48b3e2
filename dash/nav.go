package dash

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
)

// leaf is a page that the others lead to.
type leaf struct {
	path  string
	label key
	of    []string // templates that draw it, and the pages below it
	sort  sort
}

// sort is what a page is of.
type sort int

const (
	figures sort = iota // of a site in a period: filters and period go along
	besides             // of something else: the site goes along, to lead back to
)

// leaves are the pages, in the order in which they are offered. Who may see one
// stands in account.Routes; portal draws those without a template here.
var leaves = []leaf{
	{"/", "Overview", []string{"page.html"}, figures},
	{"/goals", "Goals", []string{"goals.html", "goal.html"}, figures},
	{"/funnels", "Funnels", []string{"funnels.html"}, figures},
	{"/retention", "Retention", []string{"retention.html"}, figures},
	{"/journeys", "Journeys", []string{"journeys.html"}, figures},
	{"/account", "You", []string{"account.html"}, besides},
	{"/sites", "Sites", []string{"sites.html", "site.html", "libraries.html", "settings.html", "sharing.html", "data.html", "erase.html", "delete.html", "connection.html"}, besides},
	{"/reports", "Reports", []string{"reports.html"}, besides},
	{"/notes", "Notes", []string{"notes.html"}, besides},
	{"/filters", "Saved filters", []string{"saved.html"}, besides},
	{"/people", "People", []string{"people.html", "person.html"}, besides},
	{"/keys", "Keys", []string{"keys.html"}, besides},
	{"/shares", "Sharing", []string{"shares.html"}, besides},
	{"/program", "Affiliates", nil, besides},
	{"/operations", "Operations", []string{"operations.html", "aside.html"}, besides},
	{"/changes", "Audit log", []string{"changes.html"}, besides},
}

// action is what one must be allowed somewhere to see the page.
func (l leaf) action() account.Action {
	if l.path == "/" {
		return account.ActionOf("GET /{$}")
	}
	return account.ActionOf("GET " + l.path)
}

// leafOf is the page at a path, or that the page there is below; nil: there is none.
func leafOf(path string) *leaf {
	for i, l := range leaves {
		if path == l.path || l.path != "/" && strings.HasPrefix(path, l.path+"/") {
			return &leaves[i]
		}
	}
	return nil
}

// tab is a page that is offered.
type tab struct {
	Href, Label string
	Current     bool
}

// siteOf is the site that a page is of, or was opened from and leads back to: by its
// path, in a form (see the template "token") and by its query. "" is none.
func siteOf(r *http.Request) string {
	return cmp.Or(r.PathValue("site"), r.PostFormValue("came"), r.FormValue("site"))
}

// along is a path with the site to lead back to; pages of programmes have none.
func along(path, site string) string {
	if site == "" || strings.HasPrefix(path, "#") || strings.HasPrefix(path, "/program") {
		return path
	}
	return path + "?" + url.Values{"site": {site}}.Encode()
}

// tabs are the figures and the pages besides that somebody may see, above those that
// are among them. The site goes along.
func tabs(in visit, name string) (shown []tab) {
	found := false
	for _, l := range leaves {
		if l.sort == figures && l.path != "/" || !in.who.MaySomewhere(l.action()) {
			continue
		}
		current := slices.Contains(l.of, name)
		found = found || current
		shown = append(shown, tab{along(l.path, in.site), in.Say(l.label), current})
	}
	if !found || len(shown) < 2 {
		return nil
	}
	return shown
}

// frame is what stands around the figures of a site.
type frame struct {
	Title         string
	Site          account.Site
	Sites         []link
	Period        string // in words
	Days          string // that it has
	Tools         tools
	Asked         asked
	Filters       filterBar
	Live          string // visitors who are there now; "": not told
	Pages, Others []tab  // with figures, and without
	Base, Home    string // path of the page, and where the figures of the site begin
}

// frame is that of a state; sites are those to switch to.
func (d *Door) frame(in visit, s state, x span, sites []account.Site) frame {
	f := frame{Title: s.site.Domain, Site: s.site, Filters: s.bar(), Base: s.path()}
	f.Tools = s.tools(x)
	f.Period, f.Days = f.Tools.Period, s.words(x.window, x.zone)
	f.Home = f.Base
	if s.guest == nil {
		f.Home = state{tongue: s.tongue, site: s.site, period: usualPeriod, metric: string(cells[0].name)}.href()
	}
	here := leafOf(s.path())
	if here != nil && here.path != "/" {
		f.Title = s.Say(here.label) + " · " + f.Title
	}
	for _, site := range sites {
		to := s // but what only this site has
		to.site, to.filters, to.detail, to.tabs, to.more = site, nil, "", nil, nil
		if here != nil {
			to.base = here.path
		}
		f.Sites = append(f.Sites, link{Label: site.Domain, Href: to.href(), Current: site.ID == s.site.ID})
	}
	f.offer(in, s, here)
	return f
}

// offer lists the pages that lead on from a state. Of each the period and the filters
// go along, and what only the page here knows stays behind.
func (f *frame) offer(in visit, s state, here *leaf) {
	if s.guest != nil {
		return // a guest sees this page only
	}
	for i, l := range leaves {
		switch {
		case !in.who.MaySomewhere(l.action()):
		case l.sort == figures:
			to := s
			to.base, to.more, to.detail, to.tabs = l.path, nil, "", nil
			f.Pages = append(f.Pages, tab{to.href(), s.Say(l.label), here == &leaves[i]})
		default:
			f.Others = append(f.Others, tab{along(l.path, s.site.ID), s.Say(l.label), here == &leaves[i]})
		}
	}
}

// stateOf is the state that the URL of a page with figures says, and the sites to
// switch to. Where there is no site to read it has answered the request.
func (d *Door) stateOf(w http.ResponseWriter, r *http.Request, in visit) (s state, sites []account.Site, ok bool) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.noControl(w, err)
		return s, nil, false
	}
	if sites = in.who.Sites(account.ReadFigures, sites); len(sites) == 0 {
		if d.Setup != nil && in.who.MaySomewhere(account.ChangeServer) {
			http.Redirect(w, r, "/sites", http.StatusSeeOther) // the first one is added there
			return s, nil, false
		}
		d.show(w, http.StatusOK, "page.html", in, view{})
		return s, nil, false
	}
	s = readState(in.tongue, r.URL.Query(), sites, d.Now())
	s.base = cmp.Or(r.URL.EscapedPath(), "/")
	s.origin, s.sums = d.origin(r), in.who.MaySomewhere(account.ReadServer)
	if s, err = d.withSaved(r, in, s); err != nil {
		d.noControl(w, err)
		return s, nil, false
	}
	return d.standing(r.Context(), s), sites, true
}
