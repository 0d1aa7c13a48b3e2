package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// ownPatterns are the addresses where an affiliate's key reads the affiliate's
// own figures.
var ownPatterns = []string{"/graphql", "/v1/query", livePattern}

// figuresOf is the affiliate with an id, and the sites of the programme; nil if it is
// none, or an address is none of figures.
func (d *door) figuresOf(id, pattern string) (*metric.Affiliate, []string) {
	if d.Affiliate == nil || id == "" || !slices.Contains(ownPatterns, pattern) {
		return nil, nil
	}
	a, sites, ok := d.Affiliate(id)
	if !ok {
		return nil, nil
	}
	return &a, sites
}

// ofOwn reports what is wrong with a question about an affiliate, of one who may see
// this affiliate's figures only.
func ofOwn(q metric.Query) error {
	if err := q.Check(); err != nil {
		return err
	}
	return reportsOf{own: q.Affiliate}.within(q.Report())
}

// askable is why a question is refused, for who may see a part: where the reason lists all
// metrics there are, it lists those that may be asked for.
func (a asker) askable(why string) string {
	if a.shows == nil && a.own == nil {
		return why
	}
	return strings.ReplaceAll(why, listed(metric.Names), listed(a.metrics()))
}

// metrics are what one may ask for.
func (a asker) metrics() (all []metric.Name) {
	if a.shows != nil {
		return a.shows.Metrics
	}
	now := time.Unix(0, 0) // any time will do
	for _, m := range metric.Names {
		if ofOwn(metric.Query{Site: "any", Metric: m, Window: period.Window{From: now, To: now.Add(time.Hour)}, Step: period.Total, Zone: time.UTC, Affiliate: a.own}) == nil {
			all = append(all, m)
		}
	}
	return all
}

// ownSource asks of one affiliate, whatever the question.
type ownSource struct {
	query.Source
	of metric.Affiliate
}

// Answer answers the question about the affiliate.
func (s ownSource) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	q.Affiliate = &s.of
	if err := ofOwn(q); err != nil {
		return metric.Dataset{}, err
	}
	return s.Source.Answer(ctx, q)
}
