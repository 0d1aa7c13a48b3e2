// Package period is stretches of time: windows, steps and the 15-minute
// buckets, in any time zone. Every zone's offset today is a multiple of 15
// minutes, so buckets fit every local day.
package period

import (
	"fmt"
	"slices"
	"time"
)

// Bucket is the length of the smallest stretch figures are kept for.
const Bucket = 15 * time.Minute

// Window is the instants from From up to, but not including, To.
type Window struct{ From, To time.Time }

// Step is how a window is cut.
type Step string

// The steps, shortest first. Total is the whole window as one step.
const (
	Total   Step = ""
	Minute  Step = "minute"
	Quarter Step = "15m"
	Hour    Step = "hour"
	Day     Step = "day"
	Week    Step = "week" // starts on Monday
	Month   Step = "month"
	Year    Step = "year"
)

// Steps lists every step.
var Steps = []Step{"total", Minute, Quarter, Hour, Day, Week, Month, Year}

// Valid reports whether the step exists ("total" and "" are the same).
func (s Step) Valid() bool { return s == Total || slices.Contains(Steps, s) }

// Start is the beginning of the step t lies in, in zone (nil is UTC). Days,
// weeks, months and years start at the zone's midnight (or the first instant
// of the day where midnight does not exist); hours, quarters and minutes start at the
// local clock's full hour, quarter or minute. Where the clock is changed in the middle
// of an hour, the hour is cut there.
func (s Step) Start(t time.Time, zone *time.Location) time.Time {
	t = t.In(orUTC(zone))
	switch s {
	case Minute:
		return clockStart(t, time.Minute)
	case Quarter:
		return clockStart(t, Bucket)
	case Hour:
		return clockStart(t, time.Hour)
	case Day, Week, Month, Year:
		start := s.local(t, 0)
		// A clock set back across midnight shows the old day again after the
		// new one began: that stretch belongs to the new day.
		if next := s.next(start); !next.After(t) {
			return next
		}
		return start
	}
	return t
}

// next is the start of the step after the one that starts at t.
func (s Step) next(t time.Time) time.Time {
	switch s {
	case Minute:
		return clockNext(t, time.Minute)
	case Quarter:
		return clockNext(t, Bucket)
	case Hour:
		return clockNext(t, time.Hour)
	}
	return s.local(t, 1)
}

// local is the start of the day, week, month or year that t's local date lies
// in, or n later.
func (s Step) local(t time.Time, n int) time.Time {
	y, m, d := t.Date()
	switch s {
	case Day:
		d += n
	case Week:
		d += 7*n - (int(t.Weekday())+6)%7
	case Month:
		m, d = m+time.Month(n), 1
	case Year:
		y, m, d = y+n, 1, 1
	}
	return midnight(y, m, d, t.Location())
}

// clockStart is the last instant up to t at which the local clock showed a
// multiple of unit, or was changed.
func clockStart(t time.Time, unit time.Duration) time.Time {
	_, offset := t.Zone()
	shift := time.Duration(offset) * time.Second % unit
	start := t.Add(shift).Truncate(unit).Add(-shift)
	if changed, _ := offsetBounds(t); start.Before(changed) {
		return changed
	}
	return start
}

// clockNext is the first such instant after t.
func clockNext(t time.Time, unit time.Duration) time.Time {
	_, offset := t.Zone()
	shift := time.Duration(offset) * time.Second % unit
	next := t.Add(shift).Truncate(unit).Add(unit - shift)
	if _, change := offsetBounds(t); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}

// offsetBounds is when the clock was last changed and will be next, or zero
// where ZoneBounds names an instant at which it is not: it gives year ends as
// bounds, and in a leap year one that is a day too early, even before t.
func offsetBounds(t time.Time) (begin, end time.Time) {
	begin, end = t.ZoneBounds()
	_, now := t.Zone()
	if _, before := begin.Add(-1).Zone(); before == now {
		begin = time.Time{}
	}
	if _, after := end.Zone(); after == now || !end.After(t) {
		end = time.Time{}
	}
	return begin, end
}

// Cut is the starts of the steps that make up w, in order. The first is at or
// before w.From, so that a step never starts in the middle.
func (s Step) Cut(w Window, zone *time.Location) []time.Time {
	if !w.From.Before(w.To) {
		return nil
	}
	if s == Total || s == "total" {
		return []time.Time{w.From.In(orUTC(zone))}
	}
	var starts []time.Time
	for t := s.Start(w.From, zone); t.Before(w.To); t = s.next(t) {
		starts = append(starts, t)
	}
	return starts
}

// Whole is w widened to whole steps: from the beginning of the step that it begins
// in up to the end of the one that it ends in.
func (s Step) Whole(w Window, zone *time.Location) Window {
	starts := s.Cut(w, zone)
	if len(starts) == 0 || s == Total || s == "total" {
		return w
	}
	return Window{starts[0], s.next(starts[len(starts)-1])}
}

// Count is a cheap upper estimate of len(Cut), for limits.
func (s Step) Count(w Window, _ *time.Location) int {
	length := w.To.Sub(w.From)
	unit := map[Step]time.Duration{Minute: time.Minute, Quarter: Bucket, Hour: time.Hour, Day: 23 * time.Hour, Week: 167 * time.Hour,
		Month: 27 * 24 * time.Hour, Year: 364 * 24 * time.Hour}[s]
	if unit == 0 {
		return 1
	}
	// Both ends may lie in a step, and changes of the clock may cut some: there
	// were seldom more than two a year.
	return int(length/unit) + 3 + 2*int(length/(364*24*time.Hour))
}

// midnight is the first instant at which the local clock shows the day, or a
// later one where midnight or the whole day was skipped. Days may be beyond
// the month's end, as in time.Date.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	wall := time.Date(y, m, d, 0, 0, 0, 0, time.UTC) // what the clock must show, as if it were UTC
	// No clock is ever a day off UTC, so the search begins before the day does,
	// and goes on from one change of the clock to the next.
	for from := wall.Add(-24 * time.Hour).In(zone); ; {
		begin, end := from.ZoneBounds()
		if !end.IsZero() && !end.After(from) {
			end = from.Add(24 * time.Hour) // see offsetBounds
		}
		_, offset := from.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if t.Before(begin) {
			t = begin
		}
		if end.IsZero() || t.Before(end) {
			return t
		}
		from = end
	}
}

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// Between is the window from the first instant of the local day from up to the
// first instant of the local day to, both written 2006-01-02 (or RFC 3339 for
// exact instants).
func Between(from, to string, zone *time.Location) (Window, error) {
	f, err := instant(from, zone)
	if err != nil {
		return Window{}, err
	}
	t, err := instant(to, zone)
	return Window{f, t}, err
}

func instant(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day (2015-05-17) nor an instant (2015-05-17T10:00:00Z)", s)
	}
	return midnight(t.Year(), t.Month(), t.Day(), orUTC(zone)), nil
}
