package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRestart restarts the server again and again while clients send, half of
// them over a new connection for every request: no connection is refused and
// nothing acknowledged is lost.
func TestRestart(t *testing.T) {
	rounds := 6
	if long {
		rounds = 30
	}
	s := newServer(t, "--archive-age", "2s")
	at := s.addSite("load.example")
	s.start()
	keep, fresh := newLoad(s, at.WriteKey, 4), newLoad(s, at.WriteKey, 4)
	fresh.fresh, keep.pause, fresh.pause = true, time.Millisecond, time.Millisecond
	fresh.prefix = "fresh"
	keep.start()
	fresh.start()
	for round := range rounds {
		keep.await(t, 50)
		fresh.await(t, 50)
		started := strings.Count(s.logged(0), "msg=listening")
		s.ask(nil, "restart")
		if round%2 == 0 { // a command meanwhile waits its turn, and does not get in the way
			s.query("--site", at.ID, "--metric", "PageViews", "--window", "Last24Hours")
		}
		for deadline := time.Now().Add(30 * time.Second); strings.Count(s.logged(0), "msg=listening") == started; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the server did not come back within 30 s")
			}
		}
	}
	keep.await(t, 50)
	fresh.await(t, 50)
	keep.stop()
	fresh.stop()
	s.quiet()
	acked := keep.answered()
	for id := range fresh.answered() {
		acked[id] = true
	}
	stored := s.export(at.ID)
	lost, doubled := compare(t, acked, stored)
	if n := keep.refused.Load() + fresh.refused.Load(); n > 0 {
		t.Errorf("%d connections were refused", n)
	}
	if gap := max(keep.gap, fresh.gap); gap > 5*time.Second {
		t.Errorf("no answer for %v", gap)
	}
	s.stop()
	if rows, _ := archived(t, s.data); rows != len(stored) {
		t.Errorf("%d archive rows, %d store rows", rows, len(stored))
	}
	t.Logf("%d restarts: %d acknowledged, %d lost, %d doubled, %d requests sent again; longest time without an answer %v with connections kept, %v with new ones; other answers: %v %v", rounds,
		len(acked), lost, doubled, keep.retried.Load()+fresh.retried.Load(), keep.gap.Round(time.Millisecond), fresh.gap.Round(time.Millisecond), keep.other, fresh.other)
}

// TestRestartRefused asks for restarts that would fail, by command and by signal: the
// server says why and goes on, and starts again once it can.
func TestRestartRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	config, places := s.data+".yaml", s.data+".mmdb"
	s.flags = []string{"--config", config}
	must(t, os.WriteFile(config, []byte("archive-age: 1s\n"), 0o600))
	at := s.addSite("shop.example")
	s.start()
	answers := func() {
		t.Helper()
		if res, text := s.post(t, at.WriteKey, "/v1/page", map[string]any{"anonymousId": "a"}); res.StatusCode != 200 {
			t.Errorf("%d %s", res.StatusCode, text)
		}
	}
	for why, text := range map[string]string{"archive-agee": "archive-agee: 1s\n", "is not a length of time": "archive-age: soon\n", "invalid MaxMind DB": "geo: " + places + "\n"} {
		must(t, os.WriteFile(config, []byte(text), 0o600))
		must(t, os.WriteFile(places, []byte("no such thing"), 0o600))
		if _, stderr, code := s.run("restart"); code != 1 || !strings.Contains(stderr, "would not start again") || !strings.Contains(stderr, why) {
			t.Errorf("restart with %q: exit %d, %s", text, code, stderr)
		}
		must(t, s.cmd.Process.Signal(syscall.SIGHUP))
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.logged(0), why); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("nothing is said of %q within 30 s", text)
			}
		}
		answers()
	}
	must(t, os.WriteFile(config, []byte("archive-age: 2s\n"), 0o600))
	s.ask(nil, "restart")
	for deadline := time.Now().Add(30 * time.Second); strings.Count(s.logged(0), "msg=listening") != 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server did not come back within 30 s")
		}
	}
	answers()
	s.stop()
}

// TestStop checks that a stopping server writes what it accepted, and that a
// second one keeps out.
func TestStop(t *testing.T) {
	s := newServer(t)
	at := s.addSite("load.example")
	s.start()
	stdout, stderr, code := s.run("serve", "--listen", freeAddress(t))
	if code == 0 || !strings.Contains(stderr, "another footfall") || !strings.Contains(stderr, "footfall restart") {
		t.Errorf("a second server on the same directory: exit %d, %q, %q", code, stdout, stderr)
	}
	l := newLoad(s, at.WriteKey, 16)
	l.start()
	l.await(t, 2000)
	s.stop() // fails the test unless it exits 0
	l.stop()
	rows, _ := archived(t, s.data)
	stored := s.export(at.ID)
	compare(t, l.answered(), stored)
	if rows != len(stored) {
		t.Errorf("%d archive rows, %d store rows", rows, len(stored))
	}
}
