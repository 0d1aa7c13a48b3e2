package ledgertest

import (
	"testing"

	"footfall/ledger"
)

// keys are those that the law uses; what a key is made of does not matter.
var keys = []ledger.Key{"anon:1", "anon:2", "ANON:1", "click:1", "user:1", "user:ä'\"\\", "customer:1", "customer:2"}

func ids[T any](rows []T, id func(T) string) (all []string) {
	for _, row := range rows {
		all = append(all, id(row))
	}
	return all
}

func touchID(t ledger.Touch) string { return t.ID }

// touches: rule 2 asks for a span with both ends in it.
func touches(t *testing.T, b ledger.Book) {
	whole := ledger.Touch{ID: "t3", Program: "p", Affiliate: "a", Code: "ann", Site: "shop", Keys: []ledger.Key{"user:1", "anon:1", "anon:1"}, Time: at(1000), Source: ledger.FromQR,
		Sub: "sub", Landing: "https://example.org/?a=b", Referrer: "blog.example", Paid: "gclid", Machine: "prefetch", Counted: true}
	change(t, b, func(tx ledger.Tx) {
		for _, touch := range []ledger.Touch{whole,
			{ID: "t2", Program: "p", Keys: []ledger.Key{"anon:1"}, Time: at(1000)},
			{ID: "t5", Program: "p", Keys: []ledger.Key{"anon:1"}, Time: at(999)},
			{ID: "t1", Program: "p", Keys: []ledger.Key{"anon:2"}, Time: at(2000)},
			{ID: "t4", Program: "p", Time: at(1500)},
			{ID: "t6", Program: "q", Keys: []ledger.Key{"anon:1"}, Time: at(1000)}} {
			added, err := tx.Traffic().AddTouch(touch)
			must(t, err)
			same(t, touch.ID+" is added", added, true)
		}
		added, err := tx.Traffic().AddTouch(ledger.Touch{ID: "t3", Program: "q", Keys: []ledger.Key{"customer:1"}, Time: at(1000)})
		must(t, err)
		same(t, "t3 is added again", added, false)
	})
	view(t, b, func(tx ledger.Tx) {
		for _, c := range []struct {
			program  string
			from, to int
			keys     []ledger.Key
			want     []string
		}{
			{"p", 1000, 2000, []ledger.Key{"anon:1"}, []string{"t2", "t3"}},
			{"p", 999, 1000, []ledger.Key{"anon:1"}, []string{"t5", "t2", "t3"}},
			{"p", 1000, 1000, []ledger.Key{"anon:1", "user:1", "user:1"}, []string{"t2", "t3"}},
			{"p", 1000, 1999, []ledger.Key{"anon:2"}, nil},
			{"p", 1001, 2000, []ledger.Key{"anon:2", "anon:1"}, []string{"t1"}},
			{"p", 0, 3000, []ledger.Key{"customer:1", "ANON:1", "anon:"}, nil},
			{"q", 0, 3000, []ledger.Key{"anon:1", "customer:1"}, []string{"t6"}},
			{"p", 1000, 2000, nil, []string{"t2", "t3", "t4", "t1"}},
			{"p", 2000, 1000, nil, nil},
			{"r", 0, 3000, nil, nil},
		} {
			found, err := tx.Traffic().Touches(c.program, at(c.from), at(c.to), c.keys...)
			must(t, err)
			same(t, "touches", ids(found, touchID), c.want)
		}
		found, err := tx.Traffic().Touches("p", at(1000), at(1000), "user:1")
		must(t, err)
		same(t, "a touch", found, []ledger.Touch{whole})
	})
}

