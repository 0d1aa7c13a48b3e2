package duckdb_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
)

// TestJourneysOfClicks recounts journeys over a month of a shop's real clicks, whose
// file has the sessions.
func TestJourneysOfClicks(t *testing.T) {
	zone := zoneOf(t, "Europe/Warsaw")
	var events []event.Event
	sessions := map[uint64][]string{}
	rows(t, "shop-clickstream/clicks.csv.gz", ';', func(row []string) {
		click, wrong := strconv.Atoi(row[3])
		session, bad := strconv.ParseUint(row[5], 10, 64)
		day, worse := strconv.Atoi(row[2])
		if err := cmp.Or(wrong, bad, worse); err != nil {
			t.Fatal(row)
		}
		if row[1] != "4" {
			return
		}
		// The data has no time of day.
		at := time.Date(2008, 4, day, 0, 0, int(session%80_000), click*1_000_000, zone)
		events = append(events, event.Event{ID: row[5] + "-" + row[3], Site: "shop", Kind: event.Page, Time: at, Original: at, Received: at,
			Visitor: session, Country: row[4], Path: "/" + row[7]})
		sessions[session] = append(sessions[session], "/"+row[7])
	})
	s := open(t, t.TempDir(), time.Now)
	t.Cleanup(func() { s.Close() })
	if err := s.Write(t.Context(), events, at(1)); err != nil {
		t.Fatal(err)
	}
	j := metric.Journey{Site: "shop", Zone: zone, Page: "/A2", Steps: 2, Limit: 100, Window: period.Window{From: time.Date(2008, 4, 1, 0, 0, 0, 0, zone), To: time.Date(2008, 5, 1, 0, 0, 0, 0, zone)}}
	for _, j.Way = range metric.Ways {
		p, err := s.Follow(t.Context(), j)
		if err != nil || p.Apart != 0 || p.Views != p.From.Views || len(p.From.Places) < 50 || p.From.Others > 0 {
			t.Fatalf("%v: %+v", err, p)
		}
		got := map[string]int64{}
		flatten("", p.From, got)
		want := walked(sessions, j)
		maps.DeleteFunc(want, func(way string, _ int64) bool { // what the limit leaves out behind the first page
			_, told := got[way]
			return !told && strings.Count(way, " ") == 2 && !strings.HasSuffix(way, " ended")
		})
		compare(t, fmt.Sprint("the pages ", j.Way), got, want)
	}
}

// walked counts the ways from a page through sessions.
func walked(sessions map[uint64][]string, j metric.Journey) map[string]int64 {
	ways := map[string]int64{}
	for _, pages := range sessions {
		pages = slices.Clone(pages)
		if j.Way == metric.Previous {
			slices.Reverse(pages)
		}
		for i, page := range pages {
			if page != j.Page {
				continue
			}
			ways[""]++
			for way, n := "", 1; n <= j.Steps; n++ {
				if i+n >= len(pages) {
					ways[way+" ended"]++
					break
				}
				way += " " + pages[i+n]
				ways[way]++
			}
		}
	}
	return ways
}

// flatten is a place, and those behind it, by the way to them.
func flatten(way string, p metric.Place, into map[string]int64) {
	if into[way] = p.Views; p.Ended > 0 {
		into[way+" ended"] = p.Ended
	}
	for _, next := range p.Places {
		flatten(way+" "+next.Page, next, into)
	}
}

// cohortsOfOrders recounts who bought again, by months, over a shop's real orders.
func cohortsOfOrders(t *testing.T, s *duckdb.Store, events []event.Event, zone *time.Location) {
	t.Helper()
	months := map[string][]string{} // of each customer, those in which something was ordered
	first := map[string]string{}    // month of the first event, a refund or not
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		month := e.Time.In(zone).Format("2006-01")
		if e.UserID == "" {
			continue
		}
		first[e.UserID] = cmp.Or(first[e.UserID], month)
		if e.Name == "Order Completed" && !slices.Contains(months[e.UserID], month) {
			months[e.UserID] = append(months[e.UserID], month)
		}
	}
	want := map[string]int64{}
	for customer, cohort := range first {
		want[cohort]++
		for _, month := range months[customer] {
			if month > cohort && month < "2011-07" {
				want[cohort+" "+month]++
			}
		}
	}
	maps.DeleteFunc(want, func(at string, _ int64) bool { return at < "2011-01" || at > "2011-07" })
	bought := metric.Where{Dimension: "event", Op: metric.Is, Values: []string{"Order Completed"}}
	c, err := s.Retain(t.Context(), metric.Retention{Site: "shop", Zone: zone, Step: period.Month, Return: &bought,
		Window: period.Window{From: time.Date(2011, 1, 20, 0, 0, 0, 0, zone), To: time.Date(2011, 6, 2, 0, 0, 0, 0, zone)}})
	if err != nil || len(c.Rows) != 6 {
		t.Fatalf("%v: %+v", err, c)
	}
	got := map[string]int64{}
	for _, row := range c.Rows {
		cohort := row.Start.Format("2006-01")
		got[cohort] = row.Size
		for _, back := range row.Returned {
			if back.Visitors > 0 {
				got[cohort+" "+back.Start.Format("2006-01")] = back.Visitors
			}
		}
	}
	compare(t, "who bought again", got, want)
}
