package historytest

import "testing"

// TestModel holds the model against its own law; opened again, it is the same
// one.
func TestModel(t *testing.T) {
	models := map[string]*Model{}
	Law(t, func(_ *testing.T, dir string) Keeper {
		if models[dir] == nil {
			models[dir] = NewModel()
		}
		return models[dir]
	})
}
