package dash

import (
	"context"
	"fmt"
	"html"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// evil is a text that must not become part of a page.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

// office is a dashboard of two sites with an owner of all of it, one of the
// first site, and an admin, each with a browser.
type office struct {
	world
	sites             map[string]string // ids by domain
	owner, one, admin *browser
	ids               map[string]string // of people, by e-mail
}

func newOffice(t *testing.T) *office {
	t.Helper()
	return newOfficeWith(t, Options{})
}

func newOfficeWith(t *testing.T, options Options) *office {
	t.Helper()
	options.Now = time.Now
	o := &office{world: newWorldWith(t, options, "a.example", "b.example"), sites: map[string]string{}, ids: map[string]string{}}
	sites, err := o.control.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		o.sites[s.Domain] = s.ID
	}
	add := func(email string, role account.Role, domain string) *browser {
		o.ids[email] = o.person(t, email, role, o.sites[domain]).ID
		b := o.browser(t)
		b.login(email)
		return b
	}
	o.owner, o.one, o.admin = add("owner@example.com", account.Owner, ""), add("one@example.com", account.Owner, "a.example"), add("admin@example.com", account.Admin, "a.example")
	return o
}

// found is the first match of a pattern in a page.
func found(t *testing.T, rec *httptest.ResponseRecorder, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(html.UnescapeString(rec.Body.String()))
	if m == nil {
		t.Fatalf("the page lacks %s: %d %s", pattern, rec.Code, main(rec.Body.String()))
	}
	return m[1]
}

// TestPeoplePage: an owner invites somebody, who logs in; changes the role; ends
// sessions; disables; removes.
func TestPeoplePage(t *testing.T) {
	o := newOffice(t)
	b, at := o.owner, o.sites["b.example"]
	b.want(b.do("GET", "/people", nil), 200, "owner@example.com", "every site", `aria-current="page">People`, `action="/people"`)
	b.want(b.send("/people", "email", "no address", "name", "New", "role", "admin", "site", at), 422, "E-mail is not an address", `value="no address"`, `value="New"`, "<option value=\"admin\" selected>admin", `value="`+at+`" selected`, `aria-invalid="true"`)
	made := b.send("/people", "email", "New@example.com", "name", "New", "role", "viewer", "site", at)
	b.want(made, 200, "Send this to new@example.com", "within 7 days")
	link, err := url.Parse(found(t, made, `>(http://example.com/password.link=ffl_[a-z0-9]+)<`))
	if err != nil {
		t.Fatal(err)
	}
	person := "/people/" + found(t, b.do("GET", "/people?search=NEW", nil), `href="/people/(per_[a-z0-9]+)"`)
	without(t, b.want(b.do("GET", "/people?search=new&site="+at, nil), 200, "New", "viewer"), "one@example.com")
	b.want(b.do("GET", "/people?search=zzz", nil), 200, "Nobody fits")
	their := o.browser(t)
	their.want(their.do("POST", "/password", fields("link", link.Query().Get("link"), "password", password)), 303)
	their.want(their.do("GET", "/people", nil), 403, "may not see this")

	b.want(b.send(person+"/role", "site", at, "role", "king"), 422, "is unknown")
	made = b.send(person+"/role", "site", at, "role", "admin")
	b.want(made, 200, "The password and sessions of before have ended", "Send this to new@example.com")
	their.want(their.do("GET", "/", nil), 401)
	_, token, _ := strings.Cut(found(t, made, `>(http://example.com/password.link=ffl_[a-z0-9]+)<`), "=")
	their.want(their.do("POST", "/password", fields("link", token, "password", password)), 303)
	b.want(b.do("GET", person+"?done=role", nil), 200, "The role is set.", "<option value=\"admin\" selected>admin", "last seen")
	b.want(b.send(person+"/logout"), 303)
	their.want(their.do("GET", "/", nil), 401)
	b.want(b.send(person+"/password"), 200, "within a day", "/password?link=ffl_")
	b.want(b.send(person+"/switch", "disabled", "true"), 303)
	their.want(their.do("POST", "/login", fields("email", "new@example.com", "password", password)), 403)
	b.want(b.do("GET", person, nil), 200, "Let in again", ">disabled<")
	b.want(b.send(person+"/switch", "disabled", "false"), 303)
	their.login("new@example.com")
	b.want(b.send(person+"/role/remove", "site", at), 303)
	b.want(b.do("GET", person, nil), 200, "No role on any site")
	b.want(b.send(person+"/remove"), 303)
	b.want(b.do("GET", person, nil), 404, "not there")
	if got, want := strings.Join(o.changes(t), "; "), "user remove new@example.com; user remove new@example.com; user enable new@example.com; user disable new@example.com; user reset new@example.com; user log-out new@example.com; account password by link new@example.com; user add new@example.com; account password by link new@example.com; user add new@example.com"; got != want {
		t.Errorf("the audit log has\n%s\nwant\n%s", got, want)
	}
	if text := b.want(b.do("GET", "/changes?kind=user", nil), 200); strings.Contains(text, "ffl_") || strings.Contains(text, "account password") {
		t.Error("the audit log shows a link, or another kind")
	}
}

