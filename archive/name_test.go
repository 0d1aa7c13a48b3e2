package archive

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"footfall/event"
)

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

// An object outlives its flush by far: it must not keep the queue message that
// the site's text is a part of.
func TestObjectsKeepNoMessage(t *testing.T) {
	message := strings.Repeat("x", 1000) + "shop"
	site := message[1000:]
	objects := plan([]event.Event{{Site: site}}, []int{0}, "name")
	if len(objects) != 1 || objects[0].Site != "shop" || unsafe.StringData(objects[0].Site) == unsafe.StringData(site) {
		t.Errorf("the object's site is a part of the message: %+v", objects)
	}
}

// Rows are ordered by site, hour and time, then as they came, and an object is
// made of each site and hour.
func TestPlan(t *testing.T) {
	hour := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	var events []event.Event
	for i := range 300 {
		at := hour.Add(time.Duration(i*7%3)*time.Hour + time.Duration(i%5)*time.Second)
		events = append(events, event.Event{Site: []string{"b", "a", "b2", "c"}[i*i%4], Time: at, Original: at})
	}
	index := without(len(events), 3, 77)
	objects := plan(events, index, "name")
	if len(index) != 298 || !slices.IsSortedFunc(index, func(i, j int) int {
		a, b := events[i], events[j]
		return cmp.Or(strings.Compare(a.Site, b.Site), a.Time.Compare(b.Time), i-j)
	}) {
		t.Errorf("the order is %v", index)
	}
	row := 0
	for _, o := range objects {
		for _, i := range index[row : row+int(o.Rows)] {
			if e := events[i]; e.Site != o.Site || e.Time.Truncate(time.Hour).UnixMilli() != o.MinTime-o.MinTime%hourMillis {
				t.Errorf("%s holds an event of %s at %v", o.Name, e.Site, e.Time)
			}
		}
		row += int(o.Rows)
	}
	if row != len(index) || len(objects) != 6 {
		t.Errorf("%d objects of %d rows", len(objects), row)
	}
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
