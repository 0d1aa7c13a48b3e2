package sqlite

import (
	"database/sql"
	"fmt"
	"time"

	"footfall/ledger"
)

var hookKind = keeps("hooks", "id, program, url, inside, note, kinds, secrets, secret_until, state, why, failing, created, changed",
	func(h *ledger.Hook) []any {
		return []any{h.ID, h.Program, h.URL, h.Inside, h.Note, list(h.Kinds), list(h.Secrets), maybe(h.Until), string(h.State), h.Why, maybe(h.Failing), maybe(h.Created), maybe(h.Changed)}
	},
	func(h *ledger.Hook) []any {
		return []any{&h.ID, &h.Program, &h.URL, &h.Inside, &h.Note, listed{&h.Kinds}, listed{&h.Secrets}, moment{&h.Until}, &h.State, &h.Why, moment{&h.Failing}, moment{&h.Created}, moment{&h.Changed}}
	}, map[string]string{"program": "program"})

func (x tables) Hooks() ledger.Table[ledger.Hook] { return table[ledger.Hook]{x.tx, hookKind} }

func (x tables) Outbox() ledger.Outbox { return outbox(x) }

// outbox is ledger.Outbox.
type outbox struct{ *tx }

const (
	noticeColumns = "id, event, program, recipient, kind, body, created, state, due, tries, why, answers, settled"
	addNotice     = "INSERT INTO notices (" + noticeColumns + ", sort) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
	putNotice     = "UPDATE notices SET state = ?, due = ?, tries = ?, why = ?, answers = ?, settled = ? WHERE id = ?"
	// dueFirst numbers what is due of each recipient, by the index alone.
	dueFirst = `SELECT id, row_number() OVER (PARTITION BY recipient ORDER BY due, id) AS place
		FROM notices WHERE sort = ? AND state = 'waiting' AND due <= ?`
	getDue        = "SELECT " + noticeColumns + " FROM notices WHERE id IN (SELECT id FROM (" + dueFirst + ") ranked WHERE place <= ?) ORDER BY due, id"
	forgetNotices = "DELETE FROM notices WHERE state = ? AND state <> 'waiting' AND settled < ?"
)

func (x outbox) Add(notices ...ledger.Notice) error {
	return x.whole(func() error {
		for _, n := range notices {
			sort, _ := ledger.Recipient(n.To)
			added, err := x.exec(addNotice, n.ID, n.Event, n.Program, n.To, n.Kind, body(n.Body), maybe(n.Created), string(n.State), ms(n.Due), n.Tries, n.Why,
				list(n.Answers), maybe(n.Settled), sort)
			if err == nil && added == 0 {
				err = ledger.ErrTaken
			}
			if err != nil {
				return fmt.Errorf("notice %s of %s to %s: %w", n.ID, n.Event, n.To, err)
			}
		}
		return nil
	})
}

// body is bytes that are never NULL.
func body(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (x outbox) Due(sort string, at time.Time, each int) ([]ledger.Notice, error) {
	return x.read(getDue, sort, ms(at), each)
}

func (x outbox) Put(n ledger.Notice) error {
	changed, err := x.exec(putNotice, string(n.State), ms(n.Due), n.Tries, n.Why, list(n.Answers), maybe(n.Settled), n.ID)
	if err == nil && changed == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("notice %s: %w", n.ID, err)
	}
	return nil
}

func (x outbox) List(f ledger.NoticeFilter) ([]ledger.Notice, error) {
	if f.Before != "" {
		var id string
		has, err := x.one("SELECT id FROM notices WHERE id = ?", []any{f.Before}, &id)
		if err == nil && !has {
			err = ledger.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("notices behind %s: %w", f.Before, err)
		}
	}
	query, values := listNotices(f)
	return x.read(query, values...)
}

func listNotices(f ledger.NoticeFilter) (query string, values []any) {
	var w where
	w.is("id", f.ID)
	w.is("program", f.Program)
	w.is("recipient", f.To)
	w.is("kind", f.Kind)
	w.is("state", string(f.State))
	if f.Before != "" {
		w.add("id < ?", f.Before)
	}
	query = "SELECT " + noticeColumns + " FROM notices" + w.String() + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, w.values = query+" LIMIT ?", append(w.values, f.Limit)
	}
	return query, w.values
}

func (x outbox) Forget(state ledger.NoticeState, before time.Time) (int, error) {
	n, err := x.exec(forgetNotices, string(state), ms(before))
	return int(n), err
}

func (x outbox) read(query string, values ...any) (found []ledger.Notice, err error) {
	err = x.each(func(rows *sql.Rows) error {
		var n ledger.Notice
		err := rows.Scan(&n.ID, &n.Event, &n.Program, &n.To, &n.Kind, &n.Body, moment{&n.Created}, &n.State, moment{&n.Due}, &n.Tries, &n.Why, listed{&n.Answers}, moment{&n.Settled})
		found = append(found, n)
		return err
	}, query, values...)
	return found, err
}

// ripe asks for entries that become available in a span.
func (w *where) ripe(from, to time.Time) {
	if !from.IsZero() {
		w.add("available >= ?", ms(from))
	}
	if !to.IsZero() {
		w.add("available < ?", ms(to))
	}
}

func (x position) Told(program string) (at time.Time, err error) {
	_, err = x.one("SELECT time FROM told WHERE program = ?", []any{program}, moment{&at})
	return at, err
}

func (x position) SetTold(program string, at time.Time) error {
	_, err := x.exec("INSERT INTO told (program, time) VALUES (?,?) ON CONFLICT (program) DO UPDATE SET time = excluded.time", program, ms(at))
	return err
}
