package duckdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/store"
)

// told keeps an answer.
type told struct {
	columns []store.Column
	rows    [][]any
}

func (t *told) Head(columns []store.Column) error { t.columns = columns; return nil }
func (t *told) Row(values []any) error {
	t.rows = append(t.rows, append([]any{}, values...))
	return nil
}

var asked = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

// shops has events of two sites, one of which may be asked.
func shops(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var events []event.Event
	for i := range 200 {
		site, class, source, path := "ours", "search", "google", "/a"
		if i%2 == 1 {
			site, path = "theirs", "/secret"
		}
		if i%4 == 0 {
			class, source = metric.ClassAffiliate, []string{"ann", "bob"}[i/4%2]
		}
		at := asked.Add(-time.Duration(i) * time.Hour)
		events = append(events, event.Event{Site: site, ID: fmt.Sprint("m", i), Kind: event.Page, Time: at, Original: at, Received: at, Sent: at, Visitor: uint64(i%7 + 1), Session: uint64(i + 1),
			Path: path, Class: class, Source: source, UserID: "user-" + site, Properties: `{"price": 12.5}`})
	}
	if err := s.Write(t.Context(), events, event.Position{Epoch: 1, Seq: 1, Total: 200}); err != nil {
		t.Fatal(err)
	}
	return s
}

func ask1(t *testing.T, s *Store, query string, change ...func(*store.Selection)) (*told, error) {
	t.Helper()
	q := store.Selection{Query: query, Sites: []store.Website{{ID: "ours", Name: "ours.example"}}, Codes: map[string]string{"ann": "aff-1", "bob": "aff-2"}, Now: asked}
	for _, c := range change {
		c(&q)
	}
	out := &told{}
	err := s.Select(t.Context(), q, out)
	return out, err
}

func TestSelect(t *testing.T) {
	s := shops(t)
	for _, c := range []struct{ query, want string }{
		{"SELECT count(*), min(website), max(site) FROM PageViewsTable", "[[100 ours.example ours]]"},
		{`SELECT website, sum("measure_value::bigint") AS value, date_trunc('day', time) AS timestamp FROM "PageViewsTable"
WHERE "affiliate_id" = 'aff-1' AND time between ago(INTERVAL '1 day') and now() GROUP BY website, date_trunc('day', time) ORDER BY 3`,
			"[[ours.example 2 2026-03-19 00:00:00 +0000 UTC] [ours.example 2 2026-03-20 00:00:00 +0000 UTC]]"},
		{"SELECT now(), current_timestamp, current_date, bin(time, INTERVAL '5 minute') FROM PageViewsTable ORDER BY time DESC LIMIT 1",
			"[[2026-03-20 12:00:00 +0000 UTC 2026-03-20 12:00:00 +0000 UTC 2026-03-20 00:00:00 +0000 UTC 2026-03-20 12:00:00 +0000 UTC]]"},
		{"SELECT date_diff('day', TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-02 09:00:00'), date_add('month', 1, TIMESTAMP '2026-01-31 00:00:00'), to_milliseconds(INTERVAL '1 day')",
			"[[0 2026-02-28 00:00:00 +0000 UTC 86400000]]"},
		{"SELECT properties->>'price', 'a' || 1 || 'b', concat('a', NULL, 'c'), amount, 1.50, 10 / 4, 7 // 2 FROM EventsTable LIMIT 1", "[[12.5 a1b ac <nil> 1.50 2.5 3]]"},
		{"SELECT create_time_series(t, v) FROM (VALUES (TIMESTAMP '2026-01-02', 2), (TIMESTAMP '2026-01-01', 1)) x(t, v)",
			"[[[map[time:2026-01-01 00:00:00 +0000 UTC value:1] map[time:2026-01-02 00:00:00 +0000 UTC value:2]]]]"},
		{`SELECT unnest(interpolate_linear(s, q), recursive := true), unnest(interpolate_locf(s, q), recursive := true), unnest(interpolate_fill(s, q, 0), recursive := true)
FROM (SELECT create_time_series(t, v) AS s, sequence(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-03', INTERVAL '1 day') AS q FROM (VALUES (TIMESTAMP '2026-01-01', 1), (TIMESTAMP '2026-01-03', 2)) x(t, v))`,
			"[[2026-01-01 00:00:00 +0000 UTC 1 2026-01-01 00:00:00 +0000 UTC 1 2026-01-01 00:00:00 +0000 UTC 1] [2026-01-02 00:00:00 +0000 UTC 1.5 2026-01-02 00:00:00 +0000 UTC 1 2026-01-02 00:00:00 +0000 UTC 0] [2026-01-03 00:00:00 +0000 UTC 2 2026-01-03 00:00:00 +0000 UTC 2 2026-01-03 00:00:00 +0000 UTC 2]]"},
		{"SELECT map([TIMESTAMP '2026-01-01 02:03:04'], [1]), map([TIMESTAMP '2026-01-01 02:03:04.000567'], [1])", "[[map[2026-01-01 02:03:04.000:1] map[2026-01-01 02:03:04.000567:1]]]"},
		{"WITH a AS (SELECT path p, count(*) n FROM PageViewsTable GROUP BY 1), b AS (FROM a) SELECT * FROM b JOIN a USING (p) -- done", "[[/a 100 100]]"},
		{"SELECT from_iso8601_timestamp('2026-01-01T02:00:00+02:00'), to_iso8601(TIMESTAMP '2026-01-01'), parse_duration('15m'), from_milliseconds(1000)",
			"[[2026-01-01 00:00:00 +0000 UTC 2026-01-01T00:00:00.000Z 00:15:00.000000 1970-01-01 00:00:01 +0000 UTC]]"},
		{"SELECT * FROM (PIVOT (SELECT path, source FROM PageViewsTable) ON source IN ('google', 'ann') USING count(*)) ORDER BY 1", "[[/a 50 25]]"},
		{"SELECT 'Shoes, red' LIKE '%o%s%r%d', '100 %' LIKE '%!%' ESCAPE '!', 'Shoe' ILIKE 's_oe%', 'a.b' GLOB 'a*', repeat('a', 8000) LIKE '%a%a%a%a%a%a%a%a%b' FROM PageViewsTable LIMIT 1", "[[true true true true false]]"},
		{"SELECT sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING), lag(x) OVER (ORDER BY x) FROM range(3) t(x) WHERE EXISTS (SELECT 1 FROM PageViewsTable)", "[[0 <nil>] [1 0] [3 1]]"},
		{"SELECT count(DISTINCT visitor_id), approx_quantile(\"measure_value::bigint\", 0.5), max_by(path, time), arbitrary(path), count_if(path = '/a') FROM PageViewsTable", "[[7 1 /a /a 100]]"},
		{"SELECT EXTRACT(hour FROM time), substring(path FROM 1 FOR 1), path LIKE '/%', path ILIKE '/A', trim(both '/' from path), position('a' in path), CASE WHEN true THEN 1 END, coalesce(NULL, 2), nullif(1, 1), path IN ('/a'), INTERVAL 7 day FROM PageViewsTable ORDER BY time DESC LIMIT 1",
			"[[12 / true true a 2 1 2 <nil> true 7 days]]"},
	} {
		got, err := ask1(t, s, c.query)
		if err != nil || fmt.Sprint(got.rows) != c.want {
			t.Errorf("%s\n got %v, %v\nwant %s", c.query, got.rows, err, c.want)
		}
	}
}

