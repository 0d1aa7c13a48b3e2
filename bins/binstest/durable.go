package binstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// OpenDurable opens durable bins in a directory; closed (if they are an
// io.Closer) and opened again, they must hold what they held.
type OpenDurable func(t *testing.T, dir string) bins.Durable

// Durable is the law of durable bins.
func Durable(t *testing.T, open OpenDurable) {
	t.Run("Random", func(t *testing.T) { durableRandom(t, open) })
	t.Run("Estimates", func(t *testing.T) { durableEstimates(t, open) })
	t.Run("Unchanged", func(t *testing.T) { durableUnchanged(t, open) })
	t.Run("Parts", func(t *testing.T) { durableParts(t, open) })
	t.Run("Cancelled", func(t *testing.T) { durableCancelled(t, open) })
	t.Run("Failing", func(t *testing.T) { durableFailing(t, open) })
	t.Run("Together", func(t *testing.T) { durableTogether(t, open) })
	t.Run("AtOnce", func(t *testing.T) { durableAtOnce(t, open) })
	t.Run("Frozen", func(t *testing.T) { durableFrozen(t, open) })
	t.Run("Versions", func(t *testing.T) { durableVersions(t, open) })
	t.Run("DailyPageViews", func(t *testing.T) { durableDaily(t, open) })
}

var (
	durableSites = []string{"shop", "b", "shop2"}
	subjects     = []bins.Subject{{}, {By: "page", Value: "/"}, {By: "page", Value: "/a"}, {By: "page", Value: "/ä'\"\\"}, {By: "page"},
		{By: "source"}, {By: "source", Value: "news"}, {By: "country", Value: "DE"}, {By: "product", Value: "7"}, {By: "event", Value: "/a"}}
)

func shut(t *testing.T, d bins.Durable) {
	t.Helper()
	if c, ok := d.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func replace(t *testing.T, d bins.Durable, r bins.Rolled) int {
	t.Helper()
	rows, err := d.Replace(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// state is without versions, which two bins that hold the same need not share.
func state(t *testing.T, d bins.Durable) bins.State {
	t.Helper()
	s, err := d.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Versions = nil
	return s
}

// line is a bin that was read, as text.
func line(value string, span bins.Span, b *bins.Bin) (string, error) {
	sketch, err := b.Visitors.MarshalBinary()
	return fmt.Sprintf("%q %s-%s %v %d %x", value, span.From, span.To, b.Counts, b.Visitors.Count(), sketch), err
}

func lines(t *testing.T, d bins.Durable, r bins.Range) (all []string) {
	t.Helper()
	err := d.Read(context.Background(), r, func(value string, span bins.Span, b *bins.Bin) error {
		text, err := line(value, span, b)
		all = append(all, text)
		return err
	})
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return all
}

// agree compares everything two durables answer.
func agree(t *testing.T, rng *rand.Rand, got, want bins.Durable) {
	t.Helper()
	if g, w := state(t, got), state(t, want); !reflect.DeepEqual(g, w) {
		t.Fatalf("state is\n%+v, want\n%+v", g, w)
	}
	ends := []period.Date{-1 << 30, date(2022, 12, 1), date(2023, 2, 1), date(2023, 12, 1), date(2024, 3, 1), date(2025, 2, 1), date(12026, 1, 1), 1 << 30}
	for range 3 {
		ends = append(ends, dates[rng.IntN(len(dates))]+period.Date(rng.IntN(2)))
	}
	for _, site := range append(durableSites, "unknown") {
		for range 20 {
			r := bins.Range{Site: site, From: ends[rng.IntN(len(ends))], To: ends[rng.IntN(len(ends))], Months: rng.IntN(2) > 0, Visitors: rng.IntN(2) > 0}
			s := subjects[rng.IntN(len(subjects))]
			r.By, r.Value, r.Each = s.By, s.Value, rng.IntN(2) > 0
			if g, w := lines(t, got, r), lines(t, want, r); !slices.Equal(g, w) {
				t.Fatalf("%+v reads\n%q, want\n%q", r, g, w)
			}
		}
	}
}

// randomTally is a day of a few visitors; some bins have nothing in them.
func randomTally(rng *rand.Rand) bins.Tally {
	t := bins.Tally{}
	for _, s := range subjects {
		if rng.IntN(3) == 0 {
			continue
		}
		b := &bins.Bin{}
		for range rng.IntN(4) {
			b.Counts[rng.IntN(len(b.Counts))] = rng.Int64N(2_000_000) - 1000
		}
		for range rng.IntN(4) * rng.IntN(4) {
			b.Visitors.Add(rng.Uint64N(40))
		}
		t[s] = b
	}
	return t
}

func at(seq uint64) bins.Seal {
	return bins.Seal{Position: event.Position{Epoch: 1 << 63, Seq: seq, Total: 2 * seq},
		At: time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC).Add(time.Duration(seq) * time.Second)}
}

// durableRandom rolls, touches, forgets and opens again, beside the model.
func durableRandom(t *testing.T, open OpenDurable) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			dir := t.TempDir()
			got, want := open(t, dir), bins.Durable(NewDurableModel())
			defer func() { shut(t, got) }()
			for step := range uint64(40) {
				r := bins.Rolled{Seal: at(step / 3), Last: rng.IntN(2) > 0, Mark: step}
				touched := make([]bins.Day, rng.IntN(4))
				for i := range touched {
					touched[i] = bins.Day{Site: durableSites[rng.IntN(3)], Date: dates[rng.IntN(len(dates))]}
				}
				seen := map[bins.Day]bool{}
				for range rng.IntN(6) {
					day := bins.Day{Site: durableSites[rng.IntN(3)], Date: dates[rng.IntN(len(dates))]}
					if !seen[day] {
						r.Days = append(r.Days, bins.DayTally{Day: day, Zone: "Europe/Berlin", Tally: randomTally(rng)})
					}
					seen[day] = true
				}
				forget, site := rng.IntN(15) == 0, append(durableSites, "")[rng.IntN(4)]
				mark := step - min(step, 1) + rng.Uint64N(3)
				for _, d := range []bins.Durable{got, want} {
					if err := d.Touch(context.Background(), mark, touched...); err != nil {
						t.Fatal(err)
					}
					replace(t, d, r)
					if !forget {
						continue
					}
					if err := d.Forget(context.Background(), site); err != nil {
						t.Fatal(err)
					}
				}
				if rng.IntN(5) == 0 {
					shut(t, got)
					got = open(t, dir)
				}
				agree(t, rng, got, want)
			}
		})
	}
}

