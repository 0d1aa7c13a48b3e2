package affiliate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// factVersion is the version of a fact's body.
const factVersion = 1

// body is what a fact's Body holds as JSON: what the shop said, in the words of
// package shop, with the field names that are spelled there. A change of them is
// a new factVersion.
type body struct {
	Version  int           `json:"v"`
	Said     time.Time     `json:"said"`     // when the shop said it
	Verified bool          `json:"verified"` // the shop's server itself said it
	Order    *shop.Order   `json:"order,omitempty"`
	Refund   *shop.Refund  `json:"refund,omitempty"`
	Dispute  *shop.Dispute `json:"dispute,omitempty"`
}

// unverified begins the id of a fact that is not verified, so that the verified
// copy of it is a fact of its own.
const unverified = "unverified:"

// FactOf is a report as it is kept; its Order is left to the caller. Nothing in
// it tells whose the order is.
//
// Its id is the same whenever the same is said again: a hash of what was ordered,
// whenever and by whichever door it was said; the shop's id of a refund, with the
// amount if that is cumulative, as one charge is told of again and again; the
// shop's id of a dispute with its state. A refund without an id is known by what
// it says and its time.
func FactOf(r *shop.Report) ledger.Fact {
	at, said := stamp(r.Time), stamp(r.Said)
	if r.Said.IsZero() {
		said = at
	}
	b := body{factVersion, said, r.Verified, r.Order, r.Refund, r.Dispute}
	f := ledger.Fact{Time: at, From: r.From}
	switch {
	case r.Order != nil:
		order := *r.Order
		order.Lines, order.Coupons = filled(order.Lines), filled(order.Coupons)
		b.Order = &order
		f.Kind, f.ID = ledger.Content, "content:"+digest(order)
	case r.Refund != nil:
		refund := *r.Refund
		refund.Lines = filled(refund.Lines)
		b.Refund = &refund
		f.Kind, f.ID = ledger.Refund, "refund:"+refundName(&refund, at)
	case r.Dispute != nil:
		f.Kind, f.ID = ledger.Dispute, "dispute:"+plain(r.Dispute.ID)+":"+string(r.Dispute.State)
	}
	if !r.Verified {
		f.ID = unverified + f.ID
	}
	f.Body, _ = json.Marshal(b) // of texts, numbers and times that are years apart from its bounds
	return f
}

