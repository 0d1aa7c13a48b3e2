package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExpiry stops the archive: when its oldest event has waited for half of the
// time that the queue keeps events, the log and the doctor say so. What waited is
// archived once it can be.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--queue-max-age", "10s", "--archive-age", "200ms")
	at := s.addSite("shop.example")
	s.start()
	archive := filepath.Join(s.data, "archive")
	must(t, os.Rename(archive, archive+".away"))
	must(t, os.WriteFile(archive, nil, 0o600))
	began := time.Now()
	if res, text := s.post(t, at.WriteKey, "/v1/page", map[string]any{"anonymousId": "a"}); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	s.quiet()
	if f := s.doctor()["expiry"]; !f.OK || !strings.Contains(f.Says, "keeps events for 10s") {
		t.Errorf("after %v the doctor says %+v", time.Since(began), f)
	}
	const warning = "more than half of the queue's maximum age"
	for !strings.Contains(s.logged(0), warning) {
		if time.Since(began) > 9*time.Second {
			t.Fatalf("no warning after %v", time.Since(began))
		}
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(began); took < 4500*time.Millisecond {
		t.Errorf("a warning after %v already", took)
	}
	if f := s.doctor()["expiry"]; f.OK || !strings.Contains(f.Says, "for the archive") {
		t.Errorf("after %v the doctor says %+v", time.Since(began), f)
	}
	must(t, os.Remove(archive))
	must(t, os.Rename(archive+".away", archive))
	s.stop()
	if rows, distinct := archived(t, s.data); rows != 1 || distinct != 1 {
		t.Errorf("%d archive rows, %d of them distinct, want 1", rows, distinct)
	}
}
