package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"footfall/bins"
	"footfall/bins/memory"
	"footfall/bins/redis"
	binsqlite "footfall/bins/sqlite"
	"footfall/dash"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

var binCommands = []command{
	{"roll", "", "bring the stored bins up to date now", rollNow},
	{"reconcile", "[--site S] [--from DAY] [--to DAY]", "recount the events and compare every stored figure", reconcileNow},
}

// openBins opens what keeps figures ready, between the event store and those
// who ask.
func (h *house) openBins(ctx context.Context) (err error) {
	if err := h.openHistories(h.historyFile()); err != nil {
		return err
	}
	if err := h.openDurable(h.binsFile()); err != nil {
		return err
	}
	if h.hot, err = h.openHot(ctx); err != nil {
		return err
	}
	h.roller = bins.NewRoller(h.bins, h.hot, h.snapshot, h.sites.counted, bins.Options{Log: h.log, Follower: h.live, Rolled: h.renew, Passing: rebuilding})
	var hot query.Hot
	if h.hot != nil {
		hot = h.hot
	}
	h.planner = query.Plan(eventSource{h}, h.bins, hot, h.roller.Sessions(), time.Now)
	h.reports = query.Report(h.planner, eventSource{h}, earned{h})
	h.visits = query.Visit(eventVisits{h}, h.bins)
	return nil
}

// renewing is how long what people look at is read again behind a roll, at most.
const renewing = 30 * time.Second

// renew reads again what people look at and a roll has changed.
func (h *house) renew(ctx context.Context) {
	brief, cancel := context.WithTimeout(ctx, renewing)
	defer cancel()
	if err := h.planner.Renew(brief); err != nil && brief.Err() == nil {
		h.log.Warn("who asks first behind a roll waits a little longer", "error", err)
	}
}

// openDurable opens the file of bins. A damaged one is moved aside: bins are
// made again from the event store, and those of dates whose events are removed
// are taken from their copy.
func (h *house) openDurable(path string) (err error) {
	if err := h.restoreBins(path); err != nil {
		return err
	}
	if h.bins, err = binsqlite.Open(path); !errors.Is(err, binsqlite.ErrDamaged) {
		return err
	}
	if err := h.moveAside(path, "bins can't be read; moving their file aside, they are made again from the event store", err); err != nil {
		return err
	}
	if err := h.restoreBins(path); err != nil {
		return err
	}
	h.bins, err = binsqlite.Open(path)
	return err
}

// restoreBins puts the copy of the bins, if there is one, into the place of a
// file that is not there. All that is not frozen in it is made anew.
func (h *house) restoreBins(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(copyOf(path)); err != nil {
		return nil // there never was one
	}
	h.log.Warn("bins are restored from the copy that was made before events were removed; figures of days whose events are there are made anew", "copy", copyOf(path))
	h.filled = true
	return binsqlite.Restore(copyOf(path), path)
}

// openHot chooses where hot buckets are by the setting's scheme.
func (h *house) openHot(ctx context.Context) (bins.Hot, error) {
	where := h.c.values["hot"]
	switch scheme, _, _ := strings.Cut(where, ":"); scheme {
	case "none":
		return nil, nil
	case "memory":
		return memory.New(h.sites.currency), nil
	case "redis", "rediss":
		if _, err := url.Parse(where); err != nil {
			return nil, errors.New("hot: this is no URL: use redis://HOST:PORT")
		}
		hot, err := redis.Open(ctx, where, redis.Options{Currency: h.sites.currency})
		if err != nil { // nobody's event shall wait for it
			h.log.Error("hot buckets are kept in memory until the next start, as Redis can't be used", "error", err)
			return memory.New(h.sites.currency), nil
		}
		h.closeHot = hot.Close
		return hot, nil
	}
	return nil, fmt.Errorf("hot: %q is unknown: use memory, none, or redis://HOST:PORT", where)
}

// counted lists the sites as bins need them.
func (b *siteBook) counted() []bins.Site {
	all := b.now.Load().all
	sites := make([]bins.Site, len(all))
	for i, s := range all {
		sites[i] = bins.Site{ID: s.ID, Zone: s.Location(), Currency: s.Currency}
	}
	return sites
}

// currency is a site's; "" if there is no such site.
func (b *siteBook) currency(site string) string { return b.now.Load().byID[site].Currency }

// guest is a snapshot that keeps the store from being closed under it.
type guest struct {
	bins.Snapshot
	leave func()
}

func (g guest) Close() error {
	defer g.leave()
	return g.Snapshot.Close()
}

func (h *house) snapshot(ctx context.Context) (bins.Snapshot, error) {
	if !h.exports.enter() {
		return nil, errRebuilding
	}
	st := h.store.Load()
	if st == nil {
		h.exports.leave()
		return nil, errRebuilding
	}
	s, err := st.Snapshot(ctx)
	if err != nil {
		h.exports.leave()
		return nil, err
	}
	return guest{s, h.exports.leave}, nil
}

// eventSource answers from the event store alone.
type eventSource struct{ h *house }

func (s eventSource) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	return s.h.answerFromEvents(ctx, q)
}

// startBins takes up where the store stands. Bins of a store that was filled
// anew are made again.
func (h *house) startBins(ctx context.Context, anew bool) error {
	if anew {
		if err := errors.Join(h.bins.Forget(ctx, ""), h.live.Renew(ctx)); err != nil {
			return err
		}
	}
	return h.roller.Open(ctx, h.store.Load().State().Position)
}

