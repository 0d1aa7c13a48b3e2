// Package reprocess works out what events that are kept become when what was
// derived of them is derived again, and what that does to the figures of each date.
// It reads and changes nothing itself.
package reprocess

import (
	"time"

	"footfall/enrich"
	"footfall/event"
	"footfall/period"
)

// Change is what is derived anew of one event.
type Change struct {
	ID       string    `json:"id"`
	Original time.Time `json:"original"` // in its UTC day the id counts once
	Time     time.Time `json:"time"`
	enrich.Derived
}

// Event is a site's event with nothing but what the change has.
func (c *Change) Event(site string) event.Event {
	e := event.Event{Site: site, ID: c.ID, Time: c.Time, Original: c.Original}
	c.Put(&e)
	return e
}

// Counts is how many events of a date there are, and of how many what was derived changes.
type Counts struct {
	Events   int `json:"events"`
	Changed  int `json:"changed"`
	Source   int `json:"source,omitempty"` // source or class
	Campaign int `json:"campaign,omitempty"`
	Bot      int `json:"bot,omitempty"`
	Session  int `json:"session,omitempty"`
	Other    int `json:"other,omitempty"` // path or referrer
}

// Add adds the counts of another date.
func (c *Counts) Add(o Counts) {
	c.Events += o.Events
	c.Changed += o.Changed
	c.Source += o.Source
	c.Campaign += o.Campaign
	c.Bot += o.Bot
	c.Session += o.Session
	c.Other += o.Other
}

func (c *Counts) count(was, now enrich.Derived) {
	c.Changed++
	for _, field := range []struct {
		differs bool
		n       *int
	}{
		{was.Source != now.Source || was.Class != now.Class, &c.Source}, {was.Campaign != now.Campaign, &c.Campaign},
		{was.Bot != now.Bot, &c.Bot}, {was.Session != now.Session, &c.Session},
		{was.Path != now.Path || was.Referrer != now.Referrer, &c.Other},
	} {
		if field.differs {
			*field.n++
		}
	}
}

// Date is what becomes of a date of the site.
type Date struct {
	Date   string    `json:"date"`
	From   time.Time `json:"from"` // the part of it that was asked for
	To     time.Time `json:"to"`
	Counts           // of events
	// Quarters are the quarters of an hour that have events which change.
	Quarters []time.Time  `json:"quarters,omitempty"`
	Figures  []Difference `json:"figures,omitempty"` // those that change
}

// Options of a Reader. All are required.
type Options struct {
	Again *enrich.Again
	Zone  *time.Location // of the site
	// Changed is told of every event that changes, by time, and Done when a date that
	// has events is over. An error of theirs ends the reading.
	Changed func(Change) error
	Done    func(Date) error
	// Gone tells of an event that no archive takes in, as it was deleted by hand. What
	// would become one stays as it is, but for its session: it was not deleted, and a
	// store that is made anew would lack it.
	Gone func(*event.Event) bool
}

// Reader takes a site's events by time.
type Reader struct {
	o           Options
	window      period.Window // what is left of what was asked for
	now         Date
	open        bool
	was, become *tally
}

// NewReader makes a Reader of a window, whose events are to be taken from
// enrich.Gap before it on.
func NewReader(w period.Window, o Options) *Reader {
	return &Reader{o: o, window: w, was: newTally(), become: newTally()}
}

// Lead takes an event from before the window, and what is derived of it by now.
func (r *Reader) Lead(e *event.Event, now enrich.Derived) {
	r.was.lead(e)
	was := enrich.DerivedOf(e)
	now.Put(e)
	r.o.Again.Recall(e)
	r.become.lead(e)
	was.Put(e)
}

// Take takes an event of the window.
func (r *Reader) Take(e *event.Event) error {
	if r.open && !e.Time.Before(r.now.To) {
		if err := r.End(); err != nil {
			return err
		}
	}
	if !r.open {
		r.begin(e.Time)
	}
	r.now.Events++
	was := enrich.DerivedOf(e)
	r.was.add(e)
	r.o.Again.Enrich(e)
	now := enrich.DerivedOf(e)
	if r.o.Gone(e) {
		session := now.Session
		now = was
		now.Session = session
		now.Put(e)
	}
	r.become.add(e)
	if now == was {
		return nil
	}
	r.now.count(was, now)
	quarter := e.Time.Truncate(period.Bucket)
	if n := len(r.now.Quarters); n == 0 || r.now.Quarters[n-1].Before(quarter) {
		r.now.Quarters = append(r.now.Quarters, quarter)
	}
	return r.o.Changed(Change{e.ID, e.Original, e.Time, now})
}

func (r *Reader) begin(at time.Time) {
	date := period.DateOf(at, r.o.Zone)
	w := date.Window(r.o.Zone)
	r.now, r.open = Date{Date: date.String(), From: w.From.UTC(), To: w.To.UTC()}, true
	if r.now.From.Before(r.window.From) {
		r.now.From = r.window.From.UTC()
	}
	if r.window.To.Before(r.now.To) {
		r.now.To = r.window.To.UTC()
	}
}

// End ends the date that is being read: call it behind the last event.
func (r *Reader) End() error {
	if !r.open {
		return nil
	}
	r.open = false
	r.now.Figures = differences(r.was, r.become)
	r.was.next(r.now.To)
	r.become.next(r.now.To)
	return r.o.Done(r.now)
}
