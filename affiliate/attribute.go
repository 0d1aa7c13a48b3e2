package affiliate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"footfall/ledger"
)

// Question is all that a decision is made of. The order of Touches and Coupons
// tells nothing.
type Question struct {
	Program    ledger.Program
	Order      ledger.Order                // its time, and its coupons, canonical, as they were listed
	Touches    []ledger.Touch              // found by the order's keys and what is linked to them; those outside the window are explained
	Coupons    []ledger.Code               // of the order's coupons those that are coupon codes of the programme, valid then or not
	Bound      *Binding                    // the customer's earlier order that an affiliate has; nil: none
	Affiliates map[string]ledger.Affiliate // by id, at least all that are named above
	Manual     *ledger.Decision            // the last one that somebody made by hand; nil: none
}

// Binding is an earlier order of a customer, and who has it.
type Binding struct {
	Order, Affiliate string
	Time             time.Time
}

// Window is the time in which a touch counts for an order, both ends included:
// the programme's days of 24 hours before it.
func Window(p ledger.Program, order time.Time) (from, to time.Time) {
	to = order.UTC()
	return to.AddDate(0, 0, -p.Window), to // a day of UTC has 24 hours
}

// Same reports whether two decisions come to the same, so that nothing changes
// between them: affiliate, rule and touch.
func Same(a, b ledger.Decision) bool {
	return a.Affiliate == b.Affiliate && a.Rule == b.Rule && a.Touch == b.Touch
}

// Decide says whose an order is. What comes first of these has it:
//
//  1. what somebody decided by hand, nobody too, however the affiliate stands now
//  2. a coupon of an active affiliate; of several, the one the order lists first
//  3. the binding of the customer, if the programme binds
//  4. the last (or first, by the model) touch of a person in the window; of
//     several at one time the larger click id
//
// In a programme where coupons have no priority they come last. But for 1, only
// active affiliates get orders. Explain lists all that was looked at, in that
// order, newer touches first; the one that is kept has the order, and each other
// one has the reason why not. ID, Order and Time are left to the caller.
func Decide(q Question) ledger.Decision {
	groups := [][]claim{q.manual(), q.coupons(), q.bound(), q.touches()}
	if !q.Program.CouponPriority {
		groups[1], groups[2], groups[3] = groups[2], groups[3], groups[1]
	}
	var winner *claim
	for _, group := range groups {
		if winner = q.best(group); winner != nil {
			break
		}
	}
	d := ledger.Decision{Rule: RuleNone, Explain: make([]ledger.Candidate, 0, len(q.Touches)+len(q.Coupons)+2)}
	if winner != nil {
		winner.Kept, winner.Reason = true, winner.title
		d.Affiliate, d.Rule, d.Touch = winner.Affiliate, winner.rule, winner.touch
		if winner.Kind == KindManual {
			d.By = q.Manual.By
		}
	}
	for _, group := range groups {
		for _, c := range group {
			if c.Reason == "" {
				c.Reason = q.beaten(c.Candidate, winner.Candidate)
			}
			d.Explain = append(d.Explain, c.Candidate)
		}
	}
	return d
}

// broughtBy is an order as a decision has it: whose it is, and what brought it.
func broughtBy(o ledger.Order, d ledger.Decision, touches []ledger.Touch) ledger.Order {
	o.Affiliate, o.Decision, o.Rule, o.Code, o.Sub, o.Coupon = d.Affiliate, d.ID, d.Rule, "", "", ""
	for _, c := range d.Explain {
		if c.Kept && c.Kind == KindCoupon {
			o.Coupon = c.ID
		}
	}
	for _, t := range touches {
		if t.ID == d.Touch {
			o.Code, o.Sub = t.Code, t.Sub
		}
	}
	return o
}

// claim is a candidate before it is decided. One that has a reason already can't
// have the order.
type claim struct {
	ledger.Candidate
	rule, touch string // of the decision, if it has the order
	title       string // the reason, if it has the order
}

// best is the claim of a group that has the order; nil if none can have it. A
// group is listed with the better first, but for the model of the first touch.
func (q *Question) best(group []claim) (best *claim) {
	for i := range group {
		c := &group[i]
		earlier := best != nil && q.Program.Model == ledger.FirstTouch && c.Time.Before(best.Time)
		if c.Reason == "" && (best == nil || earlier) {
			best = c
		}
	}
	return best
}

