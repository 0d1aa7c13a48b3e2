package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"

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
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return 0, err
	}
	defer func() { err = s.opened.found(err) }()
	if err := s.again(ctx); err != nil {
		return 0, fmt.Errorf("event store: deleting: %w", err)
	}
	next, state := s.removedOf(site), s.state
	s.unsure = true
	err = s.transact(func(ctx context.Context) error {
		days, err := s.name(ctx, events)
		if err != nil {
			return err
		}
		for _, table := range []string{"lines", "events"} {
			r, err := s.conn.(driver.ExecerContext).ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE site = ? AND day IN (%s) AND (day, id) IN (SELECT day, id FROM temp.deleted)", table, spelled(days)),
				[]driver.NamedValue{{Ordinal: 1, Value: site}})
			if err != nil {
				return err
			}
			if deleted, err = affected(r); err != nil {
				return err
			}
		}
		next.events += deleted
		state.Stored, state.Removed = state.Stored-deleted, state.Removed+deleted
		if err := s.putState(ctx, state); err != nil {
			return err
		}
		if err := s.exec(ctx, "DROP TABLE temp.deleted"); err != nil {
			return err
		}
		return s.putRemoved(ctx, site, next)
	})
	if err != nil {
		return 0, fmt.Errorf("event store: deleting: %w", err)
	}
	s.unsure = false
	s.removed[site] = next
	s.setState(state)
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
