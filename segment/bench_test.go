package segment

import (
	"fmt"
	"testing"

	"footfall/history"
	"footfall/period"
)

// buyer is a visitor with 200 items in each of 12 months, on four days each, up
// to a day.
func buyer(today period.Date) history.History {
	h := history.History{}
	for i := range 200 {
		item := []history.Item{{Kind: history.Product, Value: fmt.Sprintf("p%d", i)}, {Kind: history.Category, Value: fmt.Sprintf("c%d", i)}}[i%2]
		if i == 0 {
			item = history.Whole
		}
		for day := today - 360; day <= today; day += 7 {
			h.AddDay(item, history.DayCounts{Date: day, Counts: history.Counts{history.Views: 3, history.Adds: 1, history.Orders: 1, history.Revenue: 19_990}})
		}
	}
	return h
}

func twenty() (definitions []Definition) {
	for i := range 20 {
		definitions = append(definitions, Definition{fmt.Sprintf("s%d", i), 1, Every{
			Figure{history.Views, history.Item{Kind: history.Product, Value: fmt.Sprintf("p%d", 2*i)}, Window{Months: 3}, AtLeast, 3},
			Not{Figure{history.Orders, history.Whole, Window{Days: 30}, Exactly, 0}},
			Any{Figure{history.Revenue, history.Whole, Window{}, AtLeast, 100_000}, Trait{"plan", Equals, "pro"}}}})
	}
	return definitions
}

func BenchmarkMatch(b *testing.B) {
	today := period.Date(14000)
	h, definitions := buyer(today), twenty()
	for b.Loop() {
		Memberships(definitions, h, nil, today)
	}
}

func BenchmarkReadHistory(b *testing.B) {
	rows := buyer(14000).Rows()
	b.ReportMetric(float64(len(rows)), "rows")
	for b.Loop() {
		h := history.History{}
		for _, r := range rows {
			_ = h.AddRow(r)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	e, h := track("Order Completed", order), history.History{}
	for b.Loop() {
		Count(h, e, "EUR", 14000)
	}
}
