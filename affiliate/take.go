package affiliate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// Taken tells what became of a report.
type Taken struct {
	Order     ledger.Order
	Duplicate bool // it was known already; nothing has changed
	Decision  ledger.Decision
	Entries   []ledger.Entry // all of the order's, oldest first
}

// Take takes what a shop says of an order: it is kept, the order attributed,
// and entries posted, all at once or not at all. A shop.InvalidError is the
// sender's fault. The same report again changes nothing (rule 8).
func (d *Desk) Take(ctx context.Context, r shop.Report) (t Taken, err error) {
	if err := r.Check(); err != nil {
		return t, err
	}
	if r.Time.After(d.now().Add(24 * time.Hour)) {
		return t, shop.Invalid("time", "%s is more than a day ahead", r.Time.Format(time.RFC3339))
	}
	p, ok := d.set.Load().program(r.Site)
	if !ok {
		return t, ErrNoProgram
	}
	r = d.complete(r)
	err = d.book.Change(ctx, func(tx ledger.Tx) (err error) {
		t, err = d.take(tx, p, &r)
		return err
	})
	return t, err
}

// complete is a report with what it leaves to its site: the store and the
// currency. A site's stores are below it: who may tell of one site's orders can't
// name another's. The report that was given stays as it is.
func (d *Desk) complete(r shop.Report) shop.Report {
	r.Store = storeOf(r.Site, r.Store)
	r.Names = slices.Clone(r.Names)
	for i := range r.Names {
		r.Names[i].Store = r.Store
	}
	if r.Order != nil && r.Order.Currency == "" {
		o := *r.Order
		o.Currency = d.o.Money(r.Site)
		r.Order = &o
	}
	return r
}

// storeOf is a store as its orders' names have it.
func storeOf(site, store string) string {
	if store == "" || store == site {
		return site
	}
	return site + "/" + store
}

// take takes a report that is complete.
func (d *Desk) take(tx ledger.Tx, p ledger.Program, r *shop.Report) (t Taken, err error) {
	o, merged, err := d.find(tx, p, r)
	if err != nil {
		return t, err
	}
	fact := FactOf(r)
	fact.Order = o.ID
	before := o.Keys
	d.identify(&o, r)
	if err := tx.Orders().Put(o, names(o, r)...); err != nil { // a further name is kept also if the rest is known
		return t, err
	}
	facts, err := tx.Orders().Facts().Of(o.ID)
	if err != nil {
		return t, err
	}
	repeats := false
	if !r.Unsaid { // else nobody can tell a repeat of what was from a return to it: a content that was seen is a repeat (rule 8)
		if fact, repeats, err = Again(fact, facts); err != nil {
			return t, err
		}
	}
	added, err := tx.Orders().Facts().Add(fact)
	if err != nil {
		return t, err
	}
	if t.Duplicate = (!added || repeats) && !merged; added || merged || !slices.Equal(before, o.Keys) {
		if o, err = d.refresh(tx, p, o); err != nil {
			return t, err
		}
	}
	t.Order = o
	if t.Entries, err = tx.Money().Entries(ledger.EntryFilter{Order: o.ID}); err != nil {
		return t, err
	}
	slices.Reverse(t.Entries)
	decisions, err := tx.Orders().Facts().Decisions(o.ID)
	if n := len(decisions); n > 0 {
		t.Decision = decisions[n-1]
	}
	return t, err
}

// refresh makes an order what its facts say, attributes it and posts what follows.
func (d *Desk) refresh(tx ledger.Tx, p ledger.Program, o ledger.Order) (ledger.Order, error) {
	facts, err := tx.Orders().Facts().Of(o.ID)
	if err != nil {
		return o, err
	}
	since := o.Time
	if o, err = Current(o, facts); err != nil {
		return o, err
	}
	if o.Time.Before(since) {
		since = o.Time
	}
	if o, err = d.decide(tx, p, o, facts); err != nil {
		return o, err
	}
	return o, d.follow(tx, p, o, since)
}

// decide attributes an order, keeps it, posts what follows, and tells of it.
func (d *Desk) decide(tx ledger.Tx, p ledger.Program, o ledger.Order, facts []ledger.Fact) (ledger.Order, error) {
	watched, err := d.watch(tx, p.ID, o.ID)
	if err != nil {
		return o, err
	}
	if o.Known {
		if o, err = d.attribute(tx, p, o); err != nil {
			return o, err
		}
	}
	if err := tx.Orders().Put(o); err != nil {
		return o, err
	}
	if err := d.settle(tx, p, o, facts); err != nil {
		return o, err
	}
	return o, watched.tell()
}

