// Package portal is the door of an affiliate programme for people, drawn on the
// server: "/portal" shows affiliates their own figures, "/program" is where
// the programme is run, and "/join" is where somebody applies for it. The pages
// need no script and no other host.
package portal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/affiliate"
)

// Person is who asks.
type Person struct {
	ID, Name  string
	Form      string   // secret word that the forms of the person's pages hold as the field "form"
	Affiliate string   // the one that the person is; "" is none
	Manages   []string // programmes that the person runs
	Pays      []string // those of them whose payouts the person may make
	Owns      []string // sites that the person may give to a programme, also those that are in one
}

// Options configures the portal. Without Who nobody gets in, without CheckForm
// nothing is changed; the rest may be left out.
type Options struct {
	Who       func(r *http.Request) (Person, error)                             // account.ErrNotFound: not logged in; it is asked once for a request
	CheckForm func(r *http.Request, word string) bool                           // whether a form came from a page with Person.Form in it
	Allow     func(r *http.Request) bool                                        // one more application; nil allows all
	Site      func(ctx context.Context, id string) (account.Site, bool)         // nil knows none
	Invite    func(ctx context.Context, a affiliate.Affiliate) (Invited, error) // makes a link to log in with, that works once; nil makes none
	Begun     func(ctx context.Context) error                                   // a programme was made: what it needs begins to run; nil is nothing
	Applied   func(p affiliate.Program, a affiliate.Affiliate)                  // tells who runs the programme; nil tells nobody
	Mail      bool                                                              // affiliates are written to: that they are accepted, and of payouts
	Reports   Reports                                                           // how often an affiliate is sent its figures; nil offers none
	Address   string                                                            // of the server, "https://example.com"; "" is the one that the browser used
	Assets    string                                                            // path of the dashboard's assets: dash.css, live.js and icon.svg
	Log       *slog.Logger                                                      // nil is slog.Default
	Now       func() time.Time                                                  // nil is time.Now
}

// Reports keeps how often an affiliate is sent its figures; "" is never.
type Reports interface {
	Rhythm(ctx context.Context, affiliate string) (account.Rhythm, error)
	SetRhythm(ctx context.Context, affiliate string, rhythm account.Rhythm) error
}

// Invited is a link to log in with, and what became of it.
type Invited struct {
	Link    string
	Sent    bool   // by e-mail, to the affiliate
	Problem string // why it could not be sent; "" if it was, or nothing is
}

//go:embed *.html portal.css portal.js
var files embed.FS

var templates = template.Must(template.New("").Funcs(spelling).ParseFS(files, "*.html"))

