package queuetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"footfall/event"
	"footfall/queue"
)

// Memory is the model: a queue in memory, as simple as the law allows. It keeps
// the log of a directory by its name, so that reopening finds it again.
type Memory struct {
	log    *memoryLog
	closed bool
}

type memoryLog struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever something may be read
	visibility time.Duration
	messages   []memoryMessage
	total      uint64
	readers    map[string]*memoryReader
	aside      []queue.AsideItem
	lastAside  uint64
	dropped    map[string]uint64
}

type memoryMessage struct {
	to     event.Position
	events []event.Event
	only   string // for this reader; "" is for all
	at     time.Time
}

// lease is what a shared reader knows of one message.
type lease struct {
	until    time.Time
	attempts int
	done     bool
}

type memoryReader struct {
	log      *memoryLog
	name     string
	ordered  bool
	next     int // ordered: index of the next message
	attempts int // ordered: made at what comes next
	acked    event.Position
	leases   map[uint64]*lease
}

var (
	logsMu sync.Mutex
	logs   = map[string]*memoryLog{}
)

// OpenMemory opens the model of a queue in dir.
func OpenMemory(dir string, visibility time.Duration) *Memory {
	logsMu.Lock()
	defer logsMu.Unlock()
	l := logs[dir]
	if l == nil {
		l = &memoryLog{changed: make(chan struct{}), readers: map[string]*memoryReader{}, dropped: map[string]uint64{}, visibility: visibility}
		logs[dir] = l
	}
	return &Memory{log: l}
}

var errMemoryClosed = errors.New("queue in memory: closed")

// Publish implements queue.Queue.
func (m *Memory) Publish(ctx context.Context, events ...event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	if m.closed {
		return errMemoryClosed
	}
	if len(events) > 0 {
		m.log.total += uint64(len(events))
		m.log.append("", events)
	}
	return nil
}

func (l *memoryLog) append(only string, events []event.Event) {
	l.messages = append(l.messages, memoryMessage{
		to:     event.Position{Epoch: 1, Seq: uint64(len(l.messages) + 1), Total: l.total},
		events: slices.Clone(events), only: only, at: time.Now(),
	})
	l.wake()
}

