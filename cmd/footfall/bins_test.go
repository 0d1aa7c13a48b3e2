package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
	_ "time/tzdata" // the property holds on machines without a zone database

	"footfall/bins"
	"footfall/bins/memory"
	binsqlite "footfall/bins/sqlite"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
	"footfall/store/duckdb"
)

// TestBinsAreTheEvents does anything to the real parts that may happen to them:
// at every moment the planner's figures are those of the event store, and a
// recount finds no difference. BINS_SEED repeats the run of a seed.
func TestBinsAreTheEvents(t *testing.T) {
	t.Parallel()
	sources := map[string]int{}
	seeds := []uint64{1, 20, 25, rand.Uint64()}
	if s := os.Getenv("BINS_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		must(t, err)
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		w := newWorks(t, seed)
		for range 24 {
			w.step()
		}
		for range 2 { // the second finds nothing to do
			w.note("last roll")
			w.roll()
			w.check(30)
			w.reconcile()
		}
		w.shut()
		for source, n := range w.sources {
			sources[source] += n
		}
		if w.persons.complete == 0 {
			t.Errorf("seed %d: no history was complete", seed)
		}
	}
	t.Log("answered from", sources)
	for _, source := range []string{"bins", "bins+hot", "bins+events", "events", "sessions from bins+hot"} {
		if sources[source] == 0 && len(seeds) > 1 {
			t.Errorf("no question was answered from %s: the test tests less than it should", source)
		}
	}
}

// works is what stands behind the doors, without the doors.
type works struct {
	t       *testing.T
	r       *rand.Rand
	seed    uint64
	did     []string // what was done
	dir     string
	now     time.Time
	sites   []bins.Site
	around  []time.Time // by site: the moment its events are around
	sent    []event.Event
	later   []event.Event // that are to come
	vigils  int           // made so far
	fresh   []event.Event
	store   *duckdb.Store
	durable *shaken
	hot     bins.Hot // nil for none
	roller  *bins.Roller
	planner *query.Planner
	sources map[string]int
	persons persons
}

var errShaken = errors.New("shaken")

// shaken is durable bins in which something may come between.
type shaken struct {
	*binsqlite.Durable
	between  func() error // before every Replace
	readings func()       // after every Read
}

func (s *shaken) Replace(ctx context.Context, r bins.Rolled) (int, error) {
	if s.between != nil {
		if err := s.between(); err != nil {
			return 0, err
		}
	}
	return s.Durable.Replace(ctx, r)
}

func (s *shaken) Read(ctx context.Context, r bins.Range, fn func(string, bins.Span, *bins.Bin) error) error {
	err := s.Durable.Read(ctx, r, fn)
	if s.readings != nil {
		s.readings()
	}
	return err
}

// places are zones and moments at which something happens to their clocks or
// their calendars.
var places = []struct{ zone, currency, around string }{
	{"Asia/Kolkata", "INR", "2024-03-31T18:30:00Z"},
	{"America/New_York", "USD", "2024-03-10T07:00:00Z"},
	{"America/New_York", "USD", "2024-11-03T06:00:00Z"},
	{"Pacific/Apia", "WST", "2011-12-30T10:00:00Z"},
}

func newWorks(t *testing.T, seed uint64) *works {
	t.Helper()
	w := &works{t: t, r: rand.New(rand.NewPCG(seed, 3)), seed: seed, dir: t.TempDir(), now: time.Date(2024, 12, 1, 12, 0, 0, 0, time.UTC), sources: map[string]int{}}
	first := int(seed % uint64(len(places)))
	for i, at := range []int{first, (first + 1 + w.r.IntN(len(places)-1)) % len(places)} {
		zone, err := time.LoadLocation(places[at].zone)
		must(t, err)
		around, err := time.Parse(time.RFC3339, places[at].around)
		must(t, err)
		w.sites = append(w.sites, bins.Site{ID: fmt.Sprint("site-", i), Zone: zone, Currency: places[at].currency})
		w.around = append(w.around, around)
	}
	var err error
	w.store, err = duckdb.Open(duckdb.Options{Dir: filepath.Join(w.dir, "store"), Now: w.clock,
		Fresh: func(events []event.Event, index []int) {
			for _, i := range index {
				w.fresh = append(w.fresh, events[i])
			}
		}})
	must(t, err)
	t.Cleanup(w.shut) // also where it fails
	w.open()
	return w
}

func (w *works) clock() time.Time { return w.now }