// TestLinksArePublic: links to hand on lead to the public address, whatever the
// proxy makes of the host.
func TestLinksArePublic(t *testing.T) {
	w := newWorldWith(t, Options{Now: time.Now, Public: "https://stats.example"}, "a.example")
	w.person(t, "ada@example.com", account.Owner, "")
	b := w.browser(t)
	b.login("ada@example.com")
	b.want(b.send("/people", "email", "new@example.com", "role", "viewer", "name", evil), 200, ">https://stats.example/password?link=ffl_")
	b.want(b.send("/shares", "site", w.site.ID, "name", "x"), 200, ">https://stats.example/share/ffr_")
	for _, path := range []string{"/people", "/people?search=" + url.QueryEscape(evil), "/changes", "/people/" + found(t, b.do("GET", "/people?search=new", nil), `href="/people/(per_[a-z0-9]+)"`)} {
		without(t, b.do("GET", path, nil).Body.String(), "<script>alert", "<img src=x")
	}
}

// TestPeoplePageRefuses: what the rules of account.Office refuse is said, and
// forms without the session's word do nothing.
func TestPeoplePageRefuses(t *testing.T) {
	o := newOffice(t)
	owner, one, admin := "/people/"+o.ids["owner@example.com"], "/people/"+o.ids["one@example.com"], "/people/"+o.ids["admin@example.com"]
	before := len(o.changes(t))
	for _, below := range []string{"/remove", "/switch", "/logout", "/password"} {
		o.one.want(o.one.send(owner+below, "disabled", "true"), 403, "for an owner of the site")
		o.owner.want(o.owner.send(owner+below, "disabled", "true"), 403, "ask another owner")
		o.admin.want(o.admin.send(owner+below), 403, "may not see this")
		o.owner.want(o.owner.do("POST", admin+below, fields("disabled", "true")), 403, "older log-in")
		o.one.want(o.one.send("/people/per_nobody"+below), 404, "not there")
	}
	o.one.want(o.one.send(owner+"/role", "site", "", "role", "viewer"), 403, "for an owner of the site")
	o.one.want(o.one.send(one+"/role", "site", o.sites["a.example"], "role", "viewer"), 403, "ask another owner")
	o.one.want(o.one.send("/people", "email", "eve@example.com", "role", "owner", "site", ""), 403, "for an owner of the site", `value="eve@example.com"`)
	o.one.want(o.one.send("/people", "email", "eve@example.com", "role", "owner", "site", o.sites["b.example"]), 403)
	text := o.one.want(o.one.do("GET", "/people", nil), 200, "admin@example.com")
	without(t, text, ">b.example<", ">Audit log<")
	without(t, o.one.want(o.one.do("GET", owner, nil), 200, "for an owner of every site"), "/remove", "/password")
	without(t, o.one.want(o.one.do("GET", one, nil), 200, "This is you"), "/remove", "/role")
	o.one.want(o.one.do("GET", "/changes", nil), 403, "may not see this")
	if got := len(o.changes(t)); got != before {
		t.Errorf("%d lines more in the audit log", got-before)
	}
	o.one.want(o.one.send(admin+"/role/remove", "site", o.sites["a.example"]), 303)
	o.admin.want(o.admin.do("GET", "/", nil), 403)
}

// earnerOf knows one affiliate, of one site.
func earnerOf(site string) func(context.Context, string, string) (string, error) {
	return func(_ context.Context, of, name string) (string, error) {
		if of == site && (name == "01J" || name == "anna@example.org") {
			return "01J", nil
		}
		return "", account.ErrNotFound
	}
}

