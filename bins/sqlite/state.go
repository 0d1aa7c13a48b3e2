package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"footfall/bins"
	"footfall/period"
)

// state is what the small tables hold.
type state struct {
	seal   bins.Seal
	dirty  map[bins.Day]uint64
	rolled map[bins.Day]bins.Seal // days whose bins are newer than the seal
	zones  map[string]zone
	frozen map[string]bins.Frozen

	versions map[string]uint64 // by site; 0 is to be given a number. Not in the file
}

// zone is the time zone of a site's bins. Until they are whole, after the last
// part of the site's first roll, nobody may take them for all.
type zone struct {
	name  string
	whole bool
}

func (s *state) clone() *state {
	return &state{s.seal, maps.Clone(s.dirty), maps.Clone(s.rolled), maps.Clone(s.zones), maps.Clone(s.frozen), maps.Clone(s.versions)}
}

// public is the state as others may keep and change it.
func (s *state) public() bins.State {
	p := bins.State{Seal: s.seal, Dirty: maps.Clone(s.dirty), Days: maps.Clone(s.rolled), Zones: map[string]string{}, Frozen: maps.Clone(s.frozen),
		Versions: maps.Clone(s.versions)}
	for site, z := range s.zones {
		if z.whole {
			p.Zones[site] = z.name
		}
	}
	return p
}

// roll is what the replacing of days does to the state.
func (s *state) roll(r *bins.Rolled) {
	seal := bins.Seal{Position: r.Seal.Position, At: millis(r.Seal.At.UnixMilli())}
	for _, t := range r.Days {
		if s.dirty[t.Day] <= r.Mark {
			delete(s.dirty, t.Day)
		}
		s.rolled[t.Day] = seal
		s.zones[t.Day.Site] = zone{t.Zone, s.zones[t.Day.Site].whole}
		s.versions[t.Day.Site] = 0
	}
	if r.Last {
		s.seal = seal
		for site, z := range s.zones {
			s.zones[site] = zone{z.name, true}
		}
	}
	for day, own := range s.rolled {
		if !s.seal.Position.Less(own.Position) {
			delete(s.rolled, day)
		}
	}
}

// forget is what forgetting a site, or all, does to the state. Dirty days stay:
// who touched them relies on it.
func (s *state) forget(site string) {
	for of := range s.versions {
		if of == site || site == "" {
			s.versions[of] = 0
		}
	}
	if site == "" {
		s.seal, s.rolled, s.zones = bins.Seal{}, map[bins.Day]bins.Seal{}, map[string]zone{}
		return
	}
	delete(s.zones, site)
	maps.DeleteFunc(s.rolled, func(day bins.Day, _ bins.Seal) bool { return day.Site == site })
}

// isFrozen reports whether the date's bins must stay as they are.
func (s *state) isFrozen(day bins.Day) bool {
	f, ok := s.frozen[day.Site]
	return ok && day.Date < f.Before
}

