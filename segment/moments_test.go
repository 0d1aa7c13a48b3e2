package segment

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// calmWorks has a site in UTC that keeps two months, and nothing happens by chance.
func calmWorks(t *testing.T) *works {
	w := newWorks(t, 0)
	w.now = time.Date(2024, 5, 10, 12, 0, 0, 0, time.UTC)
	w.sites = []Site{{ID: "shop", Zone: time.UTC, Currency: "EUR", Months: 2}}
	w.roll()
	return w
}

// bringOne stores one event.
func (w *works) bringOne(e event.Event) {
	w.t.Helper()
	e.ID, e.Site, e.Original = fmt.Sprint("one", len(w.has)), "shop", e.Time
	w.bring([]event.Event{e}, event.Position{Epoch: 1, Seq: w.log.at.Seq + 1}, "")
}

func (w *works) person(visitor string) Person {
	w.t.Helper()
	p, err := w.live.Visitor(w.t.Context(), "shop", visitor)
	w.must(err)
	return p
}

// TestMissed: a site that is turned on, or keeps more, before the next roll says
// that it is not complete.
func TestMissed(t *testing.T) {
	for name, months := range map[string]int{"off": 0, "less": 1} {
		w := calmWorks(t)
		w.sites[0].Months = months
		w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now.AddDate(0, 0, -40)})
		if months > 0 && !w.person("u").Complete {
			t.Errorf("%s: an event that is too old makes it incomplete", name)
		}
		w.sites[0].Months = 2
		if p := w.person("u"); p.Complete || len(p.History) > 0 {
			t.Errorf("%s: %+v", name, p)
		}
		if w.roll(); !w.person("u").Complete || len(w.person("u").History) != 1 {
			t.Errorf("%s: after a roll: %+v", name, w.person("u"))
		}
	}
}

// TestLateTraits: what is said later counts at once; what comes late and
// contradicts what is kept is not certain until the next roll, and nobody is told
// before.
func TestLateTraits(t *testing.T) {
	w := calmWorks(t)
	definitions := func(string) []Definition { return w.definitions[3:] } // pro
	say := func(ago time.Duration, traits string) {
		w.bringOne(event.Event{Kind: event.Identify, UserID: "u", Time: w.now.Add(-ago), Traits: traits})
	}
	say(time.Hour, `{"plan":"free","seats":1}`)
	w.roll()
	say(30*time.Minute, `{"plan":"gold"}`)
	say(2*time.Hour, `{"seats":1}`)
	if p := w.person("u"); !p.Complete || p.Traits["plan"] != "gold" {
		t.Errorf("said later: %+v", p)
	}
	say(45*time.Minute, `{"plan":"pro"}`)
	if p := w.person("u"); !p.Complete || p.Traits["plan"] != "gold" {
		t.Errorf("said between: %+v", p)
	}
	w.roll()
	say(29*time.Minute, `{"plan":"pro"}`)
	w.roll()
	say(40*time.Minute, `{"plan":"free"}`)
	if p := w.person("u"); p.Complete {
		t.Errorf("nobody knows what was said last: %+v", p)
	}
	for range 2 {
		w.must(w.live.Tick(t.Context(), definitions))
		if p := w.person("u"); len(p.In) > 0 {
			t.Errorf("moved although it is not certain: %+v", p)
		}
	}
	w.roll()
	w.must(w.live.Tick(t.Context(), definitions))
	if p := w.person("u"); !p.Complete || p.Traits["plan"] != "pro" || len(p.In) != 1 {
		t.Errorf("after a roll: %+v", p)
	}
}

// TestTickWaits: where there are no definitions nobody moves or is listed, and
// afterwards nobody is left out.
func TestTickWaits(t *testing.T) {
	w := calmWorks(t)
	definitions := w.definitions
	tick := func() { w.must(w.live.Tick(t.Context(), func(string) []Definition { return definitions })) }
	in := func() int { return len(w.person("u").In) }
	tick()
	w.bringOne(event.Event{Kind: event.Track, Name: "Product Viewed", Properties: `{"product_id":"p"}`, UserID: "u", Time: w.now})
	if tick(); in() != 2 {
		t.Errorf("in %d segments", in())
	}
	for range 2 {
		definitions = nil
		tick()
		w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now}) // not idle any more
	}
	if b := w.live.books["shop"]; len(b.changed) > 0 || in() != 2 {
		t.Errorf("without segments %d visitors are listed; in %d", len(b.changed), in())
	}
	definitions = w.definitions
	if tick(); in() != 1 {
		t.Errorf("in %d segments at last", in())
	}
}

