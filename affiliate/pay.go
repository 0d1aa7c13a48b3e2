package affiliate

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// Proposal is a payout as it would be made.
type Proposal struct {
	Payout  ledger.Payout
	Entries []ledger.Entry
}

// Propose tells which payouts a programme can make of what is available before
// the cut-off, by affiliate and currency. It changes nothing.
func (d *Desk) Propose(ctx context.Context, program string, cutoff time.Time) (all []Proposal, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = d.propose(tx, program, cutoff.UTC())
		return err
	})
	return all, err
}

func (d *Desk) propose(tx ledger.Tx, program string, cutoff time.Time) ([]Proposal, error) {
	p, err := tx.Set().Programs().Get(program)
	if err != nil {
		return nil, absent(err, "program", program)
	}
	if cutoff = cutoff.Truncate(time.Millisecond); cutoff.After(d.now()) {
		return nil, shop.Invalid("cut_off", "is ahead: what is available then is not known yet")
	}
	held, err := holds(tx, program)
	if err != nil {
		return nil, err
	}
	unpaid, err := tx.Money().Entries(ledger.EntryFilter{Program: program, Unpaid: true})
	if err != nil {
		return nil, err
	}
	of := map[string][]ledger.Entry{}
	for _, e := range unpaid {
		of[e.Affiliate] = append(of[e.Affiliate], e)
	}
	var all []Proposal
	for _, affiliate := range slices.Sorted(maps.Keys(of)) {
		if held.affiliates[affiliate] {
			continue
		}
		selected := Select(p, of[affiliate], held.below(affiliate, of[affiliate]), cutoff)
		for _, currency := range slices.Sorted(maps.Keys(selected)) {
			entries := selected[currency]
			all = append(all, Proposal{DraftOf(program, affiliate, currency, entries, cutoff, d.now()), entries})
		}
	}
	return all, nil
}

// held is what flags hold: all of an affiliate, or what an affiliate has of an order.
type held struct{ orders, affiliates map[string]bool }

// of tells of one affiliate's orders which are held.
func (h held) of(affiliate string) func(order string) bool {
	return func(order string) bool { return h.affiliates[affiliate] || h.orders[order+" "+affiliate] }
}

// below is of, but for orders of which the unpaid entries take back what was paid
// already, in a currency: a flag keeps money from going out, and none from coming back.
func (h held) below(affiliate string, unpaid []ledger.Entry) func(order, currency string) bool {
	sums := map[[2]string]int64{}
	for _, e := range unpaid {
		sums[[2]string{e.Order, e.Currency}] += e.Amount
	}
	return func(order, currency string) bool {
		return h.of(affiliate)(order) && sums[[2]string{order, currency}] > 0
	}
}

// holds reads what a programme's open and confirmed flags hold.
func holds(tx ledger.Tx, program string) (h held, err error) {
	h = held{map[string]bool{}, map[string]bool{}}
	flags, err := tx.Money().Tables().Flags().Find("program", program)
	for _, f := range flags {
		switch {
		case f.State == ledger.Cleared:
		case f.Order != "":
			h.orders[f.Order+" "+f.Affiliate] = true
		default:
			h.affiliates[f.Affiliate] = true
		}
	}
	return h, err
}

// ErrChanged means that a payout would not be what was seen.
var ErrChanged error = &shop.InvalidError{Field: "payout", Why: "is not what it was any more: look at the proposal again"}

// Pick chooses what is paid, of what could be at the moment of approval: each
// payout once.
type Pick func(all []Proposal) ([]Proposal, error)

// Exactly picks what was seen, by the hash of its entries or the beginning of it
// that was shown, and by affiliate and currency where they are given. Where one of it
// is not what it was any more, that is ErrChanged.
func Exactly(seen ...ledger.Payout) Pick {
	return func(all []Proposal) (picked []Proposal, err error) {
		for _, want := range seen {
			var found []Proposal
			for _, p := range all {
				if want.Hash != "" && strings.HasPrefix(p.Payout.Hash, want.Hash) && asGiven(want.Affiliate, p.Payout.Affiliate) && asGiven(want.Currency, p.Payout.Currency) {
					found = append(found, p)
				}
			}
			switch len(found) {
			case 0:
				return nil, ErrChanged
			case 1:
				picked = append(picked, found[0])
			default:
				return nil, shop.Invalid("payout", "%s begins more than one: write more of the hash", want.Hash)
			}
		}
		return picked, nil
	}
}

