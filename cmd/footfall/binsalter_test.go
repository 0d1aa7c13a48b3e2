package main

import (
	"fmt"
	"slices"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// askedOf is what TestBinsAreTheEvents asks for: of sessions more often.
var askedOf = slices.Concat(metric.OfEvents, slices.Repeat([]metric.Name{metric.Sessions, metric.Bounces, metric.SessionViews, metric.SessionSeconds}, 2))

var always = period.Window{From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

// answered notes where an answer came from.
func (w *works) answered(q metric.Query, d metric.Dataset) {
	w.sources[d.Source]++
	if bins.OfSessions(q.Metric) {
		w.sources["sessions from "+d.Source]++
	}
}

// compare asks both, sometimes while a roll comes between.
func (w *works) compare(q metric.Query) {
	w.t.Helper()
	want, err := w.store.Answer(w.t.Context(), q)
	must(w.t, err)
	if w.durable.between == nil && w.r.IntN(20) == 0 {
		w.durable.readings = func() {
			w.durable.readings = nil
			w.note("roll in a question")
			w.roll()
		}
	}
	got, err := w.planner.Answer(w.t.Context(), q)
	w.durable.readings = nil
	if err != nil {
		w.fail("%+v: %v", q, err)
	}
	w.answered(q, got)
	if got.Estimate || fmt.Sprint(got.Points) != fmt.Sprint(want.Points) {
		w.fail("%+v\nfrom %s (estimate %v)\n%v\nwant\n%v", q, got.Source, got.Estimate, got.Points, want.Points)
	}
	if w.r.IntN(4) == 0 {
		w.report(q)
	}
}

// care is what happens to events that are stored, or a recount.
func (w *works) care() {
	w.t.Helper()
	n := w.r.IntN(3)
	if len(w.sent) == 0 || n == 0 {
		w.reconcile()
		return
	}
	of := pickOf(w.r, w.sent...)
	site := of.Site
	var some []event.Event
	for _, e := range w.sent { // of a day, as with more of them everything is counted from the events
		if e.Site == site && e.Time.Sub(of.Time).Abs() < 12*time.Hour && w.r.IntN(3) == 0 && !slices.ContainsFunc(some, func(x event.Event) bool { return x.Ident() == e.Ident() }) {
			some = append(some, e)
		}
	}
	w.check(2)
	if n == 1 {
		w.delete(site, some)
	} else {
		w.relabel(site, some)
	}
	w.check(4)
}

// delete deletes events, which may come again.
func (w *works) delete(site string, some []event.Event) {
	w.t.Helper()
	w.note("%d events of %s deleted", len(some), site)
	which := make([]event.Ident, len(some))
	told := make([]event.Event, len(some))
	for i := range some {
		which[i], told[i] = some[i].Ident(), event.Event{ID: some[i].ID, Site: site, Time: some[i].Time, Original: some[i].Original}
	}
	must(w.t, w.roller.Alter(w.t.Context(), told, func() error {
		_, err := w.store.Delete(w.t.Context(), site, which...)
		return err
	}))
}

// relabel gives events other labels, as reprocessing does: it ends with a roll.
func (w *works) relabel(site string, some []event.Event) {
	w.t.Helper()
	w.note("%d events of %s labelled anew", len(some), site)
	quarters := make([]event.Event, len(some))
	for i := range some {
		quarters[i] = event.Event{Site: site, Time: some[i].Time.Truncate(period.Bucket)}
	}
	must(w.t, w.roller.Write(w.t.Context(), quarters, event.Position{}, func() ([]event.Event, error) {
		_, err := w.store.Relabel(w.t.Context(), site, always, func(yield func(*event.Event) error) error {
			for _, e := range some {
				e.Path, e.Source, e.Class = pickOf(w.r, "/", "/a"), pickOf(w.r, "", "News", "Other"), pickOf(w.r, "direct", "search")
				if err := yield(&e); err != nil {
					return err
				}
			}
			return nil
		})
		return nil, err
	}))
	for n := 0; n < 8; { // histories are wrong until the roll
		if q, ok := w.question(); ok && bins.OfSessions(q.Metric) {
			n++
			w.compare(q)
		}
	}
	w.roll()
}
