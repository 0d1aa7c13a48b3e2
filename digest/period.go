// Package digest is reports by mail: which period is over, what a letter tells of
// it, and who is sent which one. Its figures are those of the same questions at any
// other door.
package digest

import (
	"time"

	"footfall/account"
	"footfall/period"
)

// Period is the dates of a report, To not included.
type Period struct {
	Rhythm   account.Rhythm
	From, To period.Date
}

// Last is the newest period of a rhythm that is over in a zone (nil is UTC).
func Last(r account.Rhythm, now time.Time, zone *time.Location) Period {
	to := start(r, period.DateOf(now, zone))
	return Period{r, start(r, to-1), to}
}

// start is the first date of the period that a date lies in.
func start(r account.Rhythm, d period.Date) period.Date {
	switch r {
	case account.Monthly:
		return d.MonthStart()
	case account.Weekly:
		const monday = 4 // of the first week of 1970, whose first day was a Thursday
		return d - ((d-monday)%7+7)%7
	}
	return d
}

// Before is the period before.
func (p Period) Before() Period { return Period{p.Rhythm, start(p.Rhythm, p.From-1), p.From} }

// Window is the period's instants in a zone.
func (p Period) Window(zone *time.Location) period.Window {
	return period.Window{From: p.From.Window(zone).From, To: p.To.Window(zone).From}
}

// step is what the period's chart is cut into.
func (p Period) step() period.Step {
	if p.Rhythm == account.Daily {
		return period.Hour
	}
	return period.Day
}

// String names the period: "Sunday, 22 Nov 2026", "16 Nov – 22 Nov 2026", "November 2026".
func (p Period) String() string {
	first, last := day(p.From), day(p.To-1)
	switch {
	case p.Rhythm == account.Monthly:
		return first.Format("January 2006")
	case p.Rhythm == account.Daily:
		return first.Format("Monday, 2 Jan 2006")
	case first.Year() != last.Year():
		return first.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006")
	}
	return first.Format("2 Jan") + " – " + last.Format("2 Jan 2006")
}

// day is noon of a date.
func day(d period.Date) time.Time { return d.Window(nil).From.Add(12 * time.Hour) }
