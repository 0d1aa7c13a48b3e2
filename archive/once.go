package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"footfall/event"
)

// An event counts once by its site, id and the UTC day of its original time.
type idKey struct {
	site, id string
	day      event.Day
}

func keyOf(e *event.Event) idKey { return idKey{e.Site, e.ID, e.Day()} }

// days holds the ids of the days that events came for lately. A day is read
// from its objects when an event of it comes, and forgotten when it is the one
// longest not asked for.
type days struct {
	o     Options
	sets  map[event.Day]*dayIDs
	flush uint64 // number of the running Write, to know what is in use
}

type dayIDs struct {
	seen    *event.Seen
	objects []object // all that hold events of the day
	used    uint64
}

func newDays(o Options) days { return days{o: o, sets: map[event.Day]*dayIDs{}} }

func (d *days) begin() { d.flush++ }

// add takes the events of a committed flush into the days held.
func (d *days) add(events []event.Event, index []int32, e entry) {
	for _, i := range index {
		if set := d.sets[events[i].Day()]; set != nil {
			set.seen.Add(event.Key(events[i].Site, events[i].ID))
		}
	}
	for _, o := range e.Objects {
		for _, day := range o.OriginalDays {
			if set := d.sets[day]; set != nil {
				set.objects = append(set.objects, o)
			}
		}
	}
}

// trim forgets days the running flush did not need, longest unused first,
// until the rest keeps within the options.
func (d *days) trim() {
	var idle []event.Day
	ids := 0
	for day, set := range d.sets {
		if set.used != d.flush {
			idle = append(idle, day)
			ids += set.seen.Len()
		}
	}
	slices.SortFunc(idle, func(a, b event.Day) int {
		return cmp.Or(cmp.Compare(d.sets[a].used, d.sets[b].used), cmp.Compare(a, b))
	})
	for _, day := range idle {
		if len(d.sets) <= d.o.Days && ids <= d.o.IDs {
			return
		}
		ids -= d.sets[day].seen.Len()
		delete(d.sets, day)
	}
}

// fresh is the indexes of the events that are not archived yet, each key once.
func (a *Archive) fresh(ctx context.Context, events []event.Event) ([]int32, error) {
	if err := a.load(ctx, events); err != nil {
		return nil, err
	}
	batch := make(map[idKey]struct{}, len(events))
	fresh := make([]int32, 0, len(events))
	var doubtful []int32
	for i := range events {
		e := &events[i]
		k := keyOf(e)
		if _, twice := batch[k]; twice {
			continue
		}
		batch[k] = struct{}{}
		if set := a.days.sets[k.day]; set != nil && set.seen.Has(event.Key(e.Site, e.ID)) {
			doubtful = append(doubtful, int32(i))
			continue
		}
		fresh = append(fresh, int32(i))
	}
	if len(doubtful) == 0 {
		return fresh, nil
	}
	found, err := a.find(ctx, events, doubtful)
	if err != nil {
		return nil, err
	}
	for _, i := range doubtful {
		if !found[keyOf(&events[i])] {
			fresh = append(fresh, i)
		}
	}
	return fresh, nil
}

// load reads the ids of the events' days that are archived and not held yet.
// Every manifest segment and every object is read at most once for it.
func (a *Archive) load(ctx context.Context, events []event.Event) error {
	wanted := map[event.Day]*dayIDs{}
	known := a.manifest.days
	last, first := event.Day(0), true
	for i := range events {
		day := events[i].Day()
		if day == last && !first {
			continue
		}
		last, first = day, false
		if set := a.days.sets[day]; set != nil {
			set.used = a.days.flush
		} else if _, ok := known[day]; ok && wanted[day] == nil {
			wanted[day] = &dayIDs{seen: event.NewSeen(), used: a.days.flush}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	err := a.each(ctx, wanted, func(e entry) error {
		for _, o := range e.Objects {
			if err := a.loadObject(ctx, o, wanted); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for day, set := range wanted {
		a.days.sets[day] = set
	}
	return nil
}

func (a *Archive) loadObject(ctx context.Context, o object, wanted map[event.Day]*dayIDs) error {
	needed := false
	for _, day := range o.OriginalDays {
		if set := wanted[day]; set != nil {
			set.objects = append(set.objects, o)
			needed = true
		}
	}
	if !needed {
		return nil
	}
	return a.ids(ctx, o, func(id string, original int64) {
		if set := wanted[dayOfMillis(original)]; set != nil {
			set.seen.Add(event.Key(o.Site, id))
		}
	})
}

// each calls fn with the manifest's entries, leaving out segments that have
// none of the days.
func (a *Archive) each(ctx context.Context, days map[event.Day]*dayIDs, fn func(entry) error) error {
	for _, s := range a.manifest.segments {
		if !slices.ContainsFunc(s.Days, func(d event.Day) bool { return days[d] != nil }) {
			continue
		}
		if err := s.each(ctx, a.objects, fn); err != nil {
			return err
		}
	}
	for _, e := range a.manifest.tail {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// find tells which of the doubtful events are archived, by reading the ids of
// their days' objects. A resent event has its old original time, so objects
// around that time are read first; usually the others need not be.
func (a *Archive) find(ctx context.Context, events []event.Event, doubtful []int32) (map[idKey]bool, error) {
	found := make(map[idKey]bool, len(doubtful))
	open := map[string]int{}
	originals := map[string][]int64{}
	objects := map[string]object{}
	asked := map[event.Day]struct{}{}
	for _, i := range doubtful {
		e := &events[i]
		found[keyOf(e)] = false
		asked[e.Day()] = struct{}{}
		open[e.Site]++
		originals[e.Site] = append(originals[e.Site], e.Original.UnixMilli())
	}
	for day := range asked {
		for _, o := range a.days.sets[day].objects {
			if open[o.Site] > 0 {
				objects[o.Name] = o
			}
		}
	}
	for _, times := range originals {
		slices.Sort(times)
	}
	var near, far []object
	for _, o := range objects {
		times := originals[o.Site]
		if i, _ := slices.BinarySearch(times, o.MinOriginal); i < len(times) && times[i] <= o.MaxOriginal {
			near = append(near, o)
		} else {
			far = append(far, o)
		}
	}
	for _, o := range append(near, far...) {
		if open[o.Site] == 0 {
			continue
		}
		err := a.ids(ctx, o, func(id string, original int64) {
			k := idKey{o.Site, id, dayOfMillis(original)}
			if done, doubted := found[k]; doubted && !done {
				found[k] = true
				open[o.Site]--
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// ids calls fn with the id and original time (in milliseconds) of the object's
// events. An object somebody has removed holds none: old objects may be cleared
// away, and that must not stop new ones.
func (a *Archive) ids(ctx context.Context, o object, fn func(id string, original int64)) error {
	f, err := fetch(ctx, a.objects, o)
	if errors.Is(err, fs.ErrNotExist) {
		a.o.Log.Error("archive: an object is missing; its events will be taken for new if they come again", "object", o.Name)
		return nil
	}
	if err == nil {
		err = decodeIDs(f, fn)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	return nil
}
