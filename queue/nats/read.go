package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

// bookmark is how far a reader has acknowledged. Its file is for looking at the
// lag and for counting starts; a sink that stores its own position outranks it.
type bookmark struct {
	path string
	log  func(msg string, args ...any)

	mu    sync.Mutex
	saved time.Time
	mark  savedMark
}

type savedMark struct {
	Position event.Position `json:"position"`
	Starts   int            `json:"starts"` // opened so often without getting past Position
}

func (b *bookmark) position() event.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark.Position
}

func (b *bookmark) move(to event.Position) {
	b.mu.Lock()
	b.mark = savedMark{Position: to}
	b.mu.Unlock()
	b.save(false)
}

// save writes the file, at most once a second unless forced.
func (b *bookmark) save(force bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !force && time.Since(b.saved) < time.Second {
		return
	}
	b.saved = time.Now()
	if err := writeJSON(b.path, b.mark); err != nil {
		b.log("queue: bookmark not saved; the reader may see events twice after a restart", "error", err)
	}
}

func (q *Queue) savedBookmarks() (map[string]savedMark, error) {
	files, err := filepath.Glob(filepath.Join(q.o.Dir, "readers", "*.json"))
	if err != nil {
		return nil, err
	}
	marks := map[string]savedMark{}
	for _, f := range files {
		var m savedMark
		if err := readJSON(f, &m); err != nil {
			return nil, err
		}
		marks[strings.TrimSuffix(filepath.Base(f), ".json")] = m
	}
	return marks, nil
}

func (q *Queue) openBookmark(name string, from *event.Position) (*bookmark, error) {
	b := &bookmark{path: filepath.Join(q.o.Dir, "readers", name+".json"), log: q.o.Log.Error}
	if err := readJSON(b.path, &b.mark); err != nil {
		return nil, err
	}
	if from != nil && *from != b.mark.Position {
		b.mark = savedMark{Position: *from}
	}
	b.mark.Starts++
	b.save(true)
	q.mu.Lock()
	q.readers[name] = b
	q.mu.Unlock()
	return b, nil
}

// Reader opens a reader. With a position it is an ordered reader of one
// process, as with Kinesis: strictly in sequence, resuming behind the position.
// Without, it is a shared reader, as with SQS: deliveries have a visibility
// time-out and are counted, several processes may share the name.
func (q *Queue) Reader(ctx context.Context, name string, from *event.Position) (queue.Reader, error) {
	if name == "" || strings.ContainsAny(name, ".*> /") {
		return nil, fmt.Errorf("queue: %q can't be a reader's name", name)
	}
	b, err := q.openBookmark(name, from)
	if err != nil {
		return nil, err
	}
	if from == nil {
		return q.openShared(ctx, name, b)
	}
	r := &ordered{q: q, name: name, mark: b, attempts: b.mark.Starts}
	return r, r.restart(ctx)
}

// message is one decoded queue message.
type message struct {
	to     event.Position
	events []event.Event
	err    error
}

// ordered reads in sequence behind a position the sink keeps.
type ordered struct {
	q        *Queue
	name     string
	mark     *bookmark
	attempts int

	feed    chan message
	stop    func()
	pending *message // read off the feed, did not fit
}

// restart begins reading behind the bookmark.
func (r *ordered) restart(ctx context.Context) error {
	if r.stop != nil {
		r.stop()
	}
	r.pending = nil
	after := r.q.epochs.resume(r.mark.position())
	if err := r.q.reportExpired(ctx, r.name, after); err != nil {
		return err
	}
	consumer, err := r.q.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: []string{subject, redriveTo + r.name}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq: after + 1, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Hour,
	})
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	feed, done := make(chan message, 4), make(chan struct{})
	running, err := consumer.Consume(func(msg jetstream.Msg) {
		select {
		case feed <- open(msg):
		case <-done:
		}
	}, jetstream.PullMaxMessages(32))
	if err != nil {
		return fmt.Errorf("queue: reader %s: %w", r.name, err)
	}
	r.feed = feed
	r.stop = func() {
		close(done)
		running.Stop()
	}
	return nil
}