// stamp is a time as the ledger keeps it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// filled makes an empty list and none the same.
func filled[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func refundName(r *shop.Refund, at time.Time) string {
	switch {
	case r.ID == "":
		return digest(struct {
			Refund *shop.Refund
			Time   int64
		}{r, at.UnixMilli()})
	case r.Cumulative:
		return fmt.Sprintf("%s:%d", plain(r.ID), r.Amount)
	}
	return plain(r.ID)
}

// plain is a shop's id without the sign that Settle puts before the number of
// an entry's cause.
func plain(id string) string { return strings.NewReplacer("%", "%25", "#", "%23").Replace(id) }

func digest(of any) string {
	text, _ := json.Marshal(of)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Again is the fact to keep of f, beside those that an order has. An order may go
// back to what it was before, and what came between may be told last: so what is
// said of it later than it was before is not the fact of old, though the content
// is the same, but a new one, named with its time as well. It repeats if the
// order is the same already by then.
func Again(f ledger.Fact, facts []ledger.Fact) (again ledger.Fact, repeats bool, err error) {
	if f.Kind != ledger.Content || !slices.ContainsFunc(facts, func(kept ledger.Fact) bool { return kept.ID == f.ID }) {
		return f, false, nil
	}
	h, err := read(facts)
	if err != nil {
		return f, false, err
	}
	anew, err := open(f)
	if err != nil {
		return f, false, err
	}
	before := f.ID
	for _, kept := range h.contents { // by when they were said
		if anew.Said.After(kept.said.Said) {
			before = contentOf(kept.ID)
		} else if contentOf(kept.ID) == f.ID {
			return f, true, nil
		}
	}
	if anew.Verified == h.contents[0].said.Verified { // else it does not hold, whenever it is said
		f.ID = fmt.Sprintf("%s@%d", f.ID, anew.Said.UnixMilli())
	}
	return f, before == contentOf(f.ID), nil
}

// contentOf is a content's id without the time of one that was said again.
func contentOf(id string) string {
	id, _, _ = strings.Cut(id, "@")
	return id
}

// statement is a fact that was read.
type statement struct {
	ledger.Fact
	said body
}

// history is an order's facts, sorted.
type history struct {
	contents []statement // those that hold, by when they were said: the last one is the order
	others   []statement // refunds and disputes, by time
	all      int         // contents, with those that don't hold, each until another one was said
}

func open(f ledger.Fact) (b body, err error) {
	if err = json.Unmarshal(f.Body, &b); err == nil && b.Version != factVersion {
		err = fmt.Errorf("it has format %d, and %d is known here: run the newer program that wrote it", b.Version, factVersion)
	}
	if err == nil && (f.Kind == ledger.Content) != (b.Order != nil) || (f.Kind == ledger.Refund) != (b.Refund != nil) || (f.Kind == ledger.Dispute) != (b.Dispute != nil) {
		err = cmp.Or(err, fmt.Errorf("its kind %q is not what it says: restore the ledger from a backup", f.Kind))
	}
	if err != nil {
		return b, fmt.Errorf("fact %s of order %s: %w", f.ID, f.Order, err)
	}
	return b, nil
}

// read sorts an order's facts. If one content is verified only verified ones
// hold (rule 7); of a refund or dispute that is told twice the verified one does.
func read(facts []ledger.Fact) (h history, err error) {
	verified, known := false, map[string]bool{}
	for _, f := range facts {
		b, err := open(f)
		switch {
		case err != nil:
			return h, err
		case known[f.ID]:
			continue
		case f.Kind == ledger.Content:
			h.contents = append(h.contents, statement{f, b})
			verified = verified || b.Verified
		default:
			h.others = append(h.others, statement{f, b})
		}
		known[f.ID] = true
	}
	slices.SortFunc(h.contents, func(a, b statement) int { return cmp.Or(a.said.Said.Compare(b.said.Said), cmp.Compare(a.ID, b.ID)) })
	for i, t := range h.contents {
		if i == 0 || contentOf(t.ID) != contentOf(h.contents[i-1].ID) {
			h.all++
		}
	}
	h.contents = slices.DeleteFunc(h.contents, func(t statement) bool { return verified && !t.said.Verified })
	h.others = slices.DeleteFunc(h.others, func(t statement) bool { return !t.said.Verified && known[strings.TrimPrefix(t.ID, unverified)] })
	slices.SortFunc(h.others, func(a, b statement) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return h, nil
}

// time is the earliest time that contents which hold give: a shop that tells of
// an order again does not make it a later one.
func (h *history) time() time.Time {
	list := h.contents
	if len(list) == 0 {
		list = h.others
	}
	if len(list) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(list, func(a, b statement) int { return a.Time.Compare(b.Time) }).Time
}

// coupons are those of the last content that names any, or can be taken to name
// all: see Current.
func (h *history) coupons() []string {
	for _, content := range slices.Backward(h.contents) {
		_, service := shop.HookOf(content.From)
		if coupons := content.said.Order.Coupons; len(coupons) > 0 || !service {
			return coupons
		}
	}
	return nil
}

// Current makes an order what its facts say now, in whatever order they came:
// Time, Currency, Lines, Coupons, Verified, Revision and Known; the rest of it is
// kept. Of several contents a verified one holds before an unverified one
// (rule 7), then the one said later, then the one with the larger id (rule 8).
// Time is the earliest of those that are as verified as it. While there is no
// content it is that of the first refund or dispute.
//
// Coupons that a payment service's message leaves out stay what was said before:
// of one order it sends several, and not each tells all.
func Current(o ledger.Order, facts []ledger.Fact) (ledger.Order, error) {
	h, err := read(facts)
	if err != nil {
		return o, err
	}
	o.Revision, o.Known, o.Verified = h.all, h.all > 0, false
	o.Currency, o.Lines, o.Coupons = "", nil, nil
	if at := h.time(); !at.IsZero() {
		o.Time = at
	}
	if !o.Known {
		return o, nil
	}
	now := h.contents[len(h.contents)-1].said
	o.Currency, o.Lines, o.Verified = now.Order.Currency, slices.Clone(now.Order.Lines), now.Verified
	for _, written := range h.coupons() {
		if coupon := Canonical(written); coupon != "" && !slices.Contains(o.Coupons, coupon) {
			o.Coupons = append(o.Coupons, coupon)
		}
	}
	return o, nil
}
