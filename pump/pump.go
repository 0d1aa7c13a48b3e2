// Package pump takes events from a queue reader to a sink: it gathers a batch
// by size or age, writes it, and acknowledges only what is written. Passing
// faults are retried for ever, hopeless events are set aside with the reason.
package pump

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"footfall/event"
	"footfall/queue"
)

// Sink stores batches. Writing the same batch twice must be as good as once.
type Sink interface {
	// Write returns nil when all events are stored for good. To is the queue
	// position the batch reaches, to be stored together with the events; it is
	// zero for a part of a batch.
	Write(ctx context.Context, events []event.Event, to event.Position) error
}

// RejectedError tells that the events at Index, and only these, are hopeless:
// writing them again can't succeed, and nothing of the batch was written. An
// empty Index means the sink can't tell which; the pump finds them by halves.
type RejectedError struct {
	Index []int
	Err   error
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("%d hopeless events: %v", len(e.Index), e.Err)
}
func (e *RejectedError) Unwrap() error { return e.Err }

func (e *RejectedError) reason() error {
	if e.Err == nil {
		return errors.New("refused without a reason")
	}
	return e.Err
}

// Options of a pump. The zero value is sensible.
type Options struct {
	Name     string                                                    // of the reader, for logs and set-aside items
	Events   int                                                       // write at so many events; default 20,000
	Bytes    int                                                       // or at so many bytes; default 16 MiB
	Age      time.Duration                                             // or when the first event is so old; default 250 ms
	Attempts int                                                       // set aside what was delivered more often; default 10
	Drain    time.Duration                                             // how long it may go on writing after its context ends; default 20 s
	SetAside func(ctx context.Context, items ...queue.AsideItem) error // required
	Wrote    func(events int, took time.Duration)                      // after each successful write
	Failed   func(err error)                                           // after each passing fault
	Log      *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Events = orDefault(o.Events, 20_000)
	o.Bytes = orDefault(o.Bytes, 16<<20)
	o.Age = orDefault(o.Age, 250*time.Millisecond)
	o.Attempts = orDefault(o.Attempts, 10)
	o.Drain = orDefault(o.Drain, 20*time.Second)
	if o.Wrote == nil {
		o.Wrote = func(int, time.Duration) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T int | time.Duration](x, def T) T {
	if x == 0 {
		return def
	}
	return x
}

const (
	holdEvery  = 5 * time.Second        // how often deliveries are held; well under any visibility time-out
	longPoll   = time.Second            // how long to wait for the first event of a batch
	lastLook   = 100 * time.Millisecond // the same when draining
	readEvents = 2000                   // at a time, so that Options.Bytes is not passed by much
)

type pump struct {
	Options
	reader queue.Reader
	sink   Sink
	slab   []event.Event // holds one batch after the other: sinks don't keep what they are given
}

// Run pumps until ctx ends, then drains what is left in the queue under its own
// deadline. What can't be drained in time stays in the queue. It returns an
// error only if the drain was cut short.
func Run(ctx context.Context, reader queue.Reader, sink Sink, o Options) error {
	p := &pump{Options: o.withDefaults(), reader: reader, sink: sink}
	// What was gathered is written even when ctx ends meanwhile: only the drain's deadline stops that.
	write, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(p.Drain, cancel)
		context.AfterFunc(write, func() { timer.Stop() })
	})
	defer stop()
	for write.Err() == nil {
		if ctx.Err() == nil {
			p.settle(write, p.gather(ctx, write, longPoll, p.Age))
			continue
		}
		b := p.gather(write, write, lastLook, min(p.Age, lastLook))
		if len(b.deliveries) == 0 && !b.failed && write.Err() == nil {
			return nil
		}
		p.settle(write, b)
	}
	return fmt.Errorf("pump %s: not drained within %v; the rest stays in the queue", p.Name, p.Drain)
}

// batch is what was gathered.
type batch struct {
	events     []event.Event
	bytes      int
	deliveries []queue.Delivery
	held       time.Time
	failed     bool // the reader failed while gathering
}

func (b *batch) add(d queue.Delivery) {
	b.deliveries, b.events = append(b.deliveries, d), append(b.events, d.Events...)
	for i := range d.Events {
		b.bytes += d.Events[i].Size()
	}
}

func (b *batch) hold(ctx context.Context) {
	for _, d := range b.deliveries {
		_ = d.Hold(ctx) // failing, it is delivered again, which costs nothing but time
	}
	b.held = time.Now()
}