func (l *memoryLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Reader implements queue.Queue.
func (m *Memory) Reader(_ context.Context, name string, from *event.Position) (queue.Reader, error) {
	if name == "" {
		return nil, errors.New("queue in memory: a reader needs a name")
	}
	l := m.log
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.readers[name]
	if r == nil {
		r = &memoryReader{log: l, name: name, leases: map[uint64]*lease{}}
		l.readers[name] = r
	}
	if r.ordered = from != nil; r.ordered {
		r.acked, r.next = *from, int(from.Seq)
	}
	return r, nil
}

// Read implements queue.Reader.
func (r *memoryReader) Read(ctx context.Context, most int, wait time.Duration) (queue.Delivery, error) {
	deadline := time.Now().Add(wait)
	for {
		if err := ctx.Err(); err != nil {
			return queue.Delivery{}, err
		}
		r.log.mu.Lock()
		d := r.take(most)
		changed := r.log.changed
		r.log.mu.Unlock()
		left := time.Until(deadline)
		if d.To != (event.Position{}) || left <= 0 {
			return d, nil
		}
		timer := time.NewTimer(min(left, 10*time.Millisecond)) // leases end without a word
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (r *memoryReader) take(most int) queue.Delivery {
	var d queue.Delivery
	var taken []uint64
	i := 0
	if r.ordered {
		i = r.next
	}
	for ; i < len(r.log.messages); i++ {
		m := r.log.messages[i]
		if len(taken) > 0 && (len(d.Events)+len(m.events) > most || r.ordered && r.attempts > 0) {
			break
		}
		if m.only != "" && m.only != r.name || !r.ordered && !r.lend(m.to.Seq, &d) {
			continue
		}
		d.Events, d.To, taken = append(d.Events, m.events...), m.to, append(taken, m.to.Seq)
	}
	if r.ordered {
		r.next, d.Attempts, r.attempts = i, r.attempts+1, 0
	}
	r.control(&d, taken)
	return d
}

// lend starts a lease, unless one runs or the message is done.
func (r *memoryReader) lend(seq uint64, d *queue.Delivery) bool {
	x := r.leases[seq]
	if x == nil {
		x = &lease{}
		r.leases[seq] = x
	}
	if x.done || time.Now().Before(x.until) {
		return false
	}
	x.until, x.attempts = time.Now().Add(r.log.visibility), x.attempts+1
	d.Attempts = max(d.Attempts, x.attempts)
	return true
}

// control gives a delivery its functions.
func (r *memoryReader) control(d *queue.Delivery, taken []uint64) {
	to := d.To
	locked := func(do func()) error {
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		do()
		return nil
	}
	d.Ack = func(context.Context) error {
		return locked(func() {
			if r.acked.Less(to) {
				r.acked = to
			}
			for _, seq := range taken {
				if !r.ordered {
					r.leases[seq].done = true
				}
			}
		})
	}
	d.Nack = func(ctx context.Context, delay time.Duration) error {
		if r.ordered {
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
		}
		return locked(func() {
			if r.ordered {
				r.attempts, r.next = d.Attempts, int(r.acked.Seq)
			}
			r.extend(taken, delay)
			r.log.wake()
		})
	}
	d.Hold = func(context.Context) error { return locked(func() { r.extend(taken, r.log.visibility) }) }
	d.Begin = d.Hold
}

func (r *memoryReader) extend(taken []uint64, by time.Duration) {
	for _, seq := range taken {
		if !r.ordered {
			r.leases[seq].until = time.Now().Add(by)
		}
	}
}

// State implements queue.Queue.
func (m *Memory) State(context.Context) (queue.State, error) {
	l := m.log
	l.mu.Lock()
	defer l.mu.Unlock()
	s := queue.State{Accepted: l.total, Readers: map[string]queue.Lag{}, Aside: map[string]uint64{}, Dropped: maps.Clone(l.dropped)}
	if n := len(l.messages); n > 0 {
		s.First, s.Last, s.Oldest = l.messages[0].to, l.messages[n-1].to, l.messages[0].at
	}
	for name, r := range l.readers {
		lag := queue.Lag{At: r.acked, Waiting: l.total - r.acked.Total}
		if lag.Waiting > 0 {
			lag.Since = l.messages[r.acked.Seq].at
		}
		s.Readers[name] = lag
	}
	for _, it := range l.aside {
		s.Aside[it.Reader]++
	}
	return s, nil
}

// Close implements queue.Queue.
func (m *Memory) Close() error {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	m.closed = true
	return nil
}

// Aside implements queue.Queue.
func (m *Memory) Aside() queue.Aside { return memoryAside{m.log} }

type memoryAside struct{ log *memoryLog }

func (a memoryAside) Put(ctx context.Context, items ...queue.AsideItem) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	before := slices.Clone(a.log.aside)
	for _, it := range items {
		if i := slices.IndexFunc(before, func(old queue.AsideItem) bool {
			return old.Reader == it.Reader && old.Event != nil && it.Event != nil && *old.Event == *it.Event
		}); i >= 0 {
			before = slices.Delete(before, i, i+1)
			continue
		}
		a.log.lastAside++
		it.ID = a.log.lastAside
		if it.At.IsZero() {
			it.At = time.Now().UTC()
		}
		if it.Event != nil {
			it.Site = it.Event.Site
		}
		a.log.aside = append(a.log.aside, it)
	}
	return nil
}

func (a memoryAside) List(_ context.Context, reader string, limit int) ([]queue.AsideItem, error) {
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	var items []queue.AsideItem
	for _, it := range a.log.aside {
		if (reader == "" || it.Reader == reader) && (limit == 0 || len(items) < limit) {
			items = append(items, it)
		}
	}
	return items, nil
}

func (a memoryAside) find(id uint64) (int, error) {
	i := slices.IndexFunc(a.log.aside, func(it queue.AsideItem) bool { return it.ID == id })
	if i < 0 {
		return i, fmt.Errorf("set-aside item %d: %w", id, queue.ErrNoItem)
	}
	return i, nil
}

func (a memoryAside) Show(_ context.Context, id uint64) (queue.AsideItem, error) {
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	i, err := a.find(id)
	if err != nil {
		return queue.AsideItem{}, err
	}
	return a.log.aside[i], nil
}

func (a memoryAside) Redrive(_ context.Context, ids ...uint64) (int, error) {
	return a.remove(ids, func(it queue.AsideItem) error {
		if it.Event == nil {
			return fmt.Errorf("set-aside item %d holds no event", it.ID)
		}
		if a.log.readers[it.Reader] == nil {
			return fmt.Errorf("set-aside item %d: there is no reader %s", it.ID, it.Reader)
		}
		a.log.append(it.Reader, []event.Event{*it.Event})
		return nil
	})
}

func (a memoryAside) Drop(_ context.Context, ids ...uint64) (int, error) {
	return a.remove(ids, func(it queue.AsideItem) error {
		a.log.dropped[it.Reader]++
		return nil
	})
}

func (a memoryAside) remove(ids []uint64, before func(queue.AsideItem) error) (int, error) {
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	for n, id := range ids {
		i, err := a.find(id)
		if err == nil {
			err = before(a.log.aside[i])
		}
		if err != nil {
			return n, err
		}
		a.log.aside = slices.Delete(a.log.aside, i, i+1)
	}
	return len(ids), nil
}
