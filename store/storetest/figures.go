package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the law holds on machines without a zone database

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// Place is a zone, and a moment at which its clock does something odd.
type Place struct {
	Zone string
	At   time.Time
}

// Places are zones and moments at which figures go wrong first.
var Places = []Place{
	{"UTC", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
	{"Europe/Berlin", time.Date(2024, 3, 31, 1, 0, 0, 0, time.UTC)},
	{"Europe/Berlin", time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC)},
	{"Asia/Kolkata", time.Date(2024, 12, 31, 18, 30, 0, 0, time.UTC)},
	{"Asia/Kathmandu", time.Date(2024, 5, 31, 18, 15, 0, 0, time.UTC)},
	{"Australia/Lord_Howe", time.Date(2024, 4, 6, 15, 0, 0, 0, time.UTC)},
	{"Australia/Lord_Howe", time.Date(2024, 10, 5, 15, 30, 0, 0, time.UTC)},
	{"America/St_Johns", time.Date(2006, 10, 29, 2, 31, 0, 0, time.UTC)},
	{"Pacific/Apia", time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)},
	{"America/Sao_Paulo", time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC)},
	{"America/Sao_Paulo", time.Date(2018, 2, 18, 2, 0, 0, 0, time.UTC)},
	{"Europe/Berlin", time.Date(1945, 5, 24, 0, 0, 0, 0, time.UTC)}, // summer time twice, and before 1970
	{"Europe/Berlin", time.Date(1890, 5, 17, 0, 0, 0, 0, time.UTC)},
}

// Odd makes events around a moment with everything figures must get right:
// two sites, bots, every kind, gaps of exactly half an hour and a millisecond
// more, several views in one millisecond, late ones, unknown visitors, products and orders.
func Odd(r *rand.Rand, at time.Time, n int) []event.Event {
	events := make([]event.Event, 0, n)
	last := map[uint64]time.Time{}
	for i := range n {
		e := visitor(r, pick(r, "a", "a", "a", "b"))
		e.Visitor = uint64(r.IntN(12))
		e.ID, e.Kind = fmt.Sprint(i), event.Kinds[r.IntN(len(event.Kinds))]
		if r.IntN(3) > 0 {
			e.Kind = event.Page
		}
		e.Path, e.Title = fmt.Sprintf("/%d", r.IntN(6)), pick(r, "", "A", "Ä")
		e.Name = pick(r, event.Download, "Signed Up")
		if r.IntN(4) == 0 {
			trade(r, &e)
		}
		if r.IntN(4) == 0 {
			e.Class, e.Source = metric.ClassAffiliate, pick(r, "ANNA", "O'Ben", "x")
		}
		if e.Properties == "" {
			e.Properties = pick(r, "", `{"plan":"pro"}`, `{"plan":"free","a/b~c":true,"o":{"k": [1, 2]}}`, `{"plan":null,"q\"x":"ä"}`)
		}
		e.UserID, e.AnonymousID = pick(r, "", "u1", "u2", "u3"), pick(r, "", "", "a1", "a2")
		e.Bot = pick(r, "", "", "", "", "GPTBot")
		e.Time = at.Add(time.Duration(r.Int64N(int64(60*time.Hour))) - 30*time.Hour).Truncate(time.Millisecond)
		if before, ok := last[e.Visitor]; ok && r.IntN(3) > 0 {
			e.Time = before.Add([]time.Duration{0, time.Minute, 30*time.Minute - time.Millisecond, 30 * time.Minute,
				30*time.Minute + time.Millisecond}[r.IntN(5)])
		}
		last[e.Visitor] = e.Time
		e.Original, e.Received = e.Time, e.Time.Add(time.Duration(r.IntN(1000))*time.Minute)
		events = append(events, e)
	}
	return events
}

// eventDimensions are those that events have.
var eventDimensions = append(slices.DeleteFunc(slices.Clone(metric.Dimensions), func(d metric.Dimension) bool {
	return slices.Contains(metric.Programs, d) || d == metric.OfGoal
}), metric.Property("plan"))

// members are of visitors of Odd, by user id and anonymous id.
var members = []metric.Member{{Visitor: "u1", Segment: "fans"}, {Visitor: "u1", Segment: "buyers"}, {Visitor: "u2", Segment: "buyers"}, {Visitor: "a1", Segment: "fans"}, {Visitor: "a2", Segment: "/1"}, {Visitor: "nobody", Segment: "fans"}}

