package dash

import (
	"cmp"
	"maps"
	"net/url"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// bounceRate is what the dashboard shows of Bounces: their share of Sessions.
const bounceRate = "BounceRate"

// state is everything a page depends on. It lives in the URL.
type state struct {
	site   account.Site
	period string // name of a window
	metric string // in the chart: one of cells

	filters []filter
	only    []metric.Filter // what is counted besides, which is not in the URL
	amiss   []string        // what is wrong with those that the URL has besides, for people
	tabs    []string        // names of the lists that boxes show instead of their first
	detail  string          // name of the list that has the page to itself; "" is none
	search  string          // what its rows contain
	order   order           // of its rows; the zero value is the usual one
	offset  int             // its rows before the first one shown

	from, to period.Date // days instead of the period, to not included; none if both are zero

	base  string     // path of the page; "" is "/"
	more  url.Values // what only that page knows
	token string     // of the share that shows it; "" is none
	sums  bool       // who asks may see the account of all sites' events
}

// choices of the period, the first one is the default.
var choices = []struct{ name, label, long string }{
	{"Last30Days", "30 d", "Last 30 days"}, {"Last24Hours", "24 h", "Last 24 hours"}, {"Last7Days", "7 d", "Last 7 days"},
	{"Last90Days", "90 d", "Last 90 days"}, {"Last365Days", "365 d", "Last 365 days"},
}

// readState reads a URL leniently: what it does not know is the default. There
// must be at least one site.
func readState(v url.Values, sites []account.Site) state {
	s := state{site: sites[0], period: choices[0].name, metric: cells[0].name}
	for _, site := range sites {
		if site.ID == v.Get("site") {
			s.site = site
		}
	}
	for _, c := range choices {
		if c.name == v.Get("period") {
			s.period = c.name
		}
	}
	for _, c := range cells {
		if c.name == v.Get("metric") {
			s.metric = c.name
		}
	}
	s.readDates(v)
	s.readFilters(v)
	s.readLists(v)
	return s
}

// href is the URL of the state.
func (s state) href() string { return s.path() + "?" + s.values().Encode() }

func (s state) path() string { return cmp.Or(s.base, "/") }

func (s state) values() url.Values {
	v := url.Values{"site": {s.site.ID}}
	if s.own() {
		v.Set("from", s.from.String())
		v.Set("to", s.to.String())
	} else if s.period != choices[0].name {
		v.Set("period", s.period)
	}
	if s.metric != cells[0].name {
		v.Set("metric", s.metric)
	}
	s.writeLists(v)
	for _, f := range s.filters {
		v[f.key()] = f.values
	}
	maps.Copy(v, s.more)
	return v
}

// live is where the page hears that its figures change: who is there now, and what
// of the period is in most of its boxes. The page of a site that has nothing yet
// waits for anything at all.
func (s state) live(empty bool) string {
	v := url.Values{"site": {s.site.ID}, "metric": {current + "," + string(metric.PageViews) + "," + string(metric.Downloads)}, "step": {"total"}}
	switch {
	case empty:
		v.Set("metric", string(metric.PageViews))
		v.Set("bots", "true")
		v.Set("from", "1970-01-01")
	case s.own():
		v.Set("from", s.from.String())
		v.Set("to", s.to.String())
	default:
		v.Set("window", s.period)
	}
	if s.token != "" {
		v.Set("token", s.token)
	}
	return "/v1/live?" + v.Encode()
}
