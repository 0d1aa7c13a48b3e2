// Package history is what is kept of known visitors: for each day what they
// viewed, put in the cart, ordered and gave back, of which product and category;
// and the traits that identify said of them. It is personal data: a site turns it
// on, and it is kept for as many months as the site says.
//
// A history is never incremented. What visitors did on a date is counted from
// the events and put in the place of what was there (Store.Replace), so that it
// can be made again at any time. docs/format/history.md describes the file;
// history/historytest is the law of those who keep it.
package history

import (
	"context"
	"iter"
	"time"

	"footfall/period"
)

// Day is what one visitor did on one date of the site's zone.
type Day struct {
	Visitor string // see Known
	Counts  map[Item]Counts
	Traits  string // JSON object of what identify said on that date, later over earlier; null removes; "" is nothing
}

// Past is what is kept of one visitor.
type Past struct {
	Visitor string
	Rows    []Row    // by item and month
	Traits  []Traits // by date
	In      []Member // by segment
}

// Traits is what identify said on a date.
type Traits struct {
	Date period.Date
	JSON string // as Day.Traits
}

// Member tells that a visitor is in a segment, as it was last told.
type Member struct {
	Segment string
	Version int       // of the definition
	Since   time.Time // UTC, to the millisecond
}

// Basis is what the histories of a site depend on beside its events.
type Basis struct {
	Zone     string
	Currency string
	From     period.Date // dates before are not kept
	Counted  period.Date // dates before were not counted, though they may be kept: their events were removed; From if there are none
}

// Report says what Replace did.
type Report struct {
	Visitors int // who have something on the date
	Rows     int // written or removed, with traits: those that differ
}

// Removed says what Forget removed.
type Removed struct {
	Visitors int `json:"visitors"` // of whom nothing is kept any more
	Rows     int `json:"rows"`     // and traits of a date
}

// Store keeps histories.
type Store interface {
	// Replace puts what visitors did on a date in the place of what was there,
	// in one transaction. days come by visitor, ascending by bytes, none twice;
	// an error among them, or a day out of order, ends it and leaves everything
	// as it was. While they come others may write. committing, if not nil, is called around the commit: readers
	// see the new rows once it has called its argument, and if it does not call
	// it, or that fails, nothing has changed. Memberships stay as they are.
	Replace(ctx context.Context, site string, date period.Date, days iter.Seq2[Day, error], committing func(commit func() error) error) (Report, error)
	// Read reads a visitor's past; only these items if any are named. A visitor
	// nobody knows has an empty one.
	Read(ctx context.Context, site, visitor string, items ...Item) (Past, error)
	// Each hands over the pasts of all visitors of a site, in no certain order,
	// as they were at one moment before the first of them; only these items if
	// any are named. Who has nothing but memberships is among them. fn may keep
	// what it gets, read and write.
	Each(ctx context.Context, site string, fn func(Past) error, items ...Item) error
	// Forget removes everything of dates before the month that a date is in. A
	// zero date removes everything of the site: memberships, counts, messages
	// and basis, too. Else memberships stay: whoever has nothing but these is to
	// be moved out of them, so that it is told.
	Forget(ctx context.Context, site string, before period.Date) (Removed, error)
	// Close closes it.
	Close() error
}

// Bases keeps what the histories of each site were made with.
type Bases interface {
	// Basis is false if the histories of the site were never made as a whole.
	Basis(ctx context.Context, site string) (Basis, bool, error)
	SetBasis(ctx context.Context, site string, b Basis) error
}

// Eraser takes out visitors who asked for it.
type Eraser interface {
	// Erase removes all that is kept of visitors: what they did, traits,
	// memberships, of which nobody is told, and messages that name them as a JSON
	// text. What they do later is kept again. Counts of members stay.
	Erase(ctx context.Context, site string, visitors ...string) (Removed, error)
}

// Message is a notice for a webhook, on its way.
type Message struct {
	ID    uint64    `json:"id"` // ascending
	Site  string    `json:"site"`
	Body  []byte    `json:"body"`
	Tries int       `json:"tries"`         // that failed
	Due   time.Time `json:"due"`           // UTC, to the millisecond; zero at first. While a try is under way: when it is made anew if it is cut off
	Why   string    `json:"why,omitempty"` // the last try failed
}

// Move makes a visitor a member of exactly these segments.
type Move struct {
	Visitor string
	In      []Member
	Bodies  [][]byte // of the messages that tell it
}

// Members keeps who is in which segment.
type Members interface {
	// Move moves visitors and puts the messages into the outbox, all in one
	// transaction: it is on disk when Move returns nil.
	Move(ctx context.Context, site string, moves ...Move) error
	// In hands over who is in which of some segments of a site, in no certain order, as
	// it was at one moment before the first. fn may keep what it gets.
	In(ctx context.Context, site string, segments []string, fn func(visitor, segment string) error) error
	// Count keeps how many members segments of a site had at the end of a date,
	// in the place of what was kept of them for it.
	Count(ctx context.Context, site string, date period.Date, members map[string]int) error
	// Counts lists a segment's counts from a date up to, not including, another, by date.
	Counts(ctx context.Context, site, segment string, from, to period.Date) ([]Count, error)
	// Drop takes all members and counts of a segment away, without a message.
	Drop(ctx context.Context, site, segment string) error
}

// Count is how many members a segment had at the end of a date.
type Count struct {
	Date    period.Date
	Members int
}

// Outbox keeps messages until they are delivered. One that is not there any
// more can be told Sent or Failed.
type Outbox interface {
	// Due lists messages that are due, oldest (by ID) first, of each site at most
	// limit. One that comes after one of its site that is not due is not due either.
	Due(ctx context.Context, now time.Time, limit int) ([]Message, error)
	// Claim puts a message off before a try of it is made, so that nobody else makes
	// one. It is false, and changes nothing, if the message is not there any more or
	// has another Due than this one: somebody else had it meanwhile.
	Claim(ctx context.Context, m Message, until time.Time) (bool, error)
	// Sent removes one.
	Sent(ctx context.Context, id uint64) error
	// Failed notes why it could not be delivered, and when to try again.
	Failed(ctx context.Context, id uint64, why string, again time.Time) error
	// Waiting is how many there are, and the oldest one's failures.
	Waiting(ctx context.Context) (n int, oldest Message, err error)
}
