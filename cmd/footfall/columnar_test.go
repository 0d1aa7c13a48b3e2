package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	_ "github.com/duckdb/duckdb-go/v2"
)

// inDuckDB asks a DuckDB of its own, which reads a Parquet file as the table t, and
// spells the rows with a | between the cells.
func inDuckDB(t *testing.T, file []byte, query string) (rows []string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "t.parquet")
	must(t, os.WriteFile(name, file, 0o600))
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	found, err := db.Query("SELECT COLUMNS(*)::VARCHAR FROM (" + strings.ReplaceAll(query, "FROM t", "FROM '"+name+"'") + ")")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	names, err := found.Columns()
	must(t, err)
	for found.Next() {
		cells, at := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			at[i] = &cells[i]
		}
		must(t, found.Scan(at...))
		var line []string
		for _, c := range cells {
			line = append(line, c.String)
		}
		rows = append(rows, strings.Join(line, "|"))
	}
	must(t, found.Err())
	return rows
}

// inArrow are the rows of an Arrow stream as JSON has them, and its types.
func inArrow(t *testing.T, stream []byte) (rows []map[string]any, types string) {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(stream))
	must(t, err)
	for _, f := range r.Schema().Fields() {
		types += f.Name + " " + f.Type.String() + ", "
	}
	for r.Next() {
		var lines bytes.Buffer
		must(t, array.RecordToJSON(r.RecordBatch(), &lines))
		in := json.NewDecoder(&lines)
		in.UseNumber()
		for in.More() {
			var row map[string]any
			must(t, in.Decode(&row))
			rows = append(rows, row)
		}
	}
	must(t, r.Err())
	return rows, types
}

const typed = `SELECT 'ä' AS name, 3 AS n, sum(measure_value::bigint) AS sum, 12.5::DECIMAL(18,4) AS price, 0.25::DOUBLE AS rate, true AS yes, DATE '2026-11-22' AS day,
TIMESTAMP '2026-11-22 01:02:03.004' AS at, NULL::BIGINT AS none, count(*) AS name FROM EventsTable`

// TestSQLAsColumns: DuckDB and Arrow's reader find the values of a query with their types,
// also of rows that fill several batches.
func TestSQLAsColumns(t *testing.T) {
	h := newHome(t)
	h.site()
	h.publish(events("a", 20, true)...)
	a := h.analyst("shop-example", "sql")
	status, file := a.ask(typed, "parquet", nil)
	if status != 200 {
		t.Fatal(file)
	}
	if got := inDuckDB(t, []byte(file), "SELECT * REPLACE (\"at\" AT TIME ZONE 'UTC' AS \"at\") FROM t"); len(got) != 1 || got[0] != "ä|3|20|12.5000|0.25|true|2026-11-22|2026-11-22 01:02:03.004||20" {
		t.Errorf("DuckDB reads %q", got)
	}
	if got, want := strings.Join(inDuckDB(t, []byte(file), "SELECT column_name, column_type FROM (DESCRIBE FROM t)"), ", "),
		"name|VARCHAR, n|BIGINT, sum|DECIMAL(38,0), price|DECIMAL(18,4), rate|DOUBLE, yes|BOOLEAN, day|DATE, at|TIMESTAMP WITH TIME ZONE, none|BIGINT, name_2|BIGINT"; got != want {
		t.Errorf("DuckDB takes the columns for\n%s\nwant\n%s", got, want)
	}
	_, stream := a.ask(typed, "arrow", nil)
	rows, types := inArrow(t, []byte(stream))
	if want := "name utf8, n int64, sum decimal(38, 0), price decimal(18, 4), rate float64, yes bool, day date32, at timestamp[us, tz=UTC], none int64, name_2 int64, "; types != want || len(rows) != 1 || rows[0]["name"] != "ä" || fmt.Sprint(rows[0]["sum"]) != "20" {
		t.Errorf("Arrow has %v of %s", rows, types)
	}
	_, stream = a.ask("SELECT i FROM range(20000) t(i)", "arrow", nil)
	if rows, _ = inArrow(t, []byte(stream)); len(rows) != 20_000 || fmt.Sprint(rows[19_999]["i"]) != "19999" {
		t.Errorf("%d of 20,000 rows", len(rows))
	}
}

