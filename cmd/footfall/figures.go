package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
)

var (
	errRebuilding = errors.New("the event store is being rebuilt; try again in a while")
	errStopping   = errors.New("footfall is stopping")
)

// rebuilding reports whether something could not be done as the event store is being rebuilt,
// which has it done in the end.
func rebuilding(err error) bool { return errors.Is(err, errRebuilding) }

// storeSink writes to whichever store is open.
type storeSink struct{ h *house }

func (s storeSink) Write(ctx context.Context, events []event.Event, to event.Position) error {
	st := s.h.store.Load()
	if st == nil {
		return errRebuilding
	}
	tell(events, s.h.streams.Storing)
	err := s.h.roller.Write(ctx, events, to, func() ([]event.Event, error) {
		s.h.fresh, s.h.gathers = nil, true
		err := st.Write(ctx, events, to)
		s.h.gathers = false
		return s.h.fresh, err
	})
	if err != nil {
		return err
	}
	tell(s.h.fresh, s.h.streams.Stored)
	if n := len(events); n > 0 {
		s.h.newest.Store(events[n-1].Received.UnixMilli())
	}
	return nil
}

// stored gathers the events of a pump's batch that were new. A rebuild, which
// fills a store while its pump stands still, needs none of it.
func (h *house) stored(events []event.Event, index []int) {
	if !h.gathers {
		return
	}
	if len(index) == len(events) { // as usual: a copy would be as large as the batch
		h.fresh = events
		return
	}
	h.fresh = make([]event.Event, len(index))
	for to, from := range index {
		h.fresh[to] = events[from]
	}
}

// Answer answers a query from the cheapest source that knows.
func (h *house) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	q.Currency = h.sites.currency(q.Site)
	d, err := h.reports.Answer(ctx, q)
	if st := h.store.Load(); err == nil && st != nil {
		if asOf := h.asOf(st); asOf.Before(d.AsOf) {
			d.AsOf = asOf
		}
	}
	return d, err
}

// answerFromEvents answers a query from the event store.
func (h *house) answerFromEvents(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if !h.questions.enter() {
		return metric.Dataset{}, errRebuilding
	}
	defer h.questions.leave()
	st := h.store.Load()
	if st == nil {
		return metric.Dataset{}, errRebuilding
	}
	r, err := h.lookedUp(ctx, q.Report())
	if err != nil {
		return metric.Dataset{}, err
	}
	q.Goals, q.Members = r.Goals, r.Members
	return st.Answer(ctx, q)
}

// asOf is the moment up to which everything accepted can be seen: now, unless
// the store is behind the queue.
func (h *house) asOf(st *duckdb.Store) time.Time {
	if h.queue == nil || st.State().Position.Total >= h.queue.Last().Total { // a benchmark's house has none
		return time.Now()
	}
	return time.UnixMilli(h.newest.Load())
}

// cameAgain counts imported events that were stored before.
func (h *house) cameAgain(e *event.Event) {
	if e.Channel == "import" {
		n, known := h.again.Load(e.Site)
		if !known { // a copy, as the event's texts lie in a whole message
			n, _ = h.again.LoadOrStore(strings.Clone(e.Site), new(atomic.Int64))
		}
		n.(*atomic.Int64).Add(1)
	}
}

// settled waits until the store has everything the queue had when it was called.
func (h *house) settled(ctx context.Context) error {
	want := h.queue.Last().Total
	return h.until(ctx, func(st *duckdb.Store) bool { return st.State().Position.Total >= want })
}

// redriven waits until the store's pump has seen what was redriven to it.
func (h *house) redriven(ctx context.Context) error {
	seq, err := h.queue.Redriven(ctx, "store")
	if err != nil {
		return err
	}
	epoch := h.queue.Last().Epoch
	return h.until(ctx, func(st *duckdb.Store) bool {
		at := st.State().Position
		return at.Epoch < epoch || at.Seq >= seq // the log was cut: those of before are gone
	})
}

// until waits until the store is as wanted.
func (h *house) until(ctx context.Context, wanted func(*duckdb.Store) bool) error {
	for {
		if st := h.store.Load(); st != nil && wanted(st) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// export hands over a site's events in a window by time: all that was accepted
// before it was asked for.
func (h *house) export(ctx context.Context, site string, w period.Window, fn func(*event.Event) error) error {
	return h.reads(ctx, func(st *duckdb.Store) error { return st.Scan(ctx, site, w, fn) })
}

// reads lends the store, with all in it that was accepted before, to who reads events.
func (h *house) reads(ctx context.Context, fn func(st *duckdb.Store) error) error {
	if !h.exports.enter() {
		return errRebuilding
	}
	defer h.exports.leave()
	if err := h.settled(ctx); err != nil {
		return err
	}
	st := h.store.Load() // now, as a rebuild may have been under way before
	if st == nil {
		return errRebuilding
	}
	return fn(st)
}

// guests are readers of the store, which is not closed under them.
type guests struct {
	mu   sync.Mutex
	n    int
	shut bool
	left chan struct{} // closed when the last one leaves; nil if nobody waits
}

// enter reports whether the reader may come in; then it must leave again.
func (g *guests) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.n++
	}
	return !g.shut
}

func (g *guests) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 && g.left != nil {
		close(g.left)
		g.left = nil
	}
}

// shutOut lets nobody in until letIn. It returns how many are still there and
// what is closed when they have gone.
func (g *guests) shutOut() (n int, left <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	c := make(chan struct{})
	if g.n == 0 {
		close(c)
	} else {
		g.left = c
	}
	return g.n, c
}

func (g *guests) letIn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.left = false, nil
}
