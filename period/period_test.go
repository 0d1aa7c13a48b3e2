package period_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tables hold on machines without a zone database

	"footfall/period"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Each case lists the starts of all steps of a window, as the zone's clock shows them.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		zone, from, to string
		step           period.Step
		want           string
	}{
		{"UTC", "2024-02-28", "2024-03-02", period.Day, "02-28T00:00+00:00 02-29T00:00+00:00 03-01T00:00+00:00"},
		{"Europe/Berlin", "2024-03-30", "2024-04-01", period.Day, "03-30T00:00+01:00 03-31T00:00+01:00"},
		{"Europe/Berlin", "2024-03-31T00:00:00+01:00", "2024-03-31T05:00:00+02:00", period.Hour,
			"03-31T00:00+01:00 03-31T01:00+01:00 03-31T03:00+02:00 03-31T04:00+02:00"},
		{"Europe/Berlin", "2024-10-27T01:00:00+02:00", "2024-10-27T04:00:00+01:00", period.Hour,
			"10-27T01:00+02:00 10-27T02:00+02:00 10-27T02:00+01:00 10-27T03:00+01:00"},
		{"Asia/Kolkata", "2024-05-01T00:10:00+05:30", "2024-05-01T02:00:00+05:30", period.Hour, "05-01T00:00+05:30 05-01T01:00+05:30"},
		{"Asia/Kathmandu", "2024-05-01T00:20:00+05:45", "2024-05-01T00:50:00+05:45", period.Quarter,
			"05-01T00:15+05:45 05-01T00:30+05:45 05-01T00:45+05:45"},
		{"Asia/Kathmandu", "2024-05-01", "2024-05-03", period.Day, "05-01T00:00+05:45 05-02T00:00+05:45"},
		// Half an hour less: the hour from 2 to 3 has only its second half.
		{"Australia/Lord_Howe", "2024-10-06T01:00:00+10:30", "2024-10-06T04:00:00+11:00", period.Hour,
			"10-06T01:00+10:30 10-06T02:30+11:00 10-06T03:00+11:00"},
		// Half an hour more: the half hour from 1:30 comes twice, the second time on its own.
		{"Australia/Lord_Howe", "2024-04-07T01:00:00+11:00", "2024-04-07T03:00:00+10:30", period.Hour,
			"04-07T01:00+11:00 04-07T01:30+10:30 04-07T02:00+10:30"},
		{"Australia/Lord_Howe", "2024-04-06", "2024-04-09", period.Day, "04-06T00:00+11:00 04-07T00:00+11:00 04-08T00:00+10:30"},
		{"America/St_Johns", "2024-03-09", "2024-03-12", period.Day, "03-09T00:00-03:30 03-10T00:00-03:30 03-11T00:00-02:30"},
		// Set back one minute after midnight: the day began with the first midnight.
		{"America/St_Johns", "2006-10-28", "2006-10-31", period.Day, "10-28T00:00-02:30 10-29T00:00-02:30 10-30T00:00-03:30"},
		// 30 December 2011 never was.
		{"Pacific/Apia", "2011-12-28", "2012-01-02", period.Day,
			"12-28T00:00-10:00 12-29T00:00-10:00 12-31T00:00+14:00 01-01T00:00+14:00"},
		{"Pacific/Apia", "2011-12-26", "2012-01-09", period.Week, "12-26T00:00-10:00 01-02T00:00+14:00"},
		// Midnight was skipped in spring and came twice in autumn.
		{"America/Sao_Paulo", "2018-11-03", "2018-11-06", period.Day, "11-03T00:00-03:00 11-04T01:00-02:00 11-05T00:00-02:00"},
		{"America/Sao_Paulo", "2018-02-17", "2018-02-20", period.Day, "02-17T00:00-02:00 02-18T00:00-03:00 02-19T00:00-03:00"},
		{"America/Sao_Paulo", "2018-11-01", "2018-12-01", period.Week,
			"10-29T00:00-03:00 11-05T00:00-02:00 11-12T00:00-02:00 11-19T00:00-02:00 11-26T00:00-02:00"},
		{"Europe/Berlin", "2024-01-15", "2024-05-02", period.Month,
			"01-01T00:00+01:00 02-01T00:00+01:00 03-01T00:00+01:00 04-01T00:00+02:00 05-01T00:00+02:00"},
		{"Europe/Berlin", "2023-05-05", "2025-01-01", period.Year, "01-01T00:00+01:00 01-01T00:00+01:00"},
		// A year ends in UTC, and a leap year's 31 December begins, at no border of this zone's hours.
		{"America/St_Johns", "2024-12-31T20:10:00-03:30", "2024-12-31T21:10:00-03:30", period.Hour, "12-31T20:00-03:30 12-31T21:00-03:30"},
		{"America/St_Johns", "2024-12-30T20:10:00-03:30", "2024-12-30T21:40:00-03:30", period.Hour, "12-30T20:00-03:30 12-30T21:00-03:30"},
		{"UTC", "2024-05-05", "2024-05-05", period.Day, ""},
		{"UTC", "2024-05-05", "2024-05-01", period.Total, ""},
		{"UTC", "2024-05-05", "2024-05-09", "total", "05-05T00:00+00:00"},
	} {
		z := zone(t, c.zone)
		w, err := period.Between(c.from, c.to, z)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range c.step.Cut(w, z) {
			got = append(got, s.Format("01-02T15:04-07:00"))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s %s %s..%s:\n got %s\nwant %s", c.zone, c.step, c.from, c.to, g, c.want)
		}
	}
}

