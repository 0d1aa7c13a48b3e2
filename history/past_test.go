package history

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"footfall/event"
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
		h.AddDay(Whole, DayCounts{100, Counts{Revenue: amount}})
	}
	if len(h) != 0 {
		t.Errorf("left: %v", h)
	}
}

func TestRow(t *testing.T) {
	h := History{{Product, "B4"}: {{date(t, "2008-04-01"), Counts{Views: 3}}, {date(t, "2008-04-30"), Counts{Orders: 1, Revenue: -25500}},
		{date(t, "2008-05-01"), Counts{Adds: 64}}}}
	april, may := date(t, "2008-04-01"), date(t, "2008-05-01")
	// docs/format/history.md shows this row.
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

// TestSetDay: a row with a day set is the row of the history that has that day.
func TestSetDay(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	month := date(t, "2008-02-01")
	for range 200 {
		h, r := History{}, Row{Item: Whole, Month: month}
		for range rng.IntN(60) {
			day := DayCounts{month + period.Date(rng.IntN(29)), Counts{Views: rng.Int64N(3), Refunded: rng.Int64N(3) - 1}}
			h.Drop(day.Date, day.Date+1)
			h.AddDay(Whole, day)
			if err := r.SetDay(day.Date, day.Counts); err != nil {
				t.Fatal(err)
			}
			want := Row{Item: Whole, Month: month}
			if rows := h.Rows(); len(rows) > 0 {
				want = rows[0]
			}
			if !reflect.DeepEqual(r, want) {
				t.Fatalf("set %v: the row is %v, want %v", day, r, want)
			}
		}
	}
	r := Row{Whole, month, []byte{1, 1}}
	if err := r.SetDay(month, Counts{}); err == nil || len(r.Days) != 2 {
		t.Errorf("a damaged row: error %v, row %v", err, r)
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
