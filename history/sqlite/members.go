package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"footfall/history"
	"footfall/period"
)

// Basis is what the histories of a site were made with.
func (k *Keeper) Basis(ctx context.Context, site string) (b history.Basis, made bool, err error) {
	err = k.look(ctx, k.reader, func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT zone, currency, first, counted FROM sites WHERE site = ? AND zone IS NOT NULL", site).Scan(&b.Zone, &b.Currency, &b.From, &b.Counted)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return history.Basis{}, false, nil
	}
	if err != nil {
		return history.Basis{}, false, fmt.Errorf("history: basis of site %s: %w", site, err)
	}
	return b, true, nil
}

// SetBasis keeps it.
func (k *Keeper) SetBasis(ctx context.Context, site string, b history.Basis) error {
	err := k.write(ctx, func(tx *sql.Tx) error {
		n, err := siteNumber(tx, site)
		if err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE sites SET zone = ?, currency = ?, first = ?, counted = ? WHERE number = ?", b.Zone, b.Currency, b.From, b.Counted, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("history: basis of site %s: %w", site, err)
	}
	return nil
}

// Move moves visitors and puts messages into the outbox.
func (k *Keeper) Move(ctx context.Context, site string, moves ...history.Move) error {
	err := k.write(ctx, func(tx *sql.Tx) error {
		n, err := siteNumber(tx, site)
		if err != nil {
			return err
		}
		for _, move := range moves {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := put(tx, n, move.Visitor, move.In); err != nil {
				return err
			}
			for _, body := range move.Bodies {
				if _, err := tx.Exec("INSERT INTO outbox (site, body) VALUES (?,?)", n, body); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("history: move %d visitors of site %s: %w", len(moves), site, err)
	}
	return nil
}

// put puts a visitor into segments, and out of all others.
func put(tx *sql.Tx, site int64, visitor string, in []history.Member) error {
	id, err := number(tx, findVisitor, site, visitor)
	if id == 0 && err == nil && len(in) > 0 {
		id, err = number(tx, addVisitor, site, visitor)
	}
	if id == 0 || err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM members WHERE site = ? AND visitor = ?", site, id); err != nil {
		return err
	}
	for _, m := range in {
		if _, err := tx.Exec("INSERT INTO members VALUES (?,?,?,?,?)", site, id, m.Segment, m.Version, m.Since.UnixMilli()); err != nil {
			return err
		}
	}
	_, err = tx.Exec(bury, site, id)
	return err
}

// In hands over who is in segments.
func (k *Keeper) In(ctx context.Context, site string, segments []string, fn func(visitor, segment string) error) error {
	names, err := json.Marshal(segments)
	if err == nil {
		err = k.look(ctx, k.walker, func(tx *sql.Tx) error {
			rows, err := tx.Query(`SELECT v.visitor, segment FROM members m JOIN visitors v ON v.site = m.site AND v.id = m.visitor
				WHERE m.site = (SELECT number FROM sites WHERE site = ?) AND segment IN (SELECT value FROM json_each(?))`, site, string(names))
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var visitor, segment string
				if err := rows.Scan(&visitor, &segment); err != nil {
					return err
				}
				if err := cmp.Or(ctx.Err(), fn(visitor, segment)); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	}
	if err != nil {
		return fmt.Errorf("history: members of segments of site %s: %w", site, err)
	}
	return nil
}

// Count keeps counts of a date.
func (k *Keeper) Count(ctx context.Context, site string, date period.Date, members map[string]int) error {
	err := k.write(ctx, func(tx *sql.Tx) error {
		n, err := siteNumber(tx, site)
		if err != nil {
			return err
		}
		for segment, count := range members {
			if _, err := tx.Exec("REPLACE INTO counts VALUES (?,?,?,?)", n, segment, date, count); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("history: counts of %s of site %s: %w", date, site, err)
	}
	return nil
}

// Counts lists a segment's counts.
func (k *Keeper) Counts(ctx context.Context, site, segment string, from, to period.Date) (counts []history.Count, err error) {
	err = k.look(ctx, k.reader, func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT date, members FROM counts WHERE site = (SELECT number FROM sites WHERE site = ?) AND segment = ? AND date >= ? AND date < ? ORDER BY date",
			site, segment, from, to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c history.Count
			if err := rows.Scan(&c.Date, &c.Members); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("history: counts of segment %s of site %s: %w", segment, site, err)
	}
	return counts, nil
}

// dropping removes a segment (?2). Who was in nothing else goes with it.
var dropping = []string{
	`DELETE FROM visitors WHERE site = ?1 AND id IN (SELECT visitor FROM members WHERE site = ?1 AND segment = ?2)
		AND NOT EXISTS (SELECT 1 FROM rows WHERE site = ?1 AND visitor = id) AND NOT EXISTS (SELECT 1 FROM traits WHERE site = ?1 AND visitor = id)
		AND NOT EXISTS (SELECT 1 FROM members WHERE site = ?1 AND visitor = id AND segment <> ?2)`,
	"DELETE FROM members WHERE site = ?1 AND segment = ?2",
	"DELETE FROM counts WHERE site = ?1 AND segment = ?2",
}

// Drop takes all members and counts of a segment away.
func (k *Keeper) Drop(ctx context.Context, site, segment string) error {
	err := k.write(ctx, func(tx *sql.Tx) error {
		n, err := number(tx, findSite, site)
		for _, query := range dropping {
			if err == nil {
				_, err = tx.ExecContext(ctx, query, n, segment)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("history: drop segment %s of site %s: %w", segment, site, err)
	}
	k.file.Wipe()
	return nil
}
