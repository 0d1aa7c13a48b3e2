package ledgertest

import (
	"testing"

	"footfall/ledger"
)

// TestMemory holds the model against its own law; opened again, it is the same one.
func TestMemory(t *testing.T) {
	models := map[string]*Memory{}
	Law(t, func(_ *testing.T, dir string) ledger.Book {
		if models[dir] == nil {
			models[dir] = NewMemory()
		}
		return models[dir]
	})
}
