package main

import (
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
	evenings int
	site     account.Site
	was      []event.Event // as they were published, by time
	fresh    []event.Event // as this version enriches what was sent
}

// olderFrom is the evening three days before clocks are put forward at the site.
var olderFrom = time.Date(2026, 3, 26, 20, 0, 0, 0, time.UTC)

// most is of how many evenings events are at most.
const most = 5

func newOlder(t *testing.T, seed uint64, n, evenings int) *older {
	t.Helper()
	o := &older{home: newHome(t), evenings: evenings}
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
		day := time.Duration(r.IntN(o.evenings)) * 24 * time.Hour
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
				Window: period.Window{From: first.Window(zone).From, To: (first + most + 2).Window(zone).From}})
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
	must(o.t, o.export(o.t.Context(), o.site.ID, period.Window{}, func(e *event.Event) error { stored = append(stored, e.Clone()); return nil }))
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
	o := newOlder(t, 1, 400, most)
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
	o := newOlder(t, 2, 400, most)
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
