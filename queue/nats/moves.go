package nats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// movedTogether is how many items one move takes at most.
const movedTogether = 1000

// moves removes items from the set-aside so that a crash at any moment leaves
// every one of them either there or moved, and counted once. What is about to
// happen is noted on disk first, and finished or taken back at the next start.
type moves struct {
	one sync.Mutex // held through a move

	mu    sync.Mutex // guards books
	books asideBooks
}

// asideBooks is aside.json: docs/format/queue.md.
type asideBooks struct {
	Dropped map[string]uint64 `json:"dropped"` // for good, by reader
	Refused uint64            `json:"refused"` // of them, from the doors' own stream
	Moving  *move             `json:"moving,omitempty"`
}

// move is items on their way out of the set-aside.
type move struct {
	IDs     []uint64          `json:"ids"`
	Redrive string            `json:"redrive,omitempty"` // published again for this reader,
	After   uint64            `json:"after,omitempty"`   // behind this sequence of the log
	Dropped map[string]uint64 `json:"dropped,omitempty"` // to add to the books' once the items are gone
	Settled map[string]uint64 `json:"settled,omitempty"` // to put in the books' place
}

func (a *aside) booksPath() string { return filepath.Join(a.queue.o.Dir, "aside.json") }

// books is a copy of what is on disk.
func (a *aside) books() asideBooks {
	a.moves.mu.Lock()
	defer a.moves.mu.Unlock()
	return asideBooks{maps.Clone(a.moves.books.Dropped), a.moves.books.Refused, a.moves.books.Moving}
}

func (a *aside) saveBooks(b asideBooks) error {
	a.moves.mu.Lock()
	defer a.moves.mu.Unlock()
	if err := writeJSON(a.booksPath(), b); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	a.moves.books = b
	return nil
}

// loadBooks reads the books and ends a move that a crash cut short.
func (a *aside) loadBooks(ctx context.Context) error {
	if err := readJSON(a.booksPath(), &a.moves.books); err != nil {
		return err
	}
	_, err := a.finish(ctx)
	return err
}

// begin notes a move, once the last one is finished.
func (a *aside) begin(ctx context.Context, m move) error {
	if _, err := a.finish(ctx); err != nil {
		return err
	}
	b := a.books()
	b.Moving = &m
	return a.saveBooks(b)
}

// finish does what is left of a move and reports whether the items are gone. A
// redrive whose message is not in the log, and can't come there any more, did
// not happen. As long as that is not known the move stays noted.
func (a *aside) finish(ctx context.Context) (moved bool, err error) {
	b := a.books()
	m := b.Moving
	if m == nil {
		return false, nil
	}
	if moved, err = a.happened(ctx, m); err != nil {
		return false, err
	}
	b.Moving = nil
	if !moved {
		return false, a.saveBooks(b)
	}
	for _, id := range m.IDs {
		if err := a.streamOf(id).SecureDeleteMsg(ctx, id); err != nil && !gone(err) {
			return false, fmt.Errorf("set-aside item %d: %w", id, err)
		}
		if id >= firstRefused {
			b.Refused++
		}
	}
	if b.Dropped == nil {
		b.Dropped = map[string]uint64{}
	}
	for reader, n := range m.Dropped {
		b.Dropped[reader] += n
	}
	maps.Copy(b.Dropped, m.Settled)
	return true, a.saveBooks(b)
}

// gone reports that a message to be erased was not there.
func gone(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) || errors.As(err, &api) && api.Code == 404
}

func (a *aside) happened(ctx context.Context, m *move) (bool, error) {
	if m.Redrive == "" {
		return true, nil
	}
	stored, err := a.redriven(ctx, m)
	if stored || err != nil {
		return stored, err
	}
	if err := a.queue.fence(ctx); err != nil {
		return false, fmt.Errorf("set aside: whether %d items were redriven is not known yet, try again in a while: %w", len(m.IDs), err)
	}
	return a.redriven(ctx, m)
}

// redriven reports whether the message of a redrive is in the log.
func (a *aside) redriven(ctx context.Context, m *move) (bool, error) {
	_, err := a.queue.stream.GetMsg(ctx, m.After+1, jetstream.WithGetMsgSubject(redriveTo+m.Redrive))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Settle brings the books of a reader in line with what its sink really holds:
// the items named are no longer set aside, and dropped is how many events the
// sink lacks that no item tells of.
func (q *Queue) Settle(ctx context.Context, reader string, items []uint64, dropped uint64) error {
	a := q.aside
	a.moves.one.Lock()
	defer a.moves.one.Unlock()
	for part := range slices.Chunk(items, movedTogether) {
		if err := a.begin(ctx, move{IDs: part}); err != nil {
			return err
		}
		if _, err := a.finish(ctx); err != nil {
			return err
		}
	}
	if err := a.begin(ctx, move{Settled: map[string]uint64{reader: dropped}}); err != nil {
		return err
	}
	_, err := a.finish(ctx)
	return err
}

// Redriven is the sequence of the newest message redriven to a reader; 0 if
// there is none.
func (q *Queue) Redriven(ctx context.Context, reader string) (uint64, error) {
	msg, err := q.stream.GetLastMsgForSubject(ctx, redriveTo+reader)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("queue: %w", err)
	}
	return msg.Sequence, nil
}
