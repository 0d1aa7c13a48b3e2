package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"footfall/account"
)

// nobody is NULL, as the site's filters have it.
func nobody(person string) sql.NullString { return sql.NullString{String: person, Valid: person != ""} }

// PutFilters makes filters those of their name.
func (s *Store) PutFilters(ctx context.Context, f account.SavedFilters) (account.SavedFilters, error) {
	f, err := account.PrepareFilters(f, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error { return putFilters(ctx, tx, &f) })
	}
	if err != nil {
		return account.SavedFilters{}, fmt.Errorf("keep filters: %w", err)
	}
	return f, nil
}

func putFilters(ctx context.Context, tx *sql.Tx, f *account.SavedFilters) error {
	err := known(ctx, tx, "sites", f.Site)
	if err == nil && f.Person != "" {
		err = known(ctx, tx, "people", f.Person)
	}
	if err != nil {
		return err
	}
	const which = " FROM filters WHERE site = ? AND coalesce(person, '') = ?"
	var created int64
	err = none(tx.QueryRowContext(ctx, "SELECT created"+which+" AND name = ?", f.Site, f.Person, f.Name).Scan(&created))
	if err == nil {
		f.Created = time.UnixMilli(created).UTC()
		_, err = tx.ExecContext(ctx, "UPDATE filters SET query = ? WHERE site = ? AND coalesce(person, '') = ? AND name = ?", f.Query, f.Site, f.Person, f.Name)
		return err
	}
	if !errors.Is(err, account.ErrNotFound) {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*)"+which, f.Site, f.Person).Scan(&n); err != nil {
		return err
	}
	if n >= account.MaxFilters {
		return account.ErrFilters(f.Site)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO filters (site, person, name, query, created) VALUES (?,?,?,?,?)", f.Site, nobody(f.Person), f.Name, f.Query, f.Created.UnixMilli())
	return err
}

// Filters lists those of a site, and of a person at it.
func (s *Store) Filters(ctx context.Context, site, person string) ([]account.SavedFilters, error) {
	all, err := list(ctx, s, scanFilters, "SELECT site, coalesce(person, ''), name, query, created FROM filters WHERE site = ? AND coalesce(person, '') IN ('', ?) ORDER BY name, coalesce(person, '')", site, person)
	if err != nil {
		return nil, fmt.Errorf("list filters: %w", err)
	}
	return all, nil
}

// RemoveFilters removes those of a name.
func (s *Store) RemoveFilters(ctx context.Context, site, person, name string) error {
	if err := hit(s.exec(ctx, "DELETE FROM filters WHERE site = ? AND coalesce(person, '') = ? AND name = ?", site, person, name)); err != nil {
		return fmt.Errorf("remove filters %s: %w", name, err)
	}
	return nil
}

func scanFilters(row scanner) (f account.SavedFilters, err error) {
	var created int64
	if err := row.Scan(&f.Site, &f.Person, &f.Name, &f.Query, &created); err != nil {
		return account.SavedFilters{}, err
	}
	f.Created = time.UnixMilli(created).UTC()
	return f, nil
}
