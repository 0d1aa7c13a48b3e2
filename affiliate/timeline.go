package affiliate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// CauseOrder is the cause of what an order earns when it is made.
const CauseOrder = "order"

// happening changes what an order is worth, and to whom.
type happening struct {
	at       time.Time
	told     statement // its ID is the cause; what it said is empty of a decision
	decision *ledger.Decision
}

// account is what an affiliate has of a line.
type account struct {
	affiliate, line, currency string
}

// standing is how an account stands.
type standing struct {
	earned int64 // by earn and reverse
	held   int64 // by dispute_hold and dispute_release: of the other sign
	share  share
	line   ledger.Line
}

// timeline plays an order's story: what happened, in the order in which it
// happened, whenever it became known.
type timeline struct {
	c        *Case
	order    ledger.Order
	start    time.Time
	winner   string
	content  *shop.Order
	refunds  []statement
	odd      []string
	disputes map[string]shop.DisputeState
	accounts map[account]*standing
	entries  []ledger.Entry
}

// trusted reports whether a fact counts (rule 7).
func (c *Case) trusted(t statement) bool { return t.said.Verified || c.Program.TrustEvents }

// play tells the story from the first content on.
func play(c *Case) (*timeline, error) {
	h, err := read(c.Facts)
	if err != nil {
		return nil, err
	}
	t := &timeline{c: c, order: c.Order, disputes: map[string]shop.DisputeState{}, accounts: map[account]*standing{}}
	if len(h.contents) == 0 || !c.trusted(h.contents[0]) {
		return t, nil
	}
	t.start = h.time()
	for _, next := range t.happenings(&h) {
		t.apply(next)
		if err := t.post(next); err != nil {
			return nil, fmt.Errorf("order %s: %w", c.Order.ID, err)
		}
	}
	return t, nil
}

// happenings lists what happens, by time and id. What is told to have happened
// before the order happens with it: a clock was wrong.
func (t *timeline) happenings(h *history) []happening {
	t.winner = first(t.c.Decisions, t.start)
	begin := happening{at: t.start, told: h.contents[0]}
	begin.told.ID = CauseOrder
	var all []happening
	for _, content := range h.contents[1:] {
		all = append(all, happening{at: content.said.Said, told: content})
	}
	for _, other := range h.others {
		if t.c.trusted(other) {
			all = append(all, happening{at: other.Time, told: other})
		}
	}
	for i := range t.c.Decisions {
		d := &t.c.Decisions[i]
		if at := stamp(d.Time); d.Rule == RuleManual && at.After(t.start) {
			all = append(all, happening{at: at, told: statement{Fact: ledger.Fact{ID: d.ID}}, decision: d})
		}
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.told.ID, b.told.ID)) })
	for i := range all {
		if all[i].at.Before(t.start) {
			all[i].at = t.start
		}
	}
	return append([]happening{begin}, all...)
}

// first is who has an order from its time on: whom a decision by hand of before
// says, else whom the last one of the rules says, whenever it was made.
func first(decisions []ledger.Decision, start time.Time) (winner string) {
	byHand := false
	for _, d := range decisions {
		manual := d.Rule == RuleManual
		if manual && stamp(d.Time).After(start) || byHand && !manual {
			continue
		}
		winner, byHand = d.Affiliate, manual
	}
	return winner
}

func (t *timeline) apply(h happening) {
	switch said := h.told.said; {
	case h.decision != nil:
		t.winner = h.decision.Affiliate
	case said.Order != nil:
		t.content = said.Order
	case said.Refund != nil:
		t.refunds = append(t.refunds, h.told)
	case said.Dispute != nil:
		d := said.Dispute
		if d.State != shop.Disputed || t.disputes[d.ID] == "" { // one that ended does not begin again
			t.disputes[d.ID] = d.State
		}
	}
}

// is reports whether a dispute stands so.
func (t *timeline) is(state shop.DisputeState) bool {
	return slices.Contains(slices.Collect(maps.Values(t.disputes)), state)
}

// worth is what each line is worth now, to whom.
func (t *timeline) worth() (map[account]int64, error) {
	parts, odd := remaining(t.content, t.refunds)
	t.odd = odd
	terms := terms{t.c.Rules, t.winner, t.content.Currency, t.start, t.c.Ordinal}
	want := map[account]int64{}
	if t.winner == "" {
		return want, nil
	}
	shares, err := terms.shares(parts)
	if err != nil {
		return nil, err
	}
	for i, s := range shares {
		a := account{t.winner, parts[i].ID, t.content.Currency}
		if s.rule == "" {
			continue
		}
		if t.accounts[a] == nil {
			t.accounts[a] = &standing{}
		}
		t.accounts[a].share, t.accounts[a].line = s, parts[i].Line
		if !t.is(shop.Lost) {
			want[a] += s.amount
		}
	}
	return want, nil
}

// post posts what brings every account to what it is worth. While a dispute is
// open, what is earned is held as well (rule 13).
func (t *timeline) post(h happening) error {
	want, err := t.worth()
	if err != nil {
		return err
	}
	accounts := slices.SortedFunc(maps.Keys(t.accounts), func(a, b account) int {
		return cmp.Or(strings.Compare(a.affiliate, b.affiliate), strings.Compare(a.line, b.line), strings.Compare(a.currency, b.currency))
	})
	for _, a := range accounts {
		s, held := t.accounts[a], int64(0)
		if t.is(shop.Disputed) {
			held = -want[a]
		}
		t.move(h, a, &s.earned, want[a], ledger.Earn, ledger.Reverse)
		t.move(h, a, &s.held, held, ledger.DisputeHold, ledger.DisputeRelease)
	}
	return nil
}

// move posts what brings a sum to what it should be: of the kind more if that is
// further from nothing, else of the kind less.
func (t *timeline) move(h happening, a account, sum *int64, want int64, more, less ledger.EntryKind) {
	if *sum == want {
		return
	}
	kind := more
	if abs(want) < abs(*sum) {
		kind = less
	}
	s := t.accounts[a]
	t.entries = append(t.entries, ledger.Entry{
		Program: t.c.Program.ID, Affiliate: a.affiliate, Site: t.order.Site, Order: t.order.ID,
		Line: a.line, Product: s.line.Product, Kind: kind, Amount: want - *sum, Currency: a.currency,
		Occurred: h.at, Available: t.available(h.at), Posted: stamp(t.c.Now), Rule: s.share.rule, Cause: h.told.ID,
	})
	*sum = want
}

// available is from when on money that moves then can be paid: not before the
// order's hold is over, which begins with the order.
func (t *timeline) available(at time.Time) time.Time {
	if over := t.start.AddDate(0, 0, t.c.Program.Hold); at.Before(over) {
		return over
	}
	return at
}
