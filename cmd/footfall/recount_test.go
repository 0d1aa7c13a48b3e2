package main

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// thing is something that happened, as a raw file tells it; recount counts things in
// plain Go, and knows nothing of stores, bins and SQL.
type thing struct {
	at             time.Time
	who            string // the visitor; "" is unknown
	known          string // whose history it is in; "" is nobody's
	view, download bool
	trade          string // name of the trade event
	amount         int64  // thousandths of the site's currency
	lines          []lineSold
	of             map[metric.Dimension]string // what is said of it, by dimension and property
	counts         map[metric.Name]int64       // what it counts for, of any line
	goals          []reached
}

// lineSold is a line of a trade event.
type lineSold struct {
	product, category string
	amount            int64
}

// recounted is figures by the value of a dimension and by metric.
type recounted map[string]map[metric.Name]int64

// recount is everything that happened in a window, to be counted by any dimension.
type recount struct {
	things   []*thing
	segments map[string][]string // by whose history it is
	goals    []reached
}

// reached is a goal: of what, and what a completion is worth in thousandths.
type reached struct {
	name  string
	worth int64
	by    func(*thing) bool
}

// newRecount finds the sessions and what each thing counts for.
func newRecount(things []*thing, zone *time.Location, segments map[string][]string, goals []reached) *recount {
	slices.SortStableFunc(things, func(a, b *thing) int { return a.at.Compare(b.at) })
	sessions := map[string][][]*thing{}
	for _, t := range things {
		t.counts, t.goals = map[metric.Name]int64{metric.Events: 1}, nil
		local := t.at.In(zone)
		t.of[metric.HourOfDay] = fmt.Sprintf("%02d", local.Hour())
		t.of[metric.Weekday] = fmt.Sprint((int(local.Weekday())+6)%7 + 1)
		if t.download {
			t.counts[metric.Downloads] = 1
		}
		switch t.trade {
		case "Product Viewed":
			t.counts[metric.ProductViews] = 1
		case "Product Added":
			t.counts[metric.CartAdds] = 1
		case "Order Completed":
			t.counts[metric.Orders], t.counts[metric.Revenue] = 1, t.amount
		case "Order Refunded":
			t.counts[metric.Refunds], t.counts[metric.Refunded] = 1, t.amount
		}
		if t.view {
			t.counts[metric.PageViews] = 1
			t.visit(sessions)
		}
	}
	for _, t := range things {
		t.inSession(sessions[t.who])
	}
	for _, t := range things {
		for _, g := range goals {
			if g.by(t) {
				t.goals = append(t.goals, g)
				t.counts[metric.GoalCompletions]++
				t.counts[metric.GoalValue] += g.worth
			}
		}
	}
	return &recount{things, segments, goals}
}

// visit puts a page view into the visitor's session, or begins one.
func (t *thing) visit(sessions map[string][][]*thing) {
	if t.who == "" {
		return
	}
	all := sessions[t.who]
	if n := len(all); n == 0 || t.at.Sub(all[n-1][len(all[n-1])-1].at) > 30*time.Minute {
		t.counts[metric.Sessions], t.counts[metric.Bounces], t.counts[metric.SessionViews] = 1, 1, 1
		sessions[t.who] = append(all, []*thing{t})
		return
	}
	session := all[len(all)-1]
	first, before := session[0], session[len(session)-1]
	if t.at.Sub(first.at) > 24*time.Hour {
		panic("a session of more than a day, of which the recount knows nothing")
	}
	first.counts[metric.Bounces] = 0
	first.counts[metric.SessionViews]++
	first.counts[metric.SessionSeconds] = t.at.Sub(first.at).Milliseconds()
	before.counts[metric.TimedViews], before.counts[metric.PageSeconds] = 1, t.at.Sub(before.at).Milliseconds()
	all[len(all)-1] = append(session, t)
}

// inSession tells which session it is in: that of the visitor's last page view before
// it, if that is at most half an hour ago.
func (t *thing) inSession(sessions [][]*thing) {
	for _, session := range sessions {
		near := slices.ContainsFunc(session, func(view *thing) bool { return !view.at.After(t.at) && t.at.Sub(view.at) <= 30*time.Minute })
		if near && !session[0].at.After(t.at) {
			t.of[metric.EntryPage], t.of[metric.ExitPage] = session[0].of["page"], session[len(session)-1].of["page"]
		}
	}
}

// by counts everything by a dimension; "" is one row.
func (r *recount) by(d metric.Dimension) recounted {
	if d == metric.OfGoal {
		return r.byGoal()
	}
	all, visitors, reached := recounted{}, whoBy{}, whoBy{}
	_, arms := d.Arm() // of which visitors are those with any event
	for _, t := range r.things {
		if d == "product" || d == "category" {
			for value, amount := range t.parts(d) {
				all.add(value, t, amount)
			}
			continue
		}
		values := []string{t.of[d]}
		if d == metric.Segment && len(r.segments[t.known]) > 0 && t.known != "" {
			values = r.segments[t.known]
		}
		for _, value := range values {
			all.add(value, t, t.amount)
			if t.view || arms {
				all[value][metric.Visitors] = visitors.add(value, t.who)
				all[value][metric.GoalAudience] = all[value][metric.Visitors]
			}
			if len(t.goals) > 0 {
				all[value][metric.GoalVisitors] = reached.add(value, t.who)
			}
		}
	}
	return all
}

