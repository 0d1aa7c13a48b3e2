package affiliate

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/money"
)

// Kinds of notices: what hooks can be told. docs/webhooks.md says what stands in each.
const (
	OrderAttributed     = "order.attributed"     // an affiliate has an order, or has lost it
	CommissionCreated   = "commission.created"   // an order earns, or earns more
	CommissionReversed  = "commission.reversed"  // some of it is taken back
	CommissionHeld      = "commission.held"      // a flag or dispute keeps it from being paid
	CommissionAvailable = "commission.available" // it can be paid: the hold is over, or what held it is
	PayoutApproved      = "payout.approved"
	PayoutSent          = "payout.sent"
	PayoutPaid          = "payout.paid"
	PayoutFailed        = "payout.failed"
	Test                = "test" // asked for by hand
)

// NoticeKinds are those that a hook can ask for. Test comes to each.
var NoticeKinds = []string{OrderAttributed, CommissionCreated, CommissionReversed, CommissionHeld, CommissionAvailable,
	PayoutApproved, PayoutSent, PayoutPaid, PayoutFailed}

// NoticeBody is what is sent of a notice. Its JSON is a format: what has a name keeps it.
type NoticeBody struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Created time.Time `json:"created"`
	Program string    `json:"program"`
	Data    any       `json:"data"`
}

