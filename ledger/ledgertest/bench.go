package ledgertest

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
)

// Lasted reports how long most took.
func Lasted(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// days are a year's.
var days = func() (all []time.Time) {
	for n := range 365 {
		all = append(all, Start.AddDate(0, 0, n))
	}
	return all
}()

// BenchTouches asks for a visitor's touches and an affiliate's clicks among so
// many, of 30 days, three of each Visitor.
func BenchTouches(b *testing.B, book ledger.Book, many int) {
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
			Lasted(b, took)
		})
	}
	found := 0
	run("By3Keys", func(tx ledger.Tx, rng *rand.Rand) error {
		n := rng.IntN(many)
		touches, err := tx.Traffic().Touches(ID("P", 1), Start, Start.Add(31*24*time.Hour), ledger.Key("click:"+ID("C", n)), Visitor(n%(many/3)), Visitor(rng.IntN(many/3)))
		found += len(touches)
		return err
	})
	if found == 0 {
		b.Error("no touch was found")
	}
	run("ClicksOfAnAffiliate", func(tx ledger.Tx, rng *rand.Rand) error {
		_, err := tx.Figures().Clicks(ledger.Cut{Program: ID("P", 1), Affiliate: ID("A", rng.IntN(200)), From: Start, Steps: days, By: []ledger.By{ledger.ByCode, ledger.BySub}})
		return err
	})
}

// BenchSums adds up a year of an affiliate's, and of a site's.
func BenchSums(b *testing.B, book ledger.Book) {
	const entries = 100_000
	for from := 0; from < entries; from += 10_000 {
		must(b, book.Change(context.Background(), func(tx ledger.Tx) error {
			for i := from; i < from+10_000; i++ {
				if err := tx.Money().Post(entry(i, ID("A", 1), ID("O", i/5)), entry(entries+i, ID("A", 2+i%50), ID("O", i/5))); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for name, c := range map[string]ledger.Cut{
		"OfAnAffiliate": {Program: ID("P", 1), Affiliate: ID("A", 1), From: Start, To: Start.AddDate(1, 0, 0), Steps: days},
		"OfASite":       {Sites: []string{"shop-example"}, From: Start, To: Start.AddDate(1, 0, 0), Steps: days},
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
			Lasted(b, took)
		})
	}
}

// BenchChange is an order with its facts, a decision and five entries.
func BenchChange(b *testing.B, book ledger.Book) {
	n := 0
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		must(b, book.Change(context.Background(), func(tx ledger.Tx) error { return Sell(tx, n) }))
		took = append(took, time.Since(began))
		n++
	}
	Lasted(b, took)
}
