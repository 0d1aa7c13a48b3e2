package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"footfall/history"
	"footfall/period"
)

// Replace goes through the days and then through those who were active on the
// date and are not any more. In memory are one visitor's rows, and a bit for
// each visitor of the site.
func (k *Keeper) Replace(ctx context.Context, site string, date period.Date, days iter.Seq2[history.Day, error],
	committing func(commit func() error) error) (report history.Report, err error) {
	if committing == nil {
		committing = func(commit func() error) error { return commit() }
	}
	err = on(ctx, k.writer, func(conn *sql.Conn, tx *sql.Tx) error {
		if _, err := tx.Exec(logStay); err != nil {
			return err
		}
		// If it fails, the log is moved by another write: everything is on disk.
		defer conn.ExecContext(context.WithoutCancel(ctx), logMove)
		if report, err = replace(ctx, tx, site, date, days); err != nil {
			return err
		}
		committed := false
		err := committing(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := tx.Commit()
			committed = err == nil
			return err
		})
		if err == nil && !committed {
			err = errors.New("what was to commit did not")
		}
		return err
	})
	if err != nil {
		return history.Report{}, fmt.Errorf("history: replace %s of site %s: %w", date, site, err)
	}
	return report, nil
}

// replacement is a Replace on its way.
type replacement struct {
	tx     *sql.Tx
	site   int64
	date   period.Date
	month  period.Date
	seen   []uint64 // a bit for each visitor: has something on the date
	rows   int      // that changed
	find   *sql.Stmt
	get    *sql.Stmt
	said   *sql.Stmt
	put    *sql.Stmt
	active *sql.Stmt
}

func replace(ctx context.Context, tx *sql.Tx, site string, date period.Date, days iter.Seq2[history.Day, error]) (report history.Report, err error) {
	r := &replacement{tx: tx, date: date, month: date.MonthStart()}
	if r.site, err = siteNumber(tx, site); err != nil {
		return report, err
	}
	for query, into := range map[string]**sql.Stmt{
		findVisitor: &r.find,
		"SELECT kind, value, days FROM rows WHERE site = ? AND visitor = ? AND month = ?": &r.get,
		"SELECT patch FROM traits WHERE site = ? AND visitor = ? AND date = ?":            &r.said,
		"REPLACE INTO rows VALUES (?,?,?,?,?,?)":                                          &r.put,
		"INSERT INTO active (site, date, visitor) VALUES (?,?,?) ON CONFLICT DO NOTHING":  &r.active,
	} {
		if *into, err = tx.Prepare(query); err != nil {
			return report, err
		}
	}
	last := ""
	for day, err := range days {
		if err != nil {
			return report, err
		}
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if day.Visitor <= last {
			return report, errors.New("days are out of order, or two of one visitor")
		}
		last = day.Visitor
		something, err := r.day(&day)
		if err != nil {
			return report, err
		}
		if something {
			report.Visitors++
		}
	}
	err = r.clear(ctx)
	report.Rows = r.rows
	return report, err
}

// day puts a visitor's day in its place and reports whether anything is in it.
func (r *replacement) day(day *history.Day) (something bool, err error) {
	something = day.Traits != ""
	for _, c := range day.Counts {
		something = something || c != history.Counts{}
	}
	if !something {
		return false, nil
	}
	var id int64
	switch err := r.find.QueryRow(r.site, day.Visitor).Scan(&id); {
	case errors.Is(err, sql.ErrNoRows):
		if id, err = number(r.tx, addVisitor, r.site, day.Visitor); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	}
	for int(id/64) >= len(r.seen) {
		r.seen = append(r.seen, 0)
	}
	r.seen[id/64] |= 1 << (id % 64)
	if _, err := r.active.Exec(r.site, r.date, id); err != nil {
		return false, err
	}
	return true, r.change(id, day)
}

// change writes what differs between a visitor's day and what is kept of it.
func (r *replacement) change(id int64, day *history.Day) error {
	kept, err := r.kept(id)
	if err != nil {
		return err
	}
	for item, before := range kept {
		if err := r.row(id, history.Row{Item: item, Month: r.month, Days: before}, day.Counts[item]); err != nil {
			return err
		}
	}
	for item, c := range day.Counts {
		if kept[item] != nil {
			continue
		}
		if err := r.row(id, history.Row{Item: item, Month: r.month}, c); err != nil {
			return err
		}
	}
	return r.traits(id, day.Traits)
}

// kept is the days of the visitor's rows of the month.
func (r *replacement) kept(id int64) (map[history.Item][]byte, error) {
	rows, err := r.get.Query(r.site, id, r.month)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	kept := map[history.Item][]byte{}
	for rows.Next() {
		var item history.Item
		var days []byte
		if err := rows.Scan(&item.Kind, &item.Value, &days); err != nil {
			return nil, err
		}
		kept[item] = days
	}
	return kept, rows.Err()
}

// row puts the date's figures into a row, if that changes it.
func (r *replacement) row(id int64, row history.Row, c history.Counts) error {
	before := string(row.Days)
	if err := row.SetDay(r.date, c); err != nil {
		return err
	}
	if string(row.Days) == before {
		return nil
	}
	r.rows++
	if row.Days == nil {
		_, err := r.tx.Exec("DELETE FROM rows WHERE site = ? AND visitor = ? AND kind = ? AND value = ? AND month = ?",
			r.site, id, row.Item.Kind, row.Item.Value, row.Month)
		return err
	}
	_, err := r.put.Exec(r.site, id, row.Item.Kind, row.Item.Value, row.Month, row.Days)
	return err
}

func (r *replacement) traits(id int64, patch string) error {
	var before string
	if err := r.said.QueryRow(r.site, id, r.date).Scan(&before); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if patch == before {
		return nil
	}
	r.rows++
	if patch == "" {
		_, err := r.tx.Exec("DELETE FROM traits WHERE site = ? AND visitor = ? AND date = ?", r.site, id, r.date)
		return err
	}
	_, err := r.tx.Exec("REPLACE INTO traits VALUES (?,?,?,?)", r.site, id, r.date, patch)
	return err
}

// clear takes the date away from those who were active on it and were not seen.
func (r *replacement) clear(ctx context.Context) error {
	for last := int64(0); ; {
		some, err := r.someActive(last)
		if err != nil || len(some) == 0 {
			return err
		}
		last = some[len(some)-1]
		for _, id := range some {
			if int(id/64) < len(r.seen) && r.seen[id/64]&(1<<(id%64)) != 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := r.change(id, &history.Day{}); err != nil {
				return err
			}
			if _, err := r.tx.Exec("DELETE FROM active WHERE site = ? AND date = ? AND visitor = ?", r.site, r.date, id); err != nil {
				return err
			}
			if _, err := r.tx.Exec(bury, r.site, id); err != nil {
				return err
			}
		}
	}
}

// someActive lists, behind a visitor, some who are active on the date.
func (r *replacement) someActive(behind int64) (some []int64, err error) {
	rows, err := r.tx.Query("SELECT visitor FROM active WHERE site = ? AND date = ? AND visitor > ? ORDER BY visitor LIMIT 1000", r.site, r.date, behind)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		some = append(some, id)
	}
	return some, rows.Err()
}
