package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"footfall/event"
)

// fresh is the indexes of the events that are not archived yet, each id once.
func (a *Archive) fresh(ctx context.Context, events []event.Event) ([]int, error) {
	if err := a.load(ctx, a.days.Begin(events)); err != nil {
		return nil, err
	}
	return a.days.Fresh(events, func(suspects []int) (map[event.Ident]bool, error) { return a.find(ctx, events, suspects) })
}

// load reads the ids of days that are archived and not held. Every manifest
// segment and every object is read at most once for it.
func (a *Archive) load(ctx context.Context, missing []event.Day) error {
	wanted := map[event.Day]bool{}
	for _, day := range missing {
		if _, archived := a.manifest.days[day]; archived {
			wanted[day] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return a.each(ctx, wanted, func(e entry) error {
		for _, o := range e.Objects {
			if err := a.loadObject(ctx, o, wanted); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *Archive) loadObject(ctx context.Context, o object, wanted map[event.Day]bool) error {
	needed := false
	for _, day := range o.OriginalDays {
		if wanted[day] {
			a.byDay[day] = append(a.byDay[day], o)
			needed = true
		}
	}
	if !needed {
		return nil
	}
	return a.ids(ctx, o, func(id string, original int64) {
		if day := dayOfMillis(original); wanted[day] {
			a.days.Load(day, event.Key(o.Site, id))
		}
	})
}

// learn takes a committed flush into what is held of its days, and forgets
// days that have not been asked for.
func (a *Archive) learn(e entry) {
	for _, o := range e.Objects {
		for _, day := range o.OriginalDays {
			a.byDay[day] = append(a.byDay[day], o)
		}
	}
	for _, day := range a.days.Trim() {
		delete(a.byDay, day)
	}
}

// each calls fn with the manifest's entries, leaving out segments that have
// none of the days.
func (a *Archive) each(ctx context.Context, days map[event.Day]bool, fn func(entry) error) error {
	for _, s := range a.manifest.segments {
		if !slices.ContainsFunc(s.Days, func(d event.Day) bool { return days[d] }) {
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

// find tells which of the suspected events are archived, by reading the ids of
// their days' objects. A resent event has its old original time, so objects
// around that time are read first; usually the others need not be.
func (a *Archive) find(ctx context.Context, events []event.Event, suspects []int) (map[event.Ident]bool, error) {
	found := make(map[event.Ident]bool, len(suspects))
	open := map[string]int{}
	originals := map[string][]int64{}
	objects := map[string]object{}
	asked := map[event.Day]struct{}{}
	for _, i := range suspects {
		e := &events[i]
		found[e.Ident()] = false
		asked[e.Day()] = struct{}{}
		open[e.Site]++
		originals[e.Site] = append(originals[e.Site], e.Original.UnixMilli())
	}
	for day := range asked {
		for _, o := range a.byDay[day] {
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
			k := event.Ident{Day: dayOfMillis(original), Site: o.Site, ID: id}
			if done, suspected := found[k]; suspected && !done {
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
