package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"footfall/account"
	"footfall/collect"
	"footfall/dash"
)

// TestOwnerBeginsAProgramme: by page, on the site that is the owner's alone; orders
// are read then, and the audit log says what was made. Another's site, and who is
// no owner, make nothing.
func TestOwnerBeginsAProgramme(t *testing.T) {
	h := newHome(t)
	sites := map[string]account.Site{}
	for _, domain := range []string{"own.example", "other.example"} {
		site, err := h.sites.AddSite(t.Context(), account.Site{Domain: domain})
		must(t, err)
		sites[domain] = site
	}
	pages := dash.New(nil, h.sites, h.control, dash.Options{})
	door := h.portal(pages, &collect.Collector{})
	send := func(role account.Role, site string) int {
		t.Helper()
		p, err := h.control.AddPerson(t.Context(), account.Person{Email: string(role) + site + "@example.com"})
		must(t, err)
		must(t, h.control.PutGrant(t.Context(), account.Grant{Person: p.ID, Site: sites["own.example"].ID, Role: role}))
		session, err := h.control.AddSession(t.Context(), p.ID)
		must(t, err)
		r := httptest.NewRequest("POST", "/program/new", nil)
		r.AddCookie(&http.Cookie{Name: "footfall_session", Value: session})
		s, err := pages.Session(r)
		must(t, err)
		form := url.Values{"form": {s.Form}, "name": {"Courses"}, "rate": {"50"}, "site": {sites[site].ID}}
		r = httptest.NewRequest("POST", "/program/new", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "footfall_session", Value: session})
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, r)
		return rec.Code
	}
	if a, b := send(account.Admin, "own.example"), send(account.Owner, "other.example"); a != 403 || b != 422 {
		t.Errorf("an admin is answered %d, an owner of another site %d", a, b)
	}
	if code := send(account.Owner, "own.example"); code != 303 {
		t.Fatalf("the owner is answered %d", code)
	}
	p, ok := h.desk.Program(sites["own.example"].ID)
	h.mu.Lock()
	reads := h.pumps["ledger"] != nil
	h.mu.Unlock()
	lines, err := h.control.Changes(t.Context(), account.ChangeFilter{Kind: "program"})
	must(t, err)
	if !ok || !reads || len(lines) != 1 || lines[0].What != "program set" || lines[0].Target != "program "+p.ID {
		t.Errorf("made: %v, orders are read: %v, audit log %+v", ok, reads, lines)
	}
}
