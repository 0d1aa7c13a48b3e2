package binstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/period"
)

// freezing is durable bins that can freeze.
type freezing interface {
	bins.Durable
	bins.Freezer
}

// durableFrozen freezes dates between everything else that happens, beside the
// model: frozen ones stay as they were, whoever touches, replaces or forgets them.
func durableFrozen(t *testing.T, open OpenDurable) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := &freezer{t: t, rng: rand.New(rand.NewPCG(seed, 7)), dir: t.TempDir(), open: open, want: NewDurableModel(), frozen: map[string][]string{}}
			f.got = open(t, f.dir).(freezing)
			defer func() { shut(t, f.got) }()
			for step := range uint64(40) {
				f.step(step)
			}
			if f.froze == 0 {
				t.Error("nothing was frozen: the test tests nothing")
			}
		})
	}
}

// freezer is one run of the law of frozen dates.
type freezer struct {
	t         *testing.T
	rng       *rand.Rand
	dir       string
	open      OpenDurable
	got, want freezing
	frozen    map[string][]string // by site: what its frozen dates read
	froze     int
}

func (f *freezer) step(step uint64) {
	f.t.Helper()
	ctx, rng := context.Background(), f.rng
	r := bins.Rolled{Seal: at(step), Last: rng.IntN(3) > 0, Mark: step}
	seen := map[bins.Day]bool{}
	for range rng.IntN(8) {
		day := bins.Day{Site: durableSites[rng.IntN(3)], Date: dates[rng.IntN(len(dates))]}
		if !seen[day] {
			r.Days = append(r.Days, bins.DayTally{Day: day, Zone: pickOf(rng, "Europe/Berlin EUR", "Europe/Berlin USD"), Tally: randomTally(rng)})
		}
		seen[day] = true
	}
	touched := bins.Day{Site: durableSites[rng.IntN(3)], Date: dates[rng.IntN(len(dates))]}
	forget, site := rng.IntN(6) == 0, append(durableSites, "")[rng.IntN(4)]
	freeze, before := durableSites[rng.IntN(3)], dates[rng.IntN(len(dates))]+period.Date(rng.IntN(2))
	var froze [2]error
	for i, d := range []freezing{f.got, f.want} {
		replace(f.t, d, r)
		if step%3 == 0 {
			if err := d.Touch(ctx, step+1, touched); err != nil {
				f.t.Fatal(err)
			}
		}
		if step%4 == 1 {
			froze[i] = d.Freeze(ctx, freeze, before, time.Unix(int64(before)*86400, 0))
		}
		if forget {
			if err := d.Forget(ctx, site); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	if errors.Is(froze[0], bins.ErrDirty) != errors.Is(froze[1], bins.ErrDirty) || !errors.Is(froze[0], bins.ErrDirty) && froze[0] != nil {
		f.t.Fatalf("freezing %s before %s: %v, want %v", freeze, before, froze[0], froze[1])
	}
	if rng.IntN(5) == 0 {
		shut(f.t, f.got)
		f.got = f.open(f.t, f.dir).(freezing)
	}
	agree(f.t, rng, f.got, f.want)
	f.stay()
}

func pickOf(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

// stay checks that what was frozen reads as it did.
func (f *freezer) stay() {
	f.t.Helper()
	for site, frozen := range state(f.t, f.got).Frozen {
		var now []string
		for _, s := range subjects {
			now = append(now, lines(f.t, f.got, bins.Range{Site: site, By: s.By, Value: s.Value, From: bins.FirstDate, To: frozen.Before, Visitors: true})...)
		}
		key := site + " " + frozen.Before.String()
		if was, known := f.frozen[key]; known && !slices.Equal(was, now) {
			f.t.Fatalf("%s: frozen dates read\n%q, were\n%q", key, now, was)
		}
		f.froze += len(now)
		f.frozen[key] = now
	}
}
