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
	"footfall/metric"
	"footfall/period"
)

// date reads 2011-02-28.
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
func fromRows(t testing.TB, h History) History {
	t.Helper()
	back := History{}
	for _, r := range h.Rows() {
		if err := back.AddRow(r); err != nil {
			t.Fatal(err)
		}
	}
	return back
}

func TestKnown(t *testing.T) {
	for _, c := range []struct {
		e    event.Event
		want string
		ok   bool
	}{
		{event.Event{UserID: "u1", AnonymousID: "a1", Visitor: 7}, "u1", true},
		{event.Event{AnonymousID: "a1", Visitor: 7}, "a1", true},
		{event.Event{Visitor: 7}, "", false}, // a daily hash
		{event.Event{}, "", false},
	} {
		if got, ok := Known(&c.e); got != c.want || ok != c.ok {
			t.Errorf("Known(%+v) = %q, %v", c.e, got, ok)
		}
	}
	if _, ok := Known(&event.Event{UserID: "u1", Bot: "crawler"}); ok {
		t.Error("a bot is known")
	}
}

const order = `{"order_id":"1","currency":"EUR","revenue":"25.505","products":[
	{"product_id":"B4","category":"blouses","price":5.25,"quantity":2},
	{"product_id":"B4","category":"blouses","price":5,"quantity":1},
	{"sku":"T1","category":"trousers","price":10}]}`

