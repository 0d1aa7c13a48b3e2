package bins

import (
	"strings"
	"time"
	"unsafe"

	"footfall/event"
	"footfall/period"
)

// A stretch has every session of a site that may begin in a window, and what is told of
// them, whatever the order in which views come. Of a session it keeps what another view
// may change: when it is, how long, and in which figures it is counted. Times are in
// milliseconds since the window began.
type stretch struct {
	base int64 // Unix time in milliseconds
	to   int32 // where the window ends

	// Views up to here are of all visitors. Behind it they are of those alone who were
	// there in the last gap before it, whose sessions may go on: others' are not kept.
	end    int32
	behind bool // there are some that are not kept

	newest   map[uint64]int32 // of each visitor, the place of the last session
	sittings []sitting
	values   [len(every)]map[string]int32 // where each value's figures are
	figures  []told
	spelled  int // bytes of the values
}

// sitting is a session.
type sitting struct {
	first, last int32
	told        int32 // the last of the views that are told: up to a SessionDay behind the first
	views       int32 // that are told
	before      int32 // the visitor's session before it; -1 for none
	of          [len(every)]int32
}

// told is what is counted of sessions, in the order of toldOf.
type told [4]int64

// toldOf lists where told stands in Counts.
var toldOf = [len(told{})]int{1, 2, 11, 12}

const (
	gapMillis = int32(SessionGap / 1e6)
	dayMillis = int32(SessionDay / 1e6)
	// mostMillis is of a window. Dates have up to two days, where a zone changes.
	mostMillis = 7 * dayMillis
)

// newStretch is one without a view; nil for a window of which it can't be told.
func newStretch(w period.Window) *stretch {
	base, to := w.From.UnixMilli(), w.To.UnixMilli()
	if to < base || to-base > int64(mostMillis) {
		return nil
	}
	s := &stretch{base: base, to: int32(to - base), newest: map[uint64]int32{}}
	s.end = s.to + gapMillis + 1
	for i := range s.values {
		s.values[i] = map[string]int32{}
	}
	return s
}

// fill counts what is stored, once. Over is that the time to which all views are kept is.
func (s *stretch) fill(walk Walk, over bool, each func() error) error {
	at := func(since int32) time.Time { return time.UnixMilli(s.base + int64(since)).UTC() }
	to, behind := at(s.end), over
	if !over { // as a rule nothing is there, but clocks may be ahead
		to = at(s.to + dayMillis)
	}
	err := walk(at(-gapMillis), to, func(e *event.Event) error {
		s.add(e)
		behind, s.behind = behind || s.behind, false // of who comes next everything does
		return each()
	})
	s.behind = behind
	return err
}

// add counts an event, which nothing is kept of. It reports whether the stretch is still
// right: what the view joins may be told otherwise by views that are not kept. Of views in
// the same millisecond the one added first is the first.
func (s *stretch) add(e *event.Event) bool {
	if !e.View() || e.Bot != "" || e.Visitor == 0 {
		return true
	}
	since := e.Time.UnixMilli() - s.base
	if since < -int64(gapMillis) || since >= int64(s.to)+int64(dayMillis) {
		return true // no session that begins in the window is told of it
	}
	at := int32(since)
	newest, known := s.newest[e.Visitor]
	if !known {
		newest = -1
	}
	if at >= s.end-gapMillis && (!known || s.sittings[newest].last < s.end-gapMillis) {
		switch {
		case at >= s.end:
			s.behind = true
			return true
		case s.behind:
			return false
		}
	}
	return s.join(e, at, newest)
}

