package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/enrich"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// older is a home with events that an older version enriched: its list of bots had
// a word too many, its list of referrers knew nobody, and it was restarted now and
// then, which cuts sessions.
type older struct {
	*home
	site  account.Site
	was   []event.Event // as they were published, by time
	fresh []event.Event // as this version enriches what was sent
}

// olderFrom is the evening three days before clocks are put forward at the site.
var olderFrom = time.Date(2026, 3, 26, 20, 0, 0, 0, time.UTC)

const days = 5

func newOlder(t *testing.T, seed uint64, n int) *older {
	t.Helper()
	o := &older{home: newHome(t)}
	o.stopJobs()
	var err error
	o.site, err = o.sites.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: "Europe/Berlin", Currency: "EUR"})
	must(t, err)
	o.was, o.fresh = o.traffic(seed, n)
	for part := range slices.Chunk(o.was, 150) { // several flushes of the archive
		o.publish(part...)
	}
	o.roll()
	return o
}

func (o *older) roll() {
	o.t.Helper()
	_, err := o.roller.Roll(o.t.Context())
	must(o.t, err)
}

// traffic is events of some evenings, over the midnight of the site, by an older
// version and by this one.
func (o *older) traffic(seed uint64, n int) (was, fresh []event.Event) {
	r := rand.New(rand.NewPCG(seed, 21))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	version1 := enrich.New(enrich.Options{BotWords: []string{"bot", "firefox"}})
	now := enrich.New(enrich.Options{Internal: o.sites.internal})
	var clocks []time.Time
	for range n {
		day := time.Duration(r.IntN(days)) * 24 * time.Hour
		clocks = append(clocks, olderFrom.Add(day+time.Duration(r.IntN(5*3600_000))*time.Millisecond))
	}
	slices.SortFunc(clocks, time.Time.Compare)
	for i, at := range clocks {
		e := event.Event{ID: fmt.Sprint("e", seed, "-", i), Site: o.site.ID, Kind: event.Page, Host: "shop.example", Path: pick("/", "/a"), Channel: "web",
			Time: at, Original: at, Received: at.Add(time.Second), AnonymousID: pick("ann", "ben", "cid", "dan", "eve"), Search: pick("", "", "utm_source=fb&utm_medium=social", "x=1")}
		if r.IntN(5) == 0 {
			e.Kind, e.Name = event.Track, pick(event.Download, "Order Completed")
			e.Properties = `{"revenue":7,"currency":"EUR","products":[{"sku":"q","price":7}]}`
		}
		from := enrich.Sender{IP: netip.AddrFrom4([4]byte{198, 51, 100, 7}),
			Referrer: pick("", "https://www.google.com/", "https://www.bing.com/search", "https://blog.example/", "https://www.shop.example/a", "about:blank", "https://chatgpt.com/"),
			UserAgent: pick("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
				"Mozilla/5.0 (compatible; Googlebot/2.1)")}
		old := e
		version1.Enrich(&old, from)
		now.Enrich(&e, from)
		old.Visitor, e.Visitor = 1+old.Visitor%97, 1+old.Visitor%97 // salts are random
		if host := strings.TrimPrefix(strings.TrimPrefix(from.Referrer, "https://"), "www."); old.Campaign.Source != "" {
			old.Class, old.Source, old.Campaign = "campaign", old.Campaign.Source, event.Campaign{}
		} else if old.Class == "search" || old.Class == "ai" {
			host, _, _ = strings.Cut(host, "/")
			old.Class, old.Source = "other", host
		}
		was, fresh = append(was, old), append(fresh, e)
	}
	cut(was, 0)                  // the door forgot every session at once
	cut(fresh, 30*time.Minute+1) // and figures cut at gaps
	return was, fresh
}

