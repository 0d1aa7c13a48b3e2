package affiliate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/shop"
)

// notice is a notice as a receiver reads it.
type notice struct {
	ID, Kind, Program string
	Created           time.Time
	Data              struct {
		Order     affiliate.NoticeOrder
		Affiliate *affiliate.NoticeAffiliate
		Previous  *affiliate.NoticeAffiliate
		Amount, Earned, Held, Available,
		Reason any
		Rule, Click, Code, Payout string
		Entries                   any
	}
}

func minor(amount any) int64 { return int64(amount.(map[string]any)["minor"].(float64)) }

// hooked gives the programme a hook.
func (d *desk) hooked(kinds ...string) ledger.Hook {
	d.t.Helper()
	h, secret, err := d.AddHook(d.t.Context(), ledger.Hook{Program: d.program.ID, URL: "https://books.example/hook", Kinds: kinds})
	if err != nil || secret == "" {
		d.t.Fatal(secret, err)
	}
	return h
}

// told is all that a hook was told, oldest first.
func (d *desk) told(h ledger.Hook) (all []notice) {
	d.t.Helper()
	rows, err := d.Notices(d.t.Context(), ledger.NoticeFilter{To: ledger.To(ledger.ToHook, h.ID)})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, row := range slices.Backward(rows) {
		var n notice
		if err := json.Unmarshal(row.Body, &n); err != nil {
			d.t.Fatal(err)
		}
		if n.ID != row.Event || n.Kind != row.Kind || n.Program != d.program.ID {
			d.t.Errorf("the row %+v says other than its body %s", row, row.Body)
		}
		all = append(all, n)
	}
	return all
}

