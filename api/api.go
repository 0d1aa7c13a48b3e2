// Package api is the door out for programs: figures by GraphQL at /graphql, by
// plain HTTP at /v1/query, both with a bearer token, and as they change at /v1/live.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/query"
)

// Keys looks bearer tokens up; account.ErrNotFound is an unknown one.
type Keys interface {
	Key(ctx context.Context, token string) (account.Key, error)
}

// Sites lists the sites.
type Sites interface {
	Sites(ctx context.Context) ([]account.Site, error)
}

// Options configures the API; the zero value works.
type Options struct {
	Log     *slog.Logger       // nil is slog.Default
	Now     func() time.Time   // nil is time.Now
	Timeout time.Duration      // of one request; 0 is 30 s
	Daily   Daily              // nil: there is no /v1/daily
	Reports Reports            // nil: there is no POST /v1/query
	Goals   Goals              // nil: there is no /v1/goals and no /v1/funnel
	Notes   account.Notes      // nil: there is no /v1/notes
	Funnels Funnels            // nil: there is no /v1/funnel
	Saved   FunnelBook         // nil: there is no /v1/funnels
	Kept    account.FilterBook // nil: there is no /v1/filters
	Deletes Deletes            // nil: there is no /v1/events/delete
	Erases  Erases             // nil: there is no /v1/persons/erase
	Visits  Visits             // nil: there are no /v1/retention and /v1/journey

	Export Export // nil: there is no /v1/export

	Visitors Visitors // nil: there is no /v1/visitors/…
	Segments Segments // nil: there is no /v1/segments/…
	// Affiliate finds an affiliate and the sites that the programme covers; nil:
	// there are none.
	Affiliate func(id string) (a metric.Affiliate, sites []string, ok bool)

	Affiliates Affiliates // nil: GraphQL tells of none

	Embed  func(ctx context.Context, token string) (account.Embed, error) // reads a token for embedding; nil takes none
	Record func(context.Context, account.Change) error                    // adds to the audit log; nil keeps none

	Live    *query.Live                                                    // nil: there is no /v1/live
	Session func(r *http.Request) (s Session, err error)                   // whose the request's session is, for /v1/live and GET /v1/query; account.ErrNotFound: it has none; nil takes none
	Share   func(ctx context.Context, token string) (account.Share, error) // for /v1/live; nil takes none
	Shared  Shown                                                          // what a share shows; the zero value is nothing
	Streams Streams
	Client  func(*http.Request) netip.Addr // the address of a sender, which bounds streams of public sites; nil is the connection's

	Server func(ctx context.Context, language string) (map[string]string, error) // what the page about the server shows, by name, for /v1/live; nil tells nothing
}

// MaxBody is the most bytes a GraphQL request may have.
const MaxBody = 64 << 10

type door struct {
	source  query.Source
	keys    Keys
	sites   Sites
	streams *streams

	exporting chan struct{} // holds one for each export under way
	plans     *plans        // of deletions
	erasures  *plans        // of persons
	asker                   // asks; nobody until a request is let in
	unbound   query.Source  // tells everything: see figures
	Options
}

// New is the handler of /graphql and /v1/query. How many questions at a time
// the source gets is the source's own matter: query.Limit.
func New(source query.Source, keys Keys, sites Sites, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Client == nil {
		o.Client = func(r *http.Request) netip.Addr {
			port, _ := netip.ParseAddrPort(r.RemoteAddr) // a local socket has none
			return port.Addr()
		}
	}
	d := &door{source: source, keys: keys, sites: sites, streams: newStreams(o.Streams), exporting: make(chan struct{}, exportsAtOnce), plans: &plans{}, erasures: &plans{}, Options: o}
	mux := http.NewServeMux()
	for pattern, takes := range d.routes() {
		mux.Handle(pattern, d.guard(pattern, takes))
	}
	mux.HandleFunc("GET /openapi.json", describe)
	mux.HandleFunc("/", unknown)
	return mux
}

