package rows_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	engine "footfall/engine/postgres"
	"footfall/engine/postgres/postgrestest"
	"footfall/ledger/postgres"
	"footfall/ledger/rows"
	"footfall/ledger/sqlite"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asker is a database, or a transaction.
type asker interface {
	Query(query string, values ...any) (*sql.Rows, error)
}

// plan is how an engine answers a question.
func plan(t *testing.T, db asker, explain string, q rows.Question) string {
	t.Helper()
	found, err := db.Query(explain+q.Query, q.Values...)
	must(t, err)
	defer found.Close()
	columns, err := found.Columns()
	must(t, err)
	var all []string
	for found.Next() {
		var detail string // the last column
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		into[len(into)-1] = &detail
		must(t, found.Scan(into...))
		all = append(all, detail)
	}
	return strings.Join(all, "\n")
}

// TestSQLiteReadsByIndex asks SQLite how it finds rows: by an index of the most
// that is known, nothing is looked through from end to end, and what is long is in
// order.
func TestSQLiteReadsByIndex(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // as every later start finds it
		b, err := sqlite.Open(sqlite.Options{Dir: dir})
		must(t, err)
		must(t, b.Close())
	}
	db, err := sql.Open("sqlite3", filepath.Join(dir, sqlite.File))
	must(t, err)
	defer db.Close()
	for _, q := range rows.Questions() {
		got := plan(t, db, "EXPLAIN QUERY PLAN ", q)
		for _, w := range q.SQLite {
			if !strings.Contains(got, w) {
				t.Errorf("%s is found by\n%s\nwant %s", q.What, got, w)
			}
		}
		if strings.Contains(got, "SCAN") || q.Ordered && strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s is found by\n%s", q.What, got)
		}
	}
}

// scan is a node of PostgreSQL's plan that reads a table or an index, with what
// stands below it.
var scan = regexp.MustCompile(`(?m)^ *(?:-> +)?(Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan|Bitmap Heap Scan|Tid Scan|Sample Scan).*\n?.*$`)

// TestPostgreSQLReadsByIndex asks PostgreSQL, which is told to avoid looking through
// tables from end to end: it can, as there is an index for whatever is asked, whose
// order and types are those of the question.
func TestPostgreSQLReadsByIndex(t *testing.T) {
	server := postgrestest.Start(t)
	b, err := postgres.Open(t.Context(), server.URL("plan"), postgres.Options{})
	must(t, err)
	must(t, b.Close())
	db, err := engine.Open(t.Context(), server.URL("plan"), engine.Tables{Room: "ledger", Steps: []string{"SELECT 'they are there'"}})
	must(t, err)
	defer db.Close()
	must(t, db.View(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
		for _, q := range rows.Questions() {
			for i, v := range q.Values { // their types don't matter to SQLite
				q.Values[i] = fmt.Sprint(v)
			}
			got := plan(t, tx, "EXPLAIN ", q)
			scans := scan.FindAllString(got, -1)
			for _, s := range scans {
				if !strings.Contains(s, "Index Cond") {
					t.Errorf("%s is found by\n%s", q.What, got)
					break
				}
			}
			if len(scans) == 0 {
				t.Errorf("%s: no scan in\n%s", q.What, got)
			}
		}
		return err
	}))
}
