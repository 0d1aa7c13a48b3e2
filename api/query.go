package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// Parameters lists what ParseQuery understands, beside one parameter for each
// of metric.Dimensions, for properties (property:plan) and for arms of experiments
// (arm:price), which filters.
var Parameters = []string{"site", "metric", "window", "from", "to", "step", "by", "limit", "timezone", "bots"}

// ParseQuery reads a question from URL parameters. sites are those the asker
// may see; site is the id or domain of one of them and may be left out if
// there is only one. Metrics of affiliate programmes may have several, with commas
// between them, which are counted together; split by website they have all if none
// is named. The time is window (a name such as Last7Days) or from and
// to (days or RFC 3339 instants, to is not included; without it, up to the end
// of today), in timezone or the
// site's own. step defaults to the usual one of the window, or to one total
// when from and to are given or the figures are split with by. A dimension's
// name is a filter: country=DE. What is wrong is a *metric.QueryError.
func ParseQuery(v url.Values, sites []account.Site, now time.Time) (metric.Query, error) {
	var q metric.Query
	if err := known(v); err != nil {
		return q, err
	}
	var err error
	if q.Metric, err = metric.Parse(v.Get("metric")); err != nil {
		return q, err
	}
	q.By = metric.Dimension(v.Get("by"))
	var names []string
	if text := v.Get("site"); text != "" {
		names = strings.Split(text, ",")
	}
	site, err := about(&q, names, sites)
	if err != nil {
		return q, err
	}
	if q.Zone, err = zoneOf(v.Get("timezone"), site); err != nil {
		return q, err
	}
	if err := parseTime(v, &q, now); err != nil {
		return q, err
	}
	if q.Limit, err = whole(v, "limit"); err != nil {
		return q, err
	}
	if s := v.Get("bots"); s != "" {
		if q.Bots, err = strconv.ParseBool(s); err != nil {
			return q, wrong("bots=%q is neither true nor false", s)
		}
	}
	for _, d := range filtered(v) {
		for _, value := range v[string(d)] {
			q.Filters = append(q.Filters, filter(d, value, sites))
		}
	}
	return q, q.Check()
}

// about sets which sites a question is about, and is the first of them, whose zone
// and currency count.
func about(q *metric.Query, names []string, sites []account.Site) (first account.Site, err error) {
	var all []account.Site
	for _, name := range names {
		s, err := pick(name, sites)
		if err != nil {
			return first, err
		}
		all = append(all, s)
	}
	switch {
	case len(all) > 0:
	case q.By == "website" && q.Metric.Earned() && len(sites) > 0:
		all = sites
	default:
		if first, err = pick("", sites); err != nil {
			return first, err
		}
		all = []account.Site{first}
	}
	if first, q.Site = all[0], all[0].ID; len(all) == 1 {
		return first, nil
	}
	for _, s := range all {
		if q.Sites = append(q.Sites, s.ID); s.Currency != first.Currency && q.Metric.Money() {
			return first, wrong("%s of %s is in %s and of %s in %s, and nothing is converted or added across currencies: name sites of one currency", q.Metric, first.Domain, first.Currency, s.Domain, s.Currency)
		}
	}
	return first, nil
}

// filter is one that a door has read: a website may be named by its domain.
func filter(d metric.Dimension, value string, sites []account.Site) metric.Filter {
	if i := slices.IndexFunc(sites, func(s account.Site) bool { return d == "website" && s.Domain == value }); i >= 0 {
		value = sites[i].ID
	}
	return metric.Filter{Dimension: d, Value: value}
}

// filtered lists the dimensions that parameters filter on, always in the same order.
func filtered(v url.Values) (all []metric.Dimension) {
	for name := range v {
		d := metric.Dimension(name)
		if d.OfName() || slices.Contains(metric.Dimensions, d) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b metric.Dimension) int {
		return cmp.Or(cmp.Compare(slices.Index(metric.Dimensions, a), slices.Index(metric.Dimensions, b)), cmp.Compare(a, b))
	})
	return all
}

func wrong(format string, args ...any) error {
	return &metric.QueryError{Why: fmt.Sprintf(format, args...)}
}

func known(v url.Values) error {
	for name := range v {
		if !slices.Contains(Parameters, name) && len(filtered(url.Values{name: nil})) == 0 {
			return wrong("unknown parameter %q: use %s, or a filter such as country=DE, property:plan=pro or arm:price=b", name, strings.Join(Parameters, ", "))
		}
	}
	return nil
}

