package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/archive"
	"footfall/erase"
	"footfall/event"
	"footfall/ledger"
	"footfall/period"
	"footfall/store/duckdb"
)

// deletedEvents is what a deletion would take, or took, and what stays.
type deletedEvents struct {
	deletion
	Frozen string        `json:"frozen_before,omitempty"` // date: figures of earlier ones are all that is left of their events, and stay
	Match  deletedDay    `json:"match"`                   // of the whole window, in the event store
	Days   []*deletedDay `json:"days"`                    // that have events which match

	Store   uint64          `json:"store"`              // events that were deleted from the event store
	Archive archive.Removed `json:"archive"`            // events, and objects that go or are written anew
	Aside   int             `json:"set_aside"`          // items, which are dropped
	Rolled  time.Time       `json:"rolled_at,omitzero"` // then bins, hot buckets, histories and the daily table were made anew of what is left
	Orders  int             `json:"orders"`             // that the ledger has of the window, and keeps
	Touches int             `json:"touches"`            // likewise
	Until   time.Time       `json:"queue_until,omitzero"`
	DryRun  bool            `json:"dry_run"`
	Places  []place         `json:"places"` // the same by place, for people
}

// places lists all of them, also those that have nothing.
func (d deletedEvents) places() []place {
	stored, days := d.Store, uint64(len(d.Days))
	queue := placed("queue", 0, "events are taken out: its files keep what they have until it expires, and nothing takes it in from there")
	if d.DryRun {
		stored = uint64(d.Match.Events)
	} else {
		queue = placed("queue", 0, "events are taken out: its files have them until {time}, and nothing takes it in from there", d.Until.UTC().Format(untilForm))
	}
	return []place{
		placed("event store", stored, "events go"),
		placed("archive", d.Archive.Events, "events go: {objects} objects whole, and {others} are written anew without them; {size} less", d.Archive.Objects, d.Archive.Rewritten, mebibytes(d.Archive.Bytes)),
		placed("bins", days, "days are counted anew of what is left, and so are the months, years and all time that they are in"),
		placed("hot buckets", 0, "begin anew"),
		placed("histories", days, "days are made anew of what is left"),
		placed("ledger", 0, "{orders} orders and {clicks} clicks of the time stay: they are facts of money", d.Orders, d.Touches),
		placed("set aside", uint64(d.Aside), "items go"),
		queue,
		exportFiles,
	}
}

// exportFiles are a place where nothing is counted: others may have taken them away.
var exportFiles = placed("scheduled exports", 0, "are counted: files of days in the event store are written anew within half an hour; older ones, and copies taken elsewhere, are yours to remove")

// untilForm is a moment as those texts have it: a day that ends in UTC need not be the
// reader's.
const untilForm = "2006-01-02 15:04 UTC"

// deletedDay is what is, or was, to be deleted of a date of the site's zone.
type deletedDay struct {
	Date     string `json:"date,omitempty"`
	Events   int    `json:"events"`
	Views    int    `json:"page_views"` // people's and bots'
	Bots     int    `json:"bots"`       // events
	Visitors int    `json:"visitors"`   // distinct, with a page view
	Bytes    int64  `json:"bytes"`      // of events, as they are not packed

	seen map[uint64]struct{}
}

func (d *deletedDay) add(e *event.Event) {
	d.Events++
	d.Bytes += int64(e.Size())
	if e.Bot != "" {
		d.Bots++
	}
	if !e.View() {
		return
	}
	d.Views++
	if e.Visitor == 0 {
		return
	}
	if d.seen == nil {
		d.seen = map[uint64]struct{}{}
	}
	d.seen[e.Visitor] = struct{}{}
	d.Visitors = len(d.seen)
}

// deleting is one run: each step can be done again, also after a crash.
type deleting struct {
	h    *house
	site account.Site
	rule erase.Deletion
	gone func(*event.Event) bool
	by   string             // who has it done, for the audit log
	at   func(step, of int) // told which step is under way, from 1; nil: nobody is
	did  deletedEvents
}

