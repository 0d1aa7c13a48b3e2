package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/store"
)

// hostile are statements that must be refused, each in a line.
const hostile = `
INSERT INTO events SELECT * FROM events
UPDATE events SET site = 'ours'
DELETE FROM events
DROP TABLE events
TRUNCATE events
ALTER TABLE events RENAME TO gone
CREATE TABLE x AS SELECT * FROM PageViewsTable
CREATE TABLE x (a INTEGER)
CREATE TEMP TABLE x AS SELECT 1
CREATE OR REPLACE TEMP VIEW PageViewsTable AS SELECT * FROM events
CREATE VIEW x AS SELECT * FROM events
CREATE TEMP MACRO leak() AS TABLE SELECT * FROM events
CREATE MACRO f(a) AS a
CREATE SCHEMA x
CREATE TYPE x AS ENUM ('a')
CREATE SEQUENCE x
CREATE INDEX x ON events(site)
CREATE SECRET x (TYPE S3)
DROP VIEW PageViewsTable
COPY events TO '/tmp/leak.csv'
COPY (SELECT 1) TO '/tmp/leak.parquet'
COPY PageViewsTable FROM '/etc/passwd'
COPY FROM DATABASE events TO other
EXPORT DATABASE '/tmp/leak'
IMPORT DATABASE '/tmp/leak'
ATTACH '/tmp/leak.duckdb'
ATTACH ':memory:' AS x
DETACH events
USE events
INSTALL httpfs
LOAD httpfs
LOAD '/tmp/x.so'
FORCE INSTALL json FROM community
UPDATE EXTENSIONS
SET memory_limit = '100GB'
SET threads = 64
SET GLOBAL enable_external_access = true
SET lock_configuration = false
SET search_path = 'main'
SET VARIABLE x = 1
RESET memory_limit
RESET ALL
PRAGMA database_list
PRAGMA show_tables
PRAGMA table_info('events')
PRAGMA enable_profiling
PRAGMA memory_limit = '1TB'
CALL pragma_version()
CALL duckdb_tables()
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
BEGIN
BEGIN; SELECT 1
COMMIT
ROLLBACK
PREPARE x AS SELECT * FROM events
EXECUTE x
DEALLOCATE x
EXPLAIN SELECT * FROM PageViewsTable
EXPLAIN ANALYZE SELECT * FROM events
SHOW TABLES
SHOW ALL TABLES
SHOW DATABASES
SHOW events
DESCRIBE events
DESCRIBE SELECT * FROM events
SUMMARIZE events
SUMMARIZE PageViewsTable
SELECT * FROM (SUMMARIZE events)
SELECT * FROM (DESCRIBE events)
SELECT * FROM (SHOW TABLES)
SELECT * FROM (SHOW ALL TABLES)
PIVOT events ON site USING count(*)
PIVOT PageViewsTable ON website USING count(*)
SELECT * FROM (PIVOT events ON site IN ('theirs') USING count(*))
FROM (PIVOT (FROM events) ON site IN ('theirs') USING count(*))
UNPIVOT events ON site INTO NAME n VALUE v
SELECT * FROM (UNPIVOT events ON COLUMNS('site') INTO NAME n VALUE v)
MERGE INTO events USING events ON false WHEN NOT MATCHED THEN INSERT
SELECT 1; SELECT 2
SELECT 1; DROP TABLE events
SELECT 1;; DELETE FROM events
SELECT * FROM events
FROM events
TABLE events
SELECT * FROM "events"
SELECT * FROM EVENTS
SELECT * FROM "EVENTS"
SELECT * FROM main.events
SELECT * FROM "main"."events"
SELECT * FROM events.events
SELECT * FROM events.main.events
SELECT * FROM "events"."main"."events"
SELECT * FROM /* PageViewsTable */ events
SELECT * FROM -- PageViewsTable§events
SELECT * FROM lines
SELECT * FROM state
SELECT * FROM removed
SELECT * FROM main.PageViewsTable
SELECT * FROM temp.PageViewsTable
SELECT * FROM temp.main.PageViewsTable
SELECT * FROM "footfall codes"
SELECT * FROM temp.main."footfall codes"
SELECT * FROM "footfall answer"
SELECT * FROM temp.main."footfall answer"
SELECT * FROM "footfall OrdersTable"
SELECT * FROM PageViewsTable, events
SELECT * FROM PageViewsTable JOIN events USING (site)
SELECT * FROM PageViewsTable POSITIONAL JOIN events
SELECT * FROM PageViewsTable NATURAL JOIN events
SELECT * FROM PageViewsTable CROSS JOIN events
SELECT * FROM PageViewsTable ASOF JOIN events ON true
SELECT * FROM PageViewsTable SEMI JOIN events USING (site)
SELECT * FROM PageViewsTable p, LATERAL (SELECT * FROM events WHERE site <> p.site)
SELECT * FROM PageViewsTable UNION ALL SELECT * FROM events
SELECT site FROM PageViewsTable UNION ALL BY NAME SELECT site FROM events
SELECT site FROM PageViewsTable INTERSECT SELECT site FROM events
SELECT site FROM PageViewsTable EXCEPT SELECT site FROM events
SELECT (SELECT count(*) FROM events)
SELECT EXISTS (SELECT 1 FROM events WHERE site = 'theirs')
SELECT EXISTS (FROM events)
SELECT site IN (SELECT site FROM events) FROM PageViewsTable
SELECT 'x' = ANY (SELECT site FROM events)
SELECT ARRAY(SELECT site FROM events)
SELECT count(*) FILTER (WHERE EXISTS (FROM events)) FROM PageViewsTable
SELECT CASE WHEN (SELECT count(*) FROM events) > 0 THEN 1 END
SELECT 1 WHERE (SELECT count(*) FROM events) > 0
SELECT 1 GROUP BY 1 HAVING (SELECT count(*) FROM events) > 0
SELECT 1 ORDER BY (SELECT count(*) FROM events)
SELECT 1 LIMIT (SELECT count(*) FROM events)
SELECT 1 LIMIT 1 OFFSET (SELECT count(*) FROM events)
SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM events))
SELECT row_number() OVER (PARTITION BY (SELECT count(*) FROM events))
SELECT 1 QUALIFY row_number() OVER () = (SELECT count(*) FROM events)
SELECT DISTINCT ON ((SELECT count(*) FROM events)) 1
SELECT * REPLACE ((SELECT count(*) FROM events) AS site) FROM PageViewsTable
SELECT COLUMNS(*) FROM events
SELECT COLUMNS('si.*') FROM events
SELECT COLUMNS(c -> c LIKE 's%') FROM events
SELECT * EXCLUDE (id) FROM events
SELECT list_transform([1], x -> (SELECT count(*) FROM events))
SELECT list_transform([1, 2], lambda x: x + 1)
SELECT [x FOR x IN [1, 2]]
SELECT list_reduce([1, 2], (a, b) -> a + b)
VALUES ((SELECT count(*) FROM events))
WITH events AS (SELECT * FROM events) SELECT * FROM events
WITH events AS (FROM events) FROM events
WITH events AS MATERIALIZED (FROM events) FROM events
WITH x AS (WITH events AS (SELECT 1) FROM events) SELECT * FROM events
WITH RECURSIVE events AS (FROM events) FROM events
WITH RECURSIVE r AS (SELECT site FROM events UNION ALL SELECT site FROM r) SELECT * FROM r LIMIT 5
WITH x AS (SELECT * FROM events) SELECT * FROM x
WITH x AS (SELECT 1), y AS (FROM events) FROM x
WITH state AS (FROM state) FROM state
WITH lines AS (FROM lines) FROM lines
WITH sqlite_master AS (FROM sqlite_master) FROM sqlite_master
WITH duckdb_tables AS (FROM duckdb_tables) FROM duckdb_tables
WITH pg_class AS (FROM pg_class) FROM pg_class
WITH "/etc/passwd" AS (FROM "/etc/passwd") FROM "/etc/passwd"
WITH "x.csv" AS (FROM "x.csv") FROM "x.csv"
WITH "footfall codes" AS (FROM "footfall codes") FROM "footfall codes"
SELECT * FROM information_schema.tables
SELECT * FROM information_schema.columns
SELECT * FROM sqlite_master
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM pg_tables
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_tables()
SELECT * FROM duckdb_columns()
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_functions()
SELECT * FROM duckdb_databases()
SELECT * FROM duckdb_secrets()
SELECT * FROM duckdb_memory()
SELECT * FROM duckdb_temporary_files()
SELECT * FROM duckdb_views()
SELECT * FROM duckdb_logs()
SELECT * FROM pragma_database_size()
SELECT * FROM pragma_storage_info('events')
SELECT * FROM pragma_table_info('events')
SELECT * FROM pragma_show('events')
SELECT * FROM query('SELECT * FROM events')
SELECT * FROM query_table('events')
SELECT * FROM query_table(['events'])
SELECT * FROM json_execute_serialized_sql('{}')
SELECT json_serialize_sql('SELECT 1')
SELECT json_serialize_plan('SELECT * FROM events')
SELECT json_deserialize_sql('{}')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv_auto('/etc/passwd')
SELECT * FROM READ_CSV('/etc/passwd')
SELECT * FROM "read_csv"('/etc/passwd')
SELECT * FROM main.read_csv('/etc/passwd')
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/etc/passwd')
SELECT * FROM read_parquet('*.parquet')
SELECT * FROM parquet_scan('*.parquet')
SELECT * FROM parquet_metadata('*.parquet')
SELECT * FROM parquet_schema('*.parquet')
SELECT * FROM read_json('/etc/passwd')
SELECT * FROM read_json_auto('/etc/passwd')
SELECT * FROM read_ndjson('/etc/passwd')
SELECT * FROM read_json_objects('/etc/passwd')
SELECT * FROM glob('/etc/*')
SELECT * FROM '/etc/passwd'
SELECT * FROM 'x.csv'
SELECT * FROM "x.parquet"
SELECT * FROM 's3://bucket/x.parquet'
SELECT * FROM 'https://example.com/x.csv'
SELECT * FROM seq_scan('events')
SELECT * FROM index_scan('events')
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM pandas_scan(1)
SELECT * FROM repeat('x', 1000000000)
SELECT * FROM repeat_row(1, num_rows = 1000000000)
SELECT * FROM summary((FROM events))
SELECT * FROM checkpoint()
SELECT * FROM force_checkpoint()
SELECT * FROM sql_auto_complete('SEL')
SELECT * FROM test_all_types()
SELECT * FROM which_secret('x', 's3')
SELECT * FROM icu_calendar_names()
SELECT getenv('HOME')
SELECT current_setting('temp_directory')
SELECT current_database()
SELECT current_schema()
SELECT current_schemas(true)
SELECT current_user
SELECT current_catalog
SELECT current_query()
SELECT getvariable('x')
SELECT version()
SELECT txid_current()
SELECT nextval('x')
SELECT in_search_path('events', 'main')
SELECT pg_get_viewdef('PageViewsTable')
SELECT has_table_privilege('events', 'select')
SELECT col_description(1, 1)
SELECT system.main.version()
SELECT system.main."||"('a', 'b')
SELECT system.main.repeat('a', 1000000000)
SELECT main.concat('a', 'b')
SELECT pg_catalog.pg_get_viewdef('x')
SELECT write_log('x')
SELECT enable_logging()
SELECT sleep_ms(100000)
SELECT 'events'::regclass
SELECT '{}'::JSON
SELECT now()::TIMESTAMPTZ
SELECT CAST('a' AS ENUM ('a'))
SELECT a::nonsense FROM (SELECT 1 a)
SELECT * FROM PageViewsTable AT (VERSION => 1)
SELECT repeat('x', 1000000000)
SELECT repeat(path, 1000000000) FROM PageViewsTable
SELECT lpad('x', 1000000000, 'x')
SELECT rpad('x', 2000000000, 'x')
SELECT replace(repeat('a', 8000), 'a', repeat('a', 8000))
SELECT regexp_replace(repeat('a', 8000), 'a', repeat('b', 8000))
SELECT range(1000000000)
SELECT generate_series(1, 1000000000)
SELECT list_resize([1], 1000000000)
SELECT bitstring('1', 1000000000)
SELECT format('{:1000000000}', 1)
SELECT printf('%1000000000d', 1)
SELECT strftime(now(), repeat('%A', 4000))
SELECT sequence(now() - INTERVAL 100 year, now(), INTERVAL 1 second)
SELECT sequence(now(), now() + INTERVAL 1 day, INTERVAL 0 second)
SELECT levenshtein(repeat('a', 8000), repeat('b', 8000))
SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b WHERE a.range + b.range < 0
WITH RECURSIVE r AS (SELECT 1 x UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r
WITH RECURSIVE r AS (SELECT 'x' x UNION ALL SELECT x || x FROM r) SELECT max(strlen(x)) FROM r
SELECT list(a.range) FROM range(100000) a, range(100000) b
SELECT string_agg(repeat('x', 8000), ',') FROM range(100000000)
SELECT * FROM range(10000000) ORDER BY range DESC
SELECT a.range, b.range, md5(a.range::VARCHAR) FROM range(1000000) a, range(1000000) b ORDER BY 3
SELECT nope FROM PageViewsTable
SELECT 1e999
SELECT :nope
SELECT $nope
SELECT ?
SELECT $1
SELECT
SELECT FROM PageViewsTable
(
'
"
/*
$$
`

