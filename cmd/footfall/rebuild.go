package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"footfall/event"
	"footfall/pump"
	"footfall/store/duckdb"
)

// fill writes to a store what the archive has beyond the store's position.
// Afterwards the store holds what the archive holds, and has dropped what the
// archive dropped.
func (h *house) fill(ctx context.Context, st *duckdb.Store, progress func(events int)) error {
	for {
		at, stats := h.archive.Position(), h.archive.Stats()
		if !st.State().Position.Less(at) && h.archive.Position() == at { // no flush came between
			return h.recount(ctx, st, stats.Duplicates)
		}
		err := h.archive.Scan(ctx, st.State().Position, func(events []event.Event, to event.Position) error {
			err := st.Write(ctx, events, to)
			var rejected *pump.RejectedError
			if errors.As(err, &rejected) {
				// They were set aside when they first came.
				err = st.Write(ctx, without(events, rejected.Index), to)
			}
			progress(len(events))
			return err
		})
		if err != nil {
			return fmt.Errorf("filling the event store from the archive: %w", err)
		}
	}
}

// recount settles the count of duplicates of a filled store and says what the
// archive can't account for.
func (h *house) recount(ctx context.Context, st *duckdb.Store, duplicates uint64) error {
	if err := st.Recount(ctx, duplicates); err != nil {
		return err
	}
	q, err := h.queue.State(ctx)
	if err != nil {
		return err
	}
	s := st.State()
	if known := s.Stored + s.Duplicates + q.Aside["store"] + q.Aside["archive"]; known < s.Position.Total {
		h.log.Error("the archive does not account for all events accepted up to its end", "accepted", s.Position.Total, "missing", s.Position.Total-known)
	}
	return nil
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
// archive does not hold yet. The old store is kept until the new one is whole.
func (h *house) rebuild(ctx context.Context, progress func(events int)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.canRebuild(ctx); err != nil {
		return err
	}
	dir := filepath.Join(h.c.values["data"], "store")
	h.stopPump("store")
	old := h.store.Swap(nil)
	if old != nil {
		if err := old.Close(); err != nil {
			h.log.Warn("closing the old event store", "error", err)
		}
	}
	kept := fmt.Sprintf("%s.before-rebuild-%s", dir, time.Now().UTC().Format("20060102T150405"))
	if err := os.Rename(dir, kept); err != nil {
		return errors.Join(err, h.reopen(ctx))
	}
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir), os.Rename(kept, dir), h.reopen(ctx))
	}
	if err := h.fill(ctx, st, progress); err != nil {
		return errors.Join(err, st.Close(), os.RemoveAll(dir), os.Rename(kept, dir), h.reopen(ctx))
	}
	h.store.Store(st)
	if err := h.startStorePump(ctx); err != nil {
		return err
	}
	return h.replaced(ctx, old, st, kept)
}

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

// reopen goes on with the store that is there.
func (h *house) reopen(ctx context.Context) error {
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return err
	}
	h.store.Store(st)
	return h.startStorePump(ctx)
}
