package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"footfall/bins"
	"footfall/period"
)

// periodsOf is a table p of the periods from one up to another (?3 and ?4) that
// a site and dimension (?1 and ?2) have rows of, ending with NULL. It steps from
// one to the next in the primary key, over all values between.
const periodsOf = `p (period) AS (
	SELECT min(period) FROM bins WHERE site = ?1 AND dimension = ?2 AND period >= ?3 AND period <= ?4
	UNION ALL
	SELECT (SELECT min(b.period) FROM bins b WHERE b.site = ?1 AND b.dimension = ?2 AND b.period > p.period AND b.period <= ?4)
	FROM p WHERE p.period IS NOT NULL)`

// What a stretch of rows is read for.
const (
	sums         = "coalesce(counts, ''), '', NULL"
	sumsVisitors = "coalesce(counts, ''), '', visitors"
	days         = "'', coalesce(days, ''), NULL"
	dayVisitors  = "'', '', visitors"
)

// How rows are found by the primary key: a range of periods with every value, or
// with one (?5), or single periods (a JSON array) of one value.
const (
	eachValue = "SELECT value, period, %s FROM bins WHERE site = ?1 AND dimension = ?2 AND period >= ?3 AND period <= ?4"
	oneValue  = "WITH RECURSIVE " + periodsOf + ` SELECT value, bins.period, %s FROM p CROSS JOIN bins
		WHERE site = ?1 AND dimension = ?2 AND bins.period = p.period AND value = ?5`
	oneOf = `SELECT value, period, %s FROM bins
		WHERE site = ?1 AND dimension = ?2 AND period IN (SELECT value FROM json_each(?3)) AND value = ?4`
)

// found is a row that was read.
type found struct {
	value, period string
	row
}

// question is a range on its way.
type question struct {
	bins.Range
	whole  bins.Span   // months read as one bin each; empty if there are none
	singly []bins.Span // dates read as days
	rows   []found
}

// Read reads the rows at one moment and hands over their bins.
func (d *Durable) Read(ctx context.Context, r bins.Range, fn func(value string, span bins.Span, b *bins.Bin) error) error {
	r.From, r.To = max(r.From, firstDate), min(r.To, endDate)
	if err := ctx.Err(); err != nil || r.From >= r.To {
		return err
	}
	q := &question{Range: r}
	q.cut()
	if err := q.gather(ctx, d.reader); err != nil {
		return fmt.Errorf("bins: read site %s: %w", r.Site, err)
	}
	slices.SortFunc(q.rows, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.period, b.period))
	})
	return q.answer(fn)
}

// cut parts the range into whole months and single days.
func (q *question) cut() {
	q.singly = []bins.Span{{From: q.From, To: q.To}}
	if !q.Months {
		return
	}
	first, end := q.From.MonthStart(), q.To.MonthStart()
	if first < q.From {
		first = q.From.NextMonth()
	}
	if first >= end {
		return
	}
	q.whole, q.singly = bins.Span{From: first, To: end}, nil
	if q.From < first {
		q.singly = append(q.singly, bins.Span{From: q.From, To: first})
	}
	if end < q.To {
		q.singly = append(q.singly, bins.Span{From: end, To: q.To})
	}
}

