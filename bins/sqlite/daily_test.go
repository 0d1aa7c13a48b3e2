package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

func roll(t *testing.T, d *Durable, date period.Date, seq uint64, views int64) {
	t.Helper()
	b := &bins.Bin{Counts: bins.Counts{views}}
	_, err := d.Replace(t.Context(), bins.Rolled{Last: true, Seal: bins.Seal{Position: event.Position{Epoch: 1, Seq: seq, Total: seq}, At: time.Unix(int64(seq), 0)},
		Days: []bins.DayTally{{Day: bins.Day{Site: "s", Date: date}, Zone: "UTC", Tally: bins.Tally{{}: b, {By: "page", Value: "/a"}: b}}}})
	if err != nil {
		t.Fatal(err)
	}
}

func staleDates(t *testing.T, d *Durable) map[period.Date]int64 {
	t.Helper()
	stale, err := d.StaleDates(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	return stale
}

// TestDailyStale: a rolled date is stale until it is settled with the mark it
// has, and again when its bins change or are forgotten.
func TestDailyStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bins.sqlite")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { d.Close() }()
	leap := period.DateOf(time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC), nil) // day 366
	settle := func(stale map[period.Date]int64) {
		t.Helper()
		if err := d.Settle(t.Context(), "s", stale); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want int) {
		t.Helper()
		if stale := staleDates(t, d); len(stale) != want || want == 1 && stale[leap] == 0 {
			t.Errorf("%s: stale %v, want %d", when, stale, want)
		}
	}
	roll(t, d, leap, 1, 5)
	seen := staleDates(t, d)
	roll(t, d, leap, 2, 6)
	settle(seen)
	expect("rolled again while it was written", 1)
	settle(staleDates(t, d))
	expect("settled", 0)
	roll(t, d, leap, 3, 6)
	expect("the same again", 0)
	if err := d.PutPages(t.Context(), "s", []period.Date{leap}, []metric.PageDay{{Date: leap, Page: "/a", Views: 6}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Forget(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	expect("forgotten", 1)
	roll(t, d, leap, 4, 6)
	if _, err := d.writer.Exec("DROP TABLE daily_pages; DROP TABLE daily_stale; DROP TABLE done"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(path); err != nil {
		t.Fatal(err)
	}
	expect("a file from before the table", 1)
}

// TestDailyLines reads more lines than are read at a time, and parts of them.
func TestDailyLines(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "bins.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const day = period.Date(20000)
	var lines []metric.PageDay
	var dates []period.Date
	for date := day; date < day+3; date++ {
		dates = append(dates, date)
		lines = append(lines, metric.PageDay{Date: date, Page: "", Views: 1})
		for i := range 1500 {
			lines = append(lines, metric.PageDay{Date: date, Page: fmt.Sprintf("/%04d", i), Views: int64(i + 1), Visitors: 1, Estimate: i == 3})
		}
	}
	for range 2 { // twice is once
		if err := d.PutPages(t.Context(), "s", dates, lines); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct{ from, to period.Date }{{day, day + 3}, {-1 << 30, 1 << 30}, {day + 1, day + 2}, {day + 2, 1 << 30}, {day + 3, day + 9}, {day + 2, day}} {
		var want, got []metric.PageDay
		for _, l := range lines {
			if l.Date >= x.from && l.Date < x.to {
				want = append(want, l)
			}
		}
		if err := d.PageDays(t.Context(), "s", x.from, x.to, func(l metric.PageDay) error {
			got = append(got, l)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("from %d to %d: %d lines, want %d, or others", x.from, x.to, len(got), len(want))
		}
	}
	if err := d.SetDone(t.Context(), "daily", "s", day); err != nil {
		t.Fatal(err)
	}
	if last, known, err := d.Done(t.Context(), "daily", "s"); err != nil || !known || last != day {
		t.Errorf("done: %v %v %v", last, known, err)
	}
	if _, known, err := d.Done(t.Context(), "daily", "other"); err != nil || known {
		t.Errorf("never done: %v %v", known, err)
	}
}

// TestCounted: every roll of a date changes its mark, also one that changes no
// figure, and of that date only.
func TestCounted(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "bins.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	marks := func() map[period.Date]int64 {
		t.Helper()
		marks, err := d.Counted(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		return marks
	}
	roll(t, d, 20_000, 1, 5)
	first := marks()
	roll(t, d, 20_001, 2, 5)
	roll(t, d, 20_000, 3, 5)
	if second := marks(); len(first) != 1 || len(second) != 2 || second[20_000] <= first[20_000] || second[20_001] < first[20_000] {
		t.Errorf("marks %v, then %v", first, second)
	}
	if other, err := d.Counted(t.Context(), "t"); err != nil || len(other) > 0 {
		t.Errorf("another site has %v, %v", other, err)
	}
}
