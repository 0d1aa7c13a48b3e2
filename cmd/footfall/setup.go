package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/collect"
	"footfall/dash"
	"footfall/event"
)

// setup is what pages set sites up by.
type setup struct {
	h         *house
	collector *collect.Collector
}

// AddSite adds a site.
func (x setup) AddSite(ctx context.Context, by account.Who, s account.Site) (account.Site, error) {
	return x.h.newSite(ctx, by, s)
}

// newSite adds a site, and notes who did.
func (h *house) newSite(ctx context.Context, by account.Who, s account.Site) (account.Site, error) {
	s, err := h.sites.AddSite(ctx, s)
	if err != nil {
		return s, err
	}
	return s, h.control.Record(ctx, account.Change{Who: by.Name, What: "site add", Target: s.ID, New: settingsOf(s, account.Site{})})
}

// ChangeSite changes a site's settings, and does at once what they ask for.
func (x setup) ChangeSite(ctx context.Context, by account.Who, s account.Site) (int, error) {
	out, err := x.h.changeSite(ctx, by, s)
	return out.Removed.Visitors, err
}

// changeSite gives a site other settings, notes who did, and does at once what they
// ask for.
func (h *house) changeSite(ctx context.Context, by account.Who, s account.Site) (out changedSite, err error) {
	before, err := h.sites.find(s.ID)
	if err != nil {
		return out, err
	}
	if s, err = h.sites.UpdateSite(ctx, s); err == nil {
		err = h.control.Record(ctx, account.Change{Who: by.Name, What: "site set", Target: s.ID, Old: settingsOf(before, s), New: settingsOf(s, before)})
	}
	if out.Site = s; err == nil {
		out.Removed, err = h.keepHistory(ctx, before, s)
	}
	return out, err
}

// Export writes a site's events.
func (x setup) Export(ctx context.Context, site account.Site, v url.Values, begin func(name string) io.Writer) error {
	v = url.Values{"site": {site.ID}, "from": v["from"], "to": v["to"], "format": v["format"]}
	for _, name := range []string{"from", "to"} {
		if v.Get(name) == "" {
			v.Del(name)
		}
	}
	q, err := api.ParseExport(v, []account.Site{site})
	if err != nil {
		return err
	}
	name := site.ID
	if !q.Window.From.IsZero() {
		name += "-" + v.Get("from") + "-" + v.Get("to")
	}
	return x.h.writeExport(ctx, &begun{begin: func() io.Writer { return begin(name + "." + q.Format) }}, q)
}

// begun begins its writer with the first byte.
type begun struct {
	begin func() io.Writer
	to    io.Writer
}

func (b *begun) Write(p []byte) (int, error) {
	if b.to == nil {
		b.to = b.begin()
	}
	return b.to.Write(p)
}

// Refusals are what doors refused of a site lately.
func (x setup) Refusals(site string) []dash.Refusal { return x.h.refusals.of(site) }

// Sight is as whom the collector sees who asks.
func (x setup) Sight(r *http.Request) dash.Sight {
	s := x.collector.Sight(r)
	return dash.Sight{Addr: s.Addr, Told: s.Told, Header: s.Header, Unused: s.Unused, Ours: s.Ours}
}

// refusalBook has the newest that doors refused, by site, in memory.
type refusalBook struct {
	mu  sync.Mutex
	all map[string][]dash.Refusal
}

// refusalsOf is how many are remembered of a site.
const refusalsOf = 5

func (x *refusalBook) add(site, reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.all == nil {
		x.all = map[string][]dash.Refusal{}
	}
	of := append(x.all[site], dash.Refusal{At: time.Now(), Reason: reason})
	x.all[site] = slices.Clone(of[max(0, len(of)-refusalsOf):])
}

// of is those of a site, the newest first.
func (x *refusalBook) of(site string) []dash.Refusal {
	x.mu.Lock()
	defer x.mu.Unlock()
	of := slices.Clone(x.all[site])
	slices.Reverse(of)
	return of
}

// forget forgets all: a reason may name somebody.
func (x *refusalBook) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all = nil
}

// erasers take persons out for pages: one at a time for each person and site who asks.
type erasers struct {
	h   *house
	mu  sync.Mutex
	all map[[2]string]*pageErasure // by who asks, and site
}

