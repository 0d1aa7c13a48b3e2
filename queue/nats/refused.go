package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/queue"
)

const (
	refusedName    = "REFUSED"
	refusedSubject = "refused." // + the door
	firstRefused   = 1 << 40    // ids of doors' items, apart from those of the sinks'
	unwritten      = 16 << 20   // bytes of items on their way to the disk; what comes on top is discarded
	sayAgain       = time.Minute
)

// refused keeps what doors refused, in a stream of its own whose oldest items
// make room for new ones. Nobody waits for its disk: one goroutine writes what
// gathered while it wrote before, and the stream is synced every now and then.
type refused struct {
	queue  *Queue
	stream jetstream.Stream
	stop   chan struct{}
	done   chan struct{}
	wake   chan struct{}

	mu      sync.Mutex
	pending []*nats.Msg
	bytes   int
	waiting []chan struct{} // closed when what was pending is written
	lost    uint64          // never written: too many at once, or the disk failed
	told    uint64          // discarded, as last logged
	toldOf  uint64          // of them lost
	toldAt  time.Time
	closed  bool
}

func newRefused(q *Queue, stream jetstream.Stream) *refused {
	return &refused{queue: q, stream: stream, stop: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// refusedConfig is the doors' stream. Its sequences begin where the sinks' never come.
func refusedConfig(bytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: refusedName, Subjects: []string{refusedSubject + "*"}, Storage: jetstream.FileStorage, FirstSeq: firstRefused,
		Retention: jetstream.LimitsPolicy, MaxBytes: bytes, Discard: jetstream.DiscardOld, PersistMode: jetstream.AsyncPersistMode,
		Duplicates: 100 * time.Millisecond, AllowDirect: true,
	}
}

// put hands an item over.
func (r *refused) put(it queue.AsideItem) error {
	b, err := json.Marshal(asideForm{AsideItem: it})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return ErrClosed
	case r.bytes+len(b) > unwritten:
		r.lost++
	default:
		r.pending, r.bytes = append(r.pending, &nats.Msg{Subject: refusedSubject + it.Reader, Data: b}), r.bytes+len(b)
	}
	r.rouse()
	return nil
}

func (r *refused) rouse() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// flush waits until what was put before is written.
func (r *refused) flush(ctx context.Context) error {
	written := make(chan struct{})
	r.mu.Lock()
	r.waiting = append(r.waiting, written)
	r.rouse()
	r.mu.Unlock()
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.done:
		return ErrClosed
	}
}

// run writes until close.
func (r *refused) run() {
	defer close(r.done)
	for {
		stopping := false
		select {
		case <-r.wake:
		case <-r.stop:
			stopping = true
		}
		r.mu.Lock()
		batch, waiting := r.pending, r.waiting
		r.pending, r.waiting, r.bytes, r.closed = nil, nil, 0, r.closed || stopping
		r.mu.Unlock()
		if len(batch) > 0 {
			ctx, cancel := context.WithTimeout(context.Background(), storeWait)
			r.write(ctx, batch)
			cancel()
		}
		for _, w := range waiting {
			close(w)
		}
		if stopping {
			return
		}
	}
}

// write stores what was pending; there is nobody to try again for, so what is
// left when ctx ends is lost.
func (r *refused) write(ctx context.Context, pending []*nats.Msg) {
	stored := 0
	var failed error
	for batch := range slices.Chunk(pending, movedTogether) {
		n, err := r.store(ctx, batch)
		if stored += n; err != nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.mu.Lock()
	r.lost += uint64(len(pending) - stored)
	r.mu.Unlock()
	r.tell(failed)
}

// store sends a batch and then collects the answers, until ctx ends: beyond so
// many unanswered messages the client waits with each one.
func (r *refused) store(ctx context.Context, batch []*nats.Msg) (stored int, failed error) {
	acks := make([]jetstream.PubAckFuture, 0, len(batch))
	for _, m := range batch {
		if ctx.Err() != nil {
			failed = ctx.Err()
			break
		}
		ack, err := r.queue.js.PublishMsgAsync(m)
		if err != nil {
			failed = err
			continue
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
			stored++
			continue
		default: // not yet
		}
		select {
		case <-ack.Ok():
			stored++
		case failed = <-ack.Err():
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	return stored, failed
}

// tell logs now and then what was discarded.
func (r *refused) tell(failed error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n, err := r.discarded(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil { // so much is known without the stream
		n = r.told + r.lost - r.toldOf
	}
	if n > r.told && time.Since(r.toldAt) >= sayAgain {
		r.queue.o.Log.Warn("set aside: items refused by doors were discarded, the oldest for new ones beyond the limit, or because they could not be written in time",
			"items", n-r.told, "limit_bytes", r.queue.o.RefusedBytes, "error", failed)
		r.told, r.toldOf, r.toldAt = n, r.lost, time.Now()
	}
}

// discarded counts the items that are neither there nor dropped by hand.
func (r *refused) discarded(ctx context.Context) (uint64, error) {
	info, err := r.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("set aside: %w", err)
	}
	dropped := r.queue.aside.books().Refused
	ever := info.State.LastSeq + 1 - firstRefused
	r.mu.Lock()
	defer r.mu.Unlock()
	return ever - min(ever, info.State.Msgs+dropped) + r.lost, nil
}

// close writes what is left.
func (r *refused) close() error {
	close(r.stop)
	select {
	case <-r.done:
		return nil
	case <-time.After(3 * storeWait): // two writes and what is said of them
		return errors.New("set aside: what doors refused last could not be written")
	}
}