// TestTooOld: of whom nothing is kept any more leaves all segments, with notices;
// who did something since, which is in memory only, stays.
func TestTooOld(t *testing.T) {
	w := calmWorks(t)
	view := func(visitor string) {
		w.bringOne(event.Event{Kind: event.Track, Name: "Product Viewed", Properties: `{"product_id":"p"}`, UserID: visitor, Time: w.now})
	}
	pass := func() {
		w.must(w.live.Pass(t.Context(), "shop", w.definitions, w.live.today(w.sites[0])))
		w.hear()
	}
	view("gone")
	view("back")
	w.roll()
	if pass(); len(w.person("gone").In) != 2 || len(w.person("back").In) != 2 {
		t.Fatalf("%+v and %+v, want them in two segments", w.person("gone"), w.person("back"))
	}
	w.now = w.now.AddDate(0, 4, 0)
	view("back")
	_, err := w.live.Forget(t.Context(), "shop")
	w.must(err)
	pass()
	if got := fmt.Sprint(w.told); got != "map[shop back idle:[segment.entered] shop back viewed:[segment.entered] shop gone idle:[segment.entered segment.left] shop gone viewed:[segment.entered segment.left]]" {
		t.Errorf("told %s", got)
	}
	if past, err := w.kept.Read(t.Context(), "shop", "gone"); err != nil || len(past.In) > 0 {
		t.Errorf("left of it is %+v, %v", past, err)
	}
}

// TestOffMeanwhile: a site that is turned off while all its visitors are tested
// keeps nothing of them.
func TestOffMeanwhile(t *testing.T) {
	w := calmWorks(t)
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	forgot := make(chan error)
	w.kept.reading = func() {
		w.kept.reading, w.sites[0].Months = nil, 0
		go func() {
			_, err := w.live.Forget(t.Context(), "shop")
			forgot <- err
		}()
	}
	if err := w.live.Pass(t.Context(), "shop", w.definitions, w.live.today(w.sites[0])); !errors.Is(err, ErrOff) {
		t.Error(err)
	}
	w.must(<-forgot)
	if p, err := w.kept.Read(t.Context(), "shop", "u"); err != nil || len(p.In) > 0 {
		t.Errorf("left: %+v, %v", p, err)
	}
	if n, _, _ := w.kept.Waiting(t.Context()); n > 0 {
		t.Errorf("%d notices of a site that keeps nothing", n)
	}
}

// TestFirstRows: a visitor whose first day goes into rows while all are read
// comes once, and is not left out.
func TestFirstRows(t *testing.T) {
	w := calmWorks(t)
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	for _, when := range []string{"first", "again"} {
		w.kept.reading = func() { w.kept.reading = nil; w.roll() }
		m, err := w.live.Matching(t.Context(), "shop", w.definitions)
		if err != nil || m.Visitors != 1 || !m.Complete {
			t.Errorf("%s: %+v, %v", when, m, err)
		}
		w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	}
}

// TestMemoryEnds: with more than is allowed the site that takes most is given up
// until the next roll, which is asked for once; another stays complete.
func TestMemoryEnds(t *testing.T) {
	w := calmWorks(t)
	w.sites = append(w.sites, Site{ID: "small", Zone: time.UTC, Currency: "EUR", Months: 2})
	w.roll()
	w.live.o.Bytes = 3000
	asked := 0
	w.live.o.Lost = func() { asked++ }
	small := event.Event{ID: "small", Site: "small", Kind: event.Page, UserID: "u0", Time: w.now, Original: w.now}
	w.bring([]event.Event{small}, event.Position{Epoch: 1, Seq: w.log.at.Seq + 1}, "")
	for i := range 50 {
		w.bringOne(event.Event{Kind: event.Page, UserID: fmt.Sprint("u", i), Time: w.now})
	}
	if p := w.person("u0"); p.Complete || w.live.bytes > 3000 || asked != 1 {
		t.Errorf("%d bytes, %+v, a roll asked for %d times", w.live.bytes, p, asked)
	}
	if p, err := w.live.Visitor(t.Context(), "small", "u0"); err != nil || !p.Complete || len(p.History) != 1 {
		t.Errorf("the other site: %+v, %v", p, err)
	}
	if w.roll(); !w.person("u0").Complete || len(w.person("u0").History) != 1 || w.live.bytes != 0 || w.live.books["shop"].bytes != 0 {
		t.Errorf("after a roll: %d bytes, %+v", w.live.bytes, w.person("u0"))
	}
}

// TestAsksForARoll: what may be stored without being told is in the next roll,
// which is asked for; but not at the start, when one comes anyway.
func TestAsksForARoll(t *testing.T) {
	w := calmWorks(t)
	asked := 0
	w.live = NewLive(w.kept, w.kept, w.kept, func() []Site { return w.sites }, Options{Lost: func() { asked++ }})
	w.live.Lose(1)
	w.must(w.live.Rolled(t.Context(), 1, w.now, nil))
	if asked != 0 {
		t.Error("a roll is asked for at the start")
	}
	w.live.Lose(2)
	w.live.Lose(2)
	if asked != 1 {
		t.Errorf("a roll is asked for %d times", asked)
	}
}

