package segment

import (
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// Site is what Live must know of a web property.
type Site struct {
	ID       string
	Zone     *time.Location
	Currency string
	Months   int // for which histories are kept; 0 is no histories
}

// Options of Live; the zero value works.
type Options struct {
	// Bytes is about how much memory may go into what came since the last roll,
	// 256 MiB if zero. With more, the site that takes most is given up: its
	// answers are not complete until the next roll. A visitor who views two
	// products takes some 220 bytes.
	Bytes int
	// Lost is called when histories begin to lack something until the next roll,
	// so that one can be asked for soon. It must not wait; nil is nobody.
	Lost func()
	// Told reports whether somebody is told of a site's changes; nil is always.
	// Else visitors enter and leave segments without a notice.
	Told func(site string) bool
	Log  *slog.Logger
	Now  func() time.Time
}

// ErrOff tells that a site keeps no histories.
var ErrOff = errors.New("the site keeps no histories: set for how many months it shall")

// Live is the histories of known visitors as they are now: the rows that are
// kept, made when days are rolled, and in memory what came since. It is the
// bins.Follower that makes the rows. Many may use it at once.
type Live struct {
	store   history.Store
	bases   history.Bases
	members history.Members
	sites   func() []Site
	o       Options

	made  sync.RWMutex // held while a day's rows take the place of what memory has; by readers of both
	mu    sync.RWMutex // guards what follows
	books map[string]*book
	bytes int              // of all books
	lost  uint64           // with marks up to this one, events of any site may be missing in memory
	asOf  time.Time        // what was received before is in the rows
	due   map[string]*owed // sites of which all days are being made anew

	basing sync.Mutex // held while it changes what the rows of a site are made with
	moving sync.Mutex // one Tick or Pass at a time
}

// NewLive makes Live on a store. It is not complete before the first roll.
// sites lists the sites as they are now.
func NewLive(store history.Store, bases history.Bases, members history.Members, sites func() []Site, o Options) *Live {
	if o.Bytes <= 0 {
		o.Bytes = 256 << 20
	}
	if o.Lost == nil {
		o.Lost = func() {}
	}
	if o.Told == nil {
		o.Told = func(string) bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Live{store: store, bases: bases, members: members, sites: sites, o: o, lost: math.MaxUint64, books: map[string]*book{}, due: map[string]*owed{}}
}

// Person is what is known of a visitor at a moment.
type Person struct {
	History  history.History   // of the items that were asked for
	Traits   map[string]string // see history.AddTraits
	In       []history.Member  // the segments, as they were last told
	Today    period.Date       // in the site's zone
	Complete bool              // nothing that is stored is missing
	AsOf     time.Time         // what was received before is in it; zero if that is unknown
}

// site is a site that keeps histories, or ErrOff.
func (l *Live) site(id string) (Site, error) {
	all := l.sites()
	i := slices.IndexFunc(all, func(s Site) bool { return s.ID == id && s.Months > 0 })
	if i < 0 {
		return Site{}, ErrOff
	}
	return all[i], nil
}

// today is the date in the site's zone.
func (l *Live) today(s Site) period.Date { return period.DateOf(l.o.Now(), s.Zone) }

// from is the first date that the site keeps: that of the month in which the
// last so many months begin.
func (l *Live) from(s Site) period.Date { return monthsBefore(l.today(s)+1, s.Months).MonthStart() }

// basis is what the site's histories are to be made with.
func (l *Live) basis(s Site) history.Basis {
	return history.Basis{Zone: s.Zone.String(), Currency: s.Currency, From: l.from(s)}
}

// keeping is a site that keeps histories, as Apply found it.
type keeping struct {
	Site
	from  period.Date
	basis history.Basis // without From
}

// keeping lists the sites that keep histories, by id.
func (l *Live) keeping() map[string]*keeping {
	sites := map[string]*keeping{}
	for _, s := range l.sites() {
		if s.Months > 0 {
			sites[s.ID] = &keeping{s, l.from(s), history.Basis{Zone: s.Zone.String(), Currency: s.Currency}}
		}
	}
	return sites
}

// arrival is what an event adds to a visitor's date.
type arrival struct {
	site     *keeping
	date     period.Date
	visitor  string
	from, to int // in what all arrivals did
	said     said
}

// arrive reads an event of a known visitor and appends what it adds; false if
// that is nothing.
func arrive(did []did, s *keeping, visitor string, e *event.Event) (arrival, []did, bool) {
	a := arrival{site: s, date: period.DateOf(e.Time, s.Zone), visitor: visitor, from: len(did)}
	if e.Kind == event.Identify {
		a.said, a.to = said{e.Time.UnixMilli(), e.Traits}, a.from
		return a, did, len(patch{}.add(e.Traits)) > 0
	}
	did = count(did, e, s.Currency)
	a.to = len(did)
	return a, did, a.to > a.from
}

// Apply keeps what known visitors did, until it is rolled.
func (l *Live) Apply(events []event.Event, mark uint64) {
	sites, off := l.keeping(), map[string]struct{}{}
	var arrivals []arrival
	var did []did
	var last string // site that is off
	if len(sites) > 0 {
		arrivals = make([]arrival, 0, len(events))
	}
	for i := range events {
		visitor, known := history.Known(&events[i])
		if !known {
			continue
		}
		s := sites[events[i].Site]
		if s == nil {
			if events[i].Site != last {
				last = events[i].Site
				off[last] = struct{}{}
			}
			continue
		}
		var a arrival
		var any bool
		if a, did, any = arrive(did, s, visitor, &events[i]); any {
			arrivals = append(arrivals, a)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for site := range off { // before the next roll it may keep histories, or longer ones
		l.book(site).miss(math.MaxInt32, mark)
	}
	for i := range arrivals {
		a := &arrivals[i]
		b := l.book(a.site.ID)
		if a.date = max(a.date, b.first); a.date < a.site.from {
			b.miss(a.date, mark)
		} else {
			l.bytes += b.add(a, did[a.from:a.to], mark)
		}
	}
	for l.bytes > l.o.Bytes {
		l.loseLargest(mark)
	}
}

// loseLargest gives up the site that takes most memory.
func (l *Live) loseLargest(mark uint64) {
	var site string
	var b *book
	for id, other := range l.books {
		if b == nil || other.bytes > b.bytes {
			site, b = id, other
		}
	}
	l.o.Log.Warn("what visitors did since the last roll takes too much memory; the site's histories are not complete before the next one", "site", site, "bytes", b.bytes)
	if b.lost < mark || b.missed < math.MaxInt32 { // else a roll is asked for
		l.o.Lost()
	}
	l.bytes -= b.bytes
	b.lose()
	b.miss(math.MaxInt32, mark)
}

// Lose forgets what came since the last roll.
func (l *Live) Lose(mark uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost < mark { // else, as at the start, a roll is to come
		l.o.Lost()
	}
	l.lost, l.bytes = mark, 0
	for _, b := range l.books {
		b.lose()
	}
}

// book is a site's. mu is held.
func (l *Live) book(site string) *book {
	b := l.books[site]
	if b == nil {
		b = &book{said: map[period.Date]int64{}, unsure: true, first: bins.FirstDate, missed: math.MinInt32}
		l.books[strings.Clone(site)] = b
	}
	return b
}
