package rows

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/event"
)

// stuck are tables that somebody has locked: what they are asked ends with its
// context, until they are free.
type stuck struct {
	Tables
	free  chan struct{}
	asked *atomic.Int32
}

func (x stuck) Destroy(ctx context.Context, _ event.Day) (bool, error) {
	x.asked.Add(1)
	select {
	case <-x.free:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (x stuck) Close() error { return nil }

// TestSweepHoldsNobodyUp: while old salts can't be destroyed, who wants one that is
// known has it, the old ones are in memory no more, and it is tried again.
func TestSweepHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today := event.DayOf(time.Now())
		x := stuck{free: make(chan struct{}), asked: &atomic.Int32{}}
		if _, err := Open(t.Context(), x); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open with tables that do not answer: %v", err)
		}
		s := &Store{tables: x, salts: map[event.Day][]byte{today - 2: {2}, today - 1: {1}, today: {7}}, swept: today - 1}
		swept := func() event.Day {
			s.mu.RLock()
			defer s.mu.RUnlock()
			return s.swept
		}
		ctx, stop := context.WithCancel(t.Context())
		s.stop = stop
		s.done.Go(func() { s.sweepDaily(ctx) })
		time.Sleep(time.Minute)
		synctest.Wait() // it is at it
		began := time.Now()
		if salt, err := s.Salt(today); err != nil || !bytes.Equal(salt, []byte{7}) || time.Since(began) > 0 {
			t.Errorf("a salt that is known: %v, %v, after %v", salt, err, time.Since(began))
		}
		if s.salt(today-2) != nil {
			t.Error("an old salt is in memory")
		}
		time.Sleep(2*time.Minute - 2*time.Second)
		synctest.Wait()
		if swept() == today || x.asked.Load() != 3 {
			t.Errorf("swept %v, asked %d times, want 3", swept() == today, x.asked.Load())
		}
		close(x.free)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if swept() != today || x.asked.Load() != 4 {
			t.Errorf("swept %v, asked %d times, want 4", swept() == today, x.asked.Load())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
