package rows

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"footfall/ledger"
)

// kind is how a sort of rows is kept in a table.
type kind[T any] struct {
	add, put, get, all string
	find               map[string]string // statements, by key
	values             func(*T) []any    // of the columns; the id is the first
	into               func(*T) []any    // where the columns go; last ones may be missing
}

// keeps makes a kind. Columns are those of values, keys name the columns that rows
// are found by.
func keeps[T any](table, columns string, values, into func(*T) []any, keys map[string]string) *kind[T] {
	names := strings.Split(columns, ", ")
	id, read := names[0], strings.Join(names[:len(into(new(T)))], ", ")
	k := &kind[T]{
		add:  "INSERT INTO " + table + " (" + columns + ") VALUES (?" + strings.Repeat(",?", len(names)-1) + ") ON CONFLICT DO NOTHING",
		put:  "UPDATE " + table + " SET " + strings.Join(names[1:], " = ?, ") + " = ? WHERE " + id + " = ?",
		all:  "SELECT " + read + " FROM " + table + " ORDER BY " + id,
		get:  "SELECT " + read + " FROM " + table + " WHERE " + id + " = ?",
		find: map[string]string{}, values: values, into: into,
	}
	for key, column := range keys {
		k.find[key] = "SELECT " + read + " FROM " + table + " WHERE " + column + " = ? ORDER BY " + id
	}
	return k
}

// table is a ledger.Table.
type table[T any] struct {
	*tx
	*kind[T]
}

func (t table[T]) Add(row T) error {
	values := t.values(&row)
	n, err := t.exec(t.add, values...)
	if err == nil && n == 0 {
		err = ledger.ErrTaken
	}
	if err != nil {
		return fmt.Errorf("add %v: %w", values[0], err)
	}
	return nil
}

// Put is whole, as an engine may not go on after the breach of an index.
func (t table[T]) Put(row T) error {
	values := t.values(&row)
	err := t.whole(func() error {
		n, err := t.exec(t.put, append(values[1:len(values):len(values)], values[0])...)
		if err == nil && n == 0 {
			err = ledger.ErrNotFound
		}
		return t.unique(err)
	})
	if err != nil {
		return fmt.Errorf("put %v: %w", values[0], err)
	}
	return nil
}

func (t table[T]) Get(id string) (row T, err error) {
	found, err := t.one(t.get, []any{id}, t.into(&row)...)
	if err == nil && !found {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("get %s: %w", id, err)
	}
	return row, nil
}

func (t table[T]) Find(key, value string) (found []T, err error) {
	query, values := t.find[key], []any{value}
	switch {
	case key == "":
		query, values = t.all, nil
	case query == "":
		return nil, fmt.Errorf("there is no key %q", key)
	case key == "email":
		values[0] = ledger.FoldEmail(value)
	}
	err = t.each(func(rows *sql.Rows) error {
		var row T
		found = append(found, row)
		return rows.Scan(t.into(&found[len(found)-1])...)
	}, query, values...)
	return found, err
}

// ms is a time that is always there, maybe a time that may be zero.
func ms(t time.Time) int64 { return t.UnixMilli() }

func maybe(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return ms(t)
}

// moment scans a time.
type moment struct{ to *time.Time }

func (m moment) Scan(value any) error {
	var n sql.NullInt64
	if err := n.Scan(value); err != nil {
		return err
	}
	*m.to = time.Time{}
	if n.Valid {
		*m.to = time.UnixMilli(n.Int64).UTC()
	}
	return nil
}

// list is the JSON of a list, which never is null.
func list[T any](of []T) string {
	if len(of) == 0 {
		return "[]"
	}
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // strings, numbers and times: can't be
	}
	return string(text)
}

// listed scans JSON.
type listed struct{ to any }

func (l listed) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%T is no JSON", value)
	}
	return json.Unmarshal([]byte(text), l.to)
}

