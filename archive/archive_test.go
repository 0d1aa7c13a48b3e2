package archive_test

import (
	"io"
	"slices"
	"testing"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/event"
)

func TestLaw(t *testing.T) {
	archivetest.Run(t, func(*testing.T) func() archive.Objects {
		m := archivetest.NewMemory()
		return func() archive.Objects { return m }
	})
}

// TestFlippedBits spoils an object at every place: it is never read as events.
func TestFlippedBits(t *testing.T) {
	m := archivetest.NewMemory()
	a, err := archive.Open(t.Context(), m, archive.Options{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	events := archivetest.Traffic(1, "a", 100)
	if err := a.Write(t.Context(), events, event.Position{Epoch: 1, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	names, _ := m.List(t.Context(), "site=")
	r, err := m.Open(t.Context(), names[0])
	if err != nil {
		t.Fatal(err)
	}
	good, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		put := func(w io.Writer) error { _, err := w.Write(bad); return err }
		if err := m.Put(t.Context(), names[0], put); err != nil {
			t.Fatal(err)
		}
		err := a.Scan(t.Context(), event.Position{}, func([]event.Event, event.Position) error { return nil })
		if err == nil {
			t.Errorf("a flipped bit in byte %d was not noticed", i)
		}
	}
}

// TestSuspect: an id the compact set takes for a known one is looked for in the
// objects, and kept if it is not there.
func TestSuspect(t *testing.T) {
	a, err := archive.Open(t.Context(), archivetest.NewMemory(), archive.Options{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	events := archivetest.Traffic(1, "a", 300)
	for i := range 3 {
		if i == 2 {
			archive.Suspect(a, &events[250])
		}
		if err := a.Write(t.Context(), events[100*i:100*i+100], event.Position{Epoch: 1, Seq: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if s := a.Stats(); s.Rows != 300 || s.Duplicates != 0 {
		t.Errorf("%+v", s)
	}
}
