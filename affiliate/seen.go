package affiliate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// Rows and errors as doors name them that think with this package only.
type (
	Program      = ledger.Program
	Model        = ledger.Model
	Bind         = ledger.Bind
	Affiliate    = ledger.Affiliate
	Status       = ledger.Status
	Code         = ledger.Code
	CodeKind     = ledger.CodeKind
	Rule         = ledger.Rule
	RuleKind     = ledger.Commission
	Order        = ledger.Order
	OrderFilter  = ledger.OrderFilter
	EntryFilter  = ledger.EntryFilter
	EntryKind    = ledger.EntryKind
	Payout       = ledger.Payout
	PayoutState  = ledger.PayoutState
	Flag         = ledger.Flag
	FlagState    = ledger.FlagState
	Shop         = ledger.Shop
	InvalidError = shop.InvalidError
)

// ErrNotFound means that there is no such row, or none of whoever asks.
var ErrNotFound = ledger.ErrNotFound

// Commission is an entry as its affiliate sees it.
type Commission struct {
	Stated
	Number string // the shop's own id of its order; "" if the order is another's now
	Reason string // why it is held or was taken back; "" if it is neither
}

// commissions tells entries of the affiliate.
func (v *viewing) commissions(entries []ledger.Entry) ([]Commission, error) {
	all, numbers := make([]Commission, len(entries)), map[string]string{}
	for i, e := range entries {
		if _, known := numbers[e.Order]; !known && e.Order != "" {
			o, err := v.tx.Orders().Order(ledger.Name{Kind: "id", Value: e.Order})
			if err != nil {
				return nil, err
			}
			if o.Affiliate == v.affiliate.ID {
				numbers[e.Order] = cmp.Or(o.Number, o.ID)
			}
		}
		var payout *ledger.Payout
		if p, ok := v.payouts[e.Payout]; ok {
			payout = &p
		}
		state := StateOf(e, v.held.of(v.affiliate.ID)(e.Order), payout, v.now)
		all[i] = Commission{Stated{e, state}, numbers[e.Order], v.reason(e, state)}
	}
	return all, nil
}

// suspicions say what flags mean, to the affiliate.
var suspicions = map[string]string{
	SelfReferral:   "the customer seems to be you",
	FastOrder:      "the order came within seconds of the click",
	ManyClicks:     "one visitor clicked very often",
	BannedReferrer: "the click came from a site that the programme bans",
	PaidSearch:     "the click came from a paid advertisement",
	ClaimedUser:    "the click is another browser's than the order",
}

// reason is why an entry is held, or takes something back.
func (v *viewing) reason(e ledger.Entry, state State) string {
	switch {
	case e.Kind == ledger.Reverse:
		return reversal(e.Cause)
	case e.Kind == ledger.DisputeHold:
		return "the customer's bank asks the money back: held until that is decided"
	case state != StateHeld:
		return ""
	}
	var why []string
	confirmed := false
	for _, f := range append(slices.Clone(v.flags[e.Order]), v.flags[""]...) {
		why = append(why, cmp.Or(suspicions[f.Type], strings.ReplaceAll(f.Type, "_", " ")))
		confirmed = confirmed || f.State == ledger.Confirmed
	}
	slices.Sort(why)
	text := strings.Join(slices.Compact(why), "; ")
	switch {
	case confirmed:
		return text + ": looked at, and held for good"
	case text == "":
		return "the order is being looked at"
	}
	return text + ": being looked at"
}

// reversal is why something was taken back, by the entry's cause.
func reversal(cause string) string {
	root, _, _ := strings.Cut(strings.TrimPrefix(cause, unverified), "#")
	kind, _, _ := strings.Cut(root, ":")
	switch kind {
	case "refund":
		return "the customer got a refund"
	case "dispute":
		return "the customer's bank took the money back"
	case "content":
		return "the shop changed the order"
	case CauseOrder:
		return "the order was counted anew"
	}
	return "the order is another affiliate's, or nobody's, after all"
}

// OrderSum is an order with what its affiliate has of it.
type OrderSum struct {
	ledger.Order
	Net        int64 // of its lines
	Commission int64 // of its currency
	States     []State
}

