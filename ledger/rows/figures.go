package rows

import (
	"database/sql"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"footfall/ledger"
)

// figures is ledger.Figures.
type figures struct{ *tx }

// figure is how one of them is added up: of which rows, and what of a row is
// what they are split by. Joins are those that a split needs.
type figure struct {
	value, rows string
	where       string
	time        string // column; by quarter, where rows are found so
	quarter     bool
	columns     map[ledger.By]string
	joins       map[ledger.By]string
}

// ofOrder joins the order of an entry, while its affiliate has it.
const ofOrder = " LEFT JOIN orders o ON o.id = t.order_id AND o.affiliate = t.affiliate"

var (
	countClicks = figure{value: "count(*)", rows: "touches t", where: "t.counted = 1", time: "t.time", quarter: true,
		columns: map[ledger.By]string{ledger.ByAffiliate: "t.affiliate", ledger.BySite: "t.site", ledger.ByCode: "t.code", ledger.BySub: "t.sub"}}
	// Grouping takes half the time of count(DISTINCT).
	listVisitors = figure{value: "1", rows: countClicks.rows, where: countClicks.where, time: "t.time", quarter: true, columns: map[ledger.By]string{byVisitor: "t.visitor"}}
	countOrders  = figure{value: "count(*)", rows: "orders t", where: "t.known = 1 AND t.affiliate <> ''", time: "t.time",
		columns: map[ledger.By]string{ledger.ByAffiliate: "t.affiliate", ledger.BySite: "t.site", ledger.ByRule: "t.rule", ledger.ByCode: "t.code", ledger.BySub: "t.sub",
			ledger.ByCoupon: "t.coupon", ledger.ByVerified: "t.verified"}}
	countOrdersOfProducts = countOrders.of("count(DISTINCT t.id)", map[ledger.By]string{ledger.ByProduct: "l.product"})
	addSales              = countOrders.of("CAST(sum(l.net) AS BIGINT)", map[ledger.By]string{ledger.ByProduct: "l.product", ledger.ByCurrency: "t.currency"})
	addCommissions        = figure{value: "CAST(sum(t.amount) AS BIGINT)", rows: "entries t", where: "t.kind NOT IN ('" + string(ledger.PaidOut) + "', '" + string(ledger.PayoutFailed) + "')",
		time: "t.occurred", quarter: true,
		columns: map[ledger.By]string{ledger.ByAffiliate: "t.affiliate", ledger.BySite: "t.site", ledger.ByProduct: "t.product", ledger.ByCurrency: "t.currency", ledger.ByKind: "t.kind",
			ledger.ByRule: "COALESCE(o.rule, '')", ledger.ByCode: "COALESCE(o.code, '')", ledger.BySub: "COALESCE(o.sub, '')", ledger.ByCoupon: "COALESCE(o.coupon, '')",
			ledger.ByPayout: "CASE WHEN t.payout = '' THEN '' ELSE COALESCE(p.state, '" + string(ledger.Draft) + "') END",
			ledger.ByDue:    "CASE WHEN t.available <= ? THEN 1 ELSE 0 END",
			ledger.ByFlagged: "CASE WHEN EXISTS (SELECT 1 FROM flags f WHERE f.affiliate = t.affiliate AND f.order_id IN ('', t.order_id) AND f.program = t.program AND f.state <> '" +
				string(ledger.Cleared) + "') THEN 1 ELSE 0 END"},
		joins: map[ledger.By]string{ledger.ByRule: ofOrder, ledger.ByCode: ofOrder, ledger.BySub: ofOrder, ledger.ByCoupon: ofOrder,
			ledger.ByPayout: " LEFT JOIN payouts p ON p.id = t.payout"}}
)

// of is the figure of the lines of orders.
func (f figure) of(value string, more map[ledger.By]string) figure {
	columns := map[ledger.By]string{}
	for _, from := range []map[ledger.By]string{f.columns, more} {
		for by, column := range from {
			columns[by] = column
		}
	}
	f.value, f.rows, f.columns = value, "orders t JOIN order_lines l ON l.order_id = t.id", columns
	return f
}

// statement adds up a cut. Steps are rows of their own, so that each of them
// finds its part of the index.
func (f figure) statement(c ledger.Cut) (query string, values []any, err error) {
	var q strings.Builder
	step, from := "0", f.rows
	w := where{conditions: []string{f.where}}
	if len(c.Steps) > 1 {
		q.WriteString("WITH steps (step, since, until) AS (VALUES ")
		q.WriteString(f.steps(c))
		q.WriteString(") ")
		step, from = "steps.step", "steps CROSS JOIN "+f.rows
		column := f.time
		if f.quarter {
			column = "t.quarter"
		}
		w.add(column + " >= steps.since AND " + column + " < steps.until")
	}
	if len(c.Kinds) > 0 && f.columns[ledger.ByKind] == "" {
		return "", nil, fmt.Errorf("%s have no kinds", f.rows)
	}
	columns, joins := []string{step}, ""
	for _, by := range c.By {
		column := f.columns[by]
		if column == "" {
			return "", nil, fmt.Errorf("figures of %s can't be split by %s", f.rows, by)
		}
		if columns = append(columns, column); by == ledger.ByDue {
			values = append(values, ms(c.Now))
		}
		if join := f.joins[by]; !strings.Contains(joins, join) {
			joins += join
		}
	}
	w.is("t.program", c.Program)
	w.is("t.affiliate", c.Affiliate)
	among(&w, "t.site", c.Sites)
	among(&w, "t.kind", c.Kinds)
	if f.quarter || len(c.Steps) < 2 {
		f.span(&w, c)
	}
	q.WriteString("SELECT " + strings.Join(columns, ", ") + ", " + f.value + " FROM " + from + joins + w.String())
	var groups []string
	for i := range columns {
		if i > 0 || len(c.Steps) > 1 {
			groups = append(groups, strconv.Itoa(i+1))
		}
	}
	if list := strings.Join(groups, ", "); list != "" {
		q.WriteString(" GROUP BY " + list + " ORDER BY " + list) // which is one sort
	} else {
		q.WriteString(" HAVING count(*) > 0")
	}
	return q.String(), append(values, w.values...), nil
}