// Before standard time a city's clock was minutes and seconds off.
func TestLocalMeanTime(t *testing.T) {
	z := zone(t, "Europe/Berlin") // +00:53:28 until April 1893
	at := instant(t, "1890-05-17T10:20:30Z")
	for step, want := range map[period.Step]string{
		period.Quarter: "1890-05-17T10:06:32Z", period.Hour: "1890-05-17T10:06:32Z", period.Day: "1890-05-16T23:06:32Z",
		period.Week: "1890-05-11T23:06:32Z", period.Month: "1890-04-30T23:06:32Z", period.Year: "1889-12-31T23:06:32Z",
	} {
		if got := step.Start(at, z).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: got %s, want %s", step, got, want)
		}
	}
}

var zones = []string{"UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns",
	"Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia", "America/Juneau", "Antarctica/Troll", "Pacific/Kwajalein", "Asia/Manila"}

// tiles checks that steps follow each other without gap or overlap, begin where
// the local clock says, and that Start agrees with Cut.
func tiles(t *testing.T, step period.Step, z *time.Location, from time.Time, length time.Duration, r *rand.Rand) {
	w := period.Window{From: from, To: from.Add(length)}
	starts := step.Cut(w, z)
	if len(starts) == 0 || starts[0].After(w.From) || len(starts) > step.Count(w, z) {
		t.Fatalf("%s in %s from %s for %s: %d steps, first %v, at most %d expected", step, z, from, length, len(starts), starts, step.Count(w, z))
	}
	for i, s := range starts {
		end := w.To
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		if !s.Before(end) || i > 0 && s.Before(w.From) {
			t.Fatalf("%s in %s: step %d from %s to %s in %v", step, z, i, s, end, w)
		}
		if !atBorder(step, s) {
			t.Fatalf("%s in %s: %s is no border", step, z, s)
		}
		for range 3 {
			in := s.Add(time.Duration(r.Int64N(int64(end.Sub(s)))))
			if got := step.Start(in, z); !got.Equal(s) {
				t.Fatalf("%s in %s: Start(%s) = %s, Cut says %s", step, z, in, got, s)
			}
		}
	}
}

// atBorder reports whether t may begin a step: the clock shows a full unit, or
// did not reach one because it had just been changed.
func atBorder(step period.Step, t time.Time) bool {
	sec := t.Hour()*3600 + t.Minute()*60 + t.Second()
	unit := map[period.Step]int{period.Minute: 60, period.Quarter: 900, period.Hour: 3600}[step]
	if unit == 0 {
		unit = 86400
	}
	_, before := t.Add(-time.Second).Zone()
	_, now := t.Zone()
	if before != now {
		return true
	}
	if sec%unit != 0 {
		return false
	}
	switch step {
	case period.Week:
		return t.Weekday() == time.Monday
	case period.Month:
		return t.Day() == 1
	case period.Year:
		return t.YearDay() == 1
	}
	return true
}

func check(t *testing.T, seed uint64, zoneIndex, stepIndex uint8, unix int64, minutes uint32) {
	r := rand.New(rand.NewPCG(seed, 2))
	z := zone(t, zones[int(zoneIndex)%len(zones)])
	step := period.Steps[1+int(stepIndex)%(len(period.Steps)-1)]
	from := time.Unix(unix%6_000_000_000, r.Int64N(1e9)).UTC() // 1780 to 2160
	limit := map[period.Step]time.Duration{period.Quarter: 4 * 24 * time.Hour, period.Hour: 20 * 24 * time.Hour}[step]
	if limit == 0 {
		limit = 3 * 366 * 24 * time.Hour
	}
	tiles(t, step, z, from, time.Duration(1+minutes)*time.Minute%limit+time.Millisecond, r)
}

