// Package period is stretches of time: windows, steps and the 15-minute
// buckets, in any time zone. Every zone's offset today is a multiple of 15
// minutes, so buckets fit every local day.
package period

import (
	"fmt"
	"slices"
	"strings"
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
	Quarter Step = "15m"
	Hour    Step = "hour"
	Day     Step = "day"
	Week    Step = "week" // starts on Monday
	Month   Step = "month"
	Year    Step = "year"
)

// Steps lists every step.
var Steps = []Step{"total", Quarter, Hour, Day, Week, Month, Year}

// Valid reports whether the step exists ("total" and "" are the same).
func (s Step) Valid() bool { return s == Total || slices.Contains(Steps, s) }

// Start is the beginning of the step t lies in, in zone (nil is UTC). Days,
// weeks, months and years start at the zone's midnight (or the first instant
// of the day where midnight does not exist); hours and quarters start at the
// local clock's full hour or quarter.
func (s Step) Start(t time.Time, zone *time.Location) time.Time {
	t = t.In(orUTC(zone))
	y, m, d := t.Date()
	switch s {
	case Quarter:
		return t.Truncate(Bucket)
	case Hour:
		_, offset := t.Zone()
		shift := time.Duration(offset%3600) * time.Second
		return t.Add(shift).Truncate(time.Hour).Add(-shift)
	case Day:
		return midnight(y, m, d, t.Location())
	case Week:
		return midnight(y, m, d-(int(t.Weekday())+6)%7, t.Location())
	case Month:
		return midnight(y, m, 1, t.Location())
	case Year:
		return midnight(y, 1, 1, t.Location())
	}
	return t
}

// next is the start of the step after the one that starts at t.
func (s Step) next(t time.Time) time.Time {
	y, m, d := t.Date()
	switch s {
	case Quarter:
		return t.Add(Bucket)
	case Hour:
		// A clock change by half an hour makes an hour of 30 or 90 minutes.
		n := t.Add(time.Hour)
		if start := s.Start(n, t.Location()); start.After(t) {
			return start
		}
		return n
	case Day:
		return midnight(y, m, d+1, t.Location())
	case Week:
		return midnight(y, m, d+7, t.Location())
	case Month:
		return midnight(y, m+1, 1, t.Location())
	case Year:
		return midnight(y+1, 1, 1, t.Location())
	}
	return t
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

// Count is a cheap upper estimate of len(Cut), for limits.
func (s Step) Count(w Window, _ *time.Location) int {
	length := w.To.Sub(w.From)
	unit := map[Step]time.Duration{Quarter: Bucket, Hour: time.Hour, Day: 23 * time.Hour, Week: 167 * time.Hour,
		Month: 27 * 24 * time.Hour, Year: 365 * 24 * time.Hour}[s]
	if unit == 0 {
		return 1
	}
	return int(length/unit) + 1
}

// midnight is the first instant of a local day. time.Date picks an arbitrary
// side of a gap, so where midnight was skipped the result is moved to the
// instant the day began.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	want := time.Date(y, m, d, 12, 0, 0, 0, zone).Day()
	for t.Day() != want {
		t = t.Add(Bucket)
	}
	// A clock set back across midnight makes midnight happen twice: the day
	// began with the first.
	if earlier := t.Add(-time.Hour); earlier.Day() == want {
		for earlier.Add(-Bucket).Day() == want {
			earlier = earlier.Add(-Bucket)
		}
		return earlier
	}
	return t
}

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// Names of the windows of the affiliate design's time window enum, and the
// step each is drawn with.
var named = []struct {
	name string
	days int
	step Step
}{
	{"Last24Hours", 1, Hour}, {"Last7Days", 7, Day}, {"Last30Days", 30, Day}, {"Last90Days", 90, Day}, {"Last365Days", 365, Month},
}

// WindowNames lists the named windows.
func WindowNames() []string {
	names := make([]string, len(named))
	for i, n := range named {
		names[i] = n.name
	}
	return names
}

// Named is the window called name as seen at now, and its usual step. Last24Hours
// is the running hour and the 23 before; LastNDays is today and the N-1 days
// before, in zone.
func Named(name string, now time.Time, zone *time.Location) (Window, Step, error) {
	for _, n := range named {
		if !strings.EqualFold(n.name, name) {
			continue
		}
		if n.step == Hour {
			end := Hour.next(Hour.Start(now, zone))
			return Window{end.Add(-24 * time.Hour), end}, Hour, nil
		}
		today := Day.Start(now, zone)
		y, m, d := today.Date()
		return Window{midnight(y, m, d-n.days+1, today.Location()), Day.next(today)}, n.step, nil
	}
	return Window{}, "", fmt.Errorf("unknown window %q: use one of %s", name, strings.Join(WindowNames(), ", "))
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
