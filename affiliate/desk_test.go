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
	"footfall/ledger/ledgertest"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
	"footfall/shop"
)

// desk is a programme of two sites at 50 %, with the affiliates anna and ben,
// who have a link and a coupon each, and a clock that stands.
type desk struct {
	*affiliate.Desk
	t         *testing.T
	book      ledger.Book
	program   ledger.Program
	anna, ben ledger.Affiliate
	now       time.Time
	erased    func(site string, k ledger.Key, at time.Time) bool
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func openDesk(t *testing.T, change func(p *ledger.Program)) *desk {
	t.Helper()
	return openDeskOn(t, ledgertest.NewMemory(), change)
}

func openDeskOn(t *testing.T, book ledger.Book, change func(p *ledger.Program)) *desk {
	t.Helper()
	d := &desk{t: t, book: book, now: noon}
	d.reopen()
	p := affiliate.Usual()
	p.Name, p.Sites, p.MinPayout = "Courses", []string{"one", "two"}, map[string]int64{"EUR": 1000}
	if change != nil {
		change(&p)
	}
	var err error
	if d.program, err = d.PutProgram(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddRule(t.Context(), ledger.Rule{Program: d.program.ID, Kind: ledger.Percent, Rate: money.PPM / 2}); err != nil {
		t.Fatal(err)
	}
	d.anna, d.ben = d.join("anna"), d.join("ben")
	return d
}

// reopen makes a new Desk on the same ledger, as after a restart.
func (d *desk) reopen() {
	d.t.Helper()
	made, err := affiliate.Open(d.t.Context(), d.book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return d.now }, Erased: d.erased,
		Money: func(string) string { return "EUR" }, Hosts: func(site string) []string { return []string{site + ".example"} }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Desk = made
}

func (d *desk) join(name string) ledger.Affiliate {
	d.t.Helper()
	a, err := d.Join(d.t.Context(), ledger.Affiliate{Program: d.program.ID, Email: name + "@example.com", Name: name, Status: ledger.Active})
	if err == nil {
		_, err = d.AddCode(d.t.Context(), ledger.Code{Text: name, Affiliate: a.ID, Kind: ledger.LinkCode, Landing: "https://one.example/course"})
	}
	if err == nil {
		_, err = d.AddCode(d.t.Context(), ledger.Code{Text: name + "15", Affiliate: a.ID, Kind: ledger.CouponCode})
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// click is a page view that a link led to.
func click(id, visitor, code string, at time.Time) event.Event {
	return event.Event{ID: id, Site: "one", Kind: event.Page, Time: at, Original: at, Received: at, AnonymousID: visitor, Path: "/course", Search: "ref=" + code}
}

// order is a verified report of an order with one line.
func order(number, visitor string, net int64, at time.Time, coupons ...string) shop.Report {
	return shop.Report{Site: "two", Number: number, Time: at, Said: at, From: shop.FromAPI, Verified: true, Anonymous: visitor,
		Order: &shop.Order{Currency: "EUR", Lines: []ledger.Line{{ID: "1", Product: "course", Quantity: 1, Net: net}}, Coupons: coupons}}
}

func refund(number, id string, amount int64, at time.Time) shop.Report {
	return shop.Report{Site: "two", Number: number, Time: at, Said: at, From: shop.FromAPI, Verified: true,
		Refund: &shop.Refund{ID: id, Amount: amount}}
}

func (d *desk) write(events ...event.Event) {
	d.t.Helper()
	if err := d.Write(d.t.Context(), events, event.Position{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) take(r shop.Report) affiliate.Taken {
	d.t.Helper()
	taken, err := d.Take(d.t.Context(), r)
	if err != nil {
		d.t.Fatal(err)
	}
	return taken
}

// earned is the sum of an affiliate's commissions in EUR.
func (d *desk) earned(a ledger.Affiliate) int64 {
	d.t.Helper()
	return d.balance(a).Earned
}

func (d *desk) balance(a ledger.Affiliate) affiliate.Balance {
	d.t.Helper()
	all, err := d.Balances(d.t.Context(), d.program.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return all[a.ID]["EUR"]
}

func TestRule8AnOrderCountsOnce(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	first := d.take(order("1", "v", 10000, noon))
	if first.Duplicate || first.Decision.Affiliate != d.anna.ID || d.earned(d.anna) != 5000 {
		t.Fatalf("%+v, earned %d", first, d.earned(d.anna))
	}
	again := d.take(order("1", "v", 10000, noon))
	if !again.Duplicate || again.Order.ID != first.Order.ID || d.earned(d.anna) != 5000 {
		t.Errorf("the same again: %+v, earned %d", again, d.earned(d.anna))
	}
	changed := d.take(order("1", "v", 8000, noon.Add(time.Minute)))
	if changed.Duplicate || changed.Order.Revision != 2 || d.earned(d.anna) != 4000 {
		t.Errorf("another content: revision %d, earned %d", changed.Order.Revision, d.earned(d.anna))
	}
	if late := d.take(order("1", "v", 10000, noon)); late.Order.Lines[0].Net != 8000 || d.earned(d.anna) != 4000 {
		t.Errorf("the first content again: %+v, earned %d", late.Order.Lines, d.earned(d.anna))
	}
	_, err := d.Take(t.Context(), shop.Report{Site: "two", Time: noon, Order: &shop.Order{Lines: []ledger.Line{{ID: "1"}}}})
	var invalid *shop.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "order_id" {
		t.Errorf("without an order id: %v", err)
	}
	if nobody := d.take(order("2", "stranger", 10000, noon)); nobody.Decision.Affiliate != "" || nobody.Decision.Rule != affiliate.RuleNone {
		t.Errorf("nobody's order: %+v", nobody.Decision)
	}
}

func TestRule3ACouponGoesFirstAndNamesTheOther(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	taken := d.take(order("1", "v", 10000, noon, "BEN-15"))
	if taken.Decision.Affiliate != d.ben.ID || taken.Decision.Rule != affiliate.RuleCoupon || d.earned(d.ben) != 5000 || d.earned(d.anna) != 0 {
		t.Errorf("%+v, ben %d, anna %d", taken.Decision, d.earned(d.ben), d.earned(d.anna))
	}
	found := false
	for _, c := range taken.Decision.Explain {
		found = found || c.Affiliate == d.anna.ID && !c.Kept && c.Reason != ""
	}
	if !found {
		t.Errorf("the list does not name anna: %+v", taken.Decision.Explain)
	}
}

// TestRule4LateTouch: while the hold runs a late click moves the commission,
// afterwards it does not.
func TestRule4LateTouch(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("a", "v", "anna", noon.Add(-2*time.Hour)))
	taken := d.take(order("1", "v", 10000, noon))
	d.now = noon.Add(29 * 24 * time.Hour)
	d.write(click("b", "v", "ben", noon.Add(-time.Hour)))
	if d.earned(d.anna) != 0 || d.earned(d.ben) != 5000 {
		t.Errorf("a late click: anna %d, ben %d", d.earned(d.anna), d.earned(d.ben))
	}
	d.now = noon.Add(30 * 24 * time.Hour)
	d.write(click("c", "v", "anna", noon.Add(-time.Minute)))
	if d.earned(d.anna) != 0 || d.earned(d.ben) != 5000 {
		t.Errorf("a click after the hold: anna %d, ben %d", d.earned(d.anna), d.earned(d.ben))
	}
	if _, err := d.Assign(t.Context(), taken.Order.ID, d.anna.ID, "me", "agreed on the phone"); err != nil {
		t.Fatal(err)
	}
	if d.earned(d.anna) != 5000 || d.earned(d.ben) != 0 {
		t.Errorf("by hand: anna %d, ben %d", d.earned(d.anna), d.earned(d.ben))
	}
}

// TestRule4UnderWay: a click that waits in the queue while its order comes by
// another way counts also without a hold.
func TestRule4UnderWay(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Hold = 0 })
	d.take(order("1", "v", 10000, noon))
	d.take(order("2", "w", 10000, noon))
	d.now = noon.Add(time.Hour - time.Millisecond)
	d.write(click("a", "v", "anna", noon.Add(-time.Hour)))
	if d.earned(d.anna) != 5000 {
		t.Errorf("in time: anna earned %d", d.earned(d.anna))
	}
	d.now = noon.Add(time.Hour)
	d.write(click("b", "w", "anna", noon.Add(-time.Hour)))
	if d.earned(d.anna) != 5000 {
		t.Errorf("too late: anna earned %d", d.earned(d.anna))
	}
}

// TestRule2LateIdentify: who makes oneself known links the click to the order.
func TestRule2LateIdentify(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("a", "phone", "anna", noon.Add(-2*time.Hour)))
	r := order("1", "", 10000, noon)
	r.User = "u1"
	d.take(r)
	if d.earned(d.anna) != 0 {
		t.Fatal("nothing links the click to the order yet")
	}
	d.write(event.Event{ID: "i", Site: "one", Kind: event.Identify, Time: noon.Add(time.Hour), Original: noon, AnonymousID: "phone", UserID: "u1"})
	if d.earned(d.anna) != 5000 {
		t.Errorf("anna earned %d", d.earned(d.anna))
	}
}

// TestRule7Unverified: an order event of a browser earns nothing until the shop says the same.
func TestRule7Unverified(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)),
		event.Event{ID: "o", Site: "two", Kind: event.Track, Name: "Order Completed", Time: noon, Original: noon, AnonymousID: "v",
			Properties: `{"order_id":"1","revenue":999.99,"currency":"EUR"}`})
	orders, err := d.Orders(t.Context(), ledger.OrderFilter{Program: d.program.ID})
	if err != nil || len(orders) != 1 || orders[0].Verified || orders[0].Affiliate != d.anna.ID || d.earned(d.anna) != 0 {
		t.Fatalf("%+v, %v, earned %d", orders, err, d.earned(d.anna))
	}
	verified := d.take(order("1", "", 10000, noon))
	if !verified.Order.Verified || verified.Order.ID != orders[0].ID || d.earned(d.anna) != 5000 {
		t.Errorf("%+v, earned %d: the shop's own amount holds", verified.Order, d.earned(d.anna))
	}
}

