package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"footfall/account"
	"footfall/bins"
	"footfall/bins/memory"
	"footfall/dash"
	"footfall/language"
	"footfall/metric"
	"footfall/queue"
	"footfall/schedule"
)

// began is when the process did.
var began = time.Now()

// operations is what the page about the server shows and does.
type operations struct{ h *house }

// Pipeline takes stock; it is cheap enough for somebody who watches.
func (o operations) Pipeline(ctx context.Context) (dash.Pipeline, error) {
	h := o.h
	q, err := h.queue.State(ctx)
	if err != nil {
		return dash.Pipeline{}, err
	}
	state, err := h.bins.State(ctx)
	if err != nil {
		return dash.Pipeline{}, err
	}
	archived := h.archive.Stats()
	p := dash.Pipeline{Status: dash.Status{Accepted: q.Accepted, SetAside: q.Aside["store"] + q.Dropped["store"]}, Archived: archived.Rows, Objects: archived.Objects,
		Queue: dash.Queue{Bytes: q.Bytes, Oldest: q.Oldest, MaxAge: q.MaxAge, Refusing: h.queue.Refusing()}, Sealed: state.Seal.At, Dirty: len(state.Dirty), Aside: q.Aside, Unread: !h.archive.IsKnown(), Hot: h.hotKind(), Building: true}
	if st := h.store.Load(); st != nil {
		kept := st.State()
		p.Building, p.Stored, p.Duplicates, p.Removed = false, kept.Stored, kept.Duplicates, kept.Removed
		p.Waiting = q.Accepted - min(kept.Position.Total, q.Accepted)
	}
	for _, name := range []string{"store", "archive", "ledger"} {
		if lag, there := q.Readers[name]; there {
			p.Readers = append(p.Readers, o.reader(name, lag))
		}
	}
	p.Pace, _ = h.paces.of("")
	return p, nil
}

func (o operations) reader(name string, lag queue.Lag) dash.Reader {
	r := dash.Reader{Name: name, Waiting: lag.Waiting}
	if !lag.Since.IsZero() {
		r.Lag = max(0, time.Since(lag.Since))
	}
	r.Pace, _ = o.h.paces.of(name)
	o.h.mu.Lock()
	defer o.h.mu.Unlock()
	if pump := o.h.pumps[name]; pump != nil && lag.Waiting > 0 {
		if ms := pump.failing.Load(); ms > 0 {
			r.Failing = time.UnixMilli(ms)
			r.Why, _ = pump.why.Load().(language.Key)
		}
	}
	return r
}

// whyNot says of a writer that can't write what would help; "" where that is not known.
func whyNot(err error) language.Key {
	t, ok := errors.AsType[*metric.TroubleError](err)
	switch {
	case ok && t.Why == metric.NoMemory:
		return "It needs more memory than it may have: start the server with more, by --store-memory. See also:"
	case ok:
		return language.Key(t.Why)
	}
	return ""
}

// hotKind is where hot buckets are, in a word; "" is nowhere.
func (h *house) hotKind() language.Key {
	switch h.hot.(type) {
	case nil:
		return ""
	case *memory.Hot:
		return "memory"
	}
	return "Redis"
}

// Server looks at what the server is made of.
func (o operations) Server(ctx context.Context) (s dash.Server, err error) {
	h := o.h
	archived := h.archive.Stats()
	s = dash.Server{Version: "Footfall " + version, Runtime: runtime.Version(), Began: began, Memory: residentMemory(), Engines: o.engines(ctx),
		ArchiveBytes: archived.Bytes, Backups: h.backups.list(), Archived: h.paces.wrote("archive"), Recount: h.counting.look()}
	s.Disk, s.Free = h.disk.look()
	if s.Audit, err = h.lastAudit(ctx); err != nil {
		return s, fmt.Errorf("the last recount: %w", err)
	}
	state, err := h.bins.State(ctx)
	if err != nil {
		return s, err
	}
	s.Seals = h.seals(&state)
	if last := h.roller.Last(); !last.At.IsZero() {
		s.Roll = dash.Roll{At: last.At, Took: last.Took, Days: last.Days}
		if last.Err != nil {
			s.Roll.Problem = last.Err.Error()
		}
	}
	s.Jobs, err = o.jobs(ctx)
	return s, err
}

// seals tells how far the bins of each site are.
func (h *house) seals(state *bins.State) (all []dash.Seal) {
	dirty := map[string]int{}
	for day := range state.Dirty {
		dirty[day.Site]++
	}
	for _, site := range h.sites.now.Load().all {
		one := dash.Seal{Site: site.Domain, Dirty: dirty[site.ID]}
		if _, has := state.Zones[site.ID]; has {
			one.At = state.Seal.At
		}
		if f, ok := state.Frozen[site.ID]; ok {
			one.Frozen = f.Before.String()
		}
		all = append(all, one)
	}
	return all
}

// engineWait is how long an engine may take to say that it is there.
const engineWait = 2 * time.Second

