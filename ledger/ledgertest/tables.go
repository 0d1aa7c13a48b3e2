package ledgertest

import (
	"slices"
	"testing"
	"time"

	"footfall/ledger"
)

// table holds a table to its promises. The rows are by id; keys say for each key
// and value which of them are found.
func table[T any](t *testing.T, b ledger.Book, of func(tx ledger.Tx) ledger.Table[T], id func(*T) *string, edit func(*T), keys map[[2]string][]int, rows ...T) {
	t.Helper()
	change(t, b, func(tx ledger.Tx) {
		for _, row := range slices.Backward(rows) {
			must(t, of(tx).Add(row))
		}
		changed := rows[0]
		edit(&changed)
		isError(t, of(tx).Add(changed), ledger.ErrTaken)
		unknown := rows[1]
		*id(&unknown) = "unknown"
		isError(t, of(tx).Put(unknown), ledger.ErrNotFound)
		must(t, of(tx).Put(rows[1]))
	})
	look := func(tx ledger.Tx) {
		t.Helper()
		for _, row := range rows {
			got, err := of(tx).Get(*id(&row))
			must(t, err)
			same(t, "Get "+*id(&row), got, row)
		}
		_, err := of(tx).Get("unknown")
		isError(t, err, ledger.ErrNotFound)
		all, err := of(tx).Find("", "")
		must(t, err)
		same(t, "all", all, rows)
		for key, want := range keys {
			var expected []T
			for _, i := range want {
				expected = append(expected, rows[i])
			}
			got, err := of(tx).Find(key[0], key[1])
			must(t, err)
			same(t, "Find "+key[0]+" "+key[1], got, expected)
		}
		if _, err := of(tx).Find("colour", "red"); err == nil {
			t.Error("found by a key that there is not")
		}
	}
	view(t, b, look)
	edit(&rows[0])
	change(t, b, func(tx ledger.Tx) { must(t, of(tx).Put(rows[0])); look(tx) })
	view(t, b, look)
}

func programs(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Program] { return tx.Set().Programs() }, func(p *ledger.Program) *string { return &p.ID },
		func(p *ledger.Program) {
			p.Name, p.Sites, p.MinPayout, p.Hosts, p.Banned, p.Params, p.TrustEvents, p.QuietPayouts, p.Bind = "new", []string{"fresh", "shop"}, nil, []string{"x"}, []string{"y"}, nil, false, false, ledger.BindNone
		}, nil,
		ledger.Program{ID: "P", Name: "ä'\"\\", Sites: []string{"shop", "b", "a"}, Window: 30, Model: ledger.LastTouch, CouponPriority: true, Bind: ledger.BindCustomer, Hold: 14,
			MinPayout: map[string]int64{"EUR": 5000, "JPY": 1}, Hosts: []string{"z.org", "a.org"}, Banned: []string{"deals.org", "b.org"}, Params: []string{"ref", "via"}, TrustEvents: true, QuietPayouts: true, Created: at(1)},
		ledger.Program{ID: "p", Model: ledger.FirstTouch, Bind: ledger.BindNone, QuietPayouts: true},
		ledger.Program{ID: "日本"})
	change(t, b, func(tx ledger.Tx) { // a site is in one programme at most
		ps := tx.Set().Programs()
		isError(t, ps.Add(ledger.Program{ID: "q", Sites: []string{"new", "shop"}}), ledger.ErrTaken)
		isError(t, ps.Put(ledger.Program{ID: "p", Sites: []string{"fresh"}}), ledger.ErrTaken)
		must(t, ps.Put(ledger.Program{ID: "p", Sites: []string{"b", "new"}})) // which P has no more
		must(t, ps.Put(ledger.Program{ID: "p", Sites: []string{"new", "b"}}))
	})
}

