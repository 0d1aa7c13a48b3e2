package period_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"footfall/period"
)

// date is a date by its name: 2023-05-03.
func date(t testing.TB, s string) period.Date {
	t.Helper()
	return period.DateOf(instant(t, s+"T12:00:00Z"), nil)
}

func TestDateKeys(t *testing.T) {
	for _, c := range []struct{ date, day, month, year, monthStart, nextMonth string }{
		{"2023-05-03", "D2023-123", "M2023-05", "Y2023", "2023-05-01", "2023-06-01"},
		{"2024-12-31", "D2024-366", "M2024-12", "Y2024", "2024-12-01", "2025-01-01"},
		{"2024-01-01", "D2024-001", "M2024-01", "Y2024", "2024-01-01", "2024-02-01"},
		{"1969-12-31", "D1969-365", "M1969-12", "Y1969", "1969-12-01", "1970-01-01"},
		{"1970-01-01", "D1970-001", "M1970-01", "Y1970", "1970-01-01", "1970-02-01"},
		{"0987-02-28", "D0987-059", "M0987-02", "Y0987", "0987-02-01", "0987-03-01"},
	} {
		d := date(t, c.date)
		got := []string{d.String(), d.Day(), d.Month(), d.Year(), d.MonthStart().String(), d.NextMonth().String()}
		want := []string{c.date, c.day, c.month, c.year, c.monthStart, c.nextMonth}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if d := period.Date(0); d.String() != "1970-01-01" || period.Date(-1).String() != "1969-12-31" {
		t.Errorf("day 0 is %s, the one before %s", d, d-1)
	}
}

// TestDateKeysAreReadBack goes through every day of some centuries.
func TestDateKeysAreReadBack(t *testing.T) {
	last := date(t, "2200-01-01")
	for d := date(t, "1583-01-01"); d < last; d++ {
		if from, to, err := period.ParsePeriod(d.Day()); err != nil || from != d || to != d+1 {
			t.Fatalf("%s: %s to %s, %v", d.Day(), from, to, err)
		}
		from, to, err := period.ParsePeriod(d.Month())
		if err != nil || from != d.MonthStart() || to != d.NextMonth() || from > d || to <= d {
			t.Fatalf("%s: %s to %s, %v", d.Month(), from, to, err)
		}
		from, to, err = period.ParsePeriod(d.Year())
		if err != nil || from != d.InYear(1) || to != to.InYear(1) || from > d || to <= d || to-from < 365 || to-from > 366 {
			t.Fatalf("%s: %s to %s, %v", d.Year(), from, to, err)
		}
		if d.InYear(d.DayOfYear()) != d || from+period.Date(d.DayOfYear()) != d+1 {
			t.Fatalf("%s: day %d of the year", d, d.DayOfYear())
		}
	}
	if from, to, err := period.ParsePeriod(period.All); err != nil || from != 0 || to != 0 {
		t.Errorf("%s: %d to %d, %v", period.All, from, to, err)
	}
}

var notPeriods = []string{"", "D", "M", "Y", "total", "TOTAL ", "2023", "2023-05", "D2023-000", "D2023-366", "D2024-367", "D2023-12",
	"D2023-1234", "D2023 123", "D2023-+12", "D-001-123", "D+123-123", "M2023-13", "M2023-00", "M2023-5", "M2023-5 ", "M-123-05", "M2023/05", "Y023",
	"Y20230", "Y-023", "Y+123", "y2023", "d2023-123", "D２023", "W2023-01"}

func TestParsePeriodRefuses(t *testing.T) {
	for _, key := range notPeriods {
		if from, to, err := period.ParsePeriod(key); err == nil {
			t.Errorf("%q passed as %s to %s", key, from, to)
		} else if !strings.Contains(err.Error(), "D2023-123") {
			t.Errorf("%q: %v does not say what is right", key, err)
		}
	}
}

// FuzzParsePeriod holds that a key that is read is written in the same way.
func FuzzParsePeriod(f *testing.F) {
	for _, key := range append([]string{"D2023-123", "M2023-05", "Y2023"}, notPeriods...) {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		from, to, err := period.ParsePeriod(key)
		if err != nil || key == period.All {
			return
		}
		if from >= to || key != from.Day() && key != from.Month() && key != from.Year() {
			t.Errorf("%q is %s to %s", key, from, to)
		}
	})
}

