package query

import (
	"container/list"
	"slices"
	"sync"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// A memo keeps what was read of bins until they change. Between two rolls people
// look at the same stretches again and again, and to add up the days of thousands of
// pages, or to unite the visitors of a month, takes long.
type memo struct {
	mu    sync.Mutex
	room  int // bytes, about
	used  int
	parts map[part]*list.Element // of *sum
	order list.List              // what was asked for last is first
}

// memoRoom is how much a planner's memo may hold, in bytes. What takes more than a
// quarter of it is not kept.
const memoRoom = 128 << 20

// part says what is read of bins.
type part struct {
	bins.Range
	metric metric.Name
	step   period.Step
	basis  string // of the bins: their zone is that of the steps
	// without is dates that are left out, as they are counted from the events.
	without string
}

func newMemo(room int) *memo { return &memo{room: room, parts: map[part]*list.Element{}} }

// get is what was read of a part in this version; nil if that is not known.
func (m *memo) get(p part, version uint64) *sum {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.parts[p]
	if e == nil {
		return nil
	}
	s := e.Value.(*sum)
	if s.version != version {
		m.drop(e)
		return nil
	}
	m.order.MoveToFront(e)
	s.idle = 0
	return s
}

// stale is what is of another version than a site's, and worth reading again: in the
// order in which it was asked for, the last first. What is left is of the events, beside
// which bins are read in no time.
func (m *memo) stale(versions map[string]uint64) (all []*sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := m.order.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*sum); s.version != versions[s.Site] && s.idle < mostIdle && !bins.OfSessions(s.metric) {
			all = append(all, s)
		}
	}
	return all
}

// renewed notes that nobody but a renewal has asked for what takes the place of a sum. One
// that was not replaced is dropped.
func (m *memo) renewed(old *sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := m.parts[old.part]; {
	case e == nil:
	case e.Value.(*sum) == old:
		m.drop(e)
	default:
		e.Value.(*sum).idle = old.idle + 1
	}
}

// again puts what was renewed into the order in which it was asked for, the last first.
func (m *memo) again(renewed []*sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, old := range slices.Backward(renewed) {
		if e := m.parts[old.part]; e != nil {
			m.order.MoveToFront(e)
		}
	}
}

// mostIdle is how often something is read again that nobody asks for: for two hours of
// a site that is rolled every quarter of an hour.
const mostIdle = 8

// put keeps a sum, and drops those that nobody has asked for for longest.
func (m *memo) put(s *sum) {
	if s.size > m.room/4 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.parts[s.part]; e != nil {
		m.drop(e)
	}
	m.parts[s.part] = m.order.PushFront(s)
	for m.used += s.size; m.used > m.room; {
		m.drop(m.order.Back())
	}
}

func (m *memo) drop(e *list.Element) {
	s := m.order.Remove(e).(*sum)
	delete(m.parts, s.part)
	m.used -= s.size
}
