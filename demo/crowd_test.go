package demo

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"testing"
	"time"

	"footfall/event"
)

func crowdOf(events int, seed uint64) (Crowd, []string) {
	c := Crowd{Events: events, Small: 20, Days: 14, End: time.Date(2026, 5, 31, 22, 0, 0, 0, time.UTC), Zone: berlin, Seed: seed}
	var sites []string
	for n := range c.Small + 1 {
		sites = append(sites, fmt.Sprint("site", n))
	}
	return c, sites
}

// crowded is what a test counts of a crowd.
type crowded struct {
	ids, pages, hours, sources, sites map[string]int
	visitors                          map[string]map[uint64]bool // sessions of each
	labels                            map[string]string
	before                            time.Time
}

func (x *crowded) add(t *testing.T, e *event.Event) {
	if err := e.Check(); err != nil || !e.View() || x.ids[e.ID] > 0 || e.Time.Before(x.before) {
		t.Fatalf("%+v: %v", e, err)
	}
	who, labels := fmt.Sprint(e.Site, e.Visitor), e.Country+e.City+e.Device+e.Browser+e.AnonymousID
	if x.visitors[who] == nil {
		x.visitors[who], x.labels[who] = map[uint64]bool{}, labels
	}
	if labels != x.labels[who] {
		t.Fatalf("a visitor was %s and is %s", x.labels[who], labels)
	}
	x.before, x.visitors[who][e.Session] = e.Time, true
	x.ids[e.ID]++
	x.sites[e.Site]++
	x.hours[e.Time.In(berlin).Format("15")]++
	if e.Class != "internal" {
		x.sources[e.Source]++
	}
	if e.Host == (Crowd{}).Host(0) {
		x.pages[e.Path]++
	}
}

// TestCrowd: the views are as many as asked for, in order, each with an id of its
// own, and distributed as people's are: by few pages, in sessions, of some who come
// again, more by day than by night.
func TestCrowd(t *testing.T) {
	const n = 40_000
	c, sites := crowdOf(n, 1)
	x := &crowded{ids: map[string]int{}, pages: map[string]int{}, hours: map[string]int{}, sources: map[string]int{}, sites: map[string]int{},
		visitors: map[string]map[uint64]bool{}, labels: map[string]string{}}
	for batch := range c.Batches(sites, 999) {
		for i := range batch {
			x.add(t, &batch[i])
		}
	}
	sessions, again := 0, 0
	for _, of := range x.visitors {
		if sessions += len(of); len(of) > 1 {
			again++
		}
	}
	views := slices.Sorted(maps.Values(x.pages))
	slices.Reverse(views)
	most, large := 0, x.sites[sites[0]]
	for _, n := range views[:len(views)/10] {
		most += n
	}
	switch {
	case len(x.ids) != n || len(x.sites) != 21 || large < n*10/12 || large > n*24/25:
		t.Errorf("%d views of %d sites, %d of the large one", len(x.ids), len(x.sites), large)
	case len(views) < 1000 || most < large/2:
		t.Errorf("%d pages, the first tenth has %d views of %d", len(views), most, large)
	case sessions < n/5 || sessions > n/2 || again < len(x.visitors)/10:
		t.Errorf("%d sessions of %d visitors, %d of whom came again", sessions, len(x.visitors), again)
	case x.hours["20"] < 4*x.hours["03"]:
		t.Errorf("%d views at eight in the evening, %d at three at night", x.hours["20"], x.hours["03"])
	case x.sources["Google"] < sessions/5 || len(x.sources) < 100:
		t.Errorf("%d sessions of %d sources, %d from Google", sessions, len(x.sources), x.sources["Google"])
	}
}

// TestCrowdAgain: of one seed the views are the same, however they are cut into
// batches; of another they are others.
func TestCrowdAgain(t *testing.T) {
	sum := func(seed uint64, batch int) uint64 {
		c, sites := crowdOf(3000, seed)
		h, n := fnv.New64a(), 0
		for b := range c.Batches(sites, batch) {
			n += len(b)
			for i := range b {
				fmt.Fprint(h, event.Event(b[i]))
			}
		}
		if n != 3000 {
			t.Errorf("%d views", n)
		}
		return h.Sum64()
	}
	if a, b, other := sum(1, 7), sum(1, 3000), sum(2, 3000); a != b || a == other {
		t.Errorf("sums %x, %x and %x", a, b, other)
	}
}
