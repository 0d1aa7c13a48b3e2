// Package storetest is the law of event stores: what every adapter must do,
// checked against a model that is too simple to be wrong.
package storetest

import (
	"cmp"
	"context"
	"slices"
	"sort"
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
}

// NewModel makes an empty store.
func NewModel(now func() time.Time) *Model { return &Model{now: now} }

var _ store.Store = (*Model)(nil)

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
		if err := events[i].Check(); err != nil {
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
		if who := identify(&events[i]); known[who] {
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
		"utm_content": e.Campaign.Content, "bot": e.Bot, "channel": e.Channel, "event": e.Name, "title": e.Title}[d]
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

// Answer answers a query.
func (m *Model) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	now := m.now().UTC()
	answer := metric.Dataset{Points: []metric.Point{}, Source: "events", AsOf: now}
	if q.Metric == metric.Commissions {
		return answer, nil
	}
	events := m.relevant(q)
	if q.Metric == metric.Sessions || q.Metric == metric.Bounces {
		events = begins(events, q.Metric == metric.Bounces)
	}
	series := map[string][]event.Event{}
	if q.By == "" {
		series[""] = nil
	}
	for _, e := range events {
		if within(e.Time, q.Window) && passes(&e, q.Filters) && (q.Metric != metric.Visitors || e.Visitor != 0) {
			name := dimension(&e, q.By)
			series[name] = append(series[name], e)
		}
	}
	names := make([]string, 0, len(series))
	for name := range series {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := size(q.Metric, series[names[i]]), size(q.Metric, series[names[j]])
		return a > b || a == b && names[i] < names[j]
	})
	if q.By != "" && q.Limit > 0 && len(names) > q.Limit {
		names = names[:q.Limit]
	}
	for _, name := range names {
		answer.Points = append(answer.Points, line(q, name, series[name], now)...)
	}
	return answer, nil
}

func passes(e *event.Event, filters []metric.Filter) bool {
	for _, f := range filters {
		if dimension(e, f.Dimension) != f.Value {
			return false
		}
	}
	return true
}

func size(m metric.Name, events []event.Event) int64 {
	if m != metric.Visitors {
		return int64(len(events))
	}
	visitors := map[uint64]bool{}
	for _, e := range events {
		visitors[e.Visitor] = true
	}
	return int64(len(visitors))
}

// line is the points of one series.
func line(q metric.Query, name string, events []event.Event, now time.Time) []metric.Point {
	var points []metric.Point
	starts := q.Step.Cut(q.Window, q.Zone)
	for i, start := range starts {
		end := q.Window.To
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		var in []event.Event
		for _, e := range events {
			if within(e.Time, period.Window{From: start, To: end}) {
				in = append(in, e)
			}
		}
		points = append(points, metric.Point{Series: name, Time: start, Value: size(q.Metric, in), Partial: !start.After(now) && end.After(now)})
	}
	return points
}
