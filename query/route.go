package query

import (
	"context"

	"footfall/metric"
)

// Route is a source that asks ledger for the metrics of affiliate programmes
// and events for all others.
func Route(events, ledger Source) Source { return &routed{events, ledger} }

type routed struct{ events, ledger Source }

// Answer asks the source that knows.
func (r *routed) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if q.Metric.Earned() {
		return r.ledger.Answer(ctx, q)
	}
	return r.events.Answer(ctx, q)
}
