package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

const (
	// ahead is how many bytes of messages are fetched before they are asked for.
	ahead = 16 << 20
	// partWait is how long the rest of a part that is tried together is waited for: it is
	// in the log, unless it is for others or has expired.
	partWait = time.Second
)

// Reader opens a reader. With a position it is an ordered reader of one
// process, as with Kinesis: strictly in sequence, resuming behind the position.
// Without, it is a shared reader, as with SQS: deliveries have a visibility
// time-out and are counted, several processes may share the name.
func (q *Queue) Reader(ctx context.Context, name string, from *event.Position) (queue.Reader, error) {
	if !nameable(name) {
		return nil, fmt.Errorf("queue: %q can't be a reader's name", name)
	}
	if from != nil {
		if err := q.notice(*from); err != nil {
			return nil, err
		}
	}
	b, err := q.bookmark(name, from)
	if err != nil {
		return nil, err
	}
	if from == nil {
		return q.openShared(ctx, name, b)
	}
	q.mu.Lock()
	b.shared = nil
	q.mu.Unlock()
	r := &ordered{q: q, name: name, mark: b}
	r.attempts, r.upTo = b.attempts()
	return r, r.rewind(ctx)
}

func nameable(name string) bool {
	return name != "" && !strings.ContainsAny(name, ".*>/\\ \t\r\n")
}

// message is one queue message, its events not decoded yet.
type message struct {
	to     event.Position
	before uint64 // events accepted before it
	form   int    // version of its events' binary form
	count  int    // events in it
	body   string
	number uint64 // of the delivery: consecutive, or one was lost on the way
	err    error  // can't be read
	lost   error  // no message: the consumer is gone
}

func received(msg jetstream.Msg) message {
	meta, err := msg.Metadata()
	if err != nil {
		return message{lost: err}
	}
	h, body, err := open(msg.Data())
	m := message{to: event.Position{Epoch: h.epoch, Seq: meta.Sequence.Stream, Total: h.total}, before: h.total,
		form: h.form, count: int(h.count), body: body, number: meta.Sequence.Consumer, err: err}
	if msg.Subject() == subject {
		m.before -= uint64(h.count)
	}
	return m
}

// appendTo appends the message's events.
func (m *message) appendTo(events []event.Event) ([]event.Event, error) {
	if m.err != nil {
		return events, m.err
	}
	return decode(events, m.form, m.count, m.body)
}

// ordered reads in sequence behind a position the sink keeps.
type ordered struct {
	q    *Queue
	name string
	mark *bookmark

	epoch    uint64 // when it was opened or resumed
	feed     chan message
	stop     func()
	number   uint64         // of the last message off the feed
	seen     event.Position // the last message off the feed
	gapKnown bool           // what is missing behind seen was reported already
	pending  *message       // off the feed, did not fit
	events   []event.Event  // of the last delivery; used again for the next
	again    bool           // no work began since the last rewind
	attempts int            // made at what comes next
	upTo     event.Position // what comes up to here was part of an attempt that failed
	part     uint64         // how many sequences of that are tried together; 0: it is not divided yet
	partEnd  event.Position // where those end that are being delivered
}

// rewind begins anew behind the bookmark.
func (r *ordered) rewind(ctx context.Context) error {
	r.again, r.pending = true, nil
	r.part, r.partEnd = 0, event.Position{}
	return r.resume(ctx, r.mark.position())
}

// resume goes on behind at, or where the log was cut below it.
func (r *ordered) resume(ctx context.Context, at event.Position) error {
	r.q.mu.Lock()
	at.Seq, r.epoch = r.q.epochs.resume(at), r.q.epochs.current()
	r.q.mu.Unlock()
	r.seen, r.gapKnown = at, false
	return r.follow(ctx)
}

// follow feeds what stands behind r.seen.
func (r *ordered) follow(ctx context.Context) error {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	if err := r.reportExpired(ctx); err != nil {
		return err
	}
	consumer, err := r.q.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: []string{subject, redriveTo + r.name}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq: r.seen.Seq + 1, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Hour,
	})
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	feed, done := make(chan message, 4), make(chan struct{})
	put := func(m message) {
		select {
		case feed <- m:
		case <-done:
		case <-r.q.stopped:
		}
	}
	running, err := consumer.Consume(func(msg jetstream.Msg) { put(received(msg)) },
		jetstream.PullMaxBytes(ahead), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) {
				go put(message{lost: err}) // the handler must not wait
			}
		}))
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	r.feed, r.number = feed, 0
	name := consumer.CachedInfo().Name
	r.stop = func() {
		close(done)
		running.Stop()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = r.q.stream.DeleteConsumer(ctx, name) // else it goes by itself within the hour
	}
	return nil
}

// reportExpired says how many messages the reader lost to the maximum age.
func (r *ordered) reportExpired(ctx context.Context) error {
	info, err := r.q.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	next := r.seen.Seq + 1
	if first := info.State.FirstSeq; first > next && next <= info.State.LastSeq {
		r.gapKnown = true
		r.q.o.Log.Error("queue: messages expired before this reader saw them; rebuild from the archive with: footfall rebuild",
			"reader", r.name, "messages", first-next)
	}
	return nil
}

