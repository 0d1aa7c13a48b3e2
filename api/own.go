package api

import (
	"context"
	"slices"

	"footfall/account"
	"footfall/metric"
	"footfall/query"
)

// ownPatterns are the addresses where an affiliate's key reads the affiliate's
// own figures.
var ownPatterns = []string{"/graphql", "/v1/query"}

// own is the affiliate that a key is of, with the sites of the programme; nil if
// it is of none, or of several, of which none is meant.
func (d *door) own(who account.Who, pattern string) (*metric.Affiliate, []string) {
	ids := who.Affiliates()
	if d.Affiliate == nil || len(ids) != 1 || !slices.Contains(ownPatterns, pattern) {
		return nil, nil
	}
	a, sites, ok := d.Affiliate(ids[0])
	if !ok {
		return nil, nil
	}
	return &a, sites
}

// of is the door for one affiliate: whatever is asked through it is asked of this
// affiliate, as its only source sees to that.
func (d *door) of(a metric.Affiliate) *door {
	own := *d
	own.source = ownSource{d.source, a}
	return &own
}

// ownSource asks of one affiliate, whatever the question.
type ownSource struct {
	query.Source
	of metric.Affiliate
}

// Answer answers the question about the affiliate.
func (s ownSource) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	q.Affiliate = &s.of
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	return s.Source.Answer(ctx, q)
}
