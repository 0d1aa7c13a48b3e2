package binstest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// dailyTruth is truth.json of the data set daily-pageviews.
type dailyTruth struct {
	Days   int              `json:"days"`
	Total  int64            `json:"total"`
	Years  map[string]int64 `json:"per_year"`
	Months map[string]int64 `json:"per_month"`
	Last7  map[string]int64 `json:"last7_at_month_end"`
	Last28 map[string]int64 `json:"last28_at_month_end"`
}

// daily reads a file of daily-pageviews, which lies in ../shared/data beside
// the checkout.
func daily(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "daily-pageviews", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	return text
}

// LoadDaily rolls the page views of each day of daily-pageviews into the site
// "daily" and returns them.
func LoadDaily(t *testing.T, d bins.Durable) map[period.Date]int64 {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(daily(t, "daily.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	views := map[period.Date]int64{}
	r := bins.Rolled{Seal: bins.Seal{Position: event.Position{Seq: 1}}}
	for i, record := range records[1:] {
		day, err := time.Parse(time.DateOnly, record[0])
		if err != nil {
			t.Fatal(err)
		}
		var b bins.Bin
		if b.Counts[0], err = strconv.ParseInt(record[1], 10, 64); err != nil {
			t.Fatal(err)
		}
		date := period.DateOf(day, time.UTC)
		views[date] = b.Counts[0]
		r.Days = append(r.Days, bins.DayTally{Day: bins.Day{Site: "daily", Date: date}, Zone: "UTC", Tally: bins.Tally{bins.Subject{}: &b}})
		r.Last = i+2 == len(records)
		if len(r.Days) == 16 || r.Last { // as a Roller would
			replace(t, d, r)
			r.Days = nil
		}
	}
	return views
}

// durableDaily reads the figures of real days, months and years.
func durableDaily(t *testing.T, open OpenDurable) {
	var truth dailyTruth
	if err := json.Unmarshal(daily(t, "truth.json"), &truth); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := open(t, dir)
	views := LoadDaily(t, d)
	shut(t, d)
	d = open(t, dir)
	defer func() { shut(t, d) }()
	sum := func(what string, from, to period.Date, months bool, count int, want int64) {
		t.Helper()
		read, n := 0, int64(0)
		r := bins.Range{Site: "daily", From: from, To: to, Months: months}
		err := d.Read(t.Context(), r, func(_ string, _ bins.Span, b *bins.Bin) error {
			read++
			n += b.Counts[0]
			return nil
		})
		if err != nil || n != want || read != count {
			t.Errorf("%s: %d page views in %d bins (%v), want %d in %d", what, n, read, err, want, count)
		}
	}
	for date, n := range views {
		sum(date.String(), date, date+1, false, 1, n)
	}
	if len(views) != truth.Days {
		t.Errorf("%d days, want %d", len(views), truth.Days)
	}
	sum("total", date(2013, 1, 1), date(2015, 1, 1), true, len(truth.Months), truth.Total)
	sum("total by days", -1<<30, 1<<30, false, truth.Days, truth.Total)
	for name, n := range truth.Years {
		first := parsed(t, "2006", name)
		months := 12
		if name == "2014" {
			months = 6
		}
		sum(name, first, first+365, true, months, n)
	}
	for name, n := range truth.Months {
		first := parsed(t, "2006-01", name)
		end := first.NextMonth()
		sum(name, first, end, true, 1, n)
		sum(name+" by days", first, end, false, int(end-first), n)
		sum("last 7 of "+name, end-7, end, true, 7, truth.Last7[name])
		whole := 28
		if end-first == 28 {
			whole = 1
		}
		sum("last 28 of "+name, end-28, end, true, whole, truth.Last28[name])
	}
}

func parsed(t *testing.T, layout, text string) period.Date {
	t.Helper()
	at, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return period.DateOf(at, time.UTC)
}
