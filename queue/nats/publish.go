package nats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
)

// A message holds a header and its events, compressed together with S2. Its
// version is that of its events' binary form.
const (
	headerSize = 1 + 8 + 8 + 4
	chunkBytes = 1 << 20 // one publication; several go into one message
	groupBytes = 3 << 20 // of uncompressed events in one message
	storeWait  = 10 * time.Second
	tryAgain   = time.Second // after what could not be stored

	wrongLastSequence = 10071 // the server's error code
)

type header struct {
	form  int // version of its events' binary form; append writes the newest
	epoch uint64
	total uint64 // events accepted up to and including this message
	count uint32 // events in this message
}

func (h header) append(b []byte) []byte {
	b = append(b, event.BinaryVersion)
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	b = binary.LittleEndian.AppendUint64(b, h.total)
	return binary.LittleEndian.AppendUint32(b, h.count)
}

var errFormat = errors.New("queue message of an unknown format: was the queue written by a newer footfall?")

func readHeader(b []byte) (h header, body []byte, err error) {
	if len(b) < headerSize || b[0] == 0 || b[0] > event.BinaryVersion {
		return h, nil, errFormat
	}
	h.form = int(b[0])
	h.epoch = binary.LittleEndian.Uint64(b[1:])
	h.total = binary.LittleEndian.Uint64(b[9:])
	h.count = binary.LittleEndian.Uint32(b[17:])
	return h, b[headerSize:], nil
}

// publication is what one caller wants on disk, at most about chunkBytes.
type publication struct {
	reader string // "" for everybody; else redriven to this reader, and not counted again
	events []byte // binary forms, one after the other
	count  int
	done   chan error
}

// rooms are memory that publications are written in, empty ones.
var rooms = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// ErrClosed is what Publish answers once the queue is closing.
var ErrClosed = errors.New("queue: closing, nothing more is accepted")

// errRefusing is what Publish answers at once where the last that was to be stored could
// not be: nobody is to wait for a disk that is full.
var errRefusing = errors.New("queue: not stored: what came before could not be stored either; it is tried again every second")

// Publish returns nil when every event is on disk. Callers that publish at the
// same time share a message and its sync: whatever queued up while the last
// sync ran goes into the next.
func (q *Queue) Publish(ctx context.Context, events ...event.Event) error {
	return q.publish(ctx, "", events)
}

func (q *Queue) publish(ctx context.Context, reader string, events []event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if reader == "" && q.refusing.Load() > 0 {
		return errRefusing
	}
	var waiting []*publication
	for len(events) > 0 {
		p := &publication{reader: reader, done: make(chan error, 1), events: *rooms.Get().(*[]byte)}
		for len(events) > 0 && len(p.events) < chunkBytes {
			p.events = events[0].AppendBinary(p.events)
			p.count++
			events = events[1:]
		}
		select {
		case <-q.stop:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		case q.pending <- p:
		}
		waiting = append(waiting, p)
	}
	for _, p := range waiting {
		select {
		case err := <-p.done:
			if err != nil {
				return err
			}
			p.events = p.events[:0] // they were copied into the message
			rooms.Put(&p.events)
		case <-ctx.Done():
			return ctx.Err()
		case <-q.stopped:
			// Either it was answered in the very last moment or it never will be.
			select {
			case err := <-p.done:
				if err != nil {
					return err
				}
			default:
				return ErrClosed
			}
		}
	}
	return nil
}

