package affiliate_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/ledger/sqlite"
	"footfall/money"
)

// BenchmarkTake takes verified orders of visitors who came by a link, with a
// million touches in the ledger.
func BenchmarkTake(b *testing.B) {
	const touches = 1_000_000
	book, err := sqlite.Open(sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer book.Close()
	desk, err := affiliate.Open(b.Context(), book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return noon }})
	if err != nil {
		b.Fatal(err)
	}
	p := affiliate.Usual()
	p.Name, p.Sites = "Courses", []string{"one", "two"}
	if p, err = desk.PutProgram(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	if _, err := desk.AddRule(b.Context(), ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: money.PPM / 2}); err != nil {
		b.Fatal(err)
	}
	a, err := desk.Join(b.Context(), ledger.Affiliate{Program: p.ID, Email: "anna@example.com", Name: "Anna", Status: ledger.Active})
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; from < touches; from += 10_000 {
		err := book.Change(context.Background(), func(tx ledger.Tx) error {
			for n := from; n < from+10_000; n++ {
				_, err := tx.Traffic().AddTouch(ledger.Touch{ID: fmt.Sprintf("c%d", n), Program: p.ID, Affiliate: a.ID, Code: "ANNA", Site: "one", Source: ledger.FromLink,
					Keys: []ledger.Key{ledger.Key(fmt.Sprintf("anon:v%d", n)), ledger.Key(fmt.Sprintf("click:c%d", n))}, Time: noon.Add(-time.Duration(n) * time.Second), Counted: true})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		n++
		taken, err := desk.Take(b.Context(), order(fmt.Sprint(n), fmt.Sprintf("v%d", n*7919%touches), 10000, noon))
		if err != nil {
			b.Fatal(err)
		}
		_ = taken
	}
}