func links(t *testing.T, b ledger.Book) {
	change(t, b, func(tx ledger.Tx) {
		for _, c := range []struct {
			link  ledger.Link
			added bool
		}{
			{ledger.Link{Program: "p", A: "user:1", B: "anon:1", Since: at(5)}, true},
			{ledger.Link{Program: "p", A: "anon:1", B: "user:1", Since: at(7)}, false},
			{ledger.Link{Program: "p", A: "anon:1", B: "user:1", Since: at(3)}, false},
			{ledger.Link{Program: "p", A: "user:1", B: "anon:1", Since: at(4)}, false},
			{ledger.Link{Program: "p", A: "anon:2", B: "user:1", Since: at(3)}, true},
			{ledger.Link{Program: "p", A: "user:1", B: "customer:1", Since: at(1)}, true},
			{ledger.Link{Program: "p", A: "anon:2", B: "customer:2", Since: at(9)}, true},
			{ledger.Link{Program: "q", A: "anon:1", B: "user:1", Since: at(8)}, true},
		} {
			added, err := tx.Traffic().Links().Add(c.link)
			must(t, err)
			same(t, "added", added, c.added)
		}
	})
	one := ledger.Link{Program: "p", A: "anon:1", B: "user:1", Since: at(3)}
	two := ledger.Link{Program: "p", A: "anon:2", B: "user:1", Since: at(3)}
	customer := ledger.Link{Program: "p", A: "customer:1", B: "user:1", Since: at(1)}
	other := ledger.Link{Program: "p", A: "anon:2", B: "customer:2", Since: at(9)}
	view(t, b, func(tx ledger.Tx) {
		for _, c := range []struct {
			keys []ledger.Key
			want []ledger.Link
		}{
			{[]ledger.Key{"user:1"}, []ledger.Link{customer, one, two}},
			{[]ledger.Key{"anon:1"}, []ledger.Link{one}},
			{[]ledger.Key{"anon:1", "user:1", "user:1", "anon:2"}, []ledger.Link{customer, one, two, other}},
			{[]ledger.Key{"customer:2", "anon:3"}, []ledger.Link{other}},
			{[]ledger.Key{"anon:3"}, nil}, {nil, nil},
		} {
			got, err := tx.Traffic().Links().Of("p", c.keys...)
			must(t, err)
			same(t, "links", got, c.want)
		}
	})
}

// forget: rule 19.
func forget(t *testing.T, b ledger.Book) {
	of := func(program string, keys ...ledger.Key) (touch ledger.Touch, order ledger.Order) {
		return ledger.Touch{ID: "t" + program, Program: program, Affiliate: "a", Keys: keys, Time: at(0)},
			ledger.Order{ID: "o" + program, Program: program, Keys: keys, Customer: "customer:1", Time: at(0)}
	}
	change(t, b, func(tx ledger.Tx) {
		for _, program := range []string{"p", "q"} {
			touch, order := of(program, "user:1", "anon:1", "anon:2")
			_, err := tx.Traffic().AddTouch(touch)
			must(t, err)
			must(t, tx.Orders().Put(order))
			for _, a := range []ledger.Key{"anon:1", "anon:2"} {
				_, err = tx.Traffic().Links().Add(ledger.Link{Program: program, A: a, B: "user:1", Since: at(0)})
				must(t, err)
			}
		}
	})
	change(t, b, func(tx ledger.Tx) {
		for _, want := range []int{6, 0} { // two links, two keys of a touch and two of an order
			removed, err := tx.Traffic().Links().Forget("p", map[ledger.Key]ledger.Key{"user:1": "visitor:x"}, "anon:1", "anon:1", "click:1", "user:1", "anon:3")
			must(t, err)
			same(t, "removed", removed, want)
		}
	})
	view(t, b, func(tx ledger.Tx) {
		for program, want := range map[string][]ledger.Key{"p": {"anon:2"}, "q": {"user:1", "anon:1", "anon:2"}} {
			touch, order := of(program, want...)
			if program == "p" {
				touch.Keys = []ledger.Key{"visitor:x", "anon:2"} // in its place: the first tells whose it is
			}
			found, err := tx.Traffic().Touches(program, at(0), at(0))
			must(t, err)
			same(t, "touches of "+program, found, []ledger.Touch{touch})
			found, err = tx.Traffic().Touches(program, at(0), at(0), "anon:1", "user:1")
			must(t, err)
			same(t, "touches of "+program+" by forgotten keys", len(found), len(want)/3)
			found, err = tx.Traffic().Touches(program, at(0), at(0), "visitor:x")
			must(t, err)
			same(t, "touches of "+program+" by what is there instead", len(found), 1-len(want)/3)
			orders, err := tx.Orders().List(ledger.OrderFilter{Program: program})
			must(t, err)
			same(t, "orders of "+program, orders, []ledger.Order{order})
			orders, err = tx.Orders().List(ledger.OrderFilter{Program: program, Keys: []ledger.Key{"anon:1", "user:1"}})
			must(t, err)
			same(t, "orders of "+program+" by forgotten keys", len(orders), len(want)/3)
			links, err := tx.Traffic().Links().Of(program, keys...)
			must(t, err)
			same(t, "links of "+program, len(links), len(want)/3*2)
		}
	})
}
