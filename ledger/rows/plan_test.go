package rows_test

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"footfall/ledger/rows"
	"footfall/ledger/sqlite"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plan is how an engine answers a question.
func plan(t *testing.T, db *sql.DB, explain string, q rows.Question) string {
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

// made is what a statement makes itself, which is read as it is.
var made = regexp.MustCompile(`SCAN (\(subquery|steps|visitors|\d+ CONSTANT)`)

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
		tables := made.ReplaceAllString(got, "")
		if strings.Contains(tables, "SCAN") || q.Ordered && strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s is found by\n%s", q.What, got)
		}
	}
}
