package ledger

import (
	"strings"
	"time"
)

// HookState is whether a hook is told anything.
type HookState string

// The states of hooks. What happens while one is paused is kept for it as dead,
// and can be replayed; one that is removed is told nothing any more.
const (
	HookActive  HookState = "active"
	HookPaused  HookState = "paused"
	HookRemoved HookState = "removed" // its row stays for the log of what it was told
)

// Hook is an address that is told what happens in a programme.
type Hook struct {
	ID      string    `json:"hook"`
	Program string    `json:"program"`
	URL     string    `json:"url"`
	Inside  bool      `json:"inside"`           // may be on a private network, and without TLS: an operator set it
	Note    string    `json:"note"`             // its owner's word for it
	Kinds   []string  `json:"kinds"`            // of notices that it gets; none is all
	Secrets []string  `json:"-"`                // that sign what it gets, the newest first
	Until   time.Time `json:"old_secret_until"` // up to when all of Secrets sign, after it the first alone
	State   HookState `json:"state"`
	Why     string    `json:"why"`           // it is paused
	Failing time.Time `json:"failing_since"` // since when it has taken nothing; zero: it took the last one
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed"` // its state
}

// NoticeState is how far a notice is.
type NoticeState string

// How far a notice can be.
const (
	Waiting   NoticeState = "waiting"
	Delivered NoticeState = "sent"
	Dead      NoticeState = "dead" // given up: Why says why; it can be made waiting again
)

// Who is told something: the first part of Notice.To.
const (
	ToHook      = "hook"
	ToAffiliate = "affiliate" // by e-mail
)

// To is the address of a notice to a hook or an affiliate: "hook:ID", "affiliate:ID".
func To(sort, id string) string { return sort + ":" + id }

// Recipient is the sort and id of an address that To made.
func Recipient(to string) (sort, id string) {
	sort, id, _ = strings.Cut(to, ":")
	return sort, id
}

// Notice is a message about something that happened, to one of those who are told
// of it. It is kept in the transaction in which that happens, and delivered
// behind it: at least once, with the same Event and Body each time.
type Notice struct {
	ID      string      `json:"notice"`
	Event   string      `json:"id"` // ULID of what happened, in Body too: the same for all who are told; one To is told of it once
	Program string      `json:"program"`
	To      string      `json:"to"`      // see To
	Kind    string      `json:"kind"`    // see package affiliate
	Body    []byte      `json:"-"`       // JSON, as it is sent
	Created time.Time   `json:"created"` // when it happened
	State   NoticeState `json:"state"`
	Due     time.Time   `json:"due"`     // when it is tried next, while it is waiting
	Tries   int         `json:"tries"`   // since it was made or replayed, with one that is under way
	Why     string      `json:"why"`     // the last try failed, or it was given up; "" nothing failed
	Answers []Answer    `json:"answers"` // to the last tries, oldest first
	Settled time.Time   `json:"settled"` // when it was delivered or given up; zero while it is waiting
}

// Answer is what came of a try.
type Answer struct {
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took"`   // nanoseconds
	Status int           `json:"status"` // of HTTP, or what SMTP said; 0: there was no answer
	Why    string        `json:"why"`    // it counts as failed; "" it was taken
}

// NoticeFilter picks notices. The zero value is all.
type NoticeFilter struct {
	ID, Program, To, Kind string
	State                 NoticeState
	Before                string // id to go on behind, for pages: newest first; ErrNotFound if there is none
	Limit                 int    // 0 is all
}

// Outbox keeps notices.
type Outbox interface {
	// Add keeps new notices, all or none; ErrTaken if there is one with such an
	// ID, or with such an Event to the same.
	Add(notices ...Notice) error
	// Due reads waiting notices to recipients of a sort (ToHook, ToAffiliate) whose
	// Due is not after at, by Due and ID: of each recipient the first so many.
	Due(sort string, at time.Time, each int) ([]Notice, error)
	// Put replaces the notice with its ID; ErrNotFound if there is none. Event,
	// Program, To, Kind, Body and Created stay what they are.
	Put(n Notice) error
	// List reads notices, newest (by ID) first.
	List(f NoticeFilter) ([]Notice, error)
	// Forget removes notices of a state that were Settled before a moment, and
	// counts them. Those that are waiting stay.
	Forget(state NoticeState, before time.Time) (removed int, err error)
}
