package main

import (
	"context"
	"slices"

	"footfall/metric"
)

// Tabulate answers a report from the cheapest sources that know.
func (h *house) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	r.Currency = h.sites.currency(r.Site)
	t, err := h.reports.Tabulate(ctx, r)
	if st := h.store.Load(); err == nil && st != nil {
		if asOf := h.asOf(st); asOf.Before(t.AsOf) {
			t.AsOf = asOf
		}
	}
	return t, err
}

// Tabulate answers a report from the event store alone.
func (s eventSource) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if !s.h.questions.enter() {
		return metric.Table{}, errRebuilding
	}
	defer s.h.questions.leave()
	st := s.h.store.Load()
	if st == nil {
		return metric.Table{}, errRebuilding
	}
	r, err := s.h.lookedUp(ctx, r)
	if err != nil {
		return metric.Table{}, err
	}
	return st.Tabulate(ctx, r)
}

// lookedUp is the report with what a store is told of the site: its goals, and who is in
// which segment, if they are asked for.
func (h *house) lookedUp(ctx context.Context, r metric.Report) (metric.Report, error) {
	r, err := h.withGoals(ctx, r)
	if err == nil {
		r.Members, err = h.members(ctx, r)
	}
	return r, err
}

// members tells who is in the segments that a report asks of, as they are now.
func (h *house) members(ctx context.Context, r metric.Report) (in []metric.Member, err error) {
	names, all := r.Segments()
	if len(names) == 0 && !all {
		return nil, nil
	}
	site, ok := h.sites.now.Load().byID[r.Site]
	if !ok || site.History == 0 {
		return nil, &metric.QueryError{Why: "segment: visitor history is off for this site; turn it on with: footfall site set " + site.Domain + " --history 24", Gone: true}
	}
	definitions, err := h.segments.of(ctx, r.Site)
	if err != nil {
		return nil, err
	}
	var asked, known []string // one that was removed has members for some seconds
	for _, d := range definitions {
		if known = append(known, d.Name); all || slices.Contains(names, d.Name) {
			asked = append(asked, d.Name)
		}
	}
	if err := r.KnowsSegments(known); err != nil {
		return nil, err
	}
	err = h.histories.In(ctx, r.Site, asked, func(visitor, segment string) error {
		if in = append(in, metric.Member{Visitor: visitor, Segment: segment}); len(in) > metric.MaxMembers {
			r.Members = in
			return r.Check() // which says what to do
		}
		return nil
	})
	return in, err
}
