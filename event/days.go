package event

import (
	"cmp"
	"slices"
)

// Days holds, for the UTC days that events came for lately, the ids that are
// kept: an id counts once within its day. Which days' ids were kept earlier its
// owner must know, and load them when such a day is missing here.
// It is not safe for concurrent use.
type Days struct {
	most int // ids held beyond those of the days in use
	sets map[Day]*daySeen
	turn uint64
	ids  int
}

type daySeen struct {
	*Seen
	used uint64 // the turn it was last used in
}

// NewDays makes a Days that holds at most so many ids (about 5 bytes each)
// beyond those of the days in use.
func NewDays(most int) *Days { return &Days{most: most, sets: map[Day]*daySeen{}} }

// Begin starts a turn with the events of a batch and returns the days that are
// not held, for which ids may have been kept earlier: their owner loads those
// with Load before it calls Add. The days of the batch are in use until the
// next turn.
func (d *Days) Begin(events []Event) (missing []Day) {
	d.turn++
	last, none := Day(0), true
	for i := range events {
		day := events[i].Day()
		if day == last && !none {
			continue
		}
		last, none = day, false
		set := d.sets[day]
		if set == nil {
			set = &daySeen{Seen: NewSeen()}
			d.sets[day] = set
			missing = append(missing, day)
		}
		set.used = d.turn
	}
	return missing
}

// Load adds an id that was kept earlier, unless its day is not held.
func (d *Days) Load(day Day, key uint64) {
	if set := d.sets[day]; set != nil && set.Add(key) {
		d.ids++
	}
}

// Release gives up a day of the running turn that is too much to load.
func (d *Days) Release(day Day) {
	if set := d.sets[day]; set != nil {
		d.ids -= set.Len()
		delete(d.sets, day)
	}
}

// Ident is what counts once: an id within its site and the UTC day of the
// event's original time.
type Ident struct {
	Day      Day
	Site, ID string
}

// Ident is what of the event counts once.
func (e *Event) Ident() Ident { return Ident{e.Day(), e.Site, e.ID} }

// together is how many ids are looked up at a time: their places in memory are
// far apart, and are fetched side by side if nothing stands between the lookups.
const together = 128

// Fresh adds the events of the running turn and returns the indexes, in order,
// of those that are new, each id once. Sets may mistake a new id for a known
// one, and of days that are not held nothing is known: of such suspects confirm
// tells which are kept.
func (d *Days) Fresh(events []Event, confirm func(suspects []int) (kept map[Ident]bool, err error)) ([]int, error) {
	fresh := make([]int, 0, len(events))
	var suspects []int
	var hashes [together]uint64
	var sets [together]*daySeen
	var keys keys
	var day Day
	set := d.sets[day]
	for from := 0; from < len(events); from += together {
		part := events[from:min(from+together, len(events))]
		for i := range part {
			if its := part[i].Day(); its != day {
				day, set = its, d.sets[its]
			}
			hashes[i], sets[i] = keys.of(part[i].Site, part[i].ID), set
		}
		for i := range part {
			if set := sets[i]; set != nil && set.Add(hashes[i]) {
				d.ids++
				fresh = append(fresh, from+i)
			} else {
				suspects = append(suspects, from+i)
			}
		}
	}
	if len(suspects) == 0 {
		return fresh, nil
	}
	kept, err := confirm(suspects)
	if err != nil {
		return nil, err
	}
	for _, i := range fresh {
		kept[events[i].Ident()] = true
	}
	for _, i := range suspects {
		if who := events[i].Ident(); !kept[who] {
			kept[who] = true
			fresh = append(fresh, i)
		}
	}
	slices.Sort(fresh)
	return fresh, nil
}

// Trim forgets days that are not in use, longest unused first, until the rest
// keeps within the limit, and returns them.
func (d *Days) Trim() (forgotten []Day) {
	if d.ids <= d.most {
		return nil
	}
	var idle []Day
	inUse := 0
	for day, set := range d.sets {
		if set.used == d.turn {
			inUse += set.Len()
			continue
		}
		idle = append(idle, day)
	}
	slices.SortFunc(idle, func(a, b Day) int {
		return cmp.Or(cmp.Compare(d.sets[a].used, d.sets[b].used), cmp.Compare(a, b))
	})
	for _, day := range idle {
		if d.ids-inUse <= d.most {
			break
		}
		d.ids -= d.sets[day].Len()
		delete(d.sets, day)
		forgotten = append(forgotten, day)
	}
	return forgotten
}
