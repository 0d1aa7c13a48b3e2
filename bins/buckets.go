package bins

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"footfall/event"
	"footfall/period"
)

// Slot is a 15-minute bucket of a site.
type Slot struct {
	Site  string
	Start int64 // Unix time in seconds
}

// SlotOf is the bucket that an event belongs to.
func SlotOf(site string, t time.Time) Slot {
	return Slot{site, t.Truncate(period.Bucket).Unix()}
}

// Buckets are the tallies of 15-minute buckets, without sessions. A bucket
// without a figure is not there.
type Buckets map[Slot]Tally

// Add counts events. The currency of each site is what currency says.
func (b Buckets) Add(events []event.Event, currency func(site string) string) {
	type counting struct {
		adder
		currency string
	}
	slots := map[Slot]*counting{}
	var last Slot // events in a row are mostly of one
	var c *counting
	for i := range events {
		e := &events[i]
		if slot := SlotOf(e.Site, e.Time); c == nil || slot != last {
			last, c = slot, slots[slot]
		}
		if c == nil {
			c = &counting{adder{Tally: b[last]}, currency(e.Site)}
			if c.Tally == nil {
				c.Tally = Tally{}
			}
			slots[last] = c
		}
		c.add(e, c.currency)
	}
	for slot, c := range slots {
		if len(c.Tally) > 0 {
			b[slot] = c.Tally
		}
	}
}

// Cell is one value's bucket.
type Cell struct {
	Value string
	Start int64 // Unix time in seconds
}

// Cells are the buckets that answer a HotRange.
type Cells map[Cell]*Bin

// Bin is the cell's, made if there is none.
func (c Cells) Bin(value string, start int64) *Bin {
	at := Cell{value, start}
	b := c[at]
	if b == nil {
		b = &Bin{}
		c[at] = b
	}
	return b
}

// Each hands over the buckets by value and time.
func (c Cells) Each(ctx context.Context, fn func(value string, bucket time.Time, b *Bin) error) error {
	order := func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Start, b.Start))
	}
	for _, at := range slices.SortedFunc(maps.Keys(c), order) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(at.Value, time.Unix(at.Start, 0).UTC(), c[at]); err != nil {
			return err
		}
	}
	return nil
}

// Bins is how many bins the buckets have.
func (b Buckets) Bins() (n int) {
	for _, t := range b {
		n += len(t)
	}
	return n
}