// question makes a random question about the time around at.
func question(r *rand.Rand, at time.Time, zone *time.Location) metric.Query {
	q := metric.Query{Site: pick(r, "a", "a", "b", "none"), Metric: metric.OfEvents[r.IntN(slices.Index(metric.OfEvents, metric.OfGoals[0]))], Zone: zone, Bots: r.IntN(3) == 0,
		Currency: pick(r, "", "EUR", "EUR", "USD"), Members: members}
	q.Step = append(period.Steps, period.Total)[r.IntN(len(period.Steps)+1)]
	begin := at.Add(-time.Duration(r.Int64N(int64(40 * time.Hour))))
	q.Window = period.Window{From: begin, To: begin.Add(time.Duration(1 + r.Int64N(int64(60*time.Hour))))}
	if r.IntN(2) == 0 {
		day := period.Day.Start(at, zone)
		q.Window = period.Window{From: period.Day.Start(day.Add(-30*time.Hour), zone), To: day.Add(26 * time.Hour)}
	}
	if r.IntN(2) == 0 {
		q.By = eventDimensions[r.IntN(len(eventDimensions))]
		q.Limit = r.IntN(5)
	}
	for range r.IntN(3) - r.IntN(2) {
		q.Filters = append(q.Filters, []metric.Filter{{Dimension: "page", Value: "/1"}, {Dimension: "country", Value: ""},
			{Dimension: "device", Value: "desktop"}, {Dimension: "class", Value: "direct"}, {Dimension: "title", Value: "Ä"},
			{Dimension: "language", Value: "de-AT"}, {Dimension: "city", Value: "O'Fallon (DE-1)"}, {Dimension: "screen", Value: ""},
			{Dimension: metric.ExitPage, Value: "/2"}, {Dimension: metric.Segment, Value: pick(r, "", "fans", "buyers")}}[r.IntN(10)])
	}
	if r.IntN(6) == 0 && !slices.Contains(metric.Traded, q.Metric) {
		q.Affiliate = &metric.Affiliate{ID: "x", Codes: [][]string{{"ANNA"}, {"ANNA", "O'Ben"}, {}}[r.IntN(3)]}
	}
	if slices.Contains(metric.Traded, q.Metric) {
		ofProducts(r, &q)
	} else if q.By == "product" || q.By == "category" {
		q.By = ""
	}
	return q
}

// ofProducts makes many questions some of products or categories.
func ofProducts(r *rand.Rand, q *metric.Query) {
	switch r.IntN(5) {
	case 0, 1:
		q.By = metric.Dimension(pick(r, "product", "category"))
	case 2:
		q.Filters = append(q.Filters, []metric.Filter{{Dimension: "product", Value: "a"}, {Dimension: "product", Value: ""},
			{Dimension: "category", Value: "x"}, {Dimension: "bot", Value: ""}}[r.IntN(4)])
	}
}

func same(t *testing.T, s, m store.Store, q metric.Query) {
	t.Helper()
	got, err := s.Answer(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	want, err := m.Answer(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !got.AsOf.Equal(want.AsOf) || got.Source == "" || len(got.Points) != len(want.Points) {
		t.Fatalf("%+v:\n got %v\nwant %v", q, got, want)
	}
	for i, w := range want.Points {
		g := got.Points[i]
		if g.Series != w.Series || !g.Time.Equal(w.Time) || g.Value != w.Value || g.None != w.None || g.Partial != w.Partial {
			t.Fatalf("%+v in %v, point %d of %d:\n got %v\nwant %v", q, q.Zone, i, len(want.Points), g, w)
		}
	}
}

// figures asks the store and the model the same random questions.
func figures(t *testing.T, open Open) {
	for i, p := range Places {
		t.Run(fmt.Sprint(p.Zone, p.At.Format(" 2006-01-02")), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(i), 3))
			zone, err := time.LoadLocation(p.Zone)
			if err != nil {
				t.Fatal(err)
			}
			now := func() time.Time { return p.At.Add(3*time.Hour + 10*time.Minute) }
			dir := t.TempDir()
			s, m := open(t, dir, now), NewModel(now)
			events := Odd(r, p.At, 600)
			for seq := uint64(1); len(events) > 0; seq++ {
				n := min(len(events), 1+r.IntN(200))
				write(t, s, pos(seq), events[:n]...)
				write(t, m, pos(seq), events[:n]...)
				again := events[r.IntN(n):n] // some come twice, out of order
				write(t, s, pos(seq), again...)
				write(t, m, pos(seq), again...)
				events = events[n:]
				if r.IntN(3) == 0 {
					shut(t, s)
					s = open(t, dir, now)
				}
			}
			if s.State() != m.State() {
				t.Fatalf("state is %+v, want %+v", s.State(), m.State())
			}
			if got, want := All(t, s, "", period.Window{}), All(t, m, "", period.Window{}); !reflect.DeepEqual(got, want) {
				t.Fatal("the events differ")
			}
			for range 150 {
				same(t, s, m, question(r, p.At, zone))
			}
			shut(t, s)
		})
	}
}

