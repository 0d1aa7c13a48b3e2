package ledgertest

import (
	"fmt"
	"testing"

	"footfall/ledger"
)

func orderID(o ledger.Order) string { return o.ID }

// names: an order is found by each of its names, and no name is two orders'.
func names(t *testing.T, b ledger.Book) {
	whole := ledger.Order{ID: "o1", Program: "p", Site: "shop", Store: "courses", Number: "1001", Time: at(5), Currency: "EUR", Customer: "customer:1",
		Keys: []ledger.Key{"user:1", "anon:1", "anon:1"}, Coupons: []string{"ANN15", "x"}, Verified: true, Sure: true, Revision: 2, Affiliate: "a", Decision: "d", Known: true,
		Lines: []ledger.Line{{ID: "b", Product: "course", Name: "ä'\"\\", Quantity: 2, Net: -1 << 40}, {ID: "a", Net: 5}}}
	invoice, charge := ledger.Name{Store: "courses", Kind: "invoice", Value: "in_1"}, ledger.Name{Store: "courses", Kind: "charge", Value: "in_1"}
	number := ledger.Name{Store: "courses", Kind: "order", Value: "1001"}
	is := func(tx ledger.Tx, n ledger.Name, want ledger.Order) {
		t.Helper()
		got, err := tx.Orders().Order(n)
		must(t, err)
		same(t, fmt.Sprint(n), got, want)
	}
	var second ledger.Order
	change(t, b, func(tx ledger.Tx) {
		os := tx.Orders()
		first := ledger.Order{ID: "o1", Program: "p", Store: "courses", Time: at(1), Keys: []ledger.Key{"click:1"}, Lines: []ledger.Line{{ID: "gone"}}}
		must(t, os.Put(first, invoice, ledger.Name{Store: "courses", Kind: "charge"})) // a refund came before the order
		is(tx, invoice, first)
		must(t, os.Put(whole, charge, number))
		second = ledger.Order{ID: "o2", Store: "Courses", Number: "1001", Time: at(2)}
		must(t, os.Put(second, ledger.Name{Store: "Courses", Kind: "invoice", Value: "in_1"}, ledger.Name{Store: "courses", Kind: "charge"}))
		isError(t, os.Put(ledger.Order{ID: "o3", Store: "courses", Number: "1001"}), ledger.ErrTaken)
		isError(t, os.Put(ledger.Order{ID: "o3"}, invoice), ledger.ErrTaken)
		second.Revision = 7
		isError(t, os.Put(second, ledger.Name{Store: "Courses", Kind: "charge", Value: "c"}, charge), ledger.ErrTaken)
		second.Revision = 0
	})
	view(t, b, func(tx ledger.Tx) {
		for _, n := range []ledger.Name{{Kind: "id", Value: "o1"}, invoice, charge, number} {
			is(tx, n, whole)
		}
		for _, n := range []ledger.Name{{Kind: "id", Value: "o2"}, {Store: "Courses", Kind: "order", Value: "1001"}, {Store: "Courses", Kind: "invoice", Value: "in_1"}} {
			is(tx, n, second)
		}
		for _, n := range []ledger.Name{{}, {Kind: "id", Value: "o3"}, {Store: "courses", Kind: "id", Value: "o1"}, {Kind: "order", Value: "1001"}, {Store: "courses", Kind: "charge"},
			{Store: "Courses", Kind: "charge", Value: "c"}, {Kind: "id"}} {
			_, err := tx.Orders().Order(n)
			isError(t, err, ledger.ErrNotFound)
		}
		for key, want := range map[ledger.Key]string{"click:1": "[]", "anon:1": "[o1]"} { // keys of before are gone
			found, err := tx.Orders().List(ledger.OrderFilter{Keys: []ledger.Key{key}})
			must(t, err)
			same(t, "orders of "+string(key), ids(found, orderID), want)
		}
	})
}

func orderPages(t *testing.T, b ledger.Book) {
	var newest []string
	change(t, b, func(tx ledger.Tx) {
		for _, i := range []int{3, 1, 4, 0, 2, 6, 5} { // two at each moment
			must(t, tx.Orders().Put(ledger.Order{ID: fmt.Sprint("o", i), Program: "p", Time: at(i / 2)}))
			must(t, tx.Orders().Put(ledger.Order{ID: fmt.Sprint("x", i), Program: "q", Time: at(i / 2)}))
		}
	})
	for i := 6; i >= 0; i-- {
		newest = append(newest, fmt.Sprint("o", i))
	}
	view(t, b, func(tx ledger.Tx) {
		for limit := range 9 {
			var got []string
			for f := (ledger.OrderFilter{Program: "p", Limit: limit}); ; f.Before = got[len(got)-1] {
				page, err := tx.Orders().List(f)
				must(t, err)
				got = append(got, ids(page, orderID)...)
				if limit == 0 || len(page) < limit {
					break
				}
				if len(page) > limit || len(got) > len(newest) {
					t.Fatalf("%d orders on a page of %d, %d so far", len(page), limit, len(got))
				}
			}
			same(t, fmt.Sprintf("pages of %d", limit), got, newest)
		}
		behind, err := tx.Orders().List(ledger.OrderFilter{Program: "p", Before: "x3"}) // that is not on any page
		must(t, err)
		same(t, "behind another's", ids(behind, orderID), newest[3:])
		_, err = tx.Orders().List(ledger.OrderFilter{Before: "unknown"})
		isError(t, err, ledger.ErrNotFound)
	})
}

