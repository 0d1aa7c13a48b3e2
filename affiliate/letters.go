package affiliate

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"footfall/ledger"
	"footfall/mail"
	"footfall/webhook"
)

// AffiliateAccepted is a notice to whoever applied, by e-mail alone.
const AffiliateAccepted = "affiliate.accepted"

// letters are the kinds of notices that affiliates themselves get, by e-mail.
var letters = map[string]mail.Kind{AffiliateAccepted: mail.Acceptance, PayoutApproved: mail.PayoutApproved, PayoutPaid: mail.PayoutPaid, PayoutFailed: mail.PayoutFailed}

// write keeps a notice to an affiliate, in the transaction of what it tells of,
// if affiliates are written to.
func (d *Desk) write(tx ledger.Tx, a ledger.Affiliate, kind string, data any) error {
	if _, known := letters[kind]; !d.o.Mail || !known || a.Email == "" {
		return nil
	}
	now := d.now()
	b := NoticeBody{ID: d.noticeID(), Kind: kind, Created: now, Program: a.Program, Data: data}
	body, err := b.body()
	if err != nil {
		return err
	}
	return tx.Money().Tables().Outbox().Add(ledger.Notice{ID: d.noticeID(), Event: b.ID, Program: a.Program, To: ledger.To(ledger.ToAffiliate, a.ID), Kind: kind,
		Body: body, Created: now, State: ledger.Waiting, Due: now})
}

// writePayout keeps a notice of a payout's new state, unless the programme keeps quiet.
func (d *Desk) writePayout(tx ledger.Tx, p ledger.Payout, data PayoutData) error {
	if !d.o.Mail {
		return nil
	}
	program, err := tx.Set().Programs().Get(p.Program)
	if err != nil || program.QuietPayouts {
		return err
	}
	a, err := tx.Set().Affiliates().Get(p.Affiliate)
	if err != nil {
		return err
	}
	return d.write(tx, a, "payout."+string(p.State), data)
}

// accepted reports whether a change of an affiliate accepts an application.
func accepted(before, now ledger.Affiliate) bool {
	return before.Status == ledger.Applied && now.Status == ledger.Active
}

// MailingOptions configures a Mailing. All are needed but Log and Server.
type MailingOptions struct {
	Log    *slog.Logger // nil is slog.Default
	Origin string       // of the server's pages: "https://stats.example.com"
	Server string       // its name in letters
	// Send gives the mail server a letter once. What it does not take is a *mail.Failure.
	Send func(ctx context.Context, kind mail.Kind, m mail.Message) (said string, err error)
	// Login gives an affiliate a log-in: a path to set a password by, or "" for who has one.
	Login func(ctx context.Context, a Affiliate) (path string, err error)
}

// Mailing brings affiliates the notices that wait for them in the ledger, by
// e-mail: each until the mail server takes it, at least once. One that was cut
// off between the server's yes and the ledger's note is sent again, with the
// Message-ID that it had.
type Mailing struct {
	d *Desk
	o MailingOptions
}

// NewMailing makes a Mailing of a desk's notices.
func NewMailing(d *Desk, o MailingOptions) *Mailing {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Mailing{d, o}
}

const (
	looks     = time.Second      // how often the outbox is looked at
	troubled  = 10 * time.Second // the same, after the mail server has not worked
	kept      = 8                // answers of a notice
	timeOfTry = 40 * time.Second
)

