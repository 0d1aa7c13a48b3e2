package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

// aside keeps set-aside items in two streams, so that a door can't take the
// sinks' room: what sinks refused, with its event, and what doors refused. An
// item's id is its sequence; the doors' sequences begin at firstRefused.
type aside struct {
	queue  *Queue
	stream jetstream.Stream // of the sinks, and of doors before there was refused
	doors  *refused
	moves  moves
}

// asideForm is an item on disk: docs/format/queue.md.
type asideForm struct {
	queue.AsideItem
	Event  *struct{} `json:"event,omitempty"` // hides the item's own: Binary holds it
	Binary []byte    `json:"binary,omitempty"`
	Form   int       `json:"form,omitempty"` // version of Binary; 0 is 1, from before it was told
}

// Put returns nil when items that hold an event are on disk. Items without one
// are a door's: they are on their way there. An event that its reader has set
// aside already is not set aside twice, so a sink's crash between setting aside
// and going on changes no count.
func (a *aside) Put(ctx context.Context, items ...queue.AsideItem) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	same := map[string]int{}
	for _, it := range items {
		if !nameable(it.Reader) {
			return fmt.Errorf("set aside: %q can't be a reader's name", it.Reader)
		}
		if it.At.IsZero() {
			it.At = a.queue.o.Now().UTC()
		}
		if it.Event == nil {
			if err := a.doors.put(it); err != nil {
				return err
			}
			continue
		}
		form := asideForm{AsideItem: it, Binary: it.Event.AppendBinary(nil), Form: event.BinaryVersion}
		form.Site, form.AsideItem.Event = it.Event.Site, nil
		b, err := json.Marshal(form)
		if err != nil {
			return err
		}
		hash := sha256.Sum256(append([]byte(it.Reader+"\x00"), form.Binary...))
		id := hex.EncodeToString(hash[:16])
		same[id]++ // what is twice in one call came twice
		if err := a.keep(ctx, it.Reader, b, fmt.Sprintf("%s-%d", id, same[id])); err != nil {
			return fmt.Errorf("set aside: not stored (make room with: footfall aside drop): %w", err)
		}
	}
	return nil
}

const noRoom = 10077 // the server's error code: maximum bytes exceeded

// keep stores a sink's item, unless it is there already.
func (a *aside) keep(ctx context.Context, reader string, item []byte, id string) error {
	ack, err := a.queue.js.Publish(ctx, asideSubject+reader, item, jetstream.WithMsgID(id))
	var full *jetstream.APIError
	if errors.As(err, &full) && full.ErrorCode == noRoom && a.makeRoom(ctx) {
		ack, err = a.queue.js.Publish(ctx, asideSubject+reader, item, jetstream.WithMsgID(id))
	}
	if err != nil || !ack.Duplicate {
		return err
	}
	if m := a.books().Moving; m != nil && m.Redrive == reader && slices.Contains(m.IDs, ack.Sequence) {
		// Redriven and refused again before the old item is erased.
		_, err := a.queue.js.Publish(ctx, asideSubject+reader, item)
		return err
	}
	if _, err := a.stream.GetMsg(ctx, ack.Sequence); !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	_, err = a.queue.js.Publish(ctx, asideSubject+reader, item) // redriven and refused again
	return err
}

// makeRoom discards the oldest items of doors that lie among the sinks' since
// the time of one stream for both, and reports whether there were any.
func (a *aside) makeRoom(ctx context.Context) bool {
	freed := 0
	for _, door := range []string{"collect", "import"} {
		for ; freed < movedTogether; freed++ {
			msg, err := a.stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(asideSubject+door))
			if err != nil || a.stream.SecureDeleteMsg(ctx, msg.Sequence) != nil {
				break
			}
		}
	}
	if freed > 0 {
		a.queue.o.Log.Warn("set aside: the oldest items refused by doors were discarded to make room for a sink's", "items", freed)
	}
	return freed > 0
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
		if _, err := it.Event.DecodeBinary(string(form.Binary), max(1, form.Form)); err != nil {
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
	items, err := a.listed(ctx, a.stream, asideSubject+reader, 1, limit)
	if err != nil {
		return nil, err
	}
	if err := a.doors.flush(ctx); err != nil {
		return nil, err
	}
	more, err := a.listed(ctx, a.doors.stream, refusedSubject+reader, firstRefused, limit)
	if err != nil {
		return nil, err
	}
	items = append(items, more...)
	slices.SortStableFunc(items, func(x, y queue.AsideItem) int { return x.At.Compare(y.At) })
	if limit > 0 && len(items) > limit {
		items = items[:limit]
	}
	return items, nil
}

