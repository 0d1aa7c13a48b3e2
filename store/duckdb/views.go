package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/metric"
	"footfall/store"
)

// expressions are what the columns of events are made of, where it is not the
// column of that name.
var expressions = map[string]string{
	"time": "make_timestamp(time_ms * 1000)", "measure_value::bigint": "1::BIGINT", "event_id": "id", "type": "kind",
	"visitor_id": "CASE WHEN visitor <> 0 THEN visitor::VARCHAR END", "session_id": "CASE WHEN session <> 0 THEN session::VARCHAR END",
	"amount": "amount * 0.001::DECIMAL(4,3)",
}

// views makes the tables that a query names.
func (p *selection) views(ctx context.Context, names []string) error {
	for _, t := range store.Tables {
		if !slices.Contains(names, strings.ToLower(t.Name)) {
			continue
		}
		var err error
		switch t.Name {
		case "PageViewsTable":
			err = p.events(ctx, t, "kind IN ('page', 'screen') AND bot = ''")
		case "EventsTable":
			err = p.events(ctx, t, "true")
		default:
			err = p.given(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// events makes a view of the asker's events that a condition holds for.
func (p *selection) events(ctx context.Context, t store.Table, where string) error {
	if err := p.codes(ctx); err != nil {
		return err
	}
	sites, website := "false", "NULL"
	if len(p.Sites) > 0 {
		var ids, whens []string
		for _, s := range p.Sites {
			ids = append(ids, quoted(s.ID))
			whens = append(whens, "WHEN "+quoted(s.ID)+" THEN "+quoted(s.Name))
		}
		sites, website = "site IN ("+strings.Join(ids, ", ")+")", "CASE site "+strings.Join(whens, " ")+" END"
	}
	mine := sites
	if a := p.Affiliate; a != nil {
		codes := []string{"NULL"}
		for _, c := range a.Codes {
			codes = append(codes, quoted(c))
		}
		mine += " AND class = '" + metric.ClassAffiliate + "' AND source IN (" + strings.Join(codes, ", ") + ")"
	}
	var columns []string
	for _, c := range t.Columns {
		from, other := expressions[c.Name]
		switch {
		case p.Affiliate != nil && slices.Contains(store.Private, c.Name):
			from = "NULL"
		case p.Affiliate != nil && slices.Contains(pseudonyms, c.Name):
			from = p.pseudonym(from)
		case c.Name == "website":
			from = website
		case c.Name == "measure_name":
			from = quoted(t.Measure)
		case c.Name == "affiliate_id":
			from = "named.affiliate"
		case !other:
			from = c.Name
		}
		// DuckDB may look at a query's own condition first, whose errors would tell of
		// another's row: there a column has nothing.
		columns = append(columns, fmt.Sprintf("CAST(CASE WHEN %s THEN %s END AS %s) AS %s", mine, from, c.Type, name(c.Name)))
	}
	return p.exec(ctx, fmt.Sprintf(`CREATE TEMP VIEW %s AS SELECT %s FROM %s.main.events LEFT JOIN temp.main."footfall codes" AS named ON class = '%s' AND source = named.code WHERE %s AND %s`,
		name(t.Name), strings.Join(columns, ", "), fileCatalog, metric.ClassAffiliate, mine, where))
}

// pseudonyms are the columns whose values an affiliate gets as pseudonyms of its own.
var pseudonyms = []string{"visitor_id", "session_id"}

// pseudonym is the same for the same value and asker, and tells nothing to who has
// those of another.
func (p *selection) pseudonym(from string) string {
	if p.Pseudonyms == "" {
		return "NULL"
	}
	return "md5_number_lower(" + quoted(p.Pseudonyms+" ") + " || (" + from + "))::VARCHAR"
}

// fileCatalog is what DuckDB calls the file.
const fileCatalog = "events"

// codes makes the table of codes with their affiliates, once.
func (p *selection) codes(ctx context.Context) error {
	if err := p.exec(ctx, `CREATE TEMP TABLE IF NOT EXISTS "footfall codes" (code VARCHAR, affiliate VARCHAR)`); err != nil || p.Codes == nil {
		return err
	}
	var rows [][]driver.Value
	for code, affiliate := range p.Codes {
		if p.Affiliate == nil || affiliate == p.Affiliate.ID {
			rows = append(rows, []driver.Value{code, affiliate})
		}
	}
	p.Codes = nil
	a, err := duckdb.NewAppender(p.conn, "temp", "main", "footfall codes")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := a.AppendRow(row...); err != nil {
			a.Close()
			return err
		}
	}
	return a.Close()
}

// given fills a table with rows that are kept elsewhere.
func (p *selection) given(ctx context.Context, t store.Table) error {
	var columns, raw []string
	for _, c := range t.Columns {
		kind := c.Type
		if strings.HasPrefix(kind, "DECIMAL") {
			kind = "BIGINT"
			columns = append(columns, fmt.Sprintf("CAST(%s * 0.0001::DECIMAL(5,4) AS %s) AS %[1]s", name(c.Name), c.Type))
		} else {
			columns = append(columns, name(c.Name))
		}
		raw = append(raw, name(c.Name)+" "+kind)
	}
	under := "footfall " + t.Name
	if err := p.exec(ctx, fmt.Sprintf(`CREATE TEMP TABLE "%s" (%s); CREATE TEMP VIEW "%s" AS SELECT %s FROM temp.main."%[1]s"`, under, strings.Join(raw, ", "), t.Name, strings.Join(columns, ", "))); err != nil {
		return err
	}
	rows := p.Given[t.Name]
	if rows == nil {
		return nil
	}
	a, err := duckdb.NewAppender(p.conn, "temp", "main", under)
	if err != nil {
		return err
	}
	n, values := 0, make([]driver.Value, len(t.Columns))
	err = rows(ctx, func(row ...any) error {
		if n++; n > store.MaxGiven {
			return refused(-1, fmt.Sprintf("%s has more than %d rows here, which SQL can't read at once: use a key of one site, or the ledger's CSV", t.Name, store.MaxGiven))
		}
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range values {
			values[i] = row[i]
		}
		return a.AppendRow(values...)
	})
	if err != nil {
		a.Close()
		return err
	}
	return a.Close()
}

// quoted is a text as SQL writes it, and name a name.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
func name(text string) string   { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
