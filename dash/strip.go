package dash

import (
	"cmp"
	"net/url"
	"strings"
	"time"

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

// evidence answers "how do you know?" of a figure.
type evidence struct {
	ID, Label                           string
	Exact, Window, Before, BeforeWindow string
	Part                                string // of the window that is compared, where it is not the whole; with its figure
	Meaning, Source, Precision, AsOf    string
	Curl, Answer                        string // Answer is the URL of the same question at the API, "" if one may not ask there
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

// know tells how a figure is known.
func know(s state, x span, f number, t *total) *evidence {
	k := &evidence{ID: "known-" + string(f.name), Label: s.Say(f.label), Exact: s.exact(f.name, t.Value, s.site.Currency), Window: s.words(x.window, x.zone), Meaning: s.Say(key(f.name.Meaning())),
		Source: s.sources(t.told), AsOf: s.moments(t.told.AsOf, x.zone)}
	k.Precision = s.Say("exact")
	if t.told.Estimate && f.name == metric.Visitors {
		k.Precision = s.Say("an estimate, less than 1 % off in 98 of 100 cases")
	}
	now, before := x.fair()
	if !t.before.None {
		k.Before, k.BeforeWindow = s.exact(f.name, t.before, s.site.Currency), s.words(before, x.zone)
		if now != x.window {
			k.Part = s.Say("{figure} in the days that are over, {days}", s.exact(f.name, t.over, s.site.Currency), s.words(now, x.zone))
		}
	}
	v := s.question(f.name, x)
	v.Set("step", "total")
	k.ask(s, v)
	return k
}

// ask says how the same question is put to the API, if a URL can ask it.
func (k *evidence) ask(s state, v url.Values) {
	if _, others := s.conditions(); others != nil {
		return
	}
	k.Curl = "curl -H 'Authorization: Bearer ffk_…' '" + s.origin + "/v1/query?" + shell(v.Encode()) + "'"
	if s.guest == nil {
		k.Answer = "/v1/query?" + v.Encode()
	}
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

// shell is a text that may stand between single quotes of a shell; a query string
// has none by itself.
func shell(text string) string { return strings.ReplaceAll(text, "'", "%27") }

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

// sources says in words where figures came from.
func (l tongue) sources(t metric.Table) string {
	var all []string
	for _, name := range strings.Split(t.Source, "+") {
		all = append(all, l.Say(cmp.Or(map[string]key{"bins": "bins, the figures of each day that are kept ready",
			"hot": "hot buckets, what came since these were made", "events": "the events themselves, one by one"}[name], key(name))))
	}
	return strings.Join(all, "; ")
}

// moments spells a moment of today to the second.
func (l tongue) moments(t time.Time, zone *time.Location) string {
	return l.Date(t.In(zone), "2 January 2006, 15:04:05")
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
