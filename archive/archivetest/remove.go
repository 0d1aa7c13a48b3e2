package archivetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
)

// days is n events of the sites "a" and "b" over ten days. The last flush has 600
// hours before, so that some of nine days ago share an object.
func days(n int) []event.Event {
	r := rand.New(rand.NewPCG(9, 9))
	events := append(Traffic(1, "a", n), Traffic(2, "b", n/4)...)
	for i := range events {
		at := Start.Add(-time.Duration(r.Int64N(int64(10*24*time.Hour/time.Millisecond))) * time.Millisecond)
		events[i].Time, events[i].Original = at, at
	}
	slices.SortFunc(events, func(a, b event.Event) int { return strings.Compare(a.ID, b.ID) })
	for i, e := range Traffic(3, "a", lastFlush) {
		at := Start.Add(-time.Duration(i) * time.Hour)
		switch { // the hours of the last days are full, and one of nine days ago
		case i >= 1170:
			at = Start.AddDate(0, 0, -9).Add(-time.Duration(i-1169) * time.Minute)
		case i >= 600:
			at = Start.Add(-time.Duration(i-600) * 16 * time.Minute)
		}
		e.Time, e.Original = at, at
		events = append(events, e)
	}
	return events
}

const lastFlush = 1200

// resumeDays writes what days made.
func resumeDays(a *archive.Archive, t *testing.T, events []event.Event) error {
	if err := resume(a, t.Context(), events[:len(events)-lastFlush], 100); err != nil {
		return err
	}
	return resume(a, t.Context(), events, lastFlush)
}

// from leaves out the events of a site before a moment.
func from(events []event.Event, site string, before time.Time) []event.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool { return e.Site == site && e.Time.Before(before) })
}

// whole checks an archive of which something was removed.
func whole(t *testing.T, a *archive.Archive, o archive.Objects, events, left []event.Event) {
	t.Helper()
	holds(t, a, left)
	s := a.Stats()
	if s.Removed != uint64(len(events)-len(left)) || s.Duplicates != 0 || a.Position() != at(len(events)) {
		t.Errorf("%+v at %v, want %d removed at %v", s, a.Position(), len(events)-len(left), at(len(events)))
	}
	names := list(t, o, "site=")
	bytes := 0
	for _, name := range names {
		bytes += len(get(t, o, name))
	}
	if s.Objects != uint64(len(names)) || s.Bytes != uint64(bytes) {
		t.Errorf("Stats says %d objects of %d bytes, there are %d of %d", s.Objects, s.Bytes, len(names), bytes)
	}
	for _, name := range list(t, o, "_manifest/") {
		if strings.Contains(name, "removing") {
			t.Errorf("%s is left", name)
		}
	}
}

// removed removes further and further, also within an hour, with segments and
// without, and goes on writing: what comes too late is counted.
func removed(t *testing.T, place Place) {
	events, open := days(400), place(t)
	o := open()
	a := openArchive(t, o)
	if err := resumeDays(a, t, events); err != nil {
		t.Fatal(err)
	}
	all, left := events, events
	for i, before := range []time.Time{Start.AddDate(-1, 0, 0), Start.AddDate(0, 0, -9).Add(-17 * time.Minute), Start.AddDate(0, 0, -5).Add(17 * time.Minute), Start.AddDate(0, 0, -6)} {
		old, err := a.Old(t.Context(), "a", before)
		if err != nil {
			t.Fatal(err)
		}
		next := from(left, "a", before)
		got, err := a.Remove(t.Context(), "a", before)
		if err != nil || got.Events != uint64(len(left)-len(next)) || old.Events != got.Events || old.Rewritten != got.Rewritten || old.Objects != got.Objects {
			t.Fatalf("removal %d took %+v (%v), foretold %+v, want %d events", i, got, err, old, len(left)-len(next))
		}
		if again, err := a.Remove(t.Context(), "a", before); err != nil || again != (archive.Removed{}) {
			t.Errorf("removal %d again took %+v (%v)", i, again, err)
		}
		if i == 1 && got.Rewritten < 2 {
			t.Errorf("removal %d wrote %d objects anew, want one of an hour and one of several", i, got.Rewritten)
		}
		left = next
		whole(t, a, o, all, left)
		if i%2 == 0 {
			o = open()
			a = openArchive(t, o)
			whole(t, a, o, all, left)
		}
		// One too old, one of the other site's that is as old, one that was removed, one that is new.
		late := Traffic(uint64(100+i), "a", 3)
		for j := range late {
			late[j].Time = Start.AddDate(0, 0, -9)
			late[j].Original = late[j].Time
		}
		late[1].Site, late[2].Time = "b", Start
		batch := append(late, event.Event{})[:3]
		if i == 2 {
			batch = append(batch, events[slices.IndexFunc(events, func(e event.Event) bool { return e.Site == "a" && e.Time.Before(before) })])
		}
		all = append(slices.Clone(all), batch...)
		write(t, a, batch, at(len(all)))
		floor := before
		if i == 3 { // it does not go back
			floor = Start.AddDate(0, 0, -5).Add(17 * time.Minute)
		}
		left = append(left, from(batch, "a", floor)...)
		whole(t, a, o, all, left)
	}
	if floors := a.Floors(); len(floors) != 1 || !floors["a"].Equal(Start.AddDate(0, 0, -5).Add(17*time.Minute)) {
		t.Errorf("floors are %v", floors)
	}
}

