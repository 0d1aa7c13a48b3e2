package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"
)

// Throttle makes who guesses wait: after some free tries, pauses that double.
// What is tried (an e-mail, a network) is in memory only, as a hash with a key
// of this process.
type Throttle struct {
	now func() time.Time
	key [32]byte

	mu    sync.Mutex
	tried map[[16]byte]tries
}

type tries struct {
	n    int
	next time.Time // not before
	last time.Time
}

// Free tries, and limits.
const (
	freeByName    = 5
	freeByNetwork = 30 // people behind one address share it
	longestPause  = 15 * time.Minute
	remembered    = time.Hour
	maxTried      = 50_000
)

// SlowError tells that somebody must wait before the next try.
type SlowError struct{ Wait time.Duration }

func (e *SlowError) Error() string {
	return fmt.Sprintf("too many tries: wait %s", e.Wait.Round(time.Second))
}

// Seconds are the whole ones to wait, at least 1.
func (e *SlowError) Seconds() int { return max(1, int(math.Ceil(e.Wait.Seconds()))) }

// NewThrottle makes a Throttle; nil is time.Now.
func NewThrottle(now func() time.Time) *Throttle {
	if now == nil {
		now = time.Now
	}
	t := &Throttle{now: now, tried: map[[16]byte]tries{}}
	rand.Read(t.key[:]) // never fails
	return t
}

// Network is the part of an address that a network has in common: /24 of IPv4,
// /56 of IPv6. One that can't be read shares "" with its like.
func Network(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	bits := 56
	if addr = addr.Unmap(); addr.Is4() {
		bits = 24
	}
	prefix, _ := addr.WithZone("").Prefix(bits) // fails only for more bits than there are
	return prefix.String()
}

func (t *Throttle) hash(sort, what string) (h [16]byte) {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write([]byte(sort + "\x00" + what))
	copy(h[:], mac.Sum(nil))
	return h
}

// Try counts a try before it is made, so that many at once count, too. A
// SlowError is one that came too early: it must not be made, and does not count.
func (t *Throttle) Try(name, network string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	keys := [2][16]byte{t.hash("name", name), t.hash("network", network)}
	for _, k := range keys {
		if wait := t.tried[k].next.Sub(now); wait > 0 {
			return &SlowError{wait}
		}
	}
	for i, free := range [2]int{freeByName, freeByNetwork} {
		was := t.tried[keys[i]]
		if now.Sub(was.last) > remembered {
			was = tries{}
		}
		was.n++
		was.last, was.next = now, now.Add(pause(was.n-free))
		t.keep(keys[i], was)
	}
	return nil
}

// pause is one second after the first try that is not free, and doubles.
func pause(over int) time.Duration {
	if over < 1 {
		return 0
	}
	return min(longestPause, time.Second<<min(over-1, 20))
}

// keep makes room where there is none: of the oldest.
func (t *Throttle) keep(k [16]byte, v tries) {
	if _, known := t.tried[k]; !known && len(t.tried) >= maxTried {
		var oldest [16]byte
		at := v.last.Add(time.Hour)
		for k, v := range t.tried {
			if v.last.Before(at) {
				oldest, at = k, v.last
			}
		}
		delete(t.tried, oldest)
	}
	t.tried[k] = v
}

// Succeeded forgets the tries of a name. Those of the network stay, but for
// this one: else guessing at others' passwords between log-ins of one's own
// would be free.
func (t *Throttle) Succeeded(name, network string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tried, t.hash("name", name))
	k := t.hash("network", network)
	if was, ok := t.tried[k]; ok {
		was.n--
		was.next = was.last.Add(pause(was.n - freeByNetwork))
		t.tried[k] = was
	}
}