// routes are the addresses and what answers them. Who may ask stands in
// account.Routes.
func (d *door) routes() map[string]methods {
	all := map[string]methods{"/graphql": {"GET": (*door).graphql, "POST": (*door).graphql}, "/v1/query": {"GET": (*door).query}}
	if d.Reports != nil {
		all["/v1/query"]["POST"] = (*door).report
	}
	if d.Goals != nil {
		all["/v1/goals"] = methods{"GET": (*door).listGoals}
		all["/v1/goals/{name}"] = methods{"PUT": (*door).putGoal, "DELETE": (*door).removeGoal}
	}
	if d.Notes != nil {
		all["/v1/notes"] = methods{"GET": (*door).listNotes, "POST": (*door).addNote}
		all["/v1/notes/{id}"] = methods{"DELETE": (*door).removeNote}
	}
	if d.Kept != nil {
		all["/v1/filters"] = methods{"GET": (*door).listFilters}
	}
	if d.Funnels != nil && d.Reports != nil && d.Goals != nil {
		all["/v1/funnel"] = methods{"POST": (*door).funnel}
	}
	if d.Saved != nil && d.Goals != nil {
		all["/v1/funnels"] = methods{"GET": (*door).listFunnels}
		all["/v1/funnels/{name}"] = methods{"PUT": (*door).putFunnel, "DELETE": (*door).removeFunnel}
	}
	if d.Deletes != nil {
		all["/v1/events/delete"] = methods{"POST": (*door).deleteEvents}
	}
	if d.Erases != nil {
		all["/v1/persons/erase"] = methods{"POST": (*door).erasePerson}
	}
	if d.Visits != nil {
		all["/v1/retention"] = methods{"POST": (*door).retention}
		all["/v1/journey"] = methods{"POST": (*door).journey}
	}
	if d.Daily != nil {
		all["/v1/daily"] = methods{"GET": (*door).daily}
	}
	if d.Export != nil {
		all[exportPattern] = methods{"GET": (*door).export}
	}
	if d.Live != nil {
		all["/v1/live"] = methods{"GET": (*door).live}
	}
	if d.Visitors != nil {
		all["/v1/visitors/{id}/history"] = methods{"GET": (*door).history}
		all["/v1/visitors/{id}/segments"] = methods{"GET": (*door).memberships}
	}
	if d.Segments != nil {
		all["/v1/segments"] = methods{"GET": (*door).listSegments, "PUT": (*door).putSegments}
		all["/v1/segments/dry-run"] = methods{"POST": (*door).testSegments}
		all["/v1/segments/{name}"] = methods{"DELETE": (*door).removeSegment}
		all["/v1/segments/{name}/members"] = methods{"GET": (*door).members}
	}
	return all
}

// Handles reports whether a path is one of the API's.
func Handles(path string) bool {
	return path == "/graphql" || path == "/openapi.json" || strings.HasPrefix(path, "/v1/")
}

// methods are the methods that an address takes. What answers one gets the door
// as it is for who asks, and the sites for which the request's key may do it.
type methods map[string]func(*door, http.ResponseWriter, *http.Request, []account.Site)

func (m methods) String() string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// guard answers what needs no key, checks the key, and gives the request a
// deadline. Every origin may ask: the token, not a cookie, is what lets in.
func (d *door) guard(pattern string, takes methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		h.Set("Cache-Control", "no-store")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", takes.String())
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if takes[r.Method] == nil {
			h.Set("Allow", takes.String())
			refuse(w, http.StatusMethodNotAllowed, "use "+takes.String())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), d.Timeout)
		defer cancel()
		if pattern == livePattern || pattern == exportPattern {
			ctx = r.Context() // goes on as long as somebody listens
		} else { // who does not read keeps nothing open
			out := http.NewResponseController(w)
			_ = out.SetWriteDeadline(time.Now().Add(2 * d.Timeout)) // one without deadlines is a test's
			defer out.SetWriteDeadline(time.Time{})                 // of what else comes by this connection
		}
		r = r.WithContext(ctx)
		action := account.ActionOf(r.Method + " " + pattern)
		if action == account.ReadMemberships && r.URL.Query().Has("explain") {
			action = account.ReadVisitors // the reasons are figures: not for pages
		}
		a, no := d.let(r, action, pattern)
		if no != nil {
			no.tell(w)
			return
		}
		takes[r.Method](d.by(a), w, r, a.allowed)
	})
}

// note adds a change that was made to the audit log, also if who asked for it is gone.
// What can't be noted is logged: the change stays.
func (d *door) note(ctx context.Context, c account.Change) {
	if d.Record == nil {
		return
	}
	c.Who = d.who.Name
	if err := d.Record(context.WithoutCancel(ctx), c); err != nil {
		d.Log.Error("api: a change is not in the audit log", "change", c.What, "error", err)
	}
}

// by is the door for somebody who asks.
func (d *door) by(a asker) *door {
	asked := *d
	asked.asker, asked.unbound = a, d.source
	if a.own != nil {
		asked.source = ownSource{asked.source, *a.own}
	}
	if a.shows != nil {
		asked.source = shown{asked.source, *a.shows}
	}
	if a.own != nil || a.shows != nil {
		asked.Reports = reportsOf{d.Reports, a.own, a.shows}
	}
	return &asked
}

const howToAuthorize = "send the header Authorization: Bearer ffk_…; make a key with: footfall key add --site SITE --scope read"

// Bearer is the token of a request's Authorization header; "" if it has none.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// asker is who asks.
type asker struct {
	who       account.Who
	name      string            // of who asks, for limits: several credentials may be one's
	page      bool              // asks with a browser's session
	affiliate string            // that one is; "" is none
	allowed   []account.Site    // for which one may do what is asked
	own       *metric.Affiliate // whose figures alone one may read; nil: everybody's
	shows     *Shown            // all that one may read; nil: everything
}

// refusal is why a request is not let in.
type refusal struct {
	status         int
	why, challenge string
}

func (no *refusal) tell(w http.ResponseWriter) {
	if no.challenge != "" {
		w.Header().Set("WWW-Authenticate", no.challenge)
	}
	refuse(w, no.status, no.why)
}