// durableEstimates has more visitors than a sketch knows one by one, in days
// and only in their union.
func durableEstimates(t *testing.T, open OpenDurable) {
	d, want := open(t, t.TempDir()), NewDurableModel()
	defer func() { shut(t, d) }()
	rng := rand.New(rand.NewPCG(1, 2))
	var r bins.Rolled
	for i, n := range []int{1500, 1500, 5000, 20} {
		var b bins.Bin
		b.Counts[0] = int64(n)
		for range n {
			b.Visitors.Add(rng.Uint64())
		}
		day := bins.Day{Site: "shop", Date: date(2023, time.Month(1+i/2), 5+i)}
		r.Days = append(r.Days, bins.DayTally{Day: day, Zone: "UTC", Tally: bins.Tally{bins.Subject{}: &b}})
	}
	replace(t, d, r)
	replace(t, want, r)
	agree(t, rng, d, want)
	all := bins.Range{Site: "shop", From: date(2023, 1, 1), To: date(2023, 3, 1), Months: true, Visitors: true}
	if g, w := lines(t, d, all), lines(t, want, all); !slices.Equal(g, w) || len(g) != 2 {
		t.Fatalf("months read %.300q, want %.300q", g, w)
	}
	// The many are gone again: the month knows its visitors again.
	r.Days = r.Days[2:3]
	r.Days[0].Tally = nil
	replace(t, d, r)
	replace(t, want, r)
	if g, w := lines(t, d, all), lines(t, want, all); !slices.Equal(g, w) {
		t.Fatalf("a month without its large day reads %.300q, want %.300q", g, w)
	}
}

// durableUnchanged counts the rows: none where nothing changes, few where little
// does.
func durableUnchanged(t *testing.T, open OpenDurable) {
	dir := t.TempDir()
	d := open(t, dir)
	rng := rand.New(rand.NewPCG(3, 3))
	r := bins.Rolled{Seal: at(1), Last: true}
	for _, day := range dates[:4] {
		tally := bins.Tally{}
		for page := range 100 {
			b := &bins.Bin{}
			b.Counts[0] = rng.Int64N(100) + 1
			b.Visitors.Add(rng.Uint64())
			tally[bins.Subject{By: "page", Value: fmt.Sprint(page)}] = b
		}
		r.Days = append(r.Days, bins.DayTally{Day: bins.Day{Site: "shop", Date: day}, Zone: "UTC", Tally: tally})
	}
	if n := replace(t, d, r); n < 400 {
		t.Errorf("%d rows were written for 400 bins", n)
	}
	shut(t, d)
	d = open(t, dir)
	defer func() { shut(t, d) }()
	if n := replace(t, d, r); n != 0 {
		t.Errorf("the same again wrote %d rows", n)
	}
	r.Seal = at(2)
	if n := replace(t, d, r); n != 1 {
		t.Errorf("the same with a later seal wrote %d rows, want 1", n)
	}
	b := r.Days[1].Tally[bins.Subject{By: "page", Value: "7"}]
	b.Counts[0]++
	if n := replace(t, d, r); n < 1 || n > 3 {
		t.Errorf("one more page view wrote %d rows, want at most month, year and total", n)
	}
	b.Visitors.Add(1)
	if n := replace(t, d, r); n < 1 || n > 4 {
		t.Errorf("one more visitor wrote %d rows, want at most day, month, year and total", n)
	}
}

