package affiliate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sort"
	"time"

	"footfall/ledger"
	"footfall/period"
)

// Home is what an affiliate sees of its own (rule 17), all of one moment of the
// ledger. Clicks, orders and what they made are of the window, a commission by
// when it occurred; balances, next payouts and recent lines are of now.
type Home struct {
	AsOf        time.Time
	Window      period.Window
	Affiliate   ledger.Affiliate
	Program     ledger.Program
	Terms       string // what is earned, in a sentence
	Clicks      int64  // those that count, see ledger.Touch
	Visitors    int64  // persons whose touches they are
	Orders      int64  // attributed
	Unconfirmed int64  // of Orders: the shop has not confirmed them, so that they earn nothing yet
	Purses      []Purse
	Days        []Part // every day of the window
	Ways        []Part // what brought the orders: each is in one part
	Subs        []Part // by sub id of the click, "" has none; orders that no click brought are in none
	Products    []Part // an order is in the parts of all its products
	Recent      []Commission
	Misses      []ledger.Miss // what people wrote who meant a code, most often first
}

// Made is what orders brought, in minor units of a currency.
type Made struct{ Revenue, Commission int64 }

// Purse is an affiliate's money in a currency: what the window made, what there
// is now, and what comes next.
type Purse struct {
	Currency string
	Made
	Balance Balance
	Next    Next
}

// Next is the next payout, if nothing changes until its cut-off.
type Next struct {
	Cutoff time.Time // beginning of the next month: what is available before it
	Amount int64     // that will be paid; 0 is nothing
	Ready  int64     // that could be, below 0 where more was taken back than earned
	Least  int64     // that the programme pays
	Held   bool      // nothing is paid: the affiliate is being looked at
}

// Part is a share of what a window made.
type Part struct {
	Time   time.Time // beginning of the day, of Days
	Kind   string    // of Ways: KindTouch, KindCoupon, KindCustomer, KindManual, or "" what is of no order
	Name   string    // code, sub id, product
	Clicks int64
	Orders int64
	Made   map[string]Made // by currency
}

// recent is how many lines Home shows.
const recent = 12

// Home tells an affiliate's own figures; days are those of a time zone.
func (d *Desk) Home(ctx context.Context, affiliate string, window period.Window, zone *time.Location) (h Home, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) error {
		h = Home{AsOf: d.now(), Window: window}
		v, err := d.viewing(tx, affiliate)
		if err != nil {
			return err
		}
		h.Affiliate, h.Program = v.affiliate, v.program
		if h.Terms, err = v.terms(); err != nil {
			return err
		}
		m := made{viewing: v, home: &h, starts: period.Day.Cut(window, zone)}
		for _, step := range []func() error{m.clicks, m.orders, m.commissions} {
			if err := step(); err != nil {
				return err
			}
		}
		m.tell()
		if err := v.purses(&h, m.total, nextCutoff(h.AsOf, zone)); err != nil {
			return err
		}
		entries, err := tx.Money().Entries(ledger.EntryFilter{Program: h.Program.ID, Affiliate: affiliate, Kinds: earnings, Limit: recent})
		if err != nil {
			return err
		}
		if h.Recent, err = v.commissions(entries); err != nil {
			return err
		}
		h.Misses, err = tx.Set().Misses().Find("affiliate", affiliate)
		slices.SortStableFunc(h.Misses, func(a, b ledger.Miss) int { return cmp.Compare(b.Count, a.Count) })
		return err
	})
	return h, err
}

// nextCutoff is the beginning of the next month.
func nextCutoff(now time.Time, zone *time.Location) time.Time {
	start := period.Month.Start(now, zone)
	return period.Month.Start(start.AddDate(0, 0, 35), zone)
}

// viewing is one affiliate's part of the ledger while it is looked at.
type viewing struct {
	tx        ledger.Tx
	now       time.Time
	affiliate ledger.Affiliate
	program   ledger.Program
	held      held
	flags     map[string][]ledger.Flag // of the affiliate, not cleared, by order; "": of all of it
	payouts   map[string]ledger.Payout // its own
}

func (d *Desk) viewing(tx ledger.Tx, affiliate string) (v viewing, err error) {
	v = viewing{tx: tx, now: d.now(), flags: map[string][]ledger.Flag{}, payouts: map[string]ledger.Payout{}}
	if v.affiliate, err = tx.Set().Affiliates().Get(affiliate); err != nil {
		return v, absent(err, "affiliate", affiliate)
	}
	if v.program, err = tx.Set().Programs().Get(v.affiliate.Program); err != nil {
		return v, err
	}
	if v.held, err = holds(tx, v.program.ID); err != nil {
		return v, err
	}
	flags, err := tx.Money().Tables().Flags().Find("affiliate", affiliate)
	if err != nil {
		return v, err
	}
	for _, f := range flags {
		if f.State != ledger.Cleared {
			v.flags[f.Order] = append(v.flags[f.Order], f)
		}
	}
	payouts, err := tx.Money().Tables().Payouts().Find("affiliate", affiliate)
	for _, p := range payouts {
		v.payouts[p.ID] = p
	}
	return v, err
}