func affiliates(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Affiliate] { return tx.Set().Affiliates() }, func(a *ledger.Affiliate) *string { return &a.ID },
		func(a *ledger.Affiliate) {
			a.Name, a.Status, a.Payout, a.Note, a.User = "Anna", ledger.Banned, "", "", ""
		},
		map[[2]string][]int{{"program", "p"}: {0, 1, 3}, {"program", "q"}: {2}, {"program", "P"}: nil, {"login", "person"}: {0, 2}, {"login", ""}: {1, 3},
			{"email", " ANN+me@Example.org"}: {0, 2}, {"email", "bob@example.org"}: {1}, {"email", ""}: {3}, {"email", "an@example.org"}: nil},
		ledger.Affiliate{ID: "A", Program: "p", Email: "Ann+shop@example.org", Name: "Ann", Status: ledger.Active, Payout: "iban", Login: "person", User: "7", Note: "hello", Created: at(5)},
		ledger.Affiliate{ID: "a", Program: "p", Email: "bob@Example.org", Status: ledger.Applied},
		ledger.Affiliate{ID: "b", Program: "q", Email: "ann@EXAMPLE.org", Login: "person"},
		ledger.Affiliate{ID: "c", Program: "p"})
	change(t, b, func(tx ledger.Tx) { // an address is once in a programme
		as := tx.Set().Affiliates()
		isError(t, as.Add(ledger.Affiliate{ID: "d", Program: "p", Email: "ANN@example.org "}), ledger.ErrTaken)
		isError(t, as.Put(ledger.Affiliate{ID: "a", Program: "p", Email: "ann+2@example.org"}), ledger.ErrTaken)
		must(t, as.Add(ledger.Affiliate{ID: "d", Program: "r", Email: "ann@example.org"}))
		must(t, as.Add(ledger.Affiliate{ID: "e", Program: "p"}))
		must(t, as.Put(ledger.Affiliate{ID: "A", Program: "p", Email: "ann+new@example.org"}))
	})
}

func codes(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Code] { return tx.Set().Codes() }, func(c *ledger.Code) *string { return &c.ID },
		func(c *ledger.Code) { c.To, c.From = time.Time{}, at(9) },
		map[[2]string][]int{{"program", "p"}: {0, 1}, {"affiliate", "a"}: {1, 2}, {"affiliate", "none"}: nil},
		ledger.Code{ID: "ann", Text: "ANN", Program: "p", Affiliate: "b", Kind: ledger.LinkCode, Landing: "https://example.org/?a=b", To: at(1), Created: at(2)},
		ledger.Code{ID: "ann15", Text: "Ann-15", Program: "p", Affiliate: "a", Kind: ledger.CouponCode, From: at(0), To: at(1)},
		ledger.Code{ID: "bob", Program: "q", Affiliate: "a"})
}

func rules(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Rule] { return tx.Set().Rules() }, func(r *ledger.Rule) *string { return &r.ID },
		func(r *ledger.Rule) { r.To = at(3) }, map[[2]string][]int{{"program", "p"}: {0, 2}, {"program", ""}: nil},
		ledger.Rule{ID: "r1", Program: "p", Affiliate: "a", Product: "course", Kind: ledger.Percent, Rate: 500_000, Recurring: 3, Currency: "EUR", Cap: 1 << 40, From: at(0), Created: at(-1)},
		ledger.Rule{ID: "r2", Program: "q", Kind: ledger.PerUnit, Amount: -1 << 40, Currency: "JPY", To: at(2)},
		ledger.Rule{ID: "r3", Program: "p", Kind: ledger.PerOrder})
}

func misses(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Miss] { return tx.Set().Misses() }, func(m *ledger.Miss) *string { return &m.ID },
		func(m *ledger.Miss) { m.Count++; m.Last = at(9) }, map[[2]string][]int{{"affiliate", "a"}: {0, 1}},
		ledger.Miss{ID: "an", Code: "ann", Affiliate: "a", Count: 3, Last: at(0)}, ledger.Miss{ID: "anm", Affiliate: "a"}, ledger.Miss{ID: "bop", Affiliate: "b"})
}

func payouts(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Payout] { return tx.Money().Tables().Payouts() }, func(p *ledger.Payout) *string { return &p.ID },
		func(p *ledger.Payout) {
			p.State, p.External, p.Why, p.Changed = ledger.Failed, "x-1", "no account", at(7)
		},
		map[[2]string][]int{{"program", "p"}: {0, 2}, {"affiliate", "a"}: {0, 1}, {"affiliate", "c"}: nil},
		ledger.Payout{ID: "1", Program: "p", Affiliate: "a", Currency: "EUR", Cutoff: at(0), Hash: "abc", Entries: 3, Amount: 1 << 41, State: ledger.Draft, Created: at(1), Changed: at(2)},
		ledger.Payout{ID: "2", Program: "q", Affiliate: "a", Amount: -5, State: ledger.Paid}, ledger.Payout{ID: "3", Program: "p", Affiliate: "b"})
}

func flags(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Flag] { return tx.Money().Tables().Flags() }, func(f *ledger.Flag) *string { return &f.ID },
		func(f *ledger.Flag) { f.State, f.By, f.Changed = ledger.Cleared, "owner", at(3) },
		map[[2]string][]int{{"program", "p"}: {0, 1}, {"order", "o"}: {0, 2}, {"order", ""}: {1}, {"affiliate", "a"}: {0, 1}},
		ledger.Flag{ID: "1", Program: "p", Affiliate: "a", Order: "o", Type: "self", Evidence: "same address", State: ledger.Open, Created: at(0), Changed: at(0)},
		ledger.Flag{ID: "2", Program: "p", Affiliate: "a"}, ledger.Flag{ID: "3", Program: "q", Affiliate: "b", Order: "o"})
}

