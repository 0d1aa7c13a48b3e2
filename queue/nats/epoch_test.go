package nats

import (
	"testing"

	"footfall/event"
)

func at(epoch, seq uint64) event.Position { return event.Position{Epoch: epoch, Seq: seq} }

func list(pairs ...uint64) (e epochs) {
	for i := 0; i < len(pairs); i += 2 {
		e.begin(pairs[i], pairs[i+1])
	}
	return e
}

func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name  string
		list  epochs
		last  event.Position
		known []event.Position
		epoch uint64
		first uint64
		cut   bool
	}{
		{"new", nil, at(0, 0), nil, 1, 1, false},
		{"as it was", list(1, 1), at(1, 9), []event.Position{at(1, 9), at(1, 3)}, 1, 1, false},
		{"all expired", list(1, 1), at(0, 9), []event.Position{at(1, 9)}, 1, 1, false},
		{"cut below a reader", list(1, 1), at(1, 5), []event.Position{at(1, 9)}, 2, 6, true},
		{"all gone", list(1, 1), at(0, 0), []event.Position{at(1, 9)}, 2, 1, true},
		{"cut again, before anything new", list(1, 1, 2, 6), at(1, 5), []event.Position{at(1, 9)}, 2, 6, false},
		{"cut in the second epoch", list(1, 1, 2, 6), at(2, 7), []event.Position{at(1, 9), at(2, 8)}, 3, 8, true},
		{"cut below the second epoch", list(1, 1, 2, 6), at(1, 3), []event.Position{at(2, 8)}, 3, 4, true},
		{"list lost", nil, at(2, 9), []event.Position{at(2, 9), at(1, 40)}, 2, 1, false},
		{"list lost, all expired", nil, at(0, 9), []event.Position{at(2, 9)}, 2, 1, false},
		{"list lost and cut", nil, at(2, 5), []event.Position{at(2, 9)}, 3, 6, true},
		{"list and newest epoch lost", nil, at(1, 20), []event.Position{at(2, 9)}, 3, 21, true},
		{"an older list", list(1, 1), at(2, 9), []event.Position{at(2, 9)}, 3, 10, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if cut := c.list.settle(c.last, c.known); cut != c.cut {
				t.Errorf("cut: %v, want %v", cut, c.cut)
			}
			end := c.list[len(c.list)-1]
			if c.list.current() != c.epoch || end.First != c.first {
				t.Errorf("epochs: %v, want the last to be %d from %d", c.list, c.epoch, c.first)
			}
			// Whatever a reader has seen, what is published next is not skipped.
			for _, k := range c.known {
				if after := c.list.resume(k); after > c.last.Seq {
					t.Errorf("a reader at %+v goes on after %d, the next message is %d", k, after, c.last.Seq+1)
				}
			}
		})
	}
}

func TestResume(t *testing.T) {
	e := list(1, 1, 2, 81, 3, 71, 4, 100)
	for _, c := range []struct {
		at    event.Position
		after uint64
	}{
		{at(1, 50), 50}, {at(1, 75), 70}, {at(1, 90), 70}, // the third epoch began lower than the second
		{at(2, 85), 70}, {at(2, 60), 60},
		{at(3, 99), 99}, {at(3, 120), 99},
		{at(4, 120), 120}, {at(0, 0), 0},
	} {
		if after := e.resume(c.at); after != c.after {
			t.Errorf("a reader at %+v goes on after %d, want %d", c.at, after, c.after)
		}
	}
	if after := epochs(nil).resume(at(1, 7)); after != 7 {
		t.Errorf("without a list: %d", after)
	}
}
