package ledger

import "time"

// By is something that figures are split by.
type By string

// What figures can be split by. Code, Sub, Coupon and Rule are those of the order
// (see Order); of an entry they are empty if another affiliate has the order now.
const (
	ByAffiliate By = "affiliate"
	BySite      By = "site"
	ByRule      By = "rule"
	ByCode      By = "code"
	BySub       By = "sub"
	ByCoupon    By = "coupon"
	ByProduct   By = "product"
	ByCurrency  By = "currency"
	ByKind      By = "kind"
	ByPayout    By = "payout"   // its state
	ByDue       By = "due"      // available at Cut.Now
	ByFlagged   By = "flagged"  // a flag that is not cleared is on the order and its affiliate, or on all of the affiliate
	ByVerified  By = "verified" // the order
)

// Cut says of what figures are, and how they are split. The zero value is all,
// in one figure.
type Cut struct {
	Program, Affiliate string
	Sites              []string    // none: of every one
	From, To           time.Time   // To is exclusive; zero: no bound
	Steps              []time.Time // beginnings of quarters of an hour, ascending; what comes before the first is in it. None: all is one step
	By                 []By
	Now                time.Time   // of ByDue
	Kinds              []EntryKind // of Commissions only; none: all of them
}

// Sum is a figure. What Cut.By does not name is empty in it.
type Sum struct {
	Step                                     int // in Cut.Steps
	Affiliate, Site, Rule, Code, Sub, Coupon string
	Product, Currency                        string
	Kind                                     EntryKind
	Payout                                   PayoutState // "" none has it; Draft of one that is not there
	Due, Flagged, Verified                   bool
	Value                                    int64 // a number, or an amount in minor units
}

// Of is where what a figure is split by stands in it: a pointer to a field, nil
// if there is none.
func (s *Sum) Of(by By) any {
	switch by {
	case ByAffiliate:
		return &s.Affiliate
	case BySite:
		return &s.Site
	case ByRule:
		return &s.Rule
	case ByCode:
		return &s.Code
	case BySub:
		return &s.Sub
	case ByCoupon:
		return &s.Coupon
	case ByProduct:
		return &s.Product
	case ByCurrency:
		return &s.Currency
	case ByKind:
		return &s.Kind
	case ByPayout:
		return &s.Payout
	case ByDue:
		return &s.Due
	case ByFlagged:
		return &s.Flagged
	case ByVerified:
		return &s.Verified
	}
	return nil
}

// Figures is what the ledger adds up: by step, then by what Cut.By names, in this
// order, without figures of no rows. What can't be split so is an error.
type Figures interface {
	// Clicks counts touches that are Counted, by affiliate, site, code and sub.
	Clicks(c Cut) ([]Sum, error)
	// Visitors counts whose these are, by the first key of each that is no click's;
	// a touch without one is of a visitor of its own. Steps and By mean nothing here.
	Visitors(c Cut) (int64, error)
	// Orders counts orders that are Known and that an affiliate has, by affiliate,
	// site, rule, code, sub, coupon, verified and product: those that have a line of it.
	Orders(c Cut) ([]Sum, error)
	// Sales adds up what the lines of these orders are net, by what Orders can be
	// split by and by currency.
	Sales(c Cut) ([]Sum, error)
	// Commissions adds up entries that are Payable, by when they occurred, by all but
	// verified.
	Commissions(c Cut) ([]Sum, error)
}