// TestRule12RefundAfterPayout: what was paid stays as it was, and the next
// payout is less.
func TestRule12RefundAfterPayout(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	d.now = noon.Add(31 * 24 * time.Hour)
	paid := d.payOut()
	if len(paid) != 1 || paid[0].Amount != 5000 {
		t.Fatalf("%+v", paid)
	}
	before := d.rows(paid[0].ID)
	d.take(refund("1", "r", 4000, d.now))
	d.take(order("2", "v", 10000, noon.Add(5*24*time.Hour)))
	if b := d.balance(d.anna); b.Paid != 5000 || b.Available != -2000 || b.Pending != 5000 {
		t.Errorf("%+v", b)
	}
	d.now = noon.Add(60 * 24 * time.Hour)
	if next := d.payOut(); len(next) != 1 || next[0].Amount != 3000 {
		t.Errorf("the next payout: %+v", next)
	}
	if after := d.rows(paid[0].ID); after != before {
		t.Errorf("paid rows changed:\n%s\nwere\n%s", after, before)
	}
}

// rows are a payout's commissions.
func (d *desk) rows(payout string) string {
	d.t.Helper()
	all, err := d.Entries(d.t.Context(), ledger.EntryFilter{Program: d.program.ID, Payout: payout})
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprint(all)
}

