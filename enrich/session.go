package enrich

import (
	"time"

	"footfall/event"
)

// Gap ends a session: the next event of a visitor more than Gap after the one
// before begins a new one.
const Gap = 30 * time.Minute

// sessionMost bounds the visitors whose sessions are remembered; with all of
// them in use the table takes about 60 MB.
const sessionMost = 1 << 20

// sessions knows the running session of each visitor. It is what the door saw:
// a restart forgets it, an event that comes late may find its session gone.
// Figures therefore cut sessions by gaps in the event store.
type sessions struct{ running *table[span] }

// span is the first and the last event of a session in Unix milliseconds.
type span struct{ start, last int64 }

func newSessions() *sessions { return &sessions{newTable[span](sessionMost)} }

// sessionStep labels the event with the session its visitor is in.
func (x *Enricher) sessionStep(e *event.Event, _ Sender) {
	e.Session = 0
	if e.Visitor != 0 {
		e.Session = x.sessions.touch(e.Visitor, when(e))
	}
}

// when is the moment that counts for sessions. An import's events are from
// long ago, so it is not the moment of arrival.
func when(e *event.Event) int64 {
	if e.Time.IsZero() {
		return e.Received.UnixMilli()
	}
	return e.Time.UnixMilli()
}

// active reports whether an event at that time belongs to the visitor's
// running session.
func (s *sessions) active(visitor uint64, at int64) bool {
	running, ok := s.running.get(visitor)
	return ok && running.holds(at)
}

// touch is the id of the session an event at that time belongs to.
func (s *sessions) touch(visitor uint64, at int64) uint64 {
	shard := s.running.shard(visitor)
	shard.Lock()
	defer shard.Unlock()
	running, ok := shard.load(visitor)
	switch {
	case ok && running.holds(at):
		running.last = max(running.last, at)
	case ok && at < running.start:
		return sessionOf(visitor, at) // late, of a session before this one
	default:
		running = span{at, at}
	}
	shard.store(visitor, running)
	return sessionOf(visitor, running.start)
}

// holds is also true for an event that came late, shortly before the first
// one: the session keeps the id it has, so its start does not move.
func (s span) holds(at int64) bool {
	gap := Gap.Milliseconds()
	return s.start-gap <= at && at <= s.last+gap
}

// sessionOf mixes visitor and start (the finaliser of SplitMix64, Steele and
// others 2014); never 0. It hides nothing: both are fields of the event.
func sessionOf(visitor uint64, start int64) uint64 {
	z := visitor ^ uint64(start)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return max(1, z^z>>31)
}
