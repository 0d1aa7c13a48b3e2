package segment

import (
	"fmt"
	"testing"

	"footfall/period"
)

// buyer is a visitor with 200 items in each of 12 months, on four days each, up
// to a day.
func buyer(today period.Date) History {
	h := History{}
	for i := range 200 {
		item := []Item{{Product, fmt.Sprintf("p%d", i)}, {Category, fmt.Sprintf("c%d", i)}}[i%2]
		if i == 0 {
			item = Whole
		}
		for day := today - 360; day <= today; day += 7 {
			h.add(item, DayCounts{day, Counts{Views: 3, Adds: 1, Orders: 1, Revenue: 19_990}})
		}
	}
	return h
}

func twenty() (definitions []Definition) {
	for i := range 20 {
		definitions = append(definitions, Definition{fmt.Sprintf("s%d", i), 1, Every{
			Figure{Views, Item{Product, fmt.Sprintf("p%d", 2*i)}, Window{Months: 3}, AtLeast, 3},
			Not{Figure{Orders, Whole, Window{Days: 30}, Exactly, 0}},
			Any{Figure{Revenue, Whole, Window{}, AtLeast, 100_000}, Trait{"plan", Equals, "pro"}}}})
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
		h := History{}
		for _, r := range rows {
			_ = h.AddRow(r)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	e, h := track("Order Completed", order), History{}
	for b.Loop() {
		h.Add(e, "EUR", 14000)
	}
}
