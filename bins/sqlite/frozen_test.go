package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/metric"
	"footfall/period"
)

// TestFormatOne opens a file of the format that knew no frozen dates.
func TestFormatOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bins.sqlite")
	d := open(t, path)
	binstest.LoadDaily(t, d)
	before := everything(t, d)
	if _, err := d.writer.Exec("DROP TABLE frozen; PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	d.Close()
	for range 2 { // the second time it is of the new one
		d = open(t, path)
		if now := everything(t, d); len(now) == 0 || !reflect.DeepEqual(now, before) {
			t.Fatalf("%d rows were read, want %d", len(now), len(before))
		}
		if err := d.Freeze(t.Context(), "nobody", 5, time.Time{}); !errors.Is(err, bins.ErrDirty) {
			t.Errorf("freezing what has no bins: %v", err)
		}
		d.Close()
	}
}

// TestFormatTwo opens a file of the format that did not count all events: its sites are
// made anew, but for frozen dates, which lack what is counted since.
func TestFormatTwo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bins.sqlite")
	d := open(t, path)
	binstest.LoadDaily(t, d)
	before := everything(t, d)
	was, err := d.State(t.Context())
	if err != nil || len(was.Zones) != 1 {
		t.Fatalf("%+v, %v", was, err)
	}
	var site string
	for site = range was.Zones {
		if err := d.Freeze(t.Context(), site, period.DateOf(time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC), nil), time.Unix(1370044800, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.writer.Exec("ALTER TABLE frozen DROP COLUMN lacks; PRAGMA user_version = 2"); err != nil {
		t.Fatal(err)
	}
	d.Close()
	for range 2 { // the second time it is of the new one
		d = open(t, path)
		s, err := d.State(t.Context())
		if f := s.Frozen[site]; err != nil || len(s.Zones) > 0 || f.Lacks != f.Before || f.Before == 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if s.Has(metric.Events, site, s.Frozen[site].Before-1) || !s.Has(metric.Events, site, s.Frozen[site].Before) || !s.Has(metric.Refunded, site, 0) {
			t.Error("frozen dates have what they lack, or lack what they have")
		}
		if now := everything(t, d); !reflect.DeepEqual(now, before) {
			t.Errorf("%d rows were read, want %d", len(now), len(before))
		}
		d.Close()
	}
	if _, err := os.Stat(path + ".v2.bak"); err != nil {
		t.Error(err)
	}
}

// TestCopy takes a copy, spoils the file and begins again with the copy.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "bins.sqlite"), filepath.Join(dir, "bins.sqlite.copy")
	d := open(t, path)
	day := bins.Day{Site: "shop", Date: period.DateOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), nil)}
	b := &bins.Bin{}
	b.Counts[0] = 7
	roll := bins.Rolled{Last: true, Mark: 1, Days: []bins.DayTally{{Day: day, Zone: "UTC EUR", Tally: bins.Tally{bins.Subject{}: b}}}}
	if _, err := d.Replace(t.Context(), roll); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied+".part", []byte("what a crash left"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := d.Copy(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if err := d.Freeze(t.Context(), "shop", day.Date+1, time.Unix(86400, 0)); err != nil {
			t.Fatal(err)
		}
	}
	want := everything(t, d)
	frozen, err := d.State(t.Context())
	if err != nil || len(want) == 0 || len(frozen.Frozen) == 0 {
		t.Fatalf("%d rows, %+v, %v", len(want), frozen, err)
	}
	d.Close()
	for _, part := range []string{"", "-wal", "-shm"} {
		os.Remove(path + part)
	}
	if err := os.WriteFile(path+"-wal", []byte("of the file before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restore(copied, path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log of the file before is still there: %v", err)
	}
	d = open(t, path)
	defer d.Close()
	now, err := d.State(t.Context())
	now.Versions = frozen.Versions // another process gives others
	if got := everything(t, d); err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(now, frozen) {
		t.Errorf("restored %+v with %+v, want %+v with %+v (%v)", got, now, want, frozen, err)
	}
	if err := Restore(filepath.Join(dir, "nothing"), path); err == nil {
		t.Error("what is not there was restored")
	}
}