// cut gives events of a visitor the same session as long as there is no gap.
func cut(events []event.Event, gap time.Duration) {
	last := map[uint64]*event.Event{}
	for i := range events {
		e := &events[i]
		before := last[e.Visitor]
		if e.Session = uint64(i + 1); before != nil && e.Time.Sub(before.Time) < gap {
			e.Session = before.Session
		}
		last[e.Visitor] = e
	}
}

// count is a plain recount of a site's events by date.
func (o *older) count(events []event.Event) map[string]int64 {
	all, visitors, last := map[string]int64{}, map[string]bool{}, map[uint64]time.Time{}
	for _, e := range events {
		date := e.Time.In(o.site.Location()).Format("2006-01-02 ")
		if e.Kind != event.Page {
			continue
		}
		if e.Bot != "" {
			all[date+"Bots  "]++
			continue
		}
		for _, key := range []string{"PageViews  ", "PageViews class " + e.Class, "PageViews source " + e.Source} {
			all[date+key]++
		}
		if key := fmt.Sprint(date, e.Visitor); !visitors[key] {
			visitors[key] = true
			all[date+"Visitors  "]++
		}
		if e.Time.Sub(last[e.Visitor]) > 30*time.Minute {
			all[date+"Sessions  "]++
		}
		last[e.Visitor] = e.Time
	}
	return all
}

// figures are those that people are told of, by date, as count has them.
func (o *older) figures() map[string]int64 {
	o.t.Helper()
	must(o.t, o.settled(o.t.Context()))
	o.roll()
	got, zone := map[string]int64{}, o.site.Location()
	first := period.DateOf(olderFrom, zone)
	for _, m := range []metric.Name{metric.PageViews, metric.Visitors, metric.Sessions} {
		for _, by := range []metric.Dimension{"", "class", "source"} {
			if by != "" && m != metric.PageViews {
				continue
			}
			d, err := o.Answer(o.t.Context(), metric.Query{Site: o.site.ID, Metric: m, By: by, Step: period.Day, Zone: zone, Currency: "EUR",
				Window: period.Window{From: first.Window(zone).From, To: (first + days + 2).Window(zone).From}})
			must(o.t, err)
			for _, p := range d.Points {
				if p.Value != 0 {
					got[fmt.Sprint(p.Time.In(zone).Format("2006-01-02 "), m, " ", by, " ", p.Series)] = p.Value
				}
			}
		}
	}
	return got
}

// answers checks what people are told against a plain recount, and bins and archive
// against the events.
func (o *older) answers(when string, events []event.Event) {
	o.t.Helper()
	want, got := o.count(events), o.figures()
	maps.DeleteFunc(want, func(key string, _ int64) bool { return strings.Contains(key, "Bots") })
	if !maps.Equal(got, want) {
		o.t.Errorf("%s: figures are\n%v, want\n%v", when, got, want)
	}
	o.sound(when)
	if s, err := o.status(o.t.Context()); err != nil || !s.AddsUp || s.Stored != uint64(len(events)) {
		o.t.Errorf("%s: %+v (%v) does not add up", when, s, err)
	}
}

