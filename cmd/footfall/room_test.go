package main

import (
	"testing"
	"time"
)

// TestRoomSeen: a server whose queue refuses events starts anew once its disk has room, also
// if nobody saw that it was full; not for a moment's fault, and not again and again.
func TestRoomSeen(t *testing.T) {
	const little, much = leastRoom - 1, leastRoom
	type look struct {
		at, refusing time.Duration // since the start; refusing since when, -1: it is not
		room         uint64
		restarts     bool
	}
	for name, looks := range map[string][]look{
		"room again":              {{60 * time.Second, -1, little, false}, {62 * time.Second, 61 * time.Second, little, false}, {64 * time.Second, 61 * time.Second, much, true}},
		"full, but nothing came":  {{60 * time.Second, -1, little, false}, {62 * time.Second, -1, much, false}, {64 * time.Second, 63 * time.Second, much, false}},
		"still full":              {{600 * time.Second, 60 * time.Second, little, false}},
		"full between two looks":  {{60 * time.Second, -1, much, false}, {62 * time.Second, 61 * time.Second, much, false}, {91 * time.Second, 61 * time.Second, much, true}},
		"full again at the start": {{2 * time.Second, time.Second, little, false}, {4 * time.Second, time.Second, much, false}, {10 * time.Second, time.Second, much, true}},
	} {
		var seen roomSeen
		start := time.Unix(1_700_000_000, 0)
		for i, l := range looks {
			var refusing time.Time
			if l.refusing >= 0 {
				refusing = start.Add(l.refusing)
			}
			if got := seen.restarts(start.Add(l.at), start, refusing, l.room); got != l.restarts {
				t.Errorf("%s: at look %d it restarts: %v", name, i, got)
			}
		}
	}
}
