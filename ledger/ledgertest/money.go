package ledgertest

import (
	"fmt"
	"testing"

	"footfall/ledger"
)

func entryID(e ledger.Entry) string { return e.ID }

// unique: an entry is of one cause.
func unique(t *testing.T, b ledger.Book) {
	whole := ledger.Entry{ID: "e1", Program: "p", Affiliate: "a", Site: "s", Order: "o", Line: "1", Product: "course", Kind: ledger.Earn, Amount: -1 << 60, Currency: "EUR",
		Occurred: at(1), Available: at(2), Posted: at(3), Rule: "r", Cause: "f", Payout: "w"}
	change(t, b, func(tx ledger.Tx) { must(t, tx.Money().Post(whole)) })
	change(t, b, func(tx ledger.Tx) {
		again := ledger.Entry{ID: "e2", Affiliate: "a", Order: "o", Line: "1", Kind: ledger.Earn, Cause: "f", Amount: 7}
		isError(t, tx.Money().Post(again), ledger.ErrTaken)
		isError(t, tx.Money().Post(ledger.Entry{ID: "e1", Cause: "g"}), ledger.ErrTaken)
		twice := ledger.Entry{ID: "e2", Cause: "g"}
		isError(t, tx.Money().Post(twice, ledger.Entry{ID: "e3", Cause: "g"}), ledger.ErrTaken)
		isError(t, tx.Money().Post(twice, ledger.Entry{ID: "e2", Cause: "h"}), ledger.ErrTaken)
		for i, differs := range []func(e *ledger.Entry){
			func(e *ledger.Entry) { e.Affiliate = "b" }, func(e *ledger.Entry) { e.Order = "" }, func(e *ledger.Entry) { e.Line = "2" },
			func(e *ledger.Entry) { e.Kind = ledger.Reverse }, func(e *ledger.Entry) { e.Cause = "F" },
		} {
			e := again
			e.ID, e.Posted = fmt.Sprint("d", i), at(-i)
			differs(&e)
			must(t, tx.Money().Post(e))
		}
	})
	view(t, b, func(tx ledger.Tx) {
		all, err := tx.Money().Entries(ledger.EntryFilter{})
		must(t, err)
		same(t, "entries", ids(all, entryID), "[e1 d0 d1 d2 d3 d4]")
		same(t, "an entry", all[0], whole)
	})
}

func entryPages(t *testing.T, b ledger.Book) {
	var newest []string
	change(t, b, func(tx ledger.Tx) {
		for _, i := range []int{3, 1, 4, 0, 2, 6, 5} {
			must(t, tx.Money().Post(ledger.Entry{ID: fmt.Sprint("e", i), Program: "p", Posted: at(i / 2), Occurred: at(-i), Cause: fmt.Sprint(i)},
				ledger.Entry{ID: fmt.Sprint("x", i), Program: "q", Posted: at(i / 2), Cause: fmt.Sprint("x", i)}))
		}
	})
	for i := 6; i >= 0; i-- {
		newest = append(newest, fmt.Sprint("e", i))
	}
	view(t, b, func(tx ledger.Tx) {
		for limit := range 9 {
			var got []string
			for f := (ledger.EntryFilter{Program: "p", Limit: limit}); ; f.Before = got[len(got)-1] {
				page, err := tx.Money().Entries(f)
				must(t, err)
				got = append(got, ids(page, entryID)...)
				if limit == 0 || len(page) < limit {
					break
				}
				if len(page) > limit || len(got) > len(newest) {
					t.Fatalf("%d entries on a page of %d, %d so far", len(page), limit, len(got))
				}
			}
			same(t, fmt.Sprintf("pages of %d", limit), got, newest)
		}
		behind, err := tx.Money().Entries(ledger.EntryFilter{Program: "p", Before: "x3"})
		must(t, err)
		same(t, "behind another's", ids(behind, entryID), newest[3:])
		_, err = tx.Money().Entries(ledger.EntryFilter{Before: "unknown"})
		isError(t, err, ledger.ErrNotFound)
	})
}

