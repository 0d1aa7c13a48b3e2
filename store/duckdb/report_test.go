package duckdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
)

// tableBy is a table's values of the n-th metric by its keys.
func tableBy(t *testing.T, s *duckdb.Store, r metric.Report, n int) map[string]int64 {
	t.Helper()
	table, err := s.Tabulate(context.Background(), r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	values := map[string]int64{}
	for _, row := range table.Rows {
		if row.Values[n].N != 0 {
			values[strings.Join(row.Keys, " ")] = row.Values[n].N
		}
	}
	return values
}

// TestReportsOfOrders recounts reports, and cohorts, over a shop's real orders, from its file and
// its truth.
func TestReportsOfOrders(t *testing.T) {
	var truth struct {
		Countries map[string]traded `json:"per_country"`
	}
	readTruth(t, "shop-orders/truth.json", &truth)
	zone := zoneOf(t, "Europe/London")
	events := orderEvents(t, zone)
	s := load(t, events)
	r := metric.Report{Site: "shop", Zone: zone, Currency: "GBP", Metrics: []metric.Name{metric.Orders, metric.Revenue, metric.AverageOrder}, By: []metric.Dimension{"country"},
		Window: period.Window{From: time.Date(2010, 12, 1, 0, 0, 0, 0, zone), To: time.Date(2011, 7, 1, 0, 0, 0, 0, zone)}}
	compare(t, "orders of countries", tableBy(t, s, r, 0), column(metric.Orders, truth.Countries))
	compare(t, "revenue of countries", tableBy(t, s, r, 1), column(metric.Revenue, truth.Countries))
	average, hours, germans, refunds := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	for country, of := range truth.Countries {
		if orders := of.of(metric.Orders); orders > 0 {
			average[country] = (2*of.of(metric.Revenue) + orders) / (2 * orders)
		}
	}
	compare(t, "the average order of countries", tableBy(t, s, r, 2), average)
	refunders := map[uint64]bool{}
	for _, e := range events {
		refunders[e.Visitor] = refunders[e.Visitor] || e.Name == "Order Refunded" && e.Visitor != 0
	}
	for _, e := range events {
		if e.Name != "Order Completed" {
			continue
		}
		at := e.Time.In(zone)
		hours[fmt.Sprintf("%d %02d", (int(at.Weekday())+6)%7+1, at.Hour())]++
		var said map[string]any
		if err := json.Unmarshal([]byte(e.Properties), &said); err != nil {
			t.Fatal(err)
		}
		if slices.Contains([]string{"Germany", "France"}, e.Country) {
			germans[said["order_id"].(string)]++
		}
		if refunders[e.Visitor] {
			refunds[e.Country]++
		}
	}
	r.Metrics, r.By = r.Metrics[:1], []metric.Dimension{metric.Weekday, metric.HourOfDay}
	compare(t, "orders of weekdays and hours", tableBy(t, s, r, 0), hours)
	r.By, r.Where = []metric.Dimension{metric.Property("order_id")}, &metric.Where{Dimension: "country", Op: metric.Matches, Values: []string{"^Germ", "^France$"}}
	compare(t, "orders by their number", tableBy(t, s, r, 0), germans)
	done := metric.Where{Dimension: "event", Op: metric.Is, Values: []string{"Order Refunded"}}
	r.By, r.Where = []metric.Dimension{"country"}, &metric.Where{Done: &done}
	compare(t, "orders of those who gave something back", tableBy(t, s, r, 0), refunds)
	cohortsOfOrders(t, s, events, zone)
}

// TestNoJSON: properties that are none, and names of all sorts, do no harm.
func TestNoJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var events []event.Event
	for i, p := range []string{`{"a":"b"}`, `no JSON`, `{"a":`, `["a"]`, `7`, ``, `{"a'":"'"}`, `{"$.a":"dollar","*":"star"}`} {
		events = append(events, event.Event{ID: fmt.Sprint(i), Site: "s", Kind: event.Track, Name: "x", Time: at, Original: at, Received: at, Visitor: 1, Properties: p})
	}
	s := load(t, events)
	for name, want := range map[string]map[string]int64{"a": {"b": 1, "": 7}, "a'": {"'": 1, "": 7}, "$.a": {"dollar": 1, "": 7}, "*": {"star": 1, "": 7}, "'; DROP TABLE events": {"": 8}} {
		r := metric.Report{Site: "s", Metrics: []metric.Name{metric.Events}, By: []metric.Dimension{metric.Property(name)}, Window: period.Window{From: at, To: at.Add(time.Hour)}}
		compare(t, name, tableBy(t, s, r, 0), want)
	}
}

// TestClockOfLeapYears: the last day of a leap year, behind the changes of the clock
// that a zone database lists, has an end as every other one.
func TestClockOfLeapYears(t *testing.T) {
	zone := zoneOf(t, "Europe/Berlin")
	at := time.Date(2040, 12, 31, 23, 30, 0, 0, zone) // a Monday
	var events []event.Event
	for i, at := range []time.Time{at, at.Add(time.Hour), at.AddDate(0, 4, 0)} {
		events = append(events, event.Event{ID: fmt.Sprint(i), Site: "s", Kind: event.Page, Time: at, Original: at, Received: at, Visitor: 1})
	}
	s := load(t, events)
	for _, from := range []time.Time{at.AddDate(0, -3, 0), at.Add(-time.Hour)} {
		r := metric.Report{Site: "s", Zone: zone, Metrics: []metric.Name{metric.PageViews}, By: []metric.Dimension{metric.Weekday, metric.HourOfDay},
			Window: period.Window{From: from, To: at.AddDate(0, 5, 0)}}
		compare(t, from.String(), tableBy(t, s, r, 0), map[string]int64{"1 23": 1, "2 00": 1, "3 23": 1})
	}
}
