package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
	"footfall/queue/queuetest"
)

func put(t *testing.T, q *Queue, items ...queue.AsideItem) {
	t.Helper()
	if err := q.Aside().Put(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, q *Queue, reader string) (ids []uint64) {
	t.Helper()
	items, err := q.Aside().List(t.Context(), reader, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

// A crash at any point of a redrive leaves each item either set aside or
// redriven, and one in the middle of a drop does not change what is dropped.
func TestMovesAreExact(t *testing.T) {
	events := queuetest.Events("bad", 3)
	for _, x := range []struct {
		name                    string
		crash                   func(*testing.T, *aside, []uint64)
		redriven, left, dropped int
	}{
		{"nothing done", func(*testing.T, *aside, []uint64) {}, 0, 3, 0},
		{"redrive noted", func(t *testing.T, a *aside, ids []uint64) {
			must(t, a.begin(t.Context(), move{IDs: ids, Redrive: "store", After: a.queue.Last().Seq}))
		}, 0, 3, 0},
		{"redrive published", func(t *testing.T, a *aside, ids []uint64) {
			must(t, a.begin(t.Context(), move{IDs: ids, Redrive: "store", After: a.queue.Last().Seq}))
			must(t, a.queue.publish(t.Context(), "store", events))
		}, 3, 0, 0},
		{"redrive published, one removed", func(t *testing.T, a *aside, ids []uint64) {
			must(t, a.begin(t.Context(), move{IDs: ids, Redrive: "store", After: a.queue.Last().Seq}))
			must(t, a.queue.publish(t.Context(), "store", events))
			must(t, a.stream.SecureDeleteMsg(t.Context(), ids[0]))
		}, 3, 0, 0},
		{"drop noted, one removed", func(t *testing.T, a *aside, ids []uint64) {
			must(t, a.begin(t.Context(), move{IDs: ids, Dropped: map[string]uint64{"store": 3}}))
			must(t, a.stream.SecureDeleteMsg(t.Context(), ids[0]))
		}, 0, 0, 3},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			q, _ := openAt(t, Options{Dir: dir})
			readerAt(t, q, "store", &event.Position{})
			for i := range events {
				put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &events[i]})
			}
			x.crash(t, q.aside, listed(t, q, "store"))
			crashed := t.TempDir()
			copyTree(t, dir, crashed)
			q, _ = openAt(t, Options{Dir: crashed})
			s, err := q.State(t.Context())
			if err != nil || int(s.Aside["store"]) != x.left || int(s.Dropped["store"]) != x.dropped {
				t.Errorf("after the crash %d are set aside and %d dropped, %v; want %d and %d", s.Aside["store"], s.Dropped["store"], err, x.left, x.dropped)
			}
			if x.left > 0 {
				if n, err := q.Aside().Redrive(t.Context(), listed(t, q, "store")...); n != x.left || err != nil {
					t.Errorf("redriven again: %d, %v", n, err)
				}
				x.redriven += x.left
			}
			if got, _ := readAll(t, readerAt(t, q, "store", &event.Position{})); len(got) != x.redriven {
				t.Errorf("the reader got %v, want %d events", got, x.redriven)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Doors discard their own oldest items, never a sink's, and say so.
func TestDoorsHaveTheirOwnRoom(t *testing.T) {
	q, log := openAt(t, Options{Dir: t.TempDir(), RefusedBytes: 256 << 10, AsideBytes: 64 << 10})
	e := queuetest.Events("bad", 2)
	put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &e[0]})
	const flood = 2000
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range flood / 8 {
				if err := q.Aside().Put(t.Context(), queue.AsideItem{Reader: "collect", Reason: "garbage", Raw: strings.Repeat("x", 1000)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	put(t, q, queue.AsideItem{Reader: "collect", Reason: "the last", Raw: strings.Repeat("x", 1000)})
	put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &e[1]})
	doors := listed(t, q, "collect")
	s, err := q.State(t.Context())
	if err != nil || s.Aside["store"] != 2 || len(doors) == 0 || len(doors) > 300 || s.Discarded != flood+1-uint64(len(doors)) {
		t.Errorf("%d of the sink and %d of the door are there, %d were discarded, %v", s.Aside["store"], len(doors), s.Discarded, err)
	}
	if it, err := q.Aside().Show(t.Context(), doors[len(doors)-1]); err != nil || it.Reason != "the last" {
		t.Errorf("the last is not the newest: %+v, %v", it, err)
	}
	if !strings.Contains(log.String(), "discarded") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	if n, err := q.Aside().Drop(t.Context(), doors[0], doors[1]); n != 2 || err != nil {
		t.Errorf("drop: %d, %v", n, err)
	}
	if after, err := q.State(t.Context()); err != nil || after.Discarded != s.Discarded || after.Dropped["collect"] != 2 {
		t.Errorf("after a drop by hand: %d discarded, %d dropped, %v", after.Discarded, after.Dropped["collect"], err)
	}
}

// A door's answer waits for no disk, and what comes faster than the disk takes
// it is counted.
func TestRefusingIsCheap(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	r := newRefused(q, q.aside.doors.stream) // nobody writes
	q.aside.doors.close()
	q.aside.doors = r
	for range 3 {
		put(t, q, queue.AsideItem{Reader: "collect", Reason: "garbage", Raw: strings.Repeat("x", unwritten/2-1000)})
	}
	if s, err := q.State(t.Context()); err != nil || s.Discarded != 1 || s.Aside["collect"] != 0 {
		t.Errorf("before anything is written: %d discarded, %d there, %v", s.Discarded, s.Aside["collect"], err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Aside().List(ctx, "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a list that can't wait: %v", err)
	}
	go r.run()
}

// Items that doors left in the sinks' stream before they had their own are
// listed, shown and dropped, and make room for a sink's.
func TestOldDoorItems(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	for i := range 60 {
		b, err := json.Marshal(asideForm{AsideItem: queue.AsideItem{Reader: "collect", Reason: fmt.Sprint("old ", i), Raw: strings.Repeat("x", 1000)}})
		must(t, err)
		_, err = q.js.Publish(t.Context(), asideSubject+"collect", b)
		must(t, err)
	}
	must(t, q.Close())
	q, _ = openAt(t, Options{Dir: dir, AsideBytes: 68 << 10})
	put(t, q, queue.AsideItem{Reader: "collect", Reason: "new", Raw: "x"})
	old := listed(t, q, "collect")
	if len(old) != 61 || old[60] < firstRefused || old[0] != 1 {
		t.Fatalf("listed %v", old)
	}
	if it, err := q.Aside().Show(t.Context(), old[0]); err != nil || it.Reason != "old 0" {
		t.Errorf("show: %+v, %v", it, err)
	}
	if n, err := q.Aside().Drop(t.Context(), old[0], old[60]); n != 2 || err != nil {
		t.Errorf("drop: %d, %v", n, err)
	}
	e := queuetest.Events("bad", 40)
	for i := range e {
		e[i].Title = strings.Repeat("t", 1000)
		put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &e[i]})
	}
	if s, err := q.State(t.Context()); err != nil || s.Aside["store"] != 40 || s.Aside["collect"] >= 59 {
		t.Errorf("set aside: %v, %v", s.Aside, err)
	}
}

// dead is a server that takes items and answers nothing; the writer's time is
// over after some.
type dead struct {
	jetstream.JetStream
	taken int
	over  context.CancelFunc
}

type deadStream struct{ jetstream.Stream }

type unanswered struct{ jetstream.PubAckFuture }

// Ok never is.
func (unanswered) Ok() <-chan *jetstream.PubAck { return nil }

// Err never is.
func (unanswered) Err() <-chan error { return nil }

// PublishMsgAsync takes an item.
func (d *dead) PublishMsgAsync(*nats.Msg, ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	if d.taken++; d.taken == 10 {
		d.over()
	}
	return unanswered{}, nil
}

// Info never comes.
func (deadStream) Info(ctx context.Context, _ ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// When the disk stalls, what doors refused is given up in time, not item by
// item, and said once.
func TestRefusedGivesUpInTime(t *testing.T) {
	log := &journal{}
	ctx, cancel := context.WithCancel(t.Context())
	d := &dead{over: cancel}
	q := &Queue{o: Options{Log: slog.New(slog.NewTextHandler(log, nil))}, js: d}
	r := newRefused(q, deadStream{})
	pending := make([]*nats.Msg, 3*movedTogether)
	for i := range pending {
		pending[i] = &nats.Msg{}
	}
	r.write(ctx, pending)
	if d.taken != 10 || r.lost != uint64(len(pending)) {
		t.Errorf("%d items were sent and %d given up, want 10 and all", d.taken, r.lost)
	}
	r.write(ctx, pending[:5]) // so soon after it is not said again
	if n := strings.Count(log.String(), "discarded"); n != 1 || !strings.Contains(log.String(), fmt.Sprintf("items=%d ", len(pending))) {
		t.Errorf("said %d times:\n%s", n, log)
	}
}
