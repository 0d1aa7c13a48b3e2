package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/dash"
)

// looker is somebody at the pages of a home.
type looker struct {
	*home
	pages   http.Handler
	session string
	form    string
}

// looks gives somebody a role and logs in; a role of "" is the operator.
func (h *home) looks(role account.Role, site string) *looker {
	h.t.Helper()
	l := &looker{home: h, pages: h.server().Handler}
	id := ""
	if role != "" {
		p, err := h.control.AddPerson(h.t.Context(), account.Person{Email: fmt.Sprintf("%s-%s@example.com", role, site)})
		must(h.t, err)
		must(h.t, h.control.PutGrant(h.t.Context(), account.Grant{Person: p.ID, Site: site, Role: role}))
		id = p.ID
	}
	var err error
	l.session, err = h.control.AddSession(h.t.Context(), id)
	must(h.t, err)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "footfall_session", Value: l.session})
	s, err := dash.New(nil, nil, h.control, dash.Options{}).Session(r)
	must(h.t, err)
	l.form = s.Form
	return l
}

// page asks for a page, or sends a form, and wants a status and what it says.
func (l *looker) page(method, path string, form url.Values, status int, says ...string) string {
	l.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("form", l.form)
	r := httptest.NewRequestWithContext(l.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Prefer", "wait=20") // for all figures, however busy the machine is
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(&http.Cookie{Name: "footfall_session", Value: l.session})
	rec := httptest.NewRecorder()
	l.pages.ServeHTTP(rec, r)
	text := html.UnescapeString(rec.Body.String())
	for _, want := range says {
		if !strings.Contains(text, want) {
			l.t.Errorf("%s %s lacks %q:\n%s", method, path, want, text[max(0, strings.Index(text, "<main")):])
		}
	}
	if rec.Code != status {
		l.t.Errorf("%s %s: %d, want %d: %s", method, path, rec.Code, status, text[max(0, strings.Index(text, "<main")):])
	}
	return text
}

var moves = regexp.MustCompile(`data-text="([a-z-]+)">([^<]*)<`)

// moving are the figures of a page that move, by name.
func moving(page string) map[string]string {
	all := map[string]string{}
	for _, m := range moves.FindAllStringSubmatch(page, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestOperationsInTheHouse: the page's figures are those of footfall doctor; what is
// set aside there is redriven and dropped as by the command, and noted; a recount runs
// without the page; a backup is known afterwards.
func TestOperationsInTheHouse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.site()
	h.publish(events("good", 40, true)...)
	h.publish(events("good", 2, true)...) // again
	operator, viewer := h.looks("", ""), h.looks(account.Viewer, "")
	operator.page("GET", "/operations", nil, 200, "All is well", "There was no recount yet")
	h.must(nil, "roll")
	operator.page("POST", "/operations/recount", nil, 303)
	h.counting.soon(t.Context(), 20*time.Second)
	operator.page("GET", "/operations", nil, 200, "All is well", "figures agree", "40 events of")
	h.publish(events("odd", 3, false)...)
	page := operator.page("GET", "/operations", nil, 200, "3 events are set aside", "/operations/aside", "DuckDB, in this process", "shop.example", "This server has made no backup yet")
	s, err := h.status(t.Context())
	must(t, err)
	for name, want := range map[string]uint64{"accepted": s.Accepted, "stored": s.Stored, "duplicates": s.Duplicates, "set-aside": s.SetAside, "waiting": s.Waiting, "archived": s.Archived, "store-waiting": 0, "archive-waiting": s.ArchiveLag} {
		if got := moving(page)[name]; got != fmt.Sprint(want) {
			t.Errorf("the page says of %s %q, and status %d", name, got, want)
		}
	}
	item := h.items("store")[0]
	operator.page("GET", "/operations/aside", nil, 200, fmt.Sprint("/operations/aside/", item.ID), "shop.example", "store 3")
	operator.page("GET", fmt.Sprint("/operations/aside/", item.ID), nil, 200, `"dance"`, "odd-0")
	viewer.page("POST", "/operations/aside", url.Values{"do": {"drop"}, "all": {"true"}}, 403)
	operator.page("POST", "/operations/aside", url.Values{"do": {"redrive"}, "item": {fmt.Sprint(item.ID)}}, 200, "1 item redriven", "store 3") // refused again
	operator.page("POST", "/operations/aside", url.Values{"do": {"drop"}, "all": {"true"}, "reader": {"store"}}, 200, "3 items dropped for good", "Nothing is set aside")
	h.adds("after dropping", counts{40, 2, 0, 3})
	dir := filepath.Join(t.TempDir(), "backups")
	if fault, code := h.typed(nil, "backup", dir); code != 0 {
		t.Fatal(fault)
	}
	operator.page("GET", "/operations", nil, 200, dir)
	h.checkAudit("aside drop store [3 items] []", "aside redrive  [1 items] []", "recount  [] []")
}

// TestServerIsToldLive: what the server does moves by the stream, once for all who
// look; who has no role on every site, and a key, hear nothing of it.
func TestServerIsToldLive(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.site()
	server := httptest.NewServer(h.server().Handler)
	t.Cleanup(server.Close)
	one, two := h.looks(account.Viewer, ""), h.looks(account.Owner, "shop-example")
	a, b := h.hear(server, "server=true&language=en", "Cookie", "footfall_session="+one.session), h.hear(server, "server=true&language=en", "Cookie", "footfall_session="+one.session)
	a.has(`"server":{`, "")
	b.has(`"accepted":"0"`, "")
	asked := h.streams.Asked()
	h.publish(events("new", 7, true)...)
	a.has(`"accepted":"7"`, "")
	b.has(`"stored":"7"`, "")
	if n := h.streams.Asked() - asked; n > 5 {
		t.Errorf("two who look were asked for %d times", n)
	}
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Everything}})
	must(t, err)
	for name, s := range map[string]heard{"an owner of one site": h.hear(server, "server=true", "Cookie", "footfall_session="+two.session), "a key": h.hear(server, "server=true", "Authorization", "Bearer "+key)} {
		if s.StatusCode != http.StatusBadRequest {
			t.Errorf("%s hears of the server: %d", name, s.StatusCode)
		}
	}
}

