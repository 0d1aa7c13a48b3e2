package duckdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
	"footfall/store/storetest"
)

var mendBegin = time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)

// faulty makes DuckDB 1.4.3 fail by an error of its own: the star in a table that
// is used twice mixes its columns up.
const faulty = `WITH views AS (SELECT *, lag(time_ms) OVER w AS before, lead(time_ms) OVER w AS after, row_number() OVER w AS n FROM events
WHERE site = $1 AND time_ms >= 1774600199999 AND time_ms < 1774920600001 AND bot = '' AND kind IN ('page', 'screen') AND visitor <> 0
WINDOW w AS (PARTITION BY visitor ORDER BY time_ms, rowid)),
opened AS (SELECT visitor, time_ms, n, path, max(CASE WHEN before IS NULL OR time_ms - before > 1800000 THEN time_ms END)
OVER (PARTITION BY visitor ORDER BY n ROWS UNBOUNDED PRECEDING) AS start FROM views),
spans AS (SELECT visitor, start, max(time_ms) AS finish, max(time_ms) FILTER (time_ms - start <= 86400000) AS last, count(*) FILTER (time_ms - start <= 86400000) AS of_views,
arg_min(coalesce(path, ''), n) AS entry, arg_max(coalesce(path, ''), n) FILTER (time_ms - start <= 86400000) AS exit FROM opened GROUP BY visitor, start),
counted AS (SELECT 0 AS b, coalesce(entry, '') AS k0, coalesce(exit, '') AS k1, count(*) AS Sessions FROM (SELECT v.*, s.entry, s.exit, s.last, s.of_views
FROM (SELECT * FROM views WHERE (before IS NULL OR time_ms - before > 1800000)) v JOIN spans s ON v.visitor = s.visitor AND v.time_ms = s.start)
WHERE time_ms >= 1774688400000 AND time_ms < 1774832400000 AND (before IS NULL OR time_ms - before > 1800000) GROUP BY ALL),
grouped AS (SELECT 0 AS step, k0, k1, (coalesce(sum(Sessions), 0))::BIGINT AS Sessions FROM counted GROUP BY ALL) SELECT count(*) OVER () AS total, * FROM grouped WHERE Sessions <> 0
ORDER BY step NULLS LAST, Sessions DESC NULLS LAST, step NULLS LAST, k0 NULLS LAST, k1 NULLS LAST OFFSET 0`

// fail asks what makes DuckDB fail, as a reader does, and reports whether it failed
// by that.
func (s *Store) fail(t *testing.T) bool {
	t.Helper()
	o, err := s.reading()
	if err != nil {
		return false
	}
	ctx := context.Background()
	rows, err := o.db.QueryContext(ctx, faulty, "shop")
	if err == nil {
		for rows.Next() {
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	err = o.found(err)
	if err == nil {
		t.Error("DuckDB does not fail any more: look for another query")
		return false
	}
	return strings.Contains(err.Error(), "INTERNAL Error")
}

var mendQuery = metric.Query{Site: "shop", Metric: metric.PageViews, Window: period.Window{From: mendBegin.Add(-24 * time.Hour), To: mendBegin.Add(96 * time.Hour)}}

// counter takes an answer and forgets it.
type counter struct{}

func (counter) Head([]store.Column) error { return nil }
func (counter) Row([]any) error           { return nil }

// asks are all the ways to read.
func (s *Store) asks() map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Answer": func(ctx context.Context) error { _, err := s.Answer(ctx, mendQuery); return err },
		"Tabulate": func(ctx context.Context) error {
			_, err := s.Tabulate(ctx, metric.Report{Site: "shop", Metrics: []metric.Name{metric.Sessions}, By: []metric.Dimension{"page"}, Window: mendQuery.Window})
			return err
		},
		"Scan": func(ctx context.Context) error {
			return s.Scan(ctx, "shop", period.Window{}, func(*event.Event) error { return nil })
		},
		"Snapshot": func(ctx context.Context) error {
			p, err := s.Snapshot(ctx)
			if err != nil {
				return err
			}
			err = p.Walk(ctx, "shop", mendQuery.Window.From, mendQuery.Window.To, false, func(*event.Event) error { return nil })
			return errors.Join(err, p.Close())
		},
		"Select": func(ctx context.Context) error {
			err := s.Select(ctx, store.Selection{Query: "SELECT count(*) FROM PageViewsTable", Sites: []store.Website{{ID: "shop", Name: "shop"}}, Now: mendBegin}, counter{})
			if errors.Is(err, store.ErrBusy) {
				return nil
			}
			return err
		},
		"Old":      func(ctx context.Context) error { _, err := s.Old(ctx, "shop", mendBegin); return err },
		"Room":     func(ctx context.Context) error { _, _, err := s.Room(ctx); return err },
		"Together": func(ctx context.Context) error { _, err := s.Together(ctx, "shop", []string{"u"}, nil); return err },
	}
}