// take is the next message off the feed; false if none came in time. Messages
// lost between server and reader are fetched anew.
func (r *ordered) take(ctx context.Context, wait time.Duration) (message, bool, error) {
	if m := r.pending; m != nil {
		r.pending = nil
		return *m, true, nil
	}
	for {
		m, ok, err := r.next(ctx, wait)
		if !ok || err != nil {
			return m, false, err
		}
		if m.lost == nil && m.number == r.number+1 {
			r.number++
			r.check(&m)
			r.seen, r.gapKnown = m.to, false
			return m, true, nil
		}
		r.q.o.Log.Warn("queue: a delivery was lost, reading it again", "reader", r.name, "error", m.lost)
		if err := r.follow(ctx); err != nil {
			return m, false, err
		}
	}
}

// check reports what is missing before m.
func (r *ordered) check(m *message) {
	if m.err != nil { // its header may be what can't be read
		m.count, m.to.Epoch, m.to.Total = 0, max(m.to.Epoch, r.seen.Epoch), r.seen.Total
		return
	}
	if m.before > r.seen.Total && !r.gapKnown {
		r.q.o.Log.Error("queue: events are missing from the log, it was damaged or they expired; rebuild from the archive with: footfall rebuild",
			"reader", r.name, "events", m.before-r.seen.Total, "before", m.to.Seq)
	}
}

// add appends a message's events. One that can't be read is said loudly, then
// passed over, or no reader would ever get past it.
func (q *Queue) add(events []event.Event, m *message, reader string) ([]event.Event, error) {
	events, err := m.appendTo(events)
	if err != nil {
		q.o.Log.Error("queue: a message can't be read and is passed over; rebuild from the archive with: footfall rebuild",
			"reader", reader, "sequence", m.to.Seq, "error", err)
	}
	return events, err
}

func (r *ordered) next(ctx context.Context, wait time.Duration) (message, bool, error) {
	select {
	case m := <-r.feed:
		return m, true, nil
	default:
	}
	if wait <= 0 {
		return message{}, false, ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case m := <-r.feed:
		return m, true, nil
	case <-timer.C:
		return message{}, false, nil
	case <-ctx.Done():
		return message{}, false, ctx.Err()
	case <-r.q.stopped:
		return message{}, false, ErrClosed
	}
}

// Read implements queue.Reader.
func (r *ordered) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	var d queue.Delivery
	if err := ctx.Err(); err != nil {
		return d, err
	}
	if r.epoch != r.q.epoch() { // the log was cut under us
		if err := r.resume(ctx, r.seen); err != nil {
			return d, err
		}
	}
	d.Events = r.events[:0]
	m, ok, err := r.take(ctx, wait)
	for ok && err == nil {
		beyond := d.Attempts > 1 && r.partEnd.Less(m.to)
		if n := len(d.Events); beyond || n > 0 && n+m.count > most {
			r.pending, d.More = &m, d.Attempts > 1 && !beyond
			break
		}
		if d.Attempts == 0 {
			d.Attempts = r.attempt(m.to)
		}
		d.Events, _ = r.q.add(d.Events, &m, r.name)
		d.To, wait = m.to, 0
		if d.Attempts > 1 && d.To.Less(r.partEnd) {
			wait = partWait
		}
		m, ok, err = r.take(ctx, wait)
	}
	r.events = d.Events
	if d.To == (event.Position{}) {
		return d, err
	}
	d.Ack = func(context.Context) error {
		r.mark.move(d.To)
		return nil
	}
	d.Nack = func(ctx context.Context, delay time.Duration) error {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		r.attempts, r.upTo = d.Attempts, d.To
		return r.rewind(ctx)
	}
	d.Hold = func(context.Context) error { return nil } // an ordered reader's deliveries do not time out
	d.Begin = func(context.Context) error {
		if !r.again && d.Attempts == 1 {
			return nil // what ended the process once is looked at more closely the next time
		}
		r.again = false
		return r.mark.attempted(d.Attempts, d.To)
	}
	return d, nil
}

// attempt is which attempt it is at a delivery that begins with the message at to. What
// was tried before is tried in halves, so that few writes are enough where nothing was
// wrong with it, and only what fails comes alone in the end. Attempts are counted from
// then on: what is given up after too many takes nothing else with it.
func (r *ordered) attempt(to event.Position) int {
	n := r.attempts + 1
	r.attempts = 0
	if n == 1 && r.upTo.Less(to) {
		return 1
	}
	if !r.partEnd.Less(to) {
		return 2 // of the part that the delivery before was of
	}
	left := uint64(1)
	if to.Epoch == r.upTo.Epoch && to.Seq < r.upTo.Seq {
		left += r.upTo.Seq - to.Seq
	}
	if r.part == 0 {
		r.part = (left + 1) / 2
	}
	r.partEnd = event.Position{Epoch: to.Epoch, Seq: to.Seq + min(r.part, left) - 1}
	if r.part > 1 {
		n = 0
	}
	return max(n, 2)
}