// byGoal counts everything by the goals it reaches. Visitors are then those who reach
// them, by whatever they do, and the audience is everybody's.
func (r *recount) byGoal() recounted {
	all, reached, audience := recounted{}, whoBy{}, whoBy{}
	for _, t := range r.things {
		if t.view {
			audience.add("", t.who)
		}
		for _, g := range t.goals {
			all.add(g.name, t, t.amount)
			all[g.name][metric.GoalCompletions] += 1 - t.counts[metric.GoalCompletions] // of this goal, and not of all
			all[g.name][metric.GoalValue] += g.worth - t.counts[metric.GoalValue]
			all[g.name][metric.Visitors] = reached.add(g.name, t.who)
			all[g.name][metric.GoalVisitors] = all[g.name][metric.Visitors]
		}
	}
	for _, g := range r.goals {
		if all[g.name] == nil {
			all[g.name] = map[metric.Name]int64{}
		}
		all[g.name][metric.GoalAudience] = int64(len(audience[""]))
	}
	return all
}

// whoBy is visitors by something.
type whoBy map[string]map[string]bool

// add adds one, unless it is unknown, and is how many there are.
func (d whoBy) add(value, who string) int64 {
	if d[value] == nil {
		d[value] = map[string]bool{}
	}
	if who != "" {
		d[value][who] = true
	}
	return int64(len(d[value]))
}

// parts is what the lines of a trade event have of each product or category.
func (t *thing) parts(d metric.Dimension) map[string]int64 {
	sums := map[string]int64{}
	for _, l := range t.lines {
		value := l.product
		if d == "category" {
			value = l.category
		}
		if value != "" {
			sums[value] += l.amount
		}
	}
	return sums
}

func (x recounted) add(value string, t *thing, amount int64) {
	if x[value] == nil {
		x[value] = map[metric.Name]int64{}
	}
	for m, n := range t.counts {
		if m == metric.Revenue || m == metric.Refunded {
			n = amount
		}
		x[value][m] += n
	}
}

// figure is a value's figure as an exact number; nil if there is none. What is
// divided stands here once more, as docs/words.md has it.
func (x recounted) figure(value string, m metric.Name) *big.Rat {
	n := x[value]
	divide := func(of, to metric.Name, times, scale int64) *big.Rat {
		if n[to] == 0 {
			return nil
		}
		q := big.NewRat(n[of]*times*1000, n[to]*scale)
		text, ok := new(big.Rat).SetString(q.FloatString(0)) // rounds halves away from zero
		if !ok {
			panic(q)
		}
		return text.Quo(text, big.NewRat(1000, 1))
	}
	switch m {
	case metric.AverageOrder:
		return divide(metric.Revenue, metric.Orders, 1, 1000)
	case metric.BounceRate:
		return divide(metric.Bounces, metric.Sessions, 100, 1)
	case metric.ViewsPerSession:
		return divide(metric.SessionViews, metric.Sessions, 1, 1)
	case metric.SessionDuration:
		return divide(metric.SessionSeconds, metric.Sessions, 1, 1000)
	case metric.TimeOnPage:
		return divide(metric.PageSeconds, metric.TimedViews, 1, 1000)
	case metric.GoalRate:
		return divide(metric.GoalVisitors, metric.GoalAudience, 100, 1)
	case metric.EPC:
		return divide(metric.Commissions, metric.Clicks, 1, 1000)
	case metric.ConversionRate:
		return divide(metric.Conversions, metric.Clicks, 100, 1)
	case metric.GoalValue, metric.Revenue, metric.Refunded, metric.SessionSeconds, metric.PageSeconds, metric.Sales, metric.Commissions,
		metric.CommissionsPending, metric.CommissionsHeld, metric.CommissionsAvailable, metric.CommissionsInPayout, metric.CommissionsPaid, metric.CommissionsReversed:
		return big.NewRat(n[m], 1000)
	case metric.PageViews, metric.Visitors, metric.Sessions, metric.Bounces, metric.Downloads, metric.ProductViews, metric.CartAdds, metric.Orders, metric.Refunds,
		metric.GoalCompletions, metric.GoalVisitors, metric.GoalAudience, metric.Events, metric.SessionViews, metric.TimedViews, metric.Clicks, metric.Conversions:
		return big.NewRat(n[m], 1)
	}
	panic("no recount of the metric " + m + ": say in figure what it is of")
}

// toldFigures is one figure for each value of a dimension, spelled; – is that there is none.
type toldFigures map[string]string

// want is what every door must tell of a metric.
func (x recounted) want(m metric.Name) toldFigures {
	all := toldFigures{}
	for value := range x {
		all[value] = spellFigure(x.figure(value, m))
	}
	return all
}

func spellFigure(n *big.Rat) string {
	if n == nil {
		return "–"
	}
	return strings.TrimSuffix(strings.TrimRight(n.FloatString(3), "0"), ".")
}

// differ is how a telling is another than is wanted, "" if it is not. Doors leave out
// what has nothing.
func (t toldFigures) differ(want toldFigures) (why string) {
	nothing := func(n string) bool { return n == "" || n == "0" || n == "–" }
	for value, n := range t {
		if w := want[value]; n != w && (w != "" || !nothing(n)) {
			why += fmt.Sprintf(" %q is %s, want %s;", value, n, w)
		}
	}
	for value, w := range want {
		if t[value] == "" && !nothing(w) {
			why += fmt.Sprintf(" %q is missing, want %s;", value, w)
		}
	}
	if len(why) > 500 {
		why = why[:500] + "…"
	}
	return why
}

// fromTo is a window of whole days, the last one included.
func fromTo(zone *time.Location, from, to string) period.Window {
	at := func(day string) time.Time {
		t, err := time.ParseInLocation(time.DateOnly, day, zone)
		if err != nil {
			panic(err)
		}
		return t
	}
	return period.Window{From: at(from), To: at(to).AddDate(0, 0, 1)}
}
