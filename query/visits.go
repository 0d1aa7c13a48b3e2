package query

import (
	"context"
	"slices"

	"footfall/metric"
)

// VisitSource answers questions about single visits. It is safe for concurrent use.
type VisitSource interface {
	Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error)
	Follow(ctx context.Context, j metric.Journey) (metric.Paths, error)
}

// Visits is the event store, asked about the time of which it has the events: bins
// know of no visits.
type Visits struct {
	events  VisitSource
	durable Durable
}

// Visit makes Visits.
func Visit(events VisitSource, durable Durable) *Visits { return &Visits{events, durable} }

var _ VisitSource = (*Visits)(nil)

// Retain answers a question for cohorts, from the first that has somebody, and says from
// when on events are kept.
func (x *Visits) Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error) {
	if err := r.Check(); err != nil {
		return metric.Cohorts{}, err
	}
	state, err := x.durable.State(ctx)
	if err == nil {
		err = VisitsKept(&state, r.Site, r.Whole().From)
	}
	if err != nil {
		return metric.Cohorts{}, err
	}
	c, err := x.events.Retain(ctx, r)
	c.Rows = fromFirst(c.Rows)
	if f, ok := state.Frozen[r.Site]; ok && err == nil {
		c.Since = f.At
	}
	return c, err
}

// fromFirst are the cohorts from the first that has somebody, for every door alike: what
// was before anybody came is no row of a page and none of its file.
func fromFirst(rows []metric.Cohort) []metric.Cohort {
	first := slices.IndexFunc(rows, func(row metric.Cohort) bool { return row.Size > 0 })
	if first < 0 {
		return nil
	}
	return rows[first:]
}

// Follow answers a question for journeys.
func (x *Visits) Follow(ctx context.Context, j metric.Journey) (metric.Paths, error) {
	if err := j.Check(); err != nil {
		return metric.Paths{}, err
	}
	state, err := x.durable.State(ctx)
	if err == nil {
		err = VisitsKept(&state, j.Site, j.Window.From)
	}
	if err != nil {
		return metric.Paths{}, err
	}
	return x.events.Follow(ctx, j)
}
