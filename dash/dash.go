// Package dash is the door out for people: the dashboard's pages, drawn on the
// server. They need no script, no cookie but the log-in, and no other host.
package dash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"footfall/account"
	"footfall/query"
)

// Sites lists the sites.
type Sites interface {
	Sites(ctx context.Context) ([]account.Site, error)
}

// Logins turns one-time links into sessions, checks and ends sessions;
// account.ErrNotFound is one that does not let in.
type Logins interface {
	UseLink(ctx context.Context, token string) (session string, err error)
	Session(ctx context.Context, session string) error
	EndSession(ctx context.Context, session string) error
}

// Status is where the accepted events are; Accepted is the sum of the others.
type Status struct{ Accepted, Stored, Duplicates, SetAside, Waiting, Removed uint64 }

// Options configures the dashboard; the zero value works.
type Options struct {
	Log    *slog.Logger                          // nil is slog.Default
	Now    func() time.Time                      // nil is time.Now
	Status func(context.Context) (Status, error) // shown at the foot of the page if not nil
	Audit  func(context.Context) (Audit, error)  // the last recount, for the page "/audit"; nil is none
}

// patience is how long one page waits for its figures.
const patience = 20 * time.Second

//go:embed page.html login.html audit.html privacy.html dash.css dash.js icon.svg
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"count": whole[uint64], "number": whole[int], "next": func(n int) int { return n + 1 }}).ParseFS(files, "*.html"))

// version changes with the assets, so that browsers may keep them for ever.
var version = func() string {
	h := sha256.New()
	for _, name := range []string{"dash.css", "dash.js", "icon.svg"} {
		b, _ := files.ReadFile(name) // embedded
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}()

type door struct {
	source query.Source
	sites  Sites
	logins Logins
	Options
}

// New is the handler of the dashboard: "/", "/audit", "/live", "/privacy/SITE", "/login", "/logout" and
// "/assets/". A page asks some twenty questions at once; how many of them the
// source gets at a time is the source's own matter: query.Limit.
func New(source query.Source, sites Sites, logins Logins, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &door{source, sites, logins, o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.loggedIn(d.page))
	mux.HandleFunc("GET /audit", d.loggedIn(d.audit))
	mux.HandleFunc("GET /live", d.loggedIn(d.live))
	mux.HandleFunc("GET /privacy/{site}", d.privacy)
	mux.HandleFunc("GET /login", d.askLogin)
	mux.HandleFunc("POST /login", d.login)
	mux.HandleFunc("POST /logout", d.loggedIn(d.logout))
	mux.HandleFunc("GET /assets/{version}/{name}", asset)
	return strict(mux)
}

// strict forbids the pages everything they don't need: script and style from
// this server only, no frames, no other host.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a log-in link must not travel on
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

// page draws the dashboard in the state that the URL says.
func (d *door) page(w http.ResponseWriter, r *http.Request) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.Log.Error("dash: control data does not answer", "error", err)
		http.Error(w, "The control data does not answer. Try again; the reason is in the server's log.", http.StatusServiceUnavailable)
		return
	}
	if len(sites) == 0 {
		d.show(w, http.StatusOK, "page.html", view{})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	s := readState(r.URL.Query(), sites)
	v := d.draw(ctx, s, sites)
	if v.Empty {
		v.Snippet = `<script defer data-site="` + s.site.WriteKey + `" src="` + origin(r) + `/js/footfall.js"></script>`
	}
	d.show(w, http.StatusOK, "page.html", v)
}

// live is the number of current visitors as JSON, for the script.
func (d *door) live(w http.ResponseWriter, r *http.Request) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil || len(sites) == 0 {
		http.Error(w, "no site", http.StatusServiceUnavailable)
		return
	}
	n, err := d.current(r.Context(), readState(r.URL.Query(), sites))
	if err != nil {
		http.Error(w, "the event store does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"visitors": whole(n)}) // fails only if the client is gone
}

// show executes a template. It is drawn completely before the first byte is
// sent, so that an error is an error page.
func (d *door) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, struct {
		V       any
		Version string
	}{data, version})
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
func origin(r *http.Request) string {
	if secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
