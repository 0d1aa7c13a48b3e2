package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// version is a state of bins in some version, with dirty dates.
func version(n uint64, dirty ...period.Date) bins.State {
	s := state(1, dirty...)
	s.Versions = map[string]uint64{"s": n}
	return s
}

// TestMemo: bins of a known version are read once, whatever came since; of another
// version, or of none, they are read again; and figures are those of a planner that
// remembers nothing.
func TestMemo(t *testing.T) {
	metrics := []metric.Name{metric.PageViews, metric.Visitors}
	for _, m := range metrics {
		for _, by := range []metric.Dimension{"", "page"} {
			for _, step := range []period.Step{period.Day, period.Total} {
				q := asked()
				q.Metric, q.By, q.Step = m, by, step
				durable, hot := &rolled{rows: fourDays()}, &buckets{rows: []row{{"/a", first + 2, 5, []uint64{1, 77}}, {"/new", first + 2, 1, []uint64{78}}}}
				p := Plan(&eventsOnly{}, durable, hot, nil, func() time.Time { return now })
				for i, x := range []struct {
					state bins.State
					rows  []row
					reads int
				}{
					{version(4), nil, 1}, {version(4), nil, 1}, {version(4, first+2), nil, 1}, {version(4), nil, 1},
					{version(5), append(fourDays(), row{"/b", first, 9, []uint64{99}}), 2}, {version(5, first+2), nil, 2},
					{version(0), fourDays(), 3}, {version(0), nil, 4}, {version(6), nil, 5},
				} {
					if durable.states = []bins.State{x.state}; x.rows != nil {
						durable.rows = x.rows
					}
					got, err := p.Answer(t.Context(), q)
					if err != nil || len(durable.asked) != x.reads {
						t.Errorf("%s by %q, %s, %d: %d readings, want %d (%v)", m, by, step, i, len(durable.asked), x.reads, err)
					}
					anew, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{x.state}, rows: durable.rows}, hot, q)
					if fmt.Sprint(got) != fmt.Sprint(anew) || err != nil {
						t.Errorf("%s by %q, %s, %d:\n%v, want\n%v (%v)", m, by, step, i, got, anew, err)
					}
				}
			}
		}
	}
}

// TestMemoOfOthers: what is asked for differently is read for itself.
func TestMemoOfOthers(t *testing.T) {
	durable := &rolled{rows: fourDays(), states: []bins.State{version(4)}}
	p := Plan(&eventsOnly{}, durable, nil, nil, func() time.Time { return now })
	for i, change := range []func(q *metric.Query){
		func(*metric.Query) {}, func(q *metric.Query) { q.Metric = metric.Sessions }, func(q *metric.Query) { q.Metric = metric.Visitors }, func(q *metric.Query) { q.By = "page" },
		func(q *metric.Query) { q.By = "source" }, func(q *metric.Query) { q.Filters = []metric.Filter{{Dimension: "page", Value: "/a"}} },
		func(q *metric.Query) { q.Filters = []metric.Filter{{Dimension: "page", Value: "/b"}} }, func(q *metric.Query) { q.Step = period.Total },
		func(q *metric.Query) { q.Window.To = (first + 3).Window(berlin).From },
	} {
		q := asked()
		change(&q)
		for range 2 {
			if _, err := p.Answer(t.Context(), q); err != nil || len(durable.asked) != i+1 {
				t.Errorf("question %d: %d readings, want %d (%v)", i, len(durable.asked), i+1, err)
			}
		}
	}
}

// TestMemoRolledMeanwhile: what was read while the bins changed is not kept.
func TestMemoRolledMeanwhile(t *testing.T) {
	durable := &rolled{rows: fourDays(), states: []bins.State{version(4), version(5)}}
	p := Plan(&eventsOnly{}, durable, nil, nil, func() time.Time { return now })
	for _, reads := range []int{2, 2} { // the second time it did not change
		if _, err := p.Answer(t.Context(), asked()); err != nil || len(durable.asked) != reads {
			t.Errorf("%d readings, want %d (%v)", len(durable.asked), reads, err)
		}
	}
	for _, s := range p.memo.parts {
		if v := s.Value.(*sum).version; v != 5 {
			t.Errorf("version %d is kept", v)
		}
	}
}

// TestMemoRoom: what is kept has room, and what was asked for last stays.
func TestMemoRoom(t *testing.T) {
	m := newMemo(1000)
	key := func(i int) part { return part{step: period.Step(fmt.Sprint(i))} }
	for i := range 100 {
		m.put(&sum{part: key(i), version: 1, size: 100})
		if m.get(key(0), 1) == nil {
			t.Fatalf("behind %d others, the one that is asked for each time is gone", i)
		}
	}
	m.put(&sum{part: key(1000), version: 1, size: 251})
	if m.used != 1000 || len(m.parts) != 10 || m.order.Len() != 10 || m.get(key(99), 1) == nil || m.get(key(50), 1) != nil || m.get(key(1000), 1) != nil {
		t.Errorf("%d bytes in %d parts", m.used, len(m.parts))
	}
	m.put(&sum{part: key(0), version: 2, size: 200})
	if m.get(key(0), 1) != nil || m.get(key(0), 2) != nil || m.used != 800 {
		t.Errorf("an older version is there, or %d bytes are taken, want 800", m.used)
	}
}

