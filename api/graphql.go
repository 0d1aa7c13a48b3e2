package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	graphql "github.com/graph-gophers/graphql-go"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

//go:embed schema.graphql
var schema string

// Limits of one GraphQL request. A standard introspection query is 13 deep and
// has about 100 selections; questions wait for their turn anyway.
const (
	maxDepth      = 15
	maxSelections = 200
)

// granularity maps the schema's enum to steps.
var granularity = map[string]period.Step{"Total": period.Total, "Minute": period.Minute, "FifteenMinutes": period.Quarter, "Hour": period.Hour,
	"Day": period.Day, "Week": period.Week, "Month": period.Month, "Year": period.Year}

type request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// graphql is GET and POST /graphql. The schema is bound to the sites of the
// request's key, so that no resolver could see another's: parsing it takes
// a fraction of a millisecond.
func (d *door) graphql(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	in, ok := readRequest(w, r)
	if !ok {
		return
	}
	if strings.TrimSpace(in.Query) == "" {
		refuse(w, http.StatusBadRequest, `no query: POST {"query":"{ getAnalyticsData(metricType: PageViews, timeWindow: Last7Days) { dataset { series timestamp value } } }"}`)
		return
	}
	bound := graphql.MustParseSchema(schema, &root{door: d, sites: sites}, graphql.MaxDepth(maxDepth), graphql.MaxSelections(maxSelections),
		graphql.MaxQueryLength(MaxBody), graphql.MaxParallelism(2), graphql.UseFieldResolvers(), graphql.UseStringDescriptions())
	reply(w, http.StatusOK, bound.Exec(r.Context(), in.Query, in.OperationName, in.Variables))
}

func readRequest(w http.ResponseWriter, r *http.Request) (in request, ok bool) {
	if r.Method == http.MethodGet {
		v := r.URL.Query()
		in.Query, in.OperationName = v.Get("query"), v.Get("operationName")
		if s := v.Get("variables"); s != "" {
			if err := json.Unmarshal([]byte(s), &in.Variables); err != nil {
				refuse(w, http.StatusBadRequest, "variables is not a JSON object: "+err.Error())
				return in, false
			}
		}
		return in, true
	}
	body, ok := readBody(w, r)
	if !ok {
		return in, false
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, `the body is not {"query":"…"} as JSON: `+err.Error())
		return in, false
	}
	return in, true
}

// root resolves the schema for one request's key.
type root struct {
	door  *door
	sites []account.Site // that the key may see
	rows  atomic.Int64   // that the answer has so far: see take
	asked atomic.Int64   // questions about visitors' ways so far: see ways
}

type arguments struct {
	MetricType                      string
	TimeWindow, From, To            *string
	Site, Granularity, Timezone, By *string
	ByProperty, ByExperiment        *string
	Sites                           *[]string
	Filters                         *[]condition
	Limit                           *int32
}

// condition is a filter: on a dimension or, as names of properties and experiments are
// no words of the schema, on a property or the arms of an experiment.
type condition struct {
	Dimension, Property, Experiment *string
	Value                           string
}

// either is a dimension, a property or an experiment's arms, of which at most one is
// given.
func either(field string, dimension, property, experiment *string) (metric.Dimension, error) {
	switch {
	case dimension != nil && property != nil || experiment != nil && (dimension != nil || property != nil):
		return "", wrong("%s: name a dimension, a property or an experiment, one of them", field)
	case experiment != nil:
		return metric.Arm(*experiment), nil
	case property != nil:
		return metric.Property(*property), nil
	case dimension != nil:
		return metric.Dimension(*dimension), nil
	}
	return "", nil
}

// GetAnalyticsData resolves the field of that name.
func (r *root) GetAnalyticsData(ctx context.Context, a arguments) (*data, error) {
	questions, err := a.questions(r.sites, r.door.Now())
	if err != nil {
		return nil, err
	}
	out := &data{AsOf: r.door.Now().UTC().Format(time.RFC3339), Source: "none", Dataset: []*point{}, Experiments: []*graphExperiment{}}
	var oldest time.Time
	for _, q := range questions {
		set, err := r.door.source.Answer(ctx, q)
		if err != nil {
			return nil, r.failed(err)
		}
		spelled := Spell(q, set, r.sites)
		var unit *string // null of what is no amount
		if spelled.Unit != "" {
			unit = &spelled.Unit
		}
		for _, p := range spelled.Dataset {
			out.Dataset = append(out.Dataset, &point{p.Series, q.Site, p.Timestamp, (*exact)(p.Value), unit})
		}
		if out.Source == "none" {
			out.Source = set.Source
		}
		out.Estimate = out.Estimate || set.Estimate
		for _, e := range graphExposed(spelled.Experiments) {
			e.Site = &q.Site
			out.Experiments = append(out.Experiments, e)
		}
		if spelled.Sealed != "" && (out.Sealed == nil || spelled.Sealed < *out.Sealed) {
			out.Sealed = &spelled.Sealed
		}
		if oldest.IsZero() || set.AsOf.Before(oldest) { // true of all sites
			oldest, out.AsOf = set.AsOf, spelled.AsOf
		}
	}
	return out, nil
}

