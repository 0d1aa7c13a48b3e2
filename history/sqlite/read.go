package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"footfall/history"
)

// What is kept of a visitor (?2) or, without the middle, of all of a site (?1).
const (
	ofVisitor  = " AND visitor = ?2"
	getRows    = "SELECT visitor, kind, value, month, days FROM rows WHERE site = ?1%s%s ORDER BY visitor, kind, value, month"
	getTraits  = "SELECT visitor, date, patch FROM traits WHERE site = ?1%s ORDER BY visitor, date"
	getMembers = "SELECT visitor, segment, version, since FROM members WHERE site = ?1%s ORDER BY visitor, segment"
	// ofItems are pairs of kind and value in a JSON array, in hexadecimal digits,
	// as values need not be what JSON takes for text.
	ofItems = " AND (kind, value) IN (SELECT value ->> 0, CAST(unhex(value ->> 1) AS TEXT) FROM json_each(?3))"
)

// spelled is items for ofItems.
func spelled(items []history.Item) (string, error) {
	pairs := make([][2]string, len(items))
	for i, item := range items {
		pairs[i] = [2]string{string(item.Kind), hex.EncodeToString([]byte(item.Value))}
	}
	text, err := json.Marshal(pairs)
	return string(text), err
}

// lane is the rows of a query that come by visitor.
type lane[T any] struct {
	rows    *sql.Rows
	scan    func(rows *sql.Rows, visitor *int64, one *T) error
	visitor int64 // whose next is; 0 at the end
	next    T
}

func open[T any](tx *sql.Tx, scan func(*sql.Rows, *int64, *T) error, query string, values ...any) (*lane[T], error) {
	rows, err := tx.Query(query, values...)
	if err != nil {
		return nil, err
	}
	l := &lane[T]{rows: rows, scan: scan}
	return l, l.step()
}

func (l *lane[T]) step() error {
	l.visitor, l.next = 0, *new(T)
	if !l.rows.Next() {
		return l.rows.Err()
	}
	return l.scan(l.rows, &l.visitor, &l.next)
}

// of takes what is a visitor's.
func (l *lane[T]) of(visitor int64) (all []T, err error) {
	for l.visitor == visitor && err == nil {
		all = append(all, l.next)
		err = l.step()
	}
	return all, err
}

func scanRow(rows *sql.Rows, visitor *int64, r *history.Row) error {
	return rows.Scan(visitor, &r.Item.Kind, &r.Item.Value, &r.Month, &r.Days)
}

func scanTraits(rows *sql.Rows, visitor *int64, t *history.Traits) error {
	return rows.Scan(visitor, &t.Date, &t.JSON)
}

func scanMember(rows *sql.Rows, visitor *int64, m *history.Member) error {
	var since int64
	err := rows.Scan(visitor, &m.Segment, &m.Version, &since)
	m.Since = time.UnixMilli(since).UTC()
	return err
}

// lanes are what is kept of visitors, side by side.
type lanes struct {
	rows    *lane[history.Row]
	traits  *lane[history.Traits]
	members *lane[history.Member]
}

// openLanes opens the lanes of one visitor or, if visitor is 0, of all. They end
// with the transaction.
func openLanes(tx *sql.Tx, site, visitor int64, items []history.Item) (l lanes, err error) {
	text, err := spelled(items)
	if err != nil {
		return l, err
	}
	whose, which := ofVisitor, ofItems
	if visitor == 0 {
		whose = ""
	}
	if len(items) == 0 {
		which = ""
	}
	if l.rows, err = open(tx, scanRow, fmt.Sprintf(getRows, whose, which), site, visitor, text); err != nil {
		return l, err
	}
	if l.traits, err = open(tx, scanTraits, fmt.Sprintf(getTraits, whose), site, visitor); err != nil {
		return l, err
	}
	l.members, err = open(tx, scanMember, fmt.Sprintf(getMembers, whose), site, visitor)
	return l, err
}

func (l *lanes) past(visitor int64, name string) (p history.Past, err error) {
	p.Visitor = name
	if p.Rows, err = l.rows.of(visitor); err != nil {
		return p, err
	}
	if p.Traits, err = l.traits.of(visitor); err != nil {
		return p, err
	}
	p.In, err = l.members.of(visitor)
	return p, err
}

// Read reads a visitor's past.
func (k *Keeper) Read(ctx context.Context, site, visitor string, items ...history.Item) (p history.Past, err error) {
	err = k.look(ctx, k.reader, func(tx *sql.Tx) error {
		p.Visitor = visitor
		n, err := number(tx, findSite, site)
		if n == 0 || err != nil {
			return err
		}
		id, err := number(tx, findVisitor, n, visitor)
		if id == 0 || err != nil {
			return err
		}
		l, err := openLanes(tx, n, id, items)
		if err == nil {
			p, err = l.past(id, visitor)
		}
		return err
	})
	if err != nil {
		return history.Past{}, fmt.Errorf("history: read a visitor of site %s: %w", site, err)
	}
	return p, nil
}

// Each walks side by side over what is kept of visitors, in the order of their
// numbers.
func (k *Keeper) Each(ctx context.Context, site string, fn func(history.Past) error, items ...history.Item) error {
	err := k.look(ctx, k.walker, func(tx *sql.Tx) error {
		n, err := number(tx, findSite, site)
		if n == 0 || err != nil {
			return err
		}
		l, err := openLanes(tx, n, 0, items)
		if err != nil {
			return err
		}
		rows, err := tx.Query("SELECT id, visitor FROM visitors WHERE site = ? ORDER BY id", n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			var name string
			if err := rows.Scan(&id, &name); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			p, err := l.past(id, name)
			if err != nil {
				return err
			}
			if err := fn(p); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("history: visitors of site %s: %w", site, err)
	}
	return nil
}
