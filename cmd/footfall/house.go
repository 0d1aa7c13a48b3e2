package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"footfall/account"
	"footfall/account/rows"
	"footfall/affiliate"
	"footfall/archive"
	"footfall/bins"
	binsqlite "footfall/bins/sqlite"
	"footfall/enrich"
	"footfall/erase"
	"footfall/event"
	"footfall/geo/maxmind"
	historysqlite "footfall/history/sqlite"
	"footfall/ledger"
	"footfall/mail"
	"footfall/pump"
	"footfall/query"
	"footfall/queue"
	"footfall/queue/nats"
	"footfall/schedule"
	"footfall/segment"
	"footfall/store/duckdb"
)

// The way of an event, and what stands where:
//
//	browser, SDK, log file
//	     │ 1 collect / import: read and check
//	     │ 2 enrich: label, forget the address
//	     ▼
//	┌─────────┐ 3 Publish: on disk, then 200
//	│  queue  │ nats
//	└──┬───┬──┘ 4 two readers, each with a bookmark
//	   │   └────────────┐
//	5 pump            5 pump (64 MiB / 5 min)
//	   ▼                ▼
//	┌───────┐       ┌─────────┐
//	│ store │◀──────│ archive │  rebuild
//	│duckdb │       │ parquet │
//	└──┬────┘       └─────────┘
//	   │ 6 metric.Query → Dataset
//	   ▼
//	api · dash · footfall query
//
// A house is all of this on one data directory. Doors are put on by serve.go.
type house struct {
	c       config
	log     *slog.Logger
	lock    *os.File
	secret  []byte
	control *rows.Store
	queue   *nats.Queue
	objects archive.Objects // that the archive is made of
	archive *archive.Archive
	late    error                        // why the archive could not be opened at the start; nil if it could
	store   atomic.Pointer[duckdb.Store] // nil while it is being rebuilt
	geo     *maxmind.DB
	enrich  *enrich.Enricher
	sites   *siteBook
	meters  *meters
	address string // that people reach the server by; "" is a command's house, which has no doors

	ending context.Context // done as soon as the house begins to stop
	end    context.CancelFunc

	care      chan struct{} // has room for one: who changes the set-aside or the store as a whole
	mu        sync.Mutex    // guards pumps
	pumps     map[string]*running
	exports   guests
	questions guests       // being answered by the store
	newest    atomic.Int64 // receivedAt of the newest event stored, in ms
	importing sync.Mutex
	bins      *binsqlite.Durable
	histories *historysqlite.Keeper
	live      *segment.Live
	segments  *segmentBook
	mover     *mover
	trials    chan struct{} // holds one for each definition being tried
	stopMoves func()
	hot       bins.Hot // nil for none
	closeHot  func() error
	filled    bool // the store was filled anew at the start
	roller    *bins.Roller
	ledger    ledger.Book
	desk      *affiliate.Desk
	missing   sync.Mutex // held while a code that nobody has is looked at
	planner   *query.Planner
	reports   *query.Reports
	visits    *query.Visits
	fresh     []event.Event // the new ones of the batch being stored
	gathers   bool          // a pump's batch is being stored
	stopRolls func()
	daily     *dailyTable
	copies    *copies
	stopJobs  func()
	serving   chan struct{} // is closed by serves, once this is a server's
	serves    func()
	streams   *query.Live // tells who listens of figures that change
	stopLive  func()
	post      *mail.Post     // nil where no mail is sent
	letters   *account.Quota // of those that anybody can have sent
	erased    *erasures
	deleted   erase.Deleted   // by hand: kept out by store and archive
	deletions []deletion      // the same as they are on disk; guarded by care
	cutShort  chan struct{}   // holds one when a deletion was, by a fault
	ended     <-chan struct{} // closed when deletions that were cut short before are ended
	stopEnds  func()
	schedule  *schedule.Scheduler
	paces     paces
	disk      diskLook
	backups   backupBook
	refusals  refusalBook
	erasers   erasers
	deleters  deleters
	counting  errand   // a recount of all figures, begun on a page
	again     sync.Map // site → *atomic.Int64: imported events that were stored already
}

