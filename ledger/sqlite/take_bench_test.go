package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/ledger/ledgertest"
	rates "footfall/money"
	"footfall/shop"
)

// BenchmarkTake takes verified orders of visitors who came by a link, with the
// -touches of BenchmarkTouches in the ledger: each is attributed, and what it earns
// is on disk. Its p99 should be at most 10 ms with ten million.
func BenchmarkTake(b *testing.B) {
	book := opened(b, b.TempDir())
	defer book.Close()
	now := ledgertest.Start.Add(30 * 24 * time.Hour)
	if err := book.Change(b.Context(), setUp); err != nil {
		b.Fatal(err)
	}
	fillTouches(b, book, *many)
	desk, err := affiliate.Open(b.Context(), book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	n, attributed := 0, 0
	var took []time.Duration
	b.ResetTimer()
	for b.Loop() {
		n++
		who := strings.TrimPrefix(string(ledgertest.Visitor(n*7919%(*many/3))), "anon:")
		began := time.Now()
		taken, err := desk.Take(b.Context(), shop.Report{Site: "shop-example", Number: fmt.Sprint(n), Time: now, Said: now, From: shop.FromAPI, Verified: true, Anonymous: who,
			Order: &shop.Order{Currency: "EUR", Lines: []ledger.Line{{ID: "1", Product: "course", Quantity: 1, Net: 9900}}}})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		if len(taken.Entries) == 1 && taken.Order.Code != "" {
			attributed++
		}
	}
	ledgertest.Lasted(b, took)
	if attributed < n*9/10 {
		b.Errorf("%d of %d orders were attributed", attributed, n)
	}
}

// setUp makes the programme and affiliates of fillTouches' touches.
func setUp(tx ledger.Tx) error {
	p := affiliate.Usual()
	p.ID, p.Name, p.Sites = ledgertest.ID("P", 1), "Courses", []string{"shop-example"}
	if err := tx.Set().Programs().Add(p); err != nil {
		return err
	}
	for n := range 200 {
		a := ledger.Affiliate{ID: ledgertest.ID("A", n), Program: p.ID, Email: fmt.Sprintf("a%d@example.com", n), Name: fmt.Sprint("A", n), Status: ledger.Active}
		if err := tx.Set().Affiliates().Add(a); err != nil {
			return err
		}
	}
	return tx.Set().Rules().Add(ledger.Rule{ID: ledgertest.ID("R", 1), Program: p.ID, Kind: ledger.Percent, Rate: rates.PPM / 2})
}