// runRolls rolls until the house begins to stop. The returned function waits for
// a roll under way to stop.
func (h *house) runRolls() (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.roller.Run(h.ending)
	}()
	return func() { <-done }
}

func (h *house) auditFile() string { return filepath.Join(h.c.values["data"], "reconciled.json") }

// lastAudit is the last result of footfall reconcile, for the pages.
func (h *house) lastAudit(context.Context) (dash.Audit, error) {
	b, err := os.ReadFile(h.auditFile())
	if errors.Is(err, os.ErrNotExist) {
		return dash.Audit{}, nil
	}
	var r reconciled
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	a := dash.Audit{At: r.At, Took: r.Took, Differences: r.Count, Figures: r.Figures, Days: r.Days, Events: r.Events, Archive: r.Archive.Examples}
	for _, d := range r.Examples {
		a.Examples = append(a.Examples, dash.Difference{Subject: subject(d), Period: d.Period, Metric: string(d.Metric), Bins: d.Bins, Recount: d.Recount})
	}
	return a, err
}

func (k *control) roll(w http.ResponseWriter, r *http.Request) error {
	if err := k.h.settled(r.Context()); err != nil {
		return err
	}
	report, err := k.h.roller.Roll(r.Context())
	if err == nil {
		err = k.h.daily.late(r.Context())
	}
	if err != nil {
		return err
	}
	return answer(w, report)
}

func (k *control) reconcile(w http.ResponseWriter, r *http.Request) error {
	site, err := k.anySite(r)
	if err != nil {
		return err
	}
	from, to, err := formDates(r)
	if err != nil {
		return err
	}
	result, err := k.h.reconcile(r.Context(), site, from, to)
	if err != nil {
		return err
	}
	return answer(w, result)
}

// formDates are the dates from and to, which is the day after the last, of a
// request; both 0 if none is named, else as far away as can be where one is not.
func formDates(r *http.Request) (from, to period.Date, err error) {
	var dates [2]period.Date
	for i, name := range []string{"from", "to"} {
		if v := r.FormValue(name); v != "" {
			t, err := time.Parse("2006-01-02", v)
			if err != nil {
				return 0, 0, fmt.Errorf("--%s takes a day such as 2026-11-21", name)
			}
			dates[i] = period.DateOf(t, time.UTC)
		} else if r.FormValue("from")+r.FormValue("to") != "" {
			dates[i] = [2]period.Date{-1 << 30, 1 << 30}[i]
		}
	}
	if dates[0] >= dates[1] && dates != [2]period.Date{} {
		return 0, 0, noTime(r.FormValue("from"), r.FormValue("to"))
	}
	return dates[0], dates[1], nil
}

// reconciled is the result of footfall reconcile.
type reconciled struct {
	bins.Reconciliation
	Archive archiveCheck `json:"archive"`
}

// reconcile compares bins and hot buckets with a recount, and the event store
// with the archive; the last result is kept for the pages.
func (h *house) reconcile(ctx context.Context, site string, from, to period.Date) (reconciled, error) {
	if err := h.settled(ctx); err != nil {
		return reconciled{}, err
	}
	var out reconciled
	var err error
	if out.Reconciliation, err = h.roller.Reconcile(ctx, site, from, to); err != nil {
		return out, err
	}
	if out.Archive, err = h.checkArchive(ctx, site, from, to); err != nil {
		return out, err
	}
	out.Count += out.Archive.Differences
	b, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	return out, putFile(h.auditFile(), b)
}

func rollNow(ctx context.Context, c *call) error {
	var r bins.Report
	return c.once(ctx, "POST", "/roll", nil, &r, func(w io.Writer) {
		fmt.Fprintf(w, "%d days recounted, %d rows written in %v\n", r.Days, r.Rows, r.Took.Round(time.Millisecond))
	})
}

func reconcileNow(ctx context.Context, c *call) error {
	var r reconciled
	if err := c.once(ctx, "POST", "/reconcile", c.form("reconcile"), &r, func(w io.Writer) { printReconciled(w, r) }); err != nil || r.Count == 0 {
		return err
	}
	return errors.New("bins and events don't agree; make the bins again with: footfall rebuild")
}

// subject spells what a difference is about.
func subject(d bins.Difference) string {
	if d.By == "" {
		return d.Site
	}
	return fmt.Sprintf("%s %s %q", d.Site, d.By, d.Value)
}

func printReconciled(w io.Writer, r reconciled) {
	for _, d := range r.Examples {
		fmt.Fprintf(w, "%s %s %s: bins %d, recount %d\n", subject(d), d.Period, d.Metric, d.Bins, d.Recount)
	}
	for _, site := range r.Unrolled {
		fmt.Fprintf(w, "%s has no bins yet: its figures come from the events until the first roll\n", site)
	}
	for _, line := range r.Archive.Examples {
		fmt.Fprintln(w, line)
	}
	if r.Frozen > 0 {
		fmt.Fprintf(w, "%d days are left out, as their events are removed: their figures stay as they are\n", r.Frozen)
	}
	if a := r.Archive; a.Aside+a.Dropped > 0 {
		fmt.Fprintf(w, "archive and event store differ by %d events that one of them set aside, and %d dropped by hand of those: that is as it should be\n", a.Aside, a.Dropped)
	}
	fmt.Fprintf(w, "%d differences in %d figures of %d days (%d of them with hot buckets), %d events recounted, %d in the archive, in %v\n",
		r.Count, r.Figures, r.Days, r.Hot, r.Events, r.Archive.Events, r.Took.Round(time.Millisecond))
}