// reportExpired says how many messages a reader lost to the maximum age.
func (q *Queue) reportExpired(ctx context.Context, name string, after uint64) error {
	info, err := q.stream.Info(ctx)
	if err != nil {
		return err
	}
	if first := info.State.FirstSeq; first > after+1 && after+1 <= info.State.LastSeq {
		q.o.Log.Error("queue: messages expired before this reader saw them; rebuild from the archive with: footfall rebuild",
			"reader", name, "messages", first-after-1)
	}
	return nil
}

func open(msg jetstream.Msg) message {
	meta, err := msg.Metadata()
	if err != nil {
		return message{err: err}
	}
	h, events, err := decode(msg.Data())
	return message{to: event.Position{Epoch: h.epoch, Seq: meta.Sequence.Stream, Total: h.total}, events: events, err: err}
}

// Read implements queue.Reader.
func (r *ordered) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	var d queue.Delivery
	m, ok, err := r.next(ctx, wait)
	for ok && err == nil {
		if m.err != nil {
			// Damaged beyond the stream's own checks: said loudly, then passed over, or no reader would ever get past it.
			r.q.o.Log.Error("queue: a message can't be read and is passed over", "reader", r.name, "sequence", m.to.Seq, "error", m.err)
			m.events = nil
		}
		if len(d.Events) > 0 && len(d.Events)+len(m.events) > most {
			r.pending = &m
			break
		}
		d.Events, d.To = append(d.Events, m.events...), m.to
		m, ok, err = r.next(ctx, 0)
	}
	if err != nil && len(d.Events) == 0 {
		return d, err
	}
	d.Attempts = r.attempts
	d.Ack = func(context.Context) error {
		if d.To != (event.Position{}) {
			r.attempts = 1
			r.mark.move(d.To)
		}
		return nil
	}
	d.Nack = func(ctx context.Context, delay time.Duration) error {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		r.attempts++
		return r.restart(ctx)
	}
	d.Hold = func(context.Context) error { return nil } // an ordered reader's deliveries do not time out
	return d, nil
}

func (r *ordered) next(ctx context.Context, wait time.Duration) (message, bool, error) {
	if r.pending != nil {
		m := *r.pending
		r.pending = nil
		return m, true, nil
	}
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
	}
}

// shared reads with visibility time-outs; JetStream's durable consumer keeps
// the books.
type shared struct {
	q        *Queue
	mark     *bookmark
	consumer jetstream.Consumer
}

func (q *Queue) openShared(ctx context.Context, name string, b *bookmark) (*shared, error) {
	consumer, err := q.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: name, FilterSubjects: []string{subject, redriveTo + name}, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.o.Visibility, MaxDeliver: -1, MaxAckPending: 10_000,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: reader %s: %w", name, err)
	}
	return &shared{q: q, mark: b, consumer: consumer}, nil
}

// Read implements queue.Reader: it long-polls for the first message and takes
// the ones behind it that are there already.
func (r *shared) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	var d queue.Delivery
	var held []jetstream.Msg
	for len(d.Events) < most {
		msg, err := r.fetch(ctx, len(held) == 0, wait)
		if err != nil && len(held) == 0 {
			return d, err
		}
		if msg == nil {
			break
		}
		m := open(msg)
		if m.err != nil {
			return d, fmt.Errorf("queue: message %d: %w", m.to.Seq, m.err)
		}
		if meta, err := msg.Metadata(); err == nil {
			d.Attempts = max(d.Attempts, int(meta.NumDelivered))
		}
		held = append(held, msg)
		d.Events, d.To = append(d.Events, m.events...), m.to
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
	var batch jetstream.MessageBatch
	var err error
	if first && wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		batch, err = r.consumer.Fetch(1, jetstream.FetchContext(ctx))
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
