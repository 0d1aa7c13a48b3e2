package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/pump"
	"footfall/store/duckdb"
)

// fill writes to a store what the archive has beyond the store's position.
// Afterwards the store holds what the archive holds, and the account of events
// says so once what is returned is settled.
func (h *house) fill(ctx context.Context, st *duckdb.Store, progress func(events int)) (settlement, error) {
	if err := h.archive.Known(ctx); err != nil {
		return settlement{}, err
	}
	aside, err := h.listAside(ctx)
	if err == nil {
		err = h.level(ctx, st)
	}
	if err != nil {
		return settlement{}, err
	}
	aside.old = st.State().Removed
	aside.whole = st.State().Position == event.Position{}
	write := func(events []event.Event, to event.Position) error {
		h.erased.Clean(events) // what was set aside, or put back from a copy
		err := st.Write(ctx, events, to)
		var rejected *pump.RejectedError
		if errors.As(err, &rejected) {
			// They were set aside when they first came.
			aside.refused += uint64(len(rejected.Index))
			events = without(events, rejected.Index)
			err = st.Write(ctx, events, to)
		}
		if err == nil {
			aside.stored(events)
			progress(len(events))
		}
		return err
	}
	for {
		at, stats := h.archive.Position(), h.archive.Stats()
		if !st.State().Position.Less(at) && h.archive.Position() == at { // no flush came between
			if err := h.fromAside(ctx, aside.archive, write); err != nil {
				return settlement{}, fmt.Errorf("filling the event store from the set-aside: %w", err)
			}
			return h.recount(ctx, st, stats, aside)
		}
		if err := h.archive.Scan(ctx, st.State().Position, write); err != nil {
			return settlement{}, fmt.Errorf("filling the event store from the archive: %w", err)
		}
	}
}

// settlement is what the queue's books must be told of a store that was filled.
type settlement struct {
	again   []uint64 // items that need not be there any more
	dropped uint64   // events that the store lacks and no item tells of
}

// book settles. There is no way back to another store from here on.
func (h *house) book(ctx context.Context, s settlement) error {
	return h.queue.Settle(context.WithoutCancel(ctx), "store", s.again, s.dropped)
}

// fromAside writes what the archive could not keep, some at a time.
func (h *house) fromAside(ctx context.Context, ids []uint64, write func([]event.Event, event.Position) error) error {
	for part := range slices.Chunk(ids, 500) {
		var events []event.Event
		for _, id := range part {
			it, err := h.queue.Aside().Show(ctx, id)
			if err != nil {
				return err
			}
			events = append(events, *it.Event)
		}
		if err := write(events, event.Position{}); err != nil {
			return err
		}
	}
	return nil
}

// setAside is what the sinks set aside, by what counts once. It holds no
// events: there may be more of them than memory.
type setAside struct {
	store   map[asideKey][]uint64 // ids of the items
	archive []uint64              // ids of what the archive could not keep
	again   []uint64              // items that need not be there any more
	refused uint64                // events that the store refused while it was filled
	old     uint64                // events removed from the store before
	whole   bool                  // it was filled from the beginning
}

type asideKey struct {
	site, id string
	day      event.Day
}

// keyOf keeps nothing of the event alive.
func keyOf(e *event.Event) asideKey {
	return asideKey{strings.Clone(e.Site), strings.Clone(e.ID), e.Day()}
}

func (h *house) listAside(ctx context.Context) (*setAside, error) {
	s := &setAside{store: map[asideKey][]uint64{}}
	err := h.queue.SetAside(ctx, "store", func(id uint64, e *event.Event) {
		k := keyOf(e)
		s.store[k] = append(s.store[k], id)
	})
	if err != nil {
		return nil, err
	}
	return s, h.queue.SetAside(ctx, "archive", func(id uint64, _ *event.Event) { s.archive = append(s.archive, id) })
}

// stored notes that the store has taken events: nothing of them is set aside now.
func (s *setAside) stored(events []event.Event) {
	if len(s.store) == 0 {
		return
	}
	for i := range events {
		k := asideKey{events[i].Site, events[i].ID, events[i].Day()}
		s.again = append(s.again, s.store[k]...)
		delete(s.store, k)
	}
}

// left is how many events are set aside. Of several items of one event one is
// left: the archive counts the others as events that came again.
func (s *setAside) left() (n uint64) {
	for k, ids := range s.store {
		s.again = append(s.again, ids[1:]...)
		s.store[k] = ids[:1]
		n++
	}
	return n
}

