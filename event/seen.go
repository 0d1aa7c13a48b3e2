package event

import (
	"hash/maphash"
	"math/bits"
)

// Seen is a compact set of event ids that never forgets one and seldom takes a
// new one for known: Has is false for certain, true only probably, so a true
// must be confirmed against what is stored. It takes 5 to 7 bytes an id, in few
// large pieces without pointers, which cost the garbage collector nothing.
//
// An id is hashed to 64 bits. While there are few, the whole hash is kept; then
// the top bits choose one of 65,536 tables, which keeps the low 32 bits. So with
// n ids a lookup of a new one is wrong with a probability of about n / 2^48:
// seldom enough that the archive, which must read all ids of a day to confirm,
// does so for one in 10 million events on a day of 30 million.
// It is not safe for concurrent use.
type Seen struct {
	few    table[uint64]   // while there are few: many days have few ids
	tables []table[uint32] // nil while there are few
	n      int
}

const (
	seenBits = 16
	fewKeys  = 1 << 17
)

var seenSeed = maphash.MakeSeed()

// NewSeen makes an empty set.
func NewSeen() *Seen { return &Seen{} }

// Key hashes a site's event id for a Seen set. Keys differ between processes.
func Key(site, id string) uint64 { return new(keys).of(site, id) }

// keys makes keys of one event after the other, which mostly are of one site.
type keys struct {
	site string
	hash uint64 // of the site
}

func (k *keys) of(site, id string) uint64 {
	if site != k.site || k.hash == 0 {
		k.site, k.hash = site, bits.RotateLeft64(maphash.String(seenSeed, site), 1)
	}
	return maphash.String(seenSeed, id) ^ k.hash
}

// Has reports whether key may be in the set.
func (s *Seen) Has(key uint64) bool {
	if s.tables == nil {
		return s.few.has(key)
	}
	return s.tables[key>>(64-seenBits)].has(uint32(key))
}

// Add puts key into the set and reports whether it was new: true is certain,
// false only probable, as with Has.
func (s *Seen) Add(key uint64) bool {
	fresh := false
	if s.tables == nil {
		if fresh = s.few.add(key); s.few.n > fewKeys {
			s.split()
		}
	} else {
		fresh = s.tables[key>>(64-seenBits)].add(uint32(key))
	}
	if fresh {
		s.n++
	}
	return fresh
}

func (s *Seen) split() {
	s.tables = make([]table[uint32], 1<<seenBits)
	s.few.each(func(key uint64) { s.tables[key>>(64-seenBits)].add(uint32(key)) })
	s.few = table[uint64]{}
}

// Len is how many keys it holds.
func (s *Seen) Len() int { return s.n }

// table is a set of evenly spread numbers: a hash table with linear probing,
// ordered by the numbers themselves. 0 marks a free slot and stands for 1.
type table[T uint32 | uint64] struct {
	slots []T
	n     int
}

// slot is where x belongs if nobody is in its way.
func (t *table[T]) slot(x T) int {
	if wide, ok := any(x).(uint64); ok {
		at, _ := bits.Mul64(wide, uint64(len(t.slots)))
		return int(at)
	}
	return int(uint64(x) * uint64(len(t.slots)) >> 32)
}

// find is the slot that holds x, or the free one it would go to.
func (t *table[T]) find(x T) (at int, found bool) {
	for at = t.slot(x); t.slots[at] != x; {
		if t.slots[at] == 0 {
			return at, false
		}
		if at++; at == len(t.slots) {
			at = 0
		}
	}
	return at, true
}

func (t *table[T]) has(x T) bool {
	if t.n == 0 {
		return false
	}
	_, found := t.find(max(x, 1))
	return found
}

func (t *table[T]) add(x T) bool {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	x = max(x, 1)
	at, found := t.find(x)
	if found {
		return false
	}
	t.slots[at] = x
	t.n++
	return true
}

func (t *table[T]) grow() {
	old := *t
	*t = table[T]{slots: make([]T, max(8, len(old.slots)*5/4))}
	old.each(func(x T) { t.add(x) })
}

func (t *table[T]) each(fn func(T)) {
	for _, x := range t.slots {
		if x != 0 {
			fn(x)
		}
	}
}
