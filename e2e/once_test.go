package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestOnce sends the same batch 5 times from each of 50 connections, before
// and after restarts: it counts once.
func TestOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "1s")
	at := s.addSite("once.example")
	const events = 20
	now := time.Now().UTC().Add(-time.Minute)
	var batch []map[string]any
	for i := range events {
		batch = append(batch, map[string]any{"type": "page", "messageId": fmt.Sprintf("once-%d", i), "anonymousId": "a", "originalTimestamp": now.Format(time.RFC3339Nano),
			"properties": map[string]any{"url": "https://once.example/"}, "context": map[string]any{"userAgent": browser}})
	}
	for start := range 3 {
		s.start()
		var senders sync.WaitGroup
		for range 50 {
			senders.Go(func() {
				for range 5 {
					if res, text := s.post(t, at.WriteKey, "/v1/batch", map[string]any{"batch": batch}); res.StatusCode != http.StatusOK {
						t.Errorf("%d %s", res.StatusCode, text)
					}
				}
			})
		}
		senders.Wait()
		a := s.quiet()
		if stored := s.export(at.ID); len(stored) != events || a.Stored != events || a.Accepted != uint64(start+1)*events*250 {
			t.Errorf("start %d: %d exported; %+v", start+1, len(stored), a)
		}
		day := now.Format(time.DateOnly)
		if n := s.query("--site", at.ID, "--metric", "PageViews", "--from", day, "--to", now.AddDate(0, 0, 1).Format(time.DateOnly), "--step", "total"); len(n) != 1 || n[0].Value != events {
			t.Errorf("start %d: page views %v, want %d", start+1, n, events)
		}
		if start == 1 {
			s.kill()
		} else {
			s.stop()
		}
	}
	if rows, _ := archived(t, s.data); rows != events {
		t.Errorf("%d archive rows, want %d", rows, events)
	}
}
