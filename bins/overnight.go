package bins

import (
	"maps"

	"footfall/event"
	"footfall/period"
)

// visitors is a set of them.
type visitors map[uint64]bool

// overnight knows whose sessions of a date go on behind its end. How long such a
// session was, which its date's bins tell, may still change by a page view of the date
// behind: only of these visitors, as others' would begin a session of their own.
// Its zero value knows nothing, and it may forget: then anybody's view may.
type overnight struct {
	known   map[Day]visitors
	crossed map[Day]bool // since the cut of the roll under way: days with events near their ends, which let other sessions go on
}

// overnightDays is of how many dates of a site, back from the newest, it is known: an
// event of another makes two days dirty instead of one.
const overnightDays = 3

// cross notes an event near a day's end.
func (o *overnight) cross(d Day) {
	delete(o.known, d)
	if o.crossed != nil {
		o.crossed[d] = true
	}
}

// cut begins a roll.
func (o *overnight) cut() { o.crossed = map[Day]bool{} }

// learn takes up what a roll has counted.
func (o *overnight) learn(counted map[Day]visitors) {
	if o.known == nil {
		o.known = map[Day]visitors{}
	}
	for day, beyond := range counted {
		if !o.crossed[day] {
			o.known[day] = beyond
		}
	}
	newest := map[string]period.Date{}
	for day := range o.known {
		newest[day.Site] = max(newest[day.Site], day.Date)
	}
	maps.DeleteFunc(o.known, func(day Day, _ visitors) bool { return day.Date <= newest[day.Site]-overnightDays })
	o.crossed = nil
}

// reaches reports whether an event that is not near the day's end, but within a
// SessionDay of it, may change its bins. One of which only the time is told, as of what
// is changed or deleted, may.
func (o *overnight) reaches(d Day, e *event.Event) bool {
	if e.Kind == "" {
		return true
	}
	beyond, known := o.known[d]
	return e.View() && e.Visitor != 0 && (!known || beyond[e.Visitor])
}
