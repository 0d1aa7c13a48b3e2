package dash

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"footfall/metric"
	"footfall/period"
)

// box is a ranked list of the page.
type box struct {
	title, unit string
	by          metric.Dimension
	counts      metric.Name
	unknown     string  // label of the empty value
	tabs        []finer // what else the box can be split by
}

// finer is a box split by something else.
type finer struct {
	title string
	by    metric.Dimension
}

// boxes stand in pairs on a wide page: long ones beside long ones.
var boxes = []box{
	{"Top pages", "Page views", "page", metric.PageViews, "(no path)", nil},
	{"Sources", "Visitors", "source", metric.Visitors, "", nil},
	{"Countries", "Visitors", "country", metric.Visitors, "Unknown", []finer{{"Regions", "region"}, {"Cities", "city"}}},
	{"Browsers", "Visitors", "browser", metric.Visitors, "Unknown", []finer{{"Versions", "browser_version"}, {"Languages", "language"}}},
	{"Devices", "Visitors", "device", metric.Visitors, "Unknown", []finer{{"Systems", "os"}, {"Versions", "os_version"}, {"Screens", "screen"}}},
	{"Downloads", "Downloads", "page", metric.Downloads, "(no path)", nil},
}

// rowsShort and rowsFull are the most rows of a list, and of one shown in full.
const (
	rowsShort = 8
	rowsFull  = 200
)

type list struct {
	Title, Unit string
	Tabs        []link // what it may be split by, if there is a choice
	Rows        []row
	More        string // URL of the whole list, "" if this is all
	Less        string // URL without it
	CSV         string // URL of all rows as a file
	Full        bool
	Problem     string
	counts      metric.Name
}

type row struct {
	link
	Code         string // of a country
	Value, Share string
	Bar          int // length in percent of the longest
	n            int64
}

// choose is the box split by what the URL says, and the tabs to choose by.
func (b box) choose(s state) (box, []link) {
	if b.tabs == nil {
		return b, nil
	}
	all := append([]finer{{b.title, b.by}}, b.tabs...)
	chosen := all[0]
	for _, t := range b.tabs {
		if slices.Contains(s.tabs, t.by) {
			chosen = t
		}
	}
	links := make([]link, len(all))
	for i, t := range all {
		to := s
		to.tabs = slices.DeleteFunc(slices.Clone(s.tabs), func(by metric.Dimension) bool {
			return slices.ContainsFunc(b.tabs, func(other finer) bool { return other.by == by })
		})
		if i > 0 {
			to.tabs = append(to.tabs, t.by)
		}
		if s.detail == chosen.by {
			to.detail = t.by
		}
		links[i] = link{Label: t.title, Href: to.href(), Current: t == chosen}
	}
	b.by = chosen.by
	return b, links
}

// list asks for one box.
func (d *Door) list(ctx context.Context, s state, x span, b box) list {
	b, tabs := b.choose(s)
	l := list{Title: b.title, Unit: b.unit, Tabs: tabs, counts: b.counts, Full: s.detail == detailOf(b)}
	limit := rowsShort
	if l.Full {
		limit = rowsFull
	}
	var err error
	l.Rows, err = d.rows(ctx, s, x, b, limit+1)
	if l.Problem = problem(err); len(l.Rows) > 0 {
		l.CSV = s.file(b)
	}
	l.cut(s, b, limit)
	return l
}

// rows are the most so many, or all if that is zero, of a box. With an error there
// may be some.
func (d *Door) rows(ctx context.Context, s state, x span, b box, most int) (rows []row, err error) {
	q := s.query(b.counts, x.window, x.zone)
	q.By, q.Step, q.Limit = b.by, period.Total, most
	if b.by == "source" && most > 0 {
		q.Limit += 2 + len(s.site.Internal) // which are taken out again
	}
	set, err := d.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, p := range set.Points {
		if p.Value > 0 {
			rows = append(rows, b.row(s, p.Series, p.Value))
		}
	}
	if b.by == "source" {
		return d.direct(ctx, s, x, rows)
	}
	return rows, nil
}

