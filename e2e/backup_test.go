package e2e

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// elsewhere is a server on a data directory that a backup is restored into.
func (s *server) elsewhere(t *testing.T, backups string) *server {
	t.Helper()
	to := newServer(t)
	if out, fault, code := to.run("restore", backups); code != 0 {
		t.Fatalf("restore: exit %d: %s%s", code, out, fault)
	}
	return to
}

// TestBackup backs a server up while events and orders come, and restores it
// elsewhere: each event that was answered before is there, none twice, money is
// what it was, and the account adds up.
func TestBackup(t *testing.T) {
	s := &seller{affiliates: newAffiliates(t)}
	s.start()
	l := newLoad(s.server, s.at.WriteKey, 8)
	l.mixed = true
	l.start()
	defer l.stop()
	var work sync.WaitGroup
	for worker := range 2 {
		work.Go(func() { s.sell(worker) })
	}
	l.await(t, 500)
	s.ended.Store(true) // from here on the sums are known
	work.Wait()
	owed := s.ask(nil, "affiliate", "list", "--site", s.at.ID)
	backups := filepath.Join(t.TempDir(), "backups")
	for range 2 { // the second has objects of the first
		acked := l.answered()
		s.ask(nil, "backup", backups)
		s.ask(nil, "backup", "verify", backups)
		l.await(t, 200) // it goes on meanwhile
		to := s.elsewhere(t, backups)
		to.start()
		a := to.quiet()
		stored := to.export(s.at.ID)
		lost, doubled := compare(t, acked, stored)
		t.Logf("%d acknowledged before the backup, %d in it; %d lost, %d doubled", len(acked), len(stored), lost, doubled)
		if uint64(len(stored)) != a.Stored {
			t.Errorf("%d events exported, %d counted as stored", len(stored), a.Stored)
		}
		if got := to.ask(nil, "affiliate", "list", "--site", s.at.ID); got != owed {
			t.Errorf("affiliates are owed\n%s, in the backup\n%s", owed, got)
		}
		if f := to.doctor()["account"]; !f.OK {
			t.Errorf("doctor says: %s", f.Says)
		}
		to.stop()
	}
}

// TestBackupKilled kills the server in the middle of a backup: there is none that
// looks complete, and the next one is.
func TestBackupKilled(t *testing.T) {
	s := newServer(t)
	at := s.addSite("shop.example")
	s.start()
	l := newLoad(s, at.WriteKey, 8)
	l.start()
	l.await(t, 300)
	l.stop()
	dir := t.TempDir()
	killed := 0
	for wait := time.Duration(0); wait < 60*time.Millisecond; wait += 10 * time.Millisecond {
		backups := filepath.Join(dir, wait.String())
		done := make(chan int, 1)
		go func() {
			_, _, code := s.run("backup", backups)
			done <- code
		}()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if entries, _ := os.ReadDir(backups); len(entries) > 0 {
				break
			}
		}
		time.Sleep(wait)
		s.kill()
		code := <-done
		_, fault, verified := s.run("backup", "verify", backups)
		if code == 0 && verified != 0 {
			t.Errorf("a backup that was complete is not: %s", fault)
		}
		if code != 0 {
			killed++
		}
		s.start()
		s.ask(nil, "backup", backups) // what was left is no hindrance
		s.ask(nil, "backup", "verify", backups)
	}
	t.Logf("killed in the middle: %d", killed)
}
