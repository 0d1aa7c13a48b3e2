package dash

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

const password = "correct horse battery"

func TestSetUpPage(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	b, link := w.browser(t), w.link(t, account.ForSetup, "")
	b.want(b.do("GET", "/setup?link=ffl_x", nil), 403, "used already", "footfall user add")
	b.want(b.do("GET", "/setup?link="+link, nil), 200, `action="/setup"`, link)
	b.want(b.do("POST", "/setup", fields("link", link, "email", "ada@example.com", "name", "Ada", "password", "short")), 422, "fewer than 10 characters", `value="ada@example.com"`, `value="Ada"`)
	b.want(b.do("POST", "/setup", fields("link", link, "email", "ada@example.com", "name", "Ada", "password", password)), 303)
	lacks(t, b.want(b.do("GET", "/", nil), 200), "Page views", ">Ada</a>")
	b.want(b.do("POST", "/setup", fields("link", link, "email", "eve@example.com", "password", password)), 403, "used already")
	b.want(b.do("GET", "/account", nil), 200, "owner of every site")
	if got := fmt.Sprint(w.changes(t)); got != "[account set-up ada@example.com]" {
		t.Errorf("the audit log has %s", got)
	}
}

func TestPasswordPage(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	ada := w.person(t, "ada@example.com", account.Viewer, w.site.ID)
	b := w.browser(t)
	b.want(b.do("GET", "/", nil), 401, "Log in to Footfall", "footfall user reset", "footfall login")
	b.want(b.do("POST", "/login", fields("email", "ada@example.com", "password", "wrong horse battery")), 403, "The e-mail or the password is not right.", `value="ada@example.com"`)
	b.want(b.do("POST", "/login", fields("email", "eve@example.com", "password", password)), 403, "The e-mail or the password is not right.")
	b.login("ada@example.com")
	b.want(b.do("GET", "/", nil), 200, "ada@example.com")
	for _, purpose := range []account.Purpose{account.ForInvite, account.ForReset} {
		link, other := w.link(t, purpose, ada.ID), w.browser(t)
		other.want(other.do("GET", "/password?link="+link, nil), 200, "ada@example.com", link)
		other.want(other.do("POST", "/password", fields("link", link, "password", "1234567890")), 422, "tried first", link)
		other.want(other.do("POST", "/password", fields("link", link, "password", password)), 303)
		other.want(other.do("GET", "/account", nil), 200, "viewer of atelier.example")
		other.want(other.do("GET", "/password?link="+link, nil), 403, "footfall user reset")
		b.want(b.do("GET", "/", nil), 401)
	}
}

// TestSessionFixation: a session that somebody else put into the browser is
// worth nothing after a log-in, and the old one has ended.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	ada := w.person(t, "ada@example.com", account.Owner, "")
	operator := w.login(t)
	for _, way := range []func(b *browser){
		func(b *browser) { b.login("ada@example.com") },
		func(b *browser) { b.do("POST", "/login", fields("link", w.link(t, account.ForLogin, ada.ID))) },
		func(b *browser) {
			b.do("POST", "/password", fields("link", w.link(t, account.ForReset, ada.ID), "password", password))
		},
	} {
		for _, planted := range []string{"ffs_planted", w.login(t)} {
			b := w.browser(t)
			b.session = planted
			way(b)
			if b.session == planted || b.session == "" {
				t.Error("the log-in kept the session that was there before")
			}
			if _, err := w.control.Session(t.Context(), planted); err == nil {
				t.Error("the session of before is valid")
			}
		}
	}
	if _, err := w.control.Session(t.Context(), operator); err != nil {
		t.Error("somebody else's session ended, too")
	}
}