// OrdersOf lists an affiliate's orders behind one of them, "" is none, newest
// first. One that is not the affiliate's is ErrNotFound.
func (d *Desk) OrdersOf(ctx context.Context, affiliate, before string, limit int) (all []OrderSum, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		all = nil
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		if before != "" {
			if _, err := v.order(before); err != nil {
				return err
			}
		}
		orders, err := tx.Orders().List(ledger.OrderFilter{Program: v.program.ID, Affiliate: affiliate, Before: before, Limit: limit})
		for _, o := range orders {
			sum, err := v.sum(o)
			if err != nil {
				return err
			}
			all = append(all, sum)
		}
		return err
	})
	return all, err
}

func (v *viewing) sum(o ledger.Order) (OrderSum, error) {
	s := OrderSum{Order: v.veil(o)}
	for _, l := range o.Lines {
		s.Net += l.Net
	}
	entries, err := v.tx.Money().Entries(ledger.EntryFilter{Affiliate: v.affiliate.ID, Order: o.ID, Kinds: earnings})
	if err != nil {
		return s, err
	}
	all, err := v.commissions(entries)
	for _, c := range all {
		if c.Currency == o.Currency {
			s.Commission += c.Amount
		}
		if !slices.Contains(s.States, c.State) {
			s.States = append(s.States, c.State)
		}
	}
	slices.Sort(s.States)
	return s, err
}

// order is one of the affiliate's; ErrNotFound if it is another's.
func (v *viewing) order(id string) (ledger.Order, error) {
	o, err := v.tx.Orders().Order(ledger.Name{Kind: "id", Value: id})
	if err == nil && o.Affiliate != v.affiliate.ID {
		err = fmt.Errorf("order %s of affiliate %s: %w", id, v.affiliate.ID, ledger.ErrNotFound)
	}
	return o, err
}

// veil takes from an order what its affiliate need not know: whose it is, and
// coupons of others.
func (v *viewing) veil(o ledger.Order) ledger.Order {
	o.Customer, o.Keys = "", nil
	o.Coupons = slices.DeleteFunc(slices.Clone(o.Coupons), func(coupon string) bool {
		c, err := v.tx.Set().Codes().Get(coupon)
		return err != nil || c.Affiliate != v.affiliate.ID
	})
	return o
}

// Seen is an order as its affiliate may see it. Of others it tells that they
// were looked at, but not who they are.
type Seen struct {
	AsOf time.Time
	OrderSum
	Program  ledger.Program
	Decision ledger.Decision // in force, veiled: Affiliate of a candidate is "" if it is another
	Clicks   []ledger.Touch  // the affiliate's own that were looked at, newest first
	Entries  []Commission    // by when they occurred
}

// OrderOf tells an affiliate of one of its orders. What is another's is
// ErrNotFound, like what is not there.
func (d *Desk) OrderOf(ctx context.Context, affiliate, order string) (s Seen, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		s = Seen{AsOf: d.now()}
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		o, err := v.order(order)
		if err != nil {
			return err
		}
		s.Program = v.program
		if s.OrderSum, err = v.sum(o); err != nil {
			return err
		}
		entries, err := tx.Money().Entries(ledger.EntryFilter{Affiliate: affiliate, Order: order, Kinds: earnings})
		if err != nil {
			return err
		}
		slices.Reverse(entries)
		slices.SortStableFunc(entries, func(a, b ledger.Entry) int { return a.Occurred.Compare(b.Occurred) })
		if s.Entries, err = v.commissions(entries); err != nil {
			return err
		}
		return v.decided(&s, o)
	})
	return s, err
}