// span asks for the time of a cut. Where there are steps, they have the quarters.
func (f figure) span(w *where, c ledger.Cut) {
	if f.quarter && len(c.Steps) < 2 {
		w.span(f.time, c.From, c.To)
		return
	}
	if !c.From.IsZero() {
		w.add(f.time+" >= ?", ms(c.From))
	}
	if !c.To.IsZero() {
		w.add(f.time+" < ?", ms(c.To))
	}
}

// steps are a cut's, spelled as rows: in numbers, so that every engine knows what
// they are. What comes before the first is in it; none reaches beyond the cut, so
// that an engine has one beginning and one end to find rows by.
func (f figure) steps(c ledger.Cut) string {
	var q strings.Builder
	first, end := int64(-1)<<62, int64(1)<<62
	if !c.From.IsZero() {
		if first = ms(c.From); f.quarter {
			first = quarter(c.From)
		}
	}
	if !c.To.IsZero() {
		if end = ms(c.To); f.quarter {
			end = quarter(c.To) + 1
		}
	}
	for i := range c.Steps {
		since, until := first, end
		if i > 0 {
			since = max(first, ms(c.Steps[i]))
			q.WriteString(", ")
		}
		if i+1 < len(c.Steps) {
			until = min(end, ms(c.Steps[i+1]))
		}
		fmt.Fprintf(&q, "(%d, %d, %d)", i, since, until)
	}
	return q.String()
}

// atOnce is how many steps a statement has: each connection keeps a hundred of
// them prepared.
const atOnce = 500

func (x figures) add(f figure, c ledger.Cut) (sums []ledger.Sum, err error) {
	for i := 0; i == 0 || i < len(c.Steps); i += atOnce {
		some := c
		if j := i + atOnce; j < len(c.Steps) {
			if some.Steps = c.Steps[i:j]; c.To.IsZero() || c.Steps[j].Before(c.To) {
				some.To = c.Steps[j]
			}
		} else {
			some.Steps = c.Steps[i:]
		}
		if i > 0 && c.Steps[i].After(c.From) {
			some.From = c.Steps[i]
		}
		found, err := x.addSome(f, some)
		if err != nil {
			return nil, err
		}
		for k := range found {
			found[k].Step += i
		}
		sums = append(sums, found...)
	}
	return sums, nil
}

func (x figures) addSome(f figure, c ledger.Cut) (sums []ledger.Sum, err error) {
	query, values, err := f.statement(c)
	if err != nil {
		return nil, err
	}
	var s ledger.Sum
	into := []any{&s.Step}
	for _, by := range c.By {
		into = append(into, s.Of(by))
	}
	into = append(into, &s.Value)
	err = x.each(func(rows *sql.Rows) error {
		err := rows.Scan(into...)
		sums = append(sums, s)
		return err
	}, query, values...)
	return sums, err
}

func (x figures) Clicks(c ledger.Cut) ([]ledger.Sum, error) { return x.add(countClicks, c) }

func (x figures) Visitors(c ledger.Cut) (n int64, err error) {
	query, values, err := visitors(c)
	if err == nil {
		_, err = x.one(query, values, &n)
	}
	return n, err
}

// byVisitor splits listVisitors.
const byVisitor ledger.By = "visitor"

func visitors(c ledger.Cut) (query string, values []any, err error) {
	c.Steps, c.By = nil, []ledger.By{byVisitor}
	query, values, err = listVisitors.statement(c)
	return "SELECT count(*) FROM (" + query + ") AS visitors", values, err
}

func (x figures) Orders(c ledger.Cut) ([]ledger.Sum, error) {
	for _, by := range c.By {
		if by == ledger.ByProduct {
			return x.add(countOrdersOfProducts, c)
		}
	}
	return x.add(countOrders, c)
}

func (x figures) Sales(c ledger.Cut) ([]ledger.Sum, error) { return x.add(addSales, c) }

func (x figures) Commissions(c ledger.Cut) ([]ledger.Sum, error) { return x.add(addCommissions, c) }

// visitorOf is what tells whose a touch with these keys is, in eight bytes: FNV-1a
// of the first that is no click's. Own is hashed if there is none.
func visitorOf(keys []ledger.Key, own string) int64 {
	for _, key := range keys {
		if !strings.HasPrefix(string(key), "click:") {
			own = string(key)
			break
		}
	}
	h := fnv.New64a()
	h.Write([]byte(own)) // never fails
	return int64(h.Sum64())
}