// freeze freezes a site's dates before one.
func (s *state) freeze(site string, before period.Date, at time.Time) error {
	for day := range s.dirty {
		if day.Site == site && day.Date < before {
			return fmt.Errorf("%s: %w", day.Date, bins.ErrDirty)
		}
	}
	z := s.zones[site]
	if !z.whole {
		return fmt.Errorf("all of the site: %w", bins.ErrDirty)
	}
	_, currency, _ := strings.Cut(z.name, " ")
	s.frozen[site] = s.frozen[site].Next(before, at, currency)
	s.versions[site] = 0
	return nil
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// load reads the state from the file.
func load(ctx context.Context, db *sql.DB) (*state, error) {
	s := &state{dirty: map[bins.Day]uint64{}, rolled: map[bins.Day]bins.Seal{}, zones: map[string]zone{}, frozen: map[string]bins.Frozen{}, versions: map[string]uint64{}}
	var epoch, seq, total, at int64
	err := db.QueryRowContext(ctx, "SELECT epoch, seq, total, at FROM seal").Scan(&epoch, &seq, &total, &at)
	switch {
	case err == nil:
		s.seal = sealOf(epoch, seq, total, at)
	case !errors.Is(err, sql.ErrNoRows):
		return nil, err
	}
	var site, text string
	var mark int64
	var whole bool
	err = each(ctx, db, "SELECT site, period, mark FROM dirty", []any{&site, &text, &mark}, func() error {
		date, err := dateOf(text)
		s.dirty[bins.Day{Site: site, Date: date}] = uint64(mark)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, "SELECT site, period, epoch, seq, total, at FROM rolled", []any{&site, &text, &epoch, &seq, &total, &at}, func() error {
		date, err := dateOf(text)
		s.rolled[bins.Day{Site: site, Date: date}] = sealOf(epoch, seq, total, at)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, "SELECT site, zone, whole FROM zones", []any{&site, &text, &whole}, func() error {
		s.zones[site], s.versions[site] = zone{text, whole}, 0
		return nil
	})
	if err != nil {
		return nil, err
	}
	var currency, since, lacks string
	err = each(ctx, db, "SELECT site, before, at, currency, since, lacks FROM frozen", []any{&site, &text, &at, &currency, &since, &lacks}, func() error {
		before, err := dateOf(text)
		from, err2 := dateOf(since)
		has, err3 := dateOf(lacks)
		s.frozen[site] = bins.Frozen{Before: before, At: millis(at), Currency: currency, Since: from, Lacks: has}
		return errors.Join(err, err2, err3)
	})
	return s, err
}

// SQLite's integers are signed: positions and marks keep their bits.
func sealOf(epoch, seq, total, at int64) (s bins.Seal) {
	s.Position.Epoch, s.Position.Seq, s.Position.Total, s.At = uint64(epoch), uint64(seq), uint64(total), millis(at)
	return s
}

func sealValues(s bins.Seal) []any {
	return []any{int64(s.Position.Epoch), int64(s.Position.Seq), int64(s.Position.Total), s.At.UnixMilli()}
}

func each(ctx context.Context, db *sql.DB, query string, into []any, fn func() error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// save writes the rows in which s differs from old and returns how many.
func (s *state) save(ctx context.Context, tx *sql.Tx, old *state) (rows int, err error) {
	run := func(query string, values ...any) error {
		rows++
		_, err := tx.ExecContext(ctx, query, values...)
		return err
	}
	if s.seal != old.seal {
		if s.seal == (bins.Seal{}) {
			err = run("DELETE FROM seal")
		} else {
			err = run("REPLACE INTO seal VALUES (1,?,?,?,?)", sealValues(s.seal)...)
		}
		if err != nil {
			return rows, err
		}
	}
	return rows, errors.Join(
		differences(old.dirty, s.dirty, func(day bins.Day, mark uint64) error {
			return run("REPLACE INTO dirty VALUES (?,?,?)", day.Site, day.Date.Day(), int64(mark))
		}, func(day bins.Day) error {
			return run("DELETE FROM dirty WHERE site = ? AND period = ?", day.Site, day.Date.Day())
		}),
		differences(old.rolled, s.rolled, func(day bins.Day, seal bins.Seal) error {
			return run("REPLACE INTO rolled VALUES (?,?,?,?,?,?)", append([]any{day.Site, day.Date.Day()}, sealValues(seal)...)...)
		}, func(day bins.Day) error {
			return run("DELETE FROM rolled WHERE site = ? AND period = ?", day.Site, day.Date.Day())
		}),
		differences(old.zones, s.zones, func(site string, z zone) error {
			return run("REPLACE INTO zones VALUES (?,?,?)", site, z.name, z.whole)
		}, func(site string) error {
			return run("DELETE FROM zones WHERE site = ?", site)
		}),
		differences(old.frozen, s.frozen, func(site string, f bins.Frozen) error {
			return run("REPLACE INTO frozen VALUES (?,?,?,?,?,?)", site, f.Before.Day(), f.At.UnixMilli(), f.Currency, f.Since.Day(), f.Lacks.Day())
		}, func(string) error { return nil })) // none is ever taken back
}

// differences hands over what must be put and removed to make next of old.
func differences[K, V comparable](old, next map[K]V, put func(K, V) error, remove func(K) error) error {
	for k, v := range next {
		if before, was := old[k]; was && before == v {
			continue
		}
		if err := put(k, v); err != nil {
			return err
		}
	}
	for k := range old {
		if _, is := next[k]; is {
			continue
		}
		if err := remove(k); err != nil {
			return err
		}
	}
	return nil
}

// The dates that have a key: those of the years 1 to 9999.
var (
	firstDate = bins.FirstDate
	endDate   = period.DateOf(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), nil)
)

// dayKey is the date's key, D2023-123.
func dayKey(d period.Date) (string, error) {
	if d < firstDate || d >= endDate {
		return "", fmt.Errorf("%s is beyond the years 1 to 9999", d)
	}
	return d.Day(), nil
}

// dateOf is the first date of a key.
func dateOf(key string) (period.Date, error) {
	from, _, err := period.ParsePeriod(key)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return from, err
}
