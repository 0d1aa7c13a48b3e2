package event_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"footfall/event"
)

// onDays makes events of the days, n a day, with ids no other call has.
func onDays(n int, days ...int) (events []event.Event) {
	for _, d := range days {
		for i := range n {
			at := event.Day(d).Time().Add(time.Hour)
			events = append(events, event.Event{Site: "s", ID: fmt.Sprint(d, "-", i), Original: at})
		}
	}
	return events
}

// fresh is what d takes for new; kept are the indexes of events that are kept.
func fresh(t *testing.T, d *event.Days, events []event.Event, kept ...int) []int {
	t.Helper()
	index, err := d.Fresh(events, func(suspects []int) (map[event.Ident]bool, error) {
		known := map[event.Ident]bool{}
		for _, i := range suspects {
			known[events[i].Ident()] = slices.Contains(kept, i)
		}
		return known, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// without is the numbers below n but for some.
func without(n int, some ...int) (rest []int) {
	for i := range n {
		if !slices.Contains(some, i) {
			rest = append(rest, i)
		}
	}
	return rest
}

func TestDaysFresh(t *testing.T) {
	d := event.NewDays(1000)
	events := onDays(150, 1, 2)
	if got := d.Begin(events); !slices.Equal(got, []event.Day{1, 2}) {
		t.Errorf("days %v are missing at first, want 1 and 2", got)
	}
	d.Load(1, event.Key("s", "1-7"))
	d.Load(2, event.Key("s", "2-8"))
	d.Load(2, event.Key("t", "2-9")) // of another site
	d.Load(3, event.Key("s", "3-0")) // not held: no effect
	if got := fresh(t, d, events, 7); !slices.Equal(got, without(300, 7)) {
		t.Errorf("new are %v: all are but 7, and 158 looked as if it were not", got)
	}
	if got := fresh(t, d, events, without(300)...); len(got) != 0 {
		t.Errorf("%v are new a second time", got)
	}
	if got := d.Begin(onDays(1, 2, 3)); !slices.Equal(got, []event.Day{3}) {
		t.Errorf("then days %v are missing, want 3", got)
	}
	if got := fresh(t, d, onDays(1, 3)); len(got) != 1 {
		t.Error("an id of a day that was not held when it was loaded is known")
	}
}

// An id counts once in a batch, whatever is known of its day, and in each site.
func TestDaysFreshTwice(t *testing.T) {
	events := append(onDays(2, 1, 2), onDays(2, 1, 2)...)
	other := events[0]
	other.Site = "t"
	events = append(events, other)
	for _, released := range []bool{false, true} {
		d := event.NewDays(1000)
		d.Begin(events)
		if released {
			d.Release(2)
		}
		if got := fresh(t, d, events); !slices.Equal(got, []int{0, 1, 2, 3, 8}) {
			t.Errorf("released %v: new are %v, want the first of each", released, got)
		}
	}
	failed := errors.New("failed")
	d := event.NewDays(1000)
	d.Begin(events)
	if _, err := d.Fresh(events, func([]int) (map[event.Ident]bool, error) { return nil, failed }); err != failed {
		t.Errorf("error %v", err)
	}
}

func TestDaysTrim(t *testing.T) {
	// Days 1 to 5 with ten ids each, in this order; 5 is in use.
	for _, c := range []struct {
		name string
		most int
		want []event.Day // forgotten
	}{
		{"everything fits", 40, nil},
		{"too many", 25, []event.Day{1, 2}},
		{"the day in use stays", 1, []event.Day{1, 2, 3, 4}},
	} {
		d := event.NewDays(c.most)
		for day := 1; day <= 5; day++ {
			events := onDays(10, day)
			d.Begin(events)
			fresh(t, d, events)
		}
		if got := d.Trim(); !slices.Equal(got, c.want) {
			t.Errorf("%s: forgets %v, want %v", c.name, got, c.want)
		}
		if got := d.Begin(onDays(1, 1, 2, 3, 4, 5)); !slices.Equal(got, c.want) {
			t.Errorf("%s: afterwards %v are missing, want %v", c.name, got, c.want)
		}
		if got := d.Trim(); got != nil {
			t.Errorf("%s: forgets days in use: %v", c.name, got)
		}
	}
}

// BenchmarkFresh sorts out batches of new events of a busy day.
func BenchmarkFresh(b *testing.B) {
	const batch = 10_000
	d, at := event.NewDays(0), time.Now()
	events := make([]event.Event, batch)
	n := 0
	for b.Loop() {
		b.StopTimer()
		if n == 3_000_000 {
			d, n = event.NewDays(0), 0
		}
		for i := range events {
			events[i] = event.Event{Site: "s", ID: fmt.Sprintf("0191f7f0-0000-4000-8000-%012d", n), Original: at}
			n++
		}
		d.Begin(events)
		b.StartTimer()
		_, _ = d.Fresh(events, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/event")
}
