// Package webhook delivers the notices that wait in a ledger's outbox to the hooks
// of affiliate programmes: each until it is taken or three days are over, signed,
// and by itself, so that none waits for another. docs/webhooks.md says what a hook
// gets and what it is to answer.
package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"footfall/ledger"
	"footfall/webhook"
)

const (
	look    = time.Second // how often the outbox is looked at
	few     = 4           // notices on their way to a hook at once
	worth   = 8           // tries of a notice until it is worth a line in the log, some 20 minutes
	answers = 5           // to its last tries, that a notice keeps
	// patience is for how long a hook may take nothing until it is paused, with the
	// next notice that is given up.
	patience = 7 * 24 * time.Hour
	// KeepSent and KeepDead are how long notices are kept for the log after they
	// were sent or given up.
	KeepSent = 30 * 24 * time.Hour
	KeepDead = 90 * 24 * time.Hour
)

// once is the kind of notice that is tried once (affiliate.Test): somebody looks at
// what comes of it.
const once = "test"

// Options of a Sender; the zero value works.
type Options struct {
	Log       *slog.Logger                      // nil is slog.Default
	Count     func(stage, reason string, n int) // nil counts nothing
	Transport http.RoundTripper                 // nil is one of its own, without a proxy
}

// Sender delivers notices.
type Sender struct {
	book   ledger.Book
	o      Options
	poster map[bool]*webhook.Poster // by whether a hook may be inside
	freed  chan struct{}            // a hook may have more that is due
	look   time.Duration            // a test that lasts days looks less often

	trouble string // with the outbox, as it was told last

	mu    sync.Mutex
	under map[string]bool // notices on their way, by ID
	busy  map[string]int  // the same, counted by hook
}

// New makes a Sender.
func New(book ledger.Book, o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	return &Sender{book: book, o: o, look: look, poster: map[bool]*webhook.Poster{true: webhook.New(o.Transport), false: webhook.NewOutside(o.Transport)}, freed: make(chan struct{}, 1), under: map[string]bool{}, busy: map[string]int{}}
}

// Run delivers until ctx ends; what is on its way then is waited for. It also
// removes what has been kept for long enough.
func (s *Sender) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	tick, hour := time.NewTicker(s.look), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	s.forget(ctx)
	for ctx.Err() == nil {
		for _, n := range s.due(ctx) {
			under.Go(func() { s.deliver(context.WithoutCancel(ctx), n) })
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.freed:
		case <-hour.C:
			s.forget(ctx)
		}
	}
}

