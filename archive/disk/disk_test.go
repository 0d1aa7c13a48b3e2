package disk_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/archive/disk"
)

func place(t *testing.T) func() archive.Objects {
	folder := filepath.Join(t.TempDir(), "data", "archive")
	return func() archive.Objects {
		o, err := disk.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
}

func TestLaw(t *testing.T) { archivetest.Run(t, place) }

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(filepath.Join(file, "archive")); err == nil {
		t.Error("a folder below a file was opened")
	}
	o, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "../x", "/etc/x", "a//b"} {
		if err := o.Put(t.Context(), name, nil); err == nil {
			t.Errorf("an object named %q was put", name)
		}
	}
}

// TestLeftovers: half a file left by a process that was killed is listed
// nowhere, goes with its object, and is written over.
func TestLeftovers(t *testing.T) {
	folder := t.TempDir()
	const name = "site=a/x.parquet"
	temp := filepath.Join(folder, filepath.FromSlash(name)+".tmp")
	leave := func() {
		if err := os.MkdirAll(filepath.Dir(temp), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(temp, []byte("half of something longer"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	o, err := disk.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := o.List(t.Context(), ""); err != nil || len(names) != 0 {
		t.Errorf("listed %q, %v", names, err)
	}
	for _, remove := range []func(context.Context, string) error{o.Remove, o.Aside} {
		leave()
		if err := remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the leftover is still there: %v", err)
		}
	}
	leave()
	whole := func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }
	for range 2 { // the second time into a folder somebody removed
		if err := o.Put(t.Context(), name, whole); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name))); err != nil || string(b) != "whole" {
			t.Errorf("the file holds %q, %v", b, err)
		}
		if err := os.RemoveAll(filepath.Join(folder, "site=a")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoEmptyFolders: the folders of removed objects go with them, up to one that
// holds something, and come again.
func TestNoEmptyFolders(t *testing.T) {
	root := t.TempDir()
	o, err := disk.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "site=a/date=2026-11-21/hour=07/x.parquet", "site=a/date=2026-11-22/hour=07/x.parquet"
	for range 2 {
		for _, name := range []string{first, second} {
			if err := o.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, name); return err }); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Remove(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(filepath.Join(root, "site=a"))
		if err != nil || len(left) != 1 || left[0].Name() != "date=2026-11-22" {
			t.Errorf("left are %v, %v", left, err)
		}
		if err := o.Remove(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
			t.Errorf("left are %v, %v", left, err)
		}
	}
}
