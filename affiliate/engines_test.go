package affiliate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"footfall/engine/postgres/postgrestest"
	"footfall/ledger"
	"footfall/ledger/ledgertest"
	"footfall/ledger/postgres"
	"footfall/ledger/sqlite"
	"footfall/money"
	"footfall/shop"
)

// onEngines runs a test on the ledger of each engine; open makes an empty one,
// which two processes seem to have open.
func onEngines(t *testing.T, test func(t *testing.T, open func() ledger.Book)) {
	t.Run("memory", func(t *testing.T) { test(t, func() ledger.Book { return ledgertest.NewMemory() }) })
	t.Run("SQLite", func(t *testing.T) {
		test(t, func() ledger.Book {
			dir := t.TempDir()
			return byTurns(t, func() (ledger.Book, error) { return sqlite.Open(sqlite.Options{Dir: dir}) })
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server, n := postgrestest.Start(t), 0
		test(t, func() ledger.Book {
			n++
			return byTurns(t, func() (ledger.Book, error) {
				return postgres.Open(t.Context(), server.URL(fmt.Sprint("book", n)), postgres.Options{})
			})
		})
	})
}

// turns is a ledger that is open twice, and used by turns.
type turns struct {
	books [2]ledger.Book
	n     atomic.Uint64
}

func (b *turns) next() ledger.Book { return b.books[b.n.Add(1)%2] }

func (b *turns) View(ctx context.Context, fn func(ledger.Tx) error) error {
	return b.next().View(ctx, fn)
}

func (b *turns) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	return b.next().Change(ctx, fn)
}

func (b *turns) Close() error { return errors.Join(b.books[0].Close(), b.books[1].Close()) }

// byTurns opens a ledger twice, until the test ends.
func byTurns(t *testing.T, open func() (ledger.Book, error)) ledger.Book {
	t.Helper()
	b := &turns{}
	for i := range b.books {
		var err error
		if b.books[i], err = open(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.books[i].Close() })
	}
	return b
}

// TestConcurrentReplays: every report five times, from 50 goroutines at once, is
// as each of them once.
func TestConcurrentReplays(t *testing.T) { onEngines(t, concurrentReplays) }

func concurrentReplays(t *testing.T, open func() ledger.Book) {
	var reports []shop.Report
	for i := range 20 {
		number := fmt.Sprint(i)
		reports = append(reports, order(number, "", int64(1000+7*i), noon, []string{"anna15", "ben15", "nobody"}[i%3]),
			refund(number, "r1", int64(100+i), noon.Add(time.Hour)), refund(number, "r2", int64(33+i), noon.Add(2*time.Hour)))
	}
	once := openDeskOn(t, open(), nil)
	for _, r := range reports {
		once.take(r)
	}
	often := openDeskOn(t, open(), nil)
	var work sync.WaitGroup
	for n := range 50 {
		work.Go(func() {
			for i := range len(reports) / 10 { // 50 times a tenth is five times all
				r := reports[(i*53+n*6)%len(reports)]
				if _, err := often.Take(context.Background(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	for _, r := range reports { // whatever was not drawn
		often.take(r)
	}
	for _, pair := range [][2]ledger.Affiliate{{once.anna, often.anna}, {once.ben, often.ben}} {
		if want, got := once.balance(pair[0]), often.balance(pair[1]); want != got || want.Earned == 0 {
			t.Errorf("%s: %+v, want %+v", pair[0].Name, got, want)
		}
	}
}

// TestAnyRefunds: random partial refunds of random orders, told up to three times,
// in any order, from several at once, also before their order: each affiliate has
// earned half of what remains of each line, worked out here.
func TestAnyRefunds(t *testing.T) { onEngines(t, anyRefunds) }

func anyRefunds(t *testing.T, open func() ledger.Book) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 15))
		var told []shop.Report
		want := [2]int64{}
		for n := range 15 {
			who, number := r.IntN(2), fmt.Sprint(n)
			sold := order(number, "", 0, noon, []string{"anna15", "ben15"}[who])
			sold.Order.Lines = nil
			back := map[string]int64{}
			for i := range r.IntN(5) {
				line, amount := fmt.Sprint("l", r.IntN(3)), 1+r.Int64N(400)
				back[line] += amount
				part := refund(number, fmt.Sprint("r", i), 0, noon.Add(time.Duration(r.IntN(90))*time.Minute))
				part.Refund.Lines = []shop.RefundLine{{Line: line, Amount: amount}}
				told = append(told, part)
			}
			for i := range 3 {
				l := ledger.Line{ID: fmt.Sprint("l", i), Product: fmt.Sprint("p", i), Quantity: 1, Net: r.Int64N(1000)}
				sold.Order.Lines = append(sold.Order.Lines, l)
				want[who] += money.Share(max(0, l.Net-back[l.ID]), money.PPM/2)
			}
			told = append(told, sold)
		}
		for _, again := range told[:len(told):len(told)] {
			for range r.IntN(3) {
				told = append(told, again)
			}
		}
		r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		d := openDeskOn(t, open(), nil)
		var work sync.WaitGroup
		for part := range 8 {
			work.Go(func() {
				for i := part; i < len(told); i += 8 {
					if _, err := d.Take(context.Background(), told[i]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		if got := [2]int64{d.earned(d.anna), d.earned(d.ben)}; got != want {
			t.Errorf("seed %d: they earned %v, want %v", seed, got, want)
		}
	}
}
