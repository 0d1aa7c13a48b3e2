package digest

import (
	"testing"
	"time"

	"footfall/account"
	"footfall/period"
)

// TestLast: a period is over at the site's own midnight, also where the clock is
// changed that night or a day has no midnight; weeks begin on Monday.
func TestLast(t *testing.T) {
	for _, c := range []struct {
		rhythm             account.Rhythm
		zone, now          string
		from, to, title    string
		hours, hoursBefore float64
	}{
		{account.Daily, "UTC", "2026-11-22T00:00:00Z", "2026-11-21", "2026-11-22", "Saturday, 21 Nov 2026", 24, 24},
		{account.Daily, "UTC", "2026-11-21T23:59:59Z", "2026-11-20", "2026-11-21", "Friday, 20 Nov 2026", 24, 24},
		{account.Daily, "Asia/Kathmandu", "2026-11-21T18:15:00Z", "2026-11-21", "2026-11-22", "Saturday, 21 Nov 2026", 24, 24},
		{account.Daily, "Asia/Kathmandu", "2026-11-21T18:14:59Z", "2026-11-20", "2026-11-21", "Friday, 20 Nov 2026", 24, 24},
		{account.Daily, "Europe/Berlin", "2026-10-25T23:30:00Z", "2026-10-25", "2026-10-26", "Sunday, 25 Oct 2026", 25, 24},
		{account.Daily, "Europe/Berlin", "2026-03-30T12:00:00Z", "2026-03-29", "2026-03-30", "Sunday, 29 Mar 2026", 23, 24},
		{account.Daily, "America/Santiago", "2026-09-07T12:00:00Z", "2026-09-06", "2026-09-07", "Sunday, 6 Sep 2026", 23, 24}, // begins at 01:00
		{account.Weekly, "UTC", "2026-11-23T00:00:00Z", "2026-11-16", "2026-11-23", "16 Nov – 22 Nov 2026", 168, 168},
		{account.Weekly, "UTC", "2026-11-22T23:59:59Z", "2026-11-09", "2026-11-16", "9 Nov – 15 Nov 2026", 168, 168},
		{account.Weekly, "Europe/Berlin", "2026-04-01T12:00:00Z", "2026-03-23", "2026-03-30", "23 Mar – 29 Mar 2026", 167, 168},
		{account.Weekly, "UTC", "2026-01-06T00:00:00Z", "2025-12-29", "2026-01-05", "29 Dec 2025 – 4 Jan 2026", 168, 168},
		{account.Weekly, "UTC", "1969-12-29T00:00:00Z", "1969-12-22", "1969-12-29", "22 Dec – 28 Dec 1969", 168, 168},
		{account.Monthly, "UTC", "2026-01-01T00:00:00Z", "2025-12-01", "2026-01-01", "December 2025", 744, 720},
		{account.Monthly, "UTC", "2028-03-15T00:00:00Z", "2028-02-01", "2028-03-01", "February 2028", 696, 744},
		{account.Monthly, "America/New_York", "2026-12-01T04:59:59Z", "2026-10-01", "2026-11-01", "October 2026", 744, 720},
		{account.Monthly, "America/New_York", "2026-12-01T05:00:00Z", "2026-11-01", "2026-12-01", "November 2026", 721, 744},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		p := Last(c.rhythm, now, zone)
		w, before := p.Window(zone), p.Before().Window(zone)
		if p.From.String() != c.from || p.To.String() != c.to || p.String() != c.title || w.To.Sub(w.From).Hours() != c.hours || before.To.Sub(before.From).Hours() != c.hoursBefore || before.To != w.From {
			t.Errorf("%s at %s in %s: %s to %s, %q, %v and %v", c.rhythm, c.now, c.zone, p.From, p.To, p, w, before)
		}
		if !w.From.Equal(p.From.Window(zone).From) || w.To.After(now) {
			t.Errorf("%s at %s: %v is not over", c.rhythm, c.now, w)
		}
	}
}

// TestPeriodsAreWhole: whatever the day, the newest period is over, the next one is
// not, and they follow one another without a gap.
func TestPeriodsAreWhole(t *testing.T) {
	for _, rhythm := range account.Rhythms {
		last := Period{}
		for d := range period.Date(900) {
			at := (20000 + d).Window(nil).From.Add(12 * time.Hour)
			p := Last(rhythm, at, nil)
			if p.To > 20000+d || p.From >= p.To || last.To != 0 && p != last && p.From != last.To || p.Before().To != p.From {
				t.Fatalf("%s on %s: %s to %s behind %s", rhythm, 20000+d, p.From, p.To, last.To)
			}
			if rhythm == account.Weekly && day(p.From).Weekday() != time.Monday {
				t.Fatalf("a week begins on %s", day(p.From).Weekday())
			}
			last = p
		}
	}
}