func TestAdd(t *testing.T) {
	day := period.Date(15000)
	views, adds := Counts{Views: 1}, Counts{Adds: 1}
	for _, c := range []struct {
		name string
		e    *event.Event
		want map[Item]Counts
	}{
		{"a page", &event.Event{Kind: event.Page}, map[Item]Counts{Whole: views}},
		{"a screen", &event.Event{Kind: event.Screen}, map[Item]Counts{Whole: views}},
		{"a bot's page", &event.Event{Kind: event.Page, Bot: "x"}, nil},
		{"a download", track(event.Download, ""), nil},
		{"anything else", track("Signed Up", `{"product_id":"B4"}`), nil},
		{"a product seen", track("Product Viewed", `{"product_id":"B4","category":"blouses"}`),
			map[Item]Counts{{Product, "B4"}: views, {Category, "blouses"}: views}},
		{"a product without category", track("Product Added", `{"sku":"B4"}`), map[Item]Counts{Whole: adds, {Product, "B4"}: adds}},
		{"an order", track("Order Completed", order), map[Item]Counts{
			Whole: {Orders: 1, Revenue: 25505}, {Product, "B4"}: {Orders: 1, Revenue: 15500}, {Product, "T1"}: {Orders: 1, Revenue: 10000},
			{Category, "blouses"}: {Orders: 1, Revenue: 15500}, {Category, "trousers"}: {Orders: 1, Revenue: 10000}}},
		{"foreign money", track("Order Completed", `{"currency":"USD","products":[{"product_id":"B4","price":5}]}`),
			map[Item]Counts{Whole: {Orders: 1}, {Product, "B4"}: {Orders: 1}}},
		{"a refund", track("Order Refunded", `{"total":5,"products":[{"product_id":"B4","price":5}]}`),
			map[Item]Counts{Whole: {Refunds: 1, Refunded: 5000}, {Product, "B4"}: {Refunds: 1, Refunded: 5000}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, got := History{}, map[Item]Counts{}
			h.Add(c.e, "EUR", day)
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

// TestAddsUp: the histories of all visitors add up to the bins of the site, in
// any order of events and however they are parted and kept.
func TestAddsUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	whole, first, second := History{}, History{}, History{}
	tally := map[period.Date]bins.Tally{}
	for range 3000 {
		e, day := randomEvent(r), period.Date(14000+r.IntN(100))
		if tally[day] == nil {
			tally[day] = bins.Tally{}
		}
		tally[day].Add(e, "EUR")
		whole.Add(e, "EUR", day)
		[]History{first, second}[r.IntN(2)].Add(e, "EUR", day)
	}
	parts := append(first.Rows(), second.Rows()...)
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	mixed := History{}
	for _, row := range parts {
		if err := mixed.AddRow(row); err != nil {
			t.Fatal(err)
		}
	}
	first.Merge(second)
	for name, h := range map[string]History{"merged": first, "kept": fromRows(t, whole), "kept in parts, read in disorder": mixed} {
		if !reflect.DeepEqual(h, whole) {
			t.Errorf("%s: not the same history", name)
		}
	}
	days := 0
	for item, list := range whole {
		days += len(list)
		for _, day := range list {
			subject := bins.Subject{By: metric.Dimension(item.Kind), Value: item.Value}
			if item == Whole {
				subject = bins.Subject{}
			}
			for m, is := range metrics {
				name := is.item
				if item == Whole {
					name = is.whole
				}
				if want := tally[day.Date][subject].Counts[bins.Place(name)]; day.Counts[m] != want {
					t.Fatalf("%v on %s: %d %s, the site's bins have %d", item, day.Date, day.Counts[m], Metric(m), want)
				}
			}
		}
	}
	if days != 9*100 {
		t.Errorf("%d days of items, want all of 100 of the visitor, 5 products and 3 categories", days)
	}
}

func TestDrop(t *testing.T) {
	day := func(date period.Date) DayCounts { return DayCounts{date, Counts{Views: int64(date)}} }
	h := History{Whole: {day(1), day(2), day(3), day(5)}, {Product, "B4"}: {day(2), day(3)}, {Product, "T1"}: {day(4)}}
	h.Drop(2, 4)
	if want := (History{Whole: {day(1), day(5)}, {Product, "T1"}: {day(4)}}); !reflect.DeepEqual(h, want) {
		t.Errorf("left %v, want %v", h, want)
	}
	h.Drop(6, 1)
	if len(h) != 2 {
		t.Errorf("an empty stretch drops something: %v", h)
	}
}

func TestCancelled(t *testing.T) {
	h := History{}
	for _, amount := range []int64{5, -5} { // a day on which nothing is left is none
		h.add(Whole, DayCounts{100, Counts{Revenue: amount}})
	}
	if len(h) != 0 {
		t.Errorf("left: %v", h)
	}
}

func TestRow(t *testing.T) {
	h := History{{Product, "B4"}: {{date(t, "2008-04-01"), Counts{Views: 3}}, {date(t, "2008-04-30"), Counts{Orders: 1, Revenue: -25500}},
		{date(t, "2008-05-01"), Counts{Adds: 64}}}}
	april, may := date(t, "2008-04-01"), date(t, "2008-05-01")
	// docs/segments.md shows this row.
	want := []Row{{Item{Product, "B4"}, april, []byte{1, 1, 0b1, 6, 30, 0b1100, 2, 0xb7, 0x8e, 3}}, {Item{Product, "B4"}, may, []byte{1, 1, 0b10, 0x80, 1}}}
	if got := h.Rows(); !reflect.DeepEqual(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	for name, r := range map[string]Row{
		"no version":      {Month: april},
		"version 0":       {Month: april, Days: []byte{0, 1, 1, 2}},
		"a newer version": {Month: april, Days: []byte{2, 1, 1, 2}},
		"cut":             {Month: april, Days: []byte{1, 1}},
		"cut in a figure": {Month: april, Days: []byte{1, 1, 1}},
		"a day 0":         {Month: april, Days: []byte{1, 0, 1, 2}},
		"a day too late":  {Month: april, Days: []byte{1, 31, 1, 2}},
		"a day twice":     {Month: april, Days: []byte{1, 3, 1, 2, 3, 1, 2}},
		"no figure":       {Month: april, Days: []byte{1, 3, 0}},
		"a zero":          {Month: april, Days: []byte{1, 3, 1, 0}},
		"unknown figures": {Month: april, Days: []byte{1, 3, 0x40, 2}},
		"no month":        {Month: april + 1, Days: []byte{1, 3, 1, 2}},
	} {
		h := History{}
		if err := h.AddRow(r); err == nil || len(h) != 0 {
			t.Errorf("%s: error %v, history %v", name, err, h)
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add([]byte{1, 1, 1, 6, 30, 12, 2, 0xb7, 0x8e, 3})
	month := date(f, "2008-04-01")
	f.Fuzz(func(t *testing.T, b []byte) {
		h := History{}
		if h.AddRow(Row{Whole, month, b}) != nil {
			return
		}
		if !reflect.DeepEqual(fromRows(t, h), h) {
			t.Errorf("%v: reads %v, and differs when it was kept", b, h)
		}
	})
}

func TestAddTraits(t *testing.T) {
	traits := map[string]string{"plan": "free", "email": "a@example.org"}
	identify := func(s string) *event.Event { return &event.Event{Kind: event.Identify, Traits: s} }
	AddTraits(traits, identify(`{"plan":"pro","age":42,"score":1.50,"vip":true,"email":null,"address":{"city":"Łódź"},"interests":["garden",3,{}]}`))
	AddTraits(traits, identify(`[1]`))
	AddTraits(traits, &event.Event{Kind: event.Page, Traits: `{"plan":"none"}`})
	want := map[string]string{"plan": "pro", "age": "42", "score": "1.50", "vip": "true", "address.city": "Łódź", "interests": "garden,3"}
	if !maps.Equal(traits, want) {
		t.Errorf("got %v, want %v", traits, want)
	}
}