// spelled is notices as "kind affiliate amount reason".
func (d *desk) spelled(all []notice) string {
	var lines []string
	for _, n := range all {
		line := n.Kind
		if n.Data.Affiliate != nil {
			line += " " + n.Data.Affiliate.Name
		}
		if n.Data.Amount != nil {
			line += fmt.Sprint(" ", minor(n.Data.Amount))
		}
		if n.Data.Reason != nil {
			line += fmt.Sprint(" ", n.Data.Reason)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (d *desk) ripen() {
	d.t.Helper()
	if err := d.Ripen(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// TestToldStory: what is told of an order from its click to its payout, each once.
func TestToldStory(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("old", "w", "anna", noon.Add(-time.Hour)))
	d.take(order("0", "w", 2000, noon.Add(-time.Minute))) // before anybody is told
	h, at := d.hooked(), 0
	other := d.hooked(affiliate.PayoutPaid, affiliate.CommissionHeld)
	says := func(what, want string) {
		t.Helper()
		all := d.told(h)
		if got := d.spelled(all[at:]); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
		}
		at = len(all)
	}
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	taken := d.take(order("1", "v", 10000, noon))
	says("an order", "order.attributed anna\ncommission.created anna 5000 order")
	d.take(order("1", "v", 10000, noon))
	d.ripen()
	says("the same again", "")
	d.take(refund("1", "r", 4000, noon.Add(time.Hour)))
	says("a refund", "commission.reversed anna 2000 refund")
	d.write(click("c2", "v", "ben", noon.Add(-time.Minute)))
	says("a late click", "order.attributed ben\ncommission.reversed anna 3000 attribution\ncommission.created ben 3000 refund")
	d.now = noon.Add(30*24*time.Hour - 2*time.Minute)
	d.ripen()
	says("before the hold is over", "")
	d.now = noon.Add(30 * 24 * time.Hour)
	d.ripen()
	d.ripen()
	says("when the hold is over", "commission.available anna 1000 hold_over\ncommission.available ben 3000 hold_over")
	d.take(shop.Report{Site: "two", Number: "1", Time: d.now, Verified: true, Dispute: &shop.Dispute{ID: "dp", State: shop.Disputed}})
	says("a dispute", "commission.held ben 3000 dispute")
	d.now = d.now.Add(time.Hour)
	d.ripen()
	d.take(shop.Report{Site: "two", Number: "1", Time: d.now, Verified: true, Dispute: &shop.Dispute{ID: "dp", State: shop.Won}})
	d.now = d.now.Add(time.Minute)
	d.ripen()
	says("a dispute that is won", "commission.available ben 3000 released")
	d.payOut()
	says("a payout", d.spelled(d.told(h)[at:]))
	if _, err := d.Assign(t.Context(), taken.Order.ID, "", "me", "nobody's"); err != nil {
		t.Fatal(err)
	}
	says("taken away by hand", "order.attributed\ncommission.reversed ben 3000 attribution")
	for _, n := range d.told(other) {
		if n.Kind != affiliate.PayoutPaid && n.Kind != affiliate.CommissionHeld {
			t.Errorf("a hook for two kinds was told %s", n.Kind)
		}
	}
}

// TestToldLate: what comes after the hold, between two looks at the clock, is told
// at the next one with its own reason.
func TestToldLate(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked()
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	dispute := func(state shop.DisputeState) {
		d.take(shop.Report{Site: "two", Number: "1", Time: d.now, Verified: true, Dispute: &shop.Dispute{ID: "dp", State: state}})
	}
	d.now = noon.AddDate(0, 0, 10)
	dispute(shop.Disputed)
	d.now = noon.AddDate(0, 0, 40)
	d.ripen()
	d.now = d.now.Add(20 * time.Second)
	dispute(shop.Won)
	d.now = d.now.Add(40 * time.Second)
	d.ripen()
	d.now = d.now.Add(20 * time.Second)
	d.take(order("1", "v", 12000, d.now))
	d.now = d.now.Add(40 * time.Second)
	d.ripen()
	want := "order.attributed anna\ncommission.created anna 5000 order\ncommission.held anna 5000 dispute\ncommission.available anna 5000 released\n" +
		"commission.created anna 1000 changed\ncommission.available anna 1000 order"
	if got := d.spelled(d.told(h)); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// TestToldFlag: a flag holds from the first; what it held becomes available when it
// is cleared, not before the hold is over.
func TestToldFlag(t *testing.T) {
	for name, days := range map[string]int{"before": 10, "behind": 40} {
		d := openDesk(t, nil)
		h := d.hooked()
		own := order("1", "v", 10000, noon, "anna15")
		own.Email, own.User = "anna@example.com", "user-7"
		d.take(own)
		rows, err := d.Notices(t.Context(), ledger.NoticeFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows { // rule 19
			if body := string(row.Body); strings.Contains(body, "@") || strings.Contains(body, "user-7") || strings.Contains(body, `"v"`) || strings.Contains(body, "customer") {
				t.Errorf("it tells of the customer: %s", body)
			}
		}
		want := "order.attributed anna\ncommission.created anna 5000 order\ncommission.held anna 5000 self_referral"
		d.now = noon.AddDate(0, 0, days)
		d.ripen()
		flags, err := d.Flags(t.Context(), d.program.ID)
		if err != nil || len(flags) != 1 {
			t.Fatal(flags, err)
		}
		for range 2 {
			if _, err := d.Judge(t.Context(), flags[0].ID, ledger.Cleared, "me"); err != nil {
				t.Fatal(err)
			}
		}
		reason := "released"
		if days < 30 {
			d.now, reason = noon.AddDate(0, 0, 40), "hold_over"
		}
		d.ripen()
		if got := d.spelled(d.told(h)); got != want+"\ncommission.available anna 5000 "+reason {
			t.Errorf("cleared %s the hold was over:\n%s", name, got)
		}
	}
}

// share is what a receiver knows of an affiliate's part of an order.
type share struct{ earned, held, available, ever, ripe int64 }

// heard adds up what was told, by order, affiliate and currency.
func (d *desk) heard(h ledger.Hook) map[string]share {
	d.t.Helper()
	all, ids := map[string]share{}, map[string]bool{}
	for _, n := range d.told(h) {
		if ids[n.ID] {
			d.t.Errorf("two events have the id %s", n.ID)
		}
		ids[n.ID] = true
		if !strings.HasPrefix(n.Kind, "commission.") {
			continue
		}
		key := fmt.Sprint(n.Data.Order.ID, n.Data.Affiliate.ID, n.Data.Amount.(map[string]any)["currency"])
		s, amount := all[key], minor(n.Data.Amount)
		switch {
		case amount <= 0:
			d.t.Errorf("%s of %d", n.Kind, amount)
		case n.Kind == affiliate.CommissionCreated:
			s.earned += amount
			s.ever += amount
		case n.Kind == affiliate.CommissionAvailable:
			s.ripe += amount
		case n.Kind == affiliate.CommissionReversed:
			s.earned -= amount
		}
		s.held, s.available = minor(n.Data.Held), minor(n.Data.Available)
		if s.earned != minor(n.Data.Earned) {
			d.t.Errorf("%s says that %d are earned, told were %d", n.Kind, minor(n.Data.Earned), s.earned)
		}
		all[key] = s
	}
	return all
}

// there is the same by the ledger.
func (d *desk) there() map[string]share {
	d.t.Helper()
	entries, err := d.Entries(d.t.Context(), ledger.EntryFilter{Program: d.program.ID})
	if err != nil {
		d.t.Fatal(err)
	}
	flags, err := d.Flags(d.t.Context(), d.program.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	all, flagged, disputed := map[string]share{}, map[string]bool{}, map[string]int64{}
	for _, e := range entries {
		if e.Order == "" {
			continue
		}
		key := e.Order + e.Affiliate + e.Currency
		s := all[key]
		flagged[key] = slices.ContainsFunc(flags, func(f ledger.Flag) bool {
			return f.Order == e.Order && f.Affiliate == e.Affiliate && f.State != ledger.Cleared
		})
		if e.Kind == ledger.DisputeHold || e.Kind == ledger.DisputeRelease {
			disputed[key] -= e.Amount
		} else {
			s.earned += e.Amount
		}
		if e.Payout == "" {
			s.held += e.Amount
			if !e.Available.After(d.now) {
				s.available += e.Amount
			}
		}
		all[key] = s
	}
	for key, s := range all {
		s.held, s.available = max(0, s.held), max(0, s.available)
		if flagged[key] {
			s.available = 0
		} else {
			s.held = 0
		}
		s.held += disputed[key]
		all[key] = s
	}
	return all
}

// doubtful reports whether a flag or dispute was ever about an order.
func (d *desk) doubtful(key string) (yes bool) {
	d.t.Helper()
	flags, err := d.Flags(d.t.Context(), d.program.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	entries, err := d.Entries(d.t.Context(), ledger.EntryFilter{Program: d.program.ID, Kinds: []ledger.EntryKind{ledger.DisputeHold}})
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.ContainsFunc(flags, func(f ledger.Flag) bool { return strings.HasPrefix(key, f.Order) }) ||
		slices.ContainsFunc(entries, func(e affiliate.Stated) bool { return strings.HasPrefix(key, e.Order) })
}

// TestToldAddsUp: in half a year by chance, whatever is repeated and comes late,
// what was told of each order and affiliate is what the ledger has, and nothing
// that is held or available was not told.
func TestToldAddsUp(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 18))
		var h ledger.Hook
		d := busy(t, seed, func(d *desk) {
			if h.ID == "" {
				h = d.hooked()
			}
			if rng.IntN(3) == 0 {
				d.ripen()
			}
		})
		d.now = d.now.AddDate(0, 0, rng.IntN(30))
		d.ripen()
		heard, there := d.heard(h), d.there()
		for key, s := range there {
			if got := heard[key]; got.earned != s.earned || got.held < s.held || got.available < s.available {
				t.Errorf("seed %d, %s: told %+v, the ledger has %+v", seed, key, got, s)
			} else if !d.doubtful(key) && got.ripe > got.ever {
				t.Errorf("seed %d, %s: %d became available of the %d that were ever earned", seed, key, got.ripe, got.ever)
			}
		}
		if len(heard) < 40 || len(heard) > len(there) {
			t.Errorf("seed %d: told of %d, there are %d", seed, len(heard), len(there))
		}
	}
}

// TestToldOnce: fifty senders of the same, and fifty who look at the clock, make
// each event once.
func TestToldOnce(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked()
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	reports := []shop.Report{order("1", "v", 10000, noon), refund("1", "r", 2000, noon.Add(time.Minute)), refund("1", "s", 1000, noon.Add(time.Minute))}
	all := func(do func(n int) error) {
		var senders sync.WaitGroup
		for n := range 50 {
			senders.Go(func() {
				if err := do(n); err != nil {
					t.Error(err)
				}
			})
		}
		senders.Wait()
	}
	all(func(n int) error {
		for _, i := range rand.New(rand.NewPCG(uint64(n), 1)).Perm(len(reports)) {
			if _, err := d.Take(t.Context(), reports[i]); err != nil {
				return err
			}
		}
		return nil
	})
	d.now = noon.AddDate(0, 0, 31)
	all(func(int) error { return d.Ripen(t.Context()) })
	kinds := map[string]int{}
	for _, n := range d.told(h) {
		kinds[n.Kind]++
	}
	for _, s := range d.heard(h) {
		if s.earned != 3500 || s.available != 3500 {
			t.Errorf("told %+v", s)
		}
	}
	if kinds[affiliate.OrderAttributed] != 1 || kinds[affiliate.CommissionAvailable] != 1 || kinds[affiliate.CommissionCreated] != 1 || kinds[affiliate.CommissionReversed] > 2 {
		t.Errorf("told %v", kinds)
	}
}

// TestToldNobody: without a hook nothing is kept, and a hook hears of nothing that
// was before it.
func TestToldNobody(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	d.now = noon.AddDate(0, 0, 31)
	d.ripen()
	h := d.hooked()
	d.now = noon.AddDate(0, 0, 32)
	d.ripen()
	all, err := d.Notices(t.Context(), ledger.NoticeFilter{})
	if err != nil || len(all) != 0 {
		t.Errorf("told %+v, %v", all, err)
	}
	if _, err := d.RemoveHook(t.Context(), h.ID); err != nil {
		t.Fatal(err)
	}
	d.take(order("2", "v", 10000, noon))
	if all := d.told(h); len(all) != 0 {
		t.Errorf("a removed hook was told %+v", all)
	}
}

// TestToldPaid: what is approved before anybody looked at the clock was told as
// available before, and is so again when its payout fails.
func TestToldPaid(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked(affiliate.CommissionAvailable, affiliate.PayoutApproved, affiliate.PayoutFailed)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	p := d.approved()
	d.now = d.now.Add(time.Minute)
	d.ripen()
	if _, err := d.Advance(t.Context(), p.ID, ledger.Failed, "", "no such account"); err != nil {
		t.Fatal(err)
	}
	d.ripen()
	want := "commission.available anna 5000 hold_over\npayout.approved anna 5000\ncommission.available anna 5000 payout_failed\npayout.failed anna 5000 no such account"
	if got := d.spelled(d.told(h)); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// TestToldAfter: what a notice says that there is, is what there is after it, also
// of what has come after the hold and is not looked for yet.
func TestToldAfter(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked()
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	d.take(order("1", "v", 10000, noon))
	d.now = noon.AddDate(0, 0, 31)
	d.ripen()
	says := func(kind string, earned, held, available int64) {
		t.Helper()
		all := d.told(h)
		n := all[len(all)-1]
		if n.Kind != kind || minor(n.Data.Earned) != earned || minor(n.Data.Held) != held || minor(n.Data.Available) != available {
			t.Errorf("%s: %d earned, %d held, %d available; want %s %d %d %d", n.Kind, minor(n.Data.Earned), minor(n.Data.Held), minor(n.Data.Available), kind, earned, held, available)
		}
		if have := d.balance(d.anna).Available; have != available {
			t.Errorf("%d are available by the ledger", have)
		}
	}
	d.now = d.now.Add(30 * time.Second)
	d.take(refund("1", "r", 4000, d.now))
	says(affiliate.CommissionReversed, 3000, 0, 3000)
	d.take(shop.Report{Site: "two", Number: "1", Time: d.now, Verified: true, Dispute: &shop.Dispute{ID: "dp", State: shop.Disputed}})
	says(affiliate.CommissionHeld, 3000, 3000, 0)
}
