package storetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/event"
	"footfall/metric"
)

// visit is a session: its page views, by time.
type visit []event.Event

// day is how far a session is told of.
const day = 24 * time.Hour

// told is the session's views of its first day.
func (v visit) told() visit {
	return v[:len(v)-len(slices.DeleteFunc(slices.Clone(v), func(e event.Event) bool { return e.Time.Sub(v[0].Time) <= day }))]
}

// tabling is a report on its way to a table.
type tabling struct {
	metric.Report
	events  []event.Event // of the site, bots or not, by time
	visits  map[uint64][]visit
	done    map[*metric.Where]map[uint64]bool // visitors who have
	goal    string                            // the one that an event is looked at for
	lasting bool                              // of a segment it is asked by all that a visitor did
	exposed map[string]map[uint64]*unit       // by experiment
}

// Tabulate answers a report.
func (m *Model) Tabulate(_ context.Context, r metric.Report) (metric.Table, error) {
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	x := m.tabling(r)
	rows := x.rows()
	now := m.now().UTC()
	table := metric.Table{Rows: r.Page(rows), Total: len(rows), Source: "events", AsOf: now, Exposed: x.told()}
	starts := r.Step.Cut(r.Window, r.Zone)
	for i := range table.Rows {
		row := &table.Rows[i]
		end := r.Window.To
		if next := slices.IndexFunc(starts, row.Time.Before); next >= 0 {
			end = starts[next]
		}
		row.Partial = !row.Time.After(now) && end.After(now)
	}
	return table, nil
}