// version changes with the assets, so that browsers may keep them for ever.
var version = func() string {
	h := sha256.New()
	for _, name := range []string{"portal.css", "portal.js"} {
		b, _ := files.ReadFile(name) // embedded
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}()

type door struct {
	desk *affiliate.Desk
	Options
}

// Handles reports whether a path is the portal's.
func Handles(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "portal" || first == "program" || first == "join"
}

// New is the handler of the paths that Handles names.
func New(desk *affiliate.Desk, o Options) http.Handler {
	if o.Who == nil {
		o.Who = func(*http.Request) (Person, error) { return Person{}, account.ErrNotFound }
	}
	if o.CheckForm == nil {
		o.CheckForm = func(*http.Request, string) bool { return false }
	}
	if o.Allow == nil {
		o.Allow = func(*http.Request) bool { return true }
	}
	if o.Site == nil {
		o.Site = func(context.Context, string) (account.Site, bool) { return account.Site{}, false }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Address = strings.TrimSuffix(o.Address, "/")
	d := &door{desk, o}
	mux := http.NewServeMux()
	for route, serve := range d.own() {
		mux.HandleFunc(route, d.asAffiliate(serve))
	}
	for route, serve := range d.managed() {
		mux.HandleFunc(route, d.asManager(serve))
	}
	mux.HandleFunc("GET /program", d.programs)
	mux.HandleFunc("GET /program/new", d.asOwner(func(v *visit) error { return v.askProgram(200, nil) }))
	mux.HandleFunc("POST /program/new", d.asOwner((*visit).makeProgram))
	mux.HandleFunc("GET /join/{program}", d.askJoin)
	mux.HandleFunc("POST /join/{program}", d.join)
	mux.HandleFunc("GET /portal/assets/{version}/{name}", asset)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { d.gone(w, r) })
	return strict(mux)
}

// strict forbids the pages everything they don't need, as the dashboard does.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, err := files.ReadFile(name)
	if err != nil || strings.HasSuffix(name, ".html") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

// visit is one request of somebody who may make it.
type visit struct {
	*door
	w         http.ResponseWriter
	r         *http.Request
	person    Person
	program   affiliate.Program
	affiliate affiliate.Affiliate // of an affiliate's own pages
	zone      *time.Location      // of the programme's first site
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// serve answers a visit; an error it returns is answered by fail.
type serve func(v *visit) error

// enter finds out who asks, and checks a form's token.
func (d *door) enter(w http.ResponseWriter, r *http.Request) (*visit, bool) {
	v := &visit{door: d, w: w, r: r, zone: time.UTC}
	person, err := d.Who(r)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		v.Log.Error("portal: nobody can tell who asks", "error", err)
		v.message(http.StatusServiceUnavailable, "Nobody can tell who you are just now", "You are still logged in. Try again; the reason is in the server's log.", link{})
		return nil, false
	}
	if err != nil {
		v.message(http.StatusUnauthorized, "Log in first", "This page is for people of an affiliate programme.", link{"/login", "Log in"})
		return nil, false
	}
	v.person = person
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if !d.CheckForm(r, person.Form) {
			v.message(http.StatusForbidden, "That was not done", "The form was too old, or did not come from this site. Go back, load the page again and send it once more.", link{})
			return nil, false
		}
	}
	return v, true
}

// asAffiliate lets an affiliate see its own.
func (d *door) asAffiliate(next serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.enter(w, r)
		if !ok {
			return
		}
		if v.person.Affiliate == "" {
			v.refuse()
			return
		}
		a, err := d.desk.Affiliate(r.Context(), v.person.Affiliate)
		if err == nil {
			v.affiliate = a
			err = v.in(a.Program)
		}
		if err == nil {
			err = next(v)
		}
		v.fail(err)
	}
}

// asManager lets who runs a programme do so.
func (d *door) asManager(next serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.enter(w, r)
		if !ok {
			return
		}
		id := r.PathValue("program")
		switch {
		case len(v.person.Manages) == 0:
			v.refuse()
			return
		case !slices.Contains(v.person.Manages, id):
			v.fail(affiliate.ErrNotFound)
			return
		}
		err := v.in(id)
		if err == nil {
			err = next(v)
		}
		v.fail(err)
	}
}

// in finds the visit's programme.
func (v *visit) in(id string) error {
	all, err := v.desk.Programs(v.ctx())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(p affiliate.Program) bool { return p.ID == id })
	if at < 0 {
		return affiliate.ErrNotFound
	}
	v.program = all[at]
	if len(v.program.Sites) > 0 {
		if s, ok := v.Site(v.ctx(), v.program.Sites[0]); ok {
			v.zone = s.Location()
		}
	}
	return nil
}

func (v *visit) refuse() {
	if len(v.person.Manages) > 0 {
		v.message(http.StatusForbidden, "This is not for you", "You run a programme, and are no affiliate of one.", link{"/program", "To the programme"})
		return
	}
	v.message(http.StatusForbidden, "This is not for you", "You take part in no affiliate programme here. Ask whoever runs it for an invitation.", link{})
}

func (d *door) gone(w http.ResponseWriter, r *http.Request) {
	(&visit{door: d, w: w, r: r, zone: time.UTC}).fail(affiliate.ErrNotFound)
}

