package disk_test

import (
	"database/sql"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/parquet-go/parquet-go"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/archive/disk"
	"footfall/event"
)

// written makes an archive of two sites in three flushes and returns its folder and events.
func written(t *testing.T) (string, []event.Event) {
	t.Helper()
	folder := t.TempDir()
	objects, err := disk.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), objects, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	events := append(archivetest.Traffic(1, "007", 1500), archivetest.Traffic(2, "shop", 1500)...)
	for i := range events {
		if i%3 == 0 {
			events[i].Sent = events[i].Sent.AddDate(-2000, 0, 0) // unusual, and yet a time
		}
		if i%5 == 0 {
			events[i].Sent = event.Event{}.Sent
		}
	}
	for i := 0; i < len(events); i += 1000 {
		if err := a.Write(t.Context(), events[i:i+1000], event.Position{Epoch: 1, Seq: uint64(i + 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	return folder, events
}

// figures are what every reader must find.
type figures struct {
	rows, unsent, days   int64
	times, sent, visitor uint64 // sums; of milliseconds for times
	ids, properties      int64  // sums of lengths
	sites                string
}

func expected(events []event.Event) figures {
	f := figures{rows: int64(len(events)), sites: "007,shop"}
	days := map[string]bool{}
	for _, e := range events {
		days[e.Time.Format("2006-01-02 15")] = true
		f.times += uint64(e.Time.UnixMilli())
		if e.Sent.IsZero() {
			f.unsent++
		} else {
			f.sent += uint64(e.Sent.UnixMilli())
		}
		f.visitor += e.Visitor & 0xffffffff
		f.ids += int64(len(e.ID))
		f.properties += int64(len(e.Properties))
	}
	f.days = int64(len(days))
	return f
}

func TestDuckDBReads(t *testing.T) {
	folder, events := written(t)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var f figures
	var sent int64
	var first, last string
	err = db.QueryRowContext(t.Context(), `
		SELECT count(*), count(*) FILTER (sent_time IS NULL), count(DISTINCT (date, hour)),
			sum(epoch_ms(time))::UBIGINT, sum(epoch_ms(sent_time))::BIGINT, sum(visitor & 4294967295::UBIGINT)::UBIGINT,
			sum(length(message_id))::BIGINT, sum(length(properties))::BIGINT,
			array_to_string(list_sort(list(DISTINCT site)), ','), min(date)::VARCHAR, max(date)::VARCHAR
		FROM read_parquet(?, hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE, 'hour': BIGINT})
		WHERE hour = date_part('hour', time AT TIME ZONE 'UTC')`,
		filepath.Join(folder, "**", "*.parquet")).
		Scan(&f.rows, &f.unsent, &f.days, &f.times, &sent, &f.visitor, &f.ids, &f.properties, &f.sites, &first, &last)
	if err != nil {
		t.Fatal(err)
	}
	f.sent = uint64(sent)
	if want := expected(events); f != want {
		t.Errorf("DuckDB finds\n%+v, want\n%+v", f, want)
	}
	if first != "2026-11-21" || last != "2026-11-22" {
		t.Errorf("dates from %s to %s", first, last)
	}
	var price float64
	err = db.QueryRowContext(t.Context(), `SELECT sum((properties->>'$.price')::DOUBLE) FROM read_parquet(?) WHERE type = 'track'`,
		filepath.Join(folder, "**", "*.parquet")).Scan(&price)
	if err != nil || price <= 0 {
		t.Errorf("sum of a property: %v, %v", price, err)
	}
}

// TestGenericReader reads the objects by their own schema, knowing nothing of ours.
func TestGenericReader(t *testing.T) {
	folder, events := written(t)
	var f figures
	sites, hours := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		rel, _ := filepath.Rel(folder, path)
		parts := strings.Split(filepath.ToSlash(rel), "/")
		sites[strings.TrimPrefix(parts[0], "site=")] = true
		hours[parts[1]+parts[2]] = true
		return f.add(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	f.days = int64(len(hours))
	f.sites = strings.Join(slices.Sorted(maps.Keys(sites)), ",")
	if want := expected(events); f != want {
		t.Errorf("the reader finds\n%+v, want\n%+v", f, want)
	}
}

func (f *figures) add(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	p, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		return err
	}
	r := parquet.NewReader(p)
	defer r.Close()
	last := int64(0)
	for {
		row := map[string]any{}
		if err := r.Read(&row); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		ms, visitor := row["time"].(int64), uint64(row["visitor"].(int64)) // so spelled by a reader without a schema
		f.rows++
		f.times += uint64(ms)
		if ms < last {
			return errors.New("rows are not in the order of time")
		}
		last = ms
		if sent, ok := row["sent_time"].(int64); ok {
			f.sent += uint64(sent)
		} else {
			f.unsent++
		}
		f.visitor += visitor & 0xffffffff
		f.ids += int64(len(row["message_id"].(string)))
		if properties, ok := row["properties"].(string); ok {
			f.properties += int64(len(properties))
		}
	}
}