func mendable(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written writes a batch until it is written, as the pump does.
func (s *Store) written(t *testing.T, events []event.Event, seq uint64) {
	for {
		err := s.Write(context.Background(), events, event.Position{Epoch: 1, Seq: seq, Total: seq})
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrMending) {
			t.Errorf("writing: %v", brief(err))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// once checks that the store has the events of all batches once, and the position.
func (s *Store) once(t *testing.T, batches [][]event.Event) {
	t.Helper()
	want := map[string]int{}
	for _, batch := range batches {
		for _, e := range batch {
			want[e.Site+" "+e.ID] = 1
		}
	}
	got := map[string]int{}
	for _, e := range storetest.All(t, s, "", period.Window{}) {
		got[e.Site+" "+e.ID]++
	}
	state := s.State()
	if !maps.Equal(got, want) || state.Stored != uint64(len(want)) || state.Position != (event.Position{Epoch: 1, Seq: uint64(len(batches)), Total: uint64(len(batches))}) {
		t.Fatalf("%d events, want %d; state %+v", len(got), len(want), state)
	}
}

// TestMends: DuckDB fails again and again between a writer's batches, while 20 readers ask.
func TestMends(t *testing.T) {
	dir := t.TempDir()
	s := mendable(t, dir)
	defer func() { s.Close() }()
	busy := storetest.NewBusy(1, mendBegin)
	batches := [][]event.Event{slices.Clone(busy.Next(3000))} // enough for DuckDB to fail on
	for range 29 {
		batches = append(batches, slices.Clone(busy.Next(200)))
	}
	s.written(t, batches[0], 1)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	asks := s.asks()
	names := slices.Sorted(maps.Keys(asks))
	var readers sync.WaitGroup
	for i := range 20 {
		name := names[i%len(names)]
		readers.Go(func() {
			for ctx.Err() == nil {
				if err := asks[name](context.Background()); err != nil && !errors.Is(err, store.ErrMending) {
					t.Errorf("%s: %s", name, brief(err))
					return
				}
			}
		})
	}
	const faults = 3
	for i := 1; i < len(batches); i++ {
		for i%10 == 1 && !t.Failed() && !s.fail(t) { // beside the others' mending
			time.Sleep(time.Millisecond)
		}
		s.written(t, batches[i], uint64(i+1))
	}
	stop()
	readers.Wait()
	if s.Mended() != faults {
		t.Errorf("opened anew %d times, want %d", s.Mended(), faults)
	}
	for name, ask := range asks {
		if err := ask(context.Background()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.once(t, batches)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mendable(t, dir)
	s.once(t, batches)
}

// TestMendWaits: whoever still has the failed instance open holds up the next one,
// without holding up anybody who asks; and Close ends that.
func TestMendWaits(t *testing.T) {
	dir := t.TempDir()
	s := mendable(t, dir)
	busy := storetest.NewBusy(1, mendBegin)
	batches := [][]event.Event{slices.Clone(busy.Next(3000)), slices.Clone(busy.Next(200)), slices.Clone(busy.Next(200))}
	s.written(t, batches[0], 1)
	ctx := context.Background()
	broken := func() *Snapshot {
		p, err := s.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !s.fail(t) {
			t.Fatal("DuckDB did not fail")
		}
		for range 2 {
			for name, ask := range s.asks() {
				if err := ask(ctx); !errors.Is(err, store.ErrMending) {
					t.Errorf("%s beside a snapshot of the failed instance: %v", name, err)
				}
			}
			if err := s.Write(ctx, batches[1], event.Position{Epoch: 1, Seq: 2, Total: 2}); !errors.Is(err, store.ErrMending) {
				t.Errorf("writing: %v", err)
			}
		}
		if _, err := p.Sites(ctx); !errors.Is(err, store.ErrMending) {
			t.Errorf("the snapshot of the failed instance: %v", err)
		}
		return p
	}
	if err := broken().Close(); err != nil {
		t.Fatal(err)
	}
	s.written(t, batches[1], 2)
	s.once(t, batches[:2])
	p := broken()
	if err := s.Close(); err != nil {
		t.Errorf("closing while it is to be opened anew: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, batches[2], event.Position{Epoch: 1, Seq: 3, Total: 3}); !errors.Is(err, errClosed) {
		t.Errorf("writing after Close: %v", err)
	}
	if s.Mended() != 1 {
		t.Errorf("opened anew %d times, want once", s.Mended())
	}
	s = mendable(t, dir)
	defer s.Close()
	s.written(t, batches[2], 3)
	s.once(t, batches)
}

// TestTextsDoNotMend: what only looks like a failure of DuckDB closes nothing.
func TestTextsDoNotMend(t *testing.T) {
	s := mendable(t, t.TempDir())
	defer s.Close()
	for _, text := range []string{"INTERNAL Error: x", "FATAL Error: " + invalidated} {
		err := s.Select(context.Background(), store.Selection{Query: "SELECT error('" + text + "')", Now: mendBegin}, counter{})
		if err == nil {
			t.Error("no error")
		}
		if _, err := s.Answer(context.Background(), mendQuery); err != nil || s.Mended() != 0 {
			t.Errorf("after %q: %v, opened anew %d times", text, err, s.Mended())
		}
	}
}
