package disk_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"footfall/archive"
	"footfall/archive/disk"
	"footfall/event"
)

// TestObjectsOfBefore opens an archive that was begun before events had labels,
// and goes on with it: old and new objects are read together, by footfall and by
// others, and an old one that is written anew keeps all it had.
func TestObjectsOfBefore(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/v1")); err != nil {
		t.Fatal(err)
	}
	objects, err := disk.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), objects, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 3, 28, 12, 0, 0, 123e6, time.UTC)
	page := func(id string, minutes int) event.Event {
		at := noon.Add(time.Duration(minutes) * time.Minute)
		return event.Event{ID: id, Site: "a", Kind: event.Page, Time: at, Original: at, Received: at, Path: "/" + id, Country: "AT",
			Browser: "Firefox", OS: "Linux", Channel: "web", Visitor: 7, Session: 8, Context: `{"locale":"de-AT"}`}
	}
	want := []event.Event{page("one", 0), page("two", 1), page("three", 2), page("four", 3)}
	want[3].Labels = event.Labels{Region: "Vienna (AT-9)", City: "Vienna (AT-9)", BrowserVersion: "Firefox 140", OSVersion: "Linux", Language: "de-AT", Screen: "under 576 px"}
	if err := a.Write(t.Context(), []event.Event{want[1], want[3]}, event.Position{Epoch: 1, Seq: 2, Total: 5}); err != nil {
		t.Fatal(err)
	}
	same := func(when string) {
		t.Helper()
		var got []event.Event
		if err := a.Scan(t.Context(), event.Position{}, func(events []event.Event, _ event.Position) error { got = append(got, events...); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d events, want %d", when, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s:\n got %+v\nwant %+v", when, got[i], want[i])
			}
		}
	}
	same("old and new")
	readElsewhere(t, folder)
	anew := func(events []event.Event) (n int) {
		for i := range events {
			if events[i].Path == "/one" {
				events[i].Path, n = "/first", n+1
			}
		}
		return n
	}
	if done, err := a.Change(t.Context(), "a", anew); err != nil || done.Events != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	want[0].Path = "/first"
	same("written anew")
}

// readElsewhere reads objects of both kinds as another program would.
func readElsewhere(t *testing.T, folder string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, cities int
	err = db.QueryRow("SELECT count(*), count(city) FROM read_parquet('"+filepath.Join(folder, "site=*", "**", "*.parquet")+"', union_by_name = true, hive_partitioning = true)").Scan(&rows, &cities)
	if err != nil || rows != 4 || cities != 1 {
		t.Errorf("another reader finds %d rows and %d cities, %v", rows, cities, err)
	}
}
