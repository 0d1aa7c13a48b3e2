package event_test

import (
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

func TestDaysAdd(t *testing.T) {
	d := event.NewDays(1000)
	events := onDays(100, 1, 2)
	if got := d.Begin(events); !slices.Equal(got, []event.Day{1, 2}) {
		t.Errorf("days %v are missing at first, want 1 and 2", got)
	}
	d.Load(1, event.Key("s", "1-7"))
	d.Load(3, event.Key("s", "3-0")) // not held: no effect
	for i := range events {
		if got, want := d.Add(&events[i]), i != 7; got != want {
			t.Errorf("event %d: new is %v", i, got)
		}
		if d.Add(&events[i]) {
			t.Errorf("event %d is new a second time", i)
		}
	}
	if got := d.Begin(onDays(1, 2, 3)); !slices.Equal(got, []event.Day{3}) {
		t.Errorf("then days %v are missing, want 3", got)
	}
	if e := onDays(1, 3)[0]; !d.Add(&e) {
		t.Error("an id of a day that was not held when it was loaded is known")
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
			for i := range events {
				d.Add(&events[i])
			}
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
