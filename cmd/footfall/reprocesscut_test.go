package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/period"
)

// lookUntil looks through all, and stops at a step.
func (o *older) lookUntil(at int) (*reprocessReport, error) {
	ctx, cancel := context.WithCancel(o.t.Context())
	defer cancel()
	return o.look(ctx, []account.Site{o.site}, 0, 0, false, func(reprocessProgress) {
		if at--; at == 0 {
			cancel()
		}
	})
}

// Looking goes on where it was cut short, and finds the same.
func TestReprocessGoesOn(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 3, 300, 2)
	for _, at := range []int{2, 5, 9} {
		if _, err := o.lookUntil(at); err == nil {
			t.Fatalf("looking was not cut short at %d", at)
		}
		o.reopen()
	}
	done, err := o.house.shadow().dates(o.site.ID)
	if err != nil || len(done) == 0 || len(done) > 2 {
		t.Fatalf("%d dates are done: %v", len(done), err)
	}
	first, err := o.house.shadow().plan()
	must(t, err)
	r, err := o.lookUntil(-1)
	must(t, err)
	if r.Plan != first.ID {
		t.Error("it began anew")
	}
	o.told(r)
	_, err = o.swap(t.Context(), r.Plan, func(reprocessProgress) {})
	must(t, err)
	o.is("after looking in parts", o.fresh)
}

// Whatever step it ends at, a date of the store is the old or the new one, and the
// next start makes the rest.
func TestReprocessCutShort(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 6, 120, 2)
	steps := 0
	for ; o.cutAt(steps); steps++ {
		when := fmt.Sprint("after step ", steps)
		stored, _ := o.both()
		o.wholeDates(when, stored)
		var audit []account.Change
		if o.must(&audit, "audit"); len(audit) != steps+1 || audit[0].What != "reprocess" || audit[0].Target != o.site.ID {
			t.Errorf("%s: the audit log has %+v", when, audit)
		}
		o.shut()
		if steps%4 == 1 { // the store is lost, too
			must(t, os.RemoveAll(o.dir+"/store"))
		}
		o.open()
		must(t, o.takeCare(t.Context()))
		o.giveCare()
		o.noShadow(when)
		o.is(when, o.fresh)
		o.answers(when, o.fresh)
		o.back()
	}
	if steps < 6 {
		t.Errorf("there were %d steps: the test tests little", steps)
	}
}

// cutAt swaps up to a step; false if there are not so many.
func (o *older) cutAt(step int) bool {
	o.t.Helper()
	r, err := o.lookUntil(-1)
	must(o.t, err)
	ctx, cancel := context.WithCancel(o.t.Context())
	defer cancel()
	_, err = o.swap(ctx, r.Plan, func(reprocessProgress) {
		if step--; step < 0 {
			cancel()
		}
	})
	return err != nil
}

// wholeDates checks that every date is as it was, or as it is to be.
func (o *older) wholeDates(when string, events []event.Event) {
	o.t.Helper()
	states := map[string]string{}
	for i, e := range events {
		state := "new"
		like := func(other event.Event) bool {
			return e.Source == other.Source && e.Class == other.Class && (e.Bot == "") == (other.Bot == "")
		}
		if like(o.was[i]) {
			state = "old"
		}
		if like(o.was[i]) == like(o.fresh[i]) {
			continue
		}
		date := e.Time.In(o.site.Location()).Format("2006-01-02")
		if states[date] != "" && states[date] != state {
			o.t.Fatalf("%s: %s is a part old, a part new", when, date)
		}
		states[date] = state
	}
}

// back makes all as it was before.
func (o *older) back() {
	o.t.Helper()
	was := map[string]event.Event{}
	for _, e := range o.was {
		was[e.ID] = e
	}
	_, err := o.house.archive.Change(o.t.Context(), o.site.ID, func(events []event.Event) int {
		for i := range events {
			events[i] = was[events[i].ID]
		}
		return len(events)
	})
	must(o.t, err)
	_, err = o.store.Load().Relabel(o.t.Context(), o.site.ID, period.Window{From: olderFrom, To: time.Now()}, func(yield func(*event.Event) error) (err error) {
		for i := range o.was {
			err = errors.Join(err, yield(&o.was[i]))
		}
		return err
	})
	must(o.t, err)
	o.is("back", o.was)
}

// What is collected meanwhile is kept once, as this version enriches it.
func TestReprocessWhileCollecting(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 4, 400, most)
	all, sent := slices.Clone(o.fresh), 0
	come := func() {
		_, fresh := o.traffic(uint64(100+sent), 5)
		sent++
		all = append(all, fresh...)
		must(t, o.queue.Publish(t.Context(), append(fresh, o.was[sent])...)) // one comes again
	}
	r, err := o.look(t.Context(), []account.Site{o.site}, 0, 0, false, func(p reprocessProgress) {
		if sent < 5 {
			come()
		}
	})
	must(t, err)
	come()
	_, err = o.swap(t.Context(), r.Plan, func(reprocessProgress) { come() })
	must(t, err)
	come()
	o.settle()
	slices.SortStableFunc(all, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	stored, archived := o.both()
	for _, events := range [][]event.Event{stored, archived, all} { // which are those of the door
		for i := range events {
			events[i].Session = 0
		}
	}
	if !slices.Equal(plainly(stored), plainly(all)) || !slices.Equal(plainly(archived), plainly(all)) {
		t.Errorf("%d events are stored and %d archived, want %d, or others", len(stored), len(archived), len(all))
	}
	o.answers("while collecting", all)
	must(t, o.rebuild(t.Context(), func(rebuildProgress) {}))
	o.answers("after a rebuild", all)
}

