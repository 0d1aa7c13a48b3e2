package affiliate_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/money"
	"footfall/shop"
)

// browser is an order event as a page sends it, which anybody can.
func browser(id, properties string, change func(e *event.Event)) event.Event {
	e := event.Event{ID: id, Site: "two", Kind: event.Track, Name: "Order Completed", Time: noon, Original: noon, Properties: properties}
	if change != nil {
		change(&e)
	}
	return e
}

// TestOneOrderStopsNothing: amounts beyond all counting earn nothing and are
// flagged, and what comes with them is taken.
func TestOneOrderStopsNothing(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.TrustEvents = true })
	if _, err := d.AddRule(t.Context(), ledger.Rule{Program: d.program.ID, Kind: ledger.PerUnit, Amount: money.Max, Currency: "EUR", From: noon}); err != nil {
		t.Fatal(err)
	}
	d.write(browser("huge", `{"order_id":"1","currency":"EUR","coupon":"anna15","products":[{"product_id":"p","price":1,"quantity":900000000}]}`, nil), click("c", "v", "ben", noon))
	flags, err := d.Flags(t.Context(), d.program.ID)
	if err != nil || len(flags) != 1 || flags[0].Type != "amount_unclear" || d.earned(d.anna) != 0 {
		t.Errorf("%+v, %v, earned %d", flags, err, d.earned(d.anna))
	}
	if taken := d.take(order("2", "v", 10000, noon.Add(time.Minute))); taken.Decision.Affiliate != d.ben.ID {
		t.Errorf("the click that came with it: %+v", taken.Decision)
	}
}

// TestStoreIsTheSitesOwn: nobody names an order of another site.
func TestStoreIsTheSitesOwn(t *testing.T) {
	d := openDesk(t, nil)
	d.take(order("1", "", 10000, noon, "anna15"))
	theirs := refund("1", "r", 10000, noon.Add(time.Minute))
	theirs.Site, theirs.Store = "one", "two"
	d.take(theirs)
	if d.earned(d.anna) != 5000 {
		t.Errorf("a refund by another site's key took it: %d", d.earned(d.anna))
	}
}

// TestReportStaysAsItIs: a report is the sender's own, who may send it again.
func TestReportStaysAsItIs(t *testing.T) {
	d := openDesk(t, nil)
	r := order("1", "", 10000, noon, "anna15")
	r.Store, r.Order.Currency, r.Names = "eu", "", []ledger.Name{{Kind: "invoice", Value: "in_1"}}
	for again := range 3 {
		taken := d.take(r)
		if taken.Duplicate != (again > 0) || taken.Order.Store != "two/eu" || r.Store != "eu" || r.Order.Currency != "" || r.Names[0].Store != "" {
			t.Errorf("%d: %+v, the report is %+v", again, taken.Order, r)
		}
	}
	refunded := refund("", "r", 10000, noon.Add(time.Minute))
	refunded.Store, refunded.Names = "eu", r.Names
	if d.take(refunded); d.earned(d.anna) != 0 {
		t.Errorf("a refund by the invoice left %d", d.earned(d.anna))
	}
}

// TestRule7WhatBrowsersSay: what only a browser says binds no customer, takes no
// first order's place, and puts no keys or address before the shop's own.
func TestRule7WhatBrowsersSay(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Bind = ledger.BindCustomer })
	d.write(click("b", "evil", "ben", noon.Add(-time.Hour)),
		browser("bind", `{"order_id":"fake","revenue":1,"currency":"EUR","email":"kim@example.org"}`, func(e *event.Event) { e.AnonymousID, e.Time = "evil", noon.Add(-30*time.Minute) }),
		browser("squat", `{"order_id":"2","revenue":1,"currency":"EUR","email":"else@example.org"}`, func(e *event.Event) { e.AnonymousID = "evil" }))
	kim := order("1", "kim", 10000, noon)
	kim.Email = "kim@example.org"
	if taken := d.take(kim); taken.Decision.Affiliate != "" {
		t.Errorf("bound by a browser's order: %+v", taken.Decision)
	}
	d.write(click("a", "own", "anna", noon.Add(-10*time.Minute)), click("b2", "evil", "ben", noon.Add(-5*time.Minute)))
	own := order("2", "own", 10000, noon.Add(time.Minute))
	own.Email = "Anna+x@example.com"
	taken := d.take(own)
	if taken.Decision.Affiliate != d.anna.ID {
		t.Fatalf("the shop's own keys don't decide: %+v", taken.Decision)
	}
	flags, err := d.Flags(t.Context(), d.program.ID)
	if err != nil || len(flags) != 1 || flags[0].Type != "self_referral" {
		t.Errorf("the affiliate's own purchase: %+v, %v", flags, err)
	}
}

