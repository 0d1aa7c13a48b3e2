package archivetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
	"footfall/period"
)

// wave is what is to be deleted of some: a whole hour of site "a", and of the other
// some visitors.
var (
	waveWindow = period.Window{From: Start, To: Start.Add(100 * time.Minute)}
	wave       = func(e *event.Event) bool {
		return e.Site == "a" && !e.Time.Before(waveWindow.From) && e.Time.Before(waveWindow.To) && (e.Time.Before(Start.Add(time.Hour)) || e.Visitor == 7)
	}
)

func deleteWave(a *archive.Archive, t *testing.T) error {
	_, err := a.Delete(t.Context(), "a", waveWindow, wave)
	return err
}

func without(events []event.Event) []event.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool { return wave(&e) })
}

// deletedAtEveryStep stops a deletion at every single step: the archive can be
// opened, loses nothing that was to stay and comes to the same when it is done again.
func deletedAtEveryStep(t *testing.T, place Place) {
	events, _ := some()
	left := without(events)
	clean := place(t)()
	a := openArchive(t, clean)
	if err := resume(a, t.Context(), events, 15); err != nil {
		t.Fatal(err)
	}
	would, err := a.Deletable(t.Context(), "a", waveWindow, wave)
	did, failed := a.Delete(t.Context(), "a", waveWindow, wave)
	if err = errors.Join(err, failed); err != nil || did.Events != uint64(len(events)-len(left)) || did.Events != would.Events || did.Objects != would.Objects || did.Objects == 0 ||
		did.Rewritten != would.Rewritten || did.Rewritten == 0 {
		t.Fatalf("deleted %+v, would have %+v: %v", did, would, err)
	}
	whole(t, a, clean, events, left)
	if did, err = a.Delete(t.Context(), "a", waveWindow, wave); err != nil || did != (archive.Removed{}) {
		t.Errorf("deleted again %+v: %v", did, err)
	}
	atEveryStep(t, place, deleteWave, events, left, left)
}

// deletedAndComing: what was deleted and comes, from the queue, say, is not archived
// and counted as removed; an id that was deleted is new where it is not gone.
func deletedAndComing(t *testing.T, place Place) {
	events, _ := some()
	o := place(t)()
	a, err := archive.Open(t.Context(), o, archive.Options{Log: quiet(), Segment: 4, Gone: wave})
	if err != nil {
		t.Fatal(err)
	}
	write(t, a, events, at(len(events)))
	whole(t, a, o, events, without(events))
	a = openArchive(t, o)
	again := events[slices.IndexFunc(events, func(e event.Event) bool { return wave(&e) })]
	write(t, a, []event.Event{again}, at(len(events)+1))
	whole(t, a, o, append(slices.Clone(events), again), append(without(events), again))
}
