package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
	"footfall/store/duckdb"
)

// Retain answers a question for cohorts.
func (h *house) Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error) {
	c, err := h.visits.Retain(ctx, r)
	c.AsOf = h.notAfter(c.AsOf)
	return c, err
}

// Follow answers a question for journeys.
func (h *house) Follow(ctx context.Context, j metric.Journey) (metric.Paths, error) {
	p, err := h.visits.Follow(ctx, j)
	p.AsOf = h.notAfter(p.AsOf)
	return p, err
}

// notAfter is a moment, or that up to which everything accepted can be seen.
func (h *house) notAfter(t time.Time) time.Time {
	if st := h.store.Load(); st != nil {
		if asOf := h.asOf(st); asOf.Before(t) {
			return asOf
		}
	}
	return t
}

// eventVisits answers from the event store.
type eventVisits struct{ h *house }

// Retain asks the event store.
func (s eventVisits) Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error) {
	return ofEvents(s.h, func(st *duckdb.Store) (metric.Cohorts, error) {
		of, err := s.h.lookedUp(ctx, r.Report())
		if err != nil {
			return metric.Cohorts{}, err
		}
		r.Goals, r.Members = of.Goals, of.Members
		return st.Retain(ctx, r)
	})
}

// Follow asks the event store.
func (s eventVisits) Follow(ctx context.Context, j metric.Journey) (metric.Paths, error) {
	return ofEvents(s.h, func(st *duckdb.Store) (metric.Paths, error) {
		of, err := s.h.lookedUp(ctx, j.Report())
		if err != nil {
			return metric.Paths{}, err
		}
		j.Goals, j.Members = of.Goals, of.Members
		return st.Follow(ctx, j)
	})
}

// ofEvents asks the event store, which is not closed meanwhile.
func ofEvents[A any](h *house, ask func(*duckdb.Store) (A, error)) (a A, err error) {
	if !h.questions.enter() {
		return a, errRebuilding
	}
	defer h.questions.leave()
	st := h.store.Load()
	if st == nil {
		return a, errRebuilding
	}
	return ask(st)
}

// visitsInTurn answers questions that wait for their turn with all others.
type visitsInTurn struct {
	inTurn
	visits query.VisitSource
}

// Retain waits for a turn and answers.
func (t visitsInTurn) Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error) {
	leave, err := t.turns.Take(ctx)
	if err != nil {
		return metric.Cohorts{}, err
	}
	defer leave()
	return t.visits.Retain(ctx, r)
}

// Follow waits for a turn and answers.
func (t visitsInTurn) Follow(ctx context.Context, j metric.Journey) (metric.Paths, error) {
	leave, err := t.turns.Take(ctx)
	if err != nil {
		return metric.Paths{}, err
	}
	defer leave()
	return t.visits.Follow(ctx, j)
}

// cohorts answers a question in the form of POST /v1/retention, or one made of flags.
func (k *control) cohorts(w http.ResponseWriter, r *http.Request) error {
	body, sites, err := k.visitQuestion(r, func(form url.Values, q map[string]any) error {
		usual := map[string]string{string(period.Day): "14d", string(period.Month): "12mo"}[form.Get("step")]
		if q["date_range"] == nil {
			q["date_range"] = cmp.Or(usual, "84d")
		}
		texts(form, q, "step")
		if form.Get("event") != "" && form.Get("reached") != "" {
			return misused("coming back is an event or a goal: name one of --event and --reached")
		}
		for flag, by := range map[string]metric.Dimension{"event": "event", "reached": metric.OfGoal} {
			if name := form.Get(flag); name != "" {
				q["returning"] = []any{[]any{string(metric.Is), by, []any{name}}}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, err := api.AskRetention(r.Context(), k.h, body, sites, time.Now())
	if err != nil {
		return err
	}
	return answer(w, out)
}

// journey answers a question in the form of POST /v1/journey, or one made of flags.
func (k *control) journey(w http.ResponseWriter, r *http.Request) error {
	body, sites, err := k.visitQuestion(r, func(form url.Values, q map[string]any) error {
		if q["date_range"] == nil {
			q["date_range"] = "30d"
		}
		texts(form, q, "page", "event", "direction")
		for _, name := range []string{"depth", "limit"} {
			n, err := wholeNumber(form, name, -1)
			if err != nil {
				return err
			}
			if n >= 0 {
				q[name] = n
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, err := api.AskJourney(r.Context(), k.h, body, sites, time.Now())
	if err != nil {
		return err
	}
	return answer(w, out)
}

// texts takes some of a form's texts over into a question.
func texts(form url.Values, q map[string]any, names ...string) {
	for _, name := range names {
		if text := form.Get(name); text != "" {
			q[name] = text
		}
	}
}

// visitQuestion is the question of a request: its body or, without one, what is made
// of its form. sites are those that it may be about.
func (k *control) visitQuestion(r *http.Request, more func(form url.Values, q map[string]any) error) (body []byte, sites []account.Site, err error) {
	if sites, body, err = k.question(r); err != nil || len(body) > 0 {
		return body, sites, err
	}
	form := r.URL.Query()
	q := map[string]any{}
	texts(form, q, "timezone")
	if form.Get("bots") == "true" {
		q["bots"] = true
	}
	if filters, err := whoAndWhat(form); err != nil {
		return nil, nil, err
	} else if len(filters) > 0 {
		q["filters"] = filters
	}
	if window := form.Get("window"); window != "" {
		q["date_range"] = window
	}
	if form.Get("from")+form.Get("to") != "" {
		site, err := k.h.sites.find(form.Get("site"))
		if err != nil {
			return nil, nil, err
		}
		if q["date_range"], err = rangeBetween(form.Get("from"), form.Get("to"), site); err != nil {
			return nil, nil, err
		}
	}
	if err = more(form, q); err == nil {
		body, err = json.Marshal(q)
	}
	return body, sites, err
}

// whoAndWhat are the conditions of a form: on visitors who reached a goal, those who are in
// a segment, and others as a question has them.
func whoAndWhat(form url.Values) (filters []any, err error) {
	if name := form.Get("goal"); name != "" {
		filters = append(filters, []any{"has_done", []any{string(metric.Is), "goal", []any{name}}})
	}
	if name := form.Get("segment"); name != "" {
		filters = append(filters, []any{string(metric.Is), "segment", []any{name}})
	}
	if text := form.Get("filters"); text != "" {
		var more []any
		if json.Unmarshal([]byte(text), &more) != nil {
			return nil, misused(`--filters: %s is no list in JSON: write [["is", "country", ["DE"]]]`, text)
		}
		filters = append(filters, more...)
	}
	return filters, nil
}

// rangeBetween is a range of days, of which the second is not included; without it up
// to the end of today.
func rangeBetween(from, to string, site account.Site) (days [2]string, err error) {
	end := period.DateOf(time.Now(), site.Location()) + 1
	if to != "" {
		t, err := time.Parse(time.DateOnly, to)
		if err != nil {
			return days, misused("--to: %q is no day, such as 2026-01-31", to)
		}
		end = period.DateOf(t, time.UTC)
	}
	t, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return days, misused("--from: %q is no day, such as 2026-01-31", from)
	}
	if begin := period.DateOf(t, time.UTC); begin < end {
		return [2]string{begin.String(), (end - 1).String()}, nil
	}
	return days, noTime(from, end.String())
}
