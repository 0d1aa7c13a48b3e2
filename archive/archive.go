// Package archive keeps every event for ever as immutable Parquet objects that
// any other tool can read, by site and hour, on whatever keeps named objects:
// a folder (archive/disk) or an object store. It is the truth the event store
// can be rebuilt from. docs/format/archive.md describes the bytes; the law
// every keeper of objects must pass is in archive/archivetest.
//
// One Write is one flush: its objects are put, then one manifest entry that
// names them and moves the archive's position. The entry is the commit: what
// no entry names was never archived.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"footfall/event"
)

// How much to gather before a flush, for whoever calls Write: bigger flushes
// make fewer and smaller objects, smaller ones make them appear sooner.
const (
	FlushBytes = 64 << 20        // of events, uncompressed
	FlushAge   = 5 * time.Minute // of the oldest event waiting
)

// Objects keeps named objects. Names are slash-separated paths. A method that
// fails may have had its effect or not; the archive finds out.
type Objects interface {
	// Put makes the object out of what write writes, whole and durable when it
	// returns nil, or not at all. It replaces an object of the same name.
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	// Open gives an object for reading; an error that is fs.ErrNotExist if
	// there is none.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List names the objects whose names begin with prefix, in order; none is no error.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove removes an object; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// Aside moves an object to where no reader of the archive looks, for
	// people to examine; one that is not there is no error.
	Aside(ctx context.Context, name string) error
}

// ErrAway is in the error of an Objects whose store can't be reached, or fails in
// itself: it says nothing of what is in there, and may pass.
var ErrAway = errors.New("the store does not answer")

// Options of an archive; the zero value works.
type Options struct {
	Log     *slog.Logger // slog.Default if nil
	IDs     int          // how many ids to keep in memory beyond those of the running flush's days, 4 million if zero (5 bytes each)
	Segment int          // after how many flushes their manifest entries become one segment, 512 if zero
	// Gone reports whether an event was deleted: one that comes (again) is not archived,
	// and counted as removed. Nil: none was.
	Gone func(*event.Event) bool
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.IDs <= 0 {
		o.IDs = 4_000_000
	}
	if o.Segment <= 0 {
		o.Segment = 512
	}
	return o
}

// Stats is what the archive holds.
type Stats struct {
	Rows       uint64 `json:"rows"`       // events
	Duplicates uint64 `json:"duplicates"` // events left out because they were archived before
	Objects    uint64 `json:"objects"`
	Bytes      uint64 `json:"bytes"`             // of all objects
	Removed    uint64 `json:"removed,omitempty"` // events that were taken out, or left out as those of their time were
}

// Archive is an open archive. Its methods may be called concurrently; writes
// happen one at a time. Only one process may have it open.
type Archive struct {
	objects Objects
	o       Options

	reading sync.RWMutex // held by who reads objects that may be removed; taken before writing
	writing sync.Mutex   // held through a Write; guards what follows
	encoder *encoder
	days    *event.Days
	byDay   map[event.Day][]object // of the days that days holds: all objects with events of the day
	stale   bool                   // a flush failed half-way: look at what is really there first

	mu       sync.RWMutex // guards what follows; held shortly, never during input or output
	known    bool         // the manifest was read
	manifest manifest
}

// Open opens the archive in objects, or starts one if there is nothing. What a
// crash left of an unfinished flush is removed and reported to the log.
func Open(ctx context.Context, objects Objects, o Options) (*Archive, error) {
	a := &Archive{objects: objects, o: o.withDefaults()}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// Later is an archive whose objects can't be reached yet: it is opened by the first
// call that reaches them. Until then calls fail with what objects say, and Position,
// Stats and Floors are those of an empty archive.
func Later(objects Objects, o Options) *Archive {
	a := &Archive{objects: objects, o: o.withDefaults(), stale: true}
	a.forget()
	return a
}

// Known opens the archive if it is of Later and was not open yet.
func (a *Archive) Known(ctx context.Context) error {
	if a.IsKnown() {
		return nil
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.IsKnown() {
		return nil
	}
	return a.reload(ctx)
}

// IsKnown reports whether the archive is open: one of Later may not be yet.
func (a *Archive) IsKnown() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.known
}

// reload reads the manifest and clears away what an unfinished flush left.
func (a *Archive) reload(ctx context.Context) error {
	m, err := readManifest(ctx, a.objects, a.o.Log)
	if err != nil {
		return err
	}
	if err := m.clearUnfinished(ctx, a.objects, a.o.Log); err != nil {
		return err
	}
	a.mu.Lock()
	a.manifest, a.known = m, true
	a.mu.Unlock()
	a.forget()
	a.encoder, a.stale = newEncoder(), false
	return nil
}

// Close forgets what the archive holds in memory. Nothing waits to be written:
// a Write that returned nil was durable.
func (a *Archive) Close() error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.forget()
	a.encoder, a.stale = nil, true
	return nil
}

