// Package dash is the door out for people: the dashboard's pages, drawn on the
// server. They need no script, no cookie but the log-in, and no other host.
package dash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"footfall/account"
	"footfall/language"
	"footfall/query"
	"footfall/sheet"
)

// Sites lists the sites.
type Sites interface {
	Sites(ctx context.Context) ([]account.Site, error)
}

// Control is people and how they log in, shares, and the audit log.
type Control interface{ account.Kept }

// Status is where the accepted events are; Accepted is the sum of the others.
type Status struct{ Accepted, Stored, Duplicates, SetAside, Waiting, Removed uint64 }

// Options configures the dashboard; the zero value works.
type Options struct {
	Log        *slog.Logger                          // nil is slog.Default
	Now        func() time.Time                      // nil is time.Now
	Status     func(context.Context) (Status, error) // shown at the foot of the page if not nil
	Setup      Setup                                 // what sites are set up by; nil: they are not here
	Eraser     Eraser                                // takes persons out; nil: nobody is erased here
	Deleter    Deleter                               // deletes events; nil: nothing is deleted here
	Operations Operations                            // what the server does, for the page about it; nil: there is none
	Client     func(*http.Request) netip.Addr        // the address of a sender, to throttle log-ins; nil is the connection's
	Public     string                                // the origin people reach this server by, where that is not the Host header's; "" is none. Of https: cookies are sent by nothing else
	// Mail sends a link of a purpose, ForLogin or ForProof, to whoever find finds of an
	// address, and returns before it asks find, whose path is below the server's
	// address; account.ErrNotFound is nobody. Its error is an *account.SlowError: the
	// address, whether anybody has it, had as many letters as it may have. nil: links
	// are not sent.
	Mail func(email string, purpose account.Purpose, find func(ctx context.Context) (p account.Person, path string, err error)) error
	// Letter sends the link that sets a password to who is invited by a grant or,
	// with none, asked for another password; problem is why it could not. nil: links
	// are shown alone.
	Letter func(ctx context.Context, made account.Invited, g account.Grant) (problem string)
	// Lately answers as the source and Questions do, with figures of up to so long ago, for
	// pages that draw themselves anew; nil: these are counted anew, too.
	Lately    func(age time.Duration) *query.Lately
	Questions Questions          // for the pages beside the overview; nil answers reports from the source alone
	Goals     Goals              // for pages of goals and funnels; nil keeps none
	Funnels   Funnels            // likewise
	Notes     account.Notes      // shown in charts; nil keeps none
	Saved     account.FilterBook // filters that are kept under a name; nil keeps none
	// Earner is the id of the affiliate whom somebody names by id or e-mail, in the programme
	// of a site ("" is any); account.ErrNotFound if there is none. nil: any id is believed.
	Earner func(ctx context.Context, site, name string) (id string, err error)
	Portal string // path to which affiliates are sent who may not see the figures; "" is none
}

// patience is how long one page waits for its figures at most.
const patience = 20 * time.Second

//go:embed html/*.html css/*.css js/*.js icon.svg world.svg
var files embed.FS

// sheets are the parts of dash.css, in the order in which they follow.
var sheets = []string{"base", "header", "timebar", "nav", "board", "lists", "filters", "details", "world", "steps", "install", "narrow", "audit", "prose", "account", "sheet", "tables", "forms", "known", "operations", "setup", "sheetnarrow", "framed", "print"}

// assets is what is served below /assets, by name. It is made when it is asked for first,
// as commands that draw no page would wait for it, too.
var assets = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	for _, name := range sheets {
		all["dash.css"] = append(all["dash.css"], embedded("css/"+name+".css")...)
	}
	for _, theme := range []string{"light", "dark"} {
		all[theme+".css"] = inTheme(all["dash.css"], theme)
	}
	for _, name := range []string{"dash.js", "framed.js", "copy.js"} {
		all[name] = embedded("js/" + name)
	}
	for _, name := range []string{"live.js", "operations.js"} {
		all[name] = append(embedded("js/stream.js"), embedded("js/"+name)...)
	}
	all["icon.svg"], all["world.svg"] = embedded("icon.svg"), embedded("world.svg")
	return all
})

