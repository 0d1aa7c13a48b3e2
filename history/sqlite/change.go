package sqlite

import (
	"context"
	"database/sql"
	"iter"

	"footfall/history"
	"footfall/period"
)

// change is days on their way into the rows.
type change struct {
	*month
	tx  *sql.Tx
	put *sql.Stmt
	n   int // rows and traits that changed
}

// writeDays writes days that differ, and returns how many rows and traits that changed.
func writeDays(ctx context.Context, tx *sql.Tx, site string, date period.Date, days iter.Seq2[*history.Day, error]) (rows int, err error) {
	n, err := siteNumber(tx, site)
	if err != nil {
		return 0, err
	}
	m, err := newMonth(tx, n, date)
	if err != nil {
		return 0, err
	}
	defer m.close()
	c := &change{month: m, tx: tx}
	if c.put, err = tx.Prepare("REPLACE INTO rows VALUES (?,?,?,?,?,?)"); err != nil {
		return 0, err
	}
	for day, err := range days {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = c.day(day)
		}
		if err != nil {
			return 0, err
		}
	}
	return c.n, nil
}

// day puts a visitor's day in its place.
func (c *change) day(day *history.Day) error {
	id, err := one[int64](c.find, c.site, day.Visitor)
	if err != nil {
		return err
	}
	stays := something(day)
	switch {
	case id == 0 && !stays: // forgotten meanwhile
		return nil
	case id == 0:
		if id, err = number(c.tx, addVisitor, c.site, day.Visitor); err != nil {
			return err
		}
	}
	if err := c.rows(id, day, func(r history.Row) error { return c.row(id, r) }); err != nil {
		return err
	}
	if err := c.traits(id, day.Traits); err != nil {
		return err
	}
	if stays {
		_, err = c.tx.Exec("INSERT INTO active (site, date, visitor) VALUES (?,?,?) ON CONFLICT DO NOTHING", c.site, c.date, id)
		return err
	}
	if _, err := c.tx.Exec("DELETE FROM active WHERE site = ? AND date = ? AND visitor = ?", c.site, c.date, id); err != nil {
		return err
	}
	_, err = c.tx.Exec(bury, c.site, id)
	return err
}

// row puts a row in its place.
func (c *change) row(id int64, row history.Row) (err error) {
	c.n++
	if row.Days == nil {
		_, err = c.tx.Exec("DELETE FROM rows WHERE site = ? AND visitor = ? AND kind = ? AND value = ? AND month = ?",
			c.site, id, row.Item.Kind, row.Item.Value, row.Month)
	} else {
		_, err = c.put.Exec(c.site, id, row.Item.Kind, row.Item.Value, row.Month, row.Days)
	}
	return err
}

// traits puts what was said on the date in its place.
func (c *change) traits(id int64, patch string) error {
	before, err := one[string](c.said, c.site, id, c.date)
	if patch == before || err != nil {
		return err
	}
	c.n++
	if patch == "" {
		_, err = c.tx.Exec("DELETE FROM traits WHERE site = ? AND visitor = ? AND date = ?", c.site, id, c.date)
	} else {
		_, err = c.tx.Exec("REPLACE INTO traits VALUES (?,?,?,?)", c.site, id, c.date, patch)
	}
	return err
}
