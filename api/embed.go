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
	a.name, a.shows = "embed "+token, e.Metrics
	if e.Affiliate != "" {
		own, covered := d.figuresOf(e.Affiliate, pattern)
		if own == nil || !slices.Contains(covered, e.Site) {
			return a, &refusal{status: http.StatusForbidden, why: "no key may do this: the token's affiliate is not of this site's programme"}
		}
		a.own = own
	}
	a.allowed = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != e.Site })
	return a, nil
}

// shown asks only for what a token shows.
type shown struct {
	query.Source
	metrics []string
}

// Answer answers a question for a metric that is shown.
func (s shown) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if err := showsOnly(s.metrics, q.Metric); err != nil {
		return metric.Dataset{}, err
	}
	return s.Source.Answer(ctx, q)
}

// showsOnly refuses a metric that is none of those that a token shows.
func showsOnly(metrics []string, m metric.Name) error {
	if !slices.Contains(metrics, string(m)) {
		return wrong("this token shows %s, not %s", strings.Join(metrics, ", "), m)
	}
	return nil
}