// TestCSRF: a form counts only from a page of this server and this session.
func TestCSRF(t *testing.T) {
	w := newWorldWith(t, Options{Now: time.Now, Public: "https://stats.example"}, "atelier.example")
	w.person(t, "ada@example.com", account.Owner, "")
	b := w.browser(t)
	b.login("ada@example.com")
	other := w.browser(t)
	other.login("ada@example.com")
	word := form(b.session)
	for route := range w.Handler.(*Door).routes() {
		path, post := strings.CutPrefix(route, "POST ")
		if !post {
			continue
		}
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			b.want(b.do("POST", path, fields("form", word, "name", "Eve"), from...), 403, "another site")
		}
		if account.ActionOf(route) == account.Public {
			continue
		}
		for _, wrong := range []string{"", "x", form(other.session), word[:len(word)-1]} {
			b.want(b.do("POST", path, fields("form", wrong, "name", "Eve"), "Sec-Fetch-Site", "same-origin"), 403, "older log-in")
		}
		b.want(b.do("POST", path+"?form="+word, nil), 403, "older log-in") // a link is no form
	}
	b.want(b.do("GET", "/account", nil), 200)
	for _, from := range [][]string{nil, {"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://example.com"}, {"Origin", "https://stats.example"}} {
		b.want(b.do("POST", "/account/name", fields("form", word, "name", "Ada"), from...), 200, "That is changed")
	}
}

// TestSecurePublic: where people reach the server by https, the session goes
// nowhere else, whether or not the proxy says how the browser came.
func TestSecurePublic(t *testing.T) {
	for public, want := range map[string]bool{"https://stats.example": true, "http://stats.example": false, "": false} {
		w := newWorldWith(t, Options{Now: time.Now, Public: public}, "atelier.example")
		w.person(t, "ada@example.com", account.Owner, "")
		b := w.browser(t)
		in := b.do("POST", "/login", fields("email", "ada@example.com", "password", password))
		out := b.send("/logout")
		for rec, cookies := range map[*httptest.ResponseRecorder]int{in: 2, out: 1} {
			c := rec.Result().Cookies()
			if rec.Code != 303 || len(c) != cookies || slices.ContainsFunc(c, func(c *http.Cookie) bool { return c.Secure != want || !c.HttpOnly }) {
				t.Errorf("at %q: %d %v, want %d cookies", public, rec.Code, c, cookies)
			}
		}
		if strict := b.do("GET", "/login", nil).Header().Get("Strict-Transport-Security"); strict != map[bool]string{true: "max-age=31536000"}[want] {
			t.Errorf("%q: Strict-Transport-Security %q", public, strict)
		}
	}
}

func TestOpenRedirect(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	w.person(t, "ada@example.com", account.Owner, "")
	for next, want := range map[string]string{"": "/", "/account": "/account", "/?site=a&page=%2Fx": "/?site=a&page=%2Fx", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/",
		`\\evil.example`: "/", "/\t/evil.example": "/", "\n//evil.example": "/", "javascript:alert(1)": "/", "evil.example": "/", "///evil.example": "/", "http:/evil.example": "/", "/a b": "/", "/%zz": "/"} {
		b := w.browser(t)
		rec := b.do("POST", "/login", fields("email", "ada@example.com", "password", password, "next", next))
		if got := rec.Header().Get("Location"); rec.Code != 303 || got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
		link := w.link(t, account.ForLogin, "")
		if rec := b.do("POST", "/login", fields("link", link, "next", next)); rec.Header().Get("Location") != want {
			t.Errorf("with a link next=%q leads to %q", next, rec.Header().Get("Location"))
		}
	}
	b := w.browser(t)
	b.want(b.do("GET", "/audit?x=%22%3E", nil), 401, `name="next" value="/audit?x=%22%3E"`)
	if to := b.do("GET", "//evil.example/", nil).Header().Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, ":") {
		t.Errorf("a path leads to %s", to)
	}
}

