// Package webhook delivers the messages that wait in an outbox to the sites'
// webhooks: each until it is taken, a site's in their order, signed.
// docs/segments.md says what a webhook gets and what it is to answer.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"footfall/history"
	"footfall/webhook"
)

// Hook is where a site's messages go, and what signs them.
type Hook struct {
	URL    string
	Secret []byte
}

const (
	look   = time.Second // how often the outbox is looked at
	batch  = 100         // messages of a site taken at a time
	enough = 8           // tries of a message that its receiver refuses, some 20 minutes
	// hold is how long a claim keeps a message for who made it: twice as long as a try
	// may take. One that was cut off is tried again then.
	hold = 20 * time.Second
)

// Options of a Sender; the zero value works.
type Options struct {
	Log       *slog.Logger                      // nil is slog.Default
	Count     func(stage, reason string, n int) // nil counts nothing
	Transport http.RoundTripper                 // nil is one of its own, without a proxy
}

// Sender delivers messages.
type Sender struct {
	outbox history.Outbox
	hook   func(site string) (Hook, bool)
	o      Options
	poster *webhook.Poster
	freed  chan struct{} // a site may have more that is due

	trouble string // with the outbox, as it was told last

	mu    sync.Mutex
	busy  map[string]bool // sites whose messages are being delivered
	state map[string]state
	full  string // why the outbox can't be written, as it was told last
}

// state is how a site's last message went.
type state string

const (
	works   state = ""
	failing state = "failing"
	dead    state = "dead" // and a message was given up for it
)

// New makes a Sender. hook is false for a site of which nobody is told, and is
// asked before each try.
func New(outbox history.Outbox, hook func(site string) (Hook, bool), o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	return &Sender{outbox: outbox, hook: hook, o: o, poster: webhook.New(o.Transport), freed: make(chan struct{}, 1), busy: map[string]bool{}, state: map[string]state{}}
}

// Run delivers until ctx ends; what is on its way then is waited for.
func (s *Sender) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for ctx.Err() == nil {
		for site, messages := range s.due(ctx) {
			under.Go(func() { s.deliver(ctx, site, messages) })
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.freed:
		}
	}
}

// due takes what is due of sites that nothing is being delivered to.
func (s *Sender) due(ctx context.Context) map[string][]history.Message {
	s.mu.Lock()
	busy := make(map[string]bool, len(s.busy)) // before the look: what is delivered during it may still be listed
	for site := range s.busy {
		busy[site] = true
	}
	s.mu.Unlock()
	messages, err := s.outbox.Due(ctx, time.Now(), batch)
	if err != nil && ctx.Err() == nil && err.Error() != s.trouble {
		s.trouble = err.Error() // told once
		s.o.Log.Error("webhook: the outbox can't be read; it is tried again", "error", err)
	} else if err == nil {
		s.trouble = ""
	}
	due := map[string][]history.Message{}
	for _, m := range messages {
		if !busy[m.Site] {
			due[m.Site] = append(due[m.Site], m)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for site := range due {
		s.busy[site] = true
	}
	return due
}

// deliver delivers a site's messages up to the first that fails.
func (s *Sender) deliver(ctx context.Context, site string, messages []history.Message) {
	more, lost := true, map[string]int{}
	for _, m := range messages {
		if more = ctx.Err() == nil && s.one(context.WithoutCancel(ctx), m, lost); !more {
			break
		}
	}
	for why, n := range lost {
		s.o.Log.Warn("webhook: messages were given up", "site", site, "messages", n, "reason", why)
	}
	s.mu.Lock()
	delete(s.busy, site)
	s.mu.Unlock()
	if more {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

// refused reports whether a message that failed again is one its receiver
// refuses: it has been tried often, and got the same answer the last time.
func refused(m history.Message, err error) bool {
	_, is := errors.AsType[webhook.RefusedError](err)
	return is && m.Tries+1 >= enough && m.Why == err.Error()
}

// one delivers a message, or gives it up and notes in lost why; else it is
// false, and tried again.
func (s *Sender) one(ctx context.Context, m history.Message, lost map[string]int) bool {
	hook, ok := s.hook(m.Site)
	if !ok {
		lost["the site has no webhook or keeps no histories any more"]++
		return s.giveUp(ctx, m, "no webhook")
	}
	if !s.claim(ctx, m) {
		return false
	}
	_, err := s.poster.Post(ctx, hook.URL, m.Body, hook.Secret)
	switch {
	case err == nil:
		s.o.Count("webhook_sent", "", 1)
		s.now(m.Site, works, "")
		return s.done(ctx, m)
	case errors.Is(err, webhook.GoneError{}):
		lost[err.Error()]++
		return s.giveUp(ctx, m, "gone")
	case refused(m, err):
		lost[err.Error()]++
		return s.giveUp(ctx, m, "refused")
	}
	s.o.Count("webhook_failed", "", 1)
	if s.tooOld(m) {
		s.now(m.Site, dead, err.Error())
		lost[err.Error()]++
		return s.giveUp(ctx, m, "failed")
	}
	s.now(m.Site, failing, err.Error())
	if err := s.outbox.Failed(ctx, m.ID, err.Error(), time.Now().Add(webhook.Pause(m.Tries))); err != nil {
		s.o.Log.Error("webhook: a failure can't be noted", "error", err)
	}
	return false
}

// claim puts a message off before it is sent: where that can't be written it is not
// sent, lest it be sent again and again. It is false also if somebody else has it, if
// it was erased, or if writing took so long that a try would outlast the claim.
func (s *Sender) claim(ctx context.Context, m history.Message) bool {
	until := time.Now().Add(hold)
	claimed, err := s.outbox.Claim(ctx, m, until)
	why := ""
	if err != nil {
		why = err.Error()
	}
	s.mu.Lock()
	told := why == s.full
	s.full = why
	s.mu.Unlock()
	if err != nil && !told {
		s.o.Log.Error("webhook: the outbox can't be written, and nothing is sent; it is tried again", "error", err)
	}
	return claimed && time.Until(until) >= hold/2
}

// tooOld reports whether a message that failed again has been tried for long
// enough. If the one before it was given up, what is old enough has been
// waiting for the same receiver, and one try tells that it is still away.
func (s *Sender) tooOld(m history.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return webhook.Tried(m.Tries) >= webhook.Life || s.state[m.Site] == dead && time.Since(written(m.Body)) >= webhook.Life
}

// written is when a notice was made.
func written(body []byte) time.Time {
	var notice struct{ At time.Time }
	_ = json.Unmarshal(body, &notice) // one that does not say is very old
	return notice.At
}

// giveUp takes a message away that can't be delivered.
func (s *Sender) giveUp(ctx context.Context, m history.Message, reason string) bool {
	s.o.Count("webhook_given_up", reason, 1)
	return s.done(ctx, m)
}

func (s *Sender) done(ctx context.Context, m history.Message) bool {
	if err := s.outbox.Sent(ctx, m.ID); err != nil {
		s.o.Log.Error("webhook: a message can't be taken out of the outbox and may be sent again", "error", err)
		return false
	}
	return true
}

// now notes how a site's webhook does, and tells when that changes.
func (s *Sender) now(site string, is state, why string) {
	s.mu.Lock()
	was := s.state[site]
	if is != failing || was != dead { // until one is taken
		s.state[site] = is
	}
	s.mu.Unlock()
	switch {
	case was == works && is == failing:
		s.o.Log.Warn("webhook: a message could not be delivered and is tried again", "site", site, "reason", why)
	case was != works && is == works:
		s.o.Log.Info("webhook: messages are delivered again", "site", site)
	}
}
