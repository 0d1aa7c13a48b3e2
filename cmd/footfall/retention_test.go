package main

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/schedule"
)

// aged is a home with a site that has events of 60 days.
type aged struct {
	*home
	site    account.Site
	today   period.Date
	n       int
	dropped uint64
}

const keepDays = 30

func newAged(t *testing.T, seed uint64, zone string) *aged {
	t.Helper()
	a := &aged{home: newHome(t)}
	a.stopJobs()
	var err error
	a.site, err = a.sites.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: zone, Currency: "EUR"})
	must(t, err)
	a.today = period.DateOf(time.Now(), a.site.Location())
	r := rand.New(rand.NewPCG(seed, 5))
	for range 4 { // several flushes of the archive
		var batch []event.Event
		for range 250 {
			batch = append(batch, a.event(r))
		}
		a.publish(batch...)
	}
	a.publish(append(a.events(3), a.across()...)...)
	a.roll()
	return a
}

// open opens the house without its schedule, which at a full minute might remove
// in the middle of a check what is old.
func (a *aged) open() {
	a.t.Helper()
	a.home.open()
	a.stopJobs()
}

func (a *aged) reopen() {
	a.t.Helper()
	a.shut()
	a.open()
}

func (a *aged) zone() *time.Location { return a.site.Location() }

// cut is the first date that is not frozen after a removal.
func (a *aged) cut() period.Date { return a.today - keepDays - spared }

// event is one of the last 60 days, many of them near a midnight.
func (a *aged) event(r *rand.Rand) event.Event {
	at := (a.today - period.Date(r.IntN(60))).Window(a.zone()).From.Add(time.Duration(r.IntN(10*3600)-5*1800) * time.Second)
	if at.After(time.Now()) {
		at = time.Now().Add(-time.Minute)
	}
	at = at.UTC().Truncate(time.Millisecond)
	a.n++
	e := event.Event{ID: fmt.Sprint("e", a.n), Site: a.site.ID, Kind: event.Page, Host: "shop.example", Path: pickOf(r, "/", "/a", "/b"),
		Time: at, Original: at, Received: at, Channel: "web", Visitor: uint64(1 + r.IntN(40)), Country: pickOf(r, "DE", "US"), Source: pickOf(r, "", "News"),
		Bot: pickOf(r, "", "", "", "agent")}
	if r.IntN(3) == 0 {
		e.Kind, e.Name = event.Track, pickOf(r, event.Download, "Product Viewed", "Order Completed", "Order Completed", "Order Refunded")
		e.Properties = pickOf(r, `{"product_id":"p","category":"c","price":1.5,"currency":"EUR"}`, `{"revenue":7,"currency":"USD","products":[{"sku":"q","price":7}]}`)
	}
	return e
}

// events are n of the day before yesterday, which came again.
func (a *aged) events(n int) (all []event.Event) {
	for i := range n {
		at := (a.today - 2).Window(a.zone()).From.Add(12 * time.Hour).UTC()
		all = append(all, event.Event{ID: fmt.Sprint("again", i%2), Site: a.site.ID, Kind: event.Page, Path: "/", Time: at, Original: at, Received: at, Channel: "web", Visitor: 7})
	}
	return all
}

// across is a session over the midnight from which on events are kept.
func (a *aged) across() (all []event.Event) {
	for _, minutes := range []int{-20, 5, 30} {
		at := a.cut().Window(a.zone()).From.Add(time.Duration(minutes) * time.Minute).UTC()
		all = append(all, event.Event{ID: fmt.Sprint("across", minutes), Site: a.site.ID, Kind: event.Page, Path: "/", Time: at, Original: at, Received: at, Channel: "web", Visitor: 99})
	}
	return all
}

func (a *aged) roll() {
	a.t.Helper()
	_, err := a.roller.Roll(a.t.Context())
	must(a.t, err)
}

