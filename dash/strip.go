package dash

import (
	"cmp"
	"net/url"
	"strings"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// cell is one of the big numbers.
type cell struct {
	link
	ID            string
	Value, Unit   string
	Change, Sense string // Sense is good, bad or flat
	Problem       string
	Figure        string // is told anew by /v1/live under this name; "" is not
	Known         *evidence
}

// number is what a cell may show.
type number struct {
	name   metric.Name
	label  key
	down   bool         // less of it is better
	from   int          // figures of one number are asked for together: those of 0 are in bins and hot buckets, those of 1, of sessions, in bins alone, so that days with events since the roll are counted from these; those of 4 are counted from events
	always bool         // shown also where the site has none
	of     account.Part // that it belongs to; "" is the board
}

// part is what a figure belongs to.
func (f number) part() account.Part { return cmp.Or(f.of, account.TheBoard) }

// figures of the strip, the first one is the default of the chart.
var cells = []number{
	{name: metric.Visitors, label: "Visitors", always: true},
	{name: metric.PageViews, label: "Page views", always: true},
	{name: metric.Sessions, label: "Sessions", from: 1, always: true},
	{name: metric.ViewsPerSession, label: "Views per session", from: 1, always: true},
	{name: metric.BounceRate, label: "Bounce rate", from: 1, down: true, always: true},
	{name: metric.SessionDuration, label: "Session duration", from: 1, always: true},
	{name: metric.Downloads, label: "Downloads"},
	{name: metric.Events, label: "Events", of: account.Doings},
	{name: metric.Orders, label: "Orders", of: account.Money},
	{name: metric.Revenue, label: "Revenue", of: account.Money},
	{name: metric.GoalRate, label: "Conversion rate", from: 4, of: account.Doings},
	{name: metric.GoalCompletions, label: "Goal completions", from: 4, of: account.Doings},
}

// ofGoals is the number of the figures that only a site with goals has.
const ofGoals = 4

// figureOf is the figure of the chart.
func figureOf(name string) number {
	for _, f := range cells {
		if string(f.name) == name {
			return f
		}
	}
	return cells[0]
}

// groups are the metrics that are asked for together.
func (s state) groups(goals bool) (all [][]metric.Name) {
	at := map[int]int{}
	for _, f := range cells {
		if !s.guest.sees(f) || f.from == ofGoals && !goals {
			continue
		}
		i, ok := at[f.from]
		if !ok {
			i = len(all)
			at[f.from] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], f.name)
	}
	return all
}

// strip makes the big numbers of those figures that the site has.
func strip(s state, x span, totals map[metric.Name]*total) (made []cell) {
	for _, f := range cells {
		t := totals[f.name]
		if t == nil || !f.always && t.err == nil && s.metric != string(f.name) && t.nothing(f, totals) {
			continue
		}
		to := s
		to.metric = string(f.name)
		c := cell{link: link{Label: s.Say(f.label), Href: to.href(), Current: s.metric == string(f.name)}, ID: strings.ToLower(string(f.name))}
		if c.Problem = s.problem(t.err); c.Problem == "" {
			c.fill(s.tongue, f, t, s.site.Currency)
			c.Known = know(s, x, f, t)
			c.Title = c.Known.Exact
		}
		made = append(made, c)
	}
	return made
}

// nothing reports whether the site has none of a figure, now and before. Events are
// there if some of them are no page views.
func (t *total) nothing(f number, totals map[metric.Name]*total) bool {
	if views := totals[metric.PageViews]; f.name == metric.Events && views != nil {
		return t.N <= views.N
	}
	return t.N == 0 && t.before.N == 0 && t.over.N == 0
}

func (c *cell) fill(l tongue, f number, t *total, currency string) {
	c.Value, c.Unit = l.inBrief(f.name, t.Value, currency)
	c.moved(l, f.name, t.over, t.before, f.down)
}

// moved says how a figure moved; down: less of it is better.
func (c *cell) moved(l tongue, m metric.Name, now, before metric.Value, down bool) {
	if now.None || before.None {
		return
	}
	text, sense := l.changeOf(m, now, before)
	good := map[string]string{"up": "good", "down": "bad", "flat": "flat"}
	if down {
		good["up"], good["down"] = "bad", "good"
	}
	c.Change, c.Sense = text, good[sense]
}

// question is a figure of the page as GET /v1/query is asked for it.
func (s state) question(m metric.Name, x span) url.Values {
	v := url.Values{"site": {s.site.ID}, "metric": {string(m)}}
	switch {
	case s.own() || s.period == allTime && x.from > 0:
		v.Set("from", x.from.String())
		v.Set("to", x.to.String())
	default:
		v.Set("window", s.period)
	}
	single, _ := s.conditions()
	for _, f := range single {
		v.Add(string(f.Dimension), f.Value)
	}
	return v
}

// doors are short names of where figures come from.
var doors = map[string]key{"bins": "bins", "hot": "hot buckets", "events": "events"}

// counted names where figures came from.
func (l tongue) counted(source string) string {
	var all []string
	for _, name := range strings.Split(source, "+") {
		all = append(all, l.Say(cmp.Or(doors[name], key(name))))
	}
	return strings.Join(all, " + ")
}

// live is where the page hears that its figures change: who is there now, and what
// of the period is in most of its boxes. The page of a site that has nothing yet
// waits for anything at all; the realtime page for each minute.
func (s state) live(x span, empty bool) string {
	s.filters, s.only = nil, nil
	v := s.question("", x)
	v.Set("metric", s.guest.heard(current, string(metric.PageViews), string(metric.Downloads)))
	v.Set("step", "total")
	switch {
	case empty:
		v = url.Values{"site": {s.site.ID}, "metric": {string(metric.PageViews)}, "step": {"total"}, "bots": {"true"}, "from": {"1970-01-01"}}
	case s.period == realtime && !s.own():
		v.Set("metric", s.guest.heard(current, string(metric.PageViews)))
		v.Set("step", string(period.Minute))
	}
	if s.guest != nil {
		v.Set("token", s.guest.token)
	}
	return "/v1/live?" + v.Encode()
}
