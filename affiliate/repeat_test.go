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