// asGiven reports whether something is as it was given, if it was.
func asGiven(given, is string) bool { return given == "" || given == is }

// Approve makes payouts of what is picked of the proposals. Their entries are in
// no other payout then (rule 16). pick may be run again from the start.
func (d *Desk) Approve(ctx context.Context, program string, cutoff time.Time, pick Pick) (made []ledger.Payout, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) error {
		made = nil
		if err := d.ripened(tx, program); err != nil { // what is in a payout is told of no more
			return err
		}
		proposals, err := d.propose(tx, program, cutoff.UTC())
		if err == nil {
			proposals, err = pick(proposals)
		}
		if err != nil {
			return err
		}
		hashes := map[string]bool{} // of entries, so that no two are the same
		for _, proposal := range proposals {
			hash := proposal.Payout.Hash
			if hashes[hash] {
				return shop.Invalid("payout", "%s is picked twice: name each once", hash)
			}
			hashes[hash] = true
			p, err := d.pay(tx, proposal)
			if err != nil {
				return err
			}
			made = append(made, p)
		}
		return nil
	})
	return made, err
}

// pay makes a payout of a proposal, with who gets it and where as that is now.
func (d *Desk) pay(tx ledger.Tx, proposal Proposal) (ledger.Payout, error) {
	p := proposal.Payout
	p.ID, p.State = d.id(), ledger.Approved
	a, err := tx.Set().Affiliates().Get(p.Affiliate)
	if err != nil {
		return p, err
	}
	p.Name, p.Email, p.Account = a.Name, a.Email, a.Payout
	if err := tx.Money().Tables().Payouts().Add(p); err != nil {
		return p, err
	}
	if err := tx.Money().Take(p.ID, ids(proposal.Entries)...); err != nil {
		return p, err
	}
	return p, d.paid(tx, p)
}

func ids(entries []ledger.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.ID
	}
	return out
}

// Advance moves a payout on: sent, paid, or failed with a reason. Money that
// leaves is an entry, and so is money that comes back; what a failed payout
// held is free for the next one.
func (d *Desk) Advance(ctx context.Context, payout string, to ledger.PayoutState, external, why string) (p ledger.Payout, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) (err error) {
		if p, err = tx.Money().Tables().Payouts().Get(payout); err != nil {
			return absent(err, "payout", payout)
		}
		before := p.State
		if err := Move(p, to); err != nil {
			return err
		}
		p.State, p.Changed = to, d.now()
		if external != "" {
			p.External = external
		}
		switch {
		case to == ledger.Sent:
			err = d.post(tx, p, ledger.PaidOut, -p.Amount)
		case to == ledger.Failed:
			p.Why = why
			err = d.free(tx, p, before)
		}
		if err := errors.Join(err, tx.Money().Tables().Payouts().Put(p)); err != nil {
			return err
		}
		return d.paid(tx, p)
	})
	return p, err
}

// free undoes what a payout did.
func (d *Desk) free(tx ledger.Tx, p ledger.Payout, before ledger.PayoutState) error {
	if before == ledger.Sent {
		if err := d.post(tx, p, ledger.PayoutFailed, p.Amount); err != nil {
			return err
		}
	}
	entries, err := tx.Money().Entries(ledger.EntryFilter{Payout: p.ID})
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return !e.Kind.Payable() })
	return d.watching(tx, p.Program, entries, func() error { return tx.Money().Take("", ids(entries)...) })
}

// post posts that a payout's money moves.
func (d *Desk) post(tx ledger.Tx, p ledger.Payout, kind ledger.EntryKind, amount int64) error {
	return tx.Money().Post(ledger.Entry{ID: d.id(), Program: p.Program, Affiliate: p.Affiliate, Kind: kind, Amount: amount, Currency: p.Currency,
		Occurred: d.now(), Available: d.now(), Posted: d.now(), Cause: p.ID, Payout: p.ID})
}