// Each case is the window of a date as instants, and how long it is.
func TestDateWindow(t *testing.T) {
	for _, c := range []struct {
		zone, date, from string
		hours            float64
	}{
		{"UTC", "2024-02-29", "2024-02-29T00:00:00Z", 24},
		{"Europe/Berlin", "2024-03-31", "2024-03-31T00:00:00+01:00", 23},
		{"Europe/Berlin", "2024-10-27", "2024-10-27T00:00:00+02:00", 25},
		{"Asia/Kolkata", "2024-05-01", "2024-04-30T18:30:00Z", 24},
		{"Asia/Kathmandu", "2024-05-01", "2024-04-30T18:15:00Z", 24},
		{"Australia/Lord_Howe", "2024-10-06", "2024-10-06T00:00:00+10:30", 23.5},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", 24},
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", 0}, // never was
		{"Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00", 24},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", 23}, // without midnight
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", 25}, // its last hour twice
		{"America/Havana", "2024-03-10", "2024-03-10T01:00:00-04:00", 23},
		// At 0:01 of the 29th the clock was set back to the 28th.
		{"America/St_Johns", "2006-10-28", "2006-10-28T00:00:00-02:30", 24},
		{"America/St_Johns", "2006-10-29", "2006-10-29T00:00:00-02:30", 25},
	} {
		d := date(t, c.date)
		w := d.Window(zone(t, c.zone))
		if !w.From.Equal(instant(t, c.from)) || w.To.Sub(w.From).Hours() != c.hours {
			t.Errorf("%s %s: from %s for %s, want from %s for %v h", c.zone, c.date, w.From.Format(time.RFC3339), w.To.Sub(w.From), c.from, c.hours)
		}
		if w.From.Before(w.To) && (period.DateOf(w.From, w.From.Location()) != d || period.DateOf(w.To.Add(-1), w.From.Location()) != d) {
			t.Errorf("%s %s: its ends are dates %s and %s", c.zone, c.date, period.DateOf(w.From, w.From.Location()), period.DateOf(w.To.Add(-1), w.From.Location()))
		}
	}
	// Seen twice, but the day had begun: it goes on.
	if d := period.DateOf(instant(t, "2006-10-28T23:30:00-03:30"), zone(t, "America/St_Johns")); d.String() != "2006-10-29" {
		t.Errorf("after the clock was set back it is %s", d)
	}
}

