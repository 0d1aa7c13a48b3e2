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

// embedded finds what a token for embedding shows. If it is not valid, or this
// address is none of figures, it answers the request.
func (d *door) embedded(w http.ResponseWriter, r *http.Request, token, pattern string) (a asker, ok bool) {
	if d.Embed == nil || !slices.Contains(ownPatterns, pattern) {
		refuse(w, http.StatusForbidden, "no key may do this: a token for embedding reads figures at /graphql and /v1/query")
		return a, false
	}
	e, err := d.Embed(r.Context(), token)
	if errors.Is(err, account.ErrEmbed) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="footfall", error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, err.Error())
		return a, false
	}
	var sites []account.Site
	if err == nil {
		sites, err = d.sites.Sites(r.Context())
	}
	if err != nil {
		d.noControl(w, err)
		return a, false
	}
	a.shows = &shown{metrics: e.Metrics}
	if e.Affiliate != "" {
		of, covered, known := metric.Affiliate{}, []string(nil), false
		if d.Affiliate != nil {
			of, covered, known = d.Affiliate(e.Affiliate)
		}
		if !known || !slices.Contains(covered, e.Site) {
			refuse(w, http.StatusForbidden, "no key may do this: the token's affiliate is not of this site's programme")
			return a, false
		}
		a.own = &of
	}
	a.sites = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != e.Site })
	return a, true
}

// shown asks only for what a token shows.
type shown struct {
	query.Source
	metrics []string
}

// Answer answers a question for a metric that is shown.
func (s shown) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if !slices.Contains(s.metrics, string(q.Metric)) {
		return metric.Dataset{}, wrong("this token shows %s, not %s", strings.Join(s.metrics, ", "), q.Metric)
	}
	return s.Source.Answer(ctx, q)
}

// showing is the door for what a token shows.
func (d *door) showing(s shown) *door {
	only := *d
	s.Source = d.source
	only.source = s
	return &only
}
