package archivetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
)

// blank takes visitor 7 out of events.
func blank(events []event.Event) (changed int) {
	for i := range events {
		if e := &events[i]; e.Visitor == 7 && e.AnonymousID != "" {
			e.AnonymousID, e.Context, e.Title = "", "", "a title that is longer than the one there was before, so that it takes more"
			changed++
		}
	}
	return changed
}

// some is traffic of two sites and hours, some of it visitor 7's, and what blank
// makes of it.
func some() (events, want []event.Event) {
	events = append(Traffic(1, "a", 60), Traffic(2, "b", 10)...)
	for i := range events {
		at := Start.Add(time.Duration(i*17%60) * 2 * time.Minute)
		if events[i].Time, events[i].Original = at, at; i%20 == 3 {
			events[i].Visitor = 7
		}
	}
	want = slices.Clone(events)
	for i := range want {
		if want[i].Site == "a" {
			blank(want[i : i+1])
		}
	}
	return events, want
}

func changeSome(a *archive.Archive, t *testing.T) error {
	_, err := a.Change(t.Context(), "a", blank)
	return err
}

// changedAtEveryStep stops a change at every single step: the archive can be
// opened and has every event once, and when it is done again nothing of what was
// to be changed is in any object. What was removed before and after stays so.
func changedAtEveryStep(t *testing.T, place Place) {
	events, want := some()
	clean := place(t)()
	a := openArchive(t, clean)
	if err := resume(a, t.Context(), events, 15); err != nil {
		t.Fatal(err)
	}
	would, err := a.Changeable(t.Context(), "a", blank)
	did, failed := a.Change(t.Context(), "a", blank)
	if err = errors.Join(err, failed); err != nil || did.Events != 3 || would.Events != 3 || did.Rewritten != would.Rewritten {
		t.Fatalf("changed %+v, would have %+v: %v", did, would, err)
	}
	whole(t, a, clean, events, want)
	if did, err = a.Change(t.Context(), "a", blank); err != nil || did != (archive.Removed{}) {
		t.Errorf("changed again %+v: %v", did, err)
	}
	atEveryStep(t, place, changeSome, events, events, want)
}

// atEveryStep stops a change of the archive of events at every single step: the
// archive then holds what is kept, and once it is done again what is wanted.
func atEveryStep(t *testing.T, place Place, change func(*archive.Archive, *testing.T) error, events, kept, want []event.Event) {
	t.Helper()
	for _, after := range []bool{false, true} {
		step := 1
		for ; ; step++ {
			open := place(t)
			if err := resume(openArchive(t, open()), t.Context(), events, 15); err != nil {
				t.Fatal(err)
			}
			faulty := &Faulty{Objects: open(), At: step, For: 1 << 30, After: after}
			err := change(openArchive(t, faulty), t)
			if err == nil && faulty.Calls() < step {
				break
			}
			if err != nil && !errors.Is(err, ErrFault) {
				t.Fatalf("step %d: %v", step, err)
			}
			o := open()
			a := openArchive(t, o)
			keeps(t, a, events, kept)
			if err := change(a, t); err != nil {
				t.Fatalf("step %d, again: %v", step, err)
			}
			whole(t, a, o, events, want)
			whole(t, openArchive(t, o), o, events, want)
			if t.Failed() {
				t.Fatalf("stopped at step %d, after = %v", step, after)
			}
		}
		if step < 10 {
			t.Errorf("there were %d steps: the test tests nothing", step)
		}
	}
}

// changedAndRemoved: an object is changed twice, before and after a part of it is
// removed.
func changedAndRemoved(t *testing.T, place Place) {
	events, want := some()
	o := place(t)()
	a := openArchive(t, o)
	before := Start.Add(41 * time.Minute)
	again := func(events []event.Event) (changed int) {
		for i := range events {
			if events[i].Visitor == 7 {
				events[i].Visitor = 8
				changed++
			}
		}
		return changed
	}
	err := errors.Join(resume(a, t.Context(), events, 15), changeSome(a, t), take(a, t, before))
	_, failed := a.Change(t.Context(), "a", again)
	if err = errors.Join(err, failed, take(a, t, before.Add(3*time.Minute))); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if want[i].Site == "a" {
			again(want[i : i+1])
		}
	}
	left := from(want, "a", before.Add(3*time.Minute))
	whole(t, a, o, events, left)
	names := strings.Join(list(t, o, "site="), " ")
	if !strings.Contains(names, "-anew-") {
		t.Errorf("nothing was written anew: %s", names)
	}
	late := Traffic(5, "a", 2)
	for i := range late {
		late[i].Time = Start.Add(5 * time.Hour)
	}
	write(t, a, late, at(len(events)+2))
	holds(t, a, append(left, late...))
}
