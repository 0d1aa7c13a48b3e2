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
// Tries are counted for a name (an e-mail) from a network, for the network, and
// for the name from everywhere. So that nobody can lock another one out, the last
// count is loose and its pauses are short, and a device that has logged in as the
// name before has a count of its own, which no other sender's tries are in.
// What is tried is in memory only, as a hash with a key of this process.
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
	freeByName      = 5   // of a name, from one network or device
	freeByNetwork   = 30  // people behind one address share it
	freeEverywhere  = 100 // of a name, from all networks
	longestPause    = 15 * time.Minute
	pauseEverywhere = 5 * time.Minute // the longest for a name from everywhere
	remembered      = time.Hour
	maxTried        = 50_000
	lookedAt        = 64 // to find an old one where there is no room
)

// Sender is who tries.
type Sender struct {
	Network string // as Network spells it
	Device  string // one that is known to have logged in as the name, or a session; "" is none
}

// count is what tries are counted for.
type count struct {
	key     [16]byte
	free    int
	longest time.Duration
}

// counts of a try: those of a known device are its own matter alone.
func (t *Throttle) counts(name string, from Sender) []count {
	if from.Device != "" {
		return []count{{t.hash("device", name+"\x00"+from.Device), freeByName, longestPause}}
	}
	return []count{
		{t.hash("name", name+"\x00"+from.Network), freeByName, longestPause},
		t.ofNetwork(from.Network),
		{t.hash("everywhere", name), freeEverywhere, pauseEverywhere},
	}
}

// ofNetwork is the count of whatever a network tries.
func (t *Throttle) ofNetwork(network string) count {
	return count{t.hash("network", network), freeByNetwork, longestPause}
}

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

func (t *Throttle) hash(sort, what string) [16]byte { return hash(t.key, sort, what) }

func hash(key [32]byte, sort, what string) (h [16]byte) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(sort + "\x00" + what))
	copy(h[:], mac.Sum(nil))
	return h
}

// Try counts a try before it is made, so that many at once count, too. A
// SlowError is one that came too early: it must not be made, and does not count.
func (t *Throttle) Try(name string, from Sender) error { return t.try(t.counts(name, from)) }

// TryNetwork counts a try for the network alone: it guesses at nobody. Errors:
// as Try.
func (t *Throttle) TryNetwork(network string) error { return t.try([]count{t.ofNetwork(network)}) }

func (t *Throttle) try(counts []count) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, c := range counts {
		if wait := t.tried[c.key].next.Sub(now); wait > 0 {
			return &SlowError{wait}
		}
	}
	for _, c := range counts {
		was := t.tried[c.key]
		if now.Sub(was.last) > remembered {
			was = tries{}
		}
		was.n++
		was.last, was.next = now, now.Add(c.pause(was.n))
		makeRoom(t.tried, c.key, func(v tries) time.Time { return v.last })
		t.tried[c.key] = was
	}
	return nil
}

// pause is one second after the first try that is not free, and doubles.
func (c count) pause(n int) time.Duration {
	over := n - c.free
	if over < 1 {
		return 0
	}
	return min(c.longest, time.Second<<min(over-1, 20))
}

// makeRoom makes room for a key where there is none: the oldest of some goes.
func makeRoom[V any](kept map[[16]byte]V, k [16]byte, last func(V) time.Time) {
	if _, known := kept[k]; known || len(kept) < maxTried {
		return
	}
	var oldest [16]byte
	var at time.Time
	seen := 0
	for k, v := range kept { // begins anywhere
		if seen == 0 || last(v).Before(at) {
			oldest, at = k, last(v)
		}
		if seen++; seen == lookedAt {
			break
		}
	}
	delete(kept, oldest)
}

// Succeeded forgets the tries of a name from there. Those of the network and
// from everywhere stay, but for this one: else guessing at others' passwords
// between log-ins of one's own, or at somebody's between that one's, would be
// free.
func (t *Throttle) Succeeded(name string, from Sender) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.counts(name, from) {
		was, ok := t.tried[c.key]
		if i == 0 || !ok {
			delete(t.tried, c.key)
			continue
		}
		was.n--
		was.next = was.last.Add(c.pause(was.n))
		t.tried[c.key] = was
	}
}