// questions are those about each site, or the one about all that are counted
// together.
func (a arguments) questions(all []account.Site, now time.Time) (list []metric.Query, err error) {
	var about [][]string
	switch {
	case a.Sites != nil && (a.Site != nil || len(*a.Sites) == 0):
		return nil, refused("sites: name at least one, and no site beside them")
	case a.Sites != nil:
		about = [][]string{*a.Sites}
	case a.Site != nil:
		about = [][]string{{*a.Site}}
	case a.By != nil && *a.By == "website" && metric.Name(a.MetricType).Earned() && len(all) > 0:
		about = [][]string{nil}
	default:
		for _, s := range all {
			about = append(about, []string{s.ID})
		}
	}
	for _, names := range about {
		for _, name := range names {
			if !slices.ContainsFunc(all, func(s account.Site) bool { return s.ID == name || s.Domain == name }) {
				return nil, forbidden(name)
			}
		}
		q, err := a.query(names, all, now)
		if err != nil {
			return nil, refused(err.Error())
		}
		list = append(list, q)
	}
	return list, nil
}

// given is an argument; "" if it is left out.
func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// query is the question about some of all sites, counted together.
func (a arguments) query(names []string, all []account.Site, now time.Time) (q metric.Query, err error) {
	q.Metric = metric.Name(a.MetricType)
	if q.By, err = either("by", a.By, a.ByProperty, a.ByExperiment); err != nil {
		return q, err
	}
	site, err := about(&q, names, all)
	if err != nil {
		return q, err
	}
	if q.Zone, err = zoneOf(given(a.Timezone), site); err != nil {
		return q, err
	}
	if err := setTime(&q, given(a.TimeWindow), given(a.From), given(a.To), now); err != nil {
		return q, err
	}
	if a.Granularity != nil {
		q.Step = granularity[*a.Granularity]
	}
	if a.Filters != nil {
		for _, f := range *a.Filters {
			d, err := either("filters", f.Dimension, f.Property, f.Experiment)
			if err != nil {
				return q, err
			}
			q.Filters = append(q.Filters, filter(d, f.Value, all))
		}
	}
	if a.Limit != nil {
		if *a.Limit < 0 {
			return q, wrong("limit: %d is not a whole number from 0 up", *a.Limit)
		}
		q.Limit = int(*a.Limit)
	}
	return q, q.Check()
}

type data struct {
	Dataset      []*point
	Source, AsOf string
	Sealed       *string
	Estimate     bool
	Experiments  []*graphExperiment
}

type point struct {
	Series, Site, Timestamp string
	Value                   *exact
	Unit                    *string
}

// exact is a Float of the schema that is spelled digit by digit, as money must
// not pass through a float64.
type exact json.Number

// MarshalJSON spells the number.
func (e exact) MarshalJSON() ([]byte, error) { return []byte(e), nil }

// ImplementsGraphQLType makes it a Float.
func (exact) ImplementsGraphQLType(name string) bool { return name == "Float" }

// UnmarshalGraphQL is asked for by the library; the schema takes no Float.
func (*exact) UnmarshalGraphQL(any) error { return errors.New("an exact number is never read") }

// problem is a GraphQL error with a code for programs.
type problem struct{ code, why string }

func (p *problem) Error() string              { return p.why }
func (p *problem) Extensions() map[string]any { return map[string]any{"code": p.code} }

func refused(why string) error { return &problem{"BAD_QUERY", why} }

func (r *root) failed(err error) error {
	status, why := r.door.explain(err)
	if status == http.StatusServiceUnavailable {
		return &problem{"UNAVAILABLE", why}
	}
	return refused(why)
}

// forbidden does not tell a site that is not there from one that the key may
// not see.
func forbidden(site string) error {
	return &problem{"FORBIDDEN", "this key cannot read the site " + site + ": use one of its own, or make a key with: footfall key add --site " + site + " --scope read"}
}