// purses adds up what there is of each currency. It is Balances of all entries,
// but reads only those that no payout has: what one has is its amount.
func (v *viewing) purses(h *Home, total map[string]Made, cutoff time.Time) error {
	unpaid, err := v.tx.Money().Entries(ledger.EntryFilter{Program: v.program.ID, Affiliate: v.affiliate.ID, Unpaid: true})
	if err != nil {
		return err
	}
	balances := Balances(unpaid, v.held.of(v.affiliate.ID), v.payouts, v.now)
	for _, p := range v.payouts {
		b := balances[p.Currency]
		switch p.State {
		case ledger.Failed:
			continue // its entries are of no payout again
		case ledger.Paid:
			b.Paid += p.Amount
		default:
			b.InPayout += p.Amount
		}
		b.Earned += p.Amount
		balances[p.Currency] = b
	}
	odd, err := v.tx.Money().Entries(ledger.EntryFilter{Program: v.program.ID, Affiliate: v.affiliate.ID, Kinds: []ledger.EntryKind{ledger.Reverse, ledger.DisputeHold, ledger.DisputeRelease}})
	if err != nil {
		return err
	}
	for _, e := range odd {
		if e.Payout == "" {
			continue
		}
		b := balances[e.Currency]
		if e.Kind == ledger.Reverse {
			b.Reversed += e.Amount
		} else {
			b.Disputed -= e.Amount
			b.Held -= e.Amount
		}
		balances[e.Currency] = b
	}
	currencies := maps.Clone(total)
	for currency := range balances {
		currencies[currency] = total[currency]
	}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		h.Purses = append(h.Purses, Purse{currency, total[currency], balances[currency], v.next(currency, unpaid, cutoff)})
	}
	return nil
}

// next is what a payout would take at a cut-off.
func (v *viewing) next(currency string, unpaid []ledger.Entry, cutoff time.Time) Next {
	n := Next{Cutoff: cutoff, Least: v.program.MinPayout[currency], Held: v.held.affiliates[v.affiliate.ID]}
	held := v.held.below(v.affiliate.ID, unpaid)
	for _, e := range unpaid {
		if e.Currency == currency && e.Available.Before(cutoff) && !held(e.Order) {
			n.Ready += e.Amount
		}
	}
	if !n.Held {
		n.Amount = amountOf(Select(v.program, unpaid, held, cutoff)[currency])
	}
	return n
}

// made gathers what a window made.
type made struct {
	viewing
	home     *Home
	starts   []time.Time
	list     []ledger.Order
	entries  []ledger.Entry
	ways     map[string]way // by order
	total    map[string]Made
	byWay    map[[2]string]*Part
	bySub    map[string]*Part
	products map[string]*Part
}

// way is what brought an order.
type way struct{ kind, code, sub string }

// day is the day of the window that a time is in; nil if none.
func (m *made) day(at time.Time) *Part {
	i := sort.Search(len(m.starts), func(i int) bool { return m.starts[i].After(at) }) - 1
	if i < 0 {
		return nil
	}
	return &m.home.Days[i]
}

func (m *made) clicks() error {
	m.total, m.byWay, m.bySub, m.products = map[string]Made{}, map[[2]string]*Part{}, map[string]*Part{}, map[string]*Part{}
	for _, start := range m.starts {
		m.home.Days = append(m.home.Days, Part{Time: start, Made: map[string]Made{}})
	}
	filter := ledger.ClickFilter{Program: m.program.ID, Affiliate: m.affiliate.ID, From: m.home.Window.From, To: m.home.Window.To}
	sums, err := m.tx.Traffic().Clicks(filter)
	if err != nil {
		return err
	}
	for _, s := range sums {
		m.home.Clicks += s.Clicks
		for _, p := range []*Part{m.day(s.Quarter), under(m.byWay, [2]string{KindTouch, s.Code}), under(m.bySub, s.Sub)} {
			if p != nil {
				p.Clicks += s.Clicks
			}
		}
	}
	clicks, err := m.tx.Traffic().Clicked(filter)
	m.home.Visitors = visitors(clicks)
	return err
}

// under is the part with a key, made if there is none.
func under[K comparable](parts map[K]*Part, key K) *Part {
	if parts[key] == nil {
		parts[key] = &Part{Made: map[string]Made{}}
	}
	return parts[key]
}

// visitors counts the persons of clicks: two with a key in common are of one.
func visitors(clicks [][]ledger.Key) int64 {
	first := map[ledger.Key]int{} // click that has a key
	same := make([]int, len(clicks))
	root := func(i int) int {
		for same[i] != i {
			same[i] = same[same[i]]
			i = same[i]
		}
		return i
	}
	persons := int64(len(clicks))
	for i, keys := range clicks {
		same[i] = i
		for _, k := range keys {
			other, known := first[k]
			if !known {
				first[k] = i
			} else if a, b := root(other), root(i); a != b {
				same[a] = b
				persons--
			}
		}
	}
	return persons
}