// TestLoginIsThrottled: who guesses is slowed down; nobody else is, and least of
// all the person whose e-mail it is.
func TestLoginIsThrottled(t *testing.T) {
	clock := time.Now() // stands: no pause is over
	w := newWorldWith(t, Options{Now: func() time.Time { return clock }, Client: func(r *http.Request) netip.Addr {
		return netip.MustParseAddr(r.Header.Get("X-From"))
	}}, "atelier.example")
	w.person(t, "ada@example.com", account.Owner, "")
	ada, eve := w.browser(t), w.browser(t)
	try := func(b *browser, email, password, from string) *httptest.ResponseRecorder {
		return b.do("POST", "/login", fields("email", email, "password", password), "X-From", from)
	}
	const home, wrong = "192.0.2.1", "wrong horse battery"
	ada.want(try(ada, "ada@example.com", password, home), 303)
	var rec *httptest.ResponseRecorder
	for range 10 {
		rec = try(eve, "ada@example.com", wrong, "203.0.113.9")
	}
	eve.want(rec, 429, "Too many tries. Try again in a second.", `value="ada@example.com"`)
	if got := rec.Header().Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	other := w.browser(t) // which has never logged in, elsewhere
	other.want(try(other, "ada@example.com", password, "198.51.100.1"), 303)
	for n := range 40 {
		rec = try(eve, fmt.Sprintf("eve%d@example.com", n), wrong, home)
	}
	eve.want(rec, 429, "Too many tries")
	ada.want(try(ada, "ada@example.com", password, home), 303)
	ada.want(ada.do("POST", "/account/name", fields("name", "Ada", "form", form(ada.session)), "X-From", home), 200, "is changed")
	ada.want(ada.do("POST", "/account/password", fields("password", password, "new", password+" staple", "form", form(ada.session)), "X-From", home), 200, "Your password is changed")
	eve.device = ada.device[:len(ada.device)-1] + "x"
	eve.want(try(eve, "ada@example.com", wrong, home), 429)
	other.want(try(other, "bea@example.com", password, "198.51.100.1"), 403, "not right")
}

// TestInjection: what people type is text, in the page and in the database.
func TestInjection(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	b := w.browser(t)
	w.person(t, "ada@example.com", account.Owner, "")
	b.login("ada@example.com")
	bad := regexp.MustCompile(`(?i)<script>|<img src=x|<b>evil|"onmouse`)
	for _, evil := range []string{`"><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `'; DROP TABLE people; --`, `{{.Form}}`, `" onmouseover="alert(1)`, "<b>evil"} {
		for _, rec := range []*httptest.ResponseRecorder{
			b.send("/account/name", "name", evil),
			b.do("GET", "/account", nil),
			b.do("GET", "/login?link="+url.QueryEscape(evil)+"&next="+url.QueryEscape("/"+evil), nil),
			b.do("POST", "/login", fields("email", evil, "password", evil, "next", "/?"+evil)),
			b.do("POST", "/login", fields("link", evil)),
			b.do("POST", "/login/code", fields("second", evil, "code", evil)),
			b.do("GET", "/setup?link="+url.QueryEscape(evil), nil),
			b.do("POST", "/setup", fields("link", evil, "email", evil, "name", evil, "password", evil)),
			b.do("GET", "/password?link="+url.QueryEscape(evil), nil),
			b.do("POST", "/password", fields("link", evil, "password", evil)),
			b.send("/account/totp", "secret", evil, "code", evil, "password", evil),
			b.do("GET", "/share/"+url.PathEscape(evil), nil),
		} {
			if rec.Code >= 500 || bad.MatchString(rec.Body.String()) {
				t.Errorf("%q: %d %s", evil, rec.Code, bad.FindString(rec.Body.String()))
			}
		}
		if p, err := w.control.Person(t.Context(), "ada@example.com"); err != nil || p.Name != evil {
			t.Errorf("the name %q is kept as %q, %v", evil, p.Name, err)
		}
	}
	b.want(b.send("/account/name", "name", "two\nlines"), 422, "one line")
	big := strings.Repeat("x", maxForm+1)
	b.want(b.send("/account/name", "name", big), 403)
}