// open is a new process on what is stored: hot buckets are lost.
func (w *works) open() {
	w.t.Helper()
	durable, err := binsqlite.Open(filepath.Join(w.dir, "bins.sqlite"))
	must(w.t, err)
	w.durable, w.hot = &shaken{Durable: durable}, nil
	var hot query.Hot
	if w.r.IntN(8) > 0 {
		m := memory.New(func(site string) string {
			return w.sites[slices.IndexFunc(w.sites, func(s bins.Site) bool { return s.ID == site })].Currency
		})
		w.hot, hot = m, m
	}
	w.roller = bins.NewRoller(w.durable, w.hot, func(ctx context.Context) (bins.Snapshot, error) { return w.store.Snapshot(ctx) },
		func() []bins.Site { return slices.Clone(w.sites) }, bins.Options{Together: 1 + w.r.IntN(3), Follower: w.persons.open(w), Now: w.clock})
	w.planner = query.Plan(w.store, w.durable, hot, w.roller.Sessions(), w.clock)
	must(w.t, w.roller.Open(w.t.Context(), w.store.State().Position))
}

// shut closes everything, once.
func (w *works) shut() {
	w.t.Helper()
	must(w.t, errors.Join(w.leave(), w.store.Close()))
}

// leave is the end of a process.
func (w *works) leave() (err error) {
	if w.durable != nil {
		err = w.durable.Close()
	}
	w.durable = nil
	return errors.Join(err, w.persons.close())
}

func (w *works) note(what string, args ...any) { w.did = append(w.did, fmt.Sprintf(what, args...)) }

func (w *works) fail(what string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("BINS_SEED=%d, zones %s and %s, after %q:\n%s", w.seed, w.sites[0].Zone, w.sites[1].Zone, w.did, fmt.Sprintf(what, args...))
}

// step does one thing, and looks sometimes.
func (w *works) step() {
	w.t.Helper()
	switch n := w.r.IntN(20); {
	case n < 10:
		w.write(w.batch(), pickOf(w.r, "", "", "", "", "before", "behind", "cancelled"))
	case n < 14:
		w.roll()
	case n < 16:
		w.shakenRoll()
	case n < 17:
		w.rezone()
	case n < 18:
		w.reopen()
	default:
		w.care()
	}
	if w.r.IntN(2) == 0 {
		w.check(8)
	}
}

func pickOf[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// write brings a batch as the pump does: again until it is stored. Trouble is
// an error before it is stored or behind.
func (w *works) write(batch []event.Event, trouble string) {
	w.t.Helper()
	to := w.store.State().Position
	to.Epoch, to.Seq, to.Total = 1, to.Seq+1, to.Total+uint64(len(batch))
	if n := len(batch) / 2; w.r.IntN(4) == 0 && n > 0 {
		w.bring(batch[:n], event.Position{}, "") // a part of a batch
		batch = batch[n:]
		w.meanwhile()
	}
	w.bring(batch, to, trouble)
}

func (w *works) bring(batch []event.Event, to event.Position, trouble string) {
	w.t.Helper()
	for {
		w.note("%d events to %d %s", len(batch), to.Seq, trouble)
		ctx, cancel := context.WithCancel(w.t.Context())
		err := w.roller.Write(ctx, batch, to, func() ([]event.Event, error) {
			w.fresh = w.fresh[:0]
			if trouble == "before" {
				return nil, errShaken
			}
			err := w.store.Write(ctx, batch, to)
			if trouble == "cancelled" {
				cancel()
			}
			if trouble != "" {
				err = errShaken
			}
			return w.fresh, err
		})
		cancel()
		switch {
		case err == nil && trouble == "":
			w.check(1)
			return
		case trouble == "" || !errors.Is(err, errShaken):
			w.fail("a write: %v", err)
		}
		trouble = ""
		w.meanwhile()
	}
}

// meanwhile is what may happen before a batch comes again or goes on.
func (w *works) meanwhile() {
	w.t.Helper()
	w.check(2)
	switch n := w.r.IntN(5); {
	case w.durable.between != nil: // in a roll
	case n == 0:
		w.roll()
	case n == 1:
		w.reconcile()
	case n == 2:
		w.reopen()
	}
	w.check(2)
}

// reopen is the end of a process and another.
func (w *works) reopen() {
	w.t.Helper()
	w.note("opened")
	must(w.t, w.leave())
	if w.r.IntN(3) == 0 {
		w.note("from version 2")
		w.older()
	}
	w.open()
}

// older makes the bins those of version 2, which had fewer figures.
func (w *works) older() {
	w.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(w.dir, "bins.sqlite"))
	must(w.t, err)
	_, err = db.Exec(`UPDATE bins SET counts = (SELECT json_group_array(value) FROM json_each(counts) WHERE key < 10) WHERE counts IS NOT NULL;
UPDATE bins SET days = (SELECT json_group_object(d.key, json((SELECT json_group_array(c.value) FROM json_each(d.value) c WHERE c.key < 10))) FROM json_each(days) d) WHERE days IS NOT NULL;
ALTER TABLE frozen DROP COLUMN lacks; PRAGMA user_version = 2`)
	must(w.t, errors.Join(err, db.Close()))
}

