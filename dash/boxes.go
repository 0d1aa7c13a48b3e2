package dash

import (
	"slices"
	"strings"

	"footfall/account"
	"footfall/metric"
)

// listing is what a ranked list is of.
type listing struct {
	title   key
	by      metric.Dimension
	name    string        // in the URL; "" is the dimension's
	figures []metric.Name // the first is what the list shows and is ranked by, all are columns of its details
	more    []metric.Name // further columns of these, for which there may be no figures
	of      metric.Name   // what shares are of; "" is none
	unknown key           // what the empty value is called; "" leaves it out
}

// box is a place of the page for one of several lists.
type box struct {
	lists []listing // the first one is the default
	table bool      // it has all figures in columns
	quiet bool      // left out where there is nothing
	world bool      // with a map beside it
}

// Figures of lists.
var (
	ofVisits   = []metric.Name{metric.Visitors, metric.PageViews, metric.Sessions, metric.BounceRate}
	ofSessions = []metric.Name{metric.ViewsPerSession, metric.SessionDuration}
	ofTrade    = []metric.Name{metric.Revenue, metric.Orders, metric.CartAdds, metric.ProductViews}
	ofOrders   = []metric.Name{metric.AverageOrder, metric.Refunds, metric.Refunded}
	ofOneGoal  = []metric.Name{metric.GoalVisitors, metric.GoalCompletions, metric.GoalRate, metric.GoalValue}
)

// visited is a list of visitors.
func visited(title key, by metric.Dimension, unknown key) listing {
	return listing{title, by, "", ofVisits, ofSessions, metric.Visitors, unknown}
}

// boxes in the order of the page, where they stand in pairs if it is wide.
var boxes = []box{
	{lists: []listing{
		{"Pages", "page", "", ofVisits, append(slices.Clone(ofSessions), metric.TimeOnPage), metric.Visitors, "(no path)"},
		visited("Entry pages", metric.EntryPage, ""), visited("Exit pages", metric.ExitPage, ""),
	}},
	{lists: []listing{visited("Sources", "source", ""), visited("Channels", "class", ""), visited("Referrers", "referrer", "")}},
	{lists: []listing{visited("Countries", "country", "Unknown"), visited("Regions", "region", "Unknown"), visited("Cities", "city", "Unknown")}, world: true},
	{lists: []listing{visited("Devices", "device", "Unknown"), visited("Systems", "os", "Unknown"), visited("Versions", "os_version", "Unknown"), visited("Screens", "screen", "Unknown")}},
	{lists: []listing{visited("Browsers", "browser", "Unknown"), visited("Versions", "browser_version", "Unknown"), visited("Languages", "language", "Unknown")}},
	{lists: []listing{visited("Campaigns", "utm_campaign", ""), visited("Sources", "utm_source", ""), visited("Media", "utm_medium", ""), visited("Contents", "utm_content", ""), visited("Terms", "utm_term", "")}},
	{lists: []listing{
		{"Events", "event", "", []metric.Name{metric.Events}, nil, "", ""},
		{"Goals", metric.OfGoal, "", ofOneGoal, nil, metric.Visitors, "none"},
		{"Downloads", "page", "downloads", []metric.Name{metric.Downloads}, nil, metric.Downloads, "(no path)"},
	}},
	{lists: []listing{{"Products", "product", "", ofTrade, ofOrders, "", "unknown"}, {"Categories", "category", "", ofTrade, ofOrders, "", "unknown"}}, table: true, quiet: true},
}

// key names the list in the URL: two of them are by page.
func (li listing) key() string {
	if li.name != "" {
		return li.name
	}
	return string(li.by)
}

// part is what the list belongs to.
func (li listing) part() account.Part {
	switch {
	case !slices.Contains(did, li.by):
		return account.TheBoard
	case slices.Contains(metric.Traded, li.figures[0]):
		return account.Money
	}
	return account.Doings
}

// shown are the boxes that a state has.
func (s state) shown() []box {
	if s.guest == nil {
		return boxes
	}
	var all []box
	for _, b := range boxes {
		var lists []listing
		for _, li := range b.lists {
			if li, shown := s.guest.of(li); shown {
				lists = append(lists, li)
			}
		}
		if b.lists = lists; len(lists) > 0 {
			all = append(all, b)
		}
	}
	return all
}

// find is the box of a list, and the list; false if there is no list of the name.
func (s state) find(name string) (b box, li listing, ok bool) {
	for _, b := range s.shown() {
		for _, li := range b.lists {
			if li.key() == name {
				return b, li, true
			}
		}
	}
	return s.armsNamed(name)
}