func TestSecondFactorPage(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, func() time.Time { return clock }, "atelier.example")
	w.person(t, "ada@example.com", account.Owner, "")
	b := w.browser(t)
	b.login("ada@example.com")
	page := b.want(b.do("GET", "/account", nil), 200, "It is off", `<svg class="qr"`)
	text := regexp.MustCompile(`name="secret" value="([A-Z2-7]+)"`).FindStringSubmatch(page)[1]
	secret, err := account.ParseTOTP(text)
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.send("/account/totp", "secret", text, "code", "123", "password", password), 422, "look at the clock", text)
	b.want(b.send("/account/totp", "secret", text, "code", account.TOTPCode(secret, clock), "password", "wrong"), 403, "not right", text)
	page = b.want(b.send("/account/totp", "secret", text, "code", account.TOTPCode(secret, clock), "password", password), 200, "shown this once", "8 recovery codes are left")
	if strings.Contains(page, text) {
		t.Error("the secret is shown again")
	}
	recovery := regexp.MustCompile(`<li><code>([a-z2-7-]{19})</code>`).FindAllStringSubmatch(page, -1)
	if len(recovery) != 8 {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	clock = clock.Add(time.Minute)
	for _, code := range []string{account.TOTPCode(secret, clock), recovery[0][1]} {
		other := w.browser(t)
		page := other.want(other.do("POST", "/login", fields("email", "ada@example.com", "password", password, "next", "/account")), 200, "One more step")
		if other.session != "" {
			t.Fatal("the password alone logged in")
		}
		second := regexp.MustCompile(`name="second" value="([^"]+)"`).FindStringSubmatch(page)[1]
		other.want(other.do("POST", "/login/code", fields("second", second, "code", "999", "next", "/account")), 403, "not right", second)
		rec := other.do("POST", "/login/code", fields("second", second, "code", code, "next", "/account"))
		if other.want(rec, 303); rec.Header().Get("Location") != "/account" {
			t.Errorf("it leads to %s", rec.Header().Get("Location"))
		}
		other.want(other.do("GET", "/account", nil), 200, "It is <b>on</b>")
		other.want(other.do("POST", "/login/code", fields("second", second, "code", code)), 403, "took too long")
	}
	b.want(b.send("/account/totp/off", "password", password), 200, "The second factor is off", "It is off")
	if got := fmt.Sprint(w.changes(t)); got != "[account second factor off ada@example.com account second factor on ada@example.com]" {
		t.Errorf("the audit log has %s", got)
	}
}

func TestAccountPage(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	w.person(t, "ada@example.com", account.Admin, "")
	b, other, eve := w.browser(t), w.browser(t), w.browser(t)
	b.login("ada@example.com")
	other.login("ada@example.com")
	eve.session = w.login(t)
	page := b.want(b.do("GET", "/account", nil), 200, "admin of every site", "this browser, now")
	if strings.Contains(page, b.session) || strings.Count(page, " UTC</th>") != 2 {
		t.Error("the page shows the session's token, or not both sessions")
	}
	b.want(b.send("/account/password", "password", password, "new", "another horse battery"), 200, "Your password is changed")
	b.want(b.do("GET", "/account", nil), 200)
	other.want(other.do("GET", "/account", nil), 401)
	b.want(b.send("/account/password", "password", password, "new", "third horse battery"), 403, "not right")
	eve.want(eve.do("GET", "/account", nil), 200, "The operator", "footfall user add EMAIL --role owner")
	for _, path := range []string{"/account/name", "/account/password", "/account/totp", "/account/totp/off"} {
		eve.want(eve.send(path, "password", password, "new", password, "name", "x"), 403, "footfall user add")
	}
	again := b.session
	b.want(b.send("/account/logout"), 303)
	b.session = again
	b.want(b.do("GET", "/account", nil), 401)
	eve.want(eve.do("GET", "/account", nil), 200)
}

// TestSitesOfAPerson: nobody sees another site than their own, whatever the
// address names, nor sums over all of them.
func TestSitesOfAPerson(t *testing.T) {
	w := newWorldWith(t, Options{Now: now, Portal: "/portal"}, "a.example", "b.example")
	b := w.browser(t)
	w.person(t, "ada@example.com", account.Viewer, "b-example")
	b.login("ada@example.com")
	w.source.asked = nil
	for _, path := range []string{"/", "/?site=a-example"} {
		if page := b.want(b.do("GET", path, nil), 200); strings.Contains(page, "a.example") || strings.Contains(page, "1,204,311") {
			t.Errorf("%s shows another site, or the sums of all", path)
		}
	}
	for _, q := range w.source.asked {
		if q.Site != "b-example" {
			t.Fatalf("asked about %s", q.Site)
		}
	}
	b.want(b.do("GET", "/audit", nil), 403, "may not see this")
	w.person(t, "aff@example.com", account.Affiliate, "b-example")
	aff := w.browser(t)
	aff.login("aff@example.com")
	if rec := aff.do("GET", "/", nil); rec.Code != 303 || rec.Header().Get("Location") != "/portal" {
		t.Errorf("an affiliate is sent to %d %s", rec.Code, rec.Header().Get("Location"))
	}
}

