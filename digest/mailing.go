package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"footfall/account"
	"footfall/ledger"
	"footfall/mail"
	"footfall/webhook"
)

// Kept is the control data that reports need.
type Kept interface {
	account.Subscriptions
	account.Secrets
	Person(ctx context.Context, idOrEmail string) (account.Person, error)
	Grants(ctx context.Context, person string) ([]account.Grant, error)
	Sites(ctx context.Context) ([]account.Site, error)
}

// Options configures a Mailing. All are needed but Log, Now and Server.
type Options struct {
	Log    *slog.Logger     // nil is slog.Default
	Now    func() time.Time // nil is time.Now
	Origin string           // of the server's pages: "https://stats.example.com"
	Server string           // its name in letters
	// Send gives the mail server a letter once. What it does not take is a *mail.Failure.
	Send func(ctx context.Context, kind mail.Kind, m mail.Message) (said string, err error)
	// Stored reports whether everything that was accepted before a moment is in the
	// event store and in the ledger.
	Stored func(ctx context.Context, before time.Time) (bool, error)
}

// Mailing sends each subscription's report once a period is over: the newest one
// that is, once, also where several went by while nothing ran. A letter that was cut
// off between the mail server's yes and the note of it is sent again, with the
// Message-ID that it had.
type Mailing struct {
	kept    Kept
	sources Sources
	o       Options
}

// NewMailing makes a Mailing.
func NewMailing(kept Kept, sources Sources, o Options) *Mailing {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Server = cmp.Or(o.Server, "Footfall")
	return &Mailing{kept, sources, o}
}

const (
	// Settle is how long after its end a period is reported: events come a while after
	// they happened.
	Settle    = 15 * time.Minute
	looks     = time.Minute // how often it looks what is due
	timeOfTry = 2 * time.Minute
)

