package sqlite

import (
	"flag"
	"testing"

	"footfall/ledger/ledgertest"
)

// The benchmarks take a while to fill the file; ask for -benchtime=200x. The ten
// million touches that a ledger should stand are -touches=10000000.
var many = flag.Int("touches", 1_000_000, "touches in BenchmarkTouches and BenchmarkTake")

// filling makes touches as AddTouch does, all in one go: each visitor has three.
var filling = []string{`INSERT INTO touches
	WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
	SELECT i + 1, printf('01JC%022d', i), printf('01JP%022d', 1), printf('01JA%022d', i * 7919 % 200), printf('code%d', i * 7919 % 200), 'shop-example',
		printf('["click:01JC%022d","anon:%08x-4c1d-4a5e-9b7f-3f2a9d1c8e60"]', i, i % (?1 / 3) * 2654435761 % 4294967296), ?2 + i * 2592000000 / ?1,
		?2 + i * 2592000000 / ?1 / 900000 * 900000, 'link', '', 'https://shop.example/courses/', '', '', '', i % 2, i % (?1 / 3) * 2654435761 FROM n`,
	`INSERT INTO touch_keys SELECT program, keys ->> 1, time, number FROM touches ORDER BY 1, 2, 3, 4`,
	`INSERT INTO touch_keys SELECT program, keys ->> 0, time, number FROM touches ORDER BY 1, 2, 3, 4`}

// fillTouches adds touches of 30 days. Nothing of it need stand a crash, so no
// journal is written, and indexes are made when all rows are there: ten million
// take a few minutes, and 8 GB of disk.
func fillTouches(b *testing.B, book *Book, n int) {
	b.Helper()
	do := func(statements ...string) {
		for _, statement := range statements {
			if _, err := book.writer.Exec(statement, n, ledgertest.Start.UnixMilli()); err != nil {
				b.Fatal(statement, ": ", err)
			}
		}
	}
	indexes := map[string]string{}
	rows, err := book.writer.Query("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'touches' AND type = 'index' AND sql IS NOT NULL")
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			b.Fatal(err)
		}
		indexes[name] = statement
	}
	rows.Close()
	do("PRAGMA synchronous = OFF", "PRAGMA journal_mode = OFF", "PRAGMA cache_size = -500000")
	for name := range indexes {
		do("DROP INDEX " + name)
	}
	do(filling...)
	for _, statement := range indexes {
		do(statement)
	}
	do("PRAGMA cache_size = -32000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
}

func BenchmarkTouches(b *testing.B) {
	book := opened(b, b.TempDir())
	defer book.Close()
	fillTouches(b, book, *many)
	ledgertest.BenchTouches(b, book, *many)
}

func BenchmarkSums(b *testing.B) {
	book := opened(b, b.TempDir())
	defer book.Close()
	ledgertest.BenchSums(b, book)
}

func BenchmarkChange(b *testing.B) {
	book := opened(b, b.TempDir())
	defer book.Close()
	ledgertest.BenchChange(b, book)
}