// Who was erased stays erased, and what happened stays what it was.
func TestReprocessErased(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	if fault, code := k.typed(nil, "reprocess", "--yes"); code != 0 {
		t.Fatal(fault)
	}
	figures, owed := k.totals(), k.owed()
	shadow := k.house.shadow()
	must(t, shadow.keep(&shadowPlan{Version: shadowVersion, ID: "x", State: looked}))
	if fault, code := k.typed(nil, "person", "erase", "--site", "shop.example", "--user", herUser); code != 0 {
		t.Fatal(fault)
	}
	if p, err := shadow.plan(); p != nil || err != nil {
		t.Errorf("%+v is still there: %v", p, err)
	}
	if fault, code := k.typed(nil, "reprocess", "--yes"); code != 0 {
		t.Fatal(fault)
	}
	k.nowhere("after reprocessing")
	if now := k.totals(); now != figures || k.owed() != owed {
		t.Errorf("figures are\n%s, were\n%s", now, figures)
	}
}

// Dates whose events are removed are told and keep their figures.
func TestReprocessFrozen(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 5, 400, most)
	zone := o.site.Location()
	cut := period.DateOf(olderFrom, zone) + 3
	o.site.Keep = int(period.DateOf(time.Now(), zone)-cut) - spared
	var err error
	o.site, err = o.sites.UpdateSite(t.Context(), o.site)
	must(t, err)
	before := o.figures()
	if did, err := o.retain(t.Context(), o.site, false); err != nil || did == nil || did.Before != cut.String() {
		t.Fatalf("%+v, %v", did, err)
	}
	r := o.reprocess("--yes")
	if r.Sites[0].Frozen != cut.String() || !r.Swapped || r.Sites[0].Dates[0].Date != cut.String() {
		t.Errorf("%+v", r.Sites)
	}
	at, _ := slices.BinarySearchFunc(o.was, cut.Window(zone).From, func(e event.Event, t time.Time) int { return e.Time.Compare(t) })
	want := o.count(slices.Concat(o.was[:at], o.fresh[at:]))
	maps.DeleteFunc(want, func(key string, _ int64) bool { return strings.Contains(key, "Bots") || key < cut.String() })
	maps.DeleteFunc(before, func(key string, _ int64) bool { return key >= cut.String() })
	maps.Copy(want, before)
	if got := o.figures(); !maps.Equal(got, want) {
		t.Errorf("figures are\n%v, want\n%v", got, want)
	}
	o.sound("with days whose events are removed")
}

// What was not deleted does not become what was: a rebuild would lack it.
func TestReprocessDeleted(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 7, 300, 3)
	sources := func(events []event.Event) map[string]int {
		all := map[string]int{}
		for _, e := range events {
			all[e.Source]++
		}
		return all
	}
	was := sources(o.was) // searches have the names of hosts; they become Bing and Google
	if was["bing.com"] == 0 || was["google.com"] == 0 || was["Google"] > 0 || sources(o.fresh)["Google"] == 0 {
		t.Fatal("the test tests nothing")
	}
	if fault, code := o.typed(nil, "events", "delete", "--site", o.site.ID, "--from", "2026-03-01", "--to", "2026-04-30", "--source", "bing.com", "--source", "Google", "--yes"); code != 0 {
		t.Fatal(fault)
	}
	if r := o.reprocess("--yes"); !r.Swapped {
		t.Errorf("%+v is not in place", r)
	}
	events, archived := o.both()
	if !slices.Equal(plainly(events), plainly(archived)) || len(events) != len(o.was)-was["bing.com"] || sources(events)["Google"] > 0 {
		t.Errorf("%d events are stored, %d archived, of %v", len(events), len(archived), sources(events))
	}
	o.answers("reprocessed", events)
	must(t, o.rebuild(t.Context(), func(rebuildProgress) {}))
	o.is("after a rebuild", events)
	o.answers("after a rebuild", events)
	if r := o.reprocess("--yes"); r.changed() > 0 {
		t.Errorf("again: %+v", r)
	}
}

// A swap that was begun and whose shadow is damaged can't be ended: whatever needs it to
// be says what to do, and that is all it takes.
func TestReprocessDamaged(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 8, 120, 2)
	r, err := o.lookUntil(-1)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = o.swap(ctx, r.Plan, func(reprocessProgress) { cancel() })
	if p, fault := o.house.shadow().plan(); err == nil || fault != nil || p == nil || p.State != swapping {
		t.Fatalf("the swap was not cut short: %+v, %v, %v", p, fault, err)
	}
	dir := string(o.house.shadow())
	changes, err := filepath.Glob(filepath.Join(o.house.shadow().siteDir(o.site.ID), "*"+changesSuffix))
	must(t, err)
	for what, damage := range []func(name string) error{
		func(name string) error { return os.Truncate(name, 30) },
		func(name string) error { return os.WriteFile(name, []byte("garbage"), 0o600) },
		os.Remove,
	} {
		must(t, damage(changes[0]))
		fault, code := o.typed(nil, "events", "delete", "--site", o.site.ID, "--from", "2000-01-01", "--to", "2000-01-02", "--dry-run")
		if want := "if it is damaged, remove " + dir + " and type footfall reprocess and footfall rebuild"; code == 0 || !strings.Contains(fault, want) || !strings.Contains(fault, changes[0]) {
			t.Errorf("damage %d: %d %s, want %s", what, code, fault, want)
		}
	}
	must(t, os.RemoveAll(dir))
	r, err = o.lookUntil(-1)
	must(t, err)
	_, err = o.swap(t.Context(), r.Plan, func(reprocessProgress) {})
	must(t, err)
	if fault, code := o.typed(nil, "rebuild"); code != 0 {
		t.Fatal(fault)
	}
	o.is("after what it said", o.fresh)
}