// TestFirstOrdersOnly: of a customer that a shop knows by id alone the first
// order earns, whatever came in which order; what cost nothing is none.
func TestFirstOrdersOnly(t *testing.T) {
	d := openDesk(t, nil)
	if _, err := d.AddRule(t.Context(), ledger.Rule{Program: d.program.ID, Kind: ledger.Percent, Rate: money.PPM / 2, Recurring: 1, From: noon.Add(-48 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 1, 2, 0} {
		r := order(fmt.Sprint(n), "", int64(10000*min(n, 1)), noon.Add(time.Duration(n)*time.Hour), "anna15")
		r.User = "ctm_1"
		d.take(r)
	}
	if d.earned(d.anna) != 5000 {
		t.Errorf("three orders and a trial earned %d", d.earned(d.anna))
	}
}

// TestRule3BindingInAnyOrder: the customer's first order binds the second also if
// it comes later.
func TestRule3BindingInAnyOrder(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Bind = ledger.BindCustomer })
	d.write(click("a", "v", "anna", noon.Add(-time.Hour)))
	first, second := order("1", "v", 10000, noon), order("2", "w", 10000, noon.Add(time.Hour))
	first.Email, second.Email = "kim@example.org", "kim@example.org"
	d.take(second)
	d.take(first)
	if d.earned(d.anna) != 10000 {
		t.Errorf("earned %d", d.earned(d.anna))
	}
}

// TestRule2SharedAddress: who opens an address with somebody's click id is not
// that person.
func TestRule2SharedAddress(t *testing.T) {
	const cid = "01ARYZ6S41TSV4RRFFQ69G5FAV"
	d := openDesk(t, nil)
	page := func(id, visitor, search string, at time.Time) event.Event {
		e := click(id, visitor, "", at)
		e.Search = search
		return e
	}
	d.write(event.Event{ID: "r", Site: "one", Kind: event.Track, Name: "Affiliate Link Clicked", Time: noon.Add(-3 * time.Hour), Original: noon, Properties: `{"affiliate_code":"anna","click_id":"` + cid + `"}`},
		page("k", "kim", "cid="+cid, noon.Add(-3*time.Hour)), page("l", "lee", "cid="+cid, noon.Add(-2*time.Hour)), page("m", "lee", "ref=ben", noon.Add(-time.Hour)))
	for n, carried := range []string{cid, ""} {
		r := order(fmt.Sprint(n), "kim", 10000, noon)
		r.Click = carried
		if taken := d.take(r); taken.Decision.Affiliate != d.anna.ID {
			t.Errorf("with the click %q: %+v", carried, taken.Decision)
		}
	}
}

