package dash

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/event"
)

// savedKey is what an address calls filters that are kept under a name.
const savedKey = "saved"

// filtersQuery is the state's filters as an address has them, and nothing else of it.
func (s state) filtersQuery() string {
	v := url.Values{}
	for _, f := range s.filters {
		v[f.key()] = f.values
	}
	return v.Encode()
}

// named are the filters of a name: one's own before those of the site.
func (s state) named(name string) (of account.SavedFilters, ok bool) {
	for _, f := range s.saved {
		if f.Name == name && (!ok || f.Person != "") {
			of, ok = f, true
		}
	}
	return of, ok
}

// readSaved puts the filters that a URL calls by their name into its place. What the URL
// says itself of a dimension holds.
func (s *state) readSaved(v url.Values) {
	name := v.Get(savedKey)
	if name == "" {
		return
	}
	of, ok := s.named(name)
	if !ok {
		s.amiss = append(s.amiss, s.Say("There are no saved filters “{name}” for you at this site any more.", cut(name)))
		return
	}
	all, _ := url.ParseQuery(of.Query) // what of it can't be read is amiss below
	for key, values := range v {
		all[key] = values
	}
	s.readFilters(all)
}

// savedLinks are the saved filters as the menu of filters has them: each is the page with
// these filters alone.
func (s state) savedLinks() (all []link) {
	for _, f := range s.saved {
		if of, _ := s.named(f.Name); of.Person != f.Person {
			continue // one's own of that name is meant
		}
		all = append(all, link{Label: f.Name, Href: s.savedHref(f), Current: f.Query == s.filtersQuery()})
	}
	return all
}

// savedHref is the page with saved filters, by their name.
func (s state) savedHref(f account.SavedFilters) string {
	s = s.without(func(filter) bool { return true })
	s.offset = 0
	v := s.values()
	v.Set(savedKey, f.Name)
	return s.path() + "?" + v.Encode()
}

// saving is where the state's filters are kept under a name; "" where they can't be.
func (s state) saving() string {
	if !s.keeps || len(s.filters) == 0 {
		return ""
	}
	s.base, s.more, s.detail, s.tabs = "/filters", nil, "", nil
	return s.href() + "#keep"
}

type savedView struct {
	frame
	said
	Saved []savedRow
	Words []string // of the filters that may be kept now
	Share bool     // one may keep some for everybody
	Own   bool     // one may keep some for oneself
	Self  string
}

// savedRow are saved filters as a list has them.
type savedRow struct {
	Name, Href, Remove string
	Words              []string
	Mine, Away         bool // one's own; one may remove them
}

// savedFilters is the page of a site's saved filters.
func (d *Door) savedFilters(w http.ResponseWriter, r *http.Request, in visit) {
	if s, sites, ok := d.stateOf(w, r, in); ok {
		d.showSaved(w, r, in, s, sites, read(in.tongue, r))
	}
}

// showSaved fills the view in.
func (d *Door) showSaved(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site, told said) {
	v := savedView{frame: d.frame(in, s, d.span(r.Context(), s), sites), said: told, Share: in.who.May(account.ChangeSite, s.site.ID), Own: in.who.Person != "", Self: s.href()}
	v.Tools.Compare = nil // with nothing
	for _, f := range s.filters {
		v.Words = append(v.Words, s.filterWords(f))
	}
	ctx, cancel := context.WithTimeout(r.Context(), brief)
	defer cancel()
	for _, f := range s.saved {
		to := s
		to.filters, to.base, to.more = nil, "/", nil
		row := savedRow{Name: f.Name, Href: to.savedHref(f), Mine: f.Person != "", Away: f.Person != "" || v.Share}
		kept, _ := url.ParseQuery(f.Query)
		to.readFilters(kept)
		if of, _ := s.named(f.Name); of.Person != f.Person {
			row.Href = to.href() // its name alone means one's own
		}
		to = d.standing(ctx, to)
		for _, f := range to.filters {
			row.Words = append(row.Words, s.filterWords(f))
		}
		row.Words = append(row.Words, to.amiss...)
		to.filters, to.base = s.filters, "/filters/remove" // what is set now stays
		row.Remove = to.href()
		v.Saved = append(v.Saved, row)
	}
	d.show(w, told.status(), "saved.html", in, v)
}

// ofSaver is the state of a page whose form was sent, and whose filters it is about: ""
// is everybody's at the site. What was sent by who may not has been answered.
func (d *Door) ofSaver(w http.ResponseWriter, r *http.Request, in visit) (s state, sites []account.Site, person string, ok bool) {
	if s, sites, ok = d.stateOf(w, r, in); !ok {
		return s, nil, "", false
	}
	s.base = "/filters"
	if r.PostForm.Get("whose") != "site" {
		person = in.who.Person
	}
	if s.site.ID != r.URL.Query().Get("site") || person == "" && !in.who.May(account.ChangeSite, s.site.ID) {
		d.refuse(w, http.StatusForbidden, "Filters of the site are kept and removed by who may change it, an owner or admin. Nothing was done.")
		return s, nil, "", false
	}
	return s, sites, person, true
}

// saveFilters keeps the filters that the URL has.
func (d *Door) saveFilters(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, person, ok := d.ofSaver(w, r, in)
	if !ok {
		return
	}
	f := account.SavedFilters{Site: s.site.ID, Person: person, Name: strings.TrimSpace(r.PostForm.Get("name")), Query: s.filtersQuery()}
	var err error
	if len(s.amiss) > 0 {
		err = event.Invalid("filters", "are not all as the address has them: %s", strings.Join(s.amiss, " "))
	} else {
		_, err = d.Saved.PutFilters(r.Context(), f)
	}
	d.went(w, r, in, s, "filters", savedChange("filters set", f), err, func(told said) { d.showSaved(w, r, in, s, sites, told) })
}

// dropFilters removes those of a name.
func (d *Door) dropFilters(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, person, ok := d.ofSaver(w, r, in)
	if !ok {
		return
	}
	f := account.SavedFilters{Site: s.site.ID, Person: person, Name: r.PostForm.Get("name")}
	d.went(w, r, in, s, "filters-removed", savedChange("filters remove", f), d.Saved.RemoveFilters(r.Context(), f.Site, f.Person, f.Name), func(told said) {
		d.showSaved(w, r, in, s, sites, told)
	})
}

// savedChange is a line of the audit log, which tells nothing of what somebody keeps alone
// but that it is so.
func savedChange(what string, f account.SavedFilters) account.Change {
	if f.Person != "" {
		return account.Change{What: what, Target: f.Site + " (own)"}
	}
	return account.Change{What: what, Target: f.Site + " " + f.Name, New: f.Query}
}

// withSaved is the state with the filters that are kept for who looks at it, and those
// that the URL calls by their name.
func (d *Door) withSaved(r *http.Request, in visit, s state) (state, error) {
	if d.Saved == nil {
		return s, nil
	}
	all, err := d.Saved.Filters(r.Context(), s.site.ID, in.who.Person)
	if err != nil {
		return s, err
	}
	s.saved = slices.Clone(all)
	s.keeps = in.who.Person != "" || in.who.May(account.ChangeSite, s.site.ID)
	s.readSaved(r.URL.Query())
	return s, nil
}
