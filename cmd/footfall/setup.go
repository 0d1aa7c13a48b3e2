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
	"footfall/language"
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

// erasers take persons out for pages.
type erasers struct {
	h *house
	lookedAt[dash.Erasure]
}

// Erasure is how it stands.
func (x *erasers) Erasure(by account.Who, site string) dash.Erasure {
	told, work := x.of(by, site).state()
	told.Errand = work
	return told
}

// Look looks what there is of a person.
func (x *erasers) Look(ctx context.Context, by account.Who, site account.Site, p dash.Person) error {
	return x.run(ctx, by, site, p, true)
}

// Erase erases whom one looked for last, if that look is the one that the page showed.
func (x *erasers) Erase(ctx context.Context, by account.Who, site account.Site, looked time.Time) error {
	told, err := x.of(by, site.ID).looked(looked)
	if err != nil {
		return err
	}
	return x.run(ctx, by, site, told.Person, false)
}

// run begins to look or to erase.
func (x *erasers) run(ctx context.Context, by account.Who, site account.Site, p dash.Person, dry bool) error {
	if !x.h.mayErase(by, site.ID) {
		return account.ErrNotYours
	}
	fresh := dash.Erasure{Person: p, Erases: !dry}
	return x.of(by, site.ID).begin(ctx, x.h.ending, by, fresh, dry, func(ctx context.Context) (dash.Erasure, error) {
		did, err := x.h.erasePerson(ctx, site, affiliate.Who{User: p.User, Anonymous: p.Anonymous, Email: p.Email, Order: p.Order}, p.Only, dry)
		if err == nil && !dry {
			err = x.h.noteErased(ctx, by, did)
		}
		if err != nil {
			return fresh, err
		}
		if dry {
			for _, k := range did.Keys {
				fresh.Keys = append(fresh.Keys, string(k))
			}
		} else { // nothing that tells who it was
			fresh.Person = dash.Person{}
		}
		fresh.Left, fresh.Places = did.Left, placesOf(did.Places)
		return fresh, nil
	})
}

// placesOf are places as a page has them.
func placesOf(all []place) (places []dash.Place) {
	for _, p := range all {
		places = append(places, dash.Place{Name: language.Key(p.Place), Count: p.Count, What: p.form, Args: p.args})
	}
	return places
}

// noteErased notes that somebody was erased: nothing that tells who it was.
func (h *house) noteErased(ctx context.Context, by account.Who, did *erasedPerson) error {
	return h.control.Record(ctx, account.Change{Who: by.Name, What: "person erase", Target: did.Site, New: fmt.Sprintf("%d events, %d visitors, %d orders", did.Events, did.History.Visitors, did.Ledger.Orders)})
}