// TestHostile: nothing of it is answered, and the store lives on, with memory bounded.
func TestHostile(t *testing.T) {
	s := shops(t)
	statements := strings.Split(strings.TrimSpace(hostile), "\n")
	statements = append(statements,
		"SELECT 1\x00; DROP TABLE events", "SELECT * FROM \xff", "SELECT "+strings.Repeat("(", 5000)+"1"+strings.Repeat(")", 5000)+" FROM events", strings.Repeat("SELECT ", 4000),
		"SELECT "+strings.Repeat("NOT ", 6000)+"true", "SELECT "+strings.Repeat("1+", 12000)+"1", "SELECT "+strings.Repeat("- ", 12000)+"1", "SELECT '"+strings.Repeat("x", MaxSelect)+"'",
		"SELECT "+strings.Repeat("repeat('x', 8000) || ", 30)+"'x'", "SELECT "+strings.Repeat("upper(path), ", 1500)+"1 FROM EventsTable",
		"SELECT "+strings.Repeat("CASE WHEN true THEN ", 1000)+"1"+strings.Repeat(" END", 1000), "SELECT "+strings.Repeat("[", 4000)+strings.Repeat("]", 4000),
		strings.Repeat("SELECT * FROM (", 1500)+"SELECT 1"+strings.Repeat(")", 1500), "WITH "+commonTables(1200)+" SELECT * FROM a1, events", nestedWith(300)+" FROM events", nestedWith(maxWith)+" FROM events",
		strings.Repeat("WITH a AS (", maxWith-1)+"WITH "+commonTables(maxAs-maxWith+1)+" SELECT 1"+strings.Repeat(") SELECT 1", maxWith-1)+" FROM events",
		strings.Repeat("SELECT * FROM (", 400)+"SELECT 1"+strings.Repeat(")", 400)+", events",
		over(20, "{'a': a, 'b': a} AS a"), over(20, "*, *"), over(20, "map([a], [a]) AS a"), over(20, "a AS b, a AS c"), over(20, "struct_pack(*COLUMNS(*)) AS a"),
		"SELECT repeat('a', 3000) LIKE repeat('%a', 9) || 'b'", "SELECT repeat('a', 3000) LIKE '%_a%_a%_a%_a%_a%_b'", "SELECT repeat('a', 3000) ILIKE '%a%a%a%a%a%a%b'", "SELECT repeat('a', 3000) GLOB '*a*a*a*a*a*a*b'",
		"SELECT repeat('a', 3000) NOT LIKE '%a%a%a%a%a%a%b' ESCAPE '!'", "SELECT path LIKE title FROM EventsTable",
		"SELECT list(range) FROM range(8000000)", "SELECT list({'a': range, 'b': [range], 'c': 'x'}) FROM range(1000000)", "SELECT map([1], [list(range)]) FROM range(4000000)",
		"SELECT 1 FROM "+strings.Repeat("PageViewsTable, ", 1500)+"PageViewsTable", "SELECT path FROM PageViewsTable"+strings.Repeat(" UNION ALL SELECT path FROM PageViewsTable", 600))
	if len(statements) < 200 {
		t.Fatalf("only %d statements", len(statements))
	}
	begin := resident()
	for _, query := range statements {
		query = strings.ReplaceAll(query, "§", "\n")
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		started := time.Now()
		out := &told{}
		err := s.Select(ctx, store.Selection{Query: query, Sites: []store.Website{{ID: "ours", Name: "ours.example"}}, Now: asked}, out)
		cancel()
		if err == nil || len(out.rows) > 0 {
			t.Errorf("%.100s: answered with %.200v", query, out.rows)
		}
		var wrong *store.SelectError
		if err != nil && !errors.As(err, &wrong) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%.100s: %v", query, err)
		}
		if took := time.Since(started); took > 20*time.Second { // of half a second that it may take
			t.Errorf("%.100s: took %v", query, took)
		}
	}
	if grown := resident() - begin; grown > maxGrowth {
		t.Errorf("grown by %d MiB", grown>>20)
	}
	if got, err := ask1(t, s, "SELECT count(*) FROM PageViewsTable"); err != nil || fmt.Sprint(got.rows) != "[[100]]" {
		t.Fatalf("afterwards: %v, %v", got.rows, err)
	}
	if err := s.Write(t.Context(), []event.Event{{Site: "ours", ID: "last", Kind: event.Page, Time: asked, Original: asked, Received: asked}}, event.Position{Epoch: 1, Seq: 2, Total: 201}); err != nil || s.State().Stored != 201 {
		t.Errorf("writing afterwards: %v, %+v", err, s.State())
	}
}

