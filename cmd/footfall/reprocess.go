package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"footfall/account"
	"footfall/enrich"
	"footfall/event"
	"footfall/period"
	"footfall/reprocess"
	"footfall/store/duckdb"
)

// reprocessing is a run through a shadow.
type reprocessing struct {
	h        *house
	shadow   shadow
	plan     *shadowPlan
	progress func(reprocessProgress)
}

// look goes through the archive of the sites and keeps what changes as a shadow,
// which is dropped if nothing does or dry is true. One that was cut short goes on.
func (h *house) look(ctx context.Context, sites []account.Site, from, to period.Date, dry bool, progress func(reprocessProgress)) (*reprocessReport, error) {
	ctx, done, err := h.caring(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	x := &reprocessing{h: h, shadow: h.shadow(), progress: progress}
	if err := x.archived(ctx); err != nil {
		return nil, err
	}
	if err := x.begin(ctx, sites, from, to); err != nil {
		return nil, err
	}
	for _, s := range x.plan.Sites {
		if err := x.lookThrough(ctx, s); err != nil {
			return nil, fmt.Errorf("looking through the events of %s: %w", s.Site, err)
		}
	}
	report, err := x.report()
	if err != nil {
		return nil, err
	}
	if x.plan.State = looked; dry || report.changed() == 0 {
		return report, x.shadow.drop()
	}
	report.Plan = x.plan.ID
	return report, x.shadow.keep(x.plan)
}

// archived lets the archive have all that the event store has: what comes behind is
// enriched by this program.
func (x *reprocessing) archived(ctx context.Context) error {
	if err := x.h.settled(ctx); err != nil {
		return err
	}
	return x.h.withStore(func(st *duckdb.Store) error {
		x.h.stopPump("archive", st.State().Position)
		return x.h.startArchivePump(context.WithoutCancel(ctx))
	})
}

// begin makes the plan, or goes on with the same one that was cut short.
func (x *reprocessing) begin(ctx context.Context, sites []account.Site, from, to period.Date) error {
	state, err := x.h.bins.State(ctx)
	if err != nil {
		return err
	}
	p := &shadowPlan{Version: shadowVersion, ID: rand.Text(), State: looking, Rules: programRules(enrich.Rules())}
	for _, site := range sites {
		zone := site.Location()
		s := shadowSite{Site: site.ID, Zone: site.Zone, From: time.Unix(0, 0).UTC(), To: time.Now().Add(event.Ahead).UTC().Truncate(time.Hour)}
		if from != to { // both are named, or as far away as can be
			s.From = later(s.From, from.Window(zone).From.UTC())
			if end := to.Window(zone).From.UTC(); end.Before(s.To) {
				s.To = end
			}
		}
		if f, ok := state.Frozen[site.ID]; ok && s.From.Before(f.At) {
			s.From, s.Frozen = f.At.UTC(), f.Before.String()
		}
		p.Sites = append(p.Sites, s)
	}
	old, err := x.shadow.plan()
	if err != nil {
		return err
	}
	if old != nil && old.State == looking && old.Rules == p.Rules && slices.EqualFunc(old.Sites, p.Sites, shadowSite.same) {
		x.plan = old
		return nil
	}
	if err := x.shadow.drop(); err != nil {
		return err
	}
	x.plan = p
	return x.shadow.keep(p)
}

// same reports whether two sites' parts are the same, but for an end that moves
// on as time does.
func (s shadowSite) same(o shadowSite) bool {
	open := func(t time.Time) bool { return t.After(time.Now().Add(event.Ahead - 30*24*time.Hour)) }
	return s.Site == o.Site && s.Zone == o.Zone && s.From.Equal(o.From) && s.Frozen == o.Frozen && (s.To.Equal(o.To) || open(s.To) && open(o.To))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// lookThrough goes through a site's events from where it was cut short.
func (x *reprocessing) lookThrough(ctx context.Context, s shadowSite) error {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return err
	}
	done, err := x.shadow.dates(s.Site)
	if err != nil {
		return err
	}
	w := period.Window{From: s.From, To: s.To}
	known := map[event.Ident]enrich.Derived{} // of the end of the last date that is done
	if n := len(done); n > 0 {
		w.From = done[n-1].To
		if known, err = x.derived(s.Site, done[n-1], w.From.Add(-enrich.Gap)); err != nil {
			return err
		}
	}
	if !w.From.Before(w.To) {
		return nil
	}
	out, err := x.shadow.write(s.Site)
	if err != nil {
		return err
	}
	defer out.close()
	reader := reprocess.NewReader(w, reprocess.Options{Again: x.h.enrich.Again(), Zone: zone, Changed: out.change, Done: out.done, Gone: x.h.deleted.Gone})
	return x.take(ctx, s.Site, w, func(e *event.Event) error {
		if !e.Time.Before(w.From) {
			return reader.Take(e)
		}
		now, changed := known[e.Ident()]
		if !changed {
			now = enrich.DerivedOf(e)
		}
		reader.Lead(e, now)
		return nil
	}, reader.End)
}

// take hands over a site's archived events by time, from a session's gap before the
// window on, and then ends.
func (x *reprocessing) take(ctx context.Context, site string, w period.Window, fn func(*event.Event) error, end func() error) error {
	p := reprocessProgress{Doing: "looking through " + site}
	rows, _, err := x.h.archive.Held(ctx, site, w)
	if err != nil {
		return err
	}
	p.Of = rows
	x.progress(p)
	w.From = w.From.Add(-enrich.Gap)
	err = x.h.archive.Each(ctx, site, w, func(events []event.Event) error {
		for i := range events {
			if err := fn(&events[i]); err != nil {
				return err
			}
		}
		p.Events += int64(len(events))
		x.progress(p)
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

// derived reads the changes of a date from a moment on.
func (x *reprocessing) derived(site string, d reprocess.Date, from time.Time) (map[event.Ident]enrich.Derived, error) {
	all := map[event.Ident]enrich.Derived{}
	if d.Changed == 0 {
		return all, nil
	}
	return all, x.shadow.changes(site, d.Date, func(c *reprocess.Change) error {
		if e := c.Event(site); !e.Time.Before(from) {
			all[e.Ident()] = c.Derived
		}
		return nil
	})
}

// report adds up what there is a shadow of.
func (x *reprocessing) report() (*reprocessReport, error) {
	r := &reprocessReport{}
	for _, s := range x.plan.Sites {
		one := reprocessedSite{Site: s.Site, Frozen: s.Frozen, Dates: []reprocess.Date{}}
		dates, err := x.shadow.dates(s.Site)
		if err != nil {
			return nil, err
		}
		for _, d := range dates {
			if one.Counts.Add(d.Counts); d.Changed > 0 {
				one.Dates = append(one.Dates, d)
			}
		}
		r.Sites = append(r.Sites, one)
	}
	return r, nil
}

// swap puts the shadow of a plan in place. Once it has begun, whoever takes care
// next ends it if it is cut short.
func (h *house) swap(ctx context.Context, plan string, progress func(reprocessProgress)) (*reprocessReport, error) {
	ctx, done, err := h.caring(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	x := &reprocessing{h: h, shadow: h.shadow(), progress: progress}
	if x.plan, err = x.shadow.plan(); err != nil {
		return nil, err
	}
	if x.plan == nil || x.plan.ID != plan || x.plan.State != looked {
		return nil, errors.New("what was found is not there any more: something was changed since; type footfall reprocess again")
	}
	report, err := x.report()
	if err != nil {
		return nil, err
	}
	x.plan.State = swapping
	if err := x.shadow.keep(x.plan); err != nil {
		return nil, err
	}
	for _, s := range report.Sites {
		if s.Counts.Changed > 0 {
			h.audit(ctx, account.Change{What: "reprocess", Target: s.Site, New: fmt.Sprintf("%d of %d events changed", s.Counts.Changed, s.Counts.Events)})
		}
	}
	report.Swapped = true
	return report, x.swap(ctx)
}

// endSwap ends a swap that was cut short. Whoever takes care does it first.
func (h *house) endSwap(ctx context.Context) error {
	x := &reprocessing{h: h, shadow: h.shadow(), progress: func(reprocessProgress) {}}
	var err error
	if x.plan, err = x.shadow.plan(); err != nil || x.plan == nil || x.plan.State != swapping {
		return err
	}
	return x.swap(ctx)
}

// endSwapSoon is endSwap beside a house that has begun.
func (h *house) endSwapSoon() {
	p, err := h.shadow().plan()
	if err == nil && (p == nil || p.State != swapping) {
		return
	}
	go func() {
		if err == nil {
			if err = h.takeCare(h.ending); err == nil {
				h.giveCare()
			}
		}
		if err != nil && h.ending.Err() == nil {
			h.log.Error("a reprocessing that was cut short is not ended yet", "error", err)
		}
	}()
}

// swap puts all that was found in place: each step can be done again. Of the event
// store a date is changed as a whole or not at all. Without a store only the archive
// is changed, out of which the store is made then, and the next swap ends.
func (x *reprocessing) swap(ctx context.Context) error {
	parts := make([]*shadowPart, len(x.plan.Sites))
	p := reprocessProgress{Doing: "putting it in place"}
	for i, s := range x.plan.Sites {
		dates, err := x.shadow.dates(s.Site)
		if err != nil {
			return x.halted(err)
		}
		dates = slices.DeleteFunc(dates, func(d reprocess.Date) bool { return d.Changed == 0 })
		parts[i] = &shadowPart{x: x, site: s.Site, dates: dates}
		for _, d := range dates {
			p.Of += 2 * int64(d.Changed)
		}
	}
	step := func(changed int) error {
		p.Events += int64(changed)
		x.progress(p)
		return context.Cause(ctx)
	}
	there := x.h.store.Load() != nil
	err := step(0)
	for _, part := range parts {
		for _, d := range part.dates {
			if err == nil && there {
				err = x.relabel(ctx, part.site, d)
			}
			if err == nil {
				err = step(d.Changed)
			}
		}
	}
	for _, part := range parts {
		if err == nil {
			err = part.archive(ctx, step)
		}
	}
	if err == nil && there {
		p.Doing = "counting the days that changed"
		if err = step(0); err == nil {
			_, err = x.h.roller.Roll(ctx)
		}
		if err == nil {
			err = step(0)
		}
		if err == nil {
			err = x.shadow.drop()
		}
	}
	return x.halted(err)
}

func (x *reprocessing) halted(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reprocessed events are not everywhere in place yet; that goes on by itself at the next start, or with the next footfall reprocess: %w", err)
}

// relabel changes a date of the event store; its bins are recounted by the next roll.
func (x *reprocessing) relabel(ctx context.Context, site string, d reprocess.Date) error {
	touched := make([]event.Event, len(d.Quarters))
	for i, at := range d.Quarters {
		touched[i] = event.Event{Site: site, Time: at}
	}
	return x.h.withStore(func(st *duckdb.Store) error {
		return x.h.roller.Write(ctx, touched, event.Position{}, func() ([]event.Event, error) {
			_, err := st.Relabel(ctx, site, period.Window{From: d.From, To: d.To}, func(yield func(*event.Event) error) error {
				return x.shadow.changes(site, d.Date, func(c *reprocess.Change) error {
					e := c.Event(site)
					return yield(&e)
				})
			})
			return nil, err
		})
	})
}

// shadowPart is what changes of a site.
type shadowPart struct {
	x     *reprocessing
	site  string
	dates []reprocess.Date

	near [2]struct { // the dates that were asked for last
		date string
		all  map[event.Ident]enrich.Derived
	}
	err error // of reading
}

// archive changes the site's archive.
func (p *shadowPart) archive(ctx context.Context, step func(int) error) error {
	n := len(p.dates)
	if n == 0 {
		return nil
	}
	did, err := p.x.h.archive.ChangeWithin(ctx, p.site, period.Window{From: p.dates[0].From, To: p.dates[n-1].To}, p.change)
	if err = errors.Join(err, p.err); err != nil {
		return err
	}
	return step(int(did.Events))
}

// change is archive.Changing.
func (p *shadowPart) change(events []event.Event) (changed int) {
	for i := range events {
		e := &events[i]
		now, ok := p.of(e)
		if ok && now != enrich.DerivedOf(e) {
			now.Put(e)
			changed++
		}
	}
	return changed
}

// of is what is derived anew of an event, if that changes.
func (p *shadowPart) of(e *event.Event) (now enrich.Derived, changed bool) {
	at, _ := slices.BinarySearchFunc(p.dates, e.Time, func(d reprocess.Date, t time.Time) int {
		if d.To.After(t) {
			return 1
		}
		return -1
	})
	if at == len(p.dates) || e.Time.Before(p.dates[at].From) || p.err != nil {
		return now, false
	}
	d := p.dates[at]
	if p.near[0].date != d.Date {
		p.near[0], p.near[1] = p.near[1], p.near[0]
	}
	if p.near[0].date != d.Date {
		p.near[0].date = d.Date
		p.near[0].all, p.err = p.x.derived(p.site, d, d.From)
	}
	now, changed = p.near[0].all[e.Ident()]
	return now, changed
}
