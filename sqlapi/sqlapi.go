// Package sqlapi is the door out for analysts: POST /v1/sql answers a query in
// the Timestream dialect from the events, orders and commissions that the key
// may read. docs/sql.md
package sqlapi

import (
	"cmp"
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
	"footfall/dialect"
	"footfall/metric"
	"footfall/sheet"
)

// Path is the door's address.
const Path = "/v1/sql"

// MaxBody is the most bytes a request may have.
const MaxBody = 64 << 10

// Timeout is how long a query may take, with its answer.
const Timeout = 30 * time.Second

// patience is how long after its query's time an answer may take: who does not
// read would keep the query, and others from asking.
const patience = 5 * time.Second

// Question is a query with who may see what.
type Question struct {
	Statement  *dialect.Statement
	Parameters map[string]any // nil, bool, int64, float64 or string
	Sites      []account.Site // whose rows there are
	Affiliate  string         // whose rows alone there are; "": everybody's
}

// Column of an answer.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Sheet takes an answer: its columns first, then row by row.
type Sheet interface {
	Head(columns []Column) error
	// Row gets a value for each column: nil, bool, int64, float64, string,
	// time.Time, json.Number, []any or map[string]any. It is valid until Row returns.
	Row(values []any) error
}

// Source answers. What is wrong with the query is a *dialect.Error, ErrBusy that
// others are asking.
type Source interface {
	Select(ctx context.Context, q Question, out Sheet) error
}

// ErrBusy means that as many queries as may be are under way.
var ErrBusy = errors.New("other SQL queries are under way: try again in a moment")

// Keys looks bearer tokens up; account.ErrNotFound is an unknown one.
type Keys interface {
	Key(ctx context.Context, token string) (account.Key, error)
}

// Sites lists the sites.
type Sites interface {
	Sites(ctx context.Context) ([]account.Site, error)
}

// Options of the door; the zero value works.
type Options struct {
	Log       *slog.Logger                                 // nil is slog.Default
	Timeout   time.Duration                                // of a query; 0 is Timeout
	Affiliate func(id string) (sites []string, known bool) // the sites of an affiliate's programme; nil: there are none
}

type door struct {
	source Source
	keys   Keys
	sites  Sites
	places places
	Options
}

// New is the handler of POST /v1/sql.
func New(source Source, keys Keys, sites Sites, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Timeout == 0 {
		o.Timeout = Timeout
	}
	d := &door{source: source, keys: keys, sites: sites, Options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/sql", d.ask)
	return mux
}

// Handles reports whether a path is the door's.
func Handles(path string) bool { return path == Path }

// Request is what is asked for.
type Request struct {
	Query  string         `json:"query"`
	Params map[string]any `json:"params"`
	Format string         `json:"format"` // json or one of sheet.Formats; "" is what the door says, or json
}

// mediaType is that of answers in a format; "" is none.
func mediaType(format string) string {
	if format == "json" {
		return "application/json; charset=utf-8"
	}
	return sheet.Formats[format]
}

// formatNames lists the formats of answers.
func formatNames() string {
	return strings.Join(slices.Sorted(maps.Keys(sheet.Formats)), ", ") + " or json"
}

// Read reads a request, which is answered in the usual format if it names none; what
// is wrong with it is a *dialect.Error.
func Read(body io.Reader, usual string) (r Request, err error) {
	in := json.NewDecoder(body)
	in.UseNumber()
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return r, &dialect.Error{Why: "the body is larger than 64 KiB"}
		}
		return r, &dialect.Error{Why: fmt.Sprintf("the body is not {\"query\": …, \"params\": {…}, \"format\": \"json\"}: %v", err)}
	}
	r.Format = cmp.Or(r.Format, usual, "json")
	switch {
	case strings.TrimSpace(r.Query) == "":
		return r, &dialect.Error{Why: "query is missing"}
	case mediaType(r.Format) == "":
		return r, &dialect.Error{Why: fmt.Sprintf("format=%q is unknown: use %s", r.Format, formatNames())}
	}
	for name, v := range r.Params {
		switch x := v.(type) {
		case json.Number:
			if n, err := x.Int64(); err == nil {
				r.Params[name] = n
			} else if f, err := x.Float64(); err == nil {
				r.Params[name] = f
			}
		case []any, map[string]any:
			return r, &dialect.Error{Why: fmt.Sprintf("params: %s is neither a text, a number, true, false nor null", name)}
		}
	}
	return r, nil
}

