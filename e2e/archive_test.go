package e2e

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // another reader of the archive's objects
)

// archived counts a data directory's archive with DuckDB: rows, and distinct
// ids within their site and day.
func archived(t testing.TB, data string) (rows, distinct int) {
	t.Helper()
	db := openDuckDB(t)
	defer db.Close()
	err := db.QueryRow(`SELECT count(*), count(DISTINCT (site, message_id, CAST(original_time AS DATE)))
		FROM read_parquet(?, hive_partitioning = true)`, objects(data)).Scan(&rows, &distinct)
	if err != nil {
		t.Fatal(err)
	}
	return rows, distinct
}

func objects(data string) string {
	return filepath.Join(data, "archive", "site=*", "date=*", "hour=*", "*.parquet")
}

func openDuckDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	return db
}
