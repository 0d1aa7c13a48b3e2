package duckdb

import (
	"context"
	"fmt"
	"strings"

	"footfall/event"
)

// Ids are those that stand together in events.
type Ids struct{ User, Anonymous, Previous string }

// Together tells which ids stand together in a site's events that have one of
// some users' or anonymous ids: each combination once, in no certain order.
func (s *Store) Together(ctx context.Context, site string, users, anonymous []string) (found []Ids, err error) {
	if len(users)+len(anonymous) == 0 {
		return nil, nil
	}
	o, err := s.reading()
	if err != nil {
		return nil, err
	}
	defer func() { err = o.found(err) }()
	all := append(append([]string{}, users...), anonymous...)
	var conditions []string
	values := []any{string(event.Alias), site}
	for _, of := range []struct {
		column string
		ids    []string
	}{{"user_id", users}, {"anonymous_id", anonymous}, {"previous_id", all}} {
		if len(of.ids) == 0 {
			continue
		}
		conditions = append(conditions, of.column+" IN (?"+strings.Repeat(",?", len(of.ids)-1)+")")
		for _, id := range of.ids {
			values = append(values, id)
		}
	}
	rows, err := o.db.QueryContext(ctx, `SELECT DISTINCT coalesce(user_id, ''), coalesce(anonymous_id, ''), CASE WHEN kind = ? THEN coalesce(previous_id, '') ELSE '' END
FROM events WHERE site = ? AND (`+strings.Join(conditions, " OR ")+")", values...)
	if err != nil {
		return nil, fmt.Errorf("event store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var ids Ids
		if err := rows.Scan(&ids.User, &ids.Anonymous, &ids.Previous); err != nil {
			return nil, fmt.Errorf("event store: %w", err)
		}
		found = append(found, ids)
	}
	return found, rows.Err()
}
