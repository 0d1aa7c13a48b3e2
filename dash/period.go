package dash

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// usualPeriod is the name of the window that is shown if the URL names none, realtime
// of the one whose chart moves on by itself.
const (
	usualPeriod = "Last28Days"
	realtime    = "Last30Minutes"
	allTime     = "AllTime"
)

// choices are the periods that a page can be about.
var choices = slices.DeleteFunc(slices.Clone(period.Windows), func(k period.Known) bool { return k.Name == lately })

// known is a choice by its name.
func known(name string) (k period.Known, ok bool) {
	i := slices.IndexFunc(choices, func(k period.Known) bool { return strings.EqualFold(k.Name, name) })
	if i < 0 {
		return k, false
	}
	return choices[i], true
}

// Ways to compare; "" is the period before.
const (
	lastYear  = "year"
	noCompare = "none"
)

// readPeriod reads the part of the URL that is about time.
func (s *state) readPeriod(v url.Values, now time.Time) {
	s.period = usualPeriod
	if k, ok := known(v.Get("period")); ok {
		s.period = k.Name
	}
	if c := v.Get("compare"); c == lastYear || c == noCompare {
		s.compare = c
	}
	s.dates = v.Get("match") == "dates"
	if step := period.Step(v.Get("step")); titled[step] != "" {
		s.step = step
	}
	s.readDates(v, now)
}

// readDates reads the days of a period of the visitor's own: from, and to (the
// day after the last, as at every door) or last (as people say it, in the form). They
// end within a year from now: whoever has a share's link may ask for any.
func (s *state) readDates(v url.Values, now time.Time) {
	from, ok := dateOf(v.Get("from"))
	if !ok {
		return
	}
	last, ok := dateOf(v.Get("last"))
	if to, given := dateOf(v.Get("to")); given {
		last = to - 1
	} else if !ok {
		last = from
	}
	if from, last = min(from, last), max(from, last); last > period.DateOf(now, s.site.Location()).Shift(period.Year, 1) {
		s.beyond = s.Say("Days are shown until a year from now at most: these end on {day}.", s.day(last))
		return
	}
	s.from, s.to = from, last+1
}

func dateOf(text string) (period.Date, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return period.DateOf(t, nil), err == nil && t.Year() >= 1970
}

// writePeriod writes what readPeriod reads.
func (s state) writePeriod(v url.Values) {
	if s.own() {
		v.Set("from", s.from.String())
		v.Set("to", s.to.String())
	} else if s.period != usualPeriod {
		v.Set("period", s.period)
	}
	if s.compare != "" {
		v.Set("compare", s.compare)
	}
	if s.dates {
		v.Set("match", "dates")
	}
	if s.step != "" {
		v.Set("step", string(s.step))
	}
}

// own reports whether the period is the visitor's own days.
func (s state) own() bool { return s.to > s.from }

// at is the state in a period by name, by its usual step.
func (s state) at(name string) state {
	s.period, s.from, s.to, s.step, s.offset = name, 0, 0, "", 0
	return s
}

// days is the state in these days, by their usual step.
func (s state) days(from, to period.Date) state {
	s.period, s.from, s.to, s.step, s.offset = usualPeriod, from, to, "", 0
	return s
}

// span is the window of a state, and what it is compared with.
type span struct {
	window period.Window
	step   period.Step   // of the chart
	steps  []period.Step // it could have
	before period.Window // the one compared with; zero is none
	begins period.Window // that it would be compared with, had the site's figures not begun in it
	zone   *time.Location
	now    time.Time

	from, to period.Date                   // its days, if it is made of days: to is not included
	unit     period.Step                   // what it is moved by; "" is a window by the clock
	n        int                           // so many units long
	early    func(period.Date) period.Date // the day that one is compared with
}

// spanOf is the span of a state. first is the site's first day with a figure, where
// all time begins.
func spanOf(s state, now time.Time, first period.Date) span {
	x := span{zone: s.site.Location(), now: now, from: s.from, to: s.to}
	k, _ := known(s.period)
	switch {
	case s.own():
		x.window = period.Window{From: s.from.Window(x.zone).From, To: s.to.Window(x.zone).From}
		x.unit, x.n = calendar(s.from, s.to)
	default:
		x.window = k.Window(now, x.zone)
		if x.unit, x.n = k.Units(); x.unit != "" || k.Name == allTime {
			x.from, x.to, _ = x.window.Dates(x.zone)
		}
		if k.Name == allTime && first > 0 && first < x.to {
			x.from = first
			x.window.From = first.Window(x.zone).From
		}
	}
	x.steps = period.StepsOf(x.window)
	if x.step = x.steps[0]; slices.Contains(x.steps, s.step) {
		x.step = s.step
	}
	if s.compare != noCompare && (s.own() || s.period != realtime && s.period != allTime) {
		x.compareWith(s.compare == lastYear, !s.dates)
	}
	return x
}

// calendar is the longest unit that days are made of, and how many: whole months
// and years are moved as such, anything else by days.
func calendar(from, to period.Date) (unit period.Step, n int) {
	switch {
	case from == from.First(period.Year) && to == to.First(period.Year):
		for d := from; d < to; d = d.Shift(period.Year, 1) {
			n++
		}
		return period.Year, n
	case from == from.First(period.Month) && to == to.First(period.Month):
		for d := from; d < to; d = d.Shift(period.Month, 1) {
			n++
		}
		return period.Month, n
	}
	return period.Day, int(to - from)
}

