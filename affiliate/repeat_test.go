package affiliate_test

import (
	"fmt"
	"testing"
	"time"

	"footfall/shop"
)

// TestOldContentAgain: contents A and B of an order came, and A comes again. A
// shop that says when it was true goes back to it; one that does not repeats
// itself, however late.
func TestOldContentAgain(t *testing.T) {
	for _, unsaid := range []bool{false, true} {
		d := openDesk(t, nil)
		d.write(click("p1", "x", "anna", noon.Add(-time.Hour)))
		var got []string
		for i, net := range []int64{1000, 400, 1000, 1000, 700} {
			body := fmt.Sprintf(`{"order_id":"1","time":"2026-03-10T12:00:00Z","currency":"EUR","anonymous_id":"x","revenue":"%d.%02d"`, net/100, net%100)
			if !unsaid {
				body += fmt.Sprintf(`,"updated_at":"2026-03-10T12:0%d:00Z"`, i)
			}
			q, err := shop.ReadOrders([]byte(body+`}`), shop.RequestOptions{Site: "two", Currency: "EUR", Now: noon.Add(time.Duration(i) * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			taken := d.take(q.Reports[0])
			got = append(got, fmt.Sprint(d.earned(d.anna), taken.Duplicate, taken.Order.Revision))
		}
		want := "[500 false 1 200 false 2 500 false 3 500 true 3 350 false 4]"
		if unsaid {
			want = "[500 false 1 200 false 2 200 true 2 200 true 2 350 false 3]"
		}
		if fmt.Sprint(got) != want {
			t.Errorf("unsaid %v: earned, repeated, revisions %v, want %s", unsaid, got, want)
		}
	}
}

// TestOldContentAgainInAnyOrder: contents A, B and A again make the order A,
// whichever comes first, and C after them C.
func TestOldContentAgainInAnyOrder(t *testing.T) {
	for _, turn := range orderings([]string{"1", "2", "3", "4"}) {
		d := openDesk(t, nil)
		d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
		d.now = noon.Add(time.Hour)
		for _, last := range []int{3, 4} {
			for _, word := range turn {
				n := int(word[0] - '0')
				r := order("1", "v", []int64{10000, 2000, 10000, 3000}[n-1], noon)
				if r.Said = noon.Add(time.Duration(n) * time.Minute); n <= last {
					d.take(r)
				}
			}
			if want := []int64{5000, 1500}[last-3]; d.earned(d.anna) != want {
				t.Errorf("%v, %d contents: earned %d, want %d", turn, last, d.earned(d.anna), want)
			}
		}
	}
}

// TestSaidAgainIsARepeat: the same content said later changes nothing, but is not
// undone by what was said between.
func TestSaidAgainIsARepeat(t *testing.T) {
	d := openDesk(t, nil)
	d.now = noon.Add(time.Hour)
	said := func(minute int, net int64) string {
		r := order("1", "", net, noon, "anna15")
		r.Said = noon.Add(time.Duration(minute) * time.Minute)
		taken := d.take(r)
		return fmt.Sprint(taken.Duplicate, " ", taken.Order.Revision, " ", d.earned(d.anna))
	}
	got := []string{said(1, 1000), said(5, 1000), said(5, 1000), said(3, 400), said(3, 1000), said(6, 400)}
	want := []string{"false 1 500", "true 1 500", "true 1 500", "false 3 500", "true 3 500", "false 4 200"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("duplicate, revision, earned: %q, want %q", got, want)
	}
}
