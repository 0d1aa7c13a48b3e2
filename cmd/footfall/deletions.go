package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/erase"
	"footfall/period"
	"footfall/store/duckdb"
)

// deletion is one of events by hand, as it is kept: before anything is deleted, and
// for ever, so that no rebuild and no older copy brings back what was. It is ended
// if it was cut short.
type deletion struct {
	Site    string          `json:"site"`
	From    time.Time       `json:"from"`
	To      time.Time       `json:"to"`                // not included
	Zone    string          `json:"timezone"`          // the site's as it was, in which filters tell weekdays and hours
	Filters json.RawMessage `json:"filters,omitempty"` // as POST /v1/query has them
	At      time.Time       `json:"at"`                // what was received up to then
	Done    time.Time       `json:"done,omitzero"`     // zero: it is still to be ended
}

// rule is what is deleted. Filters that an earlier version took are taken.
func (d deletion) rule() (r erase.Deletion, err error) {
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		return r, err
	}
	r = erase.Deletion{Site: d.Site, Window: period.Window{From: d.From, To: d.To}, Zone: zone, At: d.At}
	if r.Where, err = api.ParseFilters(d.Filters, account.Site{ID: d.Site}); err != nil {
		return r, err
	}
	return r, r.Check()
}

func (h *house) deletionsFile() string { return filepath.Join(h.c.values["data"], deletionsName) }

const deletionsName = "deleted.json"

// readDeletions reads a file of deletions; none is an empty one.
func readDeletions(path string) (all []deletion, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	for i := range all {
		if err == nil {
			_, err = all[i].rule()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: restore it from a backup, or move it away (an older copy of the events would then bring back what was deleted): %w", path, err)
	}
	return all, nil
}

// openDeletions reads what was deleted. docs/format/deleted.md describes the file.
func (h *house) openDeletions() (err error) {
	if h.deletions, err = readDeletions(h.deletionsFile()); err != nil {
		return err
	}
	for _, d := range h.deletions {
		rule, err := d.rule()
		if err != nil {
			return err
		}
		h.deleted.Add(rule)
	}
	return nil
}

// putDeletions puts a file of deletions on disk.
func putDeletions(path string, all []deletion) error {
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return putFile(path, append(text, '\n'))
}

// keepDeletion keeps a new deletion, and keeps out from then on what it names. Who
// calls has taken care.
func (h *house) keepDeletion(ctx context.Context, d deletion) error {
	rule, err := d.rule()
	if err != nil {
		return err
	}
	all := append(slices.Clone(h.deletions), d)
	if err := putDeletions(h.deletionsFile(), all); err != nil {
		return fmt.Errorf("keeping what is deleted: %w", err)
	}
	h.deletions = all
	h.deleted.Add(rule)
	return h.roller.Alter(ctx, nil, func() error { return nil }) // what the store was just taking is in it
}

// endDeletion keeps that a deletion is done.
func (h *house) endDeletion(d deletion) error {
	all := slices.Clone(h.deletions)
	for i := range all {
		if all[i].Site == d.Site && all[i].At.Equal(d.At) {
			all[i].Done = time.Now().UTC().Truncate(time.Millisecond)
		}
	}
	if err := putDeletions(h.deletionsFile(), all); err != nil {
		return fmt.Errorf("keeping that it is deleted: %w", err)
	}
	h.deletions = all
	return nil
}

// runDeletions ends what was being deleted and was cut short, by a kill, a restore or,
// as h.cutShort tells, a fault. h.ended is closed when nothing of before is left.
func (h *house) runDeletions() (stop func()) {
	var due <-chan time.Time
	ended, stopped := make(chan struct{}), make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	h.ended = ended
	if slices.ContainsFunc(h.deletions, func(d deletion) bool { return d.Done.IsZero() }) {
		due = time.After(0)
	} else {
		end()
	}
	go func() {
		defer close(stopped)
		defer end() // nobody waits for a house that ends
		for wait := time.Second; ; {
			select {
			case <-h.ending.Done():
				return
			case <-h.cutShort:
				due, wait = time.After(time.Second), 2*time.Second
				continue
			case <-due:
			}
			err := h.deletePending(h.ending)
			if due = nil; err == nil {
				end()
				continue
			}
			if h.ending.Err() == nil {
				h.log.Error("events that were being deleted are not deleted everywhere yet; figures may still have some. Trying again", "error", err, "in", wait)
			}
			due, wait = time.After(wait), min(2*wait, time.Minute)
		}
	}()
	return func() { <-stopped }
}

// deletePending ends every deletion that is not.
func (h *house) deletePending(ctx context.Context) error {
	if err := h.takeCare(ctx); err != nil {
		return err
	}
	defer h.giveCare()
	for _, d := range h.deletions {
		if !d.Done.IsZero() {
			continue
		}
		x, err := h.newDeleting(ctx, d)
		if err == nil {
			err = x.run(ctx)
		}
		if err != nil {
			return err
		}
		h.log.Info("events are deleted", "site", d.Site, "events", x.did.Store, "archived", x.did.Archive.Events)
	}
	return nil
}

// deletePendingOf deletes from a store what is to be deleted still.
func (h *house) deletePendingOf(ctx context.Context, st *duckdb.Store) error {
	for _, d := range h.deletions {
		if !d.Done.IsZero() {
			continue
		}
		x, err := h.newDeleting(ctx, d)
		if err == nil {
			err = x.take(ctx, st)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
