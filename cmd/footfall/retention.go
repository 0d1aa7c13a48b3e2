package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/archive"
	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
	"footfall/schedule"
	"footfall/store/duckdb"
)

var retentionCommands = []command{
	{"retention", "[--site S] [--dry-run]", "remove now what sites keep no longer of their events, or say what that is", retain},
}

const (
	retentionJob = "retention"
	retentionAt  = 25 * time.Minute // of the clock at the site: after the daily table and the histories

	// spared is how many days events are there beyond those that are taken at the
	// doors: what was accepted at the last moment is stored and rolled before.
	spared = 2
	// neighbours is how much of the day before the first that is kept stays: its
	// sessions may have begun there.
	neighbours = 2 * bins.SessionGap
)

// removal is what one run took from a site.
type removal struct {
	Site    string          `json:"site"`
	Before  string          `json:"before"` // date: figures of earlier ones can't be counted again
	At      time.Time       `json:"at"`
	Events  uint64          `json:"events"` // from the event store
	Archive archive.Removed `json:"archive"`
	Size    int64           `json:"store_bytes"` // of the event store's file afterwards
	Free    int64           `json:"free_bytes"`  // of these, for events to come
	DryRun  bool            `json:"dry_run,omitempty"`
}

// removing is one run at a site: its steps can each be done again.
type removing struct {
	h      *house
	site   account.Site
	before period.Date // nothing is removed if it is not after bins.FirstDate
	at     time.Time   // when that date begins
	did    removal
}

// expire looks what there is to be removed at a site; nil if there is nothing.
func (h *house) expire(ctx context.Context, site account.Site) (*removing, error) {
	state, err := h.bins.State(ctx)
	if err != nil {
		return nil, err
	}
	x := &removing{h: h, site: site}
	zone := site.Location()
	if site.Keep > 0 {
		x.before = period.DateOf(site.Oldest(time.Now()), zone) - spared
		x.at = x.before.Window(zone).From
	}
	// What was begun is ended, also if the site keeps more by now. Where no further
	// date is frozen, the first that is not has all since the frozen ones end, also
	// if it begins later in the zone that the site has now.
	if f, ok := state.Frozen[site.ID]; ok && (site.Keep == 0 || !f.At.Before(x.at) || x.before <= f.Before) {
		x.before, x.at = f.Before, f.At
	}
	if x.at.IsZero() {
		return nil, nil
	}
	x.did = removal{Site: site.ID, Before: x.before.String(), At: time.Now().UTC().Truncate(time.Millisecond), DryRun: true}
	err = h.withStore(func(st *duckdb.Store) error {
		x.did.Events, err = st.Old(ctx, site.ID, x.end())
		return err
	})
	if err == nil {
		x.did.Archive, err = h.archive.Old(ctx, site.ID, x.end())
	}
	if err != nil || x.did.Events == 0 && x.did.Archive == (archive.Removed{}) {
		return nil, err
	}
	return x, nil
}

// end is before which moment events go.
func (x *removing) end() time.Time { return x.at.Add(-neighbours) }

// withStore lets fn use the event store, which is not closed meanwhile.
func (h *house) withStore(fn func(*duckdb.Store) error) error {
	if !h.exports.enter() {
		return errRebuilding
	}
	defer h.exports.leave()
	st := h.store.Load()
	if st == nil {
		return errRebuilding
	}
	return fn(st)
}

// steps are in this order, as figures that are not frozen, and whose events are
// gone, would be counted again without them.
func (x *removing) steps() []func(ctx context.Context) error {
	return []func(ctx context.Context) error{x.freeze, x.copyBins, x.fromStore, x.fromArchive}
}

// freeze rolls all that was accepted and freezes the dates before.
func (x *removing) freeze(ctx context.Context) (err error) {
	for range 5 { // events of such a date may just be coming
		if err = x.h.settled(ctx); err != nil {
			return err
		}
		if _, err = x.h.roller.Roll(ctx); err != nil {
			return err
		}
		if err = x.h.bins.Freeze(ctx, x.site.ID, x.before, x.at); !errors.Is(err, bins.ErrDirty) {
			return err
		}
	}
	return err
}