// only is which values the list leaves out, as a condition; nil is none. Of sources
// those that are steps within a visit are: the site's own pages, and the empty source,
// but of those who came without a referrer.
func (li listing) only(s state) *metric.Where {
	not := func(values ...string) metric.Where {
		return metric.Where{Not: &metric.Where{Dimension: li.by, Op: metric.Is, Values: values}}
	}
	switch {
	case li.by == "source":
		told := metric.Where{Any: []metric.Where{not(s.ownSources()...), {Dimension: "class", Op: metric.Is, Values: []string{direct}}}}
		if unnamed := s.guest.unnamed(); unnamed != nil {
			told = metric.Where{All: []metric.Where{told, *unnamed}}
		}
		return &told
	case li.unknown == "":
		w := not("")
		return &w
	}
	return nil
}

// direct is the class of those who came without a referrer.
const direct = "direct"

// ownSources are the sources that the site itself is.
func (s state) ownSources() []string {
	return append([]string{"", s.site.Domain, strings.TrimPrefix(s.site.Domain, "www.")}, s.site.Internal...)
}

// row is the line of a value; following it filters by the value, or stops doing so.
func (li listing) row(s state, value string) row {
	by, label := li.by, s.labelOf(li.by, value)
	switch {
	case by == "source" && value == "":
		by, value, label = "class", direct, s.Say("Direct")
	case value == "":
		label = s.Say(li.unknown)
	}
	to, current := s.on(by, value), s.filtered(by, value)
	if current {
		to = s.off(by)
		to.offset = 0
	}
	r := row{link: link{Label: label, Href: to.href(), Title: value, Current: current}}
	if by == "country" {
		r.Code = value
		if r.Code == "" {
			r.Code = "–"
		}
	}
	return r
}

var names = map[metric.Dimension]key{"page": "Page", "source": "Source", "class": "Channel", "country": "Country", "device": "Device",
	"browser": "Browser", "os": "System", "host": "Host", "referrer": "Referrer", "utm_source": "Campaign source", "utm_medium": "Campaign medium",
	"utm_campaign": "Campaign", "utm_term": "Campaign term", "utm_content": "Campaign content", "bot": "Bot", "channel": "Sent by",
	"event": "Event", "title": "Title", "region": "Region", "city": "City", "browser_version": "Browser version", "os_version": "System version",
	"language": "Language", "screen": "Screen", "product": "Product", "category": "Category", metric.EntryPage: "Entry page", metric.ExitPage: "Exit page",
	metric.Weekday: "Weekday", metric.HourOfDay: "Hour of day", metric.Segment: "Segment", metric.OfGoal: "Goal"}

// sorts are values of dimensions that have a name in each language: of sources and devices.
var sorts = []key{"Affiliate", "Search", "Social", "AI", "Email", "Campaign", "Internal", "Direct", "Other", "Invalid", "Spam", "Desktop", "Mobile", "Phone", "Tablet", "TV"}

var weekdays = [...]key{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// labelOf spells a value for people.
func (l tongue) labelOf(d metric.Dimension, value string) string {
	_, property := d.Property()
	switch {
	case value == "" && property:
		return l.Say("not set")
	case value == "" && d == metric.Segment:
		return l.Say("none")
	case value == "":
		return l.Say("unknown")
	case d == "country":
		return l.country(value)
	case d == "device" && value == "tv":
		return l.Say("TV")
	case d == "class" && value == "ai":
		return l.Say("AI")
	case d == "device" || d == "class":
		name := key(strings.ToUpper(value[:1]) + value[1:])
		if slices.Contains(sorts, name) {
			return l.Say(name)
		}
		return string(name)
	case d == metric.Weekday && len(value) == 1 && value >= "1" && value <= "7":
		return l.Say(weekdays[value[0]-'1'])
	case d == metric.HourOfDay && len(value) == 2:
		return value + ":00"
	}
	return value
}

// valueOf is the value of which people write the label, in any case.
func (l tongue) valueOf(d metric.Dimension, label string) string {
	same := func(value string) bool { return strings.EqualFold(l.labelOf(d, value), label) }
	switch d {
	case "country":
		for code := range countryNames() {
			if same(code) {
				return code
			}
		}
		if len(label) == 2 {
			return strings.ToUpper(label)
		}
	case "device", "class":
		if at := slices.IndexFunc(sorts, func(name key) bool { return same(strings.ToLower(string(name))) }); at >= 0 {
			label = string(sorts[at])
		}
		return strings.ToLower(label)
	case metric.Weekday:
		for i := range weekdays {
			if value := string(rune('1' + i)); same(value) {
				return value
			}
		}
	case metric.HourOfDay:
		return strings.TrimSuffix(label, ":00")
	}
	return label
}