// gather reads the rows: in one statement, or, with visitors of days, in several
// that see the same moment.
func (q *question) gather(ctx context.Context, db *sql.DB) error {
	whole := q.whole.From < q.whole.To
	if len(q.singly) == 0 || !whole && !q.Visitors {
		return q.months(ctx, db, whole)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // it only reads
	if err := q.months(ctx, tx, whole); err != nil || !q.Visitors {
		return err
	}
	if !q.Each {
		return q.daysOfOne(ctx, tx)
	}
	for _, span := range q.singly {
		if err := q.stretch(ctx, tx, dayVisitors, span.From.Day(), (span.To - 1).Day()); err != nil {
			return err
		}
	}
	return nil
}

// asked is a connection or a transaction.
type asked interface {
	QueryContext(ctx context.Context, query string, values ...any) (*sql.Rows, error)
}

// months reads the rows of months, of whole ones the sums and of others the days.
func (q *question) months(ctx context.Context, db asked, whole bool) error {
	if whole {
		columns := sums
		if q.Visitors {
			columns = sumsVisitors
		}
		if err := q.stretch(ctx, db, columns, q.whole.From.Month(), (q.whole.To - 1).Month()); err != nil {
			return err
		}
	}
	for _, span := range q.singly {
		if err := q.stretch(ctx, db, days, span.From.Month(), (span.To - 1).Month()); err != nil {
			return err
		}
	}
	return nil
}

// daysOfOne reads the rows of those days of one subject that its months list.
func (q *question) daysOfOne(ctx context.Context, db asked) error {
	var keys []string
	for i := range q.rows {
		f := &q.rows[i]
		list, err := parseDays(f.days)
		if err != nil {
			return damaged(f, err)
		}
		month, _, err := period.ParsePeriod(f.period)
		if err != nil {
			return damaged(f, err)
		}
		for _, day := range list {
			if date := month.InYear(day.n); date >= q.From && date < q.To {
				keys = append(keys, date.Day())
			}
		}
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return q.read(ctx, db, fmt.Sprintf(oneOf, dayVisitors), q.Site, string(q.By), string(list), q.Value)
}

// stretch reads the rows from one period up to another.
func (q *question) stretch(ctx context.Context, db asked, columns, from, to string) error {
	if q.Each {
		return q.read(ctx, db, fmt.Sprintf(eachValue, columns), q.Site, string(q.By), from, to)
	}
	return q.read(ctx, db, fmt.Sprintf(oneValue, columns), q.Site, string(q.By), from, to, q.Value)
}

func (q *question) read(ctx context.Context, db asked, query string, values ...any) error {
	rows, err := db.QueryContext(ctx, query, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.value, &f.period, &f.counts, &f.days, &f.visitors); err != nil {
			return err
		}
		q.rows = append(q.rows, f)
	}
	return rows.Err()
}

// answer hands over the bins of rows in order. A value's rows of days stand
// before those of months, as D is before M.
func (q *question) answer(fn func(value string, span bins.Span, b *bins.Bin) error) error {
	sketches := map[period.Date][]byte{}
	for i := range q.rows {
		f := &q.rows[i]
		if i > 0 && f.value != q.rows[i-1].value {
			clear(sketches)
		}
		from, to, err := period.ParsePeriod(f.period)
		switch {
		case err != nil:
		case f.period[0] == 'D':
			sketches[from] = f.visitors
			continue
		case from >= q.whole.From && from < q.whole.To:
			err = month(f, bins.Span{From: from, To: to}, fn)
		default:
			err = q.days(f, from, sketches, fn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func damaged(f *found, err error) error {
	return fmt.Errorf("bins: %s of %q: %w", f.period, f.value, err)
}

func month(f *found, span bins.Span, fn func(string, bins.Span, *bins.Bin) error) (err error) {
	var b bins.Bin
	if b.Counts, err = parseCounts(f.counts); err != nil {
		return damaged(f, err)
	}
	if err := parseSketch(f.visitors, &b.Visitors); err != nil {
		return damaged(f, err)
	}
	return fn(f.value, span, &b)
}

// days hands over a month's days that lie in the range.
func (q *question) days(f *found, month period.Date, sketches map[period.Date][]byte, fn func(string, bins.Span, *bins.Bin) error) error {
	days, err := parseDays(f.days)
	if err != nil {
		return damaged(f, err)
	}
	for i := range days {
		date := month.InYear(days[i].n)
		if date < q.From || date >= q.To {
			continue
		}
		b := bins.Bin{Counts: days[i].counts}
		sketch, has := sketches[date]
		if q.Visitors && !has {
			return damaged(f, fmt.Errorf("%s has no row: %w", date.Day(), errRow))
		}
		if err := parseSketch(sketch, &b.Visitors); err != nil {
			return damaged(f, err)
		}
		if err := fn(f.value, bins.Span{From: date, To: date + 1}, &b); err != nil {
			return err
		}
	}
	return nil
}
