package dash

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"footfall/metric"
	"footfall/period"
)

// filterGroups are the dimensions that the page offers to be filtered by.
var filterGroups = []struct {
	title key
	of    []metric.Dimension
}{
	{"Page", []metric.Dimension{"page", metric.EntryPage, metric.ExitPage, "title", "host"}},
	{"Came by", []metric.Dimension{"source", "class", "referrer"}},
	{"Campaign", []metric.Dimension{"utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term"}},
	{"Place", []metric.Dimension{"country", "region", "city", "language"}},
	{"Device", []metric.Dimension{"device", "browser", "browser_version", "os", "os_version", "screen"}},
	{"Visitors who did", did},
	{"Visitors in", []metric.Dimension{metric.Segment}},
	{"Time", []metric.Dimension{metric.Weekday, metric.HourOfDay}},
}

// suggested is how many values a filter's form offers: some to be ticked, and more for
// what is typed.
const (
	ticks     = 12
	suggested = 200
)

// filterBar is the filters in force, and those that may be added.
type filterBar struct {
	Chips  []chip
	Amiss  []string
	Groups []filterGroup
	Clear  string // URL without any filter; "" with less than two
	Saved  []link // filters that are kept under a name
	Save   string // where those in force are kept; "" where they can't be
	All    string // where all that are kept are listed
}

type filterGroup struct {
	Title string
	Links []link
}

// asking is the URL of the page with the form for a filter. It is on the page of the
// figures, wherever it is opened, and leads back.
func (s state) asking(d metric.Dimension, how comparison) string {
	s.more = nil // which is of the page that it is opened on
	v := s.values()
	path := s.path()
	if l := leafOf(path); l != nil && l.path != "/" {
		path = "/"
		v.Set("back", l.path)
	}
	v.Set("add", string(d))
	if how != comparisons[0] {
		v.Set("how", how.name)
	}
	return path + "?" + v.Encode()
}

// bar is that of a state.
func (s state) bar() filterBar {
	b := filterBar{Chips: s.chips(), Amiss: s.amiss}
	if s.beyond != "" {
		b.Amiss = append([]string{s.beyond}, b.Amiss...)
	}
	for _, g := range filterGroups {
		var links []link
		for _, d := range g.of {
			if s.filterable(d) && (d != metric.Segment || s.site.History > 0) {
				links = append(links, link{Label: s.Say(names[d]), Href: s.asking(d, comparisons[0])})
			}
		}
		if len(links) > 0 {
			b.Groups = append(b.Groups, filterGroup{s.Say(g.title), links})
		}
	}
	b.Saved, b.Save = s.savedLinks(), s.saving()
	if len(b.Saved) > 0 {
		b.All = "/filters?" + url.Values{"site": {s.site.ID}}.Encode()
	}
	if len(b.Chips) > 1 {
		none := s.without(func(filter) bool { return true })
		none.offset = 0
		b.Clear = none.href()
	}
	return b
}

// filterForm asks for a filter.
type filterForm struct {
	Name, Key string // of the dimension, for people and in the URL
	Was       string // key of the filter that is changed
	Keep      []link // the rest of the state
	Hows      []link // comparisons: Label is the words, Title the name
	Ticks     []option
	More      []link // values to be suggested: Label is how people read the value in Title
	Text      string
	Cancel    string
	Problem   string
	Trouble   string // why there are no suggestions
	Did       bool   // it is on what visitors did
}

// option is a value to be ticked.
type option struct {
	Label, Value, Figure string
	On                   bool
}

