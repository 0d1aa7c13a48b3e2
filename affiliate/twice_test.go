package affiliate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// TestRefundToldTwice: a refund that the shop's webhook or its API and a trusted
// event tell of, by different names, counts once; whichever missed one, it counts all the
// same; in any order.
func TestRefundToldTwice(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	hook := func(id string, amount int64, minutes int) any {
		r := refund("1", id, amount, at(minutes))
		r.From = shop.FromPaddle
		return r
	}
	api := func(id string, amount int64, minutes int) any { return refund("1", id, amount, at(minutes)) }
	told := func(id, properties string, minutes int) any {
		return event.Event{ID: id, Site: "two", Kind: event.Track, Name: "Order Refunded", Time: at(minutes), Original: at(minutes), Received: at(minutes),
			Properties: `{"order_id":"1","currency":"EUR"` + properties + `}`}
	}
	for name, c := range map[string]struct {
		what []any
		back int64 // of the order's 100.00
	}{
		"both":                           {[]any{hook("adj1", 3000, 1), told("e1", `,"revenue":30`, 2)}, 3000},
		"both, two of the same amount":   {[]any{hook("adj1", 3000, 1), hook("adj2", 3000, 5), told("e1", `,"revenue":30`, 2), told("e2", `,"revenue":30`, 6)}, 6000},
		"the webhook missed one":         {[]any{hook("adj2", 1000, 5), told("e1", `,"revenue":30`, 2), told("e2", `,"revenue":10`, 6)}, 4000},
		"the event missed one":           {[]any{hook("adj1", 3000, 1), hook("adj2", 1000, 5), told("e2", `,"revenue":10`, 6)}, 4000},
		"a cent of rounding":             {[]any{hook("adj1", 3333, 1), told("e1", `,"revenue":33.34`, 2)}, 3334},
		"by the same name":               {[]any{hook("r1", 3000, 1), told("e1", `,"revenue":30,"refund_id":"r1"`, 1), hook("r2", 1000, 2)}, 4000},
		"one that only the seller knows": {[]any{hook("adj1", 3000, 1), told("e1", `,"revenue":5,"refund_id":"cash"`, 2)}, 3500},
		"by webhook, API and event":      {[]any{hook("adj1", 3000, 1), api("adj1", 3000, 1), told("e1", `,"revenue":30`, 1)}, 3000},
		"by API and event":               {[]any{api("adj1", 3000, 1), told("e1", `,"revenue":30`, 1)}, 3000},
		"events alone":                   {[]any{told("e1", `,"revenue":30`, 1), told("e2", `,"revenue":30`, 2)}, 6000},
		"an event, an API and a webhook": {[]any{api("goodwill", 1000, 1), told("e1", `,"revenue":30`, 2), hook("adj1", 500, 3)}, 3000},
		"all, by an event":               {[]any{hook("adj1", 3000, 1), told("e1", ``, 2)}, 10000},
	} {
		for turn := range uint64(12) {
			d := openDesk(t, func(p *ledger.Program) { p.TrustEvents = true })
			d.now = at(60)
			d.write(click("p1", "x", "anna", noon.Add(-time.Hour)))
			all := append([]any{order("1", "x", 10000, noon)}, c.what...)
			rand.New(rand.NewPCG(turn, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, one := range append(all, all...) {
				before := d.earned(d.anna)
				if r, ok := one.(shop.Report); ok {
					d.take(r)
				} else {
					d.write(one.(event.Event))
				}
				if now := d.earned(d.anna); before > 0 && now > before {
					t.Errorf("%s, turn %d: one more refund, and anna has %d after %d", name, turn, now, before)
				}
			}
			if got := d.earned(d.anna); got != (10000-c.back)/2 {
				t.Errorf("%s, turn %d: anna has %s, want %s", name, turn, fmt.Sprint(got), fmt.Sprint((10000-c.back)/2))
			}
		}
	}
}
