package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"footfall/account"
	"footfall/metric"
	"footfall/query"
)

// nobodysName is what a token of a whole site may tell its figures by. Whoever sees the page
// can read the token, and codes of affiliates often are their names: they are sources, too.
var nobodysName = slices.DeleteFunc(slices.Clone(ofPart), func(d metric.Dimension) bool {
	return d == "source" || slices.Contains(metric.Programs, d)
})

// embedded finds what a token for embedding shows, at the addresses of figures.
func (d *door) embedded(ctx context.Context, token, pattern string) (a asker, no *refusal) {
	if d.Embed == nil || !slices.Contains(ownPatterns, pattern) {
		return a, &refusal{status: http.StatusForbidden, why: "no key may do this: a token for embedding reads figures at /graphql, /v1/query and /v1/live"}
	}
	e, err := d.Embed(ctx, token)
	if errors.Is(err, account.ErrEmbed) {
		return a, &refusal{http.StatusUnauthorized, err.Error(), `Bearer realm="footfall", error="invalid_token"`}
	}
	var sites []account.Site
	if err == nil {
		sites, err = d.sites.Sites(ctx)
	}
	if err != nil {
		return a, d.silent(err)
	}
	a.name, a.shows = "embed "+token, &Shown{By: nobodysName}
	for _, m := range e.Metrics {
		a.shows.Metrics = append(a.shows.Metrics, metric.Name(m))
	}
	if e.Affiliate != "" {
		own, covered := d.figuresOf(e.Affiliate, pattern)
		if own == nil || !slices.Contains(covered, e.Site) {
			return a, &refusal{status: http.StatusForbidden, why: "no key may do this: the token's affiliate is not of this site's programme"}
		}
		a.own, a.shows.By = own, ofPart
	}
	a.allowed = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != e.Site })
	return a, nil
}

// Shown is what a token shows: some metrics, and what they may be split by and
// filtered on.
type Shown struct {
	Metrics []metric.Name
	By      []metric.Dimension
}

// shown asks only for what a token shows.
type shown struct {
	query.Source
	is Shown
}

// Answer answers a question for what is shown.
func (s shown) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if err := s.is.only(q); err != nil {
		return metric.Dataset{}, err
	}
	return s.Source.Answer(ctx, q)
}

// only refuses a question for anything else.
func (s Shown) only(q metric.Query) error {
	if !slices.Contains(s.Metrics, q.Metric) {
		return wrong("this token shows %s, not %s", listed(s.Metrics), q.Metric)
	}
	for _, d := range q.Report().Dimensions() {
		if !slices.Contains(s.By, d) {
			return wrong("this token shows figures by %s, not by %s", listed(s.By), d)
		}
	}
	return nil
}

func listed[T ~string](names []T) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = string(name)
	}
	return strings.Join(all, ", ")
}
