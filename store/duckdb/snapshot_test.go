package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/store"
	"footfall/store/storetest"
)

// TestSnapshots checks the law with walks in one piece and in many small ones.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{sliceRows, 150} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			open := func(t *testing.T, dir string, now func() time.Time) store.Store {
				s, err := Open(Options{Dir: dir, Now: now})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			storetest.Snapshots(t, open, func(t *testing.T, s store.Store) storetest.Snapshot {
				p, err := s.(*Store).Snapshot(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				p.rows = rows
				return p
			})
		})
	}
}

func logSize(t *testing.T, s *Store) int64 {
	t.Helper()
	info, err := os.Stat(s.file() + ".wal")
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestSnapshotLetsWrite holds a snapshot over many checkpoints' worth of
// events: no write fails, what is written can be read and survives a kill, and
// the log is taken up at the latest when the snapshot is closed.
func TestSnapshotLetsWrite(t *testing.T) {
	const batches, batch = 40, 2000
	s, err := Open(Options{Dir: t.TempDir(), Checkpoint: "1MB"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	at := time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)
	busy := storetest.NewBusy(1, at)
	ctx := context.Background()
	var p *Snapshot
	for seq := range uint64(batches) {
		if err := s.Write(ctx, busy.Next(batch), event.Position{Epoch: 1, Seq: seq + 1}); err != nil {
			t.Fatalf("batch %d beside a snapshot: %v", seq, err)
		}
		if seq == 2 {
			if p, err = s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("the log has %d KB while the snapshot is open", logSize(t, s)/1000)
	killed := t.TempDir()
	for _, name := range []string{"events.duckdb", "events.duckdb.wal"} {
		if data, err := os.ReadFile(filepath.Join(s.o.Dir, name)); err == nil {
			if err := os.WriteFile(filepath.Join(killed, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 0
	if err := p.Walk(ctx, "shop", at, at.Add(24*time.Hour), false, func(*event.Event) error { n++; return nil }); err != nil || n != 3*batch {
		t.Errorf("the snapshot has %d events, %v", n, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(3) {
		if err := s.Write(ctx, busy.Next(batch), event.Position{Epoch: 2, Seq: seq + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if size := logSize(t, s); size > 4_000_000 {
		t.Errorf("the log still has %d bytes", size)
	}
	again, err := Open(Options{Dir: killed})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if len(again.Moved()) > 0 || again.State().Stored != batches*batch || again.State().Position.Seq != batches {
		t.Errorf("after a kill beside a snapshot: %+v, moved %v", again.State(), again.Moved())
	}
}

// TestCloseBesideSnapshot checks that a store can be closed although somebody
// still reads: nothing is lost and nothing fails.
func TestCloseBesideSnapshot(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	busy := storetest.NewBusy(1, time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC))
	if err := s.Write(ctx, busy.Next(100), event.Position{Epoch: 1, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	p, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, busy.Next(100), event.Position{Epoch: 1, Seq: 2}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing beside a snapshot: %v", err)
	}
	if _, err := s.Snapshot(ctx); err == nil {
		t.Error("a snapshot of a closed store")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if all := storetest.All(t, s, "", period.Window{}); len(all) != 200 || s.State().Position.Seq != 2 {
		t.Errorf("%d events, %+v", len(all), s.State())
	}
}
