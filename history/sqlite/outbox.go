package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"footfall/history"
)

const getMessages = "SELECT o.id, s.site, o.body, o.tries, o.due, o.why FROM outbox o JOIN sites s ON s.number = o.site "

func scanMessage(row interface{ Scan(into ...any) error }, m *history.Message) error {
	var due int64
	err := row.Scan(&m.ID, &m.Site, &m.Body, &m.Tries, &due, &m.Why)
	if due != 0 {
		m.Due = time.UnixMilli(due).UTC()
	}
	return err
}

// Due lists what is due.
func (k *Keeper) Due(ctx context.Context, now time.Time, limit int) (messages []history.Message, err error) {
	err = k.look(ctx, k.reader, func(tx *sql.Tx) error {
		sites, err := tx.Query("SELECT number FROM sites WHERE EXISTS (SELECT 1 FROM outbox WHERE outbox.site = number)")
		if err != nil {
			return err
		}
		defer sites.Close()
		for sites.Next() {
			var site int64
			if err := sites.Scan(&site); err != nil {
				return err
			}
			some, err := dueOf(tx, site, now, limit)
			if err != nil {
				return err
			}
			messages = append(messages, some...)
		}
		return sites.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("history: outbox: %w", err)
	}
	slices.SortFunc(messages, func(a, b history.Message) int { return cmp.Compare(a.ID, b.ID) })
	return messages, nil
}

// dueOf lists a site's messages up to the first that is not due.
func dueOf(tx *sql.Tx, site int64, now time.Time, limit int) (messages []history.Message, err error) {
	rows, err := tx.Query(getMessages+"WHERE o.site = ? ORDER BY o.id LIMIT ?", site, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m history.Message
		if err := scanMessage(rows, &m); err != nil {
			return nil, err
		}
		if m.Due.After(now) {
			break
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

// Claim puts a message off before a try.
func (k *Keeper) Claim(ctx context.Context, m history.Message, until time.Time) (claimed bool, err error) {
	due := int64(0)
	if !m.Due.IsZero() {
		due = m.Due.UnixMilli()
	}
	err = k.write(ctx, func(tx *sql.Tx) error {
		did, err := tx.Exec("UPDATE outbox SET due = ? WHERE id = ? AND due = ?", until.UnixMilli(), int64(m.ID), due)
		if err != nil {
			return err
		}
		n, err := did.RowsAffected()
		claimed = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("history: outbox: %w", err)
	}
	return claimed, nil
}

// Sent removes a message.
func (k *Keeper) Sent(ctx context.Context, id uint64) error {
	return k.tell(ctx, "DELETE FROM outbox WHERE id = ?", int64(id))
}

// Failed notes a try.
func (k *Keeper) Failed(ctx context.Context, id uint64, why string, again time.Time) error {
	return k.tell(ctx, "UPDATE outbox SET tries = tries + 1, why = ?, due = ? WHERE id = ?", why, again.UnixMilli(), int64(id))
}

func (k *Keeper) tell(ctx context.Context, query string, values ...any) error {
	err := k.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(query, values...)
		return err
	})
	if err != nil {
		return fmt.Errorf("history: outbox: %w", err)
	}
	return nil
}

// Waiting counts messages.
func (k *Keeper) Waiting(ctx context.Context) (n int, oldest history.Message, err error) {
	err = k.look(ctx, k.reader, func(tx *sql.Tx) error {
		if err := tx.QueryRow("SELECT count(*) FROM outbox").Scan(&n); err != nil || n == 0 {
			return err
		}
		return scanMessage(tx.QueryRow(getMessages+"ORDER BY o.id LIMIT 1"), &oldest)
	})
	if err != nil {
		return 0, history.Message{}, fmt.Errorf("history: outbox: %w", err)
	}
	return n, oldest, nil
}
