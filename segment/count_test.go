package segment

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/history"
	"footfall/metric"
	"footfall/period"
)

func date(t testing.TB, s string) period.Date {
	t.Helper()
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return period.DateOf(at, nil)
}

func track(name, properties string) *event.Event {
	return &event.Event{Kind: event.Track, Name: name, Properties: properties}
}

// fromRows is a history after it was kept.
func fromRows(t testing.TB, h history.History) history.History {
	t.Helper()
	back := history.History{}
	for _, r := range h.Rows() {
		if err := back.AddRow(r); err != nil {
			t.Fatal(err)
		}
	}
	return back
}

const order = `{"order_id":"1","currency":"EUR","revenue":"25.505","products":[
	{"product_id":"B4","category":"blouses","price":5.25,"quantity":2},
	{"product_id":"B4","category":"blouses","price":5,"quantity":1},
	{"sku":"T1","category":"trousers","price":10}]}`

func TestAdd(t *testing.T) {
	day := period.Date(15000)
	views, adds := history.Counts{history.Views: 1}, history.Counts{history.Adds: 1}
	for _, c := range []struct {
		name string
		e    *event.Event
		want map[history.Item]history.Counts
	}{
		{"a page", &event.Event{Kind: event.Page}, map[history.Item]history.Counts{history.Whole: views}},
		{"a screen", &event.Event{Kind: event.Screen}, map[history.Item]history.Counts{history.Whole: views}},
		{"a bot's page", &event.Event{Kind: event.Page, Bot: "x"}, nil},
		{"a download", track(event.Download, ""), nil},
		{"anything else", track("Signed Up", `{"product_id":"B4"}`), nil},
		{"a product seen", track("Product Viewed", `{"product_id":"B4","category":"blouses"}`),
			map[history.Item]history.Counts{{Kind: history.Product, Value: "B4"}: views, {Kind: history.Category, Value: "blouses"}: views}},
		{"a product without category", track("Product Added", `{"sku":"B4"}`), map[history.Item]history.Counts{history.Whole: adds, {Kind: history.Product, Value: "B4"}: adds}},
		{"an order", track("Order Completed", order), map[history.Item]history.Counts{
			history.Whole: {history.Orders: 1, history.Revenue: 25505}, {Kind: history.Product, Value: "B4"}: {history.Orders: 1, history.Revenue: 15500}, {Kind: history.Product, Value: "T1"}: {history.Orders: 1, history.Revenue: 10000},
			{Kind: history.Category, Value: "blouses"}: {history.Orders: 1, history.Revenue: 15500}, {Kind: history.Category, Value: "trousers"}: {history.Orders: 1, history.Revenue: 10000}}},
		{"foreign money", track("Order Completed", `{"currency":"USD","products":[{"product_id":"B4","price":5}]}`),
			map[history.Item]history.Counts{history.Whole: {history.Orders: 1}, {Kind: history.Product, Value: "B4"}: {history.Orders: 1}}},
		{"a refund", track("Order Refunded", `{"total":5,"products":[{"product_id":"B4","price":5}]}`),
			map[history.Item]history.Counts{history.Whole: {history.Refunds: 1, history.Refunded: 5000}, {Kind: history.Product, Value: "B4"}: {history.Refunds: 1, history.Refunded: 5000}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, got := history.History{}, map[history.Item]history.Counts{}
			Count(h, c.e, "EUR", day)
			for item := range h {
				got[item] = h.Sum(item, day, day+1)
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// randomEvent is of few products and categories, so that they meet.
func randomEvent(r *rand.Rand) *event.Event {
	if r.IntN(3) == 0 {
		return &event.Event{Kind: event.Page}
	}
	names := []string{"Product Viewed", "Product Added", "Order Completed", "Order Refunded"}
	line := func() string {
		return fmt.Sprintf(`{"product_id":"p%d","category":"c%d","price":%d.%03d,"quantity":%d}`, r.IntN(5), r.IntN(3), r.IntN(90), r.IntN(1000), r.IntN(4))
	}
	return track(names[r.IntN(len(names))], `{"currency":"`+[]string{"EUR", "USD", ""}[r.IntN(3)]+`","products":[`+line()+","+line()+`]}`)
}

// binned names what each figure of a visitor is in the bins of a site: for the
// visitor as a whole and for an item.
var binned = [len(history.Counts{})]struct{ whole, item metric.Name }{
	history.Views:    {metric.PageViews, metric.ProductViews},
	history.Adds:     {metric.CartAdds, metric.CartAdds},
	history.Orders:   {metric.Orders, metric.Orders},
	history.Revenue:  {metric.Revenue, metric.Revenue},
	history.Refunds:  {metric.Refunds, metric.Refunds},
	history.Refunded: {metric.Refunded, metric.Refunded},
}

// TestAddsUp: the histories of all visitors add up to the bins of the site, in
// any order of events and however they are parted and kept.
func TestAddsUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	whole, first, second := history.History{}, history.History{}, history.History{}
	tally := map[period.Date]bins.Tally{}
	for range 3000 {
		e, day := randomEvent(r), period.Date(14000+r.IntN(100))
		if tally[day] == nil {
			tally[day] = bins.Tally{}
		}
		tally[day].Add(e, "EUR")
		Count(whole, e, "EUR", day)
		Count([]history.History{first, second}[r.IntN(2)], e, "EUR", day)
	}
	parts := append(first.Rows(), second.Rows()...)
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	mixed := history.History{}
	for _, row := range parts {
		if err := mixed.AddRow(row); err != nil {
			t.Fatal(err)
		}
	}
	first.Merge(second)
	for name, h := range map[string]history.History{"merged": first, "kept": fromRows(t, whole), "kept in parts, read in disorder": mixed} {
		if !reflect.DeepEqual(h, whole) {
			t.Errorf("%s: not the same history", name)
		}
	}
	days := 0
	for item, list := range whole {
		days += len(list)
		for _, day := range list {
			subject := bins.Subject{By: metric.Dimension(item.Kind), Value: item.Value}
			if item == history.Whole {
				subject = bins.Subject{}
			}
			for m, is := range binned {
				name := is.item
				if item == history.Whole {
					name = is.whole
				}
				if want := tally[day.Date][subject].Counts[bins.Place(name)]; day.Counts[m] != want {
					t.Fatalf("%v on %s: %d %s, the site's bins have %d", item, day.Date, day.Counts[m], history.Metric(m), want)
				}
			}
		}
	}
	if days != 9*100 {
		t.Errorf("%d days of items, want all of 100 of the visitor, 5 products and 3 categories", days)
	}
}
