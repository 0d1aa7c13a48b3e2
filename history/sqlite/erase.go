package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"footfall/history"
)

// erasing removes a visitor (?2) of a site.
var erasing = []string{
	"DELETE FROM rows WHERE site = ?1 AND visitor = ?2",
	"DELETE FROM traits WHERE site = ?1 AND visitor = ?2",
	"DELETE FROM members WHERE site = ?1 AND visitor = ?2",
	"DELETE FROM active WHERE site = ?1 AND visitor = ?2",
	"DELETE FROM visitors WHERE site = ?1 AND id = ?2",
}

// Erase removes all that is kept of visitors.
func (k *Keeper) Erase(ctx context.Context, site string, visitors ...string) (removed history.Removed, err error) {
	err = k.write(ctx, func(tx *sql.Tx) error {
		removed = history.Removed{}
		n, err := number(tx, findSite, site)
		if n == 0 || err != nil {
			return err
		}
		for _, visitor := range visitors {
			rows, err := erase(tx, n, visitor)
			if err != nil {
				return err
			}
			if rows >= 0 {
				removed.Visitors, removed.Rows = removed.Visitors+1, removed.Rows+rows
			}
		}
		return untell(tx, n, visitors)
	})
	if err != nil {
		return history.Removed{}, fmt.Errorf("history: erasing %d visitors of site %s: %w", len(visitors), site, err)
	}
	k.file.Wipe()
	return removed, nil
}

// erase removes a visitor, and counts rows and traits; -1 if there is none.
func erase(tx *sql.Tx, site int64, visitor string) (rows int, err error) {
	id, err := number(tx, findVisitor, site, visitor)
	if id == 0 || err != nil {
		return -1, err
	}
	for i, query := range erasing {
		result, err := tx.Exec(query, site, id)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		if i < 2 {
			rows += int(n)
		}
	}
	return rows, nil
}

// untell removes messages that name one of some visitors.
func untell(tx *sql.Tx, site int64, visitors []string) error {
	var names [][]byte
	for _, v := range visitors {
		name, err := json.Marshal(v)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	var naming []int64
	rows, err := tx.Query("SELECT id, body FROM outbox WHERE site = ?", site)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var body []byte
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		if slices.ContainsFunc(names, func(name []byte) bool { return bytes.Contains(body, name) }) {
			naming = append(naming, id)
		}
	}
	for _, id := range naming {
		if _, err := tx.Exec("DELETE FROM outbox WHERE id = ?", id); err != nil {
			return err
		}
	}
	return rows.Err()
}
