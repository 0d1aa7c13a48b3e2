package e2e

import (
	"testing"

	"footfall/archive/s3/s3test"
)

// TestArchiveInBucket kills a server whose archive is in an S3 bucket while events come,
// and the bucket's server, too: nothing that was answered is lost, and what is made again
// from the bucket is the same.
func TestArchiveInBucket(t *testing.T) {
	t.Parallel()
	store := s3test.Start(t)
	s := newServer(t, "--archive-age", "100ms", "--archive-bytes", "20000")
	s.env = append(store.Environment(), "FOOTFALL_ARCHIVE="+store.URL("archive"))
	at := s.addSite("shop.example")
	s.start()
	l := newLoad(s, at.WriteKey, 4)
	l.start()
	defer l.stop()
	for round := range 3 {
		l.await(t, 200)
		if round == 1 { // the archive waits, and the doors do not
			store.Kill()
			l.await(t, 200)
			store.Again()
		}
		s.kill()
		s.start()
	}
	l.await(t, 200)
	l.stop()
	acked := l.answered()
	s.quiet()
	s.ask(nil, "rebuild")
	a := s.quiet()
	lost, doubled := compare(t, acked, s.export(at.ID))
	t.Logf("%d acknowledged, %d stored; %d lost, %d doubled", len(acked), a.Stored, lost, doubled)
	if r := s.reconcile("rebuilt from the bucket"); r.Archive.Events != a.Stored {
		t.Errorf("the archive has %d of %d events", r.Archive.Events, a.Stored)
	}
	if f := s.doctor()["archive"]; !f.OK {
		t.Errorf("doctor says: %s", f.Says)
	}
}