func (a *Archive) forget() {
	a.days, a.byDay = event.NewDays(a.o.IDs), map[event.Day][]object{}
}

// Position is how far the queue is archived for certain.
func (a *Archive) Position() event.Position {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.manifest.last().To
}

// Stats counts what the archive holds.
func (a *Archive) Stats() Stats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	s, l := a.manifest.last().Total, a.manifest.lost
	return Stats{Rows: s.Rows - l.Rows, Duplicates: s.Duplicates, Objects: s.Objects - l.Objects, Bytes: s.Bytes - uint64(l.Bytes), Removed: l.Rows}
}

// Write archives the events, which reach up to position to in the queue, and
// returns nil when they and the position are durable. Events archived before
// (the same site, id and UTC day of the original time) are left out, so a
// batch may be written again, cut differently, after any error. An error is
// always worth trying again.
func (a *Archive) Write(ctx context.Context, events []event.Event, to event.Position) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.stale {
		if err := a.reload(ctx); err != nil {
			return err
		}
	}
	a.stale = true // until what days learns is archived
	came := len(events)
	events, gone := a.wanted(events)
	fresh, err := a.fresh(ctx, events)
	if err != nil {
		return fmt.Errorf("archive: looking for ids archived before: %w", err)
	}
	at := a.Position()
	if len(fresh) == 0 && !at.Less(to) {
		a.stale = false
		return nil
	}
	next := a.nextEntry(at, to, came, len(fresh), gone)
	next.Objects = plan(events, fresh, next.name(at, to))
	if err := a.flush(ctx, events, fresh, &next); err != nil {
		return fmt.Errorf("archive: flush %d: %w", next.Number, err)
	}
	a.stale = false
	a.learn(next)
	a.seal(ctx)
	return nil
}

// nextEntry is the manifest entry of a flush of rows out of events, of which some
// are gone at once, before its objects are known.
func (a *Archive) nextEntry(at, to event.Position, events, rows, gone int) entry {
	a.mu.RLock()
	last := a.manifest.last()
	a.mu.RUnlock()
	e := entry{Number: last.Number + 1, From: at, To: to, Rows: uint64(rows), Total: last.Total}
	if !at.Less(to) {
		e.To = at
	}
	// What the queue delivers a second time was counted the first time: the
	// queue's own count tells how many of the events lie behind at.
	left, old := uint64(events-rows-gone), uint64(gone)
	again := uint64(0)
	if n := to.Total - min(at.Total, to.Total); to.Total > 0 && uint64(events) > n {
		again = uint64(events) - n
	}
	e.Duplicates = left - min(left, again)
	again -= left - e.Duplicates
	e.Removed.Rows = old - min(old, again)
	e.Rows += e.Removed.Rows
	e.Total.Rows += e.Rows
	e.Total.Duplicates += e.Duplicates
	return e
}

// flush puts the entry's objects and then the entry itself. A note of what is
// about to be put goes first, so that a crash in between can be cleared away
// without listing the whole archive.
func (a *Archive) flush(ctx context.Context, events []event.Event, fresh []int, e *entry) error {
	if len(e.Objects) > 0 {
		if err := putLines(ctx, a.objects, pendingName, *e); err != nil {
			return err
		}
	}
	row := 0
	for i := range e.Objects {
		o := &e.Objects[i]
		rows := fresh[row : row+int(o.Rows)]
		row += int(o.Rows)
		err := a.objects.Put(ctx, o.Name, func(w io.Writer) error {
			var err error
			o.Bytes, o.Checksum, err = a.encoder.encode(w, events, rows)
			return err
		})
		if err != nil {
			return fmt.Errorf("object %s: %w", o.Name, err)
		}
		e.Total.Objects++
		e.Total.Bytes += uint64(o.Bytes)
	}
	if err := putLines(ctx, a.objects, entryName(e.Number), *e); err != nil {
		return err
	}
	a.mu.Lock()
	a.manifest.add(*e)
	a.mu.Unlock()
	return nil
}
