package archive

import (
	"context"
	"encoding/json"
	"fmt"

	"footfall/event"
)

// Scan calls fn with the events of every flush that reaches beyond after, in
// the order they were archived, and the position up to which the archive is
// complete with them. A flush is delivered whole: one that lies across after
// brings events from before it, too, and one whose events were all duplicates
// brings none. The slice belongs to fn only until it returns. Scan ends with
// the flush that was the newest when it began, or with fn's first error.
func (a *Archive) Scan(ctx context.Context, after event.Position, fn func(events []event.Event, to event.Position) error) error {
	a.reading.RLock()
	defer a.reading.RUnlock()
	m, err := a.now(ctx)
	if err != nil {
		return err
	}
	var events []event.Event
	one := func(e entry) error {
		if !after.Less(e.To) {
			return nil
		}
		var err error
		if events, err = a.read(ctx, e, events[:0]); err != nil {
			return fmt.Errorf("archive: reading flush %d: %w", e.Number, err)
		}
		return fn(events, e.To)
	}
	for _, s := range m.segments {
		if !after.Less(s.Last.To) {
			continue
		}
		if err := s.each(ctx, a.objects, one); err != nil {
			return err
		}
	}
	for _, e := range m.tail {
		if err := one(e); err != nil {
			return err
		}
	}
	return nil
}

// Check compares the objects there are with those the manifest names: unknown
// ones are counted twice by whoever reads the folder, missing ones are lost.
// It lists the whole archive. Don't call it during a Write.
func (a *Archive) Check(ctx context.Context) (unknown, missing []string, err error) {
	a.reading.RLock()
	defer a.reading.RUnlock()
	m, err := a.now(ctx)
	if err != nil {
		return nil, nil, err
	}
	return m.check(ctx, a.objects)
}

// now is the entries there are.
func (a *Archive) now(ctx context.Context) (manifest, error) {
	if err := a.Known(ctx); err != nil {
		return manifest{}, err
	}
	return a.entries(), nil
}

func (a *Archive) entries() manifest {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return manifest{segments: a.manifest.segments, tail: a.manifest.tail}
}

// read appends the events of a flush.
func (a *Archive) read(ctx context.Context, e entry, events []event.Event) ([]event.Event, error) {
	for _, o := range e.Objects {
		if err := ctx.Err(); err != nil {
			return events, err
		}
		f, err := fetch(ctx, a.objects, o)
		if err == nil {
			events, err = decode(f, o.Site, events)
		}
		if err != nil {
			return events, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	return events, nil
}

// each calls fn with all entries.
func (m *manifest) each(ctx context.Context, objects Objects, fn func(entry) error) error {
	for _, s := range m.segments {
		if err := s.each(ctx, objects, fn); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	for _, e := range m.tail {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// each calls fn with the segment's entries.
func (s segment) each(ctx context.Context, objects Objects, fn func(entry) error) error {
	next := s.First
	header := true
	err := getLines(ctx, objects, s.name(), func(line []byte) error {
		if header {
			header = false
			return nil
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.Number != next {
			return &damageError{fmt.Sprintf("entry %d where %d is due", e.Number, next)}
		}
		next++
		return fn(e)
	})
	if err == nil && next != s.Last.Number+1 {
		err = &damageError{"entries are missing"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name(), err)
	}
	return nil
}
