// Package bins keeps figures ready: durable bins of days, months, years and all
// time (bins/sqlite), and hot 15-minute buckets of what arrived since
// (bins/memory, bins/redis). The law of both is in bins/binstest;
// docs/format/bins.md describes the rows.
//
// A day's bins are never incremented: Roller recounts a day that has become
// dirty from the event store and replaces its rows. The seal is the position in
// the queue up to which events are rolled; hot buckets hold what came behind it.
package bins

import (
	"context"
	"errors"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Counted lists the additive figures of a bin, in the order of Counts. New ones
// go to the end: their place is stored.
var Counted = [...]metric.Name{metric.PageViews, metric.Sessions, metric.Bounces, metric.Downloads,
	metric.ProductViews, metric.CartAdds, metric.Orders, metric.Revenue, metric.Refunds, metric.Refunded,
	metric.Events, metric.SessionViews, metric.SessionSeconds}

// Lately is the first place of the figures that bins have since version 3 of their
// format: dates that were frozen before have none of them, see Frozen.
const Lately = 10

// OfSessions reports whether a figure is of sessions, which need their neighbours: hot
// buckets have none of these.
func OfSessions(m metric.Name) bool {
	return m == metric.Sessions || m == metric.Bounces || m == metric.SessionViews || m == metric.SessionSeconds
}

// Counts are the additive figures of a bin; money in thousandths of the site's currency.
type Counts [len(Counted)]int64

// Place is where a metric stands in Counts; -1 if it is not additive.
func Place(m metric.Name) int {
	for i, x := range Counted {
		if x == m {
			return i
		}
	}
	return -1
}

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	for i := range c {
		c[i] += o[i]
	}
}

// Dimensions lists what has bins of its own, beside the site as a whole.
var Dimensions = []metric.Dimension{"page", "source", "class", "country", "device", "browser", "os",
	"utm_source", "utm_medium", "utm_campaign", "event", "product", "category"}

// Subject is what a bin counts for within a site: the site itself (By is "") or
// one value of a dimension.
type Subject struct {
	By    metric.Dimension
	Value string
}

// Bin is the figures of a subject in a period. People only: bots have no bins.
type Bin struct {
	Counts   Counts
	Visitors Sketch // of page views
}

// Merge adds what o counts to b.
func (b *Bin) Merge(o *Bin) {
	b.Counts.Add(&o.Counts)
	b.Visitors.Merge(&o.Visitors)
}

// Tally is the bins of one site and stretch of time.
type Tally map[Subject]*Bin

// Day is a date of a site, in the site's zone.
type Day struct {
	Site string
	Date period.Date
}

// Seal says up to where events are rolled into bins.
type Seal struct {
	Position event.Position
	At       time.Time // when it was rolled
}

// State is what durable bins know of themselves.
type State struct {
	Seal  Seal
	Dirty map[Day]uint64    // days that got events since they were rolled, with the mark they got last
	Days  map[Day]Seal      // days whose bins are newer than Seal: when they were rolled
	Zones map[string]string // by site: the Basis of its bins, once its first roll has ended

	Frozen map[string]Frozen // by site: whose older dates can't be counted again

	// Versions has a number for each site that has bins, another one whenever they
	// may have changed: what was read of one version is as good as reading it again.
	// No number is ever given twice, but by another process.
	Versions map[string]uint64
}

// Basis is what a site's bins depend on beside its events: with another zone or
// currency they are made anew.
func Basis(zone *time.Location, currency string) string { return zone.String() + " " + currency }

// Since is the position up to which the day's bins count.
func (s *State) Since(d Day) event.Position {
	if own := s.Days[d].Position; s.Seal.Position.Less(own) {
		return own
	}
	return s.Seal.Position
}

// Rolled is what one roll brings.
type Rolled struct {
	Days []DayTally
	Seal Seal   // of the days' bins
	Last bool   // the durable bins' own seal moves there, too
	Mark uint64 // the days are dirty no more if they got no mark above this
}

// DayTally is all bins of a day.
type DayTally struct {
	Day   Day
	Zone  string // the site's Basis
	Tally Tally
}

// Range asks for bins of one subject, or of each value of a dimension.
type Range struct {
	Site     string
	By       metric.Dimension
	Value    string      // of By; ignored if Each
	Each     bool        // every value of By
	From, To period.Date // To not included
	Months   bool        // whole months as one bin each, other days singly
	Visitors bool        // fill Bin.Visitors
}

// Span is the dates a bin is of, To not included.
type Span struct{ From, To period.Date }

// Durable keeps rolled bins.
type Durable interface {
	State(ctx context.Context) (State, error)
	// Touch makes days dirty with a mark; it is on disk when it returns nil.
	Touch(ctx context.Context, mark uint64, days ...Day) error
	// Replace puts the days' bins into the place of those that are there, with
	// the sums of months, years and all time that follow, in one transaction.
	// It writes the rows that change and returns how many.
	Replace(ctx context.Context, r Rolled) (rows int, err error)
	// Read hands over the bins in a range, by value and date. Bins of days
	// without any figure are left out.
	Read(ctx context.Context, r Range, fn func(value string, span Span, b *Bin) error) error
	// Forget removes a site's bins, all of them if site is "", and the seal with
	// them. Those of frozen dates stay, with the sums that follow.
	Forget(ctx context.Context, site string) error
}

// ErrLost tells that hot buckets don't reach back to where they are asked from,
// or don't stand where an Apply goes on: they were emptied, by a restart say.
// What they lack is in the event store; the next roll makes them whole.
var ErrLost = errors.New("hot buckets are not complete")

// Hot keeps 15-minute buckets of the events behind the seal. It counts
// everything but what is OfSessions.
type Hot interface {
	// Apply counts events that are new, taken from the queue behind from and up
	// to to, exactly once: ErrLost if it does not stand at from.
	Apply(ctx context.Context, events []event.Event, from, to event.Position) error
	// Cut begins a new generation where it stands and returns the position:
	// from here on, Read can tell what came behind it.
	Cut(ctx context.Context) (event.Position, error)
	// Forget drops generations that end at or before the position.
	Forget(ctx context.Context, upTo event.Position) error
	// Reset empties it and lets it stand at the position.
	Reset(ctx context.Context, at event.Position) error
	// Read hands over the buckets of one subject, or of each value, in window w
	// (whole buckets) with what came behind since, which must be a cut or reset.
	Read(ctx context.Context, r HotRange, fn func(value string, bucket time.Time, b *Bin) error) error
}

// HotRange asks for buckets.
type HotRange struct {
	Site   string
	By     metric.Dimension
	Value  string // of By; ignored if Each
	Each   bool
	Window period.Window
	Since  event.Position // of a cut or reset
	Until  event.Position // of a later cut; zero for all that came
}
