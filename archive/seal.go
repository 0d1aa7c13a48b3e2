package archive

import (
	"context"
	"slices"

	"footfall/event"
)

// seal joins the tail into a segment when it has grown long. It is not part of
// the flush: if it fails, that is logged and tried again after the next one.
func (a *Archive) seal(ctx context.Context) {
	tail, count := a.manifest.tail, 0
	for _, e := range tail {
		count += len(e.Objects)
	}
	if len(tail) < a.o.Segment && count < segmentObjects {
		return
	}
	s := segmentOf(tail)
	if err := s.put(ctx, a.objects, tail); err != nil {
		a.stale = true
		a.o.Log.Warn("archive: joining manifest entries failed, will be tried again", "error", err)
		return
	}
	a.mu.Lock()
	a.manifest.segments = append(a.manifest.segments, s)
	a.manifest.tail = nil
	a.mu.Unlock()
	for _, e := range tail {
		if err := a.objects.Remove(ctx, entryName(e.Number)); err != nil {
			a.o.Log.Warn("archive: removing a joined manifest entry failed; the next start removes it", "entry", e.Number, "error", err)
			return
		}
	}
}

// segmentOf is the first line of entries that are joined.
func segmentOf(entries []entry) segment {
	s := segment{First: entries[0].Number, Last: entries[len(entries)-1], Days: daysOf(entries)}
	s.Last.Objects, s.Last.Removed = nil, lost{}
	for _, e := range entries {
		s.Removed.add(e.Removed)
	}
	return s
}

func (s segment) put(ctx context.Context, objects Objects, entries []entry) error {
	lines := make([]any, 0, len(entries)+1)
	lines = append(lines, s)
	for _, e := range entries {
		lines = append(lines, e)
	}
	return putLines(ctx, objects, s.name(), lines...)
}

func daysOf(entries []entry) []event.Day {
	var days []event.Day
	for _, e := range entries {
		for _, o := range e.Objects {
			days = append(days, o.OriginalDays...)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}