// TestSelectSays: what is refused is said so that who asks can do something about it,
// and nothing of DuckDB's settings.
func TestSelectSays(t *testing.T) {
	s := shops(t)
	for query, want := range map[string]string{
		"SELECT string_agg(repeat('x', 8000), '') FROM PageViewsTable a, PageViewsTable b, PageViewsTable c": "this took more memory than the event store has: ask for a shorter time, or for less",
		"SELECT " + strings.Repeat("1+", 8000) + "1":                                                         "the query is nested too deeply: make it simpler",
		"SELECT time AT TIME ZONE 'Europe/Berlin' FROM PageViewsTable":                                       "there is no AT TIME ZONE here: times are UTC; add what the zone is ahead, as in time + 2h",
	} {
		_, err := ask1(t, s, query)
		if wrong, ok := errors.AsType[*store.SelectError](err); !ok || wrong.Why != want {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
	}
}

// TestSelectPatterns: a pattern may come as a parameter, if it can't take for ever.
func TestSelectPatterns(t *testing.T) {
	s := shops(t)
	for pattern, works := range map[any]bool{"/%": true, "%/%": true, "%/%a%": false, 1: false, nil: false} {
		got, err := ask1(t, s, "SELECT count(*) FROM PageViewsTable WHERE path LIKE $p", func(q *store.Selection) { q.Parameters = map[string]any{"p": pattern} })
		if works != (err == nil) || works && fmt.Sprint(got.rows) != "[[100]]" {
			t.Errorf("%v: %v, %v", pattern, got.rows, err)
		}
	}
}

// TestSelectPseudonyms: an affiliate counts visitors and sessions as anybody does,
// by ids that are neither those of the site nor those of another affiliate.
func TestSelectPseudonyms(t *testing.T) {
	s := shops(t)
	told := func(secret string, codes ...string) (ids []string) {
		got, err := ask1(t, s, "SELECT DISTINCT visitor_id FROM PageViewsTable UNION ALL SELECT DISTINCT session_id FROM PageViewsTable", func(q *store.Selection) {
			q.Pseudonyms = secret
			if codes != nil {
				q.Affiliate = &metric.Affiliate{ID: "aff-1", Codes: codes}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range got.rows {
			ids = append(ids, fmt.Sprint(row[0]))
		}
		slices.Sort(ids)
		return ids
	}
	all := told("")
	mine, again, theirs, none := told("mine", "ann"), told("mine", "ann"), told("theirs", "ann"), told("", "ann")
	if len(all) != 7+100 || len(mine) != 7+25 || !slices.Equal(mine, again) {
		t.Errorf("all %d, mine %d and %d ids", len(all), len(mine), len(again))
	}
	if len(theirs) != len(mine) || !slices.Equal(none, []string{"<nil>", "<nil>"}) {
		t.Errorf("theirs %d ids, without a secret %v", len(theirs), none)
	}
	for _, id := range mine {
		if slices.Contains(all, id) || slices.Contains(theirs, id) {
			t.Errorf("%s is not only this affiliate's", id)
		}
	}
}

// TestSelectEnds: who goes away ends the query, and only some run at a time.
func TestSelectEnds(t *testing.T) {
	s := shops(t)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, selects)
	for range selects {
		go func() {
			ended <- s.Select(ctx, store.Selection{Query: "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b WHERE a.range + b.range < 0"}, &told{})
		}()
	}
	for len(s.selecting) < selects {
		time.Sleep(time.Millisecond)
	}
	if _, err := ask1(t, s, "SELECT 1"); !errors.Is(err, store.ErrBusy) {
		t.Errorf("beside %d: %v", selects, err)
	}
	leave()
	for range selects {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	if got, err := ask1(t, s, "SELECT 1"); err != nil || len(got.rows) != 1 {
		t.Errorf("afterwards: %v", err)
	}
}
