package account

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// Quota bounds how many letters go to one address, or about one thing, however
// many ask for them: a mailbox is filled by nobody. What was taken is in memory
// only, as a hash with a key of this process.
type Quota struct {
	now func() time.Time
	key [32]byte

	mu    sync.Mutex
	taken map[[16]byte][]time.Time // within the last day, the oldest first
}

// Most letters of a name.
const (
	mostHourly = 5
	mostDaily  = 20
)

// NewQuota makes a Quota; now is time.Now if it is nil.
func NewQuota(now func() time.Time) *Quota {
	if now == nil {
		now = time.Now
	}
	q := &Quota{now: now, taken: map[[16]byte][]time.Time{}}
	rand.Read(q.key[:]) // never fails
	return q
}

// Take takes one of a name's letters: at most 5 within any hour and 20 within
// any day. A SlowError is one too many, which does not count.
func (q *Quota) Take(name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, k := q.now(), hash(q.key, "letter", name)
	taken := slices.DeleteFunc(q.taken[k], func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	if wait := max(over(taken, mostDaily, 24*time.Hour, now), over(taken, mostHourly, time.Hour, now)); wait > 0 {
		return &SlowError{wait}
	}
	makeRoom(q.taken, k, func(taken []time.Time) time.Time { return taken[len(taken)-1] })
	q.taken[k] = append(taken, now)
	return nil
}

// over is how long it is until there are fewer than most within a span; 0 if
// there are now.
func over(taken []time.Time, most int, span time.Duration, now time.Time) time.Duration {
	if len(taken) < most {
		return 0
	}
	return max(0, span-now.Sub(taken[len(taken)-most]))
}
