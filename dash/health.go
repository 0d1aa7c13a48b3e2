package dash

import (
	"fmt"
	"time"
)

// States of health, the worst last.
const (
	allWell  = "well"
	isBehind = "behind"
	hasAside = "aside"
	isDown   = "down"
)

// Health is the sentence at the top of the page about the server.
type Health struct {
	State string // all well, behind, something set aside, or something is down
	Says  string
	Next  string // what to do; "" is nothing
	Href  string // where to do it; "" is on the server
	Type  string // the command to type there; "" is none
}

// When something is behind, and when the disk is too full.
const (
	muchLag     = 10 * time.Second
	archiveLag  = 30 * time.Minute // it gathers on purpose
	leastFree   = 1 << 30          // bytes
	longFailing = 5 * time.Second
)

// names of readers, as people call what they fill.
var fills = map[string]string{"store": "The event store", "archive": "The archive", "ledger": "The ledger"}

// health finds the worst that there is to say. Of what is nil nobody can tell.
func health(p *Pipeline, s *Server, now time.Time) Health {
	if p != nil {
		if h, bad := p.down(now); bad {
			return h
		}
	}
	if s != nil {
		if h, bad := s.down(); bad {
			return h
		}
	}
	switch {
	case p == nil:
		return unknown("where events are")
	case s == nil:
		return unknown("how disk and engines are")
	}
	return p.health()
}

// unknown is what can't be told.
func unknown(what string) Health {
	return Health{State: isDown, Says: "Nobody can tell " + what + " just now.", Next: "Look into the server's log, and type:", Type: "footfall doctor"}
}

// health is what there is to say of a pipeline in which all works.
func (p *Pipeline) health() Health {
	sinks, doors := p.asideNow()
	if sinks > 0 {
		return Health{hasAside, fmt.Sprintf("%s set aside: they are kept, but in no figure.", count(sinks, "event is", "events are")), "Look why, then redrive or drop them.", "/operations/aside", ""}
	}
	if h, late := behind(p); late {
		return h
	}
	h := Health{State: allWell, Says: "All is well: every accepted event is accounted for."}
	if doors > 0 {
		h.Says += fmt.Sprintf(" %s refused at a door, and the sender was told.", count(doors, "event or request was", "events or requests were"))
		h.Next, h.Href = "Look at them.", "/operations/aside"
	}
	return h
}

// down finds a reader that does not work.
func (p *Pipeline) down(now time.Time) (Health, bool) {
	for _, r := range p.Readers {
		if !r.Failing.IsZero() && now.Sub(r.Failing) > longFailing {
			return Health{isDown, fmt.Sprintf("%s can't be written for %s. Events are accepted all the same and wait on disk: %s.", fills[r.Name], age(now.Sub(r.Failing)), whole(r.Waiting)),
				"The reason is in the server's log; often the disk is full. See also:", "", "footfall doctor"}, true
		}
		if p.Queue.MaxAge > 0 && r.Lag > p.Queue.MaxAge/2 {
			return Health{isDown, fmt.Sprintf("%s is %s behind, and the queue forgets after %s.", fills[r.Name], age(r.Lag), age(p.Queue.MaxAge)),
				"Find out what holds it up, and until then start the server with a longer --queue-max-age:", "", "footfall doctor"}, true
		}
	}
	return Health{}, false
}

// down finds what else does not work.
func (s *Server) down() (Health, bool) {
	for _, e := range s.Engines {
		if e.Problem != "" {
			return Health{isDown, e.Role + ": " + e.Problem, "See what its own log says, and:", "", "footfall doctor"}, true
		}
	}
	if s.Free < leastFree {
		return Health{isDown, fmt.Sprintf("Only %s are free where the data is.", bytesOf(s.Free)), "Make room; when none is left, events are refused.", "#disk", ""}, true
	}
	if s.Audit.Differences > 0 {
		return Health{isDown, fmt.Sprintf("Of the figures that were recounted last, %s differ.", whole(s.Audit.Differences)), "Make the stored figures again from the events:", "", "footfall rebuild"}, true
	}
	return Health{}, false
}

// behind finds what takes longer than usual.
func behind(p *Pipeline) (Health, bool) {
	if p.Building {
		return Health{State: isBehind, Says: "The event store is being made anew. Events wait in the queue meanwhile, and figures of bins are answered."}, true
	}
	for _, r := range p.Readers {
		usual := muchLag
		if r.Name == "archive" {
			usual = archiveLag
		}
		if r.Lag > usual {
			return Health{State: isBehind, Says: fmt.Sprintf("%s is %s behind: %s. Nothing is lost, and it catches up by itself.", fills[r.Name], age(r.Lag), count(r.Waiting, "event waits", "events wait")),
				Next: "If it does not get less, look at processor and disk."}, true
		}
	}
	return Health{}, false
}

// count spells a number with its noun.
func count(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + more
}
