package archivetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/archive"
	"footfall/event"
)

// laws of an archive.
type laws []struct {
	name string
	run  func(*testing.T, Place)
}

var (
	short = laws{
		{"RoundTrip", roundTrip}, {"Once", once}, {"Names", names}, {"Segments", segments},
		{"Cancelled", cancelled}, {"QueueStartedOver", queueStartedOver}, {"Concurrent", concurrent}, {"Missing", missing}, {"RemovedAndMissing", removedAndMissing},
		{"ChangedAndRemoved", changedAndRemoved}, {"EachByTime", eachByTime}, {"ChangedWithin", changedWithin}, {"DeletedAndComing", deletedAndComing},
	}
	long = laws{ // some stop an archive at every single step
		{"Crash", crash}, {"PassingFault", passingFault}, {"RemovedAtEveryStep", removedAtEveryStep}, {"ChangedAtEveryStep", changedAtEveryStep},
		{"DeletedAtEveryStep", deletedAtEveryStep}, {"Removed", removed}, {"LateDuplicates", lateDuplicates}, {"Damage", damage},
	}
)

// Archive is the law of an archive on a keeper of objects.
func Archive(t *testing.T, place Place) {
	short.hold(t, place)
	long.hold(t, place)
}

func (l laws) hold(t *testing.T, place Place) {
	for _, law := range l {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			law.run(t, place)
		})
	}
}

func openArchive(t *testing.T, o archive.Objects) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), o, archive.Options{Log: quiet(), Segment: 4})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return a
}

// at is the position behind the first n events, two to a message.
func at(n int) event.Position {
	return event.Position{Epoch: 1, Seq: uint64(n+1) / 2, Total: uint64(n)}
}

func write(t *testing.T, a *archive.Archive, events []event.Event, to event.Position) {
	t.Helper()
	if err := a.Write(t.Context(), events, to); err != nil {
		t.Fatalf("Write to %v: %v", to, err)
	}
}

// resume writes events the way a queue delivers them: from the archive's
// position, step at a time.
func resume(a *archive.Archive, ctx context.Context, events []event.Event, step int) error {
	for from := int(a.Position().Total); from < len(events); {
		to := min(from+step, len(events))
		if err := a.Write(ctx, events[from:to], at(to)); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func scan(t *testing.T, a *archive.Archive, after event.Position) (events []event.Event, positions []event.Position) {
	t.Helper()
	err := a.Scan(t.Context(), after, func(e []event.Event, to event.Position) error {
		events = append(events, e...)
		positions = append(positions, to)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	return events, positions
}

func sorted(events []event.Event) []event.Event {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b event.Event) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.ID, b.ID), a.Original.Compare(b.Original))
	})
	return events
}

// holds checks that the archive holds exactly these events, and nothing beside
// what its manifest names.
func holds(t *testing.T, a *archive.Archive, want []event.Event) {
	t.Helper()
	got, _ := scan(t, a, event.Position{})
	got, want = sorted(got), sorted(want)
	if len(got) != len(want) {
		t.Errorf("the archive holds %d events, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("event %d came back as\n%+v\nwant\n%+v", i, got[i], want[i])
		}
	}
	if rows := a.Stats().Rows; rows != uint64(len(want)) {
		t.Errorf("Stats says %d rows, there are %d", rows, len(want))
	}
	unknown, missing, err := a.Check(t.Context())
	if err != nil || len(unknown)+len(missing) > 0 {
		t.Errorf("unknown objects %q, missing objects %q, %v", unknown, missing, err)
	}
}

func roundTrip(t *testing.T, place Place) {
	open := place(t)
	a := openArchive(t, open())
	r := rand.New(rand.NewPCG(3, 4))
	var want []event.Event
	for flush := range 2 {
		batch := []event.Event{}
		for i := range 400 {
			e := Random(r)
			e.ID = fmt.Sprint(flush, "-", i)
			e.Site = []string{"a", "b.c", "..", "Sïte/1=%", "007"}[r.IntN(5)]
			batch = append(batch, e)
		}
		want = append(want, batch...)
		write(t, a, batch, at(len(want)))
	}
	holds(t, a, want)
	holds(t, openArchive(t, open()), want)
	if got := openArchive(t, open()).Position(); got != at(len(want)) {
		t.Errorf("after reopening the position is %v", got)
	}
}

