package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// key is a row's place within its site.
type key struct {
	bins.Subject
	period string
}

// Replace puts days into the place of those that are there. What has to change
// is found before the transaction, so that days can be touched meanwhile.
func (d *Durable) Replace(ctx context.Context, r bins.Rolled) (int, error) {
	d.rolling.Lock()
	defer d.rolling.Unlock()
	days, err := d.unfrozen(ctx, r.Days)
	if err != nil {
		return 0, fmt.Errorf("bins: replace: %w", err)
	}
	r.Days = days
	plans, err := d.plan(ctx, r.Days)
	if err != nil {
		return 0, fmt.Errorf("bins: replace: %w", err)
	}
	n := 0
	for _, p := range plans {
		n += len(p.changes)
	}
	rows, err := d.write(ctx, func(tx *sql.Tx, next *state) error {
		for _, p := range plans {
			if err := errors.Join(p.write(tx), p.stale(tx, r.Days), p.counted(tx, r.Days)); err != nil {
				return fmt.Errorf("site %s: %w", p.site, err)
			}
		}
		next.roll(&r)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("bins: replace: %w", err)
	}
	return n + rows, nil
}

// plan finds what replacing days changes, for each site.
func (d *Durable) plan(ctx context.Context, days []bins.DayTally) ([]*plan, error) {
	months := map[string]map[string][]bins.DayTally{} // by site and month
	for _, t := range days {
		if _, err := dayKey(t.Day.Date); err != nil {
			return nil, err
		}
		of := months[t.Day.Site]
		if of == nil {
			of = map[string][]bins.DayTally{}
			months[t.Day.Site] = of
		}
		month := t.Day.Date.Month()
		of[month] = append(of[month], t)
	}
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
	var plans []*plan
	for _, site := range slices.Sorted(maps.Keys(months)) {
		p := &plan{ctx: ctx, tx: tx, get: get, site: site, end: endDate, changes: map[key]*row{},
			years: map[key]period.Date{}, totals: map[bins.Subject]bool{}}
		if err := p.run(months[site]); err != nil {
			return nil, fmt.Errorf("site %s: %w", site, err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

const (
	// getRows reads a subject's rows of the periods in a JSON array.
	getRows = `SELECT period, coalesce(counts, ''), coalesce(days, ''), visitors FROM bins
		WHERE site = ? AND dimension = ? AND period IN (SELECT value FROM json_each(?)) AND value = ?`
	// getValues reads who has a bin in a period.
	getValues = "SELECT value FROM bins WHERE site = ? AND dimension = ? AND period = ?"
)

// plan is what one Replace changes in a site's rows.
type plan struct {
	ctx     context.Context
	tx      *sql.Tx
	get     *sql.Stmt
	site    string
	end     period.Date         // what begins here or later is not summed up
	changes map[key]*row        // nil: the row goes
	years   map[key]period.Date // whose months changed, with a date in it
	totals  map[bins.Subject]bool
}

func (p *plan) run(months map[string][]bins.DayTally) error {
	for _, days := range months {
		if err := p.month(days); err != nil {
			return err
		}
	}
	for k, date := range p.years {
		var parts []string
		for m := date.InYear(1); m.Year() == date.Year(); m = m.NextMonth() {
			if m < p.end {
				parts = append(parts, m.Month())
			}
		}
		changed, err := p.sum(k, parts)
		if err != nil {
			return err
		}
		if changed {
			p.totals[k.Subject] = true
		}
	}
	years := map[metric.Dimension][]string{}
	for s := range p.totals {
		if years[s.By] == nil {
			all, err := p.yearsOf(s.By)
			if err != nil {
				return err
			}
			years[s.By] = all
		}
		if _, err := p.sum(key{s, period.All}, years[s.By]); err != nil {
			return err
		}
	}
	return nil
}

// month plans the rows of days that lie in one month.
func (p *plan) month(days []bins.DayTally) error {
	subjects := map[bins.Subject]bool{}
	for _, t := range days {
		for s, b := range t.Tally {
			if !empty(b) {
				subjects[s] = true
			}
		}
		// Whoever had a bin that day has a row of the day.
		for _, by := range append([]metric.Dimension{""}, bins.Dimensions...) {
			err := p.query(getValues, []any{p.site, string(by), t.Day.Date.Day()}, func(value string) {
				subjects[bins.Subject{By: by, Value: value}] = true
			})
			if err != nil {
				return err
			}
		}
	}
	for s := range subjects {
		if err := p.subject(s, days); err != nil {
			return fmt.Errorf("%s %q in %s: %w", s.By, s.Value, days[0].Day.Date.Month(), err)
		}
	}
	return nil
}

func (p *plan) query(query string, values []any, fn func(text string)) error {
	rows, err := p.tx.QueryContext(p.ctx, query, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		fn(text)
	}
	return rows.Err()
}

// subject plans a subject's rows of days that lie in one month, and the month's.
func (p *plan) subject(s bins.Subject, tallies []bins.DayTally) error {
	date := tallies[0].Day.Date
	month := key{s, date.Month()}
	periods := []string{month.period}
	for _, t := range tallies {
		periods = append(periods, t.Day.Date.Day())
	}
	old, err := p.rows(s, periods)
	if err != nil {
		return err
	}
	before := old[month.period]
	days, err := parseDays(before.days)
	if err != nil {
		return err
	}
	changes := len(p.changes)
	for _, t := range tallies {
		k, n, b := key{s, t.Day.Date.Day()}, t.Day.Date.DayOfYear(), t.Tally[s]
		if empty(b) {
			days = setDay(days, n, nil)
			p.put(k, old, nil)
			continue
		}
		days = setDay(days, n, &b.Counts)
		sketch, err := formSketch(&b.Visitors)
		if err != nil {
			return err
		}
		p.put(k, old, &row{visitors: sketch})
	}
	form := formDays(days)
	if len(p.changes) == changes && form == before.days {
		return nil
	}
	next, err := p.monthRow(s, date, days)
	if err != nil {
		return err
	}
	if next != nil {
		next.days = form
	}
	p.put(month, old, next)
	if _, was := old[month.period]; next == nil || !was || next.counts != before.counts || !slices.Equal(next.visitors, before.visitors) {
		p.years[key{s, date.Year()}] = date
	}
	return nil
}

// monthRow sums up a month's days; nil if there are none.
func (p *plan) monthRow(s bins.Subject, date period.Date, days []dayCounts) (*row, error) {
	if len(days) == 0 {
		return nil, nil
	}
	var counts bins.Counts
	var parts []string
	for i := range days {
		counts.Add(&days[i].counts)
		parts = append(parts, date.InYear(days[i].n).Day())
	}
	rows, err := p.rows(s, parts)
	if err != nil {
		return nil, err
	}
	if len(rows) < len(parts) {
		return nil, fmt.Errorf("%d of %d days have a row: %w", len(rows), len(parts), errRow)
	}
	visitors, err := union(rows)
	return &row{counts: string(appendCounts(nil, &counts)), visitors: visitors}, err
}

// sum plans the row k as the sum of the subject's rows of the parts, and
// reports whether that changes it.
func (p *plan) sum(k key, parts []string) (changed bool, err error) {
	old, err := p.rows(k.Subject, []string{k.period})
	if err != nil {
		return false, err
	}
	rows, err := p.rows(k.Subject, parts)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		return p.put(k, old, nil), nil
	}
	var sum bins.Counts
	for at, r := range rows {
		counts, err := parseCounts(r.counts)
		if err != nil {
			return false, fmt.Errorf("%s %q in %s: %w", k.By, k.Value, at, err)
		}
		sum.Add(&counts)
	}
	visitors, err := union(rows)
	if err != nil {
		return false, err
	}
	return p.put(k, old, &row{counts: string(appendCounts(nil, &sum)), visitors: visitors}), nil
}

// union is the sketch of all that the sketches of rows have counted.
func union(rows map[string]row) ([]byte, error) {
	var all bins.Sketch
	for at, r := range rows {
		var one bins.Sketch
		if err := parseSketch(r.visitors, &one); err != nil {
			return nil, fmt.Errorf("visitors in %s: %w", at, err)
		}
		all.Merge(&one)
	}
	return formSketch(&all)
}

// yearsOf lists the years in which a dimension has rows, or gets some.
func (p *plan) yearsOf(by metric.Dimension) ([]string, error) {
	years := map[string]bool{}
	err := p.query("WITH RECURSIVE "+periodsOf+" SELECT period FROM p WHERE period IS NOT NULL",
		[]any{p.site, string(by), "Y", "Z"}, func(year string) { years[year] = true })
	for k := range p.changes {
		if k.By == by && k.period[0] == 'Y' {
			years[k.period] = true
		}
	}
	maps.DeleteFunc(years, func(year string, _ bool) bool { return year > (p.end - 1).Year() })
	return slices.Sorted(maps.Keys(years)), err
}

// rows are the subject's rows of periods, as they will be.
func (p *plan) rows(s bins.Subject, periods []string) (map[string]row, error) {
	found := make(map[string]row, len(periods))
	var stored []string
	for _, at := range periods {
		next, changed := p.changes[key{s, at}]
		switch {
		case !changed:
			stored = append(stored, at)
		case next != nil:
			found[at] = *next
		}
	}
	if len(stored) == 0 {
		return found, nil
	}
	list, err := json.Marshal(stored)
	if err != nil {
		return nil, err
	}
	rows, err := p.get.QueryContext(p.ctx, p.site, string(s.By), string(list), s.Value)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var at string
		var r row
		if err := rows.Scan(&at, &r.counts, &r.days, &r.visitors); err != nil {
			return nil, err
		}
		found[at] = r
	}
	return found, rows.Err()
}

// put plans that the row at k becomes next, and reports whether that is a change.
func (p *plan) put(k key, old map[string]row, next *row) bool {
	before, was := old[k.period]
	if next == nil && !was || next != nil && was && next.equal(before) {
		return false
	}
	p.changes[k] = next
	return true
}

// write writes what is planned, in the order of the rows.
func (p *plan) write(tx *sql.Tx) error {
	put, err := tx.PrepareContext(p.ctx, "REPLACE INTO bins VALUES (?,?,?,?,nullif(?,''),nullif(?,''),?)")
	if err != nil {
		return err
	}
	defer put.Close()
	remove, err := tx.PrepareContext(p.ctx, "DELETE FROM bins WHERE site = ? AND dimension = ? AND period = ? AND value = ?")
	if err != nil {
		return err
	}
	defer remove.Close()
	keys := slices.SortedFunc(maps.Keys(p.changes), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.period, b.period), cmp.Compare(a.Value, b.Value))
	})
	for _, k := range keys {
		values := []any{p.site, string(k.By), k.period, k.Value}
		if next := p.changes[k]; next == nil {
			_, err = remove.ExecContext(p.ctx, values...)
		} else {
			_, err = put.ExecContext(p.ctx, append(values, next.counts, next.days, next.visitors)...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
