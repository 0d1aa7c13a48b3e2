package portal

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"footfall/affiliate"
	"footfall/money"
)

// owner is the same portal, asked by who owns sites and runs programmes.
func (w *world) owner(sites []string, programs ...affiliate.Program) *world {
	w.seller(programs...)
	w.who.Owns = sites
	return w
}

// TestMakeProgram: who owns sites that are in no programme makes one of them, with
// what it pays; of no other's site, and of none twice.
func TestMakeProgram(t *testing.T) {
	w := newWorld(t)
	if rec := w.owner([]string{"three"}).ask(httptest.NewRequest("GET", "/program", nil)); rec.Code != 303 || rec.Header().Get("Location") != "/program/new" {
		t.Errorf("who runs none yet is led to %d %q", rec.Code, rec.Header().Get("Location"))
	}
	has(t, w.get("/program/new"), `value="three" checked`, "three.example")
	w.owner([]string{"one", "three", "four"}, w.program)
	page := w.get("/program/new")
	has(t, page, `name="site" value="three">`, `value="four">`, `name="form" value="secret-word"`, "<legend")
	if strings.Contains(page, `value="one"`) {
		t.Error("a site of a programme is offered")
	}
	for want, fields := range map[string][]string{
		"Tick at least one site.":          {"name", "New", "rate", "50"},
		"This is no site of yours.":        {"name", "New", "rate", "50", "site", "two"},
		"Something must be here.":          {"name", " ", "rate", "50", "site", "three"},
		"Write a percentage such as 50":    {"name", "New", "rate", "0", "site", "three"},
		"Is in the programme":              {"name", "New", "rate", "50", "site", "one"},
		`value="three" checked`:            {"name", "New", "rate", "x", "site", "three"},
		`name="name" value="&lt;b&gt;New"`: {"name", "<b>New", "rate", "101", "site", "three"},
	} {
		rec := w.post("/program/new", fields...)
		if body := rec.Body.String(); rec.Code != 422 || !strings.Contains(body, want) && !strings.Contains(body, strings.ToLower(want)) {
			t.Errorf("%q: %d without %q: %s", fields, rec.Code, want, body)
		}
	}
	before := len(must(w.desk.Programs(t.Context())))
	rec := w.post("/program/new", "name", "New", "rate", "12.5", "site", "three", "site", "four")
	all := must(w.desk.Programs(t.Context()))
	at := slices.IndexFunc(all, func(p affiliate.Program) bool { return p.Name == "New" })
	if len(all) != before+1 || at < 0 || rec.Header().Get("Location") != "/program/"+all[at].ID+"/settings?done=made" {
		t.Fatalf("%d %v, %d programmes", rec.Code, rec.Header(), len(all))
	}
	p, usual := all[at], affiliate.Usual()
	rules := must(w.desk.Rules(t.Context(), p.ID))
	if !slices.Equal(p.Sites, []string{"three", "four"}) || p.Window != usual.Window || p.Hold != usual.Hold || len(rules) != 1 || rules[0].Rate != money.PPM/8 || !rules[0].From.IsZero() {
		t.Errorf("made %+v with %+v", p, rules)
	}
	if w.begun != 1 {
		t.Errorf("the reader of orders was begun %d times", w.begun)
	}
	has(t, w.owner([]string{"one", "three", "four"}, w.program, p).get("/program/new"), "in a programme already")
	has(t, w.get("/program/"+p.ID+"/settings?done=made"), "The programme is made.", "12.5")
}

// TestProgramsAreForOwners: who runs a programme makes none, and gives it no site,
// without owning the sites; a form without its word does nothing.
func TestProgramsAreForOwners(t *testing.T) {
	w := newWorld(t)
	sites := "/program/" + w.program.ID + "/settings/sites"
	before := must(w.desk.Programs(t.Context()))
	w.owner([]string{"one", "three"}, w.program)
	for _, path := range []string{"/program/new", sites} {
		r := httptest.NewRequest("POST", path, strings.NewReader("form=x&name=New&rate=50&site=three"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if rec := w.ask(r); rec.Code != 403 {
			t.Errorf("%s: a forged form is answered %d", path, rec.Code)
		}
	}
	w.owner(nil, w.program)
	for _, path := range []string{"/program/new", sites} {
		w.who.Pays = nil
		if rec := w.post(path, "name", "New", "rate", "50", "site", "three"); rec.Code != 403 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if rec := w.ask(httptest.NewRequest("GET", "/program/new", nil)); rec.Code != 403 {
		t.Errorf("the page: %d", rec.Code)
	}
	if strings.Contains(w.get("/program/"+w.program.ID+"/settings"), "Add sites") {
		t.Error("who may not is offered sites to add")
	}
	if _, taken := w.desk.Program("three"); taken || len(must(w.desk.Programs(t.Context()))) != len(before) {
		t.Error("something was made")
	}
}

// TestAddSites: a programme gets more sites of its owner's, keeps those it has, and
// gets no other's.
func TestAddSites(t *testing.T) {
	w := newWorld(t)
	w.owner([]string{"one", "three"}, w.program)
	path := "/program/" + w.program.ID + "/settings"
	has(t, w.get(path), "Add sites", `value="three"`)
	w.refused("Tick at least one site.", path+"/sites")
	w.refused("This is no site of yours.", path+"/sites", "site", "two")
	w.refused("This is no site of yours.", path+"/sites", "site", "three", "site", "two")
	w.who.Owns = append(w.who.Owns, "two")
	w.refused("in the programme", path+"/sites", "site", "two")
	has(t, w.done(path+"/sites", "site", "three", "site", "three", "site", "one"), "The programme has the sites now.", "one.example, three.example")
	if p, ok := w.desk.Program("three"); !ok || p.ID != w.program.ID || !slices.Equal(p.Sites, []string{"one", "three"}) {
		t.Errorf("%+v", p)
	}
}

// TestBeginFails: what needs the programme and does not begin is told.
func TestBeginFails(t *testing.T) {
	w := newWorldWith(t, Options{Begun: func(context.Context) error { return errors.New("disk full") }})
	w.owner([]string{"three"})
	if rec := w.post("/program/new", "name", "New", "rate", "50", "site", "three"); rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}
