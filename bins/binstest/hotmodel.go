package binstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Currency is what hot buckets under the law take for a site's currency.
func Currency(site string) string {
	if site == "shop" {
		return "EUR"
	}
	return "USD"
}

// hotModel is hot buckets as the contract has them, by recounting events.
type hotModel struct {
	whole       bool
	at          event.Position
	generations []hotGeneration
}

type hotGeneration struct {
	start  event.Position
	events []event.Event
}

// row is a bucket as Read hands it over.
type row struct {
	Value    string
	Bucket   time.Time
	Counts   bins.Counts
	Visitors int64
	Exact    bool
}

func (m *hotModel) lose() error {
	m.whole, m.generations = false, nil
	return bins.ErrLost
}

func (m *hotModel) apply(events []event.Event, from, to event.Position) error {
	switch {
	case m.whole && m.at != from && m.at == to:
		return nil
	case !m.whole || m.at != from:
		return m.lose()
	}
	last := &m.generations[len(m.generations)-1]
	last.events = append(last.events, events...)
	m.at = to
	return nil
}

func (m *hotModel) cut() (event.Position, error) {
	if !m.whole {
		return event.Position{}, bins.ErrLost
	}
	// Where it stands already, only events (without a position of their own yet) make a difference.
	if last := m.generations[len(m.generations)-1]; last.start != m.at || slices.ContainsFunc(last.events, counted) {
		m.generations = append(m.generations, hotGeneration{start: m.at})
	}
	return m.at, nil
}

// counted reports whether an event is in any figure.
func counted(e event.Event) bool {
	t := bins.Tally{}
	t.Add(&e, "")
	return len(t) > 0
}

func (m *hotModel) forget(upTo event.Position) {
	for len(m.generations) > 1 && !upTo.Less(m.generations[1].start) {
		m.generations = m.generations[1:]
	}
}

func (m *hotModel) reset(at event.Position) {
	m.whole, m.at, m.generations = true, at, []hotGeneration{{start: at}}
}

func (m *hotModel) read(r bins.HotRange) ([]row, error) {
	first := slices.IndexFunc(m.generations, func(g hotGeneration) bool { return g.start == r.Since })
	if first < 0 {
		return nil, bins.ErrLost
	}
	buckets := map[time.Time]bins.Tally{}
	for _, g := range m.generations[first:] {
		for _, e := range g.events {
			if e.Site != r.Site || e.Time.Before(r.Window.From) || !e.Time.Before(r.Window.To) {
				continue
			}
			at := e.Time.UTC().Truncate(15 * time.Minute)
			if buckets[at] == nil {
				buckets[at] = bins.Tally{}
			}
			buckets[at].Add(&e, Currency(r.Site))
		}
	}
	var rows []row
	for at, tally := range buckets {
		for s, b := range tally {
			if s.By == r.By && (r.Each || s.Value == r.Value) {
				rows = append(rows, rowOf(s.Value, at, b))
			}
		}
	}
	sortRows(rows)
	return rows, nil
}

func rowOf(value string, at time.Time, b *bins.Bin) row {
	return row{value, at, b.Counts, b.Visitors.Count(), b.Visitors.Exact()}
}

func sortRows(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		if a.Value != b.Value {
			return strings.Compare(a.Value, b.Value)
		}
		return a.Bucket.Compare(b.Bucket)
	})
}

// readRows is what hot hands over, sorted.
func readRows(ctx context.Context, hot bins.Hot, r bins.HotRange) ([]row, error) {
	var rows []row
	err := hot.Read(ctx, r, func(value string, bucket time.Time, b *bins.Bin) error {
		rows = append(rows, rowOf(value, bucket, b))
		return nil
	})
	sortRows(rows)
	return rows, err
}

// noon is when hot events happen, give or take some hours.
var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

// hotEvents makes n events of every sort that matters to bins.
func hotEvents(r *rand.Rand, n int) []event.Event {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	events := make([]event.Event, n)
	for i := range events {
		e := event.Event{ID: fmt.Sprint(r.Uint64()), Site: pick("shop", "shop", "blog"), Kind: event.Page,
			Time: noon.Add(time.Duration(r.Int64N(int64(4 * time.Hour)))).Truncate(time.Millisecond), Visitor: uint64(r.IntN(300)),
			Path: pick("/", "/a", "/b", "/ä \x00:1", ""), Source: pick("Google", ""), Class: pick("search", "direct"),
			Country: pick("DE", ""), Device: pick("phone", "desktop"), Browser: "Firefox", OS: pick("Linux", "iOS")}
		if r.IntN(8) == 0 {
			e.Time = e.Time.Truncate(period.Bucket).Add(-time.Duration(r.IntN(2)) * time.Millisecond) // at an edge
		}
		switch r.IntN(12) {
		case 0:
			e.Bot = "agent"
		case 1:
			e.Kind, e.Name = event.Track, event.Download
		case 2:
			e.Kind, e.Name = event.Identify, ""
		case 3, 4:
			e.Kind, e.Name = event.Track, pick("Product Viewed", "Product Added", "Order Completed", "Order Refunded", "Signed Up")
			e.Properties = fmt.Sprintf(`{"order_id":"o%d","currency":%q,"revenue":%d.%03d,"products":[{"product_id":"p%d","category":"c","price":1.5,"quantity":2},{"sku":"q:1","price":"3"}]}`,
				r.IntN(99), pick("EUR", "USD", ""), r.IntN(1000)-100, r.IntN(1000), r.IntN(5))
		case 5:
			e.Campaign = event.Campaign{Source: "news", Medium: "email", Name: pick("x", "y")}
		}
		events[i] = e
	}
	return events
}

// hotRange asks for something at random.
func hotRange(r *rand.Rand, since event.Position) bins.HotRange {
	by := append([]metric.Dimension{""}, bins.Dimensions...)[r.IntN(1+len(bins.Dimensions))]
	values := map[metric.Dimension]string{"page": "/ä \x00:1", "source": "Google", "product": "q:1", "utm_source": "news", "event": "Order Completed"}
	from := noon.Add(-time.Hour)
	to := noon.Add(6 * time.Hour)
	if r.IntN(3) == 0 {
		from = noon.Add(time.Duration(r.IntN(8)) * period.Bucket)
		to = from.Add(time.Duration(r.IntN(8)) * period.Bucket)
	}
	site := []string{"shop", "blog", "nobody"}[min(2, r.IntN(9)/4)]
	return bins.HotRange{Site: site, By: by, Value: values[by], Each: r.IntN(2) == 0, Window: period.Window{From: from, To: to}, Since: since}
}
