package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/period"
)

// archiveCheck is how the archive compares with the event store.
type archiveCheck struct {
	Events      uint64   `json:"events"`      // counted in the archive
	Days        int      `json:"days"`        // UTC days compared
	Aside       uint64   `json:"set_aside"`   // events that one of the two lacks because it set them aside
	Dropped     uint64   `json:"dropped"`     // likewise, as many as were dropped by hand at most
	Differences int      `json:"differences"` // days on which the numbers of events differ besides
	Examples    []string `json:"examples"`
}

// siteDay is a day of UTC at a site.
type siteDay struct {
	site string
	day  event.Day
}

// comparison counts the events of archive and event store.
type comparison struct {
	wanted           func(*event.Event) bool
	archived, stored map[siteDay]int
	late             map[siteDay]bool        // days that the archive is still gathering
	aside            map[asideKey]*refusedBy // events that are set aside
}

// refusedBy is who set an event aside, and who has it.
type refusedBy struct {
	day                  siteDay
	byStore, byArchive   bool
	isStored, isArchived bool
}

// refused is what is known of an event that is set aside; nil: it is not.
func (c *comparison) refused(e *event.Event) *refusedBy {
	if len(c.aside) == 0 {
		return nil
	}
	return c.aside[asideKey{e.Site, e.ID, e.Day()}]
}

func (c *comparison) addArchived(e *event.Event) {
	day := siteDay{e.Site, event.DayOf(e.Time)}
	c.archived[day]++
	if r := c.refused(e); r != nil {
		r.day, r.isArchived = day, true
	}
}

func (c *comparison) addStored(e *event.Event, since time.Time) {
	day := siteDay{strings.Clone(e.Site), event.DayOf(e.Time)}
	c.stored[day]++
	c.late[day] = c.late[day] || !e.Received.Before(since)
	if r := c.refused(e); r != nil {
		r.day, r.isStored = day, true
	}
}

// check compares the two by day. What one of them set aside it lacks by right, and of
// what was dropped of that only the number is known, by who had refused it.
func (c *comparison) check(dropped map[string]uint64) archiveCheck {
	out := archiveCheck{Examples: []string{}}
	lacks := map[siteDay]int{} // of the event store; less than none is of the archive
	for day, n := range c.archived {
		lacks[day] += n
	}
	for day, n := range c.stored {
		lacks[day] -= n
	}
	for _, r := range c.aside {
		switch {
		case c.late[r.day] || r.isStored == r.isArchived:
		case r.isArchived && r.byStore:
			lacks[r.day]--
			out.Aside++
		case r.isStored && r.byArchive:
			lacks[r.day]++
			out.Aside++
		}
	}
	left := maps.Clone(dropped)
	for _, day := range slices.SortedFunc(maps.Keys(lacks), func(a, b siteDay) int {
		return cmp.Or(strings.Compare(a.site, b.site), cmp.Compare(a.day, b.day))
	}) {
		if c.late[day] {
			continue
		}
		out.Days++
		who, n := "store", uint64(max(lacks[day], -lacks[day]))
		if lacks[day] < 0 {
			who = "archive"
		}
		if n == 0 {
			continue
		}
		if n <= left[who] {
			left[who] -= n
			out.Dropped += n
			continue
		}
		out.Differences++
		if len(out.Examples) < 20 {
			out.Examples = append(out.Examples, fmt.Sprintf("%s %s: %d events in the archive, %d in the event store", day.site, day.day.Time().Format("2006-01-02"), c.archived[day], c.stored[day]))
		}
	}
	return out
}

// checkArchive counts the events of each site and UTC day in the archive and in
// the event store. Days that the archive is still gathering are left out: those
// on which the store has events that the archive has not taken yet.
func (h *house) checkArchive(ctx context.Context, site string, from, to period.Date) (out archiveCheck, err error) {
	state, err := h.bins.State(ctx)
	if err != nil {
		return out, err
	}
	c := comparison{archived: map[siteDay]int{}, stored: map[siteDay]int{}, late: map[siteDay]bool{}, aside: map[asideKey]*refusedBy{}}
	c.wanted = func(e *event.Event) bool {
		d := period.Date(event.DayOf(e.Time))
		f, frozen := state.Frozen[e.Site] // what is kept is in both, whatever a removal has come to
		return (site == "" || e.Site == site) && (from == 0 && to == 0 || d >= from && d < to) && (!frozen || !e.Time.Before(f.At.Add(-neighbours)))
	}
	for _, sink := range []string{"store", "archive"} {
		if err := h.queue.SetAside(ctx, sink, func(_ uint64, e *event.Event) {
			key := keyOf(e)
			r := cmp.Or(c.aside[key], &refusedBy{})
			r.byStore, r.byArchive = r.byStore || sink == "store", r.byArchive || sink == "archive"
			c.aside[key] = r
		}); err != nil {
			return out, err
		}
	}
	if err := h.archive.Known(ctx); err != nil {
		return out, err
	}
	end, rows := h.archive.Position(), uint64(0)
	err = h.archive.Scan(ctx, event.Position{}, func(events []event.Event, _ event.Position) error {
		for i := range events {
			if c.wanted(&events[i]) {
				c.addArchived(&events[i])
				rows++
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return out, fmt.Errorf("counting the archive: %w", err)
	}
	since := h.archivedUntil(ctx, end)
	if err := h.export(ctx, site, period.Window{}, func(e *event.Event) error {
		if c.wanted(e) {
			c.addStored(e, since)
		}
		return nil
	}); err != nil {
		return out, fmt.Errorf("counting the events: %w", err)
	}
	q, err := h.queue.State(ctx)
	if err != nil {
		return out, err
	}
	out = c.check(q.Dropped)
	out.Events = rows
	return out, nil
}

// archivedUntil is the time of reception up to which the archive has everything
// for certain: that of the oldest event waiting for it.
func (h *house) archivedUntil(ctx context.Context, end event.Position) time.Time {
	q, err := h.queue.State(ctx)
	if err != nil {
		return time.Time{}
	}
	if q.Last.Total <= end.Total {
		return time.Now().Add(time.Hour) // it has all
	}
	if since := q.Readers["archive"].Since; !since.IsZero() {
		return since.Add(-time.Minute)
	}
	return time.Now().Add(-time.Hour)
}
