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
	ctx := context.Background()
	d := open(t, t.TempDir())
	defer func() { shut(t, d) }()
	rng := rand.New(rand.NewPCG(3, 3))
	type known struct {
		site string
		all  []string
	}
	seen := map[uint64]known{}
	look := func(doing string) map[string]uint64 {
		s, err := d.State(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, site := range durableSites {
			now := known{site, lines(t, d, bins.Range{Site: site, By: "page", Each: true, From: -1 << 30, To: 1 << 30, Visitors: true})}
			version := s.Versions[site]
			if before, known := seen[version]; known && version != 0 && (before.site != site || !slices.Equal(before.all, now.all)) {
				t.Fatalf("%s: version %d of %s has\n%q, and of %s had\n%q", doing, version, site, now.all, before.site, before.all)
			}
			if version == 0 && len(now.all) > 0 {
				t.Errorf("%s: %s has bins and no version", doing, site)
			}
			seen[version] = now
		}
		return s.Versions
	}
	for step := range uint64(60) {
		site, day := durableSites[rng.IntN(3)], dates[rng.IntN(len(dates))]
		before := look("before")
		doing, others := fmt.Sprint("step ", step, " of ", site), true
		switch rng.IntN(6) {
		case 0:
			if err := d.Forget(ctx, site); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := d.Touch(ctx, step, bins.Day{Site: site, Date: day}); err != nil {
				t.Fatal(err)
			}
		case 2:
			if err := d.Forget(ctx, ""); err != nil {
				t.Fatal(err)
			}
			others = false
		case 3:
			_, err := d.Replace(ended(), bins.Rolled{Seal: at(step), Days: []bins.DayTally{{Day: bins.Day{Site: site, Date: day}, Zone: "UTC", Tally: randomTally(rng)}}})
			if err == nil {
				t.Error("a roll of an ended context was carried out")
			}
		default:
			replace(t, d, bins.Rolled{Seal: at(step), Last: rng.IntN(2) > 0, Mark: step,
				Days: []bins.DayTally{{Day: bins.Day{Site: site, Date: day}, Zone: "UTC", Tally: randomTally(rng)}}})
		}
		after := look(doing)
		for _, other := range durableSites {
			if others && other != site && before[other] != after[other] {
				t.Errorf("%s: another version of %s", doing, other)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d versions: the test tests nothing", len(seen))
	}
}

func ended() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}
