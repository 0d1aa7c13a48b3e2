package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"footfall/event"
)

// The manifest is a chain of entries, one object each and numbered from 1. So
// that opening stays quick, older entries are joined into segments. Nothing is
// ever appended to: it works the same on a folder and on an object store.
const (
	manifestPrefix = "_manifest/"
	pendingName    = manifestPrefix + "pending.json"
	keptName       = manifestPrefix + "kept.json"     // from when on sites' events are kept
	removingName   = manifestPrefix + "removing.json" // the note of Remove
	manifestSuffix = ".json"
	segmentObjects = 20_000 // objects named by the tail before it is sealed, whatever its length
)

// entry is one flush: the events from behind From up to To are archived.
type entry struct {
	Number     uint64         `json:"number"`
	From       event.Position `json:"from"`
	To         event.Position `json:"to"`
	Rows       uint64         `json:"rows"`
	Duplicates uint64         `json:"duplicates"`
	Total      Stats          `json:"total"`            // of the archive, this flush included
	Removed    lost           `json:"removed,omitzero"` // of rows, and of total
	Objects    []object       `json:"objects,omitempty"`
}

// object is one Parquet object of a flush. Times are milliseconds since 1970.
type object struct {
	Name         string      `json:"name"`
	Site         string      `json:"site"`
	Rows         int64       `json:"rows"`
	Bytes        int64       `json:"bytes"`
	Checksum     uint32      `json:"crc32c"`
	MinTime      int64       `json:"min_time"`
	MaxTime      int64       `json:"max_time"`
	MinOriginal  int64       `json:"min_original"`
	MaxOriginal  int64       `json:"max_original"`
	OriginalDays []event.Day `json:"original_days"` // UTC days its original times lie in
}

// segment is the first line of a run of entries joined into one object: all
// that has to be known of it as long as none of its days is asked for.
type segment struct {
	First   uint64      `json:"first"`
	Last    entry       `json:"last"`             // without its objects
	Removed lost        `json:"removed,omitzero"` // of all entries
	Days    []event.Day `json:"original_days"`
}

func (s segment) name() string {
	return fmt.Sprintf("%s%012d-%012d%s", manifestPrefix, s.First, s.Last.Number, manifestSuffix)
}

func entryName(number uint64) string {
	return fmt.Sprintf("%s%012d%s", manifestPrefix, number, manifestSuffix)
}

// manifest is what is held of the manifest in memory.
type manifest struct {
	segments []segment
	tail     []entry // since the last segment
	days     map[event.Day]struct{}
	floors   map[string]int64 // by site: no event before is archived, in milliseconds since 1970
	lost     lost             // of what the entries have in total

	notes      []string // that tell of unfinished
	unfinished []string // objects put, perhaps, and never committed
	damaged    []string // manifest objects that can't be read and need not be
}

// last is the newest entry; its zero value if there is none.
func (m *manifest) last() entry {
	if n := len(m.tail); n > 0 {
		return m.tail[n-1]
	}
	if n := len(m.segments); n > 0 {
		return m.segments[n-1].Last
	}
	return entry{}
}

func (m *manifest) add(e entry) {
	m.tail = append(m.tail, e)
	m.lost.add(e.Removed)
	for _, o := range e.Objects {
		for _, d := range o.OriginalDays {
			m.days[d] = struct{}{}
		}
	}
}

// readManifest reads the chain, checking that no link is missing, and clears
// away entries that a segment has taken over.
func readManifest(ctx context.Context, objects Objects, log *slog.Logger) (manifest, error) {
	m := manifest{days: map[event.Day]struct{}{}, floors: map[string]int64{}}
	names, err := objects.List(ctx, manifestPrefix)
	if err != nil {
		return m, fmt.Errorf("archive: listing the manifest: %w", err)
	}
	var entries []string
	for _, name := range names {
		number := strings.TrimSuffix(strings.TrimPrefix(name, manifestPrefix), manifestSuffix)
		switch {
		case name == pendingName, name == removingName, name == keptName:
		case strings.Contains(number, "-"):
			if err := m.readSegment(ctx, objects, name); err != nil {
				return m, err
			}
		default:
			if _, err := strconv.ParseUint(number, 10, 64); err != nil {
				return m, fmt.Errorf("archive: %s does not belong into the manifest: move it away", name)
			}
			entries = append(entries, name)
		}
	}
	for i, name := range entries {
		if name <= entryName(m.last().Number) {
			if err := objects.Remove(ctx, name); err != nil {
				return m, fmt.Errorf("archive: removing %s: %w", name, err)
			}
			continue
		}
		if err := m.readEntry(ctx, objects, name, i == len(entries)-1, log); err != nil {
			return m, err
		}
	}
	if err := m.readKept(ctx, objects, log); err != nil {
		return m, err
	}
	if err := m.readPending(ctx, objects, log); err != nil {
		return m, err
	}
	return m, m.readRemoving(ctx, objects, log)
}