// embedded is a file that is compiled in.
func embedded(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}

// templates are the pages in each language, by its tag: made by the first Door.
var templates = sync.OnceValue(func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, l := range language.All {
		all[l.Tag] = template.Must(translated(tongue{l}))
	}
	return all
})

// translated are the pages in a language.
func translated(l tongue) (pages *template.Template, err error) {
	pages = template.New("").Funcs(template.FuncMap{
		"asset": func(name string) string { return Assets() + "/" + name }, "language": func() string { return l.Or().Tag },
		"say": func(k any, args ...any) string { return l.Say(key(fmt.Sprint(k)), args...) }, "plural": l.Plural,
		"count": func(n uint64) string { return whole(l, n) }, "number": func(n int) string { return whole(l, n) }, "whole": func(n int64) string { return whole(l, n) },
		"next": func(n int) int { return n + 1 }, "become": func(p Place) string { return l.Say(p.What, p.Args...) }, "ends": l.ends, "age": l.age, "ago": l.ago, "brief": l.brief, "size": l.bytesOf, "files": sheet.Files,
		"counting": func(problem string) bool { return problem == l.stillCounted() },
		"moment":   func(t time.Time) string { return l.Date(t.UTC(), minute) },
	})
	names, err := fs.Glob(files, "html/*.html")
	for _, name := range names {
		if _, failed := pages.New(path.Base(name)).Parse(l.Page(string(embedded(name)))); failed != nil {
			err = failed
		}
	}
	return pages, err
}

