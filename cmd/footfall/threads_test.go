package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestPace: twice as many threads as processors while the event store keeps up,
// one each from the moment that it does not until it has for a while.
func TestPace(t *testing.T) {
	for _, c := range []struct{ name, waiting, want string }{
		{"quiet", "0×3", "8 8 8"},
		{"busy, and keeps up", "20000 40000 39999×3", "8 8 8 8 8"},
		{"too much", "10 40001 40001", "8 4 4"},
		{"not calm yet", "50000 20000×29", "4" + strings.Repeat(" 4", 29)},
		{"calm again", "50000 20000×30 40001", "4" + strings.Repeat(" 4", 29) + " 8 4"},
		{"a little too much begins anew", "50000 10×29 20001 10×29 10", "4" + strings.Repeat(" 4", 29) + " 4" + strings.Repeat(" 4", 29) + " 8"},
	} {
		p, got := pace{processors: 4}, []string{}
		for _, word := range strings.Fields(c.waiting) {
			waiting, times := uint64(0), 1
			if n, _ := fmt.Sscanf(word, "%d×%d", &waiting, &times); n == 0 {
				t.Fatalf("%q", word)
			}
			for range times {
				got = append(got, fmt.Sprint(p.look(waiting)))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}
