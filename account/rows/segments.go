package rows

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"footfall/account"
)

const segmentColumns = "site, name, version, definition, created"

// PutSegments makes definitions the current ones of their names, in one
// transaction. An unknown site is account.ErrNotFound.
func (s *Store) PutSegments(ctx context.Context, site string, all []account.Segment) ([]account.Segment, error) {
	put := slices.Clone(all)
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if err := known(ctx, tx, "sites", site); err != nil {
			return err
		}
		for i := range put {
			var err error
			if put[i], err = putSegment(ctx, tx, site, put[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("put segments of site %q: %w", site, err)
	}
	return put, nil
}

// putSegment is the current version if it says the same, else the next one.
func putSegment(ctx context.Context, tx *sql.Tx, site string, d account.Segment) (account.Segment, error) {
	var removed sql.NullInt64
	old, err := scanSegment(tx.QueryRowContext(ctx, "SELECT "+segmentColumns+", removed FROM segments WHERE site = ? AND name = ? ORDER BY version DESC LIMIT 1",
		site, d.Name), &removed)
	if err != nil && none(err) != account.ErrNotFound {
		return d, err
	}
	if err == nil && !removed.Valid && old.Definition == d.Definition {
		return old, nil
	}
	d = account.Segment{Site: site, Name: d.Name, Version: old.Version + 1, Definition: d.Definition, Created: time.Now().UTC().Truncate(time.Millisecond)}
	_, err = tx.ExecContext(ctx, "INSERT INTO segments ("+segmentColumns+") VALUES (?,?,?,?,?)", d.Site, d.Name, d.Version, d.Definition, d.Created.UnixMilli())
	return d, err
}

// Segments lists the current versions of a site by name.
func (s *Store) Segments(ctx context.Context, site string) ([]account.Segment, error) {
	return s.listSegments(ctx, `SELECT `+segmentColumns+` FROM segments a WHERE site = ? AND removed IS NULL
		AND NOT EXISTS (SELECT 1 FROM segments b WHERE b.site = a.site AND b.name = a.name AND b.version > a.version) ORDER BY name`, site)
}

// SegmentVersions lists all versions of a segment.
func (s *Store) SegmentVersions(ctx context.Context, site, name string) ([]account.Segment, error) {
	return s.listSegments(ctx, "SELECT "+segmentColumns+" FROM segments WHERE site = ? AND name = ? ORDER BY version", site, name)
}

func (s *Store) listSegments(ctx context.Context, query string, args ...any) (all []account.Segment, err error) {
	all, err = list(ctx, s, func(row scanner) (account.Segment, error) { return scanSegment(row) }, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	return all, nil
}

// RemoveSegment makes a segment one that is not current.
func (s *Store) RemoveSegment(ctx context.Context, site, name string) error {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		return none(tx.QueryRowContext(ctx, `UPDATE segments SET removed = ? WHERE site = ? AND name = ? AND removed IS NULL
			AND version = (SELECT max(version) FROM segments WHERE site = ? AND name = ?) RETURNING version`,
			time.Now().UnixMilli(), site, name, site, name).Scan(new(int)))
	})
	if err != nil {
		return fmt.Errorf("remove segment %s: %w", name, err)
	}
	return nil
}

func scanSegment(row scanner, more ...any) (d account.Segment, err error) {
	var created int64
	if err := row.Scan(append([]any{&d.Site, &d.Name, &d.Version, &d.Definition, &created}, more...)...); err != nil {
		return account.Segment{}, err
	}
	d.Created = time.UnixMilli(created).UTC()
	return d, nil
}