// newDeleting looks what a deletion may take: events of frozen dates are left alone.
func (h *house) newDeleting(ctx context.Context, d deletion) (x *deleting, err error) {
	x = &deleting{h: h, did: deletedEvents{deletion: d, Days: []*deletedDay{}, DryRun: true}}
	if x.site, err = h.sites.find(d.Site); err != nil {
		return nil, err
	}
	if x.rule, err = d.rule(); err != nil {
		return nil, err
	}
	state, err := h.bins.State(ctx)
	if err != nil {
		return nil, err
	}
	if f, ok := state.Frozen[d.Site]; ok && d.From.Before(f.At) {
		x.did.Frozen, x.did.From = f.Before.String(), f.At
		x.rule.Window.From = f.At
	}
	x.gone = x.rule.Test()
	return x, nil
}

// look counts what there is.
func (x *deleting) look(ctx context.Context) error {
	w := x.rule.Window
	if !w.From.Before(w.To) {
		return nil
	}
	zone, byDate := x.site.Location(), map[period.Date]*deletedDay{}
	err := x.h.export(ctx, x.site.ID, w, func(e *event.Event) error {
		if !x.gone(e) {
			return nil
		}
		date := period.DateOf(e.Time, zone)
		if byDate[date] == nil {
			byDate[date] = &deletedDay{Date: date.String()}
			x.did.Days = append(x.did.Days, byDate[date])
		}
		byDate[date].add(e)
		x.did.Match.add(e)
		return nil
	})
	if err != nil {
		return err
	}
	if x.did.Archive, err = x.h.archive.Deletable(ctx, x.site.ID, w, x.gone); err != nil {
		return err
	}
	for _, sink := range []string{"store", "archive"} {
		ids, err := x.aside(ctx, sink)
		if x.did.Aside += len(ids); err != nil {
			return err
		}
	}
	return x.ofLedger(ctx)
}

// aside lists what a sink set aside and is to be deleted.
func (x *deleting) aside(ctx context.Context, sink string) (ids []uint64, err error) {
	err = x.h.queue.SetAside(ctx, sink, func(id uint64, e *event.Event) {
		if x.gone(e) {
			ids = append(ids, id)
		}
	})
	return ids, err
}

// ofLedger counts the facts of money that the ledger has of the window, and keeps.
func (x *deleting) ofLedger(ctx context.Context) error {
	p, ok := x.h.desk.Program(x.site.ID)
	if !ok {
		return nil
	}
	w := x.rule.Window
	return x.h.ledger.View(ctx, func(tx ledger.Tx) error {
		orders, err := tx.Orders().List(ledger.OrderFilter{Program: p.ID, Site: x.site.ID, From: w.From, To: w.To})
		if err != nil {
			return err
		}
		touches, err := tx.Traffic().Touches(p.ID, w.From, w.To)
		x.did.Orders, x.did.Touches = len(orders), 0
		for _, t := range touches {
			if t.Site == x.site.ID {
				x.did.Touches++
			}
		}
		return err
	})
}

// steps are in this order, as figures are of the store, and a store that is made anew
// must not have less than the old one.
func (x *deleting) steps() []func(context.Context) error {
	return []func(context.Context) error{x.fromStore, x.fromArchive, x.fromAside, x.roll}
}

// run deletes what is kept to be deleted. Who calls has taken care.
func (x *deleting) run(ctx context.Context) error {
	if x.did.DryRun = false; x.rule.Window.From.Before(x.rule.Window.To) {
		steps := x.steps()
		for i, step := range steps {
			if x.at != nil {
				x.at(i+1, len(steps))
			}
			if err := step(ctx); err != nil {
				return fmt.Errorf("the events are not deleted everywhere yet; that goes on by itself, also after a restart: %w", err)
			}
		}
	}
	state, err := x.h.queue.State(ctx)
	if err != nil {
		return err
	}
	x.did.Until = time.Now().Add(state.MaxAge).UTC().Truncate(time.Second)
	return x.h.endDeletion(x.did.deletion)
}

func (x *deleting) fromStore(ctx context.Context) error {
	return x.h.withStore(func(st *duckdb.Store) error { return x.take(ctx, st) })
}

// portion is how many events are deleted from the store at a time: the writer waits
// for it.
const portion = 20_000