// recount makes the account of a store that holds what the archive holds. Of
// all events those that are neither in the store nor set aside were dropped by
// hand, as far as the store refused them.
func (h *house) recount(ctx context.Context, st *duckdb.Store, stats archive.Stats, aside *setAside) (settlement, error) {
	q, err := h.queue.State(ctx)
	if err != nil {
		return settlement{}, err
	}
	all := stats.Rows + uint64(len(aside.archive)) + q.Dropped["archive"]
	old := st.State().Removed - aside.old // of what the archive could not keep
	lacks, left := all-min(st.State().Stored+old, all), aside.left()
	known := aside.refused + q.Dropped["archive"]
	if !aside.whole {
		known += left + q.Dropped["store"] // what it refused before
	}
	if lacks > known {
		h.log.Error("the event store lacks events that the archive holds and that it did not refuse", "missing", lacks-known)
		lacks = known
	}
	end := st.State().Position.Total
	if archived := stats.Rows + stats.Duplicates + stats.Removed + q.Aside["archive"] + q.Dropped["archive"]; archived < end {
		h.log.Error("the archive does not account for all events accepted up to its end", "accepted", end, "missing", end-archived)
	}
	return settlement{aside.again, lacks - min(left, lacks)}, st.Recount(ctx, stats.Duplicates, stats.Removed+old)
}

func without(events []event.Event, index []int) []event.Event {
	drop := map[int]bool{}
	for _, i := range index {
		drop[i] = true
	}
	var kept []event.Event
	for i := range events {
		if !drop[i] {
			kept = append(kept, events[i])
		}
	}
	return kept
}

// rebuild makes the event store anew from the archive; the queue adds what the
// archive does not hold yet. The old store is kept until the new one is whole,
// and put back if ctx ends before, or the house.
func (h *house) rebuild(ctx context.Context, progress func(rebuildProgress)) error {
	if err := h.takeCare(ctx); err != nil {
		return err
	}
	defer h.giveCare()
	return h.rebuildNow(ctx, progress)
}

// rebuildNow is rebuild by whoever has taken care.
func (h *house) rebuildNow(ctx context.Context, progress func(rebuildProgress)) error {
	ctx, done := h.untilEnd(ctx)
	defer done()
	if err := h.finishReading(ctx, &h.exports, "export", progress); err != nil {
		return err
	}
	defer h.exports.letIn()
	// Redriven events come with no number of their own: the old store must have had them.
	if h.store.Load() != nil {
		waiting, enough := context.WithTimeout(ctx, redrivenWait)
		defer enough()
		if err := h.redriven(waiting); err != nil && ctx.Err() == nil {
			h.log.Warn("rebuild: redriven events are not stored yet; they may be counted as duplicates", "error", err)
		}
	}
	if st := h.store.Load(); st != nil { // what it holds then is compared with what the new one does
		if err := h.level(ctx, st); err != nil {
			h.log.Warn("rebuild: what is to be removed of the old event store can't be", "error", err)
		}
		if err := h.deletePendingOf(ctx, st); err != nil {
			h.log.Warn("rebuild: what is to be deleted of the old event store can't be", "error", err)
		}
	}
	end, err := h.catchUp(ctx)
	if err == nil {
		err = h.replace(ctx, end, progress)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return err
}

// redrivenWait is how long a rebuild waits for the old store, which may be broken.
const redrivenWait = 10 * time.Second

// careWait is how long takeCare waits: a house that starts looks at once for old
// events to remove, and that is mostly done in no time.
const careWait = 10 * time.Second

// takeCare begins what only one may do at a time; giveCare ends it. A swap of
// reprocessed events that was cut short is ended first.
func (h *house) takeCare(ctx context.Context) error {
	if h.ending.Err() != nil {
		return errStopping
	}
	enough := time.NewTimer(careWait)
	defer enough.Stop()
	select {
	case h.care <- struct{}{}:
		err := h.endSwap(ctx)
		if err != nil {
			h.giveCare()
		}
		return err
	case <-h.ending.Done():
		return errStopping
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-enough.C:
		return errCared
	}
}

func (h *house) giveCare() { <-h.care }

// caring takes care for work that ends with the house, and says by its cause that
// it did; done gives care back.
func (h *house) caring(ctx context.Context) (_ context.Context, done func(), err error) {
	if err := h.takeCare(ctx); err != nil {
		return nil, nil, err
	}
	ctx, end := h.untilEnd(ctx)
	return ctx, func() { end(); h.giveCare() }, nil
}

var errCared = errors.New("a rebuild, backup, redrive, drop or removal of old events is under way; try again when it has ended")

// untilEnd is ctx, ended with errStopping when the house ends.
func (h *house) untilEnd(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.ending, func() { cancel(errStopping) })
	return ctx, func() { stop(); cancel(nil) }
}

// finishReading waits for readers that are in the store and lets no more in.
func (h *house) finishReading(ctx context.Context, g *guests, what string, progress func(rebuildProgress)) error {
	n, left := g.shutOut()
	if n > 0 {
		progress(rebuildProgress{Waiting: fmt.Sprintf("waiting for %d %s under way to end", n, what)})
	}
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		g.letIn()
		return context.Cause(ctx)
	}
}

