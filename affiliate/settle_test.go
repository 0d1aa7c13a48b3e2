package affiliate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// half is the rule of the reference scenario: 50 %.
var half = ledger.Rule{ID: "half", Kind: ledger.Percent, Rate: 500_000}

// after is some days after the order of the tests.
func after(days int) time.Time { return ordered.AddDate(0, 0, days) }

// line is one of an order: its product has the same name.
func line(id string, quantity, net int64) ledger.Line {
	return ledger.Line{ID: id, Product: id, Quantity: quantity, Net: net}
}

// sold is a verified report of what was ordered, told at once.
func sold(lines ...ledger.Line) *shop.Report {
	return &shop.Report{Time: ordered, Said: ordered, From: shop.FromPaddle, Verified: true, Order: &shop.Order{Currency: "EUR", Lines: lines}}
}

// saidAt is the same, told later.
func saidAt(days int, r *shop.Report) *shop.Report {
	r.Said = after(days)
	return r
}

// doubtful is the same, told by a browser.
func doubtful(r *shop.Report) *shop.Report {
	r.Verified = false
	return r
}

// refunded is a verified report of a refund.
func refunded(days int, r shop.Refund) *shop.Report {
	return &shop.Report{Time: after(days), Said: after(days), From: shop.FromPaddle, Verified: true, Refund: &r}
}

func disputed(days int, id string, state shop.DisputeState) *shop.Report {
	return &shop.Report{Time: after(days), Said: after(days), From: shop.FromStripe, Verified: true, Dispute: &shop.Dispute{ID: id, State: state}}
}

// automatic is a decision of the rules, byHand one of a person.
func automatic(id, affiliate string, days int) ledger.Decision {
	return ledger.Decision{ID: id, Order: "o1", Affiliate: affiliate, Rule: RuleLast, Time: after(days)}
}

func byHand(id, affiliate string, days int) ledger.Decision {
	return ledger.Decision{ID: id, Order: "o1", Affiliate: affiliate, Rule: RuleManual, By: "p1", Time: after(days)}
}

// ledgerOf is an order's book in a test: what is said is kept and settled.
type ledgerOf struct {
	t *testing.T
	Case
	ids map[string]bool
}

// opened is the book of an order that A has, in a programme that holds for 30 days.
func opened(t *testing.T, rules ...ledger.Rule) *ledgerOf {
	return &ledgerOf{t, Case{
		Program:   ledger.Program{ID: "courses", Hold: 30},
		Order:     ledger.Order{ID: "o1", Program: "courses", Site: "s1"},
		Rules:     rules,
		Decisions: []ledger.Decision{automatic("d1", "A", 0)},
		Ordinal:   1, Now: after(1),
	}, map[string]bool{}}
}

// keep keeps facts, each once.
func (l *ledgerOf) keep(reports ...*shop.Report) *ledgerOf {
	l.t.Helper()
	for _, r := range reports {
		f, _, err := Again(FactOf(r), l.Facts)
		if err != nil {
			l.t.Fatal(err)
		}
		f.Order = l.Order.ID
		if !slices.ContainsFunc(l.Facts, func(kept ledger.Fact) bool { return kept.ID == f.ID }) {
			l.Facts = append(l.Facts, f)
		}
	}
	return l
}

// settle posts what is missing, and checks that nothing is missing then.
func (l *ledgerOf) settle() []ledger.Entry {
	l.t.Helper()
	var err error
	if l.Order, err = Current(l.Order, l.Facts); err != nil {
		l.t.Fatal(err)
	}
	posted, err := Settle(l.Case)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range posted {
		e := &posted[i]
		unique := fmt.Sprint(e.Affiliate, e.Order, e.Line, e.Kind, "/", e.Cause)
		switch {
		case e.Amount == 0 || e.ID != "" || e.Payout != "" || !e.Posted.Equal(l.Now) || e.Program != "courses" || e.Site != "s1" || e.Order != "o1":
			l.t.Fatalf("a wrong entry: %+v", *e)
		case l.ids[unique]:
			l.t.Fatalf("posted twice: %s", unique)
		}
		l.ids[unique] = true
		e.ID = fmt.Sprintf("e%03d", len(l.ids))
	}
	l.Posted = append(l.Posted, posted...)
	if again, err := Settle(l.Case); err != nil || len(again) > 0 {
		l.t.Fatalf("settled again: %+v, %v", again, err)
	}
	return posted
}