// removedAtEveryStep stops a removal at every single step: the archive can be
// opened, loses nothing that was to stay, and comes to the same objects when it
// is done again.
func removedAtEveryStep(t *testing.T, place Place) {
	events := append(Traffic(1, "a", 50), Traffic(2, "b", 10)...)
	for i := range events {
		at := Start.Add(time.Duration(i*17%60) * 7 * time.Minute)
		events[i].Time, events[i].Original = at, at
	}
	before := Start.Add(4*time.Hour + 41*time.Minute)
	left := from(events, "a", before)
	clean := place(t)()
	a := openArchive(t, clean)
	if err := errors.Join(resume(a, t.Context(), events, 30), take(a, t, before)); err != nil {
		t.Fatal(err)
	}
	whole(t, a, clean, events, left)
	want := list(t, clean, "site=")
	if parts := strings.Count(strings.Join(want, " "), "-from-"); parts < 1 {
		t.Errorf("%d objects were written anew, want some", parts)
	}
	for _, after := range []bool{false, true} {
		for _, times := range []int{1, 1 << 30} {
			step := 1
			for ; ; step++ {
				open := place(t)
				if err := resume(openArchive(t, open()), t.Context(), events, 30); err != nil {
					t.Fatal(err)
				}
				faulty := &Faulty{Objects: open(), At: step, For: times, After: after}
				a := openArchive(t, faulty)
				err := take(a, t, before)
				if err == nil && faulty.Calls() < step {
					break
				}
				if err != nil && !errors.Is(err, ErrFault) {
					t.Fatalf("step %d: %v", step, err)
				}
				o := open()
				if times > 1 {
					a = openArchive(t, o)
				}
				keeps(t, a, events, left)
				if err := take(a, t, before); err != nil {
					t.Fatalf("step %d, again: %v", step, err)
				}
				whole(t, a, o, events, left)
				whole(t, openArchive(t, o), o, events, left)
				if got := list(t, o, "site="); !slices.Equal(got, want) {
					t.Errorf("there are %d other objects, want %d", len(got), len(want))
				}
				if t.Failed() {
					t.Fatalf("stopped at step %d for %d, after = %v", step, times, after)
				}
			}
			if step < 10 {
				t.Errorf("there were %d steps: the test tests nothing", step)
			}
		}
	}
}

func take(a *archive.Archive, t *testing.T, before time.Time) error {
	_, err := a.Remove(t.Context(), "a", before)
	return err
}

// keeps checks an archive whose removal did not end: it has all that is to stay,
// nothing twice, and accounts for the rest.
func keeps(t *testing.T, a *archive.Archive, events, left []event.Event) {
	t.Helper()
	got, _ := scan(t, a, event.Position{})
	seen := map[string]bool{}
	for _, e := range got {
		if seen[e.Site+e.ID] {
			t.Errorf("%s is there twice", e.ID)
		}
		seen[e.Site+e.ID] = true
	}
	for _, e := range left {
		if !seen[e.Site+e.ID] {
			t.Errorf("%s of %v is lost", e.ID, e.Time)
		}
	}
	if s := a.Stats(); s.Rows != uint64(len(got)) || s.Rows+s.Removed != uint64(len(events)) {
		t.Errorf("%+v, but %d of %d events are there", s, len(got), len(events))
	}
}

// removedAndMissing: an object that somebody took away does not stop a removal, a
// damaged one does and says which.
func removedAndMissing(t *testing.T, place Place) {
	open := place(t)
	o := open()
	a := openArchive(t, o)
	events := Traffic(1, "a", 100)
	write(t, a, events, at(100))
	name := list(t, o, "site=a/date=2026-11-21/")[0]
	put(t, o, name, strings.Repeat("damaged", 10_000))
	before := Start.Add(time.Second)
	if err := take(a, t, before); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a removal from a damaged object: %v", err)
	}
	if err := o.Remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := take(a, t, before); err != nil {
		t.Errorf("a removal from a missing object: %v", err)
	}
	if err := take(a, t, Start.Add(time.Hour)); err != nil {
		t.Errorf("the removal of missing objects: %v", err)
	}
	if unknown, gone, err := a.Check(t.Context()); err != nil || len(unknown)+len(gone) > 0 || a.Stats().Removed != 100 {
		t.Errorf("unknown %q, missing %q, %+v, %v", unknown, gone, a.Stats(), err)
	}
	for _, damaged := range []string{"_manifest/kept.json", "_manifest/removing.json"} {
		put(t, o, damaged, "no manifest")
		a = openArchive(t, open())
		if err := take(a, t, Start.Add(2*time.Hour)); err != nil || fmt.Sprint(a.Floors()) != fmt.Sprint(map[string]time.Time{"a": Start.Add(2 * time.Hour)}) {
			t.Errorf("with %s damaged: %v, %v", damaged, a.Floors(), err)
		}
	}
}
