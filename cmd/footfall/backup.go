package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	accountsqlite "footfall/account/sqlite"
	"footfall/archive"
	"footfall/backup"
	binsqlite "footfall/bins/sqlite"
	"footfall/engine/postgres"
	"footfall/event"
	historysqlite "footfall/history/sqlite"
	ledgersqlite "footfall/ledger/sqlite"
)

var backupCommands = []command{
	{"backup", "DIR|s3://… [--keep N]", "back up everything that can't be made again, beside the running server", runBackup},
	{"backup verify", "DIR|s3://…", "read a backup and say whether it is what was written", verifyBackup},
	{"restore", "DIR|s3://… --data NEWDIR [--erased FILE] [--deleted FILE]", "make a data directory out of a backup", runRestore},
}

var backupFlags = map[string][][3]string{
	"backup": {{"keep", "0", "remove all but the newest N backups there; 0 removes none"}},
	"restore": {{"erased", "", "erased.json of the directory that this one takes the place of: who was erased since the backup is taken out again"},
		{"deleted", "", "deleted.json of that directory: events that were deleted since are deleted again"}},
}

// backingUp is a backup being made.
//
// What is not in it is the event store, which the archive and the queue make
// anew: it is written all the time, and as large as all the rest.
type backingUp struct {
	h        *house
	to       keeper
	draft    *backup.Draft
	progress func(backupProgress)
	all      int64 // bytes that there seemed to be at first
	accepted uint64
}

// backupProgress is one line of a backup's answer; the last has Done.
type backupProgress struct {
	Bytes  int64         `json:"bytes"`
	Of     int64         `json:"of"`
	Done   bool          `json:"done"`
	Error  string        `json:"error,omitempty"`
	Report *backupReport `json:"report,omitempty"`
}

// backupReport is what was backed up.
type backupReport struct {
	Dir       string        `json:"dir"`
	Made      time.Time     `json:"made"`
	Accepted  uint64        `json:"accepted"`
	Files     int           `json:"files"`
	Bytes     int64         `json:"bytes"`
	New       int64         `json:"new_bytes"`
	Elsewhere string        `json:"elsewhere,omitempty"` // where control data and the ledger are, which is not in it
	Removed   []string      `json:"removed,omitempty"`   // older backups
	Took      time.Duration `json:"took_ns"`
}

