package affiliate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
	"footfall/shop"
)

func (d *desk) home(a ledger.Affiliate, w period.Window) affiliate.Home {
	d.t.Helper()
	h, err := d.Home(d.t.Context(), a.ID, w, time.UTC)
	if err != nil {
		d.t.Fatal(err)
	}
	return h
}

// days is a window of whole days up to now.
func (d *desk) days(n int) period.Window {
	start := period.Day.Start(d.now, time.UTC)
	return period.Window{From: start.AddDate(0, 0, 1-n), To: start.AddDate(0, 0, 1)}
}

// busy is half a year of an affiliate programme, by chance; also is called at its
// beginning and after each thing that happens.
func busy(t *testing.T, seed uint64, also ...func(d *desk)) *desk {
	d := openDesk(t, func(p *ledger.Program) { p.Hold, p.Bind = 20, ledger.BindCustomer })
	rng := rand.New(rand.NewPCG(seed, 17))
	currencies := []string{"EUR", "EUR", "USD", "JPY"}
	var made []shop.Report
	for n := range 160 {
		for _, call := range also {
			call(d)
		}
		d.now = d.now.Add(time.Duration(rng.IntN(40*60)) * time.Minute)
		visitor, code := fmt.Sprint("v", rng.IntN(40)), []string{"anna", "ben", "nobody"}[rng.IntN(3)]
		e := click(fmt.Sprint("c", n), visitor, code, d.now)
		e.Search += []string{"", "&sub=blog", "&sub=mail"}[rng.IntN(3)]
		d.write(e)
		switch rng.IntN(6) {
		case 0, 1, 2:
			r := order(fmt.Sprint(n), fmt.Sprint("v", rng.IntN(40)), int64(100+rng.IntN(30000)), d.now.Add(time.Duration(rng.IntN(9000))*time.Millisecond))
			r.Order.Currency, r.Verified, r.Email = currencies[rng.IntN(4)], rng.IntN(8) > 0, visitor+"@example.org"
			r.Order.Lines = append(r.Order.Lines, ledger.Line{ID: "2", Product: "book", Quantity: 2, Net: int64(rng.IntN(5000))})
			if rng.IntN(4) == 0 {
				r.Order.Coupons = []string{[]string{"anna15", "ben15"}[rng.IntN(2)]}
			}
			d.take(r)
			made = append(made, r)
		case 3:
			if len(made) > 0 {
				d.take(refund(made[rng.IntN(len(made))].Number, fmt.Sprint("r", n), int64(rng.IntN(9000)), d.now))
			}
		case 4:
			if len(made) > 0 {
				r := made[rng.IntN(len(made))]
				r.Order, r.Dispute, r.Time = nil, &shop.Dispute{ID: "d" + r.Number, State: []shop.DisputeState{shop.Disputed, shop.Won, shop.Lost}[rng.IntN(3)]}, d.now
				d.take(r)
			}
		case 5:
			if rng.IntN(2) == 0 {
				d.someHappens(rng)
			}
		}
	}
	return d
}