// asked is the form for the filter that a URL asks to add or change; nil: for none.
func (d *Door) asked(ctx context.Context, s state, v url.Values, trouble string) *filterForm {
	by := metric.Dimension(v.Get("add"))
	if names[by] == "" && !by.OfName() || !s.filterable(by) {
		return nil
	}
	f := filter{by: by, how: comparisonOf(v.Get("how"))}
	if at := slices.IndexFunc(s.filters, func(g filter) bool { return g.key() == f.key() }); at >= 0 {
		f = s.filters[at]
	}
	rest := s.without(func(g filter) bool { return g.key() == f.key() })
	form := &filterForm{Name: s.nameOf(by), Key: string(by), Was: f.key(), Keep: hidden(rest.values()), Problem: trouble, Did: slices.Contains(did, by)}
	form.Cancel = s.returning(v.Get("back")).href()
	if back := v.Get("back"); back != "" {
		form.Keep = append(form.Keep, link{Label: "back", Title: back})
	}
	for _, how := range comparisons {
		form.Hows = append(form.Hows, link{Label: s.Say(how.words), Title: how.name, Current: how == f.how})
	}
	for _, value := range f.values {
		form.Ticks = append(form.Ticks, option{s.labelOf(by, value), value, "", true})
	}
	if form.Text = v.Get("text"); f.how.op == metric.Contains && len(f.values) == 1 && form.Text == "" {
		form.Text, form.Ticks = f.values[0], nil
	}
	found, err := d.values(ctx, rest, by)
	form.suggest(s, found, err)
	return form
}

// values asks for the values that the dimension has in the period.
func (d *Door) values(ctx context.Context, s state, by metric.Dimension) (found metric.Dataset, err error) {
	counts := []metric.Name{s.guest.first().name}
	switch by {
	case "event":
		counts = []metric.Name{metric.Events}
	case metric.OfGoal:
		counts = []metric.Name{metric.GoalVisitors}
	case "product", "category": // a shop may send some of these alone
		counts = []metric.Name{metric.Orders, metric.CartAdds, metric.ProductViews}
	}
	x := d.span(ctx, s)
	for _, m := range counts {
		q := s.query(m, x.window, x.zone)
		q.By, q.Step, q.Limit = by, period.Total, suggested
		if by == "source" {
			q.Where = both(q.Where, s.guest.unnamed())
		}
		if found, err = d.ask(ctx, q); err != nil || found.Sum() > 0 {
			break
		}
	}
	return found, err
}

// suggest offers values.
func (f *filterForm) suggest(s state, found metric.Dataset, err error) {
	f.Trouble = s.problem(err)
	by := metric.Dimension(f.Key)
	for _, p := range found.Points {
		at := slices.IndexFunc(f.Ticks, func(t option) bool { return t.Value == p.Series })
		switch {
		case p.Value <= 0 || p.Series == "" && slices.Contains(did, by):
		case at >= 0:
			f.Ticks[at].Figure = whole(s.tongue, p.Value)
		case len(f.Ticks) < ticks:
			f.Ticks = append(f.Ticks, option{s.labelOf(by, p.Series), p.Series, whole(s.tongue, p.Value), false})
		default:
			f.More = append(f.More, link{Label: s.labelOf(by, p.Series), Title: p.Series})
		}
	}
}

// comparisonOf is the comparison of a name; the usual one if there is none.
func comparisonOf(name string) comparison {
	at := slices.IndexFunc(comparisons, func(c comparison) bool { return c.name == name })
	return comparisons[max(0, at)]
}

// set is the state with the filter that a form's fields say, in the place of the one that
// was changed; why is what is wrong with it.
func (s state) set(v url.Values) (to state, why string) {
	f := filter{metric.Dimension(v.Get("set")), comparisonOf(v.Get("how")), nil}
	for _, value := range v["value"] {
		if !slices.Contains(f.values, value) {
			f.values = append(f.values, value)
		}
	}
	if text := strings.TrimSpace(v.Get("text")); text != "" {
		if f.how.op == metric.Is {
			text = s.valueOf(f.by, text)
		}
		if !slices.Contains(f.values, text) {
			f.values = append(f.values, text)
		}
	}
	if len(f.values) == 0 {
		return s, s.Say("Tick a value, or type one.")
	}
	if why := s.wrong(f); why != "" {
		return s, why
	}
	to = s.without(func(g filter) bool { return g.key() == v.Get("was") || g.key() == f.key() })
	to.filters, to.offset = append(to.filters, f), 0
	return to.returning(v.Get("back")), ""
}

// returning is the state on the page from which a filter was asked for.
func (s state) returning(back string) state {
	if l := leafOf(back); s.guest == nil && l != nil && l.sort == figures {
		s.base = l.path
	}
	return s
}
