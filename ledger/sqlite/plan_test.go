package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"footfall/ledger"
)

// plan is how SQLite finds rows.
func plan(t *testing.T, b *Book, query string, values []any) string {
	t.Helper()
	rows, err := b.reader.Query("EXPLAIN QUERY PLAN "+query, values...)
	must(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		all = append(all, detail)
	}
	return strings.Join(all, "\n")
}

const sorted = "TEMP B-TREE"

// TestReadsByIndex asks SQLite how it finds rows: by an index of the most that is
// known, nothing is looked through from end to end, and what is long is in order.
func TestReadsByIndex(t *testing.T) {
	dir := t.TempDir()
	opened(t, dir).Close()
	b := opened(t, dir) // as every later start finds it
	defer b.Close()
	check := func(what, query string, values []any, ordered bool, want ...string) {
		t.Helper()
		got := plan(t, b, query, values)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s is found by\n%s\nwant %s", what, got, w)
			}
		}
		if strings.Contains(got, "SCAN") || ordered && strings.Contains(got, sorted) {
			t.Errorf("%s is found by\n%s", what, got)
		}
	}
	four := []any{"p", "k", 1, 2}
	check("touches of a key", findTouches, four, true, "k USING PRIMARY KEY (program=? AND key=? AND time>? AND time<?)", "t USING INTEGER PRIMARY KEY")
	check("touches", getTouches, four[1:], false, "touches_program (program=? AND time>? AND time<?)")
	check("links", getLinks, four, false, "PRIMARY KEY (program=? AND a=?)", "links_other (program=? AND b=?)")
	for _, f := range forgetting {
		check("touches or orders of a forgotten key", f.find, four[:2], false, "k USING PRIMARY KEY (")
		check("what a forgotten key finds", f.remove, four[:2], false, "_keys USING")
	}
	check("an order", findOrder, four[:3], false, "order_names USING PRIMARY KEY (store=? AND kind=? AND value=?)", "orders USING INDEX sqlite_autoindex_orders_1 (id=?)")
	check("facts", getFacts, four[:1], false, "(order_id=?)")
	check("decisions", getDecisions, four[:1], true, "decisions_order (order_id=?)")
	check("whether an order is settled", settled, four[:1], false, "entries USING COVERING INDEX", "decisions_order (order_id=?)")
	for _, query := range emptying {
		check("what becomes another order's", query, four[:2], false, "USING")
	}
	check("lines", getLines, four[:1], true, "PRIMARY KEY (order_id=?)")
	orders := func(f ledger.OrderFilter, ordered bool, want string) {
		t.Helper()
		query, values := listOrders(f, 7)
		check(fmt.Sprintf("%+v", f), query, values, ordered, want)
	}
	orders(ledger.OrderFilter{Program: "p", Limit: 9}, true, "orders_program (program=?)")
	orders(ledger.OrderFilter{Program: "p", Before: "o", Limit: 9}, true, "orders_program (program=? AND (time,id)<(?,?))")
	orders(ledger.OrderFilter{Program: "p", From: start, To: start}, true, "orders_program (program=? AND time>? AND time<?)")
	orders(ledger.OrderFilter{Program: "p", Affiliate: "a", Site: "s", Limit: 9}, true, "orders_affiliate (affiliate=?)")
	orders(ledger.OrderFilter{Program: "p", Site: "s", From: start}, true, "orders_site (site=? AND time>?)")
	orders(ledger.OrderFilter{Program: "p", Affiliate: "a", Customer: "c"}, true, "orders_customer (customer=?)")
	orders(ledger.OrderFilter{Program: "p", Keys: []ledger.Key{"k", "l"}}, false, "order_keys USING PRIMARY KEY (key=?)")
	entryPlans(t, check)
	noticePlans(check)
	if got := plan(t, b, dueFirst, []any{ledger.ToHook, 7}); !strings.Contains(got, "SEARCH notices USING COVERING INDEX notices_due (sort=?)") || strings.Contains(got, sorted) {
		t.Errorf("notices that are due are found by\n%s", got)
	}
	for name, find := range map[string]map[string]string{"affiliates": affiliateKind.find, "codes": codeKind.find, "rules": ruleKind.find, "misses": missKind.find,
		"payouts": payoutKind.find, "flags": flagKind.find, "shops": shopKind.find, "hooks": hookKind.find} {
		for key, query := range find {
			check(name+" by "+key, query, four[:1], false, name)
		}
	}
}

