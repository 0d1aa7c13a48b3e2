package duckdb

import (
	"context"
	"testing"
	"time"

	"footfall/event"
	"footfall/store/storetest"
)

// TestNothingIsFetched checks that DuckDB never loads or downloads an extension
// by itself, and that the file needs none.
func TestNothingIsFetched(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, setting := range []string{"autoinstall_known_extensions", "autoload_known_extensions"} {
		var on bool
		if err := s.db.QueryRow("SELECT current_setting('" + setting + "')").Scan(&on); err != nil || on {
			t.Errorf("%s is %v, %v", setting, on, err)
		}
	}
	var types int
	if err := s.db.QueryRow(`SELECT count(*) FROM duckdb_columns() WHERE table_name IN ('events', 'state')
AND data_type NOT IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'INTEGER')`).Scan(&types); err != nil || types != 0 {
		t.Errorf("%d columns of unusual types, %v", types, err)
	}
}

// TestFailedCommit makes a transaction fail half way: nothing of it is kept,
// none is left open, and the same batch counts once when it comes again.
func TestFailedCommit(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	events := storetest.NewBusy(1, time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)).Next(100)
	to := event.Position{Epoch: 1, Seq: 1, Total: 100}
	for _, query := range []string{"ALTER TABLE state RENAME TO gone", "ALTER TABLE gone RENAME TO state"} {
		if _, err := s.db.ExecContext(ctx, query); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(ctx, events, to); (err == nil) != (query == "ALTER TABLE gone RENAME TO state") {
			t.Fatalf("after %s: %v", query, err)
		}
	}
	var rows uint64
	if err := s.db.QueryRow("SELECT count(*) FROM events").Scan(&rows); err != nil || rows != 100 || s.State().Stored != 100 || s.State().Position != to {
		t.Errorf("%d rows, %v, %+v", rows, err, s.State())
	}
}
