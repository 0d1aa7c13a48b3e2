package rows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
	"footfall/metric"
)

// definitions are the rows of a table of what sites have under a name.
type definitions struct {
	table, one string
	most       int // of a site
	tooMany    func(site string) error
}

var (
	goals   = definitions{"goals", "goal", metric.MaxGoals, account.ErrGoals}
	funnels = definitions{"funnels", "funnel", metric.MaxFunnels, account.ErrFunnels}
)

// PutGoal makes a definition that of its name.
func (s *Store) PutGoal(ctx context.Context, g account.Definition) (account.Definition, error) {
	return goals.put(ctx, s, g)
}

// Goals lists a site's goals by name.
func (s *Store) Goals(ctx context.Context, site string) ([]account.Definition, error) {
	return goals.list(ctx, s, site)
}

// RemoveGoal removes a goal.
func (s *Store) RemoveGoal(ctx context.Context, site, name string) error {
	return goals.remove(ctx, s, site, name)
}

// PutFunnel makes a definition that of its name.
func (s *Store) PutFunnel(ctx context.Context, f account.Definition) (account.Definition, error) {
	return funnels.put(ctx, s, f)
}

// Funnels lists a site's funnels by name.
func (s *Store) Funnels(ctx context.Context, site string) ([]account.Definition, error) {
	return funnels.list(ctx, s, site)
}

// RemoveFunnel removes a funnel.
func (s *Store) RemoveFunnel(ctx context.Context, site, name string) error {
	return funnels.remove(ctx, s, site, name)
}

func (of definitions) put(ctx context.Context, s *Store, d account.Definition) (account.Definition, error) {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if err := known(ctx, tx, "sites", d.Site); err != nil {
			return err
		}
		old, err := scanDefinition(tx.QueryRowContext(ctx, "SELECT site, name, definition, created FROM "+of.table+" WHERE site = ? AND name = ?", d.Site, d.Name))
		if err == nil {
			d.Created = old.Created
			_, err = tx.ExecContext(ctx, "UPDATE "+of.table+" SET definition = ? WHERE site = ? AND name = ?", d.Definition, d.Site, d.Name)
			return err
		}
		if none(err) != account.ErrNotFound {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+of.table+" WHERE site = ?", d.Site).Scan(&n); err != nil {
			return err
		}
		if n >= of.most {
			return of.tooMany(d.Site)
		}
		d.Created = time.Now().UTC().Truncate(time.Millisecond)
		_, err = tx.ExecContext(ctx, "INSERT INTO "+of.table+" (site, name, definition, created) VALUES (?,?,?,?)", d.Site, d.Name, d.Definition, d.Created.UnixMilli())
		return err
	})
	if err != nil {
		return account.Definition{}, fmt.Errorf("keep %s %s: %w", of.one, d.Name, err)
	}
	return d, nil
}

func (of definitions) list(ctx context.Context, s *Store, site string) ([]account.Definition, error) {
	all, err := list(ctx, s, scanDefinition, "SELECT site, name, definition, created FROM "+of.table+" WHERE site = ? ORDER BY name", site)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", of.table, err)
	}
	return all, nil
}

func (of definitions) remove(ctx context.Context, s *Store, site, name string) error {
	if err := hit(s.exec(ctx, "DELETE FROM "+of.table+" WHERE site = ? AND name = ?", site, name)); err != nil {
		return fmt.Errorf("remove %s %s: %w", of.one, name, err)
	}
	return nil
}

func scanDefinition(row scanner) (d account.Definition, err error) {
	var created int64
	if err := row.Scan(&d.Site, &d.Name, &d.Definition, &created); err != nil {
		return account.Definition{}, err
	}
	d.Created = time.UnixMilli(created).UTC()
	return d, nil
}
