package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

// aside keeps set-aside items in a stream of its own; an item's id is its
// sequence there.
type aside struct {
	queue  *Queue
	stream jetstream.Stream
}

const redriveTogether = 1000

// asideForm is an item on disk: docs/format/queue.md.
type asideForm struct {
	queue.AsideItem
	Event  *struct{} `json:"event,omitempty"` // hides the item's own: Binary holds it
	Binary []byte    `json:"binary,omitempty"`
}

// Put returns nil when the items are on disk.
func (a *aside) Put(ctx context.Context, items ...queue.AsideItem) error {
	for _, it := range items {
		if !nameable(it.Reader) {
			return fmt.Errorf("set aside: %q can't be a reader's name", it.Reader)
		}
		if it.At.IsZero() {
			it.At = a.queue.o.Now().UTC()
		}
		form := asideForm{AsideItem: it}
		if it.Event != nil {
			form.Binary = it.Event.AppendBinary(nil)
			form.Site = it.Event.Site
		}
		form.AsideItem.Event = nil
		b, err := json.Marshal(form)
		if err != nil {
			return err
		}
		if _, err := a.queue.js.Publish(ctx, asideSubject+it.Reader, b); err != nil {
			return fmt.Errorf("set aside: not stored (make room with: footfall aside drop): %w", err)
		}
	}
	return nil
}

func (a *aside) item(msg *jetstream.RawStreamMsg) (queue.AsideItem, error) {
	var form asideForm
	if err := json.Unmarshal(msg.Data, &form); err != nil {
		return queue.AsideItem{}, fmt.Errorf("set-aside item %d: %w", msg.Sequence, err)
	}
	it := form.AsideItem
	it.ID = msg.Sequence
	if len(form.Binary) > 0 {
		it.Event = new(event.Event)
		if _, err := it.Event.DecodeBinary(string(form.Binary)); err != nil {
			return it, fmt.Errorf("set-aside item %d: %w", msg.Sequence, err)
		}
	}
	return it, nil
}

// List returns the oldest items first, at most limit (0 is all).
func (a *aside) List(ctx context.Context, reader string, limit int) ([]queue.AsideItem, error) {
	if reader == "" {
		reader = "*"
	}
	var items []queue.AsideItem
	for seq := uint64(1); limit == 0 || len(items) < limit; {
		msg, err := a.stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(asideSubject+reader))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		seq = msg.Sequence + 1
		it, err := a.item(msg)
		if err != nil {
			a.queue.o.Log.Error("a set-aside item can't be read and is not listed", "error", err)
			continue
		}
		items = append(items, it)
	}
	return items, nil
}

// Show returns one item.
func (a *aside) Show(ctx context.Context, id uint64) (queue.AsideItem, error) {
	msg, err := a.stream.GetMsg(ctx, id)
	if err != nil {
		return queue.AsideItem{}, fmt.Errorf("set-aside item %d: %w (see: footfall aside list)", id, err)
	}
	return a.item(msg)
}

// Redrive publishes items again, for their reader only, and removes them. It
// returns how many were redriven before an error.
func (a *aside) Redrive(ctx context.Context, ids ...uint64) (int, error) {
	done := 0
	for done < len(ids) {
		first, err := a.redrivable(ctx, ids[done])
		if err != nil {
			return done, err
		}
		// Neighbours for the same reader share a message.
		events := []event.Event{*first.Event}
		for len(events) < redriveTogether && done+len(events) < len(ids) {
			next, err := a.redrivable(ctx, ids[done+len(events)])
			if err != nil || next.Reader != first.Reader {
				break
			}
			events = append(events, *next.Event)
		}
		if err := a.queue.publish(ctx, first.Reader, events); err != nil {
			return done, err
		}
		n, err := a.Drop(ctx, ids[done:done+len(events)]...)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

func (a *aside) redrivable(ctx context.Context, id uint64) (queue.AsideItem, error) {
	it, err := a.Show(ctx, id)
	if err != nil {
		return it, err
	}
	if it.Event == nil {
		return it, fmt.Errorf("set-aside item %d holds no event that could be stored: its sender must send it anew, or drop it with: footfall aside drop %d", id, id)
	}
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	if a.queue.readers[it.Reader] == nil {
		return it, fmt.Errorf("set-aside item %d is for the reader %q, which this queue does not know: nobody would read it", id, it.Reader)
	}
	return it, nil
}

// Drop removes items for good.
func (a *aside) Drop(ctx context.Context, ids ...uint64) (int, error) {
	for n, id := range ids {
		if err := a.stream.SecureDeleteMsg(ctx, id); err != nil {
			return n, fmt.Errorf("set-aside item %d: %w (see: footfall aside list)", id, err)
		}
	}
	return len(ids), nil
}

func (a *aside) counts(ctx context.Context) (map[string]uint64, error) {
	info, err := a.stream.Info(ctx, jetstream.WithSubjectFilter(asideSubject+">"))
	if err != nil {
		return nil, fmt.Errorf("set aside: %w", err)
	}
	counts := map[string]uint64{}
	for subject, n := range info.State.Subjects {
		counts[strings.TrimPrefix(subject, asideSubject)] = n
	}
	return counts, nil
}
