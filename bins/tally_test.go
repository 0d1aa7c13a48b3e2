package bins_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the properties hold on machines without a zone database

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// zones with the moment of a change of their clock near a midnight, or none.
var zones = []struct{ name, around string }{
	{"UTC", "2024-02-29T00:00:00Z"},
	{"Europe/Berlin", "2024-03-31T00:00:00Z"},
	{"Europe/Berlin", "2024-10-27T00:00:00Z"},
	{"Asia/Kolkata", "2024-05-01T18:30:00Z"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	{"America/St_Johns", "2006-10-29T02:31:00Z"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z"},
}

// gaps between two events of a visitor, some at the edge of a session.
var gaps = []time.Duration{time.Millisecond, time.Minute, 29 * time.Minute, bins.SessionGap - time.Millisecond, bins.SessionGap,
	bins.SessionGap + time.Millisecond, 31 * time.Minute, 3 * time.Hour, 11 * time.Hour}

func choose[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// random makes an event of a visitor that may be anything.
func random(r *rand.Rand, visitor uint64, at time.Time) event.Event {
	e := event.Event{Site: "s", Kind: choose(r, event.Page, event.Page, event.Page, event.Screen, event.Track, event.Track, event.Identify),
		Name: choose(r, "", "home"), Time: at, Visitor: visitor, Path: choose(r, "/", "/a", "/b"), Source: choose(r, "", "News"),
		Class: choose(r, "direct", "search"), Country: choose(r, "", "DE"), Device: choose(r, "phone", "desktop"), Browser: "Firefox", OS: choose(r, "", "Linux"),
		Campaign: event.Campaign{Source: choose(r, "", "mail"), Medium: choose(r, "", "cpc"), Name: choose(r, "", "may")}}
	if e.Kind == event.Track {
		e.Name = choose(r, event.Download, "Product Viewed", "Product Added", "Order Completed", "Order Refunded", "Signed Up")
		e.Properties = choose(r, "", `{"product_id":"p","category":"c","price":1.5}`, `{"revenue":7,"currency":"USD","products":[{"sku":"q","price":7}]}`,
			`{"currency":"eur","products":[{"sku":"q","category":"c","price":"2.001"},{"sku":"p","category":"c","price":3},{"sku":"q","price":-1}]}`)
	}
	if r.IntN(10) == 0 {
		e.Bot = "crawler"
	}
	return e
}

// crowd makes events of some visitors around a moment, in the order of arrival.
// No two events of a visitor are of the same time.
func crowd(r *rand.Rand, around time.Time) (events []event.Event) {
	for visitor := range uint64(5) {
		at := around.Add(-time.Duration(r.Int64N(int64(30 * time.Hour)))).Truncate(time.Millisecond)
		for end := around.Add(30 * time.Hour); at.Before(end); at = at.Add(choose(r, gaps...)) {
			events = append(events, random(r, visitor, at))
			if r.IntN(12) == 0 {
				at = at.Truncate(bins.SessionGap).Add(bins.SessionGap) // a full half hour: midnight in every zone
				events = append(events, random(r, visitor, at))
			}
		}
	}
	for visitor := range uint64(2) { // sessions that last for hours, and more than a day
		for at, end := around.Add(-30*time.Hour), around.Add(30*time.Hour); at.Before(end); {
			e := random(r, 10+visitor, at)
			e.Kind, e.Bot, e.Properties = event.Page, "", ""
			events = append(events, e)
			if at = at.Add(choose(r, gaps[1:5]...)); r.IntN(40) == 0 {
				at = at.Add(time.Hour)
			}
		}
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// walk hands over events as a Snapshot does.
func walk(events []event.Event) func(from, to time.Time, fn func(*event.Event) error) error {
	return func(from, to time.Time, fn func(*event.Event) error) error {
		sorted := slices.Clone(events)
		slices.SortStableFunc(sorted, func(a, b event.Event) int { return cmp.Or(cmp.Compare(a.Visitor, b.Visitor), a.Time.Compare(b.Time)) })
		going := map[uint64]bool{} // whose session may go on behind
		for _, e := range events {
			if e.View() && e.Bot == "" && e.Time.Before(to) && !e.Time.Before(to.Add(-bins.SessionGap)) {
				going[e.Visitor] = true
			}
		}
		for i := range sorted {
			e := &sorted[i]
			if e.Time.Before(from) || !e.Time.Before(to.Add(bins.SessionDay)) {
				continue
			}
			if !e.Time.Before(to) {
				if !e.View() || e.Bot != "" || !going[e.Visitor] {
					continue
				}
				e = &event.Event{Site: e.Site, Kind: e.Kind, Time: e.Time, Visitor: e.Visitor}
			}
			if err := fn(e); err != nil {
				return err
			}
		}
		return nil
	}
}

func count(t testing.TB, w period.Window, events []event.Event) bins.Tally {
	t.Helper()
	tally, err := bins.Count(w, "EUR", walk(events))
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// figures is what a tally says: the figures that are not 0 by subject, with the
// visitors' sketch as bytes.
func figures(t testing.TB, tally bins.Tally) map[bins.Subject]string {
	t.Helper()
	all := map[bins.Subject]string{}
	for s, b := range tally {
		all[s] = fmt.Sprintf("%v %x", b.Counts, form(t, &b.Visitors))
	}
	return all
}

// naive counts a window as docs/words.md says it, one metric and event at a time.
type naive struct {
	counts   map[bins.Subject]map[metric.Name]int64
	visitors map[bins.Subject]map[uint64]bool
}

func recount(w period.Window, events []event.Event) naive {
	n := naive{map[bins.Subject]map[metric.Name]int64{}, map[bins.Subject]map[uint64]bool{}}
	in := func(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }
	views := map[uint64][]event.Event{}
	for _, e := range events {
		if e.Bot != "" {
			continue
		}
		if e.View() && e.Visitor != 0 {
			views[e.Visitor] = append(views[e.Visitor], e)
		}
		if in(e.Time) {
			n.event(e)
		}
	}
	for _, own := range views {
		slices.SortFunc(own, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
		for i, e := range own {
			near := func(j int) bool { return j >= 0 && j < len(own) && own[j].Time.Sub(e.Time).Abs() <= 30*time.Minute }
			if !in(e.Time) || near(i-1) {
				continue
			}
			n.add(e, metric.Sessions, 1)
			if !near(i + 1) {
				n.add(e, metric.Bounces, 1)
			}
			last := e
			for j := i; j == i || j < len(own) && own[j].Time.Sub(own[j-1].Time) <= 30*time.Minute; j++ {
				if own[j].Time.Sub(e.Time) <= 24*time.Hour {
					n.add(e, metric.SessionViews, 1)
					last = own[j]
				}
			}
			n.add(e, metric.SessionSeconds, last.Time.Sub(e.Time).Milliseconds())
		}
	}
	return n
}

// of lists the subjects every event has.
func of(e event.Event) []bins.Subject {
	value := map[metric.Dimension]string{"": "", "page": e.Path, "source": e.Source, "class": e.Class, "country": e.Country, "device": e.Device,
		"browser": e.Browser, "os": e.OS, "utm_source": e.Campaign.Source, "utm_medium": e.Campaign.Medium, "utm_campaign": e.Campaign.Name, "event": e.Name}
	var subjects []bins.Subject
	for by, v := range value {
		subjects = append(subjects, bins.Subject{By: by, Value: v})
	}
	return subjects
}

func (n naive) add(e event.Event, m metric.Name, amount int64, more ...bins.Subject) {
	if len(more) == 0 {
		more = of(e)
	}
	for _, s := range more {
		if n.counts[s] == nil {
			n.counts[s] = map[metric.Name]int64{}
		}
		n.counts[s][m] += amount
	}
}

func (n naive) event(e event.Event) {
	n.add(e, metric.Events, 1)
	switch {
	case e.View():
		n.add(e, metric.PageViews, 1)
		for _, s := range of(e) {
			if n.visitors[s] == nil {
				n.visitors[s] = map[uint64]bool{}
			}
			if e.Visitor != 0 {
				n.visitors[s][e.Visitor] = true
			}
		}
		return
	case e.Kind == event.Track && e.Name == "File Downloaded":
		n.add(e, metric.Downloads, 1)
		return
	}
	trade, _ := e.Trade()
	metrics := map[event.TradeKind][2]metric.Name{event.Viewed: {metric.ProductViews}, event.Added: {metric.CartAdds},
		event.Ordered: {metric.Orders, metric.Revenue}, event.Refunded: {metric.Refunds, metric.Refunded}}[trade.Kind]
	if metrics[0] == "" {
		return
	}
	ours := trade.Currency == "" || trade.Currency == "EUR"
	n.add(e, metrics[0], 1)
	if metrics[1] != "" && ours {
		n.add(e, metrics[1], trade.Amount)
	}
	once := map[bins.Subject]bool{}
	for _, l := range trade.Lines {
		for _, s := range []bins.Subject{{By: "product", Value: l.Product}, {By: "category", Value: l.Category}} {
			if s.Value == "" {
				continue
			}
			if !once[s] {
				n.add(e, metrics[0], 1, s)
			}
			once[s] = true
			if metrics[1] != "" && ours {
				n.add(e, metrics[1], l.Amount, s)
			}
		}
	}
}

// tally is the naive figures in the form of a tally's.
func (n naive) tally() bins.Tally {
	t := bins.Tally{}
	for s, counts := range n.counts {
		b := &bins.Bin{}
		for m, v := range counts {
			b.Counts[bins.Place(m)] += v
		}
		for id := range n.visitors[s] {
			b.Visitors.Add(id)
		}
		t[s] = b
	}
	return t
}

func differ(t *testing.T, what string, got, want bins.Tally) {
	t.Helper()
	g, w := figures(t, got), figures(t, want)
	for s := range maps.Keys(w) {
		if g[s] != w[s] {
			t.Errorf("%s: %q=%q\n got %s\nwant %s", what, s.By, s.Value, g[s], w[s])
		}
	}
	for s := range g {
		if w[s] == "" {
			t.Errorf("%s: %q=%q should not be there: %s", what, s.By, s.Value, g[s])
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// TestCountAddsUp holds, in zones whose clock is changed near by: the bins of a
// window are the naive count, in whatever order events arrived; the bins of its
// dates sum up to them, and the dates' sketches unite to its sketch.
func TestCountAddsUp(t *testing.T) {
	var total bins.Counts
	for seed := range uint64(140) {
		r := rand.New(rand.NewPCG(seed, 4))
		at := zones[seed%uint64(len(zones))]
		zone, err := time.LoadLocation(at.name)
		if err != nil {
			t.Fatal(err)
		}
		around, err := time.Parse(time.RFC3339, at.around)
		if err != nil {
			t.Fatal(err)
		}
		events := crowd(r, around)
		first := period.DateOf(around.Add(-time.Duration(r.IntN(30))*time.Hour), zone)
		last := first + period.Date(1+r.IntN(3))
		whole := period.Window{From: first.Window(zone).From, To: last.Window(zone).From}
		want := recount(whole, events).tally()
		differ(t, fmt.Sprint(at.name, " seed ", seed), count(t, whole, events), want)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		sum := bins.Tally{}
		for date := first; date < last; date++ {
			for s, b := range count(t, date.Window(zone), events) {
				if sum[s] == nil {
					sum[s] = &bins.Bin{}
				}
				sum[s].Counts.Add(&b.Counts)
				sum[s].Visitors.Merge(&b.Visitors)
			}
		}
		differ(t, fmt.Sprint("days of ", at.name, " seed ", seed), sum, want)
		if b := want[bins.Subject{}]; b != nil {
			total.Add(&b.Counts)
		}
	}
	if slices.Contains(total[:], 0) {
		t.Errorf("a figure was never counted: %v", total)
	}
}

// TestCountOfOneMoment holds that of page views of one millisecond the one that
// arrived first begins the session.
func TestCountOfOneMoment(t *testing.T) {
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	a := event.Event{Kind: event.Page, Visitor: 1, Time: at, Path: "/a"}
	b := a
	b.Path = "/b"
	w := period.Window{From: at, To: at.Add(time.Hour)}
	for _, events := range [][]event.Event{{a, b}, {b, a}} {
		tally := count(t, w, events)
		for i, e := range events {
			got := tally[bins.Subject{By: "page", Value: e.Path}].Counts
			if want := int64(1 - i); got[bins.Place(metric.Sessions)] != want || got[bins.Place(metric.Bounces)] != 0 {
				t.Errorf("view %d: %v", i, got)
			}
		}
	}
}

func TestCountFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := bins.Count(period.Window{}, "", func(_, _ time.Time, _ func(*event.Event) error) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestPlaces fixes the order of stored figures.
func TestPlaces(t *testing.T) {
	stored := []metric.Name{"PageViews", "Sessions", "Bounces", "Downloads", "ProductViews", "CartAdds", "Orders", "Revenue", "Refunds", "Refunded", "Events", "SessionViews", "SessionSeconds"}
	for i, m := range stored {
		if bins.Place(m) != i {
			t.Errorf("%s is at %d, want %d", m, bins.Place(m), i)
		}
	}
	if bins.Place(metric.Visitors) != -1 || bins.Place("") != -1 {
		t.Error("what does not add up has a place")
	}
	a, b := bins.Counts{1, 2}, bins.Counts{10, 0, 5}
	if a.Add(&b); a != (bins.Counts{11, 2, 5}) {
		t.Errorf("sum is %v", a)
	}
}