// backup makes one in a place of backups. What was accepted before it began is in it.
func (h *house) backup(ctx context.Context, place string, keep int, progress func(backupProgress)) (*backupReport, error) {
	ctx, done, err := h.caring(ctx) // nothing is removed, redriven or dropped meanwhile
	if err != nil {
		return nil, err
	}
	defer done()
	began := time.Now()
	to, err := keeperOf(place)
	if err != nil {
		return nil, err
	}
	draft, err := h.beginBackup(ctx, to, began)
	if err != nil {
		return nil, fmt.Errorf("%w; the server must be able to write there", err)
	}
	b := &backingUp{h: h, to: to, draft: draft, progress: progress}
	head := backup.Head{Made: began.UTC(), Footfall: version}
	if at := h.c.values["control"]; at != inDirectory {
		head.Elsewhere, _ = postgres.Where(at) // checked at load
	}
	set, err := b.make(ctx, head)
	if err == nil {
		report := &backupReport{Dir: set.Dir, Made: head.Made, Accepted: b.accepted, Files: len(set.Files), Bytes: set.Bytes(), New: draft.Wrote, Elsewhere: head.Elsewhere}
		report.Removed, err = draft.Keep(ctx, keep)
		report.Took = time.Since(began)
		return report, errors.Join(err, draft.Close(), h.backups.add(madeBackup{Dir: set.Dir, Made: head.Made, Bytes: set.Bytes(), Accepted: b.accepted}))
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return nil, errors.Join(err, draft.Close(), h.backups.add(madeBackup{Dir: to.String(), Made: head.Made, Error: err.Error()}))
}

func (h *house) beginBackup(ctx context.Context, to keeper, now time.Time) (*backup.Draft, error) {
	in, one, err := to.backups(ctx, filepath.Join(h.c.values["data"], "backup.scratch"))
	if err == nil && one != "" {
		err = fmt.Errorf("%s is a backup: name where backups are kept", to)
	}
	if err != nil {
		return nil, err
	}
	return backup.Begin(ctx, in, now)
}

// make copies in this order: positions in files and archive never lie beyond the
// queue's copy, which is behind them, and no event is of a site that control data,
// the last, does not know.
func (b *backingUp) make(ctx context.Context, head backup.Head) (*backup.Set, error) {
	h := b.h
	waiting, enough := context.WithTimeout(ctx, redrivenWait)
	defer enough()
	_ = h.redriven(waiting) // a store that is slow does not keep a backup from being made
	if err := h.flushArchive(ctx); err != nil {
		return nil, err
	}
	after, err := h.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.room(ctx, after); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{b.plain, b.figures, b.archive} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	err = b.draft.Put(ctx, queueFile, func(w io.Writer) error {
		c, err := h.queue.Copy(ctx, w, after, "store")
		b.accepted = c.Last.Total
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := b.databases(ctx, controlFiles); err != nil {
		return nil, err
	}
	head.Accepted = b.accepted
	return b.draft.End(ctx, head)
}

// flushArchive has the archive take what there is in the queue now, so that there
// is little to be copied of it.
func (h *house) flushArchive(ctx context.Context) error {
	if end := h.queueEnd(); end != nil {
		h.stopPump("archive", *end)
	}
	h.mu.Lock()
	running := h.pumps["archive"] != nil
	h.mu.Unlock()
	if running {
		return nil
	}
	return h.startArchivePump(context.WithoutCancel(ctx))
}

// read is up to where all that needs the queue after a restore has read it: the
// archive, and the ledger if there is a programme. A ledger that is elsewhere is
// backed up at another time: it may need all there is.
func (h *house) read(ctx context.Context) (event.Position, error) {
	if h.c.values["control"] != inDirectory {
		return event.Position{}, nil
	}
	at, err := h.desk.Position(ctx)
	if archived := h.archive.Position(); err != nil || at == (event.Position{}) || archived.Less(at) {
		at = archived
	}
	return at, err
}

// plain copies files that are replaced as a whole when they change.
func (b *backingUp) plain(ctx context.Context) error {
	dir := b.h.c.values["data"]
	for _, name := range []string{"secret", "erased.json", deletionsName, "retention.json", "exports.json", "reconciled.json", outside, "bins.sqlite.copy"} {
		err := b.copyFile(ctx, dir, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := filepath.WalkDir(filepath.Join(dir, "daily"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || filepath.Ext(path) != ".csv" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return b.copyFile(ctx, dir, filepath.ToSlash(name))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (b *backingUp) copyFile(ctx context.Context, dir, name string) error {
	from, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer from.Close()
	defer b.tell()
	return b.draft.Put(ctx, name, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return errors.Join(err, ctx.Err())
	})
}

// database is one of a data directory, and what copies it while it is open.
type database struct {
	name      string
	elsewhere bool // it is in the PostgreSQL if there is one
	copy      func(ctx context.Context, from, to string) error
}

var (
	figureFiles  = []database{{ledgersqlite.File, true, ledgersqlite.Copy}, {"bins.sqlite", false, binsqlite.Copy}, {"history.sqlite", false, historysqlite.Copy}}
	controlFiles = []database{{"control.sqlite", true, accountsqlite.Copy}}
)

func (b *backingUp) figures(ctx context.Context) error { return b.databases(ctx, figureFiles) }

func (b *backingUp) databases(ctx context.Context, files []database) error {
	for _, f := range files {
		if f.elsewhere && b.h.c.values["control"] != inDirectory {
			continue
		}
		from := filepath.Join(b.h.c.values["data"], f.name)
		if err := b.draft.Make(ctx, f.name, func(to string) error { return f.copy(ctx, from, to) }); err != nil {
			return err
		}
		b.tell()
	}
	return nil
}

// archive copies what is archived; objects that the backup before has are shared.
func (b *backingUp) archive(ctx context.Context) error {
	_, err := b.h.archive.Copy(ctx, func(p archive.Piece) error {
		defer b.tell()
		if p.Bytes > 0 {
			err := b.draft.Share(ctx, "archive/"+p.Name, p.Bytes, p.Open)
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("the archive lacks an object that it should have, so that no backup of it could be restored: put it back, or look with: footfall reconcile: %w", err)
			}
			return err
		}
		from, err := p.Open()
		if err != nil {
			return err
		}
		defer from.Close()
		return b.draft.Put(ctx, "archive/"+p.Name, func(w io.Writer) error { _, err := io.Copy(w, from); return err })
	})
	return err
}

// queueFile is the queue's copy in a backup.
const queueFile = "queue.ndjson"

// tell says how far it is.
func (b *backingUp) tell() {
	b.progress(backupProgress{Bytes: b.draft.Wrote + b.draft.Kept, Of: b.all})
}

// spareRoom is how much must stay free, in bytes.
const spareRoom = 64 << 20

// room refuses a backup for which there is no room.
func (b *backingUp) room(ctx context.Context, after event.Position) error {
	dir, needed, largest := b.h.c.values["data"], int64(0), int64(0)
	for _, name := range []string{"control.sqlite", ledgersqlite.File, "bins.sqlite", "bins.sqlite.copy", "history.sqlite", "daily"} {
		size := treeSize(filepath.Join(dir, name))
		b.all, largest = b.all+size, max(largest, size)
	}
	q, err := b.h.queue.State(ctx)
	if err != nil {
		return err
	}
	if q.Last.Seq > 0 { // of the log's messages the part that is copied, in Base64
		b.all += int64(float64(q.Bytes) * 4 / 3 * float64(q.Last.Seq-min(after.Seq, q.Last.Seq)) / float64(q.Last.Seq+1-min(q.First.Seq, q.Last.Seq)))
	}
	needed = b.all
	_, err = b.h.archive.Copy(ctx, func(p archive.Piece) error {
		if b.all += p.Bytes; !b.draft.Has("archive/"+p.Name, p.Bytes) {
			needed += p.Bytes
		}
		return nil
	})
	if err != nil {
		return err
	}
	at, advice := b.to.dir, "make room, remove older backups (--keep), or choose another directory"
	if at == "" { // into a bucket databases go one by one by way of the data directory
		at, needed, advice = dir, largest, "make room"
	}
	free, err := backup.Free(at)
	if err == nil && free < needed+spareRoom {
		err = fmt.Errorf("%s has %s of room, and %s are needed: %s", at, mebibytes(free), mebibytes(needed+spareRoom), advice)
	}
	return err
}

func (k *control) backup(w http.ResponseWriter, r *http.Request) error {
	keep, err := strconv.Atoi(r.FormValue("keep"))
	if err != nil || keep < 0 {
		return fmt.Errorf("--keep: %q is not a number of backups", r.FormValue("keep"))
	}
	flush := http.NewResponseController(w)
	told := time.Time{}
	var last backupProgress
	last.Report, err = k.h.backup(r.Context(), r.FormValue("to"), keep, func(p backupProgress) {
		if last = p; time.Since(told) < 50*time.Millisecond {
			return
		}
		told = time.Now()
		_ = answer(w, p) // who left ends the backup by its context
		_ = flush.Flush()
	})
	if last.Done = true; err != nil {
		last.Error = err.Error()
	}
	return answer(w, last)
}
