package bins

import (
	"context"
	"errors"
	"time"

	"footfall/metric"
	"footfall/period"
)

// Frozen tells that the events of a site's older dates are removed: what bins
// have of these dates can't be counted again. They never become dirty, are never
// replaced and are not forgotten.
type Frozen struct {
	Before   period.Date // the first date that is not frozen
	At       time.Time   // when that date began, in the site's zone as it was: events from here on are counted in dates that are not frozen
	Currency string      // the money of frozen dates is in it,
	Since    period.Date // from this date on; that of earlier ones may be in another
	Lacks    period.Date // dates before this one were frozen before bins had the figures from Lately on, and have none of them
}

// Has reports whether bins have a metric of a site's dates from one on.
func (s *State) Has(m metric.Name, site string, from period.Date) bool {
	f, ok := s.Frozen[site]
	return !ok || Place(m) < Lately || from >= f.Lacks
}

// ErrDirty tells that a date which is to be frozen is not rolled.
var ErrDirty = errors.New("a date is not rolled yet")

// Freezer is durable bins that can freeze.
type Freezer interface {
	// Freeze freezes a site's dates before a date, which begins at a moment, for
	// good: ErrDirty if one of them is dirty or the site's bins are not whole.
	Freeze(ctx context.Context, site string, before period.Date, at time.Time) error
}

// FirstDate is the first that a bin can be of.
var FirstDate = period.DateOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), nil)

// Next is what freezing more makes of f, the zero value if nothing is frozen
// yet: a date that is frozen stays so.
func (f Frozen) Next(before period.Date, at time.Time, currency string) Frozen {
	switch {
	case f == (Frozen{}):
		f.Since, f.Lacks = FirstDate, FirstDate
	case before <= f.Before:
		return f
	case f.Currency != currency:
		f.Since = f.Before
	}
	f.Before, f.At, f.Currency = before, time.UnixMilli(at.UnixMilli()).UTC(), currency
	return f
}

// IsFrozen reports whether a date's bins must stay as they are.
func (s *State) IsFrozen(d Day) bool {
	f, ok := s.Frozen[d.Site]
	return ok && d.Date < f.Before
}

// Window is the stretch of time whose events are counted in a date that is not
// frozen. After a change of the zone, the first of them begins where the frozen
// ones end and not at its midnight.
func (s *State) Window(d Day, zone *time.Location) period.Window {
	w := d.Date.Window(zone)
	if f, ok := s.Frozen[d.Site]; ok && (d.Date == f.Before || w.From.Before(f.At)) {
		w.From = f.At
		if w.To.Before(f.At) {
			w.To = f.At
		}
	}
	return w
}
