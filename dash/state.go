package dash

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/sheet"
)

// state is everything a page depends on. It lives in the URL.
type state struct {
	tongue // of who asks: the one thing that is not in the URL

	site    account.Site
	period  string      // name of a window
	compare string      // with what: "", lastYear or noCompare
	dates   bool        // compared by the date, whatever the weekdays
	step    period.Step // of the chart, if it is not the usual one
	metric  string      // in the chart: one of cells

	filters []filter
	only    []metric.Filter // what is counted besides, which is not in the URL
	amiss   []string        // what is wrong with those that the URL has besides, for people
	tabs    []string        // names of the lists that boxes show instead of their first
	detail  string          // name of the list that has the page to itself; "" is none
	search  string          // what its rows contain
	order   order           // of its rows; the zero value is the usual one
	offset  int             // its rows before the first one shown

	from, to period.Date // days instead of the period, to not included; none if both are zero
	beyond   string      // what is wrong with those that the URL has, for people

	saved []account.SavedFilters // that who looks at it may choose
	keeps bool                   // who looks at it may keep some
	as    string                 // what files are written in, of sheet.Formats; it is in no other page's URL

	base   string     // path of the page; "" is "/"
	more   url.Values // what only that page knows
	origin string     // how people reach this server
	guest  *guest     // who sees it without an account; nil: somebody who has one
	sums   bool       // who asks may see the account of all sites' events
}

// readState reads a URL leniently: what it does not know is the default. There
// must be at least one site.
func readState(l tongue, v url.Values, sites []account.Site, now time.Time) state {
	s := state{tongue: l, metric: string(cells[0].name)}
	at := slices.IndexFunc(sites, func(site account.Site) bool { return site.ID == v.Get("site") })
	s.site = sites[max(at, 0)]
	if s.as = v.Get("format"); sheet.Formats[s.as] == "" {
		s.as = "csv"
	}
	s.readPeriod(v, now)
	s.metric = string(figureOf(v.Get("metric")).name)
	s.readFilters(v)
	if asked := v.Get("site"); at < 0 && asked != "" {
		s.amiss = append(s.amiss, s.Say("There is no site “{asked}” for you: these are the figures of {site}.", cut(asked), s.site.Domain))
	}
	s.readLists(v)
	s.amiss = append(s.amiss, s.unknown(v)...)
	return s
}

// href is the URL of the state.
func (s state) href() string { return s.path() + "?" + s.values().Encode() }

func (s state) path() string { return cmp.Or(s.base, "/") }

func (s state) values() url.Values {
	v := url.Values{}
	if s.guest == nil || s.guest.kept == nil {
		v.Set("site", s.site.ID)
	}
	s.writePeriod(v)
	if s.metric != string(s.guest.first().name) {
		v.Set("metric", s.metric)
	}
	s.writeLists(v)
	for _, f := range s.filters {
		v[f.key()] = f.values
	}
	maps.Copy(v, s.more)
	if s.guest != nil {
		maps.Copy(v, s.guest.kept)
	}
	return v
}