// over is a SELECT over a SELECT over …
func over(n int, what string) string {
	return strings.Repeat("SELECT "+what+" FROM (", n) + "SELECT range AS a FROM range(1)" + strings.Repeat(") AS a", n)
}

func commonTables(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("a%d AS (SELECT 1)", i))
	}
	return strings.Join(all, ", ")
}

func nestedWith(n int) string {
	return strings.Repeat("WITH a AS (", n) + "SELECT 1" + strings.Repeat(") SELECT 1", n)
}

// TestOnlyOwn: whatever an affiliate asks, rows of others are not there, nor what
// tells of persons.
func TestOnlyOwn(t *testing.T) {
	s := shops(t)
	ann := func(q *store.Selection) { q.Affiliate = &metric.Affiliate{ID: "aff-1", Codes: []string{"ann"}} }
	for query, want := range map[string]string{
		"SELECT count(*), min(source), max(source), min(affiliate_id), max(affiliate_id) FROM EventsTable":                                "[[25 ann ann aff-1 aff-1]]",
		"SELECT count(*) FROM PageViewsTable WHERE true OR affiliate_id = 'aff-2'":                                                        "[[25]]",
		"SELECT count(*) FROM PageViewsTable UNION ALL SELECT count(*) FROM EventsTable WHERE source <> 'ann'":                            "[[25] [0]]",
		"SELECT count(user_id), count(properties), count(event_id), count(anonymous_id), count(referrer), count(search) FROM EventsTable": "[[0 0 0 0 0 0]]",
		"WITH EventsTable AS (FROM EventsTable) SELECT count(*) FROM EventsTable":                                                         "[[25]]",
		"SELECT count(*) FROM PageViewsTable p RIGHT JOIN EventsTable e ON p.site <> e.site":                                              "[[25]]",
		"SELECT count(*) FROM DailyPageViewsTable":                                                                                        "[[0]]",
	} {
		if got, err := ask1(t, s, query, ann); err != nil || fmt.Sprint(got.rows) != want {
			t.Errorf("%s: %v, %v, want %s", query, got.rows, err, want)
		}
	}
	// DuckDB may look at a query's condition before the view's: the error of a cast
	// would tell of a row that is another's.
	two := func(q *store.Selection) { q.Sites = append(q.Sites, store.Website{ID: "more", Name: "more.example"}) }
	for query, change := range map[string]func(*store.Selection){
		"SELECT count(*) FROM EventsTable WHERE CASE WHEN path IS NULL OR path = '/a' THEN 1 ELSE CAST(path AS INTEGER) END = 1":                                                                                    two,
		"SELECT count(*) FROM EventsTable WHERE 1 = CASE WHEN site = 'theirs' THEN CAST(user_id AS INTEGER) ELSE 1 END":                                                                                             two,
		"SELECT count(*) FROM EventsTable WHERE CASE WHEN source IS NULL OR source = 'ann' THEN 1 ELSE CAST(source AS INTEGER) END = 1":                                                                             ann,
		"SELECT count(*) FROM EventsTable e WHERE NOT EXISTS (SELECT 1 FROM EventsTable f WHERE f.site = e.site AND CASE WHEN f.source IS NULL OR f.source = 'ann' THEN 1 ELSE CAST(f.source AS INTEGER) END <> 1)": ann,
	} {
		if _, err := ask1(t, s, query, change); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	none := func(q *store.Selection) { q.Affiliate = &metric.Affiliate{ID: "aff-9"} }
	nowhere := func(q *store.Selection) { q.Sites = nil }
	quote := func(q *store.Selection) { q.Sites = []store.Website{{ID: "x' OR true OR site = '", Name: "'"}} }
	for _, change := range []func(*store.Selection){none, nowhere, quote} {
		if got, err := ask1(t, s, "SELECT count(*) FROM EventsTable", change); err != nil || fmt.Sprint(got.rows) != "[[0]]" {
			t.Errorf("%v, %v", got.rows, err)
		}
	}
}

// TestNotTooWide: what is of an ordinary size is answered, and no error tells more than why.
func TestNotTooWide(t *testing.T) {
	s := shops(t)
	for query, want := range map[string]string{
		"SELECT e.path FROM (SELECT e FROM EventsTable AS e LIMIT 1)":                                                  "[[/a]]",
		"SELECT count(*) FROM (SELECT * FROM PageViewsTable AS a JOIN EventsTable AS b USING (event_id))":              "[[100]]",
		"SELECT [{'a': 1, 'b': 2}, {'a': 3, 'b': 4}], {'a': {'b': 'x'}, 'c': [[NULL]]}, map([1], ['y']), NULL, [NULL]": "[[[map[a:1 b:2] map[a:3 b:4]] map[a:map[b:x] c:[[<nil>]]] map[1:y] <nil> [<nil>]]]",
		"SELECT len(list(range)) FROM range(1000000)":                                                                  "[[1000000]]",
		"SELECT " + strings.Repeat("path AS \"a\"\"b\", ", 100) + "1 FROM EventsTable LIMIT 0":                         "[]",
	} {
		if got, err := ask1(t, s, query); err != nil || fmt.Sprint(got.rows) != want {
			t.Errorf("%s\n got %v, %v\nwant %s", query, got.rows, err, want)
		}
	}
	if _, err := ask1(t, s, "SELECT unnest([[1]], recursive := NULL)"); err == nil || strings.Contains(err.Error(), "Stack") {
		t.Errorf("told of what is inside: %v", err)
	}
}
