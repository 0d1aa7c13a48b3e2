package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
)

// Removed is what was taken out of the archive.
type Removed struct {
	Events    uint64 `json:"events"`
	Objects   uint64 `json:"objects"`
	Rewritten uint64 `json:"rewritten"` // objects of which a part was taken out
	Bytes     int64  `json:"bytes"`     // less than 0 if what was written anew takes more
}

func (r *Removed) add(o Removed) {
	r.Events += o.Events
	r.Objects += o.Objects
	r.Rewritten += o.Rewritten
	r.Bytes += o.Bytes
}

// lost is how much of what entries tell in total is not there any more.
type lost struct {
	Rows    uint64 `json:"rows"`
	Objects uint64 `json:"objects,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`
}

func (l *lost) add(o lost) {
	l.Rows += o.Rows
	l.Objects += o.Objects
	l.Bytes += o.Bytes
}

// removing is the note of the objects of one step of Remove, old and new ones:
// those that no entry names when it has ended are to go.
type removing struct {
	Objects []string `json:"objects"`
}

// Remove takes a site's events before a moment out of the archive, for good:
// whole objects, and those that are partly older are written anew without them.
// An event before it that comes later is not archived, and counted as removed.
// It works in steps, each of which is done or undone at the next start; after an
// error it may be called again. The archive's position stays.
func (a *Archive) Remove(ctx context.Context, site string, before time.Time) (Removed, error) {
	floor := ceilMillis(before)
	if err := a.raise(ctx, site, floor); err != nil {
		return Removed{}, fmt.Errorf("archive: remembering from when on events of %s are kept: %w", site, err)
	}
	edit := func(entries ...entry) *cut {
		c := newCut(site, floor, entries...)
		c.anew = func(ctx context.Context, f *parquet.File, o *object) error { return a.writeLater(ctx, f, floor, o) }
		return c
	}
	all, err := a.edit(ctx, edit)
	if err != nil {
		return all, fmt.Errorf("archive: removing events of %s: %w", site, err)
	}
	return all, nil
}

// edit makes and carries out the cut of each file of the manifest.
func (a *Archive) edit(ctx context.Context, edit func(...entry) *cut) (all Removed, err error) {
	for after := uint64(0); ; {
		last, one, err := a.editFrom(ctx, edit, after)
		all.add(one)
		if err != nil {
			return all, fmt.Errorf("behind flush %d: %w", after, err)
		}
		if last == after {
			return all, nil
		}
		after = last
	}
}

