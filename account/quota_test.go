package account_test

import (
	"errors"
	"testing"
	"time"

	"footfall/account"
)

// TestQuota: 5 letters within any hour, 20 within any day, for each name by
// itself; what is refused does not count, and its wait is long enough.
func TestQuota(t *testing.T) {
	clock := time.Now()
	q := account.NewQuota(func() time.Time { return clock })
	begun, came := clock, []time.Time(nil)
	for clock.Sub(begun) < 48*time.Hour {
		err := q.Take("ada@example.com")
		if err == nil {
			came = append(came, clock)
		}
		if slow, ok := errors.AsType[*account.SlowError](err); err != nil && (!ok || slow.Wait <= 0) {
			t.Fatalf("refused with %v", err)
		} else if ok {
			clock = clock.Add(slow.Wait - time.Second)
			if q.Take("ada@example.com") == nil {
				t.Fatal("the wait was too long")
			}
			clock = clock.Add(time.Second)
			if err := q.Take("ada@example.com"); err != nil {
				t.Fatalf("after the wait: %v", err)
			}
			came = append(came, clock)
		}
		clock = clock.Add(time.Minute)
	}
	for most, span := range map[int]time.Duration{5: time.Hour, 20: 24 * time.Hour} {
		for i := most; i < len(came); i++ {
			if came[i].Sub(came[i-most]) < span {
				t.Errorf("letters %d to %d came within %v", i-most, i, came[i].Sub(came[i-most]))
			}
		}
	}
	if len(came) != 41 {
		t.Errorf("%d letters in two days, with the first of the third, want 41", len(came))
	}
	if err := q.Take("bea@example.com"); err != nil {
		t.Errorf("somebody else's letter: %v", err)
	}
}
