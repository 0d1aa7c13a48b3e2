package archive

import (
	"maps"
	"slices"
	"testing"

	"footfall/event"
)

func TestTrim(t *testing.T) {
	// Days 1 to 5 with ten ids each, last used by the flush of that number;
	// flush 5 is running.
	for _, c := range []struct {
		name      string
		days, ids int
		want      []event.Day
	}{
		{"everything fits", 5, 40, []event.Day{1, 2, 3, 4, 5}},
		{"too many days", 3, 1000, []event.Day{3, 4, 5}},
		{"too many ids", 40, 25, []event.Day{3, 4, 5}},
		{"the running flush's day stays", 1, 1, []event.Day{5}},
	} {
		d := newDays(Options{Days: c.days, IDs: c.ids})
		for day := event.Day(1); day <= 5; day++ {
			d.begin()
			set := &dayIDs{seen: event.NewSeen(), used: d.flush}
			for id := range uint64(10) {
				set.seen.Add(id << 40)
			}
			d.sets[day] = set
		}
		d.trim()
		if got := slices.Sorted(maps.Keys(d.sets)); !slices.Equal(got, c.want) {
			t.Errorf("%s: days %v stay, want %v", c.name, got, c.want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		site string
		hour int64
		want string
	}{
		{"shop", 0, "site=shop/date=1970-01-01/hour=00/"},
		{"a_B-9.x", -1, "site=a_B-9.x/date=1969-12-31/hour=23/"},
		{"..", 498631, "site=%2E./date=2026-11-19/hour=07/"},
		{"a/b=%ü", 24, "site=a%2Fb%3D%25%C3%BC/date=1970-01-02/hour=00/"},
		{"", 0, "site=/date=1970-01-01/hour=00/"},
	} {
		if got := prefix(c.site, c.hour); got != c.want {
			t.Errorf("prefix(%q, %d) = %s, want %s", c.site, c.hour, got, c.want)
		}
	}
}