// set changes the site and lets its bins follow.
func (a *aged) set(change func(*account.Site)) {
	a.t.Helper()
	change(&a.site)
	s, err := a.sites.UpdateSite(a.t.Context(), a.site)
	must(a.t, err)
	a.site = s
	a.roll()
}

func (a *aged) query(m metric.Name, by metric.Dimension, step period.Step, from, to period.Date) metric.Query {
	return metric.Query{Site: a.site.ID, Metric: m, By: by, Step: step, Zone: a.zone(), Currency: a.site.Currency,
		Window: period.Window{From: from.Window(a.zone()).From, To: to.Window(a.zone()).From}}
}

// figures are those of all metrics between two dates by day, month and in all,
// of the site and by page; those of money only if it is wanted.
func (a *aged) figures(from, to period.Date, money bool) map[string]string {
	a.t.Helper()
	all := map[string]string{}
	for _, m := range metric.OfEvents {
		if bins.Place(m) < 0 && m != metric.Visitors || !money && (m == metric.Revenue || m == metric.Refunded) {
			continue
		}
		for _, by := range []metric.Dimension{"", "page", "product"} {
			for _, step := range []period.Step{period.Day, period.Month, period.Total} {
				q := a.query(m, by, step, from, to)
				if q.Check() != nil {
					continue
				}
				d, err := a.Answer(a.t.Context(), q)
				if err != nil {
					a.t.Fatalf("%s by %q by %s: %v", m, by, step, err)
				}
				all[fmt.Sprint(m, by, step)] = fmt.Sprint(d.Points)
			}
		}
	}
	return all
}

func (a *aged) first() period.Date { return a.today - 70 }

// same checks figures against those from before, a recount, and the account.
func (a *aged) same(when string, want map[string]string, money bool) {
	a.t.Helper()
	got := a.figures(a.first(), a.today+1, money)
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if got[key] != want[key] {
			a.t.Errorf("%s: %s is\n%s, want\n%s", when, key, got[key], want[key])
		}
	}
	a.sound(when)
}