func (a *aside) listed(ctx context.Context, stream jetstream.Stream, subject string, from uint64, limit int) ([]queue.AsideItem, error) {
	var items []queue.AsideItem
	err := a.each(ctx, stream, subject, from, func(it queue.AsideItem) bool {
		items = append(items, it)
		return limit == 0 || len(items) < limit
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// each hands over items, the oldest first, as long as fn wants more.
func (a *aside) each(ctx context.Context, stream jetstream.Stream, subject string, from uint64, fn func(queue.AsideItem) (more bool)) error {
	for seq := from; ; {
		msg, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		seq = msg.Sequence + 1
		it, err := a.item(msg)
		if err != nil {
			a.queue.o.Log.Error("a set-aside item can't be read and is not listed", "error", err)
			continue
		}
		if !fn(it) {
			return nil
		}
	}
}

// SetAside hands over the events a sink has set aside and the ids of their
// items, the oldest first. Unlike Aside().List it holds one at a time.
func (q *Queue) SetAside(ctx context.Context, sink string, fn func(id uint64, e *event.Event)) error {
	return q.aside.each(ctx, q.aside.stream, asideSubject+sink, 1, func(it queue.AsideItem) bool {
		if it.Event != nil {
			fn(it.ID, it.Event)
		}
		return true
	})
}

// streamOf is where an item lies.
func (a *aside) streamOf(id uint64) jetstream.Stream {
	if id >= firstRefused {
		return a.doors.stream
	}
	return a.stream
}

// Show returns one item.
func (a *aside) Show(ctx context.Context, id uint64) (queue.AsideItem, error) {
	if err := a.doors.flush(ctx); err != nil {
		return queue.AsideItem{}, err
	}
	msg, err := a.streamOf(id).GetMsg(ctx, id)
	if gone(err) {
		return queue.AsideItem{}, fmt.Errorf("set-aside item %d: %w (see: footfall aside list)", id, queue.ErrNoItem)
	}
	if err != nil {
		return queue.AsideItem{}, fmt.Errorf("set-aside item %d: %w", id, err)
	}
	return a.item(msg)
}

// Redrive publishes items again, for their reader only, and removes them. It
// returns how many were redriven before an error. A crash at any moment, or an
// asker that leaves, leaves each item either set aside or redriven: see moves.
func (a *aside) Redrive(ctx context.Context, ids ...uint64) (int, error) {
	a.moves.one.Lock()
	defer a.moves.one.Unlock()
	if _, err := a.finish(ctx); err != nil { // what it moves is no longer there to be named
		return 0, err
	}
	done := 0
	for done < len(ids) {
		first, err := a.redrivable(ctx, ids[done])
		if err != nil {
			return done, err
		}
		// Neighbours for the same reader share a message, and with it its fate.
		events, size := []event.Event{*first.Event}, len(first.Event.AppendBinary(nil))
		for size < chunkBytes && len(events) < movedTogether && done+len(events) < len(ids) {
			id := ids[done+len(events)]
			next, err := a.redrivable(ctx, id)
			if err != nil || next.Reader != first.Reader || slices.Contains(ids[done:done+len(events)], id) {
				break
			}
			events, size = append(events, *next.Event), size+len(next.Event.AppendBinary(nil))
		}
		n, err := a.redrive(ctx, first.Reader, ids[done:done+len(events)], events)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// redrive publishes the events of items as one message.
func (a *aside) redrive(ctx context.Context, reader string, ids []uint64, events []event.Event) (int, error) {
	err := a.begin(ctx, move{IDs: ids, Redrive: reader, After: a.queue.Last().Seq})
	if err != nil {
		return 0, err
	}
	// The asker may leave, but the message is on its way.
	published := a.queue.publish(context.WithoutCancel(ctx), reader, events)
	moved, err := a.finish(context.WithoutCancel(ctx))
	if !moved {
		return 0, errors.Join(published, err)
	}
	return len(ids), err
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

// Drop removes items for good and counts them.
func (a *aside) Drop(ctx context.Context, ids ...uint64) (int, error) {
	a.moves.one.Lock()
	defer a.moves.one.Unlock()
	if _, err := a.finish(ctx); err != nil { // what it moves is no longer there to be named
		return 0, err
	}
	done := 0
	for part := range slices.Chunk(ids, movedTogether) {
		by := map[string]uint64{}
		there := 0
		var missing error
		for ; there < len(part); there++ {
			it, err := a.Show(ctx, part[there])
			if err == nil && slices.Contains(part[:there], part[there]) {
				err = fmt.Errorf("set-aside item %d is named twice", part[there])
			}
			if missing = err; err != nil {
				break
			}
			by[it.Reader]++
		}
		if there > 0 {
			if err := a.begin(ctx, move{IDs: part[:there], Dropped: by}); err != nil {
				return done, errors.Join(err, missing)
			}
			if _, err := a.finish(context.WithoutCancel(ctx)); err != nil {
				return done, errors.Join(err, missing)
			}
		}
		if done += there; missing != nil {
			return done, missing
		}
	}
	return done, nil
}

func (a *aside) counts(ctx context.Context) (map[string]uint64, error) {
	counts := map[string]uint64{}
	for prefix, stream := range map[string]jetstream.Stream{asideSubject: a.stream, refusedSubject: a.doors.stream} {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
		if err != nil {
			return nil, fmt.Errorf("set aside: %w", err)
		}
		for subject, n := range info.State.Subjects {
			counts[strings.TrimPrefix(subject, prefix)] += n
		}
	}
	return counts, nil
}
