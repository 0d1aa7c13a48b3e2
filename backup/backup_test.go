package backup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/archive/archivetest"
)

var moment = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kept is a place and what people can do to it by other means.
type kept struct {
	Place
	t       *testing.T
	since   time.Time // of the 0th backup
	dir     string    // of files, or of databases on their way
	objects *archivetest.Memory
}

// everywhere runs a test in a directory and in a bucket.
func everywhere(t *testing.T, test func(t *testing.T, in *kept)) {
	t.Run("directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "backups")
		test(t, &kept{Place: Directory(dir), t: t, since: moment, dir: dir})
	})
	t.Run("bucket", func(t *testing.T) {
		dir, objects := filepath.Join(t.TempDir(), "scratch"), archivetest.NewMemory()
		test(t, &kept{Place: Bucket(objects, func(name string) string { return "s3://b/" + name }, dir), t: t, since: moment, dir: dir, objects: objects})
	})
}

// read is a file of a backup; write replaces it, by nothing if it is nil.
func (k *kept) read(name string) []byte {
	k.t.Helper()
	backup, file, _ := strings.Cut(name, "/")
	r, err := k.open(k.t.Context(), backup, file)
	must(k.t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(k.t, err)
	return b
}

func (k *kept) write(name string, content []byte) {
	k.t.Helper()
	path := filepath.Join(k.dir, filepath.FromSlash(name))
	switch {
	case k.objects != nil && content == nil:
		must(k.t, k.objects.Remove(k.t.Context(), name))
	case k.objects != nil:
		must(k.t, k.objects.Put(k.t.Context(), name, func(w io.Writer) error { _, err := w.Write(content); return err }))
	case content == nil:
		must(k.t, os.Remove(path))
	default:
		must(k.t, os.WriteFile(path, content, 0o600))
	}
}

// left is what there is besides complete backups, a lock and the files of others.
func (k *kept) left() (names []string) {
	k.t.Helper()
	if k.objects != nil {
		all, err := k.objects.List(k.t.Context(), "")
		must(k.t, err)
		whole := complete(all)
		return slices.DeleteFunc(all, func(name string) bool {
			backup, _, _ := strings.Cut(name, "/")
			return slices.Contains(whole, backup) || !Named(backup)
		})
	}
	entries, err := os.ReadDir(k.dir)
	must(k.t, err)
	for _, e := range entries {
		if e.Name() != "lock" && !Named(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// text is what Share opens, and how often it was opened.
func text(s string, opened *int) (int64, func() (io.ReadCloser, error)) {
	return int64(len(s)), func() (io.ReadCloser, error) {
		*opened++
		return io.NopCloser(strings.NewReader(s)), nil
	}
}

// made makes the nth backup of some files; steps is called behind each.
func (k *kept) made(n int, steps func()) (*Set, *Draft, int) {
	t, ctx := k.t, k.t.Context()
	t.Helper()
	d, err := Begin(ctx, k, k.since.Add(time.Duration(n)*time.Hour))
	must(t, err)
	opened := 0
	for name, content := range map[string]string{"archive/a/1.parquet": "first", "archive/b/2.parquet": "second"} {
		bytes, open := text(content, &opened)
		must(t, d.Share(ctx, name, bytes, open))
		steps()
	}
	must(t, d.Put(ctx, "secret", func(w io.Writer) error { _, err := io.WriteString(w, "s3cret"); return err }))
	steps()
	must(t, d.Make(ctx, "control.sqlite", func(path string) error { return os.WriteFile(path, []byte("rows"), 0o600) }))
	steps()
	s, err := d.End(ctx, Head{Made: moment, Accepted: 7})
	must(t, err)
	return s, d, opened
}

func none() {}

func (s *Set) check(t *testing.T) error { return s.Verify(t.Context(), func(int64) {}) }

func TestSecondBackupIsSmall(t *testing.T) {
	everywhere(t, func(t *testing.T, in *kept) {
		first, d, opened := in.made(1, none)
		must(t, d.Close())
		if opened != 2 || d.Wrote != first.Bytes() || first.Bytes() != 21 {
			t.Errorf("the first wrote %d of %d bytes, and read %d objects", d.Wrote, first.Bytes(), opened)
		}
		second, d, opened := in.made(2, none)
		must(t, d.Close())
		if opened != 0 || d.Wrote != 10 || d.Kept != 11 {
			t.Errorf("the second wrote %d, kept %d bytes, and read %d objects", d.Wrote, d.Kept, opened)
		}
		has := second.name
		if in.objects != nil { // the first has the bytes of both
			has = first.name
		}
		in.write(has+"/archive/a/1.parquet", nil) // as a damaged one
		third, d, opened := in.made(3, none)
		if opened != 1 {
			t.Errorf("%d objects were read, of which one was not there", opened)
		}
		removed, err := d.Keep(t.Context(), 2)
		must(t, err)
		must(t, d.Close())
		if len(removed) != 1 || removed[0] != first.name {
			t.Errorf("removed %v", removed)
		}
		s, err := Open(t.Context(), in, "")
		must(t, err)
		if must(t, s.check(t)); s.Dir != third.Dir || s.Head != third.Head || len(s.Files) != 4 {
			t.Errorf("the newest is %+v", s)
		}
	})
}

// TestKeep: backups that stay are whole, however many are removed that they share files
// with, and nothing is left of those that no other needs.
func TestKeep(t *testing.T) {
	everywhere(t, func(t *testing.T, in *kept) {
		for n := range 4 {
			_, d, _ := in.made(n+1, none)
			_, err := d.Keep(t.Context(), 2)
			must(t, errors.Join(err, d.Close()))
			all, err := in.names(t.Context())
			if must(t, err); len(all) != min(n+1, 2) {
				t.Errorf("there are %q", all)
			}
			for _, name := range all {
				s, err := Open(t.Context(), in, name)
				must(t, err)
				must(t, s.check(t))
			}
		}
		shared := 0
		if in.objects != nil { // of the first: what both share
			shared = 2
		}
		if left := in.left(); len(left) != shared {
			t.Errorf("left behind: %q", left)
		}
		d, err := Begin(t.Context(), in, moment.Add(9*time.Hour)) // of which nothing is shared
		must(t, err)
		must(t, d.Put(t.Context(), "other", func(w io.Writer) error { _, err := io.WriteString(w, "other"); return err }))
		_, err = d.End(t.Context(), Head{})
		must(t, err)
		_, err = d.Keep(t.Context(), 1)
		if must(t, errors.Join(err, d.Close())); len(in.left()) > 0 {
			t.Errorf("left behind: %q", in.left())
		}
	})
}

// TestCutShort: at no moment before its end a backup looks like one, and what is left of
// it is cleared away.
func TestCutShort(t *testing.T) {
	everywhere(t, func(t *testing.T, in *kept) {
		look := func() {
			if s, err := Open(t.Context(), in, ""); err == nil {
				t.Errorf("%s looks complete", s.Dir)
			}
		}
		d, err := Begin(t.Context(), in, moment)
		must(t, err)
		must(t, d.Put(t.Context(), "half", func(io.Writer) error { return nil }))
		look()
		if in.objects == nil {
			if _, err := Begin(t.Context(), in, moment); err == nil || !strings.Contains(err.Error(), "under way") {
				t.Errorf("a second one at the same time: %v", err)
			}
			must(t, d.desk.(*folder).lock.Close()) // as a kill does
		}
		in.write("mine", []byte("not a backup"))
		_, d, _ = in.made(1, look)
		_, err = d.Keep(t.Context(), 0)
		must(t, errors.Join(err, d.Close()))
		if left := in.left(); len(left) > 0 && !slices.Equal(left, []string{"mine"}) {
			t.Errorf("left behind: %q", left)
		}
		in.write("mine", nil) // it was not touched
		if _, err := Begin(t.Context(), in, moment); err == nil || !strings.Contains(err.Error(), "clock") {
			t.Errorf("a backup of before the last one: %v", err)
		}
		d, err = Begin(t.Context(), in, moment.Add(2*time.Hour))
		must(t, err)
		must(t, d.Put(t.Context(), "half", func(io.Writer) error { return nil }))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		bytes, open := text("third", new(int))
		if err := d.Share(ctx, "archive/c", bytes, open); !errors.Is(err, context.Canceled) {
			t.Errorf("a copy of nobody's: %v", err)
		}
		if must(t, d.Close()); len(in.left()) > 0 {
			t.Errorf("left behind: %q", in.left())
		}
	})
}

// TestTwoDrafts: where no lock keeps others out, neither clears away what the other is
// making, and one whose shared files went does not become a backup.
func TestTwoDrafts(t *testing.T) {
	dir := t.TempDir()
	in := &kept{t: t, objects: archivetest.NewMemory()}
	place := func(name string) {
		in.Place = Bucket(in.objects, func(name string) string { return name }, filepath.Join(dir, name))
	}
	in.since = time.Now().Add(-10 * time.Hour)
	place("a")
	_, d, _ := in.made(1, none)
	must(t, d.Close())
	place("b")
	slow, err := Begin(t.Context(), in, in.since.Add(3*time.Hour))
	must(t, err)
	bytes, open := text("first", new(int))
	must(t, slow.Share(t.Context(), "archive/a/1.parquet", bytes, open))
	must(t, slow.Put(t.Context(), "half", func(io.Writer) error { return nil }))
	place("a")
	other, err := Begin(t.Context(), in, in.since.Add(2*time.Hour))
	must(t, err)
	_, err = other.End(t.Context(), Head{})
	must(t, err)
	_, err = other.Keep(t.Context(), 1)
	must(t, errors.Join(err, other.Close()))
	if left := in.left(); len(left) != 1 || !strings.HasSuffix(left[0], "/half") {
		t.Errorf("of the one that is being made there is %q", left)
	}
	if _, err := slow.End(t.Context(), Head{}); err == nil || !strings.Contains(err.Error(), "Make it again") {
		t.Errorf("a backup without one of its files: %v", err)
	}
	if must(t, slow.Close()); len(in.left()) > 0 {
		t.Errorf("left behind: %q", in.left())
	}
}

// TestDamage flips a bit of each file in turn, and of the list.
func TestDamage(t *testing.T) {
	everywhere(t, func(t *testing.T, in *kept) {
		s, d, _ := in.made(1, none)
		must(t, d.Close())
		damaged := func(what, file string) {
			t.Helper()
			now, err := Open(t.Context(), in, s.name)
			if err == nil {
				err = now.check(t)
			}
			var damaged *DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s of %s: %v", what, file, err)
			}
		}
		for _, f := range append(s.Files, File{Name: listName}) {
			content := in.read(s.name + "/" + f.Name)
			for at := range content {
				flipped := bytes.Clone(content)
				flipped[at] ^= 4
				in.write(s.name+"/"+f.Name, flipped)
				damaged("a bit", f.Name)
			}
			in.write(s.name+"/"+f.Name, content[:len(content)-1])
			damaged("the end", f.Name)
			in.write(s.name+"/"+f.Name, content)
		}
		in.write(s.name+"/secret", nil)
		if err := s.check(t); err == nil || !strings.Contains(err.Error(), "secret: no such file") {
			t.Errorf("a file is missing: %v", err)
		}
	})
}

// TestDamageElsewhere: of a file that another backup has it is told where it is, as it
// has to go before a backup can have it anew.
func TestDamageElsewhere(t *testing.T) {
	everywhere(t, func(t *testing.T, in *kept) {
		_, d, _ := in.made(1, none)
		must(t, d.Close())
		s, d, _ := in.made(2, none)
		must(t, d.Close())
		for _, f := range s.Files {
			if !strings.HasPrefix(f.Name, "archive/") {
				continue
			}
			at := filepath.ToSlash(filepath.Join(f.In, f.Name)) // in this one, if it is not named
			for what, content := range map[string][]byte{at + " is not what was written": []byte("x"), at + ": no such file": nil} {
				in.write(cmp.Or(f.In, s.name)+"/"+f.Name, content)
				if err := s.check(t); err == nil || !strings.Contains(err.Error(), what) {
					t.Errorf("%v; want %s", err, what)
				}
				in.write(cmp.Or(f.In, s.name)+"/"+f.Name, []byte("x"))
			}
		}
	})
}