// TestPaces: events a second are those of the last minute, however many samples there are.
func TestPaces(t *testing.T) {
	var p paces
	if _, known := p.of(""); known {
		t.Error("without samples it is known")
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range 40 { // 10 a second for 100 s, then none
		p.add(sample{at.Add(time.Duration(i) * paceEvery), map[string]uint64{"": uint64(50 * min(i, 20)), "store": 5}})
	}
	if pace, known := p.of(""); !known || pace != 0 {
		t.Errorf("%v events a second, want none", pace)
	}
	p = paces{}
	for i := range 31 { // the last 60 s have 50 s of 10 a second
		p.add(sample{at.Add(time.Duration(i) * paceEvery), map[string]uint64{"": uint64(50 * min(i, 28))}})
	}
	if pace, _ := p.of(""); pace < 8.3 || pace > 8.4 {
		t.Errorf("%v events a second, want 500 in a minute", pace)
	}
	if _, known := p.of("store"); known {
		t.Error("a reader that is not there has a pace")
	}
}

// TestFailingWriter: a pump that can't write is told, with since when, until it can.
func TestFailingWriter(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.site()
	h.publish(events("first", 1, true)...)
	h.house.pumps["store"].failing.Store(time.Now().Add(-time.Minute).UnixMilli())
	l := h.looks("", "")
	l.page("GET", "/operations", nil, 200, "All is well") // nothing waits
	h.stopPump("store", h.queue.Last())
	must(t, h.queue.Publish(t.Context(), events("second", 1, true)...))
	h.mu.Lock()
	broken := &running{}
	broken.failing.Store(time.Now().Add(-time.Minute).UnixMilli())
	h.house.pumps["store"] = broken
	h.mu.Unlock()
	l.page("GET", "/operations", nil, 200, "The event store can't be written for", "wait on disk: 1", "footfall doctor")
	h.mu.Lock()
	delete(h.house.pumps, "store")
	h.mu.Unlock()
	must(t, h.startStorePump(t.Context()))
	h.settle()
	l.page("GET", "/operations", nil, 200, "All is well")
}

// TestSitesInTheHouse: a site that is added on a page takes events at once, tells what
// came and what was refused, and is changed and exported as by the command.
func TestSitesInTheHouse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	l := h.looks(account.Admin, "")
	l.page("POST", "/sites", url.Values{"domain": {"Shop.Example"}, "timezone": {"Europe/Berlin"}, "currency": {"EUR"}}, 303)
	l.page("POST", "/sites", url.Values{"domain": {"shop.example"}, "timezone": {"UTC"}, "currency": {"EUR"}}, 422, "is that of a site already")
	site, err := h.sites.find("shop.example")
	must(t, err)
	l.page("GET", "/sites/shop-example", nil, 200, "Listening for the first event", site.WriteKey)
	send := func(body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/batch", strings.NewReader(body))
		r.SetBasicAuth(site.WriteKey, "")
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		rec := httptest.NewRecorder()
		l.pages.ServeHTTP(rec, r)
		if rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	send(`{"batch":[{"type":"track","event":"Signed up","userId":"u-1"},{"type":"page","userId":"u-1","properties":{"url":"https://shop.example/"}},{"type":"track","userId":"u-1"}]}`)
	h.settle()
	l.page("GET", "/sites/shop-example", nil, 200, "<b>2</b> events came", "Signed up", "a track event needs a name")
	exported := l.page("GET", "/sites/shop-example/export?format=ndjson&from=&to=", nil, 200, `"u-1"`)
	if strings.Count(exported, "\n") != 2 {
		t.Errorf("exported %s", exported)
	}
	l.page("GET", "/sites/shop-example/export?format=xml", nil, 422, "Nothing was exported")
	l.page("POST", "/sites/shop-example/settings", url.Values{"timezone": {"UTC"}, "currency": {"CHF"}, "origins": {"www.shop.example"}}, 303)
	l.page("POST", "/sites/shop-example/privacy", url.Values{"keep": {"30"}, "history": {"6"}, "domain": {"shop.example"}}, 303)
	got, _ := h.sites.find("shop.example")
	if got.Zone != "UTC" || got.Currency != "CHF" || got.DNT || got.Keep != 30 || got.History != 6 || strings.Join(got.Origins, " ") != "www.shop.example" || got.WriteKey != site.WriteKey {
		t.Errorf("the site is %+v", got)
	}
	var changes []account.Change
	if fault, code := h.typed(&changes, "audit", "--limit", "0"); code != 0 {
		t.Fatal(fault)
	}
	text := ""
	for _, c := range changes {
		text += fmt.Sprintf("%t %s %s [%s] [%s]\n", strings.HasPrefix(c.Who, "person per_"), c.What, c.Target, c.Old, c.New)
	}
	if want := "true site set shop-example [history 0, keep-events 0] [history 6, keep-events 30]\ntrue site set shop-example [timezone Europe/Berlin, currency EUR, dnt true, origins ] [timezone UTC, currency CHF, dnt false, origins www.shop.example]\n" +
		"true site add shop-example [] [domain shop.example, timezone Europe/Berlin, currency EUR, dnt true]\n"; text != want {
		t.Errorf("the audit log has\n%s, want\n%s", text, want)
	}
}

// TestErasePages: a page erases a person as the command does; who is an owner of one
// site of a programme only erases nobody, and what one looked for another does not see.
func TestErasePages(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	figures, owed := k.totals(), k.owed()
	owner, other := k.looks(account.Owner, ""), k.looks("", "")
	path := "/sites/shop-example/erase"
	owner.page("POST", path+"/confirm", url.Values{"confirm": {"erase"}}, 422, "Looking comes first")
	looked := func(page string) url.Values {
		return url.Values{"confirm": {"erase"}, "looked": {regexp.MustCompile(`name="looked" value="(\d+)"`).FindStringSubmatch(page)[1]}}
	}
	owner.page("POST", path, url.Values{"kind": {"user"}, "id": {"nobody-77"}}, 303)
	owner.page("GET", path, nil, 200, "user nobody-77", "Nothing is known of this person here")
	owner.page("POST", path, url.Values{"kind": {"user"}, "id": {"user-ben"}}, 303)
	another := looked(owner.page("GET", path, nil, 200, "user user-ben", "Nothing was erased yet"))
	owner.page("POST", path, url.Values{"kind": {"email"}, "id": {herEmail}}, 303)
	hers := looked(owner.page("GET", path, nil, 200, herUser, herBrowser, herPhone, "Nothing was erased yet", `<td class="num" data-label="How many">6</td>`))
	owner.page("POST", path+"/confirm", another, 422, "Looking was done again", herUser) // from the page of before
	if page := other.page("GET", path, nil, 200); strings.Contains(page, herUser) {
		t.Error("somebody else sees what one looked for")
	}
	other.page("POST", path+"/confirm", url.Values{"confirm": {"erase"}}, 422, "Looking comes first")
	if k.totals() != figures {
		t.Error("looking changed figures")
	}
	owner.page("POST", path+"/confirm", hers, 303)
	k.erasers.of(owner.asWho(), k.site.ID).work.soon(t.Context(), 20*time.Second)
	if page := owner.page("GET", path, nil, 200, "Erased. Figures and money are what they were"); strings.Contains(page, herUser) {
		t.Error("the page tells who was erased")
	}
	if now := k.totals(); now != figures || k.owed() != owed {
		t.Errorf("figures are\n%s%s, were\n%s%s", now, k.owed(), figures, owed)
	}
	k.must(nil, "site", "add", "blog.example")
	k.must(nil, "program", "set", "Courses", "--site", "shop.example,blog.example", "--rate", "50%")
	partly := k.looks(account.Owner, "shop-example")
	partly.page("POST", path, url.Values{"kind": {"user"}, "id": {"user-ben"}}, 403, "for an owner of the site")
	k.nowhere("after erasing on a page")
}

// asWho is who looks.
func (l *looker) asWho() account.Who {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "footfall_session", Value: l.session})
	s, err := dash.New(nil, nil, l.control, dash.Options{}).Session(r)
	must(l.t, err)
	return s.Who
}
