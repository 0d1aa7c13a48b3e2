package storetest_test

import (
	"testing"
	"time"

	"footfall/store"
	"footfall/store/storetest"
)

func TestModel(t *testing.T) {
	models := map[string]*storetest.Model{}
	storetest.Law(t, func(t *testing.T, dir string, now func() time.Time) store.Store {
		if models[dir] == nil {
			models[dir] = storetest.NewModel(now)
		}
		return models[dir]
	})
}