// begin takes the locks of who changes what is archived already.
func (a *Archive) begin(ctx context.Context) (end func(), err error) {
	a.reading.Lock()
	a.writing.Lock()
	end = func() {
		a.writing.Unlock()
		a.reading.Unlock()
	}
	if a.stale {
		err = a.reload(ctx)
	}
	if err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// editFrom edits the first file of the manifest that has entries behind one, and
// returns the file's last; the same if there is none.
func (a *Archive) editFrom(ctx context.Context, edit func(...entry) *cut, after uint64) (last uint64, out Removed, err error) {
	end, err := a.begin(ctx)
	if err != nil {
		return after, out, err
	}
	defer end()
	m := &a.manifest
	for i, s := range m.segments {
		if s.Last.Number > after {
			out, err = a.editSegment(ctx, i, edit)
			return s.Last.Number, out, err
		}
	}
	for i, e := range m.tail {
		if e.Number > after {
			out, err = a.editEntry(ctx, i, edit)
			return e.Number, out, err
		}
	}
	return after, out, nil
}

func (a *Archive) editEntry(ctx context.Context, i int, edit func(...entry) *cut) (Removed, error) {
	c := edit(a.manifest.tail[i])
	return a.take(ctx, c, func() (func(), error) {
		next := c.entries[0]
		return func() { a.manifest.tail = replaced(a.manifest.tail, i, next) }, putLines(ctx, a.objects, entryName(next.Number), next)
	})
}

func (a *Archive) editSegment(ctx context.Context, i int, edit func(...entry) *cut) (Removed, error) {
	s := a.manifest.segments[i]
	var entries []entry
	if err := s.each(ctx, a.objects, func(e entry) error { entries = append(entries, e); return nil }); err != nil {
		return Removed{}, err
	}
	c := edit(entries...)
	return a.take(ctx, c, func() (func(), error) {
		next := segmentOf(c.entries)
		return func() { a.manifest.segments = replaced(a.manifest.segments, i, next) }, next.put(ctx, a.objects, c.entries)
	})
}

// replaced is a copy of the list with another element at i: who reads the list
// has the old one.
func replaced[T any](list []T, i int, x T) []T {
	list = slices.Clone(list)
	list[i] = x
	return list
}

// cut is the entries of one file of the manifest, and what is taken out of their objects.
type cut struct {
	anew    func(ctx context.Context, f *parquet.File, o *object) error // puts what stays of an object as another
	entries []entry
	changes []change
}

// change is an object that goes or is written anew.
type change struct {
	entry, object int // indexes
	old           object
	next          *object // nil: it goes
}

func newCut(site string, floor int64, entries ...entry) *cut {
	c := &cut{entries: entries}
	for i, e := range entries {
		for j, o := range e.Objects {
			switch {
			case o.Site != site || o.MinTime >= floor:
			case o.MaxTime < floor:
				c.changes = append(c.changes, change{i, j, o, nil})
			default:
				c.changes = append(c.changes, change{i, j, o, &object{Name: laterName(o.Name, floor), Site: o.Site}})
			}
		}
	}
	return c
}

// take carries out a cut. put writes its entries, which is the commit, and returns
// what takes them into memory.
func (a *Archive) take(ctx context.Context, c *cut, put func() (func(), error)) (out Removed, err error) {
	if len(c.changes) == 0 {
		return out, nil
	}
	a.stale = true // until it is clear what is there
	var note removing
	for _, x := range c.changes {
		note.Objects = append(note.Objects, x.old.Name)
		if x.next != nil {
			note.Objects = append(note.Objects, x.next.Name)
		}
	}
	if err := putLines(ctx, a.objects, removingName, note); err != nil {
		return out, err
	}
	if err := a.rewrite(ctx, c); err != nil {
		return out, err
	}
	taken := c.apply()
	learn, err := put()
	if err != nil {
		return out, err
	}
	a.mu.Lock()
	learn()
	a.manifest.lost.add(lost{taken.Events, taken.Objects, taken.Bytes})
	a.mu.Unlock()
	a.unlearn(c)
	for _, x := range c.changes {
		if err := a.objects.Remove(ctx, x.old.Name); err != nil {
			return taken, fmt.Errorf("object %s: %w", x.old.Name, err)
		}
	}
	if err := a.objects.Remove(ctx, removingName); err != nil {
		return taken, err
	}
	a.stale = false
	return taken, nil
}

// rewrite puts the objects that are partly older anew. One that somebody has
// removed stays as it is in the manifest, as missing.
func (a *Archive) rewrite(ctx context.Context, c *cut) error {
	for i := 0; i < len(c.changes); i++ {
		x := &c.changes[i]
		if x.next == nil {
			continue
		}
		f, err := fetch(ctx, a.objects, x.old)
		if errors.Is(err, fs.ErrNotExist) {
			a.o.Log.Error("archive: an object of which a part is to be removed is missing", "object", x.old.Name)
			c.changes = slices.Delete(c.changes, i, i+1)
			i--
			continue
		}
		if err == nil {
			err = c.anew(ctx, f, x.next)
		}
		if err != nil {
			return fmt.Errorf("object %s: %w; if it can't be restored, move it away", x.old.Name, err)
		}
	}
	return nil
}

// writeLater puts the events of an object that are not before floor as another.
func (a *Archive) writeLater(ctx context.Context, f *parquet.File, floor int64, o *object) error {
	events, err := decode(f, o.Site, nil)
	if err != nil {
		return err
	}
	return a.writeSome(ctx, events, func(e *event.Event) bool { return e.Time.UnixMilli() >= floor }, o)
}

// describe fills in what the manifest tells of the rows.
func (o *object) describe(events []event.Event, index []int) {
	for i, at := range index {
		ms, original := events[at].Time.UnixMilli(), events[at].Original.UnixMilli()
		if i == 0 {
			o.MinTime, o.MaxTime, o.MinOriginal, o.MaxOriginal = ms, ms, original, original
		}
		o.MinTime, o.MaxTime = min(o.MinTime, ms), max(o.MaxTime, ms)
		o.MinOriginal, o.MaxOriginal = min(o.MinOriginal, original), max(o.MaxOriginal, original)
		o.OriginalDays = append(o.OriginalDays, dayOfMillis(original))
	}
	o.Rows = int64(len(index))
	slices.Sort(o.OriginalDays)
	o.OriginalDays = slices.Compact(o.OriginalDays)
}

// apply makes the entries those without what is taken out.
func (c *cut) apply() (out Removed) {
	next := map[int]map[int]*object{}
	for _, x := range c.changes {
		if next[x.entry] == nil {
			next[x.entry] = map[int]*object{}
		}
		next[x.entry][x.object] = x.next
	}
	for i, changed := range next {
		e := &c.entries[i]
		var objects []object
		var one Removed
		for j, o := range e.Objects {
			x, is := changed[j]
			switch {
			case !is:
				objects = append(objects, o)
			case x == nil:
				one.add(Removed{Events: uint64(o.Rows), Objects: 1, Bytes: o.Bytes})
			default:
				objects = append(objects, *x)
				one.add(Removed{Events: uint64(o.Rows - x.Rows), Rewritten: 1, Bytes: o.Bytes - x.Bytes})
			}
		}
		e.Objects = objects
		e.Removed.add(lost{one.Events, one.Objects, one.Bytes})
		out.add(one)
	}
	return out
}

// unlearn takes what is removed out of what is held of days.
func (a *Archive) unlearn(c *cut) {
	next := map[string]*object{}
	for _, x := range c.changes {
		next[x.old.Name] = x.next
	}
	for day, objects := range a.byDay {
		var now []object
		for _, o := range objects {
			x, changed := next[o.Name]
			switch {
			case !changed:
				now = append(now, o)
			case x != nil:
				now = append(now, *x)
			}
		}
		a.byDay[day] = now
	}
}

// Old counts what Remove would take out, without taking it.
func (a *Archive) Old(ctx context.Context, site string, before time.Time) (Removed, error) {
	var all Removed
	floor := ceilMillis(before)
	a.reading.RLock()
	defer a.reading.RUnlock()
	m, err := a.now(ctx)
	if err != nil {
		return all, err
	}
	err = m.each(ctx, a.objects, func(e entry) error {
		for _, x := range newCut(site, floor, e).changes {
			if x.next == nil {
				all.add(Removed{Events: uint64(x.old.Rows), Objects: 1, Bytes: x.old.Bytes})
				continue
			}
			f, err := fetch(ctx, a.objects, x.old)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			all.Rewritten++
			if err == nil {
				err = eachValue(f, "time", func(_ int64, v parquet.Value) {
					if v.Int64() < floor {
						all.Events++
					}
				})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", x.old.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("archive: counting old events of %s: %w", site, err)
	}
	return all, nil
}

// readRemoving reads the note of a removal that did not end, and tells what it left.
func (m *manifest) readRemoving(ctx context.Context, objects Objects, log *slog.Logger) error {
	var note removing
	err := getLines(ctx, objects, removingName, func(line []byte) error { return json.Unmarshal(line, &note) })
	var damage *damageError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &damage):
		log.Error("archive: the note of what is being removed is damaged; looking through all objects", "error", err)
		m.damaged = append(m.damaged, removingName)
		m.unfinished, _, err = m.check(ctx, objects)
		return err
	case err != nil:
		return fmt.Errorf("archive: %s: %w", removingName, err)
	}
	named := map[string]bool{}
	err = m.each(ctx, objects, func(e entry) error {
		for _, o := range e.Objects {
			named[o.Name] = true
		}
		return nil
	})
	m.notes = append(m.notes, removingName)
	for _, name := range note.Objects {
		if !named[name] {
			m.unfinished = append(m.unfinished, name)
		}
	}
	return err
}
