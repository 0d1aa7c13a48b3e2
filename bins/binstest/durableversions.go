package binstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/bins"
)

// durableVersions: whatever is done, what is read of a site in one version is the
// same each time; and nothing but what changes a site's bins gives it another one.
func durableVersions(t *testing.T, open OpenDurable) {
	v := &versions{t: t, d: open(t, t.TempDir()), rng: rand.New(rand.NewPCG(3, 3)), seen: map[uint64]known{}}
	defer func() { shut(t, v.d) }()
	for step := range uint64(60) {
		site, before := durableSites[v.rng.IntN(3)], v.look("before")
		doing := fmt.Sprint("step ", step, " of ", site)
		all := v.change(step, site)
		after := v.look(doing)
		for _, other := range durableSites {
			if !all && other != site && before[other] != after[other] {
				t.Errorf("%s: another version of %s", doing, other)
			}
		}
	}
	if len(v.seen) < 20 {
		t.Errorf("%d versions: the test tests nothing", len(v.seen))
	}
}

// versions is one run of the law.
type versions struct {
	t    *testing.T
	d    bins.Durable
	rng  *rand.Rand
	seen map[uint64]known
}

// known is what a site had in a version.
type known struct {
	site string
	all  []string
}

// look reads every site and holds it against what it had in the same version.
func (v *versions) look(doing string) map[string]uint64 {
	s, err := v.d.State(context.Background())
	if err != nil {
		v.t.Fatal(err)
	}
	for _, site := range durableSites {
		now := known{site, lines(v.t, v.d, bins.Range{Site: site, By: "page", Each: true, From: -1 << 30, To: 1 << 30, Visitors: true})}
		version := s.Versions[site]
		if before, known := v.seen[version]; known && version != 0 && (before.site != site || !slices.Equal(before.all, now.all)) {
			v.t.Fatalf("%s: version %d of %s has\n%q, and of %s had\n%q", doing, version, site, now.all, before.site, before.all)
		}
		if version == 0 && len(now.all) > 0 {
			v.t.Errorf("%s: %s has bins and no version", doing, site)
		}
		v.seen[version] = now
	}
	return s.Versions
}

// change does something to a site, or to all.
func (v *versions) change(step uint64, site string) (all bool) {
	ctx, day := context.Background(), bins.Day{Site: site, Date: dates[v.rng.IntN(len(dates))]}
	rolled := bins.Rolled{Seal: at(step), Last: v.rng.IntN(2) > 0, Mark: step, Days: []bins.DayTally{{Day: day, Zone: "UTC", Tally: randomTally(v.rng)}}}
	var err error
	switch v.rng.IntN(6) {
	case 0:
		err = v.d.Forget(ctx, site)
	case 1:
		err = v.d.Touch(ctx, step, day)
	case 2:
		all, err = true, v.d.Forget(ctx, "")
	case 3:
		if _, refused := v.d.Replace(ended(), rolled); refused == nil {
			v.t.Error("a roll of an ended context was carried out")
		}
	default:
		_, err = v.d.Replace(ctx, rolled)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return all
}

func ended() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}
