package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
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
)

// Post sends behind an answer, so that nobody waits for the mail server, and
// nobody learns from how long an answer took whether there was something to
// send. What it has is in memory: a message that must not be lost waits in an
// outbox instead.
type Post struct {
	sender Sender
	o      Options
	queue  chan letterOf
	lines  chan struct{}
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
	return &Post{sender, o, make(chan letterOf, waiting), make(chan struct{}, lines)}
}

// Put has a message written and sent, and returns at once. write is called
// behind the answer; no message is nothing to send. Where too many wait already
// it is dropped, which is counted.
func (p *Post) Put(kind Kind, write func(context.Context) ([]Message, error)) {
	select {
	case p.queue <- letterOf{kind, write}:
	default:
		p.o.Count("mail_failed", string(kind), 1)
		p.o.Log.Warn("a message is not sent, as too many wait already", "kind", kind)
	}
}

// Run sends until ctx ends. A try that is under way then is waited for, and
// what is left is given up.
func (p *Post) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	slots := make(chan struct{}, waiting)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case l := <-p.queue:
			slots <- struct{}{}
			under.Go(func() {
				defer func() { <-slots }()
				p.deliver(ctx, l)
			})
		}
	}
}

// deliver writes messages and tries each until the server takes it, refuses it for good, or the
// pauses are used up.
func (p *Post) deliver(ctx context.Context, l letterOf) {
	all, err := l.write(ctx)
	if err != nil {
		p.o.Log.Warn("a message could not be written", "kind", l.kind, "error", err)
	}
	for _, m := range all {
		if err := p.insist(ctx, l.kind, m); err != nil {
			p.o.Log.Warn("a message could not be sent", "kind", l.kind, "error", err)
		}
	}
}

func (p *Post) insist(ctx context.Context, kind Kind, m Message) (err error) {
	for try := 0; err == nil; try++ {
		err = p.try(context.WithoutCancel(ctx), kind, m)
		var failure *Failure
		if err == nil || errors.As(err, &failure) && failure.Final() || try == len(p.o.Pauses) {
			break
		}
		err = nil
		select {
		case <-time.After(p.o.Pauses[try]):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

// try waits for its turn, and gives the server a message once.
func (p *Post) try(ctx context.Context, kind Kind, m Message) error {
	p.lines <- struct{}{}
	defer func() { <-p.lines }()
	_, err := p.Send(ctx, kind, m)
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
