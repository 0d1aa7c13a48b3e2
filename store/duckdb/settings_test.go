package duckdb

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/store"
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
	if err := s.db.QueryRow(`SELECT count(*) FROM duckdb_columns() WHERE table_name IN ('events', 'lines', 'state')
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

// TestOtherFormats opens a store of an older format, which is made anew, and
// one of a newer format, which is left alone.
func TestOtherFormats(t *testing.T) {
	storeOf := func(version string) string {
		dir := t.TempDir()
		db, err := sql.Open("duckdb", filepath.Join(dir, "events.duckdb"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, query := range []string{"CREATE TABLE events (site VARCHAR, time_ms BIGINT, day INTEGER, id VARCHAR)", "INSERT INTO events VALUES ('a', 1, 1, '1')",
			strings.TrimSpace(stateSchema), "INSERT INTO state VALUES (" + version + ", 1, 2, 3, 4, 5)"} {
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	var log bytes.Buffer
	dir := storeOf("1")
	s, err := Open(Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if s.State() != (store.State{}) || len(s.Moved()) != 1 || !strings.HasPrefix(s.Moved()[0], s.file()+".v1-") || !strings.Contains(log.String(), "older format") {
		t.Errorf("of an older store: %+v, moved %v, said %s", s.State(), s.Moved(), log.String())
	}
	events := storetest.NewBusy(1, time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)).Next(10)
	if err := s.Write(context.Background(), events, event.Position{Epoch: 1, Seq: 1}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s, err = Open(Options{Dir: dir}); err != nil || len(s.Moved()) > 0 || s.State().Stored != 10 {
		t.Fatalf("after another start: %v, %+v", err, s)
	}
	s.Close()

	dir = storeOf("4")
	if s, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "newer footfall") {
		t.Errorf("a newer store: %v, %v", s, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.v*")); len(files) > 0 {
		t.Errorf("moved %v", files)
	}
}
