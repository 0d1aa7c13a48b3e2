package archive_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

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

// slow is a place where each Put tells that it has begun, and waits to go on.
type slow struct {
	*archivetest.Memory
	begun, on chan struct{}
}

func (s slow) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasPrefix(name, "site=") {
		s.begun <- struct{}{}
		<-s.on
	}
	return s.Memory.Put(ctx, name, write)
}

// TestChangeWaits: what is being written when Change is called is changed, too.
func TestChangeWaits(t *testing.T) {
	s := slow{archivetest.NewMemory(), make(chan struct{}, 9), make(chan struct{})}
	a, err := archive.Open(t.Context(), s, archive.Options{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	written, changed := make(chan error, 1), make(chan error, 1)
	go func() {
		written <- a.Write(t.Context(), archivetest.Traffic(1, "a", 3), event.Position{Epoch: 1, Seq: 1})
	}()
	<-s.begun
	var did archive.Removed
	go func() {
		var err error
		did, err = a.Change(t.Context(), "a", func(events []event.Event) int { return len(events) })
		changed <- err
	}()
	time.Sleep(20 * time.Millisecond) // Change has begun
	close(s.on)
	if err := errors.Join(<-written, <-changed); err != nil || did.Events != 3 {
		t.Errorf("changed %+v, %v", did, err)
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
