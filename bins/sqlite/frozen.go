package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"footfall/bins"
	engine "footfall/engine/sqlite"
	"footfall/metric"
	"footfall/period"
)

var _ bins.Freezer = (*Durable)(nil)

// Freeze freezes a site's dates before one.
func (d *Durable) Freeze(ctx context.Context, site string, before period.Date, at time.Time) error {
	d.rolling.Lock()
	defer d.rolling.Unlock()
	if _, err := dayKey(before); err != nil {
		return fmt.Errorf("bins: freeze: %w", err)
	}
	_, err := d.write(ctx, func(_ *sql.Tx, next *state) error { return next.freeze(site, before, at) })
	if err != nil {
		return fmt.Errorf("bins: freeze site %q before %s: %w", site, before, err)
	}
	return nil
}

// Copy writes a copy of all bins to a file, in the place of the one that is
// there: whole or not at all.
func (d *Durable) Copy(ctx context.Context, path string) error { return Copy(ctx, d.path, path) }

// Copy writes what is in a file, which may be open, to another path.
func Copy(ctx context.Context, from, to string) error { return engine.Copy(ctx, from, to, kind) }

// Restore puts a copy that Copy made into the place of a file that is not there
// (any more). What is in it beside frozen dates is older than the events:
// Forget it.
func Restore(copied, path string) error {
	from, err := os.ReadFile(copied)
	for _, part := range []string{"-wal", "-shm"} { // of the file that is not there: they would be taken for this one's
		if gone := os.Remove(path + part); err == nil && !errors.Is(gone, os.ErrNotExist) {
			err = gone
		}
	}
	if err == nil {
		err = os.WriteFile(path+".part", from, 0o600)
	}
	if err == nil {
		err = engine.Settle(path+".part", path)
	}
	if err != nil {
		return fmt.Errorf("bins: restore from %s: %w", copied, err)
	}
	return nil
}

// unfrozen leaves out days that must stay as they are.
func (d *Durable) unfrozen(ctx context.Context, days []bins.DayTally) ([]bins.DayTally, error) {
	s, err := d.now(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(days), func(t bins.DayTally) bool { return s.isFrozen(t.Day) }), nil
}

// thaw plans what stays of a site with frozen dates when it is forgotten: the
// sums in which they are.
func (d *Durable) thaw(ctx context.Context, site string, before period.Date) (*plan, error) {
	tx, err := d.reader.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // it only reads
	get, err := tx.PrepareContext(ctx, getRows)
	if err != nil {
		return nil, err
	}
	defer get.Close()
	p := &plan{ctx: ctx, tx: tx, get: get, site: site, end: before, changes: map[key]*row{},
		years: map[key]period.Date{}, totals: map[bins.Subject]bool{}}
	last := before - 1
	for _, by := range append([]metric.Dimension{""}, bins.Dimensions...) {
		err := p.query(getValues, []any{site, string(by), period.All}, func(value string) {
			s := bins.Subject{By: by, Value: value}
			p.years[key{s, last.Year()}] = last
			p.totals[s] = true
		})
		if err != nil {
			return nil, err
		}
	}
	// Of the last month with frozen dates, the others go.
	var days []bins.DayTally
	for date := before; date < last.NextMonth(); date++ {
		days = append(days, bins.DayTally{Day: bins.Day{Site: site, Date: date}})
	}
	months := map[string][]bins.DayTally{}
	if len(days) > 0 {
		months[last.Month()] = days
	}
	return p, p.run(months)
}

// forgetBins removes the rows of sites, apart from those that plans keep.
func forgetBins(ctx context.Context, tx *sql.Tx, sites []string, plans map[string]*plan) error {
	for _, site := range sites {
		p := plans[site]
		if p == nil {
			if _, err := tx.ExecContext(ctx, "DELETE FROM bins WHERE site = ?", site); err != nil {
				return err
			}
			continue
		}
		// Periods in which dates are frozen are in the plan.
		last := p.end - 1
		for _, after := range []struct{ period, end string }{{last.Day(), "E"}, {last.Month(), "N"}, {last.Year(), "Z"}} {
			_, err := tx.ExecContext(ctx, "DELETE FROM bins WHERE site = ? AND period > ? AND period < ?", site, after.period, after.end)
			if err != nil {
				return err
			}
		}
		if err := p.write(tx); err != nil {
			return err
		}
	}
	return nil
}

// forgettable is the sites that Forget is about, and the plans of those with frozen dates.
func (d *Durable) forgettable(ctx context.Context, site string) (sites []string, plans map[string]*plan, err error) {
	s, err := d.now(ctx)
	if err != nil {
		return nil, nil, err
	}
	sites, plans = []string{site}, map[string]*plan{}
	if site == "" {
		if sites, err = d.sites(ctx); err != nil {
			return nil, nil, err
		}
	}
	for _, of := range slices.Sorted(maps.Keys(s.frozen)) {
		if !slices.Contains(sites, of) {
			continue
		}
		if plans[of], err = d.thaw(ctx, of, s.frozen[of].Before); err != nil {
			return nil, nil, fmt.Errorf("site %s: %w", of, err)
		}
	}
	return sites, plans, nil
}

// sites lists those that have rows, stepping over the rows of each.
func (d *Durable) sites(ctx context.Context) (sites []string, err error) {
	for after := any(nil); ; {
		var next sql.NullString
		err := d.reader.QueryRowContext(ctx, "SELECT min(site) FROM bins WHERE ?1 IS NULL OR site > ?1", after).Scan(&next)
		if err != nil || !next.Valid {
			return sites, err
		}
		sites, after = append(sites, next.String), next.String
	}
}