// TestMemoOfNothing: what has no figures takes room as well, so that somebody who asks
// for ever other values that there are not fills no memory.
func TestMemoOfNothing(t *testing.T) {
	durable := &rolled{}
	p := Plan(&eventsOnly{}, durable, nil, nil, func() time.Time { return now })
	p.memo = newMemo(100_000)
	for i := range 200 {
		q := asked()
		q.Filters = []metric.Filter{{Dimension: "page", Value: fmt.Sprint(strings.Repeat("x", metric.MaxValue-10), i)}}
		durable.states = nil
		for range 2 {
			durable.states = append(durable.states, version(4))
		}
		if _, err := p.Answer(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.memo.parts); n == 0 || n*metric.MaxValue > 100_000 {
		t.Errorf("%d parts with names of %d bytes each are kept in %d bytes", n, metric.MaxValue, 100_000)
	}
}

// TestRenew: what somebody asked for is read again behind a roll, so that the next who
// asks finds it, for as long as somebody asks now and then.
func TestRenew(t *testing.T) {
	durable := &rolled{states: []bins.State{state(1)}, rows: fourDays()}
	version := func(n uint64) { durable.states[0].Versions = map[string]uint64{"s": n} }
	version(1)
	p := Plan(&eventsOnly{}, durable, nil, nil, func() time.Time { return now })
	ask := func(reads int) {
		t.Helper()
		before := len(durable.asked)
		d, err := p.Answer(t.Context(), asked())
		if err != nil || values(d) != fmt.Sprintf("%d 20 0 40 ", durable.rows[0].views) || len(durable.asked)-before != reads {
			t.Errorf("%s, %v, read %d times, want %d", values(d), err, len(durable.asked)-before, reads)
		}
	}
	ask(1)
	for n := range uint64(3 * mostIdle) {
		durable.rows[0].views++
		version(n + 2)
		if err := p.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n%(mostIdle-1) == 0 {
			ask(0)
		}
	}
	for n := range uint64(mostIdle + 1) {
		version(100 + n)
		if err := p.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask(1) // nobody had, for long
}

// TestRenewGivesUp: what bins don't tell any more is not counted from the events behind
// each roll, keeps nothing else from being renewed, and is asked no further; what is
// renewed stays in the order in which it was asked for.
func TestRenewGivesUp(t *testing.T) {
	at := state(1)
	at.Versions, at.Zones["second"], at.Zones["gone"] = map[string]uint64{"s": 1, "second": 1, "gone": 1}, at.Zones["s"], at.Zones["s"]
	durable, events := &rolled{states: []bins.State{at}, rows: fourDays()}, &eventsOnly{}
	p := Plan(events, durable, nil, nil, func() time.Time { return now })
	for _, site := range []string{"second", "s", "gone"} {
		q := asked()
		q.Site = site
		if _, err := p.Answer(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	next := state(2)
	next.Zones["second"], next.Versions = next.Zones["s"], map[string]uint64{"s": 2, "second": 2} // gone is removed
	durable.states, durable.asked, durable.looks = []bins.State{next}, nil, 0
	for range 2 {
		if err := p.Renew(t.Context()); err != nil || len(events.asked) > 0 {
			t.Errorf("%v; asked of the events: %v", err, events.asked)
		}
	}
	if len(durable.asked) != 2 || len(p.memo.parts) != 2 || p.memo.order.Front().Value.(*sum).Site != "s" {
		t.Errorf("%d readings, want 2; %d parts are kept, want 2; the first is of %s", len(durable.asked), len(p.memo.parts), p.memo.order.Front().Value.(*sum).Site)
	}
	last := state(3)
	last.Zones["second"], last.Versions = last.Zones["s"], map[string]uint64{"s": 3, "second": 3}
	last.Dirty = map[bins.Day]uint64{{Site: "s", Date: first}: 1}
	durable.states, durable.asked, durable.looks, events.fails = []bins.State{last}, nil, 0, fmt.Errorf("no answer")
	if err := p.Renew(t.Context()); err == nil || len(durable.asked) < 2 {
		t.Errorf("%v; %d readings: a fault keeps others from being renewed", err, len(durable.asked))
	}
}

// TestMemoIsPacked: what is kept of visitors takes little more than their ids.
func TestMemoIsPacked(t *testing.T) {
	s := &sum{place: -1, steps: 1, split: true, values: map[string][]int64{}, totals: map[string]int64{}, sketches: map[string][]bins.Sketch{}}
	for day := range uint64(28) {
		var b bins.Bin
		for id := range uint64(300) {
			b.Visitors.Add(50*day + id)
		}
		s.add("/", 0, &b)
	}
	s.finish()
	if n := int(s.totals["/"]); n != 1650 || s.size > 8*n+800 {
		t.Errorf("%d visitors are kept in %d bytes", n, s.size)
	}
}
