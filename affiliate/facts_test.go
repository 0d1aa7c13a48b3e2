package affiliate

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

func TestRule8FactIDs(t *testing.T) {
	later := func(r *shop.Report) *shop.Report {
		r.Time, r.Said, r.From, r.Email, r.Click = after(3), after(4), shop.FromCSV, "c@example.org", "k"
		return r
	}
	order := func(change func(*shop.Order)) *shop.Report {
		r := sold(line("a", 1, 100))
		change(r.Order)
		return r
	}
	same := func(*shop.Order) {}
	refund := func(r shop.Refund) *shop.Report { return refunded(1, r) }
	for _, c := range []struct {
		name string
		a, b *shop.Report
		same bool
	}{
		{"content later by another door", order(same), later(order(same)), true},
		{"an empty list and none", order(func(o *shop.Order) { o.Coupons = []string{} }), order(same), true},
		{"the verified copy", order(same), doubtful(order(same)), false},
		{"another amount", order(same), order(func(o *shop.Order) { o.Lines[0].Net++ }), false},
		{"another coupon", order(same), order(func(o *shop.Order) { o.Coupons = []string{"B15"} }), false},
		{"a refund that is told otherwise", refund(shop.Refund{ID: "r", Amount: 5}), later(refund(shop.Refund{ID: "r", Amount: 6})), true},
		{"another refund", refund(shop.Refund{ID: "r"}), refund(shop.Refund{ID: "s"}), false},
		{"more of a charge", refund(shop.Refund{ID: "r", Amount: 5, Cumulative: true}), refund(shop.Refund{ID: "r", Amount: 6, Cumulative: true}), false},
		{"the verified copy of a refund", refund(shop.Refund{ID: "r"}), doubtful(refund(shop.Refund{ID: "r"})), false},
		{"without an id", refund(shop.Refund{Amount: 5}), refund(shop.Refund{Amount: 5, Lines: []shop.RefundLine{}}), true},
		{"without an id, at another time", refund(shop.Refund{Amount: 5}), later(refund(shop.Refund{Amount: 5})), false},
		{"a dispute's states", disputed(1, "x", shop.Disputed), disputed(1, "x", shop.Won), false},
		{"a dispute again", disputed(1, "x", shop.Won), disputed(2, "x", shop.Won), true},
	} {
		a, b := FactOf(c.a), FactOf(c.b)
		if (a.ID == b.ID) != c.same {
			t.Errorf("%s: %s and %s", c.name, a.ID, b.ID)
		}
		if strings.Contains(a.ID+b.ID, "#") || strings.Contains(string(b.Body), "example") || a.Kind != b.Kind {
			t.Errorf("%s: %+v, %+v", c.name, a, b)
		}
	}
	for id, r := range map[string]*shop.Report{
		"refund:1%23a%25:50": refund(shop.Refund{ID: "1#a%", Amount: 50, Cumulative: true}), "refund:r": refund(shop.Refund{ID: "r"}),
		"dispute:x:lost": disputed(1, "x", shop.Lost), "unverified:dispute:x:lost": doubtful(disputed(1, "x", shop.Lost)),
	} {
		if f := FactOf(r); f.ID != id {
			t.Errorf("the id is %s, want %s", f.ID, id)
		}
	}
}

// The body is kept for good: what is written today must be read for ever.
func TestFactFormat(t *testing.T) {
	r := sold(line("a", 2, 100))
	r.Order.Coupons, r.Order.Total, r.Order.Lines[0].Name = []string{"B15"}, 119, "A course"
	r.Said = after(1).Add(1500 * time.Microsecond).In(time.FixedZone("", 3600))
	for want, r := range map[string]*shop.Report{
		`{"v":1,"said":"2026-04-01T12:00:00.001Z","verified":true,"order":{"Currency":"EUR","Lines":[{"line":"a","product":"a","name":"A course","quantity":2,"net":100}],"Total":119,"Coupons":["B15"]}}`:              r,
		`{"v":1,"said":"2026-04-02T12:00:00Z","verified":true,"refund":{"ID":"r","Currency":"EUR","Full":true,"Amount":1,"Gross":true,"Cumulative":true,"Lines":[{"Line":"a","Product":"p","Amount":2,"Quantity":3}]}}`: refunded(2, shop.Refund{ID: "r", Currency: "EUR", Full: true, Amount: 1, Gross: true, Cumulative: true, Lines: []shop.RefundLine{{Line: "a", Product: "p", Amount: 2, Quantity: 3}}}),
		`{"v":1,"said":"2026-04-02T12:00:00Z","verified":false,"dispute":{"ID":"x","State":"won"}}`:                                                                                                                     doubtful(disputed(2, "x", shop.Won)),
	} {
		f := FactOf(r)
		if string(f.Body) != want {
			t.Errorf("the body is\n%s\nwant\n%s", f.Body, want)
		}
		b, err := open(f)
		if err != nil || !reflect.DeepEqual([]any{b.Order, b.Refund, b.Dispute, b.Verified}, []any{r.Order, r.Refund, r.Dispute, r.Verified}) {
			t.Errorf("read back %+v, %v", b, err)
		}
	}
}

