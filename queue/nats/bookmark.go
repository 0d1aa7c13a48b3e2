package nats

import (
	"path/filepath"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
)

// bookmark is how far a reader has acknowledged. Its file is for looking at the
// lag and for counting attempts; a sink that stores its own position outranks it.
type bookmark struct {
	path   string
	shared jetstream.Consumer // of a shared reader; nil of an ordered one

	mu    sync.Mutex
	dirty bool
	mark  savedMark
}

type savedMark struct {
	Position event.Position `json:"position"`
	Attempts int            `json:"attempts,omitempty"` // made at what comes next
	UpTo     event.Position `json:"up_to,omitzero"`     // and, together with it, at what comes up to here
}

func (b *bookmark) position() event.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark.Position
}

// move sets the position; saveMarks writes it within a second.
func (b *bookmark) move(to event.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mark, b.dirty = savedMark{Position: to}, true
}

// attempted puts on disk how many attempts were made at what comes next, and up
// to where others were part of them, so that one that ends the process is counted.
func (b *bookmark) attempted(n int, upTo event.Position) error {
	b.mu.Lock()
	b.mark.Attempts, b.mark.UpTo, b.dirty = n, upTo, true
	b.mu.Unlock()
	return b.save()
}

func (b *bookmark) attempts() (n int, upTo event.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark.Attempts, b.mark.UpTo
}

func (b *bookmark) save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	b.dirty = false
	return writeJSON(b.path, b.mark)
}

// saveMarks writes every bookmark that moved, and the end of the log.
func (q *Queue) saveMarks() {
	q.mu.Lock()
	marks := make([]*bookmark, 0, len(q.readers)+1)
	for _, b := range q.readers {
		marks = append(marks, b)
	}
	if q.end.position() != q.last {
		q.end.move(q.last)
	}
	q.mu.Unlock()
	for _, b := range append(marks, q.end) {
		if err := b.save(); err != nil {
			q.o.Log.Error("queue: bookmark not saved; after a restart events may be seen twice", "file", b.path, "error", err)
		}
	}
}

// loadBookmarks reads what earlier runs left, so that a reader which is not
// open in this process is seen to lag, too.
func (q *Queue) loadBookmarks() error {
	files, err := filepath.Glob(filepath.Join(q.o.Dir, "readers", "*.json"))
	if err != nil {
		return err
	}
	for _, f := range files {
		b := &bookmark{path: f}
		if err := readJSON(f, &b.mark); err != nil {
			return err
		}
		q.readers[strings.TrimSuffix(filepath.Base(f), ".json")] = b
	}
	return readJSON(q.end.path, &q.end.mark)
}

// bookmark finds or makes the named reader's bookmark; from outranks what it says.
func (q *Queue) bookmark(name string, from *event.Position) (*bookmark, error) {
	q.mu.Lock()
	b := q.readers[name]
	if b == nil {
		b = &bookmark{path: filepath.Join(q.o.Dir, "readers", name+".json"), dirty: true}
		q.readers[name] = b
	}
	q.mu.Unlock()
	if from != nil && *from != b.position() {
		b.move(*from)
	}
	return b, b.save()
}