// Refusing is since when nothing could be stored; zero if the last could. Then nobody's
// events are tried, but a message of none now and then, so that the queue finds out by
// itself, also where nobody sends any, when it can store again. A log whose disk was
// full stores nothing until it is opened anew.
func (q *Queue) Refusing() time.Time {
	if ms := q.refusing.Load(); ms > 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// first is what the next group begins with; nil once the queue is closed and has
// answered everybody. As long as nothing can be stored senders are refused, and it is
// after a while a message for nobody, or what somebody redrives, who waits for that.
func (q *Queue) first() *publication {
	var again <-chan time.Time
	if q.refusing.Load() > 0 {
		again = time.After(tryAgain)
	}
	for {
		var p *publication
		select {
		case p = <-q.pending:
		case <-again:
			return &publication{reader: nobody, done: make(chan error, 1)}
		case <-q.stop:
			select {
			case p = <-q.pending: // what had queued up is still answered
			default:
				return nil
			}
		}
		if again == nil || p.reader != "" {
			return p
		}
		p.done <- errRefusing
	}
}

// commit writes one group after the other until the queue closes.
func (q *Queue) commit() {
	defer close(q.stopped)
	var raw, message []byte
	var left *publication // did not fit or is for another reader
	for {
		first := left
		left = nil
		if first != nil && first.reader == "" && q.refusing.Load() > 0 {
			first.done <- errRefusing
			first = nil
		}
		if first == nil {
			if first = q.first(); first == nil {
				return
			}
		}
		group := []*publication{first}
		raw = append(raw[:0], first.events...)
	gather:
		for len(raw) < groupBytes {
			select {
			case p := <-q.pending:
				if p.reader != first.reader {
					left = p
					break gather
				}
				group, raw = append(group, p), append(raw, p.events...)
			default:
				break gather
			}
		}
		message = q.write(first.reader, group, raw, message)
	}
}

// write publishes a group as one message and answers its callers.
func (q *Queue) write(reader string, group []*publication, raw, message []byte) []byte {
	count := 0
	for _, p := range group {
		count += p.count
	}
	q.mu.Lock()
	h := header{epoch: q.epochs.current(), total: q.last.Total, count: uint32(count)}
	q.mu.Unlock()
	to := subject
	if reader != "" {
		to = redriveTo + reader
	} else {
		h.total += uint64(count)
	}
	need := headerSize + s2.MaxEncodedLen(len(raw))
	if cap(message) < need {
		message = make([]byte, need)
	}
	message = h.append(message[:0])
	packed := s2.Encode(message[headerSize:cap(message)], raw)
	message = message[:headerSize+len(packed)]

	err := q.store(h, to, message)
	if err != nil {
		q.recover()
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == wrongLastSequence { // certainly not stored
			q.mu.Lock()
			h.epoch, h.total = q.epochs.current(), q.last.Total // what was stored late counts before this one
			q.mu.Unlock()
			if reader == "" {
				h.total += uint64(count)
			}
			h.append(message[:0])
			err = q.store(h, to, message)
		}
	}
	if err != nil {
		err = fmt.Errorf("queue: not stored: %w", err)
		q.refusing.CompareAndSwap(0, time.Now().UnixMilli())
	} else {
		q.refusing.Store(0)
	}
	for _, p := range group {
		p.done <- err
	}
	return message
}

// store writes one message behind the last. Expecting its sequence keeps
// totals right: a message that was given up may have been stored late.
func (q *Queue) store(h header, to string, message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	q.mu.Lock()
	after, damaged := q.last.Seq, q.damaged
	q.mu.Unlock()
	if damaged {
		return errors.New("the log was damaged while running; stop and start footfall to mend it")
	}
	ack, err := q.js.PublishMsg(ctx, &nats.Msg{Subject: to, Data: message}, jetstream.WithExpectLastSequence(after))
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = event.Position{Epoch: q.last.Epoch, Seq: ack.Sequence, Total: max(h.total, q.last.Total)}
	return nil
}

// fence returns nil once the log holds all that was sent to it before and that
// it will ever hold of it. The server works through what comes on a connection
// in its order, so it sends a message that can't be stored and waits for the
// refusal.
func (q *Queue) fence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	_, err := q.js.PublishMsg(ctx, &nats.Msg{Subject: subject}, jetstream.WithExpectLastSequence(math.MaxInt64))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == wrongLastSequence {
		return nil
	}
	return fmt.Errorf("queue: the log does not answer: %w", err)
}

// recover finds out what became of a message whose answer did not come: it may
// have been stored, and then Total must go on behind it.
func (q *Queue) recover() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	q.mu.Lock()
	told := q.damaged
	q.mu.Unlock()
	if told {
		return // it is tried every second, and only a start mends it
	}
	last, err := q.lastStored(ctx)
	if err != nil && !errors.Is(err, errFormat) {
		q.o.Log.Error("queue: end of the log not readable after a failed publish", "error", err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case last.Seq > q.last.Seq:
		q.last = event.Position{Epoch: q.epochs.current(), Seq: last.Seq, Total: max(last.Total, q.last.Total)}
	case last.Seq < q.last.Seq:
		// What the server stored now could not be read back: only a start mends that (see Open).
		q.damaged = true
		q.o.Log.Error("queue: the log was damaged while running, nothing more is accepted; stop and start footfall to mend it",
			"ends_at", last.Seq, "ended_at", q.last.Seq)
	}
}

// open reads a message's header and unpacks its body, whose events append reads.
func open(data []byte) (header, string, error) {
	h, packed, err := readHeader(data)
	if err != nil {
		return h, "", err
	}
	body, err := s2.Decode(nil, packed)
	if err != nil {
		return h, "", fmt.Errorf("queue message is damaged: %w", err)
	}
	return h, unsafe.String(unsafe.SliceData(body), len(body)), nil // body is nobody else's
}

// decode appends the events of a message's body, in a version of their form, to events.
func decode(events []event.Event, form, count int, body string) ([]event.Event, error) {
	n := len(events)
	if count > len(body) {
		return events, errFormat
	}
	events = slices.Grow(events, count)[:n+count]
	var err error
	for i := range events[n:] {
		if body, err = events[n+i].DecodeBinary(body, form); err != nil {
			return events[:n], fmt.Errorf("queue message is damaged: event %d: %w", i, err)
		}
	}
	return events, nil
}
