package enrich

import (
	"hash/maphash"
	"sync"
)

// table keeps values by 64-bit hash, at most about a fixed number of them, and
// drops those first that were not asked for longest (roughly: a shard holds
// two generations, and when the young one is full the old one goes). Keys are
// hashes so that a table never holds the text it knows something about.
type table[V any] struct {
	shards [shardCount]shard[V]
}

const shardCount = 64

type shard[V any] struct {
	sync.Mutex
	young, old map[uint64]V
	most       int // entries of one generation
}

func newTable[V any](most int) *table[V] {
	t := new(table[V])
	for i := range t.shards {
		t.shards[i].young = map[uint64]V{}
		t.shards[i].most = max(1, most/shardCount/2)
	}
	return t
}

// shard is where the key lives; lock it around load and store.
func (t *table[V]) shard(key uint64) *shard[V] { return &t.shards[key>>58] }

func (s *shard[V]) load(key uint64) (v V, ok bool) {
	if v, ok = s.young[key]; ok {
		return v, true
	}
	if v, ok = s.old[key]; ok {
		s.store(key, v)
	}
	return v, ok
}

func (s *shard[V]) store(key uint64, v V) {
	if _, known := s.young[key]; !known && len(s.young) >= s.most {
		s.old, s.young = s.young, map[uint64]V{}
	}
	s.young[key] = v
}

func (t *table[V]) get(key uint64) (V, bool) {
	s := t.shard(key)
	s.Lock()
	defer s.Unlock()
	return s.load(key)
}

func (t *table[V]) put(key uint64, v V) {
	s := t.shard(key)
	s.Lock()
	defer s.Unlock()
	s.store(key, v)
}

// seed makes the hashes of one process useless to any other.
var seed = maphash.MakeSeed()

func hashOf(s string) uint64 { return maphash.String(seed, s) }
