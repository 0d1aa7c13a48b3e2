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
	wanted, err := a.looked(ctx, site, w, do)
	if err != nil || len(wanted) == 0 {
		return all, err
	}
	all, err = a.edit(ctx, a.anew(wanted, false, func(ctx context.Context, f *parquet.File, o *object) error { return a.writeChanged(ctx, f, do, o) }))
	for _, x := range wanted {
		all.Events += uint64(x.events)
	}
	if err != nil {
		return all, fmt.Errorf("archive: changing events of %s: %w", site, err)
	}
	return all, nil
}

// Changeable counts the events that Change would change, and their objects.
func (a *Archive) Changeable(ctx context.Context, site string, change Changing) (out Removed, err error) {
	wanted, err := a.looked(ctx, site, period.Window{}, change)
	for _, x := range wanted {
		out.Events += uint64(x.events)
		out.Rewritten++
	}
	return out, err
}

// Delete takes events of a site in a window that are gone out of the archive, for
// good, as Change changes some: what comes while it works is to be kept out by
// Options.Gone. The archive's position stays.
func (a *Archive) Delete(ctx context.Context, site string, w period.Window, gone func(*event.Event) bool) (Removed, error) {
	end, err := a.begin(ctx) // what is being written now is not missed
	if err != nil {
		return Removed{}, fmt.Errorf("archive: deleting events of %s: %w", site, err)
	}
	end()
	wanted, err := a.looked(ctx, site, w, counting(gone))
	if err != nil || len(wanted) == 0 {
		return Removed{}, err
	}
	all, err := a.edit(ctx, a.anew(wanted, true, func(ctx context.Context, f *parquet.File, o *object) error {
		return a.writeWithout(ctx, f, gone, o)
	}))
	if err != nil {
		return all, fmt.Errorf("archive: deleting events of %s: %w", site, err)
	}
	return all, nil
}

// Deletable counts the events that Delete would delete, and the bytes of the objects
// that have no others.
func (a *Archive) Deletable(ctx context.Context, site string, w period.Window, gone func(*event.Event) bool) (out Removed, err error) {
	wanted, err := a.looked(ctx, site, w, counting(gone))
	for _, x := range wanted {
		out.Events += uint64(x.events)
		if x.whole {
			out.add(Removed{Objects: 1, Bytes: x.bytes})
		} else {
			out.Rewritten++
		}
	}
	return out, err
}

// counting is a Changing that only counts.
func counting(of func(*event.Event) bool) Changing {
	return func(events []event.Event) (n int) {
		for i := range events {
			if of(&events[i]) {
				n++
			}
		}
		return n
	}
}

// found is what is to be changed of an object.
type found struct {
	events int
	whole  bool // all of it
	bytes  int64
}

// anew makes the cut that puts objects, by name, anew. With drop, those of which all
// is found go instead.
func (a *Archive) anew(wanted map[string]found, drop bool, write func(ctx context.Context, f *parquet.File, o *object) error) func(...entry) *cut {
	now := time.Now()
	return func(entries ...entry) *cut {
		c := &cut{entries: entries, anew: write}
		for i, e := range entries {
			for j, o := range e.Objects {
				switch x, is := wanted[o.Name]; {
				case !is:
				case drop && x.whole:
					c.changes = append(c.changes, change{i, j, o, nil})
				default:
					c.changes = append(c.changes, change{i, j, o, &object{Name: anewName(o.Name, now), Site: o.Site}})
				}
			}
		}
		return c
	}
}

// looked tells which objects of a site, by name, have events that are to be changed,
// among those with events of a window; zero is all.
func (a *Archive) looked(ctx context.Context, site string, w period.Window, change Changing) (map[string]found, error) {
	wanted := map[string]found{}
	a.reading.RLock()
	defer a.reading.RUnlock()
	m, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	err = m.each(ctx, a.objects, func(e entry) error {
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
				wanted[o.Name] = found{n, n == len(events), o.Bytes}
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
	return a.writeSome(ctx, events, func(*event.Event) bool { return true }, o)
}

// writeWithout puts the events of an object that are not gone as another.
func (a *Archive) writeWithout(ctx context.Context, f *parquet.File, gone func(*event.Event) bool, o *object) error {
	events, err := decode(f, o.Site, nil)
	if err != nil {
		return err
	}
	return a.writeSome(ctx, events, func(e *event.Event) bool { return !gone(e) }, o)
}

// writeSome puts some of the events as an object.
func (a *Archive) writeSome(ctx context.Context, events []event.Event, some func(*event.Event) bool, o *object) error {
	var index []int
	for i := range events {
		if some(&events[i]) {
			index = append(index, i)
		}
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
