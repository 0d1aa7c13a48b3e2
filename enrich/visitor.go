package enrich

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"footfall/event"
)

// What a visitor's hash is made of; the letter keeps a user id from meeting
// the same text as an anonymous id.
const (
	fromAnonymousID = 'a'
	fromUserID      = 'u'
	fromAddress     = 'd'
)

// visitorStep gives the event its visitor:
//
//   - of its anonymous id, for ever; but not a server library's, which may be
//     invented per event, when there is a user id;
//   - else of its user id, for ever;
//   - else of address and user agent with the secret salt of the UTC day of
//     Received (or the sender's own salt), so that nobody can follow a visitor
//     over days. A visitor who is active when the day ends stays the same until
//     30 minutes pass without an event, so that a session survives midnight.
//
// Visitor stays 0, unknown, if neither address nor user agent is known, and if
// there is no salt: an unsalted hash could be turned back into the address,
// and one with a made-up salt would count the same person again and again.
func (x *Enricher) visitorStep(e *event.Event, from Sender) {
	switch {
	case e.AnonymousID != "" && (!from.Server || e.UserID == ""):
		e.Visitor = visitorOf(fromAnonymousID, nil, e.Site, e.AnonymousID)
	case e.UserID != "":
		e.Visitor = visitorOf(fromUserID, nil, e.Site, e.UserID)
	case !from.IP.IsValid() && from.Host == "" && from.UserAgent == "":
		e.Visitor = 0
	default:
		e.Visitor = x.daily(e, from)
	}
}

// daily is the visitor of an address and a user agent.
func (x *Enricher) daily(e *event.Event, from Sender) uint64 {
	var room [64]byte
	address := room[:0]
	if from.IP.IsValid() {
		address = from.IP.Unmap().AppendTo(address)
	} else {
		address = append(address, from.Host...)
	}
	if from.Salt != nil {
		return visitorOf(fromAddress, from.Salt, e.Site, string(address), from.UserAgent)
	}
	day := event.DayOf(e.Received)
	salt, err := x.salts.salt(day)
	if err != nil {
		x.unsalted.Add(1)
		return 0
	}
	today := visitorOf(fromAddress, salt, e.Site, string(address), from.UserAgent)
	if x.sessions.active(today, when(e)) {
		return today
	}
	if salt, err = x.salts.salt(day - 1); err != nil {
		return today // the first day there is; or yesterday's salt is gone
	}
	yesterday := visitorOf(fromAddress, salt, e.Site, string(address), from.UserAgent)
	if x.sessions.active(yesterday, when(e)) {
		return yesterday
	}
	return today
}

// visitorOf is the first 64 bits of SHA-256 over the salt and the parts, each
// with its length before it; never 0, which means unknown. Without the salt's
// 32 secret bytes nobody can try all addresses until one fits.
func visitorOf(kind byte, salt []byte, parts ...string) uint64 {
	var room [512]byte
	b := binary.AppendUvarint(append(room[:0], kind), uint64(len(salt)))
	b = append(b, salt...)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return max(1, binary.BigEndian.Uint64(sum[:]))
}

// saltBook remembers the salts of two days, so that events don't each ask the
// keeper of salts, and forgets a day's when the day after the next begins.
type saltBook struct {
	from Salts
	now  func() time.Time

	mu     sync.Mutex
	newest event.Day
	pages  []saltPage
}

type saltPage struct {
	day   event.Day
	salt  []byte
	err   error
	until time.Time // an error is believed until then
}

// retryAfter is how long a failed look-up of a salt is not tried again.
const retryAfter = time.Second

var errOldSalt = errors.New("the salt of that day is destroyed")

func (b *saltBook) salt(day event.Day) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if day > b.newest {
		b.newest = day
		b.forget()
	}
	if day < b.newest-1 {
		return nil, errOldSalt
	}
	for i, p := range b.pages {
		if p.day != day {
			continue
		}
		if p.err == nil || b.now().Before(p.until) {
			return p.salt, p.err
		}
		b.pages = append(b.pages[:i], b.pages[i+1:]...)
		break
	}
	p := saltPage{day: day}
	if p.salt, p.err = b.from.Salt(day); p.err != nil {
		p.until = b.now().Add(retryAfter)
	}
	b.pages = append(b.pages, p)
	return p.salt, p.err
}

func (b *saltBook) forget() {
	var kept []saltPage
	for _, p := range b.pages {
		if p.day >= b.newest-1 {
			kept = append(kept, p)
		}
	}
	b.pages = kept
}

// memorySalts are random salts that a restart forgets: the default of an
// Enricher that nobody gave a keeper of salts. The book around it forgets days.
type memorySalts struct{}

func (memorySalts) Salt(event.Day) ([]byte, error) {
	salt := make([]byte, 32)
	rand.Read(salt) // never fails: see crypto/rand
	return salt, nil
}