// Payouts lists a programme's payouts, oldest first; an affiliate's only if one
// is named.
func (d *Desk) Payouts(ctx context.Context, program, affiliate string) (all []ledger.Payout, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Money().Tables().Payouts().Find("program", program)
		return err
	})
	return slices.DeleteFunc(all, func(p ledger.Payout) bool { return affiliate != "" && p.Affiliate != affiliate }), err
}

// Assign gives an order to an affiliate by hand, or to nobody (""), from now on.
// An order of which no content came can't be given.
func (d *Desk) Assign(ctx context.Context, order, affiliate, by, why string) (t Taken, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) error {
		o, err := tx.Orders().Order(ledger.Name{Kind: "id", Value: order})
		if err != nil {
			return absent(err, "order", order)
		}
		if by == "" {
			return shop.Invalid("by", "is missing: who decides?")
		}
		if !o.Known { // it may become part of another one, which nobody has decided then
			return shop.Invalid("order", "%s has refunds or disputes alone, and may be a part of one that is known by another name: assign it when the shop has told what was ordered", o.ID)
		}
		if affiliate != "" {
			a, err := tx.Set().Affiliates().Get(affiliate)
			if err != nil || a.Program != o.Program {
				return absent(errors.Join(err, ledger.ErrNotFound), "affiliate", affiliate)
			}
		}
		p, err := tx.Set().Programs().Get(o.Program)
		if err != nil {
			return err
		}
		t.Decision = ledger.Decision{ID: d.id(), Order: o.ID, Affiliate: affiliate, Rule: "manual", Time: d.now(), By: by,
			Explain: []ledger.Candidate{{Kind: "manual", Affiliate: affiliate, Time: d.now(), Kept: true, Reason: why}}}
		if err := tx.Orders().Facts().Decide(t.Decision); err != nil {
			return err
		}
		t.Order, err = d.refresh(tx, p, broughtBy(o, t.Decision, nil))
		return err
	})
	return t, err
}

// Judge decides a flag: cleared lets go what it holds, confirmed holds it for good.
func (d *Desk) Judge(ctx context.Context, flag string, state ledger.FlagState, by string) (f ledger.Flag, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) (err error) {
		if f, err = tx.Money().Tables().Flags().Get(flag); err != nil {
			return absent(err, "flag", flag)
		}
		if state != ledger.Cleared && state != ledger.Confirmed {
			return shop.Invalid("state", "must be cleared or confirmed")
		}
		f.State, f.By, f.Changed = state, by, d.now()
		return d.judged(tx, f, func() error { return tx.Money().Tables().Flags().Put(f) })
	})
	return f, err
}

// Flags lists a programme's flags by ID.
func (d *Desk) Flags(ctx context.Context, program string) (all []ledger.Flag, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Money().Tables().Flags().Find("program", program)
		return err
	})
	return all, err
}

// ExportPayouts writes a programme's payouts that are approved or on their way
// in one of sheet.Formats. What has not changed is written the same again (rule 16).
func (d *Desk) ExportPayouts(ctx context.Context, w io.Writer, format, program string) error {
	var rows []ledger.Payout
	err := d.book.View(ctx, func(tx ledger.Tx) error {
		all, err := tx.Money().Tables().Payouts().Find("program", program)
		if err != nil {
			return err
		}
		for _, p := range all {
			if p.State == ledger.Approved || p.State == ledger.Sent {
				rows = append(rows, p)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return WritePayouts(w, format, rows)
}

// Statement writes the commissions that a payout is made of in one of sheet.Formats.
// That they are what the payout was made of is checked, not believed.
func (d *Desk) Statement(ctx context.Context, w io.Writer, format, payout string) error {
	var p ledger.Payout
	var entries []ledger.Entry
	err := d.book.View(ctx, func(tx ledger.Tx) (err error) {
		if p, err = tx.Money().Tables().Payouts().Get(payout); err != nil {
			return absent(err, "payout", payout)
		}
		entries, err = tx.Money().Entries(ledger.EntryFilter{Payout: payout})
		return err
	})
	if err != nil {
		return err
	}
	return WriteStatement(w, format, p, entries)
}