// fail answers an error, if it is one.
func (v *visit) fail(err error) {
	var invalid *affiliate.InvalidError
	switch {
	case err == nil:
	case errors.Is(err, affiliate.ErrNotFound), errors.As(err, &invalid) && v.r.Method != http.MethodPost:
		v.message(http.StatusNotFound, "There is no such page", "It may have moved, or the address has a slip of the pen.", link{v.start(), "To the start"})
	case errors.As(err, &invalid):
		v.message(http.StatusUnprocessableEntity, "That was not done", capital(invalid.Error())+".", link{})
	default:
		v.Log.Error("portal: the ledger does not answer", "error", err)
		v.message(http.StatusServiceUnavailable, "The ledger does not answer", "Try again; the reason is in the server's log.", link{})
	}
}

// start is where the person's pages begin.
func (v *visit) start() string {
	if v.person.Affiliate == "" && len(v.person.Manages) > 0 {
		return "/program"
	}
	return "/portal"
}

type link struct{ Href, Label string }

// tab is an entry of the pages' navigation.
type tab struct {
	link
	Current bool
	Count   int // of what waits there; 0 shows none
}

// page is what every template gets.
type page struct {
	Title, Token, Version, Assets, Notice, AsOf, Zone string
	Person                                            Person
	Program                                           affiliate.Program
	Tabs                                              []tab
	Home                                              string // path of the programme's or the affiliate's pages
	Live                                              string // where the page hears that it has changed; "" is nowhere
	V                                                 any
}

// notices are what a page says after something was done, by the name in the URL.
var notices = map[string]string{
	"saved": "Saved.", "made": "The programme is made. What it pays, and how, is set here; then invite its first affiliate.", "sites": "The programme has the sites now.", "link": "Your link is made.", "invited": "The affiliate is in the programme. Give it a code, and a link to log in with.",
	"accepted": "The affiliate is accepted. Give it a code, and a link to log in with.", "told": "The affiliate is accepted, and gets an e-mail with a link to log in with. Give it a code.", "code": "The code is made.", "ended": "The code ends now.",
	"assigned": "The order is assigned.", "judged": "The flag is decided.", "approved": "The payouts are approved.", "moved": "The payout is moved on.",
	"rule": "The new version holds from now on.", "shop": "The webhook is set. The secret of before, if there was one, is valid for a day.",
	"tested":   "The test is on its way: load this page again to see what was answered.",
	"replayed": "What you chose is being sent again.", "removed": "The webhook is told nothing any more.",
}

// show executes a template. It is drawn completely before the first byte is
// sent, so that an error is an error page.
func (v *visit) show(status int, name, title string, data any) error {
	p := page{Title: title, Token: v.person.Form, Version: version, Assets: v.Assets, Notice: notices[v.r.URL.Query().Get("done")],
		AsOf: v.Now().In(v.zone).Format("15:04:05"), Zone: v.zone.String(), Person: v.person, Program: v.program, V: data}
	p.Home, p.Tabs = v.tabs()
	if _, changes := data.(homeView); changes {
		p.Live = "/v1/live?earnings=true"
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = b.WriteTo(v.w) // fails only if the client is gone
	return nil
}

// message is a page that says one thing.
func (v *visit) message(status int, title, text string, next link) {
	if status == http.StatusServiceUnavailable {
		account.Away(v.w.Header())
	}
	err := v.show(status, "message.html", title, struct {
		Text string
		Next link
	}{text, next})
	if err != nil {
		v.Log.Error("portal: a page could not be drawn", "error", err)
		http.Error(v.w, title, status)
	}
}

// done goes on to a page that says what was done.
func (v *visit) done(path, notice string) error {
	http.Redirect(v.w, v.r, path+"?"+url.Values{"done": {notice}}.Encode(), http.StatusSeeOther)
	return nil
}

// origin is the server's address.
func (v *visit) origin() string {
	scheme := "http"
	if v.r.TLS != nil || strings.EqualFold(v.r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return cmp.Or(v.Address, scheme+"://"+v.r.Host)
}
