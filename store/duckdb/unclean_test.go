package duckdb_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

// TestUpgradeUnclean: a store of format 2 whose server was killed, and one that is
// killed again behind its upgrade, have all that was committed.
func TestUpgradeUnclean(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	file := filepath.Join(dir, "events.duckdb")
	unpack(t, "testdata/events.v2.duckdb.gz", file)
	old, err := sql.Open("duckdb", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"INSERT INTO events SELECT * REPLACE ('later-' || id AS id) FROM events", "UPDATE state SET seq = 2, total = 600, stored = 600",
	} {
		if _, err := old.ExecContext(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
	killed := leftBy(t, dir)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := duckdb.Open(duckdb.Options{Dir: killed})
	if err != nil {
		t.Fatal(err)
	}
	fresh := storetest.NewBusy(9, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Next(200)
	if err := s.Write(ctx, fresh, event.Position{Epoch: 1, Seq: 3, Total: 800}); err != nil {
		t.Fatal(err)
	}
	again := leftBy(t, killed)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = duckdb.Open(duckdb.Options{Dir: again}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if all, state := storetest.All(t, s, "", period.Window{}), s.State(); len(all) != 800 || state.Stored != 800 || state.Position.Total != 800 || len(s.Moved()) > 0 {
		t.Errorf("%d events, %+v, moved %v", len(all), state, s.Moved())
	}
}

// leftBy is what a store's directory is when its process is killed now.
func leftBy(t *testing.T, dir string) (left string) {
	t.Helper()
	left = t.TempDir()
	for _, name := range []string{"events.duckdb", "events.duckdb.wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(left, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return left
}