// attribute decides whose an order is, unless that is settled (rule 4): a
// decision by hand holds, and when the order's hold is over so does the last one.
func (d *Desk) attribute(tx ledger.Tx, p ledger.Program, o ledger.Order) (ledger.Order, error) {
	decisions, err := tx.Orders().Facts().Decisions(o.ID)
	if err != nil {
		return o, err
	}
	q := Question{Program: p, Order: o}
	var last *ledger.Decision
	if n := len(decisions); n > 0 {
		last = &decisions[n-1]
	}
	if d.settled(p, o, decisions) {
		return handed(o, decisions), nil
	}
	if err := d.candidates(tx, p, o, &q); err != nil {
		return o, err
	}
	if last != nil && last.Affiliate != "" && q.Affiliates[last.Affiliate].Status != ledger.Active {
		return o, nil // who is paused or banned gets nothing new, but keeps what was there
	}
	decision := Decide(q)
	if last != nil && Same(*last, decision) {
		return o, d.suspect(tx, p, o, *last, q.Touches) // what is known of its customer now may tell more
	}
	decision.ID, decision.Order, decision.Time = d.id(), o.ID, d.now()
	if err := tx.Orders().Facts().Decide(decision); err != nil {
		return o, err
	}
	o = broughtBy(o, decision, q.Touches)
	return o, d.suspect(tx, p, o, decision, q.Touches)
}

// handed is an order as somebody has decided last, who may have decided of a part of
// it that was known by another name.
func handed(o ledger.Order, decisions []ledger.Decision) ledger.Order {
	last := ledger.Decision{ID: o.Decision}
	for _, d := range decisions {
		if d.By != "" && !d.Time.Before(last.Time) {
			last = d
		}
	}
	if last.ID == o.Decision {
		return o
	}
	return broughtBy(o, last, nil)
}

// underWay is how long after an order was decided first what was on its way then
// still counts, also without a hold: its click may wait in the queue.
const underWay = time.Hour

// settled reports whether the rules decide no more of an order: somebody has,
// its customer was erased, or its hold is over and what was on its way is there.
func (d *Desk) settled(p ledger.Program, o ledger.Order, decisions []ledger.Decision) bool {
	if len(decisions) == 0 {
		return false
	}
	byHand := slices.ContainsFunc(decisions, func(d ledger.Decision) bool { return d.By != "" })
	return byHand || o.Erased() || !d.now().Before(available(p, o)) && !d.now().Before(decisions[0].Time.Add(underWay))
}

// available is when an order's hold is over.
func available(p ledger.Program, o ledger.Order) time.Time {
	return o.Time.Add(time.Duration(p.Hold) * 24 * time.Hour)
}

// candidates gathers what an order can be attributed by. Touches of another
// window's length before are read too, so that the explanation can name them.
func (d *Desk) candidates(tx ledger.Tx, p ledger.Program, o ledger.Order, q *Question) error {
	keys, err := d.persons(tx, p.ID, o.Keys, false)
	if err != nil {
		return err
	}
	from, to := Window(p, o.Time)
	if len(keys) > 0 {
		if q.Touches, err = tx.Traffic().Touches(p.ID, from.Add(-to.Sub(from)), to, keys...); err != nil {
			return err
		}
	}
	for _, coupon := range o.Coupons {
		c, err := tx.Set().Codes().Get(coupon)
		switch {
		case err == nil && c.Kind == ledger.CouponCode && c.Program == p.ID:
			q.Coupons = append(q.Coupons, c)
		case err != nil && !errors.Is(err, ledger.ErrNotFound):
			return err
		}
	}
	if q.Bound, err = d.bound(tx, p, o); err != nil {
		return err
	}
	q.Affiliates = map[string]ledger.Affiliate{}
	all, err := tx.Set().Affiliates().Find("program", p.ID)
	for _, a := range all {
		q.Affiliates[a.ID] = a
	}
	return err
}

// bound finds the affiliate of the customer's first order that had one.
func (d *Desk) bound(tx ledger.Tx, p ledger.Program, o ledger.Order) (*Binding, error) {
	if p.Bind != ledger.BindCustomer || o.Customer == "" {
		return nil, nil
	}
	orders, err := tx.Orders().List(ledger.OrderFilter{Program: p.ID, Customer: o.Customer, To: o.Time})
	if err != nil {
		return nil, err
	}
	for _, earlier := range slices.Backward(orders) { // newest first
		if earlier.Affiliate != "" && earlier.ID != o.ID && confirmed(p, earlier) {
			return &Binding{Order: earlier.ID, Affiliate: earlier.Affiliate, Time: earlier.Time}, nil
		}
	}
	return nil, nil
}

// Bounds of following links from key to key.
const (
	maxLinks = 4  // steps
	maxKeys  = 64 // of one person
)

