package rows

import (
	"fmt"
	"time"

	"footfall/ledger"
)

// Question is a statement, and how it is answered.
type Question struct {
	What, Query string
	Values      []any
	Ordered     bool     // what is found is in order
	SQLite      []string // parts of its plan
}

// Questions are all that may be long if the wrong index answers them.
func Questions() (all []Question) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	check := func(what, query string, values []any, ordered bool, want ...string) {
		all = append(all, Question{what, query, values, ordered, want})
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
	check("whether an order is settled", settled, four[:1], false, "entries USING COVERING INDEX")
	check("decisions that become another's", dropDecisions, four[:1], false, "decisions_order (order_id=?)")
	for _, query := range emptying {
		check("what becomes another order's", query, four[:2], false, "USING")
	}
	check("lines", getLines, four[:1], true, "PRIMARY KEY (order_id=?)")
	orders := func(f ledger.OrderFilter, ordered bool, want string) {
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
	entryQuestions(start, check)
	figureQuestions(start, check)
	noticeQuestions(check)
	check("who has notices that are due", dueFirst, []any{ledger.ToHook, 7}, true, "notices_due (sort=?)")
	for name, find := range map[string]map[string]string{"affiliates": affiliateKind.find, "codes": codeKind.find, "rules": ruleKind.find, "misses": missKind.find,
		"payouts": payoutKind.find, "flags": flagKind.find, "shops": shopKind.find, "hooks": hookKind.find} {
		for key, query := range find {
			check(name+" by "+key, query, four[:1], false, name)
		}
	}
	return all
}

func noticeQuestions(check func(what, query string, values []any, ordered bool, want ...string)) {
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

func entryQuestions(start time.Time, check func(what, query string, values []any, ordered bool, want ...string)) {
	list := func(f ledger.EntryFilter, ordered bool, want string) {
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
}

// figureQuestions: what is added up is found by index, step by step, and read from
// the index alone where no order is asked.
func figureQuestions(start time.Time, ask func(what, query string, values []any, ordered bool, want ...string)) {
	check := func(f figure, c ledger.Cut, wants ...string) {
		for _, steps := range [][]time.Time{nil, {start, start.AddDate(0, 0, 1)}} {
			c.Steps = steps
			query, values, err := f.statement(c)
			if err != nil {
				panic(err)
			}
			ask(fmt.Sprintf("%s by %d steps", f.rows, len(steps)), query, values, false, wants...)
		}
	}
	own := ledger.Cut{Program: "p", Affiliate: "a", From: start, To: start.AddDate(1, 0, 0)}
	site := ledger.Cut{Sites: []string{"s"}, From: start, To: start.AddDate(1, 0, 0)}
	check(countClicks, own, "COVERING INDEX touches_affiliate (affiliate=? AND quarter>? AND quarter<?)")
	check(countClicks, site, "COVERING INDEX touches_site (site=? AND quarter>? AND quarter<?)")
	query, values, err := visitors(own)
	if err != nil {
		panic(err)
	}
	ask("visitors", query, values, false, "COVERING INDEX touches_affiliate (affiliate=? AND quarter>? AND quarter<?)")
	check(countOrders, own, "INDEX orders_affiliate (affiliate=? AND time>? AND time<?)")
	check(countOrders, site, "INDEX orders_site (site=? AND time>? AND time<?)")
	check(addSales, own, "INDEX orders_affiliate (affiliate=? AND time>? AND time<?)", "l USING PRIMARY KEY (order_id=?)")
	query, values, err = addCommissions.statement(ledger.Cut{Program: "p", Affiliate: "a", Kinds: []ledger.EntryKind{ledger.Reverse, ledger.DisputeHold}, By: []ledger.By{ledger.ByCurrency, ledger.ByKind, ledger.ByPayout}})
	if err != nil {
		panic(err)
	}
	ask("what was taken back", query, values, false, "COVERING INDEX entries_affiliate (affiliate=?)", "p USING INDEX sqlite_autoindex_payouts_1 (id=?)")
	own.By = []ledger.By{ledger.ByDue, ledger.ByFlagged, ledger.ByPayout, ledger.ByKind}
	check(addCommissions, own, "COVERING INDEX entries_affiliate (affiliate=? AND quarter>? AND quarter<?)", "flags_affiliate (affiliate=? AND order_id=?)", "p USING INDEX sqlite_autoindex_payouts_1 (id=?)")
	site.By = []ledger.By{ledger.ByCode, ledger.BySub}
	check(addCommissions, site, "COVERING INDEX entries_site (site=? AND quarter>? AND quarter<?)", "o USING INDEX sqlite_autoindex_orders_1 (id=?)")
}
