// Package archivetest is the law of archives: what every keeper of objects must
// do (Objects), what an archive on top of it must (Archive), a keeper in memory
// as the model, one that fails on demand, and events to try it with.
package archivetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"testing"

	"footfall/archive"
)

// Place makes an empty place for objects and returns what opens it, as often
// as wanted: each time as if after a restart.
type Place func(t *testing.T) (open func() archive.Objects)

// Run runs the whole law.
func Run(t *testing.T, place Place) {
	t.Run("Objects", func(t *testing.T) { Objects(t, place) })
	t.Run("Archive", func(t *testing.T) { Archive(t, place) })
}

// RunShort runs the law on a keeper that takes its time, without what needs thousands
// of objects: an archive's steps are the same on any keeper.
func RunShort(t *testing.T, place Place) {
	t.Run("Objects", func(t *testing.T) { Objects(t, place) })
	t.Run("Archive", func(t *testing.T) { short.hold(t, place) })
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func put(t *testing.T, o archive.Objects, name, text string) {
	t.Helper()
	err := o.Put(t.Context(), name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatalf("Put %s: %v", name, err)
	}
}

func get(t *testing.T, o archive.Objects, name string) string {
	t.Helper()
	r, err := o.Open(t.Context(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return "(none)"
	}
	if err != nil {
		t.Fatalf("Open %s: %v", name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return string(b)
}

func list(t *testing.T, o archive.Objects, prefix string) []string {
	t.Helper()
	names, err := o.List(t.Context(), prefix)
	if err != nil {
		t.Fatalf("List %s: %v", prefix, err)
	}
	return names
}

// Objects is the law of keepers.
func Objects(t *testing.T, place Place) {
	open := place(t)
	o := open()
	const name, other = "site=a/date=2026-11-21/hour=07/x.parquet", "_manifest/000000000001.json"
	if got := list(t, o, "site="); len(got) != 0 {
		t.Fatalf("an empty place lists %q", got)
	}
	if got := get(t, o, name); got != "(none)" {
		t.Fatalf("an object nobody put holds %q", got)
	}
	for _, remove := range []func(context.Context, string) error{o.Remove, o.Aside} {
		if err := remove(t.Context(), name); err != nil {
			t.Fatalf("removing what is not there: %v", err)
		}
	}
	put(t, o, name, "one")
	put(t, o, other, "entry")
	put(t, o, "site=b/y.parquet", "")

	torn := errors.New("torn")
	err := o.Put(t.Context(), name, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half an obj")
		return torn
	})
	if !errors.Is(err, torn) {
		t.Errorf("a Put whose writer fails returns %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Put(done, "site=c/z", func(io.Writer) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Put with a cancelled context: %v", err)
	}
	o = open()
	if got := get(t, o, name); got != "one" {
		t.Errorf("after a torn Put the object holds %q", got)
	}
	if got := list(t, o, "site="); !slices.Equal(got, []string{name, "site=b/y.parquet"}) {
		t.Errorf("List site= is %q", got)
	}
	if got := list(t, o, "_manifest/"); !slices.Equal(got, []string{other}) {
		t.Errorf("List _manifest/ is %q", got)
	}
	put(t, o, name, "two")
	if got := get(t, open(), name); got != "two" {
		t.Errorf("after a second Put the object holds %q", got)
	}
	removal(t, open, name)
}

// removal: an object removed or moved aside is seen no more, those beside it are.
func removal(t *testing.T, open func() archive.Objects, name string) {
	o := open()
	others := len(list(t, o, "")) - 1
	for i, remove := range []func(context.Context, string) error{o.Remove, o.Aside, o.Aside} {
		put(t, o, name, "again")
		if err := remove(t.Context(), name); err != nil {
			t.Fatalf("removal %d: %v", i, err)
		}
		o = open()
		if got, names := get(t, o, name), list(t, o, ""); got != "(none)" || slices.Contains(names, name) || len(names) != others {
			t.Errorf("after removal %d it holds %q, and there are %q", i, got, names)
		}
	}
}