// orders reads the window's orders and entries, and what brought them.
func (m *made) orders() (err error) {
	w, of := m.home.Window, m.affiliate.ID
	all, err := m.tx.Orders().List(ledger.OrderFilter{Program: m.program.ID, Affiliate: of, From: w.From, To: w.To})
	if err != nil {
		return err
	}
	m.list = slices.DeleteFunc(all, func(o ledger.Order) bool { return !o.Known })
	if m.entries, err = m.tx.Money().Entries(ledger.EntryFilter{Program: m.program.ID, Affiliate: of, Kinds: earnings, From: w.From, To: w.To}); err != nil {
		return err
	}
	var ids []string
	for _, o := range m.list {
		ids = append(ids, o.ID)
	}
	for _, e := range m.entries {
		if e.Order != "" {
			ids = append(ids, e.Order)
		}
	}
	slices.Sort(ids)
	if m.ways, err = m.found(slices.Compact(ids)); err != nil {
		return err
	}
	for _, o := range m.list {
		m.order(o)
	}
	return nil
}

// order counts one order, and what it sold before anything was given back.
func (m *made) order(o ledger.Order) {
	m.home.Orders++
	if !o.Verified && !m.program.TrustEvents {
		m.home.Unconfirmed++
	}
	parts, seen := m.parts(o.ID, o.Time), map[string]bool{}
	for _, p := range parts {
		p.Orders++
	}
	for _, l := range o.Lines {
		product := under(m.products, l.Product)
		if !seen[l.Product] {
			seen[l.Product] = true
			product.Orders++
		}
		m.add(append(parts, product), o.Currency, Made{Revenue: l.Net})
	}
}

func (m *made) commissions() error {
	for _, e := range m.entries {
		parts := m.parts(e.Order, e.Occurred)
		if e.Product != "" || e.Order != "" {
			parts = append(parts, under(m.products, e.Product))
		}
		m.add(parts, e.Currency, Made{Commission: e.Amount})
	}
	return nil
}

// parts are those that all of an order is in.
func (m *made) parts(order string, at time.Time) (parts []*Part) {
	if day := m.day(at); day != nil {
		parts = append(parts, day)
	}
	w := m.ways[order]
	parts = append(parts, under(m.byWay, [2]string{w.kind, w.code}))
	if w.kind == KindTouch {
		parts = append(parts, under(m.bySub, w.sub))
	}
	return parts
}

func (m *made) add(to []*Part, currency string, more Made) {
	sum := func(a Made) Made { return Made{a.Revenue + more.Revenue, a.Commission + more.Commission} }
	m.total[currency] = sum(m.total[currency])
	for _, p := range to {
		p.Made[currency] = sum(p.Made[currency])
	}
}

// found finds what brought orders: by their decision in force.
func (m *made) found(orders []string) (map[string]way, error) {
	ways, winners, keys := map[string]way{}, map[string]string{}, []ledger.Key{}
	for _, id := range orders {
		decisions, err := m.tx.Orders().Facts().Decisions(id)
		if err != nil {
			return nil, err
		}
		w := way{kind: KindManual}
		if n := len(decisions); n > 0 {
			d := decisions[n-1]
			w = wayOf(d)
			if w.kind == KindTouch {
				winners[id] = d.Touch
				keys = append(keys, ledger.Key("click:"+d.Touch))
			}
		}
		ways[id] = w
	}
	touches := map[string]ledger.Touch{}
	for some := range slices.Chunk(keys, 500) {
		list, err := m.tx.Traffic().Touches(m.program.ID, time.Time{}, m.home.Window.To, some...)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			touches[t.ID] = t
		}
	}
	for id, touch := range winners {
		if t := touches[touch]; t.Affiliate == m.affiliate.ID {
			ways[id] = way{KindTouch, t.Code, t.Sub}
		}
	}
	return ways, nil
}

// wayOf is what brought an order by a decision, without the code of a touch.
func wayOf(d ledger.Decision) way {
	for _, c := range d.Explain {
		if c.Kept && c.Kind == KindCoupon {
			return way{kind: KindCoupon, code: c.ID}
		}
	}
	switch d.Rule {
	case RuleLast, RuleFirst:
		return way{kind: KindTouch}
	case RuleCustomer:
		return way{kind: KindCustomer}
	}
	return way{kind: KindManual}
}

// tell lists the parts, most clicks, then most orders first.
func (m *made) tell() {
	byUse := func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Clicks, a.Clicks), cmp.Compare(b.Orders, a.Orders), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	}
	for key, p := range m.byWay {
		p.Kind, p.Name = key[0], key[1]
		m.home.Ways = append(m.home.Ways, *p)
	}
	named := func(parts map[string]*Part) (list []Part) {
		for name, p := range parts {
			p.Name = name
			list = append(list, *p)
		}
		slices.SortFunc(list, byUse)
		return list
	}
	slices.SortFunc(m.home.Ways, byUse)
	m.home.Subs, m.home.Products = named(m.bySub), named(m.products)
}
