package duckdb

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"footfall/event"
)

// fresh is the indexes, in order, of the events that are neither stored nor
// twice in the batch.
func (s *Store) fresh(ctx context.Context, events []event.Event) ([]int, error) {
	if err := s.load(ctx, events); err != nil {
		return nil, err
	}
	return s.days.Fresh(events, func(suspects []int) (map[event.Ident]bool, error) { return s.confirm(ctx, events, suspects) })
}

// A day's ids are loaded if a batch has so many events of it, and of at most so
// many days at a time: else a few events, each of another day, would have the
// ids of everything loaded. Of other days just the events' own ids are asked for.
const (
	loadFrom = 100
	loadDays = 8
)

// load reads the ids of the batch's days that are not in memory.
func (s *Store) load(ctx context.Context, events []event.Event) error {
	if err := s.learnDays(ctx); err != nil {
		return err
	}
	var missing []event.Day
	for _, day := range s.days.Begin(events) {
		if _, ok := s.stored[day]; ok {
			missing = append(missing, day)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	count := map[event.Day]int{}
	for i := range events {
		count[events[i].Day()]++
	}
	slices.SortFunc(missing, func(a, b event.Day) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	var list []string
	for i, day := range missing {
		if i >= loadDays || count[day] < loadFrom {
			s.days.Release(day)
			continue
		}
		list = append(list, fmt.Sprint(int32(day)))
	}
	if len(list) == 0 {
		return nil
	}
	rows, err := s.db.QueryContext(ctx, "SELECT day, site, id FROM events WHERE day IN ("+strings.Join(list, ",")+")")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day int32
		var site, id string
		if err := rows.Scan(&day, &site, &id); err != nil {
			return err
		}
		s.days.Load(event.Day(day), event.Key(site, id))
	}
	return rows.Err()
}

// learnDays finds out once which days have events.
func (s *Store) learnDays(ctx context.Context) error {
	if s.stored != nil {
		return nil
	}
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT day FROM events")
	if err != nil {
		return err
	}
	defer rows.Close()
	stored := map[event.Day]struct{}{}
	for rows.Next() {
		var day int32
		if err := rows.Scan(&day); err != nil {
			return err
		}
		stored[event.Day(day)] = struct{}{}
	}
	s.stored = stored
	return rows.Err()
}

// confirm asks the table which suspects it holds: a set may mistake a new id for a known one.
func (s *Store) confirm(ctx context.Context, events []event.Event, suspects []int) (map[event.Ident]bool, error) {
	if err := s.exec(ctx, "CREATE OR REPLACE TEMP TABLE suspects (day INTEGER, site VARCHAR, id VARCHAR)"); err != nil {
		return nil, err
	}
	defer s.exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS temp.suspects") // replaced next time anyway
	a, err := duckdb.NewAppender(s.conn, "temp", "main", "suspects")
	if err != nil {
		return nil, err
	}
	days := map[event.Day]bool{}
	for _, i := range suspects {
		who := events[i].Ident()
		days[who.Day] = true
		if err := a.AppendRow(int32(who.Day), who.Site, who.ID); err != nil {
			_ = a.Close()
			return nil, err
		}
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	rows, err := s.conn.(driver.QueryerContext).QueryContext(ctx, fmt.Sprintf(
		"SELECT DISTINCT day, site, id FROM suspects SEMI JOIN (SELECT day, site, id FROM events WHERE day IN (%s)) e USING (day, site, id)", spelled(days)), nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[event.Ident]bool{}
	row := make([]driver.Value, 3)
	for {
		switch err := rows.Next(row); err {
		case nil:
			known[event.Ident{Day: event.Day(row[0].(int32)), Site: row[1].(string), ID: row[2].(string)}] = true
		case io.EOF:
			return known, nil
		default:
			return nil, err
		}
	}
}

func spelled(days map[event.Day]bool) string {
	list := make([]string, 0, len(days))
	for day := range days {
		list = append(list, fmt.Sprint(int32(day)))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
