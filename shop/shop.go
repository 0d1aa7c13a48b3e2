// Package shop reads what shops say of orders: signed webhooks, order events,
// files and requests, all as one Report. What it says is not judged here.
package shop

import (
	"errors"
	"fmt"
	"time"

	"footfall/ledger"
)

// Sources of reports, as ledger.Fact.From has them.
const (
	FromEvent        = "event"
	FromAPI          = "api"
	FromCSV          = "csv"
	FromPaddle       = "paddle"
	FromStripe       = "stripe"
	FromLemonSqueezy = "lemonsqueezy"
)

// ErrSignature means that a webhook's message is not proved to be the shop's:
// its signature is wrong, missing or too old. Nothing of it may be used.
var ErrSignature = errors.New("the signature is not right")

// InvalidError tells what is wrong with a report, for whoever sent it.
type InvalidError struct{ Field, Why string }

func (e *InvalidError) Error() string { return e.Field + " " + e.Why }

// Invalid makes an InvalidError.
func Invalid(field, format string, args ...any) error {
	return &InvalidError{field, fmt.Sprintf(format, args...)}
}

// Report is what a shop says of one order. Exactly one of Order, Refund and
// Dispute is set. It holds a customer's address until it is taken, and is never
// kept as it is.
type Report struct {
	Site     string        // id
	Store    string        // the shop's name; "" is the site's id
	Number   string        // the shop's own id of the order; "" if only Names tell which it is
	Names    []ledger.Name // further names of the order, with kinds invoice, payment_intent, charge, checkout, transaction, subscription
	Time     time.Time     // when it happened
	Said     time.Time     // when the shop said it: of two contents of an order the one said later holds
	From     string        // one of the sources above
	Verified bool          // the shop's server itself said it
	Test     bool          // of a shop's test mode: not to be counted

	Email     string // of the customer
	User      string // user id
	Anonymous string // anonymous id
	Click     string // click id that was carried along

	Order   *Order
	Refund  *Refund
	Dispute *Dispute
}

// Order is what was ordered. Amounts are minor units of Currency.
type Order struct {
	Currency string
	Lines    []ledger.Line // at least one; see ledger.Line for what Net is
	Total    int64         // with tax and shipping, what the customer paid; 0 if unknown
	Coupons  []string      // as written
}

// Refund is what was given back.
type Refund struct {
	ID         string       // the shop's; "" if it has none: then the report's content is its name
	Currency   string       // "" is the order's
	Full       bool         // all that remains; amounts are not looked at
	Amount     int64        // positive; of the order as a whole, where Lines tell nothing
	Gross      bool         // Amount is with tax and shipping, a part of Order.Total
	Cumulative bool         // Amount is all that was given back so far
	Lines      []RefundLine // what was given back of each
}

// RefundLine is what was given back of a line.
type RefundLine struct {
	Line     string // its id; "" if Product tells which
	Product  string
	Amount   int64 // net, positive; 0: of Quantity, in its proportion
	Quantity int64
}

// DisputeState is how a dispute of a payment stands.
type DisputeState string

// How a dispute can stand.
const (
	Disputed DisputeState = "created"
	Won      DisputeState = "won" // by the shop
	Lost     DisputeState = "lost"
)

// Dispute is the customer's bank asking the money back.
type Dispute struct {
	ID    string
	State DisputeState
}

// Check says what is wrong with a report.
func (r *Report) Check() error {
	said := 0
	for _, is := range []bool{r.Order != nil, r.Refund != nil, r.Dispute != nil} {
		if is {
			said++
		}
	}
	switch {
	case said != 1:
		return Invalid("report", "must be of an order, a refund or a dispute")
	case r.Site == "":
		return Invalid("site", "is missing")
	case r.Number == "" && len(r.Names) == 0 || r.Order != nil && r.Number == "":
		return Invalid("order_id", "is missing: without it an order sent twice would count twice")
	case len(r.Number) > maxName || len(r.Store) > maxName:
		return Invalid("order_id", "and the store's name may have %d bytes", maxName)
	case r.Time.IsZero():
		return Invalid("time", "is missing")
	case r.Order != nil && len(r.Order.Lines) == 0:
		return Invalid("products", "are missing, and so is revenue")
	case r.Order != nil && len(r.Order.Lines) > maxLines:
		return Invalid("products", "may be %d", maxLines)
	case r.Dispute != nil && r.Dispute.ID == "":
		return Invalid("dispute", "has no id")
	}
	return nil
}

const (
	maxName  = 256
	maxLines = 1000
)