// version changes with the assets, so that browsers may keep them for ever.
var version = sync.OnceValue(func() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(assets())) {
		h.Write(assets()[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
})

// Assets is the path that the style sheet, the icon and live.js are below, for
// pages of another door.
func Assets() string { return "/assets/" + version() }

// Door is the dashboard. It is an http.Handler, and tells other doors of this
// server who has a session.
type Door struct {
	source  query.Source
	sites   Sites
	control Control
	gate    *account.Gate
	office  *account.Office
	cross   *http.CrossOriginProtection
	shelf   *shelf // of public pages
	cards   *cards
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
	if o.Questions == nil {
		o.Questions = alone{query.Tabulated(source, o.Now)}
	}
	d := &Door{source, sites, control, account.NewGate(control, o.Now), account.NewOffice(control, o.Now), http.NewCrossOriginProtection(), newShelf(), newCards(), nil, o}
	if o.Public != "" {
		if err := d.cross.AddTrustedOrigin(o.Public); err != nil {
			panic(err)
		}
	}
	templates() // a page that can't be made fails here
	mux := http.NewServeMux()
	for route, do := range d.routes() {
		mux.HandleFunc(route, d.guard(route, do))
	}
	d.Handler = d.strict(squeeze(d.orNone(mux)))
	return d
}

// orNone shows a page, too, where there is none to be asked for.
func (d *Door) orNone(pages *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, route := pages.Handler(r); route == "" && r.Method == http.MethodGet {
			speak(w, r, account.Person{})
			asked := r.Clone(r.Context())
			asked.Method = http.MethodPost
			if _, form := pages.Handler(asked); form != "" {
				w.Header().Set("Allow", http.MethodPost)
				d.refuse(w, http.StatusMethodNotAllowed, "Nothing was done: this address takes what a form sends. Go to the form's page again.")
				return
			}
			d.refuse(w, http.StatusNotFound, "There is no such page here.")
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// routes are the pages. Who may see them stands in account.Routes.
func (d *Door) routes() map[string]page {
	return map[string]page{
		"GET /goals": d.goals, "POST /goals": d.putGoal, "GET /goals/{name}": d.goal, "POST /goals/{name}/remove": d.removeGoal,
		"GET /funnels": d.funnels, "POST /funnels": d.putFunnel, "POST /funnels/{name}/remove": d.removeFunnel,
		"GET /notes": d.notes, "POST /notes": d.addNote, "POST /notes/{note}/remove": d.removeNote,
		"GET /filters": d.savedFilters, "POST /filters": d.saveFilters, "POST /filters/remove": d.dropFilters,
		"GET /retention": d.retention, "GET /journeys": d.journeys,
		"GET /{$}": d.page, "GET /audit": d.addsUp,
		"GET /sites": d.listSites, "POST /sites": d.addSite, "GET /sites/{site}": d.oneSite, "GET /sites/{site}/libraries": d.libraries, "GET /connection": d.connection,
		"GET /sites/{site}/settings": d.siteSettings, "POST /sites/{site}/settings": d.changeSettings, "GET /sites/{site}/privacy": d.data, "POST /sites/{site}/privacy": d.changeKeep, "GET /sites/{site}/export": d.export,
		"GET /sites/{site}/erase": d.erase, "POST /sites/{site}/erase": d.lookForPerson, "POST /sites/{site}/erase/confirm": d.eraseNow,
		"GET /sites/{site}/delete": d.delete, "POST /sites/{site}/delete": d.lookToDelete, "POST /sites/{site}/delete/confirm": d.deleteNow,
		"GET /operations": d.ofServer(d.operations), "POST /operations/recount": d.ofServer(d.recount),
		"GET /operations/aside": d.ofServer(d.aside), "GET /operations/aside/{item}": d.ofServer(d.asideOne), "POST /operations/aside": d.ofServer(d.moveAside),
		"GET /privacy/{site}": d.privacy, "GET /assets/{version}/{name}": asset,
		"GET /share/{token}": d.share, "GET /public/{domain}": d.public, "GET /public/{domain}/card.png": d.card, "GET /embed/{domain}": d.framed,
		"GET /sites/{site}/share": d.sharing, "POST /sites/{site}/share/frame": d.makeFrame, "POST /sites/{site}/share/figure": d.makeFigure,
		"GET /login": d.askLogin, "POST /login": d.login, "POST /login/code": d.loginCode, "POST /login/mail": d.mailLink, "POST /logout": d.logout,
		"GET /setup": d.askSetup, "POST /setup": d.setUp, "GET /password": d.askPassword, "POST /password": d.setPassword,
		"GET /people": d.people, "POST /people": d.invite, "GET /people/{person}": d.onePerson,
		"POST /people/{person}/role": d.setRole, "POST /people/{person}/role/remove": d.takeRole, "POST /people/{person}/password": d.resetPerson,
		"POST /people/{person}/logout": d.logOutPerson, "POST /people/{person}/switch": d.switchPerson, "POST /people/{person}/remove": d.removePerson,
		"GET /keys": d.keys, "POST /keys": d.addKey, "POST /keys/{key}/revoke": d.revokeKey,
		"GET /shares": d.shares, "POST /shares": d.addShare, "POST /shares/{share}/revoke": d.revokeShare, "POST /embed": d.signEmbed, "POST /embed/renew": d.renewEmbed,
		"GET /changes": d.changes,
		"GET /reports": d.reports, "POST /reports": d.addReport, "POST /reports/{report}/remove": d.removeReport,
		"GET /unsubscribe/{token}": d.askUnsubscribe, "POST /unsubscribe/{token}": d.unsubscribe,
		"GET /account": d.account, "POST /account/name": d.ofPerson(d.setPerson), "POST /account/password": d.ofPerson(d.changePassword),
		"POST /account/totp": d.ofPerson(d.startTOTP), "POST /account/totp/off": d.ofPerson(d.stopTOTP), "POST /account/logout": d.logoutEverywhere,
	}
}

// strict forbids the pages everything they don't need: script and style from
// this server only, no frames, no other host. Where people reach this server by
// https, browsers are to use nothing else for a year.
func (d *Door) strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy("'none'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a log-in link must not travel on
		h.Set("Cache-Control", "no-store")
		if d.publicTLS() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// policy is what a page may do, and whose pages may have it in a frame.
func policy(ancestors string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors " + ancestors
}

// page draws the dashboard in the state that the URL says.
func (d *Door) page(w http.ResponseWriter, r *http.Request, in visit) {
	if s, sites, ok := d.stateOf(w, r, in); ok {
		d.board(w, r, in, s, sites)
	}
}

// board shows the figures of a state.
func (d *Door) board(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	asked := r.URL.Query()
	trouble := ""
	if asked.Has("set") {
		to, why := s.set(asked)
		if why == "" {
			http.Redirect(w, r, to.href(), http.StatusSeeOther)
			return
		}
		trouble = why
		asked.Set("add", asked.Get("set"))
	}
	if name := asked.Get("csv"); name != "" {
		d.download(ctx, w, s, name)
		return
	}
	s.amiss = append(slices.Clip(s.amiss), s.strange(r.URL.Query())...)
	asking, lately := d.redrawing(r)
	wait := waits(r)
	if asked.Has("add") || asked.Has("set") {
		wait = patience // beside a form nothing is drawn anew
	}
	asking, h := asking.hurrying(ctx, wait)
	v := asking.draw(ctx, in, s, sites)
	if v.Again = lately.Behind(); h.late.Load() {
		v.Wait = s.href() + "&wait=20"
		if p, ok := w.(*printed); ok {
			p.late = true
		}
	}
	if v.Asking = d.asked(ctx, s, asked, trouble); v.Asking == nil && trouble != "" {
		v.Filters.Amiss = append(v.Filters.Amiss, trouble)
	}
	if v.Empty {
		v.Snippet = d.snippet(r, s.site)
	}
	v.Publicity = s.publicity()
	d.show(w, http.StatusOK, s.guest.template(), in, v)
}

// drawn is what a template gets.
type drawn struct {
	V any
	top
}

// top is what the top of a page is drawn from.
type top struct {
	Title, Version string
	Form           string // the secret word of the session's forms; "" for who has none
	Me             string // who is logged in
	Site           string // that the page is of, or was opened from; "" is none
	Tabs           []tab
	Mail           bool // links are sent by mail
	Look           *look
}

// Sheet is the page's style sheet.
func (t top) Sheet() string {
	if t.Look == nil {
		return "dash.css"
	}
	return t.Look.Sheet()
}

// Top is the top with the page's title.
func (t top) Top(title string) top {
	t.Title = title
	return t
}

// Along is a page of this door with the site, so that it leads back there.
func (t top) Along(path string) string { return along(path, t.Site) }

// show executes a template. It is drawn completely before the first byte is
// sent, so that an error is an error page.
func (d *Door) show(w http.ResponseWriter, status int, name string, in visit, data any) {
	var b bytes.Buffer
	l := tongueOf(w)
	in.tongue = l
	above := top{Version: version(), Form: in.form(), Me: in.name(), Site: in.site, Tabs: tabs(in, name), Mail: d.Mail != nil}
	if p, ok := w.(painted); ok {
		above.Look = p.look
	}
	err := templates()[l.Or().Tag].ExecuteTemplate(&b, name, drawn{data, above})
	if err != nil {
		d.Log.Error("dash: a page could not be drawn", "page", name, "error", err)
		http.Error(w, l.Say("This page could not be drawn. The reason is in the server's log."), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !slices.Contains(squeezable, name) {
		w.Header().Set(gzhttp.HeaderNoCompression, "a secret")
	}
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // fails only if the client is gone
}

// snippet is what goes into the pages of a site.
func (d *Door) snippet(r *http.Request, site account.Site) string {
	return `<script defer data-site="` + site.WriteKey + `" src="` + d.origin(r) + `/js/footfall.js"></script>`
}

// origin is how people reach this server: by its public address, else as this
// browser did.
func (d *Door) origin(r *http.Request) string {
	if d.Public != "" {
		return d.Public
	}
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
