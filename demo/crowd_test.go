package demo

import (
	"fmt"
	"hash/fnv"
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

// TestCrowd: the views are as many as asked for, in order, each with an id of its
// own, and distributed as people's are: by few pages, in sessions, of some who come
// again, more by day than by night.
func TestCrowd(t *testing.T) {
	const n = 40_000
	c, sites := crowdOf(n, 1)
	type person struct {
		site string
		id   uint64
	}
	ids, visitors, labels := map[string]bool{}, map[person]map[uint64]bool{}, map[person]string{}
	bySite, byPage, byHour, sources := map[string]int{}, map[string]int{}, map[int]int{}, map[string]int{}
	var before time.Time
	for batch := range c.Batches(sites, 999) {
		for i := range batch {
			e := &batch[i]
			if err := e.Check(); err != nil || !e.View() || ids[e.ID] || e.Time.Before(before) {
				t.Fatalf("%+v: %v", e, err)
			}
			p := person{e.Site, e.Visitor}
			if visitors[p] == nil {
				visitors[p], labels[p] = map[uint64]bool{}, e.Country+e.City+e.Device+e.Browser+e.AnonymousID
			}
			if now := e.Country + e.City + e.Device + e.Browser + e.AnonymousID; now != labels[p] {
				t.Fatalf("a visitor was %s and is %s", labels[p], now)
			}
			ids[e.ID], before, visitors[p][e.Session] = true, e.Time, true
			bySite[e.Site]++
			byHour[e.Time.In(berlin).Hour()]++
			if e.Class != "internal" {
				sources[e.Source]++
			}
			if e.Site == sites[0] {
				byPage[e.Path]++
			}
		}
	}
	sessions, again := 0, 0
	for _, of := range visitors {
		if sessions += len(of); len(of) > 1 {
			again++
		}
	}
	views := slices.Sorted(func(yield func(int) bool) {
		for _, n := range byPage {
			if !yield(n) {
				return
			}
		}
	})
	slices.Reverse(views)
	most := 0
	for _, n := range views[:len(views)/10] {
		most += n
	}
	switch {
	case len(ids) != n || len(bySite) != 21 || bySite[sites[0]] < n*10/12 || bySite[sites[0]] > n*24/25:
		t.Errorf("%d views of %d sites, %d of the large one", len(ids), len(bySite), bySite[sites[0]])
	case len(byPage) < 1000 || most < bySite[sites[0]]/2:
		t.Errorf("%d pages, the first tenth has %d views of %d", len(byPage), most, bySite[sites[0]])
	case sessions < n/5 || sessions > n/2 || again < len(visitors)/10:
		t.Errorf("%d sessions of %d visitors, %d of whom came again", sessions, len(visitors), again)
	case byHour[20] < 4*byHour[3]:
		t.Errorf("%d views at eight in the evening, %d at three at night", byHour[20], byHour[3])
	case sources["Google"] < sessions/5 || len(sources) < 100:
		t.Errorf("%d sessions of %d sources, %d from Google", sessions, len(sources), sources["Google"])
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