// due takes what is due and not on its way, of each hook a few.
func (s *Sender) due(ctx context.Context) (due []ledger.Notice) {
	s.mu.Lock()
	under := make(map[string]bool, len(s.under)) // before the look: what is delivered during it may still be listed
	for id := range s.under {
		under[id] = true
	}
	s.mu.Unlock()
	var listed []ledger.Notice
	err := s.book.View(ctx, func(tx ledger.Tx) (err error) {
		listed, err = tx.Money().Tables().Outbox().Due(ledger.ToHook, time.Now(), 2*few)
		return err
	})
	if err != nil && ctx.Err() == nil && err.Error() != s.trouble {
		s.trouble = err.Error() // told once
		s.o.Log.Error("affiliate webhooks: the outbox can't be read; it is tried again", "error", err)
	} else if err == nil {
		s.trouble = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range listed {
		if !under[n.ID] && s.busy[n.To] < few {
			s.under[n.ID] = true
			s.busy[n.To]++
			due = append(due, n)
		}
	}
	return due
}

// deliver tries a notice once and keeps what came of it.
func (s *Sender) deliver(ctx context.Context, n ledger.Notice) {
	err := s.attempt(ctx, n)
	if err != nil {
		s.o.Log.Error("affiliate webhooks: what came of a notice can't be kept, and it may be sent again", "to", n.To, "error", err)
	}
	s.mu.Lock()
	delete(s.under, n.ID)
	if s.busy[n.To]--; s.busy[n.To] == 0 {
		delete(s.busy, n.To)
	}
	s.mu.Unlock()
	if err == nil {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

func (s *Sender) attempt(ctx context.Context, n ledger.Notice) error {
	_, id := ledger.Recipient(n.To)
	var h ledger.Hook
	err := s.book.View(ctx, func(tx ledger.Tx) (err error) {
		h, err = tx.Money().Tables().Hooks().Get(id)
		return err
	})
	if err != nil {
		return err
	}
	var tried *answer
	if h.State == ledger.HookActive {
		a := s.try(ctx, h, n)
		tried = &a
	}
	var out outcome
	if err := s.book.Change(ctx, func(tx ledger.Tx) (err error) {
		out, err = settle(tx, n.ID, id, tried)
		return err
	}); err != nil {
		return err
	}
	s.tell(out, tried)
	return nil
}

// answer is what came of a try, and its error.
type answer struct {
	ledger.Answer
	err error
}

func (s *Sender) try(ctx context.Context, h ledger.Hook, n ledger.Notice) answer {
	at := time.Now()
	status, err := s.poster[h.Inside].Post(ctx, h.URL, n.Body, secrets(h, at)...)
	a := answer{ledger.Answer{At: at.UTC().Truncate(time.Millisecond), Took: time.Since(at), Status: status}, err}
	if err != nil {
		a.Why = err.Error()
	}
	return a
}

// secrets are those that sign now.
func secrets(h ledger.Hook, now time.Time) (all [][]byte) {
	for i, secret := range h.Secrets {
		if i == 0 || now.Before(h.Until) {
			all = append(all, []byte(secret))
		}
	}
	return all
}

// outcome is what came of a try.
type outcome struct {
	notice      ledger.Notice
	before, now ledger.Hook
}

// settle keeps what came of a try; none was made (nil) if the hook is told nothing.
func settle(tx ledger.Tx, notice, id string, tried *answer) (o outcome, err error) {
	out, hooks, now := tx.Money().Tables().Outbox(), tx.Money().Tables().Hooks(), time.Now().UTC()
	found, err := out.List(ledger.NoticeFilter{ID: notice})
	if err != nil || len(found) == 0 || found[0].State != ledger.Waiting {
		return o, err // somebody else was faster
	}
	if o.before, err = hooks.Get(id); err != nil {
		return o, err
	}
	n, h := found[0], o.before
	switch {
	case tried == nil:
		dead(&n, "the webhook is "+string(h.State), now)
	case tried.err == nil:
		n.State, n.Why, n.Settled, h.Failing = ledger.Delivered, "", now, time.Time{}
	default:
		failed(&n, &h, tried.err, now)
	}
	if tried != nil {
		n.Tries++
		n.Answers = append(n.Answers, tried.Answer)
		n.Answers = n.Answers[max(0, len(n.Answers)-answers):]
	}
	o.notice, o.now = n, h
	if h.State != o.before.State || !h.Failing.Equal(o.before.Failing) {
		if err := hooks.Put(h); err != nil {
			return o, err
		}
	}
	return o, out.Put(n)
}

func dead(n *ledger.Notice, why string, now time.Time) {
	n.State, n.Why, n.Settled = ledger.Dead, why, now
}

// failed says when a notice that failed is tried again, or gives it up.
func failed(n *ledger.Notice, h *ledger.Hook, why error, now time.Time) {
	n.Why = why.Error()
	if h.Failing.IsZero() {
		h.Failing = now
	}
	gone := errors.Is(why, webhook.GoneError{})
	if n.Kind != once && !gone && webhook.Tried(n.Tries) < webhook.Life {
		pause := webhook.Pause(n.Tries)
		n.Due = now.Add(pause + rand.N(pause/4)) // not all at once
		return
	}
	dead(n, n.Why, now)
	switch {
	case h.State != ledger.HookActive:
	case gone:
		h.State, h.Why, h.Changed = ledger.HookPaused, n.Why, now
	case n.Kind != once && now.Sub(h.Failing) >= patience:
		h.State, h.Why, h.Changed = ledger.HookPaused, "it took nothing since "+h.Failing.Format("2006-01-02 15:04")+" UTC, the last time because "+n.Why, now
	}
}

// tell counts what came of a try, and logs what an operator should know.
func (s *Sender) tell(o outcome, tried *answer) {
	before, h := o.before, o.now
	switch {
	case o.notice.ID == "":
		return
	case o.notice.State == ledger.Delivered:
		s.o.Count("affiliate_webhook_sent", "", 1)
	case tried != nil:
		s.o.Count("affiliate_webhook_failed", "", 1)
	}
	if o.notice.State == ledger.Dead {
		s.o.Count("affiliate_webhook_given_up", "", 1)
	}
	switch {
	case h.State != before.State:
		s.o.Log.Warn("affiliate webhooks: a webhook was paused; what it misses is kept for it", "hook", h.ID, "reason", h.Why)
	case tried != nil && tried.err != nil && o.notice.Tries == worth:
		s.o.Log.Warn("affiliate webhooks: a notice is not taken, and tried on for three days", "hook", h.ID, "notice", o.notice.ID, "reason", o.notice.Why)
	}
}

// forget removes what has been kept for long enough.
func (s *Sender) forget(ctx context.Context) {
	err := s.book.Change(ctx, func(tx ledger.Tx) error {
		out := tx.Money().Tables().Outbox()
		_, err := out.Forget(ledger.Delivered, time.Now().Add(-KeepSent))
		if err == nil {
			_, err = out.Forget(ledger.Dead, time.Now().Add(-KeepDead))
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Error("affiliate webhooks: old notices can't be removed; it is tried again", "error", err)
	}
}
