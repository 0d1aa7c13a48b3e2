package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"footfall/bins"
	engine "footfall/engine/sqlite"
	"footfall/metric"
	"footfall/period"
)

// The daily table is made of bins: daily_stale lists the dates whose bins
// changed since their lines were written. A roll writes it in its transaction.
const dailySchema = `
CREATE TABLE daily_pages (
	site     TEXT NOT NULL,
	date     TEXT NOT NULL, -- 2026-11-20, of the site's zone
	page     TEXT NOT NULL,
	views    INTEGER NOT NULL,
	visitors INTEGER NOT NULL,
	estimate INTEGER NOT NULL, -- 1: visitors are estimated
	PRIMARY KEY (site, date, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily_stale (
	site TEXT NOT NULL,
	date TEXT NOT NULL,
	mark INTEGER NOT NULL, -- grows with each roll of the date
	PRIMARY KEY (site, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE done (
	job  TEXT NOT NULL,
	site TEXT NOT NULL,
	date TEXT NOT NULL, -- the last one
	PRIMARY KEY (job, site)
) STRICT, WITHOUT ROWID;
`

const markStale = "INSERT INTO daily_stale VALUES (?,?,1) ON CONFLICT DO UPDATE SET mark = mark + 1"

// prepareDaily makes the tables where they are not there yet. Then all days
// that have bins are stale.
func prepareDaily(f *engine.File, path string) error {
	var tables int
	if err := f.Writer.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = 'daily_pages'").Scan(&tables); err != nil {
		return f.Unreadable(err)
	}
	if tables > 0 {
		return nil
	}
	tx, err := f.Writer.Begin()
	if err != nil {
		return fmt.Errorf("bins: %s: %w", path, err)
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.Exec(dailySchema); err != nil {
		return fmt.Errorf("bins: %s: %w", path, err)
	}
	_, err = tx.Exec(`INSERT INTO daily_stale SELECT site, date(substr(period, 2, 4) || '-01-01', '+' || (substr(period, 7) - 1) || ' days'), 1
		FROM bins WHERE dimension = '' AND period LIKE 'D%'`)
	if err != nil {
		return f.Unreadable(err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("bins: %s: %w", path, err)
	}
	return nil
}

// stale marks the days of a plan, if it changes anything.
func (p *plan) stale(tx *sql.Tx, days []bins.DayTally) error {
	if len(p.changes) == 0 {
		return nil
	}
	for _, t := range days {
		if t.Day.Site != p.site {
			continue
		}
		if _, err := tx.ExecContext(p.ctx, markStale, p.site, t.Day.Date.String()); err != nil {
			return err
		}
	}
	return nil
}

// staleAll marks the dates that have lines, of a site or of all if site is "":
// their bins are forgotten. The lines stay until the dates are rolled again.
func staleAll(ctx context.Context, tx *sql.Tx, site string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO daily_stale SELECT DISTINCT site, date, 1 FROM daily_pages WHERE site = ?1 OR ?1 = ''
		ON CONFLICT DO UPDATE SET mark = mark + 1`, site)
	return err
}

// StaleDates is the dates of a site whose lines of the daily table are older than their
// bins, each with a mark for Settle.
func (d *Durable) StaleDates(ctx context.Context, site string) (map[period.Date]int64, error) {
	return d.marks(ctx, "SELECT date, mark FROM daily_stale WHERE site = ?", site)
}

// marks reads the dates of a site with their marks.
func (d *Durable) marks(ctx context.Context, query, site string) (map[period.Date]int64, error) {
	marks := map[period.Date]int64{}
	rows, err := d.reader.QueryContext(ctx, query, site)
	if err != nil {
		return nil, fmt.Errorf("bins: daily table: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var mark int64
		if err := rows.Scan(&text, &mark); err != nil {
			return nil, fmt.Errorf("bins: daily table: %w", err)
		}
		date, err := parseDate(text)
		if err != nil {
			return nil, err
		}
		marks[date] = mark
	}
	return marks, rows.Err()
}

// PutPages replaces the lines of dates in the daily table, in one transaction.
// Every line's date must be among them.
func (d *Durable) PutPages(ctx context.Context, site string, dates []period.Date, lines []metric.PageDay) error {
	return d.daily(ctx, func(tx *sql.Tx) error {
		for _, date := range dates {
			if _, err := tx.ExecContext(ctx, "DELETE FROM daily_pages WHERE site = ? AND date = ?", site, date.String()); err != nil {
				return err
			}
		}
		put, err := tx.PrepareContext(ctx, "INSERT INTO daily_pages VALUES (?,?,?,?,?,?)")
		if err != nil {
			return err
		}
		defer put.Close()
		for _, l := range lines {
			if _, err := put.ExecContext(ctx, site, l.Date.String(), l.Page, l.Views, l.Visitors, l.Estimate); err != nil {
				return err
			}
		}
		return nil
	})
}

// Settle tells that the lines of a site's stale dates are written, and their
// files. Dates that were rolled again since StaleDates stay stale.
func (d *Durable) Settle(ctx context.Context, site string, dates map[period.Date]int64) error {
	return d.daily(ctx, func(tx *sql.Tx) error {
		for date, mark := range dates {
			if _, err := tx.ExecContext(ctx, "DELETE FROM daily_stale WHERE site = ? AND date = ? AND mark = ?", site, date.String(), mark); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunk is how many lines are read at a time: a slow taker keeps no connection.
const chunk = 2000

// PageDays hands over the lines of a site's dates, to not included, by date and page.
func (d *Durable) PageDays(ctx context.Context, site string, from, to period.Date, fn func(metric.PageDay) error) error {
	from, to = max(from, firstDate), min(to, endDate)
	if from >= to {
		return nil
	}
	after, page := (from-1).String()+"~", "" // behind every line of the date before
	for {
		lines, err := d.pages(ctx, site, after, page, to)
		if err != nil {
			return fmt.Errorf("bins: daily table: %w", err)
		}
		for _, l := range lines {
			if err := fn(l); err != nil {
				return err
			}
		}
		if len(lines) < chunk {
			return nil
		}
		last := lines[len(lines)-1]
		after, page = last.Date.String(), last.Page
	}
}

func (d *Durable) pages(ctx context.Context, site, after, page string, to period.Date) (lines []metric.PageDay, err error) {
	rows, err := d.reader.QueryContext(ctx, `SELECT date, page, views, visitors, estimate FROM daily_pages
		WHERE site = ? AND (date, page) > (?, ?) AND date <= ? ORDER BY date, page LIMIT ?`, site, after, page, (to - 1).String(), chunk)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l metric.PageDay
		var text string
		if err := rows.Scan(&text, &l.Page, &l.Views, &l.Visitors, &l.Estimate); err != nil {
			return nil, err
		}
		if l.Date, err = parseDate(text); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, rows.Err()
}

// Done is the last date a job was done for at a site.
func (d *Durable) Done(ctx context.Context, job, site string) (last period.Date, known bool, err error) {
	var text string
	err = d.reader.QueryRowContext(ctx, "SELECT date FROM done WHERE job = ? AND site = ?", job, site).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err == nil {
		last, err = parseDate(text)
	}
	if err != nil {
		return 0, false, fmt.Errorf("bins: job %s: %w", job, err)
	}
	return last, true, nil
}

// SetDone remembers the last date a job was done for at a site.
func (d *Durable) SetDone(ctx context.Context, job, site string, last period.Date) error {
	return d.daily(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "REPLACE INTO done VALUES (?,?,?)", job, site, last.String())
		return err
	})
}

// daily runs change in a transaction. It leaves the state of the bins alone.
func (d *Durable) daily(ctx context.Context, change func(tx *sql.Tx) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("bins: daily table: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	if err := change(tx); err != nil {
		return fmt.Errorf("bins: daily table: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("bins: daily table: %w", err)
	}
	return nil
}

func parseDate(text string) (period.Date, error) {
	t, err := time.Parse("2006-01-02", text)
	if err != nil {
		return 0, fmt.Errorf("bins: daily table: %w", errRow)
	}
	return period.DateOf(t, nil), nil
}
