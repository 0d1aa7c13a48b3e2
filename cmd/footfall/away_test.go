package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"footfall/account"
	"footfall/collect"
	"footfall/dash"
)

// fading is control data that knows a session so many times, and is away then.
type fading struct {
	account.Kept
	left int
}

func (f *fading) Session(ctx context.Context, token string) (account.Session, error) {
	if f.left--; f.left < 0 {
		return account.Session{}, errors.New("control data is away")
	}
	return f.Kept.Session(ctx, token)
}

// TestPortalWhileControlFades: at whichever look-up control data is away, a form
// of the portal is taken or told to come again, and never called a forgery; and no
// page has a form that would be called one.
func TestPortalWhileControlFades(t *testing.T) {
	h := newHome(t)
	h.must(nil, "site", "add", "shop.example")
	h.must(nil, "program", "set", "Courses", "--site", "shop.example", "--rate", "50%")
	programs, err := h.desk.Programs(t.Context())
	must(t, err)
	session, err := h.control.AddSession(t.Context(), "")
	must(t, err)
	control := &fading{Kept: h.control}
	pages := dash.New(nil, h.sites, control, dash.Options{})
	door := h.portal(pages, &collect.Collector{})
	ask := func(left int, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "footfall_session", Value: session})
		control.left = left
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, r)
		return rec
	}
	path := "/program/" + programs[0].ID + "/affiliates"
	_, word, _ := strings.Cut(ask(100, "GET", path, "").Body.String(), `name="form" value="`)
	word, _, _ = strings.Cut(word, `"`)
	if word == "" {
		t.Fatal("the page has no form")
	}
	for left := range 4 {
		rec := ask(left, "POST", path, "form="+word+"&name=Ann&email=ann"+string(rune('0'+left))+"@people.example")
		if again := rec.Header().Get("Retry-After") != ""; rec.Code != 303 && rec.Code != 503 || again != (rec.Code == 503) {
			t.Errorf("a form, %d look-ups: %d, Retry-After %q", left, rec.Code, rec.Header().Get("Retry-After"))
		}
		rec = ask(left, "GET", path, "")
		if strings.Contains(rec.Body.String(), `name="form" value=""`) && rec.Code != 503 {
			t.Errorf("a page, %d look-ups: %d has forms that can't be sent", left, rec.Code)
		}
	}
}