// Each case is a window, the dates in it and whether it is made of dates.
func TestWindowDates(t *testing.T) {
	for _, c := range []struct {
		zone, from, to, want string
		whole                bool
	}{
		{"UTC", "2024-02-28", "2024-03-02", "2024-02-28 2024-03-02", true},
		{"Europe/Berlin", "2024-03-31", "2024-04-01", "2024-03-31 2024-04-01", true},
		{"Europe/Berlin", "2024-03-31T00:00:00Z", "2024-04-01T00:00:00Z", "2024-03-31 2024-04-02", false},
		{"Europe/Berlin", "2024-03-31", "2024-03-31T23:59:59.999Z", "2024-03-31 2024-04-02", false},
		{"Europe/Berlin", "2024-03-31T00:00:00.001+01:00", "2024-04-01", "2024-03-31 2024-04-01", false},
		{"Asia/Kolkata", "2024-05-01", "2024-05-02", "2024-05-01 2024-05-02", true},
		{"UTC", "2024-04-30T18:30:00Z", "2024-05-01T18:30:00Z", "2024-04-30 2024-05-02", false},
		{"Pacific/Apia", "2011-12-29", "2011-12-31", "2011-12-29 2011-12-31", true},
		{"Pacific/Apia", "2011-12-30", "2012-01-01", "2011-12-31 2012-01-01", true},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-05", "2018-11-04 2018-11-05", true},
		{"America/Sao_Paulo", "2018-11-03T23:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-03 2018-11-04", false},
		{"America/St_Johns", "2006-10-29", "2006-10-30", "2006-10-29 2006-10-30", true},
		{"America/St_Johns", "2006-10-29T00:00:00-03:30", "2006-10-30", "2006-10-29 2006-10-30", false}, // the second midnight
		{"UTC", "2024-02-28", "2024-02-28", "1970-01-01 1970-01-01", false},
		{"UTC", "2024-02-29", "2024-02-28", "1970-01-01 1970-01-01", false},
	} {
		w, err := period.Between(c.from, c.to, zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		from, to, whole := w.Dates(zone(t, c.zone))
		if got := from.String() + " " + to.String(); got != c.want || whole != c.whole {
			t.Errorf("%s from %s to %s: %s, whole %v", c.zone, c.from, c.to, got, whole)
		}
	}
}

// TestDatesTile takes random instants, half of them around changes of the clock:
// the date of an instant contains it, dates leave no gap, and the windows of
// dates are those dates again.
func TestDatesTile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for i := range 30_000 {
		z := zone(t, zones[r.IntN(len(zones))])
		at := time.Unix(r.Int64N(8_000_000_000)-4_000_000_000, r.Int64N(1e9)).In(z)
		if begin, _ := at.ZoneBounds(); i%2 == 0 && !begin.IsZero() {
			at = begin.Add(time.Duration(r.Int64N(int64(60*time.Hour))) - 30*time.Hour)
		}
		d := period.DateOf(at, z)
		w := d.Window(z)
		if at.Before(w.From) || !at.Before(w.To) {
			t.Fatalf("%s %s is of %s, from %s to %s", z, at, d, w.From, w.To)
		}
		if !(d - 1).Window(z).To.Equal(w.From) || !(d + 1).Window(z).From.Equal(w.To) {
			t.Fatalf("%s: there is a gap around %s", z, d)
		}
		end := d + 1 + period.Date(r.IntN(40))
		from, to, whole := period.Window{From: w.From, To: end.Window(z).From}.Dates(z)
		for w := end.Window(z); !w.From.Before(w.To); w = end.Window(z) {
			end++ // a date that never was: the one after it begins there
		}
		if from != d || to != end || !whole {
			t.Fatalf("%s from %s to %s: got %s to %s, whole %v", z, d, end, from, to, whole)
		}
		if at.After(w.From) {
			if from, _, whole := (period.Window{From: at, To: w.To}).Dates(z); from != d || whole {
				t.Fatalf("%s: a part of %s is whole or of %s", z, d, from)
			}
		}
	}
}

// TestDateShift: shifted months and years end where the month does, and units begin
// where the calendar says.
func TestDateShift(t *testing.T) {
	for _, c := range []struct {
		date, shifted, first string
		unit                 period.Step
		n                    int
	}{
		{"2024-02-29", "2023-02-28", "2024-01-01", period.Year, -1},
		{"2024-02-28", "2023-02-28", "2024-01-01", period.Year, -1},
		{"2024-02-29", "2028-02-29", "2024-01-01", period.Year, 4},
		{"2024-03-31", "2024-02-29", "2024-03-01", period.Month, -1},
		{"2023-03-31", "2023-02-28", "2023-03-01", period.Month, -1},
		{"2024-01-31", "2023-12-31", "2024-01-01", period.Month, -1},
		{"2024-12-31", "2025-02-28", "2024-12-01", period.Month, 2},
		{"2024-03-03", "2024-03-10", "2024-02-26", period.Week, 1},
		{"2024-03-04", "2024-02-26", "2024-03-04", period.Week, -1},
		{"2024-03-01", "2024-02-29", "2024-03-01", period.Day, -1},
	} {
		d := date(t, c.date)
		if got := d.Shift(c.unit, c.n).String(); got != c.shifted {
			t.Errorf("%s %+d %s: %s, want %s", c.date, c.n, c.unit, got, c.shifted)
		}
		if got := d.First(c.unit).String(); got != c.first {
			t.Errorf("%s of %s begins on %s, want %s", c.unit, c.date, got, c.first)
		}
	}
}
