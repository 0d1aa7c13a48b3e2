package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
)

// The benchmarks take a while to fill the file; ask for -benchtime=200x. The ten
// million touches that a ledger should stand are -touches=10000000.
var many = flag.Int("touches", 1_000_000, "touches in BenchmarkTouches and BenchmarkTake")

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// days are a year's.
var days = func() (all []time.Time) {
	for n := range 365 {
		all = append(all, start.AddDate(0, 0, n))
	}
	return all
}()

// id is the n-th of a sort; ids ascend with n, as ULIDs do.
func id(sort string, n int) string { return fmt.Sprintf("01J%s%022d", sort, n) }

// visitor is the anonymous id of the n-th visitor, as an SDK makes them: without order.
func visitor(n int) ledger.Key {
	return ledger.Key(fmt.Sprintf("anon:%08x-4c1d-4a5e-9b7f-3f2a9d1c8e60", n*2654435761%(1<<32)))
}

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
			if _, err := book.writer.Exec(statement, n, start.UnixMilli()); err != nil {
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

// told reports how long most took, and how large the file is.
func told(b *testing.B, took []time.Duration, dir string) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	if info, err := os.Stat(filepath.Join(dir, File)); err == nil {
		b.ReportMetric(float64(info.Size()>>20), "MB")
	}
}

func BenchmarkTouches(b *testing.B) {
	dir := b.TempDir()
	book := opened(b, dir)
	defer book.Close()
	fillTouches(b, book, *many)
	run := func(name string, fn func(tx ledger.Tx, rng *rand.Rand) error) {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(2, 2))
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := book.View(b.Context(), func(tx ledger.Tx) error { return fn(tx, rng) }); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			told(b, took, dir)
		})
	}
	found := 0
	run("By3Keys", func(tx ledger.Tx, rng *rand.Rand) error {
		n := rng.IntN(*many)
		touches, err := tx.Traffic().Touches(id("P", 1), start, start.Add(31*24*time.Hour), ledger.Key("click:"+id("C", n)), visitor(n%(*many/3)), visitor(rng.IntN(*many/3)))
		found += len(touches)
		return err
	})
	if found == 0 {
		b.Error("no touch was found")
	}
	run("ClicksOfAnAffiliate", func(tx ledger.Tx, rng *rand.Rand) error {
		_, err := tx.Figures().Clicks(ledger.Cut{Program: id("P", 1), Affiliate: id("A", rng.IntN(200)), From: start, Steps: days, By: []ledger.By{ledger.ByCode, ledger.BySub}})
		return err
	})
}

// entry is one of an affiliate's, in a year.
func entry(n int, affiliate, order string) ledger.Entry {
	at := start.Add(time.Duration(n%100_000) * (365 * 24 * time.Hour / 100_000))
	return ledger.Entry{ID: id("E", n), Program: id("P", 1), Affiliate: affiliate, Site: "shop-example", Order: order, Line: fmt.Sprint(n % 5), Product: fmt.Sprint("course-", n%5), Kind: ledger.Earn,
		Amount: int64(n%9999) + 1, Currency: "EUR", Occurred: at, Available: at.Add(30 * 24 * time.Hour), Posted: at, Rule: id("R", 1), Cause: id("D", n)}
}

func BenchmarkSums(b *testing.B) {
	dir := b.TempDir()
	book := opened(b, dir)
	defer book.Close()
	const entries = 100_000
	for from := 0; from < entries; from += 10_000 {
		change(b, book, func(tx ledger.Tx) error {
			for i := from; i < from+10_000; i++ {
				if err := tx.Money().Post(entry(i, id("A", 1), id("O", i/5)), entry(entries+i, id("A", 2+i%50), id("O", i/5))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for name, c := range map[string]ledger.Cut{
		"OfAnAffiliate": {Program: id("P", 1), Affiliate: id("A", 1), From: start, To: start.AddDate(1, 0, 0), Steps: days},
		"OfASite":       {Sites: []string{"shop-example"}, From: start, To: start.AddDate(1, 0, 0), Steps: days},
	} {
		c.By = []ledger.By{ledger.ByProduct, ledger.ByCurrency, ledger.ByPayout, ledger.ByDue, ledger.ByFlagged}
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				err := book.View(b.Context(), func(tx ledger.Tx) error {
					sums, err := tx.Figures().Commissions(c)
					if len(sums) < 5*365 {
						b.Fatal(len(sums), "sums")
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			told(b, took, dir)
		})
	}
}

// BenchmarkChange is an order with its facts, a decision and five entries.
func BenchmarkChange(b *testing.B) {
	dir := b.TempDir()
	book := opened(b, dir)
	defer book.Close()
	n := 0
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		change(b, book, func(tx ledger.Tx) error { return sell(tx, n) })
		took = append(took, time.Since(began))
		n++
	}
	told(b, took, dir)
}

// sell is what becomes of the n-th order.
func sell(tx ledger.Tx, n int) error {
	at := start.Add(time.Duration(n) * time.Second)
	o := ledger.Order{ID: id("O", n), Program: id("P", 1), Site: "shop-example", Store: "courses", Number: fmt.Sprint(n), Time: at, Currency: "EUR", Customer: ledger.Key(id("customer:", n)),
		Keys: []ledger.Key{visitor(n), ledger.Key("click:" + id("C", n))}, Coupons: []string{"ANN15"}, Verified: true, Revision: 1, Affiliate: id("A", 1), Decision: id("D", n), Known: true}
	var posted []ledger.Entry
	for i := range 5 {
		o.Lines = append(o.Lines, ledger.Line{ID: fmt.Sprint(i), Product: fmt.Sprint("course-", i), Quantity: 1, Net: 9900})
		posted = append(posted, entry(5*n+i, id("A", n%50), o.ID))
	}
	f := tx.Orders().Facts()
	for _, kind := range []ledger.FactKind{ledger.Content, ledger.Refund} {
		if _, err := f.Add(ledger.Fact{ID: string(kind), Order: o.ID, Kind: kind, Time: at, From: "api", Body: make([]byte, 600)}); err != nil {
			return err
		}
	}
	if err := f.Decide(ledger.Decision{ID: o.Decision, Order: o.ID, Affiliate: o.Affiliate, Rule: "last", Time: at, Explain: make([]ledger.Candidate, 3)}); err != nil {
		return err
	}
	if err := tx.Orders().Put(o, ledger.Name{Store: o.Store, Kind: "transaction", Value: fmt.Sprint("txn_", n)}); err != nil {
		return err
	}
	return tx.Money().Post(posted...)
}