func shops(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Shop] { return tx.Orders().Shops() }, func(s *ledger.Shop) *string { return &s.ID },
		func(s *ledger.Shop) { s.Secrets, s.Store, s.Changed = []string{"new", "old"}, "", at(4) }, map[[2]string][]int{{"site", "a"}: {0, 1}, {"site", "c"}: nil},
		ledger.Shop{ID: "a/paddle", Site: "a", Kind: "paddle", Store: "courses", Secrets: []string{"old"}, Created: at(0)},
		ledger.Shop{ID: "a/stripe", Site: "a", Kind: "stripe"}, ledger.Shop{ID: "b/paddle", Site: "b", Kind: "paddle"})
}

// ownRows: who gave a row or was given one may write to its lists.
func ownRows(t *testing.T, b ledger.Book) {
	p := ledger.Program{ID: "p", Sites: []string{"a"}, Hosts: []string{"h"}, Banned: []string{"b"}, Params: []string{"ref"}, MinPayout: map[string]int64{"EUR": 1}}
	touch := ledger.Touch{ID: "t", Program: "p", Keys: []ledger.Key{"anon:1"}, Time: at(0)}
	o := ledger.Order{ID: "o", Program: "p", Keys: []ledger.Key{"anon:1"}, Coupons: []string{"x"}, Lines: []ledger.Line{{ID: "1"}}, Time: at(0)}
	f := ledger.Fact{ID: "f", Order: "o", Body: []byte("{}")}
	d := ledger.Decision{ID: "d", Order: "o", Explain: []ledger.Candidate{{ID: "t"}}}
	shop := ledger.Shop{ID: "s", Secrets: []string{"one"}}
	hook := ledger.Hook{ID: "h", Kinds: []string{"k"}, Secrets: []string{"one"}}
	notice := ledger.Notice{ID: "n", Body: []byte("{}"), Answers: []ledger.Answer{{Status: 200}}}
	spoil := func(p ledger.Program, touch ledger.Touch, o ledger.Order, f ledger.Fact, d ledger.Decision, s ledger.Shop, h ledger.Hook, n ledger.Notice) {
		h.Kinds[0], h.Secrets[0], n.Body[0], n.Answers[0].Status = "spoilt", "spoilt", '?', 99
		p.Sites[0], p.Hosts[0], p.Banned[0], p.Params[0], p.MinPayout["EUR"] = "spoilt", "spoilt", "spoilt", "spoilt", 99
		touch.Keys[0], o.Keys[0], o.Coupons[0], o.Lines[0].ID, f.Body[0], d.Explain[0].ID, s.Secrets[0] = "spoilt", "spoilt", "spoilt", "spoilt", '?', "spoilt", "spoilt"
	}
	change(t, b, func(tx ledger.Tx) {
		must(t, tx.Set().Programs().Add(p))
		_, err := tx.Traffic().AddTouch(touch)
		must(t, err)
		must(t, tx.Orders().Put(o))
		_, err = tx.Orders().Facts().Add(f)
		must(t, err)
		must(t, tx.Orders().Facts().Decide(d))
		must(t, tx.Orders().Shops().Add(shop))
		must(t, tx.Money().Tables().Hooks().Add(hook))
		must(t, tx.Money().Tables().Outbox().Add(notice))
	})
	before := reads(t, b)
	spoil(p, touch, o, f, d, shop, hook, notice)
	same(t, "rows spoilt by who gave them", reads(t, b), before)
	view(t, b, func(tx ledger.Tx) {
		p, err := tx.Set().Programs().Get("p")
		must(t, err)
		touches, err := tx.Traffic().Touches("p", at(0), at(0))
		must(t, err)
		o, err := tx.Orders().Order(ledger.Name{Kind: "id", Value: "o"})
		must(t, err)
		facts, err := tx.Orders().Facts().Of("o")
		must(t, err)
		decisions, err := tx.Orders().Facts().Decisions("o")
		must(t, err)
		s, err := tx.Orders().Shops().Get("s")
		must(t, err)
		h, err := tx.Money().Tables().Hooks().Get("h")
		must(t, err)
		n, err := tx.Money().Tables().Outbox().List(ledger.NoticeFilter{ID: "n"})
		must(t, err)
		spoil(p, touches[0], o, facts[0], decisions[0], s, h, n[0])
		same(t, "rows spoilt by who read them, in the same View", readAll(t, tx), before)
	})
	same(t, "rows spoilt by who read them", reads(t, b), before)
}
