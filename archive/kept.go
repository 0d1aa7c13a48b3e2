package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"footfall/event"
)

// kept says that a site's events before a time are not archived (any more).
type kept struct {
	Site   string `json:"site"`
	Before int64  `json:"before"` // milliseconds since 1970
}

func ceilMillis(t time.Time) int64 {
	return t.Add(time.Millisecond - 1).UnixMilli()
}

// Floors tells, by site, before which moment no event is archived.
func (a *Archive) Floors() map[string]time.Time {
	a.mu.RLock()
	defer a.mu.RUnlock()
	floors := map[string]time.Time{}
	for site, ms := range a.manifest.floors {
		floors[site] = instant(ms)
	}
	return floors
}

// raise remembers durably that a site's events before floor are not archived.
func (a *Archive) raise(ctx context.Context, site string, floor int64) error {
	end, err := a.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if old, known := a.manifest.floors[site]; known && old >= floor {
		return nil
	}
	next := []kept{{site, floor}}
	for of, ms := range a.manifest.floors {
		if of != site {
			next = append(next, kept{of, ms})
		}
	}
	slices.SortFunc(next, func(x, y kept) int { return strings.Compare(x.Site, y.Site) })
	a.stale = true
	if err := putLines(ctx, a.objects, keptName, next...); err != nil {
		return err
	}
	a.stale = false
	a.mu.Lock()
	a.manifest.floors[strings.Clone(site)] = floor
	a.mu.Unlock()
	return nil
}

// wanted leaves out the events that are too old to be archived, and deleted ones.
func (a *Archive) wanted(events []event.Event) (wanted []event.Event, gone int) {
	old := func(e *event.Event) bool {
		floor, known := a.manifest.floors[e.Site]
		return known && e.Time.UnixMilli() < floor || a.o.Gone != nil && a.o.Gone(e)
	}
	for i := range events {
		if old(&events[i]) {
			gone++
		}
	}
	if gone == 0 {
		return events, 0
	}
	for i := range events {
		if !old(&events[i]) {
			wanted = append(wanted, events[i])
		}
	}
	return wanted, gone
}

// readKept reads from when on sites' events are kept.
func (m *manifest) readKept(ctx context.Context, objects Objects, log *slog.Logger) error {
	err := getLines(ctx, objects, keptName, func(line []byte) error {
		var k kept
		err := json.Unmarshal(line, &k)
		m.floors[k.Site] = k.Before
		return err
	})
	var damage *damageError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &damage):
		log.Error("archive: from when on events are kept can't be read; moved aside, the next removal writes it again", "error", err)
		m.damaged, m.floors = append(m.damaged, keptName), map[string]int64{}
		return nil
	case err != nil:
		return fmt.Errorf("archive: %s: %w", keptName, err)
	}
	return nil
}
