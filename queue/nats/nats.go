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
	"slices"
	"sync"
	"sync/atomic"
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
	MaxAge     time.Duration // messages older than this expire; default what the log was opened with before, 7 days at first
	Visibility time.Duration // time-out of a delivery of a shared reader; default 30 s
	AsideBytes int64         // most bytes set aside by sinks, which then have to wait; default 1 GiB

	RefusedBytes int64 // most bytes refused by doors, whose oldest items then make room; default 128 MiB

	Known []event.Position // positions sinks hold: a log that ends before one of them has been cut
	Log   *slog.Logger
	Now   func() time.Time
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

	refusing atomic.Int64 // since when nothing could be stored, in Unix ms; 0 if the last could

	closing sync.Once
	end     *bookmark // where the log ended a second ago: tells after a restart if it was cut

	mu      sync.Mutex     // guards what follows and epochs
	opened  event.Position // where the log ended at the start
	last    event.Position
	mend    bool // found cut at the start
	damaged bool // found cut later
	readers map[string]*bookmark
}

func (o Options) withDefaults() Options {
	if o.Visibility == 0 {
		o.Visibility = 30 * time.Second
	}
	if o.AsideBytes == 0 {
		o.AsideBytes = 1 << 30
	}
	if o.RefusedBytes == 0 {
		o.RefusedBytes = 128 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Open starts the embedded server on the directory and opens the streams.
func Open(o Options) (*Queue, error) {
	o = o.withDefaults()
	q := &Queue{o: o, pending: make(chan *publication, 4096), stop: make(chan struct{}), stopped: make(chan struct{}),
		readers: map[string]*bookmark{}, end: &bookmark{path: filepath.Join(o.Dir, "end.json")}}
	err := q.start()
	if err == nil && q.mend {
		// The server found the damage while it was up and still remembers the old end: only a start makes it forget.
		q.shutdown()
		err = q.start()
	}
	if err != nil {
		q.shutdown()
		return nil, fmt.Errorf("queue in %s: %w", o.Dir, err)
	}
	go q.commit()
	go q.keepMarks()
	go q.aside.doors.run()
	return q, nil
}

func (q *Queue) start() error {
	if err := os.MkdirAll(filepath.Join(q.o.Dir, "readers"), 0o700); err != nil {
		return err
	}
	if err := cutZeros(q.o.Dir, q.o.Log); err != nil {
		return err
	}
	if err := q.serve(true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return q.openStreams(ctx)
}

// serve starts the embedded server and connects to it; synced: what it answers is
// on disk.
func (q *Queue) serve(synced bool) error {
	srv, err := server.NewServer(&server.Options{
		ServerName: "footfall", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: q.o.Dir, SyncAlways: synced,
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
	q.js, err = jetstream.New(q.conn, jetstream.WithDefaultTimeout(10*time.Second))
	return err
}

func (q *Queue) openStreams(ctx context.Context) error {
	if err := q.makeStreams(ctx); err != nil {
		return err
	}
	if err := q.settle(ctx); err != nil {
		return err
	}
	return q.aside.loadBooks(ctx)
}

// age is the maximum age that the log has, or a new one gets.
func (q *Queue) age(ctx context.Context) (time.Duration, error) {
	s, err := q.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 7 * 24 * time.Hour, nil
	}
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().Config.MaxAge, nil
}

// makeStreams makes the streams, or finds them.
func (q *Queue) makeStreams(ctx context.Context) (err error) {
	if q.o.MaxAge == 0 {
		if q.o.MaxAge, err = q.age(ctx); err != nil {
			return err
		}
	}
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
		Duplicates: time.Hour, AllowDirect: true, // see aside.Put
	})
	if err != nil {
		return err
	}
	doors, err := q.js.CreateOrUpdateStream(ctx, refusedConfig(q.o.RefusedBytes))
	if err != nil {
		return err
	}
	q.aside = &aside{queue: q, stream: kept, doors: newRefused(q, doors)}
	return nil
}

// settle finds where the log ends and whether it was cut since last time.
func (q *Queue) settle(ctx context.Context) error {
	last, err := q.lastStored(ctx)
	if err != nil {
		return err
	}
	if err := q.loadBookmarks(); err != nil {
		return err
	}
	known := append([]event.Position{q.end.position()}, q.o.Known...)
	for _, b := range q.readers {
		known = append(known, b.position())
	}
	if err := readJSON(q.epochsPath(), &q.epochs); err != nil {
		return err
	}
	total := last.Total
	for _, k := range known {
		total = max(total, k.Total)
	}
	if cut := q.epochs.settle(last, known); cut {
		q.reportCut(last.Seq, total-last.Total)
		q.mend = true
	}
	q.last = event.Position{Epoch: q.epochs.current(), Seq: last.Seq, Total: total}
	q.opened = q.last
	return writeJSON(q.epochsPath(), q.epochs)
}

// epoch is the current one.
func (q *Queue) epoch() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.epochs.current()
}

// cut begins a new epoch behind end, which q.mu's holder found the log to end at.
func (q *Queue) cut(end, epoch, total uint64) error {
	q.epochs.begin(epoch, end+1)
	q.last.Epoch, q.last.Total = epoch, max(q.last.Total, total)
	q.reportCut(end, 0)
	return writeJSON(q.epochsPath(), q.epochs)
}

func (q *Queue) epochsPath() string { return filepath.Join(q.o.Dir, "epochs.json") }

func (q *Queue) reportCut(end, events uint64) {
	q.o.Log.Error("the queue's log ends before what was seen of it: it was cut or damaged; a new epoch begins. What the archive has of it comes back with: footfall rebuild",
		"ends_at", end, "events_missing", events, "epoch", q.epochs.current())
}

// notice looks at a position a sink holds that was not among Options.Known: if
// it lies behind the end, the log was cut, and what was published since the
// start may have been given sequences that the sink has seen.
func (q *Queue) notice(p event.Position) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.last.Less(p) {
		return nil
	}
	return q.cut(q.opened.Seq, max(p.Epoch, q.last.Epoch)+1, p.Total)
}