func once(t *testing.T, place Place) {
	open := place(t)
	a := openArchive(t, open())
	events := Traffic(1, "a", 300)
	twice := append(slices.Clone(events[:200]), events[:200]...)
	write(t, a, twice, at(400))
	if s := a.Stats(); s.Rows != 200 || s.Duplicates != 200 {
		t.Errorf("the same batch twice in one: %+v", s)
	}
	write(t, a, twice, at(400)) // redelivered: counted the first time
	write(t, a, nil, at(400))
	if s := a.Stats(); s.Rows != 200 || s.Duplicates != 200 {
		t.Errorf("redelivered: %+v", s)
	}
	a = openArchive(t, open())
	// Redelivered together with the next: what the queue had accepted before
	// the position was counted then.
	overlap := openArchive(t, place(t)())
	write(t, overlap, events[:200], at(200))
	write(t, overlap, events[100:], at(300))
	if s := overlap.Stats(); s.Rows != 300 || s.Duplicates != 0 {
		t.Errorf("redelivered in part: %+v", s)
	}
	write(t, a, events[100:], at(600)) // resent: 100 old ones among 200
	if s := a.Stats(); s.Rows != 300 || s.Duplicates != 300 {
		t.Errorf("resent: %+v", s)
	}
	write(t, a, nil, at(601)) // a stretch of the queue without events
	// Ids of a day in memory, and of the flush after it was read there.
	write(t, a, events[150:], at(751))
	if s := a.Stats(); s.Rows != 300 || s.Duplicates != 450 {
		t.Errorf("resent soon: %+v", s)
	}
	other := slices.Clone(events)
	for i := range other {
		other[i].Site = "b"
	}
	nextDay := slices.Clone(events)
	for i := range nextDay {
		nextDay[i].Original = nextDay[i].Original.Add(24 * time.Hour)
	}
	write(t, a, other, at(1051))
	write(t, a, nextDay, at(1351))
	holds(t, a, slices.Concat(events, other, nextDay))
	if _, positions := scan(t, a, at(600)); !slices.Equal(positions, []event.Position{at(601), at(751), at(1051), at(1351)}) {
		t.Errorf("positions after 600: %v", positions)
	}
}

func lateDuplicates(t *testing.T, place Place) {
	open := place(t)
	a := openArchive(t, open())
	var all []event.Event
	for day := range 100 { // more days than are kept in memory
		batch := Traffic(uint64(day), "a", 20)
		for i := range batch {
			batch[i].Original = batch[i].Original.AddDate(0, 0, day)
			batch[i].Time, batch[i].Received = batch[i].Original, batch[i].Original
		}
		all = append(all, batch...)
		write(t, a, batch, at(len(all)))
	}
	write(t, a, all, at(2*len(all)))
	a = openArchive(t, open())
	late := slices.Clone(all)
	for i := range late { // taken for another time by now, but of the same original day
		late[i].Time = late[i].Time.Add(1000 * time.Hour)
	}
	write(t, a, late, at(3*len(all)))
	holds(t, a, all)
	if d := a.Stats().Duplicates; d != uint64(2*len(all)) {
		t.Errorf("%d duplicates, want %d", d, 2*len(all))
	}
}

func names(t *testing.T, place Place) {
	events := append(Traffic(1, "b", 1000), Traffic(2, "a", 10)...)
	var first []string
	for range 2 {
		o := place(t)()
		a := openArchive(t, o)
		write(t, a, events[:122], event.Position{Epoch: 1, Seq: 122, Total: 122})
		write(t, a, events[122:], event.Position{Epoch: 1, Seq: 456, Total: uint64(len(events))})
		names := list(t, o, "site=")
		want := []string{
			"site=a/date=2026-11-21/hour=23/e0001-000000000123-000000000456.parquet",
			"site=b/date=2026-11-21/hour=23/e0001-000000000001-000000000122.parquet",
			"site=b/date=2026-11-21/hour=23/e0001-000000000123-000000000456.parquet",
			"site=b/date=2026-11-22/hour=00/e0001-000000000123-000000000456.parquet",
		}
		if !slices.Equal(names, want) {
			t.Fatalf("objects are %q", names)
		}
		var bytes []string
		for _, name := range names {
			bytes = append(bytes, get(t, o, name))
		}
		if first == nil {
			first = bytes
		}
		if !slices.Equal(first, bytes) {
			t.Error("the same flush made other bytes the second time")
		}
	}
}

