package duckdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/duckdb/duckdb-go/mapping"

	"footfall/period"
	"footfall/store"
)

// sharers are how many take events at a time. Each has a part of them in memory, and
// what it made of its stretch.
const sharers = 2

// Share is Scan for several takers, each of which gets stretches of about so many
// events. DuckDB reads a part with one thread, and what is made of its events takes about
// as long: so each taker has its parts read for itself, and no processor waits for another
// however unequal reading and taking are.
func (s *Store) Share(ctx context.Context, site string, w period.Window, rows int64, begin func() store.Taker) error {
	o, err := s.reading()
	if err != nil {
		return err
	}
	x := &share{o: o, site: site, w: w, rows: rows}
	err = o.lend(ctx, func(conn mapping.Connection) (err error) {
		x.left, err = newScanner(conn, site, w).plan(ctx, min(s.part, rows))
		return err
	})
	if err != nil {
		return fmt.Errorf("event store: %w", o.found(err))
	}
	ctx, x.stop = context.WithCancelCause(ctx)
	defer x.stop(nil)
	var takers sync.WaitGroup
	for range sharers {
		taker := begin()
		takers.Go(func() {
			if err := x.all(ctx, taker); err != nil {
				x.stop(err) // the first is the cause
			}
		})
	}
	takers.Wait()
	return context.Cause(ctx)
}

// share is a scan that takers share.
type share struct {
	o    *opening
	site string
	w    period.Window
	rows int64 // of a stretch
	stop context.CancelCauseFunc

	mu   sync.Mutex
	left []stretch     // parts that nobody has taken
	last chan struct{} // closed when the stretch taken last was put; nil at the beginning
}

// next takes the next stretch, which may be put when before is closed, and closes after
// then. It is empty behind the last.
func (x *share) next() (parts []stretch, before <-chan struct{}, after chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, rows := 0, int64(0)
	for n < len(x.left) && (n == 0 || rows+x.left[n].rows <= x.rows) {
		rows += x.left[n].rows
		n++
	}
	parts, x.left = x.left[:n], x.left[n:]
	before, after = x.last, make(chan struct{})
	x.last = after
	return parts, before, after
}

// all hands stretches to a taker until there are no more.
func (x *share) all(ctx context.Context, taker store.Taker) error {
	for {
		parts, before, after := x.next()
		if len(parts) == 0 {
			return nil
		}
		if err := x.hand(ctx, parts, taker); err != nil {
			return err
		}
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := taker.Put(); err != nil {
			return err
		}
		close(after)
	}
}

// hand hands a stretch over. The connection is given back before it is put: a reader
// who is slow to take it keeps none from others.
func (x *share) hand(ctx context.Context, parts []stretch, taker store.Taker) error {
	var failed error // the taker's is returned as it is
	err := x.o.lend(ctx, func(conn mapping.Connection) error {
		from := newScanner(conn, x.site, x.w)
		from.fn = taker.Add
		for _, of := range parts {
			p, err := from.gather(ctx, of)
			if err != nil {
				return err
			}
			if failed = from.hand(ctx, p); failed == nil {
				failed = taker.Settle()
			}
			p.close()
			if failed != nil {
				return failed
			}
		}
		return nil
	})
	if failed != nil || err == nil {
		return failed
	}
	return fmt.Errorf("event store: %w", x.o.found(err))
}
