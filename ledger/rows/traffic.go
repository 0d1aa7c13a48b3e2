package rows

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
)

// where is the conditions of a filter.
type where struct {
	conditions []string
	values     []any
}

func (w *where) add(condition string, values ...any) {
	w.conditions, w.values = append(w.conditions, condition), append(w.values, values...)
}

// is asks for a value, if there is one.
func (w *where) is(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// among asks for one of some values, if there are any.
func among[T ~string](w *where, column string, values []T) {
	if len(values) == 0 {
		return
	}
	var all []any
	for _, value := range values {
		all = append(all, string(value))
	}
	w.add(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", all...)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// span asks for a time of a span, whose ends may be missing: also by quarters, as
// that is how rows are found.
func (w *where) span(column string, from, to time.Time) {
	if !from.IsZero() {
		w.add("quarter >= ? AND "+column+" >= ?", quarter(from), ms(from))
	}
	if !to.IsZero() {
		w.add("quarter <= ? AND "+column+" < ?", quarter(to), ms(to))
	}
}

// quarter is the beginning of a time's quarter of an hour.
func quarter(t time.Time) int64 { return ms(t.Truncate(15 * time.Minute)) }

// traffic is ledger.Traffic.
type traffic struct{ *tx }

const (
	touchColumns = "t.id, t.program, t.affiliate, t.code, t.site, t.keys, t.time, t.source, t.sub, t.landing, t.referrer, t.paid, t.machine, t.counted"
	addTouch     = `INSERT INTO touches (id, program, affiliate, code, site, keys, time, quarter, source, sub, landing, referrer, paid, machine, counted, visitor)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING number`
	addTouchKey = "INSERT INTO touch_keys (program, key, time, touch) VALUES (?,?,?,?) ON CONFLICT DO NOTHING"
	getTouches  = "SELECT " + touchColumns + " FROM touches t WHERE t.program = ? AND t.time >= ? AND t.time <= ? ORDER BY t.time, t.id"
	findTouches = "SELECT " + touchColumns + " FROM touch_keys k JOIN touches t ON t.number = k.touch WHERE k.program = ? AND k.key = ? AND k.time >= ? AND k.time <= ?"
)

func (x traffic) AddTouch(t ledger.Touch, uncounted ...string) (added bool, err error) {
	err = x.whole(func() error {
		var number int64
		added, err = x.one(addTouch, []any{t.ID, t.Program, t.Affiliate, t.Code, t.Site, list(t.Keys), ms(t.Time), quarter(t.Time), string(t.Source), t.Sub, t.Landing, t.Referrer, t.Paid, t.Machine, t.Counted, visitorOf(t.Keys, "touch "+t.ID)}, &number)
		if err != nil || !added {
			return err
		}
		for _, key := range t.Keys {
			if _, err := x.exec(addTouchKey, t.Program, string(key), ms(t.Time), number); err != nil {
				return err
			}
		}
		for _, id := range uncounted {
			if _, err := x.exec("UPDATE touches SET counted = ? WHERE id = ?", false, id); err != nil {
				return err
			}
		}
		return nil
	})
	return added && err == nil, err
}

// Touches asks for one key after the other: so a statement is prepared once,
// however many there are.
func (x traffic) Touches(program string, from, to time.Time, keys ...ledger.Key) (found []ledger.Touch, err error) {
	keep := func(rows *sql.Rows) error {
		var t ledger.Touch
		err := rows.Scan(&t.ID, &t.Program, &t.Affiliate, &t.Code, &t.Site, listed{&t.Keys}, moment{&t.Time}, &t.Source, &t.Sub, &t.Landing, &t.Referrer, &t.Paid, &t.Machine, &t.Counted)
		found = append(found, t)
		return err
	}
	if len(keys) == 0 {
		return found, x.each(keep, getTouches, program, ms(from), ms(to))
	}
	for _, key := range keys {
		if err := x.each(keep, findTouches, program, string(key), ms(from), ms(to)); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b ledger.Touch) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return slices.CompactFunc(found, func(a, b ledger.Touch) bool { return a.ID == b.ID }), nil
}

func (x traffic) Links() ledger.Links { return links(x) }

// links is ledger.Links.
type links struct{ *tx }

func (x links) Add(l ledger.Link) (bool, error) {
	a, b := string(min(l.A, l.B)), string(max(l.A, l.B))
	n, err := x.exec("INSERT INTO links (program, a, b, since) VALUES (?,?,?,?) ON CONFLICT DO NOTHING", l.Program, a, b, ms(l.Since))
	if err != nil || n > 0 {
		return n > 0, err
	}
	_, err = x.exec("UPDATE links SET since = ? WHERE program = ? AND a = ? AND b = ? AND since > ?", ms(l.Since), l.Program, a, b, ms(l.Since))
	return false, err
}

// getLinks asks by both ends. Were SQLite to leave out a link to itself that comes
// twice, it would look through all links of the programme.
const getLinks = "SELECT a, b, since FROM links WHERE program = ? AND a = ? UNION ALL SELECT a, b, since FROM links WHERE program = ? AND b = ?"

func (x links) Of(program string, keys ...ledger.Key) (found []ledger.Link, err error) {
	for _, key := range keys {
		err := x.each(func(rows *sql.Rows) error {
			l := ledger.Link{Program: program}
			err := rows.Scan(&l.A, &l.B, moment{&l.Since})
			found = append(found, l)
			return err
		}, getLinks, program, string(key), program, string(key))
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b ledger.Link) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return slices.Compact(found), nil
}

func (x links) Forget(program string, instead map[ledger.Key]ledger.Key, keys ...ledger.Key) (removed int, err error) {
	x.forgot = true
	err = x.whole(func() error {
		for _, key := range keys {
			for _, query := range []string{"DELETE FROM links WHERE program = ? AND a = ?", "DELETE FROM links WHERE program = ? AND b = ?"} {
				n, err := x.exec(query, program, string(key))
				if removed += int(n); err != nil {
					return err
				}
			}
			for _, f := range forgetting {
				n, err := x.takeOff(f, program, key, instead[key])
				if removed += n; err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// keyList is where keys are: rows that have one, how their list is replaced (a
// touch's with its visitor), what they were found by, and how they are found by
// what takes its place, if anything does.
type keyList struct {
	find, put, remove, add string
	visitor                bool
}

var forgetting = []keyList{
	{"SELECT t.number, t.keys FROM touch_keys k JOIN touches t ON t.number = k.touch WHERE k.program = ? AND k.key = ?",
		"UPDATE touches SET keys = ?, visitor = ? WHERE number = ?", "DELETE FROM touch_keys WHERE program = ? AND key = ?",
		"INSERT INTO touch_keys (program, key, time, touch) SELECT program, ?, time, number FROM touches WHERE number = ? ON CONFLICT DO NOTHING", true},
	{"SELECT o.id, o.keys FROM order_keys k JOIN orders o ON o.id = k.order_id WHERE o.program = ? AND k.key = ?",
		"UPDATE orders SET keys = ? WHERE id = ?", "DELETE FROM order_keys WHERE order_id IN (SELECT id FROM orders WHERE program = ?) AND key = ?", "", false},
}

// takeOff takes a key off the lists it is in, and puts another in its place.
func (x links) takeOff(f keyList, program string, key, instead ledger.Key) (removed int, err error) {
	lists := map[any][]ledger.Key{}
	err = x.each(func(rows *sql.Rows) error {
		var id any
		var all []ledger.Key
		err := rows.Scan(&id, listed{&all})
		lists[id] = all
		return err
	}, f.find, program, string(key))
	for id, all := range lists {
		left := make([]ledger.Key, 0, len(all))
		for _, k := range all {
			if k != key {
				left = append(left, k)
				continue
			}
			if removed++; f.add != "" && instead != "" && !slices.Contains(all, instead) && !slices.Contains(left, instead) {
				left = append(left, instead)
			}
		}
		values := []any{list(left), id}
		if f.visitor {
			values = []any{list(left), visitorOf(left, fmt.Sprint("touch number ", id)), id}
		}
		if err == nil {
			_, err = x.exec(f.put, values...)
		}
		if err == nil && f.add != "" && instead != "" {
			_, err = x.exec(f.add, string(instead), id)
		}
	}
	if err == nil {
		_, err = x.exec(f.remove, program, string(key))
	}
	return removed, err
}
