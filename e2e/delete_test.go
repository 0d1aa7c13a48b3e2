package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestDeleteKill kills the server at random moments while events are deleted, and
// others come: the next start ends it, nothing else goes, and all adds up.
func TestDeleteKill(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "100ms")
	at := s.addSite("shop.example")
	s.start()
	const waves, each = 4, 50
	send := func(name string, n int) {
		t.Helper()
		var batch []any
		for i := range n {
			batch = append(batch, map[string]any{"type": "page", "anonymousId": fmt.Sprint(name, i%7), "messageId": fmt.Sprint(name, "-", i),
				"context": map[string]any{"page": map[string]any{"url": "https://shop.example/" + name, "referrer": "https://" + name + ".example/"}}})
		}
		if res, text := s.post(t, at.WriteKey, "/v1/batch", map[string]any{"batch": batch}); res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
	}
	send("people", each)
	for n := range waves {
		send(fmt.Sprint("wave", n), each)
	}
	s.ask(nil, "roll")
	from, to := time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly), time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly)
	cut, late := 0, 0
	for n := range waves {
		erase := []string{"events", "delete", "--site", at.ID, "--from", from, "--to", to, "--where", fmt.Sprintf(`["contains","referrer",["wave%d."]]`, n), "--yes"}
		if s.cutShort(func() {
			send(fmt.Sprint("late", n), 5)
			late += 5
			time.Sleep(time.Duration(10+rand.IntN(250)) * time.Millisecond)
		}, erase...) {
			cut++
		}
		s.ask(nil, erase...) // where it had not begun; else it finds nothing, once the start has ended it
	}
	a := s.quiet()
	if a.Stored != each+uint64(late) || a.Removed != waves*each {
		t.Errorf("the account is %+v, want %d stored and %d removed", a, each+late, waves*each)
	}
	s.ask(nil, "roll")
	s.reconcile("after deleting")
	s.ask(nil, "rebuild")
	if b := s.quiet(); b.Stored != a.Stored || b.Removed != a.Removed {
		t.Errorf("after a rebuild the account is %+v, was %+v", b, a)
	}
	t.Logf("%d of %d runs were cut short", cut, waves)
}
