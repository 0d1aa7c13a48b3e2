// Package storetest is the law of event stores: what every adapter must do,
// checked against a model that is too simple to be wrong.
package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/pump"
	"footfall/store"
)

// Model is a store in memory that works everything out from one slice, the
// obvious way.
type Model struct {
	now    func() time.Time
	mu     sync.Mutex
	events []event.Event
	state  store.State
	floors map[string]time.Time
}

// NewModel makes an empty store.
func NewModel(now func() time.Time) *Model { return &Model{now: now, floors: map[string]time.Time{}} }

var _ interface {
	store.Store
	store.Remover
	store.Relabeler
} = (*Model)(nil)

type identity struct {
	site, id string
	day      event.Day
}

func identify(e *event.Event) identity { return identity{e.Site, e.ID, event.DayOf(e.Original)} }

// Write keeps the events that are new, with the position.
func (m *Model) Write(ctx context.Context, events []event.Event, to event.Position) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var rejected pump.RejectedError
	for i := range events {
		if err := events[i].Check(); err != nil && !events[i].Time.Before(m.floors[events[i].Site]) {
			rejected.Index, rejected.Err = append(rejected.Index, i), err
		}
	}
	if rejected.Err != nil {
		return &rejected
	}
	known := map[identity]bool{}
	for i := range m.events {
		known[identify(&m.events[i])] = true
	}
	for i := range events {
		if who := identify(&events[i]); events[i].Time.Before(m.floors[events[i].Site]) {
			m.state.Removed++
		} else if known[who] {
			m.state.Duplicates++
		} else {
			known[who] = true
			m.events = append(m.events, events[i])
			m.state.Stored++
		}
	}
	if to != (event.Position{}) {
		m.state.Position = to
	}
	return nil
}

// Remove removes a site's events before a moment.
func (m *Model) Remove(ctx context.Context, site string, before time.Time) (removed uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.floors[site].Before(before) {
		m.floors[site] = before
	}
	m.events = slices.DeleteFunc(m.events, func(e event.Event) bool {
		old := e.Site == site && e.Time.Before(before)
		if old {
			removed++
		}
		return old
	})
	m.state.Stored, m.state.Removed = m.state.Stored-removed, m.state.Removed+removed
	return removed, ctx.Err()
}

// Relabel replaces what was derived of events.
func (m *Model) Relabel(ctx context.Context, site string, w period.Window, each func(func(*event.Event) error) error) (changed uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err = each(func(n *event.Event) error {
		for i := range m.events {
			e := &m.events[i]
			if identify(e) != identify(n) || e.Site != site || !within(e.Time, w) {
				continue
			}
			was := *e
			e.Path, e.Referrer, e.Class, e.Source, e.Campaign, e.Session, e.Bot = n.Path, n.Referrer, n.Class, n.Source, n.Campaign, n.Session, n.Bot
			if *e != was {
				changed++
			}
		}
		return ctx.Err()
	})
	return changed, err
}

// State tells what is stored.
func (m *Model) State() store.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Close does nothing.
func (m *Model) Close() error { return nil }

// Scan hands over events by time.
func (m *Model) Scan(ctx context.Context, site string, w period.Window, fn func(*event.Event) error) error {
	for _, e := range m.sorted() {
		if site != "" && e.Site != site || w != (period.Window{}) && !within(e.Time, w) {
			continue
		}
		if err := cmp.Or(ctx.Err(), fn(&e)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func within(t time.Time, w period.Window) bool { return !t.Before(w.From) && t.Before(w.To) }

func (m *Model) sorted() []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := slices.Clone(m.events)
	slices.SortFunc(events, func(a, b event.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Site, b.Site), cmp.Compare(a.ID, b.ID), a.Original.Compare(b.Original))
	})
	return events
}

// dimension is the event's value of a dimension.
func dimension(e *event.Event, d metric.Dimension) string {
	return map[metric.Dimension]string{"": "", "page": e.Path, "host": e.Host, "source": e.Source, "class": e.Class, "referrer": e.Referrer,
		"country": e.Country, "device": e.Device, "browser": e.Browser, "os": e.OS, "utm_source": e.Campaign.Source,
		"utm_medium": e.Campaign.Medium, "utm_campaign": e.Campaign.Name, "utm_term": e.Campaign.Term,
		"utm_content": e.Campaign.Content, "bot": e.Bot, "channel": e.Channel, "event": e.Name, "title": e.Title,
		"region": e.Region, "city": e.City, "browser_version": e.BrowserVersion, "os_version": e.OSVersion, "language": e.Language, "screen": e.Screen}[d]
}