// TestOfOneAffiliate: keys and tokens of somebody's figures are of an affiliate whom there
// is in the site's programme; who may give none is not told who is.
func TestOfOneAffiliate(t *testing.T) {
	o := newOfficeWith(t, Options{Earner: earnerOf("a-example")})
	at, other := o.sites["a.example"], o.sites["b.example"]
	for path, form := range map[string][]string{"/keys": {}, "/embed": {"metric", "Clicks", "days", "9"}} {
		of := func(site, name string) []string { return append([]string{"site", site, "affiliate", name}, form...) }
		o.one.want(o.one.send(path, of(at, "nobody")...), 422, "Affiliate is nobody of this site", `value="nobody"`)
		o.one.want(o.one.send(path, of(at, "anna@example.org")...), 200)
		o.one.want(o.one.send(path, of(other, "nobody")...), 403, "for an owner of the site")
		o.owner.want(o.owner.send(path, of(other, "01J")...), 422, "Affiliate is nobody")
	}
	keys, err := o.control.Keys(t.Context())
	if err != nil || len(keys) != 1 || fmt.Sprint(keys[0].Scopes) != "[affiliate:01J]" {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

func TestKeysPage(t *testing.T) {
	o := newOffice(t)
	b, at := o.one, o.sites["a.example"]
	b.want(b.do("GET", "/keys", nil), 200, "No keys yet")
	b.want(b.send("/keys", "site", at, "scope", "read", "days", "soon", "affiliate", "01J"), 422, "Days until it ends: are a whole number", `value="soon"`, `value="01J"`, `value="read" checked`)
	b.want(b.send("/keys", "site", at, "days", "9"), 422, "Scope is missing")
	b.want(b.send("/keys", "site", "", "scope", "read"), 403, "for an owner of the site")
	made := b.send("/keys", "site", at, "scope", "orders", "days", "9", "affiliate", "01J")
	token, id := found(t, made, `>(ffk_[a-z0-9]+)<`), found(t, made, `/keys/(key_[a-z0-9]+)/revoke`)
	k, err := o.control.Key(t.Context(), token)
	if err != nil || k.ID != id || k.Site != at || fmt.Sprint(k.Scopes) != "[affiliate:01J orders]" || time.Until(k.Expires).Round(time.Hour) != 9*24*time.Hour {
		t.Errorf("the key %+v, %v", k, err)
	}
	without(t, b.want(b.do("GET", "/keys", nil), 200, id), token)
	b.want(b.send("/keys/key_none/revoke"), 404)
	o.admin.want(o.admin.send("/keys/"+id+"/revoke"), 403)
	b.want(b.send("/keys/"+id+"/revoke"), 303)
	if _, err := o.control.Key(t.Context(), token); err == nil {
		t.Error("a revoked key is valid")
	}
}

func TestSharesPage(t *testing.T) {
	o := newOffice(t)
	b, at := o.one, o.sites["a.example"]
	b.want(b.do("GET", "/shares", nil), 200, "No links yet")
	b.want(b.send("/shares", "site", at, "name", "two\nlines", "days", "1"), 422, "one line", "two\nlines")
	made := b.send("/shares", "site", at, "name", evil, "days", "")
	without(t, made.Body.String(), "<script>alert", "<img src=x")
	path, guest := found(t, made, `>http://example.com(/share/ffr_[a-z0-9]+)<`), o.browser(t)
	guest.want(guest.do("GET", path, nil), 200, "a.example")
	b.want(b.send("/shares/"+found(t, made, `/shares/(shr_[a-z0-9]+)/revoke`)+"/revoke"), 303)
	guest.want(guest.do("GET", path, nil), 404)
	b.want(b.send("/embed", "site", at, "metric", "Visitors", "days", "999"), 422, "within a year", `value="Visitors" checked`, `value="999"`)
	b.want(b.send("/embed", "site", at, "days", "9"), 422, "Metrics are missing")
	b.want(b.send("/embed", "site", at, "metric", evil, "days", "9"), 422, "Metrics are not among")
	made = b.send("/embed", "site", at, "metric", "Orders", "days", "9", "affiliate", "01J")
	b.want(made, 200, `<footfall-figure site="`+at+`" metric="Orders" window="Last30Days" token="ffe_`, `src="http://example.com/js/figures.js"`)
	read := func() (account.Embed, error) {
		secret, err := o.control.Secret(t.Context(), account.EmbedSecret)
		if err != nil {
			t.Fatal(err)
		}
		return account.ReadEmbed(secret, found(t, made, `>(ffe_[^<]+)<`), time.Now())
	}
	if e, err := read(); err != nil || e.Site != at || e.Affiliate != "01J" || fmt.Sprint(e.Metrics) != "[Orders]" {
		t.Errorf("the token is of %+v, %v", e, err)
	}
	b.want(b.send("/embed/renew"), 403, "for an owner of the site")
	o.owner.want(o.owner.send("/embed/renew"), 303)
	if _, err := read(); err == nil {
		t.Error("a token of before is valid")
	}
}

// TestChangesPage: the log in pages, by person and kind.
func TestChangesPage(t *testing.T) {
	o := newOffice(t)
	b := o.owner
	for n := range 2*linesOf + 3 {
		c := account.Change{Who: "operator", What: "site set", Target: fmt.Sprintf("<b>site%03d", n)}
		if n%4 == 0 {
			c.Who, c.What = "person "+o.ids["one@example.com"], "key add"
		}
		if err := o.control.Record(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	seen, path := 0, "/changes"
	for path != "" {
		text := b.do("GET", path, nil).Body.String()
		n := strings.Count(text, "&lt;b&gt;site")
		without(t, text, "<b>site")
		if seen, path = seen+n, ""; n == 0 || n > linesOf {
			t.Fatalf("%d lines", n)
		}
		if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(text); m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	if seen != 2*linesOf+3 {
		t.Errorf("%d lines in all pages", seen)
	}
	who := url.QueryEscape("person " + o.ids["one@example.com"])
	text := b.want(b.do("GET", "/changes?who="+who, nil), 200, "site000", "site100", `" selected>one@example.com`)
	without(t, text, "site001", "site set<")
	b.want(b.do("GET", "/changes?kind=flag&who="+who, nil), 200, "Nothing fits", "<option selected>flag")
	b.want(b.do("GET", "/changes?kind=%25&before=x&who="+url.QueryEscape(evil), nil), 200, "Nothing fits")
	without(t, b.do("GET", "/changes?who="+url.QueryEscape(evil), nil).Body.String(), "<script>alert")
}

// without checks that a page has none of these.
func without(t *testing.T, page string, bad ...string) {
	t.Helper()
	for _, s := range bad {
		if strings.Contains(page, s) {
			t.Errorf("the page has %q", s)
		}
	}
}

// TestPeopleAreWrittenTo: where mail is sent, who is invited or gets another
// password is written to, and the page says so, or why it could not be sent.
func TestPeopleAreWrittenTo(t *testing.T) {
	problem := ""
	var sent []string
	o := newOfficeWith(t, Options{Letter: func(_ context.Context, made account.Invited, g account.Grant) string {
		sent = append(sent, made.Email+" "+string(g.Role)+" "+made.Token[:4])
		return problem
	}})
	b, at := o.owner, o.sites["b.example"]
	invite := func(email string) *httptest.ResponseRecorder {
		return b.send("/people", "email", email, "name", "New", "role", "viewer", "site", at)
	}
	b.want(invite("new@example.com"), 200, "This was sent to new@example.com", "/password?link=ffl_")
	problem = "the mail server refused it"
	b.want(invite("other@example.com"), 200, "could not be sent by e-mail: the mail server refused it. Send this to other@example.com")
	b.want(b.send("/people/"+o.ids["one@example.com"]+"/password"), 200, "could not be sent by e-mail")
	if want := []string{"new@example.com viewer ffl_", "other@example.com viewer ffl_", "one@example.com  ffl_"}; !slices.Equal(sent, want) {
		t.Errorf("%q was sent, want %q", sent, want)
	}
	b.want(invite("admin@example.com"), 200, "The password and sessions of before have ended", "could not be sent")
	o.person(t, "owner2@example.com", account.Owner, "")
	b.want(invite("owner2@example.com"), 200, "needs no link") // and no letter
	if len(sent) != 4 {
		t.Errorf("%q was sent", sent)
	}
}

// TestChangesOfWebhooks: they can be chosen in the audit log.
func TestChangesOfWebhooks(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	if err := w.control.Record(t.Context(), account.Change{Who: "operator", What: "hook add", Target: "program p"}); err != nil {
		t.Fatal(err)
	}
	lacks(t, w.get(t, "/changes?kind=hook"), `<option selected>hook</option>`, ">hook add<")
}
