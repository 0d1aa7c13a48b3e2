// Package dash is the door out for people: the dashboard's pages, drawn on the
// server. They need no script, no cookie but the log-in, and no other host.
package dash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"footfall/account"
	"footfall/query"
)

// Sites lists the sites.
type Sites interface {
	Sites(ctx context.Context) ([]account.Site, error)
}

// Control is people and how they log in, shares, and the audit log.
type Control interface {
	account.Entrances
	Share(ctx context.Context, token string) (account.Share, error)
	Record(ctx context.Context, c account.Change) error
}

// Status is where the accepted events are; Accepted is the sum of the others.
type Status struct{ Accepted, Stored, Duplicates, SetAside, Waiting, Removed uint64 }

// Options configures the dashboard; the zero value works.
type Options struct {
	Log    *slog.Logger                          // nil is slog.Default
	Now    func() time.Time                      // nil is time.Now
	Status func(context.Context) (Status, error) // shown at the foot of the page if not nil
	Audit  func(context.Context) (Audit, error)  // the last recount, for the page "/audit"; nil is none
	Client func(*http.Request) netip.Addr        // the address of a sender, to throttle log-ins; nil is the connection's
	Public string                                // the origin people reach this server by, where that is not the Host header's; "" is none. Of https: cookies are sent by nothing else
	Portal string                                // path to which affiliates are sent who may not see the figures; "" is none
}

// patience is how long one page waits for its figures.
const patience = 20 * time.Second

//go:embed page.html login.html new.html account.html audit.html privacy.html dash.css dash.js live.js icon.svg
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"count": whole[uint64], "number": whole[int], "next": func(n int) int { return n + 1 }}).ParseFS(files, "*.html"))

// version changes with the assets, so that browsers may keep them for ever.
var version = func() string {
	h := sha256.New()
	for _, name := range []string{"dash.css", "dash.js", "live.js", "icon.svg"} {
		b, _ := files.ReadFile(name) // embedded
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}()

// Assets is the path that the style sheet, the icon and live.js are below, for
// pages of another door.
func Assets() string { return "/assets/" + version }

// Door is the dashboard. It is an http.Handler, and tells other doors of this
// server who has a session.
type Door struct {
	source  query.Source
	sites   Sites
	control Control
	gate    *account.Gate
	cross   *http.CrossOriginProtection
	http.Handler
	Options
}

// New makes the Door: the handler of the dashboard and of everything about logging in: see
// routes. An Options.Public that is no origin panics. A page asks some twenty questions at once; how many of them the
// source gets at a time is the source's own matter: query.Limit.
func New(source query.Source, sites Sites, control Control, o Options) *Door {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = peer
	}
	d := &Door{source, sites, control, account.NewGate(control, o.Now), http.NewCrossOriginProtection(), nil, o}
	if o.Public != "" {
		if err := d.cross.AddTrustedOrigin(o.Public); err != nil {
			panic(err)
		}
	}
	mux := http.NewServeMux()
	for route, do := range d.routes() {
		mux.HandleFunc(route, d.guard(route, do))
	}
	d.Handler = d.strict(mux)
	return d
}

// routes are the pages. Who may see them stands in account.Routes.
func (d *Door) routes() map[string]page {
	return map[string]page{
		"GET /{$}": d.page, "GET /audit": d.audit,
		"GET /privacy/{site}": d.privacy, "GET /assets/{version}/{name}": asset,
		"GET /share/{token}": d.share,
		"GET /login":         d.askLogin, "POST /login": d.login, "POST /login/code": d.loginCode, "POST /logout": d.logout,
		"GET /setup": d.askSetup, "POST /setup": d.setUp, "GET /password": d.askPassword, "POST /password": d.setPassword,
		"GET /account": d.account, "POST /account/name": d.ofPerson(d.setName), "POST /account/password": d.ofPerson(d.changePassword),
		"POST /account/totp": d.ofPerson(d.startTOTP), "POST /account/totp/off": d.ofPerson(d.stopTOTP), "POST /account/logout": d.logoutEverywhere,
	}
}

// strict forbids the pages everything they don't need: script and style from
// this server only, no frames, no other host. Where people reach this server by
// https, browsers are to use nothing else for a year.
func (d *Door) strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a log-in link must not travel on
		h.Set("Cache-Control", "no-store")
		if d.publicTLS() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func asset(w http.ResponseWriter, r *http.Request, _ visit) {
	name := r.PathValue("name")
	b, err := files.ReadFile(name)
	if err != nil || strings.HasSuffix(name, ".html") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

// page draws the dashboard in the state that the URL says.
func (d *Door) page(w http.ResponseWriter, r *http.Request, in visit) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.noControl(w, err)
		return
	}
	if sites = in.who.Sites(account.ReadFigures, sites); len(sites) == 0 {
		d.show(w, http.StatusOK, "page.html", in, view{})
		return
	}
	s := readState(r.URL.Query(), sites)
	s.sums = in.who.MaySomewhere(account.ReadServer)
	d.board(w, r, in, s, sites)
}

// board shows the figures of a state.
func (d *Door) board(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v := d.draw(ctx, s, sites)
	if v.Empty {
		v.Snippet = `<script defer data-site="` + s.site.WriteKey + `" src="` + d.origin(r) + `/js/footfall.js"></script>`
	}
	d.show(w, http.StatusOK, "page.html", in, v)
}

// show executes a template. It is drawn completely before the first byte is
// sent, so that an error is an error page.
func (d *Door) show(w http.ResponseWriter, status int, name string, in visit, data any) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, struct {
		V       any
		Version string
		Form    string // the secret word of the session's forms; "" for who has none
		Me      string // who is logged in
	}{data, version, in.form(), in.name()})
	if err != nil {
		d.Log.Error("dash: a page could not be drawn", "page", name, "error", err)
		http.Error(w, "This page could not be drawn. The reason is in the server's log.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // fails only if the client is gone
}

// origin is how the browser reached this server.
func (d *Door) origin(r *http.Request) string {
	if d.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// secure reports whether the browser uses https: not every proxy says so.
func (d *Door) secure(r *http.Request) bool {
	return d.publicTLS() || r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (d *Door) publicTLS() bool { return strings.HasPrefix(strings.ToLower(d.Public), "https://") }