func (o *older) sound(when string) {
	o.t.Helper()
	found, err := o.reconcile(o.t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 {
		o.t.Errorf("%s: reconcile: %v, %d differences: %+v %v", when, err, found.Count, found.Examples, found.Archive.Examples)
	}
}

// plainly spells events so that those of two versions can be compared: sessions by
// their order, bots by yes and no (which of several words one was known by is gone).
func plainly(events []event.Event) (all []string) {
	names := map[uint64]int{}
	for _, e := range events {
		if names[e.Session] == 0 {
			names[e.Session] = len(names) + 1
		}
		e.Session = uint64(names[e.Session])
		if e.Bot != "" {
			e.Bot = "yes"
		}
		all = append(all, fmt.Sprintf("%+v", e))
	}
	return all
}

// stored are the events of the store, and of the archive, by time.
func (o *older) both() (stored, archived []event.Event) {
	o.t.Helper()
	must(o.t, o.export(o.t.Context(), o.site.ID, period.Window{}, func(e *event.Event) error { stored = append(stored, *e); return nil }))
	must(o.t, o.house.archive.Each(o.t.Context(), o.site.ID, period.Window{}, func(events []event.Event) error { archived = append(archived, events...); return nil }))
	return stored, archived
}

// is checks every event of store and archive.
func (o *older) is(when string, want []event.Event) {
	o.t.Helper()
	stored, archived := o.both()
	for name, got := range map[string][]event.Event{"event store": stored, "archive": archived} {
		g, w := plainly(got), plainly(want)
		for i := range w {
			if len(g) != len(w) || g[i] != w[i] {
				o.t.Fatalf("%s: of the %s %d of %d events, the %dth\n%s, want\n%s", when, name, len(g), len(w), i, g[min(i, len(g)-1)], w[i])
			}
		}
	}
}

// told checks a report against plain recounts of before and after.
func (o *older) told(r *reprocessReport) {
	o.t.Helper()
	was, now, got := o.count(o.was), o.count(o.fresh), map[string][2]int64{}
	want := map[string][2]int64{}
	for key := range maps.Keys(now) {
		want[key] = [2]int64{was[key], now[key]}
	}
	for key := range maps.Keys(was) {
		want[key] = [2]int64{was[key], now[key]}
	}
	maps.DeleteFunc(want, func(_ string, v [2]int64) bool { return v[0] == v[1] })
	for _, d := range r.Sites[0].Dates {
		for _, f := range d.Figures {
			got[fmt.Sprint(d.Date, " ", f.Metric, " ", f.By, " ", f.Series)] = [2]int64{f.Was, f.Now}
		}
	}
	if !reflect.DeepEqual(got, want) || len(want) < 20 {
		o.t.Errorf("the difference is\n%v, want\n%v", got, want)
	}
	changed := 0
	for i := range o.was {
		if a, b := o.was[i], o.fresh[i]; a.Class != b.Class || a.Source != b.Source {
			changed++
		}
	}
	if c := r.Sites[0].Counts; c.Events != len(o.was) || c.Source != changed || c.Bot == 0 || c.Session == 0 || c.Campaign == 0 {
		o.t.Errorf("%+v, want %d events and %d other sources", c, len(o.was), changed)
	}
}

// reprocess types the command.
func (o *older) reprocess(args ...string) *reprocessReport {
	o.t.Helper()
	r := new(reprocessReport)
	if fault, code := o.typed(r, append([]string{"reprocess"}, args...)...); code != 0 {
		o.t.Fatal(fault)
	}
	return r
}

func (o *older) noShadow(when string) {
	o.t.Helper()
	if _, err := os.Stat(string(o.house.shadow())); !errors.Is(err, os.ErrNotExist) {
		o.t.Errorf("%s there is still a shadow: %v", when, err)
	}
}

// An archive of an older version becomes what this version would have made of what
// was sent: events, figures and what is said of them.
func TestReprocess(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 1, 400)
	o.answers("before", o.was)
	r := o.reprocess("--dry-run")
	o.told(r)
	o.noShadow("after a dry run")
	o.is("after a dry run", o.was)
	if r = o.reprocess(); r.Plan == "" || r.Swapped {
		t.Errorf("without --yes: %+v", r)
	}
	o.is("without --yes", o.was)
	if r = o.reprocess("--site", "shop.example", "--yes"); !r.Swapped {
		t.Errorf("%+v is not in place", r)
	}
	o.told(r)
	o.noShadow("behind")
	o.is("behind", o.fresh)
	o.answers("behind", o.fresh)
	if r = o.reprocess("--yes"); r.changed() > 0 || r.Swapped || r.Sites[0].Counts.Events != len(o.was) {
		t.Errorf("again: %+v", r)
	}
	must(t, o.rebuild(t.Context(), func(rebuildProgress) {}))
	o.is("after a rebuild", o.fresh)
	o.answers("after a rebuild", o.fresh)
	o.reopen()
	o.is("after a restart", o.fresh)
}

