package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"footfall/account"
	"footfall/backup"
	"footfall/erase"
	"footfall/event"
	"footfall/ledger"
)

// carriedLists are who was erased and what was deleted after a backup was made, by the
// files of the directory that the restored one takes the place of.
type carriedLists struct {
	marks     []erase.Mark // that the backup lacks
	deletions []deletion   // likewise
	files     [2]string    // that they are of; "" was not named
}

// carried is what became of them.
type carried struct {
	Marks     int    `json:"marks"`     // ids of persons
	Events    int    `json:"events"`    // that lost their ids in the archive
	Aside     int    `json:"set_aside"` // items that went
	Visitors  int    `json:"visitors"`  // whose histories went
	Keys      int    `json:"keys"`      // of the ledger
	Deletions int    `json:"deletions"` // that were done again
	Erased    string `json:"erased_file"`
	Deleted   string `json:"deleted_file"`
}

// carry reads the files that are named, before anything is restored. A ledger that is
// elsewhere is not restored with the rest, so nobody can be taken out of it.
func (c *call) carry(set *backup.Set) (l carriedLists, err error) {
	form := c.form("restore")
	l.files = [2]string{form.Get("erased"), form.Get("deleted")}
	if l.files != [2]string{} && set.Head.Elsewhere != "" {
		return l, misused("control data and the ledger of this backup are in %s: restore without --erased and --deleted, put erased.json and deleted.json of the directory before into the new one, then erase again who was erased since, by footfall person erase", set.Head.Elsewhere)
	}
	if path := l.files[0]; path != "" {
		if l.marks, err = readMarks(path); err != nil {
			return l, err
		}
		if len(l.marks) == 0 {
			return l, fmt.Errorf("%s tells of nobody who was erased: is it the right file?", path)
		}
	}
	if path := l.files[1]; path != "" {
		if l.deletions, err = readDeletions(path); err == nil && len(l.deletions) == 0 {
			err = fmt.Errorf("%s tells of nothing that was deleted: is it the right file?", path)
		}
	}
	return l, err
}

func readMarks(path string) (marks []erase.Mark, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &marks)
	}
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", path, err)
	}
	return marks, nil
}

