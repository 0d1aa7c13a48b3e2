package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ErrOtherWork tells that what a server does one after another is under way.
var ErrOtherWork = errors.New("a rebuild, backup, redrive, drop or deletion is under way: try again when it has ended")

// Bounds of plans: one is good for a while, and the oldest make room.
const (
	planTime = 15 * time.Minute
	maxPlans = 100
)

// plan is something for good that was told, and may be done.
type plan struct {
	id, who string
	do      func(context.Context) (told any, err error)
	until   time.Time // forgotten then, unless it is being done
	run     *run      // nil: nobody has asked for it
}

// run is a plan being done.
type run struct {
	done   chan struct{}
	told   any
	failed error
}

// kept reports whether the plan can still be named: what is being done can, for however
// long that takes.
func (p *plan) kept(now time.Time) bool {
	if p.run != nil {
		select {
		case <-p.run.done:
		default:
			return true
		}
	}
	return p.until.After(now)
}

// plans are those of late, the oldest first.
type plans struct {
	mu  sync.Mutex
	all []*plan
}

// add keeps a plan of somebody's and names it.
func (p *plans) add(prefix, who string, now time.Time, do func(context.Context) (any, error)) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(one *plan) bool { return !one.kept(now) })
	if len(p.all) >= maxPlans {
		oldest := max(0, slices.IndexFunc(p.all, func(one *plan) bool { return one.run == nil }))
		p.all = slices.Delete(p.all, oldest, oldest+1)
	}
	p.all = append(p.all, &plan{id: prefix + rand.Text(), who: who, do: do, until: now.Add(planTime)})
	return p.all[len(p.all)-1].id
}

// begin finds the plan of who made it, what is being done of it, and reports whether
// that begins by this; nil is no such plan.
func (p *plans) begin(id, who string, now time.Time) (do func(context.Context) (any, error), doing *run, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if one.id == id && one.who == who && one.kept(now) {
			if first = one.run == nil; first {
				one.run = &run{done: make(chan struct{})}
			}
			return one.do, one.run, first
		}
	}
	return nil, nil, false
}

// end tells how a plan ended to who waits for it, and to who comes for it yet. One for
// which there was no room stays as it was.
func (p *plans) end(doing *run, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if one.run != doing {
			continue
		}
		if errors.Is(doing.failed, ErrOtherWork) {
			one.run = nil
		} else {
			one.until = now.Add(planTime)
		}
	}
	close(doing.done)
}

// drop forgets a plan whose end was told.
func (p *plans) drop(doing *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(one *plan) bool { return one.run == doing })
}

// carryOut does what a plan says. What takes long goes on when the answer is given:
// who asks again with the plan is told how it ends.
func (d *door) carryOut(w http.ResponseWriter, r *http.Request, p *plans, id string) {
	do, doing, first := p.begin(id, d.who.Name, d.Now())
	if doing == nil {
		refuse(w, http.StatusNotFound, "there is no such plan of this key, of the last 15 minutes: ask without plan what would go, and name the plan of the answer")
		return
	}
	if first {
		ctx := context.WithoutCancel(r.Context())
		go func() {
			doing.told, doing.failed = do(ctx)
			p.end(doing, d.Now())
		}()
	}
	select {
	case <-doing.done:
		p.drop(doing)
		d.tell(w, doing.told, doing.failed)
	case <-r.Context().Done():
		reply(w, http.StatusAccepted, map[string]string{"plan": id, "state": "under way: ask again with this plan"})
	}
}

// planIn is the name of the plan in a body, which has nothing else.
func planIn(in map[string]node) string {
	id := in["plan"].text()
	if id == "" {
		in["plan"].fail("has no name")
	}
	for name, other := range in {
		if name != "plan" && other.there() {
			other.fail("the plan says it: leave it out")
		}
	}
	return id
}