// someHappens pays, decides a flag, or assigns an order by hand.
func (d *desk) someHappens(rng *rand.Rand) {
	orders, err := d.Orders(d.t.Context(), ledger.OrderFilter{Program: d.program.ID})
	if err != nil {
		d.t.Fatal(err)
	}
	flags, err := d.Flags(d.t.Context(), d.program.ID)
	switch n := rng.IntN(3); {
	case n == 0 && len(flags) > 0:
		_, err = d.Judge(d.t.Context(), flags[rng.IntN(len(flags))].ID, []ledger.FlagState{ledger.Cleared, ledger.Confirmed}[rng.IntN(2)], "me")
	case n == 1 && len(orders) > 0:
		_, err = d.Assign(d.t.Context(), orders[rng.IntN(len(orders))].ID, []string{"", d.anna.ID, d.ben.ID}[rng.IntN(3)], "me", "for ben")
	default:
		d.payOut()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestRule17ThePortalAddsUp: what an affiliate is shown is what the ledger's
// entries, Balances, the analytics API, the next proposal and the CSV files say,
// and each list of parts adds up to the whole.
func TestRule17ThePortalAddsUp(t *testing.T) {
	for seed := range uint64(6) {
		d := busy(t, seed)
		balances, err := d.Balances(t.Context(), d.program.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []ledger.Affiliate{d.anna, d.ben} {
			for _, n := range []int{400, 60, 1} {
				h := d.home(a, d.days(n))
				seen := map[string]affiliate.Balance{}
				for _, p := range h.Purses {
					seen[p.Currency] = p.Balance
					if n == 400 && p.Commission != p.Balance.Earned {
						t.Errorf("seed %d, %s: %d %s earned in all time, the balance says %d", seed, a.Name, p.Commission, p.Currency, p.Balance.Earned)
					}
					d.sameAsLedger(a, h, p)
				}
				for currency := range seen {
					if _, ok := balances[a.ID][currency]; !ok && seen[currency] == (affiliate.Balance{}) {
						delete(seen, currency) // an order that has earned nothing
					}
				}
				if want := balances[a.ID]; len(want) == 0 || !reflect.DeepEqual(seen, want) {
					t.Errorf("seed %d, %s: balances %+v, want %+v", seed, a.Name, seen, want)
				}
				addsUp(t, h)
			}
			d.sameAsFiles(a, balances[a.ID])
		}
	}
}

// sameAsLedger compares a purse with the entries, the analytics API and what
// would be proposed.
func (d *desk) sameAsLedger(a ledger.Affiliate, h affiliate.Home, p affiliate.Purse) {
	d.t.Helper()
	entries, err := d.Entries(d.t.Context(), ledger.EntryFilter{Program: d.program.ID, Affiliate: a.ID, Currency: p.Currency, From: h.Window.From, To: h.Window.To})
	if err != nil {
		d.t.Fatal(err)
	}
	sum := int64(0)
	for _, e := range entries {
		if e.Kind.Payable() {
			sum += e.Amount
		}
	}
	answered := int64(0)
	for _, site := range d.program.Sites {
		set, err := d.Answer(d.t.Context(), metric.Query{Site: site, Metric: metric.Commissions, Currency: p.Currency, Window: h.Window, Zone: time.UTC,
			Filters: []metric.Filter{{Dimension: "affiliate", Value: a.ID}}})
		if err != nil {
			d.t.Fatal(err)
		}
		answered += set.Sum()
	}
	if p.Commission != sum || answered != money.Thousandths(sum, p.Currency) {
		d.t.Errorf("%s: commission %d %s, entries say %d, the analytics API %d thousandths", a.Name, p.Commission, p.Currency, sum, answered)
	}
	at := d.now
	d.now = p.Next.Cutoff // no payout can be proposed before
	proposals, err := d.Propose(d.t.Context(), d.program.ID, p.Next.Cutoff)
	d.now = at
	if err != nil {
		d.t.Fatal(err)
	}
	want := int64(0)
	for _, proposal := range proposals {
		if proposal.Payout.Affiliate == a.ID && proposal.Payout.Currency == p.Currency {
			want = proposal.Payout.Amount
		}
	}
	if p.Next.Amount != want || want > 0 && p.Next.Ready != want || !p.Next.Cutoff.After(h.AsOf) || p.Next.Cutoff.Day() != 1 {
		d.t.Errorf("%s: next payout %+v, want %d", a.Name, p.Next, want)
	}
}

// sameAsFiles compares what was paid with the statements' sums.
func (d *desk) sameAsFiles(a ledger.Affiliate, balances map[string]affiliate.Balance) {
	d.t.Helper()
	payouts, err := d.Payouts(d.t.Context(), d.program.ID, a.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	paid := map[string]int64{}
	for _, p := range payouts {
		var b strings.Builder
		if err := d.Statement(d.t.Context(), &b, "csv", p.ID); err != nil {
			d.t.Fatal(err)
		}
		paid[p.Currency] += column(d.t, b.String(), "amount", p.Currency)
	}
	var b strings.Builder
	if err := d.ExportEntries(d.t.Context(), &b, "csv", ledger.EntryFilter{Program: d.program.ID, Affiliate: a.ID}); err != nil {
		d.t.Fatal(err)
	}
	for currency, balance := range balances {
		if paid[currency] != balance.Paid {
			d.t.Errorf("%s: statements add up to %d %s, paid are %d", a.Name, paid[currency], currency, balance.Paid)
		}
		if sum := column(d.t, b.String(), "amount", currency); sum != balance.Earned-balance.Paid { // entries that say what was paid out are in the file
			d.t.Errorf("%s: the ledger's file adds up to %d %s, the balance to %d", a.Name, sum, currency, balance.Earned-balance.Paid)
		}
	}
}

// column adds up a column of a CSV file's rows of a currency.
func column(t *testing.T, file, name, currency string) (sum int64) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(file), "\r\n")
	head := strings.Split(lines[0], ",")
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, value := range strings.Split(line, ",") {
			row[head[i]] = value
		}
		if row["currency"] != currency {
			continue
		}
		n, err := money.Parse(row[name], currency)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// addsUp checks that lists of parts are the whole.
func addsUp(t *testing.T, h affiliate.Home) {
	t.Helper()
	type whole struct {
		clicks, orders int64
		made           map[string]affiliate.Made
	}
	of := func(parts []affiliate.Part) whole {
		w := whole{made: map[string]affiliate.Made{}}
		for _, p := range parts {
			w.clicks, w.orders = w.clicks+p.Clicks, w.orders+p.Orders
			for currency, m := range p.Made {
				before := w.made[currency]
				w.made[currency] = affiliate.Made{Revenue: before.Revenue + m.Revenue, Commission: before.Commission + m.Commission}
			}
		}
		return w
	}
	want := map[string]affiliate.Made{}
	for _, p := range h.Purses {
		want[p.Currency] = p.Made
	}
	for name, parts := range map[string][]affiliate.Part{"days": h.Days, "ways": h.Ways, "products": h.Products} {
		got := of(parts)
		for currency, m := range want {
			if got.made[currency] != m {
				t.Errorf("%s: %+v %s, want %+v", name, got.made[currency], currency, m)
			}
		}
		if name != "products" && (got.clicks != h.Clicks || got.orders != h.Orders) {
			t.Errorf("%s: %d clicks and %d orders, want %d and %d", name, got.clicks, got.orders, h.Clicks, h.Orders)
		}
	}
	if subs := of(h.Subs); subs.clicks != h.Clicks {
		t.Errorf("sub ids: %d clicks, want %d", subs.clicks, h.Clicks)
	}
	if h.Visitors > h.Clicks || h.Clicks > 0 && h.Visitors == 0 {
		t.Errorf("%d visitors of %d clicks", h.Visitors, h.Clicks)
	}
}

func TestRule17Parts(t *testing.T) {
	d := openDesk(t, nil)
	at := noon.Add(-3 * time.Hour)
	first := click("c1", "v1", "anna", at)
	first.Search += "&sub=blog"
	again := click("c2", "v1", "anna", at.Add(2*time.Hour)) // the same person, and a click that counts
	won := click("c3", "v2", "anna", at.Add(time.Minute))
	won.Search += "&sub=mail"
	d.write(first, again, won, click("c4", "v3", "ben", at))
	sold := order("1", "v2", 10000, noon)
	d.take(sold)
	d.take(order("2", "somebody", 4000, noon, "ANNA 15"))
	d.take(order("3", "v3", 8000, noon))
	h := d.home(d.anna, d.days(7))
	if h.Clicks != 3 || h.Visitors != 2 || h.Orders != 2 || len(h.Days) != 7 {
		t.Errorf("%d clicks of %d visitors, %d orders, %d days", h.Clicks, h.Visitors, h.Orders, len(h.Days))
	}
	eur := func(revenue, commission int64) map[string]affiliate.Made {
		return map[string]affiliate.Made{"EUR": {Revenue: revenue, Commission: commission}}
	}
	if want := []affiliate.Part{{Kind: "touch", Name: "ANNA", Clicks: 3, Orders: 1, Made: eur(10000, 5000)}, {Kind: "coupon", Name: "ANNA15", Orders: 1, Made: eur(4000, 2000)}}; !reflect.DeepEqual(h.Ways, want) {
		t.Errorf("ways %+v, want %+v", h.Ways, want)
	}
	if want := []affiliate.Part{{Name: "mail", Clicks: 1, Orders: 1, Made: eur(10000, 5000)}, {Clicks: 1, Made: map[string]affiliate.Made{}}, {Name: "blog", Clicks: 1, Made: map[string]affiliate.Made{}}}; !reflect.DeepEqual(h.Subs, want) {
		t.Errorf("sub ids %+v, want %+v", h.Subs, want)
	}
	if want := []affiliate.Part{{Name: "course", Orders: 2, Made: eur(14000, 7000)}}; !reflect.DeepEqual(h.Products, want) {
		t.Errorf("products %+v, want %+v", h.Products, want)
	}
	if want := []affiliate.Part{{Name: "one", Clicks: 3, Made: map[string]affiliate.Made{}}, {Name: "two", Orders: 2, Made: eur(14000, 7000)}}; !reflect.DeepEqual(h.Sites, want) {
		t.Errorf("sites %+v, want %+v", h.Sites, want)
	}
	if _, err := d.Home(t.Context(), "nobody", d.days(7), time.UTC); err == nil {
		t.Error("somebody unknown has figures")
	}
}

// says checks that a recent line of anna's is in a state for a reason. Lines of
// orders that are another's now have no number.
func (d *desk) says(number string, state affiliate.State, reason string) {
	d.t.Helper()
	recent := d.home(d.anna, d.days(7)).Recent
	for _, c := range recent {
		if c.Number == number && c.State == state && c.Reason == reason {
			return
		}
	}
	d.t.Errorf("no line of order %q is %s because %q: %+v", number, state, reason, recent)
}

// judge decides the programme's first flag.
func (d *desk) judge(state ledger.FlagState) {
	d.t.Helper()
	flags, err := d.Flags(d.t.Context(), d.program.ID)
	if err == nil {
		_, err = d.Judge(d.t.Context(), flags[0].ID, state, "me")
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestRule17Reasons: every held or reversed line says why.
func TestRule17Reasons(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Second)))
	d.take(order("1", "v", 10000, noon))
	d.says("1", affiliate.StateHeld, "the order came within seconds of the click: being looked at")
	d.judge(ledger.Confirmed)
	d.says("1", affiliate.StateHeld, "the order came within seconds of the click: looked at, and held for good")
	d.judge(ledger.Cleared)
	d.says("1", affiliate.StatePending, "")
	d.take(refund("1", "r", 1000, noon))
	d.says("1", affiliate.StateReversed, "the customer got a refund")
	r := order("1", "v", 10000, noon)
	r.Order, r.Dispute = nil, &shop.Dispute{ID: "d", State: shop.Disputed}
	d.take(r)
	d.says("1", affiliate.StateHeld, "the customer's bank asks the money back: held until that is decided")
	r.Dispute, r.Time = &shop.Dispute{ID: "d", State: shop.Lost}, noon.Add(time.Minute)
	d.take(r)
	d.says("1", affiliate.StateReversed, "the customer's bank took the money back")
}

// TestRule17ReasonsBeyondTheOrder: what the shop, the seller or a flag on the
// whole affiliate does is said, too.
func TestRule17ReasonsBeyondTheOrder(t *testing.T) {
	d := openDesk(t, nil)
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	r := order("1", "v", 8000, noon)
	d.take(r)
	r.Order.Lines[0].Net, r.Said = 4000, noon.Add(time.Minute)
	d.take(r)
	d.says("1", affiliate.StateReversed, "the shop changed the order")
	d.now = d.now.Add(time.Hour)
	other := d.take(order("2", "v", 8000, noon))
	if _, err := d.Assign(t.Context(), other.Order.ID, d.ben.ID, "me", "ben brought it"); err != nil {
		t.Fatal(err)
	}
	d.says("", affiliate.StateReversed, "the order is another affiliate's, or nobody's, after all")
	unverified := order("3", "v", 8000, noon)
	unverified.Verified = false
	d.take(unverified)
	if h := d.home(d.anna, d.days(7)); h.Unconfirmed != 1 {
		t.Errorf("%d orders are not confirmed, want 1", h.Unconfirmed)
	}
	if err := d.book.Change(t.Context(), func(tx ledger.Tx) error {
		return tx.Money().Tables().Flags().Add(ledger.Flag{ID: "f", Program: d.program.ID, Affiliate: d.anna.ID, Type: "house_rule", State: ledger.Open})
	}); err != nil {
		t.Fatal(err)
	}
	d.says("1", affiliate.StateHeld, "house rule: being looked at")
	if next := d.home(d.anna, d.days(7)).Purses[0].Next; !next.Held || next.Amount != 0 {
		t.Errorf("next payout %+v", next)
	}
}

// TestRule17NobodySeesAnother: an order is told to who has it, and names nobody else.
func TestRule17NobodySeesAnother(t *testing.T) {
	d := openDesk(t, func(p *ledger.Program) { p.Bind = ledger.BindCustomer })
	d.write(click("click-of-ben", "v", "ben", noon.Add(-2*time.Hour)), click("click-of-anna", "v", "anna", noon.Add(-time.Hour)))
	r := order("1", "v", 10000, noon, "anna15", "ben15")
	r.Email = "somebody@example.org"
	taken := d.take(r)
	seen, err := d.OrderOf(t.Context(), d.anna.ID, taken.Order.ID)
	if err != nil || seen.Commission != 5000 || len(seen.Decision.Explain) != 4 || len(seen.Clicks) != 1 || len(seen.Entries) != 1 {
		t.Fatalf("%+v, %v", seen, err)
	}
	ben := []string{d.ben.ID, "ben", "BEN15", string(taken.Order.Customer), "anon:v"}
	for _, touch := range d.touches() {
		if touch.Affiliate == d.ben.ID {
			ben = append(ben, touch.ID)
		}
	}
	hides := func(what any) {
		t.Helper()
		text, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range ben {
			if strings.Contains(strings.ToLower(string(text)+fmt.Sprintf("%+v", what)), strings.ToLower(secret)) {
				t.Errorf("%q is told: %s", secret, text)
			}
		}
	}
	hides(seen)
	for _, id := range []string{taken.Order.ID, "nothing"} {
		if _, err := d.OrderOf(t.Context(), d.ben.ID, id); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("another's order %s: %v", id, err)
		}
		if _, err := d.OrdersOf(t.Context(), d.ben.ID, id, 9); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("orders behind another's %s: %v", id, err)
		}
	}
	if _, err := d.Assign(t.Context(), taken.Order.ID, d.anna.ID, "me", "ben said so"); err != nil {
		t.Fatal(err)
	}
	if seen, err = d.OrderOf(t.Context(), d.anna.ID, taken.Order.ID); err != nil || seen.Decision.By != "" || seen.Decision.Explain[0].Reason != "decided by hand" {
		t.Errorf("%+v, %v", seen.Decision, err)
	}
	hides(seen)
	list, err := d.OrdersOf(t.Context(), d.anna.ID, "", 9)
	if err != nil || len(list) != 1 || list[0].Net != 10000 || list[0].Commission != 5000 {
		t.Errorf("%+v, %v", list, err)
	}
	hides(list)
	d.now = d.now.Add(time.Hour)
	if _, err := d.Assign(t.Context(), taken.Order.ID, d.ben.ID, "me", "ben said so"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.OrderOf(t.Context(), d.anna.ID, taken.Order.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an order that is another's now: %v", err)
	}
	hides(d.home(d.anna, d.days(7)))
}

func (d *desk) touches() (all []ledger.Touch) {
	d.t.Helper()
	if err := d.book.View(d.t.Context(), func(tx ledger.Tx) (err error) {
		all, err = tx.Traffic().Touches(d.program.ID, time.Time{}, d.now)
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	return all
}

// TestRule17Visitors: visitors are those of docs/words.md, whose first key that is
// no click's tells them apart.
func TestRule17Visitors(t *testing.T) {
	for _, x := range []struct {
		want int64
		keys [][]ledger.Key
	}{
		{0, nil},
		{3, [][]ledger.Key{{"anon:1"}, {"anon:2"}, nil}},
		{1, [][]ledger.Key{{"anon:1"}, {"click:9", "anon:1"}}},
		{2, [][]ledger.Key{{"anon:1", "user:1"}, {"anon:2", "user:1"}, {"anon:2"}}},
		{2, [][]ledger.Key{{"user:1"}, {"visitor:1"}, {"visitor:1", "user:1"}}},
	} {
		d := openDesk(t, nil)
		if err := d.book.Change(t.Context(), func(tx ledger.Tx) error {
			for i, keys := range x.keys {
				touch := ledger.Touch{ID: fmt.Sprint(i), Program: d.program.ID, Affiliate: d.anna.ID, Code: "ANNA", Time: noon.Add(-time.Hour), Keys: keys, Counted: true}
				if _, err := tx.Traffic().AddTouch(touch); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if h := d.home(d.anna, d.days(1)); h.Visitors != x.want || h.Clicks != int64(len(x.keys)) {
			t.Errorf("%v: %d visitors, want %d", x.keys, h.Visitors, x.want)
		}
	}
}
