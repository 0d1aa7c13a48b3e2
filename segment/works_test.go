package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the property holds on machines without a zone database

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/history"
	"footfall/history/historytest"
	"footfall/period"
)

// stored is an event store at a moment: events in the order of their arrival.
type stored struct {
	events []event.Event
	at     event.Position
	walks  func() // when histories are walked
}

func (s stored) Position() event.Position { return s.at }
func (s stored) Close() error             { return nil }

func (s stored) Sites(context.Context) (sites []string, err error) {
	for i := range s.events {
		if e := &s.events[i]; !slices.Contains(sites, e.Site) {
			sites = append(sites, e.Site)
		}
	}
	return sites, nil
}

func (s stored) Days(_ context.Context, site string) (days []event.Day, err error) {
	for i := range s.events {
		e := &s.events[i]
		if day := event.DayOf(e.Time); e.Site == site && !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return days, nil
}

func (s stored) Walk(ctx context.Context, site string, from, to time.Time, known bool, fn func(*event.Event) error) error {
	var found []event.Event
	for i := range s.events {
		e := &s.events[i]
		if _, is := history.Known(e); e.Site == site && !e.Time.Before(from) && e.Time.Before(to) && (is || !known) {
			found = append(found, *e)
		}
	}
	slices.SortStableFunc(found, func(a, b event.Event) int {
		if known {
			return cmp.Or(cmp.Compare(cmp.Or(a.UserID, a.AnonymousID), cmp.Or(b.UserID, b.AnonymousID)), a.Time.Compare(b.Time))
		}
		return cmp.Or(cmp.Compare(a.Visitor, b.Visitor), a.Time.Compare(b.Time))
	})
	if known && s.walks != nil {
		s.walks()
	}
	for i := range found {
		if err := cmp.Or(ctx.Err(), fn(&found[i])); err != nil {
			return err
		}
	}
	return nil
}

// shaken is a keeper of histories in which something may come between.
type shaken struct {
	*historytest.Model
	replacing  func() error // before and behind every Replace, and before it commits
	reading    func()       // before every Each
	basing     func() error // before every SetBasis
	forgetting func()       // before and behind every Forget
}

func (s *shaken) SetBasis(ctx context.Context, site string, b history.Basis) error {
	if s.basing != nil {
		if err := s.basing(); err != nil {
			return err
		}
	}
	return s.Model.SetBasis(ctx, site, b)
}

func (s *shaken) Forget(ctx context.Context, site string, before period.Date) (history.Removed, error) {
	if s.forgetting == nil {
		return s.Model.Forget(ctx, site, before)
	}
	s.forgetting()
	defer s.forgetting()
	return s.Model.Forget(ctx, site, before)
}

func (s *shaken) Replace(ctx context.Context, site string, date period.Date, days iter.Seq2[history.Day, error], committing func(func() error) error) (r history.Report, err error) {
	if s.replacing == nil {
		return s.Model.Replace(ctx, site, date, days, committing)
	}
	if err := s.replacing(); err != nil {
		return r, err
	}
	r, err = s.Model.Replace(ctx, site, date, days, func(commit func() error) error {
		if err := s.replacing(); err != nil {
			return err
		}
		return committing(commit)
	})
	return r, cmp.Or(err, s.replacing())
}

func (s *shaken) Each(ctx context.Context, site string, fn func(history.Past) error, items ...history.Item) error {
	if s.reading != nil {
		s.reading()
	}
	return s.Model.Each(ctx, site, fn, items...)
}

// places are zones and moments at which something happens to their clocks or
// their calendars.
var places = []struct{ zone, currency, around string }{
	{"Asia/Kolkata", "INR", "2024-03-31T18:30:00Z"},
	{"America/New_York", "USD", "2024-03-10T07:00:00Z"},
	{"America/New_York", "USD", "2024-11-03T06:00:00Z"},
	{"Pacific/Apia", "WST", "2011-12-30T10:00:00Z"},
}

var errShaken = errors.New("shaken")

// works is two sites with histories and what stands around them.
type works struct {
	t           *testing.T
	r           *rand.Rand
	seed        uint64
	did         []string
	now         time.Time
	around      time.Time
	sites       []Site
	sent        []event.Event // whether they were stored or not
	log         stored
	has         map[string]bool // ids stored
	durable     *binstest.DurableModel
	kept        *shaken
	roller      *bins.Roller
	live        *Live
	definitions []Definition
	told        map[string][]string // by site, visitor and segment: the types of notices
	heard       uint64              // last message
	looking     bool                // at all visitors
	calm        bool                // nothing happened that makes histories incomplete
	complete    int                 // answers that were
	uncertain   int                 // that were not for late traits
	incomplete  int
}

func newWorks(t *testing.T, seed uint64) *works {
	w := &works{t: t, r: rand.New(rand.NewPCG(seed, 9)), seed: seed, has: map[string]bool{}, durable: binstest.NewDurableModel(),
		kept: &shaken{Model: historytest.NewModel()}, told: map[string][]string{}}
	place := places[seed%uint64(len(places))]
	w.around, _ = time.Parse(time.RFC3339, place.around)
	w.now = w.around.Add(50 * time.Hour)
	for i, months := range []int{2, w.r.IntN(3)} {
		w.sites = append(w.sites, Site{ID: fmt.Sprint("site-", i), Zone: w.zone(place.zone), Currency: place.currency, Months: months})
	}
	found, err := Parse([]byte(`segments:
  - {name: viewed, when: {views: {product: p, last: 2 days, at_least: 1}}}
  - {name: bought, when: {revenue: {at_least: 5}}}
  - {name: idle, when: {not: {views: {last: 1 day, at_least: 1}}}}
  - {name: pro, when: {any: [{trait: {plan: pro}}, {orders: {category: c, last: 1 month, more_than: 1}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		d.Version = 1
		w.definitions = append(w.definitions, d)
	}
	w.open()
	return w
}

func (w *works) zone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	w.must(err)
	return zone
}

// open is a new process on what is kept.
func (w *works) open() {
	now := func() time.Time { return w.now }
	w.calm = false
	w.live = NewLive(w.kept, w.kept, w.kept, func() []Site { return slices.Clone(w.sites) }, Options{Now: now})
	w.roller = bins.NewRoller(w.durable, nil, func(context.Context) (bins.Snapshot, error) {
		return stored{slices.Clone(w.log.events), w.log.at, w.log.walks}, nil
	}, func() (sites []bins.Site) {
		for _, s := range w.sites {
			sites = append(sites, bins.Site{ID: s.ID, Zone: s.Zone, Currency: s.Currency})
		}
		return sites
	}, bins.Options{Together: 1 + w.r.IntN(3), Follower: w.live, Now: now})
	w.must(w.roller.Open(w.t.Context(), w.log.at))
}

func (w *works) must(err error) {
	w.t.Helper()
	if err != nil {
		w.fail("%v", err)
	}
}

func (w *works) note(what string, args ...any) { w.did = append(w.did, fmt.Sprintf(what, args...)) }

func (w *works) fail(what string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("LIVE_SEED=%d, after %q:\n%s", w.seed, w.did, fmt.Sprintf(what, args...))
}

func pickOf[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// event makes one, most of them near a midnight.
func (w *works) event() event.Event {
	r, s := w.r, pickOf(w.r, w.sites...)
	at := w.around.Add(time.Duration(r.Int64N(int64(96*time.Hour))) - 48*time.Hour)
	switch midnight := period.Day.Start(at, s.Zone); r.IntN(8) {
	case 0, 1:
		at = midnight.Add(time.Duration(r.Int64N(int64(2*time.Hour))) - time.Hour)
	case 2:
		at = midnight.Add(pickOf(r, 0, -time.Millisecond, time.Millisecond))
	case 3:
		at = at.AddDate(0, pickOf(r, -14, -3, -2, -1, -1), 0)
	case 4:
		at = w.now
	}
	at = at.UTC().Truncate(time.Millisecond)
	e := event.Event{ID: fmt.Sprint("e", len(w.sent)), Site: s.ID, Kind: event.Page, Time: at, Original: at, Received: at, Visitor: uint64(r.IntN(4)),
		UserID: pickOf(r, "", "", "", "u1", "u2", "ü"), AnonymousID: pickOf(r, "", "a1", "a2", "u1"), Bot: pickOf(r, "", "", "", "", "", "agent")}
	switch r.IntN(5) {
	case 0:
		e.Kind, e.Traits = event.Identify, pickOf(r, `{"plan":"pro"}`, `{"plan":"free","seats":2}`, `{"plan":null}`, `{"address":{"city":"Łódź"}}`, `{"address":{"zip":null}}`,
			`{"vip":true}`, `[1]`, ``, `{}`)
	case 1, 2:
		e.Kind, e.Name = event.Track, pickOf(r, event.Download, "Product Viewed", "Product Viewed", "Product Added", "Order Completed", "Order Completed", "Order Refunded", "Signed Up")
		e.Properties = pickOf(r, "", `{"product_id":"p","category":"c","price":1.5}`, `{"revenue":7,"currency":"USD","products":[{"sku":"q","price":7}]}`,
			`{"currency":"inr","products":[{"sku":"q","category":"c","price":"2.001"},{"sku":"p","category":"c","price":3},{"sku":"q","price":-1}]}`,
			`{"total":-3.5,"currency":"wst","product_id":"p"}`)
	}
	return e
}

// write brings a batch as the pump does: again until it is stored.
func (w *works) write(trouble string) {
	var batch []event.Event
	for range 1 + w.r.IntN(15) {
		if len(w.sent) > 0 && w.r.IntN(5) == 0 {
			batch = append(batch, pickOf(w.r, w.sent...))
			continue
		}
		e := w.event()
		w.sent = append(w.sent, e)
		batch = append(batch, e)
	}
	if n := len(batch) / 2; w.r.IntN(3) == 0 {
		w.bring(batch[:n], event.Position{}, "")
		batch = batch[n:]
	}
	w.bring(batch, event.Position{Epoch: 1, Seq: w.log.at.Seq + 1}, trouble)
}

func (w *works) bring(batch []event.Event, to event.Position, trouble string) {
	w.note("%d events %s", len(batch), trouble)
	for {
		err := w.roller.Write(w.t.Context(), batch, to, func() (fresh []event.Event, err error) {
			if trouble == "before" {
				return nil, errShaken
			}
			for _, e := range batch {
				if !w.has[e.ID] {
					w.has[e.ID] = true
					fresh, w.log.events = append(fresh, e), append(w.log.events, e)
				}
			}
			if to != (event.Position{}) {
				w.log.at = to
			}
			if trouble == "behind" {
				return fresh, errShaken
			}
			return fresh, nil
		})
		if trouble == "" {
			w.must(err)
			return
		}
		if !errors.Is(err, errShaken) {
			w.fail("a write: %v", err)
		}
		trouble, w.calm = "", false
		w.check()
	}
}

// truth counts a visitor's past from the events.
func (w *works) truth(s Site, visitor string, until period.Date) (history.History, map[string]string) {
	h, traits := history.History{}, map[string]string{}
	var said []event.Event
	for _, e := range w.log.events {
		date := period.DateOf(e.Time, s.Zone)
		if id, known := history.Known(&e); !known || id != visitor || e.Site != s.ID || date < w.live.from(s) || date > until {
			continue
		}
		Count(h, &e, s.Currency, date)
		if e.Kind == event.Identify {
			said = append(said, e)
		}
	}
	slices.SortStableFunc(said, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	for i := range said {
		history.AddTraits(traits, &said[i])
	}
	return h, traits
}

var everybody = []string{"u1", "u2", "ü", "a1", "a2", "nobody"}

// same fails if a complete answer is not what the events say.
func (w *works) same(s Site, visitor string, p Person) {
	w.t.Helper()
	h, traits := w.truth(s, visitor, math.MaxInt32)
	if !p.Complete {
		return
	}
	w.complete++
	if !reflect.DeepEqual(p.History, h) || !reflect.DeepEqual(p.Traits, traits) {
		w.fail("%s of %+v\n%v %v\nwant\n%v %v", visitor, s, p.History, p.Traits, h, traits)
	}
	if !p.AsOf.Equal(w.now) {
		w.fail("a complete answer is as of %v", p.AsOf)
	}
}

// check compares what is known of all visitors with the events.
func (w *works) check() {
	w.t.Helper()
	for _, s := range w.sites {
		if s.Months == 0 {
			if _, err := w.live.Visitor(w.t.Context(), s.ID, "u1"); !errors.Is(err, ErrOff) {
				w.fail("a site without histories: %v", err)
			}
			continue
		}
		whole, err := w.live.complete(w.t.Context(), s)
		w.must(err)
		if w.calm && !whole {
			w.fail("%s is not complete", s.ID)
		}
		for _, visitor := range everybody {
			p, err := w.live.Visitor(w.t.Context(), s.ID, visitor)
			w.must(err)
			w.same(s, visitor, p)
			if !whole {
				w.incomplete++
			} else if !p.Complete {
				w.uncertain++
			}
		}
		if !w.looking && w.r.IntN(3) == 0 {
			w.checkAll(s, whole)
		}
	}
}

// checkAll looks at all visitors at once, while something comes in between.
func (w *works) checkAll(s Site, whole bool) {
	w.t.Helper()
	w.looking = true
	defer func() { w.looking = false }()
	type past struct {
		history.History
		traits map[string]string
	}
	want := map[string]past{}
	for _, visitor := range everybody {
		h, traits := w.truth(s, visitor, math.MaxInt32)
		want[visitor] = past{h, traits}
	}
	w.kept.reading = func() {
		w.kept.reading = nil
		switch n := w.r.IntN(3); {
		case n == 0:
			w.write("")
		case n == 1 && w.kept.replacing == nil:
			w.note("roll while all are read")
			_, err := w.roller.Roll(w.t.Context())
			w.must(err)
		}
	}
	got := map[string]Person{}
	v, err := w.live.each(w.t.Context(), s, nil, func(v *view, past history.Past) error {
		if _, twice := got[past.Visitor]; twice {
			w.fail("%s comes twice", past.Visitor)
		}
		p, err := v.person(past, nil, math.MaxInt32)
		got[past.Visitor] = p
		return err
	})
	w.must(err)
	for visitor, past := range want {
		p, there := got[visitor]
		if v.complete && (!there && len(past.History)+len(past.traits) > 0 || p.Complete && (!reflect.DeepEqual(p.History, past.History) || !reflect.DeepEqual(p.Traits, past.traits))) {
			w.fail("%s of %s among all: %+v, want %+v", visitor, s.ID, p, past)
		}
		delete(got, visitor)
	}
	if len(got) > 0 {
		w.fail("nobody knows %v", got)
	}
}