func entryFilters(t *testing.T, b ledger.Book) {
	change(t, b, func(tx ledger.Tx) {
		must(t, tx.Money().Post(
			ledger.Entry{ID: "1", Program: "p", Affiliate: "a", Site: "s", Order: "o", Currency: "EUR", Kind: ledger.Earn, Occurred: at(9), Available: at(20), Posted: at(1), Payout: "w"},
			ledger.Entry{ID: "2", Program: "p", Affiliate: "a", Site: "t", Order: "o", Currency: "JPY", Kind: ledger.Reverse, Occurred: at(8), Available: at(21), Posted: at(2)},
			ledger.Entry{ID: "3", Program: "p", Affiliate: "b", Order: "O", Currency: "EUR", Kind: ledger.PaidOut, Occurred: at(7), Posted: at(3)},
			ledger.Entry{ID: "4", Program: "q", Affiliate: "b", Order: "u", Currency: "EUR", Kind: ledger.PayoutFailed, Occurred: at(6), Posted: at(4)},
			ledger.Entry{ID: "5", Program: "q", Affiliate: "b", Order: "v", Currency: "EUR", Kind: ledger.DisputeHold, Occurred: at(5), Posted: at(5)},
			ledger.Entry{ID: "6", Program: "q", Affiliate: "b", Order: "v", Currency: "EUR", Kind: ledger.Manual, Occurred: at(5), Posted: at(6)}))
	})
	view(t, b, func(tx ledger.Tx) {
		for _, c := range []struct {
			f    ledger.EntryFilter
			want string
		}{
			{ledger.EntryFilter{}, "[6 5 4 3 2 1]"},
			{ledger.EntryFilter{Program: "p"}, "[3 2 1]"},
			{ledger.EntryFilter{Affiliate: "b"}, "[6 5 4 3]"},
			{ledger.EntryFilter{Program: "p", Affiliate: "b"}, "[3]"},
			{ledger.EntryFilter{ID: "2"}, "[2]"},
			{ledger.EntryFilter{ID: "2", Affiliate: "b"}, "[]"},
			{ledger.EntryFilter{Site: "t"}, "[2]"},
			{ledger.EntryFilter{Order: "o"}, "[2 1]"},
			{ledger.EntryFilter{Payout: "w"}, "[1]"},
			{ledger.EntryFilter{Currency: "JPY"}, "[2]"},
			{ledger.EntryFilter{Kinds: []ledger.EntryKind{ledger.Earn, ledger.Manual, ledger.DisputeRelease}}, "[6 1]"},
			{ledger.EntryFilter{From: at(7)}, "[3 2 1]"},
			{ledger.EntryFilter{To: at(7)}, "[6 5 4]"},
			{ledger.EntryFilter{From: at(6), To: at(8), Before: "4"}, "[3]"},
			{ledger.EntryFilter{RipeFrom: at(20)}, "[2 1]"},
			{ledger.EntryFilter{RipeFrom: at(21)}, "[2]"}, // not what a millisecond before could be paid already
			{ledger.EntryFilter{RipeFrom: at(22)}, "[]"},
			{ledger.EntryFilter{RipeFrom: at(20), RipeTo: at(21)}, "[1]"},
			{ledger.EntryFilter{RipeFrom: at(21), RipeTo: at(22)}, "[2]"},
			{ledger.EntryFilter{RipeFrom: at(21), RipeTo: at(21)}, "[]"},
			{ledger.EntryFilter{RipeTo: at(20)}, "[6 5 4 3]"},
			{ledger.EntryFilter{Unpaid: true}, "[6 5 2]"},
			{ledger.EntryFilter{Unpaid: true, Program: "q", Affiliate: "b", Currency: "EUR", Limit: 1}, "[6]"},
			{ledger.EntryFilter{Unpaid: true, Kinds: []ledger.EntryKind{ledger.PaidOut}}, "[]"},
			{ledger.EntryFilter{Unpaid: true, Payout: "w"}, "[]"},
		} {
			found, err := tx.Money().Entries(c.f)
			must(t, err)
			same(t, fmt.Sprintf("%+v", c.f), ids(found, entryID), c.want)
		}
	})
}

// take: rule 16, an entry is in one payout at most.
func take(t *testing.T, b ledger.Book) {
	in := func(payout string) (found []string) {
		t.Helper()
		view(t, b, func(tx ledger.Tx) {
			all, err := tx.Money().Entries(ledger.EntryFilter{Payout: payout, Unpaid: payout == ""})
			must(t, err)
			found = ids(all, entryID)
		})
		return found
	}
	step := func(want error, payout string, entries ...string) {
		t.Helper()
		change(t, b, func(tx ledger.Tx) { isError(t, tx.Money().Take(payout, entries...), want) })
	}
	change(t, b, func(tx ledger.Tx) {
		for i := range 5 {
			must(t, tx.Money().Post(ledger.Entry{ID: fmt.Sprint("e", i), Kind: ledger.Earn, Cause: fmt.Sprint(i), Posted: at(i)}))
		}
	})
	step(nil, "w1", "e1", "e2")
	step(ledger.ErrTaken, "w2", "e3", "e2", "e4")
	step(ledger.ErrTaken, "w1", "e1")
	step(ledger.ErrTaken, "w2", "e3", "e3")
	step(ledger.ErrNotFound, "w2", "e3", "e9")
	step(ledger.ErrNotFound, "", "e1", "e9")
	same(t, "in w1", in("w1"), "[e2 e1]")
	same(t, "in w2", in("w2"), "[]")
	same(t, "free", in(""), "[e4 e3 e0]")
	step(nil, "", "e1", "e3", "e1")
	step(nil, "w2", "e1", "e4")
	step(nil, "w2")
	same(t, "in w1, then", in("w1"), "[e2]")
	same(t, "in w2, then", in("w2"), "[e4 e1]")
	same(t, "free, then", in(""), "[e3 e0]")
}
