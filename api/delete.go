package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// ParseFilters reads conditions as the field filters of POST /v1/query has them: a
// list, all of which hold; nil if there is none. What is wrong is a
// *metric.QueryError.
func ParseFilters(text []byte, site account.Site) (*metric.Where, error) {
	if len(text) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(map[string]json.RawMessage{"filters": text})
	if err != nil {
		return nil, wrong("filters: this is no JSON: %v", err)
	}
	in := readStrictly(body, &err, "filters")
	if err != nil {
		return nil, err
	}
	where := (&question{site: site}).together(in["filters"], 1)
	if err == nil && where != nil {
		err = where.Check()
	}
	return where, err
}

// Deletes deletes events.
type Deletes interface {
	// DeleteEvents deletes what is meant or, dry, tells what would go. It is ended by
	// the server, also over a restart, whatever becomes of ctx. ErrOtherWork: not now.
	DeleteEvents(ctx context.Context, d Deletion, dry bool) (Deleted, error)
}

// ErrOtherWork tells that what a server does one after another is under way.
var ErrOtherWork = errors.New("a rebuild, backup, redrive, drop or deletion is under way: try again when it has ended")

// Deletion is which events of a site go: of a time, that meet conditions, of those
// received so far.
type Deletion struct {
	Site    account.Site
	Window  period.Window
	Filters json.RawMessage // as ParseFilters takes them; nil is all events of the time
	At      time.Time       // what is received later stays
	Who     string          // for the audit log
}

// Deleted is what a deletion would take, or took.
type Deleted struct {
	Plan     string       `json:"plan,omitempty"` // of a dry run: names it to who would have it done
	DryRun   bool         `json:"dry_run"`
	Site     string       `json:"site"`
	From     string       `json:"from"`                    // RFC 3339
	To       string       `json:"to"`                      // not included
	Frozen   string       `json:"frozen_before,omitempty"` // date: earlier ones are left alone, as their events are removed
	Events   int          `json:"events"`
	Views    int          `json:"page_views"`
	Bots     int          `json:"bots"`     // events
	Visitors int          `json:"visitors"` // distinct, with a page view
	Days     []DeletedDay `json:"days"`
	Archive  uint64       `json:"archive"`   // events that go from there
	Aside    int          `json:"set_aside"` // items that go
	Orders   int          `json:"orders"`    // that the ledger has of the time, and keeps
	Touches  int          `json:"touches"`   // likewise
}

// DeletedDay is what goes of a date of the site's zone.
type DeletedDay struct {
	Date     string `json:"date"`
	Events   int    `json:"events"`
	Views    int    `json:"page_views"`
	Bots     int    `json:"bots"`
	Visitors int    `json:"visitors"`
}

// Bounds of plans: one is good for a while, and the oldest make room.
const (
	planTime = 15 * time.Minute
	maxPlans = 100
)

// plan is a deletion that was told, and may be done.
type plan struct {
	id    string
	is    Deletion
	until time.Time // forgotten then, unless it is being done
	run   *run      // nil: nobody has asked for it
}

// run is a plan being done.
type run struct {
	done   chan struct{}
	told   Deleted
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

// add keeps a plan and names it.
func (p *plans) add(is Deletion, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(one *plan) bool { return !one.kept(now) })
	if len(p.all) >= maxPlans {
		oldest := max(0, slices.IndexFunc(p.all, func(one *plan) bool { return one.run == nil }))
		p.all = slices.Delete(p.all, oldest, oldest+1)
	}
	p.all = append(p.all, &plan{id: "del_" + rand.Text(), is: is, until: now.Add(planTime)})
	return p.all[len(p.all)-1].id
}

// begin finds what is being done of the plan of who made it, and reports whether that
// begins by this; nil is no such plan.
func (p *plans) begin(id, who string, now time.Time) (is Deletion, doing *run, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if one.id == id && one.is.Who == who && one.kept(now) {
			if first = one.run == nil; first {
				one.run = &run{done: make(chan struct{})}
			}
			return one.is, one.run, first
		}
	}
	return Deletion{}, nil, false
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

// deleteEvents is POST /v1/events/delete: without a plan it tells what would go and
// names a plan, with the plan's name it deletes that.
func (d *door) deleteEvents(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	is, id, err := readDeletion(body, sites, d.Now())
	if err == nil && id != "" {
		d.carryOut(w, r, id)
		return
	}
	var told Deleted
	if err == nil {
		is.Who = d.who.Name
		told, err = d.Deletes.DeleteEvents(r.Context(), is, true)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		refuse(w, http.StatusServiceUnavailable, "to look took longer than "+d.Timeout.String()+": name a shorter time; on the server it may take as long as it needs: footfall events delete")
		return
	}
	if err == nil && told.Events+told.Aside+int(told.Archive) > 0 {
		told.Plan = d.plans.add(is, d.Now())
	}
	d.tell(w, told, err)
}

// carryOut deletes what a plan says. What takes long goes on when the answer is given:
// who asks again with the plan is told how it ends.
func (d *door) carryOut(w http.ResponseWriter, r *http.Request, id string) {
	is, doing, first := d.plans.begin(id, d.who.Name, d.Now())
	if doing == nil {
		refuse(w, http.StatusNotFound, "there is no such plan of this key, of the last 15 minutes: ask without plan what would go, and name the plan of the answer")
		return
	}
	if first {
		ctx := context.WithoutCancel(r.Context())
		go func() {
			doing.told, doing.failed = d.Deletes.DeleteEvents(ctx, is, false)
			d.plans.end(doing, d.Now())
		}()
	}
	select {
	case <-doing.done:
		d.plans.drop(doing)
		d.tell(w, doing.told, doing.failed)
	case <-r.Context().Done():
		reply(w, http.StatusAccepted, map[string]string{"plan": id, "state": "under way: ask again with this plan"})
	}
}

// readDeletion reads what is to be deleted, or the name of its plan.
func readDeletion(body []byte, sites []account.Site, now time.Time) (is Deletion, plan string, err error) {
	in := readStrictly(body, &err, "site_id", "date_range", "filters", "plan")
	if err != nil {
		return is, "", err
	}
	if in["plan"].there() {
		if plan = in["plan"].text(); plan == "" {
			in["plan"].fail("has no name")
		}
		for _, other := range []string{"site_id", "date_range", "filters"} {
			if in[other].there() {
				in[other].fail("the plan says it: leave it out")
			}
		}
		return is, plan, err
	}
	if is.Site, err = siteOf(in["site_id"], sites); err != nil {
		return is, "", err
	}
	if _, ok := in["date_range"].value.([]any); ok {
		is.Window = windowOf(in["date_range"], is.Site.Location())
	} else {
		in["date_range"].fail(`of which time? name its two ends: ["2024-01-01", "2024-01-31"]`)
	}
	if in["filters"].there() && err == nil {
		if is.Filters, err = json.Marshal(in["filters"].value); err == nil {
			_, err = ParseFilters(is.Filters, is.Site)
		}
	}
	is.At = now.UTC().Truncate(time.Millisecond)
	return is, "", err
}
