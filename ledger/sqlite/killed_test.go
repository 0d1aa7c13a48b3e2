package sqlite

import (
	"testing"

	"footfall/ledger"
	"footfall/ledger/ledgertest"
)

func TestKilled(t *testing.T) {
	ledgertest.Killed(t, t.TempDir(), func(t testing.TB, dir string) ledger.Book { return opened(t, dir) }, nil)
}
