package bins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"footfall/event"
	"footfall/period"
)

// Snapshot is the event store at one moment: what is written meanwhile does
// not show.
type Snapshot interface {
	// Position is in the queue: every event up to it is in the snapshot.
	Position() event.Position
	// Sites lists the sites that have events.
	Sites(ctx context.Context) ([]string, error)
	// Days lists the UTC days on which a site has events.
	Days(ctx context.Context, site string) ([]event.Day, error)
	// Walk hands over a site's events from one time up to another, ordered by
	// visitor, then time, then arrival, and, in this order, of visitors with a page
	// view in the last SessionGap of these, people with an id, the page views of the
	// SessionDay behind: of these site, kind, time and visitor alone. Of known visitors
	// (those with a user's or an anonymous id, no bots) it hands over only what views,
	// trades or identifies, ordered by the id: the user's, else the anonymous one, and
	// nothing of behind.
	Walk(ctx context.Context, site string, from, to time.Time, known bool, fn func(*event.Event) error) error
	Close() error
}

// Site is what bins must know of a web property.
type Site struct {
	ID       string
	Zone     *time.Location
	Currency string
}

// Options of a Roller; the zero value works.
type Options struct {
	Together int                       // days replaced in one transaction, 16 if zero
	Follower Follower                  // nil for none
	Rolled   func(ctx context.Context) // is called by Run behind each roll; nil is not
	Passing  func(err error) bool      // what keeps a roll from being now, and is nothing wrong: who does it has the days rolled when it ends; nil is nothing
	Log      *slog.Logger
	Now      func() time.Time
}

// Roller keeps bins up to date with the event store. What is written to the
// store goes through Write; Roll recounts the days that became dirty.
type Roller struct {
	durable  Durable
	hot      Hot // nil for none
	snapshot func(ctx context.Context) (Snapshot, error)
	sites    func() []Site
	o        Options

	gate  sync.Mutex // held while the store is written, and to cut: a cut falls between two batches
	mark  uint64     // days touched now get this
	dirty map[Day]uint64
	at    event.Position                       // where hot stands
	bases map[string]map[string]*time.Location // by site: the zones, by Basis, its bins are in or may be after a roll

	frozen map[string]Frozen // by site, as a roll found it last

	overnight overnight
	sessions  *Sessions

	rolling sync.Mutex // one roll at a time
	last    atomic.Pointer[Outcome]
}

// NewRoller makes a Roller. Hot may be nil: then what is not rolled yet is
// counted from the events.
func NewRoller(durable Durable, hot Hot, snapshot func(ctx context.Context) (Snapshot, error), sites func() []Site, o Options) *Roller {
	if o.Together <= 0 {
		o.Together = 16
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Roller{durable: durable, hot: hot, snapshot: snapshot, sites: sites, o: o, bases: map[string]map[string]*time.Location{}}
	r.sessions = newSessions(r)
	return r
}

// Open takes up where an earlier process stopped: days it left dirty stay so,
// and hot buckets begin anew at the position, where the event store stands.
func (r *Roller) Open(ctx context.Context, at event.Position) error {
	s, err := r.durable.State(ctx)
	if err != nil {
		return err
	}
	r.gate.Lock()
	defer r.gate.Unlock()
	r.mark, r.dirty, r.at, r.overnight = 1, map[Day]uint64{}, at, overnight{}
	r.sessions.loseAll()
	for day, mark := range s.Dirty {
		r.dirty[day] = 0 // its mark is of an earlier process: touch it again
		r.mark = max(r.mark, mark+1)
	}
	r.bases = map[string]map[string]*time.Location{}
	for site, basis := range s.Zones {
		name, _, _ := strings.Cut(basis, " ")
		if zone, err := time.LoadLocation(name); err == nil { // else they are made anew
			r.bases[site] = map[string]*time.Location{basis: zone}
		}
	}
	if len(s.Dirty) > 0 {
		at = nowhere // they don't know what was written before
	}
	if r.frozen = s.Frozen; r.o.Follower != nil {
		r.o.Follower.Lose(r.mark)
	}
	return r.reset(ctx, at)
}

func (r *Roller) reset(ctx context.Context, at event.Position) error {
	r.at = at
	if r.hot == nil {
		return nil
	}
	return r.hot.Reset(ctx, at)
}

// Write stores a batch through store, which returns the events that were new,
// and counts these in the hot buckets. The days of the batch are marked dirty on
// disk before anything is stored, so that no crash can hide them.
func (r *Roller) Write(ctx context.Context, events []event.Event, to event.Position, store func() ([]event.Event, error)) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	changed, err := r.touch(ctx, events)
	if err != nil {
		return fmt.Errorf("marking days whose bins are to be rolled: %w", err)
	}
	fresh, err := store()
	r.tell(fresh, err)
	if err != nil || to == (event.Position{}) { // it may be stored all the same, or something was changed
		r.sessions.lose(events)
	} else {
		r.sessions.apply(fresh)
	}
	switch {
	case r.hot == nil || r.at == nowhere:
	case err != nil || changed || to == (event.Position{}):
		// After an error it may have been stored all the same; amounts may be of
		// another currency than those before; and a part of a batch has no
		// position of its own that a cut could fall on.
		r.lose(ctx, err)
	default:
		if err := r.hot.Apply(ctx, fresh, r.at, to); err != nil {
			r.lose(ctx, err) // the events are stored
		} else {
			r.at = to
		}
	}
	return err
}