// engines asks each whether it is there.
func (o operations) engines(ctx context.Context) []dash.Engine {
	h := o.h
	kept, archived := language.Key("SQLite, in the data directory"), language.Key("Parquet in a directory")
	if strings.HasPrefix(h.c.values["archive"], "s3:") {
		archived = "Parquet in a bucket"
	}
	if h.c.values["control"] != inDirectory {
		kept = "PostgreSQL"
	}
	all := []dash.Engine{{Role: "Queue", Kind: "NATS JetStream, in this process"}, {Role: "Event store", Kind: "DuckDB, in this process"}, {Role: "Archive", Kind: archived}, {Role: "Hot buckets", Kind: cmp.Or(h.hotKind(), "none")}, {Role: "Bins", Kind: "SQLite"}, {Role: "Sites, people, ledger", Kind: kept}}
	switch st := h.store.Load(); {
	case st == nil:
		all[1].Kind = "DuckDB, being made anew"
	case st.Damaged():
		all[1].Problem, all[1].Type = "its file is damaged. What is counted from it fails; the archive and the queue have its events, and make it again while events are accepted:", "footfall rebuild"
	}
	var asked sync.WaitGroup // at once, so that one that is silent leaves the others their time
	for at, problem := range map[int]func(context.Context) language.Key{2: o.archiveProblem, 3: o.hotProblem, 5: o.controlProblem} {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, engineWait)
			defer cancel()
			all[at].Problem = problem(ctx)
		})
	}
	asked.Wait()
	return all
}

// archiveProblem asks for an object that an archive elsewhere has.
func (o operations) archiveProblem(ctx context.Context) language.Key {
	_, where, err := o.h.c.archiveKeeper()
	if err != nil || where == "" {
		return ""
	}
	if _, err := readObject(ctx, o.h.objects, ownerName); err != nil {
		return "does not answer. Events are taken, stored and counted, and wait in the queue for it. Erasing, deleting, rebuilds and backups need it."
	}
	return ""
}

func (o operations) controlProblem(ctx context.Context) language.Key {
	if _, err := o.h.control.People(ctx); err != nil {
		return "does not answer: nobody can log in, and the ledger waits."
	}
	return ""
}

// hotProblem asks Redis whether it is there; hot buckets that are lost are made whole by
// the next roll.
func (o operations) hotProblem(ctx context.Context) language.Key {
	h := o.h
	asked := strings.HasPrefix(h.c.values["hot"], "redis")
	if asked && h.hotKind() == "memory" {
		return "Redis could not be used at the start, so they are in memory until the next one."
	}
	if !asked {
		return ""
	}
	if r, ok := h.hot.(interface{ Ping(context.Context) error }); ok && r.Ping(ctx) != nil {
		return "Redis does not answer: figures of today are counted from the events meanwhile, which takes longer."
	}
	return ""
}

// jobTitles are the jobs of the schedule as pages call them.
var jobTitles = map[string]language.Key{
	dailyJob: "Daily table", lateJob: "Daily table, late events", copiesJob: "Scheduled exports", historyJob: "Visitor histories", retentionJob: "Removal of old events",
}

// jobs are the scheduled ones, and scheduled exports with what is wrong.
func (o operations) jobs(ctx context.Context) (all []dash.Job, err error) {
	standings, err := o.h.schedule.Standings(ctx)
	if err != nil {
		return nil, err
	}
	all = jobLines(standings, o.h.sites.domain)
	for _, c := range o.h.copies.list() {
		if c.Error != "" {
			all = append(all, dash.Job{Name: "Scheduled export", Number: c.ID, Sites: 1, Site: o.h.sites.domain(c.Site), Last: slices.Max(append(slices.Collect(maps.Keys(c.Written)), "")), Problem: c.Error})
		}
	}
	return all, nil
}

// jobLines are standings of jobs as a page has them: a line for all sites at which one is
// as far.
func jobLines(standings []schedule.Standing, domain func(site string) string) (all []dash.Job) {
	of := map[string]int{} // standings of each job: one for a site, or for the server
	for _, s := range standings {
		of[s.Job]++
	}
	var names []string // of each line
	for _, s := range standings {
		job := dash.Job{Name: cmp.Or(jobTitles[s.Job], language.Key(s.Job))}
		switch {
		case s.Every == 0 && s.Last != 0:
			job.Last = s.Last.String()
		case !s.Ended.IsZero():
			job.Done = s.Ended
		}
		if s.Err != nil {
			job.Problem, job.Again = s.Err.Error(), s.Again
		}
		at := slices.IndexFunc(all, func(other dash.Job) bool {
			other.Sites, other.Site = 0, ""
			return other == job
		})
		if at < 0 {
			at, names = len(all), append(names, s.Job)
			job.Site = domain(s.Site)
			all = append(all, job)
		}
		all[at].Sites++
	}
	for i := range all {
		if all[i].Sites == of[names[i]] && (all[i].Sites > 1 || all[i].Problem == "") {
			all[i].Sites, all[i].Site = 0, ""
		}
	}
	return all
}

