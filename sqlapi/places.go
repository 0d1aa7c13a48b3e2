package sqlapi

import (
	"errors"
	"sync"
)

// errOwn means that the key's own query is under way.
var errOwn = errors.New("a query of this key is under way: ask one after another, so that others come to ask, too")

// places are who asks now. The server answers two queries at a time: each key has one of
// them at most, so that none can keep all others from asking.
type places struct {
	mu    sync.Mutex
	taken map[string]bool // by id of the key
}

// take takes the key's place, until leave is called; false: it has it already.
func (p *places) take(key string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[key] {
		return nil, false
	}
	if p.taken == nil {
		p.taken = map[string]bool{}
	}
	p.taken[key] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.taken, key)
	}, true
}