// Run delivers until ctx ends; a letter that is on its way then is waited for.
func (m *Mailing) Run(ctx context.Context) {
	trouble := ""
	for {
		pause := looks
		err := m.round(ctx)
		if err != nil {
			pause = troubled
			if err.Error() != trouble && ctx.Err() == nil {
				m.o.Log.Warn("e-mail to affiliates waits, and is tried again", "error", err) // told once
			}
			trouble = err.Error()
		} else {
			trouble = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// round delivers what is due. It ends where the mail server does not work, which
// is no fault of the letters behind.
func (m *Mailing) round(ctx context.Context) error {
	var due []ledger.Notice
	err := m.d.book.View(ctx, func(tx ledger.Tx) (err error) {
		due, err = tx.Money().Tables().Outbox().Due(ledger.ToAffiliate, m.d.now(), 1)
		return err
	})
	var before []ledger.Notice // the letter before, with what came of it
	for _, n := range due {
		if err != nil || ctx.Err() != nil {
			break
		}
		n.Due = m.d.now().Add(webhook.Pause(n.Tries))
		n.Tries++
		if err := m.keep(ctx, append(before, n)...); err != nil {
			return err // and nothing is sent, lest it be sent again and again
		}
		n, err = m.deliver(context.WithoutCancel(ctx), n)
		before = []ledger.Notice{n}
	}
	if kept := m.keep(ctx, before...); kept != nil {
		return kept
	}
	return err
}

// keep writes notices in one transaction: what came of a letter, and the next one
// with a try that is counted before it is made and put off until after the pause
// that follows one, which is all that is left of a try that is cut off.
func (m *Mailing) keep(ctx context.Context, notices ...ledger.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	return m.d.book.Change(context.WithoutCancel(ctx), func(tx ledger.Tx) error {
		for _, n := range notices {
			if err := tx.Money().Tables().Outbox().Put(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliver tries a notice that was claimed once, and is the notice with what came of
// it. The error is one of the mail server that is no fault of this letter.
func (m *Mailing) deliver(ctx context.Context, n ledger.Notice) (ledger.Notice, error) {
	ctx, cancel := context.WithTimeout(ctx, timeOfTry)
	defer cancel()
	began := m.d.now()
	letter, why, err := m.letter(ctx, n)
	if err == nil && why == "" {
		_, err = m.o.Send(ctx, letters[n.Kind], letter)
	}
	n = m.settled(n, began, why, err)
	if failure, failed := errors.AsType[*mail.Failure](err); failed && failure.OfOne() {
		return n, nil
	}
	return n, err
}

// settled is a notice with what came of a try: why nothing is sent, or the error.
func (m *Mailing) settled(n ledger.Notice, began time.Time, why string, err error) ledger.Notice {
	now := m.d.now()
	answer := ledger.Answer{At: began, Took: now.Sub(began), Why: why}
	n.State, n.Why, n.Settled = ledger.Delivered, why, now
	failure, failed := errors.AsType[*mail.Failure](err)
	switch before := n.Tries - 1; {
	case why != "":
		n.State = ledger.Dead
	case err == nil:
		answer.Status = 250
	default:
		n.Why = err.Error()
		answer.Why = n.Why
		if failed {
			answer.Status = failure.Code
		}
		if n.State = ledger.Dead; !(failed && failure.Final()) && webhook.Tried(before) < webhook.Life {
			n.State, n.Settled, n.Due = ledger.Waiting, time.Time{}, now.Add(webhook.Pause(before))
		}
	}
	n.Answers = append(slices.Clone(n.Answers), answer)
	n.Answers = n.Answers[max(0, len(n.Answers)-kept):]
	if n.State == ledger.Dead {
		m.o.Log.Warn("a letter to an affiliate is given up", "affiliate", n.To, "kind", n.Kind, "why", n.Why)
	}
	return n
}

// letter writes what a notice tells; or says why it is not told any more.
func (m *Mailing) letter(ctx context.Context, n ledger.Notice) (letter mail.Message, why string, err error) {
	about := mail.About{Server: m.o.Server, Life: "a week"}
	var a ledger.Affiliate
	err = m.d.book.View(ctx, func(tx ledger.Tx) (err error) {
		_, id := ledger.Recipient(n.To)
		if a, err = tx.Set().Affiliates().Get(id); err != nil {
			return err
		}
		p, err := tx.Set().Programs().Get(a.Program)
		if err != nil {
			return err
		}
		about.Program = p.Name
		if n.Kind == AffiliateAccepted {
			return nil
		}
		if p.QuietPayouts {
			why = "the programme sends no e-mail about payouts"
			return nil
		}
		why, err = tell(tx, n, &about)
		return err
	})
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return letter, "what it tells of is not there any more", nil
	case err != nil || why != "":
		return letter, why, err
	case n.Kind == AffiliateAccepted && (a.Status == ledger.Banned || a.Status == ledger.Applied):
		return letter, "the affiliate is not accepted any more, but " + string(a.Status), nil // and gets no log-in
	case a.Email == "":
		return letter, "the affiliate has no address", nil
	}
	path := "/portal/payouts"
	switch n.Kind {
	case PayoutFailed:
		path = "/portal/profile" // what is likely to mend it
	case AffiliateAccepted:
		if path, err = m.o.Login(ctx, a); err != nil {
			return letter, "", err
		}
		if path == "" {
			path, about.HasLogin = "/portal", true
		}
	}
	about.Link = m.o.Origin + path
	return mail.Write(letters[n.Kind], n.ID, mail.Address{Name: a.Name, Email: a.Email}, about), "", nil
}

// tell reads what a letter about a payout tells: what the notice said, and where
// the money goes; or says why it is not true any more.
func tell(tx ledger.Tx, n ledger.Notice, about *mail.About) (why string, err error) {
	var of struct{ Data PayoutData }
	if err := json.Unmarshal(n.Body, &of); err != nil {
		return "", err
	}
	p, err := tx.Money().Tables().Payouts().Get(of.Data.Payout)
	if n.Kind != PayoutFailed && p.State == ledger.Failed {
		why = "the payout failed meanwhile"
	}
	about.Payout, about.Amount, about.Reference, about.Account = p.ID, of.Data.Amount.Value+" "+of.Data.Amount.Currency, of.Data.External, p.Account
	about.Reason = of.Data.Reason
	return why, err
}
