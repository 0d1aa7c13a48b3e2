package postgres

import (
	"flag"
	"fmt"
	"testing"

	"footfall/engine/postgres/postgrestest"
	"footfall/ledger/ledgertest"
)

// The benchmarks take a while to fill the tables; ask for -benchtime=200x. The ten
// million touches that a ledger should stand are -touches=10000000.
var many = flag.Int("touches", 1_000_000, "touches in BenchmarkTouches")

// filling makes touches of 30 days as AddTouch does, all in one go: each visitor has
// three.
const filling = `SET search_path = bench_ledger; SET synchronous_commit = off;
INSERT INTO touches (id, program, affiliate, code, site, keys, time, quarter, source, sub, landing, referrer, paid, machine, counted)
	SELECT '01JC' || lpad(i::text, 22, '0'), '01JP' || lpad('1', 22, '0'), '01JA' || lpad((i * 7919 %% 200)::text, 22, '0'), 'code' || i * 7919 %% 200, 'shop-example',
		'["click:01JC' || lpad(i::text, 22, '0') || '","anon:' || lpad(to_hex(i %% (%[1]d / 3) * 2654435761 %% 4294967296), 8, '0') || '-4c1d-4a5e-9b7f-3f2a9d1c8e60"]',
		%[2]d + i * 2592000000 / %[1]d, (%[2]d + i * 2592000000 / %[1]d) / 900000 * 900000, 'link', '', 'https://shop.example/courses/', '', '', '', i %% 2
	FROM generate_series(0::bigint, %[1]d - 1) i;
INSERT INTO touch_keys SELECT program, keys::json ->> 1, time, number FROM touches ORDER BY 1, 2, 3, 4;
INSERT INTO touch_keys SELECT program, keys::json ->> 0, time, number FROM touches ORDER BY 1, 2, 3, 4;
ANALYZE touches; ANALYZE touch_keys`

func bench(b *testing.B) (*postgrestest.Server, *Book) {
	b.Helper()
	server := postgrestest.Start(b)
	book := opened(b, server.URL("bench"))
	b.Cleanup(func() { book.Close() })
	return server, book
}

func BenchmarkTouches(b *testing.B) {
	server, book := bench(b)
	server.Do(fmt.Sprintf(filling, *many, ledgertest.Start.UnixMilli()))
	server.Do("VACUUM bench_ledger.touches") // as the server does of itself
	ledgertest.BenchTouches(b, book, *many)
}

func BenchmarkSums(b *testing.B) {
	_, book := bench(b)
	ledgertest.BenchSums(b, book)
}

func BenchmarkChange(b *testing.B) {
	_, book := bench(b)
	ledgertest.BenchChange(b, book)
}
