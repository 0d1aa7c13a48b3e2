package disk_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/archive/disk"
	"footfall/event"
)

// TestManyHours archives events that claim to be of 3,000 hours: they make a
// bounded number of objects, keep a folder for the hours with most of them, are
// found again, counted once, and read by others.
func TestManyHours(t *testing.T) {
	folder := t.TempDir()
	objects, err := disk.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	open := func() *archive.Archive {
		a, err := archive.Open(t.Context(), objects, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	busy := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
	events := archivetest.Traffic(1, "shop", 4000)
	for i := range events {
		at := busy.Add(time.Duration(i) * time.Second / 4)
		if i >= 1000 {
			at = busy.Add(-time.Duration(i) * time.Hour)
		}
		events[i].Time, events[i].Original = at, at
	}
	for n := range 2 { // the second brings nothing new
		if err := a.Write(t.Context(), events, event.Position{Epoch: 1, Seq: uint64(n + 1), Total: uint64(4000 * (n + 1))}); err != nil {
			t.Fatal(err)
		}
		if got := a.Stats(); got.Rows != 4000 || got.Objects != 513 || got.Duplicates != uint64(4000*n) {
			t.Fatalf("after write %d: %+v, want 4000 rows in 512 objects of an hour and one of the others", n+1, got)
		}
		a = open() // nothing held in memory
	}
	n := 0
	if err := a.Scan(t.Context(), event.Position{}, func(events []event.Event, _ event.Position) error {
		n += len(events)
		return nil
	}); err != nil || n != 4000 {
		t.Errorf("a scan finds %d events (%v), want 4000", n, err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, placed, wrong, sum int64
	if err := db.QueryRow(`SELECT count(*), count(*) FILTER (hour >= 0), count(*) FILTER (hour >= 0 AND (date <> CAST(time AS DATE) OR hour <> hour(time))), sum(epoch_ms(time))
		FROM read_parquet('`+filepath.Join(folder, "site=*", "**", "*.parquet")+`',
		hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE, 'hour': BIGINT})`).Scan(&rows, &placed, &wrong, &sum); err != nil {
		t.Fatal(err)
	}
	want := int64(0)
	for i := range events {
		want += events[i].Time.UnixMilli()
	}
	if rows != 4000 || placed != 1000+511 || wrong != 0 || sum != want {
		t.Errorf("DuckDB reads %d rows, %d with an hour, %d of them in another's folder, times summing up to %d; want 4000, 1511, 0, %d", rows, placed, wrong, sum, want)
	}
}
