package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEraseKill kills the server at random moments while persons are erased: the
// same command again erases the rest, nobody is in any file but the queue's, and
// all events are still counted.
func TestEraseKill(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "100ms")
	at := s.addSite("shop.example")
	s.ask(nil, "site", "set", "shop.example", "--history", "12")
	s.start()
	const persons = 6
	var x secrets
	for n := range persons {
		sendPerson(t, s, at, &x, n)
	}
	s.ask(nil, "roll")
	visitors := func() string {
		return fmt.Sprint(s.query("--site", at.ID, "--metric", "Visitors", "--window", "Last7Days", "--step", "total"), s.query("--site", at.ID, "--metric", "Orders", "--window", "Last7Days", "--step", "total"))
	}
	before, cut := visitors(), 0
	for n := range persons {
		erase := []string{"person", "erase", "--site", at.ID, "--user", fmt.Sprintf("customer-%d-ringelblume", n)}
		if s.cutShort(func() {
			time.Sleep(time.Duration(20+rand.IntN(600)) * time.Millisecond)
		}, erase...) {
			cut++
		}
		s.ask(nil, erase...)
	}
	if a := s.quiet(); a.Stored != 3*persons {
		t.Errorf("the account is %+v, want %d stored", a, 3*persons)
	}
	s.reconcile("after erasing")
	if now := visitors(); now != before {
		t.Errorf("figures are %s, were %s", now, before)
	}
	nobodyIn(t, s, at, x)
	t.Logf("%d of %d runs were cut short", cut, persons)
}

// sendPerson sends what a person does whom nobody else is like.
func sendPerson(t *testing.T, s *server, at site, x *secrets, n int) {
	t.Helper()
	user, browser := fmt.Sprintf("customer-%d-ringelblume", n), fmt.Sprintf("browser-%d-kornblume", n)
	for i, e := range []map[string]any{{"type": "page", "anonymousId": browser, "context": map[string]any{"page": map[string]any{"url": "https://shop.example/a?who=" + user}}},
		{"type": "identify", "anonymousId": browser, "userId": user, "traits": map[string]any{"email": user + "@example.org"}},
		{"type": "track", "event": "Order Completed", "anonymousId": browser, "userId": user, "properties": map[string]any{"revenue": 5, "email": user + "@example.org"}}} {
		e["messageId"] = fmt.Sprintf("m-%d-%d", n, i)
		if res, text := s.post(t, at.WriteKey, "/v1/batch", map[string]any{"batch": []any{e}}); res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
	}
	x.texts = append(x.texts, user, browser)
}

// nobodyIn stops the server and looks for persons in all that it has, packed or
// not, but what the queue holds until it expires.
func nobodyIn(t *testing.T, s *server, at site, x secrets) {
	t.Helper()
	export := s.exportText(at.ID)
	s.stop()
	for where, text := range map[string]string{"export": export, "the archive": unpacked(t, s.data), "the log": s.logged(0)} {
		if found := x.found([]byte(text)); len(found) > 0 || len(text) < 50 {
			t.Errorf("%s holds %q", where, found)
		}
	}
	if text := queued(t, s.data); !strings.Contains(text, x.texts[0]) {
		t.Error("the queue does not hold what was sent: nothing was tested")
	}
	must(t, os.RemoveAll(filepath.Join(s.data, "queue")))
	checkFiles(t, x, s.data, "after the stop")
}
