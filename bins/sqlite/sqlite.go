// Package sqlite keeps durable bins in one SQLite file, described in
// docs/format/bins.md: one row for a subject and month holds its days, one for
// a year and one for all time their sums.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"footfall/bins"
	engine "footfall/engine/sqlite"
)

// Durable keeps bins in an SQLite file. Only one Durable may have a file open:
// it knows the state without asking the file.
type Durable struct {
	file   *engine.File
	path   string
	writer *sql.DB // one connection
	reader *sql.DB

	rolling sync.Mutex // one Replace or Forget at a time: the rows stay as they were read
	writing sync.Mutex // one transaction at a time

	mu       sync.RWMutex // held to commit: nobody reads new rows with the old state
	state    *state       // nil after a commit of which nobody knows whether it is on disk
	versions uint64       // given so far
}

var _ bins.Durable = (*Durable)(nil)

const (
	readers = 4 // connections, each with up to 8 MB of pages
	reading = "_cache_size=-8000"
)

// Open opens or creates the file at path, whose directory must exist. The
// caller must Close the Durable.
func Open(path string) (*Durable, error) {
	f, err := engine.Open(path, kind)
	if err != nil {
		return nil, err
	}
	d := &Durable{file: f, path: path, writer: f.Writer, reader: f.Reader(readers, reading)}
	if err = errors.Join(prepareDaily(f, path), prepareCounted(f, path)); err == nil {
		if d.state, err = load(context.Background(), d.writer); err != nil {
			err = f.Unreadable(err)
		} else {
			d.number(d.state)
		}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the file.
func (d *Durable) Close() error { return d.file.Close() }

// State answers from memory.
func (d *Durable) State(ctx context.Context) (bins.State, error) {
	s, err := d.now(ctx)
	if err != nil {
		return bins.State{}, fmt.Errorf("bins: state: %w", err)
	}
	return s.public(), nil
}

// now is the state, which must not be changed.
func (d *Durable) now(ctx context.Context) (*state, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.RLock()
	s := d.state
	d.mu.RUnlock()
	if s == nil {
		return d.recover(ctx)
	}
	return s, nil
}

// recover reads the state from the file after a commit that failed.
func (d *Durable) recover(ctx context.Context) (*state, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.current(ctx)
}

// current is the state, for who holds writing. It must not be changed.
func (d *Durable) current(ctx context.Context) (*state, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != nil {
		return d.state, nil
	}
	s, err := load(ctx, d.writer)
	if err != nil {
		return nil, err
	}
	d.number(s)
	d.state = s
	return s, nil
}

// number gives versions to sites that have a new one, for who holds mu.
func (d *Durable) number(s *state) {
	for site, version := range s.versions {
		if version == 0 {
			d.versions++
			s.versions[site] = d.versions
		}
	}
}

// Touch makes days dirty that are not frozen. A day keeps the highest mark it got.
func (d *Durable) Touch(ctx context.Context, mark uint64, days ...bins.Day) error {
	_, err := d.write(ctx, func(_ *sql.Tx, next *state) error {
		for _, day := range days {
			if _, err := dayKey(day.Date); err != nil {
				return err
			}
			if old, dirty := next.dirty[day]; !next.isFrozen(day) && (!dirty || old < mark) {
				next.dirty[day] = mark
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("bins: touch: %w", err)
	}
	return nil
}

// Forget removes a site's bins, or all bins and the seal. Dirty days stay dirty,
// and the bins of frozen dates stay.
func (d *Durable) Forget(ctx context.Context, site string) error {
	d.rolling.Lock()
	defer d.rolling.Unlock()
	sites, plans, err := d.forgettable(ctx, site)
	if err == nil {
		_, err = d.write(ctx, func(tx *sql.Tx, next *state) error {
			next.forget(site)
			if err := staleAll(ctx, tx, site); err != nil {
				return err
			}
			return forgetBins(ctx, tx, sites, plans)
		})
	}
	if err != nil {
		return fmt.Errorf("bins: forget site %q: %w", site, err)
	}
	return nil
}

// write runs change in a transaction and returns how many rows of the state it
// wrote. What change does to next becomes the state.
func (d *Durable) write(ctx context.Context, change func(tx *sql.Tx, next *state) error) (int, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	old, err := d.current(ctx)
	if err != nil {
		return 0, err
	}
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // does nothing after Commit
	next := old.clone()
	if err := change(tx, next); err != nil {
		return 0, err
	}
	rows, err := next.save(ctx, tx, old)
	if err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := tx.Commit(); err != nil {
		d.state = nil
		return 0, err
	}
	d.number(next)
	d.state = next
	return rows, nil
}
