// Package webhook delivers the notices that wait in a ledger's outbox to the hooks
// of affiliate programmes: each until it is taken or three days are over, signed,
// and by itself, so that none waits for another. docs/webhooks.md says what a hook
// gets and what it is to answer.
package webhook

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"footfall/ledger"
	"footfall/webhook"
)

const (
	look = time.Second // how often the outbox is looked at
	// gather is how long what is answered waits for more, so that one transaction,
	// which the disk is waited for and orders need too, keeps them all.
	gather  = 20 * time.Millisecond
	few     = 4 // notices on their way to a hook at once
	worth   = 8 // tries of a notice until it is worth a line in the log, some 20 minutes
	answers = 5 // to its last tries, that a notice keeps
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
	freed  chan struct{}            // a try ended
	look   time.Duration            // a test that lasts days looks less often

	// Of the goroutine that Run is in alone:
	under   map[string]bool // notices on their way, or not kept yet, by ID
	busy    map[string]int  // the same, counted by hook
	trouble string          // with the ledger, as it was told last

	mu    sync.Mutex
	ended []try // not kept yet
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
	tick, hour := time.NewTicker(s.look), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	s.forget(ctx)
	for ctx.Err() == nil {
		for _, t := range s.round(ctx) {
			under.Go(func() { s.deliver(context.WithoutCancel(ctx), t) })
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.freed:
			time.Sleep(gather)
		case <-hour.C:
			s.forget(ctx)
		}
	}
	under.Wait()
	s.keep(context.WithoutCancel(ctx), nil)
}

// try is a notice on its way to a hook, and what came of it.
type try struct {
	notice ledger.Notice
	hook   ledger.Hook
	answer ledger.Answer
	err    error
}

// round keeps what came of tries that ended, and claims what is due: the tries to
// make now.
func (s *Sender) round(ctx context.Context) []try {
	var due []ledger.Notice
	err := s.book.View(ctx, func(tx ledger.Tx) (err error) {
		due, err = tx.Money().Tables().Outbox().Due(ledger.ToHook, time.Now(), 2*few)
		return err
	})
	if err != nil {
		s.troubled(ctx, err)
		return nil
	}
	return s.keep(ctx, due)
}

// keep keeps what came of tries that ended and claims of each hook a few notices
// that are due, in one transaction. While it can't, no notice is sent, lest
// it be sent again and again: what ended is on its way until it is kept.
func (s *Sender) keep(ctx context.Context, due []ledger.Notice) (claimed []try) {
	s.mu.Lock()
	ended := s.ended
	s.ended = nil
	s.mu.Unlock()
	for _, t := range ended {
		s.release(t)
	}
	due = s.pick(due)
	if len(ended)+len(due) == 0 {
		s.trouble = ""
		return nil
	}
	var outcomes []outcome
	err := s.book.Change(ctx, func(tx ledger.Tx) (err error) {
		if outcomes, err = settle(tx, ended); err != nil {
			return err
		}
		var dead []outcome
		claimed, dead, err = claim(tx, due)
		outcomes = append(outcomes, dead...)
		return err
	})
	if err != nil {
		for _, t := range ended {
			s.hold(t)
		}
		s.mu.Lock()
		s.ended = append(ended, s.ended...)
		s.mu.Unlock()
		s.troubled(ctx, err)
		return nil
	}
	s.trouble = ""
	for _, o := range outcomes {
		s.tell(o)
	}
	for _, t := range claimed {
		s.hold(t)
	}
	return claimed
}

func (s *Sender) troubled(ctx context.Context, err error) {
	if ctx.Err() == nil && err.Error() != s.trouble {
		s.trouble = err.Error() // told once
		s.o.Log.Error("affiliate webhooks: the ledger can't be read or written, and nothing is sent; it is tried again", "error", err)
	}
}

func (s *Sender) hold(t try) {
	s.under[t.notice.ID] = true
	s.busy[t.notice.To]++
}

func (s *Sender) release(t try) {
	delete(s.under, t.notice.ID)
	if s.busy[t.notice.To]--; s.busy[t.notice.To] == 0 {
		delete(s.busy, t.notice.To)
	}
}

// pick takes what is not on its way, of each hook a few.
func (s *Sender) pick(due []ledger.Notice) (picked []ledger.Notice) {
	of := maps.Clone(s.busy)
	for _, n := range due {
		if !s.under[n.ID] && of[n.To] < few {
			of[n.To]++
			picked = append(picked, n)
		}
	}
	return picked
}

