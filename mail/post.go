package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Post; the zero value works.
type Options struct {
	Log    *slog.Logger                      // nil is slog.Default
	Count  func(stage, reason string, n int) // nil counts nothing
	Pauses []time.Duration                   // before each further try; nil is 2 s, 10 s and a minute
}

const (
	waiting = 100 // messages under way at most
	lines   = 2   // to the mail server at a time
	// Anybody may apply to a programme as often as they like, and must push out
	// nobody's link to log in.
	waitingApplications = 20 // at most
	fewApplications     = 1  // written and sent at a time
)

// Post sends behind an answer, so that nobody waits for the mail server, and
// nobody learns from how long an answer took whether there was something to
// send. What it has is in memory: a message that must not be lost waits in an
// outbox instead.
type Post struct {
	sender       Sender
	o            Options
	letters      tray
	applications tray
	lines        chan struct{}
	left         atomic.Int64 // unsent at the end
}

// tray is messages of some kinds, which those of no other can fill.
type tray struct {
	queue chan letterOf
	slots chan struct{} // of those that are written and sent
}

func newTray(waiting, slots int) tray {
	return tray{make(chan letterOf, waiting), make(chan struct{}, slots)}
}

type letterOf struct {
	kind  Kind
	write func(context.Context) ([]Message, error)
}

// NewPost makes a Post, which sends while it runs.
func NewPost(sender Sender, o Options) *Post {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Pauses == nil {
		o.Pauses = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute}
	}
	return &Post{sender: sender, o: o, letters: newTray(waiting, waiting), applications: newTray(waitingApplications, fewApplications), lines: make(chan struct{}, lines)}
}

// Put has a message written and sent, and returns at once. write is called
// behind the answer; no message is nothing to send. Where too many wait already
// it is dropped, which is counted.
func (p *Post) Put(kind Kind, write func(context.Context) ([]Message, error)) {
	t := p.letters
	if kind == Application {
		t = p.applications
	}
	select {
	case t.queue <- letterOf{kind, write}:
	default:
		p.o.Count("mail_failed", string(kind), 1)
		p.o.Log.Warn("a message is not sent, as too many wait already", "kind", kind)
	}
}

// Run sends until ctx ends. What the mail server has then is waited for, and
// what is left is given up.
func (p *Post) Run(ctx context.Context) {
	var under sync.WaitGroup
	for _, t := range []tray{p.letters, p.applications} {
		under.Go(func() { p.empty(ctx, t) })
	}
	under.Wait()
	if left := int(p.left.Load()) + len(p.letters.queue) + len(p.applications.queue); left > 0 {
		p.o.Log.Warn("messages are not sent, as the server ends", "messages", left)
	}
}

// empty sends what comes into a tray until ctx ends.
func (p *Post) empty(ctx context.Context, t tray) {
	var under sync.WaitGroup
	defer under.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case t.slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return
		case l := <-t.queue:
			under.Go(func() {
				defer func() { <-t.slots }()
				p.deliver(ctx, l)
			})
		}
	}
}

// deliver writes messages and tries each until the server takes it, refuses it for good, or the
// pauses are used up.
func (p *Post) deliver(ctx context.Context, l letterOf) {
	all, err := l.write(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		p.left.Add(1)
		return
	case err != nil:
		p.o.Log.Warn("a message could not be written", "kind", l.kind, "error", err)
	}
	for i, m := range all {
		switch err := p.insist(ctx, l.kind, m); {
		case errors.Is(err, errEnds):
			p.left.Add(int64(len(all) - i))
			return
		case err != nil:
			p.o.Log.Warn("a message could not be sent", "kind", l.kind, "error", err)
		}
	}
}

// errEnds means that a message was not sent, or not again, as ctx ended.
var errEnds = errors.New("the server ends")

func (p *Post) insist(ctx context.Context, kind Kind, m Message) error {
	for try := 0; ; try++ {
		err := p.try(ctx, kind, m)
		failure, failed := errors.AsType[*Failure](err)
		if err == nil || errors.Is(err, errEnds) || failed && failure.Final() || try == len(p.o.Pauses) {
			return err
		}
		select {
		case <-time.After(p.o.Pauses[try]):
		case <-ctx.Done():
			return errEnds
		}
	}
}

// try waits for its turn, and gives the server a message once. That ends by
// itself, by the Sender's own limit of time, and not with ctx.
func (p *Post) try(ctx context.Context, kind Kind, m Message) error {
	select {
	case <-ctx.Done():
		return errEnds
	case p.lines <- struct{}{}:
	}
	defer func() { <-p.lines }()
	if ctx.Err() != nil {
		return errEnds
	}
	_, err := p.Send(context.WithoutCancel(ctx), kind, m)
	return err
}

// Send gives the server a message once, with who asked waiting for it.
func (p *Post) Send(ctx context.Context, kind Kind, m Message) (said string, err error) {
	if said, err = p.sender.Send(ctx, m); err != nil {
		p.o.Count("mail_failed", string(kind), 1)
		return said, err
	}
	p.o.Count("mail_sent", string(kind), 1)
	return said, nil
}
