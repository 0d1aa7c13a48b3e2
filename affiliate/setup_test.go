package affiliate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/money"
)

// readBook counts the orders that are read from a ledger.
type readBook struct {
	ledger.Book
	read int
}

type readTx struct {
	ledger.Tx
	book *readBook
}

type readOrders struct {
	ledger.Orders
	book *readBook
}

func (b *readBook) Change(ctx context.Context, do func(ledger.Tx) error) error {
	return b.Book.Change(ctx, func(tx ledger.Tx) error { return do(readTx{tx, b}) })
}

func (tx readTx) Orders() ledger.Orders { return readOrders{tx.Tx.Orders(), tx.book} }

func (o readOrders) List(f ledger.OrderFilter) ([]ledger.Order, error) {
	all, err := o.Orders.List(f)
	o.book.read += len(all)
	return all, err
}

// TestRuleBeforeOrders: a version that begins before an order that earns is
// refused, however many there are that don't, and few orders are read for it.
func TestRuleBeforeOrders(t *testing.T) {
	d := openDesk(t, nil)
	put := func(n int, verified bool) {
		t.Helper()
		o := ledger.Order{ID: fmt.Sprintf("o%04d", n), Program: d.program.ID, Site: "one", Store: "one", Number: fmt.Sprint(n), Time: noon.Add(time.Duration(n) * time.Minute), Known: true, Verified: verified}
		if err := d.book.Change(t.Context(), func(tx ledger.Tx) error { return tx.Orders().Put(o) }); err != nil {
			t.Fatal(err)
		}
	}
	book := &readBook{Book: d.book}
	desk, err := affiliate.Open(t.Context(), book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	try := func(from time.Time) error {
		book.read = 0
		_, err := desk.AddRule(t.Context(), ledger.Rule{Program: d.program.ID, Kind: ledger.Percent, Rate: money.PPM / 4, From: from})
		return err
	}
	put(0, true)
	for n := range 130 {
		put(n+1, false)
	}
	if err := try(noon); err == nil || !strings.Contains(err.Error(), noon.Format(time.RFC3339)) || book.read != 131 {
		t.Errorf("one order that earns among many that don't: %v, %d read", err, book.read)
	}
	if err := try(noon.Add(time.Minute)); err != nil {
		t.Errorf("only orders that don't earn: %v", err)
	}
	for n := range 500 {
		put(n+200, true)
	}
	if err := try(noon); err == nil || book.read > 50 {
		t.Errorf("many orders that earn: %v, %d read", err, book.read)
	}
}
