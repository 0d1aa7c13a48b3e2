package affiliate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// stripe is a report as Stripe's messages make them: of an order with names.
func stripe(r shop.Report, number string, names ...string) shop.Report {
	r.Number, r.Names = number, nil
	for i := 0; i < len(names); i += 2 {
		r.Names = append(r.Names, ledger.Name{Kind: names[i], Value: names[i+1]})
	}
	r.From = shop.FromStripe
	return r
}

// subscription is what Stripe tells of a subscription's first payment: a refund
// that knows the payment alone, a checkout that knows the invoice alone, the
// invoice, which knows both, and a dispute that knows the charge.
func subscription() map[string]shop.Report {
	given := refund("", "ch_1", 4000, noon.Add(time.Hour))
	given.Refund.Cumulative = true
	disputed := shop.Report{Site: "two", Time: noon.Add(2 * time.Hour), Verified: true, Dispute: &shop.Dispute{ID: "dp_1", State: shop.Disputed}}
	invoice := order("", "", 10000, noon.Add(time.Minute), "anna15")
	invoice.Order.Lines[0].ID = "il_1"
	return map[string]shop.Report{
		"refund":   stripe(given, "", "payment_intent", "pi_1", "charge", "ch_1"),
		"checkout": stripe(order("", "visitor", 9999, noon), "in_1", "checkout", "cs_1", "invoice", "in_1"),
		"invoice":  stripe(invoice, "in_1", "invoice", "in_1", "payment_intent", "pi_1"),
		"dispute":  stripe(disputed, "", "charge", "ch_1"),
	}
}

// orderings are all orders of some words.
func orderings(words []string) (all [][]string) {
	if len(words) == 0 {
		return [][]string{nil}
	}
	for i, word := range words {
		rest := append(append([]string{}, words[:i]...), words[i+1:]...)
		for _, behind := range orderings(rest) {
			all = append(all, append([]string{word}, behind...))
		}
	}
	return all
}

// TestNamesOfOneOrder: what comes under one of an order's names before anybody
// knows that it is one is of that order, whatever comes first.
func TestNamesOfOneOrder(t *testing.T) {
	reports := subscription()
	for _, arrival := range orderings([]string{"refund", "checkout", "invoice", "dispute"}) {
		t.Run(fmt.Sprint(arrival), func(t *testing.T) {
			d := openDesk(t, nil)
			d.write(click("c", "visitor", "anna", noon.Add(-time.Hour)))
			for _, what := range arrival {
				d.take(reports[what])
			}
			d.oneOrder(reports)
			if b := d.balance(d.anna); b.Held != 3000 || b.Disputed != 3000 || b.Earned != 0 {
				t.Errorf("%+v, want half of what was not given back, all of it held by the dispute", b)
			}
			for what, r := range reports {
				if taken := d.take(r); !taken.Duplicate {
					t.Errorf("the %s again: %+v", what, taken)
				}
			}
		})
	}
}