// want settles and compares what is posted then: "A a earn 50 +0d order" is
// affiliate, line, kind, amount, days after the order, cause (facts by their
// kind).
func (l *ledgerOf) want(want ...string) *ledgerOf {
	l.t.Helper()
	var got []string
	for _, e := range l.settle() {
		cause, number, _ := strings.Cut(e.Cause, "#")
		if kind, _, is := strings.Cut(cause, ":"); is {
			cause = kind
		}
		if number != "" {
			cause += "#" + number
		}
		got = append(got, fmt.Sprintf("%s %s %s %d +%dd %s", e.Affiliate, e.Line, e.Kind, e.Amount, e.Occurred.Sub(ordered)/day, cause))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("posted\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return l
}

// totals adds entries up by what a function names.
func totals(entries []ledger.Entry, by func(e ledger.Entry) string) map[string]int64 {
	all := map[string]int64{}
	for _, e := range entries {
		all[by(e)] += e.Amount
	}
	maps.DeleteFunc(all, func(_ string, sum int64) bool { return sum == 0 })
	return all
}

func byLine(e ledger.Entry) string { return e.Line }

func TestRule7Trust(t *testing.T) {
	l := opened(t, half).keep(doubtful(sold(line("a", 1, 100)))).want()
	if !l.Order.Known || l.Order.Verified {
		t.Errorf("the order is %+v", l.Order)
	}
	// What is not verified takes nothing away either.
	l.keep(saidAt(1, sold(line("a", 1, 80)))).want("A a earn 40 +0d order")
	l.keep(doubtful(refunded(2, shop.Refund{ID: "r", Full: true}))).want()
	l.keep(refunded(2, shop.Refund{ID: "r", Full: true})).want("A a reverse -40 +2d refund")
	if l.Order.Revision != 2 || !l.Order.Verified || l.Order.Lines[0].Net != 80 {
		t.Errorf("the order is %+v", l.Order)
	}
}

// In a programme that trusts events they earn, until the verified amounts win.
func TestRule7TrustEvents(t *testing.T) {
	l := opened(t, half)
	l.Program.TrustEvents = true
	l.keep(doubtful(sold(line("a", 1, 100)))).want("A a earn 50 +0d order")
	l.keep(doubtful(refunded(2, shop.Refund{ID: "r", Amount: 10}))).want("A a reverse -5 +2d unverified")
	l.keep(refunded(2, shop.Refund{ID: "r", Amount: 10})).want("A a reverse -5 +2d refund", "A a reverse 5 +2d unverified#2")
	l.keep(saidAt(3, sold(line("a", 1, 80)))).want("A a earn -10 +0d order#2")
}

func TestRule8Revisions(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100), line("b", 1, 20))).want("A a earn 50 +0d order", "A b earn 10 +0d order")
	l.keep(saidAt(1, sold(line("a", 1, 100), line("b", 1, 20)))).want() // the same again
	l.keep(saidAt(2, sold(line("a", 1, 60), line("b", 1, 30)))).want("A a reverse -20 +2d content", "A b earn 5 +2d content")
	l.keep(saidAt(3, sold(line("c", 1, 90)))).want("A a reverse -30 +3d content", "A b reverse -15 +3d content", "A c earn 45 +3d content")
	// As it was before, and told once more.
	l.keep(saidAt(4, sold(line("a", 1, 60), line("b", 1, 30)))).want("A a earn 30 +4d content", "A b earn 15 +4d content", "A c reverse -45 +4d content")
	l.keep(saidAt(4, sold(line("a", 1, 60), line("b", 1, 30))), saidAt(3, sold(line("c", 1, 90)))).want()
	if l.Order.Revision != 4 || len(l.Order.Lines) != 2 {
		t.Errorf("the order is %+v", l.Order)
	}
}

// An earlier content, or an earlier time, that comes late corrects what is posted.
func TestRule8LateContent(t *testing.T) {
	l := opened(t, half).keep(saidAt(2, sold(line("a", 1, 60)))).want("A a earn 30 +0d order")
	l.keep(sold(line("a", 1, 100))).want("A a earn 20 +0d order#2", "A a reverse -20 +2d content")
	early := sold(line("a", 1, 10))
	early.Time, early.Said = after(-40), after(-40)
	l.keep(early).want("A a earn 5 +-40d order#3", "A a earn 45 +0d content", "A a earn -50 +0d order#4")

	// The earliest time holds, whichever content tells it.
	told := saidAt(2, sold(line("a", 1, 60)))
	told.Time = after(-1)
	opened(t, half).keep(sold(line("a", 1, 100)), told).want("A a earn 50 +-1d order", "A a reverse -20 +2d content")
}

