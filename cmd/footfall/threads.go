package main

import (
	"context"
	"os"
	"runtime"
	"time"
)

// pace decides how many threads run Go code at a time. A thread that is in DuckDB
// or waits for the disk keeps its place among them for up to ten milliseconds, and
// a click waits for that: with twice as many as processors it does not. Under more
// events than the machine can store, though, what collects them would crowd the
// event store's threads out, so then there are as many as processors.
// docs/decisions/0008-threads-follow-the-backlog.md has what was measured.
type pace struct {
	processors int
	calm       int  // looks in a row at which the event store kept up
	hurried    bool // it does not keep up
}

const (
	backlog = 40_000 // events waiting: the event store does not keep up
	light   = backlog / 2
	calming = 30 // looks until it is believed that it keeps up again
)

// look is how many threads there should be, with so many events waiting for the
// event store. It is asked at even intervals.
func (p *pace) look(waiting uint64) (threads int) {
	switch {
	case waiting > backlog:
		p.hurried, p.calm = true, 0
	case waiting > light:
		p.calm = 0
	default:
		p.calm++
	}
	if p.calm >= calming {
		p.hurried = false
	}
	if p.hurried {
		return p.processors
	}
	return 2 * p.processors
}

// keepPace sets the number of threads until ctx ends, unless GOMAXPROCS says it.
func (h *house) keepPace(ctx context.Context) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	p := pace{processors: runtime.GOMAXPROCS(0)} // which knows a container's limit, too
	defer runtime.GOMAXPROCS(p.processors)
	for tick := time.NewTicker(time.Second); ; {
		waiting := uint64(0)
		if st := h.store.Load(); st != nil {
			stored, last := st.State().Position.Total, h.queue.Last().Total
			waiting = last - min(stored, last)
		}
		if n := p.look(waiting); n != runtime.GOMAXPROCS(0) {
			runtime.GOMAXPROCS(n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}
