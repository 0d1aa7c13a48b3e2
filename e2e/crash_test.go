package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestKill kills the server 25 times at random moments under load: every
// event that was answered is stored once, and archived once.
func TestKill(t *testing.T) {
	t.Parallel()
	const rounds = 25
	s := newServer(t, "--archive-age", "2s")
	at := s.addSite("load.example")
	l := newLoad(s, at.WriteKey, 64)
	l.start()
	defer l.stop()
	var slowest time.Duration
	for round := range rounds {
		if round%5 == 4 { // also while it starts
			s.launch()
			time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
			s.kill()
			continue
		}
		slowest = max(slowest, s.start())
		l.await(t, 20)
		most := 800 * time.Millisecond
		if long {
			most = 5 * time.Second
		}
		time.Sleep(time.Duration(rand.Int64N(int64(most))))
		s.kill()
	}
	s.start()
	l.await(t, 1)
	l.stop()
	if len(l.other) > 0 {
		t.Logf("other answers: %v", l.other)
	}
	a := s.quiet()
	stored := s.export(at.ID)
	lost, doubled := compare(t, l.answered(), stored)
	if uint64(len(stored)) != a.Stored {
		t.Errorf("%d events exported, %d counted as stored", len(stored), a.Stored)
	}
	if f := s.doctor()["account"]; !f.OK {
		t.Errorf("doctor says: %s", f.Says)
	}
	s.stop()
	rows, distinct := archived(t, s.data)
	if rows != len(stored) || distinct != rows {
		t.Errorf("%d archive rows, %d of them distinct, %d store rows", rows, distinct, len(stored))
	}
	t.Logf("%d rounds: %d acknowledged, %d retries, %d stored, %d lost, %d doubled, %d came again, %d archive rows; slowest start %v",
		rounds, len(l.answered()), l.retried.Load(), len(stored), lost, doubled, a.Duplicates, rows, slowest.Round(time.Millisecond))
}