// Run sends until ctx ends; a letter that is on its way then is waited for.
func (m *Mailing) Run(ctx context.Context) {
	tick := time.NewTicker(looks)
	defer tick.Stop()
	trouble := ""
	for {
		text := ""
		if err := m.round(ctx); err != nil && ctx.Err() == nil {
			if text = err.Error(); text != trouble {
				m.o.Log.Warn("reports by mail wait, and are tried again", "error", err) // told once
			}
		}
		trouble = text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round sends what is due. It ends where the mail server does not work, which is no
// fault of the letters behind.
func (m *Mailing) round(ctx context.Context) error {
	all, err := m.kept.Subscriptions(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	sites, err := m.kept.Sites(ctx)
	if err != nil {
		return err
	}
	var failed error // of one report, which keeps no other waiting
	for _, s := range all {
		site, known := m.site(ctx, s, sites)
		if !known {
			continue
		}
		p, end, due := m.due(s, site.Location())
		if due && ctx.Err() == nil {
			due, err = m.o.Stored(ctx, end.Add(Settle))
		}
		if err != nil {
			return err
		}
		if !due || ctx.Err() != nil {
			continue
		}
		err := m.send(ctx, s, site, p, end)
		if _, down := errors.AsType[*mail.Failure](err); down {
			return err
		}
		failed = cmp.Or(failed, err)
	}
	return failed
}

// site is whose days a subscription goes by: of an affiliate's, the programme's first.
func (m *Mailing) site(ctx context.Context, s account.Subscription, sites []account.Site) (account.Site, bool) {
	id := s.Site
	if s.Affiliate != "" && m.sources.Desk != nil {
		if _, covered, ok := m.sources.Desk.Figures(s.Affiliate); ok && len(covered) > 0 {
			id = covered[0]
		}
	}
	at := slices.IndexFunc(sites, func(site account.Site) bool { return site.ID == id })
	if at < 0 {
		return account.Site{}, false
	}
	return sites[at], true
}

// due is the newest period that is over, its end, and whether its report is to be
// sent now. Who subscribes gets the period that runs then as the first.
func (m *Mailing) due(s account.Subscription, zone *time.Location) (p Period, end time.Time, due bool) {
	now := m.o.Now()
	p = Last(s.Rhythm, now.Add(-Settle), zone)
	told := max(s.Told, Last(s.Rhythm, s.Created, zone).To)
	return p, p.To.Window(zone).From, told < p.To && !now.Before(s.Due)
}

// send tries a letter that is due. The error is one of the mail server that is no
// fault of this letter, or why it can't be written.
func (m *Mailing) send(ctx context.Context, s account.Subscription, site account.Site, p Period, end time.Time) error {
	tries, now := s.Tries, m.o.Now()
	if s.Due.Before(end) {
		tries = 0 // they were of an earlier period
	}
	// A try is counted before it is made and put off until after the pause that
	// follows one, which is all that is left of a try that is cut off.
	claimed := account.Progress{Told: s.Told, Tries: tries + 1, Due: kept(now.Add(webhook.Pause(tries))), Why: s.Why}
	err := m.kept.Advance(ctx, s.ID, s.Progress, claimed)
	if errors.Is(err, account.ErrNotFound) {
		return nil // removed, or another process sends it
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeOfTry)
	defer cancel()
	letter, why, err := m.letter(ctx, s, site, p)
	if err == nil && why == "" {
		_, err = m.o.Send(ctx, mail.Figures, letter)
	}
	done := settled(claimed, tries, p, why, err, m.o.Now())
	if done.Why != "" && done.Told == p.To {
		m.o.Log.Warn("a report by mail is not sent", "report", s.ID, "why", done.Why)
	}
	if err2 := m.kept.Advance(ctx, s.ID, claimed, done); err2 != nil && !errors.Is(err2, account.ErrNotFound) {
		return err2
	}
	if failure, failed := errors.AsType[*mail.Failure](err); failed && failure.OfOne() {
		return nil
	}
	return err
}

// settled is a progress with what came of a try: why nothing is sent, or the error.
func settled(claimed account.Progress, tries int, p Period, why string, err error, now time.Time) account.Progress {
	over := account.Progress{Told: p.To, Why: why}
	if err == nil {
		return over
	}
	over.Why = err.Error()
	failure, failed := errors.AsType[*mail.Failure](err)
	if failed && failure.Final() || webhook.Tried(tries) >= webhook.Life {
		return over
	}
	claimed.Why, claimed.Due = over.Why, kept(now.Add(webhook.Pause(tries)))
	return claimed
}

// kept is a time as control data has it.
func kept(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// letter writes a subscription's report of a period; or says why nobody is to have
// it. Whether who gets it may still read the figures is looked at here.
func (m *Mailing) letter(ctx context.Context, s account.Subscription, site account.Site, p Period) (letter mail.Message, why string, err error) {
	var to mail.Address
	var r mail.Report
	if s.Affiliate != "" {
		to, r, why, err = m.ofAffiliate(ctx, s, site, p)
	} else {
		to, r, why, err = m.ofSite(ctx, s, site, p)
	}
	if err != nil || why != "" {
		return letter, why, err
	}
	secret, err := m.kept.Secret(ctx, account.MailSecret)
	if err != nil {
		return letter, "", err
	}
	r.Server, r.Link = m.o.Server, m.o.Origin+r.Link
	r.Unsubscribe = m.o.Origin + "/unsubscribe/" + account.SignUnsubscribe(secret, s.ID)
	return mail.WriteReport(s.ID+"."+p.To.String(), to, r), "", nil
}

// ofSite is a site's report and who gets it.
func (m *Mailing) ofSite(ctx context.Context, s account.Subscription, site account.Site, p Period) (to mail.Address, r mail.Report, why string, err error) {
	to.Email = s.Email
	if s.Person != "" {
		person, err := m.kept.Person(ctx, s.Person)
		if errors.Is(err, account.ErrNotFound) {
			return to, r, "there is no such person", nil
		}
		if err != nil {
			return to, r, "", err
		}
		grants, err := m.kept.Grants(ctx, person.ID)
		if err != nil {
			return to, r, "", err
		}
		if !person.Receives(grants, site.ID) {
			return to, r, "its person may not read the figures of the site any more", nil
		}
		to = mail.Address{Name: person.Name, Email: person.Email}
	}
	if r, err = m.sources.Site(ctx, site, p); err != nil {
		return to, r, "", err
	}
	r.Button, r.Link = "Open the dashboard", "/?"+url.Values{"site": {site.ID}}.Encode()
	r.End = fmt.Sprintf("You get the %s report of %s because you, or somebody who runs the site, asked for it on %s.", s.Rhythm, site.Domain, m.o.Server)
	return to, r, "", nil
}

// ofAffiliate is an affiliate's report and who gets it.
func (m *Mailing) ofAffiliate(ctx context.Context, s account.Subscription, site account.Site, p Period) (to mail.Address, r mail.Report, why string, err error) {
	if m.sources.Desk == nil {
		return to, r, "there is no affiliate programme", nil
	}
	a, err := m.sources.Desk.Affiliate(ctx, s.Affiliate)
	if err != nil {
		return to, r, "", err
	}
	programs, err := m.sources.Desk.Programs(ctx)
	if err != nil {
		return to, r, "", err
	}
	at := slices.IndexFunc(programs, func(p ledger.Program) bool { return p.ID == a.Program })
	switch {
	case at < 0:
		return to, r, "there is no such affiliate programme", nil
	case a.Status == ledger.Banned || a.Status == ledger.Applied:
		return to, r, "the affiliate is " + string(a.Status), nil
	case a.Email == "":
		return to, r, "the affiliate has no address", nil
	}
	if r, err = m.sources.Affiliate(ctx, a, programs[at], site, p); err != nil {
		return to, r, "", err
	}
	r.Button, r.Link = "To your pages", "/portal"
	r.End = fmt.Sprintf("You get your %s report because you take part in %s on %s. You choose in your profile how often it comes.", s.Rhythm, programs[at].Name, m.o.Server)
	return mail.Address{Name: a.Name, Email: a.Email}, r, "", nil
}

// Newest writes a subscription's report of the newest period that is over.
func (m *Mailing) Newest(ctx context.Context, s account.Subscription) (letter mail.Message, why string, err error) {
	sites, err := m.kept.Sites(ctx)
	if err != nil {
		return letter, "", err
	}
	site, known := m.site(ctx, s, sites)
	if !known {
		return letter, "there is no such site", nil
	}
	return m.letter(ctx, s, site, Last(s.Rhythm, m.o.Now(), site.Location()))
}