// crash stops the archive at every single step, opens it again and goes on
// with other batches.
func crash(t *testing.T, place Place) {
	events := append(Traffic(1, "a", 700), Traffic(2, "b", 100)...)
	for _, after := range []bool{false, true} {
		for step := 1; ; step++ {
			open := place(t)
			faulty := &Faulty{Objects: open(), At: step, For: 1 << 30, After: after}
			err := resume(openArchive(t, faulty), t.Context(), events, 150)
			if err == nil && faulty.Calls() < step {
				break
			}
			if err != nil && !errors.Is(err, ErrFault) {
				t.Fatalf("step %d: %v", step, err)
			}
			a := openArchive(t, open())
			holds(t, a, events[:a.Position().Total])
			if err := resume(a, t.Context(), events, 190); err != nil {
				t.Fatalf("step %d, after the crash: %v", step, err)
			}
			holds(t, a, events)
			holds(t, openArchive(t, open()), events)
			if d := a.Stats().Duplicates; d != 0 {
				t.Errorf("step %d: %d duplicates counted", step, d)
			}
			if t.Failed() {
				t.Fatalf("crashed at step %d, after = %v", step, after)
			}
		}
	}
}

// passingFault lets every single step fail, once or twice in a row, and goes on
// with the same archive.
func passingFault(t *testing.T, place Place) {
	events := append(Traffic(1, "a", 700), Traffic(2, "b", 100)...)
	for _, after := range []bool{false, true} {
		for _, times := range []int{1, 2} {
			for step := 1; ; step++ {
				open := place(t)
				faulty := &Faulty{Objects: open(), At: step, For: times, After: after}
				a := openArchive(t, faulty)
				tries := 0
				for err := resume(a, t.Context(), events, 150); err != nil; err = resume(a, t.Context(), events, 140) {
					if tries++; tries > 5 {
						t.Fatalf("step %d, after = %v: %v", step, after, err)
					}
				}
				holds(t, a, events)
				holds(t, openArchive(t, open()), events)
				if t.Failed() {
					t.Fatalf("step %d failed %d times, after = %v", step, times, after)
				}
				if faulty.Calls() < step {
					break
				}
			}
		}
	}
}

func segments(t *testing.T, place Place) {
	open := place(t)
	events := Traffic(1, "a", 1000)
	o := open()
	a := openArchive(t, o)
	if err := resume(a, t.Context(), events, 50); err != nil { // 20 flushes
		t.Fatal(err)
	}
	if got := list(t, o, "_manifest/"); len(got) != 6 { // 5 segments and the note
		t.Errorf("manifest objects: %q", got)
	}
	header, _, _ := strings.Cut(get(t, o, "_manifest/000000000001-000000000004.json"), "\n")
	if strings.Contains(header, ".parquet") {
		t.Errorf("a segment's first line names objects: %s", header)
	}
	for _, a := range []*archive.Archive{a, openArchive(t, open())} {
		holds(t, a, events)
		late, positions := scan(t, a, at(625))
		if len(positions) != 8 || positions[0] != at(650) || len(late) != 400 {
			t.Errorf("scanned %d events after 625 up to %v", len(late), positions)
		}
	}
	stop := errors.New("stop")
	if err := a.Scan(t.Context(), event.Position{}, func([]event.Event, event.Position) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Scan with a failing function: %v", err)
	}
}