// TestSQLAccept: an Accept header chooses the format where the question names none.
func TestSQLAccept(t *testing.T) {
	h := newHome(t)
	h.site()
	a := h.analyst("shop-example", "sql")
	for accept, want := range map[string]string{"application/vnd.apache.arrow.stream": "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet": "application/vnd.apache.parquet", "*/*": "application/json; charset=utf-8"} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sql", strings.NewReader(`{"query":"SELECT 1 AS one"}`))
		r.Header.Set("Authorization", "Bearer "+a.key)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("Accept: %s is answered with %d %s", accept, w.Code, got)
		}
	}
}

// TestReportColumns: a table of figures has exact amounts, numbers and dates.
func TestReportColumns(t *testing.T) {
	h, site := orders(t)
	file := filepath.Join(t.TempDir(), "question.json")
	must(t, os.WriteFile(file, []byte(`{"metrics":["pageviews","total_revenue"],"dimensions":["time:day","visit:country"],"date_range":["2026-05-01","2026-05-02"]}`), 0o600))
	write := func(format string) []byte {
		t.Helper()
		var out, fault bytes.Buffer
		if code := run(t.Context(), []string{"query", "--site", site, "--report", file, "--format", format, "--data", h.dir}, &out, &fault); code != 0 {
			t.Fatalf("%s: %d %s", format, code, fault.String())
		}
		return out.Bytes()
	}
	csv := strings.Split(strings.TrimSpace(string(write("csv"))), "\n")
	found := inDuckDB(t, write("parquet"), `SELECT "time:day"::DATE::VARCHAR, * EXCLUDE ("time:day", Revenue), rtrim(rtrim(Revenue::VARCHAR, '0'), '.') FROM t`)
	if got, want := strings.Join(found, "\n"), strings.ReplaceAll(strings.Join(csv[1:], "\n"), ",", "|"); got != want || len(found) < 2 {
		t.Errorf("DuckDB reads\n%s\nin CSV it is\n%s", got, want)
	}
	if got := strings.Join(inDuckDB(t, write("parquet"), "SELECT column_type FROM (DESCRIBE FROM t)"), ", "); got != "DATE, VARCHAR, BIGINT, DECIMAL(18,3)" {
		t.Errorf("DuckDB takes the columns for %s", got)
	}
	if rows, types := inArrow(t, write("arrow")); len(rows) != len(found) || !strings.Contains(types, "Revenue decimal(18, 3)") {
		t.Errorf("Arrow has %d rows of %s", len(rows), types)
	}
}

// TestExportArrow: events as an Arrow stream have the fields of JSON lines.
func TestExportArrow(t *testing.T) {
	h := newHome(t)
	h.site()
	all := events("a", 300, true)
	for i := range all {
		all[i].Title, all[i].Properties = "=cmd, \"x\"\n", `{"price":1.5,"a":"b, c"}`
	}
	h.publish(all...)
	export := func(format string) []byte {
		t.Helper()
		var out, fault bytes.Buffer
		if code := run(t.Context(), []string{"export", "--site", "shop-example", "--format", format, "--data", h.dir}, &out, &fault); code != 0 {
			t.Fatalf("%s: %d %s", format, code, fault.String())
		}
		return out.Bytes()
	}
	rows, types := inArrow(t, export("arrow"))
	if !strings.Contains(types, "timestamp timestamp[us, tz=UTC], ") || !strings.Contains(types, "title utf8") {
		t.Errorf("the columns are %s", types)
	}
	lines := json.NewDecoder(bytes.NewReader(export("ndjson")))
	for i, row := range rows {
		var e map[string]any
		must(t, lines.Decode(&e))
		for name, want := range e {
			got := row[name]
			switch {
			case name == "properties":
				want = all[0].Properties
			case strings.HasSuffix(name, "At") || strings.HasSuffix(strings.ToLower(name), "timestamp"):
				at, err := time.Parse(time.RFC3339, want.(string))
				must(t, err)
				want = at.Format("2006-01-02T15:04:05.999999")
				got = strings.TrimSuffix(fmt.Sprint(got), "Z")
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("event %d: %s is %v, in NDJSON %v", i, name, got, want)
			}
		}
	}
	if lines.More() || len(rows) != 300 {
		t.Errorf("%d of 300 events", len(rows))
	}
}
