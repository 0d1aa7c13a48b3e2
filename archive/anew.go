package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
	"footfall/period"
)

// Changing is what Change does to events, in place: it counts those that it
// changed. Site, id, time and original time of an event it leaves as they are.
type Changing func(events []event.Event) (changed int)

// Change changes events of a site that are archived already, for good: objects
// that have such events are written anew, and the old ones removed. A Write that is
// under way is waited for. What comes while it works it may miss: that is to be
// changed before it is archived. Like Remove it works in steps, and may be called again after an error.
func (a *Archive) Change(ctx context.Context, site string, do Changing) (Removed, error) {
	return a.ChangeWithin(ctx, site, period.Window{}, do)
}

// ChangeWithin is Change of the objects that have events of a window; all of them if
// it is zero. Events beside it, in the same objects, are given to do, too.
func (a *Archive) ChangeWithin(ctx context.Context, site string, w period.Window, do Changing) (Removed, error) {
	var all Removed
	end, err := a.begin(ctx) // what is being written now is not missed
	if err != nil {
		return all, fmt.Errorf("archive: changing events of %s: %w", site, err)
	}
	end()
	wanted, err := a.changing(ctx, site, w, do)
	if err != nil || len(wanted) == 0 {
		return all, err
	}
	now := time.Now()
	edit := func(entries ...entry) *cut {
		c := &cut{entries: entries}
		for i, e := range entries {
			for j, o := range e.Objects {
				if wanted[o.Name] > 0 {
					c.changes = append(c.changes, change{i, j, o, &object{Name: anewName(o.Name, now), Site: o.Site}})
				}
			}
		}
		c.anew = func(ctx context.Context, f *parquet.File, o *object) error { return a.writeChanged(ctx, f, do, o) }
		return c
	}
	all, err = a.edit(ctx, edit)
	for _, n := range wanted {
		all.Events += uint64(n)
	}
	if err != nil {
		return all, fmt.Errorf("archive: changing events of %s: %w", site, err)
	}
	return all, nil
}

// Changeable counts the events that Change would change, and their objects.
func (a *Archive) Changeable(ctx context.Context, site string, change Changing) (out Removed, err error) {
	wanted, err := a.changing(ctx, site, period.Window{}, change)
	for _, n := range wanted {
		out.Events += uint64(n)
		out.Rewritten++
	}
	return out, err
}

// changing tells which objects of a site, with events of a window, have events that are to be changed, and
// how many.
func (a *Archive) changing(ctx context.Context, site string, w period.Window, change Changing) (map[string]int, error) {
	wanted := map[string]int{}
	a.reading.RLock()
	defer a.reading.RUnlock()
	m := a.now()
	err := m.each(ctx, a.objects, func(e entry) error {
		for _, o := range e.Objects {
			if o.Site != site || !o.within(w) {
				continue
			}
			f, err := fetch(ctx, a.objects, o)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			var events []event.Event
			if err == nil {
				events, err = decode(f, site, nil)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", o.Name, err)
			}
			if n := change(events); n > 0 {
				wanted[o.Name] = n
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("archive: looking through events of %s: %w", site, err)
	}
	return wanted, nil
}

// writeChanged puts all events of an object, changed, as another.
func (a *Archive) writeChanged(ctx context.Context, f *parquet.File, change Changing, o *object) error {
	events, err := decode(f, o.Site, nil)
	if err != nil {
		return err
	}
	change(events)
	index := make([]int, len(events))
	for i := range index {
		index[i] = i
	}
	o.describe(events, index)
	return a.objects.Put(ctx, o.Name, func(w io.Writer) (err error) {
		o.Bytes, o.Checksum, err = a.encoder.encode(w, events, index)
		return err
	})
}

const anewPart = "-anew-"

// anewName is the name of an object that is written anew at a time.
func anewName(name string, at time.Time) string {
	stem, _, _ := strings.Cut(strings.TrimSuffix(name, ".parquet"), anewPart)
	for ; ; at = at.Add(time.Millisecond) {
		next := fmt.Sprintf("%s%s%s.parquet", stem, anewPart, at.UTC().Format("20060102T150405.000"))
		if next != name {
			return next
		}
	}
}
