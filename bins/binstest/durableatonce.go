package binstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"footfall/bins"
	"footfall/period"
)

// durableCancelled calls with an ended context, which does nothing, and ends it
// in the middle of a Replace, which does all or nothing.
func durableCancelled(t *testing.T, open OpenDurable) {
	dir := t.TempDir()
	d, want := open(t, dir), NewDurableModel()
	rng := rand.New(rand.NewPCG(5, 5))
	day := bins.Day{Site: "shop", Date: dates[3]}
	roll := func() bins.Rolled {
		r := bins.Rolled{Seal: at(rng.Uint64N(1000)), Last: true}
		for _, date := range dates {
			r.Days = append(r.Days, bins.DayTally{Day: bins.Day{Site: "shop", Date: date}, Zone: "UTC", Tally: randomTally(rng)})
		}
		return r
	}
	first := roll()
	replace(t, d, first)
	replace(t, want, first)
	ended, end := context.WithCancel(context.Background())
	end()
	_, stateErr := d.State(ended)
	_, replaceErr := d.Replace(ended, roll())
	for name, err := range map[string]error{"State": stateErr, "Replace": replaceErr, "Touch": d.Touch(ended, 9, day), "Forget": d.Forget(ended, "shop"),
		"Read": d.Read(ended, bins.Range{Site: "shop", From: dates[0], To: dates[9]}, func(string, bins.Span, *bins.Bin) error { return nil })} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context is %v", name, err)
		}
	}
	agree(t, rng, d, want)
	for i := range 40 {
		ctx, end := context.WithTimeout(context.Background(), time.Duration(i)*300*time.Microsecond)
		r := roll()
		if _, err := d.Replace(ctx, r); err == nil {
			replace(t, want, r)
		}
		end()
		agree(t, rng, d, want)
	}
	shut(t, d)
	d = open(t, dir)
	agree(t, rng, d, want)
	shut(t, d)
}

// durableTogether replaces and touches days of one month from several sides at
// once: the sums have them all.
func durableTogether(t *testing.T, open OpenDurable) {
	dir := t.TempDir()
	d, want := open(t, dir), NewDurableModel()
	rng := rand.New(rand.NewPCG(6, 6))
	var sides sync.WaitGroup
	for side := range 4 {
		var rolls []bins.Rolled
		for i := range 15 {
			day := bins.Day{Site: "shop", Date: date(2023, 1, 1+side+4*(i%6))}
			rolls = append(rolls, bins.Rolled{Days: []bins.DayTally{{Day: day, Zone: "UTC", Tally: randomTally(rng)}}, Last: true})
		}
		sides.Go(func() {
			for _, r := range rolls {
				for _, to := range []bins.Durable{d, want} {
					_, err := to.Replace(context.Background(), r)
					if err == nil {
						err = to.Touch(context.Background(), 1, r.Days[0].Day)
					}
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	sides.Wait()
	agree(t, rng, d, want)
	shut(t, d)
	d = open(t, dir)
	agree(t, rng, d, want)
	shut(t, d)
}

// atOnceDays are replaced while others read them: the n-th roll gives every bin
// n page views and its seal is at n.
var atOnceDays = func() (days []period.Date) {
	for d := date(2023, 1, 20); d < date(2023, 3, 10); d += 3 {
		days = append(days, d)
	}
	return days
}()

func atOnceRoll(n uint64) bins.Rolled {
	r := bins.Rolled{Seal: at(n), Last: true}
	for _, date := range atOnceDays {
		t := bins.Tally{}
		for page := range 5 {
			b := &bins.Bin{}
			b.Counts[0] = int64(n)
			for id := range n {
				b.Visitors.Add(id)
			}
			t[bins.Subject{By: "page", Value: fmt.Sprint(page)}] = b
		}
		r.Days = append(r.Days, bins.DayTally{Day: bins.Day{Site: "shop", Date: date}, Zone: "UTC", Tally: t})
	}
	return r
}

// durableAtOnce reads while a roll replaces: before or after, never half, and
// never new bins with the old state.
func durableAtOnce(t *testing.T, open OpenDurable) {
	d := open(t, t.TempDir())
	defer func() { shut(t, d) }()
	replace(t, d, atOnceRoll(1))
	var done atomic.Bool
	var reads, changes atomic.Int64
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for last := int64(0); !done.Load(); reads.Add(1) {
				n, err := atOnceRead(d, i%2 == 0)
				if err != nil {
					t.Error(err)
					return
				}
				if n != last {
					changes.Add(1)
				}
				last = n
			}
		})
	}
	n := uint64(1)
	for deadline := time.Now().Add(30 * time.Second); (n < 60 || changes.Load() < 8 || reads.Load() < 40) && !t.Failed() && time.Now().Before(deadline); {
		n++
		replace(t, d, atOnceRoll(n%100+1))
	}
	done.Store(true)
	readers.Wait()
	if changes.Load() < 8 {
		t.Errorf("%d reads saw only %d changes by %d rolls", reads.Load(), changes.Load(), n)
	}
}

// atOnceRead reads everything and returns of which roll it is.
func atOnceRead(d bins.Durable, months bool) (roll int64, err error) {
	ctx := context.Background()
	before, err := d.State(ctx)
	if err != nil {
		return 0, err
	}
	r := bins.Range{Site: "shop", By: "page", Each: true, From: date(2023, 1, 1), To: date(2023, 4, 1), Months: months, Visitors: true}
	bin := 0
	err = d.Read(ctx, r, func(value string, span bins.Span, b *bins.Bin) error {
		days := int64(0)
		for _, date := range atOnceDays {
			if date >= span.From && date < span.To {
				days++
			}
		}
		if bin == 0 {
			roll = b.Counts[0] / days
		}
		bin++
		if b.Counts[0] != roll*days || b.Visitors.Count() != roll {
			return fmt.Errorf("%s from %s: %d page views of %d visitors on %d days: not of roll %d", value, span.From, b.Counts[0], b.Visitors.Count(), days, roll)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	after, err := d.State(ctx)
	if err == nil && before.Seal == after.Seal && before.Seal.Position.Seq != uint64(roll) {
		err = fmt.Errorf("bins of roll %d with the seal of roll %d", roll, before.Seal.Position.Seq)
	}
	return roll, err
}
