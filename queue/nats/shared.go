package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

// shared reads with visibility time-outs; JetStream's durable consumer keeps
// the books.
type shared struct {
	q        *Queue
	name     string
	mark     *bookmark
	consumer jetstream.Consumer
	epoch    uint64 // when it was opened
}

func (q *Queue) openShared(ctx context.Context, name string, b *bookmark) (*shared, error) {
	r := &shared{q: q, name: name, mark: b}
	return r, r.open(ctx)
}

func (r *shared) open(ctx context.Context) error {
	epoch := r.q.epoch()
	c, err := r.q.durable(ctx, r.name, r.mark)
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	r.consumer, r.epoch, r.mark.shared = c, epoch, c
	return nil
}

// durable finds or makes the consumer. One that was made before the log was
// cut may stand behind sequences that are given out a second time: it begins
// anew at the cut.
func (q *Queue) durable(ctx context.Context, name string, b *bookmark) (jetstream.Consumer, error) {
	at := b.position()
	q.mu.Lock()
	epoch, after := q.epochs.current(), q.epochs.resume(at)
	q.mu.Unlock()
	config := jetstream.ConsumerConfig{
		Durable: name, FilterSubjects: []string{subject, redriveTo + name}, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.o.Visibility, MaxDeliver: -1, MaxAckPending: 10_000,
	}
	old, err := q.stream.Consumer(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, err
	}
	if err == nil {
		info := old.CachedInfo()
		if at.Epoch == epoch {
			config.DeliverPolicy, config.OptStartSeq = info.Config.DeliverPolicy, info.Config.OptStartSeq
			return q.stream.UpdateConsumer(ctx, config)
		}
		if err := q.stream.DeleteConsumer(ctx, name); err != nil {
			return nil, err
		}
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, min(after, info.AckFloor.Stream)+1
	}
	b.move(event.Position{Epoch: epoch, Seq: after, Total: at.Total})
	if err := b.save(); err != nil {
		return nil, err
	}
	return q.stream.CreateConsumer(ctx, config)
}

// Read implements queue.Reader: it long-polls for the first message and takes
// the ones behind it that are there already.
func (r *shared) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	var d queue.Delivery
	var held []jetstream.Msg
	if r.epoch != r.q.epoch() { // the log was cut under us
		if err := r.open(ctx); err != nil {
			return d, err
		}
	}
	for len(d.Events) < most {
		msg, err := r.fetch(ctx, len(held) == 0, wait)
		if err != nil && len(held) == 0 {
			return d, err
		}
		if msg == nil {
			break
		}
		m := received(msg)
		m.err = errors.Join(m.err, m.lost)
		if d.Events, err = r.q.add(d.Events, &m, r.name); err != nil {
			_ = msg.Term() // failing, it comes again
			continue
		}
		if meta, err := msg.Metadata(); err == nil {
			d.Attempts = max(d.Attempts, int(meta.NumDelivered))
		}
		held = append(held, msg)
		d.To = m.to
	}
	d.Ack = func(ctx context.Context) error {
		err := each(held, func(m jetstream.Msg) error { return m.DoubleAck(ctx) })
		if err == nil && r.mark.position().Less(d.To) {
			r.mark.move(d.To)
		}
		return err
	}
	d.Nack = func(_ context.Context, delay time.Duration) error {
		return each(held, func(m jetstream.Msg) error { return m.NakWithDelay(delay) })
	}
	d.Hold = func(context.Context) error { return each(held, jetstream.Msg.InProgress) }
	d.Begin = d.Hold
	return d, nil
}

func each(msgs []jetstream.Msg, do func(jetstream.Msg) error) error {
	var errs []error
	for _, m := range msgs {
		errs = append(errs, do(m))
	}
	return errors.Join(errs...)
}

func (r *shared) fetch(ctx context.Context, first bool, wait time.Duration) (jetstream.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var batch jetstream.MessageBatch
	var err error
	if first && wait > 0 {
		poll, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		batch, err = r.consumer.Fetch(1, jetstream.FetchContext(poll))
	} else {
		batch, err = r.consumer.FetchNoWait(1)
	}
	if err != nil {
		return nil, err
	}
	for msg := range batch.Messages() {
		return msg, nil
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	return nil, ctx.Err()
}

// acknowledged is how far a reader has acknowledged without a gap.
func (q *Queue) acknowledged(ctx context.Context, at event.Position, consumer jetstream.Consumer) event.Position {
	if consumer == nil {
		return at
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return at
	}
	msg, err := q.stream.GetMsg(ctx, info.AckFloor.Stream)
	if err != nil {
		return event.Position{Epoch: at.Epoch, Seq: info.AckFloor.Stream, Total: q.totalBefore(ctx, info.AckFloor.Stream+1)}
	}
	h, _, err := readHeader(msg.Data)
	if err != nil {
		return at
	}
	return event.Position{Epoch: h.epoch, Seq: msg.Sequence, Total: h.total}
}

// totalBefore is how many events were accepted before the first message kept
// at seq or behind it.
func (q *Queue) totalBefore(ctx context.Context, seq uint64) uint64 {
	msg, err := q.stream.GetMsg(ctx, max(seq, 1), jetstream.WithGetMsgSubject(subject))
	if err != nil {
		return 0
	}
	h, _, err := readHeader(msg.Data)
	if err != nil {
		return 0
	}
	return h.total - uint64(h.count)
}