// claim counts tries before they are made, and puts the notices off until after
// the pause that follows a try, which is all that is left of a try that is cut
// off. What waits for a hook that is told nothing is dead.
func claim(tx ledger.Tx, due []ledger.Notice) (claimed []try, gone []outcome, err error) {
	out, hooks, now := tx.Money().Tables().Outbox(), tx.Money().Tables().Hooks(), time.Now().UTC()
	for _, listed := range due {
		n, ok, err := waiting(out, listed.ID)
		if err != nil {
			return nil, nil, err
		}
		if !ok || n.Due.After(now) {
			continue // tried meanwhile
		}
		_, id := ledger.Recipient(n.To)
		h, err := hooks.Get(id)
		if err != nil {
			return nil, nil, err
		}
		if h.State == ledger.HookActive {
			n.Due = now.Add(webhook.Pause(n.Tries))
			n.Tries++
			claimed = append(claimed, try{notice: n, hook: h})
		} else {
			dead(&n, "the webhook is "+string(h.State), now)
			gone = append(gone, outcome{notice: n, before: h, now: h})
		}
		if err := out.Put(n); err != nil {
			return nil, nil, err
		}
	}
	return claimed, gone, nil
}

// waiting reads a notice, if it waits.
func waiting(out ledger.Outbox, id string) (n ledger.Notice, ok bool, err error) {
	found, err := out.List(ledger.NoticeFilter{ID: id})
	if err != nil || len(found) == 0 || found[0].State != ledger.Waiting {
		return n, false, err
	}
	return found[0], true, nil
}

// deliver makes a try.
func (s *Sender) deliver(ctx context.Context, t try) {
	at := time.Now()
	status, err := s.poster[t.hook.Inside].Post(ctx, t.hook.URL, t.notice.Body, secrets(t.hook, at)...)
	t.answer, t.err = ledger.Answer{At: at.UTC().Truncate(time.Millisecond), Took: time.Since(at), Status: status}, err
	if err != nil {
		t.answer.Why = err.Error()
	}
	s.mu.Lock()
	s.ended = append(s.ended, t)
	s.mu.Unlock()
	select {
	case s.freed <- struct{}{}:
	default:
	}
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

// outcome is what came of a try, or of a notice that is not tried.
type outcome struct {
	notice      ledger.Notice
	before, now ledger.Hook
	tried       bool
	err         error
}

// settle keeps what came of tries.
func settle(tx ledger.Tx, ended []try) (outcomes []outcome, err error) {
	out, hooks, now := tx.Money().Tables().Outbox(), tx.Money().Tables().Hooks(), time.Now().UTC()
	for _, t := range ended {
		n, ok, err := waiting(out, t.notice.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue // somebody else was faster
		}
		before, err := hooks.Get(t.hook.ID)
		if err != nil {
			return nil, err
		}
		h := before
		if t.err == nil {
			n.State, n.Why, n.Settled, h.Failing = ledger.Delivered, "", now, time.Time{}
		} else {
			failed(&n, &h, t.err, now)
		}
		n.Answers = append(n.Answers, t.answer)
		n.Answers = n.Answers[max(0, len(n.Answers)-answers):]
		if h.State != before.State || !h.Failing.Equal(before.Failing) {
			if err := hooks.Put(h); err != nil {
				return nil, err
			}
		}
		if err := out.Put(n); err != nil {
			return nil, err
		}
		outcomes = append(outcomes, outcome{n, before, h, true, t.err})
	}
	return outcomes, nil
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
	before := n.Tries - 1 // without this one
	if n.Kind != once && !gone && webhook.Tried(before) < webhook.Life {
		pause := webhook.Pause(before)
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
func (s *Sender) tell(o outcome) {
	before, h := o.before, o.now
	switch {
	case o.notice.State == ledger.Delivered:
		s.o.Count("affiliate_webhook_sent", "", 1)
	case o.tried:
		s.o.Count("affiliate_webhook_failed", "", 1)
	}
	if o.notice.State == ledger.Dead {
		s.o.Count("affiliate_webhook_given_up", "", 1)
	}
	switch {
	case h.State != before.State:
		s.o.Log.Warn("affiliate webhooks: a webhook was paused; what it misses is kept for it", "hook", h.ID, "reason", h.Why)
	case o.err != nil && o.notice.Tries == worth:
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