// catchUp stops the store's pump and lets the archive have all that the store
// has had. It returns where the store stands.
func (h *house) catchUp(ctx context.Context) (end event.Position, err error) {
	h.stopPump("store", event.Position{})
	if st := h.store.Load(); st != nil {
		end = st.State().Position
	}
	h.stopPump("archive", end)
	err = h.startArchivePump(context.WithoutCancel(ctx))
	if err == nil {
		err = h.canRebuild(ctx)
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = errors.Join(err, h.startStorePump(context.WithoutCancel(ctx)))
	}
	return end, err
}

// replace makes the new store beside the old one, which stood at end.
func (h *house) replace(ctx context.Context, end event.Position, progress func(rebuildProgress)) error {
	dir, kept := h.storeDir(), fmt.Sprintf("%s.before-rebuild-%s", h.storeDir(), time.Now().UTC().Format("20060102T150405.000"))
	old := h.store.Swap(nil)
	err := h.finishReading(ctx, &h.questions, "questions", progress)
	if err != nil {
		h.store.Store(old)
		return errors.Join(err, h.startStorePump(context.WithoutCancel(ctx)))
	}
	defer h.questions.letIn()
	if old != nil {
		if err := old.Close(); err != nil {
			h.log.Warn("closing the old event store", "error", err)
		}
	}
	if err := os.Rename(dir, kept); err != nil && !errors.Is(err, os.ErrNotExist) { // none: see startStorePump
		return errors.Join(err, h.startStorePump(context.WithoutCancel(ctx)))
	}
	st, owed, err := h.refill(ctx, end, progress)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir), putBack(kept, dir), h.startStorePump(context.WithoutCancel(ctx)))
	}
	booked := h.book(ctx, owed)
	if booked != nil { // items may be gone already, which only the new store has
		booked = fmt.Errorf("the new event store is in use, but the account of events may not add up: rebuild again; the old one is kept in %s: %w", kept, booked)
	}
	h.store.Store(st)
	anew := h.startBins(context.WithoutCancel(ctx), true)
	h.questions.letIn()
	if err := errors.Join(booked, anew, h.startStorePump(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	h.rollSoon()
	return h.replaced(ctx, old, st, kept)
}

// putBack gives the old store its place again, if there was one.
func putBack(kept, dir string) error {
	if err := os.Rename(kept, dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// refill opens a new store and fills it up to where the old one stood. It
// touches nothing else.
func (h *house) refill(ctx context.Context, end event.Position, progress func(rebuildProgress)) (*duckdb.Store, settlement, error) {
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return nil, settlement{}, err
	}
	total := 0
	owed, err := h.fill(ctx, st, func(n int) {
		total += n
		progress(rebuildProgress{Events: total})
	})
	if at := st.State().Position; err == nil && at.Less(end) && at.Total == end.Total {
		// Between the two lies only what was redriven, and is there.
		err = st.Write(context.WithoutCancel(ctx), nil, end)
	}
	if err != nil {
		return nil, settlement{}, errors.Join(err, st.Close())
	}
	return st, owed, nil
}

func (h *house) storeDir() string { return filepath.Join(h.c.values["data"], "store") }

// canRebuild refuses where archive and queue together don't hold all events:
// the queue must reach back to the end of the archive.
func (h *house) canRebuild(ctx context.Context) error {
	if err := h.archive.Known(ctx); err != nil {
		return err
	}
	q, err := h.queue.State(ctx)
	if err != nil {
		return err
	}
	st, end := h.store.Load(), h.archive.Position()
	cut := end != (event.Position{}) && end.Epoch != q.Last.Epoch
	if st != nil && end.Less(st.State().Position) && (cut || q.First.Seq > end.Seq+1) {
		return fmt.Errorf("the archive ends at event %d and the queue no longer reaches back to there, so a rebuild would lose what only the event store has (%d events up to %d); let the archive catch up first, see: footfall doctor",
			end.Total, st.State().Stored, st.State().Position.Total)
	}
	return nil
}

// replaced removes the old store once the new one holds at least as much.
func (h *house) replaced(ctx context.Context, old, now *duckdb.Store, kept string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := h.settled(ctx); err != nil {
		return fmt.Errorf("the new event store has not caught up with the queue yet; the old one is kept in %s: %w", kept, err)
	}
	if old != nil && now.State().Stored < old.State().Stored {
		return fmt.Errorf("the new event store holds %d events, the old one held %d; the old one is kept in %s", now.State().Stored, old.State().Stored, kept)
	}
	return os.RemoveAll(kept)
}