func (a *aged) sound(when string) {
	a.t.Helper()
	found, err := a.reconcile(a.t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 {
		a.t.Errorf("%s: reconcile: %v, %d differences: %+v %v", when, err, found.Count, found.Examples, found.Archive.Examples)
	}
	s, err := a.status(a.t.Context())
	if err != nil || !s.AddsUp || s.Waiting != 0 || s.Dropped != a.dropped || s.SetAside != 0 {
		a.t.Errorf("%s: %+v (%v) does not add up", when, s, err)
	}
	stats := a.house.archive.Stats()
	if s.Removed != stats.Removed || s.Stored != stats.Rows || s.Stored+s.Removed+s.Duplicates != s.Accepted {
		a.t.Errorf("%s: the event store has %+v, the archive %+v", when, s, stats)
	}
	if t := a.t; t.Failed() {
		t.FailNow()
	}
}

// gone checks that nothing that is old is left anywhere but in the figures.
func (a *aged) gone(when string) {
	a.t.Helper()
	end := a.cut().Window(a.zone()).From.Add(-neighbours)
	old, kept := 0, 0
	must(a.t, a.export(a.t.Context(), "", period.Window{}, func(e *event.Event) error {
		if kept++; e.Time.Before(end) {
			old++
		}
		return nil
	}))
	db, err := sql.Open("duckdb", "")
	must(a.t, err)
	defer db.Close()
	var rows, oldRows int // as another program reads the archive
	must(a.t, db.QueryRow(fmt.Sprintf("SELECT count(*), count(*) FILTER (epoch_ms(time) < %d) FROM read_parquet('%s/archive/**/*.parquet', hive_partitioning = true)",
		end.UnixMilli(), a.dir)).Scan(&rows, &oldRows))
	if old+oldRows > 0 || kept == 0 || rows != kept {
		a.t.Errorf("%s: %d old events of %d in the store, %d of %d in the archive", when, old, kept, oldRows, rows)
	}
}

// asks checks that what needs events is answered where they are, and only there.
func (a *aged) asks() {
	a.t.Helper()
	for name, change := range map[string]func(*metric.Query){
		"hours": func(q *metric.Query) { q.Step = period.Hour },
		"two filters": func(q *metric.Query) {
			q.Filters = []metric.Filter{{Dimension: "page", Value: "/"}, {Dimension: "country", Value: "DE"}}
		},
		"bots": func(q *metric.Query) { q.Bots = true },
	} {
		q := a.query(metric.PageViews, "", period.Day, a.cut(), a.cut()+5)
		change(&q)
		if _, err := a.Answer(a.t.Context(), q); err != nil {
			a.t.Errorf("%s, of days whose events are there: %v", name, err)
		}
		q.Window.From = (a.cut() - 1).Window(a.zone()).From
		var wrong *metric.QueryError
		if _, err := a.Answer(a.t.Context(), q); !errors.As(err, &wrong) || !strings.Contains(wrong.Why, a.cut().String()) {
			a.t.Errorf("%s, of a day more: %v, want an error that says %s", name, err, a.cut())
		}
		if _, err := a.recountFigure(a.t.Context(), q); !errors.As(err, &wrong) {
			a.t.Errorf("%s, recounted: %v", name, err)
		}
	}
}

// TestRetention removes events; the figures stay, whatever comes then.
func TestRetention(t *testing.T) {
	t.Parallel()
	for seed, zone := range []string{"America/New_York", "Asia/Kathmandu"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			a := newAged(t, uint64(seed), zone)
			want := a.figures(a.first(), a.today+1, true)
			a.set(func(s *account.Site) { s.Currency = "USD" })
			dollars := a.figures(a.cut(), a.today+1, true)
			a.set(func(s *account.Site) { s.Currency, s.Keep = "EUR", keepDays })
			a.same("before", want, true)
			a.told(false, "behind")
			var dry, did []removal
			for _, into := range []*[]removal{&dry, &did} {
				args := []string{"retention", "--site", "shop.example"}
				if into == &dry {
					args = append(args, "--dry-run")
				}
				if fault, code := a.typed(into, args...); code != 0 || len(*into) != 1 {
					t.Fatalf("%v: %s, %+v", args, fault, *into)
				}
			}
			if d := did[0]; d.Events == 0 || d.Events != dry[0].Events || d.Archive != dry[0].Archive && d.Archive.Bytes < dry[0].Archive.Bytes || d.Archive.Events != d.Events || d.Before != a.cut().String() || d.Size <= 0 {
				t.Errorf("removed %+v, foretold %+v", d, dry[0])
			}
			a.same("after", want, true)
			a.gone("after")
			a.told(true, "those before "+a.cut().String()+" are removed")
			a.asks()
			if again, err := a.retain(t.Context(), a.site, false); again != nil || err != nil {
				t.Errorf("again it removed %+v, %v", again, err)
			}
			a.reopen()
			a.same("opened again", want, true)
			must(t, a.rebuild(t.Context(), func(rebuildProgress) {}))
			a.roll()
			a.same("rebuilt", want, true)
			a.gone("rebuilt")
			a.late(want)
			a.set(func(s *account.Site) { s.Currency = "USD" })
			a.same("in dollars", want, false)
			if got := a.figures(a.cut(), a.today+1, true); !maps.Equal(got, dollars) {
				t.Errorf("of the days that are there\n%v\nwere recounted, want\n%v", got, dollars)
			}
			var wrong *metric.QueryError
			if _, err := a.Answer(t.Context(), a.query(metric.Revenue, "", period.Total, a.first(), a.today)); !errors.As(err, &wrong) || !strings.Contains(wrong.Why, "currency") {
				t.Errorf("euros and dollars are added: %v", err)
			}
			a.set(func(s *account.Site) { s.Currency = "EUR" })
			a.same("in euros again", want, true)
			a.lost()
			a.moved()
		})
	}
}

