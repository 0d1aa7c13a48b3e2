package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/pump"
	"footfall/store/duckdb"
)

// fill writes to a store what the archive has beyond the store's position.
// Afterwards the store holds what the archive holds, and the account of events
// says so.
func (h *house) fill(ctx context.Context, st *duckdb.Store, progress func(events int)) error {
	aside, err := h.listAside(ctx)
	if err != nil {
		return err
	}
	aside.whole = st.State().Position == event.Position{}
	write := func(events []event.Event, to event.Position) error {
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
			if len(aside.archive) > 0 { // there is what the archive could not keep
				if err := write(aside.archive, event.Position{}); err != nil {
					return fmt.Errorf("filling the event store from the set-aside: %w", err)
				}
			}
			return h.recount(ctx, st, stats, aside)
		}
		if err := h.archive.Scan(ctx, st.State().Position, write); err != nil {
			return fmt.Errorf("filling the event store from the archive: %w", err)
		}
	}
}

// setAside is what the sinks set aside, by what counts once.
type setAside struct {
	store   map[asideKey][]uint64 // ids of the items
	archive []event.Event         // what the archive could not keep
	again   []uint64              // items that need not be there any more
	refused uint64                // events that the store refused while it was filled
	whole   bool                  // it was filled from the beginning
}

type asideKey struct {
	site, id string
	day      event.Day
}

func (h *house) listAside(ctx context.Context) (*setAside, error) {
	s := &setAside{store: map[asideKey][]uint64{}}
	for _, sink := range []string{"store", "archive"} {
		items, err := h.queue.Aside().List(ctx, sink, 0)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			switch {
			case it.Event == nil:
			case sink == "archive":
				s.archive = append(s.archive, *it.Event)
			default:
				k := asideKey{it.Event.Site, it.Event.ID, it.Event.Day()}
				s.store[k] = append(s.store[k], it.ID)
			}
		}
	}
	return s, nil
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
func (h *house) recount(ctx context.Context, st *duckdb.Store, stats archive.Stats, aside *setAside) error {
	q, err := h.queue.State(ctx)
	if err != nil {
		return err
	}
	all := stats.Rows + uint64(len(aside.archive)) + q.Dropped["archive"]
	lacks, left := all-min(st.State().Stored, all), aside.left()
	known := aside.refused + q.Dropped["archive"]
	if !aside.whole {
		known += left + q.Dropped["store"] // what it refused before
	}
	if lacks > known {
		h.log.Error("the event store lacks events that the archive holds and that it did not refuse", "missing", lacks-known)
		lacks = known
	}
	end := st.State().Position.Total
	if archived := stats.Rows + stats.Duplicates + q.Aside["archive"] + q.Dropped["archive"]; archived < end {
		h.log.Error("the archive does not account for all events accepted up to its end", "accepted", end, "missing", end-archived)
	}
	if err := st.Recount(ctx, stats.Duplicates); err != nil {
		return err
	}
	// From here on there is no way back to another store.
	return h.queue.Settle(context.WithoutCancel(ctx), "store", aside.again, lacks-min(left, lacks))
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
	if err := h.takeCare(); err != nil {
		return err
	}
	defer h.care.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.ending, func() { cancel(errStopping) })()
	if err := h.finishReading(ctx, &h.exports, "export", progress); err != nil {
		return err
	}
	defer h.exports.letIn()
	// Redriven events come with no number of their own: the old store must have had them.
	waiting, enough := context.WithTimeout(ctx, redrivenWait)
	defer enough()
	if err := h.redriven(waiting); err != nil && ctx.Err() == nil {
		h.log.Warn("rebuild: redriven events are not stored yet; they may be counted as duplicates", "error", err)
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

// takeCare begins what only one may do at a time; h.care is to be unlocked.
func (h *house) takeCare() error {
	if h.ending.Err() != nil {
		return errStopping
	}
	if !h.care.TryLock() {
		return errors.New("a rebuild, redrive or drop is under way; try again when it has ended")
	}
	return nil
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
	dir, kept := h.storeDir(), fmt.Sprintf("%s.before-rebuild-%s", h.storeDir(), time.Now().UTC().Format("20060102T150405"))
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
	if err := os.Rename(dir, kept); err != nil {
		return errors.Join(err, h.reopen(ctx))
	}
	st, err := h.refill(ctx, end, progress)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir), os.Rename(kept, dir), h.reopen(ctx))
	}
	h.store.Store(st)
	if err := h.startBins(context.WithoutCancel(ctx), true); err != nil {
		return err
	}
	h.questions.letIn()
	if err := h.startStorePump(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return h.replaced(ctx, old, st, kept)
}

// refill opens a new store and fills it up to where the old one stood.
func (h *house) refill(ctx context.Context, end event.Position, progress func(rebuildProgress)) (*duckdb.Store, error) {
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return nil, err
	}
	total := 0
	err = h.fill(ctx, st, func(n int) {
		total += n
		progress(rebuildProgress{Events: total})
	})
	if at := st.State().Position; err == nil && at.Less(end) && at.Total == end.Total {
		// Between the two lies only what was redriven, and is there.
		err = st.Write(context.WithoutCancel(ctx), nil, end)
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

func (h *house) storeDir() string { return filepath.Join(h.c.values["data"], "store") }

// canRebuild refuses where archive and queue together don't hold all events:
// the queue must reach back to the end of the archive.
func (h *house) canRebuild(ctx context.Context) error {
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

// reopen goes on with the store that is there, also when ctx has ended.
func (h *house) reopen(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return err
	}
	h.store.Store(st)
	return h.startStorePump(ctx)
}