// oneOrder checks that all reports are of the only order.
func (d *desk) oneOrder(reports map[string]shop.Report) {
	d.t.Helper()
	orders, err := d.Orders(d.t.Context(), ledger.OrderFilter{Program: d.program.ID})
	if err != nil || len(orders) != 1 {
		d.t.Fatalf("%d orders, %v: %+v", len(orders), err, orders)
	}
	o := orders[0]
	if !o.Known || o.Number != "in_1" || o.Affiliate != d.anna.ID || len(o.Lines) != 1 || o.Lines[0].Net != 10000 || !strings.Contains(fmt.Sprint(o.Keys), "anon:visitor") {
		d.t.Errorf("%+v", o)
	}
	err = d.book.View(d.t.Context(), func(tx ledger.Tx) error {
		facts, err := tx.Orders().Facts().Of(o.ID)
		if len(facts) != len(reports) {
			d.t.Errorf("%d facts of %d", len(facts), len(reports))
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestNamesOfTwoUnknownOrders: of two of which no content came the one that began
// first is kept, and has what was known of both.
func TestNamesOfTwoUnknownOrders(t *testing.T) {
	for _, later := range []time.Duration{-time.Hour, time.Hour} {
		d := openDesk(t, nil)
		d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
		numbered, named := stripe(refund("", "r1", 1000, noon), "7", "invoice", "in_7"), stripe(refund("", "r2", 500, noon), "", "charge", "ch_1")
		numbered.Email, numbered.Anonymous = "Carol@example.com", "v"
		first := d.take(numbered).Order
		d.now = noon.Add(later)
		second := d.take(named).Order
		both := d.take(stripe(refund("", "r3", 500, noon), "", "charge", "ch_1", "invoice", "in_7"))
		if o := both.Order; o.ID != min(first.ID, second.ID) || first.ID == second.ID || o.Number != "7" || o.Customer != first.Customer || first.Customer == "" || both.Duplicate {
			t.Errorf("%v later: %+v", later, o)
		}
		sold := d.take(stripe(order("", "", 10000, noon), "7"))
		if sold.Order.ID != both.Order.ID || d.earned(d.anna) != 4000 {
			t.Errorf("%v later: %+v, anna earned %d", later, sold.Order, d.earned(d.anna))
		}
	}
}

// TestTheSameAgainWithAnotherName: what was told already brings what was told
// under a name that is new to it.
func TestTheSameAgainWithAnotherName(t *testing.T) {
	d := openDesk(t, nil)
	d.take(order("1", "", 10000, noon, "anna15"))
	d.take(stripe(refund("", "r", 2000, noon), "", "payment_intent", "pi_1"))
	again := d.take(stripe(order("", "", 10000, noon, "anna15"), "1", "payment_intent", "pi_1"))
	if again.Duplicate || again.Order.Revision != 1 || d.earned(d.anna) != 4000 {
		t.Errorf("%+v, anna earned %d", again, d.earned(d.anna))
	}
}

// TestAnotherNumber: a number that came later leads to its order by itself.
func TestAnotherNumber(t *testing.T) {
	d := openDesk(t, nil)
	first := d.take(stripe(order("", "", 10000, noon, "anna15"), "cs_1", "payment_intent", "pi_1"))
	d.take(stripe(order("", "", 10000, noon, "anna15"), "in_1", "payment_intent", "pi_1", "invoice", "in_1"))
	for _, number := range []string{"in_1", "cs_1"} {
		if again := d.take(stripe(order("", "", 10000, noon, "anna15"), number)); again.Order.ID != first.Order.ID || again.Order.Number != "cs_1" || d.earned(d.anna) != 5000 {
			t.Errorf("%s: %+v, anna earned %d", number, again.Order, d.earned(d.anna))
		}
	}
}

// TestAssignWhatIsNotKnown: what is known by a refund alone is given to nobody by
// hand, so that it can become a part of its order.
func TestAssignWhatIsNotKnown(t *testing.T) {
	d := openDesk(t, nil)
	back := d.take(stripe(refund("", "r", 4000, noon), "", "charge", "ch_1")).Order
	var invalid *shop.InvalidError
	if _, err := d.Assign(t.Context(), back.ID, d.anna.ID, "me", "hers"); !errors.As(err, &invalid) || invalid.Field != "order" {
		t.Errorf("assigned: %v", err)
	}
	d.take(stripe(order("", "", 10000, noon, "anna15"), "1", "payment_intent", "pi_1"))
	both := d.take(stripe(refund("", "r", 4000, noon), "", "charge", "ch_1", "payment_intent", "pi_1"))
	if _, err := d.Assign(t.Context(), both.Order.ID, d.ben.ID, "me", "his"); err != nil || d.earned(d.anna)+d.earned(d.ben) != 3000 || d.earned(d.ben) != 3000 {
		t.Errorf("%v, anna %d, ben %d", err, d.earned(d.anna), d.earned(d.ben))
	}
}

// assignedBefore gives an order to an affiliate as was possible while nobody knew
// what was ordered.
func (d *desk) assignedBefore(o ledger.Order, a ledger.Affiliate, at time.Time) {
	d.t.Helper()
	made := ledger.Decision{ID: "by-hand-" + o.ID, Order: o.ID, Affiliate: a.ID, Rule: affiliate.RuleManual, Time: at, By: "me",
		Explain: []ledger.Candidate{{Kind: affiliate.KindManual, Affiliate: a.ID, Time: at, Kept: true, Reason: "hers"}}}
	o.Affiliate, o.Decision, o.Rule = a.ID, made.ID, made.Rule
	err := d.book.Change(d.t.Context(), func(tx ledger.Tx) error {
		return errors.Join(tx.Orders().Facts().Decide(made), tx.Orders().Put(o))
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestAssignedBeforeItWasKnown: what somebody decided of a refund or dispute of which
// nobody knew the order holds for the order that it turns out to be part of,
// whatever was decided of that by the rules; of two by hand the later one does.
func TestAssignedBeforeItWasKnown(t *testing.T) {
	sold := stripe(order("", "", 10000, noon, "ben15"), "1", "payment_intent", "pi_1")
	part, both := stripe(refund("", "r", 4000, noon), "", "charge", "ch_1"), stripe(refund("", "r", 4000, noon), "", "charge", "ch_1", "payment_intent", "pi_1")
	other := stripe(refund("", "r2", 2000, noon), "", "payment_intent", "pi_1")
	for name, c := range map[string]struct {
		story     func(d *desk, early, late time.Time)
		anna, ben int64
	}{
		"beside the order": {func(d *desk, early, _ time.Time) {
			d.assignedBefore(d.take(part).Order, d.anna, early)
			d.take(sold)
			d.take(both)
		}, 3000, 0},
		"before another part": {func(d *desk, early, _ time.Time) {
			d.take(other)
			d.assignedBefore(d.take(part).Order, d.anna, early)
			d.take(both)
			d.take(sold)
		}, 2000, 0},
		"both parts, the first one last": {func(d *desk, early, late time.Time) {
			d.assignedBefore(d.take(other).Order, d.ben, late)
			d.assignedBefore(d.take(part).Order, d.anna, early)
			d.take(both)
			d.take(sold)
		}, 0, 2000},
		"the order by hand since": {func(d *desk, early, _ time.Time) {
			d.assignedBefore(d.take(part).Order, d.anna, early)
			if _, err := d.Assign(d.t.Context(), d.take(sold).Order.ID, d.ben.ID, "me", "his"); err != nil {
				d.t.Fatal(err)
			}
			d.take(both)
		}, 0, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, nil)
			h := d.hooked(affiliate.OrderAttributed)
			d.now = noon.Add(3 * time.Hour)
			c.story(d, noon.Add(time.Hour), noon.Add(2*time.Hour))
			taken := d.take(sold)
			owner := map[bool]ledger.Affiliate{true: d.anna, false: d.ben}[c.anna > 0]
			if o := taken.Order; o.Affiliate != owner.ID || o.Rule != affiliate.RuleManual || !taken.Duplicate || d.earned(d.anna) != c.anna || d.earned(d.ben) != c.ben {
				t.Errorf("%+v; anna earned %d, ben %d", o, d.earned(d.anna), d.earned(d.ben))
			}
			told := d.told(h)
			if n := len(told); n == 0 && name == "beside the order" || n > 0 && told[n-1].Data.Affiliate.ID != owner.ID { // of two parts the one that is kept may have been given already
				t.Errorf("told %s", d.spelled(told))
			}
		})
	}
}

// TestNamesOfTwoKnownOrders: two orders that both have contents stay two.
func TestNamesOfTwoKnownOrders(t *testing.T) {
	d := openDesk(t, nil)
	d.take(stripe(order("", "", 10000, noon, "anna15"), "1", "charge", "ch_1"))
	d.take(stripe(order("", "", 10000, noon, "ben15"), "2", "charge", "ch_2"))
	_, err := d.Take(t.Context(), stripe(refund("", "r", 1000, noon), "1", "charge", "ch_2"))
	var invalid *shop.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "order_id" || d.earned(d.anna) != 5000 || d.earned(d.ben) != 5000 {
		t.Errorf("%v, anna %d, ben %d", err, d.earned(d.anna), d.earned(d.ben))
	}
}

// TestUnclearRefundHolds: a refund that nobody can count raises a flag, once,
// which holds until somebody clears it (law 5).
func TestUnclearRefundHolds(t *testing.T) {
	d := openDesk(t, nil)
	unclear := refund("1", "r/9", 1000, noon.Add(time.Minute))
	unclear.Refund.Currency = "USD"
	d.take(unclear)
	if flags := d.flags(); len(flags) != 0 {
		t.Fatalf("before anybody earns: %+v", flags)
	}
	d.take(order("1", "", 10000, noon, "anna15"))
	d.take(refund("1", "r2", 2000, noon.Add(time.Hour)))
	flags := d.flags()
	if len(flags) != 1 || flags[0].Type != affiliate.RefundUnclear || flags[0].Affiliate != d.anna.ID || flags[0].State != ledger.Open || flags[0].Created.IsZero() ||
		!strings.Contains(flags[0].Evidence, "refund:r/9") || d.balance(d.anna).Held != 4000 {
		t.Fatalf("%+v, %+v", flags, d.balance(d.anna))
	}
	if _, err := d.Judge(t.Context(), flags[0].ID, ledger.Cleared, "me"); err != nil {
		t.Fatal(err)
	}
	d.take(refund("1", "r3", 2000, noon.Add(2*time.Hour)))
	if flags := d.flags(); len(flags) != 1 || flags[0].State != ledger.Cleared || d.balance(d.anna).Pending != 3000 {
		t.Errorf("after it was cleared: %+v, %+v", flags, d.balance(d.anna))
	}
	other := unclear
	other.Refund = &shop.Refund{ID: "r/10", Currency: "USD", Amount: 1}
	if d.take(other); len(d.flags()) != 2 || d.balance(d.anna).Held != 3000 {
		t.Errorf("another one: %+v, %+v", d.flags(), d.balance(d.anna))
	}
}

// TestUnclearRefundFollows: who has the order next is held by it as well.
func TestUnclearRefundFollows(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	d.now = noon.Add(time.Hour)
	unclear := refund("1", "r", 4000, d.now)
	unclear.Refund.Currency = "USD"
	d.take(unclear)
	d.write(click("c2", "v", "ben", noon.Add(-time.Minute)))
	if anna, ben := d.balance(d.anna), d.balance(d.ben); anna.Earned != 0 || ben.Earned != 5000 || ben.Held != 5000 {
		t.Errorf("anna %+v, ben %+v", anna, ben)
	}
	d.now = noon.AddDate(0, 0, 31)
	if made := d.payOut(); len(made) > 0 {
		t.Errorf("paid out: %+v", made)
	}
}

func (d *desk) flags() []ledger.Flag {
	d.t.Helper()
	all, err := d.Flags(d.t.Context(), d.program.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// TestRule15Settings: hosts that are banned are kept as referrers are.
func TestRule15Settings(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Banned = []string{" WWW.Deals.example", "coupons.example", "deals.EXAMPLE"} })
	if got := fmt.Sprint(d.program.Banned); got != "[coupons.example deals.example]" {
		t.Errorf("banned: %s", got)
	}
	var invalid *shop.InvalidError
	for _, host := range []string{"", "https://deals.example", "deals.example/all", "deals.example:80", "ann@deals.example", "deals.example."} {
		p := d.program
		p.Banned = []string{host}
		if _, err := d.PutProgram(t.Context(), p); !errors.As(err, &invalid) || invalid.Field != "banned_hosts" {
			t.Errorf("%q: %v", host, err)
		}
	}
	long := strings.Repeat("x", 513)
	if _, err := d.Join(t.Context(), ledger.Affiliate{Program: d.program.ID, Email: "c@example.com", Name: "c", Status: ledger.Active, User: long}); !errors.As(err, &invalid) || invalid.Field != "user_id" {
		t.Errorf("a long user id: %v", err)
	}
	if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.User = long }); !errors.As(err, &invalid) || invalid.Field != "user_id" {
		t.Errorf("a long user id: %v", err)
	}
}

// TestRule15FromTheDesk: an own log-in, a banned site and an advertisement raise
// flags on the order that they led to.
func TestRule15FromTheDesk(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Banned = []string{"deals.example"} })
	if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.User = "7" }); err != nil {
		t.Fatal(err)
	}
	e := click("c", "v", "anna", noon.Add(-time.Hour))
	e.Referrer, e.Search = "https://www.deals.example/", e.Search+"&gclid=x"
	d.write(e)
	r := order("1", "v", 10000, noon)
	r.User = "7"
	d.take(r)
	types := map[string]bool{}
	for _, f := range d.flags() {
		types[f.Type] = true
	}
	if len(types) != 3 || !types[affiliate.SelfReferral] || !types[affiliate.BannedReferrer] || !types[affiliate.PaidSearch] {
		t.Errorf("%v", types)
	}
}

