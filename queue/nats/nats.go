// Package nats keeps the queue in NATS JetStream, run inside this process, on
// files that are synced before a publish is answered. docs/format/queue.md
// describes what lies in its directory.
package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
	"footfall/queue"
)

const (
	streamName   = "EVENTS"
	asideName    = "ASIDE"
	subject      = "events"      // what doors publish
	redriveTo    = "events.for." // + reader: what is redriven to one reader
	asideSubject = "aside."      // + reader
	maxPayload   = 8 << 20       // bytes of one message
)

// Options of a queue. Only Dir is required.
type Options struct {
	Dir        string
	MaxAge     time.Duration    // messages older than this expire; default 7 days
	Visibility time.Duration    // time-out of a delivery of a shared reader; default 30 s
	AsideBytes int64            // most bytes set aside; default 1 GiB
	Known      []event.Position // positions sinks hold: a log that ends before one of them has been cut
	Log        *slog.Logger
	Now        func() time.Time
}

// Queue is the log. It implements queue.Queue.
type Queue struct {
	o      Options
	srv    *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	aside  *aside
	epochs epochs

	pending chan *publication
	stop    chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	last    event.Position
	readers map[string]*bookmark
}

// Open starts the embedded server on the directory and opens the streams.
func Open(o Options) (*Queue, error) {
	if o.MaxAge == 0 {
		o.MaxAge = 7 * 24 * time.Hour
	}
	if o.Visibility == 0 {
		o.Visibility = 30 * time.Second
	}
	if o.AsideBytes == 0 {
		o.AsideBytes = 1 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	q := &Queue{o: o, pending: make(chan *publication, 4096), stop: make(chan struct{}), stopped: make(chan struct{}),
		readers: map[string]*bookmark{}}
	if err := q.start(); err != nil {
		q.shutdown()
		return nil, fmt.Errorf("queue in %s: %w", o.Dir, err)
	}
	go q.commit()
	return q, nil
}

func (q *Queue) start() error {
	if err := os.MkdirAll(filepath.Join(q.o.Dir, "readers"), 0o700); err != nil {
		return err
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "footfall", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: q.o.Dir, SyncAlways: true,
		MaxPayload: maxPayload, MaxPending: 4 * maxPayload,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 50,
	})
	if err != nil {
		return err
	}
	q.srv = srv
	srv.SetLoggerV2(serverLog{q.o.Log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(time.Minute) {
		return errors.New("the embedded NATS server did not start within a minute")
	}
	if q.conn, err = nats.Connect("", nats.InProcessServer(srv), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1)); err != nil {
		return err
	}
	if q.js, err = jetstream.New(q.conn, jetstream.WithDefaultTimeout(10*time.Second)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return q.openStreams(ctx)
}

func (q *Queue) openStreams(ctx context.Context) (err error) {
	q.stream, err = q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{subject, redriveTo + "*"}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, MaxAge: q.o.MaxAge, Duplicates: 100 * time.Millisecond, AllowDirect: true,
	})
	if err != nil {
		return err
	}
	kept, err := q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: asideName, Subjects: []string{asideSubject + "*"}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, MaxBytes: q.o.AsideBytes, Discard: jetstream.DiscardNew,
		Duplicates: 100 * time.Millisecond, AllowDirect: true,
	})
	if err != nil {
		return err
	}
	q.aside = &aside{queue: q, stream: kept}
	return q.settle(ctx)
}

// settle finds where the log ends and whether it was cut since last time.
func (q *Queue) settle(ctx context.Context) error {
	last, err := q.lastStored(ctx)
	if err != nil {
		return err
	}
	known := q.o.Known
	marks, err := q.savedBookmarks()
	if err != nil {
		return err
	}
	for _, m := range marks {
		known = append(known, m.Position)
	}
	path := filepath.Join(q.o.Dir, "epochs.json")
	if err := readJSON(path, &q.epochs); err != nil {
		return err
	}
	if cut := q.epochs.settle(last, known); cut {
		q.o.Log.Error("the queue's log ends before what its readers have seen: it was cut or damaged; a new epoch begins",
			"ends_at", last.Seq, "epoch", q.epochs.current())
	}
	last.Epoch = q.epochs.current()
	for _, k := range known {
		last.Total = max(last.Total, k.Total)
	}
	q.last = last
	return writeJSON(path, q.epochs)
}

// lastStored reads the newest message; its Total goes on counting from there.
func (q *Queue) lastStored(ctx context.Context) (event.Position, error) {
	info, err := q.stream.Info(ctx)
	if err != nil {
		return event.Position{}, err
	}
	at := event.Position{Seq: info.State.LastSeq}
	if info.State.Msgs == 0 {
		return at, nil
	}
	msg, err := q.stream.GetMsg(ctx, info.State.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	h, _, err := readHeader(msg.Data)
	at.Epoch, at.Total = h.epoch, h.total
	return at, err
}

// Close answers what is still being published, then stops the server.
func (q *Queue) Close() error {
	select {
	case <-q.stop:
		return nil
	default:
	}
	close(q.stop)
	<-q.stopped
	q.mu.Lock()
	for _, b := range q.readers {
		b.save(true)
	}
	q.mu.Unlock()
	q.shutdown()
	return nil
}

func (q *Queue) shutdown() {
	if q.conn != nil {
		q.conn.Close()
	}
	if q.srv != nil {
		q.srv.Shutdown()
		q.srv.WaitForShutdown()
	}
}

// Aside is where readers put what is hopeless.
func (q *Queue) Aside() queue.Aside { return q.aside }

// State tells how far the log and its readers are.
func (q *Queue) State(ctx context.Context) (queue.State, error) {
	info, err := q.stream.Info(ctx)
	if err != nil {
		return queue.State{}, fmt.Errorf("queue state: %w", err)
	}
	q.mu.Lock()
	s := queue.State{Accepted: q.last.Total, Last: q.last, Bytes: info.State.Bytes, MaxAge: q.o.MaxAge,
		First: event.Position{Epoch: q.epochs.current(), Seq: info.State.FirstSeq}, Readers: map[string]queue.Lag{}}
	for name, b := range q.readers {
		at := b.position()
		s.Readers[name] = queue.Lag{At: at, Waiting: s.Accepted - min(at.Total, s.Accepted)}
	}
	q.mu.Unlock()
	if info.State.Msgs > 0 {
		s.Oldest = info.State.FirstTime
	}
	for name, l := range s.Readers {
		if l.Waiting == 0 {
			continue
		}
		next := max(q.epochs.resume(l.At)+1, info.State.FirstSeq)
		if msg, err := q.stream.GetMsg(ctx, next); err == nil {
			l.Since = msg.Time
			s.Readers[name] = l
		}
	}
	s.Aside, err = q.aside.counts(ctx)
	return s, err
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s is damaged (%w): move it away, the queue makes a new one", path, err)
	}
	return nil
}

// writeJSON replaces a file so that a power failure leaves the old or the new one.
func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// serverLog passes the embedded server's errors and warnings on; its notices
// speak of things an operator of Footfall does not see.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(string, ...any) {}
func (l serverLog) Debugf(string, ...any)  {}
func (l serverLog) Tracef(string, ...any)  {}
func (l serverLog) Warnf(f string, a ...any) {
	l.log.Warn("queue server", "says", fmt.Sprintf(f, a...))
}
func (l serverLog) Errorf(f string, a ...any) {
	l.log.Error("queue server", "says", fmt.Sprintf(f, a...))
}
func (l serverLog) Fatalf(f string, a ...any) {
	l.log.Error("queue server", "says", fmt.Sprintf(f, a...))
}