// copyBins keeps a copy of the bins, which can't be made again from now on.
func (x *removing) copyBins(ctx context.Context) error {
	return x.h.bins.Copy(ctx, copyOf(x.h.binsFile()))
}

func (h *house) binsFile() string { return filepath.Join(h.c.values["data"], "bins.sqlite") }

// copyOf is the copy of a file of bins.
func copyOf(path string) string { return path + ".copy" }

func (x *removing) fromStore(ctx context.Context) error {
	return x.h.withStore(func(st *duckdb.Store) error {
		n, err := st.Remove(ctx, x.site.ID, x.end())
		x.did.Events = n
		if err == nil {
			x.did.Size, x.did.Free, err = st.Room(ctx)
		}
		return err
	})
}

func (x *removing) fromArchive(ctx context.Context) (err error) {
	x.did.Archive, err = x.h.archive.Remove(ctx, x.site.ID, x.end())
	return err
}

// retain removes what a site keeps no longer of its events; of a dry run it only
// says what that is. It returns nil if there is nothing.
func (h *house) retain(ctx context.Context, site account.Site, dry bool) (*removal, error) {
	ctx, done, err := h.caring(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	x, err := h.expire(ctx, site)
	if err != nil || x == nil {
		return nil, err
	}
	if dry {
		return &x.did, nil
	}
	x.did.DryRun = false
	for _, step := range x.steps() {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("site %s: removing events before %s: %w", site.ID, x.did.Before, err)
		}
	}
	h.log.Info("old events are removed", "site", site.ID, "before", x.did.Before, "events", x.did.Events,
		"archived", x.did.Archive.Events, "objects", x.did.Archive.Objects, "rewritten", x.did.Archive.Rewritten, "bytes", x.did.Archive.Bytes)
	return &x.did, h.remember(x.did)
}

// lastRuns is how many removals are remembered.
const lastRuns = 100

func (h *house) removalsFile() string { return filepath.Join(h.c.values["data"], "retention.json") }