func TestShare(t *testing.T) {
	w := newWorld(t, now, "a.example", "b.example")
	token, share, err := w.control.AddShare(t.Context(), account.Share{Site: "b-example", Name: "the bank"})
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t)
	w.source.asked = nil
	page := b.want(b.do("GET", "/share/"+token+"?site=a-example&period=Last7Days", nil), 200, "b.example", "/share/"+token+"?", `&site=b-example&step=total&token=`+token+`&window=Last7Days"`, `action="/share/`+token+`"`)
	for _, not := range []string{"a.example", "Log out", `href="/?`, `href="/account"`, "1,204,311", "/audit"} {
		if strings.Contains(page, not) {
			t.Errorf("the shared page holds %q", not)
		}
	}
	for _, q := range w.source.asked {
		if q.Site != "b-example" {
			t.Fatalf("asked about %s", q.Site)
		}
	}
	b.want(b.do("GET", "/?site=b-example", nil), 401)
	b.want(b.do("POST", "/share/"+token, nil), 405)
	b.want(b.do("GET", "/share/ffr_x", nil), 404, "taken back")
	if err := w.control.RevokeShare(t.Context(), share.ID); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("GET", "/share/"+token, nil), 404, "taken back")
}

// TestRoutes: a page without a line in the table would be refused to everybody.
func TestRoutes(t *testing.T) {
	d := New(nil, nil, nil, Options{})
	for route := range d.routes() {
		if account.ActionOf(route) == "" {
			t.Errorf("%s has no line in account.Routes", route)
		}
	}
}

// TestOtherDoors: they learn who asks, and check forms of their own.
func TestOtherDoors(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	p := w.person(t, "ada@example.com", account.Owner, "")
	b := w.browser(t)
	b.login("ada@example.com")
	d := w.Handler.(*Door)
	request := func(session, word, origin string) *http.Request {
		r := httptest.NewRequest("POST", "/elsewhere", strings.NewReader("csrf="+word))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		r.AddCookie(&http.Cookie{Name: cookie, Value: session})
		return r
	}
	good := request(b.session, form(b.session), "http://example.com")
	s, err := d.Session(good)
	if err != nil || s.Person.ID != p.ID || !s.Who.May(account.PayOut, "") || !bytes.Equal(word(s.Form), word(form(b.session))) || !d.CheckForm(good, "csrf", s.Form) {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []*http.Request{request("ffs_x", form("ffs_x"), "http://example.com"), request(b.session, "x", "http://example.com"),
		request(b.session, form(b.session), "http://evil.example"), request("", "", "http://example.com")} {
		s, err := d.Session(bad)
		if d.CheckForm(bad, "csrf", s.Form) {
			t.Error("a forged form counts")
		}
		if c, _ := bad.Cookie(cookie); c.Value != b.session && (!errors.Is(err, account.ErrNotFound) || s.Who.MaySomewhere(account.LoggedIn) || s.Form != "") {
			t.Error("an unknown session is somebody")
		}
	}
}

// TestLoggedOutMeanwhile: whose session has ended while a form was filled in is told that
// nothing was done.
func TestLoggedOutMeanwhile(t *testing.T) {
	b := newWorldWith(t, Options{Now: now}, "shop.example").browser(t)
	b.want(b.do("POST", "/account/name", fields("name", "Ada")), 401, "so nothing was done", "Log in to Footfall")
	if page := b.want(b.do("GET", "/account", nil), 401, `name="next" value="/account"`); strings.Contains(page, "nothing was done") {
		t.Error("who only asked for a page is told of a form")
	}
}

// TestNoPage: an address that leads nowhere, and one of a form, are told by a page that
// leads on, in the visitor's language.
func TestNoPage(t *testing.T) {
	b := newWorldWith(t, Options{Now: now}, "shop.example").browser(t)
	for path, want := range map[string]int{"/nowhere": 404, "/sites/shop-example/none": 404, "/privacy/none.example": 404, "/embed": 405} {
		page := b.want(b.do("GET", path, nil), want, "That did not work", "Back to the start page")
		if strings.Contains(page, "Log in to Footfall") {
			t.Errorf("%s asks for a log-in", path)
		}
	}
}
