package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"footfall/erase"
	"footfall/event"
	"footfall/ledger"
	"footfall/pump"
	"footfall/queue"
)

// erasures is the file of who was erased, and what is made of it.
type erasures struct {
	*erase.List
	path  string
	marks []erase.Mark

	mu    sync.Mutex
	under map[chan struct{}]bool // each is closed when what was cleaned is written
}

// clean takes persons who were erased out of events that are to be written. An
// erasure that begins before they are, and done is called, waits for that.
func (x *erasures) clean(events []event.Event) (done func()) {
	written := make(chan struct{})
	x.mu.Lock()
	if x.under == nil {
		x.under = map[chan struct{}]bool{}
	}
	x.under[written] = true
	x.mu.Unlock()
	x.Clean(events) // by what the list is from here on
	return func() {
		x.mu.Lock()
		delete(x.under, written)
		x.mu.Unlock()
		close(written)
	}
}

// wait waits until all is written that may have been cleaned by an older list.
func (x *erasures) wait(ctx context.Context) error {
	x.mu.Lock()
	under := slices.Collect(maps.Keys(x.under))
	x.mu.Unlock()
	for _, written := range under {
		select {
		case <-written:
		case <-ctx.Done():
			return fmt.Errorf("events are still being written that came before: %w", context.Cause(ctx))
		}
	}
	return nil
}

// openErasures reads who was erased. docs/format/erased.md describes the file.
func (h *house) openErasures() error {
	x := &erasures{List: erase.NewList(h.secret, func(k ledger.Key) ledger.Key { return h.desk.Private(k) }), path: filepath.Join(h.c.values["data"], erasedName)}
	h.erased = x
	text, err := os.ReadFile(x.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &x.marks)
	}
	if err != nil {
		return fmt.Errorf("%s can't be read: restore it from a backup, or move it away (late events would then name persons again who were erased): %w", x.path, err)
	}
	x.Add(x.marks...)
	return nil
}

// keep adds marks: they are on disk when it returns nil, and whatever is written
// from then on is without them. One at a time.
func (x *erasures) keep(ctx context.Context, marks ...erase.Mark) error {
	all := withMarks(x.marks, marks)
	if err := putMarks(x.path, all); err != nil {
		return fmt.Errorf("keeping who is erased: %w", err)
	}
	x.marks = all
	x.Add(marks...)
	return x.wait(ctx)
}

// withMarks is a list of marks with others, which take the place of older ones.
func withMarks(old, marks []erase.Mark) []erase.Mark {
	all := slices.DeleteFunc(slices.Clone(old), func(old erase.Mark) bool {
		return slices.ContainsFunc(marks, func(m erase.Mark) bool { return m.Site == old.Site && m.Sum == old.Sum })
	})
	return append(all, marks...)
}

// putMarks puts a file of marks on disk.
func putMarks(path string, all []erase.Mark) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return putFile(path, bytes.ReplaceAll(text, []byte("},"), []byte("},\n")))
}

// erasedName is the file of who was erased.
const erasedName = "erased.json"

// forgetful is a sink that persons who were erased don't come to. It stands
// before every one, so that whatever is still in the queue names nobody.
type forgetful struct {
	pump.Sink
	erased *erasures
}

// Write is pump.Sink.
func (s forgetful) Write(ctx context.Context, events []event.Event, to event.Position) error {
	defer s.erased.clean(events)()
	return s.Sink.Write(ctx, events, to)
}

// setAside is put for who sets events aside that came to no sink, or to one before
// the list was what it is now.
func (x *erasures) setAside(put func(context.Context, ...queue.AsideItem) error) func(context.Context, ...queue.AsideItem) error {
	return func(ctx context.Context, items ...queue.AsideItem) error {
		events := make([]event.Event, len(items))
		items = slices.Clone(items)
		for i := range items {
			if items[i].Event != nil {
				events[i] = *items[i].Event
				items[i].Event = &events[i]
			}
		}
		defer x.clean(events)()
		return put(ctx, items...)
	}
}
