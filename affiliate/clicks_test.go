package affiliate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// clicks tells which touches there are, and which of them count.
func (d *desk) clicks() (text string) {
	d.t.Helper()
	err := d.book.View(d.t.Context(), func(tx ledger.Tx) error {
		touches, err := tx.Traffic().Touches(d.program.ID, noon.AddDate(0, 0, -9), noon.AddDate(0, 0, 9))
		counted := int64(0)
		for _, t := range touches {
			text += fmt.Sprintf("%s %v %v; ", t.Time.Format("15:04:05"), t.Code, t.Counted)
			if t.Counted {
				counted++
			}
		}
		sums, failed := tx.Figures().Clicks(ledger.Cut{})
		for _, s := range sums {
			counted -= s.Value
		}
		if err != nil || failed != nil || counted != 0 {
			d.t.Errorf("sums are %d less than what counts, %v, %v", counted, err, failed)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// TestRule6AnyOrder: of one visitor and code the first click of an hour of the
// clock counts, in whatever order they come, machines' don't, and a visitor who is
// recognized by another key is the same.
func TestRule6AnyOrder(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	known := click("e", "v2", "anna", at(30)) // with a key of both
	known.UserID = "u"
	bridge := click("f", "v", "anna", at(20))
	bridge.UserID = "u"
	machine := click("g", "v", "anna", at(1))
	machine.Bot = "agent"
	all := []event.Event{click("a", "v", "anna", at(50)), click("b", "v", "anna", at(10)), click("c", "v", "anna", at(60)), click("d", "v", "ben", at(50)), known, bridge, machine,
		click("h", "w", "anna", at(10)), click("i", "w", "anna", at(-1))}
	const want = "11:59:00 ANNA true; 12:01:00 ANNA false; 12:10:00 ANNA true; 12:10:00 ANNA true; 12:20:00 ANNA false; 12:30:00 ANNA false; 12:50:00 ANNA false; 12:50:00 BEN true; 13:00:00 ANNA true; "
	for turn := range len(all) {
		for _, back := range []bool{false, true} {
			events := append(slices.Clone(all[turn:]), all[:turn]...)
			if back {
				slices.Reverse(events)
			}
			d := openDesk(t, nil)
			for _, e := range events {
				d.write(e)
			}
			d.write(events...) // again
			if got := d.clicks(); got != want {
				t.Fatalf("from %d on, backwards %v:\n%s\nwant\n%s", turn, back, got, want)
			}
		}
	}
}

// TestLostClick: a click that is lost on its way to the queue is told by the page
// that it led to; where both come, in either order, it is one.
func TestLostClick(t *testing.T) {
	const cid = "01K0ABCDEFGHJKMNPQRSTVWXYZ"
	told := event.Event{ID: "c", Site: "one", Kind: event.Track, Name: "Affiliate Link Clicked", Time: noon.Add(-time.Hour), Original: noon, Received: noon, Visitor: 7,
		Properties: `{"click_id":"` + cid + `","affiliate_code":"anna"}`}
	page := click("p", "v", "anna&cid="+cid, noon.Add(-time.Hour+time.Second))
	for name, events := range map[string][]event.Event{"lost": {page}, "both": {told, page}, "the page first": {page, told}, "the page twice": {page, func() event.Event { e := page; e.ID = "p2"; return e }()}} {
		d := openDesk(t, nil)
		d.write(events...)
		r := order("1", "", 1000, noon)
		r.Click = cid
		taken := d.take(r)
		if text := d.clicks(); taken.Order.Affiliate != d.anna.ID || taken.Decision.Touch != cid || len(text) > len("11:00:01 ANNA true; ") {
			t.Errorf("%s: the order is %q's by %q, clicks %s", name, taken.Order.Affiliate, taken.Decision.Touch, text)
		}
	}
}