// payOut pays what can be paid.
func (d *desk) payOut() []ledger.Payout {
	d.t.Helper()
	proposals, err := d.Propose(d.t.Context(), d.program.ID, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	var seen []ledger.Payout
	for _, p := range proposals {
		seen = append(seen, p.Payout)
	}
	made, err := d.Approve(d.t.Context(), d.program.ID, d.now, affiliate.Exactly(seen...))
	for _, p := range made {
		for _, to := range []ledger.PayoutState{ledger.Sent, ledger.Paid} {
			if err == nil {
				_, err = d.Advance(d.t.Context(), p.ID, to, "ref", "")
			}
		}
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// TestRule16Payouts: an entry is in one payout at most, what was not seen is not
// paid, a payout that fails lets go, and the file is the same again.
func TestRule16Payouts(t *testing.T) {
	d := openDesk(t, nil)
	d.take(order("1", "", 10000, noon, "anna15"))
	d.take(order("2", "", 1998, noon, "ben15")) // 9.99: less than the least
	d.now = noon.Add(30*24*time.Hour + time.Millisecond)
	proposals, err := d.Propose(t.Context(), d.program.ID, d.now)
	if err != nil || len(proposals) != 1 || proposals[0].Payout.Affiliate != d.anna.ID {
		t.Fatalf("%+v, %v", proposals, err)
	}
	d.take(refund("1", "r", 100, d.now.Add(-time.Minute)))
	if _, err := d.Approve(t.Context(), d.program.ID, d.now, affiliate.Exactly(proposals[0].Payout)); err == nil {
		t.Fatal("what was seen is not what would be paid, and it was approved")
	}
	proposals, _ = d.Propose(t.Context(), d.program.ID, d.now)
	made, err := d.Approve(t.Context(), d.program.ID, d.now, affiliate.Exactly(proposals[0].Payout))
	if err != nil || made[0].Amount != 4950 || d.balance(d.anna).InPayout != 4950 {
		t.Fatalf("%+v, %v, %+v", made, err, d.balance(d.anna))
	}
	if again, _ := d.Propose(t.Context(), d.program.ID, d.now); len(again) != 0 {
		t.Errorf("in two payouts: %+v", again)
	}
	var first, second bytes.Buffer
	if err := errors.Join(d.ExportPayouts(t.Context(), &first, "csv", d.program.ID), d.ExportPayouts(t.Context(), &second, "csv", d.program.ID)); err != nil ||
		!bytes.Equal(first.Bytes(), second.Bytes()) || !strings.Contains(first.String(), "49.50") {
		t.Errorf("%v\n%s\n%s", err, first.String(), second.String())
	}
	for _, to := range []ledger.PayoutState{ledger.Sent, ledger.Failed} {
		if _, err := d.Advance(t.Context(), made[0].ID, to, "", "account closed"); err != nil {
			t.Fatal(err)
		}
	}
	if b := d.balance(d.anna); b.Available != 4950 || b.InPayout != 0 {
		t.Errorf("after it failed: %+v", b)
	}
	if again := d.payOut(); len(again) != 1 || again[0].Amount != 4950 {
		t.Errorf("paid anew: %+v", again)
	}
}

// TestRule13And15Held: a dispute and a flag hold, and let go.
func TestRule13And15Held(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Second)))
	r := order("1", "v", 10000, noon)
	d.take(r)
	flags, err := d.Flags(t.Context(), d.program.ID)
	if err != nil || len(flags) != 1 || flags[0].Type != "fast_order" || d.balance(d.anna).Held != 5000 {
		t.Fatalf("%+v, %v, %+v", flags, err, d.balance(d.anna))
	}
	if _, err := d.Judge(t.Context(), flags[0].ID, ledger.Cleared, "me"); err != nil || d.balance(d.anna).Pending != 5000 {
		t.Errorf("cleared: %v, %+v", err, d.balance(d.anna))
	}
	dispute := r
	dispute.Order, dispute.Dispute = nil, &shop.Dispute{ID: "d", State: shop.Disputed}
	d.take(dispute)
	if b := d.balance(d.anna); b.Held != 5000 || b.Pending != 0 {
		t.Errorf("disputed: %+v", b)
	}
	dispute.Dispute = &shop.Dispute{ID: "d", State: shop.Lost}
	dispute.Time = noon.Add(time.Hour)
	d.take(dispute)
	if b := d.balance(d.anna); b.Held != 0 || b.Earned != 0 {
		t.Errorf("lost: %+v", b)
	}
}

