// Package shop reads what shops say of orders: signed webhooks, order events,
// files and requests, all as one Report. What it says is not judged here.
package shop

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

var errNumber = Invalid("order_id", "is missing: without it an order sent twice would count twice")

// Report is what a shop says of one order. Exactly one of Order, Refund and
// Dispute is set. It holds a customer's address until it is taken, and is never
// kept as it is.
type Report struct {
	Site     string        // id
	Store    string        // the shop's name; "" is the site's id
	Number   string        // the shop's own id of the order; "" if only Names tell which it is
	Names    []ledger.Name // further names of the order, with kinds invoice, payment_intent, charge, checkout, transaction; Store "" is the report's
	Time     time.Time     // when it happened
	Said     time.Time     // when the shop said it: of two contents of an order the one said later holds
	Unsaid   bool          // Said is only when it came: the shop did not say when this was true
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
	Unnamed    bool         `json:",omitempty"` // ID is that of the event that told it, not the shop's
}

// RefundLine is what was given back of a line.
type RefundLine struct {
	Line     string // its id; "" if Product tells which
	Product  string
	Amount   int64 // net, positive; 0: of Quantity, in its proportion
	Quantity int64 // units; an Amount beside it may be before discounts, and counts for no more than their part of the line's net; 0: any
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
		return errNumber
	case r.Time.IsZero():
		return Invalid("time", "is missing")
	case r.Order != nil && len(r.Order.Lines) == 0:
		return Invalid("products", "are missing, and so is revenue")
	case r.Order != nil && len(r.Order.Lines) > maxLines, r.Refund != nil && len(r.Refund.Lines) > maxLines:
		return Invalid("products", "may be %d", maxLines)
	case r.Order != nil && len(r.Order.Coupons) > maxCoupons:
		return Invalid("coupon", "may be %d", maxCoupons)
	case r.Refund != nil && r.Refund.negative():
		return Invalid("amount", "of a refund must be positive")
	case r.Dispute != nil && r.Dispute.ID == "":
		return Invalid("dispute", "has no id")
	}
	if r.Order != nil {
		ids := map[string]bool{}
		for _, l := range r.Order.Lines {
			if l.ID == "" || ids[l.ID] {
				return Invalid("line", "ids must be there, and differ")
			}
			ids[l.ID] = true
		}
	}
	for field, text := range r.texts() {
		if why := fault(text); why != "" {
			return Invalid(field, "%s", why)
		}
	}
	return nil
}

func (f *Refund) negative() bool {
	return f.Amount < 0 || slices.ContainsFunc(f.Lines, func(l RefundLine) bool { return l.Amount < 0 || l.Quantity < 0 })
}

// texts are all texts of a report with the fields they came by.
func (r *Report) texts() iter.Seq2[string, string] {
	return func(yield func(field, text string) bool) {
		all := [][2]string{{"order_id", r.Number}, {"store", r.Store}, {"email", r.Email}, {"user_id", r.User}, {"anonymous_id", r.Anonymous}, {"click_id", r.Click}}
		for _, n := range r.Names {
			all = append(all, [2]string{n.Kind, n.Value})
		}
		if o := r.Order; o != nil {
			for _, l := range o.Lines {
				all = append(all, [2]string{"line", l.ID}, [2]string{"product_id", l.Product}, [2]string{"name", l.Name})
			}
			for _, c := range o.Coupons {
				all = append(all, [2]string{"coupon", c})
			}
		}
		if f := r.Refund; f != nil {
			all = append(all, [2]string{"refund_id", f.ID})
			for _, l := range f.Lines {
				all = append(all, [2]string{"line", l.Line}, [2]string{"product_id", l.Product})
			}
		}
		if r.Dispute != nil {
			all = append(all, [2]string{"dispute", r.Dispute.ID})
		}
		for _, x := range all {
			if !yield(x[0], x[1]) {
				return
			}
		}
	}
}

// fault is what is wrong with a text; "" if nothing is.
func fault(text string) string {
	switch {
	case len(text) > maxText:
		return fmt.Sprintf("has %d bytes, %d are the most", len(text), maxText)
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

const (
	maxText    = 512 // bytes of an id, a name, an address
	maxLines   = 1000
	maxCoupons = 100
)
