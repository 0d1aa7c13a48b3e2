// Package api is the door out for programs: figures by GraphQL at /graphql and
// by plain HTTP at /v1/query, both with a bearer token.
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
	"slices"
	"strings"
	"time"

	"footfall/account"
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
	Log     *slog.Logger     // nil is slog.Default
	Now     func() time.Time // nil is time.Now
	Timeout time.Duration    // of one request; 0 is 30 s
	Daily   Daily            // nil: there is no /v1/daily

	Visitors Visitors // nil: there is no /v1/visitors/…
	Segments Segments // nil: there is no /v1/segments/…
}

// MaxBody is the most bytes a GraphQL request may have.
const MaxBody = 64 << 10

type door struct {
	source query.Source
	keys   Keys
	sites  Sites
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
	d := &door{source, keys, sites, o}
	mux := http.NewServeMux()
	mux.Handle("/graphql", d.guard(methods{"GET": {readers, d.graphql}, "POST": {readers, d.graphql}}))
	mux.Handle("/v1/query", d.guard(methods{"GET": {readers, d.query}}))
	if o.Daily != nil {
		mux.Handle("/v1/daily", d.guard(methods{"GET": {readers, d.daily}}))
	}
	if o.Visitors != nil {
		mux.Handle("/v1/visitors/{id}/history", d.guard(methods{"GET": {readers, d.history}}))
		plain, why := d.guard(methods{"GET": {account.Roles, d.memberships}}), d.guard(methods{"GET": {readers, d.memberships}})
		mux.HandleFunc("/v1/visitors/{id}/segments", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("explain") {
				why.ServeHTTP(w, r) // the reasons are figures: not for pages
			} else {
				plain.ServeHTTP(w, r)
			}
		})
	}
	if o.Segments != nil {
		mux.Handle("/v1/segments", d.guard(methods{"GET": {readers, d.listSegments}, "PUT": {owners, d.putSegments}}))
		mux.Handle("/v1/segments/dry-run", d.guard(methods{"POST": {readers, d.testSegments}}))
		mux.Handle("/v1/segments/{name}", d.guard(methods{"DELETE": {owners, d.removeSegment}}))
		mux.Handle("/v1/segments/{name}/members", d.guard(methods{"GET": {readers, d.members}}))
	}
	mux.HandleFunc("/", unknown)
	return mux
}

// Handles reports whether a path is one of the API's.
func Handles(path string) bool { return path == "/graphql" || strings.HasPrefix(path, "/v1/") }

// The roles of keys that may read everything, and that may change something.
var (
	readers = []account.Role{account.Viewer, account.Owner}
	owners  = []account.Role{account.Owner}
)

// methods are the methods that an address takes.
type methods map[string]struct {
	roles []account.Role
	do    func(http.ResponseWriter, *http.Request, []account.Site)
}

func (m methods) String() string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// guard answers what needs no key, checks the key, and gives the request a
// deadline. Every origin may ask: the token, not a cookie, is what lets in.
func (d *door) guard(takes methods) http.Handler {
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
		method, ok := takes[r.Method]
		if !ok {
			h.Set("Allow", takes.String())
			refuse(w, http.StatusMethodNotAllowed, "use "+takes.String())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), d.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		if seen, ok := d.seen(w, r, method.roles); ok {
			method.do(w, r, seen)
		}
	})
}

const howToAuthorize = "send the header Authorization: Bearer ffk_…; make a key with: footfall key add --site SITE --role viewer"

// seen is the sites that the request's key may see. If there is no such key, or
// it has none of the roles, it answers the request.
func (d *door) seen(w http.ResponseWriter, r *http.Request, roles []account.Role) ([]account.Site, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="footfall"`)
		refuse(w, http.StatusUnauthorized, "no key: "+howToAuthorize)
		return nil, false
	}
	key, err := d.keys.Key(r.Context(), token)
	if errors.Is(err, account.ErrNotFound) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="footfall", error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "unknown key: "+howToAuthorize)
		return nil, false
	}
	if err == nil && !slices.Contains(roles, key.Role) {
		refuse(w, http.StatusForbidden, needs(roles, key.Role))
		return nil, false
	}
	var sites []account.Site
	if err == nil {
		sites, err = d.sites.Sites(r.Context())
	}
	if err != nil {
		d.Log.Error("api: control data does not answer", "error", err)
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "the control data does not answer: try again")
		return nil, false
	}
	if key.Site != "" {
		sites = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != key.Site }) // the list is everybody's
	}
	return sites, true
}

// needs says which role a key needs.
func needs(roles []account.Role, has account.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return fmt.Sprintf("this needs a key with the role %s, and this one has the role %s; make one with: footfall key add --site SITE --role %s",
		strings.Join(names, " or "), has, roles[0])
}

// query is GET /v1/query.
func (d *door) query(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	q, err := ParseQuery(r.URL.Query(), sites, d.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	set, err := d.answer(r.Context(), q)
	d.tell(w, Spell(q, set, sites), err)
}

// answer asks the source. There are no commissions before there are
// affiliates: they have no points at all.
func (d *door) answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if q.Metric == metric.Commissions {
		return metric.Dataset{Source: "none", AsOf: d.Now()}, nil
	}
	return d.source.Answer(ctx, q)
}

// explain is the status and text for an error of answer. What the asker cannot
// mend is logged, and not told in detail.
func (d *door) explain(err error) (status int, why string) {
	if q, ok := errors.AsType[*metric.QueryError](err); ok {
		return http.StatusBadRequest, q.Why
	}
	if c, ok := errors.AsType[*conflict](err); ok {
		return http.StatusConflict, c.why
	}
	if errors.Is(err, account.ErrNotFound) {
		return http.StatusNotFound, "there is no such segment; GET /v1/segments lists them"
	}
	if errors.Is(err, ErrBusy) {
		return http.StatusServiceUnavailable, ErrBusy.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable, "this took longer than " + d.Timeout.String() + ": ask for a shorter window or a longer step"
	}
	if !errors.Is(err, context.Canceled) { // else nobody is waiting any more
		d.Log.Error("api: a query failed", "error", err)
	}
	return http.StatusServiceUnavailable, "the event store does not answer: try again; the reason is in the server's log"
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The only error left is a gone client.
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, why string) {
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
