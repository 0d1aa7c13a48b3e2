package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/event"
	"footfall/period"
	"footfall/store"
)

var _ store.Relabeler = (*Store)(nil)

// relabeled are the columns that Relabel replaces, in the order of derived; bot and
// session are never NULL.
var relabeled = []string{"path", "referrer", "class", "source", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "session", "bot"}

func derived(e *event.Event) []driver.Value {
	c := &e.Campaign
	return []driver.Value{e.Path, e.Referrer, e.Class, e.Source, c.Source, c.Medium, c.Name, c.Term, c.Content, e.Session, e.Bot}
}

// Relabel replaces what was derived of events, in one transaction and in their rows:
// an event keeps its place among those of its millisecond.
func (s *Store) Relabel(ctx context.Context, site string, w period.Window, each func(yield func(*event.Event) error) error) (changed uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mend(); err != nil {
		return 0, err
	}
	defer func() { err = s.opened.found(err) }()
	if err := s.gather(ctx, each); err != nil {
		return 0, fmt.Errorf("event store: gathering what is derived anew: %w", err)
	}
	defer s.exec(context.Background(), "DROP TABLE IF EXISTS temp.relabeled") // replaced next time anyway
	if err := ctx.Err(); err != nil {
		return 0, err // the last moment to give up: a transaction is not interrupted
	}
	var set, differs []string
	for _, c := range relabeled {
		value := "n." + c
		if c != "session" && c != "bot" {
			value = fmt.Sprintf("nullif(n.%s, '')", c)
		}
		set, differs = append(set, c+" = "+value), append(differs, fmt.Sprintf("e.%s IS DISTINCT FROM %s", c, value))
	}
	const those = " FROM temp.relabeled n WHERE e.site = ? AND e.time_ms >= %d AND e.time_ms < %d AND e.day = n.day AND e.id = n.id AND "
	where := fmt.Sprintf(those, ceilMillis(w.From), ceilMillis(w.To))
	err = s.transact(func(ctx context.Context) error {
		for _, query := range []string{
			"UPDATE lines e SET bot = n.bot" + where + "e.bot <> n.bot",
			"UPDATE events e SET " + strings.Join(set, ", ") + where + "(" + strings.Join(differs, " OR ") + ")",
		} {
			r, err := s.conn.(driver.ExecerContext).ExecContext(ctx, query, []driver.NamedValue{{Ordinal: 1, Value: site}})
			if err != nil {
				return err
			}
			if changed, err = affected(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("event store: deriving anew: %w", err)
	}
	return changed, nil
}

// gather puts what is derived into a table of the writer's own, each event once.
func (s *Store) gather(ctx context.Context, each func(yield func(*event.Event) error) error) error {
	columns := "day INTEGER, id VARCHAR"
	for _, c := range relabeled {
		kind := " VARCHAR"
		if c == "session" {
			kind = " UBIGINT"
		}
		columns += ", " + c + kind
	}
	if err := s.exec(ctx, "CREATE OR REPLACE TEMP TABLE relabeled ("+columns+")"); err != nil {
		return err
	}
	a, err := duckdb.NewAppender(s.conn, "temp", "main", "relabeled")
	if err != nil {
		return err
	}
	err = each(func(e *event.Event) error {
		return a.AppendRow(append([]driver.Value{int32(e.Day()), e.ID}, derived(e)...)...)
	})
	return errors.Join(err, a.Close())
}
