package binstest

import (
	"testing"

	"footfall/bins"
)

// TestDurableModel holds the model against its own law; opened again, it is the
// same one.
func TestDurableModel(t *testing.T) {
	models := map[string]*DurableModel{}
	Durable(t, func(_ *testing.T, dir string) bins.Durable {
		if models[dir] == nil {
			models[dir] = NewDurableModel()
		}
		return models[dir]
	})
}
