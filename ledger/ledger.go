// Package ledger keeps an affiliate programme: who may earn what, the touches
// that brought visitors, the orders they made, and the entries of money that
// follow. It is storage: the rules are those of package affiliate.
//
// Amounts are minor units of a currency (package money), rates parts per
// million, times UTC to the millisecond, ids ULIDs unless said otherwise.
// ledger/ledgertest is the law of those who keep it.
package ledger

import (
	"context"
	"errors"
	"strings"
	"time"

	"footfall/event"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrTaken    = errors.New("is taken already")
)

// Book is a ledger.
type Book interface {
	// View runs fn on one consistent state of everything that was changed before.
	View(ctx context.Context, fn func(Tx) error) error
	// Change runs fn in one transaction, as if no other ran beside it. When
	// Change returns nil all of it is on disk; after an error, fn's own too,
	// nothing has changed. fn may be run again from the start where transactions
	// collide, so it does nothing but read and write tx.
	Change(ctx context.Context, fn func(Tx) error) error
	Close() error
}

// Tx is a state of the ledger, valid until the function it was given to
// returns. Writing to it in a View is an error. What returns an error has
// changed nothing, and fn may go on. Rows that are given and returned are the
// caller's own.
type Tx interface {
	Set() Setup
	Traffic() Traffic
	Orders() Orders
	Money() Money
	Figures() Figures
}

// Setup is the programmes, who takes part and by which rules.
type Setup interface {
	Programs() Table[Program]
	Affiliates() Table[Affiliate] // by program; by login (person id); by email, folded
	Codes() Table[Code]           // by affiliate; by program
	Rules() Table[Rule]           // by program
	Misses() Table[Miss]          // by affiliate
}

// Table keeps rows of one sort. Its rows have one id each, and may be found by
// keys that Setup and Money name beside the table.
type Table[T any] interface {
	// Add keeps a new row; ErrTaken if there is one with its id, or with what
	// else is unique: a site of a Program, an Email.
	Add(row T) error
	// Put replaces the row with its id; ErrNotFound if there is none, ErrTaken as Add.
	Put(row T) error
	// Get reads one; ErrNotFound if there is none.
	Get(id string) (T, error)
	// Find reads those with such a key ("program", "affiliate", …), by id; all if key is "".
	Find(key, value string) ([]T, error)
}

// Model is which touch of several earns.
type Model string

// The models.
const (
	LastTouch  Model = "last"
	FirstTouch Model = "first"
)

// Bind is what binds a customer to the affiliate of the first order.
type Bind string

// The bindings.
const (
	BindNone     Bind = "none"
	BindCustomer Bind = "customer"
)

// Program is an affiliate programme.
type Program struct {
	ID             string           `json:"program"`
	Name           string           `json:"name"`
	Sites          []string         `json:"sites"`           // whose pages and orders it covers; a site is in one programme at most
	Window         int              `json:"window_days"`     // days that a touch counts for
	Model          Model            `json:"model"`           // for link touches
	CouponPriority bool             `json:"coupon_priority"` // a coupon beats a link
	Bind           Bind             `json:"bind"`
	Hold           int              `json:"hold_days"`     // days until a commission is available
	MinPayout      map[string]int64 `json:"min_payout"`    // by currency; none is 0
	Hosts          []string         `json:"allowed_hosts"` // that a link may lead to, beside the sites' domains
	Banned         []string         `json:"banned_hosts"`  // that no affiliate may send visitors from, with those below them
	Params         []string         `json:"parameters"`    // of a landing page's URL that may hold a code
	TrustEvents    bool             `json:"trust_events"`  // order events verify themselves: only the shop's server has the write key
	QuietPayouts   bool             `json:"quiet_payouts"` // affiliates get no e-mail about payouts
	Created        time.Time        `json:"created"`
}

// Status is how an affiliate stands.
type Status string

// How an affiliate can stand. Only an active one gets attributions; what was
// attributed before stays.
const (
	Applied Status = "applied"
	Active  Status = "active"
	Paused  Status = "paused"
	Banned  Status = "banned"
)

