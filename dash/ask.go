package dash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
	"footfall/sheet"
)

// Questions answers what a single query can't ask.
type Questions interface {
	Tabulate(ctx context.Context, r metric.Report) (metric.Table, error)
	Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error)
	Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error)
	Follow(ctx context.Context, j metric.Journey) (metric.Paths, error)
}

// freshness is how figures came about.
type freshness struct{ AsOf, Source string }

func (l tongue) fresh(asOf time.Time, source string, x span) freshness {
	return freshness{asOf.In(x.zone).Format("15:04:05"), l.counted(source)}
}

// where is the state's filters as a condition; nil is none.
func (s state) where() *metric.Where {
	return s.query(metric.Events, period.Window{}, nil).Report().Where
}

// fault logs why figures could not be had, unless the question was wrong or the page
// has ended, and is what the page says of it; "" without an error.
func (d *Door) fault(ctx context.Context, s state, what string, err error) string {
	if _, asked := errors.AsType[*metric.QueryError](err); !asked && failed(ctx, err) {
		d.Log.Error("dash: a question failed", "question", what, "error", err)
	}
	return s.problem(err)
}

// with is the state with something else that only its page knows; no value takes it out.
func (s state) with(name string, values ...string) state {
	more := url.Values{}
	for k, v := range s.more {
		more[k] = v
	}
	if more[name] = values; len(values) == 0 {
		delete(more, name)
	}
	s.more = more
	return s
}

// asked is the state with what the URL says besides, by the names that the page knows.
func (s state) asked(r *http.Request, names ...string) state {
	for _, name := range names {
		if values := r.URL.Query()[name]; strings.Join(values, "") != "" {
			s = s.with(name, values...)
		}
	}
	return s
}

// keep is the state as hidden fields of a form that asks for other things by name.
func (s state) keep(other ...string) (all []link) {
	for _, name := range other {
		s = s.with(name)
	}
	return hidden(s.values())
}

// hidden are values as hidden fields, by name: Label is the name, Title the value.
func hidden(v url.Values) (all []link) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		for _, value := range v[name] {
			all = append(all, link{Label: name, Title: value})
		}
	}
	return all
}

// attach makes the answer a file.
func attach(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
}

// file begins a file of a page's figures.
func (s state) file(w http.ResponseWriter, name string, columns []sheet.Column) sheet.Rows {
	attach(w, sheet.Formats[s.as], s.site.ID+"-"+name+"."+s.as)
	return sheet.Begin(w, s.as, columns...)
}

// changing is the state of a page whose form was sent, of a site that one may change.
// What was sent for none has been answered.
func (d *Door) changing(w http.ResponseWriter, r *http.Request, in visit, base string) (s state, sites []account.Site, ok bool) {
	if s, sites, ok = d.stateOf(w, r, in); !ok {
		return s, nil, false
	}
	if s.base = base; s.site.ID != r.URL.Query().Get("site") || !in.who.May(account.ChangeSite, s.site.ID) {
		d.refuse(w, http.StatusForbidden, "That is for who may change the site, an owner or admin of it. Nothing was done.")
		return s, nil, false
	}
	return s, sites, true
}

// went goes on to a page of figures that says what was done, with a line in the audit
// log; a change that failed shows the page again.
func (d *Door) went(w http.ResponseWriter, r *http.Request, in visit, to state, what string, c account.Change, err error, again func(said)) {
	_, why := saidTo(in.tongue, err)
	wrong, isWrong := errors.AsType[*metric.QueryError](err)
	switch {
	case err == nil:
		c.Who = in.who.Name
		if err := d.control.Record(r.Context(), c); err != nil {
			d.Log.Error("dash: a change is not in the audit log", "what", c.What, "error", err)
		}
		http.Redirect(w, r, to.with("done", what).href(), http.StatusSeeOther)
	case isWrong:
		again(said{Problem: in.Say(key(wrong.Why)), In: r.PostForm})
	case errors.Is(err, account.ErrNotFound):
		d.refuse(w, http.StatusNotFound, "That is not there any more. Somebody else may have removed it meanwhile.")
	case why == "":
		d.noControl(w, err)
	default:
		again(said{Problem: why, In: r.PostForm, Field: fieldOf(err)})
	}
}

// alone answers reports from the source alone, and nothing else.
type alone struct{ query.Tabulator }

var errUnasked = &metric.QueryError{Why: "This server does not answer such questions."}

func (alone) Funnel(context.Context, metric.Funnel) (metric.Passage, error) {
	return metric.Passage{}, errUnasked
}
func (alone) Retain(context.Context, metric.Retention) (metric.Cohorts, error) {
	return metric.Cohorts{}, errUnasked
}
func (alone) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	return metric.Paths{}, errUnasked
}