// damage spoils the newest entry and the note of the running flush: the archive
// goes back to what is certain and takes the rest from the queue again.
func damage(t *testing.T, place Place) {
	events := Traffic(1, "a", 600)
	const entry, note = "_manifest/000000000003.json", "_manifest/pending.json"
	for _, spoil := range []func(string) string{
		func(s string) string { return "" },
		func(s string) string { return s[:len(s)/2] },
		func(s string) string { return s[:len(s)-1] },
		func(s string) string { return strings.Repeat("\x00", len(s)) },
		func(s string) string { return strings.Replace(s, `"rows":2`, `"rows":3`, 1) },
	} {
		for _, names := range [][]string{{entry}, {note}, {entry, note}} {
			open := place(t)
			o := open()
			if err := resume(openArchive(t, o), t.Context(), events, 200); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				put(t, o, name, spoil(get(t, o, name)))
			}
			faulty := &Faulty{Objects: open()}
			a := openArchive(t, faulty)
			wantAside := len(names) // the spoilt ones, and a spoilt entry's two objects
			if names[0] == entry {
				wantAside += 2
			}
			if got := faulty.Asides(); len(got) != wantAside {
				t.Errorf("%q spoilt: moved aside %q", names, got)
			}
			if p := a.Position().Total; names[0] == entry && p != 400 || names[0] == note && p != 600 {
				t.Errorf("%q spoilt: position %d", names, p)
			}
			if err := resume(a, t.Context(), events, 300); err != nil {
				t.Fatal(err)
			}
			holds(t, a, events)
		}
	}
	open := place(t)
	o := open()
	if err := resume(openArchive(t, o), t.Context(), events, 200); err != nil {
		t.Fatal(err)
	}
	put(t, o, "_manifest/000000000002.json", "spoilt")
	if _, err := archive.Open(t.Context(), open(), archive.Options{Log: quiet()}); err == nil {
		t.Error("an archive with a damaged entry in the middle opened")
	}
}

func cancelled(t *testing.T, place Place) {
	open := place(t)
	a := openArchive(t, open())
	events := Traffic(1, "a", 100)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Write(done, events, at(100)); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	if p := a.Position(); p != (event.Position{}) {
		t.Errorf("position %v", p)
	}
	write(t, a, events, at(100))
	holds(t, a, events)
}

// queueStartedOver: new events may come with positions that are lower than the
// archive's, or of a new epoch; none is lost and no object is replaced.
func queueStartedOver(t *testing.T, place Place) {
	a := openArchive(t, place(t)())
	events := Traffic(1, "a", 400)
	write(t, a, events[:100], event.Position{Epoch: 2, Seq: 100, Total: 100})
	for i := range 4 {
		write(t, a, events[100+20*i:120+20*i], event.Position{Epoch: 2, Seq: 100, Total: 100})
	}
	write(t, a, events[180:300], event.Position{Epoch: 1, Seq: 100, Total: 100})
	if p := a.Position(); p.Epoch != 2 || p.Seq != 100 {
		t.Errorf("position went to %v", p)
	}
	write(t, a, events[300:], event.Position{Epoch: 3, Seq: 7, Total: 200})
	holds(t, a, events)
}

func concurrent(t *testing.T, place Place) {
	a := openArchive(t, place(t)())
	events := Traffic(1, "a", 1000)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := a.Position().Total
				n := 0
				if err := a.Scan(context.Background(), event.Position{}, func(e []event.Event, _ event.Position) error {
					n += len(e)
					return nil
				}); err != nil || n < int(before) || a.Stats().Rows < uint64(n) {
					t.Errorf("scanned %d of %d: %v", n, before, err)
					return
				}
			}
		})
	}
	if err := resume(a, t.Context(), events, 50); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
	holds(t, a, events)
}

// missing: who clears away old objects must not stop the archive; reading all
// of it back is an error then, and Check names them.
func missing(t *testing.T, place Place) {
	open := place(t)
	o := open()
	events := Traffic(1, "a", 200)
	write(t, openArchive(t, o), events[:100], at(100))
	name := list(t, o, "site=")[0]
	if err := o.Remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	put(t, o, "site=a/stranger.parquet", "?")
	a := openArchive(t, open())
	write(t, a, events[100:], at(200))
	err := a.Scan(t.Context(), event.Position{}, func([]event.Event, event.Position) error { return nil })
	if err == nil {
		t.Error("Scan does not report a missing object")
	}
	unknown, gone, err := a.Check(t.Context())
	if err != nil || !slices.Equal(gone, []string{name}) || !slices.Equal(unknown, []string{"site=a/stranger.parquet"}) {
		t.Errorf("Check: unknown %q, missing %q, %v", unknown, gone, err)
	}
}