// table holds figures worked out by hand: the model too must get them right.
func table(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	view := func(id string, visitor uint64, minute int, path, bot string) event.Event {
		e := plain(id, start.Add(time.Duration(minute)*time.Minute))
		e.Visitor, e.Path, e.Bot = visitor, path, bot
		return e
	}
	download := view("d", 1, 5, "/file", "")
	download.Kind, download.Name = event.Track, event.Download
	write(t, s, pos(1),
		view("1", 1, 0, "/", ""), view("2", 1, 30, "/a", ""), view("3", 1, 61, "/", ""), // two sessions, the second a bounce
		view("4", 2, 59, "/b", ""), view("5", 2, 60, "/b", ""), // one session over the full hour
		view("6", 0, 10, "/", ""), view("7", 9, 10, "/", "GPTBot"), download)
	hours := period.Window{From: start, To: start.Add(3 * time.Hour)}
	for _, c := range []struct {
		q    metric.Query
		want string
	}{
		{metric.Query{Metric: metric.PageViews}, "=6"},
		{metric.Query{Metric: metric.PageViews, Bots: true}, "=7"},
		{metric.Query{Metric: metric.PageViews, Step: period.Hour}, "=4 =2 =0"},
		{metric.Query{Metric: metric.PageViews, By: "page"}, "/=3 /b=2 /a=1"},
		{metric.Query{Metric: metric.PageViews, By: "page", Step: period.Hour, Limit: 2}, "/=2 /=1 /=0 /b=1 /b=1 /b=0"},
		{metric.Query{Metric: metric.Visitors}, "=2"},
		{metric.Query{Metric: metric.Visitors, Step: period.Hour}, "=2 =2 =0"},
		// One visitor each over the whole window, so by name, although the steps of /b add up to more than /a's.
		{metric.Query{Metric: metric.Visitors, By: "page", Step: period.Hour}, "/=1 /=1 /=0 /a=1 /a=0 /a=0 /b=1 /b=1 /b=0"},
		{metric.Query{Metric: metric.Sessions}, "=3"},
		{metric.Query{Metric: metric.Sessions, Step: period.Hour}, "=2 =1 =0"},
		{metric.Query{Metric: metric.Sessions, By: "page"}, "/=2 /b=1"},
		{metric.Query{Metric: metric.Sessions, Filters: []metric.Filter{{Dimension: "page", Value: "/a"}}}, "=0"},
		{metric.Query{Metric: metric.Bounces}, "=1"},
		{metric.Query{Metric: metric.Bounces, Bots: true}, "=2"},
		{metric.Query{Metric: metric.Downloads, By: "page"}, "/file=1"},
		{metric.Query{Metric: metric.Downloads, Filters: []metric.Filter{{Dimension: "page", Value: "/' OR 1=1"}}}, "=0"},
		{metric.Query{Metric: metric.Commissions}, ""},
	} {
		c.q.Site, c.q.Window = "a", hours
		if got := spell(t, s, c.q); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.q, got, c.want)
		}
	}
	if _, err := s.Answer(context.Background(), metric.Query{Site: "a", Metric: "Tears", Window: hours}); err == nil {
		t.Error("an unknown metric got an answer")
	}
}

func spell(t *testing.T, s store.Store, q metric.Query) string {
	t.Helper()
	d, err := s.Answer(context.Background(), q)
	if err != nil {
		t.Errorf("%+v: %v", q, err)
	}
	var points []string
	for _, p := range d.Points {
		points = append(points, fmt.Sprintf("%s=%d", p.Series, p.Value))
	}
	return strings.Join(points, " ")
}