// lose lets hot buckets stand nowhere: the next roll makes them whole.
func (r *Roller) lose(ctx context.Context, why error) {
	if err := errors.Join(why, r.reset(context.WithoutCancel(ctx), nowhere)); err != nil { // without one, amounts are of another currency, or a batch came in parts
		r.o.Log.Warn("hot buckets are not complete; figures come from the event store until the next roll", "error", err)
	}
}

// nowhere is a position that nobody reads from.
var nowhere = event.Position{Epoch: math.MaxUint64}

// cut is a moment between two batches.
type cut struct {
	snapshot Snapshot
	sites    map[string]Site // as they were
	mark     uint64          // days touched before have this or less
	hot      bool            // hot buckets stand at the snapshot's position

	unfollowed map[string]bool  // sites whose days the follower failed to make
	beyond     map[Day]visitors // of the days counted so far: whose sessions go on behind them
}

// site is the one of an id. Of one that nobody knows, days are those of UTC.
func (c *cut) site(id string) Site {
	s := c.sites[id]
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return s
}

func (r *Roller) cut(ctx context.Context) (c cut, err error) {
	r.gate.Lock()
	defer r.gate.Unlock()
	if c.snapshot, err = r.snapshot(ctx); err != nil {
		return c, err
	}
	c.mark, c.sites, c.unfollowed, c.beyond = r.mark, map[string]Site{}, map[string]bool{}, map[Day]visitors{}
	r.mark++
	r.overnight.cut()
	for _, s := range r.sites() {
		c.sites[s.ID] = s
		if r.bases[s.ID] == nil {
			r.bases[s.ID] = map[string]*time.Location{}
		}
		r.bases[s.ID][Basis(s.Zone, s.Currency)] = s.Zone
	}
	if r.hot == nil {
		return c, nil
	}
	at, err := r.hot.Cut(ctx)
	c.hot = err == nil && at == c.snapshot.Position() && at == r.at
	if !c.hot {
		// They lack something. From here on they are whole again, once the roll
		// has taken up what is stored.
		if err = r.reset(ctx, r.anew(ctx, c.snapshot.Position())); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("hot buckets can't be reached; figures come from the event store", "error", err)
		}
	}
	return c, nil
}

// anew is where hot buckets can begin at a cut: nowhere if some day's bins are of
// this very position already, but lack a part of a batch that was stored since.
func (r *Roller) anew(ctx context.Context, at event.Position) event.Position {
	s, err := r.durable.State(ctx)
	if err != nil {
		return nowhere
	}
	for day := range s.Dirty {
		if s.Since(day) == at {
			return nowhere
		}
	}
	return at
}

// Report says what a roll did.
type Report struct {
	Days int           `json:"days"` // recounted
	Rows int           `json:"rows"` // written
	Took time.Duration `json:"took_ns"`
	Seal Seal          `json:"seal"`
}

// Outcome is what became of a roll.
type Outcome struct {
	Report
	At  time.Time // when it ended; zero if there was none yet
	Err error
}

// Last is what became of the newest roll of this process.
func (r *Roller) Last() Outcome {
	if last := r.last.Load(); last != nil {
		return *last
	}
	return Outcome{}
}

// Roll recounts every dirty day and moves the seal.
func (r *Roller) Roll(ctx context.Context) (Report, error) {
	r.rolling.Lock()
	defer r.rolling.Unlock()
	report, err := r.roll(ctx)
	r.last.Store(&Outcome{report, r.o.Now(), err})
	return report, err
}

func (r *Roller) roll(ctx context.Context) (Report, error) {
	began := r.o.Now()
	c, err := r.cut(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("roll: %w", err)
	}
	defer c.snapshot.Close()
	report := Report{Seal: Seal{Position: c.snapshot.Position(), At: began.UTC()}}
	days, err := r.due(ctx, c)
	if err != nil {
		return report, fmt.Errorf("roll: %w", err)
	}
	for first := true; first || len(days) > 0; first = false {
		n := min(len(days), r.o.Together)
		rows, err := r.replace(ctx, c, days[:n], report.Seal, n == len(days))
		if err != nil {
			return report, fmt.Errorf("roll: %w", err)
		}
		report.Days, report.Rows = report.Days+n, report.Rows+rows
		days = days[n:]
	}
	r.rolled(c)
	if err := r.followed(ctx, c, report.Seal.At); err != nil {
		return report, fmt.Errorf("roll: %w", err)
	}
	report.Took = r.o.Now().Sub(began)
	if r.hot != nil {
		if err := r.hot.Forget(ctx, report.Seal.Position); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("hot buckets keep what is rolled until the next roll", "error", err)
		}
	}
	return report, nil
}