// relevant is the site's events that the metric is about, by time; of events
// of one millisecond the one written first is the first.
func (m *Model) relevant(q metric.Query) []event.Event {
	m.mu.Lock()
	events := slices.Clone(m.events)
	m.mu.Unlock()
	slices.SortStableFunc(events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	var kept []event.Event
	for _, e := range events {
		right := e.Kind == event.Page || e.Kind == event.Screen
		if q.Metric == metric.Downloads {
			right = e.Kind == event.Track && e.Name == event.Download
		} else if kind, ok := trades[q.Metric]; ok {
			trade, _ := e.Trade()
			right = trade.Kind == kind
		}
		if right && e.Site == q.Site && (q.Bots || e.Bot == "") {
			kept = append(kept, e)
		}
	}
	return kept
}

// begins is the events that a session, or a session of one page view, begins with.
func begins(events []event.Event, bounces bool) []event.Event {
	byVisitor := map[uint64][]event.Event{}
	for _, e := range events {
		if e.Visitor != 0 {
			byVisitor[e.Visitor] = append(byVisitor[e.Visitor], e)
		}
	}
	var first []event.Event
	for _, views := range byVisitor {
		for i := 0; i < len(views); {
			end := i + 1
			for end < len(views) && views[end].Time.Sub(views[end-1].Time) <= 30*time.Minute {
				end++
			}
			if !bounces || end-i == 1 {
				first = append(first, views[i])
			}
			i = end
		}
	}
	return first
}

// tabled reports whether the question is one that is answered out of a table.
func tabled(q metric.Query) bool {
	return slices.Index(metric.Names, q.Metric) >= slices.Index(metric.Names, metric.AverageOrder) || slices.ContainsFunc(q.Report().Dimensions(), func(d metric.Dimension) bool {
		return d.OfName() || slices.Contains(metric.Dimensions[slices.Index(metric.Dimensions, metric.EntryPage):], d)
	})
}

// Answer answers a query.
func (m *Model) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	now := m.now().UTC()
	answer := metric.Dataset{Points: []metric.Point{}, Source: "events", AsOf: now}
	if q.Metric.Earned() {
		return answer, nil
	}
	if q.Where != nil || tabled(q) {
		return q.Tabulated(func(r metric.Report) (metric.Table, error) { return m.Tabulate(ctx, r) })
	}
	events := m.relevant(q)
	if q.Metric == metric.Sessions || q.Metric == metric.Bounces {
		events = begins(events, q.Metric == metric.Bounces)
	}
	series := map[string][]item{}
	if q.By == "" {
		series[""] = nil
	}
	for _, e := range events {
		if within(e.Time, q.Window) && (q.Metric != metric.Visitors || e.Visitor != 0) {
			for name, n := range amounts(&e, q) {
				series[name] = append(series[name], item{e.Time, e.Visitor, n})
			}
		}
	}
	var names []string
	for name := range series {
		if q.By == "" || slices.ContainsFunc(line(q, name, series[name], now), func(p metric.Point) bool { return p.Value != 0 }) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(size(q.Metric, series[b]), size(q.Metric, series[a])), cmp.Compare(a, b))
	})
	if q.By != "" && q.Limit > 0 && len(names) > q.Limit {
		names = names[:q.Limit]
	}
	for _, name := range names {
		answer.Points = append(answer.Points, line(q, name, series[name], now)...)
	}
	return answer, nil
}

// item is what an event brings to a series.
type item struct {
	at      time.Time
	visitor uint64
	n       int64
}

var trades = map[metric.Name]event.TradeKind{
	metric.ProductViews: event.Viewed, metric.CartAdds: event.Added,
	metric.Orders: event.Ordered, metric.Revenue: event.Ordered,
	metric.Refunds: event.Refunded, metric.Refunded: event.Refunded,
}

// amounts is what the event brings to each series.
func amounts(e *event.Event, q metric.Query) map[string]int64 {
	trade, _ := e.Trade()
	asked := append([]metric.Filter{{Dimension: q.By}}, q.Filters...)
	products := slices.ContainsFunc(asked, func(f metric.Filter) bool { return f.Dimension == "product" || f.Dimension == "category" })
	if !products {
		trade.Lines = []event.Line{{Amount: trade.Amount}}
	}
	sums := map[string]int64{}
	for _, l := range trade.Lines {
		of := func(d metric.Dimension) (value string, said bool) {
			switch d {
			case "product":
				return l.Product, l.Product != ""
			case "category":
				return l.Category, l.Category != ""
			}
			return dimension(e, d), true
		}
		name, right := of(q.By)
		if a := q.Affiliate; a != nil {
			right = right && e.Class == metric.ClassAffiliate && slices.Contains(a.Codes, e.Source)
		}
		for _, f := range q.Filters {
			value, said := of(f.Dimension)
			right = right && said && value == f.Value
		}
		if right {
			sums[name] += l.Amount
		}
	}
	for name := range sums {
		switch {
		case q.Metric != metric.Revenue && q.Metric != metric.Refunded:
			sums[name] = 1
		case trade.Currency != "" && trade.Currency != q.Currency:
			sums[name] = 0
		}
	}
	return sums
}

func size(m metric.Name, items []item) (n int64) {
	if m != metric.Visitors {
		for _, it := range items {
			n += it.n
		}
		return n
	}
	visitors := map[uint64]bool{}
	for _, it := range items {
		visitors[it.visitor] = true
	}
	return int64(len(visitors))
}

// line is the points of one series.
func line(q metric.Query, name string, items []item, now time.Time) []metric.Point {
	var points []metric.Point
	starts := q.Step.Cut(q.Window, q.Zone)
	for i, start := range starts {
		end := q.Window.To
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		var in []item
		for _, it := range items {
			if within(it.at, period.Window{From: start, To: end}) {
				in = append(in, it)
			}
		}
		points = append(points, metric.Point{Series: name, Time: start, Value: size(q.Metric, in), Partial: !start.After(now) && end.After(now)})
	}
	return points
}