// join puts a view into the sessions of its visitor, whose last one is at newest.
func (s *stretch) join(e *event.Event, at, newest int32) bool {
	later, own := int32(-1), newest // own is the last session that begins up to the view, later the one behind it
	for own >= 0 && s.sittings[own].first > at {
		later, own = own, s.sittings[own].before
	}
	ahead := later >= 0 && s.sittings[later].first-at <= gapMillis
	switch {
	case own >= 0 && at-s.sittings[own].last <= gapMillis:
		s.count(own, -1)
		defer s.count(own, 1)
		s.sittings[own].take(at)
		return !ahead || s.unite(own, later, e.Visitor)
	case ahead:
		return s.begin(e, at, later)
	}
	s.sittings = append(s.sittings, sitting{first: at, last: at, told: at, views: 1, before: own, of: s.places(e, at)})
	place := int32(len(s.sittings) - 1)
	s.follow(e.Visitor, later, place)
	s.count(place, 1)
	return true
}

// follow puts a session of a visitor before a later one, or as the last if there is none.
func (s *stretch) follow(visitor uint64, later, place int32) {
	if later < 0 {
		s.newest[visitor] = place
		return
	}
	s.sittings[later].before = place
}

// take adds a view that is not before the first.
func (x *sitting) take(at int32) {
	if at-x.first <= dayMillis {
		x.views++
		x.told = max(x.told, at)
	}
	x.last = max(x.last, at)
}

// begin lets a session begin earlier, with a view: false if then less of it may be told.
func (s *stretch) begin(e *event.Event, at, place int32) bool {
	x := &s.sittings[place]
	if x.last-at > dayMillis {
		return false
	}
	s.count(place, -1)
	x.first, x.of = at, s.places(e, at)
	x.views++
	s.count(place, 1)
	return true
}

// unite makes a session, which is not counted meanwhile, go on with the one behind it: false
// if it may be told of a part of that.
func (s *stretch) unite(place, later int32, visitor uint64) bool {
	x, y := &s.sittings[place], &s.sittings[later]
	s.count(later, -1)
	switch {
	case y.last-x.first <= dayMillis:
		x.views, x.told = x.views+y.views, y.told
	case y.first-x.first <= dayMillis:
		return false
	}
	x.last = y.last
	of, next := int32(-1), s.newest[visitor] // nobody finds it any more
	for next != later {
		of, next = next, s.sittings[next].before
	}
	s.follow(visitor, of, place)
	return true
}

// count adds what is told of a session to its figures, or takes it away.
func (s *stretch) count(place int32, sign int64) {
	x := &s.sittings[place]
	if x.first < 0 || x.first >= s.to {
		return
	}
	t := told{sign, 0, sign * int64(x.views), sign * int64(x.told-x.first)}
	if x.views == 1 {
		t[1] = sign
	}
	for _, of := range x.of {
		for i, n := range t {
			s.figures[of][i] += n
		}
	}
}

// places are where a session is counted that begins with an event. One that does not begin
// in the window is counted nowhere.
func (s *stretch) places(e *event.Event, at int32) (of [len(every)]int32) {
	if at < 0 || at >= s.to {
		return of
	}
	for i, value := range labels(e) {
		place, ok := s.values[i][value]
		if !ok {
			place = int32(len(s.figures))
			s.values[i][strings.Clone(value)] = place
			s.spelled += len(value)
			s.figures = append(s.figures, told{})
		}
		of[i] = place
	}
	return of
}

// tell hands over the figures of a subject, or of each value, in no certain order.
func (s *stretch) tell(r HotRange) (all []spoken) {
	for i, by := range every {
		if by != r.By {
			continue
		}
		if !r.Each {
			if place, ok := s.values[i][r.Value]; ok {
				all = append(all, spoken{r.Value, s.figures[place]})
			}
			break
		}
		for value, place := range s.values[i] {
			if s.figures[place] != (told{}) {
				all = append(all, spoken{value, s.figures[place]})
			}
		}
	}
	return all
}

// spoken is what is told of a value's sessions.
type spoken struct {
	value string
	told
}

// size is how many bytes it takes, about.
func (s *stretch) size() int {
	const visitor, value = 40, 100
	return len(s.newest)*visitor + cap(s.sittings)*int(unsafe.Sizeof(sitting{})) + len(s.figures)*value + s.spelled
}
