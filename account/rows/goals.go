package rows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
	"footfall/metric"
)

// PutGoal makes a definition that of its name.
func (s *Store) PutGoal(ctx context.Context, g account.Goal) (account.Goal, error) {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if err := known(ctx, tx, "sites", g.Site); err != nil {
			return err
		}
		old, err := scanGoal(tx.QueryRowContext(ctx, "SELECT site, name, definition, created FROM goals WHERE site = ? AND name = ?", g.Site, g.Name))
		if err == nil {
			g.Created = old.Created
			_, err = tx.ExecContext(ctx, "UPDATE goals SET definition = ? WHERE site = ? AND name = ?", g.Definition, g.Site, g.Name)
			return err
		}
		if none(err) != account.ErrNotFound {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM goals WHERE site = ?", g.Site).Scan(&n); err != nil {
			return err
		}
		if n >= metric.MaxGoals {
			return account.ErrGoals(g.Site)
		}
		g.Created = time.Now().UTC().Truncate(time.Millisecond)
		_, err = tx.ExecContext(ctx, "INSERT INTO goals (site, name, definition, created) VALUES (?,?,?,?)", g.Site, g.Name, g.Definition, g.Created.UnixMilli())
		return err
	})
	if err != nil {
		return account.Goal{}, fmt.Errorf("keep goal %s: %w", g.Name, err)
	}
	return g, nil
}

// Goals lists a site's goals by name.
func (s *Store) Goals(ctx context.Context, site string) ([]account.Goal, error) {
	all, err := list(ctx, s, scanGoal, "SELECT site, name, definition, created FROM goals WHERE site = ? ORDER BY name", site)
	if err != nil {
		return nil, fmt.Errorf("list goals: %w", err)
	}
	return all, nil
}

// RemoveGoal removes a goal.
func (s *Store) RemoveGoal(ctx context.Context, site, name string) error {
	if err := hit(s.exec(ctx, "DELETE FROM goals WHERE site = ? AND name = ?", site, name)); err != nil {
		return fmt.Errorf("remove goal %s: %w", name, err)
	}
	return nil
}

func scanGoal(row scanner) (g account.Goal, err error) {
	var created int64
	if err := row.Scan(&g.Site, &g.Name, &g.Definition, &created); err != nil {
		return account.Goal{}, err
	}
	g.Created = time.UnixMilli(created).UTC()
	return g, nil
}
