package nats

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
	"footfall/queue/queuetest"
)

// once checks that each event is either set aside or was redriven to the store.
func once(t *testing.T, q *Queue, aside, redriven int) {
	t.Helper()
	s, err := q.State(t.Context())
	if err != nil || int(s.Aside["store"]) != aside {
		t.Errorf("%d are set aside, %v; want %d", s.Aside["store"], err, aside)
	}
	if got, _ := readAll(t, readerAt(t, q, "store", &event.Position{})); len(got) != redriven {
		t.Errorf("the log holds %v, want %d events", got, redriven)
	}
}

// An asker that leaves while its message waits to be written changes nothing.
func TestRedriveWithoutItsAsker(t *testing.T) {
	q := &Queue{o: Options{Dir: t.TempDir(), MaxAge: time.Hour, AsideBytes: 1 << 20, RefusedBytes: 1 << 20, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now},
		pending: make(chan *publication, 1), stop: make(chan struct{}), stopped: make(chan struct{}), readers: map[string]*bookmark{}, end: &bookmark{path: t.TempDir() + "/end"}}
	must(t, q.start())
	go q.aside.doors.run()
	readerAt(t, q, "store", &event.Position{})
	e := queuetest.Events("bad", 1)
	put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &e[0]})
	ids := listed(t, q, "store")
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if n, err := q.Aside().Redrive(ctx, ids...); n != 1 || err != nil {
			t.Errorf("redriven: %d, %v", n, err)
		}
	}()
	waitUntil(t, "the message waits", func() bool { return len(q.pending) == 1 })
	leave()
	select { // one that does not wait has left by then
	case <-answered:
	case <-time.After(300 * time.Millisecond):
	}
	go q.commit()
	defer q.Close()
	<-answered
	waitUntil(t, "the message is written", func() bool { return q.Last().Seq == 1 })
	once(t, q, 0, 1)
}

func waitUntil(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// stalling is a server that holds what is sent to it and answers nothing.
type stalling struct {
	jetstream.JetStream
	mu      sync.Mutex
	holding bool
	held    []func()
}

// PublishMsg sends at once, or when released.
func (s *stalling) PublishMsg(ctx context.Context, m *nats.Msg, o ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holding {
		return s.JetStream.PublishMsg(ctx, m, o...)
	}
	m = &nats.Msg{Subject: m.Subject, Data: slices.Clone(m.Data)}
	s.held = append(s.held, func() { s.JetStream.PublishMsg(context.Background(), m, o...) })
	return nil, context.DeadlineExceeded
}

func (s *stalling) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, send := range s.held {
		send()
	}
}

// A message of a redrive that was given up and is stored late, or never, is
// found out at the next move or start.
func TestRedriveStoredLate(t *testing.T) {
	for _, x := range []struct {
		name            string
		stored, restart bool
		aside, redriven int
	}{
		{"stored, then another move", true, false, 0, 1},
		{"stored, then a start", true, true, 0, 1},
		{"lost, then another move", false, false, 1, 0},
		{"lost, then a start", false, true, 1, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			q, _ := openAt(t, Options{Dir: dir})
			disk := &stalling{JetStream: q.js}
			q.js = disk // before anything is published
			readerAt(t, q, "store", &event.Position{})
			e := queuetest.Events("bad", 1)
			put(t, q, queue.AsideItem{Reader: "store", Reason: "no", Event: &e[0]})
			ids := listed(t, q, "store")
			disk.holding = true
			if n, err := q.Aside().Redrive(t.Context(), ids...); n != 0 || err == nil {
				t.Errorf("redriven without an answer: %d, %v", n, err)
			}
			if n, err := q.Aside().Drop(t.Context(), ids...); n != 0 || err == nil {
				t.Errorf("dropped what may have been redriven: %d, %v", n, err)
			}
			if !x.stored {
				disk.held = nil
			}
			disk.release()
			if x.restart {
				must(t, q.Close())
				q, _ = openAt(t, Options{Dir: dir})
			} else if n, err := q.Aside().Redrive(t.Context(), ids...); (n == 0) != x.stored || (err != nil) != x.stored {
				t.Errorf("redriven again: %d, %v", n, err)
			} else if !x.stored {
				x.aside, x.redriven = 0, 1
			}
			once(t, q, x.aside, x.redriven)
		})
	}
}

// A sink that refuses what was redriven before the old item is erased sets it
// aside anew.
func TestRefusedAgainInTheMiddle(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	readerAt(t, q, "store", &event.Position{})
	e := queuetest.Events("bad", 1)
	item := queue.AsideItem{Reader: "store", Reason: "no", Event: &e[0]}
	put(t, q, item)
	must(t, q.aside.begin(t.Context(), move{IDs: listed(t, q, "store"), Redrive: "store", After: q.Last().Seq}))
	must(t, q.publish(t.Context(), "store", e))
	put(t, q, item)
	if moved, err := q.aside.finish(t.Context()); !moved || err != nil {
		t.Errorf("moved: %v, %v", moved, err)
	}
	once(t, q, 1, 1)
}
