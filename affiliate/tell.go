package affiliate

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// telling writes what happens in a programme into the outbox, in the transaction
// in which it happens. A nil one has nobody to tell, and costs nothing.
type telling struct {
	d       *Desk
	tx      ledger.Tx
	program string
	hooks   []ledger.Hook
}

// telling finds who is told of a programme; nil if nobody is.
func (d *Desk) telling(tx ledger.Tx, program string) (*telling, error) {
	hooks, err := tx.Money().Tables().Hooks().Find("program", program)
	hooks = slices.DeleteFunc(hooks, func(h ledger.Hook) bool { return h.State == ledger.HookRemoved })
	if err != nil || len(hooks) == 0 {
		return nil, err
	}
	return &telling{d: d, tx: tx, program: program, hooks: hooks}, nil
}

// tell keeps a notice for each hook that wants its kind: one event, by one id.
func (t *telling) tell(kind string, data any) error {
	hooks := slices.DeleteFunc(slices.Clone(t.hooks), func(h ledger.Hook) bool {
		return len(h.Kinds) > 0 && !slices.Contains(h.Kinds, kind)
	})
	return t.d.tell(t.tx, t.program, kind, data, hooks...)
}

// whilePaused is why a notice to a hook that is paused is dead from the first.
const whilePaused = "the webhook was paused"

// noticeID is an id above those of all notices before: they are made one after
// the other, and sorted as they were made, however many a millisecond has.
func (d *Desk) noticeID() string {
	for {
		last := d.notice.Load()
		next := max(d.now().UnixMilli(), last+1)
		if d.notice.CompareAndSwap(last, next) {
			return event.NewID(time.UnixMilli(next))
		}
	}
}

// tell keeps a notice to hooks.
func (d *Desk) tell(tx ledger.Tx, program, kind string, data any, hooks ...ledger.Hook) error {
	if len(hooks) == 0 {
		return nil
	}
	now := d.now()
	b := NoticeBody{ID: d.noticeID(), Kind: kind, Created: now, Program: program, Data: data}
	body, err := b.body()
	if err != nil {
		return err
	}
	notices := make([]ledger.Notice, len(hooks))
	for i, h := range hooks {
		notices[i] = ledger.Notice{ID: d.noticeID(), Event: b.ID, Program: program, To: ledger.To(ledger.ToHook, h.ID), Kind: kind, Body: body, Created: now, State: ledger.Waiting, Due: now}
		if h.State == ledger.HookPaused {
			notices[i].State, notices[i].Why, notices[i].Settled = ledger.Dead, whilePaused, now
		}
	}
	return tx.Money().Tables().Outbox().Add(notices...)
}

// watched is an order that is about to change; nil if nobody is told.
type watched struct {
	*telling
	before seen
	since  time.Time // up to when it was told what became available
}

// watch sees an order before it changes.
func (d *Desk) watch(tx ledger.Tx, program, order string) (*watched, error) {
	t, err := d.telling(tx, program)
	if t == nil || err != nil {
		return nil, err
	}
	w := &watched{telling: t}
	if w.since, err = tx.Traffic().Reading().Told(program); err != nil {
		return nil, err
	}
	w.before, err = see(tx, order)
	return w, err
}

// tell tells what has become of the order since.
func (w *watched) tell() error {
	if w == nil {
		return nil
	}
	after, err := see(w.tx, w.before.order.ID)
	if err != nil {
		return err
	}
	if after.order.Affiliate != w.before.order.Affiliate {
		if err := w.attributed(after.order, w.before.order.Affiliate); err != nil {
			return err
		}
	}
	return w.changed(after, changes(w.before, after, w.since, w.since))
}

