package main

import (
	"context"
	"net/http"

	"footfall/api"
	"footfall/dash"
	"footfall/event"
	"footfall/ledger"
	"footfall/query"
)

// runLive asks questions that somebody listens to, until the house ends.
func (h *house) runLive() (stop func()) {
	ctx, cancel := context.WithCancel(h.ending)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.streams.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// tell tells of the sites that events are of.
func tell(events []event.Event, of func(site string)) {
	last := ""
	for i := range events {
		if site := events[i].Site; site != last { // most batches are of one site
			of(site)
			last = site
		}
	}
}

// toldBook is the ledger, and tells who listens that it has changed.
type toldBook struct {
	ledger.Book
	live *query.Live
}

// Change changes the ledger. How far the queue was read is told to nobody.
func (b toldBook) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	t := &toldTx{}
	err := b.Book.Change(ctx, func(tx ledger.Tx) error {
		t.Tx = tx
		return fn(t)
	})
	if err == nil && t.used {
		b.live.Stored(query.LedgerFeed)
	}
	return err
}

// toldTx notes that more was used than the position.
type toldTx struct {
	ledger.Tx
	used bool
}

// Set and the next ones are the parts that figures are made of.
func (t *toldTx) Set() ledger.Setup       { t.used = true; return t.Tx.Set() }
func (t *toldTx) Traffic() ledger.Traffic { return toldTraffic{t.Tx.Traffic(), t} }
func (t *toldTx) Orders() ledger.Orders   { t.used = true; return t.Tx.Orders() }
func (t *toldTx) Money() ledger.Money     { t.used = true; return t.Tx.Money() }

// toldTraffic is what figures are made of but for the position.
type toldTraffic struct {
	ledger.Traffic
	tx *toldTx
}

func (t toldTraffic) AddTouch(touch ledger.Touch, uncounted ...string) (bool, error) {
	t.tx.used = true
	return t.Traffic.AddTouch(touch, uncounted...)
}

func (t toldTraffic) Links() ledger.Links { t.tx.used = true; return t.Traffic.Links() }

// session is who listens with a browser's session, as the dashboard and the
// portal know them.
func (h *house) session(pages *dash.Door, r *http.Request) (s api.Session, err error) {
	of, err := pages.Session(r)
	if err != nil {
		return s, err
	}
	p, err := h.personOf(r.Context(), of)
	return api.Session{Who: of.Who, Affiliate: p.Affiliate}, err
}
