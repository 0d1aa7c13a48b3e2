package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
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
