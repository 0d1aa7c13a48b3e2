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
func (h *house) fill(ctx context.Context, st *duckdb.Store, progress func(events int)) error {
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
	state, err := h.queue.State(ctx)
	if err != nil {
		return err
	}
	return st.Recount(ctx, state.Aside["store"])
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
	// What the queue alone remembers must reach back to the end of the archive.
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
		return err
	}
	st, err := h.openStore(h.c.values["data"])
	if err != nil {
		return err
	}
	if err := h.fill(ctx, st, progress); err != nil {
		return errors.Join(err, st.Close(), os.RemoveAll(dir), os.Rename(kept, dir), h.reopen(ctx))
	}
	h.store.Store(st)
	if err := h.startStorePump(ctx); err != nil {
		return err
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