// running is a pump at work.
type running struct {
	stop    context.CancelFunc
	done    chan error
	tap     *tap
	failing atomic.Int64 // since when it can't write, in Unix ms; 0 if it can
	why     atomic.Value // why it could not write last, a language.Key; "" is not known
}

// tap is a reader that can be turned off at a position. From there on the queue
// seems empty, so that a pump has nothing to drain although events keep coming.
type tap struct {
	queue.Reader
	off  atomic.Pointer[event.Position]
	read event.Position // what was read last
}

// Read reads, unless the tap is off here.
func (t *tap) Read(ctx context.Context, max int, wait time.Duration) (queue.Delivery, error) {
	if off := t.off.Load(); off != nil && !t.read.Less(*off) {
		return queue.Delivery{}, nil
	}
	d, err := t.Reader.Read(ctx, max, wait)
	if d.To != (event.Position{}) {
		t.read = d.To
	}
	return d, err
}

// logger makes the log the configuration asks for.
func (c *call) logger() *slog.Logger {
	if c.values["log"] == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(c.stderr, nil))
}

// openHouse opens everything below the doors and starts the pumps. places
// stands in for a configured file; nil for none.
func openHouse(ctx context.Context, c config, log *slog.Logger, places enrich.Places) (h *house, err error) {
	h = &house{c: c, log: log, pumps: map[string]*running{}, meters: newMeters(), care: make(chan struct{}, 1), cutShort: make(chan struct{}, 1), trials: make(chan struct{}, trials), streams: query.NewLive()}
	h.ending, h.end = context.WithCancel(context.WithoutCancel(ctx))
	h.serving = make(chan struct{})
	h.serves = sync.OnceFunc(func() { close(h.serving) })
	defer func() {
		if err != nil {
			h.close()
			h = nil
		}
	}()
	dir := c.values["data"]
	h.disk.h, h.erasers.h, h.deleters.h, h.backups.path = h, h, h, filepath.Join(dir, backupsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return h, unusable(err, dir)
	}
	if h.lock, err = lockDir(dir); err != nil {
		return h, err
	}
	if h.secret, err = readSecret(filepath.Join(dir, "secret")); err != nil {
		return h, err
	}
	if err := h.openTables(ctx, dir); err != nil {
		return h, err
	}
	if err := h.openMail(); err != nil {
		return h, err
	}
	if err := h.openStores(ctx, dir); err != nil {
		return h, err
	}
	if err := h.openBins(ctx); err != nil {
		return h, err
	}
	if path := c.values["geo"]; path != "" {
		if h.geo, err = maxmind.Open(path, log); err != nil {
			return h, err
		}
		places = h.geo
	}
	h.enrich = enrich.New(enrich.Options{Salts: h.control, Places: places, Internal: h.sites.internal, Affiliate: h.desk.CodeOf})
	if err := h.startBins(ctx, h.filled); err != nil {
		return h, err
	}
	for _, start := range []func(context.Context) error{h.startStorePump, h.startArchivePump, h.startLedgerPump} {
		if err := start(ctx); err != nil {
			return h, err
		}
	}
	h.stopRolls = h.runRolls()
	h.stopMoves = h.runHistories()
	h.stopJobs = h.runSchedule()
	h.stopLive = h.runLive()
	h.stopEnds = h.runDeletions()
	h.endSwapSoon()
	return h, nil
}

func (h *house) openStores(ctx context.Context, dir string) error {
	events, err := h.openStore(dir)
	if err != nil {
		return err
	}
	h.store.Store(events)
	if err = h.openArchive(ctx, dir); err != nil {
		return err
	}
	ledger, err := h.desk.Position(ctx)
	if err != nil {
		return err
	}
	h.queue, err = nats.Open(nats.Options{Dir: filepath.Join(dir, "queue"), MaxAge: h.c.duration("queue-max-age"), Log: h.log,
		Known: []event.Position{events.State().Position, h.archive.Position(), ledger}})
	if err == nil {
		err = h.behindArchive(ctx, events.State().Position)
	}
	if err != nil {
		return err
	}
	// A store behind the archive has lost something: it is filled up from there.
	if events.State().Position.Less(h.archive.Position()) {
		h.log.Warn("the event store is behind the archive and is filled up from it", "store", events.State().Position.Total, "archive", h.archive.Position().Total)
		h.filled = true
		owed, err := h.fill(ctx, events, func(int) {})
		if err != nil {
			return err
		}
		return h.book(ctx, owed)
	}
	return nil
}

