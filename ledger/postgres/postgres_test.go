package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
	"testing"

	"footfall/engine/postgres/postgrestest"
	"footfall/ledger"
	"footfall/ledger/ledgertest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// schema is a name for a directory.
func schema(dir string) string {
	h := fnv.New64a()
	h.Write([]byte(dir))
	return fmt.Sprintf("t%x", h.Sum64())
}

func opened(t testing.TB, url string) *Book {
	t.Helper()
	b, err := Open(context.Background(), url, Options{})
	must(t, err)
	return b
}

func TestKeepsTheLaw(t *testing.T) {
	s := postgrestest.Start(t)
	ledgertest.Law(t, func(t *testing.T, dir string) ledger.Book { return opened(t, s.URL(schema(dir))) })
}

// TestManyBooks: changes of several processes, each with books of its own, are as
// if one after the other.
func TestManyBooks(t *testing.T) {
	s := postgrestest.Start(t)
	var all sync.WaitGroup
	for range 5 { // which also make the tables at once
		all.Go(func() {
			b := opened(t, s.URL("many"))
			defer b.Close()
			for range 8 {
				if err := b.Change(t.Context(), ledgertest.Earn); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	whole(t, s.URL("many"), 40)
}

// exactly checks that so many changes are there, and not one more.
func exactly(t *testing.T, tx ledger.Tx, changes int) error {
	p, err := tx.Traffic().Reading().Position()
	if p.Seq != uint64(changes) {
		t.Errorf("%d changes are there, want %d", p.Seq, changes)
	}
	return errors.Join(err, ledgertest.Recount(t, tx, changes))
}

// whole opens a ledger and checks that so many changes are there.
func whole(t *testing.T, url string, changes int) {
	t.Helper()
	b := opened(t, url)
	defer b.Close()
	must(t, b.View(context.Background(), func(tx ledger.Tx) error { return exactly(t, tx, changes) }))
}

// TestLongest keeps texts of the greatest length that the doors let in, which don't
// get shorter when they are packed: indexes of PostgreSQL take no more than 2,704
// bytes of a row.
func TestLongest(t *testing.T) {
	s := postgrestest.Start(t)
	b := opened(t, s.URL("long"))
	defer b.Close()
	long := func(n int) string {
		text := ""
		for len(text) < n {
			text += rand.Text()
		}
		return text[:n]
	}
	const id, word = 512, 64 // bytes of an id that a shop or a visitor has, of a code
	must(t, b.Change(t.Context(), func(tx ledger.Tx) error {
		order, program, affiliate := long(26), long(26), long(26)
		_, err := tx.Traffic().AddTouch(ledger.Touch{ID: long(id), Program: program, Affiliate: affiliate, Code: long(word), Site: long(id), Sub: long(word), Keys: []ledger.Key{ledger.Key(long(id))}, Counted: true, Landing: long(4096)})
		_, linked := tx.Traffic().Links().Add(ledger.Link{Program: program, A: ledger.Key(long(id)), B: ledger.Key(long(id))})
		_, told := tx.Orders().Facts().Add(ledger.Fact{Order: order, ID: long(3 * id)})
		return errors.Join(err, linked, told,
			tx.Orders().Put(ledger.Order{ID: order, Program: program, Site: long(id), Store: long(id), Number: long(id), Customer: ledger.Key(long(id)), Keys: []ledger.Key{ledger.Key(long(id))},
				Lines: []ledger.Line{{ID: long(id), Product: long(id), Name: long(4096)}}}, ledger.Name{Store: long(id), Kind: "transaction", Value: long(id)}),
			tx.Money().Post(ledger.Entry{ID: long(26), Program: program, Affiliate: affiliate, Site: long(id), Order: order, Line: long(id), Product: long(id), Kind: ledger.DisputeRelease, Currency: "EUR", Cause: long(3*id + 16)}))
	}))
}

// TestCut cuts the connection at each statement that a Change says, one after the
// other: nothing half is there, and the next Change is done.
func TestCut(t *testing.T) {
	s := postgrestest.Start(t)
	wire := s.Wire(t)
	b := opened(t, wire.URL("cut"))
	defer b.Close()
	done, cuts := 0, 0
	for _, statement := range []string{"pg_advisory_xact_lock", "SELECT epoch", "INSERT INTO facts", "INSERT INTO decisions", "SAVEPOINT part", "INSERT INTO order_names",
		"INSERT INTO orders", "INSERT INTO order_keys", "INSERT INTO order_lines", "INSERT INTO entries", "INSERT INTO payouts", "UPDATE entries", "INSERT INTO position", "commit\x00"} {
		for _, after := range []bool{false, true} {
			wire.Cut() // so that statements are said anew
			wire.CutAt(statement, after)
			for wire.Cuts() == cuts { // each third Change pays
				err := b.Change(t.Context(), ledgertest.Earn)
				// What is lost before a Change has begun is no trouble of its, and the
				// answer to a commit is looked up.
				told := err == nil
				if was := wire.Cuts() > cuts && statement != "pg_advisory_xact_lock" && (statement != "commit\x00" || !after); told == was {
					t.Errorf("cut at %q: %v", statement, err)
				}
				if told {
					done++
				}
				must(t, b.View(t.Context(), func(tx ledger.Tx) error { return exactly(t, tx, done) }))
			}
			cuts = wire.Cuts()
			must(t, b.Change(t.Context(), ledgertest.Earn))
			done++
		}
	}
	whole(t, s.URL("cut"), done)
}

// TestKilled kills the process and the server by turns.
func TestKilled(t *testing.T) {
	place, crash := "", (*ledgertest.Crash)(nil)
	if os.Getenv("FOOTFALL_TEST_LEDGER") == "" { // else this is the process
		s := postgrestest.Start(t)
		place, crash = s.URL("killed"), &ledgertest.Crash{End: s.Kill, Again: s.Again}
	}
	ledgertest.Killed(t, place, func(t testing.TB, url string) ledger.Book { return opened(t, url) }, crash)
}