// Only days that were asked for change.
func TestReprocessDays(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 2, 400)
	zone := o.site.Location()
	from, to := time.Date(2026, 3, 28, 0, 0, 0, 0, zone), time.Date(2026, 3, 30, 0, 0, 0, 0, zone) // one of 24 hours, one of 23
	o.reprocess("--from", "2026-03-28", "--to", "2026-03-30", "--yes")
	var want []event.Event
	for i := range o.was {
		if at := o.was[i].Time; at.Before(from) || !at.Before(to) {
			want = append(want, o.was[i])
		} else {
			want = append(want, o.fresh[i])
		}
	}
	stored, archived := o.both()
	for i := range want { // sessions go on over the edges
		stored[i].Session, archived[i].Session, want[i].Session = 0, 0, 0
	}
	if !slices.Equal(plainly(stored), plainly(want)) || !slices.Equal(plainly(archived), plainly(want)) {
		t.Error("other events changed than those of the days")
	}
	o.answers("of some days", want)
	if fault, code := o.typed(nil, "reprocess", "--from", "2026-03-30", "--to", "2026-03-28"); code == 0 {
		t.Error("a window that ends before it begins was taken", fault)
	}
	if r := o.reprocess("--yes"); !r.Swapped {
		t.Errorf("%+v", r)
	}
	if r := o.reprocess("--yes"); r.changed() > 0 {
		t.Errorf("again, %d change", r.changed())
	}
}

// Whatever step it ends at, a date of the store is the old or the new one, and the
// next start makes the rest; looking goes on where it was cut short.
func TestReprocessCutShort(t *testing.T) {
	t.Parallel()
	o := newOlder(t, 3, 150)
	look := func(at int) (*reprocessReport, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return o.look(ctx, []account.Site{o.site}, 0, 0, false, func(reprocessProgress) {
			if at--; at == 0 {
				cancel()
			}
		})
	}
	for _, at := range []int{2, 7, 12} {
		if _, err := look(at); err == nil {
			t.Fatalf("looking was not cut short at %d", at)
		}
		o.reopen()
	}
	done, err := o.house.shadow().dates(o.site.ID)
	if err != nil || len(done) == 0 || len(done) > days {
		t.Fatalf("%d dates are done: %v", len(done), err)
	}
	must(t, os.Chtimes(o.house.shadow().planFile(), olderFrom, olderFrom)) // would be new if it began anew
	r, err := look(-1)
	must(t, err)
	o.told(r)
	_, err = o.swap(t.Context(), r.Plan, func(reprocessProgress) {})
	must(t, err)
	o.is("after looking in parts", o.fresh)
	o.back()
	steps := 0
	for ; ; steps++ {
		r, err := look(-1)
		must(t, err)
		if r.Plan == "" {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		at := steps
		_, err = o.swap(ctx, r.Plan, func(reprocessProgress) {
			if at--; at < 0 {
				cancel()
			}
		})
		cancel()
		if err == nil {
			break
		}
		stored, _ := o.both()
		o.wholeDates(fmt.Sprint("after step ", steps), stored)
		o.shut()
		if steps%4 == 1 { // the store is lost, too
			must(t, os.RemoveAll(o.dir+"/store"))
		}
		o.open()
		must(t, o.takeCare(t.Context()))
		o.giveCare()
		o.noShadow(fmt.Sprint("after step ", steps))
		o.is(fmt.Sprint("after step ", steps), o.fresh)
		o.answers(fmt.Sprint("after step ", steps), o.fresh)
		o.back()
	}
	if steps < 8 {
		t.Errorf("there were %d steps: the test tests little", steps)
	}
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
	o := newOlder(t, 4, 400)
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
	o := newOlder(t, 5, 400)
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