// TestRule3CouponOfTheSession: a payment service tells of one order by several
// messages, of which the one that holds may name no coupon: Stripe's newer
// invoices don't, and the checkout's session does. What a shop itself says is all
// there is to say.
func TestRule3CouponOfTheSession(t *testing.T) {
	for from, want := range map[string]int64{shop.FromStripe: 5000, shop.FromAPI: 0} {
		session, invoice := order("in_1", "", 11000, noon, "anna15"), order("in_1", "", 10000, noon)
		session.From, invoice.From = from, from
		invoice.Said = noon.Add(time.Minute)
		for _, turn := range [][]shop.Report{{session, invoice}, {invoice, session}} {
			d := openDesk(t, nil)
			d.now = noon.Add(time.Hour)
			for _, r := range turn {
				d.take(r)
			}
			if got := d.earned(d.anna); got != want {
				t.Errorf("%s, first said %v: earned %d, want %d", from, turn[0].Said, got, want)
			}
		}
	}
}

// TestRule15OwnCustomer: an affiliate who buys by the own link is seen also where
// only what is linked to the order says who bought, whenever it is told, and
// where the shop's user ids are addresses.
func TestRule15OwnCustomer(t *testing.T) {
	known := func(visitor, user string) event.Event {
		return event.Event{ID: visitor + user, Site: "one", Kind: event.Identify, Time: noon.Add(-time.Minute), AnonymousID: visitor, UserID: user}
	}
	bought := order("1", "", 10000, noon, "anna15")
	bought.User = "Anna+courses@example.com"
	for name, x := range map[string]struct {
		before, after []event.Event
		order         shop.Report
		want          int
	}{
		"a log-in of the browser":    {[]event.Event{click("c", "v", "anna", noon.Add(-time.Hour)), known("v", "7")}, nil, order("1", "v", 10000, noon), 1},
		"told late":                  {[]event.Event{click("c", "v", "anna", noon.Add(-time.Hour))}, []event.Event{known("v", "7")}, order("1", "v", 10000, noon), 1},
		"with a coupon":              {[]event.Event{known("v", "7")}, nil, order("1", "v", 10000, noon, "anna15"), 1},
		"an address for a user's id": {nil, nil, bought, 1},
		"an address at the log-in":   {[]event.Event{known("v", "anna@example.com")}, nil, order("1", "v", 10000, noon, "anna15"), 1},
		"somebody else":              {[]event.Event{click("c", "v", "anna", noon.Add(-time.Hour)), known("v", "8")}, nil, order("1", "v", 10000, noon), 0},
	} {
		d := openDesk(t, nil)
		if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.User = "7" }); err != nil {
			t.Fatal(err)
		}
		d.write(x.before...)
		d.take(x.order)
		d.write(x.after...)
		n := 0
		for _, f := range d.flags() {
			if f.Type == affiliate.SelfReferral {
				n++
			}
		}
		if n != x.want || d.earned(d.anna) != 5000 {
			t.Errorf("%s: %d flags of self-referral, want %d; earned %d", name, n, x.want, d.earned(d.anna))
		}
	}
}