// persons adds to keys those that links tell to be of the same person. A click's
// id stands in an address, which may be passed on: it leads from a person to the
// click, and from the click to whoever opened that address only if that is asked for.
func (d *Desk) persons(tx ledger.Tx, program string, keys []ledger.Key, opened bool) ([]ledger.Key, error) {
	all, edge := slices.Clone(keys), slices.Clone(keys)
	isClick := func(k ledger.Key) bool { return strings.HasPrefix(string(k), "click:") }
	if !opened {
		edge = slices.DeleteFunc(edge, isClick)
	}
	for range maxLinks {
		if len(edge) == 0 || len(all) >= maxKeys {
			break
		}
		links, err := tx.Traffic().Links().Of(program, edge...)
		if err != nil {
			return nil, err
		}
		edge = nil
		for _, l := range links {
			for _, k := range []ledger.Key{l.A, l.B} {
				if slices.Contains(all, k) || len(all) >= maxKeys {
					continue
				}
				if all = append(all, k); !isClick(k) {
					edge = append(edge, k)
				}
			}
		}
	}
	return all, nil
}

// settle posts what an order's facts and decisions say is missing.
func (d *Desk) settle(tx ledger.Tx, p ledger.Program, o ledger.Order, facts []ledger.Fact) error {
	c := Case{Program: p, Order: o, Facts: facts, Now: d.now()}
	var err error
	if c.Decisions, err = tx.Orders().Facts().Decisions(o.ID); err != nil {
		return err
	}
	if c.Rules, err = tx.Set().Rules().Find("program", p.ID); err != nil {
		return err
	}
	if c.Ordinal, err = d.ordinal(tx, p, o, c.Rules); err != nil {
		return err
	}
	if c.Posted, err = tx.Money().Entries(ledger.EntryFilter{Order: o.ID}); err != nil {
		return err
	}
	if err := unclear(tx, c); err != nil {
		return err
	}
	entries, err := Settle(c)
	if err != nil { // amounts that no order has: it earns nothing, and nothing else waits for it
		return raise(tx, ledger.Flag{ID: flagID(o.ID, o.Affiliate, AmountUnclear), Program: p.ID, Affiliate: o.Affiliate, Order: o.ID, Type: AmountUnclear,
			Evidence: err.Error(), State: ledger.Open}, c.Now)
	}
	if len(entries) == 0 {
		return nil
	}
	for i := range entries {
		entries[i].ID = event.NewID(c.Now)
	}
	return tx.Money().Post(entries...)
}

// unclear raises a flag on an order for each refund that nobody can count: it
// holds the commission, of whoever has the order, until somebody has looked.
func unclear(tx ledger.Tx, c Case) error {
	if c.Order.Affiliate == "" || !slices.ContainsFunc(c.Facts, func(f ledger.Fact) bool { return f.Kind == ledger.Refund }) {
		return nil
	}
	odd, err := Uncounted(c)
	if err != nil {
		return nil // settle says so
	}
	for _, fact := range odd {
		if err := raise(tx, ledger.Flag{ID: flagID(c.Order.ID, c.Order.Affiliate, RefundUnclear+" "+fact), Program: c.Program.ID, Affiliate: c.Order.Affiliate, Order: c.Order.ID, Type: RefundUnclear,
			Evidence: "the refund " + fact + " is in another currency than the order or of lines that it does not have, and takes nothing away", State: ledger.Open}, c.Now); err != nil {
			return err
		}
	}
	return nil
}

// raise keeps a flag, once: whatever was decided of it since stays.
func raise(tx ledger.Tx, f ledger.Flag, now time.Time) error {
	f.Created, f.Changed = now, now
	if err := tx.Money().Tables().Flags().Add(f); !errors.Is(err, ledger.ErrTaken) {
		return err
	}
	return nil
}

// suspect raises flags on an order's new attribution (rule 15).
func (d *Desk) suspect(tx ledger.Tx, p ledger.Program, o ledger.Order, decision ledger.Decision, touches []ledger.Touch) error {
	if decision.Affiliate == "" {
		return nil
	}
	a, err := tx.Set().Affiliates().Get(decision.Affiliate)
	if err != nil {
		return err
	}
	if a.User != "" {
		a.User = strings.TrimPrefix(string(d.private(ledger.Key("user:"+a.User))), "user:")
	}
	s := Suspicion{Program: p, Affiliate: a, Order: o}
	if customer := d.customer(a.Email); customer != "" {
		s.Address = []ledger.Key{customer, d.private(ledger.Key("user:" + a.Email))}
	}
	if s.Person, err = d.persons(tx, p.ID, o.Keys, false); err != nil {
		return err
	}
	for i := range touches {
		t := &touches[i]
		if t.ID == decision.Touch {
			s.Winner = t
		}
		if t.Affiliate == a.ID && !t.Time.Before(o.Time.Add(-24*time.Hour)) {
			s.Recent = append(s.Recent, *t)
		}
	}
	if s.Claim, err = d.claim(tx, p, o, s.Winner, touches); err != nil {
		return err
	}
	codes, err := tx.Set().Codes().Find("affiliate", a.ID)
	if err != nil {
		return err
	}
	for _, c := range codes {
		s.OwnCodes = append(s.OwnCodes, c.ID)
	}
	for _, f := range Suspect(s) {
		if err := raise(tx, f, d.now()); err != nil {
			return err
		}
	}
	return nil
}
