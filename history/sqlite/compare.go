package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"path/filepath"

	"footfall/history"
	"footfall/period"
)

// comparison finds which visitors' days of a date differ from what is kept.
type comparison struct {
	*month
	conn      *sql.Conn
	folder    string
	seen      []uint64 // a bit for each visitor: has something on the date
	different *spool
}

// compare adds the days that differ, empty ones of those who were active and are
// not any more, and returns how many visitors have something. It has no
// transaction, so that nobody waits for the days: others may move or forget
// visitors meanwhile, but only Replace changes a date's rows.
func (k *Keeper) compare(ctx context.Context, site string, date period.Date, days iter.Seq2[history.Day, error], different *spool) (visitors int, err error) {
	conn, err := k.walker.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	n, err := number(conn, findSite, site)
	if err != nil {
		return 0, err
	}
	m, err := newMonth(conn, n, date)
	if err != nil {
		return 0, err
	}
	defer m.close()
	c := &comparison{month: m, conn: conn, folder: filepath.Dir(k.path), different: different}
	last := ""
	for day, err := range days {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && day.Visitor <= last {
			err = errors.New("days are out of order, or two of one visitor")
		}
		if err != nil {
			return 0, err
		}
		last = day.Visitor
		if !something(&day) {
			continue
		}
		visitors++
		if err := c.day(&day); err != nil {
			return 0, err
		}
	}
	return visitors, c.gone(ctx)
}

// day adds a day if it differs.
func (c *comparison) day(day *history.Day) error {
	id, err := one[int64](c.find, c.site, day.Visitor)
	if err != nil {
		return err
	}
	differs := id == 0
	if !differs {
		for int(id/64) >= len(c.seen) {
			c.seen = append(c.seen, 0)
		}
		c.seen[id/64] |= 1 << (id % 64)
		if differs, err = c.differs(id, day); err != nil {
			return err
		}
	}
	if !differs {
		return nil
	}
	return c.different.add(day, c.folder)
}

func (c *comparison) differs(id int64, day *history.Day) (bool, error) {
	active, err := one[bool](c.active, c.site, c.date, id)
	if err != nil {
		return false, err
	}
	said, err := one[string](c.said, c.site, id, c.date)
	if err != nil {
		return false, err
	}
	differs := !active || said != day.Traits
	err = c.rows(id, day, func(history.Row) error { differs = true; return nil })
	return differs, err
}

// gone adds an empty day for those who were active on the date and were not seen.
func (c *comparison) gone(ctx context.Context) error {
	for last := int64(0); ; {
		some, err := c.someActive(last)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, one := range some {
			last = one.id
			if int(last/64) < len(c.seen) && c.seen[last/64]&(1<<(last%64)) != 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.different.add(&history.Day{Visitor: one.name}, c.folder); err != nil {
				return err
			}
		}
	}
}

type visitor struct {
	id   int64
	name string
}

const getActive = "SELECT a.visitor, v.visitor FROM active a JOIN visitors v ON v.site = a.site AND v.id = a.visitor " +
	"WHERE a.site = ? AND a.date = ? AND a.visitor > ? ORDER BY a.visitor LIMIT 1000"

// someActive lists, behind a visitor, some who are active on the date.
func (c *comparison) someActive(behind int64) (some []visitor, err error) {
	rows, err := c.conn.QueryContext(context.Background(), getActive, c.site, c.date, behind)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v visitor
		if err := rows.Scan(&v.id, &v.name); err != nil {
			return nil, err
		}
		some = append(some, v)
	}
	return some, rows.Err()
}