func TestRule8OtherCurrency(t *testing.T) {
	dollars := saidAt(1, sold(line("a", 1, 90)))
	dollars.Order.Currency = "USD"
	l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(0, shop.Refund{ID: "r", Currency: "GBP", Amount: 5}))
	if l.settle(); l.Posted[0].Currency != "EUR" || len(l.Posted) != 1 {
		t.Errorf("posted %+v", l.Posted)
	}
	if odd, err := Uncounted(l.Case); err != nil || len(odd) != 1 || odd[0] != "refund:r" {
		t.Errorf("uncounted is %v, %v", odd, err)
	}
	l.keep(dollars).settle()
	if got := totals(l.Posted, func(e ledger.Entry) string { return e.Currency }); !maps.Equal(got, map[string]int64{"USD": 45}) {
		t.Errorf("the sums are %v", got)
	}
}

func TestRule4ChangedWinner(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(40, shop.Refund{ID: "r", Amount: 20})).
		want("A a earn 50 +0d order", "A a reverse -10 +40d refund")
	l.Decisions = append(l.Decisions, automatic("d2", "B", 3))
	l.want("A a reverse -50 +0d d2", "B a earn 50 +0d order", "A a reverse 10 +40d d2#2", "B a reverse -10 +40d refund")
	l.Decisions = append(l.Decisions, automatic("d3", "", 4))
	l.want("B a reverse -50 +0d d3", "B a reverse 10 +40d d3#2")
	l.Decisions = append(l.Decisions, automatic("d4", "A", 5))
	l.want("A a reverse 50 +0d d2#3", "A a reverse -10 +40d d2#4")
	if got := totals(l.Posted, func(e ledger.Entry) string { return e.Affiliate + string(e.Kind) }); !maps.Equal(got, map[string]int64{"Aearn": 50, "Areverse": -10, "Bearn": 50, "Breverse": -50}) {
		t.Errorf("the sums are %v", got)
	}
}

// A decision by hand moves what there is from its time on, and holds.
func TestRule3DecisionByHand(t *testing.T) {
	own := ledger.Rule{ID: "own", Affiliate: "B", Kind: ledger.Percent, Rate: 400_000}
	l := opened(t, half, own).keep(sold(line("a", 1, 100)), refunded(5, shop.Refund{ID: "r", Amount: 20}), disputed(6, "x", shop.Disputed))
	l.settle()
	l.Decisions = append(l.Decisions, byHand("m1", "B", 10))
	l.want("A a dispute_release 40 +10d m1", "A a reverse -40 +10d m1", "B a dispute_hold -32 +10d m1", "B a earn 32 +10d m1")
	l.keep(disputed(12, "x", shop.Won), refunded(13, shop.Refund{ID: "r2", Amount: 30})).want("B a dispute_release 32 +12d dispute", "B a reverse -12 +13d refund")
	l.Decisions = append(l.Decisions, byHand("m2", "", 14))
	l.want("B a reverse -20 +14d m2")

	// Of before the order: nobody else ever had it.
	l = opened(t, half)
	l.Decisions = append(l.Decisions, byHand("m", "B", -1), automatic("d2", "A", 2))
	l.keep(sold(line("a", 1, 100))).want("B a earn 50 +0d order")
	l = opened(t, half)
	l.Decisions = append(l.Decisions, byHand("m1", "C", -2), byHand("m2", "B", 0))
	l.keep(sold(line("a", 1, 100))).want("B a earn 50 +0d order")
}