// batch makes events, among them some that came before.
func (w *works) batch() []event.Event {
	batch := make([]event.Event, 0, 20)
	for range 1 + w.r.IntN(20) {
		if len(w.sent) > 0 && w.r.IntN(5) == 0 {
			batch = append(batch, pickOf(w.r, w.sent...))
			continue
		}
		e := w.event(w.r.IntN(len(w.sites)))
		w.sent = append(w.sent, e)
		batch = append(batch, e)
		if w.r.IntN(10) == 0 {
			batch = append(batch, e)
		}
		if w.r.IntN(60) == 0 {
			w.later = append(w.later, w.vigil()...)
		}
	}
	for range min(len(w.later), w.r.IntN(20)) {
		i := w.r.IntN(min(3, len(w.later))) // nearly in order
		batch, w.later = append(batch, w.later[i]), slices.Delete(w.later, i, i+1)
	}
	return batch
}

// vigil is the events of somebody who stays over a midnight, for hours and more.
func (w *works) vigil() (events []event.Event) {
	e := w.event(w.r.IntN(len(w.sites)))
	e.Kind, e.Bot, e.Visitor, e.Properties = event.Page, "", 7+e.Visitor, ""
	for range 10 + w.r.IntN(60) {
		e.ID = fmt.Sprint("v", w.vigils)
		e.Time = e.Time.Add(pickOf(w.r, bins.SessionGap, 29*time.Minute, 29*time.Minute, time.Minute))
		e.Original, e.Received = e.Time, e.Time
		events = append(events, e)
		w.vigils++
	}
	w.sent = append(w.sent, events...)
	return events
}

// event makes one of a site, most of them near a midnight or another of the
// same visitor.
func (w *works) event(site int) event.Event {
	r, zone := w.r, w.sites[site].Zone
	at := w.around[site].Add(time.Duration(r.Int64N(int64(96*time.Hour))) - 48*time.Hour)
	switch midnight := period.Day.Start(at, zone); r.IntN(8) {
	case 0, 1, 2:
		at = midnight.Add(time.Duration(r.Int64N(int64(2*time.Hour))) - time.Hour)
	case 3:
		at = midnight.Add(pickOf(r, 0, -time.Millisecond, -bins.SessionGap, bins.SessionGap, bins.SessionGap-1, 15*time.Minute, -15*time.Minute))
	case 4:
		at = at.AddDate(0, pickOf(r, -14, -2, -1, 1), 0) // another month, another year
	}
	visitor := uint64(r.IntN(6))
	if len(w.sent) > 0 && r.IntN(3) == 0 {
		if e := pickOf(r, w.sent...); e.Site == w.sites[site].ID {
			at, visitor = e.Time.Add(pickOf[time.Duration](r, 0, 1, -1, 29, -29, 30, -30, 31, -31)*time.Minute+pickOf(r, 0, time.Millisecond, -time.Millisecond)), e.Visitor
		}
	}
	at = at.UTC().Truncate(time.Millisecond)
	e := event.Event{ID: fmt.Sprint("e", len(w.sent)), Site: w.sites[site].ID, Kind: event.Page, Name: pickOf(r, "", "home"), Host: "shop.example",
		Path: pickOf(r, "/", "/a", "/b", ""), Time: at, Original: at, Received: at, Channel: "web", Visitor: visitor,
		Source: pickOf(r, "", "News"), Class: pickOf(r, "direct", "search"), Country: pickOf(r, "", "IN", "US"), Device: pickOf(r, "phone", "desktop"),
		Browser: pickOf(r, "Firefox", "Safari"), OS: pickOf(r, "", "Linux"), Bot: pickOf(r, "", "", "", "", "", "agent"),
		Campaign: event.Campaign{Source: pickOf(r, "", "mail"), Medium: pickOf(r, "", "cpc"), Name: pickOf(r, "", "may")}}
	if r.IntN(3) == 0 {
		e.Kind, e.Name = event.Track, pickOf(r, event.Download, "Product Viewed", "Product Added", "Order Completed", "Order Completed", "Order Refunded", "Signed Up")
		e.Properties = pickOf(r, "", `{"product_id":"p","category":"c","price":1.5}`, `{"revenue":7,"currency":"USD","products":[{"sku":"q","price":7}]}`,
			`{"currency":"inr","products":[{"sku":"q","category":"c","price":"2.001"},{"sku":"p","category":"c","price":3},{"sku":"q","price":-1}]}`,
			`{"total":-3.5,"currency":"wst","product_id":"p"}`)
	}
	identified(&e, len(w.sent))
	return e
}