// Answer asks, and writes the answer. begun tells, if there is an error, that
// something was written already.
func Answer(ctx context.Context, w io.Writer, r Request, source Source, sites []account.Site, affiliate string) (begun bool, err error) {
	statement, err := dialect.Translate(r.Query)
	if err != nil {
		return false, err
	}
	s := newSpelling(w, r.Format)
	err = source.Select(ctx, Question{statement, r.Params, sites, affiliate}, s)
	if err == nil {
		err = s.end()
	}
	return s.out.Begun, err
}

// ask is POST /v1/sql.
func (d *door) ask(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPost:
	default:
		h.Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, &dialect.Error{Why: "use POST"})
		return
	}
	sites, own, key, ok := d.let(w, r)
	if !ok {
		return
	}
	request, err := Read(http.MaxBytesReader(w, r.Body, MaxBody), sheet.Accepted(r.Header.Get("Accept")))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	leave, free := d.places.take(key)
	if !free {
		d.tell(w, errOwn)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), d.Timeout)
	defer cancel()
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(d.Timeout + patience)) // one without deadlines is a test's
	defer out.SetWriteDeadline(time.Time{})                        // of what else comes by this connection
	h.Set("Content-Type", mediaType(request.Format))
	begun, err := Answer(ctx, w, request, d.source, sites, own)
	if err != nil && begun {
		panic(http.ErrAbortHandler) // too late for an error: the reader sees a broken transfer, not a short table
	}
	if err != nil {
		d.tell(w, err)
	}
}

// tell answers with an error.
func (d *door) tell(w http.ResponseWriter, err error) {
	wrong, ofQuery := errors.AsType[*dialect.Error](err)
	switch {
	case ofQuery:
		refuse(w, http.StatusBadRequest, wrong)
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusBadRequest, &dialect.Error{Why: "this took longer than " + d.Timeout.String() + ": ask for a shorter time, or for less"})
	case errors.Is(err, ErrBusy), errors.Is(err, errOwn):
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, err)
	default:
		if !errors.Is(err, context.Canceled) { // else nobody is waiting any more
			d.Log.Error("sql: a query failed", "error", err)
		}
		w.Header().Set("Retry-After", "2")
		if t, is := errors.AsType[*metric.TroubleError](err); is {
			refuse(w, http.StatusServiceUnavailable, &dialect.Error{Why: t.Why})
			return
		}
		refuse(w, http.StatusServiceUnavailable, &dialect.Error{Why: "the event store does not answer: try again; the reason is in the server's log"})
	}
}

// let finds who asks by the request's key, whose id is asker, and what that one may
// see; ok is false if it has answered.
func (d *door) let(w http.ResponseWriter, r *http.Request) (sites []account.Site, own, asker string, ok bool) {
	no := func(status int, why string) ([]account.Site, string, string, bool) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="footfall"`)
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "2")
		}
		refuse(w, status, &dialect.Error{Why: why})
		return nil, "", "", false
	}
	const how = "send the header Authorization: Bearer ffk_…; make a key with: footfall key add --site SITE --scope sql"
	action := account.ActionOf(http.MethodPost + " " + Path)
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return no(http.StatusUnauthorized, "no key: "+how)
	}
	key, err := d.keys.Key(r.Context(), token)
	if errors.Is(err, account.ErrNotFound) {
		return no(http.StatusUnauthorized, "unknown key: "+how)
	}
	var all []account.Site
	if err == nil {
		all, err = d.sites.Sites(r.Context())
	}
	if err != nil {
		d.Log.Error("sql: control data does not answer", "error", err)
		return no(http.StatusServiceUnavailable, "the control data does not answer: try again")
	}
	who := key.Who()
	if who.MaySomewhere(action) {
		return who.Sites(action, all), "", key.ID, true
	}
	if ids := who.Affiliates(); len(ids) == 1 && d.Affiliate != nil {
		if covered, known := d.Affiliate(ids[0]); known {
			own = ids[0]
			return slices.DeleteFunc(who.Sites(account.OwnFigures, all), func(s account.Site) bool { return !slices.Contains(covered, s.ID) }), own, key.ID, true
		}
	}
	return no(http.StatusForbidden, "this needs a key with the scope sql, or affiliate:ID for an affiliate's own rows; make one with: footfall key add --site SITE --scope sql")
}

// Fault is how an error is spelled.
type Fault struct {
	Error  string `json:"error"`
	Line   int    `json:"line,omitempty"` // of the query as it was sent, from 1
	Column int    `json:"column,omitempty"`
}

func refuse(w http.ResponseWriter, status int, err error) {
	fault := Fault{Error: err.Error()}
	if wrong, ok := errors.AsType[*dialect.Error](err); ok {
		fault = Fault{wrong.Why, wrong.Line, wrong.Column}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(fault) // the only error left is a gone client
}
