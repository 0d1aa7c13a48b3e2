package sqlite

import (
	"path/filepath"
	"testing"

	"footfall/history/historytest"
)

func opened(t testing.TB, path string) *Keeper {
	t.Helper()
	k, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeepsTheLaw(t *testing.T) {
	historytest.Law(t, func(t *testing.T, dir string) historytest.Keeper {
		return opened(t, filepath.Join(dir, "history.sqlite"))
	})
}
