package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/demo"
	"footfall/ledger"
	"footfall/money"
)

// demoHold is how many days the demo's commissions wait.
const demoHold = 7

// showSeller plays the demo's course seller, unless the directory has it already:
// the clicks go through the collector, as all do, and then the shops tell.
func (h *house) showSeller(ctx context.Context, address string, now time.Time) error {
	sites := map[string]account.Site{}
	for _, domain := range []string{demo.Courses, demo.Workshops} {
		site, err := h.demoSite(ctx, domain)
		if err != nil {
			return err
		}
		sites[domain] = site
	}
	if _, there := h.desk.Program(sites[demo.Courses].ID); there {
		return nil
	}
	program, err := h.sellerProgram(ctx, sites[demo.Courses].ID, sites[demo.Workshops].ID)
	if err != nil {
		return err
	}
	m := demo.NewMonth(now, demo.Seed)
	for domain, site := range sites {
		of := func(yield func(demo.Hit) bool) {
			for _, hit := range m.Hits {
				if hit.Domain == domain && !yield(hit) {
					return
				}
			}
		}
		for body := range demo.Batches(of, 500, now) {
			if err := post(ctx, address, site.WriteKey, body); err != nil {
				return err
			}
		}
	}
	if err := h.clicked(ctx, program.ID, m.Clicks); err != nil {
		return err
	}
	for i := range m.Reports {
		m.Reports[i].Site = sites[m.Reports[i].Site].ID
	}
	return h.playMonth(ctx, program.ID, m)
}

// sellerProgram makes the programme with its affiliates, their links and coupons.
func (h *house) sellerProgram(ctx context.Context, sites ...string) (ledger.Program, error) {
	p := affiliate.Usual()
	p.Name, p.Sites, p.Hold, p.MinPayout = "Courses", sites, demoHold, map[string]int64{"EUR": 50_00}
	p, err := h.desk.PutProgram(ctx, p)
	if err != nil {
		return p, err
	}
	if _, err := h.desk.AddRule(ctx, ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: money.PPM / 2}); err != nil {
		return p, err
	}
	for _, a := range demo.Affiliates {
		row, err := h.desk.Join(ctx, ledger.Affiliate{Program: p.ID, Email: a.Email, Name: a.Name, Status: ledger.Active})
		if err != nil {
			return p, err
		}
		if _, err := h.desk.Alter(ctx, row.ID, func(row *ledger.Affiliate) { row.Payout = a.Name + "'s account" }); err != nil {
			return p, err
		}
		for _, c := range []ledger.Code{{Text: a.Coupon, Kind: ledger.CouponCode}, {Text: a.Link, Kind: ledger.LinkCode, Landing: a.Landing}} {
			c.Affiliate = row.ID
			if _, err := h.desk.AddCode(ctx, c); err != nil {
				return p, err
			}
		}
	}
	return p, h.startLedgerPump(ctx)
}

// clicked waits until the ledger has so many of a programme's touches.
func (h *house) clicked(ctx context.Context, program string, want int) error {
	for {
		n := 0
		err := h.ledger.View(ctx, func(tx ledger.Tx) error {
			touches, err := tx.Traffic().Touches(program, time.Time{}, time.Now())
			n = len(touches)
			return err
		})
		if err != nil || n >= want {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// playMonth tells a desk whose clock is that of the month what the shops said, and
// pays out when it is time.
func (h *house) playMonth(ctx context.Context, program string, m demo.Month) error {
	clock := m.Payout
	desk, err := h.openDesk(ctx, func() time.Time { return clock }, false)
	if err != nil {
		return err
	}
	paid := false
	for _, r := range m.Reports {
		if !paid && r.Time.After(m.Payout) {
			clock, paid = m.Payout, true
			if err := payOut(ctx, desk, program, &clock); err != nil {
				return err
			}
		}
		clock = r.Time
		if _, err := desk.Take(ctx, r); err != nil {
			return fmt.Errorf("order %s: %w", r.Number, err)
		}
	}
	return nil
}

// payOut pays what is available: the money leaves after an hour, and arrives the day after.
func payOut(ctx context.Context, desk *affiliate.Desk, program string, clock *time.Time) error {
	cutoff := *clock
	made, err := desk.Approve(ctx, program, cutoff, func(all []affiliate.Proposal) ([]affiliate.Proposal, error) { return all, nil })
	if err != nil {
		return err
	}
	for i, state := range []ledger.PayoutState{ledger.Sent, ledger.Paid} {
		*clock = cutoff.Add(time.Hour + time.Duration(i)*24*time.Hour)
		for n, p := range made {
			if _, err := desk.Advance(ctx, p.ID, state, fmt.Sprintf("transfer-%d", n+1), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkLife is how long the demo's links work, once each.
const linkLife = 12 * time.Hour

// printLinks makes and prints one-time links: to the dashboard, to the pages of
// who runs the programme, and to the portal of one of its affiliates.
func (h *house) printLinks(ctx context.Context, w io.Writer, address string) error {
	site, err := h.sites.find(demo.Courses)
	if err != nil {
		return err
	}
	program, _ := h.desk.Program(site.ID)
	all, err := h.desk.Affiliates(ctx, program.ID)
	if err != nil {
		return err
	}
	of := demo.Affiliates[0]
	at := slices.IndexFunc(all, func(a ledger.Affiliate) bool { return a.Email == of.Email })
	if at < 0 {
		return errors.New("the demo was cut off when it was made: start it again in another directory")
	}
	// Its link is to set a password with; the demo's is to look around at once.
	if _, err := h.inviteAffiliate(ctx, all[at], true); err != nil {
		return err
	}
	person, err := h.control.Person(ctx, of.Email)
	if err != nil {
		return err
	}
	shown, err := h.sites.find(demo.Domain)
	if err != nil {
		return err
	}
	// Visitors keep coming to the shop; it has 50 days of data, so that a week has one to be
	// compared with, and 28 days have not.
	first := "/?" + url.Values{"site": {shown.ID}, "period": {"Last7Days"}}.Encode()
	for _, l := range []struct{ name, person, next string }{{"Dashboard", "", first}, {"Affiliates", "", "/program"}, {of.Name + "'s portal", person.ID, "/portal"}} {
		token, err := h.control.AddLink(ctx, account.ForLogin, l.person, linkLife)
		if err != nil {
			return err
		}
		if l.next != "" {
			token += "&next=" + url.QueryEscape(l.next)
		}
		fmt.Fprintf(w, "\n  %-15s %s/login?link=%s", l.name+":", address, token)
	}
	_, err = fmt.Fprintf(w, "\n\nEach link logs in once; %s needs a browser window of its own, such as a private one.\n", of.Name)
	return err
}