// Affiliate is somebody who earns.
type Affiliate struct {
	ID      string    `json:"affiliate"`
	Program string    `json:"program"`
	Email   string    `json:"email"` // unique in the programme, folded by FoldEmail; any number have none
	Name    string    `json:"name"`
	Status  Status    `json:"status"`
	Payout  string    `json:"payout_reference"` // where money goes: an account's name at a payment service
	Login   string    `json:"-"`                // person; "" has none
	User    string    `json:"user_id"`          // own user id at the shop; "" is not known
	Note    string    `json:"note"`             // of the application
	Created time.Time `json:"created"`
}

// FoldEmail is the form in which two spellings of one mailbox are the same: in
// small letters, without "+tag", and for Gmail, by either name, without the dots
// of the local part, which it ignores.
func FoldEmail(address string) string {
	s := strings.ToLower(strings.TrimSpace(address))
	local, domain, _ := strings.Cut(s, "@")
	local, _, _ = strings.Cut(local, "+")
	domain = strings.TrimRight(domain, ".")
	if domain == "gmail.com" || domain == "googlemail.com" {
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	if local == "" || domain == "" {
		return s // no address, whatever it is
	}
	return local + "@" + domain
}

// CodeKind is how a code is used.
type CodeKind string

// The kinds of codes.
const (
	LinkCode   CodeKind = "link"
	CouponCode CodeKind = "coupon"
)

// Code leads to an affiliate. Its id is its canonical form, unique for ever
// over all programmes; a retired one goes on resolving until its end.
type Code struct {
	ID        string    `json:"code"` // canonical: see affiliate.Canonical
	Text      string    `json:"text"` // as it was written
	Program   string    `json:"program"`
	Affiliate string    `json:"affiliate"`
	Kind      CodeKind  `json:"kind"`
	Landing   string    `json:"landing_url"`
	From      time.Time `json:"valid_from"` // zero: always
	To        time.Time `json:"valid_to"`   // exclusive; zero: never ends
	Created   time.Time `json:"created"`
}

// Miss counts how often somebody wrote what is one letter off a code.
type Miss struct {
	ID        string    `json:"text"` // canonical form of what was written
	Code      string    `json:"code"` // the code that is near
	Affiliate string    `json:"affiliate"`
	Count     int       `json:"count"`
	Last      time.Time `json:"last"`
}

// Commission is how a rule counts.
type Commission string

// The ways of counting.
const (
	Percent  Commission = "percent"
	PerOrder Commission = "order"
	PerUnit  Commission = "unit"
)

// Rule is one version of what is earned. It is never changed: a new version is
// a row of its own, from when on it holds for orders.
type Rule struct {
	ID        string     `json:"rule"`
	Program   string     `json:"program"`
	Affiliate string     `json:"affiliate"` // "": every one of the programme that has no own
	Product   string     `json:"product"`   // id; "": every one that has no own
	Kind      Commission `json:"kind"`
	Rate      int32      `json:"rate"`     // parts per million, of Percent
	Amount    int64      `json:"amount"`   // of PerOrder and PerUnit
	Currency  string     `json:"currency"` // of Amount and Cap; an order in another one earns nothing by this rule
	Recurring int        `json:"orders"`   // of a customer's orders only the first so many earn; 0 is all
	Cap       int64      `json:"cap"`      // of an order's commission; 0 is none
	From      time.Time  `json:"valid_from"`
	To        time.Time  `json:"valid_to"` // exclusive; zero: never ends
	Created   time.Time  `json:"created"`
}

// Key is what tells that two things are of one person: "click:", "anon:",
// "visitor:" (of a day, where there is no anonymous id; never in a Link),
// "user:" or "customer:" and an id. A customer's is a keyed hash, never an address.
type Key string

// Source is how a touch came.
type Source string

// How touches come.
const (
	FromLink   Source = "link"
	FromQR     Source = "qr"
	FromEmail  Source = "email"
	FromCoupon Source = "coupon"
)

// Touch is an affiliate's link at work. It is never changed, but for Counted where
// an earlier one comes late, and for Keys where a person is erased.
type Touch struct {
	ID        string    `json:"click"` // click id, unique
	Program   string    `json:"program"`
	Affiliate string    `json:"affiliate"`
	Code      string    `json:"code"`
	Site      string    `json:"site"`
	Keys      []Key     `json:"-"` // whose it is
	Time      time.Time `json:"time"`
	Source    Source    `json:"source"`
	Sub       string    `json:"sub"` // the affiliate's own word for it
	Landing   string    `json:"landing"`
	Referrer  string    `json:"referrer"` // host of the page that the link stood on; "" is not known
	Paid      string    `json:"paid"`     // what tells of an advertisement: a parameter's name; "": nothing does
	Machine   string    `json:"machine"`  // why it is no person's; "": a person's
	Counted   bool      `json:"counted"`  // the first of its code and visitor in an hour of the clock, of a person
}

// Link tells that two keys are of one person.
type Link struct {
	Program string
	A, B    Key
	Since   time.Time
}

// Traffic is what visitors did.
type Traffic interface {
	// AddTouch keeps a touch, and takes the mark Counted off those with ids of
	// uncounted; false, and nothing changes, if its id is there already.
	AddTouch(t Touch, uncounted ...string) (added bool, err error)
	// Touches reads a programme's touches that have one of the keys, of a span
	// with both ends in it, by time and id. With no key it is all.
	Touches(program string, from, to time.Time, keys ...Key) ([]Touch, error)
	Links() Links
	Reading() Reading
}

// Links is who is who.
type Links interface {
	// Add keeps a link, once in either order, its smaller key as A; the earliest
	// Since stays.
	Add(l Link) (added bool, err error)
	// Of reads those that one of the keys is in, by Since, A and B.
	Of(program string, keys ...Key) ([]Link, error)
	// Forget removes keys with their links, and takes them off touches and orders
	// (Order.Customer stays); removed counts the links, and the keys taken off. In
	// touches the key that instead names stands where each was, so that those of
	// one visitor still are; nil, or no key, leaves nothing there.
	Forget(program string, instead map[Key]Key, keys ...Key) (removed int, err error)
}

// erasedCustomer begins the Customer of an order whose customer was erased.
const erasedCustomer = "customer:erased-"

// ErasedCustomer is a Customer that leads to nobody: orders of one customer
// share one, so that they go on being counted together.
func ErasedCustomer(id string) Key { return Key(erasedCustomer + id) }

// Erased reports whether the order's customer was erased: nobody's keys come to
// it any more, and whose it is stays as it was decided.
func (o *Order) Erased() bool { return strings.HasPrefix(string(o.Customer), erasedCustomer) }

// Line is a part of an order.
type Line struct {
	ID       string `json:"line"` // unique in the order
	Product  string `json:"product"`
	Name     string `json:"name,omitempty"`
	Quantity int64  `json:"quantity"`
	Net      int64  `json:"net"` // of discounts, without tax and shipping; negative in a credit note
}

// Order is one order of a shop, as its facts tell it now: Facts are what is
// kept for good, and this is made of them.
type Order struct {
	ID        string    `json:"id"`
	Program   string    `json:"program"`
	Site      string    `json:"site"`
	Store     string    `json:"store"` // the shop it is of; its site's id if it has no name
	Number    string    `json:"order"` // the shop's own id; unique in the store
	Time      time.Time `json:"time"`
	Currency  string    `json:"currency"`
	Customer  Key       `json:"-"`
	Keys      []Key     `json:"-"` // whose it is
	Coupons   []string  `json:"coupons"`
	Lines     []Line    `json:"lines"`
	Verified  bool      `json:"verified"`
	Sure      bool      `json:"-"`         // Keys are what the shop's server said
	Revision  int       `json:"revision"`  // contents seen, from 1
	Affiliate string    `json:"affiliate"` // who has it; "" nobody
	Decision  string    `json:"-"`         // in force
	Rule      string    `json:"rule"`      // why, as the decision says
	Code      string    `json:"code"`      // of the click that won; "" none did
	Sub       string    `json:"sub"`       // of this click
	Coupon    string    `json:"coupon"`    // that won; "" none did
	Known     bool      `json:"known"`     // false: only refunds or disputes came so far
}

// FactKind is what a fact says.
type FactKind string

// What facts say.
const (
	Content FactKind = "content" // what was ordered
	Refund  FactKind = "refund"  // given back
	Dispute FactKind = "dispute" // of the payment
)

// Fact is something a shop said of an order. It is never changed, and the same
// one is kept once.
type Fact struct {
	ID    string // unique in the order: of Content a hash of it, else the shop's id of the refund or dispute, with its state
	Order string
	Kind  FactKind
	Time  time.Time // when it happened
	From  string    // door that brought it: event, api, paddle, stripe, lemonsqueezy, csv
	Body  []byte    // JSON, see package affiliate
}

// Decision says whose an order is. Those of an order are kept, the last one is in force.
type Decision struct {
	ID        string      `json:"decision"`
	Order     string      `json:"-"`
	Affiliate string      `json:"affiliate"` // "" nobody
	Rule      string      `json:"rule"`      // why: manual, coupon, customer, last, first, none
	Touch     string      `json:"click"`     // that won; "" none
	Time      time.Time   `json:"decided_at"`
	By        string      `json:"by"` // person; "" the rules
	Explain   []Candidate `json:"explain"`
}

// Candidate is a touch, coupon or binding that was looked at.
type Candidate struct {
	Kind      string    `json:"kind"` // touch, coupon, customer, manual
	ID        string    `json:"id"`   // click id, coupon, order that binds
	Affiliate string    `json:"affiliate"`
	Time      time.Time `json:"time"`
	Kept      bool      `json:"kept"`
	Reason    string    `json:"reason"`
}

// OrderFilter picks orders. The zero value is all.
type OrderFilter struct {
	Program, Affiliate, Site string
	Customer                 Key
	Keys                     []Key     // orders that have one of them
	From, To                 time.Time // of Order.Time; To is exclusive
	Unattributed             bool
	Before                   string // id to go on behind, for pages: newest first; ErrNotFound if there is none
	Limit                    int    // 0 is all
}

// Orders is the orders and what is known of them.
type Orders interface {
	// Put keeps an order, new or not, with further names it can be found by:
	// ErrTaken if a name is another order's. Names stay; one without a value is none.
	Put(o Order, names ...Name) error
	// Order finds one by a name; ErrNotFound.
	Order(n Name) (Order, error)
	// List reads orders, newest (by time, then id) first.
	List(f OrderFilter) ([]Order, error)
	Facts() Facts
	Shops() Table[Shop] // by site
}

// Shop is a shop's webhook, as it is expected at the door.
type Shop struct {
	ID      string    `json:"shop"` // site and kind: "SITE/paddle"
	Site    string    `json:"site"`
	Kind    string    `json:"kind"`  // paddle, stripe, lemonsqueezy
	Store   string    `json:"store"` // name that its orders have; "" is the site's id
	Secrets []string  `json:"-"`     // that sign its messages: the one in use, and the one before while it is changed
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed"` // when the secret in use was set
}

// Name is something an order is known by: kind "id" (ours, store ""), "order"
// (the shop's own number) or a shop's invoice, payment_intent, charge, checkout,
// transaction.
type Name struct{ Store, Kind, Value string }

// Facts is what is kept of orders for good.
type Facts interface {
	// Add keeps a fact; false if the order has it.
	Add(f Fact) (added bool, err error)
	// Of reads an order's, by time and id.
	Of(order string) ([]Fact, error)
	// Decide keeps a decision.
	Decide(d Decision) error
	// Decisions reads an order's, the first one first.
	Decisions(order string) ([]Decision, error)
	// Merge makes two orders one, where it turns out that they always were: facts,
	// names and decisions of from become those of to, the decisions behind its own;
	// to gets its keys too, and from is gone. A fact that to has already is dropped.
	// ErrNotFound if one of them is not there; an error if from has entries, or is to.
	Merge(from, to string) error
}

// Reading is how far the queue has been read, and the clock.
type Reading interface {
	// Position is the last one set; the zero one at first.
	Position() (event.Position, error)
	SetPosition(p event.Position) error
	// Told is up to when a programme's hooks were told what time alone changes: see
	// affiliate.Desk.Ripen. The zero time at first.
	Told(program string) (time.Time, error)
	SetTold(program string, at time.Time) error
}