func object(of map[string]int64) string {
	if of == nil {
		return "{}"
	}
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // can't be
	}
	return string(text)
}

var programKind = keeps("programs", "id, name, sites, window_days, model, coupon_priority, bind, hold_days, min_payout, hosts, banned, parameters, trust_events, quiet_payouts, created",
	func(p *ledger.Program) []any {
		return []any{p.ID, p.Name, list(p.Sites), p.Window, string(p.Model), p.CouponPriority, string(p.Bind), p.Hold, object(p.MinPayout), list(p.Hosts), list(p.Banned), list(p.Params), p.TrustEvents, p.QuietPayouts, maybe(p.Created)}
	},
	func(p *ledger.Program) []any {
		return []any{&p.ID, &p.Name, listed{&p.Sites}, &p.Window, &p.Model, &p.CouponPriority, &p.Bind, &p.Hold, listed{&p.MinPayout}, listed{&p.Hosts}, listed{&p.Banned}, listed{&p.Params}, &p.TrustEvents, &p.QuietPayouts, moment{&p.Created}}
	}, nil)

var affiliateKind = keeps("affiliates", "id, program, email, name, status, payout, login, user_id, note, created, mailbox",
	func(a *ledger.Affiliate) []any {
		return []any{a.ID, a.Program, a.Email, a.Name, string(a.Status), a.Payout, a.Login, a.User, a.Note, maybe(a.Created), ledger.FoldEmail(a.Email)}
	},
	func(a *ledger.Affiliate) []any {
		return []any{&a.ID, &a.Program, &a.Email, &a.Name, &a.Status, &a.Payout, &a.Login, &a.User, &a.Note, moment{&a.Created}}
	}, map[string]string{"program": "program", "login": "login", "email": "mailbox"})

var codeKind = keeps("codes", "id, text, program, affiliate, kind, landing, valid_from, valid_to, created",
	func(c *ledger.Code) []any {
		return []any{c.ID, c.Text, c.Program, c.Affiliate, string(c.Kind), c.Landing, maybe(c.From), maybe(c.To), maybe(c.Created)}
	},
	func(c *ledger.Code) []any {
		return []any{&c.ID, &c.Text, &c.Program, &c.Affiliate, &c.Kind, &c.Landing, moment{&c.From}, moment{&c.To}, moment{&c.Created}}
	}, map[string]string{"program": "program", "affiliate": "affiliate"})

var ruleKind = keeps("rules", "id, program, affiliate, product, kind, rate, amount, currency, recurring, cap, valid_from, valid_to, created",
	func(r *ledger.Rule) []any {
		return []any{r.ID, r.Program, r.Affiliate, r.Product, string(r.Kind), r.Rate, r.Amount, r.Currency, r.Recurring, r.Cap, maybe(r.From), maybe(r.To), maybe(r.Created)}
	},
	func(r *ledger.Rule) []any {
		return []any{&r.ID, &r.Program, &r.Affiliate, &r.Product, &r.Kind, &r.Rate, &r.Amount, &r.Currency, &r.Recurring, &r.Cap, moment{&r.From}, moment{&r.To}, moment{&r.Created}}
	}, map[string]string{"program": "program"})

var missKind = keeps("misses", "id, code, affiliate, count, last",
	func(m *ledger.Miss) []any { return []any{m.ID, m.Code, m.Affiliate, m.Count, maybe(m.Last)} },
	func(m *ledger.Miss) []any { return []any{&m.ID, &m.Code, &m.Affiliate, &m.Count, moment{&m.Last}} },
	map[string]string{"affiliate": "affiliate"})