func TestFactsThatCannotBeRead(t *testing.T) {
	good := FactOf(sold(line("a", 1, 1)))
	for body, want := range map[string]string{
		`{`: "unexpected end", `{"v":2}`: "run the newer program", `{"v":1}`: "restore the ledger",
		string(FactOf(refunded(1, shop.Refund{})).Body): "restore the ledger",
	} {
		bad := ledger.Fact{ID: "f", Order: "o1", Kind: ledger.Content, Body: []byte(body)}
		facts := []ledger.Fact{good, bad}
		_, current := Current(ledger.Order{}, facts)
		_, settle := Settle(Case{Facts: facts})
		_, uncounted := Uncounted(Case{Facts: facts})
		_, _, again := Again(bad, facts)
		for _, err := range []error{current, settle, uncounted, again} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fact f of order o1") {
				t.Errorf("%s: the error is %v", body, err)
			}
		}
	}
}

func TestCurrent(t *testing.T) {
	was := ledger.Order{ID: "o1", Program: "courses", Site: "s1", Store: "s", Number: "7", Affiliate: "A", Decision: "d1", Customer: "customer:c"}
	coupons := saidAt(2, sold(line("a", 1, 100), line("b", 1, 7)))
	coupons.Order.Coupons = []string{"Zoë 15", "b-15", "B15", ""}
	earlier := saidAt(1, sold(line("a", 1, 90)))
	earlier.Time = after(-1)
	event := doubtful(saidAt(9, sold(line("a", 1, 200))))
	event.Time = after(-5)
	tie := saidAt(2, sold(line("a", 1, 80)))
	var facts []ledger.Fact
	for _, r := range []*shop.Report{coupons, earlier, event, tie, refunded(-7, shop.Refund{ID: "r"})} {
		facts = append(facts, FactOf(r))
	}
	wantLines, wantCoupons := coupons.Order.Lines, []string{Canonical("Zoë 15"), Canonical("b-15")}
	if facts[3].ID > facts[0].ID {
		wantLines, wantCoupons = tie.Order.Lines, nil
	}
	want := was
	want.Time, want.Currency, want.Lines, want.Coupons, want.Verified, want.Revision, want.Known = after(-1), "EUR", wantLines, wantCoupons, true, 4, true
	r := rand.New(rand.NewPCG(1, 15))
	for range 20 {
		got, err := Current(was, facts)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("the order is\n%+v, %v, want\n%+v", got, err, want)
		}
		was = got // what it was tells nothing
		r.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	}

	only := slices.DeleteFunc(slices.Clone(facts), func(f ledger.Fact) bool { return !strings.HasPrefix(f.ID, unverified) })
	if got, err := Current(was, only); err != nil || got.Verified || !got.Known || got.Lines[0].Net != 200 || !got.Time.Equal(after(-5)) {
		t.Errorf("unverified it is %+v, %v", got, err)
	}
	refund := slices.DeleteFunc(slices.Clone(facts), func(f ledger.Fact) bool { return f.Kind == ledger.Content })
	if got, err := Current(was, refund); err != nil || got.Known || got.Verified || got.Lines != nil || got.Revision != 0 || !got.Time.Equal(after(-7)) {
		t.Errorf("with a refund only it is %+v, %v", got, err)
	}
	if got, err := Current(want, nil); err != nil || got.Known || !got.Time.Equal(want.Time) {
		t.Errorf("without facts it is %+v, %v", got, err)
	}
}
