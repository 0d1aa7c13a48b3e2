package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"footfall/event"
	"footfall/period"
)

// within reports whether an object has times of a window; a zero one is all time.
func (o *object) within(w period.Window) bool {
	return w == (period.Window{}) || o.MaxTime >= ceilMillis(w.From) && o.MinTime < ceilMillis(w.To)
}

// Held is what the archive has of a site in a window: about how many events, as an
// object is counted whole, and the times between which they are, which are zero if
// there are none.
func (a *Archive) Held(ctx context.Context, site string, w period.Window) (rows int64, times period.Window, err error) {
	a.reading.RLock()
	defer a.reading.RUnlock()
	objects, err := a.held(ctx, site, w)
	for _, o := range objects {
		from, to := instant(o.MinTime), instant(o.MaxTime).Add(time.Millisecond)
		if times.From.IsZero() || from.Before(times.From) {
			times.From = from
		}
		if to.After(times.To) {
			times.To = to
		}
		rows += o.Rows
	}
	return rows, times, err
}

// held lists a site's objects with times of a window, by their first time.
func (a *Archive) held(ctx context.Context, site string, w period.Window) (all []object, err error) {
	m, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	err = m.each(ctx, a.objects, func(e entry) error {
		for _, o := range e.Objects {
			if o.Site == site && o.within(w) {
				all = append(all, o)
			}
		}
		return ctx.Err()
	})
	slices.SortStableFunc(all, func(a, b object) int { return cmp.Compare(a.MinTime, b.MinTime) })
	return all, err
}

// Each hands over a site's events in a window by time, those of an hour at once. The
// slice belongs to fn only until it returns. What is archived meanwhile is not among
// them.
func (a *Archive) Each(ctx context.Context, site string, w period.Window, fn func(events []event.Event) error) error {
	a.reading.RLock()
	defer a.reading.RUnlock()
	objects, err := a.held(ctx, site, w)
	if err != nil {
		return err
	}
	var later []event.Event // of hours to come, by time: an object of several hours has them
	for len(objects) > 0 || len(later) > 0 {
		next := int64(math.MaxInt64)
		if len(objects) > 0 {
			next = objects[0].MinTime
		}
		if len(later) > 0 {
			next = min(next, later[0].Time.UnixMilli())
		}
		end := instant((floorDiv(next, hourMillis) + 1) * hourMillis)
		var come []event.Event
		for len(objects) > 0 && objects[0].MinTime < end.UnixMilli() {
			if come, err = a.readWithin(ctx, objects[0], w, come); err != nil {
				return fmt.Errorf("archive: %w", err)
			}
			objects = objects[1:]
		}
		var due []event.Event
		if due, later = ofHour(later, come, end); len(due) > 0 {
			if err := fn(due); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// ofHour takes the events before a time out of those that wait, which are by time,
// and those that have come.
func ofHour(waiting, come []event.Event, end time.Time) (due, later []event.Event) {
	byTime := func(a, b event.Event) int { return a.Time.Compare(b.Time) }
	slices.SortStableFunc(come, byTime)
	cut := func(all []event.Event) int {
		n, _ := slices.BinarySearchFunc(all, end, func(e event.Event, end time.Time) int { return e.Time.Compare(end) })
		return n
	}
	n, m := cut(waiting), cut(come)
	due, later = come[:m:m], waiting[n:]
	if n > 0 {
		due = slices.Concat(waiting[:n], due)
		slices.SortStableFunc(due, byTime)
	}
	if m < len(come) {
		later = slices.Concat(later, come[m:])
		slices.SortStableFunc(later, byTime)
	}
	return due, later
}

// readWithin appends an object's events of a window. One that somebody has removed
// has none.
func (a *Archive) readWithin(ctx context.Context, o object, w period.Window, events []event.Event) ([]event.Event, error) {
	f, err := fetch(ctx, a.objects, o)
	if errors.Is(err, fs.ErrNotExist) {
		a.o.Log.Error("archive: an object is missing", "object", o.Name)
		return events, nil
	}
	start := len(events)
	if err == nil {
		events, err = decode(f, o.Site, events)
	}
	if err != nil {
		return events, fmt.Errorf("%s: %w", o.Name, err)
	}
	if w == (period.Window{}) {
		return events, nil
	}
	kept := slices.DeleteFunc(events[start:], func(e event.Event) bool { return e.Time.Before(w.From) || !e.Time.Before(w.To) })
	return events[:start+len(kept)], nil
}