// durableParts rolls days in several parts, and tells what each stage shows.
func durableParts(t *testing.T, open OpenDurable) {
	dir := t.TempDir()
	d := open(t, dir)
	ctx := context.Background()
	one, two := bins.Day{Site: "shop", Date: dates[0]}, bins.Day{Site: "shop", Date: dates[5]}
	tally := func() bins.Tally { b := &bins.Bin{}; b.Counts[0] = 1; return bins.Tally{bins.Subject{}: b} }
	part := func(seal uint64, last bool, mark uint64, days ...bins.Day) {
		r := bins.Rolled{Seal: at(seal), Last: last, Mark: mark}
		for _, day := range days {
			r.Days = append(r.Days, bins.DayTally{Day: day, Zone: "UTC", Tally: tally()})
		}
		replace(t, d, r)
	}
	shows := func(when string, seal bins.Seal, dirty map[bins.Day]uint64, days map[bins.Day]bins.Seal, zones map[string]string) {
		t.Helper()
		shut(t, d)
		d = open(t, dir)
		want := bins.State{Seal: seal, Dirty: dirty, Days: days, Zones: zones, Frozen: map[string]bins.Frozen{}}
		if got := state(t, d); !reflect.DeepEqual(got, want) {
			t.Errorf("%s the state is\n%+v, want\n%+v", when, got, want)
		}
	}
	type dirty = map[bins.Day]uint64
	type own = map[bins.Day]bins.Seal
	type zones = map[string]string
	if err := d.Touch(ctx, 3, one, two); err != nil {
		t.Fatal(err)
	}
	shows("at first", bins.Seal{}, dirty{one: 3, two: 3}, own{}, zones{})
	part(5, false, 3, one)
	shows("behind the first part", bins.Seal{}, dirty{two: 3}, own{one: at(5)}, zones{})
	if err := d.Touch(ctx, 4, one); err != nil {
		t.Fatal(err)
	}
	shows("touched between", bins.Seal{}, dirty{one: 4, two: 3}, own{one: at(5)}, zones{})
	part(5, true, 3, two)
	shows("behind the last part", at(5), dirty{one: 4}, own{}, zones{"shop": "UTC"})
	if err := d.Touch(ctx, 5, two); err != nil {
		t.Fatal(err)
	}
	part(8, false, 4, one, two) // two was touched behind the cut
	shows("in the second roll", at(5), dirty{two: 5}, own{one: at(8), two: at(8)}, zones{"shop": "UTC"})
	if err := d.Forget(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	shows("with the site forgotten", at(5), dirty{two: 5}, own{}, zones{})
	if err := d.Forget(ctx, ""); err != nil {
		t.Fatal(err)
	}
	shows("with all forgotten", bins.Seal{}, dirty{two: 5}, own{}, zones{})
	s := state(t, d)
	clear(s.Dirty)
	if len(state(t, d).Dirty) != 1 {
		t.Error("who changes a state changes the bins")
	}
	shut(t, d)
}

// durableFailing stops reading where the reader says so.
func durableFailing(t *testing.T, open OpenDurable) {
	d := open(t, t.TempDir())
	defer func() { shut(t, d) }()
	rng := rand.New(rand.NewPCG(4, 4))
	replace(t, d, bins.Rolled{Days: []bins.DayTally{{Day: bins.Day{Site: "shop", Date: dates[0]}, Zone: "UTC", Tally: randomTally(rng)}}, Last: true})
	enough := errors.New("enough")
	n := 0
	r := bins.Range{Site: "shop", By: metric.Dimension("page"), Each: true, From: dates[0], To: dates[0] + 1}
	err := d.Read(context.Background(), r, func(string, bins.Span, *bins.Bin) error {
		n++
		return enough
	})
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("after %d bins the error is %v, want %v after 1", n, err, enough)
	}
}