// tabling is the report with the events of its site.
func (m *Model) tabling(r metric.Report) *tabling {
	x := &tabling{Report: r, visits: map[uint64][]visit{}, done: map[*metric.Where]map[uint64]bool{}, exposed: map[string]map[uint64]*unit{}}
	m.mu.Lock()
	for _, e := range m.events {
		if e.Site == r.Site && (r.Bots || e.Bot == "") {
			x.events = append(x.events, e)
		}
	}
	m.mu.Unlock()
	slices.SortStableFunc(x.events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range x.events {
		if !isView(&e) || e.Visitor == 0 {
			continue
		}
		of := x.visits[e.Visitor]
		if n := len(of); n > 0 && e.Time.Sub(of[n-1][len(of[n-1])-1].Time) <= 30*time.Minute {
			of[n-1] = append(of[n-1], e)
		} else {
			x.visits[e.Visitor] = append(of, visit{e})
		}
	}
	return x
}

func isView(e *event.Event) bool { return e.Kind == event.Page || e.Kind == event.Screen }

// cell is where a figure is: in the row of some keys, of a step.
type cell struct {
	keys string
	step int
}

// rows are all rows, in no order.
func (x *tabling) rows() (rows []metric.Row) {
	parts, starts := x.Parts(), x.Step.Cut(x.Window, x.Zone)
	counts := map[cell][]int64{}
	if len(x.By) == 0 {
		for i := range starts {
			counts[cell{"[]", i}] = make([]int64, len(parts))
		}
	}
	for i, m := range parts {
		visitors := map[cell]map[uint64]bool{}
		x.each(m, func(e *event.Event, keys []string, n int64) {
			spelled, _ := json.Marshal(keys)
			at := cell{string(spelled), 0}
			if next := slices.IndexFunc(starts, e.Time.Before); next >= 0 {
				at.step = next - 1
			} else {
				at.step = len(starts) - 1
			}
			if counts[at] == nil {
				counts[at] = make([]int64, len(parts))
			}
			if visitors[at] == nil {
				visitors[at] = map[uint64]bool{}
			}
			visitors[at][e.Visitor] = true
			if counts[at][i] += n; m == metric.Visitors || m == metric.GoalVisitors || m == metric.GoalAudience {
				counts[at][i] = int64(len(visitors[at]))
			}
		})
	}
	for at, n := range counts {
		keys := []string{}
		if err := json.Unmarshal([]byte(at.keys), &keys); err != nil {
			panic(err)
		}
		if len(x.By) == 0 || slices.ContainsFunc(n, func(n int64) bool { return n != 0 }) {
			rows = append(rows, metric.Row{Keys: keys, Time: starts[at.step], Values: x.Values(parts, n)})
		}
	}
	return rows
}

// each hands over what counts for a metric: an event, the keys of its row, and how much.
func (x *tabling) each(m metric.Name, fn func(e *event.Event, keys []string, n int64)) {
	hand := func(e event.Event, n int64) {
		if within(e.Time, x.Window) && x.holds(x.Where, &e, nil) && x.ofAffiliate(&e) {
			for _, keys := range x.keys(&e, nil) {
				fn(&e, keys, n)
			}
		}
	}
	switch m {
	case metric.GoalAudience:
		x.audience(fn)
		return
	case metric.Sessions, metric.Bounces, metric.SessionViews, metric.SessionSeconds, metric.TimedViews, metric.PageSeconds:
		for _, visits := range x.visits {
			for _, v := range visits {
				v.each(m, hand)
			}
		}
		return
	}
	if x.ByGoal() || slices.Contains(metric.OfGoals, m) {
		x.reaching(m, fn)
		return
	}
	for _, e := range x.events {
		trade, _ := e.Trade()
		switch {
		case m == metric.Events, m == metric.PageViews && isView(&e), m == metric.Visitors && (isView(&e) || x.ByArm()) && e.Visitor != 0,
			m == metric.Downloads && e.Kind == event.Track && e.Name == event.Download:
			hand(e, 1)
		case trades[m] == "" || trade.Kind != trades[m]:
		case !ofLines(x.Dimensions()):
			hand(e, x.worth(m, &trade, trade.Amount))
		case within(e.Time, x.Window):
			x.lines(&e, &trade, func(keys []string, amount int64) { fn(&e, keys, x.worth(m, &trade, amount)) })
		}
	}
}

func ofLines(dimensions []metric.Dimension) bool {
	return slices.Contains(dimensions, "product") || slices.Contains(dimensions, "category")
}

// worth is what an event with an amount counts for a metric.
func (x *tabling) worth(m metric.Name, trade *event.Trade, amount int64) int64 {
	switch {
	case m != metric.Revenue && m != metric.Refunded:
		return 1
	case trade.Currency != "" && trade.Currency != x.Currency:
		return 0
	}
	return amount
}

// lines hands over each row that lines of the event are in, with their sum.
func (x *tabling) lines(e *event.Event, trade *event.Trade, fn func(keys []string, amount int64)) {
	sums, keys := map[string]int64{}, map[string][]string{}
	for _, l := range trade.Lines {
		if said(&l, x.Dimensions()) && x.holds(x.Where, e, &l) {
			for _, row := range x.keys(e, &l) {
				spelled := fmt.Sprintf("%q", row)
				sums[spelled] += l.Amount
				keys[spelled] = row
			}
		}
	}
	for spelled, amount := range sums {
		fn(keys[spelled], amount)
	}
}

// said reports whether the line says what it is asked for.
func said(l *event.Line, dimensions []metric.Dimension) bool {
	return (l.Product != "" || !slices.Contains(dimensions, "product")) && (l.Category != "" || !slices.Contains(dimensions, "category"))
}

// each hands over what of the session counts for a metric.
func (v visit) each(m metric.Name, fn func(e event.Event, n int64)) {
	switch told := v.told(); m {
	case metric.Sessions:
		fn(v[0], 1)
	case metric.Bounces:
		if len(v) == 1 {
			fn(v[0], 1)
		}
	case metric.SessionViews:
		fn(v[0], int64(len(told)))
	case metric.SessionSeconds:
		fn(v[0], told[len(told)-1].Time.Sub(v[0].Time).Milliseconds())
	default:
		for i, e := range v[:len(v)-1] {
			if m == metric.TimedViews {
				fn(e, 1)
			} else {
				fn(e, v[i+1].Time.Sub(e.Time).Milliseconds())
			}
		}
	}
}

// keys are those of the rows that the event, or its line, is in: one for each segment.
func (x *tabling) keys(e *event.Event, l *event.Line) [][]string {
	rows := [][]string{{}}
	for _, d := range x.By {
		values := x.segments(e)
		if d != metric.Segment {
			values = []string{x.value(d, e, l)}
		}
		var longer [][]string
		for _, keys := range rows {
			for _, value := range values {
				longer = append(longer, append(slices.Clone(keys), value))
			}
		}
		rows = longer
	}
	return rows
}

// segments are those that the event's visitor is in; "" if it is in none.
func (x *tabling) segments(e *event.Event) (in []string) {
	of := []event.Event{*e}
	if x.lasting {
		of = slices.DeleteFunc(slices.Clone(x.events), func(other event.Event) bool { return other.Visitor != e.Visitor || !within(other.Time, x.Window) })
	}
	for _, m := range x.Members {
		if slices.ContainsFunc(of, func(e event.Event) bool { return e.Bot == "" && m.Visitor == cmp.Or(e.UserID, e.AnonymousID) }) {
			in = append(in, m.Segment)
		}
	}
	if len(in) == 0 {
		in = []string{""}
	}
	return in
}

// value is what the event, or its line, has of a dimension.
func (x *tabling) value(d metric.Dimension, e *event.Event, l *event.Line) string {
	zone := cmp.Or(x.Zone, time.UTC)
	name, ok := d.Property()
	experiment, arm := d.Arm()
	switch {
	case arm:
		return x.arm(experiment, e)
	case ok:
		return property(e.Properties, name)
	case d == "product":
		return l.Product
	case d == "category":
		return l.Category
	case d == metric.OfGoal:
		return x.goal
	case d == metric.HourOfDay:
		return e.Time.In(zone).Format("15")
	case d == metric.Weekday:
		return fmt.Sprint((int(e.Time.In(zone).Weekday())+6)%7 + 1)
	case d == metric.EntryPage || d == metric.ExitPage:
		v := x.visitOf(e)
		if v == nil {
			return ""
		}
		told := v.told()
		if d == metric.EntryPage {
			return told[0].Path
		}
		return told[len(told)-1].Path
	}
	return dimension(e, d)
}

func property(properties, name string) string {
	var all map[string]json.RawMessage
	var text string
	var plain bytes.Buffer
	if json.Unmarshal([]byte(properties), &all) != nil || all[name] == nil || string(all[name]) == "null" {
		return ""
	}
	if json.Unmarshal(all[name], &text) == nil {
		return text
	}
	if err := json.Compact(&plain, all[name]); err != nil {
		panic(err)
	}
	return plain.String()
}

// visitOf is the session the event is in: that of the visitor's page view at most
// half an hour before it, if it began at most a day before it.
func (x *tabling) visitOf(e *event.Event) visit {
	for _, v := range x.visits[e.Visitor] {
		near := slices.ContainsFunc(v, func(view event.Event) bool {
			return !view.Time.After(e.Time) && e.Time.Sub(view.Time) <= 30*time.Minute
		})
		if near && e.Visitor != 0 && e.Time.Sub(v[0].Time) <= day && !slices.ContainsFunc(x.visits[e.Visitor], func(later visit) bool {
			return later[0].Time.After(v[0].Time) && !later[0].Time.After(e.Time)
		}) {
			return v
		}
	}
	return nil
}

func (x *tabling) ofAffiliate(e *event.Event) bool {
	return x.Affiliate == nil || e.Class == metric.ClassAffiliate && slices.Contains(x.Affiliate.Codes, e.Source)
}

// holds reports whether a condition holds for an event, or a line of it.
func (x *tabling) holds(w *metric.Where, e *event.Event, l *event.Line) bool {
	switch {
	case w == nil:
		return true
	case w.Not != nil:
		return !x.holds(w.Not, e, l)
	case w.Done != nil:
		return e.Visitor != 0 && x.doers(w.Done)[e.Visitor]
	case len(w.Any) > 0:
		return slices.ContainsFunc(w.Any, func(w metric.Where) bool { return x.holds(&w, e, l) })
	case len(w.All) > 0:
		return !slices.ContainsFunc(w.All, func(w metric.Where) bool { return !x.holds(&w, e, l) })
	}
	if w.Dimension == metric.Segment {
		return slices.ContainsFunc(x.segments(e), func(value string) bool { return compares(w, value) })
	}
	return compares(w, x.value(w.Dimension, e, l))
}

// compares reports whether a comparison holds for a value.
func compares(w *metric.Where, value string) bool {
	return slices.ContainsFunc(w.Values, func(v string) bool {
		switch w.Op {
		case metric.Contains:
			return strings.Contains(strings.ToLower(value), strings.ToLower(v))
		case metric.Matches:
			return expression(v).MatchString(value)
		}
		return value == v
	})
}

var expressions sync.Map

// expression is a regular expression, read once.
func expression(s string) *regexp.Regexp {
	known, ok := expressions.Load(s)
	if !ok {
		known, _ = expressions.LoadOrStore(s, regexp.MustCompile(s))
	}
	return known.(*regexp.Regexp)
}

// doers are the visitors who have done something in the window.
func (x *tabling) doers(w *metric.Where) map[uint64]bool {
	if x.done[w] == nil {
		x.done[w] = map[uint64]bool{}
		for _, e := range x.events {
			if within(e.Time, x.Window) && x.ofAffiliate(&e) && x.did(w, &e) {
				x.done[w][e.Visitor] = true
			}
		}
	}
	return x.done[w]
}

// did reports whether an event, a line of it or a goal it reaches is what somebody
// must have done.
func (x *tabling) did(w *metric.Where, e *event.Event) bool {
	if slices.Contains(w.Dimensions(), metric.OfGoal) {
		return slices.ContainsFunc(x.reachedBy(e), func(g metric.Goal) bool { return x.lookingAt(g).holds(w, e, nil) })
	}
	if !ofLines(w.Dimensions()) {
		return x.holds(w, e, nil)
	}
	trade, _ := e.Trade()
	return slices.ContainsFunc(trade.Lines, func(l event.Line) bool { return said(&l, w.Dimensions()) && x.holds(w, e, &l) })
}
