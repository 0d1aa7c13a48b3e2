package dash

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// wish is a link that was asked for.
type wish struct {
	purpose account.Purpose
	find    func(context.Context) (account.Person, string, error)
}

// mailing is a world that sends links into wishes, as many as a Quota lets
// through, and counts who is looked up.
func mailing(t *testing.T) (w world, wishes *[]wish) {
	wishes = &[]wish{}
	letters := account.NewQuota(nil)
	w = newWorldWith(t, Options{Now: time.Now, Mail: func(email string, p account.Purpose, find func(context.Context) (account.Person, string, error)) error {
		err := letters.Take(email)
		if err == nil {
			*wishes = append(*wishes, wish{p, find})
		}
		return err
	}}, "atelier.example")
	return w, wishes
}

// TestMailedLinks: a link comes to who has the address, logs in or sets a
// password, and goes on where one wanted to.
func TestMailedLinks(t *testing.T) {
	w, wishes := mailing(t)
	ada := w.person(t, "ada@example.com", account.Viewer, w.site.ID)
	b := w.browser(t)
	b.want(b.do("GET", "/?period=Last7Days", nil), 401, `action="/login/mail"`, "Send me a link to log in", `value="/?period=Last7Days"`)
	b.want(b.do("POST", "/login/mail", fields("email", " ADA@example.com ", "for", "login", "next", "/?period=Last7Days")), 200, "Look at your mail", "ada@example.com")
	b.want(b.do("POST", "/login/mail", fields("email", "ada@example.com", "for", "reset", "next", "https://evil.example/")), 200, "Look at your mail")
	var paths []string
	for _, x := range *wishes {
		p, path, err := x.find(t.Context())
		if err != nil || p.ID != ada.ID {
			t.Fatalf("%+v %v", p, err)
		}
		paths = append(paths, path)
	}
	if len(paths) != 2 || (*wishes)[0].purpose != account.ForLogin || (*wishes)[1].purpose != account.ForProof ||
		!regexp.MustCompile(`^/login\?link=ffl_\w+&next=%2F%3Fperiod%3DLast7Days$`).MatchString(paths[0]) || !regexp.MustCompile(`^/password\?link=ffl_\w+$`).MatchString(paths[1]) {
		t.Fatalf("links: %v", paths)
	}
	page := b.want(b.do("GET", paths[0], nil), 200, "It works once", `value="/?period=Last7Days"`)
	link := regexp.MustCompile(`name="link" value="(\w+)"`).FindStringSubmatch(page)[1]
	if rec := b.do("POST", "/login", fields("link", link, "next", "/?period=Last7Days")); rec.Header().Get("Location") != "/?period=Last7Days" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	b.want(b.do("GET", paths[1], nil), 200, "Your password", "ada@example.com")
	b.want(b.do("GET", "/password?link=ffl_x", nil), 403, "the log-in sends another one")
}

// TestMailTellsNobody: the answer is the same, byte for byte, whether anybody has
// the address, and nobody is looked up before it. Only the page's own echo of
// what was typed differs.
func TestMailTellsNobody(t *testing.T) {
	w, wishes := mailing(t)
	w.person(t, "ada@example.com", account.Viewer, w.site.ID)
	gone := w.person(t, "bob@example.com", account.Viewer, w.site.ID)
	if err := w.control.SetDisabled(t.Context(), gone.ID, true); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, email := range []string{"ada@example.com", "bob@example.com", "eve@example.com"} {
		for _, what := range []string{"login", "reset"} {
			b := w.browser(t)
			rec := b.do("POST", "/login/mail", fields("email", email, "for", what))
			answers[dump(rec, email)] = email
		}
	}
	if len(answers) != 1 || len(*wishes) != 6 {
		t.Errorf("%d different answers, %d wishes: %v", len(answers), len(*wishes), answers)
	}
	found := 0
	for _, x := range *wishes {
		if _, _, err := x.find(t.Context()); err == nil {
			found++
		} else if !errors.Is(err, account.ErrNotFound) {
			t.Error(err)
		}
	}
	if found != 2 {
		t.Errorf("%d links, want those of ada", found)
	}
}

func dump(rec *httptest.ResponseRecorder, email string) string {
	var b strings.Builder
	_ = rec.Result().Header.Write(&b)
	return rec.Result().Status + b.String() + strings.ReplaceAll(rec.Body.String(), email, "EMAIL")
}

// TestMailIsSlowedDown: an address, whether anybody has it, gets so many letters
// only, from however many networks, and is told when it may have the next one; a
// network asks so often only, for whomever; log-ins with a password are not slowed
// down by an address.
func TestMailIsSlowedDown(t *testing.T) {
	w, wishes := mailing(t)
	w.person(t, "ada@example.com", account.Viewer, w.site.ID)
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		*wishes = nil
		slow := 0
		for i := range 10 {
			b := w.browser(t)
			b.from = fmt.Sprintf("192.0.%d.1:1", i)
			rec := b.do("POST", "/login/mail", fields("email", email, "for", "login"))
			if wait, _ := strconv.Atoi(rec.Header().Get("Retry-After")); rec.Code == 429 && wait > 3000 && wait <= 3600 && strings.Contains(rec.Body.String(), "Try again in 60 minutes") {
				slow++
			}
		}
		if len(*wishes) != 5 || slow != 5 {
			t.Errorf("%s: %d mails, %d answers to wait for an hour", email, len(*wishes), slow)
		}
	}
	*wishes = nil
	for i := range 40 {
		many := w.browser(t)
		many.from = "203.0.113.1:1"
		many.do("POST", "/login/mail", fields("email", fmt.Sprintf("somebody%d@example.com", i), "for", "login"))
	}
	if len(*wishes) != 31 { // the next one begins the pauses
		t.Errorf("one network asked for %d letters to as many addresses", len(*wishes))
	}
	b := w.browser(t)
	b.login("ada@example.com")
	b.want(b.do("POST", "/login/mail", fields("email", "no address", "for", "login")), 422, "E-mail is not an address")
}

// TestNoMail: where none is sent, all is as it was.
func TestNoMail(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	b := w.browser(t)
	if strings.Contains(b.want(b.do("GET", "/login", nil), 200, "footfall user reset EMAIL"), "/login/mail") {
		t.Error("links are offered")
	}
	b.want(b.do("POST", "/login/mail", fields("email", "ada@example.com", "for", "login")), 404, "sends no mail")
	b.want(b.do("GET", "/password?link=ffl_x", nil), 403, "footfall user reset EMAIL")
}
