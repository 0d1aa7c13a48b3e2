package duckdb_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
)

// viewOf is that a product of a category is viewed.
func viewOf(category string) metric.Act {
	return metric.Act{Event: "Product Viewed", Where: &metric.Where{Dimension: metric.Property("category"), Op: metric.Is, Values: []string{category}}}
}

// TestWorthOfSeveral: where objects within say other amounts by the same name, which are
// the same double, none of them is told.
func TestWorthOfSeveral(t *testing.T) {
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	var events []event.Event
	for worth, properties := range map[string]string{"none": `{"of":{"value":4.0005},"value":4.00049999999999999}`, "one": `{"of":{"value":4.00049999999999999},"value":4.00049999999999999}`} {
		events = append(events, event.Event{ID: worth, Site: "a", Kind: event.Track, Name: "Donated", Time: at, Original: at, Received: at, Visitor: 1, Title: worth, Properties: properties})
	}
	s := load(t, events)
	got := tableBy(t, s, metric.Report{Site: "a", Currency: "EUR", Window: period.Window{From: at, To: at.Add(time.Hour)}, Metrics: []metric.Name{metric.GoalValue}, By: []metric.Dimension{"title"},
		Goals: []metric.Goal{{Name: "Donation", Act: metric.Act{Event: "Donated"}, ValueOf: "value"}}}, 0)
	compare(t, "amounts", got, map[string]int64{"one": 4000})
}

// clickFunnels recounts funnels through a shop's categories from its file, in which
// the clicks of a session stand one behind the other.
func clickFunnels(t *testing.T, s *duckdb.Store, q metric.Query) {
	walks := map[string]string{} // the categories of a session's clicks, one character each
	rows(t, "shop-clickstream/clicks.csv.gz", ';', func(row []string) {
		if n, err := strconv.Atoi(row[3]); err != nil || n <= len(walks[row[5]]) || len(row[6]) != 1 {
			t.Fatal(row)
		}
		walks[row[5]] += row[6]
	})
	for _, path := range []string{"124", "4321", "1111", "44"} {
		want := make([]int64, len(path))
		for _, walk := range walks {
			at := 0
			for i := range walk {
				if at < len(path) && walk[i] == path[at] {
					want[at]++
					at++
				}
			}
		}
		f := metric.Funnel{Site: q.Site, Window: q.Window}
		for _, category := range path {
			f.Steps = append(f.Steps, viewOf(string(category)))
		}
		got, err := s.Funnel(t.Context(), f)
		if err != nil || !slices.Equal(got.Visitors, want) || slices.Contains(want, 0) {
			t.Errorf("the way %s: %v, %v; want %v", path, got.Visitors, err, want)
		}
		if f.Within = time.Hour; path == "44" { // no session lasts so long here
			if got, err = s.Funnel(t.Context(), f); err != nil || !slices.Equal(got.Visitors, want) {
				t.Errorf("the way %s within an hour: %v, %v; want %v", path, got.Visitors, err, want)
			}
		}
	}
}

// clickGoals recounts goals of a shop's categories by country, from its file.
func clickGoals(t *testing.T, s *duckdb.Store, q metric.Query) {
	completions, worth, buyers := map[string]int64{}, map[string]int64{}, map[string]int64{}
	seen := map[string]bool{}
	rows(t, "shop-clickstream/clicks.csv.gz", ';', func(row []string) {
		price, err := strconv.ParseInt(row[11], 10, 64)
		if err != nil {
			t.Fatal(row)
		}
		reached := []string{"any view"}
		if row[6] == "4" {
			reached = append(reached, "sale")
		}
		for _, goal := range reached {
			key := goal + " " + row[4]
			if completions[key]++; !seen[key+" "+row[5]] {
				buyers[key]++
			}
			seen[key+" "+row[5]] = true
			if worth[key] += price * 1000; goal == "any view" {
				worth[key] += 250 - price*1000
			}
		}
	})
	r := metric.Report{Site: q.Site, Zone: q.Zone, Window: q.Window, Metrics: []metric.Name{metric.GoalCompletions, metric.GoalVisitors, metric.GoalValue}, By: []metric.Dimension{metric.OfGoal, "country"},
		Goals: []metric.Goal{{Name: "sale", Act: viewOf("4"), ValueOf: "price"}, {Name: "any view", Act: metric.Act{Event: "Product Viewed"}, Value: 250}}}
	for i, want := range []map[string]int64{completions, buyers, worth} {
		compare(t, fmt.Sprintf("%s by goal and country", r.Metrics[i]), tableBy(t, s, r, i), want)
	}
}
