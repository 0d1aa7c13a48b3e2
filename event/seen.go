package event

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// Seen is a compact set of event ids that never forgets one and seldom takes a
// new one for known: Has is false for certain, true only probably, so a true
// must be confirmed against what is stored. It takes about 5 bytes an id.
//
// An id is hashed to 64 bits; the top bits choose a bucket, the low 32 bits are
// kept in it. Buckets are split in four when they grow past bucketAim ids on
// average, by bits that the kept 32 hold anyway; so with n ids a lookup of a
// new one is wrong with a probability of about n / 2^(32+seenBits).
// It is not safe for concurrent use.
type Seen struct {
	few     []uint64   // whole keys, while there are few: many days have few ids
	buckets [][]uint32 // nil while there are few
	split   uint       // how many of the kept bits choose the bucket, beside the top bits
	n       int
}

const (
	seenBits  = 12
	bucketAim = 48
	fewKeys   = 64
)

var seenSeed = maphash.MakeSeed()

// NewSeen makes an empty set.
func NewSeen() *Seen { return &Seen{} }

// Key hashes a site's event id for a Seen set. Keys differ between processes.
func Key(site, id string) uint64 {
	return maphash.String(seenSeed, id) ^ bits.RotateLeft64(maphash.String(seenSeed, site), 1)
}

func (s *Seen) place(key uint64) (bucket uint64, kept uint32) {
	kept = uint32(key)
	return key>>(64-seenBits)<<s.split | uint64(kept)>>(32-s.split), kept
}

// Has reports whether key may be in the set.
func (s *Seen) Has(key uint64) bool {
	if s.buckets == nil {
		return slices.Contains(s.few, key)
	}
	b, kept := s.place(key)
	return slices.Contains(s.buckets[b], kept)
}

// Add puts key into the set and reports whether it was new: true is certain,
// false only probable, as with Has.
func (s *Seen) Add(key uint64) bool {
	if s.buckets == nil {
		if slices.Contains(s.few, key) {
			return false
		}
		if s.n < fewKeys {
			s.few = append(s.few, key)
			s.n++
			return true
		}
		few := s.few
		s.few, s.buckets, s.n = nil, make([][]uint32, 1<<seenBits), 0
		for _, k := range few {
			s.Add(k)
		}
	}
	if s.n > len(s.buckets)*bucketAim && s.split < 20 {
		s.grow()
	}
	b, kept := s.place(key)
	if slices.Contains(s.buckets[b], kept) {
		return false
	}
	s.buckets[b] = push(s.buckets[b], kept)
	s.n++
	return true
}

// Len is how many keys it holds.
func (s *Seen) Len() int { return s.n }

// push grows a bucket in small steps: doubling would waste up to half.
func push(b []uint32, x uint32) []uint32 {
	if len(b) == cap(b) {
		next := make([]uint32, len(b), len(b)+8+len(b)/8)
		copy(next, b)
		b = next
	}
	return append(b, x)
}

func (s *Seen) grow() {
	old := s.buckets
	s.split += 2
	s.buckets = make([][]uint32, len(old)*4)
	for i, b := range old {
		for _, kept := range b {
			at := uint64(i)>>(s.split-2)<<s.split | uint64(kept)>>(32-s.split)
			s.buckets[at] = push(s.buckets[at], kept)
		}
		old[i] = nil
	}
}