// pick finds a site by id or domain; "" is the only one.
func pick(name string, sites []account.Site) (account.Site, error) {
	if name == "" && len(sites) == 1 {
		return sites[0], nil
	}
	ids := make([]string, len(sites))
	for i, s := range sites {
		if name != "" && (s.ID == name || s.Domain == name) {
			return s, nil
		}
		ids[i] = s.ID
	}
	switch {
	case len(sites) == 0:
		return account.Site{}, wrong("there is no site yet: add one with footfall site add example.com")
	case name == "":
		return account.Site{}, wrong("which site? name one of %s", strings.Join(ids, ", "))
	}
	return account.Site{}, wrong("unknown site %q: use one of %s", name, strings.Join(ids, ", "))
}

// zoneOf is the named time zone, by default the site's.
func zoneOf(name string, site account.Site) (*time.Location, error) {
	if name == "" {
		return site.Location(), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, wrong("unknown time zone %q: write it like Europe/Berlin", name)
	}
	return zone, nil
}

// parseTime sets the query's Window and Step.
func parseTime(v url.Values, q *metric.Query, now time.Time) error {
	if err := setTime(q, v.Get("window"), v.Get("from"), v.Get("to"), now); err != nil {
		return err
	}
	if q.By != "" && v.Get("window") != "" {
		q.Step = period.Total
	}
	if s := v.Get("step"); s != "" {
		q.Step = period.Step(s)
	}
	return nil
}

// setTime sets the query's Window, which is a name, or from and to, and the usual step.
func setTime(q *metric.Query, window, from, to string, now time.Time) (err error) {
	switch {
	case window != "" && from == "" && to == "":
		q.Window, q.Step, err = period.Named(window, now, q.Zone)
	case window == "" && from != "":
		if to == "" {
			to = (period.DateOf(now, q.Zone) + 1).String()
		}
		if q.Window, err = period.Between(from, to, q.Zone); err == nil && !q.Window.From.Before(q.Window.To) {
			return nothing(from, to)
		}
	default:
		return wrong("which time? give either window (%s), or from, and to where it is not up to today", strings.Join(period.WindowNames(), ", "))
	}
	if err != nil {
		return wrong("%v", err)
	}
	return nil
}

// nothing is the error for days between which there are none.
func nothing(from, to string) error {
	return wrong("from %s to %s is no time: to is the day after the last", from, to)
}

func whole(v url.Values, name string) (int, error) {
	s := v.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, wrong("%s=%q is not a whole number from 0 up", name, s)
	}
	return n, nil
}

// Answer is how HTTP and the command line spell a metric.Dataset.
type Answer struct {
	Dataset []Point `json:"dataset"`
	Unit    string  `json:"unit,omitempty"` // of amounts the site's currency, ISO 4217; of rates "%"
	Source  string  `json:"source"`
	AsOf    string  `json:"as_of"` // RFC 3339, in the query's zone
	// Sealed is when the stored bins in the answer were brought up to date last.
	Sealed string `json:"sealed,omitempty"`
	// Estimate tells that distinct visitors are estimated, to about 1 %.
	Estimate bool `json:"estimate,omitempty"`
	// Experiments are those whose arms were asked for.
	Experiments []ExperimentTold `json:"experiments,omitempty"`
}

// Point is one figure of an Answer.
type Point struct {
	Series    string       `json:"series"`
	Timestamp string       `json:"timestamp"` // RFC 3339, in the query's zone
	Value     *json.Number `json:"value"`     // exact, in Answer.Unit; null: there is none, as of a rate of nothing
}

// Spell spells the answer d to q. The series of a question that is not split
// is the site's domain, or the sites', looked up in sites.
func Spell(q metric.Query, d metric.Dataset, sites []account.Site) Answer {
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	a := Answer{Dataset: make([]Point, len(d.Points)), Source: d.Source, AsOf: d.AsOf.In(zone).Format(time.RFC3339), Estimate: d.Estimate, Experiments: tellExposed(d.Exposed)}
	if !d.Sealed.IsZero() {
		a.Sealed = d.Sealed.In(zone).Format(time.RFC3339)
	}
	domain := func(id string) string {
		if i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == id }); i >= 0 {
			return sites[i].Domain
		}
		return id
	}
	if i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == q.Site }); i >= 0 {
		a.Unit = q.Metric.Unit(sites[i].Currency)
	}
	whole := domain(q.Site)
	for _, id := range q.Sites {
		if id != q.Site {
			whole += ", " + domain(id)
		}
	}
	for i, p := range d.Points {
		series := p.Series
		switch q.By {
		case "":
			series = whole
		case "website":
			series = domain(p.Series)
		}
		a.Dataset[i] = Point{series, p.Time.In(zone).Format(time.RFC3339), number(q.Metric, p)}
	}
	return a
}

// number spells a point's value; nil if it has none.
func number(m metric.Name, p metric.Point) *json.Number {
	if p.None {
		return nil
	}
	n := json.Number(m.Spell(p.Value))
	return &n
}
