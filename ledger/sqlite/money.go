package sqlite

import (
	"database/sql"
	"fmt"

	"footfall/ledger"
)

// money is ledger.Money.
type money struct{ *tx }

const (
	entryColumns = "id, program, affiliate, site, order_id, line, product, kind, amount, currency, occurred, available, posted, rule, cause, payout"
	addEntry     = "INSERT INTO entries (" + entryColumns + ", quarter) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
	takeEntry    = "UPDATE entries SET payout = ? WHERE id = ? AND payout = ''"
	freeEntry    = "UPDATE entries SET payout = '' WHERE id = ?"
	getPayout    = "SELECT payout FROM entries WHERE id = ?"
)

func (x money) Tables() ledger.Tables { return tables(x) }

func (x money) Post(entries ...ledger.Entry) error {
	return x.whole(func() error {
		for _, e := range entries {
			n, err := x.exec(addEntry, e.ID, e.Program, e.Affiliate, e.Site, e.Order, e.Line, e.Product, string(e.Kind), e.Amount, e.Currency,
				ms(e.Occurred), ms(e.Available), ms(e.Posted), e.Rule, e.Cause, e.Payout, quarter(e.Occurred))
			if err == nil && n == 0 {
				err = ledger.ErrTaken
			}
			if err != nil {
				return fmt.Errorf("entry %s, %s of order %s: %w", e.ID, e.Kind, e.Order, err)
			}
		}
		return nil
	})
}

func (x money) Entries(f ledger.EntryFilter) (found []ledger.Entry, err error) {
	var before int64
	if f.Before != "" {
		has, err := x.one("SELECT posted FROM entries WHERE id = ?", []any{f.Before}, &before)
		if err == nil && !has {
			err = ledger.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("entries behind %s: %w", f.Before, err)
		}
	}
	query, values := listEntries(f, before)
	err = x.each(func(rows *sql.Rows) error {
		var e ledger.Entry
		err := rows.Scan(&e.ID, &e.Program, &e.Affiliate, &e.Site, &e.Order, &e.Line, &e.Product, &e.Kind, &e.Amount, &e.Currency,
			moment{&e.Occurred}, moment{&e.Available}, moment{&e.Posted}, &e.Rule, &e.Cause, &e.Payout)
		found = append(found, e)
		return err
	}, query, values...)
	return found, err
}

// entries is the conditions of a filter, without those of a page.
func entries(f ledger.EntryFilter) (w where) {
	w.is("id", f.ID)
	w.is("program", f.Program)
	w.is("affiliate", f.Affiliate)
	w.is("site", f.Site)
	w.is("order_id", f.Order)
	if w.is("payout", f.Payout); f.Payout != "" {
		w.add("payout <> ''") // as entries_payout has it
	}
	w.is("currency", f.Currency)
	among(&w, "kind", f.Kinds)
	w.span("occurred", f.From, f.To)
	w.ripe(f.RipeFrom, f.RipeTo)
	if f.Unpaid {
		w.add("payout = ''")
		w.add("kind NOT IN (?, ?)", string(ledger.PaidOut), string(ledger.PayoutFailed))
	}
	return w
}

// listEntries is the statement of a filter; before is when f.Before was posted.
func listEntries(f ledger.EntryFilter, before int64) (query string, values []any) {
	w := entries(f)
	if f.Before != "" {
		w.add("(posted, id) < (?, ?)", before, f.Before)
	}
	query = "SELECT " + entryColumns + " FROM entries" + w.String() + " ORDER BY posted DESC, id DESC"
	if f.Limit > 0 {
		query, w.values = query+" LIMIT ?", append(w.values, f.Limit)
	}
	return query, w.values
}

const (
	addEntries = "SELECT quarter, affiliate, site, product, currency, kind, sum(amount), count(*) FROM entries"
	sumOrder   = " GROUP BY quarter, affiliate, site, product, currency, kind ORDER BY quarter, affiliate, site, product, currency, kind"
)

func (x money) Sums(f ledger.EntryFilter) (sums []ledger.Sum, err error) {
	w := entries(f)
	err = x.each(func(rows *sql.Rows) error {
		var s ledger.Sum
		err := rows.Scan(moment{&s.Quarter}, &s.Affiliate, &s.Site, &s.Product, &s.Currency, &s.Kind, &s.Amount, &s.Entries)
		sums = append(sums, s)
		return err
	}, addEntries+w.String()+sumOrder, w.values...)
	return sums, err
}

func (x money) Take(payout string, entries ...string) error {
	return x.whole(func() error {
		for _, id := range entries {
			if err := x.take(payout, id); err != nil {
				return fmt.Errorf("entry %s: %w", id, err)
			}
		}
		return nil
	})
}

func (x money) take(payout, id string) error {
	query, values := takeEntry, []any{payout, id}
	if payout == "" {
		query, values = freeEntry, []any{id}
	}
	if n, err := x.exec(query, values...); err != nil || n > 0 {
		return err
	}
	var has string
	found, err := x.one(getPayout, []any{id}, &has)
	switch {
	case err != nil:
		return err
	case !found:
		return ledger.ErrNotFound
	}
	return fmt.Errorf("%w by payout %s", ledger.ErrTaken, has)
}
