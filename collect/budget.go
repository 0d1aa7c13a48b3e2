package collect

import (
	"net/http"
	"sync/atomic"
)

const (
	budgetStep = 16 << 10 // bytes taken from the budget at a time
	valueBytes = 104      // of a parsed value: its struct and its place among its siblings
	usualBytes = 8        // parsed bytes per byte of text up to which a body is nothing special
	eventBytes = 1 << 10  // of a decoded event without its texts
)

// budget bounds the bytes that all requests together hold in memory.
type budget struct {
	limit int64
	held  atomic.Int64
}

// claim is one request's part of the budget. It is taken in steps, for what has
// really arrived: what a sender says of the body's length is not asked. The first
// step is always granted, so large bodies never keep small events out: those are
// bounded by the number of requests.
type claim struct {
	of          *budget
	used, taken int
}

// take notes n more bytes and reports whether the budget has room for them.
func (c *claim) take(n int) bool {
	c.used += n
	if c.used <= c.taken {
		return true
	}
	more := (c.used - c.taken + budgetStep - 1) / budgetStep * budgetStep
	small := c.taken == 0 && more == budgetStep
	if c.of.held.Add(int64(more)) > c.of.limit && !small {
		c.of.held.Add(-int64(more)) // what is turned away takes no room from others
		return false
	}
	c.taken += more
	return true
}

// giveBack returns all that was taken.
func (c *claim) giveBack() {
	if c.taken > 0 {
		c.of.held.Add(-int64(c.taken))
	}
	c.used, c.taken = 0, 0
}

// full is the answer to a request that the budget has no room for.
var full = &refusal{status: http.StatusTooManyRequests, why: "too much is being sent at a time, send it again"}

// enter takes a place among the requests in memory, and the memory to work in.
// Without a place, the sender is asked to come again.
func (c *Collector) enter() (*job, *refusal) {
	if c.waiting.Add(1) > int64(c.MaxWaiting) {
		c.waiting.Add(-1)
		return nil, &refusal{status: http.StatusTooManyRequests, why: "too many requests at a time"}
	}
	return c.jobs.Get().(*job), nil
}

// leave gives back what enter took. A job that a large request blew up is not
// used again.
func (c *Collector) leave(j *job) {
	j.claim.giveBack()
	j.decoder.forget()
	clear(j.events)
	clear(j.rejected)
	j.events, j.rejected, j.answer = j.events[:0], j.rejected[:0], j.answer[:0]
	if !j.heavy && cap(j.wire) <= keepBody && cap(j.plain) <= keepBody && cap(j.events) <= keepCount {
		c.jobs.Put(j)
	}
	c.waiting.Add(-1)
}
