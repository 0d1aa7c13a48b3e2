package rows

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"footfall/ledger"
)

// orders is ledger.Orders.
type orders struct{ *tx }

const (
	orderColumns = "id, program, site, store, number, time, currency, customer, keys, coupons, verified, sure, revision, affiliate, decision, known, rule, code, sub, coupon"
	getOrder     = "SELECT " + orderColumns + " FROM orders WHERE id = ?"
	findOrder    = "SELECT " + orderColumns + " FROM orders WHERE id = (SELECT order_id FROM order_names WHERE store = ? AND kind = ? AND value = ?)"
	putOrder     = "INSERT INTO orders (" + orderColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET
		program = excluded.program, site = excluded.site, store = excluded.store, number = excluded.number, time = excluded.time, currency = excluded.currency,
		customer = excluded.customer, keys = excluded.keys, coupons = excluded.coupons, verified = excluded.verified, sure = excluded.sure, revision = excluded.revision,
		affiliate = excluded.affiliate, decision = excluded.decision, known = excluded.known, rule = excluded.rule, code = excluded.code,
		sub = excluded.sub, coupon = excluded.coupon`
	addName  = "INSERT INTO order_names (store, kind, value, order_id) VALUES (?,?,?,?) ON CONFLICT DO NOTHING"
	getName  = "SELECT order_id FROM order_names WHERE store = ? AND kind = ? AND value = ?"
	addLine  = "INSERT INTO order_lines (order_id, place, line, product, name, quantity, net) VALUES (?,?,?,?,?,?,?)"
	getLines = "SELECT line, product, name, quantity, net FROM order_lines WHERE order_id = ? ORDER BY place"
)

// Put writes keys and lines only if they have changed.
func (x orders) Put(o ledger.Order, names ...ledger.Name) error {
	err := x.whole(func() error {
		if err := x.name(o, names); err != nil {
			return err
		}
		before, err := x.read(getOrder, o.ID)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		if _, err := x.exec(putOrder, o.ID, o.Program, o.Site, o.Store, o.Number, ms(o.Time), o.Currency, string(o.Customer), list(o.Keys), list(o.Coupons),
			o.Verified, o.Sure, o.Revision, o.Affiliate, o.Decision, o.Known, o.Rule, o.Code, o.Sub, o.Coupon); err != nil {
			return err
		}
		if err := x.putKeys(o.ID, before.Keys, o.Keys); err != nil {
			return err
		}
		return x.putLines(o.ID, before.Lines, o.Lines)
	})
	if err != nil {
		return fmt.Errorf("order %s: %w", o.ID, err)
	}
	return nil
}

// name gives an order its names.
func (x orders) name(o ledger.Order, names []ledger.Name) error {
	for _, n := range append(slices.Clone(names), ledger.Name{Kind: "id", Value: o.ID}, ledger.Name{Store: o.Store, Kind: "order", Value: o.Number}) {
		if n.Value == "" {
			continue
		}
		added, err := x.exec(addName, n.Store, n.Kind, n.Value, o.ID)
		if err != nil {
			return err
		}
		if added > 0 {
			continue
		}
		var other string
		if _, err := x.one(getName, []any{n.Store, n.Kind, n.Value}, &other); err != nil {
			return err
		}
		if other != o.ID {
			return fmt.Errorf("%s %s %w by order %s", n.Kind, n.Value, ledger.ErrTaken, other)
		}
	}
	return nil
}

func (x orders) putKeys(order string, before, now []ledger.Key) error {
	for _, key := range before {
		if slices.Contains(now, key) {
			continue
		}
		if _, err := x.exec("DELETE FROM order_keys WHERE key = ? AND order_id = ?", string(key), order); err != nil {
			return err
		}
	}
	for _, key := range now {
		if slices.Contains(before, key) {
			continue
		}
		if _, err := x.exec("INSERT INTO order_keys (key, order_id) VALUES (?,?) ON CONFLICT DO NOTHING", string(key), order); err != nil {
			return err
		}
	}
	return nil
}

func (x orders) putLines(order string, before, now []ledger.Line) error {
	if slices.Equal(before, now) {
		return nil
	}
	if _, err := x.exec("DELETE FROM order_lines WHERE order_id = ?", order); err != nil {
		return err
	}
	for i, l := range now {
		if _, err := x.exec(addLine, order, i, l.ID, l.Product, l.Name, l.Quantity, l.Net); err != nil {
			return err
		}
	}
	return nil
}

func (x orders) Order(n ledger.Name) (ledger.Order, error) {
	o, err := x.read(findOrder, n.Store, n.Kind, n.Value)
	if err != nil {
		return o, fmt.Errorf("order %s %s: %w", n.Kind, n.Value, err)
	}
	return o, nil
}

// read reads an order, or ledger.ErrNotFound.
func (x orders) read(query string, values ...any) (o ledger.Order, err error) {
	found, err := x.one(query, values, orderInto(&o)...)
	switch {
	case err != nil:
		return ledger.Order{}, err
	case !found:
		return ledger.Order{}, ledger.ErrNotFound
	}
	o.Lines, err = x.lines(o.ID)
	return o, err
}

func orderInto(o *ledger.Order) []any {
	return []any{&o.ID, &o.Program, &o.Site, &o.Store, &o.Number, moment{&o.Time}, &o.Currency, &o.Customer, listed{&o.Keys}, listed{&o.Coupons},
		&o.Verified, &o.Sure, &o.Revision, &o.Affiliate, &o.Decision, &o.Known, &o.Rule, &o.Code, &o.Sub, &o.Coupon}
}

func (x orders) lines(order string) ([]ledger.Line, error) {
	all := []ledger.Line{}
	err := x.each(func(rows *sql.Rows) error {
		var l ledger.Line
		err := rows.Scan(&l.ID, &l.Product, &l.Name, &l.Quantity, &l.Net)
		all = append(all, l)
		return err
	}, getLines, order)
	return all, err
}

func (x orders) List(f ledger.OrderFilter) (found []ledger.Order, err error) {
	var before int64
	if f.Before != "" {
		has, err := x.one("SELECT time FROM orders WHERE id = ?", []any{f.Before}, &before)
		if err == nil && !has {
			err = ledger.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("orders behind %s: %w", f.Before, err)
		}
	}
	query, values := listOrders(f, before)
	err = x.each(func(rows *sql.Rows) error {
		var o ledger.Order
		err := rows.Scan(orderInto(&o)...)
		found = append(found, o)
		return err
	}, query, values...)
	for i := range found {
		if err == nil {
			found[i].Lines, err = x.lines(found[i].ID)
		}
	}
	return found, err
}

// listOrders is the statement of a filter; before is the time of f.Before.
func listOrders(f ledger.OrderFilter, before int64) (query string, values []any) {
	var w, k where
	w.is("program", f.Program)
	w.is("affiliate", f.Affiliate)
	w.is("site", f.Site)
	w.is("customer", string(f.Customer))
	if among(&k, "key", f.Keys); len(f.Keys) > 0 {
		w.add("id IN (SELECT order_id FROM order_keys"+k.String()+")", k.values...)
	}
	if !f.From.IsZero() {
		w.add("time >= ?", ms(f.From))
	}
	if !f.To.IsZero() {
		w.add("time < ?", ms(f.To))
	}
	if f.Unattributed {
		w.add("affiliate = ''")
	}
	if f.Before != "" {
		w.add("(time, id) < (?, ?)", before, f.Before)
	}
	query = "SELECT " + orderColumns + " FROM orders" + w.String() + " ORDER BY time DESC, id DESC"
	if f.Limit > 0 {
		query, w.values = query+" LIMIT ?", append(w.values, f.Limit)
	}
	return query, w.values
}

func (x orders) Shops() ledger.Table[ledger.Shop] { return table[ledger.Shop]{x.tx, shopKind} }

func (x orders) Facts() ledger.Facts { return facts(x) }

// facts is ledger.Facts.
type facts struct{ *tx }

const (
	addFact       = "INSERT INTO facts (order_id, id, kind, time, door, body) VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING"
	getFacts      = "SELECT order_id, id, kind, time, door, body FROM facts WHERE order_id = ? ORDER BY time, id"
	addDecision   = "INSERT INTO decisions (id, order_id, affiliate, rule, touch, time, decided_by, explain) VALUES (?,?,?,?,?,?,?,?)"
	settled       = "SELECT order_id FROM entries WHERE order_id = ?1 LIMIT 1"
	dropDecisions = "DELETE FROM decisions WHERE order_id = ?"
	getDecisions  = "SELECT id, order_id, affiliate, rule, touch, time, decided_by, explain FROM decisions WHERE order_id = ? ORDER BY number"
)

func (x facts) Add(f ledger.Fact) (bool, error) {
	n, err := x.exec(addFact, f.Order, f.ID, string(f.Kind), ms(f.Time), f.From, append([]byte{}, f.Body...))
	return n > 0, err
}

func (x facts) Of(order string) (found []ledger.Fact, err error) {
	err = x.each(func(rows *sql.Rows) error {
		var f ledger.Fact
		err := rows.Scan(&f.Order, &f.ID, &f.Kind, moment{&f.Time}, &f.From, &f.Body)
		found = append(found, f)
		return err
	}, getFacts, order)
	return found, err
}

func (x facts) Decide(d ledger.Decision) error {
	explain := slices.Clone(d.Explain)
	for i := range explain { // to the millisecond, as all times
		moment{&explain[i].Time}.Scan(ms(explain[i].Time))
	}
	_, err := x.exec(addDecision, d.ID, d.Order, d.Affiliate, d.Rule, d.Touch, ms(d.Time), d.By, list(explain))
	return err
}

func (x facts) Decisions(order string) (found []ledger.Decision, err error) {
	err = x.each(func(rows *sql.Rows) error {
		var d ledger.Decision
		err := rows.Scan(&d.ID, &d.Order, &d.Affiliate, &d.Rule, &d.Touch, moment{&d.Time}, &d.By, listed{&d.Explain})
		found = append(found, d)
		return err
	}, getDecisions, order)
	return found, err
}

func (x facts) Merge(from, to string) error {
	err := x.whole(func() error {
		os := orders(x)
		gone, err := os.read(getOrder, from)
		if err != nil {
			return err
		}
		into, err := os.read(getOrder, to)
		if err != nil {
			return err
		}
		has, err := x.one(settled, []any{from}, new(string))
		if err != nil {
			return err
		}
		if has || from == to {
			return errors.New("what has entries can't become another")
		}
		for _, key := range gone.Keys {
			if !slices.Contains(into.Keys, key) {
				into.Keys = append(into.Keys, key)
			}
		}
		if err := os.Put(into); err != nil {
			return err
		}
		if err := x.hand(from, to); err != nil {
			return err
		}
		return os.empty(gone, to)
	})
	if err != nil {
		return fmt.Errorf("order %s, to become %s: %w", from, to, err)
	}
	return nil
}

// hand makes an order's decisions another's, behind its own.
func (x facts) hand(from, to string) error {
	decisions, err := x.Decisions(from)
	if err != nil || len(decisions) == 0 {
		return err
	}
	if _, err := x.exec(dropDecisions, from); err != nil {
		return err
	}
	for _, d := range decisions {
		d.Order = to
		if err := x.Decide(d); err != nil {
			return err
		}
	}
	return nil
}

// emptying moves to an order what was told of another, and removes the rest.
// (Each has both as values, though not all use the first.)
var emptying = []string{"DELETE FROM facts WHERE order_id = ?2 AND id IN (SELECT id FROM facts WHERE order_id = ?1)", "UPDATE facts SET order_id = ?1 WHERE order_id = ?2",
	"UPDATE order_names SET order_id = ?1 WHERE order_id = ?2", "DELETE FROM orders WHERE id = ?2 AND ?1 <> id"}

// empty makes what there is of an order another's, and removes it.
func (x orders) empty(gone ledger.Order, to string) error {
	if err := x.putKeys(gone.ID, gone.Keys, nil); err != nil {
		return err
	}
	if err := x.putLines(gone.ID, gone.Lines, nil); err != nil {
		return err
	}
	for _, query := range emptying {
		if _, err := x.exec(query, to, gone.ID); err != nil {
			return err
		}
	}
	return nil
}