// decided tells how the order came to the affiliate, and its clicks.
func (v *viewing) decided(s *Seen, o ledger.Order) error {
	decisions, err := v.tx.Orders().Facts().Decisions(o.ID)
	if err != nil || len(decisions) == 0 {
		return err
	}
	s.Decision = decisions[len(decisions)-1]
	s.Decision.By = ""
	var keys []ledger.Key
	mine := map[string]bool{}
	for i := range s.Decision.Explain {
		c := &s.Decision.Explain[i]
		switch {
		case c.Kind == KindManual:
			c.ID, c.Affiliate, c.Reason = "", v.affiliate.ID, "decided by hand" // what was written then may name others
		case c.Affiliate != v.affiliate.ID:
			c.ID, c.Affiliate = "", ""
		case c.Kind == KindTouch:
			keys, mine[c.ID] = append(keys, ledger.Key("click:"+c.ID)), true
		}
	}
	if len(keys) == 0 {
		return nil
	}
	touches, err := v.tx.Traffic().Touches(v.program.ID, time.Time{}, o.Time, keys...)
	for _, t := range slices.Backward(touches) {
		if t.Affiliate == v.affiliate.ID && mine[t.ID] {
			t.Keys = nil
			s.Clicks = append(s.Clicks, t)
		}
	}
	return err
}

// EntriesOf lists an affiliate's commissions behind one of them, "" is none, newest
// first. One that is not the affiliate's is ErrNotFound.
func (d *Desk) EntriesOf(ctx context.Context, affiliate, before string, limit int) (all []Commission, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		all = nil
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		if before != "" {
			own, err := tx.Money().Entries(ledger.EntryFilter{ID: before, Affiliate: affiliate, Kinds: earnings})
			if err != nil {
				return err
			}
			if len(own) == 0 {
				return fmt.Errorf("entry %s of affiliate %s: %w", before, affiliate, ledger.ErrNotFound)
			}
		}
		entries, err := tx.Money().Entries(ledger.EntryFilter{Program: v.program.ID, Affiliate: affiliate, Kinds: earnings, Before: before, Limit: limit})
		if err != nil {
			return err
		}
		all, err = v.commissions(entries)
		return err
	})
	return all, err
}

// ExportEntries writes entries with their states, newest first, spelled as
// WritePayouts does.
func (d *Desk) ExportEntries(ctx context.Context, w io.Writer, format string, f ledger.EntryFilter) error {
	all, err := d.Entries(ctx, f)
	if err != nil {
		return err
	}
	var table [][]any
	for _, e := range all {
		table = append(table, []any{e.ID, moment(e.Posted), moment(e.Occurred), moment(e.Available), e.Affiliate, e.Site, e.Order,
			e.Line, e.Product, string(e.Kind), string(e.State), exact(e.Amount, e.Currency), e.Currency, e.Rule, e.Cause, e.Payout})
	}
	return write(w, format, table, "entry", "posted_at TIMESTAMP", "occurred_at TIMESTAMP", "available_at TIMESTAMP", "affiliate", "site", "order", "line", "product", "kind", "state",
		amountColumn, "currency", "rule", "cause", "payout")
}

// LandingHosts are the hosts that a programme's links may lead to.
func (d *Desk) LandingHosts(p ledger.Program) []string {
	all := slices.Clone(d.hosts(p))
	slices.Sort(all)
	return slices.Compact(all)
}

// Numbered finds a programme's orders by the number that a shop gave; several
// shops may have given the same. Of a store with a name, "NAME/NUMBER" finds it;
// where a webhook tells of the store the number alone does.
func (d *Desk) Numbered(ctx context.Context, program, number string) (all []ledger.Order, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		all = nil
		p, err := tx.Set().Programs().Get(program)
		if err != nil {
			return absent(err, "program", program)
		}
		var seen []ledger.Name
		find := func(site, store, number string) error {
			n := ledger.Name{Store: storeOf(site, store), Kind: "order", Value: number}
			if slices.Contains(seen, n) {
				return nil
			}
			seen = append(seen, n)
			o, err := tx.Orders().Order(n)
			if errors.Is(err, ledger.ErrNotFound) || err == nil && o.Program != program {
				return nil
			}
			all = append(all, o)
			return err
		}
		for _, site := range p.Sites {
			shops, err := tx.Orders().Shops().Find("site", site)
			if err == nil {
				err = find(site, "", number)
			}
			for _, s := range shops {
				err = errors.Join(err, find(site, s.Store, number))
			}
			if store, rest, ok := strings.Cut(number, "/"); ok && store != "" {
				err = errors.Join(err, find(site, store, rest))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}
