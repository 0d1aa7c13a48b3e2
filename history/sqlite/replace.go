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

// Replace first finds the visitors whose day differs from what is kept, while
// others may write, and then writes only these. In memory are one visitor's rows,
// and a bit for each visitor of the site.
func (k *Keeper) Replace(ctx context.Context, site string, date period.Date, days iter.Seq2[history.Day, error],
	committing func(commit func() error) error) (report history.Report, err error) {
	if committing == nil {
		committing = func(commit func() error) error { return commit() }
	}
	report, err = k.replace(ctx, site, date, days, committing)
	if err != nil {
		return history.Report{}, fmt.Errorf("history: replace %s of site %s: %w", date, site, k.file.Judge(err))
	}
	return report, nil
}

func (k *Keeper) replace(ctx context.Context, site string, date period.Date, days iter.Seq2[history.Day, error],
	committing func(commit func() error) error) (report history.Report, err error) {
	select {
	case k.replacing <- struct{}{}: // what differs stays so until it is written
		defer func() { <-k.replacing }()
	case <-ctx.Done():
		return report, ctx.Err()
	}
	different := &spool{}
	defer different.close()
	if report.Visitors, err = k.compare(ctx, site, date, days, different); err != nil {
		return report, err
	}
	if different.days == 0 {
		return report, commit(ctx, committing, func() error { return nil })
	}
	err = k.file.On(ctx, k.writer, func(conn *sql.Conn, tx *sql.Tx) (err error) {
		if _, err := tx.Exec(logStay); err != nil {
			return err
		}
		// If it fails, the log is moved by another write: everything is on disk.
		defer conn.ExecContext(context.WithoutCancel(ctx), logMove)
		if report.Rows, err = writeDays(ctx, tx, site, date, different.all()); err != nil {
			return err
		}
		return commit(ctx, committing, tx.Commit)
	})
	return report, err
}

// commit lets committing call what commits, which it must.
func commit(ctx context.Context, committing func(func() error) error, do func() error) error {
	committed := false
	err := committing(func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := do()
		committed = err == nil
		return err
	})
	if err == nil && !committed {
		err = errors.New("what was to commit did not")
	}
	return err
}

// month is a site's rows of a date's month, seen by a connection.
type month struct {
	site   int64
	date   period.Date
	first  period.Date
	get    *sql.Stmt
	said   *sql.Stmt
	find   *sql.Stmt
	active *sql.Stmt
}

func newMonth(db asker, site int64, date period.Date) (m *month, err error) {
	m = &month{site: site, date: date, first: date.MonthStart()}
	for query, into := range map[string]**sql.Stmt{
		findVisitor: &m.find,
		"SELECT kind, value, days FROM rows WHERE site = ? AND visitor = ? AND month = ?": &m.get,
		"SELECT patch FROM traits WHERE site = ? AND visitor = ? AND date = ?":            &m.said,
		"SELECT 1 FROM active WHERE site = ? AND date = ? AND visitor = ?":                &m.active,
	} {
		if *into, err = db.PrepareContext(context.Background(), query); err != nil {
			m.close()
			return nil, err
		}
	}
	return m, nil
}

func (m *month) close() {
	for _, s := range []*sql.Stmt{m.find, m.get, m.said, m.active} {
		if s != nil {
			s.Close()
		}
	}
}

// one reads one value, if there is a row; its zero value if not.
func one[T any](s *sql.Stmt, values ...any) (value T, err error) {
	if err = s.QueryRow(values...).Scan(&value); errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, err
}

// rows hands over what becomes of the visitor's rows of the month with a day;
// one without Days goes.
func (m *month) rows(visitor int64, day *history.Day, changed func(history.Row) error) error {
	kept, err := m.kept(visitor)
	if err != nil {
		return err
	}
	change := func(item history.Item, before []byte) error {
		row := history.Row{Item: item, Month: m.first, Days: before}
		if err := row.SetDay(m.date, day.Counts[item]); err != nil || string(row.Days) == string(before) {
			return err
		}
		return changed(row)
	}
	for item, before := range kept {
		if err := change(item, before); err != nil {
			return err
		}
	}
	for item := range day.Counts {
		if kept[item] != nil {
			continue
		}
		if err := change(item, nil); err != nil {
			return err
		}
	}
	return nil
}

// kept is the days of the visitor's rows of the month.
func (m *month) kept(visitor int64) (map[history.Item][]byte, error) {
	rows, err := m.get.Query(m.site, visitor, m.first)
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

// something reports whether anything is in a day.
func something(day *history.Day) bool {
	for _, c := range day.Counts {
		if c != (history.Counts{}) {
			return true
		}
	}
	return day.Traits != ""
}
