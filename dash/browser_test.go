package dash

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// browser keeps the session's cookie, as a browser does.
type browser struct {
	t       *testing.T
	w       world
	session string
	device  string
	from    string // address
}

func (w world) browser(t *testing.T) *browser { return &browser{t: t, w: w, from: "192.0.2.1:1000"} }

// do asks; headers are name and value in turn.
func (b *browser) do(method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.from
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if b.session != "" {
		r.AddCookie(&http.Cookie{Name: cookie, Value: b.session})
	}
	if b.device != "" {
		r.AddCookie(&http.Cookie{Name: deviceCookie, Value: b.device})
	}
	rec := httptest.NewRecorder()
	b.w.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if c.Name == cookie {
			b.session = c.Value
		} else {
			b.device = c.Value
		}
	}
	return rec
}

// send sends a form with the session's word.
func (b *browser) send(path string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.do("POST", path, fields(append(pairs, "form", form(b.session))...))
}

func fields(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (b *browser) want(rec *httptest.ResponseRecorder, status int, says ...string) string {
	b.t.Helper()
	text := html.UnescapeString(rec.Body.String())
	for _, s := range says {
		if !strings.Contains(text, s) {
			b.t.Errorf("the answer lacks %q:\n%s", s, main(text))
		}
	}
	if rec.Code != status {
		b.t.Errorf("status %d, want %d: %s %s", rec.Code, status, main(text), rec.Header().Get("Location"))
	}
	return text
}

// main is the part of a page that differs.
func main(page string) string {
	_, after, _ := strings.Cut(page, "<main")
	return after[:min(len(after), 700)]
}

// person adds somebody with the password and a role.
func (w world) person(t *testing.T, email string, role account.Role, site string) account.Person {
	t.Helper()
	p, err := w.control.AddPerson(t.Context(), account.Person{Email: email})
	if err == nil {
		err = w.control.PutGrant(t.Context(), account.Grant{Person: p.ID, Site: site, Role: role})
	}
	var hash string
	if err == nil {
		hash, err = account.HashPassword(t.Context(), password)
	}
	if err == nil {
		err = w.control.SetPassword(t.Context(), p.ID, hash)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) link(t *testing.T, purpose account.Purpose, person string) string {
	t.Helper()
	token, err := w.control.AddLink(t.Context(), purpose, person, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (b *browser) login(email string) {
	b.t.Helper()
	b.want(b.do("POST", "/login", fields("email", email, "password", password)), 303)
}

func (w world) changes(t *testing.T) (all []string) {
	t.Helper()
	changes, err := w.control.Changes(t.Context(), account.ChangeFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		all = append(all, c.What+" "+c.Target)
	}
	return all
}