func (w *works) roll() {
	w.t.Helper()
	w.note("roll")
	if _, err := w.roller.Roll(w.t.Context()); err != nil {
		w.fail("%v", err)
	}
}

// shakenRoll is a roll into which questions and events come, and which may stop.
func (w *works) shakenRoll() {
	w.t.Helper()
	w.note("shaken roll {")
	n, stop := 0, w.r.IntN(5)
	w.durable.between = func() error {
		if n++; n == stop {
			return errShaken
		}
		if w.r.IntN(2) == 0 {
			w.write(w.batch(), "")
		}
		if w.r.IntN(3) == 0 {
			w.rezone()
		}
		w.check(3)
		return nil
	}
	_, err := w.roller.Roll(w.t.Context())
	w.durable.between = nil
	w.note("} %v", err)
	if err != nil && !errors.Is(err, errShaken) {
		w.fail("%v", err)
	}
}

// rezone gives a site another zone or currency, sometimes only for a while.
func (w *works) rezone() {
	s := &w.sites[w.r.IntN(len(w.sites))]
	if old := *s; w.r.IntN(2) == 0 {
		defer func() {
			w.write(w.batch(), "")
			*s = old
			w.note("%s is in %s and %s again", s.ID, s.Zone, s.Currency)
		}()
	}
	if w.r.IntN(2) == 0 {
		s.Currency = pickOf(w.r, "INR", "USD", "WST")
	} else {
		zone, err := time.LoadLocation(pickOf(w.r, places...).zone)
		must(w.t, err)
		s.Zone = zone
	}
	w.note("%s is in %s and %s", s.ID, s.Zone, s.Currency)
}

// check asks n questions of both.
func (w *works) check(n int) {
	w.t.Helper()
	w.persons.check(w)
	for range n {
		if q, ok := w.question(); ok {
			w.compare(q)
		}
	}
}

// question makes a random one; false if it makes no sense.
func (w *works) question() (metric.Query, bool) {
	r, n := w.r, w.r.IntN(len(w.sites))
	s := w.sites[n]
	q := metric.Query{Site: s.ID, Metric: pickOf(r, askedOf...), Zone: s.Zone, Currency: s.Currency, Limit: max(0, r.IntN(6)-2),
		Step: pickOf(r, period.Day, period.Week, period.Month, period.Year, period.Total, "total")}
	switch by := pickOf(r, bins.Dimensions...); r.IntN(3) {
	case 0:
		q.By = by
	case 1:
		q.Filters = []metric.Filter{{Dimension: by, Value: pickOf(r, "", "/", "/a", "News", "direct", "US", "phone", "Linux", "mail", "may", "p", "q", "c", "Order Completed", "home")}}
	}
	if r.IntN(30) == 0 {
		q.Zone, q.Step, q.Bots = time.UTC, pickOf(r, period.Hour, period.Day), r.IntN(2) == 0
	}
	mid := period.DateOf(w.around[n], q.Zone)
	from := mid + period.Date(r.IntN(8)-5)
	to := from + 1 + period.Date(r.IntN(8))
	if q.Step != period.Hour && r.IntN(3) == 0 { // whole months, or nearly
		from, to = (mid-period.Date(r.IntN(500))).MonthStart()+period.Date(r.IntN(2)), (mid+period.Date(r.IntN(60))).NextMonth()-period.Date(r.IntN(2))
	}
	q.Window = period.Window{From: from.Window(q.Zone).From, To: to.Window(q.Zone).From}
	if r.IntN(30) == 0 {
		q.Window.From = q.Window.From.Add(time.Hour)
	}
	return q, q.Check() == nil
}

func (w *works) reconcile() {
	w.t.Helper()
	w.note("reconcile")
	found, err := w.roller.Reconcile(w.t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 {
		w.fail("reconcile: %v, %d differences: %+v", err, found.Count, found.Examples)
	}
}
