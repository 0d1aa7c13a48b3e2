package duckdb

import (
	"context"
	"fmt"
)

// oldest is the oldest format of a file that is upgraded in place.
const oldest = 2

// upgrades are what makes a file of a version one of the next. They only add
// columns, which takes the same short time however large the file is.
var upgrades = map[int]string{
	2: `ALTER TABLE events ADD COLUMN region VARCHAR; ALTER TABLE events ADD COLUMN city VARCHAR; ALTER TABLE events ADD COLUMN browser_version VARCHAR;
ALTER TABLE events ADD COLUMN os_version VARCHAR; ALTER TABLE events ADD COLUMN language VARCHAR; ALTER TABLE events ADD COLUMN screen VARCHAR;`,
}

// upgrade makes the file one of formatVersion, in one transaction: whatever
// happens, it is of the old or of the new format. What it holds can be made anew
// from the archive, so nothing is copied first.
func (s *Store) upgrade(ctx context.Context) error {
	var from int
	if err := s.db.QueryRowContext(ctx, "SELECT version FROM state").Scan(&from); err != nil || from == formatVersion {
		return err
	}
	err := s.transact(func(ctx context.Context) error {
		for version := from; version < formatVersion; version++ {
			if err := s.exec(ctx, upgrades[version]); err != nil {
				return err
			}
		}
		return s.exec(ctx, fmt.Sprintf("UPDATE state SET version=%d", formatVersion))
	})
	if err != nil {
		return fmt.Errorf("making its format %d of %d: %w", formatVersion, from, err)
	}
	s.o.Log.Info("event store upgraded in place", "from", from, "to", formatVersion)
	return nil
}