func TestRule13Disputes(t *testing.T) {
	begin := func() *ledgerOf {
		l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(1, shop.Refund{ID: "r1", Amount: 20}))
		l.settle()
		return l.keep(disputed(2, "x", shop.Disputed)).want("A a dispute_hold -40 +2d dispute")
	}
	begin().keep(disputed(3, "x", shop.Won)).want("A a dispute_release 40 +3d dispute")
	begin().keep(disputed(3, "x", shop.Lost)).want("A a dispute_release 40 +3d dispute", "A a reverse -40 +3d dispute")

	l := begin().keep(refunded(3, shop.Refund{ID: "r2", Amount: 30})).want("A a dispute_release 15 +3d refund", "A a reverse -15 +3d refund")
	l.keep(disputed(4, "y", shop.Disputed)).want() // all is held already
	l.keep(disputed(5, "x", shop.Won)).want()
	l.keep(disputed(6, "y", shop.Lost)).want("A a dispute_release 25 +6d dispute", "A a reverse -25 +6d dispute")
	l.keep(refunded(7, shop.Refund{ID: "r3", Full: true})).want()
	// The bank thinks again.
	l = begin().keep(disputed(5, "x", shop.Lost))
	l.settle()
	l.keep(disputed(9, "x", shop.Won)).want("A a earn 40 +9d dispute")
	// Paddle's: what was warned of is lost, and comes back in the end.
	l = begin().keep(disputed(6, "y", shop.Lost), disputed(6, "x", shop.Won)).want("A a dispute_release 40 +6d dispute", "A a reverse -40 +6d dispute")
	l.keep(disputed(9, "y", shop.Won)).want("A a earn 40 +9d dispute")

	// In any order: what ended does not begin again.
	opened(t, half).keep(disputed(3, "x", shop.Won), disputed(4, "x", shop.Disputed), sold(line("a", 1, 100))).want("A a earn 50 +0d order")
}

// Entries that come before the order, by arrival or by a wrong clock.
func TestRule11BeforeTheOrder(t *testing.T) {
	l := opened(t, half).keep(refunded(-2, shop.Refund{ID: "r", Amount: 20}), refunded(3, shop.Refund{ID: "q", Amount: 30})).want()
	if l.Order.Known || !l.Order.Time.Equal(after(-2)) {
		t.Errorf("the order is %+v", l.Order)
	}
	l.keep(sold(line("a", 1, 100))).want("A a earn 50 +0d order", "A a reverse -10 +0d refund", "A a reverse -15 +3d refund")
}

// What is earned can be paid when the hold is over, what is taken back then or
// at once.
func TestRule12Available(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(5, shop.Refund{ID: "r", Amount: 20}), refunded(40, shop.Refund{ID: "q", Amount: 20}))
	l.settle()
	l.Program.Hold = 10 // does not change what is posted
	l.want()
	for i, days := range []int{30, 30, 40} {
		if e := l.Posted[i]; !e.Available.Equal(after(days)) {
			t.Errorf("%s is available at %v, want %v", e.Cause, e.Available, after(days))
		}
	}
	l.keep(saidAt(-1, sold(line("a", 1, 60)))).settle() // a correction is as late as what it corrects
	if e := l.Posted[4]; e.Cause != "order#2" || !e.Available.Equal(after(30)) {
		t.Errorf("the correction is %+v", e)
	}
}

// One who was paid and loses the order gets a negative balance.
func TestRule12AfterPayout(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100)))
	l.settle()
	l.Posted[0].Payout = "p1"
	before := slices.Clone(l.Posted)
	l.keep(refunded(60, shop.Refund{ID: "r", Amount: 30})).want("A a reverse -15 +60d refund")
	if !slices.Equal(l.Posted[:1], before) || l.Posted[1].Payout != "" || !l.Posted[1].Available.Equal(after(60)) {
		t.Errorf("posted %+v", l.Posted)
	}
}

// Other people's entries of the order, by hand, are not in the way.
func TestSettleLeavesManualEntries(t *testing.T) {
	l := opened(t, half)
	l.Posted = []ledger.Entry{{ID: "m", Program: "courses", Affiliate: "A", Order: "o1", Line: "a", Kind: ledger.Manual, Amount: 7, Cause: "order", Currency: "EUR", Occurred: ordered}}
	l.keep(sold(line("a", 1, 100))).want("A a earn 50 +0d order")
}

// Ledger is what the entries add up to.
func TestLedger(t *testing.T) {
	l := opened(t, half).keep(sold(line("a", 1, 100)), refunded(3, shop.Refund{ID: "r#1", Amount: 30}), refunded(3, shop.Refund{ID: "r#2", Amount: 30}))
	l.settle()
	canon, err := Ledger(l.Case)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(canon, func(a, b ledger.Entry) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Cause, b.Cause))
	})
	posted := slices.Clone(l.Posted)
	for i := range posted {
		posted[i].ID = ""
	}
	if len(canon) != 3 || !slices.Equal(posted, canon) || canon[1].Rule != "half" || canon[1].Product != "a" {
		t.Errorf("the ledger is %+v\nposted %+v", canon, posted)
	}
}