// TestAnswer: figures of clicks, conversions, sales and commissions, and one
// click an hour of a visitor and code.
func TestAnswer(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("1", "v", "anna", noon.Add(-3*time.Hour)), click("2", "v", "Anna!", noon.Add(-150*time.Minute)), click("3", "v", "anna", noon.Add(-119*time.Minute)),
		click("4", "w", "ben", noon.Add(-time.Hour)), click("5", "w", "unknown", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	d.take(order("2", "w", 501, noon))
	d.take(refund("1", "r", 4000, noon.Add(time.Minute)))
	q := metric.Query{Window: period.Window{From: noon.Add(-24 * time.Hour), To: noon.Add(24 * time.Hour)}, Step: period.Total, Currency: "EUR"}
	for _, c := range []struct {
		metric metric.Name
		site   string
		by     metric.Dimension
		filter []metric.Filter
		want   string
	}{
		{metric.Clicks, "one", "", nil, "=3"},
		{metric.Clicks, "one", "code", nil, "ANNA=2 BEN=1"},
		{metric.Clicks, "two", "", nil, "=0"},
		{metric.Clicks, "none", "", nil, ""},
		{metric.Conversions, "two", "", nil, "=2"},
		{metric.Conversions, "two", "", []metric.Filter{{Dimension: "affiliate", Value: d.ben.ID}}, "=1"},
		{metric.Sales, "two", "product", nil, "course=105010"},
		{metric.Commissions, "two", "", nil, "=32510"}, // 50.00 + 2.51 - 20.00
		{metric.Commissions, "two", "", []metric.Filter{{Dimension: "affiliate", Value: d.anna.ID}}, "=30000"},
	} {
		q.Metric, q.Site, q.By, q.Filters = c.metric, c.site, c.by, c.filter
		got, err := d.Answer(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var points []string
		for _, p := range got.Points {
			points = append(points, fmt.Sprintf("%s=%d", p.Series, p.Value))
		}
		if strings.Join(points, " ") != c.want {
			t.Errorf("%s of %s by %q where %v: %v, want %s", c.metric, c.site, c.by, c.filter, points, c.want)
		}
	}
}

// TestPosition: rows and position are kept together, and what comes again
// changes nothing.
func TestPosition(t *testing.T) {
	d := openDesk(t, nil)
	to := event.Position{Epoch: 1, Seq: 7, Total: 9}
	for range 2 {
		if err := d.Write(t.Context(), []event.Event{click("c", "v", "anna", noon)}, to); err != nil {
			t.Fatal(err)
		}
		d.reopen()
	}
	if at, err := d.Position(t.Context()); at != to || err != nil {
		t.Errorf("%+v, %v", at, err)
	}
	q := metric.Query{Site: "one", Metric: metric.Clicks, Window: period.Window{From: noon, To: noon.Add(time.Hour)}, Step: period.Total}
	if got, err := d.Answer(t.Context(), q); err != nil || got.Sum() != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRule6Landing: links lead to hosts of the programme only.
func TestRule6Landing(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Hosts = []string{"shop.example:8443"} })
	for landing, ok := range map[string]bool{"https://one.example/x": true, "http://TWO.example": true, "https://shop.example:8443/": true, "https://shop.example/": false,
		"https://evil.example/": false, "https://one.example@evil.example/": false, "javascript:alert(1)": false, "//one.example/": false, "": false} {
		c, err := d.AddCode(t.Context(), ledger.Code{Text: fmt.Sprintf("x%d", len(landing)), Affiliate: d.anna.ID, Kind: ledger.LinkCode, Landing: landing})
		if (err == nil) != ok {
			t.Errorf("%q: %v", landing, err)
		}
		if to, found := d.Follow(c.Text); ok && (!found || to.Code.Landing != landing) || ok && landing == "http://TWO.example" && to.Site != "two" {
			t.Errorf("%q: %+v, %v", landing, to, found)
		}
	}
	if _, found := d.Follow("nobody"); found {
		t.Error("a code that nobody has leads somewhere")
	}
	if err := d.Missed(t.Context(), "amna"); err != nil {
		t.Fatal(err)
	}
	if misses, err := d.Misses(t.Context(), d.anna.ID); err != nil || len(misses) != 1 || misses[0].Count != 1 || misses[0].Code != "ANNA" {
		t.Errorf("%+v, %v", misses, err)
	}
}
