// Package affiliate is the rules of an affiliate programme: whose an order is,
// what is earned by it, and what looks like fraud.
//
// The rules are functions of rows of package ledger that answer with rows to
// keep there: the same question has the same answer, in whatever order its parts
// arrived. Whose an order is, is computed from touches that are stored: Decide. A
// browser is not asked, and how long a cookie lives plays no part. Desk brings
// the rules and a ledger together.
package affiliate

// Rules of a decision, as ledger.Decision.Rule has them: why the affiliate has
// the order.
const (
	RuleManual   = "manual"   // somebody decided by hand
	RuleCoupon   = "coupon"   // the order has a coupon of the affiliate
	RuleCustomer = "customer" // the customer is bound by an earlier order
	RuleLast     = "last"     // the last touch before the order
	RuleFirst    = "first"    // the first touch of the window
	RuleNone     = "none"     // nobody has it
)

// Kinds of candidates, as ledger.Candidate.Kind has them.
const (
	KindManual   = "manual"
	KindCoupon   = "coupon"
	KindCustomer = "customer"
	KindTouch    = "touch"
)