// compareWith sets the window before: so many units earlier, or a year. Where
// weekdays are to match, days are moved by whole weeks: as few as are needed, or 52
// to a year. Months and years of the calendar are compared with such.
func (x *span) compareWith(year, weekdays bool) {
	days := x.n
	if x.unit == "" {
		days = 1
	}
	if weekdays {
		days = (days + 6) / 7 * 7
	}
	if year && weekdays {
		days = max(days, 52*7)
	}
	x.early = func(d period.Date) period.Date { return d - period.Date(days) }
	switch {
	case year && (!weekdays || x.unit == period.Month || x.unit == period.Year):
		x.early = func(d period.Date) period.Date { return d.Shift(period.Year, -1) }
	case x.unit == period.Month, x.unit == period.Year:
		x.early = func(d period.Date) period.Date { return d.Shift(x.unit, -x.n) }
	}
	if x.unit == "" {
		x.before = period.Window{From: x.back(x.window.From), To: x.back(x.window.To)}
		return
	}
	from, to := x.early(x.from), x.early(x.to-1)+1
	if x.unit != period.Day && x.to == x.from.Shift(x.unit, x.n) { // it is whole
		to = from.Shift(x.unit, x.n)
	}
	x.before = period.Window{From: from.Window(x.zone).From, To: to.Window(x.zone).From}
}

// back is the same moment in the window before, by the local clock.
func (x span) back(t time.Time) time.Time {
	t = t.In(x.zone)
	d := period.DateOf(t, x.zone)
	early := x.early(d)
	if t.Equal(d.Window(x.zone).From) { // a day's first instant, which need not be midnight
		return early.Window(x.zone).From
	}
	y, m, day := early.Window(nil).From.Date()
	return time.Date(y, m, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), x.zone)
}

// fair is what of the two windows is compared, as the period may not be over yet: up
// to the same moment if it is drawn by hours, else the days that are over. Both are
// zero without a comparison.
func (x span) fair() (now, before period.Window) {
	today := period.DateOf(x.now, x.zone)
	switch {
	case x.before == (period.Window{}) || !x.window.To.After(x.now):
		return x.window, x.before
	case x.from == x.to || slices.Contains(period.StepsOf(x.window), period.Hour) && x.to-x.from <= 2:
		return x.window, period.Window{From: x.before.From, To: x.back(x.now)}
	case today <= x.from:
		return x.window, period.Window{}
	}
	over, before := x.window, x.before
	over.To = today.Window(x.zone).From
	if before.To = (x.early(today-1) + 1).Window(x.zone).From; before.To.After(x.before.To) {
		before.To = x.before.To
	}
	return over, before
}

// passed is as much of the window before as has passed of this one.
func (x span) passed() period.Window {
	w := x.before
	if w != (period.Window{}) && x.now.Before(x.window.To) {
		if to := x.back(x.now); to.Before(w.To) {
			w.To = to
		}
	}
	return w
}

// move is the state one period back (-1) or forth (1); ok is false where there is
// none.
func (x span) move(s state, by int) (to state, ok bool) {
	end := period.DateOf(x.now, x.zone) + 1
	if x.unit == "" || by > 0 && x.to >= end {
		return s, false
	}
	from := x.from.Shift(x.unit, by*x.n)
	last := min(from.Shift(x.unit, x.n), end)
	if from < 1 || from >= end {
		return s, false
	}
	to = s.days(from, last)
	for _, k := range choices {
		if unit, _ := k.Units(); unit != "" && (k.Window(x.now, x.zone) == period.Window{From: from.Window(x.zone).From, To: last.Window(x.zone).From}) {
			to = s.at(k.Name)
			break
		}
	}
	to.step = s.step
	return to, true
}

// within is the state of one step of the chart: a day by hours, a week, month or year by
// days or months. ok is false where there is nothing finer.
func (x span) within(s state, at time.Time) (to state, ok bool) {
	if x.unit == "" && x.from == x.to || x.step == period.Hour || x.step == period.Minute {
		return s, false
	}
	from := period.DateOf(at, x.zone)
	return s.days(from, min(from.Shift(x.step, 1), period.DateOf(x.now, x.zone)+1)), true
}

// words are a window as people write it: its days, or its hours where it is not made
// of days.
func (l tongue) words(w period.Window, zone *time.Location) string {
	from, to, whole := w.Dates(zone)
	if !whole {
		return l.Say("{first} to {last}", l.Date(w.From.In(zone), "2 Jan 2006, 15:04"), l.Date(w.To.In(zone), "2 Jan 2006, 15:04"))
	}
	first, last := l.day(from), l.day(to-1)
	if first == last {
		return first
	}
	return l.Say("{first} to {last}", first, last)
}

func (l tongue) day(d period.Date) string { return l.Date(d.Window(nil).From, "2 January 2006") }

// lately is the window in which visitors are there now, and current how /v1/live
// names them.
const (
	lately  = "Last5Minutes"
	current = string(metric.Visitors) + "@" + lately
)