func orderFilters(t *testing.T, b ledger.Book) {
	change(t, b, func(tx ledger.Tx) {
		for _, o := range []ledger.Order{
			{ID: "1", Program: "p", Affiliate: "a", Site: "s", Customer: "customer:1", Keys: []ledger.Key{"anon:1", "user:1"}, Time: at(1)},
			{ID: "2", Program: "p", Affiliate: "b", Site: "s", Customer: "customer:2", Keys: []ledger.Key{"anon:2"}, Time: at(2)},
			{ID: "3", Program: "p", Site: "t", Customer: "customer:1", Time: at(3)},
			{ID: "4", Program: "q", Affiliate: "a", Site: "u", Keys: []ledger.Key{"anon:1"}, Time: at(4)},
		} {
			must(t, tx.Orders().Put(o))
		}
	})
	view(t, b, func(tx ledger.Tx) {
		for _, c := range []struct {
			f    ledger.OrderFilter
			want string
		}{
			{ledger.OrderFilter{}, "[4 3 2 1]"},
			{ledger.OrderFilter{Program: "p"}, "[3 2 1]"},
			{ledger.OrderFilter{Affiliate: "a"}, "[4 1]"},
			{ledger.OrderFilter{Program: "p", Affiliate: "a"}, "[1]"},
			{ledger.OrderFilter{Site: "s"}, "[2 1]"},
			{ledger.OrderFilter{Customer: "customer:1"}, "[3 1]"},
			{ledger.OrderFilter{Keys: []ledger.Key{"anon:1"}}, "[4 1]"},
			{ledger.OrderFilter{Keys: []ledger.Key{"user:1", "anon:2", "anon:1", "anon:3"}, Program: "p"}, "[2 1]"},
			{ledger.OrderFilter{Keys: []ledger.Key{"customer:1"}}, "[]"},
			{ledger.OrderFilter{From: at(2)}, "[4 3 2]"},
			{ledger.OrderFilter{To: at(3)}, "[2 1]"},
			{ledger.OrderFilter{From: at(2), To: at(2)}, "[]"},
			{ledger.OrderFilter{From: at(2), To: at(4), Before: "3"}, "[2]"},
			{ledger.OrderFilter{Unattributed: true}, "[3]"},
			{ledger.OrderFilter{Unattributed: true, Affiliate: "a"}, "[]"},
			{ledger.OrderFilter{Program: "r"}, "[]"},
		} {
			found, err := tx.Orders().List(c.f)
			must(t, err)
			same(t, fmt.Sprintf("%+v", c.f), ids(found, orderID), c.want)
		}
	})
}

// facts: rule 8, the same fact is kept once.
func facts(t *testing.T, b ledger.Book) {
	first := ledger.Fact{ID: "f2", Order: "o1", Kind: ledger.Refund, Time: at(1), From: "paddle", Body: []byte{'{', '}', 0, 0xff}}
	later := ledger.Fact{ID: "f1", Order: "o1", Kind: ledger.Content, Time: at(2), From: "api"}
	atOnce := ledger.Fact{ID: "F9", Order: "o1", Kind: ledger.Dispute, Time: at(2)}
	other := ledger.Fact{ID: "f2", Order: "o2", Time: at(2)}
	change(t, b, func(tx ledger.Tx) {
		for _, f := range []ledger.Fact{later, first, atOnce, other} {
			added, err := tx.Orders().Facts().Add(f)
			must(t, err)
			same(t, f.ID+" is added", added, true)
		}
	})
	change(t, b, func(tx ledger.Tx) {
		added, err := tx.Orders().Facts().Add(ledger.Fact{ID: "f1", Order: "o1", Kind: ledger.Refund, Time: at(9), Body: []byte("other")})
		must(t, err)
		same(t, "f1 is added again", added, false)
		for order, want := range map[string][]ledger.Fact{"o1": {first, atOnce, later}, "o2": {other}, "o3": nil} {
			got, err := tx.Orders().Facts().Of(order)
			must(t, err)
			same(t, "facts of "+order, got, want)
		}
	})
}

