package sqlite

import (
	"testing"

	"footfall/ledger"
	"footfall/ledger/ledgertest"
)

func opened(t testing.TB, dir string) *Book {
	t.Helper()
	b, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeepsTheLaw(t *testing.T) {
	ledgertest.Law(t, func(t *testing.T, dir string) ledger.Book { return opened(t, dir) })
}
