package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"
)

// TestBenchSendsEvents: what the benchmark sends is JSON, each event with an id of
// its own and the time it was made.
func TestBenchSendsEvents(t *testing.T) {
	b := &bench{events: benchEvents()}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`)
	ids, visitors, paths := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for range 3 {
		var sent struct {
			Batch []struct {
				MessageID, AnonymousID    string
				OriginalTimestamp, SentAt time.Time
				Properties                struct{ Path string }
			}
		}
		must(t, json.Unmarshal(b.body(nil, 500), &sent))
		for _, e := range sent.Batch {
			ids[e.MessageID], visitors[e.AnonymousID], paths[e.Properties.Path] = true, true, true
			if !uuid.MatchString(e.MessageID) || time.Since(e.OriginalTimestamp).Abs() > time.Minute || e.SentAt != e.OriginalTimestamp {
				t.Fatalf("%+v", e)
			}
		}
	}
	if len(ids) != 1500 || len(visitors) < 1000 || len(paths) < pages*9/10 {
		t.Errorf("%d ids, %d visitors, %d pages", len(ids), len(visitors), len(paths))
	}
	if text := b.body(nil, 1); !json.Valid(text) {
		t.Errorf("%s", text)
	}
}

// TestBareServerWritesWhatItAnswers: what ingest is compared with answers when a body is
// on disk, and says when it could not be written.
func TestBareServerWritesWhatItAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bare")
	file, err := os.Create(path)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	writes := make(chan bareWrite, bareGroup)
	go commitBare(ctx, file, writes)
	server := httptest.NewServer(bareDoor(writes))
	defer server.Close()

	b := &bench{call: &call{stderr: os.Stderr}, events: benchEvents()}
	var events atomic.Int64
	_, times := b.sendFor(ctx, server.Listener.Addr().String(), 8, 3, 0.2, &events)
	text, err := os.ReadFile(path)
	must(t, err)
	if written := bytes.Count(text, []byte(`{"batch":[`)); len(times) < 1 || int64(len(times)) != events.Load()/3 || written != len(times) {
		t.Errorf("%d events in %d requests, %d of them on disk", events.Load(), len(times), written)
	}

	must(t, file.Close())
	res, err := http.Post(server.URL, "", nil)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %s without a file", res.Status)
	}
}