// pageErasure is what somebody looks for, or erases.
type pageErasure struct {
	work errand
	mu   sync.Mutex
	told dash.Erasure
}

const (
	erasureSoon = 2 * time.Second  // a page waits so long for it
	erasureKept = 15 * time.Minute // then nothing that was found is remembered
)

// Why nothing was begun.
var (
	errErasing   = event.Invalid("erasing", "is under way for you at this site already: wait for it to end")
	errNotLooked = event.Invalid("looking", "comes first: nothing was erased")
	errLookedOn  = event.Invalid("looking", "was done again since that page was drawn, perhaps for somebody else: nothing was erased. Here is whom it was done for last")
)

// of is that of who asks, and forgets those that ended long ago.
func (x *erasers) of(by account.Who, site string) *pageErasure {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, e := range x.all {
		if s := e.work.look(); !s.Ended.IsZero() && time.Since(s.Ended) > erasureKept {
			delete(x.all, key)
		}
	}
	key := [2]string{by.Name, site}
	if x.all[key] == nil {
		if x.all == nil {
			x.all = map[[2]string]*pageErasure{}
		}
		x.all[key] = &pageErasure{}
	}
	return x.all[key]
}

// Erasure is how it stands.
func (x *erasers) Erasure(by account.Who, site string) dash.Erasure {
	e := x.of(by, site)
	e.mu.Lock()
	defer e.mu.Unlock()
	told := e.told
	told.Errand = e.work.look()
	return told
}

// Look looks what there is of a person.
func (x *erasers) Look(ctx context.Context, by account.Who, site account.Site, p dash.Person) error {
	return x.run(ctx, by, site, p, true)
}

// Erase erases whom one looked for last, if that look is the one that the page showed.
func (x *erasers) Erase(ctx context.Context, by account.Who, site account.Site, looked time.Time) error {
	e := x.of(by, site.ID)
	e.mu.Lock()
	told := e.told
	e.mu.Unlock()
	if told.Person == (dash.Person{}) || told.Erases || e.work.look().Problem != "" {
		return errNotLooked
	}
	// A newer look says so before it says for whom: here told is of this one.
	if e.work.look().Began.UnixNano() != looked.UnixNano() {
		return errLookedOn
	}
	return x.run(ctx, by, site, told.Person, false)
}

// run begins to look or to erase.
func (x *erasers) run(ctx context.Context, by account.Who, site account.Site, p dash.Person, dry bool) error {
	if !x.h.mayErase(by, site.ID) {
		return account.ErrNotYours
	}
	e := x.of(by, site.ID)
	fresh := dash.Erasure{Person: p, Erases: !dry}
	began := e.work.begin(x.h.ending, by, func(ctx context.Context) error {
		e.mu.Lock()
		e.told = fresh
		e.mu.Unlock()
		did, err := x.h.erasePerson(ctx, site, affiliate.Who{User: p.User, Anonymous: p.Anonymous, Email: p.Email, Order: p.Order}, p.Only, dry)
		if err == nil && !dry {
			err = x.h.noteErased(ctx, by, did)
		}
		if err != nil {
			return err
		}
		if dry {
			for _, k := range did.Keys {
				fresh.Keys = append(fresh.Keys, string(k))
			}
		} else { // nothing that tells who it was
			fresh.Person = dash.Person{}
		}
		fresh.Left = did.Left
		for _, place := range did.Places {
			fresh.Places = append(fresh.Places, dash.Place{Name: place.Place, Count: place.Count, What: place.What})
		}
		e.mu.Lock()
		e.told = fresh
		e.mu.Unlock()
		return nil
	})
	if !began {
		return errErasing
	}
	e.work.soon(ctx, erasureSoon)
	return nil
}

// wait waits for all to end.
func (x *erasers) wait() {
	x.mu.Lock()
	var under []*pageErasure
	for _, e := range x.all {
		under = append(under, e)
	}
	x.mu.Unlock()
	for _, e := range under {
		e.work.wait()
	}
}

// noteErased notes that somebody was erased: nothing that tells who it was.
func (h *house) noteErased(ctx context.Context, by account.Who, did *erasedPerson) error {
	return h.control.Record(ctx, account.Change{Who: by.Name, What: "person erase", Target: did.Site, New: fmt.Sprintf("%d events, %d visitors, %d orders", did.Events, did.History.Visitors, did.Ledger.Orders)})
}
