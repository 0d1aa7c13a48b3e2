package duckdb

import (
	"context"
	"fmt"
	"math"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/event"
	"footfall/store"
)

var _ store.Deleter = (*Store)(nil)

// Delete deletes events of a site for good, in one transaction.
func (s *Store) Delete(ctx context.Context, site string, events ...event.Ident) (deleted uint64, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	deleted, err = s.lose(ctx, site, math.MinInt64, func(ctx context.Context, without func(string) error) error {
		days, err := s.name(ctx, events)
		if err != nil {
			return err
		}
		if err := without(fmt.Sprintf("day IN (%s) AND (day, id) IN (SELECT day, id FROM temp.deleted)", spelled(days))); err != nil {
			return err
		}
		return s.exec(ctx, "DROP TABLE temp.deleted")
	})
	if err != nil {
		return 0, fmt.Errorf("event store: deleting: %w", err)
	}
	return deleted, nil
}

// name puts the events into a table of the transaction, and tells their days.
func (s *Store) name(ctx context.Context, events []event.Ident) (days map[event.Day]bool, err error) {
	if err := s.exec(ctx, "CREATE OR REPLACE TEMP TABLE deleted (day INTEGER, id VARCHAR)"); err != nil {
		return nil, err
	}
	a, err := duckdb.NewAppender(s.conn, "temp", "main", "deleted")
	if err != nil {
		return nil, err
	}
	days = map[event.Day]bool{}
	for _, e := range events {
		days[e.Day] = true
		if err := a.AppendRow(int32(e.Day), e.ID); err != nil {
			_ = a.Close()
			return nil, err
		}
	}
	return days, a.Close()
}
