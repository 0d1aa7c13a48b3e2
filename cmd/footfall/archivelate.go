package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/pump"
)

const (
	archiveWait  = 15 * time.Second // for the archive's place to answer at the start
	archiveAgain = 2 * time.Second  // until one that did not is asked again
)

// openArchive opens the archive. One that was there before and does not answer keeps
// nobody from sending: it is opened as soon as it does, and until then its reader waits.
func (h *house) openArchive(ctx context.Context, dir string) (err error) {
	o := archive.Options{Log: h.log, Gone: h.deleted.Gone}
	if h.objects, err = h.openObjects(ctx, dir); err == nil {
		h.archive, err = archive.Open(ctx, h.objects, o)
	}
	_, where, wrong := h.c.archiveKeeper()
	if noted, unread := notedArchive(dir); !errors.Is(err, archive.ErrAway) && !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || wrong != nil || unread != nil || where == "" || where != noted {
		return err
	}
	h.late = err
	h.objects = &lateObjects{open: func(ctx context.Context) (archive.Objects, error) { return h.openObjects(ctx, dir) }}
	h.archive = archive.Later(h.objects, o)
	return nil
}

// behindArchive refuses to begin without the archive where that is needed at once: it
// may have what the event store or the queue has not.
func (h *house) behindArchive(ctx context.Context, store event.Position) error {
	if h.late == nil {
		return nil
	}
	q, err := h.queue.State(ctx)
	if err != nil {
		return err
	}
	switch read, known := q.Readers["archive"]; {
	case !known:
		return fmt.Errorf("bring the archive back first, as nothing in %s tells how far it is: %w", filepath.Join(h.c.values["data"], "queue"), h.late)
	case store.Less(read.At):
		return fmt.Errorf("bring the archive back first: the event store has %d events, and is filled up from the archive, which has %d: %w", store.Total, read.At.Total, h.late)
	}
	h.log.Error("the archive does not answer: events are taken and stored, and wait in the queue for it", "until", h.queue.MaxAge(), "error", h.late)
	return nil
}

// archivePosition is from where on the archive is to be given what is in the queue: one
// that can't be asked yet leaves out what it has.
func (h *house) archivePosition(ctx context.Context) (event.Position, error) {
	if h.late == nil || h.archive.Known(ctx) == nil {
		return h.archive.Position(), nil
	}
	q, err := h.queue.State(ctx)
	return q.Readers["archive"].At, err
}

// lateObjects are objects of a place that did not answer. It is asked again when they
// are wanted, but for a while after it was.
type lateObjects struct {
	open func(context.Context) (archive.Objects, error)

	mu     sync.Mutex // guards what follows
	opened archive.Objects
	failed error
	asked  time.Time
}

func (l *lateObjects) get(ctx context.Context) (archive.Objects, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened != nil {
		return l.opened, nil
	}
	if l.failed != nil && time.Since(l.asked) < archiveAgain {
		return nil, l.failed
	}
	if l.opened, l.failed = l.open(ctx); l.failed != nil {
		l.opened = nil // of openObjects both may be there
	}
	if l.asked = time.Now(); ctx.Err() != nil {
		l.asked = time.Time{} // that says nothing of the place
	}
	return l.opened, l.failed
}

// Put implements archive.Objects.
func (l *lateObjects) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	o, err := l.get(ctx)
	if err != nil {
		return err
	}
	return o.Put(ctx, name, write)
}

// Open implements archive.Objects.
func (l *lateObjects) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return o.Open(ctx, name)
}

// List implements archive.Objects.
func (l *lateObjects) List(ctx context.Context, prefix string) ([]string, error) {
	o, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return o.List(ctx, prefix)
}

// Remove implements archive.Objects.
func (l *lateObjects) Remove(ctx context.Context, name string) error {
	o, err := l.get(ctx)
	if err != nil {
		return err
	}
	return o.Remove(ctx, name)
}

// Aside implements archive.Objects.
func (l *lateObjects) Aside(ctx context.Context, name string) error {
	o, err := l.get(ctx)
	if err != nil {
		return err
	}
	return o.Aside(ctx, name)
}

// KeepsVersions is that of the place; false while that does not answer.
func (l *lateObjects) KeepsVersions(ctx context.Context) bool {
	o, err := l.get(ctx)
	v, can := o.(interface{ KeepsVersions(context.Context) bool })
	return err == nil && can && v.KeepsVersions(ctx)
}

// startArchivePump pumps the queue into the archive.
func (h *house) startArchivePump(ctx context.Context) error {
	at, err := h.archivePosition(ctx)
	if err != nil {
		return err
	}
	return h.startPump(ctx, "archive", at, h.archive,
		pump.Options{Events: 1 << 30, Bytes: h.c.number("archive-bytes"), Age: h.c.duration("archive-age")})
}
