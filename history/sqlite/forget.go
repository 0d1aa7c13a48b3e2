package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"footfall/history"
	"footfall/period"
)

// early is who was active before a month (?2): all who have rows or traits of it.
const early = "(SELECT visitor FROM active WHERE site = ?1 AND date < ?2)"

// forgetting removes what is before a month, by table in order.
var forgetting = []struct{ table, query string }{
	{"rows", "DELETE FROM rows WHERE site = ?1 AND visitor IN " + early + " AND month < ?2"},
	{"traits", "DELETE FROM traits WHERE site = ?1 AND visitor IN " + early + " AND date < ?2"},
	{"visitors", "DELETE FROM visitors WHERE site = ?1 AND id IN " + early + ` AND NOT EXISTS (SELECT 1 FROM rows WHERE site = ?1 AND visitor = id)
		AND NOT EXISTS (SELECT 1 FROM traits WHERE site = ?1 AND visitor = id) AND NOT EXISTS (SELECT 1 FROM members WHERE site = ?1 AND visitor = id)`},
	{"active", "DELETE FROM active WHERE site = ?1 AND date < ?2"},
}

// forgettingAll removes everything of a site.
var forgettingAll = []struct{ table, query string }{
	{"rows", "DELETE FROM rows WHERE site = ?1"},
	{"traits", "DELETE FROM traits WHERE site = ?1"},
	{"visitors", "DELETE FROM visitors WHERE site = ?1"},
	{"members", "DELETE FROM members WHERE site = ?1"},
	{"active", "DELETE FROM active WHERE site = ?1"},
	{"counts", "DELETE FROM counts WHERE site = ?1"},
	{"outbox", "DELETE FROM outbox WHERE site = ?1"},
	{"sites", "DELETE FROM sites WHERE number = ?1"},
}

// Forget removes what is older than a month, or everything of a site.
func (k *Keeper) Forget(ctx context.Context, site string, before period.Date) (removed history.Removed, err error) {
	queries, month := forgetting, before.MonthStart()
	if before == 0 {
		queries = forgettingAll
	}
	any := false
	err = k.write(ctx, func(tx *sql.Tx) error {
		n, err := number(tx, findSite, site)
		if n == 0 || err != nil {
			return err
		}
		for _, q := range queries {
			result, err := tx.ExecContext(ctx, q.query, n, month)
			if err != nil {
				return err
			}
			gone, err := result.RowsAffected()
			if err != nil {
				return err
			}
			any = any || gone > 0
			switch q.table {
			case "rows", "traits":
				removed.Rows += int(gone)
			case "visitors":
				removed.Visitors += int(gone)
			}
		}
		return nil
	})
	if err != nil {
		return history.Removed{}, fmt.Errorf("history: forget site %s before %s: %w", site, before, err)
	}
	if any {
		k.file.Wipe()
	}
	return removed, nil
}