// NoticeAmount is money as notices tell it: minor units, and the same as an exact
// decimal.
type NoticeAmount struct {
	Minor    int64  `json:"minor"`
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

func noticeAmount(minor int64, currency string) NoticeAmount {
	return NoticeAmount{minor, money.Format(minor, currency), currency}
}

// NoticeAffiliate is who it is about.
type NoticeAffiliate struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// NoticeOrder is the order that it is about; nothing in it is of the customer.
type NoticeOrder struct {
	ID       string       `json:"id"`
	Site     string       `json:"site"`
	Store    string       `json:"store"`
	Number   string       `json:"number"`
	Time     time.Time    `json:"time"`
	Verified bool         `json:"verified"`
	Net      NoticeAmount `json:"net"` // as it was ordered
}

// AttributionData is the data of order.attributed.
type AttributionData struct {
	Order     NoticeOrder      `json:"order"`
	Affiliate *NoticeAffiliate `json:"affiliate"`          // null: nobody any more
	Previous  *NoticeAffiliate `json:"previous,omitempty"` // who had it before
	Rule      string           `json:"rule"`               // why: manual, coupon, customer, last, first, none
	Click     string           `json:"click,omitempty"`    // id of the click that won
	Code      string           `json:"code,omitempty"`     // link or coupon that won
}

// CommissionData is the data of commission notices.
type CommissionData struct {
	Order     NoticeOrder     `json:"order"`
	Affiliate NoticeAffiliate `json:"affiliate"`
	Amount    NoticeAmount    `json:"amount"` // that is created, reversed, held or available by this; above 0
	Reason    string          `json:"reason"`
	Earned    NoticeAmount    `json:"earned"`    // by the order, after this
	Held      NoticeAmount    `json:"held"`      // of it, after this
	Available NoticeAmount    `json:"available"` // and in no payout, after this
	Click     string          `json:"click,omitempty"`
	Code      string          `json:"code,omitempty"`
	Entries   []NoticeEntry   `json:"entries"` // of the ledger that this is made of; none if only time or a flag changed it
}

// NoticeEntry is an entry of the ledger.
type NoticeEntry struct {
	ID      string           `json:"id"`
	Line    string           `json:"line"`
	Product string           `json:"product"`
	Kind    ledger.EntryKind `json:"kind"`
	Amount  NoticeAmount     `json:"amount"` // signed
}

// PayoutData is the data of payout notices.
type PayoutData struct {
	Payout    string             `json:"payout"`
	State     ledger.PayoutState `json:"state"`
	Affiliate NoticeAffiliate    `json:"affiliate"`
	Amount    NoticeAmount       `json:"amount"`
	Cutoff    time.Time          `json:"cut_off"`
	Entries   int                `json:"entries"`
	External  string             `json:"external_reference"`
	Reason    string             `json:"reason,omitempty"` // it failed
}

// seen is what those who are told see of an order at one moment.
type seen struct {
	order   ledger.Order
	entries []ledger.Entry
	holding map[string][]string // types of the flags that hold it, by affiliate
}

// owner is whose money it is.
type owner struct{ affiliate, currency string }

// stand is what an owner has of an order.
type stand struct {
	earned    int64 // all but what disputes hold
	held      int64 // by flags and disputes, and in no payout
	available int64 // and in no payout
	paid      int64 // in a payout, wherever that is
}

// stands adds an order's entries up, as they stand at a time. What was taken
// back after it was paid is below what there is, and neither held nor available.
func (s seen) stands(at time.Time) map[owner]stand {
	all, disputed, unpaid := map[owner]stand{}, map[owner]int64{}, map[owner]int64{}
	for _, e := range s.entries {
		if !e.Kind.Payable() {
			continue
		}
		o := owner{e.Affiliate, e.Currency}
		n := all[o]
		if dispute(e.Kind) {
			disputed[o] -= e.Amount
		} else {
			n.earned += e.Amount
		}
		if e.Payout == "" {
			unpaid[o] += e.Amount
			if !at.Before(e.Available) {
				n.available += e.Amount
			}
		} else {
			n.paid += e.Amount
		}
		all[o] = n
	}
	for o, n := range all {
		n.held, n.available = max(0, disputed[o]), max(0, n.available)
		if len(s.holding[o.affiliate]) > 0 {
			n.held, n.available = n.held+max(0, unpaid[o]), 0
		}
		all[o] = n
	}
	return all
}

func dispute(kind ledger.EntryKind) bool {
	return kind == ledger.DisputeHold || kind == ledger.DisputeRelease
}

// news is something to tell of an order's money.
type news struct {
	owner
	kind    string
	amount  int64
	reason  string
	entries []ledger.Entry
}

// changes is what to tell of an order that was seen as before at one moment, and
// as after at another: the difference, so that all that was ever told of earned
// money adds up to what the ledger has, whatever came in which order.
func changes(before, after seen, since, now time.Time) (all []news) {
	was, is := before.stands(since), after.stands(now)
	for o, n := range is {
		m, added := was[o], fresh(before, after, o)
		tell := func(kind string, amount int64, entries []ledger.Entry, reason string) {
			if amount > 0 {
				all = append(all, news{o, kind, amount, reason, entries})
			}
		}
		money := slices.DeleteFunc(slices.Clone(added), func(e ledger.Entry) bool { return dispute(e.Kind) })
		holds := slices.DeleteFunc(slices.Clone(added), func(e ledger.Entry) bool { return !dispute(e.Kind) })
		tell(CommissionReversed, m.earned-n.earned, money, whyEarned(money))
		tell(CommissionCreated, n.earned-m.earned, money, whyEarned(money))
		tell(CommissionHeld, n.held-m.held, holds, whyHeld(after.holding[o.affiliate]))
		tell(CommissionAvailable, n.available-m.available, nil, whyAvailable(m, n, after.ripe(o, since, now)))
	}
	slices.SortFunc(all, func(a, b news) int {
		return cmp.Or(cmp.Compare(turn(a.kind), turn(b.kind)), cmp.Compare(a.affiliate, b.affiliate), cmp.Compare(a.currency, b.currency))
	})
	return all
}

// turn is the order in which things are told that happen at once.
func turn(kind string) int {
	return slices.Index([]string{CommissionReversed, CommissionCreated, CommissionHeld, CommissionAvailable}, kind)
}

// fresh lists an owner's entries that came between, oldest first.
func fresh(before, after seen, o owner) (added []ledger.Entry) {
	known := map[string]bool{}
	for _, e := range before.entries {
		known[e.ID] = true
	}
	for _, e := range after.entries {
		if !known[e.ID] && e.Affiliate == o.affiliate && e.Currency == o.currency && e.Kind.Payable() {
			added = append(added, e)
		}
	}
	slices.SortFunc(added, func(a, b ledger.Entry) int { return cmp.Or(a.Occurred.Compare(b.Occurred), byID(a, b)) })
	return added
}

// whyEarned is why entries were posted: by the first of the reasons that there are.
func whyEarned(entries []ledger.Entry) string {
	reasons := map[string]bool{}
	for _, e := range entries {
		root, _, _ := strings.Cut(strings.TrimPrefix(e.Cause, unverified), ":")
		reasons[root] = true
	}
	for _, c := range [][2]string{{"refund", "refund"}, {"dispute", "dispute"}, {"content", "changed"}, {CauseOrder, "order"}} {
		if reasons[c[0]] {
			return c[1]
		}
	}
	return "attribution" // a decision's id
}

// whyHeld is what holds a commission: the types of flags, else a dispute.
func whyHeld(flags []string) string { return cmp.Or(strings.Join(flags, ","), "dispute") }

// ripe lists an owner's entries that can be paid from some moment behind since on,
// up to now.
func (s seen) ripe(o owner, since, now time.Time) (all []ledger.Entry) {
	for _, e := range s.entries {
		if e.Affiliate == o.affiliate && e.Currency == o.currency && e.Available.After(since) && !e.Available.After(now) {
			all = append(all, e)
		}
	}
	return all
}

// whyAvailable tells whether time made something available, which is what ripe is
// of, or an end of what held it, or a payout that it was in and that failed.
func whyAvailable(before, after stand, ripe []ledger.Entry) string {
	switch {
	case before.paid > after.paid:
		return "payout_failed"
	case before.held > after.held:
		return "released"
	case before.earned != after.earned:
		return "order" // after its hold
	}
	return whyRipe(ripe)
}

// whyRipe tells why entries can be paid that were told of when they were posted:
// their order's hold is over; or they came after it, and were posted between two
// looks at the clock.
func whyRipe(entries []ledger.Entry) string {
	held, released, late := int64(0), int64(0), int64(0)
	for _, e := range entries {
		root, _, _ := strings.Cut(e.Cause, "#")
		switch {
		case e.Available.After(e.Occurred) || root == CauseOrder: // a hold may be of no days
			held += e.Amount
		case dispute(e.Kind):
			released += e.Amount
		default:
			late += e.Amount
		}
	}
	switch {
	case held > 0 || released <= 0 && late <= 0:
		return "hold_over"
	case released > 0:
		return "released"
	}
	return "order"
}

// body spells a notice.
func (b NoticeBody) body() ([]byte, error) { return json.Marshal(b) }