// take deletes events from a store, some at a time. Days are marked before, so that
// none has figures of what is gone.
func (x *deleting) take(ctx context.Context, st *duckdb.Store) error {
	var part []event.Event // of which only what names them, and when
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		which := make([]event.Ident, len(part))
		for i := range part {
			which[i] = part[i].Ident()
		}
		err := x.h.roller.Alter(ctx, part, func() error {
			n, err := st.Delete(ctx, x.site.ID, which...)
			x.did.Store += n
			return err
		})
		part = part[:0]
		return err
	}
	err := st.Scan(ctx, x.site.ID, x.rule.Window, func(e *event.Event) error {
		if !x.gone(e) {
			return nil
		}
		part = append(part, event.Event{ID: strings.Clone(e.ID), Site: x.site.ID, Time: e.Time, Original: e.Original})
		if len(part) < portion {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return err
}

func (x *deleting) fromArchive(ctx context.Context) (err error) {
	x.did.Archive, err = x.h.archive.Delete(ctx, x.site.ID, x.rule.Window, x.gone)
	return err
}

// fromAside lets the store look again at what it set aside: it is not kept now, and
// counted as removed, as it is where the archive has it. What the archive could not
// keep is dropped.
func (x *deleting) fromAside(ctx context.Context) error {
	aside := x.h.queue.Aside()
	ids, err := x.aside(ctx, "store")
	if err == nil && len(ids) > 0 {
		if _, err = aside.Redrive(ctx, ids...); err == nil {
			err = x.h.redriven(ctx)
		}
	}
	if err != nil {
		return err
	}
	if ids, err = x.aside(ctx, "archive"); err == nil && len(ids) > 0 {
		_, err = aside.Drop(ctx, ids...)
	}
	return err
}

// roll makes bins, hot buckets and histories anew of what is left, and the daily table.
func (x *deleting) roll(ctx context.Context) error {
	report, err := x.h.roller.Roll(ctx)
	if err != nil {
		return err
	}
	x.did.Rolled = report.Seal.At
	x.h.streams.Stored(x.site.ID)
	return x.h.daily.late(ctx)
}

// audit notes a deletion before it is carried out, as it is ended also where nobody is
// left who could note it. It names what conditions are on: their values may be of a
// person, and stand in the file of deletions.
func (x *deleting) audit(ctx context.Context) {
	on := "all"
	if x.rule.Where != nil {
		var names []string
		for _, d := range x.rule.Where.Dimensions() {
			names = append(names, string(d))
		}
		slices.Sort(names)
		on = "conditions on " + strings.Join(slices.Compact(names), ", ")
	}
	what := fmt.Sprintf("%d events from %s to %s", x.did.Match.Events, x.did.From.Format(time.RFC3339), x.did.To.Format(time.RFC3339))
	x.h.audit(ctx, account.Change{Who: x.by, What: "events delete", Target: x.site.ID, Old: what, New: on})
}

// audit notes what is changed and can't be stopped any more; the operator's, if it says
// nobody's.
func (h *house) audit(ctx context.Context, c account.Change) {
	c.Who = cmp.Or(c.Who, account.Operator().Name)
	if err := h.control.Record(context.WithoutCancel(ctx), c); err != nil {
		h.log.Error("a change is not in the audit log", "change", c.What, "error", err)
	}
}

// deleteEvents deletes events, or looks what would go. by is who has it done; "" is the
// operator. at is told how far it is; nil: nobody is.
func (h *house) deleteEvents(ctx context.Context, d deletion, by string, dry bool, at func(step, of int)) (*deletedEvents, error) {
	ctx, done, err := h.caring(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	x, err := h.newDeleting(ctx, d)
	if err == nil && !dry {
		err = h.flushArchive(ctx) // so that all there is is counted
	}
	if err != nil {
		return nil, err
	}
	if err := x.look(ctx); err != nil || dry || x.did.Match.Events+x.did.Aside == 0 && x.did.Archive.Events == 0 {
		x.did.Places = x.did.places()
		return &x.did, err
	}
	if err := h.shadow().drop(); err != nil { // it tells of events that go
		return nil, err
	}
	// Frozen dates are left alone for good, also if an older copy brings their events back.
	if err := h.keepDeletion(ctx, x.did.deletion); err != nil {
		return nil, err
	}
	x.by, x.at = by, at
	x.audit(ctx)
	if err = x.run(ctx); err != nil {
		select {
		case h.cutShort <- struct{}{}:
		default: // is told already
		}
	}
	x.did.Places = x.did.places()
	return &x.did, err
}
