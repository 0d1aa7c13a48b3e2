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

// asideForm is an item on disk: docs/format/queue.md.
type asideForm struct {
	queue.AsideItem
	Event  *struct{} `json:"event,omitempty"` // hides the item's own: Binary holds it
	Binary []byte    `json:"binary,omitempty"`
}

// Put returns nil when the items are on disk.
func (a *aside) Put(ctx context.Context, items ...queue.AsideItem) error {
	for _, it := range items {
		if it.Reader == "" {
			it.Reader = "collect"
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
		it, err := a.item(msg)
		if err != nil {
			return nil, err
		}
		items, seq = append(items, it), msg.Sequence+1
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

// Redrive publishes items again, for their reader only, and removes them.
func (a *aside) Redrive(ctx context.Context, ids ...uint64) (int, error) {
	for n, id := range ids {
		it, err := a.Show(ctx, id)
		if err != nil {
			return n, err
		}
		if it.Event == nil {
			return n, fmt.Errorf("set-aside item %d holds no event that could be stored: its sender must send it anew, or drop it with: footfall aside drop %d", id, id)
		}
		if err := a.queue.publish(ctx, it.Reader, []event.Event{*it.Event}); err != nil {
			return n, err
		}
		if err := a.stream.SecureDeleteMsg(ctx, id); err != nil {
			return n, err
		}
	}
	return len(ids), nil
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
