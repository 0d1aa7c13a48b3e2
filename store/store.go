// Package store is the contract of event stores: columnar stores that keep
// every event and answer any question about them. The law is in store/storetest.
package store

import (
	"context"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Store keeps events and answers questions.
type Store interface {
	// Write keeps the events that are new, with the position, in one
	// transaction. Writing again what is there changes nothing but the count of
	// duplicates.
	Write(ctx context.Context, events []event.Event, to event.Position) error
	// State tells what is stored, as of the last Write.
	State() State
	// Answer answers a query.
	Answer(ctx context.Context, q metric.Query) (metric.Dataset, error)
	// Scan hands over a site's events in a window, by time; "" is every site
	// and a zero window is all. An event and its texts are good until fn returns:
	// who keeps them makes a Clone. What is written meanwhile may be among them or not.
	Scan(ctx context.Context, site string, w period.Window, fn func(*event.Event) error) error
	Close() error
}

// Sharer is a store whose events can be scanned by several at a time.
type Sharer interface {
	// Share is Scan in stretches of about so many events, more than one at a time: begin
	// makes each taker, which gets one stretch after the other, and is the only one with it.
	// Stretches are put in the order of their events, one at a time. Nothing is put any more
	// behind an error.
	Share(ctx context.Context, site string, w period.Window, rows int64, begin func() Taker) error
}

// Taker takes stretches of events.
type Taker interface {
	// Add takes an event, which is good until it returns. Its texts are until Settle
	// does, which is called behind some events, and behind the last of a stretch.
	Add(e *event.Event) error
	Settle() error
	// Put hands on what was made of the stretch, whose turn it is now.
	Put() error
}

// State of a store.
type State struct {
	Position   event.Position `json:"position"`   // in the queue, stored with the events
	Stored     uint64         `json:"stored"`     // events kept
	Duplicates uint64         `json:"duplicates"` // events that came again and were dropped
	Removed    uint64         `json:"removed"`    // events that were removed or deleted, or came when they were to be
}

// Remover is a store whose old events can be removed.
type Remover interface {
	// Remove removes a site's events before a moment, for good, some at a time:
	// what was removed before an error stays so, and it may be called again. An
	// event before it that comes later is not kept, and counted as removed. It
	// returns how many it removed.
	Remove(ctx context.Context, site string, before time.Time) (removed uint64, err error)
}

// Relabeler is a store in which what was derived of events can be replaced.
type Relabeler interface {
	// Relabel gives stored events what was derived of them anew: path, referrer and its
	// class, source, campaign, session and bot. Everything else of them stays, and so
	// does the order in which they came. each hands over events of the site and the window, of
	// which id and original time count beside, each once; one that is not stored is
	// passed over. All of it happens in one transaction. It returns how many events
	// changed.
	Relabel(ctx context.Context, site string, w period.Window, each func(yield func(*event.Event) error) error) (changed uint64, err error)
}

// Deleter is a store from which single events can be taken.
type Deleter interface {
	// Delete deletes events of a site for good, all or none, and returns how many of
	// them there were. It does not keep them out: written again, they are new.
	Delete(ctx context.Context, site string, events ...event.Ident) (deleted uint64, err error)
}

// Tabulator is a store that answers reports of what is counted from events: with the
// figures of Answer, of every question that both can answer. Metrics of affiliate
// programmes are zero, and Report.Compare is left out.
type Tabulator interface {
	Tabulate(ctx context.Context, r metric.Report) (metric.Table, error)
}

// Retainer is a store that tells who came back: of the visitors with a user id or an
// SDK's anonymous id, whose id lasts.
type Retainer interface {
	Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error)
}

// Follower is a store that follows visitors from page to page.
type Follower interface {
	Follow(ctx context.Context, j metric.Journey) (metric.Paths, error)
}

// Funneler is a store that answers funnels.
type Funneler interface {
	Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error)
}