// silent is the refusal where the control data does not answer.
func (d *door) silent(err error) *refusal {
	if !errors.Is(err, context.Canceled) { // who asks has left
		d.Log.Error("api: control data does not answer", "error", err)
	}
	return &refusal{status: http.StatusServiceUnavailable, why: "the control data does not answer: try again"}
}

// let finds who asks, by the request's token.
func (d *door) let(r *http.Request, action account.Action, pattern string) (a asker, no *refusal) {
	token := Bearer(r)
	switch {
	case token == "" && pattern == livePattern, token == "" && pattern == "/v1/query" && r.Method == http.MethodGet && r.Header.Get("Cookie") != "":
		return d.letPage(r, action, pattern)
	case token == "":
		return a, &refusal{http.StatusUnauthorized, "no key: " + howToAuthorize, `Bearer realm="footfall"`}
	case strings.HasPrefix(token, account.EmbedPrefix):
		return d.embedded(r.Context(), token, pattern)
	}
	key, err := d.keys.Key(r.Context(), token)
	if errors.Is(err, account.ErrNotFound) {
		return a, &refusal{http.StatusUnauthorized, "unknown key: " + howToAuthorize, `Bearer realm="footfall", error="invalid_token"`}
	}
	if err != nil {
		return a, d.silent(err)
	}
	a.who = key.Who()
	a.name = a.who.Name
	if ids := a.who.Affiliates(); len(ids) == 1 {
		a.affiliate = ids[0]
	}
	var covered []string
	if !a.who.MaySomewhere(action) {
		a.own, covered = d.figuresOf(a.affiliate, pattern)
	}
	if a.own == nil && !a.who.MaySomewhere(action) {
		return a, &refusal{status: http.StatusForbidden, why: needs(account.ScopesFor(action), key.Scopes)}
	}
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		return a, d.silent(err)
	}
	if a.own == nil {
		a.allowed = a.who.Sites(action, sites)
		return a, nil
	}
	a.allowed = slices.DeleteFunc(a.who.Sites(account.OwnFigures, sites), func(s account.Site) bool { return !slices.Contains(covered, s.ID) })
	return a, nil
}

// needs says which scope a key needs.
func needs(scopes, has []account.Scope) string {
	names := func(scopes []account.Scope, between string) string {
		var list []string
		for _, s := range scopes {
			list = append(list, string(s))
		}
		return strings.Join(list, between)
	}
	if len(scopes) == 0 {
		return "no key may do this"
	}
	return fmt.Sprintf("this needs a key with the scope %s, and this one has %s; make one with: footfall key add --site SITE --scope %s",
		names(scopes, " or "), names(has, ", "), scopes[0])
}

// query is GET /v1/query.
func (d *door) query(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	q, err := ParseQuery(r.URL.Query(), sites, d.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, d.askable(err.Error()))
		return
	}
	set, err := d.source.Answer(r.Context(), q)
	d.tell(w, Spell(q, set, sites), err)
}

// explain is the status and text for an error of answer. What the asker cannot
// mend is logged, and not told in detail.
func (d *door) explain(err error) (status int, why string) {
	if q, ok := errors.AsType[*metric.QueryError](err); ok {
		return http.StatusBadRequest, d.askable(q.Why)
	}
	if c, ok := errors.AsType[*conflict](err); ok {
		return http.StatusConflict, c.why
	}
	if g, ok := errors.AsType[*noneCalled](err); ok {
		return http.StatusNotFound, g.Error()
	}
	if v, ok := errors.AsType[*event.InvalidError](err); ok {
		return http.StatusBadRequest, v.Error()
	}
	if errors.Is(err, account.ErrNotFound) {
		return http.StatusNotFound, "there is no such segment; GET /v1/segments lists them"
	}
	for _, later := range []error{ErrBusy, ErrOtherWork} {
		if errors.Is(err, later) {
			return http.StatusServiceUnavailable, later.Error()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable, "this took longer than " + d.Timeout.String() + ": ask for a shorter window or a longer step"
	}
	if !errors.Is(err, context.Canceled) { // else nobody is waiting any more
		d.Log.Error("api: a query failed", "error", err)
	}
	// What is wrong with the server is nothing to who has no account, nor to affiliates.
	if t, ok := errors.AsType[*metric.TroubleError](err); ok && d.shows == nil && d.own == nil {
		return http.StatusServiceUnavailable, t.Why
	}
	return http.StatusServiceUnavailable, "the event store does not answer: try again; the reason is in the server's log"
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The only error left is a gone client.
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers that there is nothing, and why; with 503 also when to come again,
// unless the head says that already.
func refuse(w http.ResponseWriter, status int, why string) {
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		account.Away(w.Header())
	}
	reply(w, status, map[string]string{"error": why})
}

// readBody reads at most MaxBody bytes; ok is false if it has answered.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is larger than 64 KiB")
		return nil, false
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body could not be read")
		return nil, false
	}
	return body, true
}
