package query

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/metric"
)

// slow answers after a minute, and counts.
type slow struct {
	asked, busy, most atomic.Int64
	fails             error
}

func (s *slow) Answer(ctx context.Context, _ metric.Query) (metric.Dataset, error) {
	s.asked.Add(1)
	now := s.busy.Add(1)
	defer s.busy.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	select {
	case <-time.After(time.Minute):
		return metric.Dataset{Source: "slow"}, s.fails
	case <-ctx.Done():
		return metric.Dataset{}, ctx.Err()
	}
}

func TestAtMostSoManyAtATime(t *testing.T) {
	for n, want := range map[int]struct {
		most int64
		took time.Duration
	}{
		-1: {1, 12 * time.Minute}, 0: {1, 12 * time.Minute}, 1: {1, 12 * time.Minute}, 4: {4, 3 * time.Minute}, 5: {5, 3 * time.Minute}, 20: {12, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			var s slow
			source, began := Limit(&s, n), time.Now()
			var wait sync.WaitGroup
			for range 12 {
				wait.Go(func() {
					if set, err := source.Answer(t.Context(), metric.Query{}); err != nil || set.Source != "slow" {
						t.Errorf("%+v %v", set, err)
					}
				})
			}
			wait.Wait()
			if took := time.Since(began); s.most.Load() != want.most || took != want.took || s.asked.Load() != 12 {
				t.Errorf("limit %d: %d questions, %d at once, in %v, want %d in %v", n, s.asked.Load(), s.most.Load(), took, want.most, want.took)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		source := Limit(&s, 1)
		go source.Answer(t.Context(), metric.Query{})
		synctest.Wait()
		patient, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := source.Answer(patient, metric.Query{})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "at most 1 at a time") || s.asked.Load() != 1 {
			t.Errorf("%v, asked %d", err, s.asked.Load())
		}
		time.Sleep(time.Minute) // the turn is free again
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 20 {
			if _, err := source.Answer(gone, metric.Query{}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if _, err := source.Answer(t.Context(), metric.Query{}); err != nil || s.asked.Load() != 2 {
			t.Errorf("%v, asked %d, want 2", err, s.asked.Load())
		}
	})
}

// What the source says comes through as it is, and its turn is given back.
func TestErrorsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow{fails: &metric.QueryError{Why: "ask otherwise"}}
		source := Limit(&s, 1)
		for range 3 {
			if _, err := source.Answer(t.Context(), metric.Query{}); err != s.fails {
				t.Error(err)
			}
			brief, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := source.Answer(brief, metric.Query{}); err != context.DeadlineExceeded {
				t.Error(err)
			}
			cancel()
		}
	})
}