// TestRule15HeldOfWhom: a flag holds what its affiliate has, not who has the
// order next, and never what comes back.
func TestRule15HeldOfWhom(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Second)))
	taken := d.take(order("1", "v", 10000, noon))
	flags, _ := d.Flags(t.Context(), d.program.ID)
	if _, err := d.Judge(t.Context(), flags[0].ID, ledger.Confirmed, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Assign(t.Context(), taken.Order.ID, d.ben.ID, "me", "it was Ben"); err != nil {
		t.Fatal(err)
	}
	if b := d.balance(d.ben); b.Held != 0 || b.Pending != 5000 {
		t.Errorf("ben: %+v", b)
	}
	d = openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Second)))
	d.take(order("1", "v", 10000, noon))
	d.take(order("2", "", 20000, noon, "anna15"))
	flags, _ = d.Flags(t.Context(), d.program.ID)
	_, err := d.Judge(t.Context(), flags[0].ID, ledger.Cleared, "me")
	d.now = noon.Add(31 * 24 * time.Hour)
	d.payOut()
	_, again := d.Judge(t.Context(), flags[0].ID, ledger.Confirmed, "me")
	if err := errors.Join(err, again); err != nil {
		t.Fatal(err)
	}
	d.take(refund("1", "r", 10000, d.now.Add(-time.Minute)))
	d.take(order("3", "", 30000, noon.Add(time.Hour), "anna15"))
	if next := d.payOut(); len(next) != 1 || next[0].Amount != 10000 {
		t.Errorf("what was paid and taken back is not in the next payout: %+v", next)
	}
}

// TestRule16ApprovedIsFixed: where an approved payout goes is what it was, and
// nothing is paid ahead.
func TestRule16ApprovedIsFixed(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Hold = 0 })
	if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.Payout = "IBAN-ANNA" }); err != nil {
		t.Fatal(err)
	}
	d.take(order("1", "", 10000, noon.Add(-time.Hour), "anna15"))
	if _, err := d.Propose(t.Context(), d.program.ID, d.now.Add(time.Minute)); err == nil {
		t.Error("a payout is proposed ahead")
	}
	proposals, err := d.Propose(t.Context(), d.program.ID, d.now)
	if err != nil || len(proposals) != 1 {
		t.Fatal(proposals, err)
	}
	if _, err := d.Approve(t.Context(), d.program.ID, d.now, affiliate.Exactly(proposals[0].Payout)); err != nil {
		t.Fatal(err)
	}
	var before, after bytes.Buffer
	err = d.ExportPayouts(t.Context(), &before, "csv", d.program.ID)
	if _, alter := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.Payout, a.Name = "IBAN-THIEF", "Thief" }); errors.Join(err, alter) != nil {
		t.Fatal(err, alter)
	}
	if err := d.ExportPayouts(t.Context(), &after, "csv", d.program.ID); err != nil || after.String() != before.String() || !strings.Contains(after.String(), "IBAN-ANNA") {
		t.Errorf("%v\n%s\nwas\n%s", err, after.String(), before.String())
	}
}

// TestRule19AddressesAsIds: a user id that is an address is kept as a hash, and
// still finds its own.
func TestRule19AddressesAsIds(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "phone", "anna", noon.Add(-time.Hour)),
		event.Event{ID: "i", Site: "one", Kind: event.Identify, Time: noon.Add(-time.Hour), Original: noon, AnonymousID: "phone", UserID: "Kim@example.org"})
	r := order("1", "", 10000, noon)
	r.User = "kim@example.org"
	taken := d.take(r)
	if taken.Decision.Affiliate != d.anna.ID || strings.Contains(strings.ToLower(fmt.Sprint(taken.Order)), "kim") {
		t.Errorf("%+v", taken)
	}
}

// TestTimesAhead: an order of next year is refused.
func TestTimesAhead(t *testing.T) {
	d := openDesk(t, nil)
	_, err := d.Take(t.Context(), order("1", "", 10000, noon.AddDate(1, 0, 0), "anna15"))
	var invalid *shop.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "time" {
		t.Error(err)
	}
}

// TestBegin: from where on the queue is read is kept once.
func TestBegin(t *testing.T) {
	d := openDesk(t, nil)
	for _, seq := range []uint64{5, 9} {
		if err := d.Begin(t.Context(), event.Position{Epoch: 1, Seq: seq}); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := d.Position(t.Context()); err != nil || at.Seq != 5 {
		t.Errorf("%+v, %v", at, err)
	}
}
