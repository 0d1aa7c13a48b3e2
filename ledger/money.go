package ledger

import "time"

// EntryKind is why money moves.
type EntryKind string

// Why money moves.
const (
	Earn           EntryKind = "earn"
	Reverse        EntryKind = "reverse"
	DisputeHold    EntryKind = "dispute_hold"
	DisputeRelease EntryKind = "dispute_release"
	Manual         EntryKind = "manual"
	PaidOut        EntryKind = "payout"
	PayoutFailed   EntryKind = "payout_failed"
)

// EntryKinds lists every kind.
var EntryKinds = []EntryKind{Earn, Reverse, DisputeHold, DisputeRelease, Manual, PaidOut, PayoutFailed}

// Payable reports whether a payout takes entries of the kind: all but those
// that tell of payouts themselves. What is payable is a commission.
func (k EntryKind) Payable() bool { return k != PaidOut && k != PayoutFailed }

// Entry is a line of the ledger. It is never changed and never removed.
type Entry struct {
	ID        string    `json:"entry"`
	Program   string    `json:"program"`
	Affiliate string    `json:"affiliate"`
	Site      string    `json:"site"` // of the order; "" of what is no order's
	Order     string    `json:"order"`
	Line      string    `json:"line"`
	Product   string    `json:"product"`
	Kind      EntryKind `json:"kind"`
	Amount    int64     `json:"amount"` // signed
	Currency  string    `json:"currency"`
	Occurred  time.Time `json:"occurred_at"`  // when it happened
	Available time.Time `json:"available_at"` // from when on it can be paid
	Posted    time.Time `json:"posted_at"`    // when it was written
	Rule      string    `json:"rule"`         // version
	Cause     string    `json:"cause"`        // fact, decision, payout …; unique with order, line, affiliate and kind
	Payout    string    `json:"payout"`       // that takes it; "" none yet
}

// EntryFilter picks entries. The zero value is all.
type EntryFilter struct {
	ID, Program, Affiliate, Site, Order, Payout, Currency string
	Kinds                                                 []EntryKind
	From, To                                              time.Time // of Occurred; To is exclusive
	RipeFrom, RipeTo                                      time.Time // of Available, to the millisecond; RipeFrom is inclusive, RipeTo exclusive
	Unpaid                                                bool      // of no payout, and Payable
	Before                                                string    // id to go on behind, for pages: newest first; ErrNotFound if there is none
	Limit                                                 int       // 0 is all
}

// Money is the entries and what becomes of them.
type Money interface {
	// Post keeps entries, all or none; one whose id, or whose affiliate, order,
	// line, kind and cause together, are those of a kept one is ErrTaken.
	Post(entries ...Entry) error
	// Entries reads entries, newest (by Posted, then id) first.
	Entries(f EntryFilter) ([]Entry, error)
	// Take puts entries into a payout: all or none, ErrTaken if one is in a
	// payout already, ErrNotFound if one is not there. With payout "" they are let go.
	Take(payout string, entries ...string) error
	Tables() Tables
}

// Tables is what is kept beside entries.
type Tables interface {
	Payouts() Table[Payout] // by program; by affiliate
	Flags() Table[Flag]     // by program; by order; by affiliate
	Hooks() Table[Hook]     // by program
	Outbox() Outbox
}

// PayoutState is how far a payout is.
type PayoutState string

// How far a payout can be.
const (
	Draft    PayoutState = "draft"
	Approved PayoutState = "approved"
	Sent     PayoutState = "sent"
	Paid     PayoutState = "paid"
	Failed   PayoutState = "failed"
)

// Payout is money on its way to an affiliate.
type Payout struct {
	ID        string      `json:"payout"`
	Program   string      `json:"program"`
	Affiliate string      `json:"affiliate"`
	Currency  string      `json:"currency"`
	Cutoff    time.Time   `json:"cut_off"` // entries available before it
	Hash      string      `json:"entries_hash"`
	Entries   int         `json:"entries"`
	Amount    int64       `json:"amount"`
	State     PayoutState `json:"state"`
	External  string      `json:"external_reference"`
	Why       string      `json:"why"`  // it failed
	Name      string      `json:"name"` // who gets it, and where, as that was when it was approved
	Email     string      `json:"email"`
	Account   string      `json:"payout_reference"`
	Created   time.Time   `json:"created"`
	Changed   time.Time   `json:"changed"`
}

// FlagState is what became of a suspicion.
type FlagState string

// What can become of a suspicion.
const (
	Open      FlagState = "open"
	Cleared   FlagState = "cleared"
	Confirmed FlagState = "confirmed"
)

// Flag is a suspicion with its evidence. It holds what it is about while it is
// open, and for good once it is confirmed.
type Flag struct {
	ID        string    `json:"flag"` // of its order, affiliate and type: raised once
	Program   string    `json:"program"`
	Affiliate string    `json:"affiliate"`
	Order     string    `json:"order"` // "": all of the affiliate
	Type      string    `json:"type"`
	Evidence  string    `json:"evidence"`
	State     FlagState `json:"state"`
	By        string    `json:"by"` // person who decided
	Created   time.Time `json:"created"`
	Changed   time.Time `json:"changed"`
}