// removals are the last runs, the newest at the end.
func (h *house) removals() (all []removal, err error) {
	b, err := os.ReadFile(h.removalsFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	return all, err
}

func (h *house) remember(r removal) error {
	all, err := h.removals()
	if err != nil {
		h.log.Error("the last removals of events can't be read and are begun anew", "error", err)
	}
	all = append(all, r)
	b, err := json.Marshal(all[max(0, len(all)-lastRuns):])
	if err != nil {
		return err
	}
	return putFile(h.removalsFile(), b)
}

// retainDate is the daily job. Whatever date it is done for, it looks at today.
func (h *house) retainDate(ctx context.Context, due schedule.Due) error {
	site, err := h.sites.find(due.Site.ID)
	if err != nil {
		return err
	}
	_, err = h.retain(ctx, site, false)
	return err
}

// level lets event store and archive keep events from the same moment on, where
// a removal came only to one of them.
func (h *house) level(ctx context.Context, st *duckdb.Store) error {
	for site, at := range st.Floors() {
		if _, err := h.archive.Remove(ctx, site, at); err != nil {
			return err
		}
	}
	for site, at := range h.archive.Floors() {
		if _, err := st.Remove(ctx, site, at); err != nil {
			return err
		}
	}
	return nil
}

// recountFigure answers a query from the event store alone.
func (h *house) recountFigure(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	state, err := h.bins.State(ctx)
	if err == nil {
		err = query.Kept(&state, q)
	}
	if err != nil {
		return metric.Dataset{}, err
	}
	return h.answerFromEvents(ctx, q)
}

// recent leaves out events that are older than those a site takes.
func recent(events []event.Event, oldest time.Time) (recent []event.Event, old int) {
	n := len(events)
	events = slices.DeleteFunc(events, func(e event.Event) bool { return e.Time.Before(oldest) })
	return events, n - len(events)
}

// retained is what sites keep of their events.
type retained struct {
	Site   string   `json:"site"`
	Keep   int      `json:"keep_days"`
	Before string   `json:"frozen_before,omitempty"` // date: figures of earlier ones can't be counted again
	Last   *removal `json:"last,omitempty"`
	Behind bool     `json:"behind"` // there are events that should have been removed
}

func (k *control) retained(w http.ResponseWriter, r *http.Request) error {
	runs, err := k.h.removals()
	if err != nil {
		return err
	}
	state, err := k.h.bins.State(r.Context())
	if err != nil {
		return err
	}
	all := []retained{}
	for _, site := range k.h.sites.now.Load().all {
		f, frozen := state.Frozen[site.ID]
		if site.Keep == 0 && !frozen {
			continue
		}
		one := retained{Site: site.ID, Keep: site.Keep}
		if frozen {
			one.Before = f.Before.String()
		}
		for _, run := range runs {
			if run.Site == site.ID {
				one.Last = &run
			}
		}
		if site.Keep > 0 {
			late := site.Oldest(time.Now()).AddDate(0, 0, -spared-2)
			err := k.h.withStore(func(st *duckdb.Store) error {
				n, err := st.Old(r.Context(), site.ID, late)
				one.Behind = n > 0
				return err
			})
			if err != nil {
				return err
			}
		}
		all = append(all, one)
	}
	return answer(w, all)
}

func (k *control) retain(w http.ResponseWriter, r *http.Request) error {
	only, err := k.anySite(r)
	if err != nil {
		return err
	}
	all := []removal{}
	for _, site := range k.h.sites.now.Load().all {
		if only != "" && site.ID != only {
			continue
		}
		did, err := k.h.retain(r.Context(), site, r.FormValue("dry-run") == "true")
		if err != nil {
			return err
		}
		if did != nil {
			all = append(all, *did)
		}
	}
	return answer(w, all)
}

func retain(ctx context.Context, c *call) error {
	var all []removal
	return c.once(ctx, "POST", "/retention", c.form("retention"), &all, func(w io.Writer) { printRemovals(w, all) })
}

func printRemovals(w io.Writer, all []removal) {
	if len(all) == 0 {
		fmt.Fprintln(w, "nothing to remove: no site has events that are older than it keeps them (footfall site set DOMAIN --keep-events DAYS)")
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SITE\tBEFORE\tEVENTS\tARCHIVED\tOBJECTS\tWRITTEN ANEW\tARCHIVE BYTES")
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", r.Site, r.Before, r.Events, r.Archive.Events, r.Archive.Objects, r.Archive.Rewritten, r.Archive.Bytes)
	}
	t.Flush()
	if all[0].DryRun {
		fmt.Fprintln(w, "nothing was removed yet; the figures of these days stay, but can't be counted again afterwards")
	}
}

// retention tells what sites keep of their events.
func (k *client) retention(ctx context.Context) finding {
	var all []retained
	if err := k.ask(ctx, "GET", "/retention", nil, &all); err != nil {
		return finding{"retention", false, err.Error()}
	}
	if len(all) == 0 {
		return finding{"retention", true, "every site keeps its events for ever"}
	}
	var says []string
	behind := false
	for _, r := range all {
		text := fmt.Sprintf("%s keeps events for %d days", r.Site, r.Keep)
		if r.Keep == 0 {
			text = r.Site + " keeps events for ever again"
		}
		if r.Before != "" {
			text += ", those before " + r.Before + " are removed"
		}
		if r.Last != nil {
			text += fmt.Sprintf(" (last %d, at %s)", r.Last.Events, r.Last.At.Format(time.RFC3339))
		}
		says, behind = append(says, text), behind || r.Behind
	}
	text := strings.Join(says, "; ")
	if behind {
		text += "; behind: a server removes events a day after the setting; now: footfall retention"
	}
	return finding{"retention", !behind, text}
}