// see sees an order as it is now.
func see(tx ledger.Tx, order string) (s seen, err error) {
	s = seen{order: ledger.Order{ID: order}, holding: map[string][]string{}}
	if o, err := tx.Orders().Order(ledger.Name{Kind: "id", Value: order}); err == nil {
		s.order = o
	} else if !errors.Is(err, ledger.ErrNotFound) {
		return s, err
	}
	if s.entries, err = tx.Money().Entries(ledger.EntryFilter{Order: order}); err != nil {
		return s, err
	}
	flags, err := tx.Money().Tables().Flags().Find("order", order)
	if err != nil {
		return s, err
	}
	owners := map[string]bool{}
	for _, e := range s.entries {
		owners[e.Affiliate] = true
	}
	for affiliate := range owners { // flags of all that the affiliate has
		more, err := tx.Money().Tables().Flags().Find("affiliate", affiliate)
		if err != nil {
			return s, err
		}
		flags = append(flags, slices.DeleteFunc(more, func(f ledger.Flag) bool { return f.Order != "" })...)
	}
	for _, f := range flags {
		if types := s.holding[f.Affiliate]; f.State != ledger.Cleared && !slices.Contains(types, f.Type) {
			s.holding[f.Affiliate] = append(types, f.Type)
		}
	}
	for _, types := range s.holding {
		slices.Sort(types)
	}
	return s, nil
}

// attributed tells that an order has changed hands.
func (t *telling) attributed(o ledger.Order, before string) (err error) {
	data := AttributionData{Order: noticeOrder(o)}
	if o.Affiliate != "" {
		data.Affiliate, err = t.affiliate(o.Affiliate)
	}
	if err == nil && before != "" {
		data.Previous, err = t.affiliate(before)
	}
	if err != nil {
		return err
	}
	decision, code, err := t.winner(o)
	if err != nil {
		return err
	}
	data.Rule, data.Click, data.Code = decision.Rule, decision.Touch, code
	return t.tell(OrderAttributed, data)
}

// changed tells what became of the money of an order that is seen, and what there
// is of it by now.
func (t *telling) changed(s seen, all []news) error {
	o, is := s.order, s.stands(t.d.now())
	for _, c := range all {
		left := is[c.owner]
		a, err := t.affiliate(c.affiliate)
		if err != nil {
			return err
		}
		amount := func(minor int64) NoticeAmount { return noticeAmount(minor, c.currency) }
		data := CommissionData{Order: noticeOrder(o), Affiliate: *a, Amount: amount(c.amount), Reason: c.reason,
			Earned: amount(left.earned), Held: amount(left.held), Available: amount(left.available), Entries: []NoticeEntry{}}
		for _, e := range c.entries {
			data.Entries = append(data.Entries, NoticeEntry{e.ID, e.Line, e.Product, e.Kind, amount(e.Amount)})
		}
		if c.affiliate == o.Affiliate {
			decision, code, err := t.winner(o)
			if err != nil {
				return err
			}
			data.Click, data.Code = decision.Touch, code
		}
		if err := t.tell(c.kind, data); err != nil {
			return err
		}
	}
	return nil
}

func (t *telling) affiliate(id string) (*NoticeAffiliate, error) {
	a, err := t.tx.Set().Affiliates().Get(id)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	return &NoticeAffiliate{id, a.Name}, nil
}

func noticeOrder(o ledger.Order) NoticeOrder {
	net := int64(0)
	for _, l := range o.Lines {
		net += l.Net
	}
	return NoticeOrder{o.ID, o.Site, o.Store, o.Number, o.Time, o.Verified, noticeAmount(net, o.Currency)}
}

// winner is the decision in force of an order, and the code that won by it.
func (t *telling) winner(o ledger.Order) (d ledger.Decision, code string, err error) {
	decisions, err := t.tx.Orders().Facts().Decisions(o.ID)
	if err != nil || len(decisions) == 0 {
		return d, "", err
	}
	d = decisions[len(decisions)-1]
	if d.Rule == RuleCoupon {
		for _, c := range d.Explain {
			if c.Kept && c.Kind == KindCoupon {
				return d, c.ID, nil
			}
		}
	}
	if d.Touch == "" {
		return d, "", nil
	}
	touches, err := t.tx.Traffic().Touches(o.Program, time.Time{}, o.Time, ledger.Key("click:"+d.Touch))
	for _, touch := range touches {
		if touch.ID == d.Touch {
			code = touch.Code
		}
	}
	return d, code, err
}

