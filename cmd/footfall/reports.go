package main

import (
	"context"

	"footfall/metric"
)

// Tabulate answers a report from the cheapest sources that know.
func (h *house) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	r.Currency = h.sites.currency(r.Site)
	r, err := h.withGoals(ctx, r)
	if err != nil {
		return metric.Table{}, err
	}
	t, err := h.reports.Tabulate(ctx, r)
	if st := h.store.Load(); err == nil && st != nil {
		if asOf := h.asOf(st); asOf.Before(t.AsOf) {
			t.AsOf = asOf
		}
	}
	return t, err
}

// eventTables answers reports from the event store alone.
type eventTables struct{ h *house }

// Tabulate asks the event store.
func (s eventTables) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if !s.h.questions.enter() {
		return metric.Table{}, errRebuilding
	}
	defer s.h.questions.leave()
	st := s.h.store.Load()
	if st == nil {
		return metric.Table{}, errRebuilding
	}
	return st.Tabulate(ctx, r)
}