func FuzzTiles(f *testing.F) {
	f.Add(uint64(1), uint8(6), uint8(2), int64(1325142000), uint32(10_000)) // Apia, days
	f.Add(uint64(2), uint8(4), uint8(1), int64(1712415600), uint32(1_000))  // Lord Howe, hours
	f.Add(uint64(3), uint8(1), uint8(0), int64(-2_400_000_000), uint32(500))
	f.Fuzz(check)
}

// TestTiles is the fuzz target on a fixed set, many of them around clock changes.
func TestTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 20_000 {
		zi := r.IntN(len(zones))
		at := time.Unix(r.Int64N(8_000_000_000)-4_000_000_000, 0).In(zone(t, zones[zi]))
		if begin, _ := at.ZoneBounds(); i%2 == 0 && !begin.IsZero() {
			at = begin.Add(-time.Duration(r.Int64N(int64(30 * time.Hour))))
		}
		check(t, uint64(i), uint8(zi), uint8(r.IntN(255)), at.Unix(), r.Uint32N(6_000))
	}
}

func TestNamed(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	now := instant(t, "2024-04-02T10:20:30Z")
	for _, c := range []struct {
		name, from, to string
		step           period.Step
		steps          int
	}{
		{"Last24Hours", "2024-04-01T11:00:00Z", "2024-04-02T11:00:00Z", period.Hour, 24},
		{"last7days", "2024-03-26T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 7},
		{"Last30Days", "2024-03-03T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 30},
		{"Last90Days", "2024-01-03T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 90},
		{"Last365Days", "2023-04-03T22:00:00Z", "2024-04-02T22:00:00Z", period.Month, 13},
		{"today", "2024-04-01T22:00:00Z", "2024-04-02T22:00:00Z", period.Hour, 24},
		{"Last30Minutes", "2024-04-02T09:51:00Z", "2024-04-02T10:21:00Z", period.Minute, 30},
		{"Yesterday", "2024-03-31T22:00:00Z", "2024-04-01T22:00:00Z", period.Hour, 24},
		{"Last28Days", "2024-03-05T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 28},
		{"Last91Days", "2024-01-02T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 91},
		{"ThisMonth", "2024-03-31T22:00:00Z", "2024-04-02T22:00:00Z", period.Hour, 48},
		{"LastMonth", "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z", period.Day, 31},
		{"ThisYear", "2023-12-31T23:00:00Z", "2024-04-02T22:00:00Z", period.Day, 93},
		{"Last12Months", "2023-04-30T22:00:00Z", "2024-04-02T22:00:00Z", period.Month, 12},
		{"AllTime", "1969-12-31T23:00:00Z", "2024-04-02T22:00:00Z", period.Year, 55},
		{"Last5Minutes", "2024-04-02T10:15:31Z", "2024-04-02T10:20:31Z", period.Total, 1},
	} {
		w, step, err := period.Named(c.name, now, berlin)
		if err != nil || !w.From.Equal(instant(t, c.from)) || !w.To.Equal(instant(t, c.to)) || step != c.step {
			t.Errorf("%s: %v %v %v", c.name, w, step, err)
		}
		if n := len(step.Cut(w, berlin)); n != c.steps {
			t.Errorf("%s: %d steps, want %d", c.name, n, c.steps)
		}
	}
	if _, _, err := period.Named("LastDecade", now, nil); err == nil || !strings.Contains(err.Error(), "Last7Days") {
		t.Errorf("an unknown name must list the known ones, got %v", err)
	}
}

func TestBetween(t *testing.T) {
	w, err := period.Between("2018-11-04", "2018-11-05T10:00:00Z", zone(t, "America/Sao_Paulo"))
	if err != nil || w.From.UTC().Format(time.RFC3339) != "2018-11-04T03:00:00Z" || w.To.UTC().Format(time.RFC3339) != "2018-11-05T10:00:00Z" {
		t.Errorf("got %v, %v", w, err)
	}
	for _, s := range []string{"", "yesterday", "2018-13-01", "2018-11-04 10:00"} {
		if _, err := period.Between(s, "2018-11-05", nil); err == nil {
			t.Errorf("%q passed", s)
		}
		if _, err := period.Between("2018-11-05", s, nil); err == nil {
			t.Errorf("%q passed as an end", s)
		}
	}
}

func TestValid(t *testing.T) {
	for _, s := range append([]period.Step{period.Total}, period.Steps...) {
		if !s.Valid() {
			t.Errorf("%q is no step", s)
		}
	}
	if period.Step("fortnight").Valid() {
		t.Error("a fortnight passed")
	}
}
