package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWorthLooking(t *testing.T) {
	for _, c := range []struct {
		name      string
		size, log int64
		want      bool
	}{
		{"small, closed in order", small, 0, true},
		{"large, closed in order", small + 1, 0, false},
		{"large, the log is empty", small + 1, -1, false},
		{"large, with a log", small + 1, 1, true},
	} {
		path := filepath.Join(t.TempDir(), "file")
		for name, size := range map[string]int64{path: c.size, path + "-wal": c.log} {
			if size == 0 {
				continue
			}
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(name, max(0, size)); err != nil {
				t.Fatal(err)
			}
		}
		if got := worthLooking(path); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