// TestFrozen: dates that can't be counted again stay as they are, whatever comes.
func TestFrozen(t *testing.T) {
	w := calmWorks(t)
	old := w.now.AddDate(0, 0, -20)
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: old})
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	w.roll()
	before := period.DateOf(w.now, nil) - 10
	w.must(w.durable.Freeze(t.Context(), "shop", before, before.Window(time.UTC).From))
	w.log.events = w.log.events[1:]
	w.sites[0].Zone = w.zone("America/New_York") // all days are owed
	w.roll()
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: old})
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: before.Window(time.UTC).From.Add(time.Hour)}) // there it is the day before
	if b, _, err := w.kept.Basis(t.Context(), "shop"); err != nil || b.Counted != before || b.From >= before {
		t.Errorf("in another zone nothing is counted before %s: %+v, %v", before, b, err)
	}
	for _, when := range []string{"live", "rolled"} {
		h := w.person("u").History
		if p := w.person("u"); !p.Complete || len(h[history.Whole]) != 3 || h.Sum(history.Whole, before-20, before)[history.Views] != 1 || h.Sum(history.Whole, before, before+1)[history.Views] != 1 {
			t.Errorf("%s: %+v", when, p)
		}
		w.roll()
	}
}

// TestManyFigures: a visitor with more items than are looked through keeps one
// figure of each.
func TestManyFigures(t *testing.T) {
	d := &doings{}
	for i := range 10_000 {
		d.count(figure{uint32(i*7) % 100, uint32(i) % 2, 1})
	}
	d.merge()
	sum := int64(0)
	for _, f := range d.figures {
		sum += f.n
	}
	if len(d.figures) != 100 || cap(d.figures) > 300 || sum != 10_000 {
		t.Errorf("%d figures (room for %d), sum %d", len(d.figures), cap(d.figures), sum)
	}
}

// TestTriedAgain: to read everything again and again makes nothing dearer, as
// long as little comes in between.
func TestTriedAgain(t *testing.T) {
	w := calmWorks(t)
	b := w.live.book("shop")
	for i := range 300 {
		w.bringOne(event.Event{Kind: event.Page, UserID: fmt.Sprint("u", i), Time: w.now})
		if m, err := w.live.Matching(t.Context(), "shop", w.definitions); err != nil || m.Visitors != i+1 {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if n := len(b.generations); n != 1 {
		t.Errorf("%d generations", n)
	}
	pieces := b.seal()
	w.bringOne(event.Event{Kind: event.Page, UserID: "u7", Time: w.now})
	if n := pieces[0].visitors["u7"].figures[0].n; n != 1 || views(w.person("u7")) != 2 {
		t.Errorf("%d views where there was one", n)
	}
	var many []event.Event
	for i := range few + 1 {
		many = append(many, event.Event{Site: "shop", Kind: event.Page, UserID: fmt.Sprint("u", i), Time: w.now})
	}
	for range 2 { // now there are too many to copy
		w.live.Apply(many, 2)
		pieces = b.seal()
	}
	if last := pieces[len(pieces)-1].visitors["u7"]; len(b.generations) != 2 || last.figures[0].n != 1 {
		t.Errorf("%d generations, %+v", len(b.generations), last)
	}
}

// TestApplyCosts: while events of sites without histories are applied, nothing is
// made of each.
func TestApplyCosts(t *testing.T) {
	w := calmWorks(t)
	batch := make([]event.Event, 10_000)
	for i := range batch {
		batch[i] = event.Event{Site: "off", Kind: event.Page, UserID: "u", Time: w.now}
	}
	if n := testing.AllocsPerRun(5, func() { w.live.Apply(batch, 1) }); n > 50 {
		t.Errorf("%v allocations for sites without histories", n)
	}
	for i := range batch {
		batch[i].Site = "shop"
	}
	if n := testing.AllocsPerRun(5, func() { w.live.Apply(batch, 1) }); n > 100 {
		t.Errorf("%v allocations for views", n)
	}
}

// TestCounted: histories promise only dates that could be counted. What is frozen
// stays counted if only the months change.
func TestCounted(t *testing.T) {
	w := calmWorks(t)
	counted := func() period.Date {
		t.Helper()
		w.roll()
		b, _, err := w.kept.Basis(t.Context(), "shop")
		w.must(err)
		if b.Counted < b.From {
			t.Errorf("%+v", b)
		}
		return b.Counted
	}
	from := w.live.from(w.sites[0])
	frozen := period.DateOf(w.now, nil) - 10
	w.bringOne(event.Event{Kind: event.Page, UserID: "u", Time: w.now})
	if got := counted(); got != from {
		t.Errorf("at first counted from %s, want %s", got, from)
	}
	w.must(w.durable.Freeze(t.Context(), "shop", frozen, frozen.Window(time.UTC).From))
	w.sites[0].Months = 3
	if got := counted(); got != from {
		t.Errorf("with more months counted from %s, want %s", got, from)
	}
	w.sites[0].Months = 0
	_, err := w.live.Forget(t.Context(), "shop")
	w.must(err)
	w.sites[0].Months = 3
	if got := counted(); got != frozen {
		t.Errorf("off and on: counted from %s, want %s", got, frozen)
	}
	w.now = w.now.AddDate(0, 6, 0)
	_, err = w.live.Forget(t.Context(), "shop")
	w.must(err)
	if got, want := counted(), w.live.from(w.sites[0]); got != want {
		t.Errorf("later counted from %s, want %s", got, want)
	}
}
