// Package queue is the durable log between doors and stores: what Publish has
// accepted is on disk, and named readers take it from there, each at its own
// pace. The law every adapter keeps is in queue/queuetest.
package queue

import (
	"context"
	"errors"
	"time"

	"footfall/event"
)

// Queue is the log.
type Queue interface {
	// Publish returns nil when every event is on disk (synced), and not before.
	Publish(ctx context.Context, events ...event.Event) error
	// Reader opens the named reader, resuming behind what it acknowledged. With
	// a position it resumes behind that instead: a sink that keeps its own
	// position is never told twice and never skipped.
	Reader(ctx context.Context, name string, from *event.Position) (Reader, error)
	// Aside is where readers put what is hopeless.
	Aside() Aside
	// State tells how far the log and its readers are.
	State(ctx context.Context) (State, error)
	Close() error
}

// Reader takes deliveries off the log in order.
type Reader interface {
	// Read waits up to wait for at least one event and returns up to about max
	// (a delivery always ends at a whole message). An empty Delivery means none
	// came in time.
	Read(ctx context.Context, max int, wait time.Duration) (Delivery, error)
}

// Delivery is a run of events lent to the reader until it acknowledges them or
// the visibility time-out passes.
type Delivery struct {
	Events   []event.Event                                        // the reader's memory: good until its next Read; their texts hold on to the whole message
	To       event.Position                                       // the last message in it
	Attempts int                                                  // which attempt at its most-tried message this is; 1 is the first
	Ack      func(ctx context.Context) error                      // done, never deliver again
	Nack     func(ctx context.Context, delay time.Duration) error // deliver again after delay
	Hold     func(ctx context.Context) error                      // it is still wanted: start the visibility time-out anew
	// Begin says that work begins on it and all deliveries before it: should
	// that end the process, it counts as an attempt. What was attempted comes in
	// halves then, of which one that ends the process again comes in halves, too,
	// until what does it is alone: attempts at that are counted, others are the 2nd.
	Begin func(ctx context.Context) error
	More  bool // the next delivery belongs to the same half: they are tried together
}

// Aside keeps what was set aside, with the reason, until it is redriven or dropped.
type Aside interface {
	// Put returns nil when items that hold an event are on disk; one that its
	// reader has set aside already is not set aside twice. Items without an event
	// are a door's: they can be listed from now on and are on disk soon.
	Put(ctx context.Context, items ...AsideItem) error
	List(ctx context.Context, reader string, limit int) ([]AsideItem, error) // newest last; "" is every reader
	Show(ctx context.Context, id uint64) (AsideItem, error)                  // ErrNoItem: it is not set aside, or no longer
	// Redrive publishes the items again, for their reader only, and removes
	// them from the set-aside. Items without a decodable event are refused.
	Redrive(ctx context.Context, ids ...uint64) (int, error)
	Drop(ctx context.Context, ids ...uint64) (int, error)
}

// ErrNoItem is what Show, Redrive and Drop say of an item that is not set aside: it
// never was, or was redriven or dropped meanwhile.
var ErrNoItem = errors.New("that is not among what is set aside")

// AsideItem is one thing set aside.
type AsideItem struct {
	ID     uint64       `json:"id"`
	Reader string       `json:"reader"` // which sink refused it; "collect" and "import" for the doors
	Reason string       `json:"reason"`
	At     time.Time    `json:"at"`
	Site   string       `json:"site,omitempty"`
	Event  *event.Event `json:"event,omitempty"` // what a sink refused
	Raw    string       `json:"raw,omitempty"`   // what a door could not read, without address and user agent
}

// State is a look at the log.
type State struct {
	Accepted uint64            // events ever accepted
	Last     event.Position    // the newest message
	First    event.Position    // the oldest message still kept
	Oldest   time.Time         // when the oldest kept message was stored; zero if none
	Bytes    uint64            // on disk
	MaxAge   time.Duration     // after which messages expire
	Readers  map[string]Lag    // by reader
	Aside    map[string]uint64 // set aside now, by reader
	Dropped  map[string]uint64 // dropped from there for good, ever, by reader

	Discarded uint64 // items of doors that made room for newer ones or came too fast, ever
}

// Lag is how far a reader is behind.
type Lag struct {
	At      event.Position // acknowledged up to here
	Waiting uint64         // events accepted and not yet acknowledged
	Since   time.Time      // when the oldest waiting message was stored; zero if none waits
}
