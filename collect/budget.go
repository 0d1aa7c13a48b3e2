package collect

import (
	"net/http"
	"sync"
)

const (
	budgetStep = 16 << 10 // bytes taken from the budget at a time
	valueBytes = 104      // of a parsed value: its struct and its place among its siblings
	usualBytes = 8        // parsed bytes per byte of text up to which a body is nothing special
	eventBytes = 1 << 10  // of a decoded event without its texts
	worstBatch = 48 << 20 // that a batch within the limits takes
)

// budget bounds the bytes that all requests together hold in memory, and those
// of one site: a write key is public, and who has one may not keep the others out.
type budget struct {
	limit, part int64 // of all, and of one site
	mu          sync.Mutex
	held        int64
	sites       map[string]int64 // of held, by site; "" are the senders that are not known yet
}

// newBudget makes a budget of limit bytes. A site's part is a quarter of it, but
// room for the worst batch.
func newBudget(limit int64) *budget {
	return &budget{limit: limit, part: min(limit, max(limit/4, worstBatch)), sites: map[string]int64{}}
}

// hold notes n more bytes of a site, fewer if n is negative. Unless it is always
// granted it needs room.
func (b *budget) hold(site string, n int64, always bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, its := b.held+n, b.sites[site]+n
	if !always && (all > b.limit || its > b.part) {
		return false // what is turned away takes no room from others
	}
	b.held = all
	if b.sites[site] = its; its == 0 {
		delete(b.sites, site)
	}
	return true
}

// claim is one request's part of the budget. It is taken in steps, for what has
// really arrived: what a sender says of the body's length is not asked. The first
// step is always granted, so large bodies never keep small events out: those are
// bounded by the number of requests.
type claim struct {
	of          *budget
	site        string // "" until the sender is known
	used, taken int
}

// take notes n more bytes and reports whether the budget has room for them.
func (c *claim) take(n int) bool {
	c.used += n
	if c.used <= c.taken {
		return true
	}
	more := (c.used - c.taken + budgetStep - 1) / budgetStep * budgetStep
	if !c.of.hold(c.site, int64(more), c.taken == 0 && more == budgetStep) {
		return false
	}
	c.taken += more
	return true
}

// known moves the claim to the part of the site that the request turned out to
// be for, and reports whether that has room for it.
func (c *claim) known(site string) bool {
	taken := c.taken
	c.giveBack()
	c.site = site
	return c.take(taken)
}

// giveBack returns all that was taken.
func (c *claim) giveBack() {
	if c.taken > 0 {
		c.of.hold(c.site, -int64(c.taken), true)
	}
	c.site, c.used, c.taken = "", 0, 0
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