func (h *house) openStore(dir string) (*duckdb.Store, error) {
	return duckdb.Open(duckdb.Options{Dir: filepath.Join(dir, "store"), Memory: h.c.values["store-memory"], Log: h.log, Duplicate: h.cameAgain, Fresh: h.stored, Gone: h.deleted.Gone})
}

// busyError means that another process works on the data directory.
type busyError struct{ process, dir string }

func (e *busyError) Error() string {
	return fmt.Sprintf("another footfall (process %s) works on %s; to restart it type: footfall restart --data %s", e.process, e.dir, e.dir)
}

// patience is how long to wait for a process that is about to leave the data
// directory: a server that restarts, or a command on a stopped one.
const patience = 30 * time.Second

// patiently opens a house as soon as whoever works on its directory leaves, or
// gives up after wait.
func patiently(ctx context.Context, wait time.Duration, open func() (*house, error)) (*house, error) {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		h, err := open()
		var busy *busyError
		if !errors.As(err, &busy) || time.Since(began) >= wait || ctx.Err() != nil {
			return h, err
		}
	}
}

// lockDir keeps a second process out of the data directory, and everybody out of
// one that was restored in part.
func lockDir(dir string) (*os.File, error) {
	if err := checkWhole(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(err, dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(path)
		f.Close()
		return nil, &busyError{strings.TrimSpace(string(pid)), dir}
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintln(f, os.Getpid())
	}
	return f, nil
}

// readSecret reads or makes the key of imported events' ids.
func readSecret(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 32 {
		return b, nil
	}
	if err == nil {
		return nil, fmt.Errorf("%s is damaged: restore it from a backup, or remove it (a log imported before would then be counted again)", path)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	b = make([]byte, 32)
	rand.Read(b) // never fails
	return b, putFile(path, b)
}

// startStorePump pumps the queue into the event store. After a rebuild that
// failed the store is closed, and opened again; one that is not there any more
// is not begun anew, as the queue alone may not hold all that belongs to it.
func (h *house) startStorePump(ctx context.Context) error {
	st := h.store.Load()
	if st == nil {
		_, err := os.Stat(h.storeDir())
		if err == nil {
			st, err = h.openStore(h.c.values["data"])
		}
		if err != nil {
			return fmt.Errorf("there is no event store until the next rebuild or start: %w", err)
		}
		h.store.Store(st)
	}
	return h.startPump(ctx, "store", st.State().Position, storeSink{h}, pump.Options{Events: storeBatch, Bytes: storeBytes})
}

// What the event store is given at a time, when more comes than it can store: with
// 60,000 events it stored a sixth to a fourth more a second than with 20,000, and
// with 120,000 no more than that.
const (
	storeBatch = 60_000
	storeBytes = 48 << 20
)

func (h *house) startPump(ctx context.Context, name string, at event.Position, sink pump.Sink, o pump.Options) error {
	reader, err := h.queue.Reader(ctx, name, &at)
	if err != nil {
		return err
	}
	o.Name, o.Log, o.Drain, o.SetAside = name, h.log, h.c.duration("drain"), h.erased.setAside(h.queue.Aside().Put)
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{stop: stop, done: make(chan error, 1), tap: &tap{Reader: reader, read: at}}
	o.Wrote = func(n int, took time.Duration) {
		r.failing.Store(0)
		h.paces.write(name)
		h.meters.wrote(name, n, took)
	}
	o.Failed = func(err error) {
		r.why.Store(whyNot(err))
		r.failing.CompareAndSwap(0, time.Now().UnixMilli())
		h.meters.count("write_failed", name, 1)
	}
	h.mu.Lock()
	h.pumps[name] = r
	h.mu.Unlock()
	go func() { r.done <- pump.Run(work, r.tap, forgetful{sink, h.erased}, o) }()
	return nil
}

// stopPump stops a pump once it has come to a position: behind it, what it has
// not read stays in the queue.
func (h *house) stopPump(name string, at event.Position) {
	h.mu.Lock()
	r := h.pumps[name]
	delete(h.pumps, name)
	h.mu.Unlock()
	if r == nil {
		return
	}
	r.tap.off.Store(&at)
	r.drain(h.log)
}

// drain stops a pump when it has written what it can still read.
func (r *running) drain(log *slog.Logger) {
	r.stop()
	if err := <-r.done; err != nil {
		log.Warn("stopped before everything was written; it is written after the next start", "error", err)
	}
}

// queueEnd is where the queue ends, for pumps to stop there instead of waiting
// for more; nil if that can't be told.
func (h *house) queueEnd() *event.Position {
	if h.queue == nil {
		return nil
	}
	s, err := h.queue.State(context.Background())
	if err != nil {
		return nil
	}
	return &s.Last
}

// refuse sets aside what a door could not keep, without a text that names somebody
// who was erased.
func (h *house) refuse(ctx context.Context, reader, site, reason, raw string) {
	defer h.erased.clean(nil)() // an erasure that begins meanwhile looks for it
	if h.erased.Names(site, reason) {
		reason = "it can't be read"
	}
	if h.erased.Names(site, raw[:min(len(raw), event.MaxBytes+event.MaxID)]) {
		raw, reason = "", reason+" (what it was is left out: it names a person who was erased)"
	}
	if len(raw) > event.MaxBytes {
		raw, reason = strings.ToValidUTF8(raw[:event.MaxBytes], ""), fmt.Sprintf("%s (the first %d of %d bytes are kept)", reason, event.MaxBytes, len(raw))
	}
	h.refusals.add(site, reason)
	item := queue.AsideItem{Reader: reader, Reason: reason, Site: site, Raw: raw}
	// A sender that leaves in the middle of a batch takes nothing with it.
	if err := h.queue.Aside().Put(context.WithoutCancel(ctx), item); err != nil {
		h.meters.count("aside_failed", reader, 1)
		h.log.Error("could not set aside a refused event", "error", err)
	}
}

// close stops what is under way and the pumps, each draining under its own
// deadline, then the stores.
func (h *house) close() error {
	h.end()
	h.care <- struct{}{} // never given back: nothing may begin any more
	h.mu.Lock()
	var drained sync.WaitGroup
	end := h.queueEnd()
	for _, r := range h.pumps {
		r.tap.off.Store(end)
		drained.Go(func() { r.drain(h.log) })
	}
	h.pumps = map[string]*running{}
	h.mu.Unlock()
	drained.Wait()
	h.stopWork()
	var errs []error
	if h.queue != nil {
		errs = append(errs, h.queue.Close())
	}
	if st := h.store.Swap(nil); st != nil {
		errs = append(errs, st.Close())
	}
	if h.archive != nil {
		errs = append(errs, h.archive.Close())
	}
	if h.closeHot != nil {
		errs = append(errs, h.closeHot())
	}
	if h.bins != nil {
		errs = append(errs, h.bins.Close())
	}
	if h.histories != nil {
		errs = append(errs, h.histories.Close())
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.Close())
	}
	if h.geo != nil {
		errs = append(errs, h.geo.Close())
	}
	if h.control != nil {
		errs = append(errs, h.control.Close())
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Close())
	}
	return errors.Join(errs...)
}

// stopWork waits for what works by itself to stop.
func (h *house) stopWork() {
	for _, stop := range []func(){h.stopEnds, h.counting.wait, h.erasers.wait, h.deleters.wait, h.stopJobs, h.stopLive, h.stopMoves, h.stopRolls} {
		if stop != nil {
			stop()
		}
	}
}
