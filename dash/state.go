package dash

import (
	"cmp"
	"maps"
	"net/url"
	"slices"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// state is everything a page depends on. It lives in the URL.
type state struct {
	site    account.Site
	period  string      // name of a window
	compare string      // with what: "", lastYear or noCompare
	dates   bool        // compared by the date, whatever the weekdays
	step    period.Step // of the chart, if it is not the usual one
	metric  string      // in the chart: one of cells

	filters []metric.Filter
	detail  metric.Dimension   // the list shown in full; "" is none
	tabs    []metric.Dimension // what boxes are split by instead of their first

	from, to period.Date // days instead of the period, to not included; none if both are zero

	base   string     // path of the page; "" is "/"
	more   url.Values // what only that page knows
	origin string     // how people reach this server
	token  string     // of the share that shows it; "" is none
	sums   bool       // who asks may see the account of all sites' events
}

// readState reads a URL leniently: what it does not know is the default. There
// must be at least one site.
func readState(v url.Values, sites []account.Site) state {
	s := state{site: sites[0], metric: string(cells[0].name), detail: metric.Dimension(v.Get("detail"))}
	for _, site := range sites {
		if site.ID == v.Get("site") {
			s.site = site
		}
	}
	s.readPeriod(v)
	s.metric = string(figureOf(v.Get("metric")).name)
	for _, d := range metric.Dimensions {
		for _, value := range v[string(d)] {
			s.filters = append(s.filters, metric.Filter{Dimension: d, Value: value})
		}
	}
	for _, b := range boxes {
		for _, t := range b.tabs {
			if slices.Contains(v["tab"], string(t.by)) {
				s.tabs = append(s.tabs, t.by)
			}
		}
	}
	return s
}

// href is the URL of the state.
func (s state) href() string { return s.path() + "?" + s.values().Encode() }

func (s state) path() string { return cmp.Or(s.base, "/") }

func (s state) values() url.Values {
	v := url.Values{"site": {s.site.ID}}
	s.writePeriod(v)
	if s.metric != string(cells[0].name) {
		v.Set("metric", s.metric)
	}
	if s.detail != "" {
		v.Set("detail", string(s.detail))
	}
	for _, by := range s.tabs {
		v.Add("tab", string(by))
	}
	for _, f := range s.filters {
		v.Add(string(f.Dimension), f.Value)
	}
	maps.Copy(v, s.more)
	return v
}

// on is the state filtered to one value of a dimension.
func (s state) on(d metric.Dimension, value string) state {
	s = s.off(d)
	s.filters = append(s.filters, metric.Filter{Dimension: d, Value: value})
	s.detail = ""
	return s
}

// off is the state without the filters on a dimension.
func (s state) off(d metric.Dimension) state {
	s.filters = slices.DeleteFunc(slices.Clone(s.filters), func(f metric.Filter) bool { return f.Dimension == d })
	return s
}

func (s state) filtered(d metric.Dimension, value string) bool {
	return slices.Contains(s.filters, metric.Filter{Dimension: d, Value: value})
}