// paid tells how far a payout is.
func (d *Desk) paid(tx ledger.Tx, p ledger.Payout) error {
	data := PayoutData{Payout: p.ID, State: p.State, Affiliate: NoticeAffiliate{p.Affiliate, p.Name}, Amount: noticeAmount(p.Amount, p.Currency),
		Cutoff: p.Cutoff, Entries: p.Entries, External: p.External, Reason: p.Why}
	if err := d.writePayout(tx, p, data); err != nil {
		return err
	}
	t, err := d.telling(tx, p.Program)
	if t == nil || err != nil {
		return err
	}
	return t.tell("payout."+string(p.State), data)
}

// What Ripen tells of in one transaction.
const (
	atOnce   = 200            // orders
	ripeStep = 24 * time.Hour // of which it reads entries, after a long time off
)

// Ripen tells which commissions time alone has made available since it told so
// last, in every programme that has a hook. Each is told once, however often and
// by however many at once it is called.
func (d *Desk) Ripen(ctx context.Context) error {
	for _, p := range slices.Sorted(maps.Keys(d.set.Load().programs)) {
		for more := true; more; {
			err := d.book.Change(ctx, func(tx ledger.Tx) (err error) {
				more, err = d.ripen(tx, p)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ripened is what Ripen does of one programme, within a transaction.
func (d *Desk) ripened(tx ledger.Tx, program string) (err error) {
	for more := true; more && err == nil; {
		more, err = d.ripen(tx, program)
	}
	return err
}

// ripen tells of a programme's next few orders; more is true if there may be others.
func (d *Desk) ripen(tx ledger.Tx, program string) (more bool, err error) {
	t, err := d.telling(tx, program)
	if t == nil || err != nil {
		return false, err
	}
	since, err := tx.Traffic().Reading().Told(program)
	now := d.now()
	if err != nil || !since.Before(now) {
		return false, err // the clock may have been set back
	}
	if since.IsZero() {
		return false, tx.Traffic().Reading().SetTold(program, now)
	}
	if step := since.Add(ripeStep); now.After(step) {
		now, more = step, true
	}
	entries, err := tx.Money().Entries(ledger.EntryFilter{Program: program, RipeFrom: since.Add(time.Millisecond), RipeTo: now.Add(time.Millisecond)})
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b ledger.Entry) int { return cmp.Or(a.Available.Compare(b.Available), byID(a, b)) })
	var orders []string
	for i, e := range entries {
		if i > 0 && len(orders) >= atOnce && e.Available.After(entries[i-1].Available) {
			now, more = entries[i-1].Available, true
			break
		}
		if e.Order != "" && !slices.Contains(orders, e.Order) {
			orders = append(orders, e.Order)
		}
	}
	for _, order := range orders {
		s, err := see(tx, order)
		if err == nil {
			err = t.changed(s, changes(s, s, since, now))
		}
		if err != nil {
			return false, err
		}
	}
	return more, tx.Traffic().Reading().SetTold(program, now)
}

// judged tells what the decision of a flag changes: of its order, or of all
// orders that the affiliate has something unpaid of.
func (d *Desk) judged(tx ledger.Tx, f ledger.Flag, decide func() error) error {
	held := []ledger.Entry{{Order: f.Order}}
	if f.Order == "" {
		var err error
		if held, err = tx.Money().Entries(ledger.EntryFilter{Program: f.Program, Affiliate: f.Affiliate, Unpaid: true}); err != nil {
			return err
		}
	}
	return d.watching(tx, f.Program, held, decide)
}

// watching tells what a change makes of the orders that some entries are of.
func (d *Desk) watching(tx ledger.Tx, program string, entries []ledger.Entry, change func() error) error {
	var orders []string
	for _, e := range entries {
		if strings.TrimSpace(e.Order) != "" {
			orders = append(orders, e.Order)
		}
	}
	slices.Sort(orders)
	orders = slices.Compact(orders)
	all := make([]*watched, len(orders))
	for i, o := range orders {
		var err error
		if all[i], err = d.watch(tx, program, o); err != nil {
			return err
		}
	}
	if err := change(); err != nil {
		return err
	}
	for _, w := range all {
		if err := w.tell(); err != nil {
			return err
		}
	}
	return nil
}
