package enrich

import (
	"sync/atomic"
	"time"

	"footfall/event"
)

// step is one thing that is derived. The sender comes as a copy, so that
// nothing of it is left when the last step returns.
type step struct {
	name string
	run  func(x *Enricher, e *event.Event, from Sender)
	// again derives it anew from what is kept of the event; nil where that needs
	// what was forgotten at the door.
	again func(a *Again, e *event.Event)
}

// steps is the one list of what happens to an event, in order. A step relies
// only on those before it:
//
//   - page comes first: referrer and campaign need its host and query string;
//   - bot needs nothing else, and a label must be there whatever fails later;
//   - session needs the visitor (and the visitor asks whether yesterday's
//     session still runs);
//   - place and device need the address and the user agent, language and screen
//     what the client said of them;
//   - affiliate comes before campaign and referrer: whoever sent the visitor by
//     a link of a programme is the source, on whatever page the link stood;
//   - campaign comes before referrer: a click in an e-mail has UTM parameters
//     and no referrer, and would be "direct".
//
// After the last step the address is forgotten: no step has put it, or the raw
// user agent, into a field or a table.
var steps = []step{
	{"page", (*Enricher).pageStep, asBefore((*Enricher).pageStep)},
	{"bot", (*Enricher).botStep, (*Again).bot},
	{"visitor", (*Enricher).visitorStep, nil},
	{"session", (*Enricher).sessionStep, (*Again).session},
	{"place", (*Enricher).placeStep, nil},
	{"device", (*Enricher).deviceStep, nil},
	{"language", (*Enricher).languageStep, nil},
	{"screen", (*Enricher).screenStep, nil},
	{"affiliate", (*Enricher).affiliateStep, (*Again).affiliate},
	{"campaign", (*Enricher).campaignStep, asBefore((*Enricher).campaignStep)},
	{"referrer", (*Enricher).referrerStep, (*Again).referrer},
}

// Enricher turns what was sent into what is kept. It is safe for concurrent
// use; what it remembers is bounded, some 100 MB at the very most.
type Enricher struct {
	places     Places
	isInternal func(site, host string) bool
	affiliate  func(e *event.Event) string
	bots       *words
	ownWords   bool // Options.BotWords are the only reason to call something a bot
	directory  *directory
	salts      *saltBook
	sessions   *sessions
	agents     *table[agent]
	hosts      *table[site]
	languages  *table[string]
	unsalted   atomic.Uint64
}

// New makes an Enricher; it reads the embedded lists once in a process.
func New(o Options) *Enricher {
	if o.Salts == nil {
		o.Salts = memorySalts{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	x := &Enricher{
		places:     o.Places,
		isInternal: o.Internal,
		affiliate:  o.Affiliate,
		directory:  knownHosts(),
		salts:      &saltBook{from: o.Salts, now: o.Now},
		sessions:   newSessions(),
		agents:     newTable[agent](agentMost),
		hosts:      newTable[site](hostMost),
		languages:  newTable[string](languageMost),
	}
	if x.ownWords = o.BotWords != nil; x.ownWords {
		x.bots = newWords(exactly(o.BotWords))
	} else {
		x.bots = knownBots()
	}
	return x
}

// Enrich runs the list on an event. Done again on its own result with the same
// sender, it changes nothing.
func (x *Enricher) Enrich(e *event.Event, from Sender) {
	for i := range steps {
		steps[i].run(x, e, from)
	}
}

// Unsalted is how many events were left without a visitor since the start
// because the day's salt could not be had.
func (x *Enricher) Unsalted() uint64 { return x.unsalted.Load() }

func (x *Enricher) placeStep(e *event.Event, from Sender) {
	if x.places != nil && from.IP.IsValid() {
		p := x.places.Place(from.IP.Unmap())
		e.Country, e.Region, e.City = p.Country, p.Region, p.City
	}
}

// affiliateStep makes an affiliate's code the source of what its link led to.
func (x *Enricher) affiliateStep(e *event.Event, _ Sender) {
	if x.affiliate == nil || e.Class != "" {
		return
	}
	if code := x.affiliate(e); code != "" {
		e.Class, e.Source = classAffiliate, fit(code)
	}
}