func noticePlans(check func(what, query string, values []any, ordered bool, want ...string)) {
	check("notices to forget", forgetNotices, []any{"sent", 7}, false, "notices_settled (state=? AND settled<?)")
	for want, f := range map[string]ledger.NoticeFilter{
		"notices_program (program=?)":                       {Program: "p", Limit: 9},
		"notices_recipient (recipient=? AND state=?":        {Program: "p", To: "hook:1", State: ledger.Dead, Limit: 9},
		"notices_log (recipient=?)":                         {Program: "p", To: "hook:1", Limit: 9},
		"sqlite_autoindex_notices_1 (id=?)":                 {ID: "n", Program: "p"},
		"notices_program (program=? AND id<?)":              {Program: "p", Before: "n", Limit: 9},
		"notices_recipient (recipient=? AND state=? AND id": {To: "hook:1", State: ledger.Dead, Before: "n", Limit: 9},
	} {
		query, values := listNotices(f)
		check(fmt.Sprintf("%+v", f), query, values, true, want)
	}
}

func entryPlans(t *testing.T, check func(what, query string, values []any, ordered bool, want ...string)) {
	t.Helper()
	list := func(f ledger.EntryFilter, ordered bool, want string) {
		t.Helper()
		query, values := listEntries(f, 7)
		check(fmt.Sprintf("%+v", f), query, values, ordered, want)
	}
	list(ledger.EntryFilter{Program: "p", Limit: 9}, true, "entries_program_posted (program=?)")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", Limit: 9}, true, "entries_affiliate_posted (affiliate=?)")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", Before: "e", Limit: 9}, true, "entries_affiliate_posted (affiliate=? AND (posted,id)<(?,?))")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", From: start, To: start}, false, "entries_affiliate (affiliate=? AND quarter>? AND quarter<?)")
	list(ledger.EntryFilter{Program: "p", Order: "o"}, false, "sqlite_autoindex_entries_2 (order_id=?")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", Order: "o", Kinds: []ledger.EntryKind{ledger.Earn}}, false, "sqlite_autoindex_entries_2 (order_id=?")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", Payout: "w"}, false, "entries_payout (payout=?)")
	list(ledger.EntryFilter{Program: "p", Unpaid: true}, false, "entries_unpaid (program=?)")
	list(ledger.EntryFilter{Program: "p", Affiliate: "a", Currency: "EUR", Unpaid: true}, false, "entries_unpaid (program=? AND affiliate=? AND currency=?)")
	list(ledger.EntryFilter{Program: "p", RipeFrom: start, RipeTo: start}, false, "entries_ripe (program=? AND available>? AND available<?)")
	sums := func(f ledger.EntryFilter, ordered bool, want string) {
		t.Helper()
		w := entries(f)
		check(fmt.Sprintf("sums of %+v", f), addEntries+w.String()+sumOrder, w.values, ordered, want)
	}
	sums(ledger.EntryFilter{Program: "p", Affiliate: "a", From: start, To: start}, true, "COVERING INDEX entries_affiliate (affiliate=? AND quarter>? AND quarter<?)")
	sums(ledger.EntryFilter{Program: "p", Affiliate: "a", Site: "s"}, false, "COVERING INDEX entries_affiliate (affiliate=?")
	sums(ledger.EntryFilter{Site: "s", From: start, Kinds: []ledger.EntryKind{ledger.Earn, ledger.Reverse}}, true, "COVERING INDEX entries_site (site=? AND quarter>?)")
	sums(ledger.EntryFilter{Program: "p", From: start}, false, "entries_program (program=? AND quarter>?)")
	clicked := func(f ledger.ClickFilter, want string) {
		t.Helper()
		w := clicks(f)
		check(fmt.Sprintf("clicks of %+v", f), addClicks+w.String()+clickOrder, w.values, true, want)
		check(fmt.Sprintf("who clicked of %+v", f), clickKeys+w.String(), w.values, true, strings.TrimPrefix(want, "COVERING "))
	}
	clicked(ledger.ClickFilter{Program: "p", Affiliate: "a", From: start, To: start}, "COVERING INDEX touches_affiliate (affiliate=? AND quarter>? AND quarter<?)")
	clicked(ledger.ClickFilter{Program: "p", Site: "s", From: start}, "COVERING INDEX touches_site (site=? AND quarter>?)")
}