var payoutKind = keeps("payouts", "id, program, affiliate, currency, cutoff, hash, entries, amount, state, external, why, name, email, account, created, changed",
	func(p *ledger.Payout) []any {
		return []any{p.ID, p.Program, p.Affiliate, p.Currency, maybe(p.Cutoff), p.Hash, p.Entries, p.Amount, string(p.State), p.External, p.Why, p.Name, p.Email, p.Account, maybe(p.Created), maybe(p.Changed)}
	},
	func(p *ledger.Payout) []any {
		return []any{&p.ID, &p.Program, &p.Affiliate, &p.Currency, moment{&p.Cutoff}, &p.Hash, &p.Entries, &p.Amount, &p.State, &p.External, &p.Why, &p.Name, &p.Email, &p.Account, moment{&p.Created}, moment{&p.Changed}}
	}, map[string]string{"program": "program", "affiliate": "affiliate"})

var flagKind = keeps("flags", "id, program, affiliate, order_id, type, evidence, state, decided_by, created, changed",
	func(f *ledger.Flag) []any {
		return []any{f.ID, f.Program, f.Affiliate, f.Order, f.Type, f.Evidence, string(f.State), f.By, maybe(f.Created), maybe(f.Changed)}
	},
	func(f *ledger.Flag) []any {
		return []any{&f.ID, &f.Program, &f.Affiliate, &f.Order, &f.Type, &f.Evidence, &f.State, &f.By, moment{&f.Created}, moment{&f.Changed}}
	}, map[string]string{"program": "program", "order": "order_id", "affiliate": "affiliate"})

var shopKind = keeps("shops", "id, site, kind, store, secrets, created, changed",
	func(s *ledger.Shop) []any {
		return []any{s.ID, s.Site, s.Kind, s.Store, list(s.Secrets), maybe(s.Created), maybe(s.Changed)}
	},
	func(s *ledger.Shop) []any {
		return []any{&s.ID, &s.Site, &s.Kind, &s.Store, listed{&s.Secrets}, moment{&s.Created}, moment{&s.Changed}}
	}, map[string]string{"site": "site"})

type setup struct{ *tx }

func (x setup) Programs() ledger.Table[ledger.Program] {
	return programs{table[ledger.Program]{x.tx, programKind}}
}
func (x setup) Affiliates() ledger.Table[ledger.Affiliate] {
	return table[ledger.Affiliate]{x.tx, affiliateKind}
}
func (x setup) Codes() ledger.Table[ledger.Code]  { return table[ledger.Code]{x.tx, codeKind} }
func (x setup) Rules() ledger.Table[ledger.Rule]  { return table[ledger.Rule]{x.tx, ruleKind} }
func (x setup) Misses() ledger.Table[ledger.Miss] { return table[ledger.Miss]{x.tx, missKind} }

type tables struct{ *tx }

func (x tables) Payouts() ledger.Table[ledger.Payout] {
	return table[ledger.Payout]{x.tx, payoutKind}
}
func (x tables) Flags() ledger.Table[ledger.Flag] { return table[ledger.Flag]{x.tx, flagKind} }

// programs is the table whose rows have sites, each in one of them.
type programs struct{ table[ledger.Program] }

func (t programs) Add(p ledger.Program) error {
	return t.whole(func() error {
		if err := t.table.Add(p); err != nil {
			return err
		}
		return t.cover(p)
	})
}

func (t programs) Put(p ledger.Program) error {
	return t.whole(func() error {
		if err := t.table.Put(p); err != nil {
			return err
		}
		return t.cover(p)
	})
}

func (t programs) cover(p ledger.Program) error {
	if _, err := t.exec("DELETE FROM program_sites WHERE program = ?", p.ID); err != nil {
		return err
	}
	for _, site := range p.Sites {
		n, err := t.exec(`INSERT INTO program_sites (site, program) VALUES (?,?)
			ON CONFLICT (site) DO UPDATE SET program = excluded.program WHERE program_sites.program = excluded.program`, site, p.ID)
		if err == nil && n == 0 {
			err = ledger.ErrTaken
		}
		if err != nil {
			return fmt.Errorf("site %s: %w", site, err)
		}
	}
	return nil
}
