// Package demo makes what `footfall demo` shows: real page views
// of a clothing shop (see README.md), shifted so that they end now, a
// trickle of current ones after that, and a month of a course seller with
// affiliates. The same seed gives the same traffic.
package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"footfall/event"
)

// Domain of the demo's shop; .example belongs to nobody.
const Domain = "shop.example"

// Hit is one thing a visitor did.
type Hit struct {
	ID         string // messageId
	Time       time.Time
	Event      string // name of a track event; "" is a page view
	Visitor    string // anonymousId
	Domain     string // of the site
	Path       string // of the page
	Search     string // query string with "?", or ""
	Title      string
	Referrer   string
	UserAgent  string
	IP         netip.Addr     // a documentation address
	Country    string         // ISO 3166-1, what Places says of IP; "" unknown
	Properties map[string]any // of a track event
}

// Hits is the whole data set, about 60,000 hits over 50 days in the order of
// time; the last one happens at now or shortly before. Its days are 24 hours
// long and end at now's time of day. Times of day follow a shop's daily curve
// in now's time zone.
func Hits(now time.Time, seed uint64) iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		now = now.Truncate(time.Millisecond)
		clock, last := newCurve(now), days()-1
		var all []Hit
		for _, v := range visits() {
			end := now.Add(time.Duration(v.day-last) * 24 * time.Hour)
			all = append(all, clock.place(v, end, seed)...)
		}
		slices.SortStableFunc(all, func(a, b Hit) int { return a.Time.Compare(b.Time) })
		for i, h := range all {
			h.ID = fmt.Sprintf("demo-%x-%x-%05d", seed, now.Unix(), i)
			if !yield(h) {
				return
			}
		}
	}
}

// random is a visit's own source of chance: what one visit draws does not
// depend on the others.
func random(seed uint64, v visit) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(v.session)<<8|uint64(v.day)))
}

// place gives a visit's hits their times, in the 24 hours up to end.
func (c *curve) place(v visit, end time.Time, seed uint64) []Hit {
	r := random(seed, v)
	hits := v.hits(fmt.Sprintf("demo-visitor-%x-%d", seed, v.session), r)
	at := make([]time.Duration, len(hits)) // after the first
	for i := 1; i < len(hits); i++ {
		at[i] = at[i-1] + time.Duration(4_000+r.ExpFloat64()*35_000)*time.Millisecond
	}
	start := end.Add(c.draw(r) - 24*time.Hour)
	if over := start.Add(at[len(at)-1]).Sub(end); over > 0 {
		start = start.Add(-over) // nothing happens after end
	}
	for i := range hits {
		hits[i].Time = start.Add(at[i])
	}
	return hits
}

var categories = [...]string{1: "Trousers", "Skirts", "Blouses", "Sale"}

var slugs = [...]string{1: "trousers", "skirts", "blouses", "sale"}

// hits are the page views of a visit and what happened on them, without id
// and time.
func (v visit) hits(visitor string, r *rand.Rand) []Hit {
	from, agent, ip := draw(origins, r), draw(agents, r), address(v.country, r)
	referrer, search := from.referrer, from.search
	var hits []Hit
	view := func(path, title string) {
		h := Hit{Visitor: visitor, Domain: Domain, Path: path, Title: title + " | Shop Example", Referrer: referrer,
			UserAgent: agent, IP: ip, Country: Places{}.Place(ip).Country}
		if search != "" {
			h.Search = "?" + search
		}
		hits = append(hits, h)
		referrer, search = "https://"+Domain+path, ""
	}
	act := func(name string, properties map[string]any) {
		h := hits[len(hits)-1]
		h.Event, h.Properties = name, properties
		hits = append(hits, h)
	}
	if r.IntN(100) < 35 {
		view("/", "Clothes for two")
	}
	for _, c := range v.clicks {
		view("/shop/"+slugs[c.category]+"/"+c.model, categories[c.category]+" "+c.model)
		switch n := r.IntN(1000); {
		case n < 55:
			act("Product Added", map[string]any{"product_id": c.model, "category": slugs[c.category], "price": c.price, "currency": "USD", "quantity": 1})
		case n < 65:
			act(event.Download, map[string]any{"url": "https://" + Domain + guide, "path": guide, "name": "size-guide.pdf"})
		}
	}
	return hits
}

// guide is the path of the file that visitors download.
const guide = "/files/size-guide.pdf"
