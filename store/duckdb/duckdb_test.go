package duckdb_test

import (
	"testing"
	"time"

	"footfall/store"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

func open(t *testing.T, dir string, now func() time.Time) *duckdb.Store {
	t.Helper()
	s, err := duckdb.Open(duckdb.Options{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLaw(t *testing.T) {
	storetest.Law(t, func(t *testing.T, dir string, now func() time.Time) store.Store { return open(t, dir, now) })
}
