package disk_test

import (
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
