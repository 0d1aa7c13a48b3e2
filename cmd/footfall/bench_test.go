package main

import (
	"encoding/json"
	"regexp"
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
