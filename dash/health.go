package dash

import (
	"cmp"
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
var fills = map[string]key{"store": "The event store", "archive": "The archive", "ledger": "The ledger"}

// Fills is what a reader fills, as people call it.
func (r Reader) Fills() key { return fills[r.Name] }

// health finds the worst that there is to say. Of what is nil nobody can tell.
func (l tongue) health(p *Pipeline, s *Server, now time.Time) Health {
	if h, bad := l.down(p, s, now); bad {
		return h
	}
	if p == nil {
		return Health{State: isDown, Says: l.Say("Nobody can tell where events are just now."), Next: l.Say("Look into the server's log, and type:"), Type: "footfall doctor"}
	}
	if s == nil {
		return Health{State: isDown, Says: l.Say("Nobody can tell how disk and engines are just now."), Next: l.Say("Look into the server's log, and type:"), Type: "footfall doctor"}
	}
	if s.Audit.Differences > 0 {
		return Health{isDown, l.Say("Of the figures that were recounted last, {n} differ.", s.Audit.Differences), l.Say("Make the stored figures again from the events:"), "", "footfall rebuild"}
	}
	sinks, doors := p.asideNow()
	if sinks > 0 {
		return Health{hasAside, l.Say("{n} events are set aside: they are kept, but in no figure.", sinks), l.Say("Look why, then redrive or drop them."), "/operations/aside", ""}
	}
	if h, late := l.behind(p); late {
		return h
	}
	h := Health{State: allWell, Says: l.Say("All is well: every accepted event is accounted for.")}
	if doors > 0 {
		h.Says += " " + l.Say("{n} events or requests were refused at a door, and the sender was told.", doors)
		h.Next, h.Href = l.Say("Look at them."), "/operations/aside"
	}
	return h
}

// down finds what does not work.
func (l tongue) down(p *Pipeline, s *Server, now time.Time) (Health, bool) {
	if p != nil && !p.Queue.Refusing.IsZero() {
		return Health{isDown, l.Say("Events are refused for {time}: the queue can't put them on its disk. Their senders are told to send them again.", l.age(now.Sub(p.Queue.Refusing))),
			l.Say("Make room on the disk: the server then starts anew by itself, and takes them again. If it does not, look into its log, and type:"), "", "footfall restart"}, true
	}
	if s != nil && s.Free < leastFree {
		return Health{isDown, l.Say("Only {size} are free where the data is.", l.bytesOf(s.Free)), l.Say("Make room; when none is left, events are refused."), "#disk", ""}, true
	}
	if p != nil {
		for _, r := range p.Readers {
			if !r.Failing.IsZero() && now.Sub(r.Failing) > longFailing {
				return Health{isDown, l.Say("{part} can't be written for {time}. Events are accepted all the same and wait on disk: {n}.", l.Say(fills[r.Name]), l.age(now.Sub(r.Failing)), r.Waiting),
					l.Say(cmp.Or(r.Why, "The reason is in the server's log; often the disk is full. See also:")), "", "footfall doctor"}, true
			}
			if p.Queue.MaxAge > 0 && r.Lag > p.Queue.MaxAge/2 {
				return Health{isDown, l.Say("{part} is {time} behind, and the queue forgets after {limit}.", l.Say(fills[r.Name]), l.age(r.Lag), l.age(p.Queue.MaxAge)),
					l.Say("Find out what holds it up, and until then start the server with a longer --queue-max-age:"), "", "footfall doctor"}, true
			}
		}
	}
	if s == nil {
		return Health{}, false
	}
	for _, e := range s.Engines {
		switch {
		case e.Problem != "" && e.Type != "":
			return Health{isDown, l.Say(e.Role) + ": " + l.Say(e.Problem), "", "", e.Type}, true
		case e.Problem != "":
			return Health{isDown, l.Say(e.Role) + ": " + l.Say(e.Problem), l.Say("See what its own log says, and:"), "", "footfall doctor"}, true
		}
	}
	return Health{}, false
}

// behind finds what takes longer than usual.
func (l tongue) behind(p *Pipeline) (Health, bool) {
	if p.Building {
		return Health{State: isBehind, Says: l.Say("The event store is being made anew. Events wait in the queue meanwhile, and figures of bins are answered.")}, true
	}
	for _, r := range p.Readers {
		usual := muchLag
		if r.Name == "archive" {
			usual = archiveLag
		}
		if r.Lag > usual {
			return Health{State: isBehind, Says: l.Say("{part} is {time} behind: {n} events wait. Nothing is lost, and it catches up by itself.", l.Say(fills[r.Name]), l.age(r.Lag), r.Waiting),
				Next: l.Say("If it does not get less, look at processor and disk.")}, true
		}
	}
	return Health{}, false
}
