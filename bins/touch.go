package bins

import (
	"context"
	"time"

	"footfall/event"
	"footfall/period"
)

// zones is those in which a site's days become dirty: its own and, if it has
// changed since the last roll, those of before, as it may change back.
func (r *Roller) zones(s Site) (zones []*time.Location, changed bool) {
	zones = []*time.Location{s.Zone}
	now := Basis(s.Zone, s.Currency)
	for basis, zone := range r.bases[s.ID] {
		if basis != now {
			zones, changed = append(zones, zone), true
		}
	}
	return zones, changed
}

// touch makes the days of events dirty. An event near midnight also touches
// the neighbour day: its sessions may begin or end there. One that may make a
// session longer that began on a date before touches this, too. It reports whether some
// site's zone or currency has changed since the last roll.
func (r *Roller) touch(ctx context.Context, events []event.Event) (changed bool, err error) {
	zones := map[string][]*time.Location{}
	for _, s := range r.sites() {
		in, other := r.zones(s)
		zones[s.ID], changed = in, changed || other
	}
	type quarter struct {
		site string
		at   int64
	}
	var fresh []Day
	mark := func(day Day) {
		if at, ok := r.dirty[day]; !ok || at < r.mark {
			r.dirty[day] = r.mark
			fresh = append(fresh, day)
		}
	}
	before := map[quarter][]Day{}
	var last quarter // events in a row are mostly of one
	for i := range events {
		e := &events[i]
		q := quarter{e.Site, e.Time.Truncate(period.Bucket).Unix()}
		days, seen := before[q]
		if q != last && !seen {
			in := zones[q.site]
			if in == nil {
				in = []*time.Location{time.UTC}
			}
			for _, zone := range in {
				near := r.around(q.site, time.Unix(q.at, 0), zone)
				for _, day := range near {
					if mark(day); len(near) > 1 {
						r.overnight.cross(day)
					}
				}
				days = append(days, r.before(near[0], time.Unix(q.at, 0), zone)...)
			}
			before[q] = days
		}
		last = q
		for _, day := range days {
			if len(zones[q.site]) > 1 || r.overnight.reaches(day, e) {
				mark(day)
			}
		}
	}
	if len(fresh) == 0 {
		return changed, nil
	}
	if err := r.durable.Touch(ctx, r.mark, fresh...); err != nil {
		for _, day := range fresh {
			r.dirty[day] = 0
		}
		return changed, err
	}
	return changed, nil
}

// around is the days that an event in the quarter of an hour from begin on may
// change. One that frozen dates don't have is counted in the first date behind
// them, see State.Window.
func (r *Roller) around(site string, begin time.Time, zone *time.Location) (days []Day) {
	end, first := begin.Add(period.Bucket+SessionGap), FirstDate
	if f, ok := r.frozen[site]; ok && end.After(f.At) {
		first = f.Before
	}
	last := max(first, period.DateOf(end, zone))
	for date := max(first, period.DateOf(begin.Add(-SessionGap-time.Second), zone)); date <= last; date++ {
		days = append(days, Day{site, date})
	}
	return days
}

// before is the days before the first one that an event in the quarter of an hour is
// near to, of which a session may still be told at its time.
func (r *Roller) before(near Day, begin time.Time, zone *time.Location) (days []Day) {
	date := period.DateOf(begin.Add(-SessionDay), zone)
	if f, ok := r.frozen[near.Site]; ok {
		date = max(date, f.Before)
	}
	for date = max(date, FirstDate); date < near.Date; date++ {
		days = append(days, Day{near.Site, date})
	}
	return days
}