// gather reads until the batch is full or its first event is of age, or the context
// to read under ends: a reader that is told to have nothing more may say so at once
// and for ever. It waits up to wait for that first event. Write is the context to
// set aside under.
func (p *pump) gather(read, write context.Context, wait, age time.Duration) *batch {
	b := &batch{events: p.slab[:0]}
	defer func() { p.slab = b.events }()
	var first time.Time
	left := age // of it
	for read.Err() == nil && len(b.events) < p.Events && b.bytes < p.Bytes {
		d, err := p.reader.Read(read, min(p.Events-len(b.events), readEvents), wait)
		if err != nil {
			if b.failed = read.Err() == nil; b.failed {
				p.Log.Error("pump: can't read, trying again", "reader", p.Name, "error", err)
				if len(b.deliveries) == 0 {
					sleep(read, time.Second)
				}
			}
			break
		}
		switch {
		case d.To == (event.Position{}): // none came in time
			if first.IsZero() || wait >= left {
				return b
			}
		case d.Attempts > p.Attempts && !p.giveUp(write, &d):
			return b // out of time: it comes again
		default:
			b.add(d)
			if d.Attempts > 1 && !d.More { // it may be what failed: nothing else shall fail with it
				return b
			}
			if first.IsZero() {
				first = time.Now()
				b.held = first
			}
		}
		if left = age - time.Since(first); left <= 0 {
			break
		}
		if time.Since(b.held) >= holdEvery {
			b.hold(write)
		}
		wait = min(left, holdEvery)
	}
	return b
}

// settle writes a batch and acknowledges it, unless ctx ends before.
func (p *pump) settle(ctx context.Context, b *batch) {
	if len(b.deliveries) == 0 {
		return
	}
	b.hold(ctx)
	last := b.deliveries[len(b.deliveries)-1]
	if err := last.Begin(ctx); err != nil {
		p.Log.Warn("pump: should this batch end the process, that will not be counted", "reader", p.Name, "error", err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(holdEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.hold(ctx)
			case <-stop:
				return
			}
		}
	}()
	if !p.write(ctx, b.events, last.To) {
		return
	}
	for _, d := range b.deliveries {
		if err := d.Ack(ctx); err != nil {
			p.Log.Warn("pump: not acknowledged, will be delivered again", "reader", p.Name, "error", err)
		}
	}
}

// giveUp sets aside a delivery that came back too often: its events bring the
// process down, or a reader that shares the work never finishes them. What is
// left of it is its position, which the sink is told with the batch.
func (p *pump) giveUp(ctx context.Context, d *queue.Delivery) bool {
	all := make([]int, len(d.Events))
	for i := range all {
		all[i] = i
	}
	aside := p.setAside(ctx, d.Events, all, fmt.Errorf("delivered %d times without success", d.Attempts-1))
	d.Events = nil
	return aside
}

// write stores events, setting hopeless ones aside, and reports whether all
// are settled; it is not only when ctx ended.
func (p *pump) write(ctx context.Context, events []event.Event, to event.Position) bool {
	pause := 50 * time.Millisecond
	for {
		began := time.Now()
		err := p.sink.Write(ctx, events, to)
		var rejected *RejectedError
		switch {
		case err == nil:
			p.Wrote(len(events), time.Since(began))
			return true
		case errors.As(err, &rejected) && len(events) > 0:
			return p.without(ctx, events, to, rejected)
		}
		p.Failed(err)
		p.Log.Warn("pump: write failed, trying again", "reader", p.Name, "events", len(events), "in", pause, "error", err)
		if !sleep(ctx, pause) {
			return false
		}
		pause = min(pause*2, 10*time.Second)
	}
}

// without settles a batch some of whose events are hopeless.
func (p *pump) without(ctx context.Context, events []event.Event, to event.Position, rejected *RejectedError) bool {
	index := slices.Clone(rejected.Index)
	slices.Sort(index)
	index = slices.Compact(index)
	unknown := len(index) == 0 || index[0] < 0 || index[len(index)-1] >= len(events)
	switch {
	case unknown && len(events) > 1:
		half := len(events) / 2
		return p.write(ctx, events[:half], event.Position{}) && p.write(ctx, events[half:], to)
	case unknown:
		index = make([]int, len(events))
	}
	if !p.setAside(ctx, events, index, rejected.reason()) {
		return false
	}
	good := make([]event.Event, 0, len(events))
	for i := range events {
		if len(index) > 0 && index[0] == i {
			index = index[1:]
			continue
		}
		good = append(good, events[i])
	}
	if len(good) == 0 && to == (event.Position{}) {
		return true
	}
	return p.write(ctx, good, to)
}

// setAside keeps trying, as nothing may disappear; false means ctx ended.
func (p *pump) setAside(ctx context.Context, events []event.Event, index []int, reason error) bool {
	items := make([]queue.AsideItem, 0, len(index))
	for _, i := range index {
		items = append(items, queue.AsideItem{Reader: p.Name, Reason: reason.Error(), Event: &events[i]})
	}
	for pause := 50 * time.Millisecond; ; pause = min(pause*2, 10*time.Second) {
		err := p.SetAside(ctx, items...)
		if err == nil {
			p.Log.Warn("pump: set aside; see: footfall aside list", "reader", p.Name, "events", len(items), "reason", reason)
			return true
		}
		p.Log.Error("pump: can't set aside, trying again", "reader", p.Name, "error", err)
		if !sleep(ctx, pause) {
			return false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
