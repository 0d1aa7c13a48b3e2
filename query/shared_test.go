package query

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/metric"
	"footfall/period"
)

// counting answers with how often it was asked so far, after a while.
type counting struct {
	asked atomic.Int64
	takes time.Duration
	fails error
	given atomic.Int64 // that were given up
	rows  int
}

func (c *counting) wait(ctx context.Context) (int64, error) {
	n := c.asked.Add(1)
	select {
	case <-time.After(c.takes):
		return n, c.fails
	case <-ctx.Done():
		c.given.Add(1)
		return n, ctx.Err()
	}
}

func (c *counting) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	n, err := c.wait(ctx)
	return metric.Dataset{Points: []metric.Point{{Value: n, Series: q.Site}}, AsOf: time.Now()}, err
}

func (c *counting) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	n, err := c.wait(ctx)
	rows := make([]metric.Row, max(1, c.rows))
	for i := range rows {
		rows[i] = metric.Row{Keys: []string{fmt.Sprint(i)}, Values: []metric.Value{{N: n}}}
	}
	return metric.Table{Rows: rows}, err
}

// shareOf is a Shared of a source that takes some time, and the feeds it looks at.
func shareOf(takes time.Duration) (*counting, *Live, *Shared) {
	c, l := &counting{takes: takes}, NewLive()
	return c, l, Share(c, c, l.News)
}

func value(t *testing.T, s Source, q metric.Query) int64 {
	t.Helper()
	d, err := s.Answer(t.Context(), q)
	if err != nil || len(d.Points) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	return d.Points[0].Value
}

// TestSharedOnce: a thousand who ask the same at one moment have one answer, of which
// each has rows of its own; behind it the answer is kept for a second, or until something
// is stored, of this site.
func TestSharedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, s := shareOf(100 * time.Millisecond)
		q := asked()
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				d, err := s.Answer(t.Context(), q)
				if err != nil || d.Points[0].Value != 1 {
					t.Errorf("%+v, %v", d, err)
				}
				d.Points[0].Value = 7 // is nobody else's
			})
		}
		all.Wait()
		for i, x := range []struct {
			wait   time.Duration
			stored string
			want   int64
		}{{0, "", 1}, {800 * time.Millisecond, "other", 1}, {99 * time.Millisecond, "", 1}, {time.Millisecond, "", 2}, {0, "", 2}, {0, q.Site, 3}, {0, LedgerFeed, 3}} {
			time.Sleep(x.wait)
			if x.stored != "" {
				l.Stored(x.stored)
			}
			if n := value(t, s, q); n != x.want {
				t.Errorf("%d: answer %d, want %d", i, n, x.want)
			}
		}
		l.Storing(q.Site)
		if n := value(t, s, q); n != 4 {
			t.Errorf("answer %d while something is being stored", n)
		}
		q.Metric = metric.Clicks
		q.Filters = nil
		n := value(t, s, q)
		if l.Stored(LedgerFeed); value(t, s, q) == n {
			t.Error("the ledger has changed, and what is earned has not")
		}
	})
}

// TestSharedMeanwhile: who asks after something was stored gets no answer that was begun
// before, nor is that kept.
func TestSharedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, s := shareOf(time.Second)
		q := asked()
		early := make(chan int64)
		go func() { early <- value(t, s, q) }()
		time.Sleep(500 * time.Millisecond)
		l.Stored(q.Site)
		if n, m := value(t, s, q), <-early; n != 2 || m != 1 || c.asked.Load() != 2 {
			t.Errorf("answers %d, and %d of before", n, m)
		}
		if n := value(t, s, q); n != 2 && n != 3 {
			t.Errorf("answer %d is that of before", n)
		}
	})
}

// TestSharedLately: boards that draw themselves take what is there, are told when it may
// be without something, and never get what is older than they asked for.
func TestSharedLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, s := shareOf(0)
		q := asked()
		for i, x := range []struct {
			wait, age time.Duration
			stored    bool
			want      int64
			behind    bool
		}{
			{0, 5 * time.Second, false, 1, false}, {4 * time.Second, 5 * time.Second, false, 1, false}, {0, 5 * time.Second, true, 1, true}, {0, 2 * time.Second, false, 2, false},
			{4 * time.Second, 5 * time.Second, true, 2, true}, {time.Second, 5 * time.Second, false, 3, false}, {9 * time.Second, time.Hour, false, 3, false}, {time.Second, time.Hour, false, 4, false}, {0, 0, true, 5, false},
		} {
			time.Sleep(x.wait)
			if x.stored {
				l.Stored(q.Site)
			}
			board := s.Lately(x.age)
			if n := value(t, board, q); n != x.want || board.Behind() != x.behind {
				t.Errorf("%d: answer %d, behind %v", i, n, board.Behind())
			}
		}
		r := metric.Report{Site: "s", Metrics: []metric.Name{metric.PageViews}, Window: asked().Window}
		board := s.Lately(time.Minute)
		_, _ = board.Tabulate(t.Context(), r)
		l.Stored("s")
		if table, err := board.Tabulate(t.Context(), r); err != nil || table.Rows[0].Values[0].N != 6 || !board.Behind() {
			t.Errorf("%+v, %v", table, err)
		}
	})
}