// told checks what doctor says of retention.
func (a *aged) told(ok bool, want string) {
	a.t.Helper()
	k, err := (&call{config: a.c, stderr: os.Stderr}).dial(a.t.Context())
	must(a.t, err)
	defer k.close()
	if f := k.retention(a.t.Context()); f.OK != ok || !strings.Contains(f.Says, want) {
		a.t.Errorf("doctor says %+v, want %q", f, want)
	}
}

// late brings events of a time whose events are removed, past the doors.
func (a *aged) late(want map[string]string) {
	a.t.Helper()
	before, err := a.status(a.t.Context())
	must(a.t, err)
	at := (a.cut() - 5).Window(a.zone()).From.UTC()
	a.publish(event.Event{ID: "late", Site: a.site.ID, Kind: event.Page, Path: "/", Time: at, Original: at, Received: at, Channel: "web", Visitor: 7})
	a.roll()
	after, err := a.status(a.t.Context())
	must(a.t, err)
	if after.Removed != before.Removed+1 || after.Stored != before.Stored {
		a.t.Errorf("a late event: %+v, before %+v", after, before)
	}
	a.same("with a late event", want, true)
}

// lost spoils the bins, and takes them away: the copy stands in, and what came
// since it was made is counted from the events.
func (a *aged) lost() {
	a.t.Helper()
	path := a.binsFile()
	more := a.events(1)
	more[0].ID = "behind the copy"
	a.publish(more...)
	a.roll()
	want := a.figures(a.first(), a.today+1, true)
	a.shut()
	must(a.t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
	a.open()
	a.roll()
	a.same("with bins that were damaged", want, true)
	a.shut()
	for _, part := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + part)
	}
	a.open()
	a.roll()
	a.same("with bins that were taken away", want, true)
}

// moved brings the site to other places: every event counts once, also those at
// the border of what is there, and the first days that are there are whole.
func (a *aged) moved() {
	a.t.Helper()
	all := func() (sums []int64) {
		for _, m := range []metric.Name{metric.PageViews, metric.Downloads, metric.Orders, metric.Visitors} {
			d, err := a.Answer(a.t.Context(), a.query(m, "", period.Total, a.first(), a.today+3))
			must(a.t, err)
			sums = append(sums, d.Points[0].Value)
		}
		return sums
	}
	want := all()
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"} {
		a.set(func(s *account.Site) { s.Zone = zone })
		if got := all(); !slices.Equal(got, want) {
			a.t.Errorf("in %s there are %v, want %v", zone, got, want)
		}
		a.sound("in " + zone)
		_, err := a.retain(a.t.Context(), a.site, false)
		must(a.t, err)
		if got := all(); !slices.Equal(got, want) {
			a.t.Errorf("removed in %s there are %v, want %v", zone, got, want)
		}
		a.sound("removed in " + zone)
	}
}

// TestRetentionWestward: a site that moves west, where it is the same date, keeps
// the events since the frozen dates ended, which its first day has.
func TestRetentionWestward(t *testing.T) {
	t.Parallel()
	var zones []string // from east to west, where it is the same date now
	byDate := map[period.Date][]string{}
	for _, zone := range []string{"Pacific/Kiritimati", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin", "UTC", "America/New_York", "Pacific/Honolulu", "Pacific/Pago_Pago"} {
		at, err := time.LoadLocation(zone)
		must(t, err)
		date := period.DateOf(time.Now(), at)
		if byDate[date] = append(byDate[date], zone); len(byDate[date]) > len(zones) {
			zones = byDate[date]
		}
	}
	a := newAged(t, 3, zones[0])
	a.set(func(s *account.Site) { s.Keep = keepDays })
	_, err := a.retain(t.Context(), a.site, false)
	must(t, err)
	a.sound("removed in " + zones[0])
	for _, zone := range zones[1:] {
		a.set(func(s *account.Site) { s.Zone = zone })
		a.sound("in " + zone)
		_, err := a.retain(t.Context(), a.site, false)
		must(t, err)
		a.sound("removed in " + zone)
	}
}

