package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"footfall/affiliate"
	"footfall/collect"
	"footfall/event"
	"footfall/metric"
	"footfall/pump"
)

// openLedger opens the ledger of affiliate programmes.
func (h *house) openLedger(ctx context.Context, dir string) error {
	book, err := h.openBook(ctx, dir)
	if err != nil {
		return err
	}
	h.ledger = book
	h.desk, err = h.openDesk(ctx, time.Now, h.c.values["mail"] != "")
	return err
}

// openDesk opens a desk on the ledger with a clock; mails: affiliates are written to.
func (h *house) openDesk(ctx context.Context, now func() time.Time, mails bool) (*affiliate.Desk, error) {
	// Another key than that of imported ids, made of the same secret.
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte("affiliates"))
	return affiliate.Open(ctx, toldBook{h.ledger, h.streams}, affiliate.Options{Secret: mac.Sum(nil), Count: h.meters.count, Money: h.sites.currency, Hosts: h.sites.hosts, Erased: h.erased.Erased, Now: now, Mail: mails})
}

// hosts are those that a site's pages are on.
func (b *siteBook) hosts(site string) []string {
	s, ok := b.now.Load().byID[site]
	if !ok {
		return nil
	}
	return hostsOf(s)
}

// earned is the source of the metrics of affiliate programmes: as everywhere,
// amounts are in the site's currency.
type earned struct{ h *house }

// Answer asks the ledger.
func (s earned) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	q.Currency = s.h.sites.currency(q.Site)
	return s.h.desk.Answer(ctx, q)
}

// startLedgerPump pumps the queue into the ledger, if there is a programme and
// it is not pumped already. The first programme begins where the event store is.
func (h *house) startLedgerPump(ctx context.Context) error {
	all, err := h.desk.Programs(ctx)
	h.mu.Lock()
	running := h.pumps["ledger"] != nil
	h.mu.Unlock()
	if err != nil || len(all) == 0 || running {
		return err
	}
	at, err := h.desk.Position(ctx)
	if err == nil && at == (event.Position{}) {
		if at, err = h.beginning(ctx); err == nil {
			err = h.desk.Begin(ctx, at) // so that it is the same after a crash
		}
	}
	if err != nil {
		return err
	}
	return h.startPump(ctx, "ledger", at, h.desk, pump.Options{})
}

// beginning is where a ledger begins that has read nothing yet: behind what the
// event store has. It is never the zero Position, which says of a ledger that it
// has not begun: after a crash it would begin behind what came since.
func (h *house) beginning(ctx context.Context) (event.Position, error) {
	if st := h.store.Load(); st != nil && st.State().Position != (event.Position{}) {
		return st.State().Position, nil
	}
	state, err := h.queue.State(ctx)
	return event.Position{Epoch: state.First.Epoch}, err
}

// linkBook finds affiliates' links for the collector.
type linkBook struct{ h *house }

// Link finds a link. A code that nobody has is looked at beside: it may be a
// slip of the pen.
func (b linkBook) Link(code string) (collect.Link, bool) {
	to, ok := b.h.desk.Follow(code)
	if !ok {
		b.h.missed(code)
		return collect.Link{}, false
	}
	site := b.h.sites.door(to.Site)
	return collect.Link{Code: to.Code.Text, Site: site, Landing: to.Code.Landing, Hosts: to.Hosts}, true
}

// missed notes a code that is one letter off another, one at a time: who tries
// codes in a row keeps nobody waiting.
func (h *house) missed(code string) {
	if !h.missing.TryLock() {
		return
	}
	go func() {
		defer h.missing.Unlock()
		if err := h.desk.Missed(h.ending, code); err != nil && h.ending.Err() == nil {
			h.log.Warn("a code that is nearly right was not noted", "error", err)
		}
	}()
}