// put puts the lists beside those of the backup, so that they hold from the first
// moment on, and leaves what the backup lacks.
func (l *carriedLists) put(dir string) error {
	old, err := readMarks(filepath.Join(dir, erasedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.marks = slices.DeleteFunc(l.marks, func(m erase.Mark) bool {
		return slices.ContainsFunc(old, func(o erase.Mark) bool { return o.Site == m.Site && o.Sum == m.Sum && !o.At.Before(m.At) })
	})
	if len(l.marks) > 0 {
		if err := putMarks(filepath.Join(dir, erasedName), withMarks(old, l.marks)); err != nil {
			return err
		}
	}
	were, err := readDeletions(filepath.Join(dir, deletionsName))
	if err != nil {
		return err
	}
	l.deletions = slices.DeleteFunc(l.deletions, func(d deletion) bool {
		return slices.ContainsFunc(were, func(o deletion) bool { return o.Site == d.Site && o.At.Equal(d.At) })
	})
	for i := range l.deletions {
		l.deletions[i].Done = time.Time{} // to be done again
	}
	if len(l.deletions) > 0 {
		err = putDeletions(filepath.Join(dir, deletionsName), append(were, l.deletions...))
	}
	return err
}

// again takes out of what was restored who and what was taken out since.
func (l *carriedLists) again(ctx context.Context, k *client, did *carried) error {
	if len(l.marks)+len(l.deletions) > 0 {
		body, err := json.Marshal(l.marks)
		if err != nil {
			return err
		}
		if err := k.send(ctx, "POST", "/again", nil, bytes.NewReader(body), did); err != nil {
			return err
		}
	}
	did.Erased, did.Deleted, did.Deletions = l.files[0], l.files[1], len(l.deletions)
	return nil
}

// printCarried says what was taken out again, or what to do about it.
func printCarried(w io.Writer, r restored) {
	a := r.Again
	if a.Erased != "" {
		fmt.Fprintf(w, "erased again, by %s: %d ids; %d events of the archive, %d items set aside, %d visitors with a history, %d keys of the ledger\n", a.Erased, a.Marks, a.Events, a.Aside, a.Visitors, a.Keys)
	}
	if a.Deleted != "" {
		fmt.Fprintf(w, "deleted again, by %s: what %d deletions name\n", a.Deleted, a.Deletions)
	}
	if a.Erased == "" || a.Deleted == "" {
		fmt.Fprintf(w, "LOOK: WHO WAS ERASED AND WHAT WAS DELETED AFTER %s IS IN IT AGAIN, unless you named a list of it: if anybody or anything was, and the directory before is still there, empty this one and restore again with --erased OLD/%s --deleted OLD/%s (those that are there); else erase and delete again by hand\n",
			r.Made.Format(time.RFC3339), erasedName, deletionsName)
	}
}

// doAgain erases whom some marks name, when deletions that were restored are ended.
func (k *control) doAgain(w http.ResponseWriter, r *http.Request) error {
	var marks []erase.Mark
	if err := json.NewDecoder(r.Body).Decode(&marks); err != nil {
		return err
	}
	select {
	case <-k.h.ended:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	did, err := k.h.eraseMarked(r.Context(), marks)
	if err != nil {
		return err
	}
	return answer(w, did)
}

// eraseMarked takes persons out of what was restored, by what the backup before knew
// of them: of each the marks alone are known. The event store, which was filled from
// the archive, is without them already.
func (h *house) eraseMarked(ctx context.Context, marks []erase.Mark) (did carried, err error) {
	if err := h.takeCare(ctx); err != nil {
		return did, err
	}
	defer h.giveCare()
	did.Marks = len(marks)
	list := erase.NewList(h.secret, h.desk.Private)
	list.Add(marks...)
	for _, site := range h.sites.now.Load().all {
		x := &erasing{h: h, sites: []account.Site{site}, list: list}
		if err := x.named(ctx, site); err != nil {
			return did, err
		}
		items, err := x.aside(ctx)
		if err != nil {
			return did, err
		}
		visitors, err := x.visitors(ctx, site.ID)
		if err != nil {
			return did, err
		}
		found, err := h.archive.Changeable(ctx, site.ID, list.Clean)
		if err != nil {
			return did, err
		}
		for _, step := range []func(context.Context) error{x.fromAside, x.fromHistories, x.fromArchive, x.fromLedger} {
			if err := step(ctx); err != nil {
				return did, err
			}
		}
		did.Aside, did.Visitors, did.Events, did.Keys = did.Aside+len(items), did.Visitors+len(visitors), did.Events+int(found.Events), did.Keys+x.did.Ledger.Keys
	}
	return did, nil
}

// named finds the ids that marks are of, at a site: in its events and in the ledger.
func (x *erasing) named(ctx context.Context, site account.Site) error {
	keys := map[ledger.Key]bool{}
	err := x.h.archive.Scan(ctx, event.Position{}, func(events []event.Event, _ event.Position) error {
		for i := range events {
			if events[i].Site == site.ID {
				for _, k := range x.list.Keys(&events[i]) {
					keys[k] = true
				}
			}
		}
		return ctx.Err()
	})
	p, ok := x.h.desk.Program(site.ID)
	if err == nil && ok {
		x.program = p.ID
		err = x.h.ledger.View(ctx, func(tx ledger.Tx) error {
			touches, err := tx.Traffic().Touches(p.ID, time.UnixMilli(0), time.UnixMilli(1<<52))
			if err != nil {
				return err
			}
			orders, err := tx.Orders().List(ledger.OrderFilter{Program: p.ID})
			all := []ledger.Key{}
			for _, t := range touches {
				all = append(all, t.Keys...)
			}
			for _, o := range orders {
				all = append(append(all, o.Keys...), o.Customer)
			}
			for _, k := range all {
				if k != "" && x.list.Erased(site.ID, k, time.Time{}) {
					keys[k] = true
				}
			}
			return err
		})
	}
	x.keys = slices.Sorted(maps.Keys(keys))
	if err == nil && x.program != "" && len(x.keys) > 0 {
		x.did.Ledger, err = x.h.desk.Named(ctx, x.program, x.keys...)
	}
	return err
}