func decisions(t *testing.T, b ledger.Book) {
	d := ledger.Decision{ID: "z", Order: "o1", Affiliate: "a", Rule: "last", Touch: "t1", Time: at(9),
		Explain: []ledger.Candidate{{Kind: "touch", ID: "t1", Affiliate: "a", Time: at(3), Kept: true, Reason: "ä'\"\\"}, {Kind: "coupon", ID: "x"}}}
	manual := ledger.Decision{ID: "a", Order: "o1", Rule: "manual", By: "owner", Time: at(1)}
	other := ledger.Decision{ID: "b", Order: "o2"}
	for _, d := range []ledger.Decision{d, other, manual, d} {
		change(t, b, func(tx ledger.Tx) { must(t, tx.Orders().Facts().Decide(d)) })
	}
	view(t, b, func(tx ledger.Tx) {
		for order, want := range map[string][]ledger.Decision{"o1": {d, manual, d}, "o2": {other}, "o3": nil} {
			got, err := tx.Orders().Facts().Decisions(order)
			must(t, err)
			same(t, "decisions of "+order, got, want)
		}
	})
}

// merge: what was told of an order under another of its names becomes told of it.
func merge(t *testing.T, b ledger.Book) {
	charge := ledger.Name{Store: "shop", Kind: "charge", Value: "c"}
	change(t, b, func(tx ledger.Tx) {
		os, fs := tx.Orders(), tx.Orders().Facts()
		must(t, os.Put(ledger.Order{ID: "o1", Program: "p", Store: "shop", Number: "1", Time: at(1), Known: true, Keys: []ledger.Key{"anon:1", "user:1"}, Lines: []ledger.Line{{ID: "1"}}}))
		must(t, os.Put(ledger.Order{ID: "o2", Program: "p", Store: "shop", Number: "2", Time: at(2), Customer: "customer:2", Keys: []ledger.Key{"anon:2", "user:1"}, Lines: []ledger.Line{{ID: "2"}}}, charge))
		must(t, os.Put(ledger.Order{ID: "paid", Time: at(3)}))
		must(t, tx.Money().Post(ledger.Entry{ID: "e", Order: "paid", Currency: "EUR"}))
		must(t, fs.Decide(ledger.Decision{ID: "d", Order: "o2", By: "ada", Explain: []ledger.Candidate{{ID: "t"}}}))
		must(t, fs.Decide(ledger.Decision{ID: "d1", Order: "o1"}))
		for _, f := range []ledger.Fact{{ID: "f1", Order: "o1", Time: at(1), Body: []byte("kept")}, {ID: "f1", Order: "o2", Time: at(9), Body: []byte("dropped")}, {ID: "f2", Order: "o2", Time: at(0)}} {
			_, err := fs.Add(f)
			must(t, err)
		}
		before := readAll(t, tx)
		isError(t, fs.Merge("o2", "o3"), ledger.ErrNotFound)
		isError(t, fs.Merge("o3", "o1"), ledger.ErrNotFound)
		for _, from := range []string{"paid", "o1"} {
			if fs.Merge(from, "o1") == nil {
				t.Errorf("%s was merged into o1", from)
			}
		}
		same(t, "after errors", readAll(t, tx), before)
		must(t, fs.Merge("o2", "o1"))
	})
	want := ledger.Order{ID: "o1", Program: "p", Store: "shop", Number: "1", Time: at(1), Known: true, Keys: []ledger.Key{"anon:1", "user:1", "anon:2"}, Lines: []ledger.Line{{ID: "1"}}}
	view(t, b, func(tx ledger.Tx) {
		for _, n := range []ledger.Name{charge, {Store: "shop", Kind: "order", Value: "2"}, {Kind: "id", Value: "o2"}, {Kind: "id", Value: "o1"}} {
			got, err := tx.Orders().Order(n)
			must(t, err)
			same(t, fmt.Sprint(n), got, want)
		}
		got, err := tx.Orders().Facts().Of("o1")
		must(t, err)
		same(t, "facts", got, []ledger.Fact{{ID: "f2", Order: "o1", Time: at(0)}, {ID: "f1", Order: "o1", Time: at(1), Body: []byte("kept")}})
		decided, err := tx.Orders().Facts().Decisions("o1")
		must(t, err)
		same(t, "decisions", decided, []ledger.Decision{{ID: "d1", Order: "o1"}, {ID: "d", Order: "o1", By: "ada", Explain: []ledger.Candidate{{ID: "t"}}}})
		decided, err = tx.Orders().Facts().Decisions("o2")
		must(t, err)
		same(t, "decisions that are left", len(decided), 0)
		got, err = tx.Orders().Facts().Of("o2")
		must(t, err)
		same(t, "facts that are left", len(got), 0)
		for key, want := range map[ledger.Key]string{"anon:2": "[o1]", "user:1": "[o1]"} {
			found, err := tx.Orders().List(ledger.OrderFilter{Keys: []ledger.Key{key}})
			must(t, err)
			same(t, "orders of "+string(key), ids(found, orderID), want)
		}
		found, err := tx.Orders().List(ledger.OrderFilter{Program: "p"})
		must(t, err)
		same(t, "orders", ids(found, orderID), "[o1]")
	})
}