// rolled forgets days that were not touched behind the cut, and what sites were before.
func (r *Roller) rolled(c cut) {
	r.gate.Lock()
	defer r.gate.Unlock()
	for day, at := range r.dirty {
		if at <= c.mark {
			delete(r.dirty, day)
		}
	}
	r.overnight.learn(c.beyond)
	r.sessions.rest()
	for id, s := range c.sites {
		r.bases[id] = map[string]*time.Location{Basis(s.Zone, s.Currency): s.Zone}
	}
}

// due is the days to recount: the dirty ones, and all of a site whose bins are
// of another Basis than the site or were never made.
func (r *Roller) due(ctx context.Context, c cut) ([]Day, error) {
	s, err := r.durable.State(ctx)
	if err != nil {
		return nil, err
	}
	have, err := c.snapshot.Sites(ctx)
	if err != nil {
		return nil, err
	}
	due := map[Day]bool{}
	if err := r.owed(ctx, c, &s, due); err != nil {
		return nil, err
	}
	for day, mark := range s.Dirty {
		if mark <= c.mark {
			due[day] = true
		}
	}
	for site := range s.Frozen { // there may be no events left
		if !slices.Contains(have, site) {
			have = append(have, site)
		}
	}
	for _, site := range have {
		of := c.site(site)
		if s.Zones[site] == Basis(of.Zone, of.Currency) {
			continue
		}
		if err := r.durable.Forget(ctx, site); err != nil {
			return nil, err
		}
		utc, err := c.snapshot.Days(ctx, site)
		if err != nil {
			return nil, err
		}
		for _, date := range datesOf(utc, of.Zone) {
			due[Day{site, date}] = true
		}
		if f, ok := s.Frozen[site]; ok {
			due[Day{site, f.Before}] = true
		}
	}
	maps.DeleteFunc(due, func(day Day, _ bool) bool { return s.IsFrozen(day) })
	return slices.SortedFunc(maps.Keys(due), func(a, b Day) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Date, b.Date))
	}), nil
}

// datesOf is the dates of a zone that UTC days touch; neighbours share some.
func datesOf(days []event.Day, zone *time.Location) (dates []period.Date) {
	for _, day := range days {
		last := period.DateOf(day.Time().Add(24*time.Hour-1), zone)
		for date := period.DateOf(day.Time(), zone); date <= last; date++ {
			dates = append(dates, date)
		}
	}
	return dates
}

// replace recounts days and puts their bins in place.
func (r *Roller) replace(ctx context.Context, c cut, days []Day, seal Seal, last bool) (int, error) {
	rolled := Rolled{Seal: seal, Last: last, Mark: c.mark}
	s, err := r.durable.State(ctx)
	if err != nil {
		return 0, err
	}
	for _, day := range days {
		site := c.site(day.Site)
		tally, beyond, err := count(s.Window(day, site.Zone), site.Currency, func(from, to time.Time, fn func(*event.Event) error) error {
			return c.snapshot.Walk(ctx, day.Site, from, to, false, fn)
		})
		if err == nil {
			err = r.follow(ctx, c, day, s.Window(day, site.Zone))
		}
		if err != nil {
			return 0, fmt.Errorf("%s of site %s: %w", day.Date, day.Site, err)
		}
		c.beyond[day] = beyond
		rolled.Days = append(rolled.Days, DayTally{day, Basis(site.Zone, site.Currency), tally})
	}
	return r.durable.Replace(ctx, rolled)
}

// Run rolls at once, for what an earlier process left, and then at every
// quarter of an hour until ctx ends. A roll that takes long, as that of a day
// with many events does, is given a longer pause, so that at most a twentieth
// of the time goes into it; hot buckets have what comes meanwhile.
func (r *Roller) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := r.o.Now()
		if _, err := r.Roll(ctx); err != nil && ctx.Err() == nil && (r.o.Passing == nil || !r.o.Passing(err)) {
			r.o.Log.Error("bins are not rolled; figures stay right, but come from the event store", "error", err)
		}
		if r.o.Rolled != nil {
			r.o.Rolled(ctx)
		}
		now := r.o.Now()
		next := now.Add(20 * now.Sub(began)).Truncate(period.Bucket).Add(period.Bucket)
		select {
		case <-time.After(next.Sub(now)):
		case <-ctx.Done():
		}
	}
}
