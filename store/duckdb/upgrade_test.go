package duckdb_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

// TestUpgrade opens a store of format 2, which has 300 events without labels. It
// is upgraded in place: they are there as they were, count once, and lie beside
// new ones that have labels.
func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "testdata/events.v2.duckdb.gz", filepath.Join(dir, "events.duckdb"))
	var log bytes.Buffer
	o := duckdb.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
	s, err := duckdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	old := storetest.All(t, s, "", period.Window{})
	if got := s.State(); len(old) != 300 || got.Stored != 300 || got.Position != (event.Position{Epoch: 1, Seq: 1, Total: 300}) || len(s.Moved()) > 0 {
		t.Fatalf("%d events, %+v, moved %v", len(old), got, s.Moved())
	}
	for _, e := range old {
		if e.Labels != (event.Labels{}) || e.Browser == "" {
			t.Fatalf("%+v", e)
		}
	}
	if !strings.Contains(log.String(), "upgraded in place") {
		t.Errorf("the log says %s", log.String())
	}
	fresh := storetest.NewBusy(9, old[0].Time.Add(time.Hour)).Next(200)
	fresh[0].Country, fresh[0].City, fresh[0].Bot, fresh[0].Kind = "DE", "Munich (DE-BY)", "", event.Page
	if err := s.Write(context.Background(), append(old[:50:50], fresh...), event.Position{Epoch: 1, Seq: 2, Total: 550}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if s, err = duckdb.Open(o); err != nil || log.Len() > 0 {
		t.Fatalf("after another start: %v, the log says %s", err, log.String())
	}
	defer s.Close()
	all := storetest.All(t, s, "", period.Window{})
	if got := s.State(); got.Stored != 500 || got.Duplicates != 50 || len(all) != 500 || !reflect.DeepEqual(all[:300], old) || !reflect.DeepEqual(all[300:], fresh) {
		t.Errorf("%d events, %+v", len(all), got)
	}
	m := storetest.NewModel(time.Now)
	if err := m.Write(context.Background(), all, event.Position{}); err != nil {
		t.Fatal(err)
	}
	for _, by := range []metric.Dimension{"region", "city", "browser_version", "os_version", "language", "screen"} {
		q := metric.Query{Site: "shop", Metric: metric.PageViews, By: by, Window: period.Window{From: old[0].Time, To: old[0].Time.Add(24 * time.Hour)}}
		got, err := s.Answer(context.Background(), q)
		want, _ := m.Answer(context.Background(), q)
		if err != nil || len(got.Points) < 2 || !reflect.DeepEqual(got.Points, want.Points) {
			t.Errorf("by %s: %v\n got %+v\nwant %+v", by, err, got.Points, want.Points)
		}
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
