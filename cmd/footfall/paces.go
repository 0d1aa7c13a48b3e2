package main

import (
	"context"
	"sync"
	"time"
)

// paces is how fast events came and were taken in the last minute.
type paces struct {
	mu      sync.Mutex
	samples []sample
	last    map[string]time.Time // when a sink was written last
}

// sample is how many events there were at a moment: accepted by the name "", else
// taken by a reader.
type sample struct {
	at     time.Time
	events map[string]uint64
}

const (
	paceEvery = 5 * time.Second
	paceOver  = time.Minute
)

// add adds a sample, and forgets those that are too old.
func (p *paces) add(s sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samples = append(p.samples, s)
	for len(p.samples) > 1 && s.at.Sub(p.samples[1].at) >= paceOver {
		p.samples = p.samples[1:]
	}
}

// of is how many events a second; known is false if that can't be told yet.
func (p *paces) of(name string) (perSecond float64, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) < 2 {
		return 0, false
	}
	first, last := p.samples[0], p.samples[len(p.samples)-1]
	from, there := first.events[name]
	if to := last.events[name]; there && to > from {
		return float64(to-from) / last.at.Sub(first.at).Seconds(), true
	}
	return 0, there
}

// write notes that a sink was written.
func (p *paces) write(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	p.last[name] = time.Now()
}

// wrote is when a sink was written last; zero is not since the start.
func (p *paces) wrote(name string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[name]
}

// runPaces takes samples until the house ends.
func (h *house) runPaces(ctx context.Context) {
	tick := time.NewTicker(paceEvery)
	defer tick.Stop()
	for {
		if q, err := h.queue.State(ctx); err == nil {
			s := sample{time.Now(), map[string]uint64{"": q.Accepted}}
			for name, lag := range q.Readers {
				s.events[name] = lag.At.Total
			}
			h.paces.add(s)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
