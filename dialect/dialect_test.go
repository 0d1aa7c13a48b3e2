package dialect

import (
	"strings"
	"testing"
)

func TestTranslate(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT sum(measure_value::bigint) FROM "WebAnalyticsDb"."PageViewsTable" WHERE time between ago(7day) and now()`: `SELECT sum("measure_value::bigint") FROM "PageViewsTable" WHERE time between ago(INTERVAL '7 day') and now()`,
		`select 7d, 15m, 1h, 30s, 100ms, 100y, 2weeks, 1.5h, 3mo`:                                                         `select INTERVAL '7 day', INTERVAL '15 minute', INTERVAL '1 hour', INTERVAL '30 second', INTERVAL '100 millisecond', INTERVAL '100 year', INTERVAL '2 week', INTERVAL '1.5 hour', INTERVAL '3 month'`,
		`SELECT '7d', "7d", /* 7d :x */ 1e5, 7 d, x7d -- 7d`:                                                              `SELECT '7d', "7d", /* 7d :x */ 1e5, 7 d, x7d -- 7d`,
		`SELECT t.measure_value::DOUBLE, "measure_value"::varchar, measure_value::int, a::bigint`:                         `SELECT t."measure_value::double", "measure_value::varchar", measure_value::int, a::bigint`,
		`SELECT * FROM webanalyticsdb . PageViewsTable p WHERE p.path = :path AND x[1:n] AND y::bigint`:                   `SELECT * FROM  PageViewsTable p WHERE p.path = $path AND x[1:n] AND y::bigint`,
		`SELECT approx_percentile(x, 0.5), approx_distinct (y), every(z), "every"(z)`:                                     `SELECT approx_quantile(x, 0.5), approx_count_distinct (y), bool_and(z), "every"(z)`,
		`SELECT E'\'7d' || $$ 7d :x $$ || $a$ 7d $a$, 1; `:                                                                `SELECT E'\'7d' || $$ 7d :x $$ || $a$ 7d $a$, 1  `,
		`SELECT 'it''s 7d`: `SELECT 'it''s 7d`,
		`SHOW DATABASES`:   `SELECT "Database" FROM (VALUES (0, 'WebAnalyticsDb')) AS told(n, "Database") ORDER BY n`,
		`SHOW TABLES FROM "WebAnalyticsDb" LIKE '%Page%'`:    `SELECT "Table" FROM (VALUES (0, 'PageViewsTable'), (1, 'EventsTable'), (2, 'OrdersTable'), (3, 'CommissionsTable'), (4, 'DailyPageViewsTable')) AS told(n, "Table") WHERE "Table" LIKE '%Page%' ORDER BY n`,
		`show databases like 'it''s';`:                       `SELECT "Database" FROM (VALUES (0, 'WebAnalyticsDb')) AS told(n, "Database") WHERE "Database" LIKE 'it''s' ORDER BY n`,
		`SHOW MEASURES FROM OrdersTable LIKE 'o%'`:           `SELECT "measure_name", "data_type" FROM (VALUES (0, 'order', 'bigint')) AS told(n, "measure_name", "data_type") WHERE "measure_name" LIKE 'o%' ORDER BY n`,
		`show measures from "WebAnalyticsDb"."EventsTable";`: `SELECT "measure_name", "data_type" FROM (VALUES (0, 'event', 'bigint')) AS told(n, "measure_name", "data_type") ORDER BY n`,
	} {
		s, err := Translate(query)
		if err != nil || s.Text != want {
			t.Errorf("%s\n got %v, %v\nwant %s", query, s, err, want)
		}
	}
	for query, want := range map[string]string{
		"SHOW\n  TRIGGERS": "line 2, column 3: SHOW DATABASES", "DESCRIBE events": "line 1, column 10: there is no such table: use PageViewsTable", "SHOW MEASURES FROM": "which table?",
		"SHOW TABLES WHERE x": "line 1, column 13: SHOW DATABASES", "SHOW TABLES FROM other": "line 1, column 18: there is no such database: use WebAnalyticsDb", "SHOW TABLES LIKE": "line 1, column 13: LIKE needs a pattern", "SHOW DATABASES LIKE x": "line 1, column 16: LIKE needs a pattern",
	} {
		if _, err := Translate(query); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	s, err := Translate(`DESCRIBE "WebAnalyticsDb"."OrdersTable"`)
	if err != nil || !strings.Contains(s.Text, `'net', 'decimal(18,4)', 'DIMENSION'`) {
		t.Errorf("%v, %v", s, err)
	}
}

// TestPlaces: what the store says of its text is told of the query.
func TestPlaces(t *testing.T) {
	query := "SELECT 7d,\n  'ä', ago(15m), nope\nFROM \"WebAnalyticsDb\".\"PageViewsTable\" WHERE here"
	s, err := Translate(query)
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]string{
		"SELECT": "line 1, column 1: x", "INTERVAL '7": "line 1, column 8: x", "nope": "line 2, column 18: x", "INTERVAL '15": "line 2, column 12: x", "here": "line 3, column 46: x", "ere": "line 3, column 47: x", `"PageViewsTable"`: "line 3, column 23: x",
	} {
		if got := s.At(strings.Index(s.Text, part), "x").Error(); got != want {
			t.Errorf("%s: %s, want %s", part, got, want)
		}
	}
	if got := s.At(-1, "x").Error(); got != "x" {
		t.Error(got)
	}
}

// FuzzTranslate: it never panics; texts, names in quotes and comments are all
// there in their order; without a word of the dialect nothing changes.
func FuzzTranslate(f *testing.F) {
	for _, s := range []string{"SELECT 7d, ':x' -- 15m", "show tables", `DESCRIBE "WebAnalyticsDb"."EventsTable"`, "$a$7d$a$ $$", "E'\\'' /* /* */ 1h */ :a[:b]", "1e5m .5h 1.e 7__d", "measure_value :: bigint;", "WebAnalyticsDb.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := Translate(query)
		if err != nil {
			return
		}
		whole, foreign, told := "", true, false
		var kept []string
		for i, tok := range split(query) {
			whole += tok.text
			if tok.kind == text || tok.kind == comment {
				kept = append(kept, tok.text)
			}
			lower := strings.ToLower(tok.text)
			if lower == "show" || lower == "describe" {
				told = true
			}
			if tok.kind == number && i >= 0 || renamed[lower] != "" || strings.Contains(lower, "measure_value") || strings.Contains(lower, strings.ToLower(Database)) || lower == ":" || lower == ";" {
				foreign = false
			}
		}
		if whole != query {
			t.Fatalf("the tokens of %q are %q", query, whole)
		}
		if told {
			return
		}
		if foreign && s.Text != query {
			t.Fatalf("%q has become %q", query, s.Text)
		}
		rest := s.Text
		for _, k := range kept {
			at := strings.Index(rest, k)
			if at < 0 {
				t.Fatalf("%q of %q is gone from %q", k, query, s.Text)
			}
			rest = rest[at+len(k):]
		}
		for at := range s.Text {
			if e := s.At(at, ""); e.Line < 1 || e.Line > strings.Count(query, "\n")+1 || e.Column < 1 || e.Column > len(query)+1 {
				t.Fatalf("byte %d of %q is at %d, %d of %q", at, s.Text, e.Line, e.Column, query)
			}
		}
	})
}