// keepMarks saves bookmarks every second, away from those who move them.
func (q *Queue) keepMarks() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			q.saveMarks()
		case <-q.stopped:
			return
		}
	}
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
func (q *Queue) Close() (err error) {
	q.closing.Do(func() {
		close(q.stop)
		<-q.stopped
		q.saveMarks()
		err = q.aside.doors.close()
		q.shutdown()
	})
	return err
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

// MaxAge is how old a message may become before it expires.
func (q *Queue) MaxAge() time.Duration { return q.o.MaxAge }

// State tells how far the log and its readers are.
func (q *Queue) State(ctx context.Context) (queue.State, error) {
	info, err := q.stream.Info(ctx)
	if err != nil {
		return queue.State{}, fmt.Errorf("queue state: %w", err)
	}
	q.mu.Lock()
	s := queue.State{Accepted: q.last.Total, Last: q.last, Bytes: info.State.Bytes, MaxAge: q.o.MaxAge,
		First: event.Position{Epoch: q.epochs.current(), Seq: info.State.FirstSeq}, Readers: map[string]queue.Lag{}}
	if info.State.Msgs > 0 {
		s.Oldest = info.State.FirstTime
	}
	known, shared, epochs := map[string]event.Position{}, map[string]jetstream.Consumer{}, slices.Clone(q.epochs)
	for name, b := range q.readers {
		known[name], shared[name] = b.position(), b.shared
	}
	q.mu.Unlock()
	for name, at := range known {
		at = q.acknowledged(ctx, at, shared[name])
		l := queue.Lag{At: at, Waiting: s.Accepted - min(at.Total, s.Accepted)}
		if l.Waiting > 0 {
			if msg, err := q.stream.GetMsg(ctx, epochs.resume(at)+1, jetstream.WithGetMsgSubject(subject)); err == nil {
				l.Since = msg.Time
			}
		}
		s.Readers[name] = l
	}
	s.Dropped = q.aside.books().Dropped
	if s.Discarded, err = q.aside.doors.discarded(ctx); err != nil {
		return s, err
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

// Last is the newest position in the log; its Total is how many events were
// ever accepted.
func (q *Queue) Last() event.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}
