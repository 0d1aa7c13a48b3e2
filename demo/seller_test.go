package demo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/shop"
)

func TestMonth(t *testing.T) {
	m := NewMonth(now, Seed)
	clicks, sites := 0, map[string]int{}
	for i, h := range m.Hits {
		if i > 0 && h.Time.Before(m.Hits[i-1].Time) {
			t.Fatalf("hit %d is out of order", i)
		}
		if strings.Contains(h.Search, "ref=") {
			clicks++
		}
		sites[h.Domain]++
		if h.Time.After(now) || now.Sub(h.Time) > month*oneDay || h.ID == "" || !documentation(h.IP) {
			t.Fatalf("hit %+v", h)
		}
	}
	if clicks != m.Clicks || clicks < 500 || len(sites) != 2 || sites[Courses] < 1000 || sites[Workshops] < 300 {
		t.Errorf("%d clicks, of which it says %d, and hits %v", clicks, m.Clicks, sites)
	}
	if days := now.Sub(m.Payout) / oneDay; days < 10 || days > 20 {
		t.Errorf("the payout is at %v", m.Payout)
	}
}

// TestMonthOfTwoShops: what the shops tell are whole stories.
func TestMonthOfTwoShops(t *testing.T) {
	m := NewMonth(now, Seed)
	from, told := map[string]int{}, map[string]int{}
	orders := map[string]shop.Report{}
	for i, r := range m.Reports {
		if err := r.Check(); err != nil || !r.Verified || r.Time.After(now) || i > 0 && r.Time.Before(m.Reports[i-1].Time) {
			t.Fatalf("report %+v: %v", r, err)
		}
		order, known := orders[r.Number]
		switch {
		case r.Order != nil && !known:
			orders[r.Number] = r
			from[r.From+" "+r.Site]++
		case r.Refund != nil && known && r.Refund.Full:
			told["all given back"]++
		case r.Refund != nil && known && r.Refund.Amount > 0 && r.Refund.Amount < order.Order.Lines[0].Net:
			told["a part given back"]++
		case r.Dispute != nil && known:
			told["asked back"]++
		default:
			t.Fatalf("report %+v", r)
		}
	}
	if len(from) != 2 || from["paddle "+Courses] < 40 || from["lemonsqueezy "+Workshops] < 10 {
		t.Errorf("orders %v", from)
	}
	if told["all given back"] < 3 || told["a part given back"] < 5 || told["asked back"] != 1 {
		t.Errorf("afterwards %v", told)
	}
}

// TestMonthMovesWithNow: only times depend on when it is shown.
func TestMonthMovesWithNow(t *testing.T) {
	told := func(now time.Time, seed uint64) (all []string) {
		for _, r := range NewMonth(now, seed).Reports {
			if r.Order != nil {
				all = append(all, r.Number+r.Anonymous+strings.Join(r.Order.Coupons, ""))
			}
		}
		slices.Sort(all)
		return all
	}
	first := told(now, Seed)
	if !slices.Equal(first, told(now.Add(100*time.Hour+17*time.Minute).UTC(), Seed)) {
		t.Error("at another time there are other orders")
	}
	if slices.Equal(first, told(now, Seed+1)) {
		t.Error("the seed changes nothing")
	}
}