// cut keeps the first limit rows and makes the link to all of them, or back.
func (l *list) cut(s state, b box, limit int) {
	to := s
	if l.Full {
		to.detail = ""
		l.Less = to.href()
	} else if len(l.Rows) > limit {
		to.detail = detailOf(b)
		l.More = to.href()
	}
	l.Rows = l.Rows[:min(limit, len(l.Rows))]
	for i := range l.Rows {
		l.Rows[i].Bar = int(max(1, 100*l.Rows[i].n/l.Rows[0].n))
	}
}

// detailOf names the box in the URL; two of them are split by page.
func detailOf(b box) metric.Dimension {
	if b.counts == metric.Downloads {
		return "downloads"
	}
	return b.by
}

// direct makes a list of sources one of how people came: the site's own pages
// and the empty source (both are steps within a visit, too) go, and those who
// came without a referrer are counted as a class.
func (d *Door) direct(ctx context.Context, s state, x span, rows []row) ([]row, error) {
	own := append([]string{"", s.site.Domain, strings.TrimPrefix(s.site.Domain, "www.")}, s.site.Internal...)
	rows = slices.DeleteFunc(rows, func(r row) bool { return slices.Contains(own, r.Title) })
	q := s.query(metric.Visitors, x.window, x.zone)
	q.Filters = append(slices.Clone(q.Filters), metric.Filter{Dimension: "class", Value: "direct"})
	set, err := d.ask(ctx, q)
	if err != nil || set.Sum() == 0 {
		return rows, err
	}
	r := box{by: "class"}.row(s, "direct", set.Sum())
	r.Label = "Direct"
	at, _ := slices.BinarySearchFunc(rows, r, func(a, b row) int { return int(max(-1, min(1, b.n-a.n))) })
	return slices.Insert(rows, at, r), nil
}

// row is one line; following it filters by its value, or stops doing so.
func (b box) row(s state, value string, n int64) row {
	to := s.on(b.by, value)
	current := s.filtered(b.by, value)
	if current {
		to = s.off(b.by)
	}
	label := labelOf(b.by, value)
	if value == "" {
		label = b.unknown
	}
	r := row{link: link{Label: label, Href: to.href(), Title: value, Current: current}, Value: whole(n), n: n}
	if b.by == "country" {
		r.Code = cmp.Or(value, "–")
	}
	return r
}

// share fills in each row's part of the total, unless that failed.
func (l *list) share(total *total) {
	if total.err != nil || total.N == 0 {
		return
	}
	for i, r := range l.Rows {
		l.Rows[i].Share = percent(share(r.n, total.N))
	}
}

var names = map[metric.Dimension]string{"page": "Page", "source": "Source", "class": "Came by", "country": "Country", "device": "Device",
	"browser": "Browser", "os": "System", "host": "Host", "referrer": "Referrer", "utm_source": "Campaign source", "utm_medium": "Campaign medium",
	"utm_campaign": "Campaign", "utm_term": "Campaign term", "utm_content": "Campaign content", "bot": "Bot", "channel": "Channel",
	"event": "Event", "title": "Title", "region": "Region", "city": "City", "browser_version": "Browser", "os_version": "System",
	"language": "Language", "screen": "Screen"}

// labelOf spells a value for people.
func labelOf(d metric.Dimension, value string) string {
	switch {
	case value == "":
		return "unknown"
	case d == "country":
		return country(value)
	case d == "device" && value == "tv":
		return "TV"
	case d == "device" || d == "class":
		return strings.ToUpper(value[:1]) + value[1:]
	}
	return value
}

// filters are the chips of the filters in force.
func filters(s state) []link {
	var chips []link
	for _, f := range s.filters {
		label := labelOf(f.Dimension, f.Value)
		to := s
		to.filters = slices.DeleteFunc(slices.Clone(s.filters), func(g metric.Filter) bool { return g == f })
		chips = append(chips, link{Label: names[f.Dimension] + " is " + label, Href: to.href()})
	}
	return chips
}
