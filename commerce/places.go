package commerce

import (
	"hash/maphash"
	"sync"
	"time"
)

// places are the places in memory for webhooks' messages. Who sends one is
// proved only when all of it is there, so a network that has brought no signed
// message to the site lately is a stranger. Strangers have half of the places, at
// most, half of these for one site, and an eighth of these for one network: the
// rest is for those that are known, so that signed messages get through while
// others fill what they can.
type places struct {
	max  int
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	taken map[uint64]int       // by hashes of what is counted; addresses are not kept
	known map[uint64]time.Time // since when, by site and network
}

// How long a network stays known after its last signed message, and of how many
// networks that is remembered.
const (
	knownFor = 7 * 24 * time.Hour
	maxKnown = 4096
)

func newPlaces(n int, now func() time.Time) *places {
	return &places{max: n, now: now, seed: maphash.MakeSeed(), taken: map[uint64]int{}, known: map[uint64]time.Time{}}
}

func (p *places) hash(sort, what string) uint64 { return maphash.String(p.seed, sort+"\x00"+what) }

// share is a part of the places, at least one.
func (p *places) share(parts int) int { return max(1, p.max/parts) }

// within does something for a sender of a site in a place; without one it is to
// be sent again. What is done says whether the sender is proved.
func (p *places) within(site, network string, do func() (proved bool, f *refusal)) *refusal {
	sender := p.hash("sender", site+"\x00"+network)
	counted, ok := p.enter(sender, site, network)
	if !ok {
		return again("too many messages at a time: send it again")
	}
	defer p.leave(counted)
	proved, f := do()
	if proved {
		p.remember(sender)
	}
	return f
}

// enter takes a place and tells what it is counted for.
func (p *places) enter(sender uint64, site, network string) (counted []uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted, limits := []uint64{p.hash("all", "")}, []int{p.max}
	if since, known := p.known[sender]; !known || p.now().Sub(since) > knownFor {
		counted = append(counted, p.hash("strangers", ""), p.hash("strangers of a site", site), p.hash("strangers of a network", network))
		limits = append(limits, p.share(2), p.share(4), p.share(16))
	}
	for i, what := range counted {
		if p.taken[what] >= limits[i] {
			return nil, false
		}
	}
	for _, what := range counted {
		p.taken[what]++
	}
	return counted, true
}

func (p *places) leave(counted []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, what := range counted {
		if p.taken[what]--; p.taken[what] == 0 {
			delete(p.taken, what)
		}
	}
}

// remember makes a sender known. Where there is no room, any other one goes: it
// is a stranger until its next signed message.
func (p *places) remember(sender uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.known[sender]; !known && len(p.known) >= maxKnown {
		for other := range p.known {
			delete(p.known, other)
			break
		}
	}
	p.known[sender] = p.now()
}