func (m *manifest) readSegment(ctx context.Context, objects Objects, name string) error {
	var s segment
	err := getLines(ctx, objects, name, func(line []byte) error {
		if err := json.Unmarshal(line, &s); err != nil {
			return err
		}
		return errEnough
	})
	if err == nil && (s.First != m.last().Number+1 || s.name() != name) {
		err = fmt.Errorf("it does not follow entry %d", m.last().Number)
	}
	if err != nil {
		return fmt.Errorf("archive: manifest segment %s: %w: restore it from a copy of the archive", name, err)
	}
	m.segments = append(m.segments, s)
	m.lost.add(s.Removed)
	for _, d := range s.Days {
		m.days[d] = struct{}{}
	}
	return nil
}

// readEntry reads the next entry. One that is damaged ends the chain if it is
// the newest: its events are still to be had from the queue.
func (m *manifest) readEntry(ctx context.Context, objects Objects, name string, newest bool, log *slog.Logger) error {
	var e entry
	err := getLines(ctx, objects, name, func(line []byte) error { return json.Unmarshal(line, &e) })
	if err == nil && (e.Number != m.last().Number+1 || entryName(e.Number) != name) {
		return fmt.Errorf("archive: manifest entry %s does not follow entry %d: restore what is missing from a copy of the archive", name, m.last().Number)
	}
	var damage *damageError
	switch {
	case errors.As(err, &damage) && newest:
		log.Error("archive: the newest manifest entry is damaged; moved aside, its events will be archived again", "entry", name, "error", err)
		m.damaged = append(m.damaged, name)
		return nil
	case err != nil:
		return fmt.Errorf("archive: manifest entry %s: %w: restore it from a copy of the archive", name, err)
	}
	m.add(e)
	return nil
}

// readPending reads the note of the flush begun last and tells what it left.
func (m *manifest) readPending(ctx context.Context, objects Objects, log *slog.Logger) error {
	var e entry
	err := getLines(ctx, objects, pendingName, func(line []byte) error { return json.Unmarshal(line, &e) })
	var damage *damageError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &damage):
		log.Error("archive: the note of the running flush is damaged; looking through all objects", "error", err)
		m.damaged = append(m.damaged, pendingName)
		m.unfinished, _, err = m.check(ctx, objects)
		return err
	case err != nil:
		return fmt.Errorf("archive: %s: %w", pendingName, err)
	}
	if e.Number > m.last().Number {
		m.notes = append(m.notes, pendingName)
		for _, o := range e.Objects {
			m.unfinished = append(m.unfinished, o.Name)
		}
	}
	return nil
}

// clearUnfinished takes the objects of a flush that was never committed out of
// sight: removed, because the queue still has their events, or moved aside
// where the flush may have been committed once.
func (m *manifest) clearUnfinished(ctx context.Context, objects Objects, log *slog.Logger) error {
	drop, how := objects.Remove, "removed"
	if len(m.damaged) > 0 {
		drop, how = objects.Aside, "moved aside"
	}
	for _, name := range m.unfinished {
		if err := drop(ctx, name); err != nil {
			return fmt.Errorf("archive: clearing %s of an unfinished flush: %w", name, err)
		}
	}
	for _, name := range m.damaged {
		if err := objects.Aside(ctx, name); err != nil {
			return fmt.Errorf("archive: moving %s aside: %w", name, err)
		}
	}
	for _, name := range m.notes {
		if err := objects.Remove(ctx, name); err != nil {
			return fmt.Errorf("archive: clearing %s: %w", name, err)
		}
	}
	if len(m.unfinished) > 0 {
		log.Warn("archive: cleared away what an unfinished flush or removal left", "after", m.last().Number, "objects", len(m.unfinished), "how", how)
	}
	m.unfinished, m.notes, m.damaged = nil, nil, nil
	return nil
}

// check compares the objects there are with those the manifest names.
func (m *manifest) check(ctx context.Context, objects Objects) (unknown, missing []string, err error) {
	names := map[string]bool{}
	err = m.each(ctx, objects, func(e entry) error {
		for _, o := range e.Objects {
			names[o.Name] = false
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	list, err := objects.List(ctx, sitePrefix)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: listing objects: %w", err)
	}
	for _, name := range list {
		if _, known := names[name]; !known {
			unknown = append(unknown, name)
		}
		names[name] = true
	}
	for name, there := range names {
		if !there {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return unknown, missing, nil
}