// TestSharedScopes: a question differs by whatever is in it, and so by whose figures it
// asks for. No field can be forgotten: each is changed in turn.
func TestSharedScopes(t *testing.T) {
	_, _, s := shareOf(0)
	q := metric.Query{Site: "s", Metric: metric.PageViews, Window: asked().Window}
	r := metric.Report{Site: "s", Metrics: []metric.Name{metric.PageViews}, Window: asked().Window}
	seen := map[string]string{}
	note := func(kind, field string, spelled any, zone *time.Location) {
		x := s.question(kind, spelled, metric.Report{Zone: zone}, 0)
		if other := seen[x.key]; other != "" || x.key == "" {
			t.Errorf("%s with another %s is the same question as %s: %s", kind, field, other, x.key)
		}
		seen[x.key] = kind + " " + field
	}
	for kind, spelled := range map[string]any{"query": q, "report": r} {
		was := reflect.ValueOf(spelled)
		note(kind, "nothing", spelled, time.UTC)
		for i := range was.NumField() {
			x := reflect.New(was.Type()).Elem()
			x.Set(was)
			name, zone := was.Type().Field(i).Name, time.UTC
			if name == "Zone" {
				zone = berlin
			} else {
				other(t, x.Field(i))
			}
			note(kind, name, x.Interface(), zone)
		}
	}
	for _, id := range []string{"a", "b"} {
		q.Affiliate = &metric.Affiliate{ID: id, Codes: []string{"c"}}
		note("query", "affiliate "+id, q, time.UTC)
	}
}

// other sets a value to another one.
func other(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = x.Add(time.Second)
		return
	case *period.Window:
		x.To = x.To.Add(time.Second)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		one := reflect.New(v.Type().Elem()).Elem()
		if one.Kind() == reflect.String {
			one.SetString("other")
		}
		v.Set(reflect.Append(v, one))
	default:
		t.Fatalf("no other value of %s", v.Type())
	}
}

// TestSharedApart: what changes without a word is asked for each.
func TestSharedApart(t *testing.T) {
	_, _, s := shareOf(0)
	for _, by := range []metric.Dimension{metric.OfGoal, metric.Segment} {
		r := metric.Report{Site: "s", Metrics: []metric.Name{metric.Visitors}, By: []metric.Dimension{by}, Window: asked().Window}
		first, err1 := s.Tabulate(t.Context(), r)
		then, err2 := s.Tabulate(t.Context(), r)
		if err1 != nil || err2 != nil || first.Rows[0].Values[0].N+1 != then.Rows[0].Values[0].N {
			t.Errorf("%s: %+v, then %+v; %v %v", by, first, then, err1, err2)
		}
	}
}

// TestSharedErrors: an error is told to who waits for it and not kept; a question that is
// wrong is not asked; a panic is an error.
func TestSharedErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, s := shareOf(time.Second)
		c.fails = errors.New("engine away")
		for i := range 2 {
			if _, err := s.Answer(t.Context(), asked()); !errors.Is(err, c.fails) || c.asked.Load() != int64(i)+1 {
				t.Errorf("%v, asked %d times", err, c.asked.Load())
			}
		}
		wrong := asked()
		wrong.Filters = []metric.Filter{{Dimension: "page", Value: "\xff"}}
		if _, err := s.Answer(t.Context(), wrong); !mistaken(err) || c.asked.Load() != 2 {
			t.Errorf("asked a wrong question: %v", err)
		}
		s = Share(nil, nil, NewLive().News)
		if _, err := s.Answer(t.Context(), asked()); err == nil || !strings.Contains(err.Error(), "nil pointer") {
			t.Errorf("a panic is %v", err)
		}
		if len(s.known) > 0 || s.used > 0 {
			t.Errorf("%d are kept", len(s.known))
		}
	})
}

// TestSharedLeft: who leaves takes nobody's answer away; when all have left, the question
// is given up and forgotten.
func TestSharedLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, s := shareOf(time.Minute)
		ask := func(patience time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := s.Answer(ctx, asked())
			return err
		}
		stays, leaves := make(chan error), make(chan error)
		go func() { leaves <- ask(time.Second) }()
		synctest.Wait()
		go func() { stays <- ask(2 * time.Minute) }()
		first := <-leaves
		if err := <-stays; err != nil || !errors.Is(first, context.DeadlineExceeded) || c.given.Load() != 0 {
			t.Errorf("%v, of who stays %v", first, err)
		}
		time.Sleep(mostAge)
		if err := ask(time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if synctest.Wait(); c.given.Load() != 1 || len(s.known) != 0 || s.order.Len() != 0 {
			t.Errorf("%d given up, %d known", c.given.Load(), len(s.known))
		}
	})
}

// TestSharedRoom: what is kept has room, and what is old is dropped.
func TestSharedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, s := shareOf(0)
		c.rows = 10_000
		r := metric.Report{Site: "s", Metrics: []metric.Name{metric.PageViews}, Window: asked().Window}
		for i := range 100 {
			r.Limit = i + 1
			if _, err := s.Tabulate(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		size := 0
		for e := s.order.Front(); e != nil; e = e.Next() {
			size += e.Value.(*shared).size
		}
		if s.used > sharedRoom || s.used != size || s.used < sharedRoom/2 || len(s.known) != s.order.Len() {
			t.Errorf("%d bytes, %d answers", s.used, len(s.known))
		}
		kept := len(s.known)
		c.rows, r.Limit = 100_000, 1000
		if _, _ = s.Tabulate(t.Context(), r); len(s.known) != kept {
			t.Errorf("with a large one %d answers are kept of %d", len(s.known), kept)
		}
		c.rows, r.Limit = 1, 1001
		time.Sleep(mostAge + time.Second)
		if _, _ = s.Tabulate(t.Context(), r); len(s.known) != 1 || s.order.Len() != 1 {
			t.Errorf("%d old answers are kept", len(s.known)-1)
		}
	})
}
