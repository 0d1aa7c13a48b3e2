package backup

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var moment = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// text is what Share opens, and how often it was opened.
func text(s string, opened *int) (int64, func() (io.ReadCloser, error)) {
	return int64(len(s)), func() (io.ReadCloser, error) {
		*opened++
		return io.NopCloser(strings.NewReader(s)), nil
	}
}

// made makes the nth backup of some files; steps is called behind each.
func made(t *testing.T, dir string, n int, steps func()) (*Set, *Draft, int) {
	t.Helper()
	d, err := Begin(dir, moment.Add(time.Duration(n)*time.Hour))
	must(t, err)
	opened := 0
	for name, content := range map[string]string{"archive/a/1.parquet": "first", "archive/b/2.parquet": "second"} {
		bytes, open := text(content, &opened)
		must(t, d.Share(t.Context(), name, bytes, open))
		steps()
	}
	must(t, d.Put("secret", func(w io.Writer) error { _, err := io.WriteString(w, "s3cret"); return err }))
	steps()
	must(t, d.Make("control.sqlite", func(path string) error { return os.WriteFile(path, []byte("rows"), 0o600) }))
	steps()
	s, err := d.End(Head{Made: moment, Accepted: 7})
	must(t, err)
	return s, d, opened
}

func none() {}

func TestSecondBackupIsSmall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	first, d, opened := made(t, dir, 1, none)
	must(t, d.Close())
	if opened != 2 || d.Wrote != first.Bytes() || first.Bytes() != 21 {
		t.Errorf("the first wrote %d of %d bytes, and read %d objects", d.Wrote, first.Bytes(), opened)
	}
	second, d, opened := made(t, dir, 2, none)
	must(t, d.Close())
	if opened != 0 || d.Wrote != 10 || d.Kept != 11 {
		t.Errorf("the second wrote %d, kept %d bytes, and read %d objects", d.Wrote, d.Kept, opened)
	}
	must(t, os.Remove(filepath.Join(second.Dir, "archive/a/1.parquet"))) // as a damaged one
	third, d, opened := made(t, dir, 3, none)
	if opened != 1 {
		t.Errorf("%d objects were read, of which one was not there", opened)
	}
	removed, err := d.Keep(2)
	must(t, err)
	must(t, d.Close())
	if len(removed) != 1 || removed[0] != filepath.Base(first.Dir) {
		t.Errorf("removed %v", removed)
	}
	s, err := Open(dir)
	must(t, err)
	if must(t, s.Verify(t.Context(), func(int64) {})); s.Dir != third.Dir || s.Head != third.Head || len(s.Files) != 4 {
		t.Errorf("the newest is %+v", s)
	}
}

// TestCutShort: at no moment before its end a backup looks like one, and the next
// clears it away.
func TestCutShort(t *testing.T) {
	dir := t.TempDir()
	look := func() {
		if s, err := Open(dir); err == nil {
			t.Errorf("%s looks complete", s.Dir)
		}
	}
	d, err := Begin(dir, moment)
	must(t, err)
	look()
	if _, err := Begin(dir, moment); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("a second one at the same time: %v", err)
	}
	must(t, d.lock.Close()) // as a kill does
	_, d, _ = made(t, dir, 1, look)
	must(t, d.Close())
	entries, err := os.ReadDir(dir)
	if must(t, err); len(entries) != 2 { // and the lock
		t.Errorf("left behind: %v", entries)
	}
	if _, err := Begin(dir, moment); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("a backup of before the last one: %v", err)
	}
	d, err = Begin(dir, moment.Add(2*time.Hour))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bytes, open := text("third", new(int))
	if err := d.Share(ctx, "archive/c", bytes, open); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy of nobody's: %v", err)
	}
	must(t, d.Close())
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestDamage flips a bit of each file in turn, and of the list.
func TestDamage(t *testing.T) {
	s, d, _ := made(t, t.TempDir(), 1, none)
	must(t, d.Close())
	for _, f := range append(s.Files, File{Name: listName}) {
		path := filepath.Join(s.Dir, f.Name)
		content, err := os.ReadFile(path)
		must(t, err)
		for at := range content {
			content[at] ^= 4
			must(t, os.WriteFile(path, content, 0o600))
			content[at] ^= 4
			now, err := Open(s.Dir)
			if err == nil {
				err = now.Verify(t.Context(), func(int64) {})
			}
			var damaged *DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), f.Name) {
				t.Errorf("byte %d of %s: %v", at, f.Name, err)
			}
		}
		must(t, os.WriteFile(path, content[:len(content)-1], 0o600))
		if now, err := Open(s.Dir); err == nil && now.Verify(t.Context(), func(int64) {}) == nil {
			t.Errorf("%s is cut, and nobody says so", f.Name)
		}
		must(t, os.WriteFile(path, content, 0o600))
	}
	must(t, os.Remove(filepath.Join(s.Dir, "secret")))
	if err := s.Verify(t.Context(), func(int64) {}); err == nil || !strings.Contains(err.Error(), "secret: no such file") {
		t.Errorf("a file is missing: %v", err)
	}
}