// TestRetentionIsCutShort ends behind every step and begins again.
func TestRetentionIsCutShort(t *testing.T) {
	t.Parallel()
	for steps := range 4 {
		t.Run(fmt.Sprint(steps+1), func(t *testing.T) {
			t.Parallel()
			a := newAged(t, uint64(10+steps), "Europe/Berlin")
			want := a.figures(a.first(), a.today+1, true)
			a.set(func(s *account.Site) { s.Keep = keepDays })
			x, err := a.expire(t.Context(), a.site)
			must(t, err)
			for _, step := range x.steps()[:steps+1] {
				must(t, step(t.Context()))
			}
			if steps < 3 { // the store may be made anew before it goes on, too
				a.reopen()
				must(t, a.rebuild(t.Context(), func(rebuildProgress) {}))
				a.roll()
			} else {
				a.reopen()
			}

			got := a.figures(a.first(), a.today+1, true)
			if !maps.Equal(got, want) {
				t.Fatalf("behind step %d the figures are others", steps+1)
			}
			_, err = a.retain(t.Context(), a.site, false)
			must(t, err)
			a.same("done again", want, true)
			a.gone("done again")
		})
	}
}

// TestRetentionWithoutEnd: a site that keeps its events for ever loses none, and
// one whose setting is taken back goes on from where it is.
func TestRetentionWithoutEnd(t *testing.T) {
	t.Parallel()
	a := newAged(t, 20, "UTC")
	for _, keep := range []int{0, 400} {
		a.set(func(s *account.Site) { s.Keep = keep })
		if did, err := a.retain(t.Context(), a.site, false); did != nil || err != nil {
			t.Fatalf("keeping %d days it removed %+v, %v", keep, did, err)
		}
	}
	state, err := a.house.bins.State(t.Context())
	must(t, err)
	if len(state.Frozen) > 0 {
		t.Errorf("frozen: %+v", state.Frozen)
	}
	want := a.figures(a.first(), a.today+1, true)
	a.set(func(s *account.Site) { s.Keep = keepDays })
	must(t, a.retainDate(t.Context(), schedule.Due{Site: a.sites.scheduled()[0]}))
	a.set(func(s *account.Site) { s.Keep = 0 })
	a.same("for ever again", want, true)
	if runs, err := a.removals(); err != nil || len(runs) != 1 || runs[0].Site != a.site.ID {
		t.Errorf("remembered %+v, %v", runs, err)
	}
	if matches, _ := filepath.Glob(filepath.Join(a.dir, "*.part")); len(matches) > 0 {
		t.Errorf("left behind: %v", matches)
	}

}

// TestImportTooOld imports a log with lines of both sides of the oldest day.
func TestImportTooOld(t *testing.T) {
	h := newHome(t)
	s, err := h.sites.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: "America/New_York", Currency: "USD"})
	must(t, err)
	s.Keep = keepDays
	s, err = h.sites.UpdateSite(t.Context(), s)
	must(t, err)
	var lines []string
	for _, off := range []time.Duration{-48 * time.Hour, -time.Second, 0, 24 * time.Hour} {
		at := s.Oldest(time.Now()).Add(off).UTC()
		lines = append(lines, fmt.Sprintf(`192.0.2.7 - - [%s] "GET /page HTTP/1.1" 200 7 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"`, at.Format("02/Jan/2006:15:04:05 -0700")))
	}
	path := filepath.Join(t.TempDir(), "access.log")
	must(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	var report struct {
		Valid  int64 `json:"valid"`
		TooOld int64 `json:"too_old"`
	}
	if fault, code := h.typed(&report, "import", "--site", s.ID, path); code != 0 || report.Valid != 4 || report.TooOld != 2 {
		t.Errorf("%s: imported %+v, want 4 lines, 2 of them too old", fault, report)
	}
	h.adds("after an import with lines that are too old", counts{2, 0, 0, 0})
}