func (q *Question) manual() []claim {
	m := q.Manual
	if m == nil {
		return nil
	}
	title := "decided by hand"
	if reason := q.standing(m.Affiliate); m.Affiliate == "" {
		title += ": nobody has the order"
	} else if reason != "" {
		title += ", and stays so; " + reason
	}
	return []claim{{ledger.Candidate{Kind: KindManual, ID: m.ID, Affiliate: m.Affiliate, Time: m.Time}, RuleManual, m.Touch, title}}
}

func (q *Question) coupons() (group []claim) {
	place := func(c ledger.Code) int { return slices.Index(q.Order.Coupons, c.ID) }
	codes := slices.SortedFunc(slices.Values(q.Coupons), func(a, b ledger.Code) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.ID, b.ID))
	})
	for _, c := range slices.CompactFunc(codes, func(a, b ledger.Code) bool { return a.ID == b.ID }) {
		reason := q.standing(c.Affiliate)
		if !ValidAt(c, q.Order.Time) {
			reason = "the coupon was not valid at the time of the order"
		}
		title := "a coupon goes first"
		if !q.Program.CouponPriority {
			title = "a coupon, where no link counts"
		}
		group = append(group, claim{ledger.Candidate{Kind: KindCoupon, ID: c.ID, Affiliate: c.Affiliate, Time: q.Order.Time, Reason: reason}, RuleCoupon, "", title})
	}
	return group
}

func (q *Question) bound() []claim {
	b := q.Bound
	if b == nil {
		return nil
	}
	reason := q.standing(b.Affiliate)
	if q.Program.Bind != ledger.BindCustomer {
		reason = "the programme does not bind customers"
	}
	return []claim{{ledger.Candidate{Kind: KindCustomer, ID: b.Order, Affiliate: b.Affiliate, Time: b.Time, Reason: reason},
		RuleCustomer, "", "an earlier order binds the customer"}}
}

func (q *Question) touches() []claim {
	touches := slices.Clone(q.Touches)
	slices.SortFunc(touches, func(a, b ledger.Touch) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
	})
	touches = slices.CompactFunc(touches, func(a, b ledger.Touch) bool { return a.ID == b.ID })
	rule, title := RuleLast, "the last touch before the order"
	if q.Program.Model == ledger.FirstTouch {
		rule, title = RuleFirst, "the first touch of the window"
	}
	from, to := Window(q.Program, q.Order.Time)
	group := make([]claim, 0, len(touches))
	for _, t := range touches {
		reason := q.standing(t.Affiliate)
		switch {
		case t.Machine != "":
			reason = "came from a machine: " + t.Machine
		case t.Time.After(to):
			reason = "came after the order"
		case t.Time.Before(from):
			reason = fmt.Sprintf("%s before the order: the window is %s", age(to.Sub(t.Time)), days(q.Program.Window))
		}
		group = append(group, claim{ledger.Candidate{Kind: KindTouch, ID: t.ID, Affiliate: t.Affiliate, Time: t.Time, Reason: reason}, rule, t.ID, title})
	}
	return group
}

// standing is why an affiliate can't get an order; "" if nothing is against it.
func (q *Question) standing(affiliate string) (reason string) {
	a, known := q.Affiliates[affiliate]
	switch {
	case !known:
		return "the affiliate is not known"
	case a.Status == ledger.Active:
		return ""
	case a.Status == ledger.Applied:
		return "the affiliate is not accepted yet"
	}
	return "the affiliate is " + string(a.Status)
}

// beaten is why a candidate that could have had the order has it not.
func (q *Question) beaten(c, by ledger.Candidate) (reason string) {
	switch {
	case by.Kind == KindManual:
		return "what was decided by hand goes first"
	case by.Kind == KindCoupon && c.Kind == KindCoupon:
		return "the coupon that the order lists first counts: " + by.ID
	case by.Kind == KindCoupon:
		return "a coupon goes first: " + by.ID
	case by.Kind == KindCustomer:
		return "the customer is bound by an earlier order: " + by.ID
	case c.Kind == KindCoupon:
		return "in this programme a link goes before coupons: click " + by.ID
	case c.Time.Equal(by.Time):
		return "a touch at the same time: the larger click id counts, " + by.ID
	case q.Program.Model == ledger.FirstTouch:
		return "a later touch: the first one counts, click " + by.ID
	}
	return "an earlier touch: the last one counts, click " + by.ID
}

// age is a duration in whole days, and whether it is longer.
func age(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if d%(24*time.Hour) != 0 {
		return "over " + days(n)
	}
	return days(n)
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}