// domain is how people call a site; its id if it is not there.
func (b *siteBook) domain(id string) string { return cmp.Or(b.now.Load().byID[id].Domain, id) }

// Aside lists what is set aside.
func (o operations) Aside(ctx context.Context, f dash.AsideFilter) (all []dash.AsideItem, err error) {
	aside := o.h.queue.Aside()
	var items []queue.AsideItem
	if f.ID == 0 {
		items, err = aside.List(ctx, f.Reader, f.Limit)
	} else {
		items = make([]queue.AsideItem, 1)
		if items[0], err = aside.Show(ctx, f.ID); errors.Is(err, queue.ErrNoItem) {
			err = errors.Join(account.ErrNotFound, err)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		one := dash.AsideItem{ID: it.ID, Reader: it.Reader, Reason: it.Reason, At: it.At, Site: o.h.sites.domain(it.Site), Raw: it.Raw}
		if it.Event != nil {
			one.Event = it.Event
		}
		all = append(all, one)
	}
	return all, nil
}

// MoveAside redrives or drops items.
func (o operations) MoveAside(ctx context.Context, by account.Who, m dash.AsideMove) (int, error) {
	return o.h.moveItems(ctx, by, m)
}

// moveItems redrives or drops what is set aside, and notes who did. Without a number
// it is all of a reader that can be.
func (h *house) moveItems(ctx context.Context, by account.Who, m dash.AsideMove) (n int, err error) {
	if err := h.takeCare(ctx); err != nil {
		return 0, err
	}
	defer h.giveCare()
	aside := h.queue.Aside()
	if len(m.IDs) == 0 {
		items, err := aside.List(ctx, m.Reader, 0)
		if err != nil {
			return 0, err
		}
		for _, it := range items {
			if it.Event != nil || m.Drop {
				m.IDs = append(m.IDs, it.ID)
			}
		}
	}
	what, move := "aside redrive", aside.Redrive
	if m.Drop {
		what, move = "aside drop", aside.Drop
	}
	if n, err = move(ctx, m.IDs...); err != nil {
		return n, err
	}
	waiting, cancel := context.WithTimeout(ctx, redrivenWait)
	defer cancel()
	_ = h.redriven(waiting) // so that the next look shows what became of them; a store that is slow does not undo it
	return n, h.control.Record(ctx, account.Change{Who: by.Name, What: what, Target: m.Reader, Old: strconv.Itoa(n) + " items"})
}

// Recount begins a recount.
func (o operations) Recount(by account.Who) {
	o.h.counting.begin(o.h.ending, by, func(ctx context.Context) error {
		if err := o.h.control.Record(ctx, account.Change{Who: by.Name, What: "recount"}); err != nil {
			return err
		}
		_, err := o.h.reconcile(ctx, "", 0, 0)
		return err
	})
}

// diskLook is what takes room, looked at anew now and then only: an archive has many
// files.
type diskLook struct {
	h    *house
	memo memo[[]dash.Part]
}

// places of the data directory by how their names begin; the first that fits counts.
var parts = []part{
	{"queue", "Queue"}, {"store.before", "Left of upgrades, rebuilds and damage"}, {"store", "Event store"}, {"archive", "Archive"}, {"bins.sqlite", "Bins"}, {"history.sqlite", "Visitor histories"},
	{"control.sqlite", "Sites and people"}, {"ledger.sqlite", "Affiliate ledger"}, {"daily", "Daily table"}, {"reprocess", "Reprocessing"}, {"", "Other"},
}

// part is what takes room under names that begin alike.
type part struct {
	prefix string
	name   language.Key
}

// look tells parts by size, and what is free in bytes.
func (d *diskLook) look() (all []dash.Part, free uint64) {
	dir := d.h.c.values["data"]
	return d.memo.get(func() (all []dash.Part) {
		sizes := map[language.Key]int64{}
		entries, _ := os.ReadDir(dir) // what can't be seen is not counted
		for _, e := range entries {
			name := e.Name()
			at := slices.IndexFunc(parts, func(p part) bool { return strings.HasPrefix(name, p.prefix) })
			what := parts[at].name
			if strings.Contains(name, ".damaged-") || strings.HasSuffix(name, ".bak") {
				what = parts[1].name
			}
			sizes[what] += treeSize(filepath.Join(dir, name))
		}
		for name, n := range sizes {
			all = append(all, dash.Part{Name: name, Bytes: n})
		}
		slices.SortFunc(all, func(a, b dash.Part) int {
			return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name))
		})
		return all
	}), d.h.room()
}

// residentMemory is what the process has of memory, in bytes.
func residentMemory() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 1 {
		if pages, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
			return pages * uint64(os.Getpagesize())
		}
	}
	var m runtime.MemStats // where there is no /proc: without DuckDB's
	runtime.ReadMemStats(&m)
	return m.Sys
}