// tradeTable holds figures of products and orders worked out by hand.
func tradeTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	track := func(id string, minute int, name, country, properties string) event.Event {
		e := plain(id, start.Add(time.Duration(minute)*time.Minute))
		e.Kind, e.Name, e.Country, e.Properties = event.Track, name, country, properties
		return e
	}
	bot := track("b", 3, "Order Completed", "DE", `{"revenue":1000}`)
	bot.Bot = "GPTBot"
	write(t, s, pos(1), bot,
		track("1", 0, "Product Viewed", "DE", `{"product_id":"cup","category":"kitchen"}`),
		track("2", 1, "Product Viewed", "AT", `{"product_id":"hat"}`),
		track("3", 2, "Product Added", "AT", `{"product_id":"hat"}`),
		// The cup is in it twice; the revenue is not the sum of the lines.
		track("4", 3, "Order Completed", "DE", `{"order_id":"o1","currency":"EUR","revenue":"30.001","products":[{"product_id":"cup","category":"kitchen",
"price":5.5},{"product_id":"hat","price":20,"quantity":1},{"product_id":"cup","category":"kitchen","price":4,"quantity":-1}]}`),
		track("5", 61, "Order Completed", "AT", `{"order_id":"o2","products":[{"product_id":"hat","category":"wear","price":19.99,"quantity":2}]}`),
		track("6", 62, "Order Completed", "AT", `{"order_id":"o3","currency":"USD","products":[{"product_id":"hat","category":"wear","price":7}]}`),
		track("7", 63, "Order Refunded", "AT", `{"order_id":"o2","total":19.99}`))
	write(t, s, pos(2), track("5", 61, "Order Completed", "AT", `{"revenue":5}`))
	hours := period.Window{From: start, To: start.Add(2 * time.Hour)}
	product, category := []metric.Filter{{Dimension: "product", Value: "hat"}}, []metric.Filter{{Dimension: "category", Value: "wear"}}
	for _, c := range []struct {
		q    metric.Query
		want string
	}{
		{metric.Query{Metric: metric.PageViews}, "=0"},
		{metric.Query{Metric: metric.ProductViews, By: "country"}, "AT=1 DE=1"},
		{metric.Query{Metric: metric.ProductViews, By: "category"}, "kitchen=1"},
		{metric.Query{Metric: metric.CartAdds, By: "product"}, "hat=1"},
		{metric.Query{Metric: metric.Orders, Step: period.Hour}, "=1 =2"},
		{metric.Query{Metric: metric.Orders, Bots: true}, "=4"},
		{metric.Query{Metric: metric.Orders, By: "product"}, "hat=3 cup=1"},
		{metric.Query{Metric: metric.Revenue, Currency: "EUR"}, "=69981"},
		{metric.Query{Metric: metric.Revenue}, "=39980"},
		{metric.Query{Metric: metric.Revenue, Bots: true, Currency: "EUR"}, "=1069981"},
		{metric.Query{Metric: metric.Revenue, By: "country", Currency: "USD"}, "AT=46980"}, // DE has none, although it has an order
		{metric.Query{Metric: metric.Revenue, By: "product", Currency: "EUR"}, "hat=59980 cup=1500"},
		{metric.Query{Metric: metric.Revenue, By: "product", Currency: "EUR", Step: period.Hour, Limit: 1}, "hat=20000 hat=39980"},
		{metric.Query{Metric: metric.Revenue, Filters: product, Currency: "EUR"}, "=59980"},
		{metric.Query{Metric: metric.Revenue, Filters: product, By: "country", Currency: "EUR"}, "AT=39980 DE=20000"},
		{metric.Query{Metric: metric.Orders, Filters: category, By: "product"}, "hat=2"},
		{metric.Query{Metric: metric.Orders, Filters: append(product, category...)}, "=2"},
		{metric.Query{Metric: metric.Refunds}, "=1"},
		{metric.Query{Metric: metric.Refunded}, "=19990"},
		{metric.Query{Metric: metric.Refunds, By: "product"}, ""},
	} {
		c.q.Site, c.q.Window = "a", hours
		if got := spell(t, s, c.q); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.q, got, c.want)
		}
	}
}
