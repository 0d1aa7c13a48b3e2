package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/bins"
	engine "footfall/engine/sqlite"
	"footfall/period"
)

// countedSchema is of when dates were rolled last, whether that changed their bins
// or not: who has copied a date's events sees by it that there may be others.
const countedSchema = `CREATE TABLE IF NOT EXISTS counted (
	site TEXT NOT NULL,
	date TEXT NOT NULL,
	mark INTEGER NOT NULL, -- Unix milliseconds, greater than that of the roll before
	PRIMARY KEY (site, date)
) STRICT, WITHOUT ROWID`

const markCounted = "INSERT INTO counted VALUES (?,?,?) ON CONFLICT DO UPDATE SET mark = max(mark + 1, excluded.mark)"

func prepareCounted(f *engine.File, path string) error {
	if _, err := f.Writer.Exec(countedSchema); err != nil {
		return fmt.Errorf("bins: %s: %w", path, err)
	}
	return nil
}

// counted marks the days of a plan.
func (p *plan) counted(tx *sql.Tx, days []bins.DayTally) error {
	now := time.Now().UnixMilli()
	for _, t := range days {
		if t.Day.Site != p.site {
			continue
		}
		if _, err := tx.ExecContext(p.ctx, markCounted, p.site, t.Day.Date.String(), now); err != nil {
			return err
		}
	}
	return nil
}

// Counted is the dates of a site that were rolled, each with a mark that every
// roll changes. One that came from another file has other marks, too.
func (d *Durable) Counted(ctx context.Context, site string) (map[period.Date]int64, error) {
	return d.marks(ctx, "SELECT date, mark FROM counted WHERE site = ?", site)
}
