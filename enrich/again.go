package enrich

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"footfall/event"
)

// Derived is what the steps that can be done again make of an event.
type Derived struct {
	Path     string         `json:"path,omitempty"`
	Referrer string         `json:"referrer,omitempty"`
	Class    string         `json:"class,omitempty"`
	Source   string         `json:"source,omitempty"`
	Campaign event.Campaign `json:"campaign,omitzero"`
	Bot      string         `json:"bot,omitempty"`
	Session  uint64         `json:"session,omitempty"`
}

// DerivedOf is what was derived of an event.
func DerivedOf(e *event.Event) Derived {
	return Derived{e.Path, e.Referrer, e.Class, e.Source, e.Campaign, e.Bot, e.Session}
}

// Put gives an event what was derived of it.
func (d Derived) Put(e *event.Event) {
	e.Path, e.Referrer, e.Class, e.Source, e.Campaign, e.Bot, e.Session = d.Path, d.Referrer, d.Class, d.Source, d.Campaign, d.Bot, d.Session
}

// Again derives anew what follows from what is kept of events: those of one site, by
// time. It is not safe for concurrent use.
//
// Sessions are cut where a visitor's events have a gap, as figures cut them; the
// door saw events as they came, and may have forgotten a session at a restart.
type Again struct {
	x       *Enricher
	running map[uint64]latest // by visitor
	swept   int64             // when running was cleared of what is over, in Unix milliseconds
	was     Derived           // of the event that is being done
}

// latest is the session and the time of a visitor's last event, in Unix milliseconds.
type latest struct {
	session uint64
	at      int64
}

// Again makes an Again with the Enricher's lists. Its sessions are its own.
func (x *Enricher) Again() *Again { return &Again{x: x, running: map[uint64]latest{}} }

// Enrich runs those steps of the list that can be done again. Done again on its own
// result, it changes nothing.
func (a *Again) Enrich(e *event.Event) {
	a.was = DerivedOf(e)
	e.Class, e.Source = "", ""
	for i := range steps {
		if again := steps[i].again; again != nil {
			again(a, e)
		}
	}
}

// Recall takes an event from before those that are done again: the session that it
// is of may go on.
func (a *Again) Recall(e *event.Event) {
	if e.Visitor != 0 && e.Session != 0 {
		a.running[e.Visitor] = latest{e.Session, when(e)}
	}
}

// asBefore is a step that needs nothing of the sender once the event is kept.
func asBefore(run func(*Enricher, *event.Event, Sender)) func(*Again, *event.Event) {
	return func(a *Again, e *event.Event) { run(a.x, e, Sender{}) }
}

// bot asks whether the word that a bot was known by is still in the list. Who was
// none stays so: the user agent, which a new word might be in, is gone.
func (a *Again) bot(e *event.Event) {
	if word, known := strings.CutPrefix(e.Bot, agentMark); known {
		label := a.x.botOf(word)
		if label == "" && word == "link" {
			label = a.x.botOf("://")
		}
		e.Bot = label
	}
	if !a.x.ownWords && (written(e) || e.Bot == noAgent && !namesItself(e)) {
		e.Bot = ""
	}
}

func (a *Again) session(e *event.Event) {
	e.Session = 0
	if e.Visitor == 0 {
		return
	}
	now := latest{sessionOf(e.Visitor, when(e)), when(e)}
	if before, ok := a.running[e.Visitor]; ok && (span{before.at, before.at}).holds(now.at) {
		now.session = before.session
	}
	a.running[e.Visitor], e.Session = now, now.session
	if gap := Gap.Milliseconds(); now.at > a.swept+gap {
		a.swept = now.at
		maps.DeleteFunc(a.running, func(_ uint64, l latest) bool { return l.at < now.at-gap })
	}
}

// affiliate keeps an affiliate who is the source where nothing is left of what said
// so: of a person who was erased.
func (a *Again) affiliate(e *event.Event) {
	a.x.affiliateStep(e, Sender{})
	if e.Class == "" && a.was.Class == classAffiliate && e.Search == "" && e.Context == "" {
		e.Class, e.Source = a.was.Class, a.was.Source
	}
}

// referrer knows of a referrer that was invalid, and is not kept, by its class only.
func (a *Again) referrer(e *event.Event) {
	a.x.referrerStep(e, Sender{})
	if e.Referrer == "" && a.was.Class == classInvalid && (e.Class == classDirect || e.Class == "") {
		e.Class, e.Source = classInvalid, ""
	}
}

// Rules is a hash of the embedded lists: with another, Again may come to another result.
func Rules() string {
	sum := sha256.New()
	for _, list := range []string{botList, referrerList, spamList, ownReferrers} {
		fmt.Fprintf(sum, "%d %s", len(list), list)
	}
	for _, short := range slices.Sorted(maps.Keys(ownNames)) {
		fmt.Fprintf(sum, "%q%q", short, ownNames[short])
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}
